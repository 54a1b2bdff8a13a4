"""Operations of the group "orders" that write."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.framework360.calls import Call, Context
from sandbox.framework360.errors import RefusedError
from sandbox.framework360.sales import move_stock, of_order, priced, read_cart
from sandbox.framework360.store import CANCELLED, NEW, Order, Store


def _create(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    store, lookups, now = context.store, context.lookups, context.now()
    buyer = next(iter(store.by_email(parameters["user_email"])), None)
    if buyer is None:
        raise RefusedError("customer_not_found", parameters["user_email"])
    lines = read_cart(parameters["cart"], store, lookups)
    shipping = lookups.shipping(parameters["shipping_id"]) if "shipping_id" in parameters else None
    status = lookups.status(parameters["order_status"]) if "order_status" in parameters else NEW
    payment = lookups.payment(parameters["payment_id"]) if "payment_id" in parameters else None
    sums = priced(lines, shipping, context.options)
    order = Order(
        id=store.next_id("order"),
        customer_id=buyer.id,
        user_email=buyer.email,
        at=now,
        status=status,
        paid=False,
        total=sums.total,
        note=parameters.get("note", ""),
        labels=_labels(context, parameters, ()),
        origin="API",
        payment=payment,
        shipping=shipping,
        billing=parameters["billing_data"],
        delivery=parameters["shipping_data"],
        lines=lines,
        priced=sums,
    )
    store.add_order(order)
    move_stock(lines, -1, store, now)
    return context.answers.written(order.id)


def _update(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    store, lookups, now = context.store, context.lookups, context.now()
    order = _addressed(store, parameters["id"])
    before, _ = of_order(order, context.options)
    lines = read_cart(parameters["cart"], store, lookups) if "cart" in parameters else before
    shipping = lookups.shipping(parameters["shipping_id"]) if "shipping_id" in parameters else order.shipping
    payment = lookups.payment(parameters["payment_id"]) if "payment_id" in parameters else order.payment
    if "cart" in parameters or "shipping_id" in parameters:
        if order.status != CANCELLED:
            move_stock(before, 1, store, now)
            move_stock(lines, -1, store, now)
        order.lines, order.priced = lines, priced(lines, shipping, context.options)
        order.total = order.priced.total
    order.shipping, order.payment = shipping, payment
    order.billing = parameters.get("billing_data", order.billing)
    order.delivery = parameters.get("shipping_data", order.delivery)
    order.note = parameters.get("note", order.note)
    order.paid = bool(parameters.get("payment_status", order.paid))
    order.labels = _labels(context, parameters, order.labels)
    store.labels.update(dict.fromkeys(order.labels))
    return _stored(context, order)


def _update_status(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    order = _addressed(context.store, parameters["id"])
    order.status = context.lookups.status(parameters["status"])
    order.courier = parameters.get("courier", order.courier)
    order.tracking = parameters.get("tracking", order.tracking)
    return _stored(context, order)


def _cancel(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    order = _addressed(context.store, parameters["id"])
    cancel(order, parameters.get("note", ""), context.store, context.now())
    return context.answers.written(order.id)


def cancel(order: Order, reason: str, store: Store, now: datetime) -> None:
    """Cancel an order and put the pieces of its catalogue lines back into the stock; done twice, it is done once."""
    if order.status == CANCELLED:
        return
    move_stock(order.lines or (), 1, store, now)
    order.status = CANCELLED
    order.note = "\n".join(filter(None, (order.note, reason)))
    order.touched(now)
    store.note("order", order.id, "updated")


def _stored(context: Context, order: Order) -> ApiResponse:
    order.touched(context.now())
    context.store.note("order", order.id, "updated")
    return context.answers.written(order.id)


def _addressed(store: Store, wanted: Any) -> Order:
    text = str(wanted).strip()
    order = store.orders.get(int(text)) if text.isdecimal() else None
    if order is None:
        raise RefusedError("not_found")
    return order


def _labels(context: Context, parameters: dict[str, Any], before: tuple[str, ...]) -> tuple[str, ...]:
    if "labels" not in parameters or context.options.labels == "dropped":
        return before
    return tuple(dict.fromkeys(label.strip() for label in parameters["labels"] if label.strip()))


CALLS = {
    "ordersCreate": Call("createorder", _create, write=True),
    "ordersUpdate": Call("updateorder", _update, write=True),
    "ordersUpdateStatus": Call("updateorderstatus", _update_status, write=True),
    "ordersCancel": Call("cancelorder", _cancel, write=True),
}
