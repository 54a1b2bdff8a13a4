"""Several processes share the bucket of the sandbox shop: bulk work uses it up, and urgent work does not notice."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shopify_fw360.records import Origin
from shopify_fw360.store import Store
from shopify_fw360.sync.api_budget import budget_views
from tests.shopify.bulk_worker import read, reader

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    store.upgrade()
    yield store
    store.close()


@pytest.fixture
def bulk(shopify_process, store):
    """Two processes of four threads each that ask for far more than the shop grants."""
    shopify_process.control.reset(seed=7, customers=80, products=0, population="mixed")
    shopify_process.control.set_options(bucket_size=300, restore_rate=30)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}
    url = str(store.engine.url)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.shopify.bulk_worker", shopify_process.url, url], cwd=ROOT, env=environment
        )
        for _ in range(2)
    ]
    yield started
    for process in started:
        process.kill()
        process.wait()


def lanes(store):
    views = budget_views(store)
    return {lane.lane: lane for view in views.values() for lane in view.lanes}


def test_urgent_calls_hardly_wait_while_a_backfill_uses_up_the_bucket(shopify_process, store, bulk):
    urgent = reader(shopify_process.url, store, Origin.WEBHOOK)
    end = time.monotonic() + 60
    while not (store_knows := lanes(store)) or store_knows[Origin.BACKFILL].waiting < 6:
        assert time.monotonic() < end
        time.sleep(0.1)
    for _ in range(15):
        read(urgent)
        time.sleep(0.2)
    told = lanes(store)
    webhook, backfill = told[Origin.WEBHOOK], told[Origin.BACKFILL]
    assert webhook.calls == 15
    # Bulk work has got what urgent work left, and all the waiting was its own: of calls that went, or wait still.
    assert backfill.points > 0
    assert webhook.mean_wait < max(backfill.longest_wait, backfill.waiting_seconds) / 5
    assert all(process.poll() is None for process in bulk)
    assert shopify_process.control.state()["requests"].get("throttled", 0) == 0
