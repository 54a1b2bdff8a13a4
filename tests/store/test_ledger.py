from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shopify_fw360.errors import FW360_UNAVAILABLE, GUARD, SyncError
from shopify_fw360.records import Outcome, Window
from shopify_fw360.store import Certificate, StageCounts
from tests.store.make import BACK, FORTH, MINUTE, change, claim, complete, ended


def open_run(store, run_id="run", flow=FORTH, **details):
    with store.begin() as tx:
        tx.open_run(run_id, flow, "poll", **details)


def read(store, *changes, run_id="run", **numbers):
    with store.begin() as tx:
        staged = tx.stage(changes)
        tx.count_read(run_id, staged=staged, **numbers)


def certificate(store, run_id="run"):
    with store.read() as tx:
        return tx.certificate(run_id)


class TestCertificate:
    """Numbers only: when does the sum come out."""

    COMPLETE = Certificate(
        announced=20,
        read=20,
        staged=10,
        coalesced=2,
        kept_parked=1,
        known=4,
        skipped=3,
        undated=2,
        outcomes={Outcome.CREATED: 3, Outcome.SUPERSEDED: 2},
        pending=2,
        leased=1,
        waiting=2,
    )

    def test_every_record_accounted_for(self):
        assert self.COMPLETE.explained

    @pytest.mark.parametrize(
        ("gap", "number", "by"),
        [
            ({"known": 3}, "unexplained_reading", 1),
            ({"known": 5}, "unexplained_reading", -1),
            ({"outcomes": {Outcome.CREATED: 3}}, "unexplained_processing", 2),
            ({"leased": 3}, "unexplained_processing", -2),
            ({"announced": 25}, "unread", 5),
        ],
    )
    def test_a_gap_is_named(self, gap, number, by):
        broken = replace(self.COMPLETE, **gap)
        assert not broken.explained
        assert getattr(broken, number) == broken.as_dict()[number] == by

    def test_growth_during_the_scan_is_no_gap(self):
        assert replace(self.COMPLETE, announced=19).explained
        assert replace(self.COMPLETE, announced=None).explained


def test_a_run_is_followed_from_reading_to_the_last_outcome(store, clock):
    open_run(store)
    read(store, *(change(str(n), run_id="run") for n in range(4)), announced=9, read=5, known=1)
    read(store, read=4, skipped=2, undated=1, known=1)
    assert certificate(store) == Certificate(9, 9, 4, known=2, skipped=2, undated=1, pending=4)
    first, second, third = claim(store, 3)
    complete(store, first, outcome=Outcome.CREATED)
    with store.begin() as tx:
        tx.retry(second, "worker", SyncError(FW360_UNAVAILABLE, "502"), clock() + MINUTE)
    assert certificate(store) == Certificate(
        9, 9, 4, known=2, skipped=2, undated=1, outcomes={Outcome.CREATED: 1}, pending=1, leased=1, waiting=1
    )
    with store.begin() as tx:
        tx.park(third, "worker", SyncError(FW360_UNAVAILABLE, "502"))
    assert certificate(store).outcomes == {Outcome.CREATED: 1, Outcome.PARKED: 1}
    assert certificate(store).explained


def test_what_was_read_and_never_booked_shows(store):
    open_run(store)
    read(store, change(run_id="run"), read=2)
    assert certificate(store).unexplained_reading == 1


def test_a_row_that_vanished_without_an_outcome_shows(store):
    from shopify_fw360.store.tables import staged_change

    open_run(store)
    read(store, change("1", run_id="run"), change("2", run_id="run"), read=2)
    with store.begin() as tx:
        tx.scope.connection.execute(staged_change.delete().where(staged_change.c.source_id == "1"))
    assert certificate(store).unexplained_processing == 1


def test_kept_parked_records_are_booked(store):
    open_run(store)
    read(store, change(fingerprint="f", raw={}), run_id="run", read=1)
    with store.begin() as tx:
        tx.park(tx.claim(1, "worker", MINUTE)[0], "worker", SyncError(FW360_UNAVAILABLE, "502"))
    open_run(store, "second")
    read(store, change(fingerprint="f", raw={}, run_id="second"), run_id="second", read=1)
    assert certificate(store, "second") == Certificate(None, 1, kept_parked=1)


def test_the_certificate_of_a_closed_run_outlives_the_journal(store, clock):
    open_run(store)
    read(store, change(run_id="run"), read=1)
    complete(store, claim(store)[0])
    with store.begin() as tx:
        closed = tx.close_run("run")
        tx.prune_journal(clock() + timedelta(days=1))
    assert closed.outcomes == {Outcome.UPDATED: 1}
    assert certificate(store) == closed


def test_closing_twice_keeps_the_first_certificate(store):
    open_run(store)
    with store.begin() as tx:
        first = tx.close_run("run")
    read(store, change(run_id="run"), read=1)
    with store.begin() as tx:
        assert tx.close_run("run") == first


def test_a_repeated_task_announces_anew_what_it_did_not_read(store):
    open_run(store)
    read(store, change("1", run_id="run"), announced=3, read=1)
    open_run(store)
    read(store, *(change(str(n), run_id="run") for n in range(1, 4)), announced=3, read=3)
    assert certificate(store) == Certificate(4, 4, 4, coalesced=1, outcomes={Outcome.SUPERSEDED: 1}, pending=3)
    assert certificate(store).explained


def test_a_closed_run_that_is_opened_again_counts_on(store):
    open_run(store)
    with store.begin() as tx:
        tx.close_run("run")
        tx.open_run("run", FORTH, "poll")
        tx.count_read("run", read=1, known=1)
    assert certificate(store).read == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda tx: tx.count_read("typo", read=1),
        lambda tx: tx.certificate("typo"),
        lambda tx: tx.close_run("typo"),
        lambda tx: tx.run_error("typo", None),
    ],
    ids=["count_read", "certificate", "close_run", "run_error"],
)
def test_an_unopened_run_is_refused(store, use):
    with pytest.raises(LookupError, match="typo"), store.begin() as tx:
        use(tx)


def test_recent_runs_are_listed_newest_first(store, clock):
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    opened_at = clock()
    open_run(store, "first", window=window, dry_run=True, mapping_digest="abc")
    clock.move(hours=1)
    open_run(store, "second", BACK)
    with store.begin() as tx:
        tx.run_error("first", SyncError(GUARD, "too many"))
        tx.count_read("first", read=1, staged=StageCounts())
        closed = tx.close_run("first")
        second, first = tx.recent_runs()
        assert tx.recent_runs(FORTH) == [first]
        assert tx.recent_runs(limit=1) == [second]
    assert (first.run_id, first.flow, first.kind, first.window) == ("first", FORTH, "poll", window)
    assert (first.dry_run, first.mapping_digest, first.opened_at) == (True, "abc", opened_at)
    assert (first.closed_at, first.certificate) == (clock(), closed)
    assert (first.error_code, first.error_message) == ("SYNC-504", "too many")
    assert (second.closed_at, second.certificate, second.error_code) == (None, None, None)


def test_a_journal_entry_is_booked_for_the_run_that_staged_the_change(store):
    open_run(store)
    read(store, change(run_id="run"), read=1)
    [held] = claim(store)
    with store.begin() as tx:
        tx.complete(held, "worker", replace(ended(held), run_id="somebody else's"))
    assert certificate(store).explained
