"""Events that the systems have told us: each counted once, however often it is delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import delete, false, func, or_, select, update

from shopify_fw360.records import Entity, Event, System
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import UtcDateTime, webhook_event

_row = webhook_event.c


@dataclass(frozen=True, slots=True)
class TopicCounts:
    """What has arrived of one topic.

    Args:
        system: who sent it.
        topic: in the system's words.
        events: different events.
        deliveries: deliveries, repetitions included.
        last: when the latest event came for the first time.
    """

    system: System
    topic: str
    events: int
    deliveries: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """An event about one record.

    Args:
        system: who sent it.
        topic: in the system's words.
        triggered_at: aware UTC time of the event, None if the system did not tell.
        received_at: aware UTC time at which it arrived first.
        deliveries: how often it was delivered.
    """

    system: System
    topic: str
    triggered_at: datetime | None
    received_at: datetime
    deliveries: int


def event_key(event: Event) -> str:
    """Return the key under which an event is stored: 32 hexadecimal digits of its system and its own key."""
    return blake2b(f"{event.system.value}\0{event.key}".encode(), digest_size=16).hexdigest()


def record_events(scope: Scope, events: Sequence[Event]) -> list[Event]:
    """Note that events have arrived, and tell which of them are new.

    Args:
        scope: the transaction.
        events: in order of arrival; the same event may occur more than once.

    Returns:
        The first delivery of each event that was not known, in order of arrival.
    """
    if not events:
        return []
    first: dict[str, Event] = {}
    times: Counter[str] = Counter()
    for event in events:
        key = event_key(event)
        first.setdefault(key, event)
        times[key] += 1
    now = scope.clock()
    rows = scope.insert_rows(
        webhook_event,
        [
            {
                "pair_id": scope.pair_id,
                "key": key,
                "system": first[key].system.value,
                "topic": first[key].topic,
                "entity": None if (entity := first[key].entity) is None else entity.value,
                "record_id": first[key].record_id,
                "triggered_at": first[key].triggered_at,
                "received_at": now,
                "deliveries": times[key],
            }
            # One order for all receivers, so that two of them with the same events wait and never deadlock.
            for key in sorted(first)
        ],
        _counting,
    )
    new = {row.key for row in rows if row.deliveries == times[row.key]}
    return [event for key, event in first.items() if key in new]


def _counting(insert: Any) -> Any:
    return insert.on_conflict_do_update(
        index_elements=["pair_id", "key"], set_={"deliveries": _row.deliveries + insert.excluded.deliveries}
    ).returning(_row.key, _row.deliveries)


def name_record(scope: Scope, key: str, entity: Entity, record_id: str) -> None:
    """Note which record an event was about, once a task has found it out.

    Args:
        scope: the transaction.
        key: as ``event_key`` returns it.
        entity: what the record is.
        record_id: its id in the system that sent the event.
    """
    scope.connection.execute(
        update(webhook_event)
        .where(scope.mine(webhook_event), _row.key == key)
        .values(entity=entity.value, record_id=record_id)
    )


def last_events(scope: Scope, system: System, entity: Entity, ids: Sequence[str]) -> dict[str, datetime]:
    """Return when records were last the subject of an event.

    Args:
        scope: the transaction.
        system: who sent the events.
        entity: what the records are.
        ids: of the records in that system.

    Returns:
        Per id that any known event was about the latest aware UTC time at which one was triggered; when it was
        received, if the system does not tell.
    """
    happened = func.max(func.coalesce(_row.triggered_at, _row.received_at), type_=UtcDateTime)
    rows = scope.connection.execute(
        select(_row.record_id, happened)
        .where(scope.mine(webhook_event), _row.system == system.value, _row.entity == entity.value)
        .where(scope.among(_row.record_id, ids))
        .group_by(_row.record_id)
    )
    return dict(rows.all())


def events_of(scope: Scope, entity: Entity, ids: Mapping[System, str], limit: int) -> list[Told]:
    """List what the systems have told about a record, newest first.

    Args:
        scope: the transaction.
        entity: what it is.
        ids: its id in each system where it has one.
        limit: the most events returned.
    """
    of_record = or_(
        false(), *((_row.system == system.value) & (_row.record_id == record_id) for system, record_id in ids.items())
    )
    rows = scope.connection.execute(
        select(_row.system, _row.topic, _row.triggered_at, _row.received_at, _row.deliveries)
        .where(scope.mine(webhook_event), _row.entity == entity.value, _row.record_id.is_not(None), of_record)
        .order_by(_row.received_at.desc())
        .limit(limit)
    )
    return [Told(System(row.system), row.topic, row.triggered_at, row.received_at, row.deliveries) for row in rows]


def count_told(scope: Scope, system: System, entity: Entity, since: datetime, until: datetime) -> int:
    """Count the records that events received from one aware time to before another were about."""
    query = select(func.count(_row.record_id.distinct())).where(
        scope.mine(webhook_event),
        _row.system == system.value,
        _row.entity == entity.value,
        _row.received_at >= since,
        _row.received_at < until,
    )
    return scope.connection.scalar(query) or 0


def count_events(scope: Scope, since: datetime) -> list[TopicCounts]:
    """Count what has arrived since an aware time, per topic, in alphabetical order."""
    rows = scope.connection.execute(
        select(
            _row.system,
            _row.topic,
            func.count(),
            func.sum(_row.deliveries),
            func.max(_row.received_at, type_=UtcDateTime),
        )
        .where(scope.mine(webhook_event), _row.received_at >= since)
        .group_by(_row.system, _row.topic)
        .order_by(_row.system.desc(), _row.topic)
    )
    return [
        TopicCounts(System(system), topic, events, int(deliveries), last)
        for system, topic, events, deliveries, last in rows
    ]


def prune_events(scope: Scope, before: datetime, limit: int) -> int:
    """Forget old events; one that is delivered again after that counts as new.

    Args:
        scope: the transaction.
        before: events received before this aware time go.
        limit: the most that go at once, so that receivers do not wait long.

    Returns:
        Number of events forgotten.
    """
    old = select(_row.key).where(scope.mine(webhook_event), _row.received_at < before).limit(limit)
    return scope.connection.execute(delete(webhook_event).where(scope.mine(webhook_event), _row.key.in_(old))).rowcount
