"""How the orders of the seed are paid, and what happens to them afterwards."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from sandbox.common.money import NOTHING, Bag, rounded
from sandbox.common.order_actions import (
    add_transaction,
    cancel,
    edit,
    fulfil,
    pay,
    refund_order,
    start_return,
)
from sandbox.common.order_book import Fulfillment, Tracking
from sandbox.common.order_totals import Totals
from sandbox.common.order_words import CARD_GATEWAYS, COD, COURIERS, MANUAL_GATEWAYS, UNKNOWN_GATEWAY

if TYPE_CHECKING:
    from sandbox.common.order_stories import Story

End = Callable[["Story"], None]
_CENT_STEP = Decimal("0.05")


def due(story: Story) -> Bag:
    """Return what is to be paid."""
    return Totals(story.book).total.price


def sale(story: Story, gateway: str, amount: Bag | None = None) -> None:
    """Pay at once."""
    entry = add_transaction(story.book, "SALE", gateway, amount or due(story), story.later(0.0001))
    entry.test = story.test


def ordinary_payment(story: Story) -> None:
    """Pay as most people do."""
    pick = story.draw.random()
    if pick < 0.8:
        sale(story, story.draw.choices(CARD_GATEWAYS, (50, 30, 20))[0])
    elif pick < 0.9:
        _promised(story, story.draw.choice(MANUAL_GATEWAYS), paid=story.draw.random() < 0.6)
    else:
        _promised(story, COD, paid=story.draw.random() < 0.6)


def _promised(story: Story, gateway: str, *, paid: bool) -> None:
    add_transaction(story.book, "SALE", gateway, due(story), story.later(0.0001), status="PENDING")
    if paid:
        pay(story.book, story.later(2))


def _authorize(story: Story, *, expires: bool = False) -> int:
    entry = add_transaction(story.book, "AUTHORIZATION", "shopify_payments", due(story), story.later(0.0001))
    if not expires:
        entry.expires = None
    return entry.num


def _captured(story: Story) -> None:
    _authorize(story)
    pay(story.book, story.later(1))


def _captured_in_part(story: Story) -> None:
    parent = _authorize(story)
    amount = story.share(due(story), 60)
    add_transaction(story.book, "CAPTURE", "shopify_payments", amount, story.later(1), parent=parent)


def _voided(story: Story) -> None:
    parent = _authorize(story)
    add_transaction(story.book, "VOID", "shopify_payments", due(story), story.later(1), parent=parent)


def _failed_then_paid(story: Story) -> None:
    for status, code in (("FAILURE", "CARD_DECLINED"), ("ERROR", "PROCESSING_ERROR")):
        entry = add_transaction(story.book, "SALE", "stripe", due(story), story.later(0.0001), status=status)
        entry.error = code
    sale(story, "stripe")


def _split(story: Story) -> None:
    whole = due(story)
    first = story.share(whole, 37)
    sale(story, "gift_card", first)
    sale(story, "shopify_payments", whole - first)


def _cash(story: Story) -> None:
    whole = due(story)
    steps = rounded(whole.shop / _CENT_STEP, 0) * _CENT_STEP
    sale(story, "cash")
    story.book.transactions[-1].rounding = Bag(steps - whole.shop, steps - whole.shop)


def _gateway(name: str) -> End:
    return lambda story: sale(story, name)


def _promise(name: str, *, paid: bool) -> End:
    return lambda story: _promised(story, name, paid=paid)


def _hold(story: Story) -> None:
    _authorize(story)


def _hold_that_expires(story: Story) -> None:
    _authorize(story, expires=True)


PAYMENTS: dict[str, End] = {
    "nothing_stated": lambda _: None,
    "gift_card_payment": _gateway("gift_card"),
    "split_payment": _split,
    "authorized": _hold,
    "authorization_expired": _hold_that_expires,
    "captured": _captured,
    "captured_in_part": _captured_in_part,
    "voided": _voided,
    "failed_then_paid": _failed_then_paid,
    "bank_pending": _promise("Bonifico bancario", paid=False),
    "bank_paid": _promise("Bank transfer", paid=True),
    "cod_pending": _promise(COD, paid=False),
    "cod_paid": _promise(COD, paid=True),
    "additional_fee": _promise(COD, paid=False),
    "unknown_gateway": _gateway(UNKNOWN_GATEWAY),
    "bogus_test": _gateway("bogus"),
    "cash_rounding": _cash,
    "cancelled_declined": _hold,
    "cancelled_fraud": _hold,
    "cancelled_inventory": _promise("Bank Deposit", paid=False),
    **{
        name: _gateway("shopify_payments")
        for name in (
            "removed_line", "added_line", "reduced_line", "refund_line", "refund_units", "refund_shipping",
            "refund_less", "refund_more", "refund_money_only", "refund_without_money", "refund_twice",
            "exchange", "return_open", "return_closed", "return_declined", "return_requested", "cancelled_customer",
            "cancelled_other", "cancelled_staff", "giant", "many_refunds", "tip",
        )
    },
    "refund_all": _split,
    "refund_pending": _gateway("paypal"),
}  # fmt: skip


def tracked(story: Story) -> list[Tracking]:
    """Return the tracking of a parcel."""
    company, url = story.draw.choice(COURIERS)
    number = f"{story.draw.randrange(10**10, 10**11)}"
    return [Tracking(company, number, url.format(number))]


def send(story: Story, wanted: dict[int, int] | None = None, days: float = 1.5) -> Fulfillment | None:
    """Send what is left, or some of it, with tracking; None when nothing is left."""
    cards = {line.num: line.quantity for line in story.book.lines if line.gift_card}
    left = story.book.to_send()
    if wanted is None and any(left.get(num) for num in cards):
        fulfil(story.book, story.later(0.001), {num: left[num] for num in cards}, service="gift_card")
        left = story.book.to_send()
    if not any(left.values()):
        return None
    ships = any(line.ships for line in story.book.lines)
    shipment = fulfil(story.book, story.later(days), wanted, tracking=tracked(story) if ships else ())
    if ships and story.draw.random() < 0.6:
        shipment.display = story.draw.choice(("IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED", "DELIVERED"))
        shipment.updated = story.later(1)
        shipment.delivered = shipment.updated if shipment.display == "DELIVERED" else None
    return shipment


def ordinary_end(story: Story) -> None:
    """Send it, or not yet; close what is done."""
    pick = story.draw.random()
    if pick < 0.6:
        send(story)
        if Totals(story.book).outstanding.shop <= 0 and story.draw.random() < 0.6:
            story.closed = story.later(0.5)
    elif pick < 0.7:
        _send_first(story)


def _send_first(story: Story) -> None:
    left = story.book.to_send()
    first = next((num for num, count in left.items() if count), None)
    if first is not None:
        send(story, {first: max(1, left[first] // 2)})


def _several_parcels(story: Story) -> None:
    for num, count in story.book.to_send().items():
        if count:
            send(story, {num: count}, days=1)


def _parcel_cancelled(story: Story) -> None:
    shipment = send(story)
    if shipment is not None:
        shipment.status, shipment.display = "CANCELLED", "CANCELED"
        shipment.updated = story.later(0.5)
        shipment.delivered = None
    _send_first(story)


def _waiting(word: str) -> End:
    def wait(story: Story) -> None:
        story.book.waiting = word
        story.later(0.2)

    return wait


def _first(story: Story) -> int:
    return story.book.lines[0].num


def _removed_line(story: Story) -> None:
    edit(story.book, story.later(0.5), removed=[(_first(story), story.book.lines[0].quantity)], note="Esaurito")
    if story.draw.random() < 0.5:
        refund_order(story.book, story.later(1), note="Differenza")
    send(story)


def _added_line(story: Story) -> None:
    edit(story.book, story.later(0.5), added=[story.priced(story.product_line(2))], note="Aggiunta al telefono")
    if story.draw.random() < 0.5:
        pay(story.book, story.later(1), "Bonifico bancario")
    send(story)


def _reduced_line(story: Story) -> None:
    edit(story.book, story.later(0.5), removed=[(_first(story), 1)])
    refund_order(story.book, story.later(0.1))


def _edited_in_part_paid(story: Story) -> None:
    new = story.priced(story.custom_line(1))
    edit(story.book, story.later(0.5), added=[new], removed=[(_first(story), 1)], note="Cambio articolo")


def _refund_line(story: Story) -> None:
    send(story)
    refund_order(story.book, story.later(5), [(_first(story), story.book.lines[0].quantity, "RETURN")], note="Reso")


def _refund_units(story: Story) -> None:
    send(story)
    refund_order(story.book, story.later(5), [(_first(story), 1, "RETURN")])
    refund_order(story.book, story.later(2), [(_first(story), 1, "NO_RESTOCK")], note="Rotto")


def _refund_shipping(story: Story) -> None:
    charges = story.book.shipping
    shipping = charges[0].net if charges else None
    refund_order(story.book, story.later(2), shipping=shipping, note="In ritardo")


def _refund_less(story: Story) -> None:
    send(story)
    money = story.share(story.book.lines[0].net, 80)
    lines = [(_first(story), story.book.lines[0].quantity, "RETURN")]
    refund_order(story.book, story.later(4), lines, money=money, reason="DAMAGE", note="Senza imballo")


def _refund_more(story: Story) -> None:
    charges = story.book.shipping
    extra = charges[0].net if charges else NOTHING
    money = story.book.lines[0].net + extra
    if not story.book.taxes_included:
        money = story.book.lines[0].net
    lines = [(_first(story), story.book.lines[0].quantity, "CANCEL")]
    refund_order(story.book, story.later(4), lines, money=money, reason="CUSTOMER", note="Scuse")


def _refund_money_only(story: Story) -> None:
    send(story)
    refund_order(story.book, story.later(3), money=story.share(due(story), 10), note="Buona volontà")


def _refund_without_money(story: Story) -> None:
    lines = [(_first(story), 1, "CANCEL")]
    refund_order(story.book, story.later(3), lines, money=NOTHING, reason="RESTOCK", note="Rimesso a scaffale")


def _refund_all(story: Story) -> None:
    send(story)
    lines = [(line.num, line.quantity, "RETURN") for line in story.book.lines]
    shipping = story.book.shipping[0].net if story.book.shipping else None
    refund_order(story.book, story.later(6), lines, shipping=shipping, note="Reso completo")


def _refund_pending(story: Story) -> None:
    lines = [(_first(story), 1, "NO_RESTOCK")]
    refund_order(story.book, story.later(3), lines, status="PENDING")


def _refund_twice(story: Story) -> None:
    _refund_shipping(story)
    refund_order(story.book, story.later(1), [(_first(story), 1, "CANCEL")])


def _many_refunds(story: Story) -> None:
    for _ in range(story.book.lines[0].quantity):
        refund_order(story.book, story.later(0.01), [(_first(story), 1, "NO_RESTOCK")])


def _return(status: str) -> End:
    def end(story: Story) -> None:
        send(story)
        sent = story.book.fulfillments[-1].lines[0][1]
        back = start_return(
            story.book, story.later(3), [(sent, 1, "SIZE_TOO_SMALL")], status=status, note="Taglia sbagliata"
        )
        if status == "CLOSED":
            refund_order(story.book, story.later(4), [(sent, 1, "RETURN")], back=back.num)
            back.closed = story.at

    return end


def _exchange(story: Story) -> None:
    send(story)
    back = start_return(story.book, story.later(3), [(_first(story), 1, "COLOR")])
    new = story.priced(story.product_line())
    edit(story.book, story.later(1), added=[new], note="Cambio")
    back.exchange = [new.num]
    refund_order(story.book, story.later(1), [(_first(story), 1, "RETURN")], back=back.num)
    back.status, back.closed = "CLOSED", story.at
    if Totals(story.book).outstanding.shop > 0:
        pay(story.book, story.later(0.1), "shopify_payments")
    send(story)


def _cancelled(reason: str, *, money_back: bool, restock: bool) -> End:
    def end(story: Story) -> None:
        cancel(story.book, story.later(0.4), money_back=money_back, restock=restock, note="Annullato")
        story.cancel_reason = reason
        story.closed = story.at

    return end


def _archived(story: Story) -> None:
    send(story)
    if Totals(story.book).outstanding.shop > 0:
        pay(story.book, story.later(1))
    story.closed = story.later(1)


def _send_all(story: Story) -> None:
    send(story)


def _nothing(story: Story) -> None:
    story.later(0.001)


AFTERWARDS: dict[str, End] = {
    "partly_fulfilled": _send_first,
    "several_parcels": _several_parcels,
    "parcel_cancelled": _parcel_cancelled,
    "on_hold": _waiting("ON_HOLD"),
    "scheduled": _waiting("SCHEDULED"),
    "in_progress": _waiting("IN_PROGRESS"),
    "removed_line": _removed_line,
    "added_line": _added_line,
    "reduced_line": _reduced_line,
    "edited_in_part_paid": _edited_in_part_paid,
    "refund_line": _refund_line,
    "refund_units": _refund_units,
    "refund_shipping": _refund_shipping,
    "refund_less": _refund_less,
    "refund_more": _refund_more,
    "refund_money_only": _refund_money_only,
    "refund_without_money": _refund_without_money,
    "refund_all": _refund_all,
    "refund_pending": _refund_pending,
    "refund_twice": _refund_twice,
    "many_refunds": _many_refunds,
    "return_requested": _return("REQUESTED"),
    "return_open": _return("OPEN"),
    "return_closed": _return("CLOSED"),
    "return_declined": _return("DECLINED"),
    "exchange": _exchange,
    "cancelled_customer": _cancelled("CUSTOMER", money_back=True, restock=True),
    "cancelled_declined": _cancelled("DECLINED", money_back=False, restock=True),
    "cancelled_fraud": _cancelled("FRAUD", money_back=False, restock=False),
    "cancelled_inventory": _cancelled("INVENTORY", money_back=True, restock=True),
    "cancelled_other": _cancelled("OTHER", money_back=True, restock=True),
    "cancelled_staff": _cancelled("STAFF", money_back=False, restock=True),
    "archived": _archived,
    "authorized": _nothing,
    "authorization_expired": _nothing,
    "voided": _nothing,
    "captured_in_part": _nothing,
    "bank_pending": _nothing,
    "giant": _send_all,
    "nothing_stated": _nothing,
}
