"""What searches over products, variants, inventory items, collections and files understand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.catalogue_writing import total_inventory
from sandbox.shopify.filters import any_of, flag_filter, key, metafield_reader
from sandbox.shopify.product_records import available_of, handle_key, variant_title
from sandbox.shopify.searching import (
    Filter,
    Language,
    Reader,
    exact_filter,
    number_filter,
    text_filter,
    time_filter,
)
from sandbox.shopify.shop import PUBLICATIONS, Shop
from sandbox.shopify.table import Record

_SPANS = {"id": "ID", "updated_at": "UPDATED_AT", "created_at": "CREATED_AT"}


_COMMON: Mapping[str, Filter] = {
    "created_at": time_filter(key("createdAt")),
    "id": number_filter(key("num")),
    "updated_at": time_filter(key("updatedAt")),
}


def product_language(shop: Shop) -> Language:
    """Return the language of `products(query:)`."""

    def of_variants(name: str) -> Reader:
        def read(record: Record) -> list[str]:
            variants = (shop.variants.get(num) for num in record.get("variants") or [])
            return [str(variant[name]) for variant in variants if variant is not None and variant.get(name)]

        return read

    def words(record: Record) -> list[str]:
        texts: list[Any] = [record.get(name) for name in ("title", "vendor", "productType", "handle")]
        return [text for text in texts if text] + list(record.get("tags") or []) + list(of_variants("sku")(record))

    def published(record: Record) -> str:
        live = str(next(iter(PUBLICATIONS))) in (record.get("publications") or {})
        return "published" if live else "unpublished"

    filters: dict[str, Filter] = {
        **_COMMON,
        "barcode": exact_filter(of_variants("barcode")),
        "collection_id": exact_filter(key("collections")),
        "gift_card": flag_filter(key("isGiftCard")),
        "handle": any_of(key("handle")),
        "inventory_total": number_filter(lambda record: total_inventory(shop, record)),
        "product_type": text_filter(key("productType")),
        "published_status": any_of(published),
        "sku": text_filter(of_variants("sku")),
        "status": any_of(key("status")),
        "tag": exact_filter(key("tags")),
        "title": text_filter(key("title")),
        "vendor": text_filter(key("vendor")),
    }
    keys = {"handle": handle_key}
    return Language(filters, words, _SPANS, shop.zone, metafield=metafield_reader(shop, "PRODUCT"), keys=keys)


def variant_language(shop: Shop) -> Language:
    """Return the language of `productVariants(query:)`."""

    def of_product(name: str) -> Reader:
        return lambda record: (shop.products.get(record["product"]) or {}).get(name)

    def quantity(record: Record) -> int:
        return available_of(shop.items.get(record["item"]) or {})

    def words(record: Record) -> list[str]:
        product = shop.products.get(record["product"]) or {}
        texts = (record.get("sku"), record.get("barcode"), product.get("title"), variant_title(product, record))
        return [text for text in texts if text]

    filters: dict[str, Filter] = {
        **_COMMON,
        "barcode": exact_filter(key("barcode")),
        "inventory_quantity": number_filter(quantity),
        "product_id": number_filter(key("product")),
        "product_status": any_of(of_product("status")),
        "product_type": text_filter(of_product("productType")),
        "sku": text_filter(key("sku")),
        "tag": exact_filter(of_product("tags")),
        "taxable": flag_filter(key("taxable")),
        "title": text_filter(lambda record: variant_title(shop.products.get(record["product"]) or {}, record)),
        "vendor": text_filter(of_product("vendor")),
    }
    return Language(filters, words, _SPANS, shop.zone, metafield=metafield_reader(shop, "PRODUCTVARIANT"))


def item_language(shop: Shop) -> Language:
    """Return the language of `inventoryItems(query:)`."""
    filters = {**_COMMON, "sku": text_filter(key("sku")), "tracked": flag_filter(key("tracked"))}
    return Language(filters, lambda record: [record["sku"]] if record.get("sku") else [], _SPANS, shop.zone)


def collection_language(shop: Shop) -> Language:
    """Return the language of `collections(query:)`."""
    filters = {**_COMMON, "handle": any_of(key("handle")), "title": text_filter(key("title"))}
    return Language(filters, lambda record: [record["title"]], _SPANS, shop.zone)


def file_language(shop: Shop) -> Language:
    """Return the language of `files(query:)`."""
    filters = {
        **_COMMON,
        "filename": text_filter(key("filename")),
        "media_type": any_of(lambda _: "IMAGE"),
        "status": any_of(key("status")),
    }
    return Language(filters, lambda record: [record["filename"]], _SPANS, shop.zone)


def bulk_language(shop: Shop) -> Language:
    """Return the language of `bulkOperations(query:)`."""
    filters = {
        "created_at": _COMMON["created_at"],
        "id": _COMMON["id"],
        "operation_type": any_of(key("type")),
        "status": any_of(key("status")),
    }
    spans = {"id": "ID", "created_at": "CREATED_AT"}
    return Language(filters, lambda record: [record["query"]], spans, shop.zone)
