"""Telling people of alerts: the place is a connection, a message goes out once, and nothing fails because of it."""

import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shopify_fw360.airflow.notify import SyncNotifier, deadline, deadline_missed, tell
from shopify_fw360.airflow.upkeep import tell_alerts
from shopify_fw360.errors import SyncError

pytestmark = pytest.mark.airflow


@contextmanager
def place(status=200):
    """Take messages as Slack does."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/services/a-secret", taken
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def point_to(monkeypatch):
    def set_connection(**fields):
        monkeypatch.setenv("AIRFLOW_CONN_SYNC_ALERTS", json.dumps({"conn_type": "http", **fields}))

    return set_connection


def test_without_a_connection_nobody_is_told(deployment):
    assert tell("something") is False


@pytest.mark.parametrize("field", ["host", "password"])
def test_a_message_is_posted_to_the_address_of_the_connection(point_to, field):
    with place() as (url, taken):
        point_to(**{field: url})
        assert tell("Orders are late.")
    assert taken == [{"text": "Shopify and Framework360: Orders are late."}]


def test_a_place_that_refuses_is_told_without_its_address(point_to):
    with place(403) as (url, _):
        point_to(password=url)
        with pytest.raises(SyncError, match="HTTP 403") as caught:
            tell("Orders are late.")
    assert "a-secret" not in str(caught.value)


def test_a_connection_without_a_place_names_the_field(point_to):
    point_to(host="hooks.example.com")
    with pytest.raises(SyncError, match="https address"):
        tell("Orders are late.")


def test_mail_goes_to_the_addresses_of_the_connection(point_to, monkeypatch):
    sent = []

    class Server:
        def __init__(self, **_):
            pass

        def sendmail(self, from_addr, to_addrs, msg, **_):
            sent.append((to_addrs, message_from_bytes(msg.encode())))

        def close(self):
            pass

        def __getattr__(self, _name):
            return lambda *_, **__: None

    monkeypatch.setattr("smtplib.SMTP", Server)
    extra = {"to": ["anna@example.com"], "from_email": "sync@example.com", "disable_ssl": True, "disable_tls": True}
    point_to(conn_type="smtp", host="mail.example.com", port=25, extra=extra)
    assert tell("Orders are <late>.")
    (to, message), *more = sent
    assert (list(to), more) == (["anna@example.com"], [])
    assert "Orders are <late>." in str(message["Subject"])
    body = next(part for part in message.walk() if part.get_content_type() == "text/html")
    assert b"&lt;late&gt;" in body.get_payload(decode=True)


def test_an_alert_is_told_once_and_again_when_it_comes_back(deployment, point_to):
    with place() as (url, taken):
        point_to(host=url)
        with deployment.store.begin() as tx:
            tx.raise_alert("late.orders", "Orders are late.")
        assert tell_alerts() == {"told": 1, "waiting": 0}
        assert tell_alerts() == {"told": 0, "waiting": 0}
        with deployment.store.begin() as tx:
            tx.end_alert("late.orders")
            tx.raise_alert("late.orders", "Orders are late again.")
        assert tell_alerts()["told"] == 1
    assert [one["text"].partition(": ")[2] for one in taken] == ["Orders are late.", "Orders are late again."]


def test_an_alert_waits_while_the_place_does_not_answer(deployment, point_to):
    point_to(host="http://127.0.0.1:9")
    with deployment.store.begin() as tx:
        tx.raise_alert("late.orders", "Orders are late.")
    assert tell_alerts() == {"told": 0, "waiting": 1}
    with place() as (url, taken):
        point_to(host=url)
        assert tell_alerts() == {"told": 1, "waiting": 0}
    assert len(taken) == 1


def test_the_notifier_of_airflow_carries_its_message(point_to):
    with place() as (url, taken):
        point_to(host=url)
        SyncNotifier("{{ what }} has failed").__call__({"what": "the run"})
    assert taken[0]["text"].endswith("the run has failed")


def test_a_notifier_that_reaches_nobody_fails_nothing(point_to):
    point_to(host="http://127.0.0.1:9")
    SyncNotifier("x").notify({})


def test_a_missed_deadline_names_the_run(point_to):
    with place() as (url, taken):
        point_to(host=url)
        deadline_missed(minutes=30, context={"dag_run": {"dag_id": "orders", "run_id": "scheduled__1"}})
    assert "orders scheduled__1 is not over 30 minutes after it was queued" in taken[0]["text"]


def test_a_flow_takes_a_deadline_that_airflow_can_keep():
    from airflow.serialization.serialized_objects import DagSerialization

    from shopify_fw360.airflow.dag import flow_dag
    from shopify_fw360.settings import ALL_FLOWS

    dag = flow_dag(ALL_FLOWS[0], None, deadline=deadline(timedelta(minutes=30)))
    assert "deadline_missed" in json.dumps(DagSerialization.to_dict(dag), default=str)
