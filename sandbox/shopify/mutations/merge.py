"""customerMerge and its preview.

Shopify: the merge is asynchronous (`job`), `resultingCustomerId` is known at once, the other customer disappears
without a redirect. Here the job is done when the answer leaves.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.shopify.errors import user_error
from sandbox.shopify.fields.customers import address_record
from sandbox.shopify.ids import number_of
from sandbox.shopify.mutations.customer_rules import clean_tags
from sandbox.shopify.mutations.writing import delete_customer, save_customer
from sandbox.shopify.order_writing import move_orders
from sandbox.shopify.registry import mutation, resolver
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_CHOSEN = {
    "customerIdOfFirstNameToKeep": ("firstName",),
    "customerIdOfLastNameToKeep": ("lastName",),
    "customerIdOfEmailToKeep": ("email", "emailConsent"),
    "customerIdOfPhoneNumberToKeep": ("phone", "smsConsent", "whatsAppConsent"),
    "customerIdOfDefaultAddressToKeep": ("defaultAddress",),
}


def _pair(context: Context, args: Args) -> tuple[Record | None, Record | None]:
    found = []
    for name in ("customerOneId", "customerTwoId"):
        number = number_of(args[name], "Customer")
        found.append(None if number is None else context.shop.customers.get(number))
    return found[0], found[1]


def _merged(one: Record, two: Record, overrides: Mapping[str, Any]) -> Record:
    """Return the surviving customer: the second given, with what it lacks from the first and what was chosen."""
    result = dict(two)
    for name in ("firstName", "lastName", "email", "emailConsent", "phone", "smsConsent", "whatsAppConsent", "locale"):
        if not result.get(name):
            result[name] = one.get(name)
    for option, names in _CHOSEN.items():
        if overrides.get(option):
            source = one if overrides[option] == one["id"] else two
            for name in names:
                result[name] = source.get(name)
    result["addresses"] = [*(two.get("addresses") or []), *(one.get("addresses") or [])]
    if not result.get("defaultAddress"):
        result["defaultAddress"] = one.get("defaultAddress")
    notes = [note for note in (two.get("note"), one.get("note")) if note]
    result["note"] = overrides["note"] if overrides.get("note") is not None else "\n".join(notes) or None
    tags = [*(two.get("tags") or []), *(one.get("tags") or [])]
    result["tags"] = clean_tags(overrides["tags"] if overrides.get("tags") is not None else tags)
    result["metafields"] = {**(one.get("metafields") or {}), **(two.get("metafields") or {})}
    result["numberOfOrders"] = int(one.get("numberOfOrders", 0)) + int(two.get("numberOfOrders", 0))
    result["amountSpent"] = str(round(float(one.get("amountSpent", 0)) + float(two.get("amountSpent", 0)), 2))
    return result


@mutation("customerMerge")
def _merge(context: Context, args: Args) -> dict[str, Any]:
    one, two = _pair(context, args)
    empty = {"job": None, "resultingCustomerId": None}
    if one is None or two is None:
        name = "customerOneId" if one is None else "customerTwoId"
        return {**empty, "userErrors": [user_error([name], "The customer does not exist.", "INVALID_CUSTOMER_ID")]}
    if one["num"] == two["num"]:
        message = "The customers must be different."
        return {**empty, "userErrors": [user_error(["customerTwoId"], message, "INVALID_CUSTOMER")]}
    result = _merged(one, two, args.get("overrideFields") or {})
    delete_customer(context.shop, one)
    move_orders(context.shop, one["num"], two["num"])
    result = save_customer(context.shop, result)
    context.shop.notify(
        "CUSTOMERS_MERGE",
        result,
        {"admin_graphql_api_customer_kept_id": two["id"], "admin_graphql_api_customer_deleted_id": one["id"]},
    )
    job = f"gid://shopify/Job/{uuid.uuid4()}"
    context.shop.jobs[job] = True
    return {"job": {"id": job, "done": True}, "resultingCustomerId": two["id"], "userErrors": []}


@resolver("QueryRoot", "customerMergePreview")
def _preview(_: Record, context: Context, args: Args) -> dict[str, Any]:
    one, two = _pair(context, args)
    if one is None or two is None or one["num"] == two["num"]:
        errors = [{"errorFields": ["DELETED_AT"], "message": "The customer does not exist."}]
        return {"customerMergeErrors": errors, "resultingCustomerId": None}
    result = _merged(one, two, args.get("overrideFields") or {})
    addresses = [address_record(result, address) for address in result["addresses"]]
    return {
        "resultingCustomerId": two["id"],
        "customerMergeErrors": [],
        "defaultFields": {
            "firstName": result.get("firstName"),
            "lastName": result.get("lastName"),
            "displayName": " ".join(part for part in (result.get("firstName"), result.get("lastName")) if part),
            "note": result.get("note"),
            "tags": result["tags"],
            "addresses": addresses,
            "orderCount": result["numberOfOrders"],
            "metafieldCount": len(result["metafields"]),
        },
    }
