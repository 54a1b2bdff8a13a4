"""The whole seed, with all the data that hurts, synchronised both ways once and then looked at from every side."""

from __future__ import annotations

import pytest

from shopify_fw360.records import System
from shopify_fw360.store import Store
from shopify_fw360.sync.run import Mode
from tests.end_to_end.conftest import fresh_world
from tests.end_to_end.world import INTO_SHOP, INTO_SITE

CUSTOMERS = 300


@pytest.fixture(scope="module")
def world(shopify_process, framework360_process, tmp_path_factory):
    """Both systems after one run in each direction."""
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('seed') / 'store.db'}")
    store.upgrade()
    world = fresh_world(shopify_process, framework360_process, store, CUSTOMERS)
    world.ids_before = {str(customer["id"]) for customer in world.site.all()}
    world.sync_both()
    yield world
    store.close()


def test_number_of_orders_and_total_spent_travel_as_metafields(world):
    with_orders = next(
        customer
        for customer in world.site.all()
        if world.link_of(System.FRAMEWORK360, str(customer["id"])).shopify_id
        and world.site.call("GET", "orders/list", customer=str(customer["id"]))
    )
    statuses = {str(s["id"]) for s in world.site.call("GET", "orders/statuses") if not s.get("cancelled")}
    orders = [
        order
        for order in world.site.call("GET", "orders/list", customer=str(with_orders["id"]), limit="100")
        if str(order["order_status"]) in statuses
    ]
    customer = world.shop.read(world.counterpart(System.FRAMEWORK360, str(with_orders["id"])))
    assert customer["orders_count"]["value"] == str(len(orders))
    total = sum(round(float(order["total"]) * 100) for order in orders)
    assert round(float(customer["total_spent"]["value"]) * 100) == total


def test_no_request_breaks_either_contract(world):
    assert world.framework360.control.refused() == []
    assert world.shopify.control.refused() == []


def test_every_customer_is_either_linked_or_explained(world):
    parked = world.parked(INTO_SITE) | world.parked(INTO_SHOP)
    for customer in world.shop.all():
        link = world.link_of(System.SHOPIFY, customer["id"])
        assert (link and link.framework360_id) or customer["id"] in parked
    for customer in world.site.all():
        link = world.link_of(System.FRAMEWORK360, str(customer["id"]))
        assert (link and link.shopify_id) or str(customer["id"]) in parked


def test_no_customer_of_the_shop_has_two_counterparts(world):
    emails = [
        customer["email"].strip().casefold()
        for customer in world.site.all()
        if str(customer["id"]) not in world.ids_before
    ]
    assert len(emails) == len(set(emails))


def test_ambiguous_customers_are_never_written(world):
    parked = [record for record, code in world.parked(INTO_SHOP).items() if code == "SYNC-204"]
    assert parked, "the seed has e-mails that differ only in case"
    with world.store.read() as tx:
        rows = {row.source_id: row for row in tx.parked(INTO_SHOP, limit=10_000)}
    for record in parked:
        assert rows[record].candidates
        link = world.link_of(System.FRAMEWORK360, record)
        assert link is None or link.shopify_id is None


def test_a_second_run_writes_nothing(world):
    with world.counting_writes() as writes:
        world.sync_both()
    assert writes == {"shopify": 0, "framework360": 0}


def test_a_full_run_over_everything_writes_nothing_either(world):
    with world.counting_writes() as writes:
        world.sync(INTO_SITE, Mode.FULL)
        world.sync(INTO_SHOP, Mode.FULL)
    assert writes == {"shopify": 0, "framework360": 0}
