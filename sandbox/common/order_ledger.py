"""An order as dated agreements with signed sales: the other way to see its books.

Everything that was ever agreed is one entry; their sum is what the order is worth now. Shopify shows them as
`Order.agreements`; `expected` adds them up without the sums of `order_totals`, so that each proves the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sandbox.common.money import NOTHING, Bag, total
from sandbox.common.order_book import Book, Line, Refund, Tax


@dataclass(slots=True)
class Sale:
    """One signed entry.

    Args:
        kind: "PRODUCT", "GIFT_CARD", "TIP", "SHIPPING", "DUTY", "ADDITIONAL_FEE" or "ADJUSTMENT".
        action: "ORDER", "UPDATE" or "RETURN".
        quantity: units, negative for those given back; None where there are none.
        amount: with taxes, after discounts.
        taxes: contained in `amount`.
        discount: taken off, as the prices are (with tax when they include it).
        of: number of the line, charge or fee; None for an adjustment.
    """

    kind: str
    action: str
    quantity: int | None
    amount: Bag
    taxes: list[Tax]
    discount: Bag = NOTHING
    of: int | None = None

    @property
    def tax(self) -> Bag:
        """All taxes of the entry."""
        return total(entry.amount for entry in self.taxes)


@dataclass(slots=True)
class Agreement:
    """What was agreed at one time; `of` is the number of the edit, refund or return, None for the order itself."""

    reason: str
    at: int
    of: int | None = None
    sales: list[Sale] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Expected:
    """What an order must say about its money, worked out from its agreements and payments.

    Args:
        original: price as it was placed.
        total: price before anything was given back.
        current: price now.
        tax, discounts, shipping, tips, duties, fees: terms before anything was given back; shipping after discounts.
        current_tax: taxes now.
        received, refunded: money that moved.
    """

    original: Bag
    total: Bag
    current: Bag
    tax: Bag
    discounts: Bag
    shipping: Bag
    tips: Bag
    duties: Bag
    fees: Bag
    current_tax: Bag
    received: Bag
    refunded: Bag


def agreements(book: Book) -> list[Agreement]:
    """Return the agreements of an order in the order of time."""
    first = Agreement("ORDER", book.created)
    first.sales += [sale for line in book.lines if line.edit is None for sale in _line_sales(book, line, "ORDER")]
    for charge in book.shipping:
        amount = _with_tax(book, charge.net, charge.taxes)
        discount = charge.price - charge.net
        first.sales.append(Sale("SHIPPING", "ORDER", None, amount, charge.taxes, discount, charge.num))
    for fee in book.fees:
        amount = _with_tax(book, fee.price, fee.taxes)
        first.sales.append(Sale("ADDITIONAL_FEE", "ORDER", None, amount, fee.taxes, of=fee.num))
    found = [first]
    for edit in book.edits:
        entry = Agreement("ORDER_EDIT", edit.at, edit.num)
        entry.sales += [
            sale for line in book.lines if line.edit == edit.num for sale in _line_sales(book, line, "ORDER")
        ]
        removed = [refund for refund in book.refunds if refund.edit == edit.num]
        entry.sales += [sale for refund in removed for sale in _refund_sales(book, refund, "UPDATE")]
        found.append(entry)
    found += [
        Agreement("REFUND", refund.at, refund.num, list(_refund_sales(book, refund, "RETURN")))
        for refund in book.refunds
        if refund.edit is None
    ]
    found += [Agreement("RETURN", back.at, back.num) for back in book.returns]
    return sorted(found, key=lambda entry: entry.at)


def expected(book: Book) -> Expected:
    """Return what the order must say about its money."""
    found = agreements(book)
    sales = [sale for entry in found for sale in entry.sales]
    bought = [sale for sale in sales if sale.action == "ORDER"]
    done = [entry for entry in book.transactions if entry.status == "SUCCESS"]

    def term(kind: str) -> Bag:
        return total(_before_tax(book, sale) for sale in bought if sale.kind == kind)

    return Expected(
        original=total(sale.amount for sale in found[0].sales),
        total=total(sale.amount for sale in bought),
        current=total(sale.amount for sale in sales),
        tax=total(sale.tax for sale in bought),
        discounts=total(sale.discount for sale in bought),
        shipping=term("SHIPPING"),
        tips=term("TIP"),
        duties=term("DUTY"),
        fees=term("ADDITIONAL_FEE"),
        current_tax=total(sale.tax for sale in sales),
        received=total(entry.amount for entry in done if entry.kind in ("SALE", "CAPTURE")),
        refunded=total(entry.amount for entry in done if entry.kind == "REFUND"),
    )


def _before_tax(book: Book, sale: Sale) -> Bag:
    return sale.amount if book.taxes_included else sale.amount - sale.tax


def _line_sales(book: Book, line: Line, action: str) -> Iterator[Sale]:
    kind = "TIP" if line.tip else "GIFT_CARD" if line.gift_card else "PRODUCT"
    amount = _with_tax(book, line.net, line.taxes)
    yield Sale(kind, action, line.quantity, amount, line.taxes, line.gross - line.net, line.num)
    if line.duty:
        amount = _with_tax(book, line.duty.price, line.duty.taxes)
        yield Sale("DUTY", action, None, amount, line.duty.taxes, of=line.num)


def _refund_sales(book: Book, refund: Refund, action: str) -> Iterator[Sale]:
    lines = {line.num: line for line in book.lines}
    for part in refund.lines:
        line = lines[part.line]
        kind = "TIP" if line.tip else "GIFT_CARD" if line.gift_card else "PRODUCT"
        discount = line.unit.times(part.quantity) - part.subtotal
        amount = -_with_tax(book, part.subtotal, part.taxes)
        yield Sale(kind, action, -part.quantity, amount, _negative(part.taxes), -discount, part.line)
    for back in refund.shipping:
        amount = -_with_tax(book, back.subtotal, back.taxes)
        yield Sale("SHIPPING", action, None, amount, _negative(back.taxes), of=back.shipping)
    for num, price in refund.duties:
        duty = lines[num].duty
        taxes = duty.taxes if duty else []
        yield Sale("DUTY", action, None, -_with_tax(book, price, taxes), _negative(taxes), of=num)
    fees = {fee.num: fee for fee in book.fees}
    for num, price in refund.fees:
        taxes = fees[num].taxes
        yield Sale("ADDITIONAL_FEE", action, None, -_with_tax(book, price, taxes), _negative(taxes), of=num)
    for entry in refund.adjustments:
        yield Sale("ADJUSTMENT", action, None, entry.amount, [])


def _with_tax(book: Book, price: Bag, taxes: Iterable[Tax]) -> Bag:
    return price if book.taxes_included else price + total(entry.amount for entry in taxes)


def _negative(taxes: Iterable[Tax]) -> list[Tax]:
    return [Tax(entry.title, entry.rate, -entry.amount, entry.channel_liable) for entry in taxes]
