"""Import into a slow site against the bound its latency sets; memory of imports, and a run over unchanged customers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter
from sqlalchemy import text

from sandbox.common.server import running
from shopify_fw360.framework360.wire import CUSTOMERS_GET, KEY_HEADER
from shopify_fw360.store import Store
from tests.end_to_end.conftest import fresh_world
from tests.end_to_end.world import INTO_SITE, World

pytestmark = [pytest.mark.bench, pytest.mark.timeout(6 * 3600)]

LATENCY = 0.030
IN_FLIGHT = 8
ROOT = Path(__file__).parents[2]


def writes(server):
    return sum(entry["writes"] for entry in server.control.metrics()["operations"].values())


@contextmanager
def crowd(count, population, store_url):
    """Both systems filled with so many people, the shop onboarded and without a rate limit."""
    with (
        running("shopify", customers=count, population=population, products=0, start_timeout=900) as shopify,
        running("framework360", customers=count, population=population, products=0, start_timeout=900) as framework360,
    ):
        shopify.control.set_options(bucket_size=10_000_000, restore_rate=10_000_000)
        store = Store.open(store_url)
        store.upgrade()
        World(shopify, framework360, store).onboard()
        store.close()
        yield shopify, framework360


def in_own_process(servers, store_url, direction, step, bucket=10**9):
    """Carry out a step as a task would; see `worker`."""
    command = [sys.executable, "-m", "tests.benchmarks.worker", *(server.url for server in servers)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
    answer = subprocess.run(
        [*command, store_url, direction, step, str(bucket)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    return json.loads(answer.stdout.splitlines()[-1])


def by_thirds(done):
    """Highest memory while each third of the records was worked on, MB."""
    return [peak for _, peak in sorted((int(key), peak) for key, peak in done["peaks"].items())][:3]


def in_thirds(done):
    return ", ".join(f"{peak:.0f}" for peak in by_thirds(done))


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
        sent = sum(entry["count"] for entry in framework360.control.metrics()["operations"].values())
        bare = seconds_of_bare_requests(framework360, sent)
    bound = sent * LATENCY / IN_FLIGHT
    print(
        f"\nimport: {report.finished} customers in {took:.1f} s ({report.finished / took:.0f}/s), {sent} requests"
        f" to the site; the latency alone takes {bound:.1f} s, share {bound / took:.0%};"
        f" as many requests by a client that does nothing else take {bare:.1f} s, share {bare / took:.0%}"
    )
    assert report.finished > 1000
    # Measured in one run on one machine; the latencies alone leave out what answering costs the site.
    assert bare / took > 0.85


def seconds_of_bare_requests(site, count):
    """How long so many requests take that do nothing but wait for the site, as many in flight."""
    with requests.Session() as session, ThreadPoolExecutor(IN_FLIGHT) as pool:
        session.trust_env = False
        session.mount("http://", HTTPAdapter(pool_maxsize=IN_FLIGHT))
        session.headers[KEY_HEADER] = "sandbox-key"
        url = f"{site.url}/m/api/{CUSTOMERS_GET.path}?user_email=nobody@example.com"
        began = time.monotonic()
        for answer in pool.map(lambda _: session.get(url), range(count)):
            assert answer.status_code < 500
        return time.monotonic() - began


def test_memory_and_writes_of_a_run_over_unchanged_customers(tmp_path):
    """BENCH_CUSTOMERS in the environment sets the number of customers."""
    count = int(os.environ.get("BENCH_CUSTOMERS", "5000"))
    store_url = f"sqlite:///{tmp_path / 'store.db'}"
    with crowd(count, "shopify", store_url) as servers:
        print()
        for name, direction in (("import into the site", "in"), ("back into the shop", "out")):
            done = in_own_process(servers, store_url, direction, "sync")
            print(
                f"{name}: {done['records']} of {count} processed in {done['seconds']:.0f} s"
                f" ({done['cpu']:.0f} s CPU), peak {done['peak']:.0f} MB",
                flush=True,
            )
        for server in servers:
            server.control.reset_metrics()
        for name, direction in (("into the site", "in"), ("into the shop", "out")):
            done = in_own_process(servers, store_url, direction, "sync")
            print(
                f"unchanged {name}: {done['records']} processed in {done['seconds']:.0f} s, peak {done['peak']:.0f} MB,"
                f" writes {[writes(server) for server in servers]}",
                flush=True,
            )
            assert done["peak"] < 400
        assert [writes(server) for server in servers] == [0, 0]


@pytest.mark.parametrize("direction", ["in", "out"])
def test_memory_of_an_import_does_not_grow_with_it(postgres_url, direction):
    """BENCH_IMPORT in the environment sets the number of customers; memory is told for each third of them."""
    count = int(os.environ.get("BENCH_IMPORT", "9000"))
    with crowd(count, "shopify" if direction == "in" else "framework360", postgres_url) as servers:
        print()
        for step in ("stage", "drain"):
            done = in_own_process(servers, postgres_url, direction, step, count // 3)
            peaks = by_thirds(done)
            print(
                f"{direction} {step}: {done['records']} of {count} in {done['seconds']:.0f} s"
                f" ({done['cpu']:.0f} s CPU), peak {done['peak']:.0f} MB, by thirds {in_thirds(done)} MB",
                flush=True,
            )
            assert peaks[-1] - peaks[0] < 0.2 * peaks[0]


def test_memory_of_a_large_dry_run_does_not_grow_with_it(postgres_url):
    """BENCH_PLAN in the environment sets the number of customers."""
    count = int(os.environ.get("BENCH_PLAN", "9000"))
    with crowd(count, "shopify", postgres_url) as servers:
        done = in_own_process(servers, postgres_url, "in", "plan", count // 3)
    store = Store.open(postgres_url)
    with store.connect(read_only=True) as connection:
        kept, size = connection.execute(
            text("SELECT count(*), pg_total_relation_size('plan_item') / 1048576 FROM plan_item")
        ).one()
    store.close()
    print(
        f"\ndry run: {done['records']} planned in {done['seconds']:.0f} s ({done['cpu']:.0f} s CPU), peak"
        f" {done['peak']:.0f} MB, by thirds {in_thirds(done)} MB; {kept} listed, {size} MB in the store"
    )
    assert done["records"] == count
    assert kept == count
