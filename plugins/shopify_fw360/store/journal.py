"""The journal: every decision and every outbound write, with images before and after and a reason per field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, false, func, or_, select

from shopify_fw360.records import Entity, Flow, Outcome, System
from shopify_fw360.store.codec import clean_text, dump_json, load_json
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import journal


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """How the processing of one staged change ended, and why.

    Args:
        run_id: ledger id of the run that staged the change, empty outside of any run.
        flow: entity and source.
        source_id: id of the record in the source system.
        outcome: how it ended.
        target_id: id of the counterpart, None if there is none.
        link_id: key of the link, None if there is none.
        before: values of the changed target fields before the write.
        after: their values after it.
        reasons: per target field why it has its value.
        error_code: code of the failure, None without one.
        message: sentence for people.
        dry_run: nothing was written to the target.
        at: aware UTC time; None is replaced by the time of writing, so entries read back always have one.
        id: key of the entry, None before it is stored; two entries that say the same are equal whatever it is.
    """

    run_id: str
    flow: Flow
    source_id: str
    outcome: Outcome
    target_id: str | None = None
    link_id: int | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    error_code: str | None = None
    message: str | None = None
    dry_run: bool = False
    at: datetime | None = None
    id: int | None = field(default=None, compare=False)


def write_journal(scope: Scope, entries: Sequence[JournalEntry]) -> None:
    """Append entries.

    Args:
        scope: the transaction.
        entries: in the order in which the story shall tell them.
    """
    if not entries:
        return
    now = scope.clock()
    scope.connection.execute(
        journal.insert(),
        [
            {
                "pair_id": scope.pair_id,
                "run_id": entry.run_id,
                "entity": entry.flow.entity.value,
                "source": entry.flow.source.value,
                "source_id": entry.source_id,
                "target_id": entry.target_id,
                "link_id": entry.link_id,
                "outcome": entry.outcome.value,
                "before": dump_json(entry.before),
                "after": dump_json(entry.after),
                "reasons": dump_json(entry.reasons),
                "error_code": entry.error_code,
                "message": None if entry.message is None else clean_text(entry.message),
                "dry_run": entry.dry_run,
                "at": entry.at or now,
            }
            for entry in entries
        ],
    )


def story(scope: Scope, entity: Entity, ids: Mapping[System, str], limit: int) -> list[JournalEntry]:
    """Tell what happened to a record, newest first.

    Args:
        scope: the transaction.
        entity: what it is.
        ids: its id in each system where it has one; entries of both directions are told.
        limit: the most entries returned.

    Returns:
        The entries.
    """
    of_record = or_(
        false(),
        *((journal.c.source == system.value) & (journal.c.source_id == record_id) for system, record_id in ids.items()),
    )
    rows = scope.connection.execute(
        select(journal)
        .where(scope.mine(journal), journal.c.entity == entity.value, of_record)
        .order_by(journal.c.id.desc())
        .limit(limit)
    )
    return [_entry(row) for row in rows.mappings()]


def entries_of_run(scope: Scope, run_id: str, outcome: Outcome | None, limit: int, offset: int) -> list[JournalEntry]:
    """List what a run did, in the order in which it did it.

    Args:
        scope: the transaction.
        run_id: the run.
        outcome: only entries that ended so, None for all.
        limit: the most entries returned.
        offset: entries passed over.

    Returns:
        The entries.
    """
    query = select(journal).where(scope.mine(journal), journal.c.run_id == run_id)
    if outcome is not None:
        query = query.where(journal.c.outcome == outcome.value)
    rows = scope.connection.execute(query.order_by(journal.c.id).limit(limit).offset(offset))
    return [_entry(row) for row in rows.mappings()]


def entries(scope: Scope, ids: Sequence[int]) -> list[JournalEntry]:
    """Return entries by their keys, the oldest first; those that were pruned are absent."""
    rows = scope.connection.execute(
        select(journal).where(scope.mine(journal), scope.among(journal.c.id, ids)).order_by(journal.c.id)
    )
    return [_entry(row) for row in rows.mappings()]


def count_outcomes(scope: Scope, run_id: str) -> dict[Outcome, int]:
    """Count how the changes staged by a run ended.

    Args:
        scope: the transaction.
        run_id: the run.

    Returns:
        Number of entries per outcome that occurred.
    """
    rows = scope.connection.execute(
        select(journal.c.outcome, func.count())
        .where(scope.mine(journal), journal.c.run_id == run_id)
        .group_by(journal.c.outcome)
    )
    return {Outcome(outcome): count for outcome, count in rows}


def _entry(row: RowMapping) -> JournalEntry:
    return JournalEntry(
        run_id=row["run_id"],
        flow=Flow(Entity(row["entity"]), System(row["source"])),
        source_id=row["source_id"],
        outcome=Outcome(row["outcome"]),
        target_id=row["target_id"],
        link_id=row["link_id"],
        before=load_json(row["before"]),
        after=load_json(row["after"]),
        reasons=load_json(row["reasons"]),
        error_code=row["error_code"],
        message=row["message"],
        dry_run=row["dry_run"],
        at=row["at"],
        id=row["id"],
    )
