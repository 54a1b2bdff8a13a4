"""Stages the file of a bulk operation as the task of an import does, in a process of its own; prints one JSON line."""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.settings import SyncSettings
from shopify_fw360.shopify.address import shop_address
from shopify_fw360.shopify.auth import StaticToken
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.store import Store
from shopify_fw360.sync.recovery import ImportRequest, stage_import
from shopify_fw360.sync.wiring import build_pair, load_mappings
from tests.benchmarks.bulk_host import OPERATION

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
FLOW = Flow(Entity.PRODUCT, System.SHOPIFY)


def resident() -> float:
    """Memory of this process and its copies now, MB; what they share is counted once."""
    total = 0
    for process in (psutil.Process(), *psutil.Process().children()):
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20


def processor_time() -> float:
    """Seconds that this process and its ended copies have used."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def main(shop: str, store_url: str, folder: str) -> None:
    settings = SyncSettings()
    store = Store.open(store_url)
    store.upgrade()
    pair = build_pair(
        store=store,
        settings=settings,
        mappings=load_mappings(MAPPINGS, settings),
        shopify=ShopifyClient(shop_address(shop), StaticToken("t")),
        # Nothing is written, so the site is never asked.
        framework360=Framework360Client("http://127.0.0.1:9", "k", SiteOptions()),
    )
    pair.preconditions.clear()
    request = ImportRequest(FLOW, "bench")
    with store.begin() as tx:
        tx.save_export(request.run_id, "ready", remote_id=OPERATION)
    idle = resident()
    peak = idle
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            peak = max(peak, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began, cpu = time.monotonic(), processor_time()
    counts = stage_import(pair, request, Path(folder))
    took = time.monotonic() - began
    used = processor_time() - cpu
    done.set()
    watcher.join()
    store.close()
    print(json.dumps({"staged": counts.staged, "seconds": took, "cpu": used, "idle": idle, "peak": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
