"""Finds the events that were lost: compares what changed in a system with what it has told, and fetches the difference.

In Shopify a listing by modification time tells cheaply what changed. Framework360 has no such listing; there the
scheduled runs read everything anyway, and what they find that no event has told was missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from shopify_fw360.records import (
    ChangeMark,
    Flow,
    Link,
    Origin,
    TellsChanges,
    Window,
)
from shopify_fw360.store.delivery import Probe
from shopify_fw360.sync.deliveries import TOPICS, alert_if_lost
from shopify_fw360.sync.extract import fresh_changes
from shopify_fw360.sync.pair import Pair

LAG: Final = timedelta(seconds=2)
"""How much earlier than the change an event may say it was triggered: times of records are whole seconds."""


def find_gaps(pair: Pair, flow: Flow) -> list[Probe]:
    """Look at everything that changed since the last look, and stage what no event has told and nobody has found.

    A record counts as told if an event about it was triggered at or after its last change. What we have written
    ourselves need not be told. Changes of the last `grace_minutes` are left to the next look: their events may be on
    their way.

    Args:
        pair: the two systems, the store, the settings.
        flow: entity and direction; its source must be able to list what changed.

    Returns:
        One result per topic; none if the flow is not watched, or if the span is empty.

    Raises:
        SyncError: as the gateway raises; the next look then begins where this one did.
    """
    gateway = pair.gateway(flow.source, flow.entity)
    window = _span(pair, flow)
    if window is None or not isinstance(gateway, TellsChanges):
        return []
    told: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    staged: Counter[str] = Counter()
    size = pair.settings.limits.batch_size
    for marks in _batches(gateway.changed(window), size):
        topics = {mark.id: _topic(flow, mark, window) for mark in marks}
        seen, lost, unknown = _told_apart(pair, flow, marks)
        told.update(topics[record_id] for record_id in seen)
        missed.update(topics[record_id] for record_id in lost)
        staged.update(topics[record_id] for record_id in _stage(pair, flow, unknown))
    since, until = window.since, window.until
    assert since is not None and until is not None  # noqa: S101, PT018 - as _span makes it
    probes = [
        Probe(flow.name, topic, since, until, told[topic] + missed[topic], told[topic], missed[topic], staged[topic])
        for topic in sorted({*told, *missed, TOPICS[flow.source, flow.entity][1]})
    ]
    with pair.store.begin() as tx:
        tx.add_probes(probes)
        alert_if_lost(tx, flow, probes)
    return probes


def _span(pair: Pair, flow: Flow) -> Window | None:
    near = pair.settings.near_real_time
    with pair.store.read() as tx:
        since = tx.probed_until(flow)
    until = pair.clock() - timedelta(minutes=near.grace_minutes)
    if since is None or until <= since:
        return None
    # Older events are forgotten, so nothing could be proved about them.
    return Window(max(since, until - timedelta(days=near.keep_events_days)), until)


def _batches(marks: Iterable[ChangeMark], size: int) -> Iterator[list[ChangeMark]]:
    batch: list[ChangeMark] = []
    for mark in marks:
        batch.append(mark)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _topic(flow: Flow, mark: ChangeMark, window: Window) -> str:
    created, updated, _ = TOPICS[flow.source, flow.entity]
    return created if window.contains(mark.created_at) else updated


def _told_apart(pair: Pair, flow: Flow, marks: Sequence[ChangeMark]) -> tuple[list[str], list[str], list[str]]:
    """Return the ids that were told, those that were missed, and of these the ones that nobody has consumed."""
    ids = [mark.id for mark in marks]
    with pair.store.read() as tx:
        events = tx.last_events(flow.source, flow.entity, ids)
        links = tx.links(flow.entity, flow.source, ids)
    seen, lost, unknown = [], [], []
    for mark in marks:
        last = events.get(mark.id)
        if last is not None and last >= mark.updated_at - LAG:
            seen.append(mark.id)
            continue
        link = links.get(mark.id)
        consumed = link is not None and _is_consumed(link, flow, mark.updated_at)
        if consumed and link is not None and link.synced_by == flow.reverse.name:
            continue
        lost.append(mark.id)
        if not consumed:
            unknown.append(mark.id)
    return seen, lost, unknown


def _is_consumed(link: Link, flow: Flow, updated_at: datetime) -> bool:
    consumed = link.source_times.get(flow.name)
    return consumed is not None and consumed >= updated_at


def _stage(pair: Pair, flow: Flow, ids: Sequence[str]) -> list[str]:
    """Read records and stage those whose content is new; they are late already, so they are as urgent as events."""
    if not ids:
        return []
    records = list(pair.gateway(flow.source, flow.entity).fetch(ids).values())
    changes = fresh_changes(pair, flow, records, "", Origin.WEBHOOK)
    with pair.store.begin() as tx:
        tx.stage(changes)
    return [change.source_id for change in changes]
