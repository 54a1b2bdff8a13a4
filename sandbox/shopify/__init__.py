"""A local stand-in for a Shopify shop: Admin API 2026-10 over GraphQL, OAuth, webhooks and an admin page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.common.backend import Seed
from sandbox.shopify.backend import ShopifyBackend


def build(seed: Seed, options: Mapping[str, Any]) -> ShopifyBackend:
    """Build the backend that `python -m sandbox shopify` serves.

    Raises:
        ValueError: an unknown option, or a value it cannot take.
    """
    return ShopifyBackend(seed, options)
