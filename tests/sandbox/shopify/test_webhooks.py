"""Deliveries over real HTTP."""

import base64
import hashlib
import hmac
import json
import time

import pytest


@pytest.fixture
def subscribe(shop, operation_text, inbox):
    def create(topic="CUSTOMERS_UPDATE", **given):
        given = {"uri": inbox.url, **given}
        payload = shop.data(operation_text("19"), {"topic": topic, "sub": given}, "WebhookCreate")
        return payload["webhookSubscriptionCreate"]

    return create


@pytest.fixture
def ada(shop):
    return shop.create(email="ada@example.com", firstName="Ada", tags=["x"])


def change(shop, gid, **given):
    shop.mutate("customerUpdate", {"input": {"id": gid, **given}}, "customer { id }", input="CustomerInput!")


def subscriptions(shop):
    return shop.control.state()["records"]["WebhookSubscription"]


def test_a_change_arrives_signed_with_every_header(shop, subscribe, ada, inbox):
    subscribe(name="sync")
    change(shop, ada, note="hello")
    headers, body = inbox.take()
    digest = base64.b64encode(hmac.new(b"sandbox-secret", body, hashlib.sha256).digest()).decode()
    assert headers["x-shopify-hmac-sha256"] == digest
    assert headers["x-shopify-topic"] == "customers/update"
    assert headers["x-shopify-shop-domain"] == "sandbox-shop.myshopify.com"
    assert headers["x-shopify-api-version"] == "2026-10"
    assert headers["x-shopify-name"] == "sync"
    assert all(headers[f"x-shopify-{name}"] for name in ("webhook-id", "event-id", "triggered-at"))


def test_a_body_is_rest_shaped_and_carries_no_tags_or_consent(shop, subscribe, ada, inbox):
    subscribe()
    change(shop, ada, note="hello")
    body = json.loads(inbox.take()[1])
    assert body["admin_graphql_api_id"] == ada
    assert str(body["id"]) == ada.rsplit("/", 1)[1]
    assert (body["first_name"], body["note"]) == ("Ada", "hello")
    assert not {"tags", "email_marketing_consent", "orders_count"} & set(body)


def test_include_fields_cut_the_body(shop, subscribe, ada, inbox):
    subscribe(includeFields=["id", "updated_at"])
    change(shop, ada, note="hello")
    assert set(json.loads(inbox.take()[1])) == {"id", "updated_at"}


def test_a_filter_lets_only_matching_bodies_through(shop, subscribe, ada, inbox):
    subscribe(filter="first_name:Eve")
    change(shop, ada, note="unheard")
    change(shop, ada, firstName="Eve")
    assert json.loads(inbox.take()[1])["first_name"] == "Eve"


@pytest.mark.parametrize(
    ("topic", "act"),
    [
        ("CUSTOMERS_CREATE", lambda shop, _: shop.create(email="new@example.com")),
        ("CUSTOMER_TAGS_ADDED", lambda shop, gid: change(shop, gid, tags=["x", "y"])),
        ("CUSTOMER_TAGS_REMOVED", lambda shop, gid: change(shop, gid, tags=["y"])),
        (
            "CUSTOMERS_DELETE",
            lambda shop, gid: shop.data(
                "mutation($id: ID!) { customerDelete(input: {id: $id}) { deletedCustomerId } }", {"id": gid}
            ),
        ),
    ],
)
def test_each_event_has_its_topic(shop, subscribe, ada, inbox, topic, act):
    subscribe(topic)
    act(shop, ada)
    assert inbox.take()[0]["x-shopify-topic"].replace("/", "_").replace(".", "_").upper() == topic


def test_two_subscriptions_hear_of_one_event_with_one_event_id(shop, subscribe, ada, inbox):
    subscribe(uri=inbox.url + "/a")
    subscribe(uri=inbox.url + "/b")
    change(shop, ada, note="hello")
    assert inbox.take()[0]["x-shopify-event-id"] == inbox.take()[0]["x-shopify-event-id"]


def test_a_failed_delivery_is_repeated_with_the_original_body(shop, subscribe, ada, inbox):
    shop.control.set_options(webhook_retry_seconds=0.01)
    inbox.statuses = [500, 302]
    subscribe()
    change(shop, ada, note="hello")
    first, second, third = inbox.take(), inbox.take(), inbox.take()
    assert first[1] == second[1] == third[1]
    assert first[0]["x-shopify-webhook-id"] == third[0]["x-shopify-webhook-id"]


def test_eight_failures_in_a_row_remove_the_subscription(shop, subscribe, ada, inbox):
    shop.control.set_options(webhook_retry_seconds=0.01)
    inbox.statuses = [500] * 8
    subscribe()
    change(shop, ada, note="hello")
    for _ in range(8):
        inbox.take()
    while subscriptions(shop):
        time.sleep(0.01)
    assert shop.control.state()["webhooks"]["removed_subscriptions"] == 1


def test_a_delivery_can_be_lost(shop, subscribe, ada, inbox):
    subscribe()
    shop.control.set_options(webhook_drop=1.0)
    change(shop, ada, note="lost")
    shop.control.set_options(webhook_drop=0.0)
    change(shop, ada, note="heard")
    assert json.loads(inbox.take()[1])["note"] == "heard"


def test_a_delivery_can_come_twice(shop, subscribe, ada, inbox):
    shop.control.set_options(webhook_duplicate=1.0)
    subscribe()
    change(shop, ada, note="hello")
    assert inbox.take() == inbox.take()


def test_deliveries_can_overtake_each_other(shop, subscribe, ada, inbox):
    shop.control.set_options(webhook_shuffle=True, webhook_delay_seconds=0.3)
    subscribe()
    notes = [f"note {number}" for number in range(12)]
    for note in notes:
        change(shop, ada, note=note)
    arrived = [json.loads(inbox.take()[1])["note"] for _ in notes]
    assert sorted(arrived) == sorted(notes)
    assert arrived != notes


def test_a_wrong_signature_can_be_sent(shop, subscribe, ada, inbox):
    shop.control.set_options(webhook_secret=False)
    subscribe()
    change(shop, ada, note="hello")
    headers, body = inbox.take()
    digest = base64.b64encode(hmac.new(b"sandbox-secret", body, hashlib.sha256).digest()).decode()
    assert headers["x-shopify-hmac-sha256"] != digest


def test_the_end_of_the_installation_is_told_and_ends_the_subscriptions(shop, subscribe, inbox):
    subscribe("APP_UNINSTALLED")
    shop.control.set_options(revoked=True)
    assert inbox.take()[0]["x-shopify-topic"] == "app/uninstalled"
    assert subscriptions(shop) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"uri": "http://shop.example.com/hooks"}, "Address protocol http:// is not supported"),
        ({"uri": "nonsense"}, "Address is invalid"),
        ({"uri": ""}, "Address can't be blank"),
        (
            {"name": "with space"},
            "Name must be 50 characters or less and contain letters, digits, underscores and hyphens only",
        ),
    ],
)
def test_a_subscription_is_refused(subscribe, given, message):
    assert [error["message"] for error in subscribe(**given)["userErrors"]] == [message]


def test_topic_and_address_go_together_once(subscribe):
    subscribe()
    [error] = subscribe()["userErrors"]
    assert error["field"] == ["webhookSubscription", "callbackUrl"]
    assert error["message"] == "Address for this topic has already been taken"


def test_an_edit_by_hand_is_delivered_too(shop, subscribe, ada, inbox):
    subscribe()
    number = ada.rsplit("/", 1)[1]
    form = {"firstName": "Eve", "email": "ada@example.com", "tags": "x"}
    shop.session.post(f"{shop.url}/people/{number}", data=form, headers={"Origin": shop.url}, timeout=5)
    assert json.loads(inbox.take()[1])["first_name"] == "Eve"
