"""How the flows are doing: what waits how long, when each was last certified, and which of them are late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shopify_fw360.records import Flow
from shopify_fw360.settings import ALL_FLOWS, SyncSettings
from shopify_fw360.store import QueueCounts, Transaction


@dataclass(frozen=True, slots=True)
class FlowHealth:
    """How one flow is doing.

    Args:
        flow: entity and direction.
        on: whether the settings switch it on.
        paused: whether it is left alone for a while, because something stopped it.
        queue: what it has in the queue.
        certified_at: when a run of it was last certified, aware UTC; None before the first.
        read_until: up to when everything was read, aware UTC; None before the first scheduled run.
        late_since: since when it is late, aware UTC; None if it is not.
    """

    flow: Flow
    on: bool
    paused: bool
    queue: QueueCounts
    certified_at: datetime | None
    read_until: datetime | None
    late_since: datetime | None


def flow_health(tx: Transaction, settings: SyncSettings) -> list[FlowHealth]:
    """Tell how each flow is doing.

    A flow is late if it is switched on, has run at least once, and neither was certified nor has worked off what waits
    within ``alerts.late_after_minutes``.

    Args:
        tx: a transaction.
        settings: which flows are on, and when they are late.

    Returns:
        One entry per flow, in their fixed order.
    """
    patience = timedelta(minutes=settings.alerts.late_after_minutes)
    now = tx.scope.clock()
    certified, paused = tx.last_success(), tx.paused()
    found = []
    for flow in ALL_FLOWS:
        queue = tx.pending(flow)
        on = settings.flows.is_on(flow)
        # What waits for its next attempt is not late: the other side has been asked and has refused.
        begins = [moment for moment in (certified.get(flow), queue.oldest if queue.pending else None) if moment]
        late = [moment + patience for moment in begins if now - moment > patience]
        found.append(
            FlowHealth(
                flow=flow,
                on=on,
                paused=flow.name in paused,
                queue=queue,
                certified_at=certified.get(flow),
                read_until=tx.watermark(flow),
                late_since=min(late) if on and late else None,
            )
        )
    return found


def alert_of(flow: Flow) -> str:
    """Return the name of the alert that a flow is late."""
    return f"late.{flow.name}"


def watch_lateness(tx: Transaction, settings: SyncSettings) -> list[FlowHealth]:
    """Raise an alert for each flow that is late, and end those of the others; returns the flows that are late."""
    late = []
    for health in flow_health(tx, settings):
        name = alert_of(health.flow)
        if health.late_since is None:
            tx.end_alert(name)
            continue
        late.append(health)
        tx.raise_alert(name, _sentence(health))
    return late


def _sentence(health: FlowHealth) -> str:
    when = "never" if health.certified_at is None else f"{health.certified_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"{health.flow.name} is late: last certified run {when}, {health.queue.open} changes wait, "
        f"{health.queue.parked} have failed. Look at its last run in Airflow, and whether the DAG is paused."
    )
