from datetime import UTC, datetime, timedelta

import pytest

from shopify_fw360.errors import FW360_REJECTED, FW360_UNAVAILABLE, SyncError
from shopify_fw360.records import Link, Operation, Origin, SourceRecord
from shopify_fw360.store import StageCounts
from tests.store.make import BACK, FORTH, MINUTE, change, claim, complete, ids, outcomes, stage

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def park(store, held, error=None):
    with store.begin() as tx:
        tx.park(held, "worker", error or SyncError(FW360_REJECTED, "no name", field="nome", rule="required"))


def test_a_claimed_change_is_what_was_staged(store):
    original = change(
        "gid://shopify/Customer/1",
        raw={"firstName": "Zoë \ud83d", "note": "a\x00b", "tags": ["x"], "big": 2**70, "empty": None},
        read_at=NOON,
        operation=Operation.UPSERT,
        origin=Origin.WEBHOOK,
        fingerprint="f1",
        match_key="email:zoe@example.it",
        display_name="Zoë",
        run_id="run",
    )
    stage(store, original)
    [held] = claim(store)
    assert held.change == original


def test_text_no_database_can_hold_is_cleaned_in_names_and_keys(store):
    stage(store, change(display_name="a\x00b\ud83d", match_key="email:\x00x"))
    [held] = claim(store)
    assert (held.change.display_name, held.change.match_key) == ("ab?", "email:x")


def test_changes_of_several_records_and_flows_get_a_row_each(store):
    counts = stage(store, change("1"), change("2"), change("1", flow=BACK))
    assert counts == StageCounts(staged=3)
    assert len(claim(store)) == 3


def test_a_pair_does_not_see_the_rows_of_another(store, url, clock):
    stage(store, change("1"))
    other = type(store).open(url, pair_id=f"{store.pair_id}-other", clock=clock)
    assert claim(other) == []
    other.close()


def test_a_waiting_change_is_replaced_by_the_next_one(store):
    stage(store, change(raw={"v": 1}, fingerprint="f1", run_id="run", origin=Origin.BACKFILL))
    counts = stage(
        store, change(raw={"v": 2}, fingerprint="f2", run_id="run", origin=Origin.WEBHOOK, operation=Operation.DELETE)
    )
    assert counts == StageCounts(staged=1, coalesced=1)
    [held] = claim(store)
    assert held.change == change(
        raw={"v": 2}, fingerprint="f2", run_id="run", origin=Origin.WEBHOOK, operation=Operation.DELETE
    )


def test_the_best_priority_stays(store):
    stage(store, change(origin=Origin.SYNC_NOW))
    stage(store, change(origin=Origin.BACKFILL))
    assert claim(store)[0].change.origin is Origin.SYNC_NOW


@pytest.mark.parametrize("second_run", ["run-a", "run-b"])
def test_the_replaced_change_ends_as_superseded_in_its_own_run(store, second_run):
    stage(store, change(run_id="run-a"))
    stage(store, change(run_id=second_run))
    assert outcomes(store, "run-a") == {"superseded": 1}


def test_a_change_outside_of_any_run_is_replaced_without_a_trace(store):
    stage(store, change())
    assert stage(store, change()) == StageCounts(staged=1, coalesced=1)
    assert outcomes(store, "") == {}


def test_changes_of_one_record_in_one_call_are_staged_one_after_the_other(store):
    counts = stage(store, *(change(raw={"v": v}, fingerprint=f"f{v}", run_id="run") for v in range(3)))
    assert counts == StageCounts(staged=3, coalesced=2)
    assert claim(store)[0].change.record.raw == {"v": 2}
    assert outcomes(store, "run") == {"superseded": 2}


def test_content_read_earlier_never_replaces_content_read_later(store):
    stage(store, change(raw={"v": "new"}, read_at=NOON, fingerprint="new"))
    stage(store, change(raw={"v": "old"}, read_at=NOON - timedelta(hours=1), fingerprint="old"))
    [held] = claim(store)
    assert (held.change.record, held.change.fingerprint) == (SourceRecord("1", {"v": "new"}, NOON), "new")


def test_a_hint_stays_a_hint_because_reading_again_is_newer_than_any_page(store):
    stage(store, change(origin=Origin.WEBHOOK))
    stage(store, change(raw={"v": 1}, fingerprint="f1"))
    [held] = claim(store)
    assert (held.change.record, held.change.fingerprint) == (None, "")


def test_a_hint_makes_waiting_content_be_read_again_and_keeps_name_and_key(store):
    stage(store, change(raw={"v": 1}, fingerprint="f1", match_key="email:a", display_name="Anna"))
    stage(store, change(origin=Origin.WEBHOOK))
    [held] = claim(store)
    assert (held.change.record, held.change.fingerprint) == (None, "")
    assert (held.change.match_key, held.change.display_name) == ("email:a", "Anna")


def test_the_age_of_the_oldest_change_is_kept(store, clock):
    first = clock()
    stage(store, change())
    clock.move(minutes=5)
    stage(store, change())
    assert claim(store)[0].first_staged_at == first


class TestRecordInFlight:
    def test_completing_it_leaves_the_newer_change_pending(self, store, clock):
        stage(store, change(raw={"v": 1}, fingerprint="f1", run_id="run-a"))
        [held] = claim(store)
        arrived = clock.move(seconds=1)
        assert stage(store, change(raw={"v": 2}, fingerprint="f2", run_id="run-b")) == StageCounts(staged=1)
        clock.move(seconds=1)
        assert complete(store, held) is False
        [again] = claim(store)
        assert again.change.record.raw == {"v": 2}
        assert again.attempts == 0
        assert again.first_staged_at == arrived
        assert complete(store, again) is True
        assert outcomes(store, "run-a") == outcomes(store, "run-b") == {"updated": 1}

    def test_it_is_not_given_to_a_second_worker(self, store):
        stage(store, change())
        claim(store)
        stage(store, change(origin=Origin.SYNC_NOW))
        assert claim(store, owner="second") == []

    def test_a_third_change_replaces_the_waiting_second_one(self, store):
        stage(store, change(run_id="run-a"))
        claim(store)
        stage(store, change(run_id="run-b"))
        assert stage(store, change(run_id="run-c")) == StageCounts(staged=1, coalesced=1)
        assert (outcomes(store, "run-a"), outcomes(store, "run-b")) == ({}, {"superseded": 1})


class TestRecordInBackoff:
    @pytest.fixture
    def waiting(self, store, clock):
        stage(store, change(raw={"v": 1}, fingerprint="f1"))
        [held] = claim(store)
        with store.begin() as tx:
            tx.retry(held, "worker", SyncError(FW360_UNAVAILABLE, "502"), clock() + MINUTE)

    def test_the_same_content_waits_on(self, store, waiting):
        stage(store, change(raw={"v": 1}, fingerprint="f1"))
        assert claim(store) == []

    @pytest.mark.parametrize(
        "news",
        [
            change(raw={"v": 2}, fingerprint="f2"),
            change(),
            change(raw={"v": 1}, fingerprint="f1", origin=Origin.SYNC_NOW),
        ],
        ids=["other content", "unknown content", "a person asks"],
    )
    def test_news_start_anew(self, store, waiting, news):
        stage(store, news)
        [held] = claim(store)
        assert held.attempts == 0


class TestParkedRecord:
    @pytest.fixture
    def parked(self, store):
        stage(store, change(raw={"v": 1}, fingerprint="f1", run_id="run-a"))
        park(store, claim(store)[0])

    def test_the_same_content_stays_parked(self, store, parked):
        assert stage(store, change(raw={"v": 1}, fingerprint="f1", run_id="run-b")) == StageCounts(kept_parked=1)
        assert claim(store) == []

    @pytest.mark.parametrize(
        "news",
        [
            change(raw={"v": 2}, fingerprint="f2", origin=Origin.BACKFILL),
            change(origin=Origin.BACKFILL),
            change(raw={"v": 1}, fingerprint="f1", origin=Origin.SYNC_NOW),
        ],
        ids=["other content", "unknown content", "a person asks"],
    )
    def test_news_revive_it(self, store, clock, parked, news):
        revived_at = clock.move(hours=1)
        assert stage(store, news) == StageCounts(staged=1)
        [held] = claim(store)
        assert held.change == news
        assert (held.attempts, held.first_staged_at) == (0, revived_at)
        assert outcomes(store, "run-a") == {"parked": 1}

    def test_content_read_before_the_parked_one_does_not_revive_it(self, store):
        stage(store, change(raw={"v": 2}, read_at=NOON, fingerprint="f2"))
        park(store, claim(store)[0])
        late = change(raw={"v": 1}, read_at=NOON - timedelta(hours=1), fingerprint="f1")
        assert stage(store, late) == StageCounts(kept_parked=1)

    def test_news_clear_the_error(self, store, parked):
        stage(store, change(raw={"v": 2}, fingerprint="f2"))
        with store.read() as tx:
            [row] = tx.queued()
        assert (row.state, row.error_code, row.error_field, row.candidates) == ("pending", None, None, ())


class TestKnownFingerprints:
    def known(self, store):
        with store.read() as tx:
            return tx.known_fingerprints(FORTH, ["1", "2"])

    def consumed(self, store, fingerprint):
        with store.begin() as tx:
            tx.save_link(Link(FORTH.entity, "1", fingerprints={FORTH.name: fingerprint}))

    def test_consumed_content_is_known(self, store):
        self.consumed(store, "f1")
        assert self.known(store) == {"1": "f1"}

    def test_content_consumed_by_the_other_direction_is_not(self, store):
        with store.begin() as tx:
            tx.save_link(Link(FORTH.entity, "1", "9", fingerprints={BACK.name: "f1"}))
        assert self.known(store) == {}

    def test_parked_content_is_known(self, store):
        self.consumed(store, "f1")
        stage(store, change(fingerprint="f2", raw={}))
        park(store, claim(store)[0])
        assert self.known(store) == {"1": "f2"}

    def test_a_record_that_returns_to_its_consumed_content_is_not_known_while_a_change_waits(self, store):
        self.consumed(store, "f1")
        stage(store, change(fingerprint="f2", raw={}))
        assert self.known(store) == {"1": "f2"}

    def test_nothing_is_known_of_a_record_that_must_be_read(self, store):
        self.consumed(store, "f1")
        stage(store, change())
        assert self.known(store) == {}


class TestDuplicates:
    def duplicates(self, store, source_id="1", key="email:a"):
        with store.read() as tx:
            return tx.duplicates(FORTH, key, source_id)

    def test_staged_and_linked_records_of_the_same_side_count(self, store):
        stage(store, change("1", match_key="email:a"), change("2", match_key="email:a"))
        with store.begin() as tx:
            tx.save_link(Link(FORTH.entity, "3", "8", match_keys={"shopify": "email:a", "framework360": "email:a"}))
            tx.save_link(Link(FORTH.entity, None, "9", match_keys={"framework360": "email:a"}))
        stage(store, change("7", flow=BACK, match_key="email:a"))
        assert self.duplicates(store) == ["2", "3"]

    def test_parked_records_count(self, store):
        stage(store, change("2", match_key="email:a"))
        park(store, claim(store)[0])
        assert self.duplicates(store) == ["2"]

    def test_a_linked_record_whose_staged_key_differs_has_moved_on(self, store):
        with store.begin() as tx:
            tx.save_link(Link(FORTH.entity, "2", match_keys={"shopify": "email:a"}))
        stage(store, change("2", match_key="email:b"))
        assert self.duplicates(store) == []

    def test_a_record_staged_for_deletion_is_no_duplicate(self, store):
        with store.begin() as tx:
            tx.save_link(Link(FORTH.entity, "2", match_keys={"shopify": "email:a"}))
        stage(store, change("2", operation=Operation.DELETE))
        assert self.duplicates(store) == []

    def test_many_are_asked_at_once(self, store):
        stage(store, *(change(str(n), match_key=f"email:{n % 3}") for n in range(6)), change("x", match_key="email:x"))
        with store.read() as tx:
            found = tx.duplicates_of(FORTH, {"0": "email:0", "1": "email:1", "x": "email:x", "new": "email:2"})
        assert found == {"0": ("3",), "1": ("4",), "new": ("2", "5")}


def test_staging_nothing_is_fine(store):
    assert stage(store) == StageCounts()
    assert ids(claim(store)) == []
