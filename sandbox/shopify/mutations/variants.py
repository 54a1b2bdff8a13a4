"""productVariantsBulkCreate, productVariantsBulkUpdate, productVariantsBulkDelete, productVariantsBulkReorder."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from sandbox.shopify.catalogue_writing import Draft, add_variant, commit, open_draft, stock_level
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.ids import number_of
from sandbox.shopify.media import file_name
from sandbox.shopify.mutations.product_options import chosen_values, repeated
from sandbox.shopify.mutations.product_rules import MAX_VARIANTS, apply_variant, coded, set_quantity
from sandbox.shopify.mutations.products import add_media, product_of
from sandbox.shopify.product_records import is_default
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


def _missing(enum: str) -> dict[str, Any]:
    errors = [user_error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")]
    return {"product": None, "productVariants": None, "userErrors": coded(errors, enum, "PRODUCT_DOES_NOT_EXIST")}


def _finish(
    shop: Shop, draft: Draft, touched: list[Record], errors: list[UserError], enum: str, default: str
) -> dict[str, Any]:
    double = repeated(draft.variants) if not errors else None
    if double is not None:
        message = "The variant already exists. Please change at least one option value."
        errors.append(user_error(["variants", str(double)], message, "VARIANT_ALREADY_EXISTS"))
    if errors:
        product = shop.products.get(draft.product["num"])
        return {"product": product, "productVariants": None, "userErrors": coded(errors, enum, default)}
    product = commit(shop, draft)
    return {
        "product": product,
        "productVariants": [shop.variants.get(variant["num"]) for variant in touched],
        "userErrors": [],
    }


def _attach(draft: Draft, variant: Record, entry: Mapping[str, Any], at: list[str]) -> list[UserError]:
    """Give a variant the medium its input names: by id, or by the source it was just added with."""
    wanted = number_of(entry.get("mediaId") or "", "MediaImage")
    sources = entry.get("mediaSrc") or []
    for number in draft.product.get("media") or []:
        medium = draft.media.get(number) or {}
        if number == wanted or (sources and medium.get("source") == sources[0]):
            variant["media"] = [number]
            return []
    if wanted is None and not sources:
        return []
    name = file_name(sources[0]) if sources else str(entry.get("mediaId"))
    return [user_error([*at, "mediaId"], f"Media {name} does not belong to the product", "INVALID_INPUT")]


@mutation("productVariantsBulkCreate")
def _create(context: Context, args: Args) -> dict[str, Any]:
    enum, shop = "ProductVariantsBulkCreateUserErrorCode", context.shop
    product = product_of(shop, args["productId"])
    if product is None:
        return _missing(enum)
    draft = open_draft(shop, product)
    errors = add_media(shop, draft, args.get("media"), ["media"])
    strategy = args.get("strategy", "DEFAULT")
    alone = len(draft.variants) == 1 and (
        strategy == "REMOVE_STANDALONE_VARIANT" or (strategy == "DEFAULT" and is_default(product))
    )
    if alone:
        draft.variants = []
    if len(draft.variants) + len(args["variants"]) > MAX_VARIANTS:
        errors.append(user_error(["variants"], f"A product has at most {MAX_VARIANTS} variants", "INVALID"))
    touched: list[Record] = []
    for index, entry in enumerate(args["variants"]):
        at = ["variants", str(index)]
        values, found = chosen_values(
            shop, product["options"], entry.get("optionValues") or [], [*at, "optionValues"], add_values=True
        )
        errors += found
        if found:
            continue
        variant = add_variant(shop, draft, values)
        touched.append(variant)
        errors += apply_variant(shop, draft, variant, entry, at) + _attach(draft, variant, entry, at)
        for place, row in enumerate(entry.get("inventoryQuantities") or []):
            field = [*at, "inventoryQuantities", str(place)]
            errors += set_quantity(
                shop, draft.items[variant["item"]], row["locationId"], row["availableQuantity"], field
            )
    if alone:
        _drop_unused_values(draft)
    return _finish(shop, draft, touched, errors, enum, "INVALID_INPUT")


def _drop_unused_values(draft: Draft) -> None:
    used = {value for variant in draft.variants for value in variant["values"]}
    for option in draft.product["options"]:
        option["values"] = [value for value in option["values"] if value["num"] in used]


@mutation("productVariantsBulkUpdate")
def _update(context: Context, args: Args) -> dict[str, Any]:
    enum, shop = "ProductVariantsBulkUpdateUserErrorCode", context.shop
    product = product_of(shop, args["productId"])
    if product is None:
        return _missing(enum)
    draft = open_draft(shop, product)
    errors = add_media(shop, draft, args.get("media"), ["media"])
    touched: list[Record] = []
    partial = bool(args.get("allowPartialUpdates"))
    for index, entry in enumerate(args["variants"]):
        before = deepcopy(draft) if partial else draft
        variant, found = _update_one(shop, draft, entry, ["variants", str(index)])
        errors += found
        if found and partial:
            draft = before
        elif variant is not None:
            touched.append(variant)
    if partial and touched:
        answer = _finish(shop, draft, touched, [], enum, "INVALID_INPUT")
        return {**answer, "userErrors": answer["userErrors"] + coded(errors, enum, "INVALID_INPUT")}
    return _finish(shop, draft, touched, errors, enum, "INVALID_INPUT")


def _update_one(
    shop: Shop, draft: Draft, entry: Mapping[str, Any], at: list[str]
) -> tuple[Record | None, list[UserError]]:
    if not entry.get("id"):
        return None, [user_error([*at, "id"], "Product variant is missing ID attribute", "PRODUCT_VARIANT_ID_MISSING")]
    number = number_of(entry["id"], "ProductVariant")
    variant = next((found for found in draft.variants if found["num"] == number), None)
    if variant is None:
        return None, [user_error([*at, "id"], "Product variant does not exist", "PRODUCT_VARIANT_DOES_NOT_EXIST")]
    if entry.get("inventoryQuantities"):
        message = "Inventory quantities can only be provided during create. To update inventory for existing variants, "
        code = "NO_INVENTORY_QUANTITIES_ON_VARIANTS_UPDATE"
        return None, [user_error([*at, "inventoryQuantities"], message + "use inventoryAdjustQuantities.", code)]
    errors: list[UserError] = []
    if entry.get("optionValues"):
        held = [
            {
                "optionId": f"gid://shopify/ProductOption/{option['num']}",
                "id": f"gid://shopify/ProductOptionValue/{num}",
            }
            for option, num in zip(draft.product["options"], variant["values"], strict=True)
        ]
        values, errors = chosen_values(
            shop, draft.product["options"], [*held, *entry["optionValues"]], [*at, "optionValues"], add_values=True
        )
        variant["values"] = values
    errors += apply_variant(shop, draft, variant, entry, at) + _attach(draft, variant, entry, at)
    for place, row in enumerate(entry.get("quantityAdjustments") or []):
        location = number_of(row["locationId"], "Location")
        field = [*at, "quantityAdjustments", str(place)]
        if location is None or location not in shop.locations:
            errors.append(user_error(field, "The specified location could not be found.", "INVALID_VALUE"))
            continue
        level = stock_level(shop, draft.items[variant["item"]], location)
        level["available"] += row.get("adjustment") or 0
    return variant, errors


@mutation("productVariantsBulkDelete")
def _delete(context: Context, args: Args) -> dict[str, Any]:
    enum, shop = "ProductVariantsBulkDeleteUserErrorCode", context.shop
    product = product_of(shop, args["productId"])
    if product is None:
        return _missing(enum)
    draft = open_draft(shop, product)
    gone = {number_of(gid, "ProductVariant") for gid in args["variantsIds"]}
    errors: list[UserError] = []
    if not gone <= {variant["num"] for variant in draft.variants}:
        message = "At least one variant does not belong to the product"
        errors = [user_error(["variantsIds"], message, "AT_LEAST_ONE_VARIANT_DOES_NOT_BELONG_TO_THE_PRODUCT")]
    draft.variants = [variant for variant in draft.variants if variant["num"] not in gone]
    if not draft.variants and not errors:
        message = "Cannot delete the last variant of a product"
        errors = [user_error(["variantsIds"], message, "CANNOT_DELETE_LAST_VARIANT")]
    if not errors:
        _drop_unused_values(draft)
    return _finish(shop, draft, [], errors, enum, "PRODUCT_DOES_NOT_EXIST")


@mutation("productVariantsBulkReorder")
def _reorder(context: Context, args: Args) -> dict[str, Any]:
    shop = context.shop
    product = product_of(shop, args["productId"])
    if product is None:
        return {
            "product": None,
            "userErrors": [user_error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")],
        }
    draft = open_draft(shop, product)
    wanted = {number_of(entry["id"], "ProductVariant"): int(entry["position"]) for entry in args["positions"]}
    if not set(wanted) <= {variant["num"] for variant in draft.variants}:
        return {"product": None, "userErrors": [user_error(["positions"], "Variant does not exist", "MISSING_VARIANT")]}
    for number, position in sorted(wanted.items(), key=lambda pair: pair[1]):
        variant = next(found for found in draft.variants if found["num"] == number)
        draft.variants.remove(variant)
        draft.variants.insert(max(0, position - 1), variant)
    return {"product": commit(shop, draft), "userErrors": []}
