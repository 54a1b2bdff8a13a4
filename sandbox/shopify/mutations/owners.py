"""Records of any type that tags and metafields are written to."""

from __future__ import annotations

from sandbox.shopify.access import requirement_text, satisfied
from sandbox.shopify.catalogue_writing import save_product, save_variant
from sandbox.shopify.errors import access_denied
from sandbox.shopify.ids import parse_gid
from sandbox.shopify.mutations.writing import save_customer
from sandbox.shopify.order_writing import save_order
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

_WRITE_SCOPES = {
    "Customer": "write_customers",
    "Product": "write_products",
    "ProductVariant": "write_products",
    "Collection": "write_products",
    "InventoryItem": "write_inventory",
    "Order": "write_orders",
    "Location": "write_locations",
}
OWNER_SCOPES = {
    "CUSTOMER": "write_customers",
    "PRODUCT": "write_products",
    "PRODUCTVARIANT": "write_products",
    "COLLECTION": "write_products",
    "ORDER": "write_orders",
}
"""`MetafieldOwnerType` to the scope that writing its definitions needs; other types need none."""


def demand(context: Context, field: str, scope: str | None) -> None:
    """Refuse the mutation field when a scope is missing (Shopify: the same access as mutating the owner).

    Raises:
        ShopifyError: ACCESS_DENIED.
    """
    requirement = (frozenset({scope}),) if scope else ()
    if not satisfied(requirement, context.granted):
        raise access_denied(field, requirement_text(requirement))


def find_owner(context: Context, field: str, gid: str) -> Record | None:
    """Return the record of a global id; None for one that does not exist.

    Raises:
        ShopifyError: the caller lacks the write scope of the type.
    """
    parsed = parse_gid(gid)
    if parsed is None or parsed[0] not in context.shop.tables:
        return None
    demand(context, field, _WRITE_SCOPES.get(parsed[0]))
    return context.shop.tables[parsed[0]].get(parsed[1])


def save(shop: Shop, record: Record) -> Record:
    """Store a record of any type; its `updatedAt` moves."""
    if record["__typename"] == "Customer":
        return save_customer(shop, record)
    if record["__typename"] == "Product":
        return save_product(shop, record)
    if record["__typename"] == "ProductVariant":
        return save_variant(shop, record)
    if record["__typename"] == "Order":
        return save_order(shop, record)
    record["updatedAt"] = shop.clock.now()
    shop.tables[record["__typename"]].put(record)
    return record
