"""What searches over customers understand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel import Locale

from sandbox.shopify.customer_records import email_key, phone_key
from sandbox.shopify.filters import metafield_reader
from sandbox.shopify.querysyntax import Term
from sandbox.shopify.searching import (
    Filter,
    Language,
    Predicate,
    Reader,
    exact_filter,
    number_filter,
    text_filter,
    time_filter,
)
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record

_TERRITORIES = Locale("en").territories


def _accepts_marketing(term: Term, _: Language) -> Predicate | None:
    if term.value.lower() not in ("true", "false"):
        return None
    wanted = term.value.lower() == "true"
    return lambda record: ((record.get("emailConsent") or {}).get("state") == "SUBSCRIBED") is wanted


def _tag_not(term: Term, _: Language) -> Predicate | None:
    unwanted = term.value.lower()
    return lambda record: unwanted not in [tag.lower() for tag in record.get("tags") or []]


def _countries(record: Record) -> list[str]:
    codes = [str(address["countryCode"]) for address in record.get("addresses") or [] if address.get("countryCode")]
    return codes + [_TERRITORIES.get(code, code) for code in codes]


def _key(name: str) -> Reader:
    return lambda record: record.get(name)


_FILTERS: Mapping[str, Filter] = {
    "accepts_marketing": _accepts_marketing,
    "country": exact_filter(_countries),
    "customer_date": time_filter(_key("createdAt")),
    "email": text_filter(_key("email")),
    "first_name": text_filter(_key("firstName")),
    "id": number_filter(_key("num")),
    "last_abandoned_order_date": time_filter(lambda _: None),
    "last_name": text_filter(_key("lastName")),
    "order_date": time_filter(lambda _: None),
    "orders_count": number_filter(lambda record: record.get("numberOfOrders", 0)),
    "phone": text_filter(_key("phone")),
    "state": exact_filter(_key("state")),
    "tag": exact_filter(_key("tags")),
    "tag_not": _tag_not,
    "total_spent": number_filter(lambda record: record.get("amountSpent", "0")),
    "updated_at": time_filter(_key("updatedAt")),
}
_COUNT_FILTERS: Mapping[str, Filter] = {
    "created_at": time_filter(_key("createdAt")),
    "id": _FILTERS["id"],
    "updated_at": _FILTERS["updated_at"],
}
_KEYS = {"email": email_key, "phone": phone_key}
_SPANS = {"id": "ID", "updated_at": "UPDATED_AT", "customer_date": "CREATED_AT", "created_at": "CREATED_AT"}


def _words(record: Record) -> list[str]:
    texts: list[Any] = [record.get(name) for name in ("firstName", "lastName", "email", "phone")]
    for address in record.get("addresses") or []:
        texts += [address.get(name) for name in ("address1", "city", "zip", "company")]
    return [text for text in texts if text] + list(record.get("tags") or [])


def customer_language(shop: Shop) -> Language:
    """Return the language of `customers(query:)`."""
    return Language(
        _FILTERS, _words, _SPANS, shop.zone, shop.options.whole_day_filter, metafield_reader(shop, "CUSTOMER"), _KEYS
    )


def customer_count_language(shop: Shop) -> Language:
    """Return the language of `customersCount(query:)`, which knows three filters only (Shopify: others are ignored)."""
    return Language(_COUNT_FILTERS, _words, _SPANS, shop.zone, shop.options.whole_day_filter)
