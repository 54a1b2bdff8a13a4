"""What a person does to an order and no mutation of the pinned schema offers: pay, fulfil, refund, edit, return.

The admin pages and the control API (`POST /_sandbox/acts/{name}`) call the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.common.money import Bag
from sandbox.common.order_actions import (
    OrderError,
    edit,
    fulfil,
    pay,
    refund_order,
    start_return,
)
from sandbox.common.order_book import Book, Tracking
from sandbox.common.order_words import COURIERS
from sandbox.shopify.checkout import Cart, Wish, added_line, place_order
from sandbox.shopify.ids import parse_gid
from sandbox.shopify.mutations.orders import cancel_order
from sandbox.shopify.order_money import decimal_text
from sandbox.shopify.order_records import ORDER_CHILDREN, book_of, name_key, writable_book
from sandbox.shopify.order_writing import delete_order, save_order
from sandbox.shopify.shop import LOCATIONS, Shop
from sandbox.shopify.table import Record

Params = Mapping[str, Any]
Act = Callable[[Shop, Params], Record]
REASONS = ("CUSTOMER", "DECLINED", "FRAUD", "INVENTORY", "OTHER", "STAFF")
DISPLAYS = ("IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED", "FAILURE", "CANCELED")
_PLAIN = (
    "email", "phone", "code", "charge", "gateway", "paid", "authorize", "currency", "taxes_included", "note", "tags",
    "source", "po_number", "locale", "test", "marketing",
)  # fmt: skip


def act(shop: Shop, name: str, params: Params) -> dict[str, Any]:
    """Carry out one act; returns id, name and totals of the order.

    Raises:
        ValueError: an unknown act or parameter, or the order does not allow it.
    """
    known = ACTS.get(name)
    if known is None:
        raise OrderError(f"There is no act {name!r}; there are: {', '.join(ACTS)}.")
    record = known(shop, params)
    summary = record["summary"]
    return {
        "id": f"gid://shopify/Order/{record['num']}",
        "name": record["name"],
        "financial_status": summary["financial"],
        "fulfillment_status": summary["fulfillment"],
        "total": decimal_text(Decimal(summary["total"]) / 100),
        "current_total": decimal_text(Decimal(summary["current"]) / 100),
        "lines": [f"gid://shopify/LineItem/{_child(record, line.num)}" for line in book_of(record).lines],
    }


def find_order(shop: Shop, text: str | int) -> Record:
    """Return an order by global id, number or name ("#1001").

    Raises:
        OrderError: there is none.
    """
    wanted = str(text)
    parsed = parse_gid(wanted)
    number = parsed[1] if parsed else int(wanted) if wanted.isdigit() else None
    record = None if number is None else shop.orders.get(number)
    if record is None:
        found = shop.orders.find(name_key(wanted))
        record = None if found is None else shop.orders.get(found)
    if record is None:
        raise OrderError(f"There is no order {wanted}.")
    return record


def _child(record: Record, number: int) -> int:
    return int(record["num"]) * ORDER_CHILDREN + number


def _amount(value: Any, name: str) -> Decimal:
    try:
        amount = Decimal(str(value).replace(",", "."))
    except InvalidOperation as problem:
        raise OrderError(f"{name} is an amount like 12.50, not {value!r}.") from problem
    if not amount.is_finite() or amount < 0:
        raise OrderError(f"{name} is not negative.")
    return amount


def _line_number(record: Record, text: Any) -> int:
    """Return the number of a line by its global id, its id number, its place from 0, or "num:" and the number."""
    book = book_of(record)
    if str(text).startswith("num:"):
        return book.line(int(str(text).removeprefix("num:"))).num
    parsed = parse_gid(str(text))
    wanted = parsed[1] if parsed else int(text)
    if not parsed and 0 <= wanted < len(book.lines):
        return book.lines[wanted].num
    found = next((line.num for line in book.lines if _child(record, line.num) == wanted), None)
    if found is None:
        raise OrderError(f"Order {record['name']} has no line {text}.")
    return found


def _units(record: Record, given: Any) -> dict[int, int] | None:
    """Return line number to units of `{line: units}` or `[line, ...]` (one unit each); None when nothing is given."""
    if given is None:
        return None
    pairs: Iterable[tuple[Any, Any]] = given.items() if isinstance(given, Mapping) else ((line, 1) for line in given)
    return {_line_number(record, line): int(units) for line, units in pairs}


def _wish(shop: Shop, given: Params) -> Wish:
    unknown = set(given) - {"variant", "sku", "quantity", "title", "price", "rate", "ships", "gift_card", "attributes"}
    if unknown:
        raise OrderError(f"A line does not know {', '.join(sorted(unknown))}.")
    variant = given.get("variant")
    if isinstance(variant, str):
        parsed = parse_gid(variant)
        variant = parsed[1] if parsed else int(variant)
    if variant is None and given.get("sku"):
        wanted = str(given["sku"])
        variant = next((entry["num"] for entry in shop.variants.all() if entry.get("sku") == wanted), None)
        if variant is None:
            raise OrderError(f"There is no variant with the SKU {wanted!r}.")
    return Wish(
        variant,
        int(given.get("quantity", 1)),
        str(given.get("title", "")),
        None if given.get("price") is None else _amount(given["price"], "price"),
        None if given.get("rate") is None else _amount(given["rate"], "rate"),
        bool(given.get("ships", True)),
        bool(given.get("gift_card", False)),
        tuple((given.get("attributes") or {}).items()),
    )


def _place(shop: Shop, params: Params) -> Record:
    """`lines` (see `Wish`, or `sku`) and the other fields of `Cart`."""
    known = {*_PLAIN, "lines", "address", "customer", "tip", "attributes"}
    if set(params) - known:
        raise OrderError(f"An order does not know {', '.join(sorted(set(params) - known))}; it knows {sorted(known)}.")
    customer = params.get("customer")
    if isinstance(customer, str):
        parsed = parse_gid(customer)
        customer = parsed[1] if parsed else int(customer)
    cart = Cart(
        [_wish(shop, line) for line in params.get("lines") or ()],
        address=params.get("address") or {},
        customer=customer,
        tip=_amount(params.get("tip", 0), "tip"),
        attributes=tuple((params.get("attributes") or {}).items()),
        **{name: params[name] for name in _PLAIN if name in params},
    )
    return place_order(shop, cart)


def _pay(shop: Shop, params: Params) -> Record:
    record = find_order(shop, params["order"])
    book = writable_book(record)
    pay(book, shop.clock.now(), params.get("gateway"))
    return save_order(shop, record, book)


def courier_tracking(company: str, number: str, url: str = "") -> list[Tracking]:
    """Return the tracking of a parcel; the address of a known courier's page is filled in."""
    if not (company or number or url):
        return []
    known = dict(COURIERS).get(company)
    return [Tracking(company, number, url or (known.format(number) if known else ""))]


def _fulfil(shop: Shop, params: Params) -> Record:
    record = find_order(shop, params["order"])
    book = writable_book(record)
    texts = (str(params.get(name) or "") for name in ("company", "number", "url"))
    fulfil(
        book,
        shop.clock.now(),
        _units(record, params.get("lines")),
        tracking=courier_tracking(*texts),
        location=next(iter(LOCATIONS)),
    )
    return save_order(shop, record, book)


def _track(shop: Shop, params: Params) -> Record:
    """`display`: one of DISPLAYS, of the `parcel` (from 0; the last one by default); company, number, url."""
    record = find_order(shop, params["order"])
    book = writable_book(record)
    if not book.fulfillments:
        raise OrderError("Nothing has been sent yet.")
    parcel = book.fulfillments[int(params.get("parcel", -1))]
    display = params.get("display")
    if display is not None:
        if display not in DISPLAYS:
            raise OrderError(f"display is one of {', '.join(DISPLAYS)}.")
        parcel.display = display
        parcel.status = "CANCELLED" if display == "CANCELED" else parcel.status
        parcel.delivered = shop.clock.now() if display == "DELIVERED" else parcel.delivered
    texts = [str(params.get(name) or "") for name in ("company", "number", "url")]
    parcel.tracking = courier_tracking(*texts) or parcel.tracking
    parcel.updated = shop.clock.now()
    return save_order(shop, record, book)


def _both(book: Book, amount: Decimal, whole: Bag) -> Bag:
    """Return an amount in the shop's currency in both: all of `whole` exactly, other amounts at the order's rate."""
    if amount == whole.shop:
        return whole
    if book.currencies.shop == book.currencies.shown:
        return Bag(amount, amount)
    return book.currencies.price(amount)


def _refund(shop: Shop, params: Params) -> Record:
    """`lines` as units, "all" for everything; `restock`; `shipping` amount or "all"; `money`, `note`, `reason`,
    `pending`.
    """
    record = find_order(shop, params["order"])
    book = writable_book(record)
    gone = book.gone()
    everything = {line.num: line.quantity - gone[line.num] for line in book.lines}
    units = everything if params.get("lines") == "all" else _units(record, params.get("lines")) or {}
    restock = params.get("restock")
    shipping = None
    if params.get("shipping") is not None and book.shipping:
        left = book.shipping[0].net - book.shipping_back(book.shipping[0].num)
        shipping = left if params["shipping"] == "all" else _both(book, _amount(params["shipping"], "shipping"), left)
    money = None
    if params.get("money") is not None:
        received = next((entry.amount for entry in book.transactions if entry.kind in ("SALE", "CAPTURE")), None)
        amount = _amount(params["money"], "money")
        money = _both(book, amount, received or Bag(amount, amount))
    back = book.returns[-1].num if params.get("back") and book.returns else None
    sent = book.sent()
    refund_order(
        book,
        shop.clock.now(),
        [
            (num, count, restock or ("RETURN" if sent[num] >= count else "CANCEL"))
            for num, count in units.items()
            if count
        ],
        shipping=shipping or None,
        money=money,
        note=str(params.get("note") or ""),
        reason=params.get("reason") or "REFUND_DISCREPANCY",
        back=back,
        status="PENDING" if params.get("pending") else "SUCCESS",
    )
    return save_order(shop, record, book)


def _edit(shop: Shop, params: Params) -> Record:
    """`add`: lines as for a new order; `remove`: units; `note`."""
    record = find_order(shop, params["order"])
    book = writable_book(record)
    country = (record.get("shipping") or record.get("billing") or {}).get("countryCode") or "IT"
    added = [added_line(shop, book, _wish(shop, line), country) for line in params.get("add") or ()]
    removed = _units(record, params.get("remove")) or {}
    if not added and not any(removed.values()):
        raise OrderError("There must be at least one change to be made.")
    gone = [(num, count) for num, count in removed.items() if count]
    edit(book, shop.clock.now(), added, gone, note=str(params.get("note") or ""))
    return save_order(shop, record, book)


def _cancel(shop: Shop, params: Params) -> Record:
    """`reason`: one of REASONS; `refund` the money (true), `restock` (true), `note`."""
    record = find_order(shop, params["order"])
    reason = str(params.get("reason", "CUSTOMER")).upper()
    if reason not in REASONS:
        raise OrderError(f"reason is one of {', '.join(REASONS)}.")
    return cancel_order(
        shop,
        record,
        reason,
        money_back=bool(params.get("refund", True)),
        restock=bool(params.get("restock", True)),
        staff_note=params.get("note"),
    )


def _return(shop: Shop, params: Params) -> Record:
    """`lines` as units; `status` REQUESTED, OPEN or DECLINED; `reason`, `note`."""
    record = find_order(shop, params["order"])
    book = writable_book(record)
    units = _units(record, params.get("lines")) or {}
    reason = str(params.get("reason", "UNWANTED"))
    start_return(
        book,
        shop.clock.now(),
        [(num, count, reason) for num, count in units.items()],
        status=str(params.get("status", "OPEN")),
        note=str(params.get("note") or ""),
    )
    return save_order(shop, record, book)


def _settle_return(shop: Shop, params: Params) -> Record:
    """The last return: `status` OPEN, CLOSED, DECLINED or CANCELED."""
    record = find_order(shop, params["order"])
    book = writable_book(record)
    if not book.returns:
        raise OrderError("There is no return.")
    back = book.returns[-1]
    back.status = str(params.get("status", "CLOSED"))
    back.closed = shop.clock.now() if back.status == "CLOSED" else None
    return save_order(shop, record, book)


def _close(shop: Shop, params: Params) -> Record:
    record = find_order(shop, params["order"])
    record["closedAt"] = shop.clock.now()
    return save_order(shop, record)


def _open(shop: Shop, params: Params) -> Record:
    record = find_order(shop, params["order"])
    record["closedAt"] = None
    return save_order(shop, record)


def _hold(shop: Shop, params: Params) -> Record:
    """`state`: ON_HOLD, SCHEDULED, IN_PROGRESS, or empty to go on."""
    record = find_order(shop, params["order"])
    book = writable_book(record)
    book.waiting = str(params.get("state", "ON_HOLD"))
    return save_order(shop, record, book)


def _delete(shop: Shop, params: Params) -> Record:
    record = find_order(shop, params["order"])
    delete_order(shop, record)
    return record


ACTS: Mapping[str, Act] = {
    "place_order": _place,
    "pay_order": _pay,
    "fulfil_order": _fulfil,
    "track_order": _track,
    "refund_order": _refund,
    "edit_order": _edit,
    "cancel_order": _cancel,
    "return_order": _return,
    "settle_return": _settle_return,
    "close_order": _close,
    "open_order": _open,
    "hold_order": _hold,
    "delete_order": _delete,
}
