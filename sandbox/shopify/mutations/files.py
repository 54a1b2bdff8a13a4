"""fileCreate, fileUpdate, fileDelete, and which product or variant shows which file in which order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.catalogue_writing import Draft, commit, open_draft, save_product
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.ids import number_of
from sandbox.shopify.jobs import start_job
from sandbox.shopify.media import known_address
from sandbox.shopify.mutations.media_rules import MAX_ALT, add_medium
from sandbox.shopify.mutations.product_rules import coded
from sandbox.shopify.mutations.products import add_media, product_of
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_ENUM = "FilesErrorCode"


def _develop(shop: Shop, numbers: list[int]) -> None:
    if shop.darkroom is not None:
        shop.darkroom.develop(numbers)


@mutation("fileCreate")
def _create(context: Context, args: Args) -> dict[str, Any]:
    shop = context.shop
    draft, errors = Draft({}), list[UserError]()
    for index, entry in enumerate(args["files"]):
        errors += add_medium(shop, draft, entry, ["files", str(index)])[1]
    if errors:
        return {"files": None, "userErrors": coded(errors, _ENUM, "INVALID")}
    for medium in draft.media.values():
        shop.media.put(medium)
    _develop(shop, draft.fetches)
    return {"files": [shop.media.get(number) for number in draft.media], "userErrors": []}


@mutation("fileUpdate")
def _update(context: Context, args: Args) -> dict[str, Any]:
    """Change files: all or nothing; only READY ones (Shopify: NON_READY_STATE)."""
    shop = context.shop
    media: dict[int, Record] = {}
    products: dict[int, Record] = {}
    errors: list[UserError] = []
    for index, entry in enumerate(args["files"]):
        errors += _update_one(shop, media, products, entry, ["files", str(index)])
    if errors:
        return {"files": None, "userErrors": coded(errors, _ENUM, "INVALID")}
    for medium in media.values():
        medium["updatedAt"] = shop.clock.now()
        shop.media.put(medium)
    shown = {num for medium in media.values() for num in medium.get("products") or []} - set(products)
    for product in products.values():
        commit(shop, open_draft(shop, product))
    for num in shown:
        untouched = shop.products.get(num)
        if untouched is not None:
            save_product(shop, untouched)
    _develop(shop, [num for num, medium in media.items() if medium["status"] == "UPLOADED"])
    return {"files": [shop.media.get(num) for num in media], "userErrors": []}


def _update_one(
    shop: Shop, media: dict[int, Record], products: dict[int, Record], entry: Mapping[str, Any], at: list[str]
) -> list[UserError]:
    number = number_of(entry["id"], "MediaImage")
    medium = None if number is None else media.get(number) or shop.media.get(number)
    if medium is None:
        return [user_error([*at, "id"], f"File id {entry['id']} does not exist.", "FILE_DOES_NOT_EXIST")]
    if medium["status"] != "READY":
        return [user_error([*at, "id"], "Non-ready files cannot be updated.", "NON_READY_STATE")]
    if len(entry.get("alt") or "") > MAX_ALT:
        return [user_error([*at, "alt"], "Alt text is too long.", "ALT_VALUE_LIMIT_EXCEEDED")]
    source = entry.get("originalSource")
    if source and not known_address(source):
        return [user_error([*at, "originalSource"], "Image URL is invalid", "INVALID_IMAGE_SOURCE_URL")]
    media[medium["num"]] = medium
    if "alt" in entry:
        medium["alt"] = entry["alt"] or ""
    if entry.get("filename"):
        medium["filename"] = entry["filename"]
    if source:
        medium |= {"source": source, "status": "UPLOADED", "version": shop.clock.now() // 1_000_000}
    errors: list[UserError] = []
    for name, add in (("referencesToAdd", True), ("referencesToRemove", False)):
        for target in entry.get(name) or []:
            errors += _refer(shop, products, target, medium["num"], [*at, name], add=add)
    return errors


def _refer(
    shop: Shop, products: dict[int, Record], target: str, medium: int, at: list[str], *, add: bool
) -> list[UserError]:
    number = number_of(target, "Product")
    product = None if number is None else products.get(number) or shop.products.get(number)
    if product is None:
        return [user_error(at, "The reference target does not exist.", "REFERENCE_TARGET_DOES_NOT_EXIST")]
    others = [num for num in product.get("media") or [] if num != medium]
    product["media"] = [*others, medium] if add else others
    products[product["num"]] = product
    return []


@mutation("fileDelete")
def _delete(context: Context, args: Args) -> dict[str, Any]:
    shop = context.shop
    numbers = [number_of(entry, "MediaImage") for entry in args["fileIds"]]
    missing = [
        entry for entry, num in zip(args["fileIds"], numbers, strict=True) if num is None or num not in shop.media
    ]
    if missing:
        message = f"File id {missing[0]} does not exist."
        return {"deletedFileIds": None, "userErrors": [user_error(["fileIds"], message, "FILE_DOES_NOT_EXIST")]}
    for number in numbers:
        medium = shop.media.get(number or 0) or {}
        for num in medium.get("products") or []:
            _drop(shop, num, {number})
        shop.media.delete(number or 0)
    return {"deletedFileIds": list(args["fileIds"]), "userErrors": []}


def _drop(shop: Shop, product_num: int, numbers: set[int | None]) -> Record | None:
    """Take files from a product and from its variants."""
    product = shop.products.get(product_num)
    if product is None:
        return None
    draft = open_draft(shop, product)
    for record in (product, *draft.variants):
        record["media"] = [num for num in record.get("media") or [] if num not in numbers]
    return commit(shop, draft)


@mutation("productCreateMedia")
def _create_media(context: Context, args: Args) -> dict[str, Any]:
    shop = context.shop
    product = product_of(shop, args["productId"])
    if product is None:
        return {
            "media": None,
            "mediaUserErrors": [user_error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")],
        }
    draft = open_draft(shop, product)
    errors = add_media(shop, draft, args["media"], ["media"])
    if errors:
        return {"media": None, "product": product, "mediaUserErrors": coded(errors, "MediaUserErrorCode", "INVALID")}
    stored = commit(shop, draft)
    return {"media": [shop.media.get(num) for num in draft.fetches], "product": stored, "mediaUserErrors": []}


@mutation("productDeleteMedia")
def _delete_media(context: Context, args: Args) -> dict[str, Any]:
    shop = context.shop
    product = product_of(shop, args["productId"])
    numbers = {number_of(entry, "MediaImage") for entry in args["mediaIds"]}
    if product is None or not numbers <= set(product.get("media") or []):
        error = user_error(["mediaIds"], "Media does not exist", "MEDIA_DOES_NOT_EXIST")
        return {"deletedMediaIds": None, "product": product, "mediaUserErrors": [error]}
    return {
        "deletedMediaIds": list(args["mediaIds"]),
        "product": _drop(shop, product["num"], numbers),
        "mediaUserErrors": [],
    }


@mutation("productReorderMedia")
def _reorder(context: Context, args: Args) -> dict[str, Any]:
    shop = context.shop
    product = product_of(shop, args["id"])
    numbers = [number_of(move["id"], "MediaImage") for move in args["moves"]]
    if product is None or not set(numbers) <= set(product.get("media") or []):
        error = user_error(["moves"], "Media does not exist", "MEDIA_DOES_NOT_EXIST")
        return {"job": None, "mediaUserErrors": [error]}

    def run() -> None:
        still = product_of(shop, args["id"])
        for number, move in zip(numbers, args["moves"], strict=True):
            if still is not None and number in still["media"]:
                still["media"].remove(number)
                still["media"].insert(int(move["newPosition"]), number)
        if still is not None:
            save_product(shop, still)

    return {"job": start_job(shop, run), "mediaUserErrors": []}


def _variant_media(context: Context, args: Args, *, append: bool) -> dict[str, Any]:
    shop = context.shop
    product = product_of(shop, args["productId"])
    if product is None:
        return {"userErrors": [user_error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")]}
    draft = open_draft(shop, product)
    touched: list[Record] = []
    for entry in args["variantMedia"]:
        number = number_of(entry["variantId"], "ProductVariant")
        variant = next((found for found in draft.variants if found["num"] == number), None)
        media = [number_of(medium, "MediaImage") for medium in entry["mediaIds"]]
        if variant is None or not set(media) <= set(product.get("media") or []):
            error = user_error(["variantMedia"], "Media does not exist on the product", "MEDIA_DOES_NOT_EXIST")
            return {"product": product, "userErrors": [error]}
        variant["media"] = media if append else [num for num in variant.get("media") or [] if num not in media]
        touched.append(variant)
    stored = commit(shop, draft)
    return {"product": stored, "productVariants": [shop.variants.get(one["num"]) for one in touched], "userErrors": []}


@mutation("productVariantAppendMedia")
def _append(context: Context, args: Args) -> dict[str, Any]:
    return _variant_media(context, args, append=True)


@mutation("productVariantDetachMedia")
def _detach(context: Context, args: Args) -> dict[str, Any]:
    return _variant_media(context, args, append=False)
