"""Dry runs: plan what a run would do, keep the whole plan for people to look at, write nothing to either system."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from shopify_fw360.errors import AMBIGUOUS, PLAN_NOT_APPROVED, SyncError
from shopify_fw360.records import Change, Flow, Origin, Outcome
from shopify_fw360.store import PlanEntry, StageCounts
from shopify_fw360.sync.approval import digest_of
from shopify_fw360.sync.estimate import estimate
from shopify_fw360.sync.likeness import likeness
from shopify_fw360.sync.match import Match, shared_match, twin_match
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.plan import OUTCOMES, Action, PlanItem, table
from shopify_fw360.sync.planner import plan
from shopify_fw360.sync.run import RunRequest, plan_run

log = logging.getLogger(__name__)

PLANS_KEPT: Final = 5
"""Dry runs of a flow whose plans are kept whole, the newest."""

_LOGGED: Final = 50
_BY_HAND: Final = "choice"
_UNLINKED: Final = (Action.CREATE.value, Action.LINK.value)


def plan_into_store(pair: Pair, request: RunRequest) -> dict[str, int]:
    """Plan a run and keep the plan.

    The log shows which fields change, without values; the values are in the console, where Airflow's roles guard them.

    Args:
        pair: the two systems, the store, the settings.
        request: what the run would read.

    Returns:
        Number of records by action, every action named.

    Raises:
        SyncError: what concerns a whole system; SYNC-110 if the plan of this run was decided on already.
    """
    with pair.store.begin() as tx:
        tx.open_run(
            request.run_id,
            request.flow,
            request.mode.value,
            request.window,
            dry_run=True,
            mapping_digest=pair.mapping(request.flow).digest,
        )
        try:
            # An earlier try of the task may have broken off in the middle.
            tx.open_plan(request.run_id, request.flow)
        except ValueError as error:
            raise SyncError(PLAN_NOT_APPROVED, f"{error}; start another dry run instead", field="plan") from error
        tx.forget_older_plans(request.flow, keep=PLANS_KEPT)
    began = time.monotonic()
    shown: list[PlanItem] = []
    for items in plan_run(pair, request):
        shown += [item for item in items if item.action is not Action.UNCHANGED][: max(0, _LOGGED - len(shown))]
        entries = [entry_of(pair, item) for item in items]
        # At once, because a plan of everything would not fit into memory.
        with pair.store.begin() as tx:
            tx.write_plan(request.run_id, entries)
    _refuse_twins(pair, request.flow, request.run_id)
    counts = _finish(pair, request.flow, request.run_id, time.monotonic() - began)
    log.info("plan, nothing is written:\n%s", table(shown))
    log.info("summary %s", json.dumps(counts))
    return counts


def replan(pair: Pair, run_id: str, ids: Sequence[str]) -> int:
    """Plan records of a stored plan once more, after a person has decided about them.

    Args:
        pair: the two systems, the store, the settings.
        run_id: ledger id of the dry run.
        ids: in the source system.

    Returns:
        Number of records planned anew; those that are not in the plan are passed over.

    Raises:
        SyncError: SYNC-110 if the plan is gone or decided on; what concerns a whole system.
    """
    with pair.store.read() as tx:
        found = tx.plan(run_id)
        known = tx.plan_items_of(run_id, ids)
    if found is None or found.state != "ready":
        raise SyncError(PLAN_NOT_APPROVED, f"plan {run_id} is not open any more", field="plan")
    changes = [
        Change(found.flow, source_id, origin=Origin.RECOVERY, match_key=known[source_id].match_key)
        for source_id in known
    ]
    entries = [
        replace(entry_of(pair, item), match_key=item.match_key or known[item.source_id].match_key)
        for item in plan(pair, found.flow, changes)
    ]
    with pair.store.begin() as tx:
        tx.write_plan(run_id, entries)
    _refuse_twins(pair, found.flow, run_id)
    _finish(pair, found.flow, run_id, float(found.cost.get("planning_seconds", 0)))
    return len(entries)


def entry_of(pair: Pair, item: PlanItem) -> PlanEntry:
    """Return an item in the form in which plans are kept."""
    mapping = pair.mapping(item.flow)
    evidence: dict[str, Any] = {}
    score = None
    if item.by_hand:
        evidence["by"] = _BY_HAND
    elif item.action is not Action.CREATE and item.current is not None:
        linked = item.link is not None and item.link.id_in(item.flow.target) is not None
        evidence["by"] = "link" if linked else "key"
    if item.current is not None and item.incoming:
        present = {name: decision.present for name, decision in item.decisions.items() if name in mapping.fields}
        found = likeness(mapping, item.incoming, present, by_key=evidence.get("by") == "key")
        score = found.score
        evidence |= found.as_dict()
    waits = ", ".join(f"{one.entity.value} {one.source_id}" for one in item.waits_for)
    return PlanEntry(
        source_id=item.source_id,
        action=item.action.value,
        message=f"{item.reason}; {waits} is synchronised before it" if waits else item.reason,
        target_id=None if item.current is None else item.current.id,
        match_key=item.match_key,
        display_name=item.display_name,
        evidence=evidence,
        score=score,
        candidates=item.candidates,
        before=item.before(),
        after=item.after(),
        reasons=item.reasons(),
        error_code=None if item.error is None else item.error.code.code,
        digest=digest_of(pair, item),
    )


def _refuse_twins(pair: Pair, flow: Flow, run_id: str) -> None:
    """Make those ambiguous that only the whole plan shows to be: its batches do not see each other."""
    with pair.store.begin() as tx:
        for key, ids in tx.plan_twins(run_id).items():
            entries = tx.plan_items_of(run_id, ids)
            tx.write_plan(
                run_id,
                [
                    _refused(entry, twin_match(flow, source_id, key, _others(ids, source_id)))
                    for source_id, entry in entries.items()
                    if entry.action in _UNLINKED and entry.evidence.get("by") != _BY_HAND
                ],
            )
        for target_id, ids in tx.plan_sharing(run_id, Action.LINK.value).items():
            entries = tx.plan_items_of(run_id, ids)
            tx.write_plan(
                run_id,
                [
                    _refused(entry, shared_match(flow, source_id, entry.match_key, target_id, _others(ids, source_id)))
                    for source_id, entry in entries.items()
                    if entry.evidence.get("by") != _BY_HAND
                ],
            )


def _others(ids: Sequence[str], source_id: str) -> list[str]:
    return sorted(other for other in ids if other != source_id)


def _refused(entry: PlanEntry, match: Match) -> PlanEntry:
    return PlanEntry(
        source_id=entry.source_id,
        action=Action.PARKED.value,
        message="" if match.error is None else match.error.message,
        match_key=entry.match_key,
        display_name=entry.display_name,
        candidates=match.candidates,
        error_code=AMBIGUOUS.code,
        left_out=entry.left_out,
    )


def _finish(pair: Pair, flow: Flow, run_id: str, seconds: float) -> dict[str, int]:
    with pair.store.begin() as tx:
        numbers = tx.plan_counts(run_id)
        cost = estimate(pair, flow, numbers).as_dict() | {"planning_seconds": round(seconds, 1)}
        tx.finish_plan(run_id, cost)
        total = sum(numbers.values())
        outcomes: Counter[Outcome] = Counter()
        for action, count in numbers.items():
            outcomes[OUTCOMES[Action(action)]] += count
        run = tx.run(run_id)
        if run is not None and run.closed_at is not None:
            # A record was planned anew, so the run is counted once more.
            tx.open_run(run_id, flow, run.kind, run.window, dry_run=True, mapping_digest=run.mapping_digest)
        tx.count_read(run_id, read=total, staged=StageCounts(staged=total))
        tx.close_run(run_id, outcomes)
    return {action.value: numbers.get(action.value, 0) for action in Action}
