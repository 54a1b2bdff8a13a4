"""What the core asks of a shop beyond its records. Implements `records.Shop`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from shopify_fw360.shopify.client import ShopifyClient

_AT_ONCE: Final = 100
_PRODUCTS: Final = """query ProductsOfItems($ids: [ID!]!) {
  nodes(ids: $ids) { ... on InventoryItem { id variants(first: 5) { nodes { product { id } } } } }
}"""
_COST: Final = 6.0
"""Points of one item: the item, a connection of five, each with its product."""


class ShopAccess:
    """A shop.

    Args:
        client: of the shop.
        forget_tokens: drops what tokens are kept for it.
    """

    def __init__(self, client: ShopifyClient, forget_tokens: Callable[[], None]) -> None:
        self.key = client.address.shop
        self._client = client
        self._forget_tokens = forget_tokens

    def ask(self) -> None:
        """Make sure that the shop lets us in.

        Raises:
            SyncError: SYNC-301 or SYNC-313 if it does not; others if it cannot be asked.
        """
        self._client.check()

    def forget(self) -> None:
        """Drop the access tokens that are kept for the shop."""
        self._forget_tokens()

    def products_of(self, inventory_items: Sequence[str]) -> dict[str, str]:
        """Find the products whose stock an inventory item counts.

        Args:
            inventory_items: gids.

        Returns:
            Gid of the product per item; absent for items that are gone. Shopify lets one item serve several variants;
            the first one's product is named, because they share their stock.

        Raises:
            SyncError: as the client.
        """
        found: dict[str, str] = {}
        ids = list(dict.fromkeys(inventory_items))
        for start in range(0, len(ids), _AT_ONCE):
            chunk = ids[start : start + _AT_ONCE]
            data = self._client.execute(
                _PRODUCTS,
                {"ids": chunk},
                operation_name="ProductsOfItems",
                idempotent=True,
                cost=_COST * len(chunk),
            )
            for item in data["nodes"]:
                variants = ((item or {}).get("variants") or {}).get("nodes") or ()
                if variants:
                    found[item["id"]] = variants[0]["product"]["id"]
        return found
