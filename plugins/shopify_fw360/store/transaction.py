"""One transaction of the store: everything that sync, web and the DAGs may do with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shopify_fw360.errors import SyncError
from shopify_fw360.records import (
    Change,
    Choice,
    Claim,
    Dispute,
    Entity,
    Event,
    EventTask,
    Flow,
    Link,
    LinkStatus,
    Origin,
    Outcome,
    System,
    Window,
)
from shopify_fw360.store import (
    alerts,
    audit,
    delivery,
    erasure,
    event_tasks,
    events,
    exports,
    journal,
    ledger,
    link_children,
    links,
    listing,
    oauth_states,
    overview,
    pairings,
    plans,
    presence,
    privacy,
    progress,
    queue,
    queue_views,
    record_leases,
    retention,
    staging,
    subscriptions,
)
from shopify_fw360.store.alerts import Alert
from shopify_fw360.store.audit import AuditEntry
from shopify_fw360.store.delivery import Probe
from shopify_fw360.store.erasure import Subject
from shopify_fw360.store.event_tasks import OpenTask
from shopify_fw360.store.events import Told, TopicCounts
from shopify_fw360.store.exports import ImportState, StoredExport
from shopify_fw360.store.journal import JournalEntry
from shopify_fw360.store.ledger import Certificate, Run
from shopify_fw360.store.link_children import LinkChild
from shopify_fw360.store.listing import ListedRecord, ListQuery
from shopify_fw360.store.oauth_states import Started
from shopify_fw360.store.overview import Lane
from shopify_fw360.store.pairings import Pairing
from shopify_fw360.store.plans import Plan, PlanEntry, PlanState
from shopify_fw360.store.presence import Disconnection
from shopify_fw360.store.privacy import DocumentKind, PrivacyDocument, PrivacyRequest
from shopify_fw360.store.queue_views import QueueCounts, QueuedChange, QueueState
from shopify_fw360.store.retention import PrunedJournal
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.staging import StageCounts
from shopify_fw360.store.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class Transaction:
    """The rooms of the store behind one door; every method runs within one database transaction.

    The modules of the same names describe arguments, returns and errors in full.

    Args:
        scope: connection, pair and clock.
    """

    scope: Scope

    # Queue, as its producers use it
    def stage(self, changes: Sequence[Change]) -> StageCounts:
        """Add changes to the queue, coalescing them with what waits already; see ``staging.stage``."""
        return staging.stage(self.scope, changes)

    def known_fingerprints(self, flow: Flow, ids: Sequence[str]) -> dict[str, str]:
        """Return per id the fingerprint of content that need not be staged again: it is consumed, queued or parked.

        What is in the queue is newer than what was consumed, so a record that went back to its consumed content while
        a change waits is not known.
        """
        known = links.consumed_fingerprints(self.scope, flow, ids) | staging.known_fingerprints(self.scope, flow, ids)
        return {record_id: fingerprint for record_id, fingerprint in known.items() if fingerprint}

    def in_queue(self, flow: Flow, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that have a row in the queue: waiting, in flight or parked."""
        return set(staging.known_fingerprints(self.scope, flow, ids))

    def parked_among(self, flow: Flow, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that are dead letters."""
        return staging.parked_among(self.scope, flow, ids)

    # Queue, as its consumers use it
    def claim(
        self,
        limit: int,
        owner: str,
        lease: timedelta,
        *,
        flow: Flow | None = None,
        run_id: str | None = None,
        for_run: str | None = None,
        least: Origin | None = None,
    ) -> list[Claim]:
        """Take due changes under a lease; commit before working on them; see ``queue.claim``."""
        return queue.claim(self.scope, limit, owner, lease, flow=flow, run_id=run_id, for_run=for_run, least=least)

    def hold(self, claims: Sequence[Claim], owner: str) -> list[Claim]:
        """Lock claims before ending more than one of them in this transaction, and return those still held."""
        return queue.hold(self.scope, claims, owner)

    def renew(self, claims: Sequence[Claim], owner: str, lease: timedelta) -> list[Claim]:
        """Extend leases and return the claims still held."""
        return queue.renew(self.scope, claims, owner, lease)

    def complete(self, claim: Claim, owner: str, entry: JournalEntry) -> bool:
        """End a change and journal it; False if a newer change of the record waits; raise SYNC-502."""
        return queue.complete(self.scope, claim, owner, entry)

    def complete_all(self, ended: Sequence[tuple[Claim, JournalEntry]], owner: str) -> set[int]:
        """End changes and journal them; returns the row ids of those that left the queue; raise SYNC-502."""
        return queue.complete_all(self.scope, ended, owner)

    def retry(self, claim: Claim, owner: str, error: SyncError, available_at: datetime) -> bool:
        """Put a change back until the aware time; False if a newer change of the record waits; raise SYNC-502."""
        return queue.retry(self.scope, claim, owner, error, available_at)

    def park(
        self,
        claim: Claim,
        owner: str,
        error: SyncError,
        candidates: Sequence[str] = (),
        *,
        entry: JournalEntry | None = None,
        disputes: Sequence[Dispute] = (),
        display_name: str = "",
    ) -> bool:
        """Dead-letter a change and journal it; False if a newer change of the record waits; raise SYNC-502."""
        return queue.park(
            self.scope,
            claim,
            owner,
            error,
            candidates=candidates,
            entry=entry,
            disputes=disputes,
            display_name=display_name,
        )

    def give_back(self, claims: Sequence[Claim], owner: str, available_at: datetime | None = None) -> int:
        """Return claims that were not worked on, at once or from a time on; the attempt does not count."""
        return queue.give_back(self.scope, claims, owner, available_at)

    def release(
        self,
        row_ids: Sequence[int] = (),
        *,
        flow: Flow | None = None,
        code: str | None = None,
        run_id: str = "",
        origin: Origin | None = None,
    ) -> int:
        """Make parked changes pending again, by rows or by flow and code; see ``queue.release``."""
        return queue.release(self.scope, row_ids, flow, code, run_id, origin=origin)

    def settle(self, row_id: int, generation: int, choices: Mapping[str, Choice]) -> bool:
        """Release a parked conflict with a person's choices; False if it is not the one the person saw any more."""
        return queue.settle(self.scope, row_id, generation, choices)

    def discard(self, row_ids: Sequence[int]) -> int:
        """Delete parked changes."""
        return queue.discard(self.scope, row_ids)

    # Queue, as people look at it
    def pending(self, flow: Flow | None = None, run_id: str | None = None) -> QueueCounts:
        """Count what the queue holds."""
        return queue_views.counts(self.scope, flow, run_id)

    def queued(
        self,
        state: QueueState | None = None,
        *,
        flow: Flow | None = None,
        run_id: str | None = None,
        code: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[QueuedChange]:
        """List rows of the queue, those that changed last first."""
        return queue_views.listing(self.scope, state, flow=flow, run_id=run_id, code=code, limit=limit, offset=offset)

    def queued_row(self, row_id: int) -> QueuedChange | None:
        """Return a row of the queue, None if it has left it."""
        return queue_views.row(self.scope, row_id)

    def parked(
        self,
        flow: Flow | None = None,
        run_id: str | None = None,
        *,
        code: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[QueuedChange]:
        """List dead letters, the latest first."""
        return queue_views.listing(
            self.scope, "parked", flow=flow, run_id=run_id, code=code, limit=limit, offset=offset
        )

    def queued_of(self, flow: Flow, ids: Sequence[str]) -> dict[str, QueuedChange]:
        """Return the rows of records of a flow by their ids; records that have none are absent."""
        return queue_views.rows_of(self.scope, flow, ids)

    def parked_codes(self, flow: Flow | None = None) -> dict[str, int]:
        """Count dead letters per error code."""
        return queue_views.count_codes(self.scope, flow)

    def lanes(self) -> list[Lane]:
        """Describe what waits, by flow and priority."""
        return overview.lanes(self.scope)

    def waiting(self, flows: Sequence[Flow], *, limit: int = 100, offset: int = 0) -> list[QueuedChange]:
        """List changes that are not parked, in the order in which they will be taken."""
        return overview.waiting(self.scope, flows, limit, offset)

    def conflicts(self, flows: Sequence[Flow], *, limit: int = 100, offset: int = 0) -> tuple[int, list[QueuedChange]]:
        """Count and list parked conflicts, one per pair of records, the latest first."""
        return overview.conflicts(self.scope, flows, limit, offset)

    def next_due(self, flow: Flow | None = None) -> datetime | None:
        """Return when the next change can be taken, None if there is none."""
        return queue_views.next_due(self.scope, flow)

    def due_flows(self, flows: Sequence[Flow], least: Origin = Origin.BACKFILL) -> list[Flow]:
        """Tell which of the flows have a change of that priority or a better one that can be taken now."""
        return queue_views.due_flows(self.scope, flows, least)

    # Events
    def record_events(self, received: Sequence[Event]) -> list[Event]:
        """Note that events have arrived, and return the first delivery of each that was not known."""
        return events.record_events(self.scope, received)

    def name_record(self, event_key: str, entity: Entity, record_id: str) -> None:
        """Note which record an event was about, once a task has found it out."""
        events.name_record(self.scope, event_key, entity, record_id)

    def last_events(self, system: System, entity: Entity, ids: Sequence[str]) -> dict[str, datetime]:
        """Return per record id when it was last the subject of an event, where it ever was."""
        return events.last_events(self.scope, system, entity, ids)

    def events_of(self, entity: Entity, ids: Mapping[System, str], *, limit: int = 100) -> list[Told]:
        """List what the systems have told about a record, newest first."""
        return events.events_of(self.scope, entity, ids, limit)

    def count_told(self, system: System, entity: Entity, since: datetime, until: datetime) -> int:
        """Count the records that events received in a span were about."""
        return events.count_told(self.scope, system, entity, since, until)

    def count_events(self, since: datetime) -> list[TopicCounts]:
        """Count what has arrived since an aware time, per topic."""
        return events.count_events(self.scope, since)

    def prune_events(self, before: datetime, *, limit: int = 10_000) -> int:
        """Forget events received before an aware time, at most so many; returns their number."""
        return events.prune_events(self.scope, before, limit)

    # What events ask for
    def add_event_tasks(self, received: Sequence[Event]) -> None:
        """Queue the tasks of new events that have one."""
        event_tasks.add_tasks(self.scope, received)

    def claim_event_tasks(self, limit: int, lease: timedelta) -> list[OpenTask]:
        """Take due tasks, oldest first; commit before working on them."""
        return event_tasks.claim_tasks(self.scope, limit, lease)

    def finish_event_tasks(self, tasks: Sequence[OpenTask], note: str) -> None:
        """End tasks with a sentence that says what came of them."""
        event_tasks.finish_tasks(self.scope, tasks, note)

    def postpone_event_tasks(self, tasks: Sequence[OpenTask], until: datetime, note: str) -> None:
        """Put tasks off until an aware time."""
        event_tasks.postpone_tasks(self.scope, tasks, until, note)

    def event_asked_for(self, task: EventTask, data: Mapping[str, Any]) -> bool:
        """Whether an event has asked for exactly this, done or not."""
        return event_tasks.was_told(self.scope, task, data)

    def event_tasks_due(self) -> bool:
        """Whether a task can be taken now."""
        return event_tasks.tasks_due(self.scope)

    def open_event_tasks(self) -> int:
        """Count the tasks that are not done."""
        return event_tasks.open_tasks(self.scope)

    def prune_event_tasks(self, before: datetime) -> int:
        """Delete tasks done before an aware time; returns their number."""
        return event_tasks.prune_tasks(self.scope, before)

    def add_privacy_requests(self, received: Sequence[Event]) -> None:
        """Keep the requests about personal data among new events."""
        privacy.add_requests(self.scope, received)

    def privacy_requests(self, *, is_open: bool = True, limit: int = 100) -> list[PrivacyRequest]:
        """List requests about personal data, those that are due first."""
        return privacy.requests(self.scope, is_open=is_open, limit=limit)

    def close_privacy_request(self, request_id: int, note: str, *, nameless: bool = False) -> bool:
        """Note that a request was dealt with, and forget whom it was about if asked to; False if it is not open."""
        return privacy.close_request(self.scope, request_id, note, nameless=nameless)

    def save_privacy_document(self, request_id: int, kind: DocumentKind, content: str) -> None:
        """Keep what answers a request: a sealed export, or the proof of an erasure."""
        privacy.save_document(self.scope, request_id, kind, content)

    def privacy_document(self, request_id: int) -> PrivacyDocument | None:
        """Return what answers a request, None if there is nothing (any more)."""
        return privacy.find_document(self.scope, request_id)

    def prune_privacy_exports(self, before: datetime) -> int:
        """Delete exports of personal data made before an aware time; returns their number."""
        return privacy.prune_exports_of_data(self.scope, before)

    def find_subject(self, customer_id: str, order_ids: Sequence[str]) -> Subject:
        """Find everything that belongs to a customer of the shop."""
        return erasure.find_subject(self.scope, customer_id, order_ids)

    def describe_subject(self, subject: Subject) -> dict[str, list[dict[str, Any]]]:
        """Return what the store holds about a person, by table."""
        return erasure.describe(self.scope, subject)

    def erase_subject(self, subject: Subject) -> dict[str, int]:
        """Erase what the store holds about a person, under the leases of their records; returns counts."""
        return erasure.erase(self.scope, subject)

    def erase_pair(self) -> dict[str, int]:
        """Erase everything the store holds of the shop; returns counts by table."""
        return erasure.erase_pair(self.scope)

    # Subscriptions and proofs of delivery
    def save_subscription(self, subscription: Subscription) -> None:
        """Keep a subscription that was made."""
        subscriptions.save_subscription(self.scope, subscription)

    def subscriptions(self, system: System) -> list[Subscription]:
        """List the subscriptions made with a system, oldest first."""
        return subscriptions.subscriptions(self.scope, system)

    def delete_subscription(self, system: System, remote_id: str) -> None:
        """Forget a subscription that is gone."""
        subscriptions.delete_subscription(self.scope, system, remote_id)

    def add_probes(self, probes: Sequence[Probe]) -> None:
        """Keep the result of a look at what was delivered."""
        delivery.add_probes(self.scope, probes)

    def probed_until(self, flow: Flow) -> datetime | None:
        """Return up to which aware time a flow's deliveries were proved, None before the first look."""
        return delivery.probed_until(self.scope, flow)

    def sum_probes(self, since: datetime) -> list[Probe]:
        """Add up the looks made since an aware time, per flow and topic."""
        return delivery.sum_probes(self.scope, since)

    def prune_probes(self, before: datetime) -> int:
        """Delete looks made before an aware time; returns their number."""
        return delivery.prune_probes(self.scope, before)

    # Exports
    def export(self, run_id: str) -> StoredExport | None:
        """Return the export of an import, None before it was asked for."""
        return exports.find_export(self.scope, run_id)

    def save_export(
        self,
        run_id: str,
        state: ImportState,
        *,
        remote_id: str | None = None,
        note: str = "",
        look_after: timedelta = timedelta(),
    ) -> None:
        """Note how far the export of an import is."""
        exports.save_export(self.scope, run_id, state, remote_id=remote_id, note=note, look_after=look_after)

    def exports_named(self, prefix: str, state: ImportState) -> list[StoredExport]:
        """List exports in a state by the beginning of their run's name, oldest first."""
        return exports.exports_named(self.scope, prefix, state)

    def export_ended(self, remote_id: str) -> bool:
        """Note that the system told of the end of an export; False if it is none of ours."""
        return exports.export_ended(self.scope, remote_id)

    def prune_exports(self) -> int:
        """Forget exports that nobody will ask for any more; returns their number."""
        return exports.prune_exports(self.scope)

    # Alerts and presence
    def raise_alert(self, name: str, message: str) -> bool:
        """Raise an alert, or say again that it lasts; True if it is new."""
        return alerts.raise_alert(self.scope, name, message)

    def end_alert(self, name: str) -> bool:
        """Note that what an alert is about is over; False if there was none."""
        return alerts.end_alert(self.scope, name)

    def alerts(self) -> list[Alert]:
        """List the alerts that last, the newest first."""
        return alerts.alerts(self.scope)

    def untold_alerts(self) -> list[Alert]:
        """As ``alerts.untold_alerts``."""
        return alerts.untold_alerts(self.scope)

    def alert_was_told(self, name: str) -> None:
        """As ``alerts.alert_was_told``."""
        alerts.alert_was_told(self.scope, name)

    def stay_awake(self, name: str, owner: str, span: timedelta) -> None:
        """Say that a consumer looks at the queue by itself for a while."""
        presence.stay_awake(self.scope, name, owner, span)

    def fall_asleep(self, name: str, owner: str) -> None:
        """Say that a consumer no longer looks; commit, then look at the queue once more."""
        presence.fall_asleep(self.scope, name, owner)

    def is_awake(self, name: str) -> bool:
        """Whether a consumer looks at the queue by itself."""
        return presence.is_awake(self.scope, name)

    def pause(self, flow: Flow, span: timedelta) -> None:
        """Leave a flow alone for a while, because something stops it."""
        presence.pause(self.scope, flow, span)

    def paused(self) -> frozenset[str]:
        """Return the names of the flows that are left alone now."""
        return presence.paused(self.scope)

    def disconnect(self, shop: str, reason: str) -> None:
        """Note that a shop does not let us in any more."""
        presence.disconnect(self.scope, shop, reason)

    def reconnect(self) -> bool:
        """Note that the pair's shop lets us in; False if nothing else was known."""
        return presence.reconnect(self.scope)

    def disconnected(self) -> Disconnection | None:
        """Return what is known about a shop of the pair that does not let us in."""
        return presence.disconnected(self.scope)

    # Leases on records
    def lock_records(self, entity: Entity, keys: Sequence[str], owner: str, lease: timedelta) -> set[str]:
        """Take leases on records and return the keys held; commit before working on them."""
        return record_leases.lock_records(self.scope, entity, keys, owner, lease)

    def unlock_records(self, entity: Entity, keys: Sequence[str], owner: str) -> None:
        """Give up leases on records."""
        record_leases.unlock_records(self.scope, entity, keys, owner)

    # Links
    def links(self, entity: Entity, system: System, ids: Sequence[str]) -> dict[str, Link]:
        """Find links by the ids of one system."""
        return links.links_of(self.scope, entity, system, ids)

    def link(self, link_id: int) -> Link | None:
        """Return a link by its key, None if there is none."""
        return links.get_link(self.scope, link_id)

    def save_link(self, link: Link) -> Link:
        """Insert or update a link; raise SYNC-204 if one of its records is linked otherwise."""
        return links.save_links(self.scope, [link])[0]

    def save_links(self, items: Sequence[Link]) -> list[Link]:
        """Insert or update links, all or none; raise SYNC-204 if a record is linked otherwise."""
        return links.save_links(self.scope, items)

    def delete_link(self, link: Link) -> None:
        """Delete a stored link with its children; one that is gone already is fine."""
        if link.id is not None:
            links.delete_link(self.scope, link.id)

    def find_links(
        self,
        entity: Entity,
        *,
        status: LinkStatus | None = None,
        search: str = "",
        limit: int = 100,
        offset: int = 0,
    ) -> list[Link]:
        """List links whose name, ids or natural keys contain the search text, those that changed last first."""
        return links.find_links(self.scope, entity, status, search, limit, offset)

    def left_out(self, *, limit: int = 100, offset: int = 0) -> tuple[int, list[Link]]:
        """Count and list the records that people want left alone, the latest decision first."""
        return links.left_out(self.scope, limit, offset)

    def list_records(self, query: ListQuery, *, limit: int = 50, offset: int = 0) -> list[ListedRecord]:
        """List records for people, as the query says."""
        return listing.list_records(self.scope, query, limit, offset)

    def count_records(self, query: ListQuery, *, most: int = 10_000) -> int:
        """Count the records of a list, up to a limit."""
        return listing.count_records(self.scope, query, most)

    def page_of_records(
        self, query: ListQuery, *, limit: int = 50, offset: int = 0, most: int = 10_000
    ) -> tuple[list[ListedRecord], int]:
        """List a page of records and count all of the list up to a limit."""
        return listing.page_of_records(self.scope, query, limit, offset, most)

    def stream_records(self, query: ListQuery) -> Iterator[ListedRecord]:
        """Yield every record of a list; use it within the transaction."""
        return listing.stream_records(self.scope, query)

    def listed_links(self, entity: Entity, link_ids: Sequence[int]) -> list[ListedRecord]:
        """Return the rows of links by their keys; those that are gone are absent."""
        return listing.listed_links(self.scope, entity, link_ids)

    def link_counts(self, entity: Entity, *, search: str = "") -> dict[LinkStatus, int]:
        """Count links per status."""
        return links.count_by_status(self.scope, entity, search)

    def count_linked(self, entity: Entity) -> int:
        """Count links with a record on both sides."""
        return links.count_linked(self.scope, entity)

    def link_ids(self, entity: Entity, system: System) -> Iterator[str]:
        """Yield the ids of a system that have a link, in ascending order; use it within the transaction."""
        return links.stream_ids(self.scope, entity, system)

    def duplicates(self, flow: Flow, match_key: str, source_id: str) -> list[str]:
        """Return other ids on the source side with the same natural key."""
        return list(links.duplicates_of(self.scope, flow, {source_id: match_key}).get(source_id, ()))

    def duplicates_of(self, flow: Flow, keys: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """Return per source id the other ids on the source side with the same natural key, where there are any."""
        return links.duplicates_of(self.scope, flow, keys)

    def mark_missing(self, entity: Entity, system: System, missing_ids: Sequence[str]) -> dict[str, int]:
        """Note that a full scan has not found linked records; return how many scans in a row have not."""
        return links.mark_missing(self.scope, entity, system, missing_ids)

    def missing(self, entity: Entity, system: System) -> list[str]:
        """Return the ids of linked records that the last full scans have not found."""
        return links.missing(self.scope, entity, system)

    def clear_missing(self, entity: Entity, system: System, ids: Sequence[str]) -> None:
        """Note that records have been found again."""
        links.clear_missing(self.scope, entity, system, ids)

    def children(self, link_ids: Sequence[int], kind: str) -> dict[int, list[LinkChild]]:
        """Return the children of links, per parent."""
        return link_children.children_of(self.scope, link_ids, kind)

    def replace_children(self, link_id: int, kind: str, children: Sequence[LinkChild]) -> None:
        """Make these the children of that kind of a link."""
        link_children.replace_children(self.scope, link_id, kind, children)

    # Journal
    def write_journal(self, entries: Sequence[JournalEntry]) -> None:
        """Append entries that end no queued change, such as those of a dry run."""
        journal.write_journal(self.scope, entries)

    def story(self, entity: Entity, ids: Mapping[System, str], *, limit: int = 200) -> list[JournalEntry]:
        """Tell what happened to a record in both directions, newest first."""
        return journal.story(self.scope, entity, ids, limit)

    def entries_of_run(
        self, run_id: str, *, outcome: Outcome | None = None, limit: int = 200, offset: int = 0
    ) -> list[JournalEntry]:
        """List what a run did, in order."""
        return journal.entries_of_run(self.scope, run_id, outcome, limit, offset)

    def journal_entries(self, ids: Sequence[int]) -> list[JournalEntry]:
        """Return journal entries by their keys, the oldest first; those that were pruned are absent."""
        return journal.entries(self.scope, ids)

    def entries_kept(self, run_id: str) -> dict[Outcome, int]:
        """Count the entries of a run that the journal still holds, per outcome."""
        return journal.count_outcomes(self.scope, run_id)

    # What is old
    def prune_journal(
        self, before: datetime, *, after: tuple[datetime, int] | None = None, limit: int = 5_000
    ) -> PrunedJournal:
        """Delete journal entries older than an aware time, but the last write of each linked record."""
        return retention.prune_journal(self.scope, before, after=after, limit=limit)

    def prune_runs(self, before: datetime) -> int:
        """Delete runs opened before an aware time that nothing refers to; returns their number."""
        return retention.prune_runs(self.scope, before)

    def prune_plans(self, before: datetime) -> int:
        """Delete the items of plans made before an aware time, but of those that are to be carried out."""
        return retention.prune_plans(self.scope, before)

    def drop_parked_content(self, before: datetime) -> int:
        """Let go of the content of changes parked before an aware time; it is read anew when they are released."""
        return retention.drop_parked_content(self.scope, before)

    def prune_traces(self, before: datetime) -> int:
        """Delete alerts that ended, and leases and states that ran out, before an aware time; returns their number."""
        return retention.prune_traces(self.scope, before)

    # Plans and what people decide about them
    def open_plan(self, run_id: str, flow: Flow) -> None:
        """Begin the plan of a dry run; raise ValueError if it was decided already."""
        plans.open_plan(self.scope, run_id, flow)

    def write_plan(self, run_id: str, entries: Sequence[PlanEntry]) -> None:
        """Add items to a plan, or replace those of the same records."""
        plans.write_items(self.scope, run_id, entries)

    def finish_plan(self, run_id: str, cost: Mapping[str, Any]) -> None:
        """Note that a plan is complete, and what it costs."""
        plans.finish_plan(self.scope, run_id, cost)

    def plan(self, run_id: str) -> Plan | None:
        """Return the plan of a dry run, None if there is none any more."""
        return plans.find_plan(self.scope, run_id)

    def recent_plans(self, *, limit: int = 20) -> list[Plan]:
        """List plans, newest first."""
        return plans.recent_plans(self.scope, limit)

    def decide_plan(self, run_id: str, version: int, person: str, state: PlanState) -> bool:
        """Approve or refuse a plan; False if it is not open or has changed since the person looked at it."""
        return plans.decide(self.scope, run_id, version, person, state)

    def begin_applying(self, run_id: str, applied_in: str) -> bool:
        """Bind an approved plan to the run that carries it out; False if it is not approved or bound otherwise."""
        return plans.begin_applying(self.scope, run_id, applied_in)

    def approved(self, flow: Flow, wanted: Mapping[str, Sequence[str]]) -> dict[str, PlanEntry | None]:
        """Return what was approved about records, by id; absent where their run carries out no plan."""
        return plans.approved(self.scope, flow, wanted)

    def has_applied_plan(self, flow: Flow) -> bool:
        """Whether a plan of the flow was ever approved and carried out."""
        return plans.has_applied_plan(self.scope, flow)

    def plan_counts(self, run_id: str) -> dict[str, int]:
        """Count the items of a plan by action."""
        return plans.count_actions(self.scope, run_id)

    def plan_left_out(self, run_id: str) -> int:
        """Count the items a person took out of a plan."""
        return plans.count_left_out(self.scope, run_id)

    def plan_items(
        self, run_id: str, *, action: str | None = None, search: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[list[PlanEntry], int]:
        """List items of a plan, and how many fit in all."""
        return plans.items(self.scope, run_id, action=action, search=search, limit=limit, offset=offset)

    def plan_items_of(self, run_id: str, ids: Sequence[str]) -> dict[str, PlanEntry]:
        """Return the items of records in a plan, by source id."""
        return plans.items_of(self.scope, run_id, ids)

    def wanted_ids(self, run_id: str) -> Iterator[list[str]]:
        """Yield the source ids a plan is to be carried out for, in pages; use it within the transaction."""
        return plans.wanted_ids(self.scope, run_id)

    def leave_out(self, run_id: str, ids: Sequence[str], *, left_out: bool = True) -> int:
        """Take records out of a plan that is open for a decision, or put them back; returns how many."""
        return plans.leave_out(self.scope, run_id, ids, left_out=left_out)

    def touch_plan(self, run_id: str) -> None:
        """Note that an item of a plan has changed."""
        plans.touch(self.scope, run_id)

    def plan_twins(self, run_id: str) -> dict[str, list[str]]:
        """Return ids of records of one plan that have the same natural key, by key."""
        return plans.twins(self.scope, run_id)

    def plan_sharing(self, run_id: str, action: str) -> dict[str, list[str]]:
        """Return ids of records of one plan that would be linked to the same counterpart, by its id."""
        return plans.sharing(self.scope, run_id, action)

    def forget_older_plans(self, flow: Flow, *, keep: int) -> int:
        """Delete the plans of a flow but the newest and those that wait to be carried out."""
        return plans.forget_older_plans(self.scope, flow, keep)

    def save_pairing(self, pairing: Pairing) -> None:
        """Keep a decision about the counterpart of a record."""
        pairings.save_pairing(self.scope, pairing)

    def drop_pairing(self, entity: Entity, system: System, record_id: str) -> bool:
        """Take such a decision back; False if there was none."""
        return pairings.drop_pairing(self.scope, entity, system, record_id)

    def pairings(self, entity: Entity, system: System, ids: Sequence[str]) -> dict[str, Pairing]:
        """Return the decisions about records, by their id in the given system."""
        return pairings.pairings_of(self.scope, entity, system, ids)

    # Authorizations under way, and who did what
    def remember_state(self, state: str, browser: str, started: Started, lifetime: timedelta) -> None:
        """Keep the state of an authorization until it comes back or ends."""
        oauth_states.remember_state(self.scope, state, browser, started, lifetime)

    def take_state(self, state: str, browser: str) -> Started | None:
        """Use a state up; None if it is unknown, used, over, or another browser's. Commit before acting on it."""
        return oauth_states.take_state(self.scope, state, browser)

    def write_audit(self, entry: AuditEntry) -> None:
        """Note an act of a person."""
        audit.write_audit(self.scope, entry)

    def audit_entries(self, *, prefix: str = "", limit: int = 50) -> list[AuditEntry]:
        """List acts whose name begins with a text, newest first."""
        return audit.audit_entries(self.scope, prefix=prefix, limit=limit)

    # Ledger
    def open_run(
        self,
        run_id: str,
        flow: Flow,
        kind: str,
        window: Window | None = None,
        *,
        dry_run: bool = False,
        mapping_digest: str = "",
    ) -> None:
        """Open a run, or open it again when its task is repeated."""
        ledger.open_run(
            self.scope, run_id, flow, kind, window or Window(), dry_run=dry_run, mapping_digest=mapping_digest
        )

    def count_read(
        self,
        run_id: str,
        *,
        announced: int | None = None,
        read: int = 0,
        staged: StageCounts | None = None,
        known: int = 0,
        skipped: int = 0,
        undated: int = 0,
    ) -> None:
        """Add to what a run has read, best in the transaction that stages; raise LookupError if it was not opened."""
        staged = staged or StageCounts()
        ledger.count_read(
            self.scope,
            run_id,
            announced=announced,
            read=read,
            staged=staged.staged,
            coalesced=staged.coalesced,
            kept_parked=staged.kept_parked,
            known=known,
            skipped=skipped,
            undated=undated,
        )

    def certificate(self, run_id: str) -> Certificate:
        """Account for a run; raise LookupError if it was not opened."""
        return ledger.certificate(self.scope, run_id)

    def close_run(self, run_id: str, outcomes: Mapping[Outcome, int] | None = None) -> Certificate:
        """Close a run and keep its certificate; raise LookupError if it was not opened."""
        return ledger.close_run(self.scope, run_id, outcomes)

    def run_error(self, run_id: str, error: SyncError | None) -> None:
        """Note what stopped a run; raise LookupError if it was not opened."""
        ledger.run_error(self.scope, run_id, error)

    def run(self, run_id: str) -> Run | None:
        """Return a run, None if it was never opened."""
        return ledger.find_run(self.scope, run_id)

    def parts_of_run(self, run_id: str) -> list[Run]:
        """List the parts of a run that serves several flows, one per flow."""
        return ledger.parts_of_run(self.scope, run_id)

    def open_runs(self, before: datetime, kind: str) -> list[Run]:
        """List the runs of a kind opened before an aware time and never closed, oldest first."""
        return ledger.open_runs(self.scope, before, kind)

    def recent_runs(self, flow: Flow | None = None, *, limit: int = 50) -> list[Run]:
        """List runs, newest first."""
        return ledger.recent_runs(self.scope, flow, limit)

    def last_success(self) -> dict[Flow, datetime]:
        """Return when a run of each flow was last certified."""
        return overview.last_success(self.scope)

    def throughput(self, since: datetime) -> dict[datetime, dict[Outcome, int]]:
        """Count how many records ended how per hour since an aware time."""
        return overview.throughput(self.scope, since)

    def recent_windows(self, *, limit: int = 10) -> list[Run]:
        """List the runs that read exactly a window, such as backfills, newest first."""
        return ledger.recent_windows(self.scope, limit)

    # Progress of flows
    def watermark(self, flow: Flow) -> datetime | None:
        """Return how far a flow has staged everything, None before its first run."""
        return progress.watermark(self.scope, flow)

    def advance_watermark(self, flow: Flow, to: datetime) -> None:
        """Move a flow's watermark forward; it never moves back."""
        progress.advance_watermark(self.scope, flow, to)

    def mark_unwritable(self, system: System, entity: Entity, field: str) -> None:
        """Note that a system does not take a field."""
        progress.mark_unwritable(self.scope, system, entity, field)

    def unwritable(self, system: System, entity: Entity) -> frozenset[str]:
        """Return the fields a system does not take."""
        return progress.unwritable(self.scope, system, entity)

    def clear_mark(self, system: System, entity: Entity, field: str) -> None:
        """Forget that a system does not take a field."""
        progress.clear_mark(self.scope, system, entity, field)
