"""A write is carried out and its answer is lost, at every write of a run: no duplicate, no loss."""

from __future__ import annotations

import pytest

from shopify_fw360.errors import SyncError
from shopify_fw360.records import System
from tests.end_to_end.world import INTO_SHOP, INTO_SITE
from tests.faults.killing import KINDS, every_request
from tests.faults.test_kill_at_every_step import Clock, assert_settled, open_world, populate, reset


def run_until_green(world, flow, clock) -> None:
    """The runs of the next hours: a red run is what an operator sees, and the next one repairs it."""
    for _ in range(4):
        try:
            world.sync(flow)
        except SyncError:
            clock.an_hour_passes()
        else:
            return
    world.sync(flow)


@pytest.mark.parametrize("first", [INTO_SITE, INTO_SHOP], ids=lambda flow: flow.name)
def test_a_consent_survives_an_interruption_between_a_new_customer_and_its_consent(empty_world, tmp_path, first):
    reset(empty_world)
    clock = Clock(8)
    world = open_world(empty_world, tmp_path / "consent.db", clock)
    world.store.upgrade()
    site_id = world.site.create(email="ada@example.com", nome="Ada", cognome="Test", marketing_active=True)
    empty_world.shopify.control.add_fault("http_status", match={"operation": "CustomerUpdate"}, times=3)
    world.drain(INTO_SHOP, world.stage(INTO_SHOP))
    [customer] = world.shop.all()
    assert customer["defaultEmailAddress"]["marketingState"] == "NOT_SUBSCRIBED"
    clock.an_hour_passes()
    for flow in (first, first.reverse, first):
        run_until_green(world, flow, clock)
        clock.an_hour_passes()
    assert world.shop.all()[0]["defaultEmailAddress"]["marketingState"] == "SUBSCRIBED"
    assert world.site.read(site_id)["marketing_active"] in (1, "1", True)
    world.store.close()


@pytest.mark.parametrize("flow", [INTO_SITE, INTO_SHOP], ids=lambda flow: flow.name)
@pytest.mark.parametrize(("kind", "params"), KINDS, ids=[kind for kind, _ in KINDS])
def test_a_lost_answer_at_any_request_doubles_nothing_and_loses_nothing(empty_world, tmp_path, flow, kind, params):
    target = empty_world.framework360 if flow.target is System.FRAMEWORK360 else empty_world.shopify
    for skip in every_request(kind):
        reset(empty_world)
        populate(empty_world, flow)
        path = tmp_path / f"{kind}-{skip}.db"
        clock = Clock(8)
        world = open_world(empty_world, path, clock)
        world.store.upgrade()
        target.control.add_fault(kind, skip=skip, times=1, params=params)
        run_until_green(world, flow, clock)
        struck = target.control.faults()[0]["struck"]
        target.control.clear_faults()
        assert_settled(world)
        world.store.close()
        if not struck:
            break
    assert skip >= 4, "a run has more requests than that"
