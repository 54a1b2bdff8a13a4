"""The disk under the store is full: nothing is half written, and once there is room again everything goes on."""

from __future__ import annotations

import os
import resource
import shutil
import signal

import pytest

from scripts.local.postgres import Database
from shopify_fw360.errors import STORE_UNAVAILABLE, SyncError
from shopify_fw360.records import System
from shopify_fw360.store import Store
from tests.end_to_end.world import INTO_SHOP, INTO_SITE, World
from tests.faults.killing import STRIDE
from tests.faults.test_kill_at_every_step import Clock, migrated, open_world, reset  # noqa: F401 - a fixture

pytestmark = pytest.mark.timeout(600)

REFUSED, DONE, OTHER = 3, 0, 1


def in_a_child_with_files_up_to(size: int, work) -> int:
    """Run work in a child whose files cannot grow beyond a size, and return REFUSED if the store said so."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WEXITSTATUS(status)
    code = OTHER
    try:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        work()
        code = DONE
    except SyncError as error:
        code = REFUSED if error.code is STORE_UNAVAILABLE else OTHER
    finally:
        os._exit(code)


def populate(world: World, count: int) -> None:
    for number in range(count):
        world.shop.create(email=f"disk{number}@example.com", firstName="Ada", lastName=f"Neri {number}")


def assert_all_there_once(world: World, count: int) -> None:
    emails = [row["email"] for row in world.site.all()]
    assert len(emails) == len(set(emails)) == count
    for customer in world.shop.all():
        assert world.link_of(System.SHOPIFY, customer["id"]).status == "synced"
    world.sync(INTO_SHOP)
    with world.counting_writes() as writes:
        world.sync_both()
    assert writes == {"shopify": 0, "framework360": 0}


# The log of an open SQLite file starts empty, so the size is what can be written before the disk is full.
SIZES = range(60_000, 1_000_000, 40_000) if STRIDE == 1 else (60_000, 260_000)


@pytest.mark.parametrize("size", SIZES)
def test_a_disk_that_fills_up_during_a_run_loses_nothing_and_doubles_nothing(empty_world, migrated, tmp_path, size):  # noqa: F811
    path = tmp_path / "store.db"
    shutil.copy(migrated, path)
    reset(empty_world)
    populate(empty_world, 12)
    ended = in_a_child_with_files_up_to(size, lambda: open_world(empty_world, path, Clock(2)).sync(INTO_SITE))
    assert ended == REFUSED or (STRIDE == 1 and ended == DONE)
    world = open_world(empty_world, path)
    world.sync(INTO_SITE)
    assert_all_there_once(world, 12)
    world.store.close()


FULL = """CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
END $$"""
"""PostgreSQL raises 53100, disk_full, when a table cannot grow; here by a trigger, since a full disk needs root."""


@pytest.fixture
def full_url(postgres_server):
    postgres_server.create([Database("disk", "secret")])
    url = postgres_server.url("disk", password="secret")
    store = Store.open(url)
    store.upgrade()
    with store.connect() as connection:
        connection.exec_driver_sql(FULL)
    store.close()
    yield url
    postgres_server.drop("disk")


@pytest.mark.parametrize("table", ["staged_change", "link", "journal"])
def test_a_full_disk_of_postgresql_stops_the_run_with_what_to_do_and_it_goes_on_afterwards(
    empty_world, full_url, table
):
    reset(empty_world)
    populate(empty_world, 3)
    world = World(
        empty_world.shopify, empty_world.framework360, Store.open(full_url), site_options=empty_world.site_options
    )
    with world.store.connect() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION disk_full()"
        )
    with pytest.raises(SyncError, match="No space left on device") as stopped:
        world.sync(INTO_SITE)
    assert stopped.value.code is STORE_UNAVAILABLE
    with world.store.connect() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER full_disk ON {table}")
    world.sync(INTO_SITE)
    assert_all_there_once(world, 3)
    world.store.close()
