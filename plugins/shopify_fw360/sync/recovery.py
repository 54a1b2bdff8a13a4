"""Mass imports: let a system export everything, wait for it, stage it; scan page by page where that is better or fails.

An import never moves the watermark of the scheduled runs, and needs no stop of anything else. What webhooks and polls
bring meanwhile is newer than the export: staging never replaces newer content by older, and a record that was consumed
in a newer state than the staged one is read again by id before anything is compared or written.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Final

from shopify_fw360.errors import SHOPIFY_BULK, SHOPIFY_BULK_BUSY, SyncError
from shopify_fw360.records import Exports, ExportSource, ExportState, Flow, Origin, Window
from shopify_fw360.store import StoredExport
from shopify_fw360.store.exports import ImportState
from shopify_fw360.sync.extract import Extraction
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.run import Mode, RunRequest, stage_run

log = logging.getLogger(__name__)

WAITS_FOR_ROOM: Final = timedelta(hours=1)
"""How long an export waits for others to end before the records are scanned instead."""

RUNS_AT_MOST: Final = timedelta(hours=5)
"""How long an export may run (Shopify: up to 10 days)."""

LONGEST_LOOK: Final = timedelta(seconds=15)


class ReadBy(StrEnum):
    """How an import reads its source."""

    CHEAPEST = "cheapest"
    EXPORT = "export"
    SCAN = "scan"


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """One import of a flow.

    Args:
        flow: entity and direction.
        run_id: ledger id, unique per import.
        window: modification times to read; unbounded reads everything and detects deletions.
        read_by: an export, a scan, or the one the cost model finds cheaper.
    """

    flow: Flow
    run_id: str
    window: Window = field(default_factory=Window)
    read_by: ReadBy = ReadBy.CHEAPEST

    @property
    def name(self) -> str:
        """Name under which a repeated attempt finds the export."""
        return f"Import_{blake2b(self.run_id.encode(), digest_size=8).hexdigest()}"


def begin_import(pair: Pair, request: ImportRequest) -> StoredExport:
    """Decide how to read the source, and start an export if that is the way. Repeating it goes on with what there is.

    Args:
        pair: the two systems, the store, the settings.
        request: the import.

    Returns:
        How far its export is.

    Raises:
        SyncError: as the gateway raises.
    """
    pair.require_on(request.flow)
    known = _known(pair, request)
    if known is not None:
        return known
    source = _exports(pair, request.flow)
    if source is None:
        return _save(pair, request, "scan", note=f"{request.flow.source.value} makes no exports")
    if request.read_by is ReadBy.SCAN:
        return _save(pair, request, "scan", note="asked for")
    against = source.reason_against(request.window) if request.read_by is ReadBy.CHEAPEST else None
    if against is not None:
        return _save(pair, request, "scan", note=against)
    # Noted before it is started: whoever finds this note looks for the export by its name.
    return _start(pair, request, source, _save(pair, request, "waiting", note="about to be asked for"))


def is_import_ready(pair: Pair, request: ImportRequest) -> bool:
    """Tell whether the records can be staged; asks the system only when that can bring news.

    Args:
        pair: the two systems and the store.
        request: an import that was begun.

    Raises:
        SyncError: as the gateway raises.
    """
    known = _known(pair, request) or begin_import(pair, request)
    source = _exports(pair, request.flow)
    if known.state in ("ready", "scan") or source is None:
        return True
    if pair.clock() < known.look_at:
        return False
    now = _start(pair, request, source, known) if known.remote_id is None else _look(pair, request, source, known)
    return now.state in ("ready", "scan")


def wait_for_import(
    pair: Pair, request: ImportRequest, seconds: float, sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Wait a short while for an export; most are small.

    Args:
        pair: the two systems and the store.
        request: an import that was begun.
        seconds: how long.
        sleep: waits the given seconds.

    Returns:
        Whether the records can be staged.

    Raises:
        SyncError: as the gateway raises.
    """
    ends = time.monotonic() + seconds
    while not is_import_ready(pair, request):
        if time.monotonic() >= ends:
            return False
        sleep(0.5)
    return True


def stage_import(pair: Pair, request: ImportRequest, folder: Path) -> Extraction:
    """Stage what the import reads.

    An export that turns out to be of no use is replaced by a scan, and an alert tells why. What was staged of it stays:
    each record of it is true by itself.

    Args:
        pair: the two systems, the store, the settings.
        request: an import that is ready.
        folder: of this import alone, for the file of an export; what an interrupted attempt left there is used.

    Returns:
        The counts.

    Raises:
        SyncError: as ``stage_run``.
    """
    mode = Mode.FULL if request.window == Window() else Mode.WINDOW
    run = RunRequest(request.flow, request.run_id, mode, request.window, origin=Origin.RECOVERY)
    known = _known(pair, request) or begin_import(pair, request)
    source = _exports(pair, request.flow)
    alert = f"recovery.{request.flow.name}"
    if source is not None and known.state == "ready" and known.remote_id is not None:
        try:
            with _few_collections():
                counts = stage_run(pair, run, source.pages(known.remote_id, request.window, folder))
        except SyncError as error:
            if error.code is not SHOPIFY_BULK:
                raise
            known = _save(pair, request, "scan", note=error.message)
            _told(pair, alert, f"{request.flow.name} was imported page by page. {error}")
        else:
            with pair.store.begin() as tx:
                tx.end_alert(alert)
            return counts
    log.info("%s is scanned: %s", request.flow.name, known.note)
    return stage_run(pair, run)


def _exports(pair: Pair, flow: Flow) -> ExportSource | None:
    gateway = pair.gateway(flow.source, flow.entity)
    return gateway.exports if isinstance(gateway, Exports) else None


def _known(pair: Pair, request: ImportRequest) -> StoredExport | None:
    with pair.store.read() as tx:
        return tx.export(request.run_id)


def _save(
    pair: Pair,
    request: ImportRequest,
    state: ImportState,
    *,
    remote_id: str | None = None,
    note: str = "",
    look_after: timedelta = timedelta(),
) -> StoredExport:
    with pair.store.begin() as tx:
        tx.save_export(request.run_id, state, remote_id=remote_id, note=note, look_after=look_after)
        saved = tx.export(request.run_id)
    assert saved is not None  # noqa: S101 - just written
    log.info("%s: export %s %s%s", request.flow.name, saved.remote_id or "", state, f" ({note})" if note else "")
    return saved


def _start(pair: Pair, request: ImportRequest, source: ExportSource, known: StoredExport) -> StoredExport:
    try:
        started = source.start(request.window, request.name)
    except SyncError as error:
        if error.code is SHOPIFY_BULK:
            _told(pair, f"recovery.{request.flow.name}", f"{request.flow.name} is imported page by page. {error}")
            return _save(pair, request, "scan", note=error.message)
        if error.code is not SHOPIFY_BULK_BUSY:
            raise
        if pair.clock() - known.begun_at > WAITS_FOR_ROOM:
            return _save(pair, request, "scan", note=f"there was no room for an export: {error.message}")
        return _save(pair, request, "waiting", note=error.message, look_after=LONGEST_LOOK)
    state: ImportState = "ready" if started.state is ExportState.READY else "running"
    return _save(pair, request, state, remote_id=started.id)


def _look(pair: Pair, request: ImportRequest, source: ExportSource, known: StoredExport) -> StoredExport:
    assert known.remote_id is not None  # noqa: S101 - only a started export is looked at
    found = source.look(known.remote_id)
    if found.state is ExportState.READY:
        return _save(pair, request, "ready")
    age = pair.clock() - known.begun_at
    if found.state is ExportState.RUNNING and age <= RUNS_AT_MOST:
        return _save(pair, request, "running", look_after=min(LONGEST_LOOK, age / 4))
    if found.state is ExportState.RUNNING:
        source.cancel(known.remote_id)
    note = found.note or f"it still ran after {age}"
    _told(pair, f"recovery.{request.flow.name}", f"{request.flow.name} is imported page by page: the export {note}.")
    return _save(pair, request, "scan", note=note)


def _told(pair: Pair, alert: str, message: str) -> None:
    with pair.store.begin() as tx:
        tx.raise_alert(alert, message)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Let the garbage collector look rarely while many records pass through.

    Decoded records hold no cycles, so it would find nothing; looking through them takes a fifth of the time (measured).
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
