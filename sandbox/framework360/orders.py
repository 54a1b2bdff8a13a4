"""Operations of the group "orders" that only read."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.framework360.calls import Call, Context, page_of
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
    return context.answers.success([context.answers.order(store.orders[found], store) for found in page])


def _get(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    wanted = parameters["id"]
    order = context.store.orders.get(int(wanted)) if wanted.isdecimal() else None
    if order is None:
        return context.answers.no_record()
    return context.answers.success(context.answers.order(order, context.store))


def _statuses(context: Context, _: dict[str, Any]) -> ApiResponse:
    answers = context.answers
    return answers.success(
        [
            {"id": answers.record_id(found), "nome": name, "cancelled": answers.flag(found == CANCELLED)}
            for found, name in STATUSES.items()
        ]
    )


def _tests(context: Context, parameters: dict[str, Any]) -> list[Callable[[Order], bool]]:
    tests: list[Callable[[Order], bool]] = []
    if parameters.get("id") is not None:
        tests.append(lambda order: order.id == parameters["id"])
    if parameters.get("amount") is not None:
        amount = Decimal(str(parameters["amount"]))
        tests.append(lambda order: order.total == amount)
    if parameters.get("seller"):
        tests.append(lambda _: False)  # the orders of the seed have no seller
    if parameters.get("statuses"):
        tests.append(lambda order: str(order.status) in parameters["statuses"])
    query = parameters.get("query", "").strip().casefold()
    if query:
        tests.append(lambda order: query in _haystack(order))
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


def _haystack(order: Order) -> str:
    return "\n".join((str(order.id), order.user_email, order.note, *order.labels)).casefold()


CALLS = {
    "ordersList": Call("read_order", _list),
    "ordersGet": Call("read_order", _get),
    "ordersStatuses": Call("read_orderstatus", _statuses),
}
