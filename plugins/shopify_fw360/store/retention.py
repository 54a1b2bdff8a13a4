"""What is old and needed by nothing any more, let go in bounded pieces."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update
from sqlalchemy.orm import aliased

from shopify_fw360.records import Outcome
from shopify_fw360.store.ledger import keep_outcomes
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import (
    alert,
    consumer,
    is_live,
    is_parked,
    journal,
    ledger_run,
    link,
    oauth_state,
    plan,
    plan_item,
    record_lease,
    staged_change,
)

WRITTEN: Final = (Outcome.CREATED.value, Outcome.UPDATED.value, Outcome.LINKED.value)
"""Outcomes whose newest entry tells why a record is as it is, and can be undone."""


@dataclass(frozen=True, slots=True)
class PrunedJournal:
    """One piece of the journal that was looked through.

    Args:
        deleted: entries deleted.
        kept: entries that are old and needed.
        reached: time and key of the last entry looked at, from which the next piece goes on; None at the end.
    """

    deleted: int
    kept: int
    reached: tuple[datetime, int] | None


def prune_journal(scope: Scope, before: datetime, *, after: tuple[datetime, int] | None, limit: int) -> PrunedJournal:
    """Delete old entries; their numbers go over to the runs, so that these add up for ever.

    The newest entry by which a record was written stays as long as its link: it tells why each field has its value, and
    lets the write be undone.

    Args:
        scope: the transaction.
        before: entries older than this aware time are looked at.
        after: where the piece before ended, None for the beginning.
        limit: the most entries looked at.

    Returns:
        What was done.
    """
    newer = aliased(journal)
    is_last_write = and_(
        journal.c.outcome.in_(WRITTEN),
        exists().where(scope.mine(link), link.c.id == journal.c.link_id),
        ~exists().where(
            newer.c.pair_id == scope.pair_id,
            newer.c.entity == journal.c.entity,
            newer.c.source == journal.c.source,
            newer.c.source_id == journal.c.source_id,
            newer.c.id > journal.c.id,
            newer.c.outcome.in_(WRITTEN),
        ),
    )
    query = select(
        journal.c.id, journal.c.at, journal.c.run_id, journal.c.outcome, is_last_write.label("needed")
    ).where(scope.mine(journal), journal.c.at < before)
    if after is not None:
        moment, key = after
        query = query.where(or_(journal.c.at > moment, and_(journal.c.at == moment, journal.c.id > key)))
    rows = scope.connection.execute(query.order_by(journal.c.at, journal.c.id).limit(limit)).all()
    old = [row for row in rows if not row.needed]
    numbers: dict[str, Counter[Outcome]] = {}
    for row in old:
        if row.run_id:
            numbers.setdefault(row.run_id, Counter())[Outcome(row.outcome)] += 1
    keep_outcomes(scope, numbers)
    scope.connection.execute(
        delete(journal).where(scope.mine(journal), scope.among(journal.c.id, [row.id for row in old]))
    )
    return PrunedJournal(len(old), len(rows) - len(old), (rows[-1].at, rows[-1].id) if len(rows) == limit else None)


def prune_runs(scope: Scope, before: datetime) -> int:
    """Delete old runs, but those that something refers to and the last certified one of each flow.

    Args:
        scope: the transaction.
        before: runs opened before this aware time go.

    Returns:
        Number of runs deleted.
    """
    run = ledger_run.c
    newer = aliased(ledger_run)
    is_last = and_(
        run.closed_at.is_not(None),
        ~exists().where(
            newer.c.pair_id == scope.pair_id,
            newer.c.entity == run.entity,
            newer.c.source == run.source,
            newer.c.closed_at > run.closed_at,
            newer.c.error_code.is_(None),
            newer.c.dry_run.is_(False),
        ),
    )
    refers = [
        exists().where(scope.mine(staged_change), staged_change.c.run_id == run.run_id),
        exists().where(scope.mine(staged_change), staged_change.c.claimed_run_id == run.run_id),
        exists().where(scope.mine(journal), journal.c.run_id == run.run_id),
        exists().where(scope.mine(plan), or_(plan.c.run_id == run.run_id, plan.c.applied_in == run.run_id)),
    ]
    old = scope.connection.scalars(
        select(run.run_id).where(scope.mine(ledger_run), run.opened_at < before, ~is_last, ~or_(*refers))
    ).all()
    scope.connection.execute(delete(ledger_run).where(scope.mine(ledger_run), scope.among(run.run_id, old)))
    return len(old)


def prune_plans(scope: Scope, before: datetime) -> int:
    """Delete what old plans say about records; that a plan was carried out stays known.

    Args:
        scope: the transaction.
        before: plans made before this aware time; one that is to be carried out, or whose changes still wait, stays.

    Returns:
        Number of items deleted.
    """
    waiting = or_(
        and_(plan.c.state == "approved", plan.c.applied_in.is_(None)),
        exists().where(scope.mine(staged_change), is_live, staged_change.c.run_id == plan.c.applied_in),
    )
    old = scope.connection.scalars(
        select(plan.c.run_id).where(scope.mine(plan), plan.c.made_at < before, ~waiting)
    ).all()
    number = scope.connection.execute(
        delete(plan_item).where(scope.mine(plan_item), scope.among(plan_item.c.run_id, old))
    ).rowcount
    scope.connection.execute(
        delete(plan).where(scope.mine(plan), scope.among(plan.c.run_id, old), plan.c.applied_in.is_(None))
    )
    return number


def drop_parked_content(scope: Scope, before: datetime) -> int:
    """Let go of the content of changes parked before an aware time; why they failed and their fingerprints stay."""
    row = staged_change.c
    return scope.connection.execute(
        update(staged_change)
        .where(scope.mine(staged_change), is_parked, row.available_at < before, row.payload.is_not(None))
        .values(payload=None)
    ).rowcount


def prune_traces(scope: Scope, before: datetime) -> int:
    """Delete alerts that ended, and leases, states and presences that ran out, before an aware time."""
    over: tuple[ColumnElement[bool], ...] = (
        and_(scope.mine(alert), alert.c.ended_at < before),
        and_(scope.mine(record_lease), record_lease.c.lease_until < before),
        and_(scope.mine(oauth_state), oauth_state.c.expires_at < before),
        and_(scope.mine(consumer), consumer.c.awake_until < before),
    )
    tables = (alert, record_lease, oauth_state, consumer)
    return sum(
        scope.connection.execute(delete(table).where(condition)).rowcount
        for table, condition in zip(tables, over, strict=True)
    )
