"""Storing customers: times move, listeners hear of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.ids import gid
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record

_CONSENTS = (
    ("emailConsent", "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE"),
    ("smsConsent", "CUSTOMERS_MARKETING_CONSENT_UPDATE"),
    ("whatsAppConsent", "CUSTOMERS_WHATS_APP_MARKETING_CONSENT_UPDATE"),
)


def new_customer(shop: Shop) -> Record:
    """Return an empty customer with the next id; it is not stored yet."""
    return {"__typename": "Customer", "num": shop.number(), "state": "DISABLED", "tags": []}


def save_customer(shop: Shop, record: Record) -> Record:
    """Store a customer, move its `updatedAt` and tell the listeners; returns it as stored."""
    num = int(record["num"])
    before = shop.customers.get(num)
    now = shop.clock.now()
    record["createdAt"] = before["createdAt"] if before else now
    record["updatedAt"] = now
    shop.customers.put(record)
    after = {**record, "id": gid("Customer", num)}
    shop.notify("CUSTOMERS_UPDATE" if before else "CUSTOMERS_CREATE", after)
    earlier: Mapping[str, Any] = before or {}
    for name, topic in _CONSENTS:
        if after.get(name) != earlier.get(name):
            shop.notify(topic, after)
    _notify_tags(shop, earlier, after)
    return after


def delete_customer(shop: Shop, record: Record) -> None:
    """Remove a customer and tell the listeners."""
    shop.customers.delete(int(record["num"]))
    shop.notify("CUSTOMERS_DELETE", record)


def _notify_tags(shop: Shop, before: Mapping[str, Any], after: Record) -> None:
    old, new = set(before.get("tags") or []), set(after.get("tags") or [])
    for topic, changed in (("CUSTOMER_TAGS_ADDED", new - old), ("CUSTOMER_TAGS_REMOVED", old - new)):
        if changed:
            shop.notify(topic, after, {"customerId": after["id"], "tags": sorted(changed)})
