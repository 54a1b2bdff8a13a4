"""What the queue holds: counts, listings, the time of the next attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, RowMapping, and_, exists, func, literal, or_, select, union_all

from shopify_fw360.records import Dispute, Entity, Flow, Operation, Origin, System
from shopify_fw360.store.codec import load_json
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import is_leased, is_live, is_parked, is_pending, staged_change

_row = staged_change.c

QueueState: TypeAlias = Literal["pending", "leased", "parked"]


_STATES: Final[dict[QueueState, ColumnElement[bool]]] = {
    "pending": is_pending,
    "leased": is_leased,
    "parked": is_parked,
}


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """State of the queue or of a part of it.

    Args:
        pending: changes due now.
        leased: changes in the hands of a worker, or of one that died.
        waiting: changes that wait for their next attempt.
        parked: dead letters.
        oldest: when the oldest change that is not parked arrived, None if there is none.
    """

    pending: int = 0
    leased: int = 0
    waiting: int = 0
    parked: int = 0
    oldest: datetime | None = None

    @property
    def open(self) -> int:
        """Changes whose processing has not ended."""
        return self.pending + self.leased + self.waiting


@dataclass(frozen=True, slots=True)
class QueuedChange:
    """A row of the queue as people see it.

    Args:
        row_id: for ``release`` and ``discard``.
        flow: entity and source.
        source_id: id in the source system.
        operation: upsert or delete.
        origin: the producer.
        state: pending, leased or parked.
        display_name: of the record.
        match_key: its normalised natural key.
        run_id: run that staged it last.
        attempts: made so far.
        first_staged_at: when the oldest change in the row arrived.
        available_at: time of the next attempt; end of the lease; when it was parked.
        error_code: code of the last failure, None without one.
        error_message: its text.
        error_field: the field it names.
        error_rule: the rule it names.
        candidates: ids between which a person must choose.
        generation: of the row, which tells whether it was staged anew meanwhile.
        disputes: fields of which a person must choose the value.
    """

    row_id: int
    flow: Flow
    source_id: str
    operation: Operation
    origin: Origin
    state: QueueState
    display_name: str
    match_key: str | None
    run_id: str
    attempts: int
    first_staged_at: datetime
    available_at: datetime
    error_code: str | None
    error_message: str | None
    error_field: str | None
    error_rule: str | None
    candidates: tuple[str, ...]
    generation: int
    disputes: tuple[Dispute, ...]


def counts(scope: Scope, flow: Flow | None, run_id: str | None) -> QueueCounts:
    """Count the rows.

    Args:
        scope: the transaction.
        flow: only of this flow.
        run_id: only staged last by this run.

    Returns:
        The counts.
    """
    now = scope.clock()
    due = _row.available_at <= now
    numbers = scope.connection.execute(
        select(
            func.count().filter(is_pending, due),
            func.count().filter(is_leased),
            func.count().filter(is_pending, ~due),
            func.count().filter(is_parked),
            func.min(_row.first_staged_at).filter(is_live),
        ).where(_chosen(scope, flow, run_id))
    ).one()
    return QueueCounts(*numbers)


def open_of_run(scope: Scope, run_id: str) -> QueueCounts:
    """Count the changes staged by a run whose processing has not ended.

    A row in flight that was staged anew holds two changes: the one being worked on and the one waiting behind it.

    Args:
        scope: the transaction.
        run_id: the run.

    Returns:
        The counts; parked rows have ended and are not counted.
    """
    now = scope.clock()
    replaced = and_(is_leased, _row.generation > _row.claimed_generation)
    its_own = _row.run_id == run_id
    waits = and_(its_own, or_(is_pending, replaced))
    due = or_(is_leased, _row.available_at <= now)
    in_flight = and_(is_leased, _row.claimed_run_id == run_id)
    numbers = scope.connection.execute(
        select(
            func.count().filter(waits, due),
            func.count().filter(in_flight),
            func.count().filter(waits, ~due),
            func.min(_row.first_staged_at),
        ).where(scope.mine(staged_change), is_live, or_(its_own, in_flight))
    ).one()
    pending, leased, waiting, oldest = numbers
    return QueueCounts(pending=pending, leased=leased, waiting=waiting, oldest=oldest)


def listing(
    scope: Scope,
    state: QueueState | None,
    *,
    flow: Flow | None,
    run_id: str | None,
    code: str | None,
    limit: int,
    offset: int,
) -> list[QueuedChange]:
    """List rows, those that changed last first.

    Args:
        scope: the transaction.
        state: only in this state.
        flow: only of this flow.
        run_id: only staged last by this run.
        code: only with this code of the last failure.
        limit: the most rows returned.
        offset: rows passed over.

    Returns:
        The rows.
    """
    query = select(staged_change).where(_chosen(scope, flow, run_id))
    if state is not None:
        query = query.where(_STATES[state])
    if code is not None:
        query = query.where(_row.error_code == code)
    rows = scope.connection.execute(
        query.order_by(_row.available_at.desc(), _row.id.desc()).limit(limit).offset(offset)
    )
    return [queued(row) for row in rows.mappings()]


def row(scope: Scope, row_id: int) -> QueuedChange | None:
    """Return a row by its key, None if it has left the queue."""
    found = (
        scope.connection.execute(select(staged_change).where(scope.mine(staged_change), _row.id == row_id))
        .mappings()
        .first()
    )
    return None if found is None else queued(found)


def rows_of(scope: Scope, flow: Flow, ids: Sequence[str]) -> dict[str, QueuedChange]:
    """Return the rows of records of a flow by their ids; records that have none are absent."""
    rows = scope.connection.execute(
        select(staged_change).where(scope.of_flow(staged_change, flow), scope.among(_row.source_id, ids))
    )
    return {found.source_id: found for found in map(queued, rows.mappings())}


def count_codes(scope: Scope, flow: Flow | None) -> dict[str, int]:
    """Count parked changes per error code.

    Args:
        scope: the transaction.
        flow: only of this flow.

    Returns:
        Number of parked changes per code.
    """
    rows = scope.connection.execute(
        select(_row.error_code, func.count()).where(_chosen(scope, flow, None), is_parked).group_by(_row.error_code)
    )
    return dict(rows.all())


def due_flows(scope: Scope, flows: Sequence[Flow], least: Origin) -> list[Flow]:
    """Tell which flows have a change that can be taken now.

    Args:
        scope: the transaction.
        flows: asked about.
        least: only changes of this priority or a better one.

    Returns:
        Those that have, in the order given.
    """
    now = scope.clock()
    asked = [
        select(literal(number).label("number")).where(
            exists().where(
                scope.of_flow(staged_change, flow), is_live, _row.priority <= int(least), _row.available_at <= now
            )
        )
        for number, flow in enumerate(flows)
    ]
    if not asked:
        return []
    return [flows[number] for number in sorted(scope.connection.execute(union_all(*asked)).scalars())]


def next_due(scope: Scope, flow: Flow | None) -> datetime | None:
    """Return when the next change can be taken.

    Args:
        scope: the transaction.
        flow: only of this flow.

    Returns:
        Aware UTC time, in the past if one is due; None if nothing is pending or in flight.
    """
    # One look at the end of the due index per priority, instead of one over all rows of a large import.
    earliest = [
        select(func.min(_row.available_at)).where(_chosen(scope, flow, None), is_live, _row.priority == int(origin))
        for origin in Origin
    ]
    times = scope.connection.execute(union_all(*earliest)).scalars()
    return min((moment for moment in times if moment is not None), default=None)


def _chosen(scope: Scope, flow: Flow | None, run_id: str | None) -> ColumnElement[bool]:
    condition = scope.mine(staged_change) if flow is None else scope.of_flow(staged_change, flow)
    return condition if run_id is None else and_(condition, _row.run_id == run_id)


def queued(row: RowMapping) -> QueuedChange:
    """Return a row of the table as people see it."""
    return QueuedChange(
        row_id=row["id"],
        flow=Flow(Entity(row["entity"]), System(row["source"])),
        source_id=row["source_id"],
        operation=Operation(row["operation"]),
        origin=Origin(row["priority"]),
        state=row["state"],
        display_name=row["display_name"],
        match_key=row["match_key"],
        run_id=row["run_id"],
        attempts=row["attempts"],
        first_staged_at=row["first_staged_at"],
        available_at=row["available_at"],
        error_code=row["error_code"],
        error_message=row["error_message"],
        error_field=row["error_field"],
        error_rule=row["error_rule"],
        candidates=tuple(load_json(row["candidates"])) if row["candidates"] else (),
        generation=row["generation"],
        disputes=tuple(map(_dispute, load_json(row["disputed"]))) if row["disputed"] else (),
    )


def _dispute(kept: Mapping[str, Any]) -> Dispute:
    base = kept["base"]
    return Dispute(
        field=kept["field"],
        base=None if base is None else (base[0], base[1]),
        source=kept["source"],
        target=kept["target"],
        compared=(kept["compared"][0], kept["compared"][1]),
    )
