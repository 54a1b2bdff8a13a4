"""Operations of the group "search": only for diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.framework360.calls import Call, Context, page_of
from sandbox.framework360.errors import RefusedError

Row = dict[str, Any]


def _search(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    found = []
    for kind, (matching, row) in _tables(context).items():
        if parameters.get("type") in (None, "", kind):
            found += [(kind, record_id, row) for record_id in matching(parameters["query"].strip())]
    page = page_of(range(len(found)), parameters, context.options, descending=False)
    rows = []
    for position in page:
        kind, record_id, row = found[position]
        title = " ".join(str(value) for value in list(row(record_id).values())[1:3] if value)
        url = f"{context.base_url}/back-office/{kind}/{record_id}"
        rows.append({"type": kind, "id": context.answers.record_id(record_id), "title": title, "url": url})
    return context.answers.success(rows)


def _table(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    kinds = {"customers": "customer", "products": "product", "orders": "order"}
    kind = kinds.get(parameters["id"].strip())
    if kind is None:
        raise RefusedError("not_found", f"tabella {parameters['id']}: {', '.join(kinds)}")
    matching, row = _tables(context)[kind]
    ids = list(matching(parameters.get("query", "").strip()))
    page = page_of(ids, parameters, context.options, descending=False)
    return context.answers.success({"rows": [row(found) for found in page], "total": len(ids)})


def _tables(context: Context) -> dict[str, tuple[Callable[[str], Iterable[int]], Callable[[int], Row]]]:
    """Return, per kind of record, how to search it and how to show one as a flat row."""
    store, answers = context.store, context.answers

    def orders(text: str) -> Iterable[int]:
        needle = text.casefold()
        return (found for found in store.order_ids if store.orders[found].contains(needle))

    def customer(found: int) -> Row:
        entry = store.customers[found]
        return {"id": answers.record_id(found), "nome": f"{entry.nome} {entry.cognome}", "email": entry.email}

    def product(found: int) -> Row:
        entry = store.goods.products[found]
        return {"id": answers.record_id(found), "nome": entry.nome, "sku": entry.items()[0].sku}

    def order(found: int) -> Row:
        entry = store.orders[found]
        return {"id": answers.record_id(found), "data": answers.time(entry.at), "email": entry.user_email}

    return {
        "customer": (store.matching, customer),
        "product": (store.goods.matching, product),
        "order": (orders, order),
    }


CALLS = {
    "searchList": Call("read_search", _search),
    "datatablesGet": Call("read_datatable", _table),
}
