"""productCreate, productUpdate, productDelete, publishablePublish, publishableUnpublish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.catalogue_writing import (
    Draft,
    add_default_variant,
    add_variant,
    commit,
    delete_product,
    new_draft,
    open_draft,
    save_product,
)
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.fields.roots import find_product, load
from sandbox.shopify.ids import number_of
from sandbox.shopify.mutations.media_rules import add_medium
from sandbox.shopify.mutations.product_options import stated_options
from sandbox.shopify.mutations.product_rules import apply_collections, apply_metafields, apply_product
from sandbox.shopify.mutations.product_set import start_operation
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


def product_of(shop: Shop, gid: str | None) -> Record | None:
    """Return the product of a global id."""
    number = number_of(gid or "", "Product")
    return None if number is None else shop.products.get(number)


def add_media(shop: Shop, draft: Draft, entries: Any, at: list[str]) -> list[UserError]:
    """Append CreateMediaInput entries to the product's files."""
    errors: list[UserError] = []
    for index, entry in enumerate(entries or []):
        number, found = add_medium(shop, draft, entry, [*at, str(index)])
        errors += found
        if number is not None:
            draft.product["media"] = [*(draft.product.get("media") or []), number]
    return errors


def _apply(shop: Shop, draft: Draft, given: Mapping[str, Any], args: Args) -> list[UserError]:
    errors = apply_product(shop, draft.product, given, [])
    for name, join in (("collectionsToJoin", True), ("collectionsToLeave", False)):
        if given.get(name):
            errors += apply_collections(shop, draft.product, given[name], [name], join=join)
    errors += apply_metafields(shop, draft.product, given.get("metafields") or [], ["metafields"])
    return errors + add_media(shop, draft, args.get("media"), ["media"])


@mutation("productCreate")
def _create(context: Context, args: Args) -> dict[str, Any]:
    shop, given = context.shop, args.get("product") or args.get("input") or {}
    draft = new_draft(shop)
    errors = _apply(shop, draft, given, args)
    if given.get("productOptions"):
        options, found = stated_options(shop, [], given["productOptions"], ["productOptions"])
        errors += found
        draft.product["options"] = options
        if not errors:
            add_variant(shop, draft, [option["values"][0]["num"] for option in options])
    else:
        add_default_variant(shop, draft)
    return {"product": None if errors else commit(shop, draft), "userErrors": errors}


@mutation("productUpdate")
def _update(context: Context, args: Args) -> dict[str, Any]:
    shop, given = context.shop, args.get("product") or args.get("input") or {}
    product = find_product(shop, args["identifier"]) if args.get("identifier") else product_of(shop, given.get("id"))
    if product is None:
        return {"product": None, "userErrors": [user_error(["id"], "Product does not exist")]}
    draft = open_draft(shop, product)
    errors = _apply(shop, draft, given, args)
    return {"product": None if errors else commit(shop, draft), "userErrors": errors}


@mutation("productDelete")
def _delete(context: Context, args: Args) -> dict[str, Any]:
    shop, gid = context.shop, args["input"]["id"]
    product = product_of(shop, gid)
    if product is None:
        return {"deletedProductId": None, "userErrors": [user_error(["id"], "Product does not exist")]}
    if args.get("synchronous", True):
        delete_product(shop, product)
        return {"deletedProductId": gid, "userErrors": []}

    def run() -> tuple[Record | None, list[UserError]]:
        still = product_of(shop, gid)
        if still is not None:
            delete_product(shop, still)
        return None, []

    return {"productDeleteOperation": start_operation(shop, "ProductDeleteOperation", run), "userErrors": []}


def _publish(context: Context, args: Args, *, publish: bool) -> dict[str, Any]:
    shop = context.shop
    record = load(shop, args["id"])
    if record is None or record["__typename"] not in ("Product", "Collection"):
        return {"publishable": None, "userErrors": [user_error(["id"], "Resource does not exist")]}
    dates = dict(record.get("publications") or {})
    for index, entry in enumerate(args["input"]):
        number = number_of(entry.get("publicationId") or "", "Publication")
        if number is None or number not in shop.publications:
            error = user_error(["input", str(index), "publicationId"], "Publication does not exist")
            return {"publishable": None, "userErrors": [error]}
        if publish:
            dates[str(number)] = entry.get("publishDate") or dates.get(str(number)) or shop.clock.now()
        else:
            dates.pop(str(number), None)
    if dates == (record.get("publications") or {}):
        return {"publishable": record, "userErrors": []}
    record["publications"] = dates
    if record["__typename"] == "Product":
        return {"publishable": save_product(shop, record), "userErrors": []}
    record["updatedAt"] = shop.clock.now()
    shop.collections.put(record)
    return {"publishable": record, "userErrors": []}


@mutation("publishablePublish")
def _publishable_publish(context: Context, args: Args) -> dict[str, Any]:
    return _publish(context, args, publish=True)


@mutation("publishableUnpublish")
def _publishable_unpublish(context: Context, args: Args) -> dict[str, Any]:
    return _publish(context, args, publish=False)
