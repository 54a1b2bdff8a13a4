"""Reads and stages products as the DAGs do, by pages or by a bulk file; runs in the project's own environment."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.settings import SyncSettings
from shopify_fw360.shopify.address import shop_address
from shopify_fw360.shopify.auth import StaticToken
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.store import Store
from shopify_fw360.sync.recovery import ImportRequest, ReadBy, begin_import, stage_import, wait_for_import
from shopify_fw360.sync.wiring import build_pair, load_mappings

MAPPINGS = Path(__file__).parents[3] / "include" / "mappings"

if __name__ == "__main__":
    sandbox, folder, way = sys.argv[1], Path(sys.argv[2]), ReadBy(sys.argv[3])
    settings = SyncSettings()
    store = Store.open(f"sqlite:///{folder / 'store.db'}")
    store.upgrade()
    pair = build_pair(
        store=store,
        settings=settings,
        mappings=load_mappings(MAPPINGS, settings),
        shopify=ShopifyClient(shop_address(sandbox), StaticToken("sandbox-token")),
        # Nothing is written, so the site is never asked.
        framework360=Framework360Client("http://127.0.0.1:9", "k", SiteOptions()),
    )
    pair.preconditions.clear()
    request = ImportRequest(Flow(Entity.PRODUCT, System.SHOPIFY), "peers", read_by=way)
    print(f"FIRST {time.monotonic()}", file=sys.stderr, flush=True)
    begin_import(pair, request)
    if not wait_for_import(pair, request, 120):
        raise SystemExit("the export did not end")
    stage_import(pair, request, folder)
    store.close()
