"""The one consumer: work off staged changes of a flow, batch by batch, whoever staged them."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from shopify_fw360.errors import LEASE_LOST, REFERENCE_WAITING, Reaction, SyncError
from shopify_fw360.records import Change, Claim, Flow, Link, Origin, Outcome
from shopify_fw360.store.database import Transaction
from shopify_fw360.store.journal import JournalEntry
from shopify_fw360.sync.apply import Applied, failed_link, links_after, store_all, write_all, write_intents
from shopify_fw360.sync.approval import hold_to_plan
from shopify_fw360.sync.heartbeat import Heartbeat
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.plan import OUTCOMES, Action, PlanItem
from shopify_fw360.sync.planner import plan
from shopify_fw360.sync.references import Reference, will_come

log = logging.getLogger(__name__)

COMMIT_EVERY = 25
"""Records committed together: few enough that a crash repeats little, enough that commits do not limit the writes."""

GIVE_UP_AFTER = 10
"""Successive records lost to an unavailable system after which the lane stops instead of burning every attempt."""

LANES = 3
"""Batches worked on side by side: while one is planned and one committed, the third keeps the requests in flight."""

LOCK_PAUSE = timedelta(seconds=1)
"""How long a record waits that the other direction is working on."""


@dataclass(slots=True)
class DrainReport:
    """What one consumer did.

    Args:
        outcomes: number of records by outcome.
        retried: records that will be tried again later.
        waiting_for_other: records given back because the other direction was working on them.
        batches: number of batches worked off.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    retried: int = 0
    waiting_for_other: int = 0
    batches: int = 0

    @property
    def finished(self) -> int:
        """Records that left the queue."""
        return sum(self.outcomes.values())

    def __add__(self, other: DrainReport) -> DrainReport:
        return DrainReport(
            self.outcomes + other.outcomes,
            self.retried + other.retried,
            self.waiting_for_other + other.waiting_for_other,
            self.batches + other.batches,
        )

    def as_dict(self) -> dict[str, int]:
        """Return the counts as plain JSON."""
        counts = {outcome.value: count for outcome, count in sorted(self.outcomes.items()) if count}
        return {**counts, "retried": self.retried, "waiting_for_other": self.waiting_for_other}


def drain(
    pair: Pair,
    flow: Flow,
    owner: str,
    *,
    max_rows: int | None = None,
    run_id: str | None = None,
    for_run: str | None = None,
    least: Origin | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> DrainReport:
    """Work off staged changes of a flow until none is due.

    Args:
        pair: the two systems, the store, the settings.
        flow: entity and direction.
        owner: name of this worker, unique among all that run.
        max_rows: stop after about this many records, None for no limit.
        run_id: only changes staged by this run, None for all.
        for_run: open run in whose ledger changes count that belong to no run, such as released ones; None to leave them
            uncounted.
        least: only changes of this priority or a better one, None for all.
        stopping: asked between batches; True ends the work early.

    Returns:
        What was done.

    Raises:
        SyncError: a failure that concerns the whole flow or system; claimed records are given back first.
    """
    pair.require_on(flow)
    chosen = {"flow": flow, "run_id": run_id, "for_run": for_run, "least": least}
    lanes = _Lanes(pair, flow, owner, chosen=chosen, stopping=stopping, max_rows=max_rows)
    with ThreadPoolExecutor(LANES, thread_name_prefix="drain") as pool:
        ended = [pool.submit(lanes.work, number) for number in range(LANES)]
    reports = [future.result() for future in ended]
    return sum(reports[1:], reports[0])


def bring_forward(pair: Pair, flow: Flow, references: Collection[Reference], owner: str) -> set[Reference]:
    """Synchronise records of other entities now, by their own flows.

    Args:
        pair: the two systems, the store, the settings.
        flow: of the records that refer to them.
        references: records without counterpart.
        owner: name of this worker.

    Returns:
        Those that are still on their way: another worker has them, or they are tried again later. A record that is
        parked or left out, or whose flow is off, will not come and is not waited for.

    Raises:
        SyncError: as ``drain``.
    """
    waiting: set[Reference] = set()
    for entity in {reference.entity for reference in references}:
        other = Flow(entity, flow.source)
        if other not in pair.mappings or not pair.settings.flows.is_on(other):
            continue
        ids = sorted(reference.source_id for reference in references if reference.entity is entity)
        run_id = f"{flow.name}/{uuid4()}"
        with pair.store.begin() as tx:
            tx.stage([Change(other, source_id, origin=Origin.WEBHOOK, run_id=run_id) for source_id in ids])
        drain(pair, other, f"{owner}/{entity.value}", run_id=run_id)
        with pair.store.begin() as tx:
            links = tx.links(entity, flow.source, ids)
        for source_id in ids:
            link = links.get(source_id)
            if (link is None or link.id_in(flow.target) is None) and will_come(link):
                waiting.add(Reference(entity, source_id))
    return waiting


class _Lanes:
    """Loops that claim and work off batches side by side, within one allowance of records."""

    def __init__(
        self,
        pair: Pair,
        flow: Flow,
        owner: str,
        *,
        chosen: Mapping[str, Any],
        stopping: Callable[[], bool],
        max_rows: int | None,
    ) -> None:
        self._pair = pair
        self._flow = flow
        self._owner = owner
        self._chosen = chosen
        self._stopping = stopping
        self._room = max_rows
        self._failed = False
        self._guard = threading.Lock()

    def work(self, number: int) -> DrainReport:
        worker = _Worker(self._pair, self._flow, f"{self._owner}#{number}")
        try:
            while claims := self._claim(worker):
                worker.work_off(claims)
        except BaseException:
            # What stops one lane concerns the whole flow, so the other one ends after its batch.
            self._failed = True
            raise
        return worker.report

    def _claim(self, worker: _Worker) -> list[Claim]:
        with self._guard:
            if self._failed or self._stopping() or self._room == 0:
                return []
            size = self._pair.settings.limits.batch_size
            size = size if self._room is None else min(size, self._room)
            with self._pair.store.begin() as tx:
                claims = tx.claim(size, worker.owner, worker.lease, **self._chosen)
            if self._room is not None:
                self._room -= len(claims)
            return claims


@dataclass(slots=True)
class _Worker:
    pair: Pair
    flow: Flow
    owner: str
    report: DrainReport = field(default_factory=DrainReport)
    open_claims: dict[str, Claim] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    failures_in_a_row: int = 0
    stopped: SyncError | None = None

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.pair.settings.limits.lease_seconds)

    def work_off(self, claims: Sequence[Claim]) -> None:
        self.report.batches += 1
        self.open_claims = {claim.change.source_id: claim for claim in claims}
        self.locked = set()
        try:
            with Heartbeat(
                self.pair, self.flow.entity, self.owner, self.lease, lambda: list(self.open_claims.values())
            ) as heartbeat:
                self._lock(claims)
                heartbeat.watch(sorted(self.locked))
                self._process(heartbeat)
        except SyncError as error:
            self._give_back(error)
            raise
        finally:
            if self.locked:
                with self.pair.store.begin() as tx:
                    tx.unlock_records(self.flow.entity, sorted(self.locked), self.owner)

    def _lock(self, claims: Sequence[Claim]) -> None:
        """Take the records of both sides, so that the two directions never work on one pair at the same time."""
        with self.pair.store.begin() as tx:
            links = tx.links(self.flow.entity, self.flow.source, [claim.change.source_id for claim in claims])
            keys: dict[str, list[str]] = {}
            for claim in claims:
                change = claim.change
                link = links.get(change.source_id)
                other = None if link is None else link.id_in(self.flow.target)
                keys[change.source_id] = [
                    f"{self.flow.source.value}:{change.source_id}",
                    *([f"{self.flow.target.value}:{other}"] if other else []),
                    *([f"key:{change.match_key}"] if change.match_key and not other else []),
                ]
            self._take(tx, keys)

    def _lock_found(self, items: Sequence[PlanItem]) -> list[PlanItem]:
        """Take also the counterparts that were found by their natural key; returns the items that may be carried out.

        Another worker may have found the same counterpart for another record.
        """
        found = {
            item.source_id: [f"{self.flow.target.value}:{item.current.id}"]
            for item in items
            if item.action is Action.LINK and item.current is not None
        }
        if found:
            with self.pair.store.begin() as tx:
                self._take(tx, found)
        return [item for item in items if item.source_id in self.open_claims]

    def _take(self, tx: Transaction, keys: Mapping[str, Sequence[str]]) -> None:
        """Take leases on records, by source id of the claims that need them; claims that cannot have them go back."""
        wanted = {key for names in keys.values() for key in names}
        got = tx.lock_records(self.flow.entity, sorted(wanted), self.owner, self.lease)
        self.locked |= got
        blocked = [source_id for source_id, names in keys.items() if not got.issuperset(names)]
        later = self.pair.clock() + LOCK_PAUSE
        tx.give_back([self.open_claims.pop(source_id) for source_id in blocked], self.owner, later)
        self.report.waiting_for_other += len(blocked)

    def _process(self, heartbeat: Heartbeat) -> None:
        changes = {source_id: claim.change for source_id, claim in self.open_claims.items()}
        if not changes:
            return
        ready, half_made = self._after_makers(plan(self.pair, self.flow, list(changes.values())))
        planned, done = self._after_references(ready, changes)
        done += half_made
        going = self._lock_found(hold_to_plan(self.pair, self.flow, planned, changes))
        heartbeat.watch(sorted(self.locked))
        items = write_intents(self.pair, going)
        for entry in write_all(self.pair, items, lambda: self.stopped is None and heartbeat.holds()):
            if entry.error is not None and entry.error.reaction in (Reaction.STOP_FLOW, Reaction.STOP_ALL):
                self.stopped = self.stopped or entry.error
                continue
            done.append(entry)
            if len(done) >= COMMIT_EVERY:
                self._commit(done)
                done = []
        self._commit(done)
        if self.stopped is not None:
            raise self.stopped
        if self.open_claims:
            raise SyncError(LEASE_LOST, f"{len(self.open_claims)} records were not written: their leases had run out")

    def _after_makers(self, items: Sequence[PlanItem]) -> tuple[list[PlanItem], list[Applied]]:
        """Let records that the opposite direction has begun to make wait for it, and see to it that it goes on."""
        makers = [item.made_from for item in items if item.made_from is not None]
        if makers:
            back = self.flow.reverse
            with self.pair.store.begin() as tx:
                # One that is in the queue stays as it is, with its run: an approved plan may hold it.
                queued = tx.in_queue(back, makers)
                tx.stage([Change(back, maker, origin=Origin.WEBHOOK) for maker in makers if maker not in queued])
        ready = [item for item in items if item.made_from is None]
        return ready, [Applied(item, error=item.error) for item in items if item.made_from is not None]

    def _after_references(
        self, items: Sequence[PlanItem], changes: Mapping[str, Change]
    ) -> tuple[list[PlanItem], list[Applied]]:
        """Synchronise first what records to be created refer to; those whose reference is still on its way wait."""
        referring = {item.source_id: item for item in items if item.action is Action.CREATE and item.waits_for}
        if not referring:
            return list(items), []
        wanted = {reference for item in referring.values() for reference in item.waits_for}
        on_their_way = bring_forward(self.pair, self.flow, wanted, self.owner)
        waiting = [item for item in referring.values() if on_their_way.intersection(item.waits_for)]
        held = {item.source_id for item in waiting}
        again = [
            replace(changes[item.source_id], record=item.source)
            for item in referring.values()
            if item.source_id not in held
        ]
        planned = {item.source_id: item for item in plan(self.pair, self.flow, again)} if again else {}
        going = [planned.get(item.source_id, item) for item in items if item.source_id not in held]
        error = SyncError(REFERENCE_WAITING, "a record it refers to is being synchronised")
        return going, [Applied(item, error=error) for item in waiting]

    def _commit(self, done: Sequence[Applied]) -> None:
        """Commit what was carried out, and stop if so many records failed in a row that going on is useless."""
        if not done:
            return
        good = [entry for entry in done if _refusal(entry) is None]
        links = dict(zip((entry.item.source_id for entry in good), links_after(self.pair, good), strict=True))
        with self.pair.store.begin() as tx:
            # First of all the queue rows, in the order in which producers lock them; what another worker has taken over
            # meanwhile is left to it.
            claims = [self.open_claims[entry.item.source_id] for entry in done]
            held = {claim.change.source_id for claim in tx.hold(claims, self.owner)}
            retrying = [entry for entry in done if entry.item.source_id in held and self._may_retry(entry)]
            later = {entry.item.source_id for entry in retrying}
            ending = [entry for entry in done if entry.item.source_id in held - later]
            outcomes = self._end(tx, ending, links)
            for entry in retrying:
                self._put_off(tx, entry)
        for claim in claims:
            if claim.change.source_id not in held:
                log.warning("%s: lease lost on %s", self.flow.name, claim.change.source_id)
            self.open_claims.pop(claim.change.source_id)
        self.report.outcomes.update(outcomes)
        self.report.retried += len(retrying)
        # A record that waits for another one says nothing about the target system.
        failed = [e.error for e in retrying if e.error is not None and e.error.code is not REFERENCE_WAITING]
        self.failures_in_a_row = len(failed) + (0 if good else self.failures_in_a_row)
        if self.failures_in_a_row >= GIVE_UP_AFTER and self.stopped is None:
            self.stopped = failed[-1] if failed else None

    def _end(self, tx: Transaction, ending: Sequence[Applied], links: Mapping[str, Link | None]) -> Counter[Outcome]:
        """End the changes of the entries, each as an outcome of the journal."""
        wanted = [(entry, _link_to_store(entry, links.get(entry.item.source_id))) for entry in ending]
        outcomes: Counter[Outcome] = Counter()
        completed: list[tuple[Claim, JournalEntry]] = []
        for entry, result in zip(ending, store_all(tx, self.pair, wanted), strict=True):
            item = entry.item
            claim = self.open_claims[item.source_id]
            refusal = result if isinstance(result, SyncError) else _refusal(entry)
            if refusal is not None:
                tx.park(claim, self.owner, refusal, item.candidates, display_name=item.display_name)
                outcomes[Outcome.PARKED] += 1
            elif isinstance(result, JournalEntry):
                outcomes[OUTCOMES[item.action]] += 1
                if item.action is Action.CONFLICT and item.error is not None:
                    tx.park(
                        claim,
                        self.owner,
                        item.error,
                        entry=result,
                        disputes=item.disputes,
                        display_name=item.display_name,
                    )
                else:
                    completed.append((claim, result))
        tx.complete_all(completed, self.owner)
        self._tell_other_direction(tx, ending)
        return outcomes

    def _tell_other_direction(self, tx: Transaction, ended: Sequence[Applied]) -> None:
        """Let the other direction look at records whose conflict a person settled, since it may be parked there too.

        Where the target's value was chosen, it is that direction which carries it.
        """
        back = self.flow.reverse
        if back not in self.pair.mappings or not self.pair.settings.flows.is_on(back):
            return
        settled = [entry.item.current.id for entry in ended if entry.item.choices and entry.item.current is not None]
        tx.stage([Change(back, record_id, origin=Origin.SYNC_NOW) for record_id in settled])

    def _may_retry(self, entry: Applied) -> bool:
        attempts = self.open_claims[entry.item.source_id].attempts + 1
        return (
            entry.error is not None
            and entry.error.reaction is Reaction.RETRY
            and attempts < self.pair.settings.limits.max_attempts
        )

    def _put_off(self, tx: Transaction, entry: Applied) -> None:
        if entry.error is not None:
            claim = self.open_claims[entry.item.source_id]
            due = self.pair.clock() + self._pause(claim.attempts, entry.error)
            tx.retry(claim, self.owner, entry.error, due)

    def _pause(self, attempts: int, error: SyncError) -> timedelta:
        limits = self.pair.settings.limits
        wait = min(limits.backoff_cap_seconds, limits.backoff_seconds * 2.0**attempts)
        return timedelta(seconds=max(wait * random.uniform(0.5, 1.0), error.retry_after or 0.0))  # noqa: S311

    def _give_back(self, error: SyncError) -> None:
        claims = list(self.open_claims.values())
        if not claims:
            return
        log.warning("%s: %d records go back to the queue: %s", self.flow.name, len(claims), error.code.code)
        try:
            with self.pair.store.begin() as tx:
                tx.give_back(claims, self.owner)
        except SyncError as second:
            # Without the store nothing can be given back; the leases expire and another worker takes the records.
            if second.code is not LEASE_LOST:
                log.warning("%s: the records come back when their lease ends: %s", self.flow.name, second)


def _refusal(entry: Applied) -> SyncError | None:
    """Why a record cannot be carried over, None if it was."""
    if entry.error is not None:
        return entry.error
    return entry.item.error if entry.item.action is Action.PARKED else None


def _link_to_store(entry: Applied, link: Link | None) -> Link | None:
    refusal = _refusal(entry)
    if refusal is None:
        return link
    return None if entry.item.source is None else failed_link(entry.item, refusal)
