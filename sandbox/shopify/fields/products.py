"""Computed fields of products, variants and collections."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.shopify.catalogue_writing import total_inventory
from sandbox.shopify.connections import Page, list_page, opened_page
from sandbox.shopify.ids import gid, number_of
from sandbox.shopify.product_records import available_of, chosen, is_default, variant_title
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import DOMAIN, PUBLICATIONS, Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_TAG = re.compile(r"<[^>]+>")
_SPACE = re.compile(r"\s+")
ONLINE_STORE = next(iter(PUBLICATIONS))


def category_record(shop: Shop, category: str | None) -> Record | None:
    """Return a taxonomy category by its id."""
    if not category or category not in shop.categories:
        return None
    name = shop.categories[category]
    parts = name.split(" > ")
    return {
        "__typename": "TaxonomyCategory",
        "id": category,
        "name": parts[-1],
        "fullName": name,
        "isLeaf": True,
        "isRoot": len(parts) == 1,
        "level": len(parts),
    }


def variants_of(shop: Shop, product: Mapping[str, Any]) -> list[Record]:
    """Return the variants of a product in order."""
    return [found for num in product.get("variants") or [] if (found := shop.variants.get(num)) is not None]


def _item(shop: Shop, variant: Mapping[str, Any]) -> Record:
    return shop.items.get(variant.get("item", 0)) or {}


def _live(product: Mapping[str, Any]) -> bool:
    return product.get("status") in ("ACTIVE", "UNLISTED") and str(ONLINE_STORE) in (product.get("publications") or {})


def option_record(option: Mapping[str, Any], used: set[int]) -> Record:
    """Return an option as a ProductOption record; `used` holds the value numbers that variants have."""
    values = [
        {
            "__typename": "ProductOptionValue",
            "id": gid("ProductOptionValue", value["num"]),
            "name": value["name"],
            "hasVariants": value["num"] in used,
        }
        for value in option["values"]
    ]
    return {
        "__typename": "ProductOption",
        "id": gid("ProductOption", option["num"]),
        "name": option["name"],
        "optionValues": values,
        "values": [value["name"] for value in values if value["hasVariants"]],
    }


@resolver("Product", "category")
def _category(record: Record, context: Context, _: Args) -> Record | None:
    return category_record(context.shop, record.get("category"))


@resolver("Product", "options")
def _options(record: Record, context: Context, args: Args) -> list[Record]:
    options = record.get("options") or []
    used: set[int] = set()
    if options and not is_default(record):
        used = {num for variant in variants_of(context.shop, record) for num in variant["values"]}
    elif options:
        used = {options[0]["values"][0]["num"]}
    found = [{**option_record(option, used), "position": place} for place, option in enumerate(options, 1)]
    return found[: args["first"]] if args.get("first") is not None else found


@resolver("Product", "hasOnlyDefaultVariant")
def _only_default(record: Record, _: Context, __: Args) -> bool:
    return is_default(record)


@resolver("Product", "variants")
def _variants(record: Record, context: Context, args: Args) -> Page:
    numbers = record.get("variants") or []
    sort = args.get("sortKey", "POSITION")
    if sort == "SKU":
        numbers = [
            entry["num"]
            for entry in sorted(variants_of(context.shop, record), key=lambda entry: entry.get("sku") or "")
        ]
    elif sort == "ID":
        numbers = sorted(numbers)
    return opened_page(numbers, args, context.shop.variants)


@resolver("Product", "variantsCount")
def _variants_count(record: Record, _: Context, __: Args) -> dict[str, Any]:
    return {"count": len(record.get("variants") or []), "precision": "EXACT"}


@resolver("Product", "totalVariants")
def _total_variants(record: Record, _: Context, __: Args) -> int:
    return len(record.get("variants") or [])


@resolver("Product", "totalInventory")
def _total_inventory(record: Record, context: Context, _: Args) -> int:
    return total_inventory(context.shop, record)


@resolver("Product", "tracksInventory")
def _tracks(record: Record, context: Context, _: Args) -> bool:
    return any(_item(context.shop, variant).get("tracked") for variant in variants_of(context.shop, record))


@resolver("Product", "hasOutOfStockVariants")
def _out_of_stock(record: Record, context: Context, _: Args) -> bool:
    items = (_item(context.shop, variant) for variant in variants_of(context.shop, record))
    return any(item.get("tracked") and available_of(item) <= 0 for item in items)


@resolver("Product", "media")
def _media(record: Record, context: Context, args: Args) -> Page:
    return opened_page(record.get("media") or [], args, context.shop.media)


@resolver("Product", "mediaCount")
def _media_count(record: Record, _: Context, __: Args) -> dict[str, Any]:
    return {"count": len(record.get("media") or []), "precision": "EXACT"}


@resolver("Product", "featuredMedia")
def _featured(record: Record, context: Context, _: Args) -> Record | None:
    media = record.get("media") or []
    return context.shop.media.get(media[0]) if media else None


@resolver("Product", "collections")
def _collections(record: Record, context: Context, args: Args) -> Page:
    return opened_page(record.get("collections") or [], args, context.shop.collections)


@resolver("Product", "inCollection")
def _in_collection(record: Record, _: Context, args: Args) -> bool:
    return number_of(args["id"], "Collection") in (record.get("collections") or [])


@resolver("Product", "description")
def _description(record: Record, _: Context, args: Args) -> str:
    text = _SPACE.sub(" ", html.unescape(_TAG.sub(" ", record.get("descriptionHtml") or ""))).strip()
    limit = args.get("truncateAt")
    return text if limit is None or len(text) <= limit else text[: max(0, limit - 3)] + "..."


@resolver("Product", "bodyHtml")
def _body(record: Record, _: Context, __: Args) -> str:
    return str(record.get("descriptionHtml") or "")


@resolver("Product", "seo")
def _seo(record: Record, _: Context, __: Args) -> dict[str, Any]:
    seo = record.get("seo") or {}
    return {"title": seo.get("title"), "description": seo.get("description")}


@resolver("Product", "priceRangeV2")
def _price_range(record: Record, context: Context, _: Args) -> dict[str, Any]:
    prices = [Decimal(variant["price"]) for variant in variants_of(context.shop, record)] or [Decimal(0)]
    return {
        "minVariantPrice": {"amount": str(min(prices)), "currencyCode": "EUR"},
        "maxVariantPrice": {"amount": str(max(prices)), "currencyCode": "EUR"},
    }


@resolver("Product", "publishedAt")
def _published_at(record: Record, _: Context, __: Args) -> int | None:
    return (record.get("publications") or {}).get(str(ONLINE_STORE)) if _live(record) else None


@resolver("Product", "onlineStoreUrl")
def _online_url(record: Record, _: Context, __: Args) -> str | None:
    return f"https://{DOMAIN}/products/{record['handle']}" if _live(record) else None


@resolver("Product", "onlineStorePreviewUrl")
def _preview_url(record: Record, _: Context, __: Args) -> str:
    return f"https://{DOMAIN}/products/{record.get('handle')}?preview=1"


@resolver("ProductVariant", "product")
def _product(record: Record, context: Context, _: Args) -> Record | None:
    return context.shop.products.get(record.get("product", 0))


@resolver("ProductVariant", "title")
def _variant_title(record: Record, context: Context, _: Args) -> str:
    return variant_title(context.shop.products.get(record.get("product", 0)) or {}, record)


@resolver("ProductVariant", "displayName")
def _variant_name(record: Record, context: Context, _: Args) -> str:
    product = context.shop.products.get(record.get("product", 0)) or {}
    return f"{product.get('title', '')} - {variant_title(product, record)}"


@resolver("ProductVariant", "selectedOptions")
def _selected(record: Record, context: Context, _: Args) -> list[dict[str, Any]]:
    product = context.shop.products.get(record.get("product", 0)) or {}
    return [
        {
            "name": option["name"],
            "value": value["name"],
            "optionValue": {
                "__typename": "ProductOptionValue",
                "id": gid("ProductOptionValue", value["num"]),
                "name": value["name"],
                "hasVariants": True,
            },
        }
        for option, value in chosen(product, record)
    ]


@resolver("ProductVariant", "inventoryItem")
def _inventory_item(record: Record, context: Context, _: Args) -> Record | None:
    return context.shop.items.get(record.get("item", 0))


@resolver("ProductVariant", "inventoryQuantity", "sellableOnlineQuantity")
def _quantity(record: Record, context: Context, _: Args) -> int:
    return available_of(_item(context.shop, record))


@resolver("ProductVariant", "inventoryPolicy")
def _policy(record: Record, _: Context, __: Args) -> str:
    return str(record.get("inventoryPolicy") or "DENY")


@resolver("ProductVariant", "availableForSale")
def _for_sale(record: Record, context: Context, _: Args) -> bool:
    item = _item(context.shop, record)
    return not item.get("tracked") or record.get("inventoryPolicy") == "CONTINUE" or available_of(item) > 0


@resolver("ProductVariant", "media")
def _variant_media(record: Record, context: Context, args: Args) -> Page:
    return opened_page(record.get("media") or [], args, context.shop.media)


@resolver("Collection", "products")
def _collection_products(record: Record, context: Context, args: Args) -> Page:
    num = record.get("num")
    found = [product for product in context.shop.products.all() if num in (product.get("collections") or [])]
    return list_page(sorted(found, key=lambda product: int(product["num"])), args)


@resolver("Collection", "productsCount")
def _collection_count(record: Record, context: Context, _: Args) -> dict[str, Any]:
    num = record.get("num")
    found = sum(1 for product in context.shop.products.all() if num in (product.get("collections") or []))
    return {"count": found, "precision": "EXACT"}


@resolver("QueryRoot", "taxonomy")
def _taxonomy(_: Record, __: Context, ___: Args) -> Record:
    return {"__typename": "Taxonomy"}


@resolver("Taxonomy", "categories")
def _categories(_: Record, context: Context, args: Args) -> Page:
    wanted = (args.get("search") or "").casefold()
    found = [
        category_record(context.shop, category)
        for category, name in sorted(context.shop.categories.items())
        if wanted in name.casefold()
    ]
    return list_page(found, args)
