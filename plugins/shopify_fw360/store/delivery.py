"""Proofs of delivery: how many events should have come, and how many have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from shopify_fw360.records import Flow
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import UtcDateTime, delivery_probe

_row = delivery_probe.c


@dataclass(frozen=True, slots=True)
class Probe:
    """What one look at the source has shown about one topic.

    Args:
        flow: name of the flow.
        topic: that should have told of the changes.
        since: begin of the span, aware UTC; None reaches back without limit.
        until: its end.
        expected: records changed in the span.
        seen: of them, those whose last change an event has told.
        missed: of them, those whose last change none has told.
        staged: of the missed, those that nothing else had found either.
    """

    flow: str
    topic: str
    since: datetime
    until: datetime
    expected: int
    seen: int
    missed: int
    staged: int

    @property
    def loss_rate(self) -> float:
        """Share of the expected changes that no event has told, 0 to 1."""
        return self.missed / self.expected if self.expected else 0.0


def add_probes(scope: Scope, probes: Sequence[Probe]) -> None:
    """Keep the result of a look."""
    now = scope.clock()
    if probes:
        scope.connection.execute(
            delivery_probe.insert(),
            [
                {
                    "pair_id": scope.pair_id,
                    "flow": probe.flow,
                    "topic": probe.topic,
                    "since": probe.since,
                    "until": probe.until,
                    "expected": probe.expected,
                    "seen": probe.seen,
                    "missed": probe.missed,
                    "staged": probe.staged,
                    "at": now,
                }
                for probe in probes
            ],
        )


def probed_until(scope: Scope, flow: Flow) -> datetime | None:
    """Return the aware UTC time up to which a flow's deliveries were proved, None before the first look."""
    found: datetime | None = scope.connection.scalar(
        select(func.max(_row.until, type_=UtcDateTime)).where(scope.mine(delivery_probe), _row.flow == flow.name)
    )
    return found


def sum_probes(scope: Scope, since: datetime) -> list[Probe]:
    """Add up the looks made since an aware time, per flow and topic.

    Returns:
        One probe per flow and topic with any result, over the whole span looked at.
    """
    rows = scope.connection.execute(
        select(
            _row.flow,
            _row.topic,
            func.min(_row.since, type_=UtcDateTime),
            func.max(_row.until, type_=UtcDateTime),
            func.sum(_row.expected),
            func.sum(_row.seen),
            func.sum(_row.missed),
            func.sum(_row.staged),
        )
        .where(scope.mine(delivery_probe), _row.at >= since)
        .group_by(_row.flow, _row.topic)
        .order_by(_row.flow, _row.topic)
    )
    return [Probe(*row[:4], *(int(number) for number in row[4:])) for row in rows]


def prune_probes(scope: Scope, before: datetime) -> int:
    """Delete looks made before an aware time; returns their number."""
    return scope.connection.execute(delete(delivery_probe).where(scope.mine(delivery_probe), _row.at < before)).rowcount
