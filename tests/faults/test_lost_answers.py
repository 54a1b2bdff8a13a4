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
