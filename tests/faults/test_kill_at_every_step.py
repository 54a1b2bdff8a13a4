"""kill -9 at every step of creating and updating customers: nothing is doubled and nothing lost afterwards."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from shopify_fw360.records import System
from shopify_fw360.store import Store
from tests.end_to_end.world import INTO_SHOP, INTO_SITE, World
from tests.faults.killing import every_step, killed_at

pytestmark = pytest.mark.timeout(600)

PEOPLE = [("ada@example.com", "Ada"), ("bob@example.com", "Bob")]


class Clock:
    """The time of the synchroniser; starts hours ago, so that leases and retries of the past are due now."""

    def __init__(self, hours_ago: float) -> None:
        self._behind = timedelta(hours=hours_ago)

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self._behind

    def an_hour_passes(self) -> None:
        self._behind -= timedelta(hours=1)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "store.db"
    store = Store.open(f"sqlite:///{path}")
    store.upgrade()
    store.close()
    return path


def open_world(world: World, path, clock: Clock | None = None) -> World:
    store = Store.open(f"sqlite:///{path}", clock=clock or Clock(0))
    options = world.site_options | {"limits": world.site_options["limits"] | {"in_flight": 2}}
    return World(world.shopify, world.framework360, store, site_options=options)


def reset(world: World) -> None:
    for server in (world.shopify, world.framework360):
        server.control.reset(seed=7, customers=0, population="mixed")
    world.shopify.control.set_options(bucket_size=100_000, restore_rate=100_000)
    world.onboard()


def populate(world: World, flow) -> None:
    for email, name in PEOPLE:
        if flow.source is System.SHOPIFY:
            world.shop.create(email=email, firstName=name, lastName="Test", tags=["vip"])
        else:
            world.site.create(email=email, nome=name, cognome="Test", tags=["vip"], marketing_active=True)


def names(world: World) -> dict[System, list[str]]:
    return {
        System.SHOPIFY: sorted(customer["firstName"] for customer in world.shop.all()),
        System.FRAMEWORK360: sorted(customer["nome"] for customer in world.site.all()),
    }


def assert_settled(world: World) -> None:
    """One record on each side, linked, in agreement, and nothing left to write."""
    expected = sorted(name for _, name in PEOPLE)
    assert names(world) == {System.SHOPIFY: expected, System.FRAMEWORK360: expected}
    for customer in world.shop.all():
        assert world.link_of(System.SHOPIFY, customer["id"]).status == "synced"
    world.sync_both()
    with world.counting_writes() as writes:
        world.sync_both()
    assert writes == {"shopify": 0, "framework360": 0}


@pytest.mark.parametrize("flow", [INTO_SITE, INTO_SHOP], ids=lambda flow: flow.name)
def test_creates_survive_a_kill_at_every_step(empty_world, migrated, tmp_path, flow):
    for step in every_step():
        path = tmp_path / f"{step}.db"
        shutil.copy(migrated, path)
        reset(empty_world)
        populate(empty_world, flow)
        killed = killed_at(step, lambda path=path: open_world(empty_world, path, Clock(2)).sync(flow))
        world = open_world(empty_world, path)
        world.sync(flow)
        assert_settled(world)
        world.store.close()
        if not killed:
            break
    assert step > 20, "the work has fewer steps than it can have"


@pytest.mark.parametrize("flow", [INTO_SITE, INTO_SHOP], ids=lambda flow: flow.name)
def test_updates_survive_a_kill_at_every_step(empty_world, migrated, tmp_path, flow):
    for step in every_step():
        path = tmp_path / f"{step}.db"
        shutil.copy(migrated, path)
        reset(empty_world)
        populate(empty_world, flow)
        world = open_world(empty_world, path, Clock(4))
        world.sync(flow)
        world.sync(flow.reverse)
        for customer in world.shop.all():
            if flow.source is System.SHOPIFY:
                world.shop.update(customer["id"], lastName="Changed")
            else:
                world.site.update(world.counterpart(System.SHOPIFY, customer["id"]), cognome="Changed")
        world.store.close()
        killed = killed_at(step, lambda path=path: open_world(empty_world, path, Clock(2)).sync(flow))
        world = open_world(empty_world, path)
        world.sync(flow)
        assert {customer["lastName"] for customer in world.shop.all()} == {"Changed"}
        assert {customer["cognome"] for customer in world.site.all()} == {"Changed"}
        assert_settled(world)
        world.store.close()
        if not killed:
            break
