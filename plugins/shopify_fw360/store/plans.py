"""Plans of dry runs, whole, until a person approves or refuses them and for a while after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, RowMapping, delete, func, select, update

from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.store.codec import clean_text, dump_json, load_json
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import plan, plan_item

PlanState: TypeAlias = Literal["planning", "ready", "approved", "refused"]

_item = plan_item.c
_CHUNK: Final = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as a whole.

    Args:
        run_id: ledger id of the dry run that made it.
        flow: entity and direction.
        state: being made, to be decided, approved, refused.
        version: grows with every change of an item; an approval names the version that was looked at.
        made_at: aware UTC time at which planning began.
        cost: what making it took and what applying it is estimated to take (JSON values).
        decided_by: who approved or refused it.
        decided_at: aware UTC time of that.
        applied_in: ledger id of the run that carries it out, None before.
    """

    run_id: str
    flow: Flow
    state: PlanState
    version: int
    made_at: datetime
    cost: Mapping[str, Any] = field(default_factory=dict)
    decided_by: str | None = None
    decided_at: datetime | None = None
    applied_in: str | None = None


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """What a plan says about one record.

    Args:
        source_id: id in the source.
        action: value of ``sync.plan.Action``.
        message: one sentence for people.
        target_id: of the counterpart, None if there is none.
        match_key: normalised natural key, by which twins are found.
        display_name: for lists.
        evidence: why the counterpart is believed to be one (JSON values).
        score: how well both records fit, 0 to 100, None where nothing was matched.
        candidates: ids between which a person must choose.
        before: values of the written fields as they were.
        after: values that would be written.
        reasons: per field why.
        error_code: why it is parked.
        digest: of what would be done; carried out only while it stays the same.
        left_out: a person took it out of the plan.
    """

    source_id: str
    action: str
    message: str
    target_id: str | None = None
    match_key: str | None = None
    display_name: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    score: int | None = None
    candidates: Sequence[str] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    error_code: str | None = None
    digest: str = ""
    left_out: bool = False


def open_plan(scope: Scope, run_id: str, flow: Flow) -> None:
    """Begin a plan, or begin it anew when its task is repeated; a plan that was decided stays as it is.

    Args:
        scope: the transaction.
        run_id: ledger id of the dry run.
        flow: entity and direction.

    Raises:
        ValueError: the plan was approved or refused already.
    """
    found = find_plan(scope, run_id)
    if found is not None and found.state in ("approved", "refused"):
        raise ValueError(f"the plan {run_id} was {found.state} already")
    scope.connection.execute(delete(plan_item).where(_of(scope, run_id)))
    scope.connection.execute(delete(plan).where(scope.mine(plan), plan.c.run_id == run_id))
    scope.connection.execute(
        plan.insert(),
        {
            "pair_id": scope.pair_id,
            "run_id": run_id,
            "entity": flow.entity.value,
            "source": flow.source.value,
            "state": "planning",
            "version": 1 if found is None else found.version + 1,
            "made_at": scope.clock(),
        },
    )


def write_items(scope: Scope, run_id: str, entries: Sequence[PlanEntry]) -> None:
    """Add items to a plan, or replace those of the same records.

    Args:
        scope: the transaction.
        run_id: the plan.
        entries: each source id once.
    """
    if not entries:
        return
    ids = [entry.source_id for entry in entries]
    scope.connection.execute(delete(plan_item).where(_of(scope, run_id), scope.among(_item.source_id, ids)))
    scope.connection.execute(plan_item.insert(), [_values(scope, run_id, entry) for entry in entries])


def finish_plan(scope: Scope, run_id: str, cost: Mapping[str, Any]) -> None:
    """Note that a plan is complete and can be decided on."""
    scope.connection.execute(
        update(plan)
        .where(scope.mine(plan), plan.c.run_id == run_id, plan.c.state.in_(("planning", "ready")))
        .values(state="ready", cost=dump_json(cost), version=plan.c.version + 1)
    )


def find_plan(scope: Scope, run_id: str) -> Plan | None:
    """Return a plan, None if there is none (any more)."""
    row = scope.connection.execute(select(plan).where(scope.mine(plan), plan.c.run_id == run_id)).mappings().first()
    return None if row is None else _plan(row)


def recent_plans(scope: Scope, limit: int) -> list[Plan]:
    """List plans, newest first."""
    rows = scope.connection.execute(
        select(plan).where(scope.mine(plan)).order_by(plan.c.made_at.desc(), plan.c.run_id).limit(limit)
    )
    return [_plan(row) for row in rows.mappings()]


def decide(scope: Scope, run_id: str, version: int, person: str, state: PlanState) -> bool:
    """Approve or refuse a plan.

    Args:
        scope: the transaction.
        run_id: the plan.
        version: that the person looked at.
        person: who decides.
        state: ``approved`` or ``refused``.

    Returns:
        False if the plan is not open for a decision or has changed since the person looked at it.
    """
    return bool(
        scope.connection.execute(
            update(plan)
            .where(scope.mine(plan), plan.c.run_id == run_id, plan.c.state == "ready", plan.c.version == version)
            .values(state=state, decided_by=clean_text(person), decided_at=scope.clock())
        ).rowcount
    )


def begin_applying(scope: Scope, run_id: str, applied_in: str) -> bool:
    """Bind an approved plan to the run that carries it out; False if it is not approved or bound to another run."""
    return bool(
        scope.connection.execute(
            update(plan)
            .where(
                scope.mine(plan),
                plan.c.run_id == run_id,
                plan.c.state == "approved",
                plan.c.applied_in.is_(None) | (plan.c.applied_in == applied_in),
            )
            .values(applied_in=applied_in)
        ).rowcount
    )


def approved(scope: Scope, flow: Flow, wanted: Mapping[str, Sequence[str]]) -> dict[str, PlanEntry | None]:
    """Return what was approved about records.

    Args:
        scope: the transaction.
        flow: entity and direction.
        wanted: ids of records by the run that staged them.

    Returns:
        By source id the item; None where the run carries out a plan that says nothing of the record. Records whose run
        carries out no plan are absent.
    """
    runs = [run_id for run_id in wanted if run_id]
    if not runs:
        return {}
    bound = scope.connection.execute(
        select(plan.c.run_id, plan.c.applied_in).where(
            scope.of_flow(plan, flow), plan.c.applied_in.is_not(None), scope.among(plan.c.applied_in, runs)
        )
    ).all()
    found: dict[str, PlanEntry | None] = {}
    for plan_id, run_id in bound:
        known = items_of(scope, plan_id, wanted[run_id])
        for source_id in wanted[run_id]:
            item = known.get(source_id)
            found[source_id] = None if item is None or item.left_out else item
    return found


def has_applied_plan(scope: Scope, flow: Flow) -> bool:
    """Whether a plan of the flow was ever approved and carried out."""
    query = select(plan.c.run_id).where(scope.of_flow(plan, flow), plan.c.applied_in.is_not(None)).limit(1)
    return scope.connection.scalar(query) is not None


def count_actions(scope: Scope, run_id: str) -> dict[str, int]:
    """Count the items of a plan by action."""
    rows = scope.connection.execute(
        select(_item.action, func.count().label("number")).where(_of(scope, run_id)).group_by(_item.action)
    )
    return {row.action: row.number for row in rows}


def count_left_out(scope: Scope, run_id: str) -> int:
    """Count the items a person took out of a plan."""
    return (
        scope.connection.scalar(
            select(func.count()).select_from(plan_item).where(_of(scope, run_id), _item.left_out.is_(True))
        )
        or 0
    )


def items(
    scope: Scope, run_id: str, *, action: str | None, search: str, limit: int, offset: int
) -> tuple[list[PlanEntry], int]:
    """List items of a plan in the order in which they were planned.

    Args:
        scope: the transaction.
        run_id: the plan.
        action: only with this action, None for all.
        search: only items whose name, ids or natural key contain this text.
        limit: most items returned.
        offset: items passed over.

    Returns:
        The items, and how many fit in all.
    """
    condition = _of(scope, run_id)
    if action is not None:
        condition &= _item.action == action
    wanted = clean_text(search).strip().casefold()
    if wanted:
        condition &= _item.search_text.contains(wanted, autoescape=True)
    total = scope.connection.scalar(select(func.count()).select_from(plan_item).where(condition)) or 0
    rows = scope.connection.execute(select(plan_item).where(condition).order_by(_item.id).limit(limit).offset(offset))
    return [_entry(row) for row in rows.mappings()], total


def items_of(scope: Scope, run_id: str, ids: Sequence[str]) -> dict[str, PlanEntry]:
    """Return the items of records, by source id."""
    rows = scope.connection.execute(
        select(plan_item).where(_of(scope, run_id), scope.among(_item.source_id, list(ids)))
    )
    return {row["source_id"]: _entry(row) for row in rows.mappings()}


def wanted_ids(scope: Scope, run_id: str) -> Iterator[list[str]]:
    """Yield the source ids that a plan is to be carried out for, in pages."""
    last = 0
    while True:
        rows = scope.connection.execute(
            select(_item.id, _item.source_id)
            .where(_of(scope, run_id), _item.left_out.is_(False), _item.id > last)
            .order_by(_item.id)
            .limit(_CHUNK)
        ).all()
        if not rows:
            return
        yield [source_id for _, source_id in rows]
        last = rows[-1][0]


def leave_out(scope: Scope, run_id: str, ids: Sequence[str], *, left_out: bool) -> int:
    """Take records out of a plan that is not decided yet, or put them back; returns how many."""
    found = find_plan(scope, run_id)
    if found is None or found.state != "ready":
        return 0
    changed = scope.connection.execute(
        update(plan_item)
        .where(_of(scope, run_id), scope.among(_item.source_id, list(ids)), _item.left_out.is_not(left_out))
        .values(left_out=left_out)
    ).rowcount
    if changed:
        touch(scope, run_id)
    return changed


def touch(scope: Scope, run_id: str) -> None:
    """Note that an item of a plan has changed."""
    scope.connection.execute(
        update(plan).where(scope.mine(plan), plan.c.run_id == run_id).values(version=plan.c.version + 1)
    )


def twins(scope: Scope, run_id: str) -> dict[str, list[str]]:
    """Find records of one plan that have the same natural key; returns their source ids by key."""
    return _groups(scope, run_id, _item.match_key)


def sharing(scope: Scope, run_id: str, action: str) -> dict[str, list[str]]:
    """Find records of one plan that would be linked to the same counterpart; returns their source ids by it."""
    return _groups(scope, run_id, _item.target_id, _item.action == action)


def forget_older_plans(scope: Scope, flow: Flow, keep: int) -> int:
    """Delete the items of a flow's plans but the newest; an approved plan that is not carried out yet stays.

    That a plan was carried out stays known, because it is what lets the flow write.

    Args:
        scope: the transaction.
        flow: whose plans.
        keep: number of plans that stay whole.

    Returns:
        Number of plans whose items were deleted.
    """
    mine = scope.of_flow(plan, flow)
    newest = select(plan.c.run_id).where(mine).order_by(plan.c.made_at.desc(), plan.c.run_id).limit(keep)
    waiting = (plan.c.state == "approved") & plan.c.applied_in.is_(None)
    old = list(scope.connection.scalars(select(plan.c.run_id).where(mine, plan.c.run_id.not_in(newest), ~waiting)))
    scope.connection.execute(delete(plan_item).where(scope.mine(plan_item), scope.among(_item.run_id, old)))
    scope.connection.execute(
        delete(plan).where(scope.mine(plan), scope.among(plan.c.run_id, old), plan.c.applied_in.is_(None))
    )
    return len(old)


def _groups(
    scope: Scope, run_id: str, column: ColumnElement[Any], *conditions: ColumnElement[bool]
) -> dict[str, list[str]]:
    several = (
        select(column)
        .where(_of(scope, run_id), column.is_not(None), *conditions)
        .group_by(column)
        .having(func.count() > 1)
    )
    rows = scope.connection.execute(
        select(column, _item.source_id)
        .where(_of(scope, run_id), column.in_(several), *conditions)
        .order_by(column, _item.id)
    )
    found: dict[str, list[str]] = {}
    for value, source_id in rows:
        found.setdefault(value, []).append(source_id)
    return found


def _of(scope: Scope, run_id: str) -> ColumnElement[bool]:
    return scope.mine(plan_item) & (_item.run_id == run_id)


def _values(scope: Scope, run_id: str, entry: PlanEntry) -> dict[str, Any]:
    name = clean_text(entry.display_name)
    key = None if entry.match_key is None else clean_text(entry.match_key)
    searched = (name, entry.source_id, entry.target_id, key)
    return {
        "pair_id": scope.pair_id,
        "run_id": run_id,
        "source_id": entry.source_id,
        "target_id": entry.target_id,
        "action": entry.action,
        "match_key": key,
        "display_name": name,
        "search_text": "\n".join(part for part in searched if part).casefold(),
        "evidence": dump_json(entry.evidence),
        "score": entry.score,
        "candidates": dump_json(list(entry.candidates)),
        "before": dump_json(entry.before),
        "after": dump_json(entry.after),
        "reasons": dump_json(entry.reasons),
        "error_code": entry.error_code,
        "message": clean_text(entry.message),
        "digest": entry.digest,
        "left_out": entry.left_out,
    }


def _entry(row: RowMapping) -> PlanEntry:
    return PlanEntry(
        source_id=row["source_id"],
        action=row["action"],
        message=row["message"],
        target_id=row["target_id"],
        match_key=row["match_key"],
        display_name=row["display_name"],
        evidence=load_json(row["evidence"]),
        score=row["score"],
        candidates=tuple(load_json(row["candidates"])),
        before=load_json(row["before"]),
        after=load_json(row["after"]),
        reasons=load_json(row["reasons"]),
        error_code=row["error_code"],
        digest=row["digest"],
        left_out=row["left_out"],
    )


def _plan(row: RowMapping) -> Plan:
    return Plan(
        run_id=row["run_id"],
        flow=Flow(Entity(row["entity"]), System(row["source"])),
        state=row["state"],
        version=row["version"],
        made_at=row["made_at"],
        cost={} if row["cost"] is None else load_json(row["cost"]),
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        applied_in=row["applied_in"],
    )
