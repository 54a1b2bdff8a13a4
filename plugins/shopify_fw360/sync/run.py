"""Runs of a flow: what to read, what it came to, and whether the ledger explains every record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from math import ceil

from shopify_fw360.errors import LEDGER_OPEN, SyncError
from shopify_fw360.records import Change, ExportPages, Flow, Origin, Window
from shopify_fw360.store.ledger import Certificate
from shopify_fw360.sync.approval import stage_plan
from shopify_fw360.sync.extract import (
    Extraction,
    advance_watermark,
    extract,
    fresh_changes,
    incremental_window,
    pages_of_ids,
    stage_ids,
)
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.plan import PlanItem
from shopify_fw360.sync.planner import plan


class Mode(StrEnum):
    """What a run reads."""

    INCREMENTAL = "incremental"
    WINDOW = "window"
    FULL = "full"
    IDS = "ids"
    PLAN = "plan"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run of a flow.

    Args:
        flow: entity and direction.
        run_id: ledger id, unique per run.
        mode: what to read.
        window: for mode WINDOW.
        ids: for mode IDS, in the source system.
        origin: the producer, which gives the priority.
        plan: for mode PLAN, ledger id of the dry run whose approved plan is carried out.
    """

    flow: Flow
    run_id: str
    mode: Mode = Mode.INCREMENTAL
    window: Window = field(default_factory=Window)
    ids: Sequence[str] = ()
    origin: Origin = Origin.POLL
    plan: str = ""


def stage_run(pair: Pair, request: RunRequest, pages: ExportPages | None = None) -> Extraction:
    """Extract what the request asks for and stage it.

    Only an incremental run moves the watermark, and only after its window was staged completely.

    Args:
        pair: the two systems, the store, the settings.
        request: what to read.
        pages: what a scan of the request's window would bring, exported; None scans.

    Returns:
        The counts.

    Raises:
        SyncError: as ``extract``.
    """
    flow = request.flow
    # An approved plan is what lets a flow write for the first time.
    pair.require_on(flow, writing=request.mode is not Mode.PLAN)
    window = _window(pair, request)
    with pair.store.begin() as tx:
        tx.open_run(request.run_id, flow, request.mode.value, window, mapping_digest=pair.mapping(flow).digest)
    if request.mode is Mode.PLAN:
        number = stage_plan(pair, flow, request.plan, request.run_id)
        return Extraction(read=number, staged=number)
    if request.mode is Mode.IDS:
        number = stage_ids(pair, flow, request.ids, request.run_id, request.origin)
        return Extraction(read=number, staged=number)
    started_at: datetime = pair.clock()
    counts = extract(pair, flow, window, request.run_id, request.origin, pages)
    if request.mode is Mode.INCREMENTAL:
        advance_watermark(pair, flow, started_at, counts)
    return counts


def plan_run(pair: Pair, request: RunRequest) -> Iterator[list[PlanItem]]:
    """Plan what a run would do, batch by batch, without staging or writing anything.

    Args:
        pair: the two systems, the store, the settings.
        request: what to read.

    Yields:
        The plan items of each batch.

    Raises:
        SyncError: what concerns a whole system.
    """
    flow = request.flow
    pair.require_on(flow, writing=False)
    if request.mode is Mode.IDS:
        pages = pages_of_ids(pair, flow, request.ids)
    else:
        pages = pair.gateway(flow.source, flow.entity).scan(_window(pair, request))
    size = pair.settings.limits.batch_size
    for page in pages:
        if request.mode is Mode.IDS:
            changes = [Change(flow, record.id, origin=request.origin, record=record) for record in page.records]
        else:
            changes = fresh_changes(pair, flow, page.records, request.run_id, request.origin)
        for start in range(0, len(changes), size):
            chunk = changes[start : start + size]
            keys = {change.source_id: change.match_key for change in chunk}
            # Twins among records that are left out count too, as they do in the queue of a real run.
            yield [
                item if item.match_key else replace(item, match_key=keys[item.source_id])
                for item in plan(pair, flow, chunk)
            ]


def tasks_needed(pair: Pair, flow: Flow, run_id: str) -> int:
    """Return how many mapped tasks a run's staged records fill, at least one."""
    with pair.store.begin() as tx:
        counts = tx.pending(flow=flow, run_id=run_id)
    return max(1, ceil((counts.pending + counts.waiting) / pair.settings.limits.rows_per_task))


def certify(pair: Pair, run_id: str) -> Certificate:
    """Close a run's ledger.

    Args:
        pair: the store.
        run_id: the run.

    Returns:
        The certificate, which explains every record.

    Raises:
        SyncError: SYNC-503 if records are unexplained or still wait for a retry; the message says how many.
    """
    with pair.store.read() as tx:
        certificate = tx.certificate(run_id)
    if not certificate.explained or certificate.open:
        raise SyncError(LEDGER_OPEN, equation(certificate), record=run_id)
    with pair.store.begin() as tx:
        return tx.close_run(run_id)


def equation(certificate: Certificate) -> str:
    """Write a certificate as the sums that must hold.

    Args:
        certificate: of a run.

    Returns:
        Two lines: what was read and what became of what was staged; what does not add up is named.
    """
    outcomes = [f"{count} {outcome.value}" for outcome, count in sorted(certificate.outcomes.items()) if count]
    waits = [f"{getattr(certificate, name)} {name}" for name in ("pending", "leased", "waiting")]
    gaps = [
        f"{number} {what}"
        for number, what in (
            (certificate.unread, "announced but not read"),
            (certificate.unexplained_reading, "read but unexplained"),
            (certificate.unexplained_processing, "staged but unexplained"),
        )
        if number
    ]
    reading = (
        f"{certificate.read} read = {certificate.staged} staged + {certificate.known} known"
        f" + {certificate.kept_parked} still parked + {certificate.skipped} outside the window"
        f" + {certificate.undated} undated"
    )
    processing = f"{certificate.staged} staged = {' + '.join(outcomes + [w for w in waits if w[0] != '0']) or '0'}"
    return "; ".join((reading, processing, *gaps))


def _window(pair: Pair, request: RunRequest) -> Window:
    if request.mode is Mode.WINDOW:
        return request.window
    if request.mode is Mode.INCREMENTAL:
        return incremental_window(pair, request.flow)
    return Window()
