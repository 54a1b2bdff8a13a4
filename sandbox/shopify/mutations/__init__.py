"""Mutations by subject; importing this package registers them."""

from sandbox.shopify.mutations import (
    addresses,
    app,
    bulk,
    consent,
    customers,
    definitions,
    files,
    merge,
    metafields,
    options,
    product_set,
    products,
    stock,
    subscriptions,
    tags,
    variants,
)

__all__ = [
    "addresses",
    "app",
    "bulk",
    "consent",
    "customers",
    "definitions",
    "files",
    "merge",
    "metafields",
    "options",
    "product_set",
    "products",
    "stock",
    "subscriptions",
    "tags",
    "variants",
]
