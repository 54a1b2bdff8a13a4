"""What deliveries tell, before any network or store is involved."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from graphql import build_schema

from shopify_fw360.records import DeliveryRefusedError, Entity, EventTask, Operation, PrivacyKind
from shopify_fw360.shopify.schema_index import SDL
from shopify_fw360.shopify.topics import TOPICS
from shopify_fw360.shopify.webhooks import is_authentic, read_envelope, read_event, signature_of

SHOP = "a-shop.myshopify.com"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def sign(body: bytes, secret: bytes = b"secret") -> str:
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()


def event(topic, body, shop=SHOP, **headers):
    given = {"x-shopify-topic": topic, "x-shopify-shop-domain": SHOP, "x-shopify-event-id": "e1", **headers}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_event(read_envelope(given), raw, shop, NOW)


def refusal(topic, body, shop=SHOP, **headers):
    with pytest.raises(DeliveryRefusedError) as caught:
        event(topic, body, shop, **headers)
    return caught.value.reason


class TestSignature:
    def test_the_raw_bytes_count(self):
        body = b'{"id": 1}'
        assert is_authentic([b"secret"], body, sign(body))
        assert not is_authentic([b"secret"], b'{"id":1}', sign(body))

    def test_both_secrets_count_while_they_are_rotated(self):
        assert is_authentic([b"new", b"secret"], b"{}", sign(b"{}"))
        assert is_authentic([b"secret", b"old"], b"{}", sign(b"{}"))

    @pytest.mark.parametrize("given", ["", "x", sign(b"{}", b"other"), sign(b"{}").lower(), "ü", "\x00"])
    def test_anything_else_does_not(self, given):
        assert not is_authentic([b"secret"], b"{}", given)

    def test_without_a_secret_nothing_is_authentic(self):
        assert not is_authentic([], b"{}", sign(b"{}"))

    def test_either_family_of_headers_carries_it(self):
        assert signature_of({"x-shopify-hmac-sha256": "a"}) == "a"
        assert signature_of({"shopify-hmac-sha256": "b"}) == "b"
        assert signature_of({}) == ""


CUSTOMER, PRODUCT, ORDER = (f"gid://shopify/{kind}/7" for kind in ("Customer", "Product", "Order"))


@pytest.mark.parametrize(
    ("topic", "body", "expected"),
    [
        ("customers/create", {"id": 7, "admin_graphql_api_id": CUSTOMER}, (Entity.CUSTOMER, CUSTOMER, "upsert")),
        ("customers/update", {"id": 7}, (Entity.CUSTOMER, CUSTOMER, "upsert")),
        ("customers/delete", {"id": 7}, (Entity.CUSTOMER, CUSTOMER, "delete")),
        ("customers_email_marketing_consent/update", {"customer_id": 7}, (Entity.CUSTOMER, CUSTOMER, "upsert")),
        ("customers_marketing_consent/update", {"id": 7}, (Entity.CUSTOMER, CUSTOMER, "upsert")),
        ("customer.tags_added", {"customerId": CUSTOMER, "tags": ["x"]}, (Entity.CUSTOMER, CUSTOMER, "upsert")),
        ("products/create", {"id": 7}, (Entity.PRODUCT, PRODUCT, "upsert")),
        ("products/delete", {"id": 7}, (Entity.PRODUCT, PRODUCT, "delete")),
        ("orders/updated", {"id": "7"}, (Entity.ORDER, ORDER, "upsert")),
        ("orders/edited", {"order_edit": {"id": 1, "order_id": 7}}, (Entity.ORDER, ORDER, "upsert")),
        ("orders/delete", {"id": 7}, (Entity.ORDER, ORDER, "delete")),
        ("refunds/create", {"id": 1, "order_id": 7}, (Entity.ORDER, ORDER, "upsert")),
        ("returns/update", {"id": 1, "order": {"id": 7}}, (Entity.ORDER, ORDER, "upsert")),
    ],
)
def test_the_body_names_the_record(topic, body, expected):
    found = event(topic, body)
    assert (found.entity, found.record_id, found.operation.value) == expected
    assert found.task is None


def test_every_subscribed_topic_exists_in_the_pinned_schema_with_the_scope_we_ask_for():
    values = build_schema(SDL.read_text(), assume_valid=True).type_map["WebhookSubscriptionTopic"].values
    for topic in TOPICS.values():
        if topic.privacy is not None:
            assert topic.constant not in values
            continue
        about = values[topic.constant].description
        assert about.partition(";")[0] == topic.name
        _, _, access = about.partition("access: ")
        assert set(topic.scopes) <= set(access.split(" | "))
        assert bool(topic.scopes) == bool(access)


def test_a_merge_names_both_customers_and_is_a_task():
    body = {
        "admin_graphql_api_customer_kept_id": CUSTOMER,
        "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/8",
    }
    found = event("customers/merge", body)
    assert (found.record_id, found.task) == (CUSTOMER, EventTask.CUSTOMER_MERGE)
    assert found.data == {"kept": CUSTOMER, "deleted": "gid://shopify/Customer/8"}


def test_moved_stock_names_an_item_whose_product_a_task_must_find():
    found = event("inventory_levels/update", {"inventory_item_id": 5, "location_id": 1, "available": 3})
    assert (found.entity, found.task) == (None, EventTask.STOCK)
    assert found.data == {"inventory_item": "gid://shopify/InventoryItem/5"}


def test_a_finished_bulk_operation_is_named():
    found = event("bulk_operations/finish", {"admin_graphql_api_id": "gid://shopify/BulkOperation/3"})
    assert found.data == {"operation": "gid://shopify/BulkOperation/3"}


class TestEndOfTheApp:
    def test_it_is_told_by_the_shop_itself(self):
        assert event("app/uninstalled", {"id": 1, "myshopify_domain": SHOP}).task is EventTask.APP_UNINSTALLED

    def test_the_body_of_another_topic_sent_under_this_name_is_refused(self):
        assert refusal("app/uninstalled", {"id": 7, "admin_graphql_api_id": CUSTOMER}) == "malformed"


class TestPrivacy:
    BODY: ClassVar = {
        "shop_id": 1,
        "shop_domain": SHOP,
        "customer": {"id": 7, "email": "ada@example.com", "phone": "+39 333 1234567"},
        "orders_to_redact": [11, 12],
    }

    def test_a_request_keeps_ids_and_nothing_personal(self):
        found = event("customers/redact", self.BODY)
        assert found.privacy is PrivacyKind.CUSTOMER_REDACT
        assert (found.data["customer_id"], found.data["orders"]) == (CUSTOMER, ["11", "12"])
        assert "ada@example.com" not in repr(found)
        assert "1234567" not in repr(found)
        assert (found.entity, found.record_id) == (None, None)

    def test_a_request_for_data_carries_its_number(self):
        body = {key: value for key, value in self.BODY.items() if key != "orders_to_redact"}
        body |= {"orders_requested": [11], "data_request": {"id": 99}}
        found = event("customers/data_request", body)
        assert (found.privacy, found.data["orders"], found.data["request_id"]) == (
            PrivacyKind.CUSTOMER_DATA,
            ["11"],
            "99",
        )

    def test_a_whole_shop(self):
        found = event("shop/redact", {"shop_id": 1, "shop_domain": SHOP})
        assert (found.privacy, found.data) == (PrivacyKind.SHOP_REDACT, {"shop_id": "1"})

    @pytest.mark.parametrize("topic", ["shop/redact", "customers/data_request"])
    def test_the_body_of_another_request_sent_under_this_name_is_refused(self, topic):
        assert refusal(topic, self.BODY) == "malformed"

    def test_a_request_for_data_sent_again_as_one_to_erase_them_is_refused(self):
        body = {key: value for key, value in self.BODY.items() if key != "orders_to_redact"}
        assert refusal("customers/redact", {**body, "orders_requested": [], "data_request": {"id": 9}}) == "malformed"

    def test_the_body_must_be_about_the_shop(self):
        assert refusal("shop/redact", {"shop_id": 1, "shop_domain": "other.myshopify.com"}) == "malformed"
        assert refusal("customers/redact", {"id": 7, "admin_graphql_api_id": CUSTOMER}) == "malformed"


class TestKey:
    def key(self, **headers):
        return event("customers/update", {"id": 7}, **headers).key

    def test_a_repetition_has_the_same_key_and_other_events_have_not(self):
        assert self.key() == self.key(**{"x-shopify-webhook-id": "w2"})
        assert self.key() != self.key(**{"x-shopify-event-id": "e2"})

    def test_one_event_reaches_each_subscription_once(self):
        assert self.key(**{"x-shopify-name": "a"}) != self.key(**{"x-shopify-name": "b"})

    def test_one_event_under_two_topics_is_two(self):
        assert event("customers/update", {"id": 7}).key != event("customers/enable", {"id": 7}).key

    def test_without_any_id_the_body_is_the_key(self):
        bare = {"x-shopify-event-id": ""}
        assert self.key(**bare) == self.key(**bare)
        assert self.key(**bare) != event("customers/update", {"id": 8}, **bare).key


class TestNewerEvents:
    HEADERS: ClassVar = {
        "shopify-hmac-sha256": "x",
        "shopify-topic": "Product",
        "shopify-action": "update",
        "shopify-shop-domain": SHOP,
        "shopify-webhook-id": "w1",
        "shopify-event-id": "e1",
        "shopify-resource-id": PRODUCT,
    }

    def read(self, body, **changes):
        return read_event(read_envelope({**self.HEADERS, **changes}), json.dumps(body).encode(), SHOP, NOW)

    def test_topic_and_action_become_a_topic(self):
        found = self.read({"product": {"id": PRODUCT}})
        assert (found.topic, found.entity, found.record_id) == ("products/update", Entity.PRODUCT, PRODUCT)

    def test_a_deletion(self):
        assert self.read({}, **{"shopify-action": "delete"}).operation is Operation.DELETE

    def test_the_webhook_id_tells_repetitions(self):
        assert self.read({}).key == self.read({}, **{"shopify-event-id": "e2"}).key
        assert self.read({}).key != self.read({}, **{"shopify-webhook-id": "w2"}).key

    def test_the_classic_family_wins_if_both_are_there(self):
        both = {**self.HEADERS, "x-shopify-hmac-sha256": "y", "x-shopify-topic": "customers/update"}
        assert read_envelope(both).topic == "customers/update"


class TestRefusals:
    def test_another_shop(self):
        assert refusal("customers/update", {"id": 7}, shop="other.myshopify.com") == "shop"

    @pytest.mark.parametrize("topic", ["", "customers", "customers/", "/update", "../update", "x" * 200 + "/update"])
    def test_no_topic(self, topic):
        assert refusal(topic, {"id": 7}) == "topic"

    @pytest.mark.parametrize("age", [timedelta(days=2, seconds=1), -timedelta(minutes=11)])
    def test_a_time_that_cannot_be(self, age):
        assert refusal("customers/update", {"id": 7}, **{"x-shopify-triggered-at": (NOW - age).isoformat()}) == "stale"

    @pytest.mark.parametrize("age", [timedelta(days=1, hours=23), -timedelta(minutes=9)])
    def test_a_time_that_can_be(self, age):
        moment = NOW - age
        found = event("customers/update", {"id": 7}, **{"x-shopify-triggered-at": moment.isoformat()})
        assert found.triggered_at == moment

    @pytest.mark.parametrize("text", ["yesterday", "2026-11-24", "2026-11-24T12:00:00", "0001-01-01T00:00:00+14:00"])
    def test_a_time_that_is_none(self, text):
        assert refusal("customers/update", {"id": 7}, **{"x-shopify-triggered-at": text}) == "malformed"

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"1", b'"x"', b"null", b"\xff\xfe", b"{}" * 2, b"[" * 100_000, b'{"id": NaN}'],
    )
    def test_a_body_that_is_no_object(self, body):
        assert refusal("customers/update", body) == "malformed"

    @pytest.mark.parametrize(
        "record_id", [None, True, 1.5, -1, "x", "٣", [], {}, 10**30, "gid://shopify/Product/7", "7\u0000", "7 "]
    )
    def test_a_body_that_names_no_record(self, record_id):
        assert refusal("customers/update", {"id": record_id}) == "malformed"

    @pytest.mark.parametrize("name", ["event-id", "name", "topic", "shop-domain", "webhook-id"])
    @pytest.mark.parametrize("text", ["a b", "a\x00b", "ü", "x" * 256])
    def test_a_header_that_shopify_does_not_write(self, name, text):
        assert refusal("customers/update", {"id": 7}, **{f"x-shopify-{name}": text}) == "malformed"


def test_a_topic_we_make_nothing_of_is_no_error():
    assert event("carts/update", {"id": 7}) is None
