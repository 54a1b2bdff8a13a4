"""What a run reads: the watermark with its overlap, exact windows, and ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shopify_fw360.records import Entity, Outcome, System, Window
from shopify_fw360.sync.run import Mode
from tests.end_to_end.world import INTO_SHOP, INTO_SITE


@pytest.fixture
def seeded(empty_world):
    for server in (empty_world.shopify, empty_world.framework360):
        server.control.reset(seed=7, customers=120, population="mixed")
    empty_world.shopify.control.set_options(bucket_size=100_000, restore_rate=100_000)
    empty_world.onboard()
    return empty_world


def times_in_shop(world):
    document = "query Times { customers(first: 250) { nodes { id updatedAt } } }"
    nodes = world.shop.ask(document)["customers"]["nodes"]
    return {node["id"]: datetime.fromisoformat(node["updatedAt"]) for node in nodes}


def known(world, system):
    with world.store.read() as tx:
        return set(tx.link_ids(Entity.CUSTOMER, system))


def test_a_backfill_window_reads_exactly_its_records_and_leaves_the_watermark(seeded):
    times = times_in_shop(seeded)
    middle = sorted(times.values())[len(times) // 2]
    window = Window(middle - timedelta(days=30), middle)
    inside = {record for record, moment in times.items() if window.contains(moment)}
    assert 0 < len(inside) < len(times)
    seeded.sync(INTO_SITE, Mode.WINDOW, window=window)
    assert known(seeded, System.SHOPIFY) == inside
    with seeded.store.read() as tx:
        assert tx.watermark(INTO_SITE) is None


def test_windows_that_touch_read_every_record_once(seeded):
    times = times_in_shop(seeded)
    edges = [min(times.values()) + (max(times.values()) - min(times.values())) * part / 4 for part in range(4)]
    edges.append(max(times.values()) + timedelta(seconds=1))
    total = 0
    for since, until in pairwise(edges):
        run = seeded.stage(INTO_SITE, Mode.WINDOW, Window(since, until))
        with seeded.store.read() as tx:
            certificate = tx.certificate(run)
        total += certificate.read - certificate.skipped
    assert total == len(times)


@pytest.mark.parametrize("undated", [True, False])
def test_a_window_of_the_site_holds_what_its_dates_tell_and_counts_the_undated(seeded, undated):
    seeded.framework360.control.set_options(modified_time=not undated)
    run = seeded.stage(
        INTO_SHOP, Mode.WINDOW, Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))
    )
    with seeded.store.read() as tx:
        certificate = tx.certificate(run)
    assert certificate.staged == 0
    assert certificate.read == (certificate.undated if undated else certificate.skipped) > 0


def test_an_incremental_run_reads_only_behind_the_watermark_with_its_overlap(seeded):
    seeded.sync(INTO_SITE)
    with seeded.store.read() as tx:
        watermark = tx.watermark(INTO_SITE)
    assert watermark == max(times_in_shop(seeded).values())
    fresh = seeded.shop.create(email="new@example.com", firstName="Nuova", lastName="Cliente")
    run = seeded.stage(INTO_SITE)
    with seeded.store.read() as tx:
        certificate = tx.certificate(run)
    assert certificate.staged == 1
    assert certificate.read < len(times_in_shop(seeded)) / 2
    seeded.drain(INTO_SITE)
    assert seeded.link_of(System.SHOPIFY, fresh).status == "synced"


def test_chosen_ids_are_processed_whatever_their_time(seeded):
    chosen = next(record for record in times_in_shop(seeded))
    report = seeded.sync(INTO_SITE, Mode.IDS, ids=(chosen,))
    assert report.finished == 1
    assert report.outcomes.keys() <= {Outcome.CREATED, Outcome.LINKED, Outcome.PARKED}


def test_an_id_that_does_not_exist_is_told_and_harms_nothing(seeded):
    report = seeded.sync(INTO_SITE, Mode.IDS, ids=("gid://shopify/Customer/1",))
    assert report.outcomes == {Outcome.UNCHANGED: 1}
