"""customerAddressCreate, customerAddressUpdate, customerAddressDelete, customerUpdateDefaultAddress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.customer_records import address_of
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.fields.customers import address_record
from sandbox.shopify.ids import number_of
from sandbox.shopify.mutations.customer_rules import address_errors, address_from, same_address
from sandbox.shopify.mutations.writing import save_customer
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_NO_CUSTOMER = user_error(["customerId"], "Customer does not exist")
_NO_ADDRESS = user_error(["addressId"], "Address does not exist")


def _find(context: Context, args: Args) -> tuple[Record | None, dict[str, Any] | None]:
    number = number_of(args["customerId"], "Customer")
    record = None if number is None else context.shop.customers.get(number)
    address_number = number_of(args["addressId"], "MailingAddress") if "addressId" in args else None
    return record, address_of(record, address_number) if record else None


def _address_payload(
    record: Record | None, address: Mapping[str, Any] | None, errors: list[UserError]
) -> dict[str, Any]:
    shown = address_record(record, address) if record is not None and not errors else None
    return {"address": shown, "userErrors": errors}


@mutation("customerAddressCreate")
def _create(context: Context, args: Args) -> dict[str, Any]:
    record, _ = _find(context, args)
    if record is None:
        return _address_payload(None, None, [_NO_CUSTOMER])
    address = address_from(args["address"])
    errors = address_errors(address, ["address"])
    addresses = list(record.get("addresses") or [])
    if any(same_address(address, other) for other in addresses):
        errors.append(user_error(["address"], "Customer address already exists"))
    if errors:
        return _address_payload(record, None, errors)
    address["num"] = context.shop.child(record)
    record["addresses"] = [*addresses, address]
    if args.get("setAsDefault") or not record.get("defaultAddress"):
        record["defaultAddress"] = address["num"]
    return _address_payload(save_customer(context.shop, record), address, [])


@mutation("customerAddressUpdate")
def _update(context: Context, args: Args) -> dict[str, Any]:
    record, before = _find(context, args)
    if record is None:
        return _address_payload(None, None, [_NO_CUSTOMER])
    if before is None:
        return _address_payload(record, None, [_NO_ADDRESS])
    address = address_from(args["address"], before)
    errors = address_errors(address, ["address"])
    if errors:
        return _address_payload(record, None, errors)
    record["addresses"] = [address if other["num"] == address["num"] else other for other in record["addresses"]]
    if args.get("setAsDefault"):
        record["defaultAddress"] = address["num"]
    return _address_payload(save_customer(context.shop, record), address, [])


@mutation("customerAddressDelete")
def _delete(context: Context, args: Args) -> dict[str, Any]:
    record, address = _find(context, args)
    if record is None or address is None:
        return {"deletedAddressId": None, "userErrors": [_NO_CUSTOMER if record is None else _NO_ADDRESS]}
    record["addresses"] = [other for other in record["addresses"] if other["num"] != address["num"]]
    if record.get("defaultAddress") == address["num"]:
        record["defaultAddress"] = record["addresses"][0]["num"] if record["addresses"] else None
    save_customer(context.shop, record)
    return {"deletedAddressId": args["addressId"], "userErrors": []}


@mutation("customerUpdateDefaultAddress")
def _default(context: Context, args: Args) -> dict[str, Any]:
    record, address = _find(context, args)
    if record is None or address is None:
        return {"customer": None, "userErrors": [_NO_CUSTOMER if record is None else _NO_ADDRESS]}
    record["defaultAddress"] = address["num"]
    return {"customer": save_customer(context.shop, record), "userErrors": []}
