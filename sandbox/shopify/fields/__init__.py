"""Computed fields by subject; importing this package registers them."""

from sandbox.shopify.fields import (
    agreements,
    customers,
    lists,
    media,
    metafields,
    order_lines,
    order_payments,
    orders,
    products,
    publications,
    refunds,
    roots,
    shipments,
    shop,
    stock,
    webhooks,
)

__all__ = [
    "agreements",
    "customers",
    "lists",
    "media",
    "metafields",
    "order_lines",
    "order_payments",
    "orders",
    "products",
    "publications",
    "refunds",
    "roots",
    "shipments",
    "shop",
    "stock",
    "webhooks",
]
