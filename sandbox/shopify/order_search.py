"""What searches over orders understand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sandbox.shopify.filters import any_of, flag_filter, key, metafield_reader
from sandbox.shopify.order_records import name_key
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

_SPANS = {"id": "ID", "updated_at": "UPDATED_AT", "created_at": "CREATED_AT", "processed_at": "PROCESSED_AT"}
_STATUS: Mapping[str, Predicate] = {
    "open": lambda record: not record.get("closedAt") and not record.get("cancelledAt"),
    "closed": lambda record: bool(record.get("closedAt")),
    "cancelled": lambda record: bool(record.get("cancelledAt")),
    "not_closed": lambda record: not record.get("closedAt"),
    "any": lambda _: True,
}
_FULFILLMENT = {
    "unshipped": ("UNFULFILLED",),
    "unfulfilled": ("UNFULFILLED", "PARTIALLY_FULFILLED"),
    "shipped": ("FULFILLED",),
    "fulfilled": ("FULFILLED",),
    "partial": ("PARTIALLY_FULFILLED",),
    "scheduled": ("SCHEDULED",),
    "on_hold": ("ON_HOLD",),
    "request_declined": ("REQUEST_DECLINED",),
}


def _words_filter(words: Mapping[str, Predicate]) -> Filter:
    """Build a filter that takes known words, several joined by commas."""

    def compiled(term: Term, _: Language) -> Predicate | None:
        wanted = [words.get(part.strip().lower()) for part in term.value.split(",")]
        known = [found for found in wanted if found is not None]
        if term.comparator != "=" or len(known) != len(wanted):
            return None
        return lambda record: any(found(record) for found in known)

    return compiled


def _summary(name: str) -> Reader:
    return lambda record: record["summary"].get(name)


def _sent(statuses: tuple[str, ...]) -> Predicate:
    return lambda record: record["summary"]["fulfillment"] in statuses


def _name(term: Term, _: Language) -> Predicate | None:
    wanted = term.value.removeprefix("#").casefold()
    return None if term.comparator != "=" else lambda record: record["name"].removeprefix("#").casefold() == wanted


def _tag_not(term: Term, _: Language) -> Predicate | None:
    unwanted = term.value.lower()
    return lambda record: unwanted not in [tag.lower() for tag in record.get("tags") or []]


def _money(name: str) -> Reader:
    return lambda record: Decimal(record["summary"][name]) / 100


def _words(record: Record) -> list[str]:
    texts: list[Any] = [record.get(name) for name in ("name", "email", "phone", "note", "poNumber")]
    for address in (record.get("billing"), record.get("shipping")):
        texts += [(address or {}).get(name) for name in ("firstName", "lastName", "company", "city", "zip")]
    return [text for text in texts if text] + list(record.get("tags") or []) + list(record["summary"]["skus"])


_FILTERS: Mapping[str, Filter] = {
    "cart_token": exact_filter(lambda record: f"c{record['num']:x}"),
    "channel": any_of(key("sourceName")),
    "checkout_token": exact_filter(lambda record: f"k{record['num']:x}"),
    "confirmation_number": exact_filter(key("confirmation")),
    "created_at": time_filter(key("createdAt")),
    "current_total_price": number_filter(_money("current")),
    "customer_id": number_filter(lambda record: record.get("customer") or -1),
    "discount_code": exact_filter(lambda record: record["summary"]["codes"][:1]),
    "email": text_filter(key("email")),
    "financial_status": any_of(_summary("financial")),
    "fulfillment_status": _words_filter({word: _sent(statuses) for word, statuses in _FULFILLMENT.items()}),
    "gateway": exact_filter(_summary("gateways")),
    "id": number_filter(key("num")),
    "location_id": number_filter(lambda record: record.get("location") or -1),
    "name": _name,
    "po_number": exact_filter(key("poNumber")),
    "processed_at": time_filter(key("processedAt")),
    "return_status": any_of(_summary("returned")),
    "sales_channel": any_of(key("sourceName")),
    "sku": exact_filter(_summary("skus")),
    "source_identifier": exact_filter(key("sourceId")),
    "source_name": any_of(key("sourceName")),
    "status": _words_filter(_STATUS),
    "subtotal_line_items_quantity": number_filter(_summary("quantity")),
    "tag": exact_filter(key("tags")),
    "tag_not": _tag_not,
    "test": flag_filter(key("test")),
    "updated_at": time_filter(key("updatedAt")),
}
_KEYS: Mapping[str, Callable[[str], str]] = {"name": name_key}


def order_language(shop: Shop) -> Language:
    """Return the language of `orders(query:)`."""
    return Language(_FILTERS, _words, _SPANS, shop.zone, metafield=metafield_reader(shop, "ORDER"), keys=_KEYS)
