"""Operations of the group "customers"."""

from __future__ import annotations

from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.framework360.calls import Call, Context, page_of
from sandbox.framework360.changes import apply, checked, new_customer
from sandbox.framework360.errors import RefusedError
from sandbox.framework360.store import SOURCES, Customer, HistoryEntry


def _list(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    store, query = context.store, parameters.get("query", "").strip()
    ids = list(store.matching(query)) if query else store.customer_ids
    newest_first = context.options.sort == "newest_first"
    page = page_of(ids, parameters, context.options, descending=newest_first)
    return context.answers.success([context.answers.customer(store.customers[found]) for found in page])


def _get(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    wanted, email = parameters.get("id", "").strip(), parameters.get("email", "").strip()
    if not wanted and not email:
        raise RefusedError("missing_parameter", "id o email")
    if wanted and email:
        raise RefusedError("invalid_field", "o id o email")
    customer = _find(context, wanted) if wanted else next(iter(context.store.by_email(email)), None)
    return context.answers.success(context.answers.customer(customer)) if customer else context.answers.no_record()


def _sources(context: Context, _: dict[str, Any]) -> ApiResponse:
    record_id = context.answers.record_id
    return context.answers.success([{"id": record_id(found), "nome": name} for found, name in SOURCES.items()])


def _registration(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    store, options = context.store, context.options
    changes = checked(parameters, options)
    known = store.by_email(parameters["email"])
    if known and options.registration == "error":
        raise RefusedError("email_exists")
    customer = known[0] if known else new_customer(store, context.now())
    if known:
        changes.pop("email", None)  # the e-mail that found the record stays as it is written there
    else:
        store.add(customer)
    apply(store, customer, changes, options, context.now())
    return context.answers.written(customer.id)


def _update(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    customer = _addressed(context, parameters)
    changes = checked(parameters, context.options)
    if any(other.id != customer.id for other in context.store.by_email(parameters.get("email", ""))):
        raise RefusedError("email_exists")
    apply(context.store, customer, changes, context.options, context.now())
    return context.answers.written(customer.id)


def _delete(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    customer = _addressed(context, parameters)
    context.store.remove(customer)
    return context.answers.written(customer.id)


def _history(context: Context, parameters: dict[str, Any]) -> ApiResponse:
    customer = _find(context, parameters["customer_id"])
    if customer is None:
        raise RefusedError("not_found", f"customer_id {parameters['customer_id']}")
    entry = HistoryEntry(
        context.store.next_id("history"), parameters["title"], parameters["content"], parameters["date"]
    )
    context.store.history.setdefault(customer.id, []).append(entry)
    return context.answers.written(entry.id)


def _addressed(context: Context, parameters: dict[str, Any]) -> Customer:
    """Return the customer a write names by `id` or `customer_id`, as this site wants it."""
    given = {key: str(parameters[key]) for key in ("id", "customer_id") if key in parameters}
    wanted_key = context.options.update_id_key
    if wanted_key != "either" and wanted_key not in given:
        raise RefusedError("missing_parameter", wanted_key)
    if len(set(given.values())) > 1:
        raise RefusedError("invalid_field", "id e customer_id diversi")
    customer = _find(context, next(iter(given.values())))
    if customer is None:
        raise RefusedError("not_found")
    return customer


def _find(context: Context, wanted: Any) -> Customer | None:
    text = str(wanted)
    return context.store.customers.get(int(text)) if text.isdecimal() else None


CALLS = {
    "customersList": Call("read_customer", _list),
    "customersGet": Call("read_customer", _get),
    "customersSearch": Call("read_customer", _list),
    "customersSearchPost": Call("read_customer", _list),
    "customersSources": Call("read_source", _sources),
    "customersRegistration": Call("createcustomer", _registration, write=True),
    "customersUpdate": Call("updatecustomer", _update, write=True),
    "customersDelete": Call("deletecustomer", _delete, write=True),
    "customersHistoryCreate": Call("createhistory", _history, write=True),
}
