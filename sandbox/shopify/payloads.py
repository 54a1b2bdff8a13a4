"""Webhook bodies: REST-shaped JSON.

Shopify: since 2025-01 customer payloads carry no tags, no consent and no order summary; those have topics of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from babel import Locale

from sandbox.shopify.customer_records import ADDRESS_FIELDS, address_of
from sandbox.shopify.ids import gid
from sandbox.shopify.order_payloads import fulfillment_body, order_body, refund_body, transaction_body
from sandbox.shopify.table import Record
from sandbox.shopify.times import shown

_COUNTRIES = Locale("en").territories
_SNAKE = {
    "firstName": "first_name",
    "lastName": "last_name",
    "provinceCode": "province_code",
    "countryCode": "country_code",
}


def body_of(topic: str, record: Record, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a topic of the schema ("CUSTOMERS_UPDATE") for a record."""
    return _BODIES.get(topic, _customer)(record, extra)


def _ids(record: Record) -> dict[str, Any]:
    return {"id": record["num"], "admin_graphql_api_id": record["id"]}


def _customer(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    default = record.get("defaultAddress")
    return {
        **_ids(record),
        "created_at": shown(record["createdAt"]),
        "updated_at": shown(record["updatedAt"]),
        "first_name": record.get("firstName"),
        "last_name": record.get("lastName"),
        "state": str(record.get("state") or "DISABLED").lower(),
        "note": record.get("note"),
        "verified_email": bool(record.get("verifiedEmail")),
        "multipass_identifier": None,
        "tax_exempt": bool(record.get("taxExempt")),
        "tax_exemptions": record.get("taxExemptions") or [],
        "email": record.get("email"),
        "phone": record.get("phone"),
        "currency": "EUR",
        "addresses": [_address(record, address) for address in record.get("addresses") or []],
        "default_address": _address(record, address_of(record, default)) if default else None,
    }


def _address(record: Record, address: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if address is None:
        return None
    values = {_SNAKE.get(name, name): address.get(name) for name in ADDRESS_FIELDS}
    name = " ".join(part for part in (address.get("firstName"), address.get("lastName")) if part)
    country = _COUNTRIES.get(address.get("countryCode") or "")
    return {
        "id": address["num"],
        "customer_id": record["num"],
        **values,
        "name": name,
        "province": address.get("provinceCode"),
        "country": country,
        "country_name": country,
        "default": address["num"] == record.get("defaultAddress"),
    }


def _deleted(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    return _ids(record)


def _email_consent(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    consent = record.get("emailConsent") or {}
    return {
        "customer_id": record["num"],
        "email_address": record.get("email"),
        "email_marketing_consent": _consent(consent),
    }


def _sms_consent(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    consent = record.get("smsConsent") or {}
    return {
        **_ids(record),
        "phone": record.get("phone"),
        "sms_marketing_consent": {**_consent(consent), "consent_collected_from": "OTHER"},
    }


def _consent(consent: Mapping[str, Any]) -> dict[str, Any]:
    at = consent.get("updatedAt")
    return {
        "state": str(consent.get("state", "NOT_SUBSCRIBED")).lower(),
        "opt_in_level": (consent.get("level") or "").lower() or None,
        "consent_updated_at": None if at is None else shown(at),
    }


def _extra(_: Record, extra: Mapping[str, Any]) -> dict[str, Any]:
    return dict(extra)


def _product(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    """A product without its variants: they are read by id (Shopify: bodies are hints, variants may be cut off)."""
    return {
        **_ids(record),
        "title": record.get("title"),
        "handle": record.get("handle"),
        "body_html": record.get("descriptionHtml"),
        "vendor": record.get("vendor"),
        "product_type": record.get("productType"),
        "status": str(record.get("status")).lower(),
        "tags": ", ".join(record.get("tags") or []),
        "created_at": shown(record["createdAt"]),
        "updated_at": shown(record["updatedAt"]),
        "variant_gids": [
            {"admin_graphql_api_id": gid("ProductVariant", num), "updated_at": shown(record["updatedAt"])}
            for num in record.get("variants") or []
        ],
    }


def _product_deleted(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": record["num"]}


def _item(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_ids(record),
        "sku": record.get("sku"),
        "cost": record.get("cost"),
        "tracked": bool(record.get("tracked")),
        "requires_shipping": bool(record.get("requiresShipping")),
        "updated_at": shown(record["updatedAt"]),
    }


def _bulk(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    code = record.get("errorCode")
    return {
        "admin_graphql_api_id": record["id"],
        "completed_at": shown(record["completedAt"]),
        "created_at": shown(record["createdAt"]),
        "error_code": code.lower() if code else None,
        "status": record["status"].lower(),
        "type": record["type"].lower(),
    }


def _level(record: Record, extra: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "inventory_item_id": record["num"],
        "location_id": extra["location"],
        "available": extra["available"],
        "updated_at": shown(extra["updatedAt"]),
        "admin_graphql_api_id": f"{gid('InventoryLevel', extra['location'])}?inventory_item_id={record['num']}",
    }


def _order(record: Record, extra: Mapping[str, Any]) -> dict[str, Any]:
    buyer = extra.get("customer")
    customer = None if buyer is None else _customer(buyer, {})
    addresses = {f"{name}_address": _order_address(record.get(name)) for name in ("billing", "shipping")}
    return order_body(record, customer, addresses)


def _order_address(address: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return an address of an order: as a customer's, without ids."""
    body = _address({"num": 0}, address)
    return None if body is None else {name: body[name] for name in body if name not in _OF_CUSTOMERS}


_OF_CUSTOMERS = ("id", "customer_id", "default", "country_name")


def _order_edited(_: Record, extra: Mapping[str, Any]) -> dict[str, Any]:
    return {"order_edit": extra["order_edit"]}


def _purchases(_: Record, extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name != "customer"}


_ORDERS = ("CREATE", "UPDATED", "PAID", "CANCELLED", "FULFILLED", "PARTIALLY_FULFILLED")
_BODIES: Mapping[str, Callable[[Record, Mapping[str, Any]], dict[str, Any]]] = {
    "CUSTOMERS_DELETE": _deleted,
    "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE": _email_consent,
    "CUSTOMERS_MARKETING_CONSENT_UPDATE": _sms_consent,
    "CUSTOMERS_MERGE": _extra,
    "CUSTOMER_TAGS_ADDED": _extra,
    "CUSTOMER_TAGS_REMOVED": _extra,
    "APP_UNINSTALLED": _extra,
    "BULK_OPERATIONS_FINISH": _bulk,
    "INVENTORY_ITEMS_DELETE": _deleted,
    "INVENTORY_ITEMS_UPDATE": _item,
    "INVENTORY_LEVELS_UPDATE": _level,
    "PRODUCTS_CREATE": _product,
    "PRODUCTS_DELETE": _product_deleted,
    "PRODUCTS_UPDATE": _product,
    **{f"ORDERS_{event}": _order for event in _ORDERS},
    "ORDERS_DELETE": _product_deleted,
    "ORDERS_EDITED": _order_edited,
    "ORDER_TRANSACTIONS_CREATE": lambda record, extra: transaction_body(record, extra["transaction"]),
    "REFUNDS_CREATE": lambda record, extra: refund_body(record, extra["refund"]),
    "FULFILLMENTS_CREATE": lambda record, extra: fulfillment_body(record, extra["fulfillment"]),
    "FULFILLMENTS_UPDATE": lambda record, extra: fulfillment_body(record, extra["fulfillment"]),
    "CUSTOMERS_PURCHASING_SUMMARY": _purchases,
}
