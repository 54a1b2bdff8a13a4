"""Consumers' side of the queue: claim under a lease, then complete, retry, park or give back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, case, delete, select, update

from shopify_fw360.errors import CONFLICT, LEASE_LOST, SyncError
from shopify_fw360.records import (
    Change,
    Choice,
    Claim,
    Dispute,
    Entity,
    Flow,
    Operation,
    Origin,
    Outcome,
    SourceRecord,
    System,
)
from shopify_fw360.store.codec import clean_text, dump_json, load_json
from shopify_fw360.store.journal import JournalEntry, write_journal
from shopify_fw360.store.ledger import count_read
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.staging import journal_superseded
from shopify_fw360.store.tables import LEASED, PARKED, PENDING, is_leased, is_live, is_parked, staged_change

_row = staged_change.c

_UNLEASED: dict[str, Any] = {"state": PENDING, "owner": None, "claimed_run_id": None}
_NO_ERROR: dict[str, Any] = dict.fromkeys(
    ("error_code", "error_message", "error_field", "error_rule", "candidates", "disputed"), None
)


def claim(
    scope: Scope,
    limit: int,
    owner: str,
    lease: timedelta,
    *,
    flow: Flow | None,
    run_id: str | None,
    for_run: str | None,
    least: Origin | None,
) -> list[Claim]:
    """Take due changes, best priority first, then longest due.

    A change that belongs to no run, because a person released it or a system told of it by itself, can be taken over by
    the run that works it off: it then counts there as read and staged, and is certified with it.

    Args:
        scope: the transaction; the claim holds once it is committed.
        limit: the most changes taken.
        owner: names this worker; no two workers alive may share it.
        lease: after this time another worker may take them.
        flow: only of this flow, None for all.
        run_id: only staged by this run, None for all.
        for_run: run that takes over the changes that belong to none, None to leave them uncounted.
        least: only of this priority or a better one, None for all.

    Returns:
        The claims in the order in which they should be worked off.

    Raises:
        LookupError: changes are to be taken over by a run that was never opened.
    """
    now = scope.clock()
    query = (
        select(staged_change)
        .where(scope.mine(staged_change), is_live, _row.available_at <= now)
        .order_by(_row.priority, _row.available_at, _row.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if flow is not None:
        query = query.where(scope.of_flow(staged_change, flow))
    if run_id is not None:
        query = query.where(_row.run_id == run_id)
    if least is not None:
        query = query.where(_row.priority <= int(least))
    rows = scope.connection.execute(query).mappings().all()
    if not rows:
        return []
    until = now + lease
    adopting = for_run or ""
    scope.connection.execute(
        update(staged_change)
        .where(scope.among(_row.id, [row["id"] for row in rows]))
        .values(
            run_id=case((_row.run_id == "", adopting), else_=_row.run_id),
            state=LEASED,
            owner=owner,
            available_at=until,
            attempts=_attempts_spent() + 1,
            claimed_generation=_row.generation,
            claimed_run_id=case((_row.run_id == "", adopting), else_=_row.run_id),
        )
    )
    adopted = sum(not row["run_id"] for row in rows)
    if adopting and adopted:
        count_read(scope, adopting, announced=None, read=adopted, staged=adopted)
    # An expired lease whose record was staged anew meanwhile: the worker died, and the newer change is what is left.
    journal_superseded(
        scope,
        [(_flow(row), row["source_id"], row["claimed_run_id"]) for row in rows if _was_replaced(row)],
    )
    return [_claim(row, until, row["run_id"] or adopting) for row in rows]


def hold(scope: Scope, claims: Sequence[Claim], owner: str) -> list[Claim]:
    """Lock the rows of claims until the end of the transaction; call it before ending more than one of them.

    Producers lock the rows they stage in the order of their keys. A worker that ended its claims in any other order
    could hold a row a producer waits for while waiting for one the producer holds: a deadlock.

    Args:
        scope: the transaction.
        claims: to be ended in it.
        owner: who holds them.

    Returns:
        The claims still held; the missing ones were lost to another worker.
    """
    rows = scope.connection.execute(
        select(_row.id, _row.claimed_generation)
        .where(scope.mine(staged_change), scope.among(_row.id, [claim.row_id for claim in claims]))
        .where(is_leased, _row.owner == owner)
        .order_by(*(scope.in_code_order(column) for column in (_row.entity, _row.source, _row.source_id)))
        .with_for_update()
    )
    generations: dict[int, int] = dict(rows.all())
    return [claim for claim in claims if generations.get(claim.row_id) == claim.generation]


def renew(scope: Scope, claims: Sequence[Claim], owner: str, lease: timedelta) -> list[Claim]:
    """Extend leases.

    Args:
        scope: the transaction.
        claims: held by the owner.
        owner: as given to ``claim``.
        lease: counted from now.

    Returns:
        The claims still held, with their new end; the missing ones were lost to another worker.
    """
    until = scope.clock() + lease
    held = hold(scope, claims, owner)
    scope.connection.execute(
        update(staged_change)
        .where(scope.mine(staged_change), scope.among(_row.id, [claim.row_id for claim in held]))
        .values(available_at=until)
    )
    return [replace(claim, lease_until=until) for claim in held]


def complete(scope: Scope, claim: Claim, owner: str, entry: JournalEntry) -> bool:
    """End a change; see ``complete_all``.

    Returns:
        True if the record left the queue, False if it was staged anew meanwhile and is pending again.
    """
    return bool(complete_all(scope, [(claim, entry)], owner))


def complete_all(scope: Scope, ended: Sequence[tuple[Claim, JournalEntry]], owner: str) -> set[int]:
    """End changes: remove them from the queue and write their journal entries.

    Args:
        scope: the transaction; with more than one change, call ``hold`` first.
        ended: each change with how it ended; the entry's run becomes that of the claim, as the ledger counts by it.
        owner: who holds the claims.

    Returns:
        Row ids of the records that left the queue; the others were staged anew meanwhile and are pending again.

    Raises:
        SyncError: SYNC-502 if another worker holds one of the leases now; then the transaction must be rolled back.
    """
    # A claim is held as long as its generation is the claimed one; owner names are unique among workers alive.
    claims = {claim.row_id: claim for claim, _ in ended}
    rows = scope.connection.execute(
        select(_row.id, _row.generation, _row.claimed_generation)
        .where(scope.mine(staged_change), scope.among(_row.id, list(claims)), is_leased, _row.owner == owner)
        .with_for_update()
    )
    gone = {row_id for row_id, generation, claimed in rows if generation == claimed == claims[row_id].generation}
    if gone:
        scope.connection.execute(
            delete(staged_change).where(scope.mine(staged_change), scope.among(_row.id, sorted(gone)))
        )
    for row_id in claims.keys() - gone:
        _make_pending_again(scope, claims[row_id], owner)
    write_journal(scope, [replace(entry, run_id=claim.change.run_id) for claim, entry in ended])
    return gone


def retry(scope: Scope, claim: Claim, owner: str, error: SyncError, available_at: datetime) -> bool:
    """Put a change back for another attempt.

    Args:
        scope: the transaction.
        claim: the change.
        owner: who holds the claim.
        error: why this attempt failed.
        available_at: aware time of the next attempt.

    Returns:
        True if it waits until then, False if it was staged anew meanwhile: the newer change is due at once.

    Raises:
        SyncError: SYNC-502 if another worker holds the lease now.
    """
    waits = scope.connection.execute(
        update(staged_change)
        .where(_held(scope, claim, owner), _row.generation == claim.generation)
        .values(**_UNLEASED, **_error(error), candidates=None, available_at=available_at)
    ).rowcount
    if not waits:
        # The attempt that was to carry out a person's choices has not ended; the next one still may.
        _make_pending_again(scope, claim, owner, keep_choices=True)
        journal_superseded(scope, [(claim.change.flow, claim.change.source_id, claim.change.run_id)])
    return bool(waits)


def park(
    scope: Scope,
    claim: Claim,
    owner: str,
    error: SyncError,
    *,
    candidates: Sequence[str],
    entry: JournalEntry | None,
    disputes: Sequence[Dispute],
    display_name: str,
) -> bool:
    """Dead-letter a change: keep it out of the way until it changes or a person releases it.

    Args:
        scope: the transaction.
        claim: the change.
        owner: who holds the claim.
        error: what stands in the way; SYNC-205 gives the outcome CONFLICT, all others PARKED.
        candidates: ids of the records between which a person must choose.
        entry: what to journal besides; its run, outcome, code and message are set here.
        disputes: fields of which a person must choose the value.
        display_name: of the record, empty to keep what it was staged with: a hint tells no name.

    Returns:
        True if it is parked, False if it was staged anew meanwhile and the newer change is pending.

    Raises:
        SyncError: SYNC-502 if another worker holds the lease now.
    """
    parked = scope.connection.execute(
        update(staged_change)
        .where(_held(scope, claim, owner), _row.generation == claim.generation)
        .values(
            **_UNLEASED | {"state": PARKED},
            **_error(error),
            candidates=dump_json(list(candidates)) if candidates else None,
            disputed=dump_json([asdict(dispute) for dispute in disputes]) if disputes else None,
            # What a person decided was about the attempt that ends here.
            decided=None,
            display_name=clean_text(display_name) if display_name else _row.display_name,
            available_at=scope.clock(),
        )
    ).rowcount
    if not parked:
        _make_pending_again(scope, claim, owner)
    outcome = Outcome.CONFLICT if error.code is CONFLICT else Outcome.PARKED
    entry = entry or JournalEntry("", claim.change.flow, claim.change.source_id, outcome)
    write_journal(
        scope,
        [
            replace(
                entry,
                run_id=claim.change.run_id,
                outcome=outcome,
                error_code=error.code.code,
                message=error.message,
            )
        ],
    )
    return bool(parked)


def give_back(scope: Scope, claims: Sequence[Claim], owner: str, available_at: datetime | None = None) -> int:
    """Return claims that were not worked on, as at a graceful shutdown; the attempt does not count.

    Args:
        scope: the transaction.
        claims: claims lost meanwhile are left to their new owner.
        owner: who holds them.
        available_at: aware UTC time before which nobody takes them, None for at once.

    Returns:
        Number of claims returned.
    """
    held = hold(scope, claims, owner)
    rows = scope.connection.execute(
        update(staged_change)
        .where(scope.mine(staged_change), scope.among(_row.id, [claim.row_id for claim in held]))
        .values(
            **_UNLEASED,
            available_at=available_at or scope.clock(),
            attempts=case((_attempts_spent() > 0, _attempts_spent() - 1), else_=0),
        )
        .returning(_row.id, _row.generation)
    )
    generations: dict[int, int] = dict(rows.all())
    journal_superseded(
        scope,
        [
            (claim.change.flow, claim.change.source_id, claim.change.run_id)
            for claim in held
            if generations[claim.row_id] != claim.generation
        ],
    )
    return len(held)


def release(
    scope: Scope,
    row_ids: Sequence[int],
    flow: Flow | None,
    code: str | None,
    run_id: str,
    *,
    origin: Origin | None = None,
) -> int:
    """Make parked changes pending again, with all their attempts; their records are read anew.

    Args:
        scope: the transaction.
        row_ids: these rows; empty for all that fit the flow and the code.
        flow: only of this flow.
        code: only parked with this code.
        run_id: run under which they are counted from now on, empty for the one that will work them off; their former
            runs have booked them as parked.
        origin: gives their priority from now on, None to keep it.

    Returns:
        Number of changes released.

    Raises:
        ValueError: neither rows, flow nor code are given.
    """
    if not row_ids and flow is None and code is None:
        raise ValueError("release needs rows, a flow or a code")
    now = scope.clock()
    chosen = _parked(scope, row_ids, flow, code)
    return scope.connection.execute(
        update(staged_change)
        .where(chosen)
        .values(
            **_UNLEASED,
            **_NO_ERROR,
            attempts=0,
            # What was parked may be long outdated, and nobody has compared it with the source since.
            payload=None,
            payload_updated_at=None,
            fingerprint="",
            run_id=run_id,
            available_at=now,
            first_staged_at=now,
            staged_at=now,
            generation=_row.generation + 1,
            priority=_row.priority if origin is None else int(origin),
        )
    ).rowcount


def settle(scope: Scope, row_id: int, generation: int, choices: Mapping[str, Choice]) -> bool:
    """Release a parked conflict with a person's choices, which the next attempt carries out once.

    Args:
        scope: the transaction.
        row_id: the row.
        generation: of the conflict that the person saw.
        choices: by target field.

    Returns:
        False if the row is not parked any more or another conflict is parked there now; then nothing has changed.
    """
    row = scope.connection.execute(
        select(_row.id)
        .where(_parked(scope, [row_id], None, CONFLICT.code), _row.generation == generation)
        .with_for_update()
    ).first()
    if row is None:
        return False
    release(scope, [row_id], None, None, "", origin=Origin.SYNC_NOW)
    scope.connection.execute(
        update(staged_change)
        .where(scope.mine(staged_change), _row.id == row_id)
        .values(
            decided=dump_json({field: asdict(choice) for field, choice in choices.items()}),
        )
    )
    return True


def discard(scope: Scope, row_ids: Sequence[int]) -> int:
    """Delete parked changes; the record comes back when it is staged again.

    Args:
        scope: the transaction.
        row_ids: rows that are not parked stay.

    Returns:
        Number of changes deleted.
    """
    return scope.connection.execute(
        delete(staged_change).where(_parked(scope, row_ids, None, None), scope.among(_row.id, row_ids))
    ).rowcount


def _parked(scope: Scope, row_ids: Sequence[int], flow: Flow | None, code: str | None) -> ColumnElement[bool]:
    condition = and_(scope.mine(staged_change), is_parked)
    if row_ids:
        condition &= scope.among(_row.id, row_ids)
    if flow is not None:
        condition &= scope.of_flow(staged_change, flow)
    if code is not None:
        condition &= _row.error_code == code
    return condition


def _attempts_spent() -> ColumnElement[int]:
    """Attempts made on the row's present content: none if it was staged while an attempt was going on."""
    return case((and_(is_leased, _row.generation > _row.claimed_generation), 0), else_=_row.attempts)


def _held(scope: Scope, claim: Claim, owner: str) -> ColumnElement[bool]:
    return and_(
        scope.mine(staged_change),
        _row.id == claim.row_id,
        is_leased,
        _row.owner == owner,
        _row.claimed_generation == claim.generation,
    )


def _make_pending_again(scope: Scope, claim: Claim, owner: str, *, keep_choices: bool = False) -> None:
    """Leave the newer change of a record pending, with a start of its own."""
    now = scope.clock()
    values = {**_UNLEASED, **_NO_ERROR, "attempts": 0, "available_at": now, "first_staged_at": _row.staged_at}
    found = scope.connection.execute(
        update(staged_change)
        .where(_held(scope, claim, owner))
        .values(values if keep_choices else {**values, "decided": None})
    ).rowcount
    if not found:
        change = claim.change
        raise SyncError(
            LEASE_LOST,
            f"{owner} no longer holds the change",
            record=f"{change.flow.entity.value} {change.flow.source.value}:{change.source_id}",
            rule="one worker per record",
        )


def _error(error: SyncError) -> dict[str, Any]:
    return {
        "error_code": error.code.code,
        "error_message": clean_text(error.message),
        "error_field": error.field,
        "error_rule": error.rule,
    }


def _was_replaced(row: RowMapping) -> bool:
    replaced: bool = row["state"] == LEASED and row["generation"] > row["claimed_generation"]
    return replaced


def _flow(row: RowMapping) -> Flow:
    return Flow(Entity(row["entity"]), System(row["source"]))


def _claim(row: RowMapping, until: datetime, run_id: str) -> Claim:
    return Claim(
        change=Change(
            flow=_flow(row),
            source_id=row["source_id"],
            operation=Operation(row["operation"]),
            origin=Origin(row["priority"]),
            record=None
            if row["payload"] is None
            else SourceRecord(row["source_id"], load_json(row["payload"]), row["payload_updated_at"]),
            fingerprint=row["fingerprint"],
            match_key=row["match_key"],
            display_name=row["display_name"],
            run_id=run_id,
            choices=_choices(row["decided"]),
        ),
        row_id=row["id"],
        generation=row["generation"],
        attempts=0 if _was_replaced(row) else row["attempts"],
        lease_until=until,
        first_staged_at=row["first_staged_at"],
    )


def _choices(text: str | None) -> dict[str, Choice]:
    return {
        field: Choice(System(kept["wins"]), tuple(kept["compared"]), kept["by"])
        for field, kept in ({} if text is None else load_json(text)).items()
    }
