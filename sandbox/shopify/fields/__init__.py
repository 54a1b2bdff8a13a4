"""Computed fields by subject; importing this package registers them."""

from sandbox.shopify.fields import (
    customers,
    lists,
    media,
    metafields,
    products,
    publications,
    roots,
    shop,
    stock,
    webhooks,
)

__all__ = [
    "customers",
    "lists",
    "media",
    "metafields",
    "products",
    "publications",
    "roots",
    "shop",
    "stock",
    "webhooks",
]
