"""Producers' side of the queue: stage changes, one live row per record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal_column, null, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from shopify_fw360.records import Change, Flow, Outcome
from shopify_fw360.store.codec import clean_text, dump_json
from shopify_fw360.store.journal import JournalEntry, write_journal
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import PENDING, is_leased, is_live, is_parked, is_pending, staged_change


@dataclass(frozen=True, slots=True)
class StageCounts:
    """What became of the changes given to ``stage``.

    Args:
        staged: changes that now wait; each of them ends with exactly one journal outcome under its run.
        coalesced: how many of these replaced a change that was still waiting, whose outcome is then SUPERSEDED.
        kept_parked: changes not staged, because the same content is parked already.
    """

    staged: int = 0
    coalesced: int = 0
    kept_parked: int = 0

    def __add__(self, other: StageCounts) -> StageCounts:
        return StageCounts(
            self.staged + other.staged, self.coalesced + other.coalesced, self.kept_parked + other.kept_parked
        )


_Key = tuple[str, str, str]


def stage(scope: Scope, changes: Sequence[Change]) -> StageCounts:
    """Add changes to the queue, coalescing them with what waits already.

    - A waiting row takes the newer content, the better priority and the new run; the replaced change is journaled as
      SUPERSEDED.
    - A row that is only a hint (no record) stays one: reading the record again is newer than any payload.
    - A row in flight is staged anew beside the work going on, which then leaves it pending.
    - A parked row comes back only with other content, with unknown content, or for SYNC_NOW.
    - Content whose modification time is older than that of the row's content never replaces it: pages and bulk files
      may be staged long after they were read.

    Args:
        scope: the transaction.
        changes: in the order in which they happened; one record may occur more than once.

    Returns:
        The counts.
    """
    counts = StageCounts()
    for wave in _waves(changes):
        counts += _stage_distinct(scope, wave)
    return counts


def known_fingerprints(scope: Scope, flow: Flow, ids: Sequence[str]) -> dict[str, str]:
    """Return the fingerprints of staged content, for records that have a row in the queue.

    Args:
        scope: the transaction.
        flow: entity and source.
        ids: in the source system.

    Returns:
        Fingerprint per id that has a row, waiting, in flight or parked; empty if the row's content is unknown.
    """
    rows = scope.connection.execute(
        select(staged_change.c.source_id, staged_change.c.fingerprint).where(
            scope.of_flow(staged_change, flow), scope.among(staged_change.c.source_id, ids)
        )
    )
    return dict(rows.all())


def parked_among(scope: Scope, flow: Flow, ids: Sequence[str]) -> set[str]:
    """Return those of the ids of a flow's source that are dead letters."""
    return set(
        scope.connection.scalars(
            select(staged_change.c.source_id).where(
                scope.of_flow(staged_change, flow), is_parked, scope.among(staged_change.c.source_id, ids)
            )
        )
    )


def _waves(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Split so that no record occurs twice in one statement, keeping the order per record."""
    rest: Sequence[Change] = changes
    while rest:
        wave: dict[_Key, Change] = {}
        later = []
        for change in rest:
            key = _key(change)
            if key in wave:
                later.append(change)
            else:
                wave[key] = change
        # One order for everybody who stages: two transactions that lock the same rows then wait, and never deadlock.
        yield [wave[key] for key in sorted(wave)]
        rest = later


def _key(change: Change) -> _Key:
    return (change.flow.entity.value, change.flow.source.value, change.source_id)


def _stage_distinct(scope: Scope, changes: Sequence[Change]) -> StageCounts:
    now = scope.clock()
    rows = scope.insert_rows(
        staged_change,
        [
            {
                "pair_id": scope.pair_id,
                "entity": change.flow.entity.value,
                "source": change.flow.source.value,
                "source_id": change.source_id,
                "operation": change.operation.value,
                "priority": int(change.origin),
                "state": PENDING,
                "generation": 1,
                "payload": None if change.record is None else dump_json(change.record.raw),
                "payload_updated_at": None if change.record is None else change.record.updated_at,
                "fingerprint": change.fingerprint,
                "match_key": None if change.match_key is None else clean_text(change.match_key),
                "display_name": clean_text(change.display_name),
                "run_id": change.run_id,
                "first_staged_at": now,
                "staged_at": now,
                "available_at": now,
                "attempts": 0,
                "claimed_generation": 0,
            }
            for change in changes
        ],
        _coalescing,
    ).all()
    replaced = {
        (row.entity, row.source, row.source_id): row.superseded_run_id
        for row in rows
        if row.superseded_run_id is not None
    }
    journal_superseded(
        scope,
        [(change.flow, change.source_id, replaced[_key(change)]) for change in changes if _key(change) in replaced],
    )
    return StageCounts(len(rows), len(replaced), len(changes) - len(rows))


def _coalescing(insert: Any) -> Any:
    return insert.on_conflict_do_update(
        index_elements=["pair_id", "entity", "source", "source_id"],
        set_=_merged(insert.excluded),
        where=or_(is_live, _fresh(insert.excluded)),
    ).returning(_row.entity, _row.source, _row.source_id, _row.superseded_run_id)


def journal_superseded(scope: Scope, replaced: Sequence[tuple[Flow, str, str]]) -> None:
    """End the changes that a newer change of the same record has replaced.

    Args:
        scope: the transaction.
        replaced: flow, source id and run id of each; those outside of any run leave no trace.
    """
    write_journal(
        scope,
        [
            JournalEntry(
                run_id=run_id,
                flow=flow,
                source_id=source_id,
                outcome=Outcome.SUPERSEDED,
                message="a newer change of the record was staged before this one was processed",
            )
            for flow, source_id, run_id in replaced
            if run_id
        ],
    )


_Columns = ReadOnlyColumnCollection[str, ColumnElement[Any]]

_row = staged_change.c
_is_hint = and_(is_live, _row.payload.is_(None))
_has_waiting = or_(is_pending, and_(is_leased, _row.generation > _row.claimed_generation))


def _stale(new: _Columns) -> ColumnElement[bool]:
    return and_(
        _row.payload_updated_at.is_not(None),
        new.payload_updated_at.is_not(None),
        new.payload_updated_at < _row.payload_updated_at,
    )


def _fresh(new: _Columns) -> ColumnElement[bool]:
    """Whether the new change deserves a new start: a person asks, or its content differs or is unknown."""
    return or_(
        new.priority == literal_column("0"),
        and_(~_stale(new), or_(new.fingerprint == literal_column("''"), new.fingerprint != _row.fingerprint)),
    )


def _merged(new: _Columns) -> dict[str, ColumnElement[Any]]:
    stale = _stale(new)
    restart = and_(~is_leased, _fresh(new))
    merged: dict[str, ColumnElement[Any]] = {
        "operation": new.operation,
        "priority": case((is_parked, new.priority), (new.priority < _row.priority, new.priority), else_=_row.priority),
        "state": case((is_parked, literal_column(f"'{PENDING}'")), else_=_row.state),
        "generation": _row.generation + literal_column("1"),
        "payload": case((_is_hint, null()), (stale, _row.payload), else_=new.payload),
        "payload_updated_at": case((_is_hint, null()), (stale, _row.payload_updated_at), else_=new.payload_updated_at),
        "fingerprint": case((_is_hint, literal_column("''")), (stale, _row.fingerprint), else_=new.fingerprint),
        "match_key": case((or_(stale, new.match_key.is_(None)), _row.match_key), else_=new.match_key),
        "display_name": case(
            (or_(stale, new.display_name == literal_column("''")), _row.display_name), else_=new.display_name
        ),
        "run_id": new.run_id,
        "superseded_run_id": case((_has_waiting, _row.run_id), else_=null()),
        "first_staged_at": case((is_parked, new.first_staged_at), else_=_row.first_staged_at),
        "staged_at": new.staged_at,
        "available_at": case((restart, new.available_at), else_=_row.available_at),
        "attempts": case((restart, literal_column("0")), else_=_row.attempts),
    }
    for name in ("error_code", "error_message", "error_field", "error_rule", "candidates", "disputed"):
        merged[name] = case((restart, null()), else_=_row[name])
    return merged
