from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from shopify_fw360.errors import AMBIGUOUS, CONFLICT, FW360_UNAVAILABLE, LEASE_LOST, SyncError
from shopify_fw360.records import Link, Origin, Outcome, Window
from shopify_fw360.store.tables import metadata
from tests.store.make import BACK, FORTH, MINUTE, change, claim, complete, ended, ids, outcomes, stage

UNAVAILABLE = SyncError(FW360_UNAVAILABLE, "HTTP 502")


def retry(store, held, at, owner="worker"):
    with store.begin() as tx:
        return tx.retry(held, owner, UNAVAILABLE, at)


def park(store, held, error=None, candidates=(), owner="worker"):
    with store.begin() as tx:
        return tx.park(held, owner, error or SyncError(AMBIGUOUS, "two", field="email", rule="one"), candidates)


def give_back(store, *held, owner="worker"):
    with store.begin() as tx:
        return tx.give_back(held, owner)


class TestClaim:
    def test_the_best_priority_comes_first_then_the_longest_due(self, store, clock):
        for source_id, origin in [("bulk", 40), ("poll", 20), ("hook", 10), ("late hook", 10), ("now", 0)]:
            stage(store, change(source_id, origin=Origin(origin)))
            clock.move(seconds=1)
        assert ids(claim(store)) == ["now", "hook", "late hook", "poll", "bulk"]

    def test_no_more_than_asked_are_taken(self, store):
        stage(store, *(change(str(n)) for n in range(5)))
        assert ids(claim(store, 2)) == ["0", "1"]
        assert ids(claim(store, 9)) == ["2", "3", "4"]

    def test_only_the_flow_asked_for_is_taken(self, store):
        stage(store, change("1"), change("2", flow=BACK))
        assert ids(claim(store, flow=BACK)) == ["2"]

    def test_only_the_run_asked_for_is_taken(self, store):
        stage(store, change("1", run_id="a"), change("2", run_id="b"))
        assert ids(claim(store, run_id="b")) == ["2"]

    def test_a_claim_that_is_rolled_back_was_none(self, store):
        stage(store, change())
        with pytest.raises(CrashError):
            crash_after(store, lambda tx: tx.claim(1, "worker", MINUTE))
        [held] = claim(store)
        assert held.attempts == 0


class TestLease:
    def test_an_expired_one_is_taken_over_and_the_attempt_counts(self, store, clock):
        stage(store, change())
        claim(store, owner="dead")
        assert claim(store, owner="second") == []
        clock.move(minutes=1)
        [held] = claim(store, owner="second")
        assert held.attempts == 1

    def test_a_renewed_one_is_not(self, store, clock):
        stage(store, change())
        held = claim(store)
        clock.move(seconds=50)
        with store.begin() as tx:
            [renewed] = tx.renew(held, "worker", MINUTE)
        assert renewed.lease_until == clock() + MINUTE
        clock.move(seconds=50)
        assert claim(store, owner="second") == []

    def test_renewing_tells_which_are_lost(self, store, clock):
        stage(store, change("1"), change("2"))
        held = claim(store)
        clock.move(minutes=2)
        assert ids(claim(store, 1, owner="second")) == ["1"]
        with store.begin() as tx:
            assert ids(tx.renew(held, "worker", MINUTE)) == ["2"]

    @pytest.mark.parametrize(
        "ending",
        [
            lambda tx, held: tx.complete(held, "worker", ended(held)),
            lambda tx, held: tx.retry(held, "worker", UNAVAILABLE, held.lease_until),
            lambda tx, held: tx.park(held, "worker", UNAVAILABLE),
        ],
        ids=["complete", "retry", "park"],
    )
    def test_who_lost_it_can_end_nothing(self, store, clock, ending):
        stage(store, change(run_id="run"))
        [held] = claim(store)
        clock.move(minutes=2)
        [taken] = claim(store, owner="second")
        with pytest.raises(SyncError) as error, store.begin() as tx:
            ending(tx, held)
        assert error.value.code is LEASE_LOST
        assert "customer shopify:1" in str(error.value)
        assert outcomes(store, "run") == {}
        assert complete(store, taken, owner="second") is True

    def test_who_lost_it_gives_back_nothing(self, store, clock):
        stage(store, change())
        held = claim(store)
        clock.move(minutes=2)
        claim(store, owner="second")
        assert give_back(store, *held) == 0

    def test_an_expired_one_nobody_took_over_still_holds(self, store, clock):
        stage(store, change())
        [held] = claim(store)
        clock.move(hours=1)
        assert complete(store, held) is True

    def test_a_claim_of_a_deleted_row_never_fits_the_next_row_of_the_record(self, store):
        stage(store, change())
        [old] = claim(store)
        complete(store, old)
        stage(store, change())
        [new] = claim(store)
        assert new.row_id != old.row_id
        with pytest.raises(SyncError):
            complete(store, old)

    def test_a_change_behind_a_dead_workers_one_replaces_it(self, store, clock):
        stage(store, change(run_id="run-a"))
        claim(store, owner="dead")
        stage(store, change(run_id="run-b"))
        clock.move(minutes=2)
        [held] = claim(store)
        assert (held.change.run_id, held.attempts) == ("run-b", 0)
        assert outcomes(store, "run-a") == {"superseded": 1}


class TestComplete:
    def test_the_record_leaves_the_queue_and_enters_the_journal(self, store):
        stage(store, change(run_id="run"))
        [held] = claim(store)
        assert complete(store, held, outcome=Outcome.CREATED) is True
        with store.read() as tx:
            assert tx.queued() == []
            [entry] = tx.entries_of_run("run")
        assert (entry.outcome, entry.source_id, entry.flow) == (Outcome.CREATED, "1", FORTH)


class TestRetry:
    def test_the_change_waits_and_keeps_its_error(self, store, clock):
        stage(store, change())
        [held] = claim(store)
        due = clock() + 5 * MINUTE
        assert retry(store, held, due) is True
        with store.read() as tx:
            [row] = tx.queued("pending")
            assert tx.next_due() == due
        assert (row.error_code, row.error_message, row.attempts) == ("SYNC-408", "HTTP 502", 1)
        assert claim(store) == []
        clock.move(minutes=5)
        assert claim(store)[0].attempts == 1

    def test_each_attempt_counts(self, store, clock):
        stage(store, change())
        for attempt in range(4):
            [held] = claim(store)
            assert held.attempts == attempt
            retry(store, held, clock())

    def test_a_newer_change_does_not_wait(self, store, clock):
        stage(store, change(run_id="run-a"))
        [held] = claim(store)
        stage(store, change(run_id="run-b"))
        assert retry(store, held, clock() + MINUTE) is False
        [again] = claim(store)
        assert (again.change.run_id, again.attempts) == ("run-b", 0)
        assert outcomes(store, "run-a") == {"superseded": 1}


class TestPark:
    def test_the_reason_is_listed_and_journaled(self, store):
        stage(store, change(run_id="run", display_name="Anna"))
        [held] = claim(store)
        assert park(store, held, candidates=["7", "8"]) is True
        assert claim(store) == []
        with store.read() as tx:
            [row] = tx.parked()
            [entry] = tx.entries_of_run("run")
            assert tx.parked_codes() == {"SYNC-204": 1}
        assert (row.display_name, row.error_code, row.error_message) == ("Anna", "SYNC-204", "two")
        assert (row.error_field, row.error_rule, row.candidates) == ("email", "one", ("7", "8"))
        assert (entry.outcome, entry.error_code, entry.message) == (Outcome.PARKED, "SYNC-204", "two")

    def test_a_conflict_is_journaled_as_one_with_what_the_caller_knows(self, store):
        stage(store, change(run_id="run"))
        [held] = claim(store)
        with store.begin() as tx:
            tx.park(held, "worker", SyncError(CONFLICT, "both"), entry=ended(held, target_id="9", after={"nome": "B"}))
        with store.read() as tx:
            [entry] = tx.entries_of_run("run")
        assert (entry.outcome, entry.target_id, entry.after) == (Outcome.CONFLICT, "9", {"nome": "B"})

    def test_a_newer_change_is_tried_instead(self, store):
        stage(store, change(run_id="run-a"))
        [held] = claim(store)
        stage(store, change(run_id="run-b"))
        assert park(store, held) is False
        assert ids(claim(store)) == ["1"]
        assert outcomes(store, "run-a") == {"parked": 1}


class TestRelease:
    @pytest.fixture
    def parked(self, store):
        stage(store, change("1", run_id="run"), change("2", run_id="run"), change("3", flow=BACK, run_id="run"))
        for held in claim(store):
            park(store, held, SyncError(CONFLICT, "both") if held.change.source_id == "2" else None)
        with store.read() as tx:
            return {row.source_id: row.row_id for row in tx.parked()}

    def test_by_row(self, store, parked):
        with store.begin() as tx:
            assert tx.release([parked["2"]]) == 1
        [held] = claim(store)
        assert (held.change.source_id, held.attempts) == ("2", 0)

    def test_by_flow_and_code(self, store, parked):
        with store.begin() as tx:
            assert tx.release(flow=FORTH, code="SYNC-204") == 1
        assert ids(claim(store)) == ["1"]

    def test_everything_at_once_only_when_said(self, store, parked):
        with pytest.raises(ValueError, match="needs rows, a flow or a code"), store.begin() as tx:
            tx.release()

    def test_the_former_run_has_booked_it_and_the_new_one_books_it_again(self, store, parked):
        with store.begin() as tx:
            tx.release([parked["1"]], run_id="release")
        complete(store, claim(store)[0])
        assert outcomes(store, "run") == {"parked": 2, "conflict": 1}
        assert outcomes(store, "release") == {"updated": 1}

    def test_the_record_is_read_anew(self, store):
        stage(store, change("7", raw={"nome": "Ada"}, read_at=datetime(2026, 1, 1, tzinfo=UTC), fingerprint="f"))
        [held] = claim(store)
        park(store, held)
        with store.begin() as tx:
            tx.release([held.row_id])
            assert tx.known_fingerprints(FORTH, ["7"]) == {}
        assert claim(store)[0].change.record is None

    def test_the_run_that_works_it_off_takes_it_over_and_is_certified_with_it(self, store, parked):
        with store.begin() as tx:
            tx.open_run("next", FORTH, "poll")
            tx.release([parked["1"], parked["2"]])
        first, second = claim(store, for_run="next")
        assert {first.change.run_id, second.change.run_id} == {"next"}
        with store.read() as tx:
            assert tx.certificate("next").leased == tx.certificate("next").staged == 2
        complete(store, first)
        park(store, second)
        with store.begin() as tx:
            certificate = tx.close_run("next")
        assert (certificate.read, certificate.staged, certificate.open) == (2, 2, 0)
        assert certificate.explained
        assert certificate.outcomes == {Outcome.UPDATED: 1, Outcome.PARKED: 1}

    def test_what_another_run_has_staged_stays_with_it(self, store):
        with store.begin() as tx:
            tx.open_run("next", FORTH, "poll")
        stage(store, change("1", run_id="former"), change("2"))
        assert {held.change.run_id for held in claim(store, for_run="next")} == {"former", "next"}
        with store.read() as tx:
            assert tx.certificate("next").staged == 1

    def test_a_change_taken_over_and_given_back_stays_with_the_run(self, store):
        with store.begin() as tx:
            tx.open_run("next", FORTH, "poll")
        stage(store, change("1"))
        give_back(store, *claim(store, for_run="next"))
        with store.read() as tx:
            assert (tx.certificate("next").staged, tx.certificate("next").pending) == (1, 1)
        assert [held.change.run_id for held in claim(store, for_run="later")] == ["next"]

    def test_nothing_is_taken_over_by_a_run_that_was_never_opened(self, store):
        stage(store, change("1"))
        with pytest.raises(LookupError, match="no run unheard"):
            claim(store, for_run="unheard")
        assert ids(claim(store)) == ["1"]

    def test_rows_that_are_not_parked_are_left_alone(self, store):
        stage(store, change(run_id="run"))
        [held] = claim(store)
        with store.begin() as tx:
            assert tx.release([held.row_id]) == 0
            assert tx.discard([held.row_id]) == 0
        assert complete(store, held) is True

    def test_discarded_rows_are_gone(self, store, parked):
        with store.begin() as tx:
            assert tx.discard([parked["1"], parked["3"]]) == 2
            assert tx.discard([]) == 0
        with store.read() as tx:
            assert [row.source_id for row in tx.parked()] == ["2"]


class TestGiveBack:
    def test_the_attempt_does_not_count(self, store):
        stage(store, change("1"), change("2"))
        assert give_back(store, *claim(store)) == 2
        assert [held.attempts for held in claim(store)] == [0, 0]

    def test_it_may_wait_for_a_while(self, store, clock):
        stage(store, change())
        with store.begin() as tx:
            tx.give_back(tx.claim(1, "worker", MINUTE), "worker", clock() + MINUTE)
        assert claim(store) == []
        clock.move(minutes=1)
        assert len(claim(store)) == 1

    def test_a_newer_change_replaces_it(self, store):
        stage(store, change(run_id="run-a"))
        held = claim(store)
        stage(store, change(run_id="run-b"))
        give_back(store, *held)
        assert outcomes(store, "run-a") == {"superseded": 1}
        assert claim(store)[0].attempts == 0


class TestViews:
    @pytest.fixture
    def mixed(self, store, clock):
        """One change in each state, another one in the other flow."""
        self.began = clock()
        stage(store, *(change(name, run_id="run") for name in ("a leased", "b waiting", "c parked")))
        leased, waiting, parked = claim(store, lease=timedelta(hours=1))
        retry(store, waiting, clock() + MINUTE)
        park(store, parked)
        clock.move(seconds=1)
        stage(store, change("d pending", run_id="run"), change("e", flow=BACK))
        return leased

    def test_counts(self, store, mixed):
        with store.read() as tx:
            counts = tx.pending(FORTH)
            assert (counts.pending, counts.leased, counts.waiting, counts.parked) == (1, 1, 1, 1)
            assert (counts.open, counts.oldest) == (3, self.began)
            assert tx.pending().pending == 2
            assert tx.pending(run_id="run") == counts
            assert tx.pending(run_id="other").oldest is None

    def test_next_due_counts_leases_that_may_expire(self, store, mixed, clock):
        with store.read() as tx:
            assert tx.next_due() == clock()
        for held in claim(store, owner="other"):
            complete(store, held, owner="other")
        with store.read() as tx:
            assert tx.next_due() == self.began + MINUTE
            assert tx.next_due(BACK) is None

    def test_listing_filters_and_pages(self, store, mixed):
        with store.read() as tx:
            assert [row.source_id for row in tx.queued("leased")] == ["a leased"]
            assert [row.source_id for row in tx.queued(code="SYNC-408")] == ["b waiting"]
            assert [row.source_id for row in tx.parked(BACK)] == []
            everything = [row.source_id for row in tx.queued(flow=FORTH, run_id="run")]
            pages = [row.source_id for at in range(4) for row in tx.queued(flow=FORTH, limit=1, offset=at)]
        assert sorted(everything) == ["a leased", "b waiting", "c parked", "d pending"]
        assert pages == everything


class TestRecordLeases:
    def lock(self, store, owner, *keys, entity=FORTH.entity):
        with store.begin() as tx:
            return tx.lock_records(entity, keys, owner, MINUTE)

    def test_a_record_is_in_one_hand_at_a_time(self, store):
        assert self.lock(store, "forth", "a", "b") == {"a", "b"}
        assert self.lock(store, "back", "b", "c") == {"c"}

    def test_the_owner_may_extend_them(self, store, clock):
        self.lock(store, "forth", "a")
        clock.move(seconds=50)
        assert self.lock(store, "forth", "a") == {"a"}
        clock.move(seconds=50)
        assert self.lock(store, "back", "a") == set()

    def test_an_expired_one_is_free(self, store, clock):
        self.lock(store, "dead", "a")
        clock.move(minutes=1)
        assert self.lock(store, "back", "a") == {"a"}

    def test_only_the_owner_gives_them_up(self, store):
        self.lock(store, "forth", "a", "b")
        with store.begin() as tx:
            tx.unlock_records(FORTH.entity, ["a"], "back")
            tx.unlock_records(FORTH.entity, ["b"], "forth")
        assert self.lock(store, "back", "a", "b") == {"b"}

    def test_a_key_given_twice_is_taken_once(self, store):
        assert self.lock(store, "forth", "a", "a") == {"a"}
        assert self.lock(store, "forth") == set()


class TestCrash:
    """A transaction that breaks off after any of its steps has never happened."""

    STEPS = (
        lambda tx, held: tx.stage([change("9", run_id="run")]),
        lambda tx, held: tx.count_read("run", read=1),
        lambda tx, held: tx.save_link(held["link"]),
        lambda tx, held: tx.complete(held["claims"][0], "worker", ended(held["claims"][0])),
        lambda tx, held: tx.retry(held["claims"][1], "worker", UNAVAILABLE, held["claims"][1].lease_until),
        lambda tx, held: tx.park(held["claims"][2], "worker", UNAVAILABLE),
        lambda tx, held: tx.give_back(held["claims"][3:], "worker"),
        lambda tx, held: tx.advance_watermark(FORTH, held["claims"][0].lease_until),
        lambda tx, held: tx.mark_unwritable(FORTH.target, FORTH.entity, "nome"),
        lambda tx, held: tx.lock_records(FORTH.entity, ["k"], "worker", MINUTE),
        lambda tx, held: tx.close_run("run"),
    )

    @pytest.mark.parametrize("steps", range(1, len(STEPS) + 1))
    def test_nothing_of_it_remains(self, store, steps):
        with store.begin() as tx:
            tx.open_run("run", FORTH, "poll", Window())
            tx.stage([change(str(n), run_id="run") for n in range(4)])
            held = {"claims": tx.claim(4, "worker", MINUTE), "link": tx.save_link(Link(FORTH.entity, "1"))}
        before = everything(store)

        def work(tx):
            for step in self.STEPS[:steps]:
                step(tx, held)
            assert everything_in(tx) != before

        with pytest.raises(CrashError):
            crash_after(store, work)
        assert everything(store) == before


class CrashError(Exception):
    pass


def crash_after(store, work):
    with store.begin() as tx:
        work(tx)
        raise CrashError


def everything(store):
    with store.read() as tx:
        return everything_in(tx)


def everything_in(tx):
    return {
        table.name: sorted(map(str, tx.scope.connection.execute(select(table).where(tx.scope.mine(table)))))
        for table in metadata.sorted_tables
    }
