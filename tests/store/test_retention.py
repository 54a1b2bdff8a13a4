"""What is old goes, and nothing of it that anybody still needs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shopify_fw360.errors import CONFLICT, SyncError
from shopify_fw360.records import Dispute, Entity, Event, Link, Outcome, PrivacyKind, System
from shopify_fw360.settings import Retention
from shopify_fw360.store import JournalEntry, PlanEntry
from shopify_fw360.sync.retention import forget_old
from tests.store.make import BACK, FORTH, change, claim, complete, ids, stage

DAYS = Retention(journal_days=30, runs_days=60, plans_days=10, parked_days=5, exports_days=5)


def write(store, *entries):
    with store.begin() as tx:
        tx.write_journal(entries)


def linked(store, number="1"):
    with store.begin() as tx:
        return tx.save_link(Link(Entity.CUSTOMER, number, f"f{number}", "synced"))


def told(store, number="1"):
    with store.read() as tx:
        return [(entry.run_id, entry.outcome) for entry in tx.story(Entity.CUSTOMER, {System.SHOPIFY: number})]


def entry(link, run="run", outcome=Outcome.UPDATED, number="1"):
    return JournalEntry(run, FORTH, number, outcome, link_id=None if link is None else link.id)


def run_with(store, *numbers, run="run"):
    """A run that has carried records over."""
    with store.begin() as tx:
        tx.open_run(run, FORTH, "poll")
        counts = tx.stage([change(number, run_id=run) for number in numbers])
        tx.count_read(run, announced=len(numbers), read=len(numbers), staged=counts)
    for held in claim(store):
        complete(store, held)


class TestJournal:
    def test_old_entries_go_and_young_ones_stay(self, store, clock):
        write(store, entry(None, "old"))
        clock.move(days=31)
        write(store, entry(None, "young"))
        assert forget_old(store, DAYS)["journal"] == 1
        assert told(store) == [("young", Outcome.UPDATED)]

    def test_the_last_write_of_a_linked_record_stays_however_old(self, store, clock):
        link = linked(store)
        write(store, entry(link, "first"), entry(link, "last"), entry(link, "later", Outcome.UNCHANGED))
        clock.move(days=1000)
        forget_old(store, DAYS)
        assert told(store) == [("last", Outcome.UPDATED)]

    def test_it_goes_with_the_link(self, store, clock):
        link = linked(store)
        write(store, entry(link))
        with store.begin() as tx:
            tx.delete_link(link)
        clock.move(days=31)
        forget_old(store, DAYS)
        assert told(store) == []

    @pytest.mark.parametrize("is_closed", [True, False])
    def test_runs_add_up_without_it(self, store, clock, is_closed):
        run_with(store, "1", "2", "3")
        with store.begin() as tx:
            before = tx.close_run("run") if is_closed else tx.certificate("run")
        clock.move(days=31)
        assert forget_old(store, DAYS)["journal"] == 3
        with store.read() as tx:
            assert tx.certificate("run") == before
        assert before.explained

    def test_a_run_that_is_repeated_after_its_journal_is_gone_adds_up(self, store, clock):
        run_with(store, "1", "2")
        with store.begin() as tx:
            tx.close_run("run")
        clock.move(days=31)
        forget_old(store, DAYS)
        with store.begin() as tx:
            tx.open_run("run", FORTH, "poll")
        run_with(store, "3")
        with store.read() as tx:
            certificate = tx.certificate("run")
        assert certificate.outcomes == {Outcome.UPDATED: 3}
        assert certificate.explained

    def test_pieces_of_any_size_do_the_same(self, store, clock):
        link = linked(store)
        write(store, *(entry(link, str(number)) for number in range(7)))
        clock.move(days=31)
        reached, seen = None, []
        while True:
            with store.begin() as tx:
                piece = tx.prune_journal(clock(), after=reached, limit=2)
            seen.append((piece.deleted, piece.kept))
            reached = piece.reached
            if reached is None:
                break
        assert seen == [(2, 0), (2, 0), (2, 0), (0, 1)]
        assert told(store) == [("6", Outcome.UPDATED)]


class TestPlans:
    def plan(self, store, run, state="ready", applied_in=None):
        with store.begin() as tx:
            tx.open_plan(run, FORTH)
            tx.write_plan(run, [PlanEntry("1", "update", "")])
            tx.finish_plan(run, {})
            if state != "ready":
                assert tx.decide_plan(run, tx.plan(run).version, "Eva", state)
            if applied_in is not None:
                assert tx.begin_applying(run, applied_in)

    def test_old_ones_go(self, store, clock):
        self.plan(store, "open")
        self.plan(store, "refused", "refused")
        clock.move(days=11)
        self.plan(store, "young")
        assert forget_old(store, DAYS)["plan_items"] == 2
        with store.read() as tx:
            assert [plan.run_id for plan in tx.recent_plans()] == ["young"]

    def test_one_that_is_to_be_carried_out_stays_whole(self, store, clock):
        self.plan(store, "approved", "approved")
        clock.move(days=1000)
        assert forget_old(store, DAYS)["plan_items"] == 0

    def test_one_whose_changes_still_wait_stays_whole(self, store, clock):
        self.plan(store, "applied", "approved", "run")
        stage(store, change(run_id="run"))
        clock.move(days=1000)
        assert forget_old(store, DAYS)["plan_items"] == 0

    def test_that_a_flow_may_write_stays_known(self, store, clock):
        self.plan(store, "applied", "approved", "run")
        clock.move(days=1000)
        assert forget_old(store, DAYS)["plan_items"] == 1
        with store.read() as tx:
            assert tx.has_applied_plan(FORTH)


class TestParked:
    @pytest.fixture
    def parked(self, store, clock):
        stage(store, change(raw={"email": "ada@example.com"}, fingerprint="f", read_at=clock(), display_name="Ada"))
        (held,) = claim(store)
        dispute = Dispute("nome", None, "Ada", "Adele", ("ada", "adele"))
        with store.begin() as tx:
            tx.park(held, "worker", SyncError(CONFLICT, "both changed"), disputes=[dispute])
        clock.move(days=6)
        return store

    def test_the_content_goes_and_what_people_decide_by_stays(self, parked):
        assert forget_old(parked, DAYS)["parked_contents"] == 1
        with parked.read() as tx:
            (row,) = tx.parked()
        assert (row.error_code, row.display_name) == ("SYNC-205", "Ada")
        assert [dispute.field for dispute in row.disputes] == ["nome"]

    def test_the_same_content_is_still_known_as_parked(self, parked):
        forget_old(parked, DAYS)
        counts = stage(parked, change(raw={"email": "ada@example.com"}, fingerprint="f"))
        assert (counts.staged, counts.kept_parked) == (0, 1)

    def test_it_can_be_released_and_is_then_read_anew(self, parked):
        forget_old(parked, DAYS)
        with parked.begin() as tx:
            tx.release(flow=FORTH)
        (held,) = claim(parked)
        assert held.change.record is None

    def test_what_waits_keeps_its_content_however_old(self, store, clock):
        stage(store, change(raw={"email": "ada@example.com"}))
        clock.move(days=1000)
        forget_old(store, DAYS)
        (held,) = claim(store)
        assert held.change.record.raw == {"email": "ada@example.com"}


class TestRuns:
    def kept(self, store):
        with store.read() as tx:
            return {run.run_id for run in tx.recent_runs()}

    def test_old_ones_go_but_the_last_success_of_each_flow_stays(self, store, clock):
        for run in ("first", "second"):
            run_with(store, run, run=run)
            with store.begin() as tx:
                tx.close_run(run)
            clock.move(minutes=1)
        with store.begin() as tx:
            tx.open_run("back", BACK, "poll")
            tx.close_run("back")
            tx.open_run("never closed", FORTH, "poll")
        clock.move(days=61)
        assert forget_old(store, DAYS)["runs"] == 2
        assert self.kept(store) == {"second", "back"}
        with store.read() as tx:
            assert set(tx.last_success()) == {FORTH, BACK}

    def test_a_run_whose_records_wait_or_failed_stays(self, store, clock):
        with store.begin() as tx:
            tx.open_run("waits", FORTH, "poll")
        stage(store, change(run_id="waits"))
        clock.move(days=61)
        assert forget_old(store, DAYS)["runs"] == 0

    def test_a_run_of_which_the_journal_still_tells_stays(self, store, clock):
        link = linked(store)
        with store.begin() as tx:
            tx.open_run("run", FORTH, "poll")
            tx.write_journal([entry(link)])
        clock.move(days=61)
        forget_old(store, DAYS)
        assert self.kept(store) == {"run"}


def test_exports_of_personal_data_go_and_proofs_stay(store, clock):
    with store.begin() as tx:
        events = [
            Event(System.SHOPIFY, str(number), kind.value, privacy=kind)
            for number, kind in enumerate((PrivacyKind.CUSTOMER_DATA, PrivacyKind.CUSTOMER_REDACT))
        ]
        tx.add_privacy_requests(events)
        data, redact = sorted(request.id for request in tx.privacy_requests())
        tx.save_privacy_document(data, "export", "sealed")
        tx.save_privacy_document(redact, "proof", "{}")
    clock.move(days=6)
    assert forget_old(store, DAYS)["privacy_exports"] == 1
    with store.read() as tx:
        assert tx.privacy_document(redact) is not None
        assert tx.privacy_document(data) is None


def test_an_alert_that_lasts_stays_however_old(store, clock):
    with store.begin() as tx:
        tx.raise_alert("lasts", "")
        tx.raise_alert("ended", "")
        tx.end_alert("ended")
        tx.lock_records(Entity.CUSTOMER, ["key"], "dead", timedelta(minutes=1))
    clock.move(days=91)
    assert forget_old(store, DAYS)["traces"] == 2
    with store.read() as tx:
        assert [alert.name for alert in tx.alerts()] == ["lasts"]


def test_it_is_done_once_a_day(store, clock):
    assert forget_old(store, DAYS)
    clock.move(hours=1)
    assert forget_old(store, DAYS) == {}
    clock.move(hours=23)
    assert forget_old(store, DAYS)


def test_what_can_be_taken_is_not_touched(store, clock):
    stage(store, change("1"), change("2"))
    clock.move(days=1000)
    forget_old(store, DAYS)
    assert ids(claim(store)) == ["1", "2"]


def test_runs_must_outlive_the_journal():
    with pytest.raises(ValueError, match="runs_days"):
        Retention(journal_days=100, runs_days=50)
