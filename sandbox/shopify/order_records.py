"""How an order is kept, and rules that follow from the record alone.

A record holds: name, number, confirmation, createdAt, processedAt, updatedAt, closedAt, cancelledAt, cancelReason,
staffNote, test, sourceName, sourceId, poNumber, note, tags, attributes (`[key, value]`), email, phone, locale, customer
(number), company (`{num, name, vat}` of a B2B buyer), billing and shipping (addresses with a number), taxExempt,
location (number of the shop it was sold in), marketing, unstated (an app made it and said nothing of payment),
metafields, book (see `common.order_codec`) and summary, what searches and sorting need:
`{financial, fulfillment, returned, total, current, quantity, gateways, codes, skus, net}`.

Orders count on their own from FIRST_ORDER, and everything within an order is numbered `order * ORDER_CHILDREN + n`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.common.money import Bag
from sandbox.common.order_book import Book
from sandbox.common.order_codec import dump_book, load_book
from sandbox.common.order_totals import Totals
from sandbox.shopify.product_records import unique_keys
from sandbox.shopify.table import Record

if TYPE_CHECKING:
    from sandbox.shopify.shop import Context

FIRST_ORDER = 5_400_000_001
FIRST_NAME = 1_001
ORDER_CHILDREN = 100_000
BILLING, SHIPPING, FULFILLMENT_ORDER = 99_999, 99_998, 99_997
"""Numbers within an order of what its books do not number."""


def order_child(order: int, number: int) -> int:
    """Return the id number of something within an order."""
    return order * ORDER_CHILDREN + number


def name_key(name: str) -> str:
    """Return the unique key of an order name, with or without its "#"."""
    return "name:" + name.removeprefix("#").casefold()


def order_keys(record: Record) -> Iterator[str]:
    """Yield the keys an order is found by: its name, and metafields with unique values."""
    yield name_key(record["name"])
    yield from unique_keys(record)


def book_of(record: Record) -> Book:
    """Return the books of an order, read once per record; change a copy, see `writable_book`."""
    book: Book | None = record.get("_book")
    if book is None:
        record["_book"] = book = load_book(record["book"])
    return book


def totals_of(record: Record) -> Totals:
    """Return the sums of an order, worked out once per record."""
    totals: Totals | None = record.get("_totals")
    if totals is None:
        record["_totals"] = totals = Totals(book_of(record))
    return totals


def writable_book(record: Record) -> Book:
    """Return a copy of the books to change; `keep_book` puts it back."""
    return load_book(record["book"])


def keep_book(record: Record, book: Book, now: int) -> None:
    """Put books into a record, with the summary that searches need.

    Args:
        record: the order.
        book: its books.
        now: microseconds since 1970.
    """
    record.pop("_book", None)
    record.pop("_totals", None)
    record["book"] = dump_book(book)
    totals = Totals(book)
    gateways = dict.fromkeys(entry.gateway for entry in book.transactions if entry.kind in ("SALE", "AUTHORIZATION"))
    record["summary"] = {
        "financial": financial_status(record, totals, now),
        "fulfillment": totals.fulfillment_status(),
        "returned": totals.return_status(),
        "total": _cents(totals.total.price),
        "current": _cents(totals.current.price),
        "quantity": sum(line.quantity for line in book.lines if not line.tip),
        "gateways": list(gateways),
        "codes": [entry.title for entry in book.discounts if entry.kind == "code"],
        "skus": [line.sku for line in book.lines if line.sku],
        "net": str(totals.net_payment.shop),
    }


def financial_status(record: Record, totals: Totals, now: int) -> str | None:
    """Return the financial status; None for an order that an app made without stating one or a payment."""
    if record.get("unstated") and not totals.book.transactions:
        return None
    return totals.financial_status(now)


def spent(record: Record) -> tuple[int, Decimal]:
    """Return what an order adds to its customer's count and amount; tests and cancelled orders add no money."""
    if record.get("test"):
        return 0, Decimal(0)
    return 1, Decimal(0) if record.get("cancelledAt") else Decimal(record["summary"]["net"])


def visible(context: Context, record: Record) -> bool:
    """Tell whether an app sees an order: those older than 60 days only with `read_all_orders`."""
    options = context.shop.options
    return "read_all_orders" in context.granted or int(record["createdAt"]) >= options.readable_since()


def buyer_name(record: Record) -> str:
    """Return the name on the billing or shipping address, last name first."""
    address: dict[str, Any] = record.get("billing") or record.get("shipping") or {}
    return f"{address.get('lastName') or ''} {address.get('firstName') or ''}".strip().casefold()


def _cents(bag: Bag) -> int:
    return int(bag.shop * 100)
