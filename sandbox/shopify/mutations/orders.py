"""orderUpdate and orderCancel.

Sources: texts and behaviour as recorded on live shops; a cancellation runs as a job, closes the order and leaves it
worth nothing, whether money goes back or not.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.common.order_actions import OrderError, cancel
from sandbox.shopify.customer_records import clean_phone
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.ids import number_of
from sandbox.shopify.mutations.customer_rules import (
    MAX_NOTE,
    address_errors,
    address_from,
    clean_tags,
    email_error,
    tag_errors,
)
from sandbox.shopify.mutations.metafield_rules import write_metafields
from sandbox.shopify.order_records import SHIPPING, order_child, visible, writable_book
from sandbox.shopify.order_writing import save_order
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
MAX_STAFF_NOTE = 255


def _find(context: Context, gid: str) -> Record | None:
    number = number_of(gid, "Order")
    record = None if number is None else context.shop.orders.get(number)
    return record if record is not None and visible(context, record) else None


@mutation("orderUpdate")
def _update(context: Context, args: Args) -> dict[str, Any]:
    given = args["input"]
    record = _find(context, given["id"])
    if record is None:
        return {"order": None, "userErrors": [user_error(["id"], "Order does not exist")]}
    if set(given) == {"id"}:
        return {"order": record, "userErrors": [user_error(None, "No valid update parameters have been provided")]}
    changed = dict(record)
    errors = apply_order_input(context.shop, changed, given)
    if errors:
        return {"order": record, "userErrors": errors}
    return {"order": save_order(context.shop, changed), "userErrors": []}


def apply_order_input(shop: Shop, record: Record, given: Mapping[str, Any]) -> list[UserError]:
    """Write the given fields of OrderInput into a record; throw it away when errors come back."""
    errors: list[UserError] = []
    for name in ("note", "poNumber"):
        if name in given:
            record[name] = given[name] or None
    if len(record.get("note") or "") > MAX_NOTE:
        errors.append(user_error(["note"], f"Note is too long (maximum is {MAX_NOTE} characters)"))
    if "email" in given:
        email = (given["email"] or "").strip()
        errors += email_error(email, ["email"]) if email else []
        record["email"] = email or None
    if "phone" in given:
        phone = clean_phone(given["phone"]) if given["phone"] else None
        if given["phone"] and phone is None:
            errors.append(user_error(["phone"], "Phone is invalid"))
        record["phone"] = phone
    if given.get("tags") is not None:
        record["tags"] = clean_tags(given["tags"])
        errors += tag_errors(record["tags"], ["tags"])
    if given.get("customAttributes") is not None:
        record["attributes"] = [[entry["key"], entry["value"]] for entry in given["customAttributes"]]
    if given.get("shippingAddress") is not None:
        errors += _apply_address(record, given["shippingAddress"])
    if given.get("metafields"):
        errors += write_metafields(shop, record, given["metafields"])
    return errors


def _apply_address(record: Record, given: Mapping[str, Any]) -> list[UserError]:
    address = address_from(given, record.get("shipping"))
    address.setdefault("num", order_child(record["num"], SHIPPING))
    errors = address_errors(address, ["shippingAddress"])
    wanted = (("lastName", "Enter a last name"), ("address1", "Enter an address"), ("city", "Enter a city"))
    errors += [user_error(["shippingAddress", name], text) for name, text in wanted if not address.get(name)]
    record["shipping"] = {name: value for name, value in address.items() if value is not None}
    return errors


@mutation("orderCancel")
def _cancel(context: Context, args: Args) -> dict[str, Any]:
    record = _find(context, args["orderId"])
    if record is None:
        return _refused(user_error(["orderId"], "Order does not exist", "NOT_FOUND"))
    note = args.get("staffNote")
    if len(note or "") > MAX_STAFF_NOTE:
        message = f"Staff note is too long. Maximum length is {MAX_STAFF_NOTE} characters."
        return _refused(user_error(["staffNote"], message))
    method = args.get("refundMethod") or {}
    if method and args.get("refund") is not None:
        return _refused(user_error(["refund"], "Only one of the arguments `refund` or `refund_method` is allowed."))
    money_back = bool(args.get("refund") or method.get("originalPaymentMethodsRefund"))
    try:
        cancel_order(
            context.shop, record, args["reason"], money_back=money_back, restock=args["restock"], staff_note=note
        )
    except OrderError as problem:
        return _refused(user_error(["orderId"], str(problem)))
    job = f"gid://shopify/Job/{uuid.uuid4()}"
    context.shop.jobs[job] = True
    result = {
        "__typename": "OrderCancelJobResult",
        "id": job.replace("/Job/", "/OrderCancelJobResult/"),
        "done": True,
        "status": "SUCCEEDED",
        "errors": [],
        "order": context.shop.orders.get(record["num"]),
    }
    return {
        "job": {"id": job, "done": False},
        "jobResult": result,
        "orderCancelUserErrors": [],
        "userErrors": [],
    }


def cancel_order(
    shop: Shop, record: Record, reason: str, *, money_back: bool, restock: bool, staff_note: str | None = None
) -> Record:
    """Cancel an order and close it.

    Raises:
        OrderError: it cannot be cancelled.
    """
    book = writable_book(record)
    now = shop.clock.now()
    cancel(book, now, money_back=money_back, restock=restock, note=staff_note or "Order canceled")
    record |= {"cancelledAt": now, "closedAt": now, "cancelReason": reason, "staffNote": staff_note}
    return save_order(shop, record, book)


def _refused(error: UserError) -> dict[str, Any]:
    return {"job": None, "jobResult": None, "orderCancelUserErrors": [error], "userErrors": [error]}
