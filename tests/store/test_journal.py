from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shopify_fw360.records import Outcome, System
from shopify_fw360.store import JournalEntry
from tests.store.make import BACK, FORTH


def write(store, *entries):
    with store.begin() as tx:
        tx.write_journal(entries)


def test_an_entry_comes_back_as_it_was_written(store):
    entry = JournalEntry(
        run_id="run",
        flow=FORTH,
        source_id="1",
        outcome=Outcome.UPDATED,
        target_id="9",
        link_id=4,
        before={"nome": None, "tags": ["a"]},
        after={"nome": "Zoë", "tags": ["a", "b"]},
        reasons={"nome": "only shopify changed it"},
        error_code="SYNC-405",
        message="no",
        dry_run=True,
        at=datetime(2026, 1, 1, 8, 30, 0, 123456, tzinfo=UTC),
    )
    write(store, entry)
    with store.read() as tx:
        assert tx.entries_of_run("run") == [entry]


def test_images_may_hold_money_times_and_sets(store):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    write(
        store,
        JournalEntry("run", FORTH, "1", Outcome.UPDATED, after={"m": Decimal("1.10"), "t": moment, "s": {"b", "a"}}),
    )
    with store.read() as tx:
        [entry] = tx.entries_of_run("run")
    assert entry.after == {"m": "1.10", "t": "2026-01-01T00:00:00+00:00", "s": ["a", "b"]}


def test_the_time_of_writing_is_filled_in(store, clock):
    write(store, JournalEntry("run", FORTH, "1", Outcome.UPDATED))
    with store.read() as tx:
        assert tx.entries_of_run("run")[0].at == clock()


def test_the_story_of_a_record_tells_both_directions_newest_first(store):
    write(
        store,
        JournalEntry("a", FORTH, "1", Outcome.CREATED),
        JournalEntry("b", BACK, "9", Outcome.UNCHANGED),
        JournalEntry("b", BACK, "1", Outcome.EXCLUDED),
        JournalEntry("c", FORTH, "1", Outcome.UPDATED),
    )
    with store.read() as tx:
        told = tx.story(FORTH.entity, {System.SHOPIFY: "1", System.FRAMEWORK360: "9"})
        assert [entry.outcome for entry in told] == [Outcome.UPDATED, Outcome.UNCHANGED, Outcome.CREATED]
        assert [entry.run_id for entry in tx.story(FORTH.entity, {System.SHOPIFY: "1"}, limit=1)] == ["c"]
        assert tx.story(FORTH.entity, {}) == []


def test_a_runs_entries_can_be_filtered_and_paged(store):
    write(store, *(JournalEntry("run", FORTH, str(n), Outcome.UPDATED) for n in range(3)))
    write(store, JournalEntry("run", FORTH, "x", Outcome.PARKED), JournalEntry("other", FORTH, "y", Outcome.PARKED))
    with store.read() as tx:
        assert [entry.source_id for entry in tx.entries_of_run("run", outcome=Outcome.PARKED)] == ["x"]
        assert [entry.source_id for entry in tx.entries_of_run("run", limit=2, offset=1)] == ["1", "2"]


def test_pruning_deletes_only_what_is_older(store, clock):
    write(store, JournalEntry("run", FORTH, "old", Outcome.UPDATED))
    clock.move(days=30)
    write(store, JournalEntry("run", FORTH, "new", Outcome.UPDATED))
    with store.begin() as tx:
        assert tx.prune_journal(clock() - timedelta(days=1)).deleted == 1
        assert [entry.source_id for entry in tx.entries_of_run("run")] == ["new"]
