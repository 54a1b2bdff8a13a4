"""Dry runs of any size: kept in part, counted in full, written as they go, forgotten in time."""

from __future__ import annotations

import pytest

from shopify_fw360.airflow import dry_run
from shopify_fw360.airflow.dry_run import plan_into_journal
from shopify_fw360.errors import SyncError
from shopify_fw360.records import Outcome
from shopify_fw360.sync.run import Mode, RunRequest
from shopify_fw360.web.views import run_view
from tests.end_to_end.conftest import empty_world, framework360_process, shopify_process, store  # noqa: F401 - fixtures
from tests.end_to_end.world import INTO_SITE

pytestmark = pytest.mark.airflow


@pytest.fixture
def world(empty_world):  # noqa: F811 - pytest's way to ask for a fixture
    for number in range(12):
        empty_world.shop.create(email=f"ada{number}@example.com", firstName="Ada")
    empty_world.shop.create(firstName="Nur", phone="+393471111111")
    empty_world.configure(limits={"batch_size": 5})
    return empty_world


def plan(world, run="manual__1"):
    return plan_into_journal(world.pair, RunRequest(INTO_SITE, f"{INTO_SITE.name}/{run}", Mode.FULL))


def page(world, run="manual__1", **view):
    return run_view(world.store, INTO_SITE.name, run, **view)


def kept(world, run="manual__1"):
    with world.store.read() as tx:
        return len(tx.entries_of_run(f"{INTO_SITE.name}/{run}", limit=1000))


def test_of_a_large_plan_a_part_is_listed_and_everything_is_counted(world, monkeypatch):
    monkeypatch.setattr(dry_run, "KEPT", 7)
    counts = plan(world)
    assert (counts["create"], counts["parked"]) == (12, 1)
    shown = page(world)
    assert (shown.state, shown.number, shown.listed, len(shown.changes)) == ("planned", 13, 7, 7)
    assert shown.outcomes == {"created": ("create", 12), "parked": ("parked", 1)}
    assert [(total.total, total.gap) for total in shown.sums] == [(13, 0)]
    assert page(world, outcome=Outcome.PARKED).number == 1


def test_the_plan_is_written_batch_by_batch(world):
    world.framework360.control.add_fault("http_status", skip=10, params={"status": 401})
    with pytest.raises(SyncError):
        plan(world)
    assert kept(world) == 5


def test_a_repeated_try_shows_the_plan_once(world):
    world.framework360.control.add_fault("http_status", skip=10, params={"status": 401})
    with pytest.raises(SyncError):
        plan(world)
    world.framework360.control.clear_faults()
    plan(world)
    plan(world)
    assert kept(world) == 13
    assert page(world).number == 13
    assert page(world).sums[0].total == 13


def test_only_the_plans_of_the_newest_dry_runs_are_kept_and_the_counts_of_all(world, monkeypatch):
    monkeypatch.setattr(dry_run, "PLANS_KEPT", 2)
    for run in ("one", "two", "three"):
        plan(world, run)
    assert [kept(world, run) for run in ("one", "two", "three")] == [0, 13, 13]
    assert (page(world, "one").number, page(world, "one").listed, page(world, "one").changes) == (13, 0, [])


def test_what_real_runs_did_is_never_forgotten_with_the_plans(world, monkeypatch):
    world.sync(INTO_SITE)
    monkeypatch.setattr(dry_run, "PLANS_KEPT", 1)
    for run in ("one", "two"):
        plan(world, run)
    assert world.outcomes()["created"] == 12
