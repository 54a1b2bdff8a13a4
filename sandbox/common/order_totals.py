"""What the books of an order add up to.

The words are Shopify's: `original` as the order was placed, `total` with what edits added but before anything was
removed or given back, `current` after that. An order that was cancelled is worth nothing any more.

    total = lines before discounts - discounts + shipping + duties + fees + tips (+ tax, when prices do not include it)
    current = total - lines, shipping, duties and fees given back (with their tax) + adjustments of refunds
    outstanding = current - (received - refunded)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from sandbox.common.money import NOTHING, Bag, total
from sandbox.common.order_book import Book, Line, Tax

TaxKey = tuple[str, Decimal, bool]


@dataclass(frozen=True, slots=True)
class Sums:
    """The terms of an order at one moment.

    Args:
        gross: goods before discounts, tips left out.
        discounts: all discounts, those on shipping included.
        subtotal: goods after their discounts.
        shipping: shipping before discounts.
        shipping_net: shipping after its discounts.
        duties, fees, tips: what comes on top.
        tax: all taxes; part of the other terms when prices include tax.
        price: what the order costs.
    """

    gross: Bag
    discounts: Bag
    subtotal: Bag
    shipping: Bag
    shipping_net: Bag
    duties: Bag
    fees: Bag
    tips: Bag
    tax: Bag
    price: Bag


class Totals:
    """All sums of one book, worked out once.

    Args:
        book: the books; changes made to them later are not seen.
    """

    def __init__(self, book: Book) -> None:
        self.book = book
        self.total = self._sums(book.lines)
        first = [line for line in book.lines if line.edit is None]
        self.original = self._sums(first) if len(first) < len(book.lines) else self.total
        self.current = self._current() if book.refunds else self.total
        self.received = self._moved("SALE", "CAPTURE")
        self.refunded = self._moved("REFUND")
        self.net_payment = self.received - self.refunded
        self.outstanding = self.current.price - self.net_payment
        self.capturable = self._capturable()

    def taxes(self) -> dict[TaxKey, Bag]:
        """Return all taxes before anything was given back, by title, rate and liability."""
        return _by_key(tax for source in self._tax_sources() for tax in source)

    def current_taxes(self) -> dict[TaxKey, Bag]:
        """Return what is left of the taxes."""
        sums = self.taxes()
        for tax in self._taxes_back():
            sums[_key(tax)] -= tax.amount
        return {key: amount for key, amount in sums.items() if amount}

    def financial_status(self, now: int) -> str:
        """Return the financial status as the admin shows it.

        Args:
            now: microseconds since 1970; authorizations expire.
        """
        if self.refunded:
            return "REFUNDED" if self.refunded.shop >= self.received.shop else "PARTIALLY_REFUNDED"
        if self.received:
            return "PARTIALLY_PAID" if self.outstanding.shop > 0 else "PAID"
        done = [entry for entry in self.book.transactions if entry.status == "SUCCESS"]
        if any(entry.kind == "VOID" for entry in done):
            return "VOIDED"
        held = [entry for entry in done if entry.kind == "AUTHORIZATION"]
        if held:
            expired = all(entry.expires is not None and entry.expires <= now for entry in held)
            return "EXPIRED" if expired else "AUTHORIZED"
        waiting = any(entry.status == "PENDING" for entry in self.book.transactions)
        return "PENDING" if waiting or self.total.price else "PAID"

    def fulfillment_status(self) -> str:
        """Return the fulfilment status as the admin shows it."""
        book = self.book
        left = sum(book.to_send().values())
        if any(shipment.status == "SUCCESS" for shipment in book.fulfillments):
            return "PARTIALLY_FULFILLED" if left else "FULFILLED"
        if not any(line.fulfillable for line in book.lines):
            return "FULFILLMENT_NOT_REQUIRED"
        return book.waiting if book.waiting and left else "UNFULFILLED"

    def return_status(self) -> str:
        """Return the return status as the admin shows it: of several returns the one that needs most attention."""
        found = {entry.status for entry in self.book.returns}
        words = (
            ("REQUESTED", "RETURN_REQUESTED"),
            ("OPEN", "IN_PROGRESS"),
            ("CLOSED", "RETURNED"),
            ("DECLINED", "RETURN_FAILED"),
        )
        return next((word for status, word in words if status in found), "NO_RETURN")

    def _sums(self, lines: list[Line]) -> Sums:
        book = self.book
        goods = [line for line in lines if not line.tip]
        gross = total(line.gross for line in goods)
        subtotal = total(line.net for line in goods)
        shipping = total(charge.price for charge in book.shipping)
        shipping_net = total(charge.net for charge in book.shipping)
        duties = total(line.duty.price for line in goods if line.duty)
        fees = total(fee.price for fee in book.fees)
        tips = total(line.net for line in lines if line.tip)
        tax = total(tax.amount for source in self._tax_sources(lines) for tax in source)
        price = subtotal + shipping_net + duties + fees + tips
        return Sums(
            gross=gross,
            discounts=gross - subtotal + shipping - shipping_net,
            subtotal=subtotal,
            shipping=shipping,
            shipping_net=shipping_net,
            duties=duties,
            fees=fees,
            tips=tips,
            tax=tax,
            price=price if book.taxes_included else price + tax,
        )

    def _current(self) -> Sums:
        before, book = self.total, self.book
        lines = {line.num: line for line in book.lines}
        gross = goods = tips = shipping = duties = fees = adjusted = NOTHING
        for refund in book.refunds:
            for part in refund.lines:
                line = lines[part.line]
                if line.tip:
                    tips += part.subtotal
                else:
                    gross += line.unit.times(part.quantity)
                    goods += part.subtotal
            shipping += total(back.subtotal for back in refund.shipping)
            duties += total(amount for _, amount in refund.duties)
            fees += total(amount for _, amount in refund.fees)
            adjusted += total(entry.amount for entry in refund.adjustments)
        tax = total(tax.amount for tax in self._taxes_back())
        back = goods + tips + shipping + duties + fees
        return Sums(
            gross=before.gross - gross,
            discounts=before.discounts - (gross - goods),
            subtotal=before.subtotal - goods,
            shipping=before.shipping - shipping,
            shipping_net=before.shipping_net - shipping,
            duties=before.duties - duties,
            fees=before.fees - fees,
            tips=before.tips - tips,
            tax=before.tax - tax,
            price=before.price - (back if book.taxes_included else back + tax) + adjusted,
        )

    def _tax_sources(self, lines: list[Line] | None = None) -> Iterable[list[Tax]]:
        for line in self.book.lines if lines is None else lines:
            yield line.taxes
            if line.duty:
                yield line.duty.taxes
        for charge in self.book.shipping:
            yield charge.taxes
        for fee in self.book.fees:
            yield fee.taxes

    def _taxes_back(self) -> Iterable[Tax]:
        lines = {line.num: line for line in self.book.lines}
        fees = {fee.num: fee for fee in self.book.fees}
        for refund in self.book.refunds:
            for part in refund.lines:
                yield from part.taxes
            for back in refund.shipping:
                yield from back.taxes
            for num, _ in refund.duties:
                duty = lines[num].duty
                yield from duty.taxes if duty else ()
            for num, _ in refund.fees:
                yield from fees[num].taxes

    def _moved(self, *kinds: str) -> Bag:
        entries = self.book.transactions
        return total(entry.amount for entry in entries if entry.kind in kinds and entry.status == "SUCCESS")

    def _capturable(self) -> Bag:
        held = NOTHING
        for entry in self.book.transactions:
            if entry.status == "SUCCESS" and entry.kind == "AUTHORIZATION":
                held += left_of(self.book, entry.num)
        return held


def left_of(book: Book, num: int) -> Bag:
    """Return what is still uncaptured of an authorization; nothing after a void."""
    authorization = next(entry for entry in book.transactions if entry.num == num)
    after = [entry for entry in book.transactions if entry.parent == num and entry.status == "SUCCESS"]
    if any(entry.kind == "VOID" for entry in after):
        return NOTHING
    return authorization.amount - total(entry.amount for entry in after if entry.kind == "CAPTURE")


def _key(tax: Tax) -> TaxKey:
    return tax.title, tax.rate, tax.channel_liable


def _by_key(taxes: Iterable[Tax]) -> dict[TaxKey, Bag]:
    sums: dict[TaxKey, Bag] = {}
    for tax in taxes:
        key = _key(tax)
        sums[key] = sums[key] + tax.amount if key in sums else tax.amount
    return sums
