"""customerCreate, customerUpdate, customerDelete, customerSet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.customer_records import clean_phone, metafield_key
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.fields.roots import custom_id_name, find_customer
from sandbox.shopify.ids import number_of
from sandbox.shopify.mutations.consent import consent_errors, set_consent
from sandbox.shopify.mutations.customer_rules import apply_input, presence_error, set_addresses
from sandbox.shopify.mutations.metafield_rules import store_metafield, write_metafields
from sandbox.shopify.mutations.writing import delete_customer, new_customer, save_customer
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_CREATION_CONSENT = ("emailMarketingConsent", "smsMarketingConsent", "whatsAppMarketingConsent")


def _payload(record: Record | None, errors: list[UserError]) -> dict[str, Any]:
    return {"customer": None if errors else record, "userErrors": errors}


@mutation("customerCreate")
def _create(context: Context, args: Args) -> dict[str, Any]:
    given = args["input"]
    if given.get("id"):
        return _payload(None, [user_error(["id"], "Cannot specify ID on creation")])
    record = new_customer(context.shop)
    errors = apply_input(context.shop, record, given) or presence_error(record)
    for kind in _CREATION_CONSENT:
        if given.get(kind) is not None:
            errors += consent_errors(context.shop, kind, given[kind], [kind])
            if not errors:
                set_consent(context.shop, record, kind, given[kind])
    errors += _addresses_and_metafields(context.shop, record, given)
    return _payload(None if errors else save_customer(context.shop, record), errors)


@mutation("customerUpdate")
def _update(context: Context, args: Args) -> dict[str, Any]:
    given = args["input"]
    number = number_of(given.get("id") or "", "Customer")
    record = None if number is None else context.shop.customers.get(number)
    if record is None:
        return _payload(None, [user_error(["id"], "Customer does not exist")])
    for kind in _CREATION_CONSENT:
        if given.get(kind) is not None:
            channel = kind[0].upper() + kind[1:]
            message = f"To update {kind}, please use the customer{channel}Update Mutation instead"
            return _payload(None, [user_error([kind], message)])
    errors = apply_input(context.shop, record, given) or presence_error(record)
    errors += _addresses_and_metafields(context.shop, record, given)
    return _payload(None if errors else save_customer(context.shop, record), errors)


def _addresses_and_metafields(shop: Shop, record: Record, given: Mapping[str, Any]) -> list[UserError]:
    errors: list[UserError] = []
    if given.get("addresses") is not None:
        errors += set_addresses(shop, record, given["addresses"])
    if given.get("metafields"):
        errors += write_metafields(shop, record, given["metafields"])
    return errors


@mutation("customerDelete")
def _delete(context: Context, args: Args) -> dict[str, Any]:
    gid = args["input"]["id"]
    number = number_of(gid, "Customer")
    record = None if number is None else context.shop.customers.get(number)
    errors: list[UserError] = []
    if record is None:
        errors = [user_error(["id"], "Customer can't be found")]
    elif int(record.get("numberOfOrders", 0)):
        errors = [user_error(["id"], "Customer can’t be deleted because they have associated orders")]
    else:
        delete_customer(context.shop, record)
    return {"deletedCustomerId": None if errors else gid, "userErrors": errors}


@mutation("customerSet")
def _set(context: Context, args: Args) -> dict[str, Any]:
    """Upsert by identifier (Shopify: customerSet; behaviour as recorded, see the contract's section on writing)."""
    shop, given = context.shop, args["input"]
    identifier = args.get("identifier")
    if identifier is None:
        identifier = {"id": given["id"]} if given.get("id") else {}
    elif given.get("id"):
        message = "The id field is not allowed if identifier is provided."
        return _payload(None, [user_error(["input"], message, "ID_NOT_ALLOWED")])
    mismatch = _identifier_errors(identifier, given)
    if mismatch:
        return _payload(None, mismatch)
    record = find_customer(shop, identifier) if identifier else None
    if record is None and identifier.get("id"):
        message = "Resource matching the identifier was not found."
        return _payload(None, [user_error(["input"], message, "NOT_FOUND")])
    if record is None:
        record = new_customer(shop)
    errors = apply_input(shop, record, given, ("input",)) or presence_error(record, ("input",))
    if given.get("addresses") is not None:
        errors += set_addresses(shop, record, given["addresses"])
    custom_id = identifier.get("customId")
    if custom_id and not errors:
        name = custom_id_name(shop, "CUSTOMER", custom_id)
        if shop.customers.find(metafield_key(name, custom_id["value"])) is None:
            store_metafield(shop, record, name, "id", custom_id["value"], unique=True)
    return _payload(None if errors else save_customer(shop, record), errors)


def _identifier_errors(identifier: Mapping[str, Any], given: Mapping[str, Any]) -> list[UserError]:
    """An e-mail or phone that identifies must be repeated in the input, with the same value."""
    for name in ("email", "phone"):
        wanted = identifier.get(name)
        if wanted is None:
            continue
        if not given.get(name):
            message = "The input field corresponding to the identifier is required."
            return [user_error(["input"], message, "MISSING_FIELD_REQUIRED")]
        same = (
            given[name].strip().lower() == wanted.strip().lower()
            if name == "email"
            else (clean_phone(given[name]) or given[name]) == (clean_phone(wanted) or wanted)
        )
        if not same:
            message = "The identifier value does not match the value of the corresponding field in the input."
            return [user_error(["input"], message, "INPUT_MISMATCH")]
    return []
