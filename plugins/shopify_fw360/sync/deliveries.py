"""How well the systems tell what changes: what should have been told, what was, and what a run found untold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shopify_fw360.records import Entity, Flow, SourceRecord, System
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.store import Store, Transaction
from shopify_fw360.store.delivery import Probe
from shopify_fw360.sync.pair import Pair

WORTH_AN_ALERT: Final = 0.02
"""Share of lost events from which on a person should know."""

CANARY: Final = "canary"
"""In place of a flow: events that we have caused ourselves to see whether they arrive."""

TOPICS: Final[Mapping[tuple[System, Entity], tuple[str, str, str]]] = {
    (System.SHOPIFY, Entity.CUSTOMER): ("customers/create", "customers/update", "customers/delete"),
    (System.SHOPIFY, Entity.PRODUCT): ("products/create", "products/update", "products/delete"),
    (System.SHOPIFY, Entity.ORDER): ("orders/create", "orders/updated", "orders/delete"),
    (System.FRAMEWORK360, Entity.CUSTOMER): ("customer.created", "customer.updated", "customer.deleted"),
    (System.FRAMEWORK360, Entity.PRODUCT): ("product.created", "product.updated", "product.deleted"),
}
"""The topics that tell of a new, a changed and a deleted record."""


def watch(tx: Transaction, flow: Flow) -> None:
    """Begin to count the events of a flow's source, once they are subscribed to; a flow that is watched stays so.

    Args:
        tx: a writing transaction.
        flow: entity and direction.
    """
    if tx.probed_until(flow) is None:
        now = tx.scope.clock()
        tx.add_probes([Probe(flow.name, TOPICS[flow.source, flow.entity][1], now, now, 0, 0, 0, 0)])


def alert_if_lost(tx: Transaction, flow: Flow, probes: Sequence[Probe]) -> None:
    """Raise an alert if a look has shown that many events were lost, or end it."""
    name = f"delivery.{flow.name}"
    expected, missed = sum(probe.expected for probe in probes), sum(probe.missed for probe in probes)
    if missed and missed >= WORTH_AN_ALERT * expected:
        tx.raise_alert(
            name,
            f"{missed} of {expected} changes of {flow.entity.value}s in {flow.source.value} were not told by a webhook;"
            " they were fetched. If this goes on, look whether the receiver was down and whether its address is right.",
        )
    elif expected:
        tx.end_alert(name)


@dataclass(slots=True)
class Untold:
    """Counts, while a run reads, what it finds that events should have told.

    Args:
        flow: entity and direction.
        since: only events received from then on count; None if the flow is not watched, then nothing is counted.
        until: changes that say they are later are left to the next run.
        missed: found changes that no event has told.
    """

    flow: Flow
    since: datetime | None
    until: datetime
    missed: int = 0

    @classmethod
    def start(cls, pair: Pair, flow: Flow) -> Untold:
        """Begin to count for a run that starts now."""
        with pair.store.read() as tx:
            since = tx.probed_until(flow)
        return cls(flow, since, pair.clock() - timedelta(minutes=pair.settings.near_real_time.grace_minutes))

    def count(self, tx: Transaction, records: Sequence[SourceRecord]) -> None:
        """Count records whose content is new.

        Args:
            tx: a transaction.
            records: found by the run.
        """
        # Where a listing by time exists, `find_gaps` counts, and no change is counted twice.
        if self.since is None or self.flow.source is System.SHOPIFY:
            return
        old = [record.id for record in records if record.updated_at is None or record.updated_at < self.until]
        events = tx.last_events(self.flow.source, self.flow.entity, old)
        self.missed += sum(record_id not in events or events[record_id] < self.since for record_id in old)

    def keep(self, tx: Transaction, deleted: int, *, complete: bool) -> None:
        """Keep what the run has shown.

        Args:
            tx: a writing transaction.
            deleted: deletions that the run has found; had an event told of them, they would not have been left to find.
            complete: the run has read everything that changed since the last one.
        """
        if self.since is None:
            return
        _, updated, gone = TOPICS[self.flow.source, self.flow.entity]
        name = self.flow.name
        probes = []
        if complete and self.flow.source is System.FRAMEWORK360 and self.until > self.since:
            seen = tx.count_told(self.flow.source, self.flow.entity, self.since, self.until)
            probes.append(
                Probe(name, updated, self.since, self.until, seen + self.missed, seen, self.missed, self.missed)
            )
            alert_if_lost(tx, self.flow, probes)
        if deleted:
            probes.append(Probe(name, gone, self.since, self.since, deleted, 0, deleted, deleted))
        tx.add_probes(probes)


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """How well the systems tell what changes, for people.

    Args:
        since: the looks made since this aware UTC time are added up.
        topics: per flow and topic what should have been told, what was, what was missed and fetched.
        expected: changes that should have been told, all together.
        missed: of them, those that were not.
        canaries: events that we have caused to see whether they arrive.
        canaries_missed: of them, those that did not.
        proved_until: per flow that is watched the aware UTC time up to which its deliveries were proved.
    """

    since: datetime
    topics: tuple[Probe, ...]
    expected: int
    missed: int
    canaries: int
    canaries_missed: int
    proved_until: Mapping[str, datetime]

    @property
    def loss_rate(self) -> float:
        """Share of the expected changes that no event has told, 0 to 1."""
        return self.missed / self.expected if self.expected else 0.0


def delivery_view(store: Store, span: timedelta = timedelta(days=1)) -> DeliveryView:
    """Add up what the looks of a span have shown.

    Args:
        store: of the pair.
        span: how far back.

    Returns:
        Expected, seen and missed events, per topic and together.

    Raises:
        SyncError: SYNC-501 if the store fails.
    """
    since = store.clock() - span
    with store.read() as tx:
        sums = tx.sum_probes(since)
        until = {flow.name: at for flow in ALL_FLOWS if (at := tx.probed_until(flow)) is not None}
    topics = tuple(probe for probe in sums if probe.flow != CANARY)
    canaries = [probe for probe in sums if probe.flow == CANARY]
    return DeliveryView(
        since,
        topics,
        sum(probe.expected for probe in topics),
        sum(probe.missed for probe in topics),
        sum(probe.expected for probe in canaries),
        sum(probe.missed for probe in canaries),
        until,
    )
