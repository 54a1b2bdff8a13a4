"""productSet: a product with all its parts in one call, at once or as an operation.

Shopify: list fields given become the full new state, what is missing in them is removed; fields left out stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.shopify.catalogue_writing import (
    Draft,
    add_default_variant,
    add_variant,
    commit,
    new_draft,
    open_draft,
)
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.fields.roots import custom_id_name, find_product
from sandbox.shopify.ids import gid, number_of
from sandbox.shopify.mutations.media_rules import add_medium
from sandbox.shopify.mutations.metafield_rules import store_metafield
from sandbox.shopify.mutations.product_options import chosen_values, repeated, stated_options
from sandbox.shopify.mutations.product_rules import (
    MAX_FILES,
    MAX_VARIANTS,
    apply_collections,
    apply_metafields,
    apply_product,
    apply_variant,
    coded,
    set_quantity,
)
from sandbox.shopify.product_records import handle_of
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_AT = ["input"]


@mutation("productSet")
def _set(context: Context, args: Args) -> dict[str, Any]:
    if args.get("synchronous", True):
        product, errors = set_product(context.shop, args)
        return {"product": product, "userErrors": errors}
    errors = _identifier_errors(context.shop, args)
    if errors:
        return {"userErrors": errors}
    operation = start_operation(context.shop, "ProductSetOperation", lambda: set_product(context.shop, args))
    return {"productSetOperation": operation, "userErrors": []}


def start_operation(
    shop: Shop, type_name: str, run: Callable[[], tuple[Record | None, Sequence[UserError]]]
) -> Record | None:
    """Create an operation that runs later: CREATED, then ACTIVE, then COMPLETE with its user errors."""
    table = shop.tables[type_name]
    number = shop.number()
    table.put({"num": number, "status": "CREATED", "userErrors": []})

    def activate() -> None:
        table.put({"num": number, "status": "ACTIVE", "userErrors": []})

    def complete() -> None:
        product, errors = run()
        done = {"num": number, "status": "COMPLETE", "userErrors": list(errors)}
        table.put({**done, "product": None if product is None else product["num"]})

    loop = asyncio.get_running_loop()
    loop.call_later(shop.options.product_set_seconds / 2, activate)
    loop.call_later(shop.options.product_set_seconds, complete)
    return table.get(number)


def set_product(shop: Shop, args: Args) -> tuple[Record | None, list[UserError]]:
    """Carry out a productSet; returns the product as stored and the user errors, nothing is stored with any."""
    errors = _identifier_errors(shop, args)
    if errors:
        return None, errors
    identifier, given = _identifier(args), args["input"]
    product = find_product(shop, identifier) if identifier else None
    draft = new_draft(shop) if product is None else open_draft(shop, product)
    errors = apply_product(shop, draft.product, given, _AT)
    errors += _apply_lists(shop, draft, given)
    if not errors:
        errors += _apply_variants(shop, draft, given, new=product is None)
    custom_id = identifier.get("customId")
    if custom_id and product is None and not errors:
        name = custom_id_name(shop, "PRODUCT", custom_id)
        store_metafield(shop, draft.product, name, "id", custom_id["value"], unique=True)
    if errors:
        return None, coded(errors, "ProductSetUserErrorCode", "INVALID_INPUT")
    return commit(shop, draft), []


def _identifier(args: Args) -> Mapping[str, Any]:
    if args.get("identifier") is not None:
        identifier: Mapping[str, Any] = args["identifier"]
        return identifier
    return {"id": args["input"]["id"]} if args["input"].get("id") else {}


def _identifier_errors(shop: Shop, args: Args) -> list[UserError]:
    identifier, given = _identifier(args), args["input"]
    if args.get("identifier") is not None and given.get("id"):
        message = "The id field is not allowed if identifier is provided."
        return [user_error(_AT, message, "ID_NOT_ALLOWED")]
    if identifier.get("id") and find_product(shop, identifier) is None:
        return [user_error(_AT, "Product does not exist", "PRODUCT_DOES_NOT_EXIST")]
    handle = identifier.get("handle")
    if handle is not None and not given.get("handle"):
        message = "The input field corresponding to the identifier is required."
        return [user_error(_AT, message, "MISSING_FIELD_REQUIRED")]
    if handle is not None and handle_of(given["handle"]) != handle_of(handle):
        message = "The identifier value does not match the value of the corresponding field in the input."
        return [user_error(_AT, message, "INPUT_MISMATCH")]
    custom_id = identifier.get("customId")
    if custom_id is not None:
        name = custom_id_name(shop, "PRODUCT", custom_id)
        for entry in given.get("metafields") or []:
            same = f"{shop.namespace(entry.get('namespace'))}.{entry.get('key')}" == name
            if same and entry.get("value") != custom_id["value"]:
                message = "The metafield value does not match the identifier."
                return [user_error([*_AT, "metafields"], message, "METAFIELD_MISMATCH")]
    return []


def _apply_lists(shop: Shop, draft: Draft, given: Mapping[str, Any]) -> list[UserError]:
    product = draft.product
    errors: list[UserError] = []
    if given.get("collections") is not None:
        product["collections"] = []
        errors += apply_collections(shop, product, given["collections"], [*_AT, "collections"], join=True)
    if given.get("metafields") is not None:
        listed = {f"{shop.namespace(entry.get('namespace'))}.{entry.get('key')}" for entry in given["metafields"]}
        held = product.get("metafields") or {}
        product["metafields"] = {
            name: stored for name, stored in held.items() if name in listed or stored["type"] == "id"
        }
        errors += apply_metafields(shop, product, given["metafields"], [*_AT, "metafields"])
    if given.get("files") is not None:
        if len(given["files"]) > MAX_FILES:
            return [user_error([*_AT, "files"], f"Files cannot exceed {MAX_FILES}", "INVALID_INPUT")]
        media: list[int] = []
        for index, entry in enumerate(given["files"]):
            number, found = add_medium(shop, draft, entry, [*_AT, "files", str(index)])
            errors += found
            if number is not None and number not in media:
                media.append(number)
        product["media"] = media
    return errors


def _apply_variants(shop: Shop, draft: Draft, given: Mapping[str, Any], *, new: bool) -> list[UserError]:
    entries, options = given.get("variants"), given.get("productOptions")
    if entries is None and options is None:
        if new:
            add_default_variant(shop, draft)
        return _forget_lost_media(draft)
    if entries is None:
        message = "Variants input is required when updating product options"
        return [user_error([*_AT, "variants"], message, "VARIANTS_INPUT_MISSING")]
    if options is None:
        message = "Product options input is required when updating variants"
        return [user_error([*_AT, "productOptions"], message, "PRODUCT_OPTIONS_INPUT_MISSING")]
    if len(entries) > MAX_VARIANTS:
        message = f"The number of variants cannot exceed {MAX_VARIANTS}"
        return [user_error([*_AT, "variants"], message, "VARIANTS_OVER_LIMIT")]
    if not entries or not options:
        return [user_error([*_AT, "variants"], "A product needs at least one variant", "VARIANTS_INPUT_MISSING")]
    stated, errors = stated_options(shop, draft.product["options"], options, [*_AT, "productOptions"])
    if errors:
        return errors
    draft.product["options"] = stated
    before = {variant["num"]: variant for variant in draft.variants}
    draft.variants = []
    indexed = sorted(enumerate(entries), key=lambda pair: pair[1].get("position") or pair[0] + 1)
    for index, entry in indexed:
        errors += _apply_entry(shop, draft, before, entry, [*_AT, "variants", str(index)])
    double = repeated(draft.variants) if not errors else None
    if double is not None:
        message = "The variant already exists. Please change at least one option value."
        errors.append(user_error([*_AT, "variants", str(double)], message, "INVALID_VARIANT"))
    return errors + _forget_lost_media(draft)


def _apply_entry(
    shop: Shop, draft: Draft, before: dict[int, Record], entry: Mapping[str, Any], at: list[str]
) -> list[UserError]:
    values, errors = chosen_values(
        shop, draft.product["options"], entry["optionValues"], [*at, "optionValues"], add_values=False
    )
    if errors:
        return errors
    variant: Record | None = None
    if entry.get("id"):
        variant = before.pop(number_of(entry["id"], "ProductVariant") or 0, None)
        if variant is None:
            message = f"Product variant does not exist: {entry['id']}"
            return [user_error([*at, "id"], message, "PRODUCT_VARIANT_DOES_NOT_EXIST")]
    elif shop.options.product_set_matches_options:
        variant = next((old for old in before.values() if old["values"] == values), None)
        if variant is not None:
            del before[variant["num"]]
    if variant is None:
        variant = add_variant(shop, draft, values)
    else:
        draft.variants.append(variant)
        variant["values"] = values
    errors += apply_variant(shop, draft, variant, entry, at)
    for index, row in enumerate(entry.get("inventoryQuantities") or []):
        errors += set_quantity(
            shop,
            draft.items[variant["item"]],
            row["locationId"],
            row["quantity"],
            [*at, "inventoryQuantities", str(index)],
            on_hand=row["name"] == "on_hand",
        )
    if "file" in entry:
        errors += _apply_file(draft, variant, entry["file"], [*at, "file"])
    return errors


def _apply_file(draft: Draft, variant: Record, given: Mapping[str, Any] | None, at: list[str]) -> list[UserError]:
    """A variant's file is one of the product's files: the same id, or the same source."""
    if given is None:
        variant["media"] = []
        return []
    media = draft.product.get("media") or []
    for number in media:
        medium = draft.media.get(number) or {}
        if given.get("id") == gid("MediaImage", number) or (
            given.get("originalSource") and medium.get("source") == given["originalSource"]
        ):
            variant["media"] = [number]
            return []
    return [user_error(at, "Variant file must be included in the files of the product", "INVALID_VARIANT")]


def _forget_lost_media(draft: Draft) -> list[UserError]:
    """Take from the variants what the product does not show any more."""
    shown = set(draft.product.get("media") or [])
    for variant in draft.variants:
        variant["media"] = [number for number in variant.get("media") or [] if number in shown]
    return []
