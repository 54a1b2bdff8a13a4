"""Short forms of what the tests of the store need again and again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shopify_fw360.records import Change, Claim, Entity, Flow, Outcome, SourceRecord, System
from shopify_fw360.store import JournalEntry, Store

FORTH = Flow(Entity.CUSTOMER, System.SHOPIFY)
BACK = FORTH.reverse
MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


def change(source_id="1", *, flow=FORTH, raw=None, read_at=None, **fields) -> Change:
    record = None if raw is None else SourceRecord(source_id, raw, read_at)
    return Change(flow, source_id, record=record, **fields)


def stage(store: Store, *changes: Change):
    with store.begin() as tx:
        return tx.stage(changes)


def claim(store: Store, limit=10, owner="worker", lease=MINUTE, **filters) -> list[Claim]:
    with store.begin() as tx:
        return tx.claim(limit, owner, lease, **filters)


def ids(claims: Sequence[Claim]) -> list[str]:
    return [held.change.source_id for held in claims]


def ended(held: Claim, outcome=Outcome.UPDATED, **fields) -> JournalEntry:
    return JournalEntry("", held.change.flow, held.change.source_id, outcome, **fields)


def complete(store: Store, held: Claim, owner="worker", outcome=Outcome.UPDATED) -> bool:
    with store.begin() as tx:
        return tx.complete(held, owner, ended(held, outcome))


def outcomes(store: Store, run_id: str) -> dict[str, int]:
    with store.read() as tx:
        entries = tx.entries_of_run(run_id, limit=1_000_000)
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.outcome.value] = counts.get(entry.outcome.value, 0) + 1
    return counts
