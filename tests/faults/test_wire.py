"""What networks do between the synchroniser, both systems and the store: nothing is lost, nothing doubled.

The proxy knows nothing of HTTP or SQL, so a connection breaks in the middle of anything.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from itertools import cycle, product
from urllib.parse import urlsplit

import pytest
from sqlalchemy import make_url

from sandbox.common.server import RunningServer
from scripts.local.postgres import Database
from shopify_fw360.errors import STORE_UNAVAILABLE, SyncError
from shopify_fw360.records import System
from shopify_fw360.store import Store
from shopify_fw360.sync.drain import drain
from tests.end_to_end.world import INTO_SHOP, INTO_SITE, World
from tests.faults.killing import STRIDE
from tests.faults.test_kill_at_every_step import Clock, assert_settled, open_world, populate, reset
from tests.faults.test_lost_answers import run_until_green
from tests.faults.wire import KINDS, Fault, Wire, wire_to

pytestmark = pytest.mark.timeout(900)

PATIENCE = 0.4
"""Seconds the clients wait for a piece of an answer, so that silence is noticed soon."""

FIRST, STEP = 900, 1700
"""Places of the faults in bytes; `make faults` strikes at every so many, an ordinary test run at the first."""


class Far:
    """Both systems and the wires to them."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._near = world
        self.wires: dict[System, Wire] = {}
        self._servers = {}
        for system in System:
            server: RunningServer = getattr(world, system.value)
            parts = urlsplit(server.url)
            wire = stack.enter_context(wire_to(parts.hostname, parts.port))
            self.wires[system] = wire
            self._servers[system.value] = replace(server, url=f"http://127.0.0.1:{wire.port}")

    def open(self, path, clock: Clock) -> World:
        """A world whose synchroniser goes over the wires; its people do not."""
        world = open_world(self._near, path, clock)
        world.store.upgrade()
        limits = world.site_options["limits"] | {"timeout": PATIENCE}
        options = world.site_options | {"limits": limits}
        far = World(**self._servers, store=world.store, site_options=options)
        retries = replace(far.shop_client._retries, read_timeout=PATIENCE, deadline=2 * PATIENCE)
        far.shop_client._retries = retries
        far.shop, far.site = world.shop, world.site
        return far


@pytest.fixture
def far(empty_world):
    with ExitStack() as stack:
        yield Far(empty_world, stack)


BOTH = (INTO_SITE, INTO_SHOP)
# An ordinary test run takes each kind in one direction.
CASES = list(product(KINDS, BOTH)) if STRIDE == 1 else list(zip(KINDS, cycle(BOTH), strict=False))


@pytest.mark.parametrize(("kind", "flow"), CASES, ids=[f"{kind}-{flow.name}" for kind, flow in CASES])
def test_a_network_that_fails_anywhere_loses_nothing_and_doubles_nothing(empty_world, far, tmp_path, kind, flow):
    wire = far.wires[flow.target]
    sent = FIRST + 1
    place = FIRST
    while place < sent:
        reset(empty_world)
        populate(empty_world, flow)
        clock = Clock(8)
        world = far.open(tmp_path / f"{place}.db", clock)
        fault = Fault(kind, after=place)
        wire.strike(fault)
        try:
            world.sync(flow)
        except SyncError:
            clock.an_hour_passes()
        assert wire.struck, f"only {wire.passed(upstream=fault.upstream)} bytes went by"
        if STRIDE == 1:
            sent = max(sent, wire.passed(upstream=fault.upstream))
        wire.mend()
        run_until_green(world, flow, clock)
        assert_settled(world)
        world.store.close()
        place += STEP


@pytest.fixture
def far_store(postgres_server, stack):
    """URL of an empty store behind a wire, the same without it, and the wire."""
    postgres_server.create([Database("faults", "secret")])
    near = postgres_server.url("faults", password="secret")
    url = make_url(near)
    wire = stack.enter_context(wire_to(url.host, url.port))
    store = Store.open(near)
    store.upgrade()
    store.close()
    yield url.set(port=wire.port).render_as_string(hide_password=False), near, wire
    postgres_server.drop("faults")


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


def world_on(world: World, url: str) -> World:
    return World(world.shopify, world.framework360, Store.open(url), site_options=world.site_options)


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_a_connection_to_the_store_that_breaks_anywhere_loses_nothing_and_doubles_nothing(empty_world, far_store, kind):
    url, near, wire = far_store
    reset(empty_world)
    populate(empty_world, INTO_SITE)
    world = world_on(empty_world, url)
    told: list[object] = []
    step = STEP if STRIDE == 1 else 20 * STEP
    for place in range(FIRST, 200_000, step):
        wire.strike(Fault(kind, after=place))
        try:
            world.sync(INTO_SITE)
        except SyncError as error:
            told.append(error.code)
        if not wire.struck:
            break
        wire.mend()
        world.shop.create(email=f"{kind}{place}@example.com", firstName="Next")
    wire.mend()
    world.store.close()
    world = world_on(empty_world, near)
    assert STORE_UNAVAILABLE in told
    with world.store.begin() as tx:
        # The worker that broke off is dead: an hour later its leases are over.
        tx.scope.connection.exec_driver_sql("UPDATE staged_change SET available_at = now() WHERE state = 'leased'")
        tx.scope.connection.exec_driver_sql("UPDATE record_lease SET lease_until = now()")
    world.sync(INTO_SITE)
    assert sorted(row["email"] for row in world.site.all()) == sorted(
        row["defaultEmailAddress"]["emailAddress"] for row in world.shop.all()
    )
    world.sync(INTO_SHOP)
    with world.counting_writes() as writes:
        world.sync_both()
    assert writes == {"shopify": 0, "framework360": 0}
    world.store.close()


def begun(world: World, operation: str) -> bool:
    entry = world.framework360.control.metrics()["operations"].get(operation)
    return entry is not None and entry["in_flight_max"] > 0


def test_a_worker_cut_off_from_the_store_loses_its_records_and_writes_nothing_any_more(empty_world, far_store):
    url, near, wire = far_store
    reset(empty_world)
    for number in range(16):
        empty_world.shop.create(email=f"half{number}@example.com", firstName="Open")
    cut_off = world_on(empty_world, url)
    cut_off.configure(limits={"lease_seconds": 5})
    cut_off.stage(INTO_SITE)
    empty_world.framework360.control.reset_metrics()
    slow = {"match": {"operation": "customersRegistration"}, "params": {"ms": 4000}}
    empty_world.framework360.control.add_fault("slow", **slow)
    ended: list[object] = []

    def work() -> None:
        try:
            ended.append(drain(cut_off.pair, INTO_SITE, "cut off"))
        except SyncError as error:
            ended.append(error.code)

    worker = threading.Thread(target=work)
    worker.start()
    while not begun(empty_world, "customersRegistration"):
        time.sleep(0.05)
    wire.strike(Fault("silent"))
    empty_world.framework360.control.clear_faults()
    other = world_on(empty_world, near)
    began = time.monotonic()
    done = 0
    while done < 16 and time.monotonic() - began < 60:
        done += drain(other.pair, INTO_SITE, "other").finished
        time.sleep(0.2)
    assert done == 16
    assert time.monotonic() - began > 3, "it had its lease still"
    assert len(empty_world.site.all()) == 16
    with other.counting_writes() as writes:
        wire.mend()
        worker.join(60)
    # Either a commit broke off, or it came through and found the leases gone.
    assert ended == [STORE_UNAVAILABLE] or [end.finished for end in ended] == [0]
    assert writes["framework360"] == 0
    assert len({row["email"] for row in empty_world.site.all()}) == len(empty_world.site.all()) == 16
    cut_off.store.close()
    other.store.close()
