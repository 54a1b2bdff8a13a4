"""Computed fields by subject; importing this package registers them."""

from sandbox.shopify.fields import customers, metafields, roots, shop, webhooks

__all__ = ["customers", "metafields", "roots", "shop", "webhooks"]
