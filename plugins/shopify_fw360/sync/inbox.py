"""Where events enter: noted once, staged as hints, and committed before anybody is told that they were taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shopify_fw360.records import Change, Event, Flow, Origin
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.store import Store

_FLOWS: Final = frozenset(ALL_FLOWS)


def accept(store: Store, events: Sequence[Event]) -> list[bool]:
    """Take events in one transaction; once this returns none of them can be lost.

    Args:
        store: of the pair.
        events: in order of arrival; the same one may occur more than once.

    Returns:
        For each whether it was new; only new ones have any effect.

    Raises:
        SyncError: SYNC-501 if the store fails; then none was taken.
    """
    with store.begin() as tx:
        new = tx.record_events(events)
        changes = [change for event in new if (change := _change(event)) is not None]
        if changes:
            tx.stage(changes)
        tx.add_event_tasks(new)
        tx.add_privacy_requests(new)
    fresh = {id(event) for event in new}
    return [id(event) in fresh for event in events]


def _change(event: Event) -> Change | None:
    if event.entity is None or event.record_id is None or event.task is not None:
        return None
    flow = Flow(event.entity, event.system)
    if flow not in _FLOWS:
        return None
    return Change(flow, event.record_id, event.operation, Origin.WEBHOOK)
