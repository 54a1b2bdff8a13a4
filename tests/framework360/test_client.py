"""The HTTP client: what it sends, what it takes for success, which error each failure is, when it tries again."""

import threading
import time

import orjson
import pytest

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import address, wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.limiter import LocalLimiter, shared_limiter
from shopify_fw360.framework360.options import SiteOptions

OK = (200, {}, b'{"status": 1, "data": {"id": 7}}')


def made(url, waits=None, **options):
    limits = {"tries": 3, "timeout": 0.5, **options.pop("limits", {})}
    return Framework360Client(
        url,
        "secret-key",
        SiteOptions.parse({"limits": limits, **options}),
        limiter=LocalLimiter(10_000, 4, sleep=lambda _: None),
        sleep=(waits if waits is not None else []).append,
    )


def reply(body, http=200, headers=None):
    return http, headers or {}, orjson.dumps(body)


def failure(error, http=200, headers=None, **more):
    return reply({"status": 0, "error": error, **more}, http, headers)


# What is sent --------------------------------------------------------------------------------------------------------


def test_reading_calls_carry_key_and_query(scripted):
    site = scripted(OK)
    made(site.url).call(wire.CUSTOMERS_GET, {"email": "a+b@example.com"})
    method, path, headers, body = site.asked[0]
    assert (method, path, body) == ("GET", "/m/api/customers/get?email=a%2Bb%40example.com", b"")
    assert headers["X-Fw360-Key"] == "secret-key"
    assert headers["Accept"] == "application/json"


def test_writing_calls_carry_json(scripted):
    site = scripted(OK)
    made(site.url).call(wire.CUSTOMERS_UPDATE, {"id": "7", "tags": []})
    method, path, headers, body = site.asked[0]
    assert (method, path, orjson.loads(body)) == ("POST", "/m/api/customers/update", {"id": "7", "tags": []})
    assert headers["Content-Type"] == "application/json"


def test_a_call_can_be_switched_to_forms(scripted):
    site = scripted(OK)
    client = made(site.url, encoding={"calls": {"customers/update": "form"}})
    client.call(wire.CUSTOMERS_UPDATE, {"id": "7", "tags": ["a"], "marketing_active": True})
    _, _, headers, body = site.asked[0]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert body == b"id=7&tags%5B%5D=a&marketing_active=1"


def test_cookies_of_the_site_are_not_sent_back(scripted):
    site = scripted((200, {"Set-Cookie": "PHPSESSID=1"}, OK[2]))
    client = made(site.url)
    client.call(wire.CHECK)
    client.call(wire.CHECK)
    assert "Cookie" not in site.asked[1][2]


def test_one_connection_serves_many_calls(scripted):
    ports = []

    def answer(handler):
        ports.append(handler.client_address[1])
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(OK[2])))
        handler.end_headers()
        handler.wfile.write(OK[2])

    client = made(scripted(answer).url)
    for _ in range(5):
        client.call(wire.CHECK)
    assert len(ports) == 5
    assert len(set(ports)) == 1


# Success and failure -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [{"status": 1, "data": 5}, {"status": "1"}, {"status": True}, {"data": []}, {"status": 1, "error": ""}]
)
def test_success_needs_no_particular_status(scripted, body):
    assert made(scripted(reply(body)).url).call(wire.CHECK) == body


@pytest.mark.parametrize("status", [0, "0", False])
def test_a_status_of_zero_is_failure_under_http_200(scripted, status):
    with pytest.raises(SyncError) as caught:
        made(scripted(reply({"status": status, "error": "not_found"})).url).call(wire.CHECK)
    assert caught.value.code is errors.FW360_NOT_FOUND


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("invalid_api_key", errors.FW360_KEY),
        ("Invalid API key", errors.FW360_KEY),
        ("permission_denied", errors.FW360_PERMISSION),
        ("ENDPOINT_NOT_FOUND", errors.FW360_CAPABILITY),
        ("not_found", errors.FW360_NOT_FOUND),
        ("missing_parameter", errors.FW360_REJECTED),
        ("invalid_field", errors.FW360_REJECTED),
        ("email_exists", errors.FW360_EXISTS),
        ("too_many_requests", errors.FW360_THROTTLED),
        ("Boh", errors.FW360_UNAVAILABLE),
    ],
)
def test_error_codes_have_a_class(scripted, error, code):
    with pytest.raises(SyncError) as caught:
        made(scripted(failure(error)).url).call(wire.CUSTOMERS_GET)
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, errors.FW360_KEY),
        (403, errors.FW360_PERMISSION),
        (404, errors.FW360_CAPABILITY),
        (422, errors.FW360_REJECTED),
        (429, errors.FW360_THROTTLED),
        (500, errors.FW360_UNAVAILABLE),
        (502, errors.FW360_UNAVAILABLE),
        (200, errors.FW360_UNAVAILABLE),
    ],
)
def test_html_is_failure_and_the_http_status_tells_which(scripted, status, code):
    with pytest.raises(SyncError) as caught:
        made(scripted((status, {"Content-Type": "text/html"}, b"<html>")).url).call(wire.CUSTOMERS_GET)
    assert caught.value.code is code


def test_a_code_in_the_body_wins_over_the_http_status(scripted):
    with pytest.raises(SyncError) as caught:
        made(scripted(failure("not_found", 404)).url).call(wire.CUSTOMERS_GET)
    assert caught.value.code is errors.FW360_NOT_FOUND


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'{"status": 1', b"\xff\xfe", b"<html>"])
def test_what_is_no_json_object_is_failure(scripted, content):
    with pytest.raises(SyncError, match="SYNC-408"):
        made(scripted((200, {}, content)).url).call(wire.CHECK)


def test_a_text_of_the_site_can_be_given_a_meaning(scripted):
    client = made(
        scripted(failure("Campo non valido: cognome")).url, errors={"table": {"campo non valido": "invalid_field"}}
    )
    with pytest.raises(SyncError) as caught:
        client.call(wire.CUSTOMERS_UPDATE, {"id": "1", "cognome": "-"})
    assert caught.value.code is errors.FW360_REJECTED
    assert caught.value.field == "cognome"


def test_a_missing_permission_names_the_function_to_tick(scripted):
    with pytest.raises(SyncError, match="tick the function updatecustomer"):
        made(scripted(failure("permission_denied")).url).call(wire.CUSTOMERS_UPDATE)


def test_the_function_can_have_another_name_on_the_site(scripted):
    client = made(scripted(failure("permission_denied")).url, keys={"functions": {"customers/get": "leggi_clienti"}})
    with pytest.raises(SyncError, match="tick the function leggi_clienti"):
        client.call(wire.CUSTOMERS_GET)


def test_personal_data_that_the_site_quotes_stay_out_of_the_message(scripted):
    text = "cognome 'Esempio' o e-mail ada@example.com o telefono +39 333 1234567 non valido"
    site = scripted(failure("invalid_field", message=text))
    with pytest.raises(SyncError) as caught:
        made(site.url).call(wire.CUSTOMERS_UPDATE, {"id": "1", "cognome": "Esempio"})
    assert caught.value.field == "cognome"
    for datum in ("Esempio", "ada@", "333"):
        assert datum not in str(caught.value)


def test_neither_key_nor_query_appear_in_errors(scripted):
    def cut(handler):
        handler.wfile.write(b"nonsense\r\n\r\n")
        handler.close_connection = True

    client = made(scripted(cut).url)
    with pytest.raises(SyncError) as caught:
        client.call(wire.CUSTOMERS_GET, {"email": "ada@example.com"})
    assert "secret" not in repr(client)
    assert "ada" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(scripted, status):
    other = scripted(OK)
    site = scripted((status, {"Location": f"{other.url}/m/api/check"}, b""))
    with pytest.raises(SyncError, match="redirects to 127") as caught:
        made(site.url).call(wire.CUSTOMERS_UPDATE, {"id": "1"})
    assert caught.value.code is errors.CONNECTION_INVALID
    assert other.asked == []


# Trying again --------------------------------------------------------------------------------------------------------


def cut_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"status": 1, "da')
    handler.close_connection = True


def hang_up(handler):
    handler.close_connection = True


def silent(handler):
    time.sleep(0.8)
    handler.close_connection = True


FAULTS = [(503, {}, b"<html>"), (500, {}, b""), (200, {}, b"<html>"), cut_off, hang_up, silent]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", [wire.CUSTOMERS_GET, wire.CUSTOMERS_UPDATE])
def test_calls_that_can_be_repeated_are_repeated(scripted, fault, call):
    site, waits = scripted(fault, OK), []
    assert made(site.url, waits).call(call, {"id": "7"})["data"] == {"id": 7}
    assert len(site.asked) == 2
    assert len(waits) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_create_with_an_unclear_outcome_is_not_repeated(scripted, fault):
    site = scripted(fault, OK)
    with pytest.raises(SyncError) as caught:
        made(site.url).call(wire.CUSTOMERS_REGISTRATION, {"email": "a@b.it"})
    assert caught.value.code is errors.UNCLEAR_CREATE
    assert len(site.asked) == 1


def test_a_throttled_create_was_not_carried_out_and_is_repeated(scripted):
    site = scripted(failure("too_many_requests"), OK)
    assert made(site.url).call(wire.CUSTOMERS_REGISTRATION)["data"] == {"id": 7}


def test_a_create_that_never_reached_the_site_is_repeated(unused_port, scripted):
    waits = []
    with pytest.raises(SyncError) as caught:
        made(f"http://127.0.0.1:{unused_port}", waits).call(wire.CUSTOMERS_REGISTRATION)
    assert caught.value.code is errors.FW360_UNAVAILABLE
    assert len(waits) == 2


def test_a_refused_record_is_not_tried_again(scripted):
    site = scripted(failure("invalid_field"))
    with pytest.raises(SyncError, match="SYNC-405"):
        made(site.url).call(wire.CUSTOMERS_UPDATE)
    assert len(site.asked) == 1


def test_waits_grow_with_jitter_up_to_the_cap(scripted):
    waits = []
    client = made(scripted((503, {}, b"")).url, waits, limits={"tries": 7, "backoff": 1, "backoff_cap": 8})
    with pytest.raises(SyncError, match="SYNC-408"):
        client.call(wire.CHECK)
    longest = [1, 2, 4, 8, 8, 8]
    assert len(waits) == 6
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, longest, strict=True))


def test_the_site_may_say_how_long_to_wait(scripted):
    waits = []
    site = scripted(failure("too_many_requests", 429, {"Retry-After": "7"}), OK)
    made(site.url, waits).call(wire.CHECK)
    assert waits == [7.0]


def test_a_long_wait_is_left_to_the_queue(scripted):
    site = scripted(failure("too_many_requests", 429, {"Retry-After": "900"}))
    with pytest.raises(SyncError) as caught:
        made(site.url).call(wire.CHECK)
    assert (caught.value.code, caught.value.retry_after) == (errors.FW360_THROTTLED, 900.0)
    assert len(site.asked) == 1


# Limits --------------------------------------------------------------------------------------------------------------


def test_requests_are_spaced_evenly():
    now, waits = [100.0], []

    def sleep(seconds):
        waits.append(round(seconds, 6))
        now[0] += seconds

    limiter = LocalLimiter(2, 1, clock=lambda: now[0], sleep=sleep)
    for _ in range(4):
        with limiter.slot():
            now[0] += 0.1
    assert waits == [0.4, 0.4, 0.4]


def test_an_idle_time_earns_no_burst():
    now, waits = [0.0], []
    limiter = LocalLimiter(2, 1, clock=lambda: now[0], sleep=waits.append)
    with limiter.slot():
        now[0] += 60
    for _ in range(3):
        with limiter.slot():
            pass
    assert waits == [0.5, 1.0]


def test_a_pause_holds_all_callers():
    now, waits = [0.0], []
    limiter = LocalLimiter(100, 4, clock=lambda: now[0], sleep=waits.append)
    limiter.pause(30)
    with limiter.slot():
        pass
    assert waits == [30.0]


def test_never_more_requests_in_flight_than_allowed(site):
    site.control.set_latency(20)
    client = site.client(limits={"in_flight": 3})
    site.forget_calls()
    threads = [threading.Thread(target=client.call, args=(wire.CHECK,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics = site.control.metrics()
    assert metrics["operations"]["check"]["count"] == 12
    assert metrics["in_flight_max"] == 3


def test_clients_of_one_site_share_its_limits():
    one = shared_limiter("https://a.example/m/api", 2, 1)
    assert shared_limiter("https://a.example/m/api", 2, 1) is one
    assert shared_limiter("https://b.example/m/api", 2, 1) is not one


def test_a_closed_client_can_be_used_again(site):
    client = site.client()
    list(client.map(lambda _: client.call(wire.CHECK), range(3)))
    client.close()
    assert list(client.map(lambda _: client.call(wire.CHECK)["status"], range(2))) == [1, 1]


# Host and key --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("demo.framework360.site", "https://demo.framework360.site/m/api"),
        (" https://shop.example.it/ ", "https://shop.example.it/m/api"),
        ("https://shop.example.it:8443/m/api", "https://shop.example.it:8443/m/api"),
        ("http://127.0.0.1:8400", "http://127.0.0.1:8400/m/api"),
        ("http://[::1]:8400", "http://[::1]:8400/m/api"),
        ("http://localhost:8400", "http://localhost:8400/m/api"),
        ("https://città.example", "https://xn--citt-3na.example/m/api"),
    ],
)
def test_hosts_become_the_base_of_all_calls(host, url):
    assert address.api_url(host) == url


@pytest.mark.parametrize(
    "host",
    [
        "",
        "http://demo.framework360.site",
        "http://192.168.1.5",
        "ftp://a.example",
        "https://u:p@a.example",
        "a b.example",
        "https://a.example/other",
        "https://a.example?x=1",
        "https://a.example#x",
        "https://a_b.example",
        "https://[::1",
        "http://localhost.evil.example",
        "https://a.example:99999",
    ],
)
def test_other_hosts_are_refused(host):
    with pytest.raises(SyncError, match="SYNC-106"):
        address.api_url(host)


@pytest.mark.parametrize("key", [None, "", "  ", "a b", "a\nX-Other: 1", "chiàve"])
def test_a_key_must_fit_into_a_header(key):
    with pytest.raises(SyncError, match="SYNC-106"):
        Framework360Client("https://a.example", key)
