"""Import into a slow site against the bound its latency sets; and a run over customers that did not change."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.common.server import running
from shopify_fw360.store import Store
from tests.end_to_end.conftest import fresh_world
from tests.end_to_end.world import INTO_SITE

pytestmark = [pytest.mark.bench, pytest.mark.timeout(7200)]

LATENCY = 0.030
IN_FLIGHT = 8


def writes(server):
    return sum(entry["writes"] for entry in server.control.metrics()["operations"].values())


def test_throughput_of_an_import_against_the_latency_of_the_site(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    store.upgrade()
    with running("shopify") as shopify, running("framework360") as framework360:
        world = fresh_world(shopify, framework360, store, 0)
        for server in (shopify, framework360):
            server.control.reset(seed=7, customers=1500, population="shopify")
        shopify.control.set_options(bucket_size=100_000, restore_rate=100_000)
        framework360.control.set_latency(LATENCY * 1000)
        framework360.control.reset_metrics()
        world.stage(INTO_SITE)
        began = time.monotonic()
        report = world.drain(INTO_SITE)
        took = time.monotonic() - began
        requests = sum(entry["count"] for entry in framework360.control.metrics()["operations"].values())
    bound = requests * LATENCY / IN_FLIGHT
    print(
        f"\nimport: {report.finished} customers in {took:.1f} s ({report.finished / took:.0f}/s), {requests} requests"
        f" to the site; bound by latency {bound:.1f} s, share {bound / took:.0%}"
    )
    assert report.finished > 1000
    assert bound / took > 0.8


CHILD = """
import resource, sys, time
sys.path[:0] = sys.argv[1].split(":")
from shopify_fw360.store import Store
from tests.end_to_end.world import INTO_SITE, INTO_SHOP, World
from sandbox.common.server import RunningServer
from sandbox.common.client import Control
shop, site, path, flow = sys.argv[2:6]
servers = [RunningServer(url, Control(url), 0) for url in (shop, site)]
store = Store.open(f"sqlite:///{path}")
world = World(*servers, store)
began = time.monotonic()
report = world.sync(INTO_SITE if flow == "in" else INTO_SHOP)
took = time.monotonic() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{report.finished} {took:.1f} {peak:.0f}")
"""


def test_memory_and_writes_of_a_run_over_unchanged_customers(tmp_path):
    """BENCH_CUSTOMERS in the environment sets the number of customers."""
    count = int(os.environ.get("BENCH_CUSTOMERS", "5000"))
    path = tmp_path / "store.db"
    store = Store.open(f"sqlite:///{path}")
    store.upgrade()
    store.close()
    root = Path(__file__).parents[2]
    with running("shopify", customers=0) as shopify, running("framework360", customers=0) as framework360:
        world = fresh_world(shopify, framework360, Store.open(f"sqlite:///{path}"), 0)
        for server in (shopify, framework360):
            server.control.reset(seed=7, customers=count, population="both")
        shopify.control.set_options(bucket_size=10_000_000, restore_rate=10_000_000)
        world.onboard()

        def run(flow):
            command = [sys.executable, "-c", CHILD, f"{root}:{root / 'plugins'}", shopify.url, framework360.url]
            answer = subprocess.run([*command, str(path), flow], capture_output=True, text=True, check=True, cwd=root)
            finished, took, peak = answer.stdout.split()
            return int(finished), float(took), float(peak)

        print()
        for name, flow in (("first into the site", "in"), ("first into the shop", "out"), ("settling", "in")):
            finished, took, peak = run(flow)
            print(f"{name}: {finished} of {count} processed in {took:.0f} s, peak RSS {peak:.0f} MB")
        shopify.control.reset_metrics()
        framework360.control.reset_metrics()
        finished, took, peak = run("out")
        print(f"unchanged: {finished} processed in {took:.0f} s, peak RSS {peak:.0f} MB, writes", end=" ")
        print(writes(shopify), writes(framework360))
        world.store.close()
        assert writes(shopify) == writes(framework360) == 0
        assert peak < 400
