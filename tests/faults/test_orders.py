"""kill -9 and lost answers at the steps of booking an order: one sale per order, found again by its label."""

from __future__ import annotations

import shutil
from decimal import Decimal

import pytest

from tests.end_to_end.order_world import BOOKING, Till, cents
from tests.faults.killing import KINDS, every_request, every_step, killed_at
from tests.faults.test_kill_at_every_step import Clock, migrated, open_world, reset  # noqa: F401 - a fixture
from tests.faults.test_lost_answers import run_until_green

pytestmark = pytest.mark.timeout(900)


def assert_settled(till: Till, status: str) -> None:
    """One sale in the right state, one buyer, and nothing left to write."""
    assert cents(till.sale()["total"]) == Decimal("44.80")
    assert till.status() == status
    assert len(till.world.site.all()) == 1
    with till.nothing_written():
        till.world.sync(BOOKING)


def test_booking_survives_a_kill_at_every_step(empty_world, migrated, tmp_path):  # noqa: F811
    for step in every_step():
        path = tmp_path / f"{step}.db"
        shutil.copy(migrated, path)
        reset(empty_world)
        Till(empty_world).buy()
        killed = killed_at(step, lambda path=path: open_world(empty_world, path, Clock(2)).sync(BOOKING))
        world = open_world(empty_world, path)
        world.sync(BOOKING)
        assert_settled(Till(world), "In lavorazione")
        world.store.close()
        if not killed:
            break
    assert step > 20, "the work has fewer steps than it can have"


def test_a_cancellation_survives_a_kill_at_every_step(empty_world, migrated, tmp_path):  # noqa: F811
    for step in every_step():
        path = tmp_path / f"{step}.db"
        shutil.copy(migrated, path)
        reset(empty_world)
        world = open_world(empty_world, path, Clock(4))
        till = Till(world)
        order = till.buy()
        world.sync(BOOKING)
        till.control.cancel_order(order["id"])
        world.store.close()
        killed = killed_at(step, lambda path=path: open_world(empty_world, path, Clock(2)).sync(BOOKING))
        world = open_world(empty_world, path)
        world.sync(BOOKING)
        assert_settled(Till(world), "Annullato")
        world.store.close()
        if not killed:
            break
    assert step > 8, "the work has fewer steps than it can have"


@pytest.mark.parametrize("labels", ["kept", "dropped"])
@pytest.mark.parametrize(("kind", "params"), KINDS, ids=[kind for kind, _ in KINDS])
def test_a_lost_answer_at_any_request_books_one_sale(empty_world, tmp_path, kind, params, labels):
    for skip in every_request(kind):
        reset(empty_world)
        empty_world.framework360.control.set_options(labels=labels)
        Till(empty_world).buy()
        clock = Clock(8)
        world = open_world(empty_world, tmp_path / f"{kind}-{labels}-{skip}.db", clock)
        world.store.upgrade()
        empty_world.framework360.control.add_fault(kind, skip=skip, times=1, params=params)
        run_until_green(world, BOOKING, clock)
        struck = empty_world.framework360.control.faults()[0]["struck"]
        empty_world.framework360.control.clear_faults()
        assert_settled(Till(world), "In lavorazione")
        world.store.close()
        if not struck:
            break
    assert skip >= 8, "a run has more requests than that"
