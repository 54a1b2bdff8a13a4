"""Producers: read a system and stage what has changed. A producer never writes to the other system."""

from __future__ import annotations

import logging
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from shopify_fw360.errors import GUARD, SyncError
from shopify_fw360.mapping.engine import Rejection, transform
from shopify_fw360.reach import CutOffError
from shopify_fw360.records import Change, ExportPages, Flow, Operation, Origin, Page, SourceRecord, System, Window
from shopify_fw360.sync.deliveries import Untold
from shopify_fw360.sync.match import match_key
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.planner import source_fingerprints
from shopify_fw360.sync.side_by_side import copies_for, side_by_side

log = logging.getLogger(__name__)

MISSING_SCANS = 2
"""Full scans a record must be missing from before its deletion is believed (contract: 4.2, no list of deletions)."""


@dataclass(slots=True)
class Extraction:
    """Counts of one extraction.

    Args:
        read: records read that lie in the window.
        staged: of them, staged for processing.
        known: of them, unchanged since they were last consumed, hence not staged.
        skipped: read, but outside the window.
        undated: read, but without a modification time, so in no window.
        deleted: records found to be deleted and staged as such.
        unreadable: linked records that the source does not show, without being known to be deleted.
        latest: largest modification time read.
        untold: what of it events should have told, None if nobody counts.
    """

    read: int = 0
    staged: int = 0
    known: int = 0
    skipped: int = 0
    undated: int = 0
    deleted: int = 0
    unreadable: int = 0
    latest: datetime | None = None
    untold: Untold | None = None

    def add(self, other: Extraction) -> None:
        """Add the counts of another part of the same extraction."""
        for name in ("read", "staged", "known", "skipped", "undated"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.saw(other.latest)
        if self.untold is not None and other.untold is not None:
            self.untold.missed += other.untold.missed

    def saw(self, moment: datetime | None) -> None:
        """Take note of a modification time."""
        if moment is not None and (self.latest is None or moment > self.latest):
            self.latest = moment


class _Seen:
    """Ids of records, kept in 8 bytes each, so that a large scan needs no large memory.

    Two ids may rarely have one hash. Then one that was not seen passes for seen: its deletion is found by a later run,
    whose process hashes differently.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._sorted = True

    def add(self, ids: Iterable[str]) -> None:
        self._hashes.extend(map(hash, ids))
        self._sorted = False

    def merge(self, other: _Seen) -> None:
        """Add what a copy of this process has seen, which hashes as this one does."""
        self._hashes.extend(other._hashes)
        self._sorted = False

    def __contains__(self, record_id: str) -> bool:
        if not self._sorted:
            self._hashes = array("q", np.sort(np.frombuffer(self._hashes, dtype=np.int64)).tobytes())
            self._sorted = True
        wanted = hash(record_id)
        place = bisect_left(self._hashes, wanted)
        return place < len(self._hashes) and self._hashes[place] == wanted


def incremental_window(pair: Pair, flow: Flow) -> Window:
    """Return the window of a scheduled run: from the watermark, less the overlap, to open end.

    Framework360 documents no filter by modification date, and its dates are hints that may be missing (contract 4.2),
    so its runs read everything and tell changes by content.

    Args:
        pair: store and settings.
        flow: entity and direction.

    Returns:
        An unbounded window if the flow has no watermark yet.
    """
    if flow.source is System.FRAMEWORK360:
        return Window()
    with pair.store.begin() as tx:
        watermark = tx.watermark(flow)
    if watermark is None:
        return Window()
    return Window(since=watermark - timedelta(minutes=pair.settings.limits.overlap_minutes))


def extract(
    pair: Pair,
    flow: Flow,
    window: Window,
    run_id: str,
    origin: Origin,
    pages: ExportPages | None = None,
) -> Extraction:
    """Read a window of the source system and stage every record whose content was not consumed yet.

    Each page is staged and counted in one commit, so a crash leaves no page half counted. A large export is staged by
    several processes.

    Args:
        pair: the two systems, the store, the settings.
        flow: entity and direction.
        window: modification times to read; unbounded reads everything and detects deletions.
        run_id: run in whose ledger the records count.
        origin: the producer, which gives the priority.
        pages: what a scan of the window would bring, exported; None scans.

    Returns:
        The counts.

    Raises:
        SyncError: as the gateway raises; SYNC-504 if the share of deleted records is too large to believe.
        LostHelperError: a process that helped was killed.
    """
    pair.require_on(flow)
    complete = window == Window()
    reading = _Reading(pair, flow, run_id, origin, complete, Extraction(untold=Untold.start(pair, flow)))
    if pages is None:
        reading.take(pair.gateway(flow.source, flow.entity).scan(window))
    else:
        reading.take_export(pages)
    counts = reading.counts
    if complete:
        _stage_deletions(pair, flow, reading.seen, run_id, origin, counts)
    if counts.untold is not None:
        with pair.store.begin() as tx:
            counts.untold.keep(tx, counts.deleted, complete=complete)
    return counts


@dataclass(slots=True)
class _Reading:
    """Stages pages.

    Args:
        complete: ids are kept, because everything is read.
        counts: what was staged so far.
        seen: ids read so far.
        left: numbers of pages that this process could not read, because it was cut off from the systems.
    """

    pair: Pair
    flow: Flow
    run_id: str
    origin: Origin
    complete: bool
    counts: Extraction
    seen: _Seen = field(default_factory=_Seen)
    left: list[int] = field(default_factory=list)

    def take(self, pages: Iterable[Page]) -> None:
        # While the database takes a page, the next one is read and compared.
        with ThreadPoolExecutor(1, thread_name_prefix="stage") as pool:
            staging: Future[None] | None = None
            for page in pages:
                changes = fresh_changes(self.pair, self.flow, page.records, self.run_id, self.origin)
                if staging is not None:
                    staging.result()
                staging = pool.submit(_stage_page, self.pair, changes, page, self.run_id, self.counts)
                if self.complete:
                    self.seen.add(record.id for record in page.records)
            if staging is not None:
                staging.result()

    def take_export(self, pages: ExportPages) -> None:
        copies = copies_for(len(pages))
        if copies:
            # A connection of this process must not be used, nor closed, by its copies.
            self.pair.store.close()
        for part in side_by_side(len(pages), copies, lambda numbers: self._part(pages, numbers)):
            self.counts.add(part.counts)
            self.seen.merge(part.seen)
            self.take(pages[number] for number in part.left)
        pages.remove()

    def _part(self, pages: ExportPages, numbers: Iterator[int]) -> _Part:
        untold = self.counts.untold
        own = Extraction(untold=None if untold is None else replace(untold, missed=0))
        mine = _Reading(self.pair, self.flow, self.run_id, self.origin, self.complete, own)
        mine.take(mine._readable(pages, numbers))
        return _Part(mine.counts, mine.seen, mine.left)

    def _readable(self, pages: ExportPages, numbers: Iterator[int]) -> Iterator[Page]:
        for number in numbers:
            try:
                page = pages[number]
            except CutOffError:
                self.left.append(number)
            else:
                yield page


@dataclass(frozen=True, slots=True)
class _Part:
    """What one of several processes has staged."""

    counts: Extraction
    seen: _Seen
    left: list[int]


def stage_ids(pair: Pair, flow: Flow, ids: Sequence[str], run_id: str, origin: Origin) -> int:
    """Stage records by id, to be read when they are processed.

    Args:
        pair: the store.
        flow: entity and direction.
        ids: in the source system.
        run_id: run in whose ledger they count.
        origin: the producer.

    Returns:
        Number of distinct ids staged.
    """
    pair.require_on(flow)
    distinct = list(dict.fromkeys(ids))
    with pair.store.begin() as tx:
        counts = tx.stage([Change(flow, source_id, origin=origin, run_id=run_id) for source_id in distinct])
        tx.count_read(run_id, read=len(distinct), staged=counts)
    return len(distinct)


def advance_watermark(pair: Pair, flow: Flow, started_at: datetime, counts: Extraction) -> None:
    """Move the watermark after a window was staged completely.

    Args:
        pair: the store.
        flow: entity and direction.
        started_at: when the extraction began. A record changed during the scan is given as first seen, so the watermark
            never moves beyond this time.
        counts: of the extraction.
    """
    with pair.store.begin() as tx:
        tx.advance_watermark(flow, min(counts.latest or started_at, started_at))


def _stage_page(pair: Pair, changes: Sequence[Change], page: Page, run_id: str, counts: Extraction) -> None:
    with pair.store.begin() as tx:
        staged = tx.stage(changes)
        if counts.untold is not None:
            counts.untold.count(tx, [change.record for change in changes if change.record is not None])
        tx.count_read(
            run_id,
            announced=page.announced,
            read=len(page.records) + page.skipped + len(page.undated),
            staged=staged,
            known=len(page.records) - len(changes),
            skipped=page.skipped,
            undated=len(page.undated),
        )
    counts.read += len(page.records)
    counts.staged += staged.staged
    counts.known += len(page.records) - staged.staged
    counts.skipped += page.skipped
    counts.undated += len(page.undated)
    counts.saw(max((record.updated_at for record in page.records if record.updated_at is not None), default=None))


def fresh_changes(pair: Pair, flow: Flow, records: Sequence[SourceRecord], run_id: str, origin: Origin) -> list[Change]:
    """Make changes of the records whose content was not consumed yet.

    Args:
        pair: mappings and store.
        flow: entity and direction.
        records: read from the source.
        run_id: run in whose ledger they count.
        origin: the producer.

    Returns:
        Changes with fingerprint, natural key and name, in the order of the records.
    """
    mapping = pair.mapping(flow)
    texts = source_fingerprints(pair, mapping, records)
    prints = {record.id: text for record, text in zip(records, texts, strict=True)}
    with pair.store.read() as tx:
        known = tx.known_fingerprints(flow, list(prints))
    fresh = [record for record in records if known.get(record.id) != prints[record.id]]
    rows = transform(mapping, [record.raw for record in fresh]).rows
    return [
        Change(
            flow=flow,
            source_id=record.id,
            origin=origin,
            record=record,
            fingerprint=prints[record.id],
            match_key=None if isinstance(row, Rejection) else match_key(mapping, row),
            display_name=row.display_name if isinstance(row, Rejection) else mapping.name_of(row.values),
            run_id=run_id,
        )
        for record, row in zip(fresh, rows, strict=True)
    ]


def _stage_deletions(pair: Pair, flow: Flow, seen: _Seen, run_id: str, origin: Origin, counts: Extraction) -> None:
    """Compare the linked records with a complete scan; believe a deletion only after a second scan and a read by id."""
    with pair.store.begin() as tx:
        missing = [record_id for record_id in tx.link_ids(flow.entity, flow.source) if record_id not in seen]
        linked = tx.count_linked(flow.entity)
        back = set(tx.missing(flow.entity, flow.source)).difference(missing)
        tx.clear_missing(flow.entity, flow.source, sorted(back))
    if not missing:
        return
    if not getattr(pair.gateway(flow.source, flow.entity), "sees_all", True):
        # Shopify hides old orders from apps without a special scope: being absent proves nothing.
        counts.unreadable = len(missing)
        log.warning("%s: %d linked records are not readable, because they are too old", flow.name, len(missing))
        return
    guard = pair.settings.guard
    if len(missing) > guard.min_records and len(missing) > guard.max_share * linked:
        raise SyncError(
            GUARD,
            f"{len(missing)} of {linked} linked {flow.entity.value}s are missing from the scan of "
            f"{flow.source.value}; nothing was unlinked",
            rule=f"guard.max_share {guard.max_share}",
        )
    with pair.store.begin() as tx:
        scans = tx.mark_missing(flow.entity, flow.source, missing)
    suspected = [record_id for record_id in missing if scans.get(record_id, 0) >= MISSING_SCANS]
    still_there = set(pair.gateway(flow.source, flow.entity).fetch(suspected)) if suspected else set()
    gone = [record_id for record_id in suspected if record_id not in still_there]
    with pair.store.begin() as tx:
        staged = tx.stage([Change(flow, record_id, Operation.DELETE, origin, run_id=run_id) for record_id in gone])
        tx.count_read(run_id, read=staged.staged, staged=staged)
    counts.deleted = staged.staged
    log.info("%s: %d records missing from the scan, %d of them deleted", flow.name, len(missing), staged.staged)


def pages_of_ids(pair: Pair, flow: Flow, ids: Sequence[str]) -> Iterator[Page]:
    """Read records by id, in pages, for a plan that stages nothing."""
    size = pair.settings.limits.batch_size
    gateway = pair.gateway(flow.source, flow.entity)
    for start in range(0, len(ids), size):
        chunk = list(ids[start : start + size])
        yield Page(list(gateway.fetch(chunk).values()))
