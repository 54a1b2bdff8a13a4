"""What Shopify accepts in products and variants, and writing inputs into a draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from graphql import GraphQLEnumType

from sandbox.shopify.catalogue_writing import Draft, stock_level
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.ids import number_of
from sandbox.shopify.mutations.customer_rules import clean_tags, tag_errors
from sandbox.shopify.mutations.metafield_rules import check_metafield, store_metafield
from sandbox.shopify.product_records import handle_key, handle_of, money_text
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record, Table

MAX_TEXT = 255
MAX_OPTIONS = 3
MAX_VARIANTS = 2048
MAX_FILES = 250
_TEXTS = {"title": "Title", "handle": "Handle", "vendor": "Vendor", "productType": "Product type"}
_PLAIN = ("descriptionHtml", "vendor", "productType", "templateSuffix", "requiresSellingPlan")


@cache
def _codes(enum: str) -> frozenset[str]:
    from sandbox.shopify.schema import shopify_schema

    kind = shopify_schema().type_map[enum]
    return frozenset(kind.values) if isinstance(kind, GraphQLEnumType) else frozenset()


def coded(errors: Sequence[UserError], enum: str, default: str) -> list[UserError]:
    """Return the errors with codes of a payload's own enum; `default` stands for codes it does not have."""
    known = _codes(enum)
    return [{**error, "code": error["code"] if error.get("code") in known else default} for error in errors]


def free_handle(table: Table, wanted: str, own: int) -> str:
    """Return a handle nobody else has: the wanted one, else with "-1", "-2" ... behind it."""
    handle, count = wanted, 0
    while table.find(handle_key(handle)) not in (None, own):
        count += 1
        handle = f"{wanted}-{count}"
    return handle


def apply_product(shop: Shop, product: Record, given: Mapping[str, Any], at: Sequence[str]) -> list[UserError]:
    """Write the plain fields of a product input into its record; a field left out stays."""
    errors = [
        user_error([*at, name], f"{label} is too long (maximum is {MAX_TEXT} characters)", "INVALID_INPUT")
        for name, label in _TEXTS.items()
        if len(given.get(name) or "") > MAX_TEXT
    ]
    if ("title" in given and not (given["title"] or "").strip()) or not (given.get("title") or product.get("title")):
        errors.append(user_error([*at, "title"], "Title can't be blank", "INVALID_INPUT"))
    if "tags" in given:
        tags = clean_tags(given["tags"] or [])
        errors += tag_errors(tags, [*at, "tags"])
        product["tags"] = tags
    if given.get("category") is not None and given["category"] not in shop.categories:
        errors.append(user_error([*at, "category"], "Product taxonomy node does not exist", "INVALID_INPUT"))
    if errors:
        return errors
    for name in _PLAIN:
        if name in given:
            product[name] = given[name] or ""
    if "title" in given:
        product["title"] = given["title"].strip()
    for name in ("status", "category"):
        if name in given:
            product[name] = given[name]
    if "giftCard" in given:
        product["isGiftCard"] = bool(given["giftCard"])
    if "seo" in given:
        product["seo"] = {**(product.get("seo") or {}), **(given["seo"] or {})}
    return _apply_handle(shop, product, given, at)


def _apply_handle(shop: Shop, product: Record, given: Mapping[str, Any], at: Sequence[str]) -> list[UserError]:
    if given.get("handle"):
        handle = handle_of(given["handle"])
        if shop.products.find(handle_key(handle)) not in (None, product["num"]):
            message = f"Handle '{handle}' already in use. Please provide a new handle."
            return [user_error([*at, "handle"], message, "HANDLE_NOT_UNIQUE")]
        product["handle"] = handle
    elif not product.get("handle"):
        product["handle"] = free_handle(shop.products, handle_of(product["title"]), product["num"])
    return []


def apply_collections(
    shop: Shop, product: Record, gids: Sequence[str], at: Sequence[str], *, join: bool
) -> list[UserError]:
    """Add a product to manual collections, or take it out of them."""
    numbers = [number_of(gid, "Collection") for gid in gids]
    if any(number is None or number not in shop.collections for number in numbers):
        return [user_error(at, "Collection does not exist", "INVALID_INPUT")]
    held = product.get("collections") or []
    kept = [number for number in held if number not in numbers]
    product["collections"] = kept + [number for number in numbers if number is not None] if join else kept
    return []


def apply_metafields(
    shop: Shop, owner: Record, entries: Sequence[Mapping[str, Any]], at: Sequence[str]
) -> list[UserError]:
    """Write MetafieldInput entries into an owner's record."""
    errors: list[UserError] = []
    for index, entry in enumerate(entries):
        found, name, kind, unique = check_metafield(shop, owner, entry, [*at, str(index)])
        errors += found
        if not found:
            store_metafield(shop, owner, name, kind, entry["value"], unique=unique)
    return errors


def apply_variant(
    shop: Shop, draft: Draft, variant: Record, given: Mapping[str, Any], at: Sequence[str]
) -> list[UserError]:
    """Write the fields of a variant input into its record and its inventory item."""
    item = draft.items[variant["item"]]
    errors: list[UserError] = []
    for name in ("price", "compareAtPrice"):
        if name not in given:
            continue
        value = given[name]
        if value is not None and Decimal(str(value)) < 0:
            label = "Price" if name == "price" else "Compare at price"
            errors.append(
                user_error([*at, name], f"{label} must be greater than or equal to 0", "NEGATIVE_PRICE_VALUE")
            )
        elif value is None and name == "price":
            errors.append(user_error([*at, name], "Price can't be blank", "INVALID_INPUT"))
        else:
            variant[name] = None if value is None else money_text(value)
    if "barcode" in given:
        variant["barcode"] = given["barcode"] or None
        errors += _too_long(given["barcode"], [*at, "barcode"], "Barcode")
    for name in ("taxable", "inventoryPolicy", "showUnitPrice"):
        if given.get(name) is not None:
            variant[name] = given[name]
    if "sku" in given:
        errors += _set_sku(variant, item, given["sku"], [*at, "sku"])
    if given.get("inventoryItem"):
        errors += apply_item(item, given["inventoryItem"], [*at, "inventoryItem"])
        variant["sku"] = item.get("sku")
    if given.get("metafields"):
        errors += apply_metafields(shop, variant, given["metafields"], [*at, "metafields"])
    return errors


def apply_item(item: Record, given: Mapping[str, Any], at: Sequence[str]) -> list[UserError]:
    """Write an InventoryItemInput into an item's record."""
    errors: list[UserError] = []
    if "sku" in given:
        errors += _set_sku({}, item, given["sku"], [*at, "sku"])
    if "cost" in given:
        cost = given["cost"]
        if cost is not None and Decimal(str(cost)) < 0:
            errors.append(user_error([*at, "cost"], "Cost must be greater than or equal to 0", "INVALID_INPUT"))
        item["cost"] = None if cost is None else money_text(cost)
    for name in ("tracked", "requiresShipping"):
        if given.get(name) is not None:
            item[name] = given[name]
    for name in ("countryCodeOfOrigin", "harmonizedSystemCode", "provinceCodeOfOrigin"):
        if name in given:
            item[name] = given[name]
    weight = (given.get("measurement") or {}).get("weight")
    if weight is not None:
        if weight["value"] < 0:
            errors.append(
                user_error([*at, "measurement"], "Weight must be greater than or equal to 0", "INVALID_INPUT")
            )
        item["weight"] = {"unit": weight["unit"], "value": float(weight["value"])}
    return errors


def set_quantity(
    shop: Shop, item: Record, location_gid: str, quantity: int, at: Sequence[str], *, on_hand: bool = False
) -> list[UserError]:
    """Set the available (or on-hand) quantity of an item at a location, activating it there."""
    location = number_of(location_gid, "Location")
    if location is None or location not in shop.locations:
        return [user_error(at, "The specified location could not be found.", "TRACKED_VARIANT_LOCATION_NOT_FOUND")]
    level = stock_level(shop, item, location)
    level["available"] = quantity - (int(level.get("committed", 0)) if on_hand else 0)
    return []


def _set_sku(variant: Record, item: Record, sku: str | None, at: Sequence[str]) -> list[UserError]:
    variant["sku"] = item["sku"] = sku or None
    return _too_long(sku, at, "SKU")


def _too_long(text: str | None, at: Sequence[str], label: str) -> list[UserError]:
    if len(text or "") <= MAX_TEXT:
        return []
    return [user_error(at, f"{label} is too long (maximum is {MAX_TEXT} characters)", "INVALID_INPUT")]
