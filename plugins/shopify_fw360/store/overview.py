"""The state of everything at a glance: what waits in which lane, what was done per hour, what people decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from shopify_fw360.errors import CONFLICT
from shopify_fw360.records import Entity, Flow, Origin, Outcome, System
from shopify_fw360.store.queue_views import QueuedChange, queued
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import (
    UtcDateTime,
    is_leased,
    is_live,
    is_parked,
    is_pending,
    journal,
    ledger_run,
    link,
    staged_change,
)

_row = staged_change.c


@dataclass(frozen=True, slots=True)
class Lane:
    """What one flow has in the queue at one priority, parked changes aside.

    Args:
        flow: entity and source.
        origin: the producer, which gives the priority.
        due: changes that can be taken now.
        working: changes in the hands of a worker.
        waiting: changes that wait for their next attempt.
        oldest: when the oldest of them arrived, aware UTC.
        next_at: when the next one can be taken, in the past if one is due; None if all are being worked on.
    """

    flow: Flow
    origin: Origin
    due: int
    working: int
    waiting: int
    oldest: datetime
    next_at: datetime | None

    @property
    def open(self) -> int:
        """Changes whose processing has not ended."""
        return self.due + self.working + self.waiting


def lanes(scope: Scope) -> list[Lane]:
    """Describe what waits, by flow and priority, the most urgent lane of a flow first."""
    due = _row.available_at <= scope.clock()
    next_at = func.min(_row.available_at, type_=UtcDateTime).filter(is_pending)
    rows = scope.connection.execute(
        select(
            _row.entity,
            _row.source,
            _row.priority,
            func.count().filter(is_pending, due),
            func.count().filter(is_leased),
            func.count().filter(is_pending, ~due),
            func.min(_row.first_staged_at, type_=UtcDateTime),
            next_at,
        )
        .where(scope.mine(staged_change), is_live)
        .group_by(_row.entity, _row.source, _row.priority)
        .order_by(_row.entity, _row.source.desc(), _row.priority)
    )
    return [
        Lane(Flow(Entity(entity), System(source)), Origin(priority), *numbers)
        for entity, source, priority, *numbers in rows
    ]


def waiting(scope: Scope, flows: Sequence[Flow], limit: int, offset: int) -> list[QueuedChange]:
    """List changes that are not parked, in the order in which they will be taken.

    Args:
        scope: the transaction.
        flows: only of these flows.
        limit: the most changes returned.
        offset: changes passed over.
    """
    rows = scope.connection.execute(
        select(staged_change)
        .where(scope.mine(staged_change), is_live, _of(flows))
        .order_by(_row.priority, _row.available_at, _row.id)
        .limit(limit)
        .offset(offset)
    )
    return [queued(row) for row in rows.mappings()]


def conflicts(scope: Scope, flows: Sequence[Flow], limit: int, offset: int) -> tuple[int, list[QueuedChange]]:
    """List parked conflicts, one per pair of records, the latest first.

    Both directions may have parked the same conflict. Settling it in one settles it in the other, so only that of the
    direction from Shopify is listed then.

    Args:
        scope: the transaction.
        flows: only of these flows.
        limit: the most conflicts returned.
        offset: conflicts passed over.

    Returns:
        How many there are, and those of the page.
    """
    twin = aliased(staged_change)
    told_by_the_other = and_(
        _row.source == System.FRAMEWORK360.value,
        exists().where(
            scope.mine(link),
            link.c.entity == _row.entity,
            link.c.framework360_id == _row.source_id,
            twin.c.pair_id == scope.pair_id,
            twin.c.entity == _row.entity,
            twin.c.source == System.SHOPIFY.value,
            twin.c.source_id == link.c.shopify_id,
            twin.c.error_code == CONFLICT.code,
            twin.c.state == "parked",
        ),
    )
    chosen = and_(
        scope.mine(staged_change), is_parked, _row.error_code == CONFLICT.code, _of(flows), ~told_by_the_other
    )
    total = scope.connection.scalar(select(func.count()).select_from(staged_change).where(chosen)) or 0
    rows = scope.connection.execute(
        select(staged_change)
        .where(chosen)
        .order_by(_row.available_at.desc(), _row.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return total, [queued(row) for row in rows.mappings()]


def _of(flows: Sequence[Flow]) -> ColumnElement[bool]:
    return or_(*(and_(_row.entity == flow.entity.value, _row.source == flow.source.value) for flow in flows))


def throughput(scope: Scope, since: datetime) -> dict[datetime, dict[Outcome, int]]:
    """Count how many records ended how per hour; plans of dry runs and replaced changes do not count.

    Args:
        scope: the transaction.
        since: aware UTC time, counted from the hour it lies in.

    Returns:
        Per hour that has any, as the aware UTC time of its begin, the number of records by outcome.
    """
    begin = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if scope.connection.dialect.name == "postgresql":
        hour = func.to_char(func.timezone("UTC", journal.c.at), "YYYY-MM-DD HH24")
    else:
        hour = func.strftime("%Y-%m-%d %H", journal.c.at)
    rows = scope.connection.execute(
        select(hour, journal.c.outcome, func.count())
        .where(
            scope.mine(journal),
            journal.c.at >= begin,
            journal.c.dry_run.is_(False),
            journal.c.outcome != Outcome.SUPERSEDED.value,
        )
        .group_by(hour, journal.c.outcome)
        .order_by(hour)
    )
    result: dict[datetime, dict[Outcome, int]] = {}
    for text, outcome, number in rows:
        moment = datetime.strptime(text, "%Y-%m-%d %H").replace(tzinfo=UTC)
        result.setdefault(moment, {})[Outcome(outcome)] = number
    return result


def last_success(scope: Scope) -> dict[Flow, datetime]:
    """Return when a run of each flow was last certified, whatever started it; flows without one are absent."""
    run = ledger_run.c
    rows = scope.connection.execute(
        select(run.entity, run.source, func.max(run.closed_at, type_=UtcDateTime))
        .where(scope.mine(ledger_run), run.closed_at.is_not(None), run.error_code.is_(None), run.dry_run.is_(False))
        .group_by(run.entity, run.source)
    )
    return {Flow(Entity(entity), System(source)): moment for entity, source, moment in rows}
