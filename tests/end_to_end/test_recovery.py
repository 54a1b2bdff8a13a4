"""Mass imports between both real systems: bulk file and pages give the same records, and nothing is lost or doubled."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from shopify_fw360.errors import SHOPIFY_UNAVAILABLE, SyncError
from shopify_fw360.records import Entity, Event, EventTask, ExportState, Flow, Origin, System, Window
from shopify_fw360.shopify import bulk_file
from shopify_fw360.shopify.bulk_download import Patience
from shopify_fw360.sync import extract
from shopify_fw360.sync.event_tasks import do_event_tasks
from shopify_fw360.sync.inbox import accept
from shopify_fw360.sync.recovery import (
    ImportRequest,
    ReadBy,
    begin_import,
    is_import_ready,
    stage_import,
    wait_for_import,
)
from shopify_fw360.sync.run import certify
from tests.end_to_end.catalogue import CATALOGUE_INTO_SITE, Catalogue
from tests.end_to_end.conftest import fresh_world

_runs = itertools.count(1)


@pytest.fixture
def world(shopify_process, framework360_process, store):
    """A few of everything, put onto both sides; images are processed at once, and so are bulk operations."""
    world = fresh_world(shopify_process, framework360_process, store, 40, products=40, kind=Catalogue)
    shopify_process.control.set_options(media_seconds=0, bulk_seconds=0)
    return world


@pytest.fixture
def spool(tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def wanted(flow=CATALOGUE_INTO_SITE, read_by=ReadBy.EXPORT, window=None):
    return ImportRequest(flow, f"test/import/{next(_runs)}", window or Window(), read_by)


def imported(world, spool, request):
    """Begin, wait, stage."""
    begin_import(world.pair, request)
    assert wait_for_import(world.pair, request, 20)
    return stage_import(world.pair, request, spool)


def export_of(world, request):
    with world.store.read() as tx:
        return tx.export(request.run_id)


def alerts(world):
    with world.store.read() as tx:
        return {alert.name: alert.message for alert in tx.alerts()}


class TestEquality:
    def test_a_bulk_file_gives_exactly_the_records_of_the_pages(self, shopify_process, world, spool):
        shopify_process.control.reset(seed=7, customers=300, products=80, orders=300, population="mixed")
        shopify_process.control.set_options(bucket_size=100_000, restore_rate=100_000, media_seconds=0, bulk_seconds=0)
        world.onboard()
        for entity in Entity:
            gateway = world.pair.gateway(System.SHOPIFY, entity)
            paged = {record.id: record for page in gateway.scan(Window()) for record in page.records}
            export = gateway.exports.start(Window(), "Whole")
            while gateway.exports.look(export.id).state is ExportState.RUNNING:
                time.sleep(0.05)
            exported = gateway.exports.pages(export.id, Window(), spool)
            pages = [exported[number] for number in range(len(exported))]
            exported.remove()
            bulk = {record.id: record for page in pages for record in page.records}
            assert pages[0].announced == len(paged) > 40
            assert bulk == paged
        # Refunds hold connections, which no bulk query reads: these orders were read again by id.
        assert shopify_process.control.metrics()["operations"]["OrdersById"]["count"] > 0
        assert list(spool.iterdir()) == []

    def test_a_window_of_time_gives_the_records_of_that_window(self, world, spool):
        gateway = world.pair.gateway(System.SHOPIFY, Entity.PRODUCT)
        times = sorted(record.updated_at for page in gateway.scan(Window()) for record in page.records)
        window = Window(since=times[len(times) // 2], until=times[-1] + timedelta(days=1))
        paged = {record.id for page in gateway.scan(window) for record in page.records}
        export = gateway.exports.start(window, "Part")
        while gateway.exports.look(export.id).state is ExportState.RUNNING:
            time.sleep(0.05)
        pages = gateway.exports.pages(export.id, window, spool)
        bulk = {record.id for number in range(len(pages)) for record in pages[number].records}
        assert bulk == paged
        assert 0 < len(bulk) < len(times)


class TestImport:
    def test_an_import_by_bulk_is_carried_over_and_certified(self, world, spool):
        request = wanted()
        counts = imported(world, spool, request)
        world.drain(request.flow, request.run_id)
        certificate = certify(world.pair, request.run_id)
        assert counts.staged == certificate.announced == certificate.read > 20
        assert export_of(world, request).state == "ready"

    def test_what_was_imported_by_pages_is_known_to_a_bulk_import(self, world, spool):
        by_pages = wanted(read_by=ReadBy.SCAN)
        assert imported(world, spool, by_pages).staged > 20
        world.drain(by_pages.flow, by_pages.run_id)
        again = imported(world, spool, wanted())
        with world.store.read() as tx:
            parked = len(tx.parked(CATALOGUE_INTO_SITE, limit=1000))
        assert again.staged == 0
        assert again.known == again.read > parked

    def test_it_finds_what_polls_and_webhooks_have_missed(self, world, spool):
        first = wanted()
        imported(world, spool, first)
        world.drain(first.flow, first.run_id)
        product = next(iter(world.pair.gateway(System.SHOPIFY, Entity.PRODUCT).scan(Window()))).records[0].id
        world.keeper.update_product(product, title="Cambiato di nascosto")
        assert imported(world, spool, wanted()).staged == 1

    def test_it_leaves_the_watermark_of_the_scheduled_runs_alone(self, world, spool):
        world.sync(CATALOGUE_INTO_SITE)
        with world.store.read() as tx:
            before = tx.watermark(CATALOGUE_INTO_SITE)
        imported(world, spool, wanted())
        imported(world, spool, wanted(read_by=ReadBy.SCAN))
        with world.store.read() as tx:
            assert tx.watermark(CATALOGUE_INTO_SITE) == before

    def test_a_change_that_arrives_after_the_export_was_written_is_not_undone_by_it(self, world, spool):
        product = next(iter(world.pair.gateway(System.SHOPIFY, Entity.PRODUCT).scan(Window()))).records[0].id
        request = wanted()
        begin_import(world.pair, request)
        assert wait_for_import(world.pair, request, 20)
        world.keeper.update_product(product, title="Nuovo titolo")
        # The webhook comes first and is worked off before the file is read.
        accept(world.store, [Event(System.SHOPIFY, "1", "products/update", Entity.PRODUCT, product)])
        world.drain(CATALOGUE_INTO_SITE)
        stage_import(world.pair, request, spool)
        world.drain(CATALOGUE_INTO_SITE, request.run_id)
        certify(world.pair, request.run_id)
        with world.store.read() as tx:
            link = tx.links(Entity.PRODUCT, System.SHOPIFY, [product])[product]
        assert world.site.call("GET", "products/get", id=link.framework360_id)["nome"] == "Nuovo titolo"

    def test_a_change_that_waits_in_the_queue_is_not_replaced_by_older_content_of_the_file(self, world, spool):
        product = next(iter(world.pair.gateway(System.SHOPIFY, Entity.PRODUCT).scan(Window()))).records[0].id
        request = wanted()
        begin_import(world.pair, request)
        assert wait_for_import(world.pair, request, 20)
        world.keeper.update_product(product, title="Nuovo titolo")
        world.stage(CATALOGUE_INTO_SITE)
        stage_import(world.pair, request, spool)
        with world.store.read() as tx:
            rows = {row.source_id: row for row in tx.queued(flow=CATALOGUE_INTO_SITE, limit=1000)}
        assert rows[product].display_name == "Nuovo titolo"
        assert rows[product].origin is Origin.POLL

    def test_framework360_is_scanned_in_full(self, world, spool):
        request = wanted(CATALOGUE_INTO_SITE.reverse)
        counts = imported(world, spool, request)
        assert counts.read > 10
        assert "makes no exports" in export_of(world, request).note


class TestSeveralProcesses:
    @pytest.fixture(autouse=True)
    def helped(self, monkeypatch):
        """Small parts, and a copy of the process even for few of them."""
        monkeypatch.setattr(bulk_file, "PART", 2_000)
        monkeypatch.setattr(extract, "copies_for", lambda parts: 1)

    def test_they_stage_what_a_scan_finds(self, world, spool):
        request = wanted()
        counts = imported(world, spool, request)
        assert counts.staged == certify_when_drained(world, request).announced > 20
        again = imported(world, spool, wanted(read_by=ReadBy.SCAN))
        assert (again.staged, again.deleted) == (0, 0)
        assert again.known == counts.read

    def test_records_for_which_a_system_must_be_asked_are_left_to_the_process_that_may(
        self, shopify_process, world, spool
    ):
        shopify_process.control.reset(seed=7, customers=40, products=20, orders=40, population="mixed")
        shopify_process.control.set_options(bulk_seconds=0)
        # How orders are booked is asked of the site, which a copy of the process must not do.
        counts = imported(world, spool, wanted(Flow(Entity.ORDER, System.SHOPIFY)))
        with world.store.read() as tx:
            certificate = tx.certificate(f"test/import/{next(_runs) - 1}")
        assert counts.read + counts.skipped == certificate.announced == certificate.read > 20

    def test_a_scan_afterwards_finds_no_deletion(self, world, spool):
        world.sync(CATALOGUE_INTO_SITE)
        assert [imported(world, spool, wanted()).deleted for _ in range(3)] == [0, 0, 0]


class TestTheWay:
    def test_a_small_shop_is_read_by_pages(self, world):
        request = wanted(read_by=ReadBy.CHEAPEST)
        known = begin_import(world.pair, request)
        assert known.state == "scan"
        assert "by pages" in known.note

    def test_a_slow_budget_makes_a_bulk_operation_the_better_way(self, shopify_process, world):
        shopify_process.control.set_options(bucket_size=2_000, restore_rate=1)
        assert begin_import(world.pair, wanted(read_by=ReadBy.CHEAPEST)).remote_id is not None

    def test_imports_run_side_by_side(self, shopify_process, world):
        shopify_process.control.set_options(bulk_seconds=5)
        requests = [wanted(Flow(entity, System.SHOPIFY)) for entity in Entity]
        assert [begin_import(world.pair, request).state for request in requests] == ["running"] * 3


class TestMisfortune:
    def test_a_repeated_begin_finds_the_operation_whose_answer_was_lost(self, shopify_process, world):
        shopify_process.control.set_options(bulk_seconds=2)
        shopify_process.control.add_fault("lost_answer", match={"operation": "BulkStart"}, times=1)
        request = wanted()
        known = begin_import(world.pair, request)
        gateway = world.pair.gateway(System.SHOPIFY, Entity.PRODUCT)
        assert gateway.exports.start(Window(), request.name).id == known.remote_id

    def test_a_task_killed_after_the_start_goes_on_with_the_same_operation(self, shopify_process, world):
        shopify_process.control.set_options(bulk_seconds=2)
        request = wanted()
        with world.store.begin() as tx:
            # What a process leaves behind that dies between the start and the note of it.
            tx.save_export(request.run_id, "waiting", note="about to be asked for")
        lost = world.pair.gateway(System.SHOPIFY, Entity.PRODUCT).exports.start(Window(), request.name)
        assert not is_import_ready(world.pair, request)
        assert export_of(world, request).remote_id == lost.id

    @pytest.mark.parametrize(
        ("option", "word"),
        [({"bulk_fail_after": 10}, "FAILED"), ({"bulk_expire": True}, "EXPIRED")],
    )
    def test_an_operation_that_fails_is_replaced_by_pages(self, shopify_process, world, spool, option, word):
        shopify_process.control.set_options(**option)
        request = wanted()
        counts = imported(world, spool, request)
        certificate = certify_when_drained(world, request)
        assert counts.staged == certificate.announced > 20
        assert word in export_of(world, request).note
        assert word in alerts(world)[f"recovery.{request.flow.name}"]

    def test_a_short_but_valid_file_is_never_used(self, shopify_process, world, spool):
        shopify_process.control.set_options(bulk_short=0.2)
        request = wanted()
        counts = imported(world, spool, request)
        certificate = certify_when_drained(world, request)
        assert counts.staged == certificate.announced > 20
        assert "SYNC-318" in alerts(world)[f"recovery.{request.flow.name}"]

    def test_the_alert_ends_with_the_next_good_import(self, shopify_process, world, spool):
        shopify_process.control.set_options(bulk_short=0.2)
        imported(world, spool, wanted())
        shopify_process.control.set_options(bulk_short=0.0)
        imported(world, spool, wanted())
        assert alerts(world) == {}

    def test_while_the_shop_is_busy_with_others_the_import_waits(self, shopify_process, world):
        shopify_process.control.set_options(bulk_limit=0)
        request = wanted()
        assert begin_import(world.pair, request).state == "waiting"
        shopify_process.control.set_options(bulk_limit=5)
        with world.store.begin() as tx:
            tx.save_export(request.run_id, "waiting")
        assert wait_for_import(world.pair, request, 20)

    def test_the_webhook_of_its_end_brings_the_next_look_forward(self, shopify_process, world):
        shopify_process.control.set_options(bulk_seconds=0.5)
        request = wanted()
        known = begin_import(world.pair, request)
        with world.store.begin() as tx:
            tx.save_export(request.run_id, "running", look_after=timedelta(hours=1))
        time.sleep(0.8)
        assert not is_import_ready(world.pair, request)
        task = Event(
            System.SHOPIFY,
            "1",
            "bulk_operations/finish",
            task=EventTask.BULK_FINISHED,
            data={"operation": known.remote_id},
        )
        accept(world.store, [task])
        do_event_tasks(world.pair)
        assert is_import_ready(world.pair, request)

    def test_a_host_that_does_not_answer_stops_the_task_and_the_next_attempt_goes_on(
        self, shopify_process, world, spool
    ):
        request = wanted()
        begin_import(world.pair, request)
        assert wait_for_import(world.pair, request, 20)
        shopify_process.control.add_fault("truncate", match={"path_prefix": "/bulk/"}, times=1)
        shopify_process.control.add_fault("http_status", match={"path_prefix": "/bulk/"})
        impatient(world)
        with pytest.raises(SyncError) as caught:
            stage_import(world.pair, request, spool)
        assert caught.value.code is SHOPIFY_UNAVAILABLE
        [part] = spool.iterdir()
        assert part.stat().st_size > 0
        shopify_process.control.clear_faults()
        assert stage_import(world.pair, request, spool).staged > 20
        assert export_of(world, request).state == "ready"


def impatient(world):
    """Let downloads give up at once."""
    gateway = world.pair.gateway(System.SHOPIFY, Entity.PRODUCT)
    gateway.exports = replace(gateway.exports, patience=Patience(tries=2, sleep=lambda _: None))


def certify_when_drained(world, request):
    world.drain(request.flow, request.run_id)
    return certify(world.pair, request.run_id)
