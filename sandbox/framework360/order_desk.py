"""The back office pages of orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.common.pages import FormError, FormField, Sheet, Table, Words
from sandbox.framework360.answers import Answers
from sandbox.framework360.cart import CartLine
from sandbox.framework360.lookups import PAYMENTS, SHIPPINGS
from sandbox.framework360.order_writes import cancel
from sandbox.framework360.sales import of_order
from sandbox.framework360.store import CANCELLED, STATUSES, Order

if TYPE_CHECKING:
    from sandbox.framework360.server import Framework360Backend

_FIELDS = (
    FormField("status", "Status", "select", choices=tuple((str(found), name) for found, name in STATUSES.items())),
    FormField("courier", "Courier"),
    FormField("tracking", "Tracking code"),
    FormField("paid", "Payment collected", "checkbox"),
    FormField("note", "Note", "textarea"),
)
_PARTY = ("nome", "cognome", "ragione_sociale", "piva", "indirizzo", "cap", "comune", "citta", "stato", "telefono")

Values = Mapping[str, str | tuple[str, ...]]


class OrderSection:
    """Orders of the Framework360 site; they are made by the shop or the API, not here."""

    words = Words(
        "orders",
        "order",
        "orders",
        "Id, e-mail, label, note, tracking",
        "Cancel order",
        "Order cancelled.",
        creatable=False,
    )
    columns: Sequence[str] = (
        "Id", "Date", "E-mail", "Status", "Paid", "Total", "Labels", "Origin", "Tracking",
    )  # fmt: skip

    def __init__(self, backend: Framework360Backend) -> None:
        self._backend = backend

    def fields(self, _record_id: str | None) -> Sequence[FormField]:
        """Return the inputs of the form."""
        return _FIELDS

    def search(self, text: str, page: int, size: int) -> tuple[Sequence[tuple[str, Sequence[str]]], int]:
        """Return one page of orders, newest first."""
        store, needle = self._backend.store, text.casefold()
        ids = [found for found in store.order_ids if store.orders[found].contains(needle)] if text else store.order_ids
        stop = len(ids) - (page - 1) * size
        shown = ids[max(0, stop - size) : max(0, stop)]
        return [(str(found), self._cells(store.orders[found])) for found in reversed(shown)], len(ids)

    def read(self, record_id: str) -> Sheet | None:
        """Return one order with its lines and sums."""
        order = self._find(record_id)
        if order is None:
            return None
        lines, priced = of_order(order, self._backend.switches)
        rows = [
            (
                *self._line(line),
                f"{line.quantity.normalize():f}",
                str(line.price),
                f"{line.rate} %",
                str(tax),
                str(amount),
            )
            for line, (amount, tax) in zip(lines, priced.lines, strict=True)
        ]
        currency = self._backend.switches.currency
        rows += [
            ("", title, "", "", "", "", f"{amount} {currency}")
            for title, amount in (
                ("Subtotal", priced.subtotal),
                ("Shipping", priced.shipping_cost),
                ("Tax", priced.tax),
                ("Total", priced.total),
            )
        ]
        facts = (
            ("Date", self._time(order.at)),
            ("Customer", f"{order.customer_id} {order.user_email}"),
            ("Payment method", PAYMENTS[order.payment].nome if order.payment else ""),
            ("Shipping method", SHIPPINGS[order.shipping].nome if order.shipping is not None else ""),
            ("Labels", ", ".join(order.labels)),
            ("Origin", order.origin),
            ("Billing", _party(order.billing)),
            ("Delivery", _party(order.delivery)),
        )
        table = Table("Lines", ("Key", "Item", "Quantity", "Price", "Rate", "Tax", "Amount"), rows)
        return Sheet(f"Order {order.id}", _values(order), facts, table, removable=order.status != CANCELLED)

    def create(self, _values: Values) -> str:
        """Refuse: orders are not made by hand."""
        raise FormError("Orders are made by the shop or by the API.")

    def update(self, record_id: str, values: Values) -> None:
        """Store the form; the cancelled status cancels, with everything that follows."""
        order = self._existing(record_id)
        status, now = str(values["status"]), datetime.now(UTC)
        if not status.isdecimal() or int(status) not in STATUSES:
            raise FormError("Choose one of the statuses.")
        order.courier, order.tracking = str(values["courier"]), str(values["tracking"])
        order.note, order.paid = str(values["note"]), "1" in values["paid"]
        if int(status) == CANCELLED:
            cancel(order, "", self._backend.store, now)
        order.status = int(status)
        order.touched(now)
        self._backend.store.note("order", order.id, "updated")
        self._backend.announce()

    def delete(self, record_id: str) -> None:
        """Cancel an order; the pieces of its catalogue lines go back into the stock."""
        cancel(self._existing(record_id), "", self._backend.store, datetime.now(UTC))
        self._backend.announce()

    def _existing(self, record_id: str) -> Order:
        order = self._find(record_id)
        if order is None:
            raise FormError("There is no such order.")
        return order

    def _find(self, record_id: str) -> Order | None:
        return self._backend.store.orders.get(int(record_id)) if record_id.isdecimal() else None

    def _line(self, line: CartLine) -> tuple[str, str]:
        if line.product is None:
            return line.id, " - ".join(filter(None, (line.name, line.details)))
        product = self._backend.store.goods.products.get(line.product)
        variant = product.variant(line.variant) if product and line.variant is not None else None
        title = product.nome if product else "deleted product"
        return f"product {line.id}", " - ".join((title, *(variant.attributi.values() if variant else ())))

    def _cells(self, order: Order) -> tuple[str, ...]:
        return (
            str(order.id),
            self._time(order.at),
            order.user_email,
            STATUSES[order.status],
            "yes" if order.paid else "no",
            str(order.total),
            ", ".join(order.labels),
            order.origin,
            " ".join(filter(None, (order.courier, order.tracking))),
        )

    def _time(self, value: datetime) -> str:
        return Answers(self._backend.switches).time(value)


def _values(order: Order) -> dict[str, str | tuple[str, ...]]:
    return {
        "status": str(order.status),
        "courier": order.courier,
        "tracking": order.tracking,
        "paid": ("1",) if order.paid else (),
        "note": order.note,
    }


def _party(party: Mapping[str, object] | None) -> str:
    return " ".join(str(party[key]) for key in _PARTY if party.get(key)) if party else ""
