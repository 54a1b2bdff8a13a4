"""What is known of the exports that systems make for our imports, so that a repeated task goes on with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from sqlalchemy import RowMapping, delete, select, update

from shopify_fw360.store.codec import clean_text
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import export

ImportState: TypeAlias = Literal["waiting", "running", "ready", "scan"]

_row = export.c


@dataclass(frozen=True, slots=True)
class StoredExport:
    """An export of one import.

    Args:
        run_id: of the import in the ledger.
        state: waits for its turn, runs, is ready, or is not made because a scan takes its place.
        remote_id: the system's name of it, None before it has started.
        note: why it waits or is not made; empty otherwise.
        begun_at: aware UTC time at which it was first asked for.
        look_at: aware UTC time from which it is worth asking the system again.
    """

    run_id: str
    state: ImportState
    remote_id: str | None
    note: str
    begun_at: datetime
    look_at: datetime


def find_export(scope: Scope, run_id: str) -> StoredExport | None:
    """Return the export of an import, None before it was asked for."""
    row = scope.connection.execute(select(export).where(scope.mine(export), _row.run_id == run_id)).mappings().first()
    if row is None:
        return None
    return _export(row)


def save_export(
    scope: Scope,
    run_id: str,
    state: ImportState,
    *,
    remote_id: str | None = None,
    note: str = "",
    look_after: timedelta = timedelta(),
) -> None:
    """Note how far the export of an import is.

    Args:
        scope: the transaction.
        run_id: of the import.
        state: see `StoredExport`.
        remote_id: the system's name of it; None leaves a known one.
        note: for people.
        look_after: how long asking the system again is of no use.
    """
    now = scope.clock()
    values = {"state": state, "note": clean_text(note), "look_at": now + look_after}
    named = values if remote_id is None else {**values, "remote_id": remote_id}
    scope.connection.execute(
        scope.insert(export).on_conflict_do_update(index_elements=["pair_id", "run_id"], set_=named),
        {"pair_id": scope.pair_id, "run_id": run_id, "begun_at": now, "remote_id": None, **named},
    )


def exports_named(scope: Scope, prefix: str, state: ImportState) -> list[StoredExport]:
    """List exports in a state by the beginning of their run's name, oldest first."""
    rows = scope.connection.execute(
        select(export)
        .where(scope.mine(export), _row.run_id.startswith(prefix, autoescape=True), _row.state == state)
        .order_by(_row.begun_at, _row.run_id)
    )
    return [_export(row) for row in rows.mappings()]


def export_ended(scope: Scope, remote_id: str) -> bool:
    """Note that the system told of the end of an export; False if it is none of ours."""
    return bool(
        scope.connection.execute(
            update(export).where(scope.mine(export), _row.remote_id == remote_id).values(look_at=scope.clock())
        ).rowcount
    )


KEPT: Final = timedelta(days=30)


def prune_exports(scope: Scope) -> int:
    """Forget exports that nobody will ask for any more; returns their number."""
    before = scope.clock() - KEPT
    return scope.connection.execute(delete(export).where(scope.mine(export), _row.begun_at < before)).rowcount


def _export(row: RowMapping) -> StoredExport:
    return StoredExport(
        run_id=row["run_id"],
        state=row["state"],
        remote_id=row["remote_id"],
        note=row["note"],
        begun_at=row["begun_at"],
        look_at=row["look_at"],
    )
