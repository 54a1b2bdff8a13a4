"""One order of the seed: who bought, and the books."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.common.order_book import Book
from sandbox.common.order_ledger import Expected
from sandbox.common.people import Address


@dataclass(frozen=True, slots=True)
class Buyer:
    """Name and address on an order; `company` and `vat_number` are empty for private people."""

    first_name: str
    last_name: str
    address: Address | None
    phone: str | None
    company: str = ""
    vat_number: str = ""


@dataclass(slots=True)
class SeededOrder:
    """One order.

    Args:
        index: position in the sequence, from 0.
        trouble: one of TROUBLES or GIANTS, or "".
        book: what was sold, paid, sent and given back; line products are positions, see `goods`.
        goods: line number to (position of the product in the products given, position of its variant); a custom line
            and deleted goods are not in it.
        person: position of the buyer in the people given; None for a guest.
        email, phone: on the order.
        billing, shipping: names and addresses; None when there are none.
        business: sold to a company (B2B).
        updated, processed, closed: microseconds since 1970; closed None for an open order.
        cancel_reason: word of `OrderCancelReason`, "" when it was not cancelled.
        source: "web", "pos", "shopify_draft_order", "marketplace_x".
        po_number, note, tags, attributes, locale: as stored; attributes are (key, value) pairs.
        tax_exempt: no tax was charged although the goods are taxable.
        test: a test order.
        stated: False for an order an app made without saying whether it is paid; Shopify shows no status then.
        expected: what it must say about its money.
    """

    index: int
    trouble: str
    book: Book
    person: int | None
    email: str | None
    phone: str | None
    billing: Buyer | None
    shipping: Buyer | None
    updated: int
    processed: int
    expected: Expected
    goods: dict[int, tuple[int, int]] = field(default_factory=dict)
    business: bool = False
    closed: int | None = None
    cancel_reason: str = ""
    source: str = "web"
    po_number: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    locale: str = "it"
    tax_exempt: bool = False
    test: bool = False
    stated: bool = True
