"""What the pages show, as values; the JSON routes return the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from shopify_fw360.errors import (
    CODES,
    CONFLICT,
    QUIET,
    REQUIRED_MISSING,
    SITE_NAME,
    VALUE_INVALID,
    VALUE_NOT_MAPPED,
    ErrorCode,
)
from shopify_fw360.records import Flow, Link, Origin, Outcome, System
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.store import Certificate, JournalEntry, Lane, PlanEntry, QueuedChange, Run, Store, Transaction
from shopify_fw360.sync.plan import OUTCOMES, Action

PAGE_SIZE: Final = 50

FLOWS: Final[Mapping[str, Flow]] = {flow.name: flow for flow in ALL_FLOWS}

State: TypeAlias = Literal["certified", "planned", "skipped", "stopped", "unexplained", "open"]

CONFLICT_CODE: Final = CONFLICT.code
"""Code of the parked records that have a page of their own."""

_MAPPED: Final = {REQUIRED_MISSING.code, VALUE_INVALID.code, VALUE_NOT_MAPPED.code, SITE_NAME.code}
_MAPPING_LINE: Final = re.compile(r"include/mappings/[\w.-]+\.yaml:\d+")

_PLANNED: Final = {outcome: action.value for action, outcome in OUTCOMES.items()}

_SYSTEMS: Final = {System.SHOPIFY: "Shopify", System.FRAMEWORK360: "Framework360"}


@dataclass(frozen=True, slots=True)
class ErrorView:
    """An error as people read it.

    Args:
        code: stable code.
        title: of the code.
        message: what happened; None where only the class of error is meant.
        cause: why it happens.
        fix: the next step.
        reaction: what the runner does with it.
    """

    code: str
    title: str
    message: str | None
    cause: str
    fix: str
    reaction: str


@dataclass(frozen=True, slots=True)
class ParkedView:
    """A parked record.

    Args:
        row_id: for releasing it.
        flow: name of the flow.
        source: name of the source system.
        source_id: id of the record in it.
        name: of the record.
        error: why it is parked.
        field: the field named by the error.
        rule: the rule named by the error.
        candidates: ids of the target system between which a person must choose.
        attempts: made so far.
        parked_at: aware UTC time.
        run: DAG id and run id of the run that staged it, None if no run did.
        mapping: file, and line if the message tells it, of the mapping that decides about the field; None if the
            mapping has no say in it.
    """

    row_id: int
    flow: str
    source: str
    source_id: str
    name: str
    error: ErrorView
    field: str | None
    rule: str | None
    candidates: tuple[str, ...]
    attempts: int
    parked_at: datetime
    run: tuple[str, str] | None
    mapping: str | None


@dataclass(frozen=True, slots=True)
class ParkedPage:
    """A page of parked records.

    Args:
        rows: of this page.
        total: number of rows that fit the filter.
        page: number of the page, from 1.
        pages: number of pages, at least 1.
        codes: number of parked records per error code, in the chosen flow.
    """

    rows: Sequence[ParkedView]
    total: int
    page: int
    pages: int
    codes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sum:
    """One equation of a certificate.

    Args:
        label: what is explained.
        total: number of records.
        parts: label and number of each part.
        gap: records that no part explains; 0 if the sum adds up.
    """

    label: str
    total: int
    parts: Sequence[tuple[str, int]]
    gap: int


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of a record in a run.

    Args:
        name: target field.
        before: value before, None for none.
        after: value after.
        reason: why it has its value.
    """

    name: str
    before: Any
    after: Any
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What a run did to one record.

    Args:
        source_id: id in the source system.
        target_id: id in the target system, None while there is none.
        name: of the record.
        outcome: how it ended, or would end.
        word: the outcome for people.
        message: one sentence.
        error_code: code of the failure, None without one.
        written: fields that were written, or would be.
        left: fields that were left alone for a reason.
        at: aware UTC time.
    """

    source_id: str
    target_id: str | None
    name: str
    outcome: Outcome
    word: str
    message: str
    error_code: str | None
    written: Sequence[FieldView]
    left: Sequence[tuple[str, str]]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run of a flow.

    Args:
        dag_id: of the flow.
        run_id: Airflow's.
        title: of the flow.
        flow: its name.
        source: name of the source system.
        target: name of the target system.
        kind: what it reads.
        dry_run: only planned.
        state: certified, planned, skipped because it is switched off, stopped by an error, unexplained or still open.
        error: what stopped it.
        since: begin of the window, None for none.
        until: its end, None for none.
        opened_at: aware UTC time.
        closed_at: aware UTC time, None while open.
        announced: records the source announced, None if it did not.
        unread: announced but not read.
        sums: the ledger as equations.
        outcomes: per outcome that occurred its word for people and the number of records.
        parked: parked records of the run, the first page.
        changes: what it did, a page of it.
        outcome: the filter on them.
        number: of changes with that outcome.
        listed: how many of them are still listed: long plans are kept in part, and the journal is pruned.
        page: number of the page of changes, from 1.
        pages: number of pages, at least 1.
    """

    dag_id: str
    run_id: str
    title: str
    flow: str
    source: str
    target: str
    kind: str
    dry_run: bool
    state: State
    error: ErrorView | None
    since: datetime | None
    until: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    announced: int | None
    unread: int
    sums: Sequence[Sum]
    outcomes: Mapping[str, tuple[str, int]]
    parked: ParkedPage
    changes: Sequence[ChangeView]
    outcome: Outcome | None
    number: int
    listed: int
    page: int
    pages: int


def error_view(code: str | None, message: str | None = None) -> ErrorView:
    """Describe an error by its code; one that this version does not know is still shown."""
    known = CODES.get(code or "")
    if known is None:
        return ErrorView(code or "unknown", "unknown error", message, "", "Upgrade this project.", "")
    return _described(known, message)


def error_reference() -> list[ErrorView]:
    """Return all error codes in ascending order."""
    return [_described(CODES[code], None) for code in sorted(CODES)]


def _described(code: ErrorCode, message: str | None) -> ErrorView:
    return ErrorView(code.code, code.title, message, code.cause, code.fix, code.reaction.value.replace("_", " "))


def parked_page(
    tx: Transaction, flows: Sequence[str], *, code: str | None = None, run_id: str | None = None, page: int = 1
) -> ParkedPage:
    """List parked records.

    Args:
        tx: a reading transaction.
        flows: names of the flows listed; one, or all there are.
        code: only with this error code.
        run_id: only staged by this run of the ledger.
        page: from 1; too large a number gives the last page.

    Returns:
        The page.
    """
    flow = FLOWS[flows[0]] if len(flows) == 1 else None
    codes = tx.parked_codes(flow)
    if run_id is None:
        total = sum(codes.values()) if code is None else codes.get(code, 0)
    else:
        total = tx.pending(flow, run_id).parked
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), pages)
    rows = tx.parked(flow, run_id, code=code, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    return ParkedPage([_parked(row) for row in rows], total, page, pages, dict(sorted(codes.items())))


def _parked(row: QueuedChange) -> ParkedView:
    dag_id, _, run_id = row.run_id.partition("/")
    return ParkedView(
        row_id=row.row_id,
        flow=row.flow.name,
        source=_SYSTEMS[row.flow.source],
        source_id=row.source_id,
        name=row.display_name,
        error=error_view(row.error_code, row.error_message),
        field=row.error_field,
        rule=row.error_rule,
        candidates=row.candidates,
        attempts=row.attempts,
        parked_at=row.available_at,
        run=(dag_id, run_id) if run_id else None,
        mapping=_mapping_of(row),
    )


def _mapping_of(row: QueuedChange) -> str | None:
    told = _MAPPING_LINE.search(row.error_message or "")
    if told is not None:
        return told[0]
    if row.error_code in _MAPPED and row.error_field:
        flow = row.flow
        return f"include/mappings/{flow.entity.value}.{flow.source.value}_to_{flow.target.value}.yaml"
    return None


@dataclass(frozen=True, slots=True)
class Failures:
    """Everything that failed, by reason.

    Args:
        groups: each reason with its number of records, cause and next step; the most frequent first.
        parked: records of the chosen reason, or of all.
        code: the chosen reason, None for all.
    """

    groups: Sequence[tuple[ErrorView, int]]
    parked: ParkedPage
    code: str | None


def failures(tx: Transaction, flows: Sequence[str], *, code: str | None, page: int) -> Failures:
    """List what failed, by reason; takes its arguments as ``parked_page`` does."""
    found = parked_page(tx, flows, code=code, page=page)
    groups = sorted(found.codes.items(), key=lambda item: (-item[1], item[0]))
    return Failures([(error_view(name), number) for name, number in groups], found, code)


@dataclass(frozen=True, slots=True)
class ConflictsPage:
    """A page of conflicts.

    Args:
        rows: of this page.
        total: number of conflicts.
        page: number of the page, from 1.
        pages: number of pages, at least 1.
    """

    rows: Sequence[ConflictView]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class DisputeView:
    """A disputed field with the values of both systems.

    Args:
        field: its name in the mapping.
        base: values of Shopify and Framework360 when they last agreed, None before they ever did.
        shopify: what Shopify holds.
        framework360: what Framework360 holds.
    """

    field: str
    base: tuple[Any, Any] | None
    shopify: Any
    framework360: Any


@dataclass(frozen=True, slots=True)
class ConflictView:
    """A conflict.

    Args:
        row_id: for settling it.
        generation: likewise.
        flow: name of the flow that found it.
        source: name of its source system.
        source_id: id of the record in it.
        name: of the record.
        found_at: aware UTC time.
        disputes: the fields.
    """

    row_id: int
    generation: int
    flow: str
    source: str
    source_id: str
    name: str
    found_at: datetime
    disputes: Sequence[DisputeView]


def conflicts_page(tx: Transaction, flows: Sequence[str], *, page: int = 1) -> ConflictsPage:
    """List conflicts, one per pair of records.

    Args:
        tx: a reading transaction.
        flows: names of the flows listed.
        page: from 1; too large a number gives the last page.

    Returns:
        The page.
    """
    chosen = [FLOWS[name] for name in flows]
    total, _ = tx.conflicts(chosen, limit=0)
    pages, page = _pages_of(total, page)
    _, rows = tx.conflicts(chosen, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    return ConflictsPage([_conflict(row) for row in rows], total, page, pages)


def _conflict(row: QueuedChange) -> ConflictView:
    turn = slice(None, None, 1 if row.flow.source is System.SHOPIFY else -1)
    disputes = []
    for found in row.disputes:
        shopify, framework360 = (found.source, found.target)[turn]
        base = None if found.base is None else (found.base[turn][0], found.base[turn][1])
        disputes.append(DisputeView(found.field, base, shopify, framework360))
    return ConflictView(
        row_id=row.row_id,
        generation=row.generation,
        flow=row.flow.name,
        source=_SYSTEMS[row.flow.source],
        source_id=row.source_id,
        name=row.display_name,
        found_at=row.available_at,
        disputes=disputes,
    )


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A record that waits or is being worked on.

    Args:
        flow: name of the flow.
        source_id: id in the source system.
        name: of the record.
        origin: the producer.
        working: whether a worker has it now.
        since: when the oldest change in the row arrived, aware UTC.
        next_at: time of the next attempt, or the end of the worker's lease.
        attempts: made so far.
        error: why the last attempt failed, None if there was none.
    """

    flow: str
    source_id: str
    name: str
    origin: str
    working: bool
    since: datetime
    next_at: datetime
    attempts: int
    error: ErrorView | None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """What waits.

    Args:
        lanes: by flow and priority.
        rows: records in the order in which they will be taken, a page of them.
        total: number of records.
        page: number of the page, from 1.
        pages: number of pages, at least 1.
        paused: names of the flows that are left alone for a while because something stops them.
    """

    lanes: Sequence[Lane]
    rows: Sequence[WaitingView]
    total: int
    page: int
    pages: int
    paused: Sequence[str]


def queue_page(tx: Transaction, flows: Sequence[str], *, page: int = 1) -> QueuePage:
    """List what waits; takes its arguments as ``conflicts_page`` does."""
    chosen = [FLOWS[name] for name in flows]
    lanes = [lane for lane in tx.lanes() if lane.flow in chosen]
    total = sum(lane.open for lane in lanes)
    pages, page = _pages_of(total, page)
    rows = tx.waiting(chosen, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    return QueuePage([*lanes], [_waiting(row) for row in rows], total, page, pages, sorted(tx.paused() & set(flows)))


def _waiting(row: QueuedChange) -> WaitingView:
    return WaitingView(
        flow=row.flow.name,
        source_id=row.source_id,
        name=row.display_name,
        origin=row.origin.name.lower(),
        working=row.state == "leased",
        since=row.first_staged_at,
        next_at=row.available_at,
        attempts=row.attempts,
        error=error_view(row.error_code, row.error_message) if row.error_code else None,
    )


@dataclass(frozen=True, slots=True)
class LeftOutPage:
    """Records that people want left alone.

    Args:
        rows: of this page.
        total: number of them.
        page: number of the page, from 1.
        pages: number of pages, at least 1.
    """

    rows: Sequence[Link]
    total: int
    page: int
    pages: int


def left_out_page(tx: Transaction, *, page: int = 1) -> LeftOutPage:
    """List the records that people want left alone."""
    total, _ = tx.left_out(limit=0)
    pages, page = _pages_of(total, page)
    _, rows = tx.left_out(limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    return LeftOutPage(rows, total, page, pages)


def _pages_of(total: int, page: int) -> tuple[int, int]:
    pages = max(1, -(-total // PAGE_SIZE))
    return pages, min(max(1, page), pages)


def release(store: Store, rows: Sequence[int], flows: Sequence[str], code: str | None) -> int:
    """Put parked records back into the queue, with all their attempts.

    Args:
        store: the store.
        rows: these rows; empty for all with the code.
        flows: names of the flows in which the user may release.
        code: only with this error code.

    Returns:
        Number of records released.
    """
    with store.begin() as tx:
        # A few chosen by hand are wanted now; all of a reason may be very many and take their turn.
        origin = Origin.SYNC_NOW if rows else None
        return sum(tx.release(rows, flow=FLOWS[name], code=code, origin=origin) for name in flows)


def run_view(store: Store, dag_id: str, run_id: str, outcome: Outcome | None = None, page: int = 1) -> RunView | None:
    """Describe a run.

    Args:
        store: the store.
        dag_id: of the flow.
        run_id: Airflow's.
        outcome: only changes that ended so.
        page: of the changes, from 1.

    Returns:
        The run, None if it is not in the ledger.
    """
    ledger_id = f"{dag_id}/{run_id}"
    with store.read() as tx:
        run = tx.run(ledger_id)
        if run is None:
            return None
        certificate = run.certificate or tx.certificate(ledger_id)
        number = sum(certificate.outcomes.values()) if outcome is None else certificate.outcomes.get(outcome, 0)
        kept = _kept(tx, run)
        listed = sum(kept.values()) if outcome is None else kept.get(outcome, 0)
        pages = max(1, -(-listed // PAGE_SIZE))
        page = min(max(1, page), pages)
        changes = _changes(tx, run, outcome, (page - 1) * PAGE_SIZE)
        parked = parked_page(tx, [run.flow.name], run_id=ledger_id)
    return RunView(
        dag_id=dag_id,
        run_id=run_id,
        title=_title(run.flow),
        flow=run.flow.name,
        source=_SYSTEMS[run.flow.source],
        target=_SYSTEMS[run.flow.target],
        kind=run.kind,
        dry_run=run.dry_run,
        state=_state(run, certificate),
        error=error_view(run.error_code, run.error_message) if run.error_code else None,
        since=run.window.since,
        until=run.window.until,
        opened_at=run.opened_at,
        closed_at=run.closed_at,
        announced=certificate.announced,
        unread=certificate.unread,
        sums=_sums(certificate, dry_run=run.dry_run),
        outcomes={
            key.value: (_word(key, dry_run=run.dry_run), count)
            for key, count in sorted(certificate.outcomes.items())
            if count
        },
        parked=parked,
        changes=changes,
        outcome=outcome,
        number=number,
        listed=listed,
        page=page,
        pages=pages,
    )


@dataclass(frozen=True, slots=True)
class PartView:
    """The part of one flow in a run that serves several.

    Args:
        run_id: under which the part has a page of its own.
        title: of the flow.
        flow: its name.
        state: as of a run.
        outcomes: word for people and number of records of each outcome that occurred.
        waiting: records whose processing has not ended.
        error: what stopped the flow.
    """

    run_id: str
    title: str
    flow: str
    state: State
    outcomes: Sequence[tuple[str, int]]
    waiting: int
    error: ErrorView | None


def parts_view(store: Store, dag_id: str, run_id: str) -> list[PartView]:
    """Describe the parts of a run that serves several flows; empty if it has none.

    Args:
        store: the store.
        dag_id: of the run.
        run_id: Airflow's.
    """
    with store.read() as tx:
        runs = tx.parts_of_run(f"{dag_id}/{run_id}")
        certificates = [run.certificate or tx.certificate(run.run_id) for run in runs]
    return [
        PartView(
            run_id=run.run_id.removeprefix(f"{dag_id}/"),
            title=_title(run.flow),
            flow=run.flow.name,
            state=_state(run, certificate),
            outcomes=[(outcome.value, count) for outcome, count in sorted(certificate.outcomes.items()) if count],
            waiting=certificate.open,
            error=error_view(run.error_code, run.error_message) if run.error_code else None,
        )
        for run, certificate in zip(runs, certificates, strict=True)
    ]


def _title(flow: Flow) -> str:
    return f"{flow.entity.value.capitalize()}s: {_SYSTEMS[flow.source]} to {_SYSTEMS[flow.target]}"


def _state(run: Run, certificate: Certificate) -> State:
    if run.error_code:
        return "skipped" if CODES.get(run.error_code) in QUIET else "stopped"
    if run.dry_run:
        return "planned"
    if not certificate.explained:
        return "unexplained"
    return "certified" if run.closed_at is not None else "open"


def _sums(certificate: Certificate, *, dry_run: bool) -> list[Sum]:
    outcomes = [(_word(key, dry_run=dry_run), count) for key, count in sorted(certificate.outcomes.items())]
    if dry_run:
        return [Sum("planned", certificate.staged, outcomes, certificate.staged - sum(certificate.outcomes.values()))]
    reading = [
        ("staged", certificate.staged),
        ("already in agreement", certificate.known),
        ("still parked", certificate.kept_parked),
        ("outside the window", certificate.skipped),
        ("without a time", certificate.undated),
    ]
    waits = [(name, getattr(certificate, name)) for name in ("pending", "leased", "waiting")]
    return [
        Sum("read", certificate.read, reading, certificate.unexplained_reading),
        Sum(
            "staged",
            certificate.staged,
            [*outcomes, *((name, count) for name, count in waits if count)],
            certificate.unexplained_processing,
        ),
    ]


def _word(outcome: Outcome, *, dry_run: bool) -> str:
    return _PLANNED[outcome] if dry_run and outcome in _PLANNED else outcome.value


def _kept(tx: Transaction, run: Run) -> dict[Outcome, int]:
    if not run.dry_run:
        return tx.entries_kept(run.run_id)
    return {OUTCOMES[Action(action)]: count for action, count in tx.plan_counts(run.run_id).items()}


def _changes(tx: Transaction, run: Run, outcome: Outcome | None, offset: int) -> list[ChangeView]:
    if run.dry_run:
        action = None if outcome is None else _PLANNED.get(outcome, outcome.value)
        items, _ = tx.plan_items(run.run_id, action=action, limit=PAGE_SIZE, offset=offset)
        return [_planned(item) for item in items]
    entries = tx.entries_of_run(run.run_id, outcome=outcome, limit=PAGE_SIZE, offset=offset)
    links = tx.links(run.flow.entity, run.flow.source, [entry.source_id for entry in entries])
    names = {source_id: link.display_name for source_id, link in links.items()}
    return [_change(entry, names.get(entry.source_id, "")) for entry in entries]


def _planned(item: PlanEntry) -> ChangeView:
    return ChangeView(
        source_id=item.source_id,
        target_id=item.target_id,
        name=item.display_name,
        outcome=OUTCOMES[Action(item.action)],
        word=item.action,
        message=item.message,
        error_code=item.error_code,
        written=_written(item.before, item.after, item.reasons),
        left=_left(item.after, item.reasons),
        at=None,
    )


def _change(entry: JournalEntry, name: str) -> ChangeView:
    return ChangeView(
        source_id=entry.source_id,
        target_id=entry.target_id,
        name=name,
        outcome=entry.outcome,
        word=entry.outcome.value,
        message=entry.message or entry.reasons.get("", ""),
        error_code=entry.error_code,
        written=_written(entry.before, entry.after, entry.reasons),
        left=_left(entry.after, entry.reasons),
        at=entry.at,
    )


def _written(before: Mapping[str, Any], after: Mapping[str, Any], reasons: Mapping[str, str]) -> list[FieldView]:
    return [FieldView(field, before.get(field), value, reasons.get(field, "")) for field, value in after.items()]


def _left(after: Mapping[str, Any], reasons: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(field, reason) for field, reason in reasons.items() if field and field not in after]
