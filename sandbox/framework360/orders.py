"""Operations of the group "orders" that only read."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.framework360.calls import Call, Context, page_of
from sandbox.framework360.lookups import SHIPPINGS
from sandbox.framework360.order_records import cart_record, order_record
from sandbox.framework360.sales import priced, read_cart
from sandbox.framework360.store import CANCELLED, STATUSES, Order

_RANGE = re.compile(r"(\d{4}-\d{2}-\d{2}) - (\d{4}-\d{2}-\d{2})")


def _list(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    store = context.store
    ids = store.order_ids if parameters.get("customer") is None else store.orders_of(parameters["customer"])
    tests = _tests(context, parameters)
    if tests:
        ids = [found for found in ids if all(test(store.orders[found]) for test in tests)]
    newest_first = context.options.sort == "newest_first"
    descending = parameters.get("order", "DESC" if newest_first else "ASC") == "DESC"
    page = page_of(ids, parameters, context.options, descending=descending)
    return context.answers.success([_record(context, store.orders[found]) for found in page])


def _get(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    wanted = parameters["id"]
    order = context.store.orders.get(int(wanted)) if wanted.isdecimal() else None
    return context.answers.success(_record(context, order)) if order else context.answers.no_record()


def _prepare(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    lines = read_cart(parameters["cart"], context.store, context.lookups)
    shipping = context.lookups.shipping(parameters["shipping_id"]) if "shipping_id" in parameters else None
    if "payment_id" in parameters:
        context.lookups.payment(parameters["payment_id"])
    prepared = priced(lines, shipping, context.options)
    return context.answers.success(cart_record(lines, prepared, context.answers, context.lookups))


def _shippings(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    read_cart(parameters.get("cart", ()), context.store, context.lookups)
    answers, lookups = context.answers, context.lookups
    return answers.success(
        [
            {
                "id": answers.record_id(lookups.shipping_id(entry.id)),
                "nome": entry.nome,
                "costo": answers.money(entry.cost),
            }
            for entry in SHIPPINGS.values()
        ]
    )


def _statuses(context: Context, _: dict[str, Any]) -> ApiResponse:
    answers, lookups = context.answers, context.lookups
    return answers.success(
        [
            {
                "id": answers.record_id(lookups.status_id(found)),
                "nome": name,
                "cancelled": answers.flag(found == CANCELLED),
            }
            for found, name in STATUSES.items()
        ]
    )


def _labels(context: Context, _: dict[str, Any]) -> ApiResponse:
    labels = context.store.labels
    if context.options.labels_as == "object":
        numbered = enumerate(labels, start=1)
        return context.answers.success([{"id": context.answers.record_id(at), "nome": name} for at, name in numbered])
    return context.answers.success(list(labels))


def _record(context: Context, order: Order) -> dict[str, Any]:
    return order_record(order, context.answers, context.lookups, context.options, context.store)


def _tests(context: Context, parameters: dict[str, Any]) -> list[Callable[[Order], bool]]:
    tests: list[Callable[[Order], bool]] = []
    if parameters.get("id") is not None:
        tests.append(lambda order: order.id == parameters["id"])
    if parameters.get("amount") is not None:
        amount = Decimal(str(parameters["amount"]))
        tests.append(lambda order: order.total == amount)
    if parameters.get("seller"):
        tests.append(lambda order: order.seller == parameters["seller"])
    if parameters.get("statuses"):
        status_id = context.lookups.status_id
        tests.append(lambda order: str(status_id(order.status)) in parameters["statuses"])
    query = parameters.get("query", "").strip().casefold()
    if query:
        tests.append(lambda order: order.contains(query))
    if parameters.get("daterange"):
        tests += _range_tests(context, parameters["daterange"])
    return tests


def _range_tests(context: Context, daterange: str) -> list[Callable[[Order], bool]]:
    if context.options.daterange == "ignored":
        return []
    found = _RANGE.fullmatch(daterange.strip())
    if context.options.daterange == "nothing" or found is None:
        return [lambda _: False]
    first, last = found.groups()
    return [lambda order: first <= context.answers.day(order.at) <= last]


CALLS = {
    "ordersList": Call("read_order", _list),
    "ordersGet": Call("read_order", _get),
    "ordersPrepareCart": Call("preparecart", _prepare),
    "ordersShippings": Call("read_shipping", _shippings),
    "ordersStatuses": Call("read_orderstatus", _statuses),
    "ordersLabels": Call("read_label", _labels),
}
