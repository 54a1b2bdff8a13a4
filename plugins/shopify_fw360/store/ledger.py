"""The ledger: every record a run has read is accounted for, or the run is not green."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, case, func, null, select, update

from shopify_fw360.errors import SyncError
from shopify_fw360.records import Entity, Flow, Outcome, System, Window
from shopify_fw360.store.codec import clean_text, dump_json, load_json
from shopify_fw360.store.journal import count_outcomes
from shopify_fw360.store.queue_views import QueueCounts, open_of_run
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import ledger_run

_row = ledger_run.c


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a run has read and what became of it.

    Args:
        announced: records the source said it has, None if it did not say.
        read: records read, and changes of no run that were taken over.
        staged: records staged, and changes of no run that were taken over.
        coalesced: how many of the staged replaced a change that was still waiting.
        kept_parked: read and not staged, because the same content is parked.
        known: read and not staged, because the content was consumed before.
        skipped: read and not staged, because they lie outside the window.
        undated: read and not staged, because they have no modification time.
        outcomes: how the staged changes ended, from the journal.
        pending: staged changes that are due and not begun.
        leased: staged changes in a worker's hands.
        waiting: staged changes that wait for another attempt.
    """

    announced: int | None = None
    read: int = 0
    staged: int = 0
    coalesced: int = 0
    kept_parked: int = 0
    known: int = 0
    skipped: int = 0
    undated: int = 0
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    pending: int = 0
    leased: int = 0
    waiting: int = 0

    @property
    def open(self) -> int:
        """Staged changes whose processing has not ended."""
        return self.pending + self.leased + self.waiting

    @property
    def unread(self) -> int:
        """Announced records that were not read; more read than announced is growth during the scan, not loss."""
        return 0 if self.announced is None else max(0, self.announced - self.read)

    @property
    def unexplained_reading(self) -> int:
        """Records read of which nobody knows what became of them; negative if some are counted twice."""
        return self.read - self.staged - self.kept_parked - self.known - self.skipped - self.undated

    @property
    def unexplained_processing(self) -> int:
        """Staged changes that neither ended nor are open; negative if some ended twice."""
        return self.staged - sum(self.outcomes.values()) - self.open

    @property
    def explained(self) -> bool:
        """Whether every record is accounted for."""
        return not (self.unread or self.unexplained_reading or self.unexplained_processing)

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers as JSON values."""
        return {
            "announced": self.announced,
            "read": self.read,
            "staged": self.staged,
            "coalesced": self.coalesced,
            "kept_parked": self.kept_parked,
            "known": self.known,
            "skipped": self.skipped,
            "undated": self.undated,
            "outcomes": {outcome.value: count for outcome, count in self.outcomes.items()},
            "pending": self.pending,
            "leased": self.leased,
            "waiting": self.waiting,
            "open": self.open,
            "unread": self.unread,
            "unexplained_reading": self.unexplained_reading,
            "unexplained_processing": self.unexplained_processing,
            "explained": self.explained,
        }


_STORED = ("announced", "read", "staged", "coalesced", "kept_parked", "known", "skipped", "undated")
_OPEN = ("pending", "leased", "waiting")


@dataclass(frozen=True, slots=True)
class Run:
    """A run in the ledger.

    Args:
        run_id: its name.
        flow: entity and source.
        kind: what started it, for example ``poll`` or ``recovery``.
        window: the span it reads.
        dry_run: writes nothing to the target.
        mapping_digest: of the mapping in force.
        opened_at: aware UTC time.
        closed_at: aware UTC time, None while it is open.
        certificate: as closed; None while the run is open.
        error_code: code of what stopped it, None if nothing did.
        error_message: its text.
    """

    run_id: str
    flow: Flow
    kind: str
    window: Window
    dry_run: bool
    mapping_digest: str
    opened_at: datetime
    closed_at: datetime | None = None
    certificate: Certificate | None = None
    error_code: str | None = None
    error_message: str | None = None


def open_run(
    scope: Scope, run_id: str, flow: Flow, kind: str, window: Window, *, dry_run: bool, mapping_digest: str
) -> None:
    """Open a run, or open it again when its task is repeated.

    What an interrupted attempt has announced and not read is forgotten, because the repeated attempt announces it
    again; everything it has read and staged stays counted. A dry run, which stages nothing, is counted from the start.

    Args:
        scope: the transaction.
        run_id: its name.
        flow: entity and source.
        kind: what started it.
        window: the span it reads.
        dry_run: writes nothing to the target.
        mapping_digest: of the mapping in force.
    """
    insert = scope.insert(ledger_run)
    again: dict[str, Any] = {"announced": case((_row.announced.is_not(None), _row.read), else_=null())}
    if dry_run:
        again = {**dict.fromkeys(_STORED, 0), "announced": None, "pruned": null()}
    scope.connection.execute(
        insert.on_conflict_do_update(
            index_elements=["pair_id", "run_id"],
            set_={
                **again,
                "closed_at": null(),
                "certificate": null(),
                "error_code": null(),
                "error_message": null(),
            },
        ),
        {
            "pair_id": scope.pair_id,
            "run_id": run_id,
            "entity": flow.entity.value,
            "source": flow.source.value,
            "kind": kind,
            "since": window.since,
            "until": window.until,
            "dry_run": dry_run,
            "mapping_digest": mapping_digest,
            "opened_at": scope.clock(),
            **dict.fromkeys(_STORED, 0),
            "announced": None,
        },
    )


def count_read(scope: Scope, run_id: str, *, announced: int | None, **numbers: int) -> None:
    """Add to what a run has read.

    Args:
        scope: the transaction, best the one that stages, so that both are counted or neither.
        run_id: an open run.
        announced: None if the source has not said anything.
        numbers: read, staged, coalesced, kept_parked, known, skipped, undated.

    Raises:
        LookupError: the run was never opened.
    """
    more: dict[str, Any] = {name: _row[name] + number for name, number in numbers.items() if number}
    if announced is not None:
        more["announced"] = func.coalesce(_row.announced, 0) + announced
    if not more:
        return
    if not scope.connection.execute(update(ledger_run).where(_is(scope, run_id)).values(**more)).rowcount:
        raise _unknown(run_id)


def certificate(scope: Scope, run_id: str) -> Certificate:
    """Account for a run: the stored certificate of a closed one, the present state of an open one.

    Args:
        scope: the transaction.
        run_id: the run.

    Returns:
        The certificate.

    Raises:
        LookupError: the run was never opened.
    """
    row = scope.connection.execute(select(ledger_run).where(_is(scope, run_id))).mappings().first()
    if row is None:
        raise _unknown(run_id)
    return _stored_certificate(row) or _present_certificate(scope, row)


def close_run(scope: Scope, run_id: str, outcomes: Mapping[Outcome, int] | None = None) -> Certificate:
    """Close a run and keep its certificate, so that it outlives the journal.

    Args:
        scope: the transaction.
        run_id: the run.
        outcomes: what became of its records, where the journal does not hold them all; None takes them from there.

    Returns:
        The certificate.

    Raises:
        LookupError: the run was never opened.
    """
    closing = certificate(scope, run_id)
    if outcomes is not None:
        closing = replace(closing, outcomes={outcome: count for outcome, count in outcomes.items() if count})
    scope.connection.execute(
        update(ledger_run)
        .where(_is(scope, run_id), _row.closed_at.is_(None))
        .values(closed_at=scope.clock(), certificate=dump_json(closing.as_dict()))
    )
    return closing


def run_error(scope: Scope, run_id: str, error: SyncError | None) -> None:
    """Note what stopped a run, for its page.

    Args:
        scope: the transaction.
        run_id: the run.
        error: None if it goes on after all.

    Raises:
        LookupError: the run was never opened.
    """
    values = {
        "error_code": None if error is None else error.code.code,
        "error_message": None if error is None else clean_text(error.message),
    }
    if not scope.connection.execute(update(ledger_run).where(_is(scope, run_id)).values(values)).rowcount:
        raise _unknown(run_id)


def recent_runs(scope: Scope, flow: Flow | None, limit: int) -> list[Run]:
    """List runs, newest first.

    Args:
        scope: the transaction.
        flow: only of this flow.
        limit: the most runs returned.

    Returns:
        The runs.
    """
    query = select(ledger_run).where(scope.mine(ledger_run) if flow is None else scope.of_flow(ledger_run, flow))
    rows = scope.connection.execute(query.order_by(_row.opened_at.desc(), _row.run_id.desc()).limit(limit))
    return [_run(row) for row in rows.mappings()]


def recent_windows(scope: Scope, limit: int) -> list[Run]:
    """List the runs that read exactly a window, such as backfills, newest first; without dry runs."""
    rows = scope.connection.execute(
        select(ledger_run)
        .where(scope.mine(ledger_run), _row.kind == "window", _row.dry_run.is_(False))
        .order_by(_row.opened_at.desc(), _row.run_id.desc())
        .limit(limit)
    )
    return [_run(row) for row in rows.mappings()]


def parts_of_run(scope: Scope, run_id: str) -> list[Run]:
    """List the parts of a run that serves several flows, one per flow, in the order in which they were opened."""
    rows = scope.connection.execute(
        select(ledger_run)
        .where(scope.mine(ledger_run), _row.run_id.startswith(f"{run_id}~", autoescape=True))
        .order_by(_row.opened_at, _row.run_id)
    )
    return [_run(row) for row in rows.mappings()]


def open_runs(scope: Scope, before: datetime, kind: str) -> list[Run]:
    """List the runs of a kind that were opened before an aware time and never closed, oldest first."""
    rows = scope.connection.execute(
        select(ledger_run)
        .where(scope.mine(ledger_run), _row.closed_at.is_(None), _row.opened_at < before, _row.kind == kind)
        .order_by(_row.opened_at, _row.run_id)
    )
    return [_run(row) for row in rows.mappings()]


def find_run(scope: Scope, run_id: str) -> Run | None:
    """Return a run, None if it was never opened."""
    row = scope.connection.execute(select(ledger_run).where(_is(scope, run_id))).mappings().first()
    return None if row is None else _run(row)


def _run(row: RowMapping) -> Run:
    return Run(
        run_id=row["run_id"],
        flow=Flow(Entity(row["entity"]), System(row["source"])),
        kind=row["kind"],
        window=Window(row["since"], row["until"]),
        dry_run=row["dry_run"],
        mapping_digest=row["mapping_digest"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        certificate=_stored_certificate(row),
        error_code=row["error_code"],
        error_message=row["error_message"],
    )


def _is(scope: Scope, run_id: str) -> ColumnElement[bool]:
    return scope.mine(ledger_run) & (_row.run_id == run_id)


def _unknown(run_id: str) -> LookupError:
    return LookupError(f"the ledger has no run {run_id}: open it before counting")


def _stored_certificate(row: RowMapping) -> Certificate | None:
    if row["certificate"] is None:
        return None
    stored = load_json(row["certificate"])
    return Certificate(
        **{name: stored[name] for name in (*_STORED, *_OPEN)},
        outcomes={Outcome(outcome): count for outcome, count in stored["outcomes"].items()},
    )


def add_outcomes(pruned: str | None, counted: Mapping[Outcome, int]) -> dict[Outcome, int]:
    """Add numbers of outcomes to those of journal entries that are deleted by now, kept as JSON text."""
    kept: dict[str, int] = {} if pruned is None else load_json(pruned)
    return dict(Counter({Outcome(outcome): number for outcome, number in kept.items()}) + Counter(counted))


def keep_outcomes(scope: Scope, counted: Mapping[str, Mapping[Outcome, int]]) -> None:
    """Keep how the changes of runs ended whose journal entries are about to be deleted.

    Args:
        scope: the transaction that deletes them.
        counted: numbers of those entries by outcome, per run; runs the ledger does not know are passed over.
    """
    known = scope.connection.execute(
        select(_row.run_id, _row.pruned)
        .where(scope.mine(ledger_run), scope.among(_row.run_id, sorted(counted)))
        .order_by(_row.run_id)
        .with_for_update()
    ).all()
    for run_id, pruned in known:
        kept = {outcome.value: number for outcome, number in add_outcomes(pruned, counted[run_id]).items()}
        scope.connection.execute(update(ledger_run).where(_is(scope, run_id)).values(pruned=dump_json(kept)))


def _present_certificate(scope: Scope, row: RowMapping) -> Certificate:
    left: QueueCounts = open_of_run(scope, row["run_id"])
    return Certificate(
        **{name: row[name] for name in _STORED},
        outcomes=add_outcomes(row["pruned"], count_outcomes(scope, row["run_id"])),
        pending=left.pending,
        leased=left.leased,
        waiting=left.waiting,
    )
