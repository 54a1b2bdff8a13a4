"""The receiver as a server of its own, asked over real sockets."""

import hashlib
import hmac
import json
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from shopify_fw360.records import Entity, EventTask, Flow, Operation, Origin, PrivacyKind, System
from shopify_fw360.store import Store, Subscription
from shopify_fw360.store.sealing import seal
from shopify_fw360.store.subscriptions import token_digest
from tests.web.live import KEY, OLD_SECRET, SECRET, SHOP, customer, headers, receiver, signature

TOKEN = "an unguessable token".replace(" ", "-")
SIGNING = "the secret of the subscription"


def new_store(path):
    store = Store.open(f"sqlite:///{path}")
    store.upgrade()
    return store


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("receiver")
    store = new_store(folder / "store.db")
    subscribe(store, "8", TOKEN, None)
    with receiver(f"sqlite:///{folder / 'store.db'}", folder / "log") as running:
        running.store = store
        yield running
    store.close()


def subscribe(store, remote_id, token, signing):
    secret = seal(KEY, {"token": token, "signing": signing})
    with store.begin() as tx:
        tx.save_subscription(
            Subscription(
                System.FRAMEWORK360, remote_id, ("customer.updated",), "https://x/", token_digest(token), secret
            )
        )


def queued(live, source_id):
    with live.store.read() as tx:
        return [row for row in tx.queued(limit=100_000) if row.source_id == source_id]


def deliveries(live):
    with live.store.read() as tx:
        return sum(row.deliveries for row in tx.count_events(datetime(2026, 1, 1, tzinfo=UTC)))


def rows(live):
    with live.store.read() as tx:
        events = sum(row.events for row in tx.count_events(datetime(2026, 1, 1, tzinfo=UTC)))
        return events, tx.pending().open, tx.open_event_tasks(), len(tx.privacy_requests())


def test_a_delivery_is_in_the_queue_once_it_is_acknowledged(live):
    body = customer()
    assert live.send(body=body) == (200, "accepted")
    (row,) = queued(live, json.loads(body)["admin_graphql_api_id"])
    assert (row.flow, row.origin, row.operation) == (
        Flow(Entity.CUSTOMER, System.SHOPIFY),
        Origin.WEBHOOK,
        Operation.UPSERT,
    )


def test_a_repetition_is_acknowledged_and_changes_nothing(live):
    body, event = customer(), str(uuid.uuid4())
    assert live.send(body=body, **{"X-Shopify-Event-Id": event}) == (200, "accepted")
    before = rows(live)
    for _ in range(3):
        assert live.send(body=body, **{"X-Shopify-Event-Id": event}) == (200, "duplicate")
    assert rows(live) == before


def test_ten_thousand_repetitions_at_once_are_one_row(live):
    body, event = customer(), str(uuid.uuid4())
    given = headers(body, **{"X-Shopify-Event-Id": event})
    before, counted = rows(live), deliveries(live)
    lines = [f"{name}: {value}" for name, value in given.items()]
    request = (
        "\r\n".join(
            ["POST /sync/webhooks/shopify HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *lines]
        ).encode()
        + b"\r\n\r\n"
        + body
    )

    def repeat(times):
        with socket.create_connection(("127.0.0.1", live.port)) as connection, connection.makefile("rb") as answers:
            for _ in range(times):
                connection.sendall(request)
                assert b" 200 " in answers.readline()
                while (line := answers.readline().lower()) != b"\r\n":
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                answers.read(length)

    with ThreadPoolExecutor(20) as senders:
        list(senders.map(repeat, [500] * 20))
    assert deliveries(live) - counted == 10_000
    events, pending, *rest = rows(live)
    assert (events - before[0], pending - before[1], tuple(rest)) == (1, 1, before[2:])


def test_a_burst_on_one_record_waits_once(live):
    body = customer()
    for _ in range(20):
        assert live.send(body=body) == (200, "accepted")
    assert len(queued(live, json.loads(body)["admin_graphql_api_id"])) == 1


def test_a_deletion_waits_to_be_verified(live):
    body = json.dumps({"id": 424242}).encode()
    assert live.send("customers/delete", body) == (200, "accepted")
    (row,) = queued(live, "gid://shopify/Customer/424242")
    assert row.operation is Operation.DELETE


def test_the_secret_before_the_present_one_still_counts(live):
    body = customer()
    assert live.send(body=body, **{"X-Shopify-Hmac-Sha256": signature(body, OLD_SECRET)}) == (200, "accepted")


def test_the_newer_events_are_taken_too(live):
    body = json.dumps({"product": {"id": "gid://shopify/Product/77"}}).encode()
    given = {
        "Content-Type": "application/json",
        "shopify-hmac-sha256": signature(body),
        "shopify-topic": "Product",
        "shopify-action": "update",
        "shopify-shop-domain": SHOP,
        "shopify-webhook-id": str(uuid.uuid4()),
        "shopify-resource-id": "gid://shopify/Product/77",
    }
    answer = live.post(body, given)
    assert (answer.status_code, answer.json()["result"]) == (200, "accepted")
    assert len(queued(live, "gid://shopify/Product/77")) == 1


def test_a_topic_of_no_use_is_acknowledged_and_leaves_nothing(live):
    before = rows(live)
    assert live.send("carts/update") == (200, "ignored")
    assert rows(live) == before


@pytest.mark.parametrize(
    ("topic", "body", "kind"),
    [
        (
            "customers/redact",
            {
                "shop_id": 1,
                "shop_domain": SHOP,
                "customer": {"id": 5, "email": "x@example.com"},
                "orders_to_redact": [1],
            },
            PrivacyKind.CUSTOMER_REDACT,
        ),
        (
            "customers/data_request",
            {"shop_id": 1, "shop_domain": SHOP, "customer": {"id": 5}, "data_request": {"id": 9}},
            PrivacyKind.CUSTOMER_DATA,
        ),
        ("shop/redact", {"shop_id": 1, "shop_domain": SHOP}, PrivacyKind.SHOP_REDACT),
    ],
)
def test_requests_about_personal_data_are_kept_and_not_staged(live, topic, body, kind):
    pending = rows(live)[1]
    assert live.send(topic, json.dumps(body).encode()) == (200, "accepted")
    with live.store.read() as tx:
        assert kind in {request.kind for request in tx.privacy_requests()}
    assert rows(live)[1] == pending


def test_the_end_of_the_app_waits_as_a_task(live):
    body = json.dumps({"id": 1, "myshopify_domain": SHOP}).encode()
    assert live.send("app/uninstalled", body) == (200, "accepted")
    with live.store.begin() as tx:
        tasks = tx.claim_event_tasks(100, timedelta(seconds=0))
    assert EventTask.APP_UNINSTALLED in {task.task for task in tasks}


class TestRefusals:
    @pytest.fixture(autouse=True)
    def _leaves_nothing(self, live):
        before = rows(live), deliveries(live)
        yield
        assert (rows(live), deliveries(live)) == before

    @pytest.mark.parametrize("wrong", [None, "", "x", signature(b"other"), signature(customer(1), "another secret")])
    def test_a_wrong_signature(self, live, wrong):
        assert live.send(body=customer(1), **{"X-Shopify-Hmac-Sha256": wrong}) == (401, "unauthorized")

    def test_a_body_changed_on_the_way(self, live):
        body = customer()
        answer = live.post(body + b" ", headers(body))
        assert answer.status_code == 401

    def test_another_shop(self, live):
        assert live.send(**{"X-Shopify-Shop-Domain": "other.myshopify.com"}) == (401, "unauthorized")

    @pytest.mark.parametrize("kind", [None, "text/plain", "application/xml", "multipart/form-data"])
    def test_another_content_type(self, live, kind):
        assert live.send(**{"Content-Type": kind}) == (415, "wrong_content_type")

    def test_a_charset_is_no_other_content_type(self, live):
        body = b"[]"
        assert live.send(body=body, **{"Content-Type": "application/json; charset=utf-8"}) == (400, "malformed")

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"id": "x"}'])
    def test_a_body_that_says_nothing(self, live, body):
        assert live.send(body=body) == (400, "malformed")

    @pytest.mark.parametrize("topic", [None, "", "customers"])
    def test_no_topic(self, live, topic):
        assert live.send(**{"X-Shopify-Topic": topic}) == (400, "topic")

    def test_a_delivery_of_last_week(self, live):
        moment = (datetime.now(UTC) - timedelta(days=7)).isoformat()
        assert live.send(**{"X-Shopify-Triggered-At": moment}) == (400, "stale")

    def test_an_announced_size_beyond_the_limit_is_not_read(self, live):
        with socket.create_connection(("127.0.0.1", live.port)) as connection:
            connection.sendall(_head(Content_Length=str(2**40)))
            assert b" 413 " in connection.recv(200)

    def test_a_body_that_grows_beyond_the_limit_is_cut_off(self, live):
        with socket.create_connection(("127.0.0.1", live.port)) as connection, connection.makefile("rb") as answers:
            connection.sendall(_head(Transfer_Encoding="chunked"))
            part = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
            for _ in range(40):
                try:
                    connection.sendall(part)
                except ConnectionError:
                    break
            assert b" 413 " in answers.readline()

    def test_a_body_that_does_not_come_is_not_waited_for(self, live):
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", live.port)) as connection:
            connection.settimeout(20)
            connection.sendall(_head(Content_Length="100") + b"{")
            assert b" 408 " in connection.recv(200)
        assert time.monotonic() - began >= 5

    def test_a_sender_that_goes_away_harms_nobody(self, live):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", live.port)) as connection:
                connection.sendall(_head(Content_Length="100") + b"{")
        assert live.session.get(f"{live.url}/health", timeout=5).status_code == 200

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
    def test_another_method(self, live, method):
        assert live.session.request(method, f"{live.url}/shopify", timeout=5).status_code == 405

    @pytest.mark.parametrize("path", ["", "docs", "openapi.json", "framework360", "framework360/", "shopify/x", "../"])
    def test_another_path(self, live, path):
        assert live.session.post(f"{live.url}/{path}", json={}, timeout=5).status_code == 404

    def test_nobody_learns_why(self, live):
        for answer in (
            live.send(**{"X-Shopify-Hmac-Sha256": "x"}),
            live.send(**{"X-Shopify-Shop-Domain": "other.myshopify.com"}),
        ):
            assert answer == (401, "unauthorized")


def _head(**given):
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return "\r\n".join(
        ["POST /sync/webhooks/shopify HTTP/1.1", "Host: x", "Content-Type: application/json", *lines, "", ""]
    ).encode()


class TestFramework360:
    def deliver(self, live, content, token=TOKEN, kind="application/json", **more):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        answer = live.post(body, {"Content-Type": kind, **more}, f"framework360/{token}")
        return answer.status_code, answer.json()["result"]

    def content(self, record_id, delivery=None):
        return {"id": delivery or str(uuid.uuid4()), "event": "customer.updated", "data": {"id": record_id}}

    def test_the_token_in_the_path_is_enough_where_nothing_is_signed(self, live):
        assert self.deliver(live, self.content(101)) == (200, "accepted")
        (row,) = queued(live, "101")
        assert row.flow == Flow(Entity.CUSTOMER, System.FRAMEWORK360)

    def test_a_repetition(self, live):
        content = self.content(102)
        assert self.deliver(live, content) == (200, "accepted")
        assert self.deliver(live, content) == (200, "duplicate")

    def test_a_form_is_read_as_well(self, live):
        body = b"event=customer.updated&data%5Bid%5D=103"
        assert self.deliver(live, body, kind="application/x-www-form-urlencoded") == (200, "accepted")
        assert len(queued(live, "103")) == 1

    @pytest.mark.parametrize("token", ["x", TOKEN + "x", TOKEN[:-1], "%00", "..", "x" * 5000])
    def test_another_token(self, live, token):
        before = rows(live)
        body = json.dumps(self.content(104)).encode()
        answer = live.post(body, {"Content-Type": "application/json"}, f"framework360/{token}")
        assert answer.status_code in (401, 404)
        assert rows(live) == before

    def test_the_token_never_reaches_the_log(self, live):
        self.deliver(live, self.content(105))
        assert TOKEN not in live.log.read_text()

    def test_what_is_not_understood_is_kept_for_study_without_its_values(self, live):
        assert self.deliver(live, {"cliente": {"mail": "ada@example.com"}}) == (200, "accepted")
        with live.store.begin() as tx:
            tasks = tx.claim_event_tasks(100, timedelta(seconds=0))
        (task,) = [task for task in tasks if task.task is EventTask.STUDY]
        assert task.data == {"shape": {"cliente": {"mail": "text"}}}

    @pytest.mark.parametrize(("body", "kind"), [(b"{", "application/json"), (b"", "application/x-www-form-urlencoded")])
    def test_a_body_that_is_none(self, live, body, kind):
        before = rows(live)
        assert self.deliver(live, body, kind=kind) == (400, "malformed")
        assert rows(live) == before

    def test_a_new_subscription_counts_at_once_and_its_signature_is_asked_for(self, live):
        subscribe(live.store, "9", "another-token", SIGNING)
        time.sleep(1.1)
        body = json.dumps(self.content(106)).encode()
        good = "sha256=" + hmac.new(SIGNING.encode(), body, hashlib.sha256).hexdigest()
        assert self.deliver(live, body, "another-token") == (401, "unauthorized")
        assert self.deliver(live, body, "another-token", **{"X-Fw360-Signature": "sha256=" + "0" * 64})[0] == 401
        assert self.deliver(live, body, "another-token", **{"X-Fw360-Signature": good}) == (200, "accepted")


class TestAccessLog:
    def test_each_delivery_leaves_a_line_without_personal_data(self, live):
        body = json.dumps({"id": 31337, "email": "ada@example.com", "first_name": "Ada"}).encode()
        live.send(body=body)
        line = live.access_lines()[-1]
        assert (line["system"], line["topic"], line["status"], line["result"]) == (
            "shopify",
            "customers/update",
            200,
            "accepted",
        )
        assert line["bytes"] == len(body)
        assert line["ms"] > 0
        assert not {"ada@example.com", "Ada", "31337", "127.0.0.1"} & set(json.dumps(line).split('"'))

    def test_a_refused_delivery_says_why_and_repeats_no_text_of_a_stranger(self, live):
        live.send("evil/topic", **{"X-Shopify-Hmac-Sha256": "x"})
        line = live.access_lines()[-1]
        assert (line["status"], line["result"], line["topic"]) == (401, "signature", None)
        assert "evil" not in json.dumps(line)


def test_it_tells_that_it_is_well(live):
    answer = live.session.get(f"{live.url}/health", timeout=5)
    assert (answer.status_code, answer.json()) == (200, {"result": "ok"})


class TestTrouble:
    def test_without_its_table_deliveries_are_to_come_again(self, tmp_path):
        store = new_store(tmp_path / "store.db")
        with receiver(f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "log") as live:
            assert live.send() == (200, "accepted")
            with store.connect() as connection:
                connection.exec_driver_sql("ALTER TABLE webhook_event RENAME TO gone")
            assert live.send() == (503, "no_store")
            with store.connect() as connection:
                connection.exec_driver_sql("ALTER TABLE gone RENAME TO webhook_event")
            assert live.send() == (200, "accepted")
        store.close()

    def test_a_store_that_hangs_is_not_waited_for(self, tmp_path):
        store = new_store(tmp_path / "store.db")
        with receiver(f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "log") as live:
            assert live.send() == (200, "accepted")
            with store.begin():
                assert live.send() == (503, "slow_store")
            assert live.send() == (200, "accepted")
        store.close()

    @pytest.mark.parametrize(
        ("environment", "named"),
        [
            ({"SYNC_SHOP": "nonsense"}, "SYNC_SHOP"),
            ({"SYNC_SHOPIFY_SECRETS": " , "}, "SYNC_SHOPIFY_SECRETS"),
            ({"SYNC_STORE_URL": ""}, "SYNC_STORE_URL"),
            ({"SYNC_STORE_URL": "mysql://x/y"}, "SYNC-106"),
        ],
    )
    def test_it_does_not_start_with_settings_that_cannot_work(self, tmp_path, environment, named):
        new_store(tmp_path / "store.db").close()
        with (
            pytest.raises(AssertionError, match=named),
            receiver(f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "log", **environment),
        ):
            pass

    def test_connections_in_airflows_form_will_do(self, tmp_path):
        new_store(tmp_path / "store.db").close()
        shop = {"conn_type": "shopify", "host": SHOP, "password": SECRET}
        store = {"conn_type": "sync_store", "host": f"sqlite:///{tmp_path / 'store.db'}"}
        environment = {
            "SYNC_SHOP": "",
            "SYNC_SHOPIFY_SECRETS": "",
            "SYNC_STORE_URL": "",
            "AIRFLOW_CONN_SHOPIFY_DEFAULT": json.dumps(shop),
            "AIRFLOW_CONN_SYNC_STORE": json.dumps(store),
        }
        with receiver("", tmp_path / "log", **environment) as live:
            assert live.send() == (200, "accepted")
