"""A catalogue once around through the site: speed against the budget the shop grants, and requests per product."""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest

from sandbox.common.server import running
from shopify_fw360.records import Outcome, System
from shopify_fw360.store import Store
from shopify_fw360.sync.drain import DrainReport
from tests.end_to_end.catalogue import CATALOGUE_INTO_SHOP, CATALOGUE_INTO_SITE, Catalogue
from tests.end_to_end.round_trip import canonical

pytestmark = [pytest.mark.bench, pytest.mark.timeout(4 * 3600)]

STANDARD = {"bucket_size": 2_000, "restore_rate": 100}
"""Shopify: the points a standard shop's bucket holds, and earns per second."""
UNLIMITED = {"bucket_size": 10**7, "restore_rate": 10**7}


def new_world(shopify, framework360, path) -> Catalogue:
    store = Store.open(f"sqlite:///{path}")
    store.upgrade()
    world = Catalogue(shopify, framework360, store)
    world.onboard()
    return world


def measured(world: Catalogue, work, limits):
    """Run the work under a rate limit; return its report, seconds, requests by system, points and refusals."""
    world.shopify.control.set_options(**limits)
    try:
        return _measured(world, work)
    finally:
        # Looking at the outcome is not part of it.
        world.shopify.control.set_options(**UNLIMITED)


def _measured(world: Catalogue, work):
    for server in (world.shopify, world.framework360):
        server.control.reset_metrics()
    before = world.shopify.control.state()["requests"]
    began = time.monotonic()
    report = work()
    took = time.monotonic() - began
    after = world.shopify.control.state()["requests"]
    requests = {
        "shopify": world.shopify.control.metrics()["requests"],
        "framework360": world.framework360.control.metrics()["requests"],
    }
    return report, took, requests, {name: after[name] - before[name] for name in ("points", "throttled")}


@pytest.mark.parametrize("rate", ["standard", "unlimited"])
def test_round_trip_of_a_catalogue(tmp_path, rate):
    """BENCH_PRODUCTS in the environment sets the number of products; 8 variants each on average."""
    count = int(os.environ.get("BENCH_PRODUCTS", "1000" if rate == "unlimited" else "150"))
    seed = {"products": count, "variants_per_product": 8.0, "population": "shopify", "customers": 0}
    with running("shopify", **seed) as shopify, running("framework360", products=0, customers=0) as framework360:
        limits = STANDARD if rate == "standard" else UNLIMITED
        shopify.control.set_options(**UNLIMITED)
        world = new_world(shopify, framework360, tmp_path / "first.db")
        originals = {product["id"]: canonical(product) for product in world.keeper.products()}
        variants = sum(len(product["variants"]) for product in originals.values())
        print(f"\n{rate} rate, {len(originals)} products, {variants} variants")
        tell("import", *measured(world, world.into_site, limits), limits)
        wanted = {}
        for shop_id, original in originals.items():
            link = world.product_link(System.SHOPIFY, shop_id)
            if link is not None and link.framework360_id is not None:
                wanted[link.framework360_id] = original
        report, took, requests, _ = measured(world, world.into_site, limits)
        print(f"  second import: {report.finished} processed in {took:.1f} s, requests {requests}")
        with world.counting_writes() as writes:
            world.into_site()
        assert writes == {"shopify": 0, "framework360": 0}
        shopify.control.reset(products=0)
        shopify.control.set_options(**UNLIMITED)
        empty = new_world(shopify, framework360, tmp_path / "second.db")
        tell("export", *measured(empty, empty.into_shop, limits), limits)
        with empty.counting_writes() as writes:
            empty.settle()
        assert writes == {"shopify": 0, "framework360": 0}
        copies = {product["fw360_id"]["value"]: canonical(product) for product in empty.keeper.products()}
        parked = empty.parked(CATALOGUE_INTO_SHOP)
        equal = sum(copies.get(key) == original for key, original in wanted.items())
        print(
            f"  canonical comparison: {equal} of {len(wanted)} equal, {len(parked)} parked, {len(copies)} in the shop"
        )
        assert copies.keys() | parked.keys() == wanted.keys()
        assert equal == len(copies)


def test_import_at_the_limit_of_the_api(tmp_path):
    """So many products that the bucket, full at first, runs dry; BENCH_IMPORTED sets their number."""
    count = int(os.environ.get("BENCH_IMPORTED", "2000"))
    seed = {"products": count, "variants_per_product": 8.0, "population": "shopify", "customers": 0}
    with running("shopify", **seed) as shopify, running("framework360", products=0, customers=0) as framework360:
        shopify.control.set_options(**UNLIMITED)
        world = new_world(shopify, framework360, tmp_path / "store.db")

        def staged():
            world.stage(CATALOGUE_INTO_SITE)
            return DrainReport(Counter({Outcome.CREATED: count}))

        print(f"\nstandard rate, {count} products")
        share = tell("import, reading and staging", *measured(world, staged, STANDARD), STANDARD)
        tell("import, writing", *measured(world, lambda: world.drain(CATALOGUE_INTO_SITE), STANDARD), STANDARD)
    assert share > 0.95


def tell(name, report, took, requests, shop, limits) -> float:
    done = max(report.finished, 1)
    spent = shop["points"]
    granted = limits["bucket_size"] + took * limits["restore_rate"]
    print(
        f"  {name}: {report.finished} products in {took:.1f} s ({report.finished / took:.1f}/s);"
        f" per product {requests['shopify'] / done:.2f} requests to the shop and"
        f" {requests['framework360'] / done:.2f} to the site; {spent:.0f} points spent of {granted:.0f} granted"
        f" ({spent / granted:.0%}); throttled {shop['throttled']}",
        flush=True,
    )
    assert shop["throttled"] == 0
    return spent / granted
