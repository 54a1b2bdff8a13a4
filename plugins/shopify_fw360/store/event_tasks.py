"""Work that events ask for beyond reading one record again: merged customers, moved stock, an app that is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, func, select, update

from shopify_fw360.records import Event, EventTask, System
from shopify_fw360.store.codec import clean_text, dump_json, load_json
from shopify_fw360.store.events import event_key
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import event_task

_row = event_task.c


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task that somebody has to do.

    Args:
        id: key of the row.
        event_key: of the event that asked for it.
        system: who sent the event.
        task: what is to be done.
        data: ids it needs.
        triggered_at: aware UTC time of the event, None if the system did not tell.
        received_at: aware UTC time at which it arrived.
        attempts: how often it was tried before.
    """

    id: int
    event_key: str
    system: System
    task: EventTask
    data: Mapping[str, Any]
    triggered_at: datetime | None
    received_at: datetime
    attempts: int


def add_tasks(scope: Scope, events: Sequence[Event]) -> None:
    """Queue the tasks of events that have one; call it for new events only."""
    now = scope.clock()
    rows = [
        {
            "pair_id": scope.pair_id,
            "event_key": event_key(event),
            "system": event.system.value,
            "task": event.task.value,
            "data": dump_json(event.data),
            "triggered_at": event.triggered_at,
            "received_at": now,
            "available_at": now,
            "attempts": 0,
        }
        for event in events
        if event.task is not None
    ]
    if rows:
        scope.connection.execute(event_task.insert(), rows)


def was_told(scope: Scope, task: EventTask, data: Mapping[str, Any]) -> bool:
    """Whether an event has asked for exactly this, done or not."""
    query = select(_row.id).where(scope.mine(event_task), _row.task == task.value, _row.data == dump_json(data))
    return scope.connection.scalar(query.limit(1)) is not None


def claim_tasks(scope: Scope, limit: int, lease: timedelta) -> list[OpenTask]:
    """Take due tasks, oldest first.

    Args:
        scope: the transaction; the claim holds once it is committed.
        limit: the most tasks taken.
        lease: a task that is neither done nor put off by then may be taken by another worker.

    Returns:
        The tasks.
    """
    now = scope.clock()
    rows = scope.connection.execute(
        select(event_task)
        .where(scope.mine(event_task), _row.available_at <= now)
        .order_by(_row.available_at, _row.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    tasks = [_task(row) for row in rows.mappings()]
    scope.connection.execute(
        update(event_task)
        .where(scope.mine(event_task), scope.among(_row.id, [task.id for task in tasks]))
        .values(available_at=now + lease, attempts=_row.attempts + 1)
    )
    return tasks


def finish_tasks(scope: Scope, tasks: Sequence[OpenTask], note: str) -> None:
    """End tasks.

    Args:
        scope: the transaction.
        tasks: as claimed.
        note: what came of them, a sentence for people.
    """
    scope.connection.execute(
        update(event_task)
        .where(scope.mine(event_task), scope.among(_row.id, [task.id for task in tasks]))
        .values(available_at=None, done_at=scope.clock(), note=clean_text(note))
    )


def postpone_tasks(scope: Scope, tasks: Sequence[OpenTask], until: datetime, note: str) -> None:
    """Put tasks off until an aware time, because of what the note says."""
    scope.connection.execute(
        update(event_task)
        .where(scope.mine(event_task), scope.among(_row.id, [task.id for task in tasks]))
        .values(available_at=until, note=clean_text(note))
    )


def tasks_due(scope: Scope) -> bool:
    """Whether a task can be taken now."""
    query = select(_row.id).where(scope.mine(event_task), _row.available_at <= scope.clock()).limit(1)
    return scope.connection.scalar(query) is not None


def open_tasks(scope: Scope) -> int:
    """Count the tasks that are not done."""
    query = select(func.count()).where(scope.mine(event_task), _row.available_at.is_not(None))
    return scope.connection.scalar(query) or 0


def prune_tasks(scope: Scope, before: datetime) -> int:
    """Delete tasks that were done before an aware time; returns their number."""
    return scope.connection.execute(event_task.delete().where(scope.mine(event_task), _row.done_at < before)).rowcount


def _task(row: RowMapping) -> OpenTask:
    return OpenTask(
        id=row["id"],
        event_key=row["event_key"],
        system=System(row["system"]),
        task=EventTask(row["task"]),
        data=load_json(row["data"]),
        triggered_at=row["triggered_at"],
        received_at=row["received_at"],
        attempts=row["attempts"],
    )
