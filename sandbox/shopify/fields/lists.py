"""Lists at the query root: one table, one search language each; bulk runs read them without pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.shopify.connections import Page, count_matches, table_page
from sandbox.shopify.customer_search import customer_count_language, customer_language
from sandbox.shopify.order_records import visible
from sandbox.shopify.order_search import order_language
from sandbox.shopify.product_search import (
    bulk_language,
    collection_language,
    file_language,
    item_language,
    product_language,
    variant_language,
)
from sandbox.shopify.registry import resolver
from sandbox.shopify.searching import Language, Search, compile_search
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ListRoot:
    """One list of the query root.

    Args:
        type_name: the table.
        language: what its `query` understands.
        shown: what may be seen at all, whatever is asked for.
    """

    type_name: str
    language: Callable[[Shop], Language]
    shown: Callable[[Context, str], Callable[[Record], bool] | None] = lambda _, __: None

    def search(self, context: Context, name: str, text: str | None) -> Search:
        """Compile a query text; what it ignored is reported in `extensions.search`."""
        search = note_search(context, name, text, compile_search(text, self.language(context.shop)))
        shown = self.shown(context, text or "")
        if shown is not None:
            matches = search.matches
            search.matches = lambda record: matches(record) and shown(record)
            search.everything = False
        return search


def note_search(context: Context, name: str, text: str | None, search: Search) -> Search:
    """Report what a search ignored in `extensions.search`."""
    if search.warnings:
        context.searches.append({"path": [name], "query": text, "parsed": {}, "warnings": search.warnings})
    return search


LIST_ROOTS: dict[str, ListRoot] = {}
"""By name of the root field."""


def list_root(name: str, root: ListRoot, *, counted: bool = True, count_language: ListRoot | None = None) -> None:
    """Register a list and its count."""
    LIST_ROOTS[name] = root

    def listed(_: Record, context: Context, args: Args) -> Page:
        shop = context.shop
        search = root.search(context, name, args.get("query"))
        return table_page(
            shop.tables[root.type_name], search, args.get("sortKey", "ID"), args, shop.options.paging_limit
        )

    def count(_: Record, context: Context, args: Args) -> dict[str, Any]:
        search = (count_language or root).search(context, f"{name}Count", args.get("query"))
        return count_matches(context.shop.tables[root.type_name], search, args.get("limit"))

    resolver("QueryRoot", name)(listed)
    resolver("Shop", name)(listed)
    if counted:
        resolver("QueryRoot", f"{name}Count")(count)


def _active_products(context: Context, text: str) -> Callable[[Record], bool] | None:
    if not context.shop.options.active_products_only or "status:" in text:
        return None
    return lambda record: bool(record["status"] == "ACTIVE")


def _readable_orders(context: Context, _: str) -> Callable[[Record], bool] | None:
    return None if "read_all_orders" in context.granted else lambda record: visible(context, record)


list_root(
    "customers",
    ListRoot("Customer", customer_language),
    count_language=ListRoot("Customer", customer_count_language),
)
list_root("products", ListRoot("Product", product_language, _active_products))
list_root("productVariants", ListRoot("ProductVariant", variant_language))
list_root("inventoryItems", ListRoot("InventoryItem", item_language), counted=False)
list_root("collections", ListRoot("Collection", collection_language))
list_root("bulkOperations", ListRoot("BulkOperation", bulk_language), counted=False)
list_root("orders", ListRoot("Order", order_language, _readable_orders))
list_root("files", ListRoot("MediaImage", file_language), counted=False)
