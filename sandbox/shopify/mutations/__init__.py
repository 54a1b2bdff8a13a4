"""Mutations by subject; importing this package registers them."""

from sandbox.shopify.mutations import (
    addresses,
    app,
    consent,
    customers,
    definitions,
    merge,
    metafields,
    subscriptions,
    tags,
)

__all__ = ["addresses", "app", "consent", "customers", "definitions", "merge", "metafields", "subscriptions", "tags"]
