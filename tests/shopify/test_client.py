import gzip
import json
import pickle
import socket
import struct
import threading
import time

import pytest

from shopify_fw360.errors import (
    SHOPIFY_FILTER_IGNORED,
    SHOPIFY_QUERY,
    SHOPIFY_SCOPE,
    SHOPIFY_SHOP,
    SHOPIFY_THROTTLED,
    SHOPIFY_TOKEN,
    SHOPIFY_UNAVAILABLE,
    SHOPIFY_VERSION,
    UNCLEAR_CREATE,
    SyncError,
)
from shopify_fw360.shopify.budget import CostBudget, MemoryBudget
from shopify_fw360.shopify.client import Retries
from tests.shopify.helpers import client_for, json_answer, plain_answer, scripted

GOOD = {"data": {"shop": {"name": "One"}}}
FINE = json_answer(GOOD)


def run(client, *, idempotent=True):
    return client.execute("query Q { shop { name } }", operation_name="Q", idempotent=idempotent)


def error_of(client, **arguments):
    with pytest.raises(SyncError) as caught:
        run(client, **arguments)
    return caught.value


def reset(request):
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True


def hang(request):
    time.sleep(1.0)
    request.close_connection = True


def truncated(request):
    request.reply(200, b'{"data": {"sh', length=200)
    request.close_connection = True


def half_a_json(request):
    request.reply(200, b'{"data": {"sh')


def top_level(code, message="no", **extensions):
    return json_answer({"errors": [{"message": message, "extensions": {"code": code, **extensions}, "path": ["shop"]}]})


FAULTS = {
    "reset": reset,
    "truncated body": truncated,
    "incomplete JSON": half_a_json,
    "HTML": plain_answer(200, "<html>maintenance</html>"),
    "502": plain_answer(502, "<html>bad gateway</html>"),
    "520": plain_answer(520, ""),
    "internal error": top_level("INTERNAL_SERVER_ERROR"),
    "JSON that is no answer": json_answer(["a"]),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_query_is_repeated_after_a_fault(fault):
    with scripted(fault, fault, FINE) as server:
        assert run(client_for(server.url)) == GOOD["data"]
        assert len(server.bodies) == 3


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_mutation_that_must_not_be_repeated_is_not(fault):
    with scripted(fault, FINE) as server:
        error = error_of(client_for(server.url), idempotent=False)
        assert error.code is UNCLEAR_CREATE
        assert len(server.bodies) == 1


@pytest.mark.parametrize("fault", [top_level("THROTTLED"), plain_answer(429, "", Retry_After="0.5")])
def test_a_mutation_that_was_surely_not_executed_is_repeated(fault):
    with scripted(fault, FINE) as server:
        assert run(client_for(server.url), idempotent=False) == GOOD["data"]


def test_a_mutation_is_repeated_when_the_server_could_not_be_reached():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    slept = []
    error = error_of(client_for(url, sleep=slept.append), idempotent=False)
    assert error.code is SHOPIFY_UNAVAILABLE
    assert len(slept) == 3


def test_a_hanging_server_ends_in_the_read_timeout():
    with scripted(hang, FINE) as server:
        assert run(client_for(server.url, retries=Retries(read_timeout=0.1, first_wait=0))) == GOOD["data"]


def test_an_answer_that_trickles_ends_at_the_deadline():
    finished = threading.Event()

    def trickle(request):
        request.close_connection = True
        request.send_response(200)
        request.send_header("Content-Length", "200")
        request.end_headers()
        try:
            for _ in range(200):
                request.wfile.write(b" ")
                time.sleep(0.02)
        except OSError:
            return
        finished.set()

    with scripted(trickle, FINE) as server:
        assert run(client_for(server.url, retries=Retries(deadline=0.2, first_wait=0))) == GOOD["data"]
        assert not finished.is_set()


def test_attempts_end_and_waits_grow_within_their_bound():
    slept = []
    with scripted(plain_answer(503, "")) as server:
        retries = Retries(attempts=6, first_wait=1, longest_wait=5)
        error = error_of(client_for(server.url, retries=retries, sleep=slept.append, jitter=lambda: 0.0))
        assert len(server.bodies) == 6
    assert error.code is SHOPIFY_UNAVAILABLE
    assert slept == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(("asked", "waited"), [("7", 7), ("600", 30), ("", 0.01), ("soon", 0.01)])
def test_retry_after_is_kept_up_to_the_longest_wait(asked, waited):
    slept = []
    with scripted(plain_answer(429, "", Retry_After=asked), FINE) as server:
        run(client_for(server.url, sleep=slept.append, jitter=lambda: 0.0))
    assert slept == [waited]


def test_retry_after_may_be_a_date():
    slept = []
    with scripted(plain_answer(503, "", Retry_After="Tue, 24 Nov 2026 12:00:09 GMT"), FINE) as server:
        run(client_for(server.url, sleep=slept.append, jitter=lambda: 0.0, clock=lambda: 1795521600.0))
    assert slept == [9]


def test_a_throttled_call_waits_until_its_points_are_restored():
    status = {"maximumAvailable": 2000, "currentlyAvailable": 100, "restoreRate": 100}
    body = {
        "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
        "extensions": {"cost": {"requestedQueryCost": 500, "actualQueryCost": None, "throttleStatus": status}},
    }
    slept, waited = [], [0.0]
    budget = CostBudget("s", MemoryBudget(), clock=lambda: sum(waited), sleep=waited.append)
    with scripted(json_answer(body), FINE) as server:
        run(client_for(server.url, budget=budget, sleep=slept.append, jitter=lambda: 0.0))
    assert slept == [4]


STATUS = {
    400: SHOPIFY_QUERY,
    402: SHOPIFY_SHOP,
    403: SHOPIFY_SHOP,
    404: SHOPIFY_SHOP,
    423: SHOPIFY_SHOP,
    430: SHOPIFY_SHOP,
    301: SHOPIFY_SHOP,
    418: SHOPIFY_QUERY,
}


@pytest.mark.parametrize(("status", "code"), STATUS.items())
def test_a_refusal_by_status_is_not_repeated(status, code):
    with scripted(plain_answer(status, "{}", x_request_id="r-1")) as server:
        error = error_of(client_for(server.url))
        assert (error.code, len(server.bodies)) == (code, 1)
        assert "r-1" in str(error)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ACCESS_DENIED", SHOPIFY_SCOPE),
        ("SHOP_INACTIVE", SHOPIFY_SHOP),
        ("MAX_COST_EXCEEDED", SHOPIFY_QUERY),
        ("BAD_REQUEST", SHOPIFY_QUERY),
        ("undefinedField", SHOPIFY_QUERY),
    ],
)
def test_a_refusal_by_top_level_error_is_not_repeated(name, code):
    with scripted(top_level(name)) as server:
        error = error_of(client_for(server.url))
        assert (error.code, error.rule, error.field, len(server.bodies)) == (code, name, "shop", 1)


def test_a_denied_field_names_what_is_required():
    with scripted(top_level("ACCESS_DENIED", requiredAccess="`read_customers` access scope.")) as server:
        assert "read_customers" in str(error_of(client_for(server.url)))


def test_errors_may_be_a_plain_text():
    with scripted(json_answer({"errors": "Required parameter missing"})) as server:
        assert "Required parameter missing" in str(error_of(client_for(server.url)))


def test_denied_data_is_an_error_even_beside_data():
    body = GOOD | {"errors": [{"message": "no", "extensions": {"code": "ACCESS_DENIED"}}]}
    with scripted(json_answer(body)) as server:
        assert error_of(client_for(server.url)).code is SHOPIFY_SCOPE


def test_an_ignored_filter_is_an_error():
    warning = {"field": "updted_at", "message": "Invalid search field for this query.", "code": "invalid_field"}
    body = GOOD | {"extensions": {"search": [{"path": ["customers"], "warnings": [warning]}]}}
    with scripted(json_answer(body)) as server:
        error = error_of(client_for(server.url))
    assert (error.code, error.field, error.rule) == (SHOPIFY_FILTER_IGNORED, "updted_at", "invalid_field")


def test_another_api_version_is_an_error():
    with scripted(json_answer(GOOD, X_Shopify_API_Version="2027-01")) as server:
        error = error_of(client_for(server.url))
    assert error.code is SHOPIFY_VERSION
    assert "2026-10" in error.message
    assert "2027-01" in error.message


def test_a_version_that_is_none_is_refused_before_any_call():
    with pytest.raises(SyncError) as caught:
        client_for("http://127.0.0.1:1", api_version="2026-11")
    assert caught.value.code is SHOPIFY_VERSION


def test_a_refused_static_token_is_an_error_at_once():
    with scripted(plain_answer(401, "")) as server:
        error = error_of(client_for(server.url))
        assert (error.code, len(server.bodies)) == (SHOPIFY_TOKEN, 1)


def test_secrets_and_personal_data_stay_out_of_errors():
    with scripted(top_level("BAD_REQUEST", "ada@example.com or +39 06 1234567 is wrong")) as server:
        text = str(error_of(client_for(server.url)))
    assert "ada@" not in text
    assert "1234567" not in text
    assert "secret-token" not in text


def test_an_error_survives_the_way_to_another_process():
    with scripted(top_level("THROTTLED")) as server:
        error = error_of(client_for(server.url, retries=Retries(attempts=1)))
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.code, str(copy), copy.retry_after) == (SHOPIFY_THROTTLED, str(error), error.retry_after)


def test_the_budget_is_settled_whatever_happens():
    backend = MemoryBudget()
    budget = CostBudget("s", backend, sleep=lambda _: None)
    with scripted(reset, plain_answer(502, ""), half_a_json, top_level("BAD_REQUEST")) as server:
        error_of(client_for(server.url, budget=budget))
    assert backend.state("s").in_flight == 0


def test_a_request_carries_token_variables_and_operation():
    with scripted(FINE) as server:
        client = client_for(server.url)
        client.execute("query Q($a: Int) { a }", {"a": 1}, operation_name="Q", idempotent=True)
        sent = json.loads(server.bodies[0])
        assert sent == {"query": "query Q($a: Int) { a }", "variables": {"a": 1}, "operationName": "Q"}
        assert server.headers[0]["X-Shopify-Access-Token"] == "secret-token"
        assert "gzip" in server.headers[0]["Accept-Encoding"]


def test_a_compressed_answer_is_read():
    body = gzip.compress(json.dumps({"data": {"text": "x" * 200_000}}).encode())
    with scripted(lambda request: request.reply(200, body, {"Content-Encoding": "gzip"})) as server:
        assert len(run(client_for(server.url))["text"]) == 200_000


def test_a_damaged_compressed_answer_is_repeated():
    broken = gzip.compress(b"x" * 9_000)[:40]
    with scripted(lambda request: request.reply(200, broken, {"Content-Encoding": "gzip"}), FINE) as server:
        assert run(client_for(server.url)) == GOOD["data"]


def test_a_client_serves_many_threads():
    with scripted(FINE) as server:
        client, results = client_for(server.url), []
        threads = [threading.Thread(target=lambda: results.append(run(client))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [GOOD["data"]] * 8
