"""What happens to an order: it is priced, paid, sent, edited, refunded, returned, cancelled. Each adds to its books.

The same functions write the history of a seeded order and carry out what a person does in the admin.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.common.money import NOTHING, ZERO, Bag, Currencies, least, most, total
from sandbox.common.order_book import (
    Adjustment,
    Allocation,
    Book,
    Discount,
    Edit,
    Fulfillment,
    Line,
    Refund,
    RefundLine,
    RefundShipping,
    Return,
    Shipping,
    Tax,
    Tracking,
    Transaction,
)
from sandbox.common.order_totals import Totals, left_of

DAY = 86_400 * 1_000_000
AUTHORIZATION_DAYS = 7
"""Shopify Payments holds an authorization seven days."""
CARD_FEE, CARD_FLAT = Decimal("0.019"), Decimal("0.25")
"""What Shopify Payments keeps of a card payment."""


class OrderError(ValueError):
    """The order does not allow it; the text says why."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A tax rate, e.g. Rate("IVA", Decimal("0.22"))."""

    title: str
    rate: Decimal
    channel_liable: bool = False


def discount(book: Book, wanted: Discount, on: Sequence[Line] | Sequence[Shipping]) -> None:
    """Take a discount off some lines or charges; it never takes more than they cost."""
    position = len(book.discounts)
    book.discounts.append(wanted)
    kept = [entry for entry in on if not (isinstance(entry, Line) and (entry.tip or entry.gift_card))]
    nets = [entry.net for entry in kept]
    money = book.currencies
    if wanted.method == "EACH" or wanted.target == "SHIPPING_LINE":
        amounts = [_each(money, wanted, entry) for entry in kept]
    else:
        whole = total(nets)
        amount = money.percent(whole, wanted.percentage) if wanted.percentage is not None else wanted.amount or NOTHING
        amounts = money.spread(least(amount, whole), nets)
    for entry, amount, net in zip(kept, amounts, nets, strict=True):
        taken = least(amount, net)
        if taken:
            entry.allocations.append(Allocation(position, taken))


def _each(money: Currencies, wanted: Discount, entry: Line | Shipping) -> Bag:
    if wanted.percentage is not None:
        return money.percent(entry.net, wanted.percentage)
    amount = wanted.amount or NOTHING
    return amount.times(entry.quantity) if isinstance(entry, Line) else amount


def tax(book: Book, price: Bag, rates: Sequence[Rate]) -> list[Tax]:
    """Return the taxes on a price."""
    whole = sum((rate.rate for rate in rates), ZERO)
    return [
        Tax(
            rate.title,
            rate.rate,
            book.currencies.tax(price, rate.rate, whole, included=book.taxes_included),
            rate.channel_liable,
        )
        for rate in rates
    ]


def add_transaction(
    book: Book, kind: str, gateway: str, amount: Bag, at: int, *, status: str = "SUCCESS", parent: int | None = None
) -> Transaction:
    """Add a payment step; captures and sales over Shopify Payments cost a fee."""
    entry = Transaction(book.number(), kind, status, gateway, amount, at, parent)
    if kind == "AUTHORIZATION":
        entry.expires = at + AUTHORIZATION_DAYS * DAY
    if gateway == "shopify_payments" and kind in ("SALE", "CAPTURE") and status == "SUCCESS":
        entry.fee = (amount.shop * CARD_FEE + CARD_FLAT).quantize(Decimal("0.01"))
    book.transactions.append(entry)
    return entry


def pay(book: Book, at: int, gateway: str | None = None) -> None:
    """Pay what is open: capture an authorization, settle a pending payment, or take the rest by a gateway.

    Raises:
        OrderError: nothing is open.
    """
    totals = Totals(book)
    open_now = totals.outstanding
    if book.cancelled is not None or open_now.shop <= 0:
        raise OrderError("This order has nothing left to pay.")
    held = next((entry for entry in book.transactions if _holds(book, entry)), None)
    if held is not None and gateway is None:
        amount = least(open_now, left_of(book, held.num))
        add_transaction(book, "CAPTURE", held.gateway, amount, at, parent=held.num)
        return
    waiting = [entry for entry in book.transactions if entry.kind == "SALE" and _waits(book, entry)]
    name = gateway or (waiting[-1].gateway if waiting else "manual")
    parent = next((entry.num for entry in waiting if entry.gateway == name), None)
    add_transaction(book, "SALE", name, open_now, at, parent=parent)


def _holds(book: Book, entry: Transaction) -> bool:
    return entry.kind == "AUTHORIZATION" and entry.status == "SUCCESS" and bool(left_of(book, entry.num))


def _waits(book: Book, entry: Transaction) -> bool:
    settled = any(other.parent == entry.num and other.status == "SUCCESS" for other in book.transactions)
    return entry.status == "PENDING" and not settled


def fulfil(
    book: Book,
    at: int,
    wanted: dict[int, int] | None = None,
    *,
    tracking: Iterable[Tracking] = (),
    location: int | None = None,
    service: str = "manual",
) -> Fulfillment:
    """Send units of lines, all that are left when none are named.

    Args:
        book: the books.
        at: microseconds since 1970.
        wanted: line number to units.
        tracking: where the parcel is.
        location: number of the location it leaves.
        service: who sends it: "manual" or "gift_card".

    Raises:
        OrderError: nothing, or not so much, is left to send.
    """
    left = book.to_send()
    wanted = {num: count for num, count in (left if wanted is None else wanted).items() if count > 0}
    if book.cancelled is not None or not wanted:
        raise OrderError("This order has nothing left to fulfil.")
    if any(count > left.get(num, 0) for num, count in wanted.items()):
        raise OrderError("More units than are left to fulfil.")
    number = book.number()
    lines = [(book.number(), num, count) for num, count in wanted.items()]
    shipment = Fulfillment(
        number, at, at, lines, tracking=list(tracking), display="FULFILLED", location=location, service=service
    )
    book.fulfillments.append(shipment)
    book.waiting = ""
    return shipment


def give_back(book: Book, refund: Refund, line: Line, count: int, restock: str) -> None:
    """Add units of a line to a refund that is already in the books.

    Args:
        book: the books.
        refund: the refund.
        line: the line.
        count: units.
        restock: "CANCEL" for units not sent, "RETURN" for sent ones, "NO_RESTOCK" for either.

    Raises:
        OrderError: not so many are left.
    """
    done = sum(part.quantity for part in book.refund_lines(line.num))
    if not 0 < count <= line.quantity - done:
        raise OrderError(f"Quantity cannot refund more items than were purchased: {line.title}")
    money = book.currencies
    sent = restock == "RETURN" or (restock == "NO_RESTOCK" and book.to_send()[line.num] < count)
    taxes = [
        Tax(entry.title, entry.rate, money.units(entry.amount, line.quantity, done, count), entry.channel_liable)
        for entry in line.taxes
    ]
    subtotal = money.units(line.net, line.quantity, done, count)
    refund.lines.append(RefundLine(book.number(), line.num, count, subtotal, taxes, restock, sent))


def give_back_shipping(book: Book, refund: Refund, charge: Shipping, amount: Bag) -> None:
    """Add a part of a shipping charge to a refund that is already in the books.

    Raises:
        OrderError: not so much is left.
    """
    done = book.shipping_back(charge.num)
    if least(amount, charge.net - done) != amount:
        raise OrderError("More than the shipping that is left.")
    taxes = [
        Tax(
            entry.title,
            entry.rate,
            book.currencies.part(entry.amount, charge.net, done, amount),
            entry.channel_liable,
        )
        for entry in charge.taxes
    ]
    refund.shipping.append(RefundShipping(book.number(), charge.num, amount, taxes))


def worth(book: Book, refund: Refund) -> Bag:
    """Return what the goods, shipping, duties and fees of a refund are worth, with their taxes."""
    amount = total(part.subtotal for part in refund.lines) + total(part.subtotal for part in refund.shipping)
    amount += total(price for _, price in refund.duties) + total(price for _, price in refund.fees)
    if book.taxes_included:
        return amount
    duties = {line.num: line.duty for line in book.lines if line.duty}
    fees = {fee.num: fee for fee in book.fees}
    taxes = [entry for part in refund.lines for entry in part.taxes]
    taxes += [entry for back in refund.shipping for entry in back.taxes]
    taxes += [entry for num, _ in refund.duties for entry in duties[num].taxes]
    taxes += [entry for num, _ in refund.fees for entry in fees[num].taxes]
    return amount + total(entry.amount for entry in taxes)


def pay_back(book: Book, refund: Refund, at: int, amount: Bag, *, status: str = "SUCCESS") -> None:
    """Give money back over the payments of an order, in their order.

    Raises:
        OrderError: more than was received.
    """
    left = amount
    for payment in [entry for entry in book.transactions if entry.kind in ("SALE", "CAPTURE")]:
        if payment.status != "SUCCESS":
            continue
        given = [entry for entry in book.transactions if entry.kind == "REFUND" and entry.parent == payment.num]
        share = least(left, payment.amount - total(entry.amount for entry in given))
        if share:
            entry = add_transaction(book, "REFUND", payment.gateway, share, at, status=status, parent=payment.num)
            entry.refund = refund.num
            entry.test = payment.test
            left -= share
    if left:
        raise OrderError("Refund amount is greater than net payment received")


def refund_order(
    book: Book,
    at: int,
    lines: Iterable[tuple[int, int, str]] = (),
    *,
    shipping: Bag | None = None,
    money: Bag | None = None,
    note: str = "",
    reason: str = "REFUND_DISCREPANCY",
    back: int | None = None,
    status: str = "SUCCESS",
) -> Refund:
    """Refund goods, shipping and money.

    Args:
        book: the books.
        at: microseconds since 1970.
        lines: (line number, units, restock type).
        shipping: how much of the first shipping charge, without added tax.
        money: what is paid back; None for what the goods and shipping are worth, as far as it was received.
        note: of the merchant.
        reason: why another amount than that is paid back.
        back: number of the return it belongs to.
        status: "PENDING" when the gateway takes its time; the money does not count as refunded then.

    Returns:
        The refund, which is in the books.

    Raises:
        OrderError: more than there is.
    """
    before = Totals(book)
    refund = Refund(book.number(), at, note, back=back)
    book.refunds.append(refund)
    for num, count, restock in lines:
        give_back(book, refund, book.line(num), count, restock)
    if shipping:
        give_back_shipping(book, refund, book.shipping[0], shipping)
    value = worth(book, refund)
    due = value - most(NOTHING, before.outstanding) if value else -least(NOTHING, before.outstanding)
    fair = most(NOTHING, least(due, before.net_payment))
    amount = fair if money is None else money
    pay_back(book, refund, at, amount, status=status)
    if fair - amount:
        refund.adjustments.append(Adjustment(book.number(), fair - amount, reason))
    if status != "SUCCESS" and amount:
        # Shopify books both: what the gateway was told to pay, and that it has not done so yet.
        refund.adjustments.append(Adjustment(book.number(), amount, "PENDING_REFUND_DISCREPANCY"))
    return refund


def edit(
    book: Book, at: int, added: Iterable[Line] = (), removed: Iterable[tuple[int, int]] = (), note: str = ""
) -> Edit:
    """Commit an edit: priced lines come in, (line number, units) go out; no money moves.

    Raises:
        OrderError: not so many units are left, or the order cannot be edited.
    """
    if book.cancelled is not None:
        raise OrderError("A cancelled order cannot be edited.")
    entry = Edit(book.number(), at, note)
    book.edits.append(entry)
    for line in added:
        line.edit = entry.num
        book.lines.append(line)
    gone = list(removed)
    if gone:
        refund = Refund(book.number(), at, edit=entry.num)
        book.refunds.append(refund)
        for num, count in gone:
            give_back(book, refund, book.line(num), count, "CANCEL")
    return entry


def cancel(book: Book, at: int, *, money_back: bool, restock: bool, note: str = "") -> None:
    """Cancel an order: nothing is sold any more, holds are released, money goes back when asked for.

    Raises:
        OrderError: it is cancelled already, or something has been sent.
    """
    if book.cancelled is not None:
        raise OrderError("Cannot cancel an order that has already been canceled")
    if any(shipment.status == "SUCCESS" for shipment in book.fulfillments):
        raise OrderError("Cannot cancel an order that has fulfilled items")
    net_payment = Totals(book).net_payment
    refund = Refund(book.number(), at, note)
    book.refunds.append(refund)
    gone = book.gone()
    for line in book.lines:
        left = line.quantity - gone[line.num]
        if left:
            give_back(book, refund, line, left, "CANCEL" if restock else "NO_RESTOCK")
    for charge in book.shipping:
        left_over = charge.net - book.shipping_back(charge.num)
        if left_over:
            give_back_shipping(book, refund, charge, left_over)
    back = {num for entry in book.refunds for num, _ in entry.duties}
    refund.duties = [(line.num, line.duty.price) for line in book.lines if line.duty and line.num not in back]
    refund.fees = [(fee.num, fee.price) for fee in book.fees]
    for entry in list(book.transactions):
        if _holds(book, entry) or _waits(book, entry):
            add_transaction(book, "VOID", entry.gateway, entry.amount, at, parent=entry.num)
    if money_back and net_payment:
        pay_back(book, refund, at, net_payment)
    book.cancelled = at
    book.waiting = ""
    if not (refund.lines or refund.shipping or refund.duties or refund.fees):
        book.refunds.remove(refund)


def start_return(
    book: Book, at: int, wanted: Iterable[tuple[int, int, str]], *, status: str = "OPEN", note: str = ""
) -> Return:
    """Open a return of fulfilled units: (line number, units, reason).

    Raises:
        OrderError: not so many units were sent.
    """
    shipped = [entry for shipment in book.fulfillments if shipment.status == "SUCCESS" for entry in shipment.lines]
    lines: list[tuple[int, int, int, str]] = []
    for num, count, why in wanted:
        sent = next((own for own, line, units in shipped if line == num and units >= count), None)
        if sent is None:
            raise OrderError("Only fulfilled units can be returned.")
        lines.append((book.number(), sent, count, why))
    entry = Return(book.number(), at, status, lines, note=note)
    book.returns.append(entry)
    return entry
