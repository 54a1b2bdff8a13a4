"""Events that were lost are counted, and exactly what they should have told is fetched."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from shopify_fw360.records import Entity, Event, Flow, System
from shopify_fw360.shopify.access import ShopAccess
from shopify_fw360.store.delivery import Probe
from shopify_fw360.sync.deliveries import delivery_view, watch
from shopify_fw360.sync.gaps import find_gaps
from shopify_fw360.sync.inbox import accept
from shopify_fw360.sync.run import Mode
from tests.end_to_end.test_serving import serve_once
from tests.end_to_end.world import INTO_SHOP, INTO_SITE

AT_ONCE = {"near_real_time": {"grace_minutes": 0}}


@pytest.fixture
def world(empty_world):
    empty_world.configure(**AT_ONCE)
    empty_world.pair = replace(empty_world.pair, shop=ShopAccess(empty_world.shop_client, lambda: None))
    # Records have whole seconds and the story is told within one, so the watch began a moment ago.
    for flow in (INTO_SITE, INTO_SHOP):
        proved_until(empty_world, flow, ago=2)
    return empty_world


def person(world, name):
    return world.shop.create(firstName=name, lastName="Neri", email=f"{name.lower()}@example.com")


def told(world, system, record_id, topic="customers/update"):
    event = Event(system, f"{record_id} {topic}", topic, Entity.CUSTOMER, record_id, triggered_at=world.store.clock())
    assert accept(world.store, [event]) == [True]


def look(world, flow=INTO_SITE):
    return {
        probe.topic: (probe.expected, probe.seen, probe.missed, probe.staged)
        for probe in find_gaps(world.pair, flow)
        if probe.expected
    }


def queued(world, flow=INTO_SITE):
    with world.store.read() as tx:
        return {row.source_id for row in tx.queued(flow=flow)}


def alerts(world):
    with world.store.read() as tx:
        return [alert.name for alert in tx.alerts()]


def proved_until(world, flow=INTO_SITE, ago=0):
    """The last look at the flow ended so many seconds ago."""
    at = world.store.clock() - timedelta(seconds=ago)
    with world.store.begin() as tx:
        tx.add_probes([Probe(flow.name, "", at, at, 0, 0, 0, 0)])


class TestShop:
    def test_what_was_told_is_seen_and_what_was_not_is_missed_and_fetched(self, world):
        ada, eva = person(world, "Ada"), person(world, "Eva")
        told(world, System.SHOPIFY, ada, "customers/create")
        assert look(world) == {"customers/create": (2, 1, 1, 1)}
        assert queued(world) == {ada, eva}
        serve_once(world)
        assert len(world.site.all()) == 2

    def test_a_change_of_a_record_that_existed_is_another_topic(self, world):
        ada = person(world, "Ada")
        told(world, System.SHOPIFY, ada)
        time.sleep(1.1)
        proved_until(world)
        time.sleep(3.1)  # an event may say it was triggered up to 2 seconds before the change
        world.shop.update(ada, note="new")
        assert look(world) == {"customers/update": (1, 0, 1, 1)}

    def test_what_a_poll_has_found_meanwhile_was_missed_and_need_not_be_fetched(self, world):
        person(world, "Ada")
        world.sync(INTO_SITE)
        assert look(world) == {"customers/create": (1, 0, 1, 0)}
        assert queued(world) == set()

    def test_what_we_have_written_ourselves_need_not_be_told(self, world):
        world.site.create(nome="Ugo", cognome="Blu", email="ugo@example.com")
        world.sync(INTO_SHOP)
        assert look(world) == {}

    def test_a_look_begins_where_the_last_one_ended(self, world):
        told(world, System.SHOPIFY, person(world, "Ada"), "customers/create")
        assert look(world) == {"customers/create": (1, 1, 0, 0)}
        time.sleep(1.1)
        proved_until(world)
        assert look(world) == {}

    def test_a_change_whose_event_may_be_on_its_way_is_left_to_the_next_look(self, world):
        world.configure(near_real_time={"grace_minutes": 10})
        person(world, "Ada")
        assert look(world) == {}

    def test_nothing_is_counted_before_somebody_subscribed(self, empty_world):
        person(empty_world, "Ada")
        assert find_gaps(empty_world.pair, INTO_SITE) == []

    def test_the_listing_costs_a_fraction_of_reading(self, world):
        for name in ("Ada", "Eva", "Ida"):
            told(world, System.SHOPIFY, person(world, name), "customers/create")
        world.shopify.control.reset_metrics()
        look(world)
        assert set(world.shopify.control.metrics()["operations"]) == {"CustomersScan"}


class TestSite:
    def test_what_a_run_finds_that_no_event_has_told_was_missed(self, world):
        ugo = world.site.create(nome="Ugo", cognome="Blu", email="ugo@example.com")
        world.site.create(nome="Leo", cognome="Blu", email="leo@example.com")
        told(world, System.FRAMEWORK360, ugo, "customer.created")
        world.sync(INTO_SHOP)
        view = delivery_view(world.store)
        assert [(p.topic, p.expected, p.seen, p.missed) for p in view.topics if p.expected] == [
            ("customer.updated", 2, 1, 1)
        ]

    def test_a_deletion_that_a_scan_had_to_find_was_missed(self, world):
        ugo = world.site.create(nome="Ugo", cognome="Blu", email="ugo@example.com")
        world.sync(INTO_SHOP)
        world.site.delete(ugo)
        for _ in range(2):
            world.sync(INTO_SHOP, Mode.FULL)
        view = delivery_view(world.store)
        assert ("customer.deleted", 1, 1) in [(p.topic, p.expected, p.missed) for p in view.topics]


class TestTelling:
    def test_the_loss_rate_is_told_and_raises_an_alert_until_nothing_is_lost(self, world):
        told(world, System.SHOPIFY, person(world, "Ada"), "customers/create")
        person(world, "Eva")
        look(world)
        view = delivery_view(world.store)
        assert (view.expected, view.missed, view.loss_rate) == (2, 1, 0.5)
        assert alerts(world) == [f"delivery.{INTO_SITE.name}"]
        time.sleep(1.1)
        proved_until(world)
        time.sleep(1.1)
        told(world, System.SHOPIFY, person(world, "Ida"), "customers/create")
        assert look(world) == {"customers/create": (1, 1, 0, 0)}
        assert alerts(world) == []

    def test_a_product_flow_is_watched_too(self, world):
        flow = Flow(Entity.PRODUCT, System.SHOPIFY)
        with world.store.begin() as tx:
            watch(tx, flow)
            watch(tx, flow)
        assert [name for name in delivery_view(world.store).proved_until if name == flow.name] == [flow.name]
