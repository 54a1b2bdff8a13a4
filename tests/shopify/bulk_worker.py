"""A worker that reads as fast as its lane of the budget lets it: ``python -m tests.shopify.bulk_worker SHOP STORE``."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from shopify_fw360.records import Origin
from shopify_fw360.shopify.address import shop_address
from shopify_fw360.shopify.auth import StaticToken
from shopify_fw360.shopify.budget import CostBudget, SharedBudget
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.store import LockedState, Store

PAGE = "query Page { customers(first: 60) { nodes { id tags } } }"
THREADS = 4


def reader(url: str, store: Store, lane: Origin) -> ShopifyClient:
    """A client whose calls have that priority in the budget that all share."""
    address = shop_address(url)
    budget = CostBudget(address.shop, SharedBudget(LockedState(store)), lane=lane)
    return ShopifyClient(address, StaticToken("sandbox-token"), budget)


def read(client: ShopifyClient) -> None:
    """Read a page that costs about 10 points."""
    client.execute(PAGE, operation_name="Page", idempotent=True, cost=10)


def _read_on(client: ShopifyClient) -> None:
    while True:
        read(client)


if __name__ == "__main__":
    shop_url, store_url = sys.argv[1:]
    shared = reader(shop_url, Store.open(store_url), Origin.BACKFILL)
    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(_read_on, shared) for _ in range(THREADS)]:
            future.result()
