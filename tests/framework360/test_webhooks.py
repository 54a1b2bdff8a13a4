"""What deliveries of the site tell; nothing about them is documented, so much is tolerated."""

import hashlib
import hmac
import json
from typing import ClassVar

import pytest

from shopify_fw360.framework360.webhooks import is_authentic, read_event
from shopify_fw360.records import DeliveryRefusedError, Entity, EventTask, Operation


def event(content, **how):
    return read_event(json.dumps(content).encode(), **how)


def delivery(name="customer.updated", **data):
    return {"id": "d-1", "event": name, "date": "2026-11-24 10:00:00", "site": "x", "data": {"id": 17, **data}}


@pytest.mark.parametrize(
    ("name", "entity", "operation"),
    [
        ("customer.created", Entity.CUSTOMER, Operation.UPSERT),
        ("customer.updated", Entity.CUSTOMER, Operation.UPSERT),
        ("customer.deleted", Entity.CUSTOMER, Operation.DELETE),
        ("product.updated", Entity.PRODUCT, Operation.UPSERT),
        ("Products/Delete", Entity.PRODUCT, Operation.DELETE),
        ("customer", Entity.CUSTOMER, Operation.UPSERT),
        ("customer:something", Entity.CUSTOMER, Operation.UPSERT),
    ],
)
def test_type_and_id_are_enough(name, entity, operation):
    found = event(delivery(name))
    assert (found.entity, found.record_id, found.operation) == (entity, "17", operation)


@pytest.mark.parametrize(
    "content",
    [
        {"event": "customer.updated", "data": {"id": "17"}},
        {"type": "customer.updated", "data": {"id": 17}},
        {"event": "customer.updated", "id": 17},
        {"event": "customer.updated", "data": 17},
        {"event": "", "type": "customer", "id": "17"},
    ],
)
def test_they_are_found_in_several_places(content):
    assert event(content).record_id == "17"


def test_a_php_form_is_understood():
    found = read_event(b"id=d-1&event=customer.updated&data%5Bid%5D=17&data%5Bnome%5D=Ada", form=True)
    assert (found.entity, found.record_id) == (Entity.CUSTOMER, "17")


def test_a_sale_is_a_change_of_its_buyer():
    found = event(delivery("order.created", customer_id="5"))
    assert (found.topic, found.entity, found.record_id) == ("order.created", Entity.CUSTOMER, "5")


def test_a_sale_without_a_buyer_changes_nobody():
    assert event(delivery("order.created")).record_id is None


class TestKey:
    def test_the_delivery_id_tells_repetitions(self):
        assert event(delivery()).key == event({**delivery(), "date": "later"}).key
        assert event(delivery()).key != event({**delivery(), "id": "d-2"}).key

    def test_else_the_body_does(self):
        content = {"event": "customer.updated", "id": 17}
        assert event(content).key == event(content).key
        assert event(content).key != event({**content, "date": "later"}).key


class TestNotUnderstood:
    CONTENT: ClassVar = {
        "kind": "cliente",
        "payload": {"mail": "ada@example.com", "n": 5, "rows": [{"x": 1.5}], "a b@c": None},
    }

    def test_its_shape_is_kept_for_study_and_none_of_its_values(self):
        found = event(self.CONTENT)
        assert (found.task, found.entity) == (EventTask.STUDY, None)
        assert found.data["shape"] == {
            "kind": "text",
            "payload": {"mail": "text", "n": "number", "rows": [{"x": "number"}], "?": "nothing"},
        }
        assert "ada@example.com" not in repr(found)

    def test_a_deep_or_wide_body_is_cut(self):
        deep = content = {}
        for _ in range(50):
            content["x"] = content = {}
        found = event({"deep": deep, **{f"k{number}": 1 for number in range(500)}})
        assert len(json.dumps(found.data)) < 5_000


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b"null", b"[" * 50_000])
def test_what_is_no_object_is_refused(body):
    with pytest.raises(DeliveryRefusedError):
        read_event(body)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"&" * 10, b"&".join(b"a%d=1" % n for n in range(500))])
def test_what_is_no_form_is_refused(body):
    with pytest.raises(DeliveryRefusedError):
        read_event(body, form=True)


@pytest.mark.parametrize("record_id", [None, True, "x", "", "None", -1, 1.5, [], "9" * 30])
def test_an_id_that_is_none_is_not_believed(record_id):
    assert event({"event": "customer.updated", "data": {"id": record_id}}).task is EventTask.STUDY


def test_a_signature_is_compared_with_the_raw_body():
    body = b'{"id": 1}'
    digest = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert is_authentic("secret", body, f"sha256={digest}")
    assert is_authentic("secret", body, f" SHA256={digest.upper()} ")
    for wrong in ("", digest, f"sha256={digest[:-1]}", "ü"):
        assert not is_authentic("secret", body, wrong)
    assert not is_authentic("other", body, f"sha256={digest}")
