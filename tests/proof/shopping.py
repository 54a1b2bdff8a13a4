"""What people do with orders in the shop, and what the books of the site must say of them.

The sums come from the sandbox shop's own books, which know nothing of how the synchroniser reads an order.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox.common.order_actions import OrderError
from sandbox.shopify.order_acts import act, find_order
from shopify_fw360.errors import SALE_DIFFERS
from shopify_fw360.records import Entity
from tests.proof.judges import BrokenError
from tests.proof.people import SHOP, SITE, People, Thing, letters

if TYPE_CHECKING:
    from tests.proof.history import Telling

_RATES = ("0.22", "0.10", "0.04")
_GATEWAYS = ("paypal", "Bonifico bancario", "shopify_payments")
_CODES = ("", "", "", "SCONTO10", "BENVENUTO5", "OMAGGIO100")
_UNKNOWN = "satispay_ponte_v2"
_ADDRESS = {"lastName": "Rossi", "address1": "Via Po 1", "city": "Torino", "zip": "10123", "provinceCode": "TO"}
_COLLECTED = ("PAID", "PARTIALLY_REFUNDED", "REFUNDED")


@dataclass
class Order(Thing):
    """An order, as people know it.

    Args:
        number: of its id.
        strange: it was paid by a gateway that stands in no table, so that it cannot be booked.
        totals: what it came to, one after another.
    """

    number: int = 0
    strange: bool = False
    totals: list[Decimal] = field(default_factory=list)


def orders_of(people: People) -> list[Order]:
    return [thing for thing in people.things if isinstance(thing, Order)]


def _act(people: People, name: str, **params: Any) -> Any:
    return act(people.systems.shop.shop, name, params)


def place_order(people: People, draw: random.Random) -> str | None:
    if len(orders_of(people)) >= 4:
        return change_order(people, draw)
    lines = [_line(people, draw) for _ in range(draw.choice((1, 1, 2, 3)))]
    buyers = [order.keys for order in orders_of(people)]
    known = draw.choice(buyers) if buyers and draw.random() < 0.4 else None
    email = next(iter(known)) if known else f"{letters(people.number()).lower()}@example.com"
    gateway = _UNKNOWN if draw.random() < 0.05 else draw.choice(_GATEWAYS)
    made = _act(
        people,
        "place_order",
        lines=lines,
        email=email,
        address={**_ADDRESS, "firstName": letters(people.number()), "countryCode": "IT"},
        gateway=gateway,
        code=draw.choice(_CODES),
        charge=draw.choice(("", "standard")),
        tip=draw.choice((0, 0, 0, "2.00")),
    )
    order = Order(Entity.ORDER, f"order {made['name']}", {SHOP: made["id"]}, keys={email}, strange=gateway == _UNKNOWN)
    order.number = int(made["id"].rpartition("/")[2])
    people.things.append(order)
    _note(people, order)
    goods = ", ".join(f"{line['quantity']} x {line['price']} ({line['rate']})" for line in lines)
    return f"{email} places {order.name}: {goods}; {gateway}, {order.totals[-1]} in all"


def _line(people: People, draw: random.Random) -> dict[str, Any]:
    price = f"{draw.randrange(50, 9900) / 100:.2f}"
    return {"title": letters(people.number()), "price": price, "quantity": draw.choice((1, 1, 2, 3)),
            "rate": draw.choice(_RATES)}  # fmt: skip


def _note(people: People, order: Order) -> None:
    total = _expected_total(find_order(people.systems.shop.shop, order.number))
    if not order.totals or order.totals[-1] != total:
        order.totals.append(total)


def change_order(people: People, draw: random.Random) -> str | None:
    there = [order for order in orders_of(people) if SHOP not in order.gone]
    if not there:
        return None
    order = draw.choice(there)
    said, name, params = draw.choice(_CHANGES)(people, order, draw)
    try:
        _act(people, name, order=order.ids[SHOP], **params)
    except OrderError:
        # Nobody can send what is sent already, or pay what is paid.
        return None
    _note(people, order)
    return f"{order.name} {said}; it comes to {order.totals[-1]}"


_Change = Callable[[People, Order, random.Random], tuple[str, str, dict[str, Any]]]


def _pay(_: People, __: Order, ___: random.Random) -> tuple[str, str, dict[str, Any]]:
    return "is paid", "pay_order", {}


def _fulfil(people: People, _: Order, draw: random.Random) -> tuple[str, str, dict[str, Any]]:
    lines = {"0": 1} if draw.random() < 0.4 else None
    parcel = {"company": "BRT", "number": f"TRK{people.number()}"} if draw.random() < 0.5 else {}
    return f"is sent ({'one unit' if lines else 'all'}) {parcel or ''}", "fulfil_order", {"lines": lines, **parcel}


def _refund(_: People, __: Order, draw: random.Random) -> tuple[str, str, dict[str, Any]]:
    how: dict[str, Any] = draw.choice(
        ({"lines": {"0": 1}}, {"lines": {"0": 1}, "shipping": "all"}, {"lines": "all", "shipping": "all"},
         {"lines": "all"}, {"money": "1.00"}, {"shipping": "1.00"})
    )  # fmt: skip
    return f"is refunded: {how}", "refund_order", how


def _edit(people: People, _: Order, draw: random.Random) -> tuple[str, str, dict[str, Any]]:
    how: dict[str, Any] = {}
    if draw.random() < 0.7:
        how["add"] = [_line(people, draw)]
    if draw.random() < 0.5 or not how:
        how["remove"] = {"0": 1}
    return f"is edited: {how}", "edit_order", how


def _cancel(_: People, __: Order, draw: random.Random) -> tuple[str, str, dict[str, Any]]:
    refund = draw.random() < 0.7
    return f"is cancelled {'and the money goes back' if refund else ''}", "cancel_order", {"refund": refund}


def _wait(_: People, __: Order, draw: random.Random) -> tuple[str, str, dict[str, Any]]:
    state = draw.choice(("ON_HOLD", "IN_PROGRESS", ""))
    return f"waits: {state!r}", "hold_order", {"state": state}


_CHANGES: tuple[_Change, ...] = (_pay, _pay, _fulfil, _fulfil, _refund, _refund, _edit, _cancel, _wait)


def delete_order(people: People, draw: random.Random) -> str | None:
    there = [order for order in orders_of(people) if SHOP not in order.gone]
    if not there:
        return None
    order = draw.choice(there)
    try:
        _act(people, "delete_order", order=order.ids[SHOP])
    except OrderError:
        return None
    order.gone.add(SHOP)
    return f"{order.name} is deleted"


# The books -----------------------------------------------------------------------------------------------------------


def _is_void(record: Any) -> bool:
    return bool(record.get("cancelledAt")) or record["summary"]["financial"] == "REFUNDED"


def _expected_total(record: Any) -> Decimal:
    """What is booked: as it is now, or of an order that came to nothing as it was sold."""
    return Decimal(record["summary"]["total" if _is_void(record) else "current"]) / 100


def _expected_status(record: Any) -> str:
    if record.get("cancelledAt"):
        return "Annullato"
    financial, fulfilment = record["summary"]["financial"], record["summary"]["fulfillment"]
    if financial == "REFUNDED":
        return "Rimborsato"
    if fulfilment in ("FULFILLED", "FULFILLMENT_NOT_REQUIRED"):
        return "Completato" if financial in ("PAID", "PARTIALLY_REFUNDED") else "Spedito"
    return "In lavorazione"


def judge_sales(telling: Telling) -> None:
    """Compare the sales of the site with the orders of the shop; raises BrokenError."""
    people = telling.people
    sales: dict[str, list[Any]] = {}
    for sale in people.systems.site.store.orders.values():
        sales.setdefault(" ".join(sorted(sale.labels)), []).append(sale)
    with telling.office.store.read() as tx:
        parked = {row.source_id: f"{row.error_code} {row.error_message}" for row in tx.parked(limit=50)}
    statuses = {str(row["id"]): row["nome"] for row in people.site.call("GET", "orders/statuses")}
    for order in orders_of(people):
        found = sales.pop(f"shopify shopify:{order.number}", [])
        if len(found) > 1:
            raise BrokenError("double", f"{order.name} is booked {len(found)} times")
        if SHOP in order.gone:
            # Nobody need have seen it; a sale that was booked stays.
            if order.met and not found:
                raise BrokenError("deleted", f"the sale of {order.name} went with it")
            continue
        if not found:
            reason = parked.get(order.ids[SHOP])
            if not order.strange or reason is None or _UNKNOWN not in reason:
                raise BrokenError("missing", f"{order.name} was never booked; {reason or 'and is not parked'}")
            continue
        order.met = True
        order.ids[SITE] = str(found[0].id)
        _judge_sale(telling, order, found[0], statuses, parked.get(order.ids[SHOP]))
    if sales:
        raise BrokenError("double", f"sales nobody knows: {sorted(sales)}")
    mails = [customer.email for customer in people.systems.site.store.customers.values()]
    if len(mails) != len(set(mails)):
        raise BrokenError("double", f"buyers are registered twice: {sorted(mails)}")


def _judge_sale(telling: Telling, order: Order, sale: Any, statuses: dict[str, str], parked: str | None) -> None:
    record = find_order(telling.people.systems.shop.shop, order.number)
    if parked is not None:
        raise BrokenError("parked", f"{order.name} is booked, and parked all the same: {parked}")
    status, expected = statuses[str(sale.status)], _expected_status(record)
    if status != expected:
        raise BrokenError("status", f"the sale of {order.name} is {status}, not {expected}; {record['summary']}")
    buyer = telling.people.systems.site.store.customers[sale.customer_id]
    if buyer.email not in order.keys:
        raise BrokenError("buyer", f"the sale of {order.name} belongs to {buyer.email}, not to {order.keys}")
    total = _expected_total(record)
    if telling.office.updatable:
        if sale.total != total:
            raise BrokenError("sum", f"the sale of {order.name} comes to {sale.total}, the order to {total}")
        if sale.paid != (record["summary"]["financial"] in _COLLECTED):
            raise BrokenError("payment", f"the sale of {order.name} is paid: {sale.paid}; {record['summary']}")
    elif sale.total != total:
        # It is what the order once was, and people are told that it differs.
        with telling.office.store.read() as tx:
            link = tx.links(Entity.ORDER, SHOP, [order.ids[SHOP]])[order.ids[SHOP]]
        if sale.total not in order.totals or link.error_code != SALE_DIFFERS.code:
            raise BrokenError(
                "sum", f"the sale of {order.name} comes to {sale.total}, the order to {order.totals}; {link.error_code}"
            )
