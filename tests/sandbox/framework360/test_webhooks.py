import hashlib
import hmac
import time

import pytest
import requests

from sandbox.framework360.contract import document

EVENTS = document()["components"]["schemas"]["WebhookEventName"]["enum"]


@pytest.fixture
def subscribe(site, receiver):
    def subscribed(*events, path="/hook"):
        answer = site.post("/webhooks/create", {"url": receiver.url + path, "events": list(events or EVENTS)})
        assert answer["status"] == 1, answer
        return answer["data"]

    return subscribed


def counts(site):
    return site.control.state()["webhooks"]


def settled(site, **wanted):
    """Wait until the counts of deliveries are as wanted."""
    end = time.monotonic() + 5
    while any(counts(site)[name] != value for name, value in wanted.items()):
        assert time.monotonic() < end, counts(site)
        time.sleep(0.01)


def person(site, path, **form):
    answer = requests.post(site.url + path, data=form, headers={"Origin": site.url}, timeout=5, allow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_a_subscription_shows_its_secret_once(site, subscribe, receiver):
    webhook = subscribe("customer.created")
    assert webhook["url"] == receiver.url + "/hook"
    assert webhook["events"] == ["customer.created"]
    assert len(webhook["secret"]) == 40


@pytest.mark.parametrize("url", ["http://example.com/hook", "ftp://127.0.0.1/hook", "https:///hook"])
def test_only_https_or_this_machine_can_receive(site, url):
    answer = site.post("/webhooks/create", {"url": url, "events": ["order.created"]})
    assert answer["error"] == "invalid_field"


@pytest.mark.parametrize("events", [[], ["customer.renamed"], ["customers"]])
def test_only_known_events_can_be_wanted(site, events):
    answer = site.post("/webhooks/create", {"url": "https://example.com/hook", "events": events})
    assert answer["error"] == "invalid_field"


def test_a_delivery_carries_the_record_as_it_is_read(site, subscribe, receiver):
    subscribe()
    customer = site.customer(site.created())
    product = site.added(sku="MAG")
    order = site.sold([{"type": "product", "id": product["id"], "quantity": 1}])
    bodies = {(body["event"], str(body["data"]["id"])): body for body in receiver.wait(3)}
    assert bodies["customer.created", customer["id"]]["data"] == customer
    assert bodies["product.created", product["id"]]["data"] == product
    assert bodies["order.created", order["id"]]["data"] == order
    body = bodies["customer.created", customer["id"]]
    assert set(body) == {"id", "event", "date", "site", "data"}


def test_changes_and_deletions_are_events_too(site, subscribe, receiver):
    customer_id, product = site.created(), site.added()
    order = site.sold([{"type": "product", "id": product["id"], "quantity": 1}])
    subscribe("customer.updated", "customer.deleted", "product.updated", "product.deleted", "order.updated")
    site.post("/customers/update", {"id": customer_id, "nome": "Adele"})
    site.changed(product, nome="Felpa")
    site.post("/orders/cancel", {"id": order["id"]})
    site.post("/customers/delete", {"id": customer_id})
    site.post("/products/delete", {"id": product["id"]})
    events = sorted(body["event"] for body in receiver.wait(5))
    assert events == ["customer.deleted", "customer.updated", "order.updated", "product.deleted", "product.updated"]
    deleted = next(body for body in receiver.wait(5) if body["event"] == "customer.deleted")
    assert deleted["data"] == {"id": customer_id}


def test_stock_moves_are_product_events(site, subscribe, receiver):
    product = site.added(sku="MAG", quantita=5)
    site.created()
    subscribe("product.updated")
    order = site.sold([{"type": "product", "id": product["id"], "quantity": 1}])
    site.post("/orders/cancel", {"id": order["id"]})
    site.post("/products/updateStock", {"items": [{"sku": "MAG", "quantita": 9}]})
    assert sorted(body["data"]["quantita"] for body in receiver.wait(3)) == [4, 5, 9]


def test_a_refused_write_and_a_second_cancel_are_no_events(site, subscribe, receiver):
    order = site.get("/orders/list")["data"][0]
    site.post("/orders/cancel", {"id": order["id"]})
    subscribe()
    site.post("/orders/cancel", {"id": order["id"]})
    site.post("/products/create", {"nome": "Maglia", "prezzo": -1})
    site.get("/products/list")
    site.created()
    assert [body["event"] for body in receiver.wait(1)] == ["customer.created"]
    assert counts(site)["delivered"] + counts(site)["waiting"] <= 1


def test_writes_of_the_api_may_be_silent_while_those_of_people_are_not(site, subscribe, receiver):
    site.control.set_options(webhook_echo=False)
    subscribe()
    site.created()
    person(site, "/people/new", nome="Bo", email="bo@example.com")
    body = receiver.wait(1)[0]
    assert (body["event"], body["data"]["email"]) == ("customer.created", "bo@example.com")
    settled(site, waiting=0, delivered=1)


def test_silent_writes_are_not_told_later(site, subscribe, receiver):
    site.control.set_options(webhook_echo=False)
    subscribe()
    site.created()
    site.control.set_options(webhook_echo=True)
    site.added()
    assert receiver.wait(1)[0]["event"] == "product.created"


def test_the_signature_is_that_of_the_raw_body(site, subscribe, receiver):
    secret = subscribe("customer.created")["secret"]
    site.created()
    receiver.wait(1)
    _, headers, body = receiver.received[0]
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Fw360-Signature"] == f"sha256={digest}"


def test_deliveries_can_be_unsigned(site, subscribe, receiver):
    site.control.set_options(webhook_signed=False)
    assert subscribe("customer.created")["secret"] is None
    site.created()
    receiver.wait(1)
    assert "X-Fw360-Signature" not in receiver.received[0][1]


def test_a_failed_delivery_is_repeated_with_the_same_id(site, subscribe, receiver):
    site.control.set_options(webhook_minute_seconds=0.01)
    receiver.statuses = [500, 301, 200]
    subscribe("customer.created")
    site.created()
    bodies = receiver.wait(3)
    assert bodies[0] == bodies[1] == bodies[2]
    settled(site, delivered=1, failed=2, waiting=0, given_up=0)


def test_three_repetitions_are_all(site, subscribe, receiver):
    site.control.set_options(webhook_minute_seconds=0.001)
    receiver.statuses = [500] * 9
    subscribe("customer.created")
    site.created()
    settled(site, failed=4, given_up=1, waiting=0)


def test_deliveries_can_come_twice(site, subscribe, receiver):
    site.control.set_options(webhook_duplicated=1)
    subscribe("customer.created")
    site.created()
    first, second = receiver.wait(2)
    assert first == second
    settled(site, delivered=2, duplicated=1, waiting=0)


def test_deliveries_can_be_lost(site, subscribe, receiver):
    site.control.set_options(webhook_lost=1.0)
    subscribe("customer.created")
    site.created()
    settled(site, lost=1, waiting=0, delivered=0)


def test_deliveries_can_be_out_of_order(site, subscribe, receiver):
    site.control.set_options(webhook_shuffled=True)
    subscribe("customer.created")
    created = [site.created(email=f"p{number}@example.com") for number in range(12)]
    arrived = [body["data"]["id"] for body in receiver.wait(12)]
    assert sorted(arrived) == sorted(created)
    assert arrived != created


def test_a_deleted_subscription_gets_nothing_more(site, subscribe, receiver):
    first, second = subscribe("customer.created", path="/a"), subscribe("customer.created", path="/b")
    assert site.post("/webhooks/delete", {"id": first["id"]})["status"] == 1
    assert site.post("/webhooks/delete", {"id": first["id"]})["error"] == "not_found"
    site.created()
    receiver.wait(1)
    settled(site, waiting=0, delivered=1, subscribed=1)
    assert [path for path, _, _ in receiver.received] == ["/b"]
    assert second["id"] != first["id"]


def test_a_reset_forgets_subscriptions(site, subscribe):
    subscribe()
    site.control.reset()
    assert counts(site)["subscribed"] == 0


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_can_be_tested(site, subscribe, receiver, event):
    webhook = subscribe(event)
    answer = site.get("/webhooks/test", id=webhook["id"], event=event)["data"]
    assert answer == {"delivered": True, "http_status": 200}
    assert receiver.wait(1)[0]["event"] == event


def test_a_test_tells_what_the_receiver_answered(site, subscribe, receiver):
    webhook = subscribe()
    receiver.statuses = [418]
    assert site.get("/webhooks/test", id=webhook["id"])["data"] == {"delivered": False, "http_status": 418}
    receiver.server_close()
    assert site.get("/webhooks/test", id=webhook["id"])["data"] == {"delivered": False, "http_status": None}
    assert site.get("/webhooks/test", id="999")["error"] == "not_found"
    assert site.get("/webhooks/test", id=webhook["id"], event="order.eaten")["error"] == "invalid_field"


def test_the_sandbox_never_delivers_to_another_machine(site):
    webhook = site.post("/webhooks/create", {"url": "https://example.com/hook", "events": EVENTS})["data"]
    assert site.get("/webhooks/test", id=webhook["id"])["data"] == {"delivered": False, "http_status": None}
    assert counts(site)["outside"] == 1


def test_webhooks_can_be_missing(site):
    site.control.set_options(capabilities_off=["webhooks"])
    assert site.raw("POST", "/webhooks/create", json={}).status_code == 404


def test_deliveries_never_hold_up_a_request(site, subscribe, receiver):
    subscribe()
    with receiver.arrived:  # the receiver cannot answer while this is held
        started = time.monotonic()
        site.added()
        site.get("/products/list")
        assert time.monotonic() - started < 5  # a delivery may take 10 s
        assert counts(site)["waiting"] == 1
    settled(site, waiting=0, delivered=1)
