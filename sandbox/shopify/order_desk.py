"""The admin pages of orders: look at them, pay, send, refund, edit, take back, cancel, delete."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.common.money import Bag
from sandbox.common.order_actions import OrderError
from sandbox.common.order_book import Book, Line
from sandbox.common.order_totals import Totals
from sandbox.common.order_words import COURIERS
from sandbox.common.page_parts import Act, FormError, FormField, Sheet, Table, Values, Words
from sandbox.shopify.connections import count_matches
from sandbox.shopify.mutations.orders import apply_order_input
from sandbox.shopify.order_acts import DISPLAYS, REASONS, act
from sandbox.shopify.order_records import book_of, totals_of
from sandbox.shopify.order_search import order_language
from sandbox.shopify.order_writing import delete_order, save_order
from sandbox.shopify.searching import compile_search
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record
from sandbox.shopify.times import shown

if TYPE_CHECKING:
    from sandbox.shopify.backend import ShopifyBackend

_FIELDS = (
    FormField("email", "E-mail", "email", "Order"),
    FormField("phone", "Phone, with country code", "tel", "Order"),
    FormField("poNumber", "PO number", group="Order"),
    FormField("tags", "Tags, separated by commas", group="Order"),
    FormField("note", "Note", "textarea", "Order"),
    FormField("attributes", "Attributes, one name=value per line", "textarea", "Order"),
)
_COMPANIES = (("", "no tracking"), *((name, name) for name, _ in COURIERS))
_RESTOCK = (("", "as it fits"), ("RETURN", "returned"), ("CANCEL", "not sent"), ("NO_RESTOCK", "do not restock"))
_LINES_SHOWN = 40
"""Lines that get an input of their own."""


class OrderSection:
    """Orders of the shop.

    Args:
        backend: gives the current shop; a reset replaces it.
    """

    words = Words(
        "orders",
        "order",
        "orders",
        "Name, e-mail, tag:x, financial_status:paid",
        "Delete order",
        "Order deleted.",
        creatable=False,
    )
    columns: Sequence[str] = (
        "Order", "Date", "Buyer", "E-mail", "Total", "Payment", "Fulfilment", "Gateway", "Items",
    )  # fmt: skip

    def __init__(self, backend: ShopifyBackend) -> None:
        self._backend = backend

    @property
    def _shop(self) -> Shop:
        return self._backend.shop

    def fields(self, _record_id: str | None) -> Sequence[FormField]:
        """Return the inputs of the form."""
        return _FIELDS

    def search(self, text: str, page: int, size: int) -> tuple[Sequence[tuple[str, Sequence[str]]], int]:
        """Return one page of orders, newest first; the text is Shopify's search syntax."""
        shop = self._shop
        search = compile_search(text, order_language(shop))
        total = count_matches(shop.orders, search, None)["count"]
        found = (record for _, record in shop.orders.scan("CREATED_AT", backwards=True) if search.matches(record))
        shown_now = itertools.islice(found, (page - 1) * size, page * size)
        return [(str(record["num"]), _cells(record)) for record in shown_now], total

    def read(self, record_id: str) -> Sheet | None:
        """Return one order with its lines, sums, payments, parcels and refunds."""
        record = self._find(record_id)
        if record is None:
            return None
        return Sheet(
            f"Order {record['name']}",
            _values(record),
            facts=self._facts(record),
            tables=tuple(table for table in _tables(record) if table.rows),
        )

    def create(self, _values: Values) -> str:
        """Orders are made in the shop, not here."""
        raise FormError("Buy something in the shop to make an order.")

    def update(self, record_id: str, values: Values) -> None:
        """Store what the person changed in the form."""
        record = self._needed(record_id)
        before = _values(record)
        edited = {name: str(value) for name, value in values.items() if value != before.get(name, "")}
        if not edited:
            return
        given: dict[str, Any] = {
            name: edited[name] for name in ("email", "phone", "poNumber", "note") if name in edited
        }
        if "tags" in edited:
            given["tags"] = edited["tags"].split(",")
        if "attributes" in edited:
            pairs = (line.partition("=") for line in edited["attributes"].split("\n") if line.strip())
            given["customAttributes"] = [{"key": key.strip(), "value": value} for key, _, value in pairs]
        errors = apply_order_input(self._shop, record, given)
        if errors:
            raise FormError(". ".join(error["message"] for error in errors) + ".")
        save_order(self._shop, record)

    def delete(self, record_id: str) -> None:
        """Delete an order."""
        delete_order(self._shop, self._needed(record_id))

    def acts(self, record_id: str) -> Sequence[Act]:
        """Return what can be done with an order now."""
        record = self._find(record_id)
        return [] if record is None else list(_acts(record))

    def carry_out(self, record_id: str, act_name: str, values: Values) -> None:
        """Do it."""
        params = _PARAMS.get(act_name, _nothing)(values)
        try:
            act(self._shop, act_name, {"order": self._needed(record_id)["num"], **params})
        except OrderError as problem:
            raise FormError(str(problem)) from problem

    def _find(self, record_id: str) -> Record | None:
        return self._shop.orders.get(int(record_id)) if record_id.isdecimal() else None

    def _needed(self, record_id: str) -> Record:
        record = self._find(record_id)
        if record is None:
            raise FormError("This order has been deleted meanwhile.")
        return record

    def _facts(self, record: Record) -> tuple[tuple[str, str], ...]:
        summary = record["summary"]
        customer = self._shop.customers.get(record["customer"]) if record.get("customer") else None
        named = None if customer is None else f"{customer['num']} {customer.get('email') or ''}"
        facts = (
            ("Payment", _words(summary["financial"] or "not stated")),
            ("Fulfilment", _words(summary["fulfillment"])),
            ("Returns", _words(summary["returned"])),
            (
                "Cancelled",
                f"{_words(record['cancelReason'])}, {shown(record['cancelledAt'])}"
                if record.get("cancelledAt")
                else "",
            ),
            ("Archived", shown(record["closedAt"]) if record.get("closedAt") else ""),
            ("Customer", named or "guest"),
            ("Company", (record.get("company") or {}).get("name") or ""),
            ("Billing", _address(record.get("billing"))),
            ("Shipping", _address(record.get("shipping"))),
            ("Created", shown(record["createdAt"])),
            ("Updated", shown(record["updatedAt"])),
            ("Source", record.get("sourceName") or ""),
            ("Id", record["id"]),
            *((f"Metafield {name}", stored["value"]) for name, stored in (record.get("metafields") or {}).items()),
        )
        return tuple((label, str(value)) for label, value in facts if value)


def _words(text: str) -> str:
    return text.replace("_", " ").lower() if text.isupper() else text


def _address(address: Mapping[str, Any] | None) -> str:
    names = ("firstName", "lastName", "company", "address1", "address2", "zip", "city", "provinceCode", "countryCode")
    return ", ".join(str((address or {})[name]) for name in names if (address or {}).get(name))


def _cells(record: Record) -> tuple[str, ...]:
    summary, book = record["summary"], book_of(record)
    address = record.get("billing") or record.get("shipping") or {}
    return (
        record["name"],
        shown(record["createdAt"])[:16].replace("T", " "),
        f"{address.get('firstName') or ''} {address.get('lastName') or ''}".strip(),
        str(record.get("email") or ""),
        _money(book, totals_of(record).current.price),
        _words(summary["financial"] or "not stated"),
        "cancelled" if record.get("cancelledAt") else _words(summary["fulfillment"]),
        ", ".join(summary["gateways"]),
        str(summary["quantity"]),
    )


def _values(record: Record) -> dict[str, str | tuple[str, ...]]:
    values: dict[str, str | tuple[str, ...]] = {
        name: str(record.get(name) or "") for name in ("email", "phone", "poNumber", "note")
    }
    values["tags"] = ", ".join(record.get("tags") or [])
    values["attributes"] = "\n".join(f"{key}={value}" for key, value in record.get("attributes") or [])
    return values


def _money(book: Book, bag: Bag) -> str:
    own = f"{bag.shop:.2f} {book.currencies.shop}"
    if book.currencies.shop == book.currencies.shown:
        return own
    return f"{own} ({bag.shown} {book.currencies.shown})"


def _name(line: Line) -> str:
    return f"{line.title} - {line.variant_title}" if line.variant_title else line.title


def _tables(record: Record) -> Iterator[Table]:
    book, totals = book_of(record), totals_of(record)
    gone, left = book.gone(), book.to_send()
    yield Table(
        "Lines",
        ("Item", "SKU", "Units", "Now", "To send", "Unit price", "Discount", "Tax", "Amount"),
        [
            (
                _name(line), line.sku, str(line.quantity), str(line.quantity - gone[line.num]), str(left[line.num]),
                f"{line.unit.shop:.2f}", f"{off:.2f}" if (off := (line.gross - line.net).shop) else "",
                ", ".join(f"{(tax.rate * 100).normalize():f} %: {tax.amount.shop:.2f}" for tax in line.taxes),
                f"{line.net.shop:.2f}",
            )
            for line in book.lines
        ],
    )  # fmt: skip
    yield Table("Sums", ("", "As ordered", "With edits", "Now"), list(_sums(book, totals)))
    yield Table(
        "Payments",
        ("Date", "Kind", "Status", "Gateway", "Amount", "Rounding"),
        [
            (
                shown(entry.at), _words(entry.kind), _words(entry.status), entry.gateway, _money(book, entry.amount),
                _money(book, entry.rounding) if entry.rounding else "",
            )
            for entry in book.transactions
        ],
    )  # fmt: skip
    names = {line.num: _name(line) for line in book.lines}
    yield Table(
        "Parcels",
        ("Date", "State", "Courier", "Number", "Items"),
        [
            (
                shown(parcel.at), _words(parcel.display), ", ".join(track.company for track in parcel.tracking),
                ", ".join(track.number for track in parcel.tracking),
                ", ".join(f"{count} x {names[line]}" for _, line, count in parcel.lines),
            )
            for parcel in book.fulfillments
        ],
    )  # fmt: skip
    yield Table(
        "Refunds, removals and returns", ("Date", "What", "Items", "Money", "Note"), list(_backwards(book, names))
    )


def _sums(book: Book, totals: Totals) -> Iterator[tuple[str, ...]]:
    moments = (totals.original, totals.total, totals.current)
    rows = (
        ("Goods after discounts", [sums.subtotal for sums in moments]),
        ("Discounts", [sums.discounts for sums in moments]),
        ("Shipping after discounts", [sums.shipping_net for sums in moments]),
        ("Duties", [sums.duties for sums in moments]),
        ("Fees", [sums.fees for sums in moments]),
        ("Tips", [sums.tips for sums in moments]),
        ("Tax included" if book.taxes_included else "Tax", [sums.tax for sums in moments]),
        ("Total", [sums.price for sums in moments]),
    )
    for label, bags in rows:
        if any(bags) or label in ("Total", "Goods after discounts"):
            yield (label, *(_money(book, bag) for bag in bags))
    for label, bag in (("Received", totals.received), ("Refunded", totals.refunded), ("To pay", totals.outstanding)):
        yield (label, "", "", _money(book, bag))


def _backwards(book: Book, names: Mapping[int, str]) -> Iterator[tuple[str, ...]]:
    for refund in book.refunds:
        items = ", ".join(f"{part.quantity} x {names[part.line]}" for part in refund.lines)
        shipping = ", ".join(f"shipping {_money(book, back.subtotal)}" for back in refund.shipping)
        paid = [entry for entry in book.transactions if entry.refund == refund.num]
        money = ", ".join(f"{_money(book, entry.amount)} {_words(entry.status)}" for entry in paid)
        what = "edit" if refund.edit is not None else "refund"
        yield shown(refund.at), what, ", ".join(filter(None, (items, shipping))), money, refund.note
    for back in book.returns:
        yield (
            shown(back.at),
            f"return {_words(back.status)}",
            f"{sum(line[2] for line in back.lines)} units",
            "",
            back.note,
        )


def _acts(record: Record) -> Iterator[Act]:
    book, totals = book_of(record), totals_of(record)
    left, gone, sent = book.to_send(), book.gone(), book.sent()
    over = record.get("cancelledAt") is not None
    if totals.outstanding.shop > 0 and not over:
        held = totals.capturable
        yield Act("pay_order", "Capture payment" if held else f"Mark as paid ({_money(book, totals.outstanding)})")
    if any(left.values()) and not over:
        yield _fulfil_act(book, left)
    if book.fulfillments:
        states = tuple((name, _words(name)) for name in DISPLAYS)
        yield Act("track_order", "Change last parcel", (FormField("display", "State", "select", choices=states),))
    now = {line.num: line.quantity - gone[line.num] for line in book.lines}
    if any(now.values()) or totals.net_payment.shop > 0:
        yield _refund_act(book, totals, now)
    if not over:
        yield _edit_act(book, now)
    if any(sent[line.num] and now[line.num] for line in book.lines):
        units = _unit_fields(book, sent, "return")
        yield Act("return_order", "Open a return", (*units, FormField("note", "Note")))
    if any(back.status in ("OPEN", "REQUESTED") for back in book.returns):
        words = tuple((word, _words(word)) for word in ("CLOSED", "OPEN", "DECLINED", "CANCELED"))
        yield Act("settle_return", "Settle the return", (FormField("status", "State", "select", choices=words),))
    yield Act("open_order", "Reopen") if record.get("closedAt") and not over else Act("close_order", "Archive")
    if not over and not any(parcel.status == "SUCCESS" for parcel in book.fulfillments):
        yield _CANCEL


_CANCEL = Act(
    "cancel_order",
    "Cancel order",
    (
        FormField("reason", "Reason", "select", choices=tuple((word, word.lower()) for word in REASONS)),
        FormField("refund", "Refund what was paid", "checkbox"),
        FormField("restock", "Restock", "checkbox"),
        FormField("note", "Note"),
    ),
    {"refund": ("1",), "restock": ("1",)},
    danger=True,
)


def _unit_fields(book: Book, most: Mapping[int, int], what: str) -> tuple[FormField, ...]:
    wanted = [line for line in book.lines if most[line.num]][:_LINES_SHOWN]
    return tuple(
        FormField(f"line.{line.num}", f"{_name(line)[:60]}: units to {what}, up to {most[line.num]}", "number")
        for line in wanted
    )


def _fulfil_act(book: Book, left: Mapping[int, int]) -> Act:
    units = _unit_fields(book, left, "send")
    fields = (
        *units,
        FormField("company", "Courier", "select", choices=_COMPANIES),
        FormField("number", "Tracking number"),
    )
    values: dict[str, str | tuple[str, ...]] = {entry.name: str(left[_of(entry.name)]) for entry in units}
    return Act("fulfil_order", "Fulfil", fields, values)


def _refund_act(book: Book, totals: Totals, now: Mapping[int, int]) -> Act:
    fields = (
        *_unit_fields(book, now, "refund"),
        FormField("restock", "Restock", "select", choices=_RESTOCK),
        FormField("shipping", f"Shipping, up to {totals.current.shipping_net.shop:.2f}"),
        FormField("money", "Money (empty: what it is worth)"),
        FormField("note", "Note"),
    )
    return Act("refund_order", f"Refund (paid: {_money(book, totals.net_payment)})", fields)


def _edit_act(book: Book, now: Mapping[int, int]) -> Act:
    fields = (
        *_unit_fields(book, now, "remove"),
        FormField("sku", "Add: SKU of the shop"),
        FormField("title", "or title of something else"),
        FormField("price", "and its price"),
        FormField("quantity", "Units to add", "number"),
        FormField("note", "Note"),
    )
    return Act("edit_order", "Edit lines", fields, {"quantity": "1"})


def _of(name: str) -> int:
    return int(name.removeprefix("line."))


def _text(values: Values, name: str) -> str | None:
    value = values.get(name, "")
    return value or None if isinstance(value, str) else None


def _units(values: Values) -> dict[str, int]:
    """Return "num:" and the number of the line within the order to units."""
    found: dict[str, int] = {}
    for name, value in values.items():
        if name.startswith("line.") and isinstance(value, str) and value.strip():
            if not value.isdigit():
                raise FormError("Units are whole numbers.")
            if int(value):
                found[f"num:{_of(name)}"] = int(value)
    return found


def _texts(values: Values, *names: str) -> dict[str, str]:
    return {name: text for name in names if (text := _text(values, name))}


def _nothing(_: Values) -> dict[str, Any]:
    return {}


def _fulfil_params(values: Values) -> dict[str, Any]:
    return {"lines": _units(values), **_texts(values, "company", "number")}


def _refund_params(values: Values) -> dict[str, Any]:
    return {"lines": _units(values), **_texts(values, "restock", "shipping", "money", "note")}


def _edit_params(values: Values) -> dict[str, Any]:
    new: dict[str, Any] = _texts(values, "sku", "title", "price")
    if new:
        quantity = _text(values, "quantity") or "1"
        if not quantity.isdigit():
            raise FormError("Units are whole numbers.")
        new["quantity"] = int(quantity)
    return {"remove": _units(values), "add": [new] if new else [], **_texts(values, "note")}


def _cancel_params(values: Values) -> dict[str, Any]:
    ticks = {name: "1" in values.get(name, ()) for name in ("refund", "restock")}
    return {**ticks, **_texts(values, "reason", "note")}


def _return_params(values: Values) -> dict[str, Any]:
    return {"lines": _units(values), **_texts(values, "note")}


_PARAMS: Mapping[str, Callable[[Values], dict[str, Any]]] = {
    "fulfil_order": _fulfil_params,
    "track_order": lambda values: _texts(values, "display"),
    "refund_order": _refund_params,
    "edit_order": _edit_params,
    "cancel_order": _cancel_params,
    "return_order": _return_params,
    "settle_return": lambda values: _texts(values, "status"),
}
