"""Exactly what was approved: the digest of what would be done to a record, and what happens when it is another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final, Literal

import orjson

from shopify_fw360.errors import PLAN_CHANGED, PLAN_NOT_APPROVED, SyncError
from shopify_fw360.records import Change, Flow, Origin
from shopify_fw360.store import AuditEntry, PlanEntry, Store
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.plan import Action, PlanItem

_BINDING: Final = frozenset({Action.LINK, Action.UNLINK})


def decide(store: Store, plan_id: str, version: int, person: str, *, approve: bool) -> bool:
    """Keep what a person has decided about a plan, with a note of it.

    Args:
        store: that holds the plan.
        plan_id: ledger id of the dry run.
        version: of the plan that was looked at.
        person: who decides.
        approve: whether it may be carried out.

    Returns:
        False if the plan has changed since it was looked at, or was decided on already; nothing is kept then.
    """
    state: Literal["approved", "refused"] = "approved" if approve else "refused"
    with store.begin() as tx:
        decided = tx.decide_plan(plan_id, version, person, state)
        if decided:
            tx.write_audit(AuditEntry(person, f"plan.{state}", {}, {"plan": plan_id, "version": version}))
    return decided


def digest_of(pair: Pair, item: PlanItem) -> str:
    """Return a digest of what carrying out an item would do.

    It covers the counterpart and, for each field that is written, the value it has and the value it gets. References
    to other records are left out: they come to have a counterpart while a plan is carried out.

    Args:
        pair: its mappings name the references.
        item: of a plan.

    Returns:
        32 hexadecimal digits, equal for equal effects.
    """
    mapping = pair.mappings.get(item.flow)
    references = {name for name, rule in mapping.fields.items() if rule.refers is not None} if mapping else set()
    effect = [
        item.flow.name,
        "unlink" if item.action is Action.UNLINK else "keep",
        None if item.current is None else item.current.id,
        {name: value for name, value in item.before().items() if name not in references},
        {name: value for name, value in item.after().items() if name not in references},
    ]
    return blake2b(orjson.dumps(effect, option=orjson.OPT_SORT_KEYS, default=str), digest_size=16).hexdigest()


def hold_to_plan(pair: Pair, flow: Flow, items: Sequence[PlanItem], changes: Mapping[str, Change]) -> list[PlanItem]:
    """Stop what a person has not approved; records whose run carries out no plan are not concerned.

    Args:
        pair: whose store holds the approved plans.
        flow: of the items.
        items: what would be done now.
        changes: by source id the staged changes, which name the run.

    Returns:
        The items in the same order; those that would do something else than what was approved are parked with SYNC-231.
    """
    wanted: dict[str, list[str]] = {}
    for item in items:
        wanted.setdefault(changes[item.source_id].run_id, []).append(item.source_id)
    with pair.store.read() as tx:
        approved = tx.approved(flow, wanted)
    return [_held(pair, item, approved[item.source_id]) if item.source_id in approved else item for item in items]


def _held(pair: Pair, item: PlanItem, approved: PlanEntry | None) -> PlanItem:
    if not item.writes and item.action not in _BINDING:
        # Nothing is done, so nothing was left unapproved: somebody else has done it meanwhile.
        return item
    if approved is not None and (approved.digest == digest_of(pair, item) or _goes_on(item, approved)):
        return item
    message = (
        "it was not in the plan" if approved is None else f"{approved.action} was approved: {_now(item, approved)}"
    )
    error = SyncError(PLAN_CHANGED, message, record=item.source_id, rule="only what was approved is written")
    return replace(item, action=Action.PARKED, reason=message, changes={}, decisions={}, lists=(), error=error)


def _goes_on(item: PlanItem, approved: PlanEntry) -> bool:
    """Whether an approved create is repeated that broke off after its intent was written; the record found is ours."""
    begun = item.link is not None and item.link.status == "pending" and item.link.id_in(item.flow.target) is None
    return approved.action == Action.CREATE and begun


def _now(item: PlanItem, approved: PlanEntry) -> str:
    target = None if item.current is None else item.current.id
    if target != approved.target_id:
        return f"its counterpart is now {target or 'none'}"
    after = item.after()
    fields = sorted(
        name
        for name in {*after, *approved.after}
        if after.get(name) != approved.after.get(name) or item.before().get(name) != approved.before.get(name)
    )
    return f"{', '.join(fields[:8]) or 'the record'} changed since"


def stage_plan(pair: Pair, flow: Flow, plan_id: str, run_id: str) -> int:
    """Stage the records of an approved plan, to be read and planned anew when they are processed.

    Args:
        pair: the store.
        flow: entity and direction.
        plan_id: ledger id of the dry run whose plan was approved.
        run_id: open run in whose ledger they count.

    Returns:
        Number of records staged. Repeating is safe.

    Raises:
        SyncError: SYNC-110 if the plan is not approved, of another flow, or carried out by another run.
    """
    with pair.store.begin() as tx:
        found = tx.plan(plan_id)
        if found is None or found.flow != flow or not tx.begin_applying(plan_id, run_id):
            state = "there is none" if found is None else f"it is {found.state} and of {found.flow.name}"
            applied = "" if found is None or found.applied_in is None else f", carried out by {found.applied_in}"
            raise SyncError(PLAN_NOT_APPROVED, f"plan {plan_id}: {state}{applied}", field="plan")
    pair.require_on(flow)
    with pair.store.read() as tx:
        pages = list(tx.wanted_ids(plan_id))
    for ids in pages:
        with pair.store.begin() as tx:
            counts = tx.stage([Change(flow, source_id, origin=Origin.RECOVERY, run_id=run_id) for source_id in ids])
            tx.count_read(run_id, read=len(ids), staged=counts)
    return sum(map(len, pages))
