"""A page that is staged long after it was read, when a newer state of its record was consumed meanwhile."""

from __future__ import annotations

import time

import pytest

from shopify_fw360.records import System
from shopify_fw360.store import StageCounts
from shopify_fw360.sync.extract import fresh_changes
from shopify_fw360.sync.run import certify
from tests.end_to_end.world import INTO_SHOP, INTO_SITE

NAMES = {System.SHOPIFY: "lastName", System.FRAMEWORK360: "cognome"}


def create(world, system, **who):
    if system is System.SHOPIFY:
        return world.shop.create(email="ada@example.com", firstName="Ada", lastName="Early")
    return world.site.create(email="ada@example.com", nome="Ada", cognome="Early")


def person(world, system):
    return world.shop if system is System.SHOPIFY else world.site


def read_page(world, flow, record_id):
    """What a producer has in its hands after reading a page."""
    records = world.pair.gateway(flow.source, flow.entity).fetch([record_id])
    return fresh_changes(world.pair, flow, list(records.values()), "test/late", 20)


def stage_late(world, flow, changes):
    with world.store.begin() as tx:
        tx.open_run("test/late", flow, "poll")
        staged: StageCounts = tx.stage(changes)
        tx.count_read("test/late", read=len(changes), staged=staged)


@pytest.mark.parametrize("flow", [INTO_SITE, INTO_SHOP], ids=lambda flow: flow.name)
def test_an_older_state_never_overwrites_a_newer_one(empty_world, flow):
    world, source = empty_world, flow.source
    record_id = create(world, source)
    page = read_page(world, flow, record_id)
    time.sleep(1.1)  # both systems tell times in whole seconds
    person(world, source).update(record_id, **{NAMES[source]: "Later"})
    world.sync(flow)
    other_id = world.counterpart(source, record_id)

    stage_late(world, flow, page)
    with world.counting_writes() as writes:
        report = world.drain(flow)

    assert report.as_dict() == {"unchanged": 1, "retried": 0, "waiting_for_other": 0}
    assert writes == {"shopify": 0, "framework360": 0}
    assert person(world, source.other).read(other_id)[NAMES[source.other]] == "Later"
    assert certify(world.pair, "test/late").staged == 1


@pytest.mark.parametrize("flow", [INTO_SITE, INTO_SHOP], ids=lambda flow: flow.name)
def test_an_edit_in_the_other_system_survives_a_late_page(empty_world, flow):
    """Without the comparison the old value would count as a change of the source and win or conflict."""
    world, source = empty_world, flow.source
    record_id = create(world, source)
    page = read_page(world, flow, record_id)
    time.sleep(1.1)
    person(world, source).update(record_id, **{NAMES[source]: "Later"})
    world.sync_both()
    world.sync_both()
    other_id = world.counterpart(source, record_id)
    person(world, source.other).update(other_id, **{NAMES[source.other]: "Latest"})

    stage_late(world, flow, page)
    world.drain(flow)
    world.sync_both()
    world.sync_both()

    assert person(world, source).read(record_id)[NAMES[source]] == "Latest"
    assert person(world, source.other).read(other_id)[NAMES[source.other]] == "Latest"


def test_the_time_of_the_last_consumed_state_is_kept_per_direction(empty_world):
    world = empty_world
    record_id = create(world, System.SHOPIFY)
    world.sync_both()
    world.sync_both()
    link = world.link_of(System.SHOPIFY, record_id)
    shop = world.pair.gateway(System.SHOPIFY, INTO_SITE.entity).fetch([record_id])[record_id]
    site = world.pair.gateway(System.FRAMEWORK360, INTO_SITE.entity).fetch([link.framework360_id])
    assert link.source_times == {
        INTO_SITE.name: shop.updated_at,
        INTO_SHOP.name: site[link.framework360_id].updated_at,
    }
