"""What the core asks of a shop beyond its records. Implements `records.Shop`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from shopify_fw360.shopify.bulk_operations import BulkOperations
from shopify_fw360.shopify.client import ShopifyClient

_AT_ONCE: Final = 100
_PRODUCTS: Final = """query ProductsOfItems($ids: [ID!]!) {
  nodes(ids: $ids) { ... on InventoryItem { id variants(first: 5) { nodes { product { id } } } } }
}"""
_NOTHING: Final = 'query {name} {{ products(query: "id:0") {{ edges {{ node {{ id }} }} }} }}'
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

    def cause_event(self, name: str) -> str:
        """Start a bulk operation that finds nothing; it writes nothing and costs 10 points.

        Args:
            name: of the operation, unique.

        Returns:
            Gid of the operation, which the event ``bulk_operations/finish`` names.

        Raises:
            SyncError: SYNC-319 while the shop runs as many operations as it allows; others as the client.
        """
        return BulkOperations(self._client).start(_NOTHING.format(name=name), grouped=False).id

    def has_ended(self, event_id: str) -> bool:
        """Whether a bulk operation has ended, however; one the shop does not know any more has."""
        operation = BulkOperations(self._client).get(event_id)
        return operation is None or operation.ended

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
