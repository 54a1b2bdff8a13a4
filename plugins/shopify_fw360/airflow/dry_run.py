"""Dry runs: plan what a run would do, keep the plan for the run page, write nothing to either system."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import Final

from shopify_fw360.records import Outcome
from shopify_fw360.store import JournalEntry, StageCounts
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.plan import OUTCOMES, Action, PlanItem, table
from shopify_fw360.sync.run import RunRequest, plan_run

log = logging.getLogger(__name__)

KEPT: Final = 20_000
"""Records whose plan is kept for the run page; of a larger plan the rest is only counted."""

PLANS_KEPT: Final = 5
"""Dry runs of a flow whose plans are kept, the newest; a plan of full length takes some 20 MB of the store."""

_LOGGED: Final = 50


def plan_into_journal(pair: Pair, request: RunRequest) -> dict[str, int]:
    """Plan a run and keep the plan in the journal.

    The log shows which fields change, without values; the values are on the run page, where Airflow's roles guard them.

    Args:
        pair: the two systems, the store, the settings.
        request: what the run would read.

    Returns:
        Number of records by action, every action named.

    Raises:
        SyncError: what concerns a whole system.
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
        # An earlier try of the task may have broken off in the middle.
        tx.forget_plan(request.run_id)
        tx.forget_older_plans(request.flow, keep=PLANS_KEPT)
    numbers: Counter[Action] = Counter()
    shown: list[PlanItem] = []
    for items in plan_run(pair, request):
        kept = items[: max(0, KEPT - numbers.total())]
        numbers.update(item.action for item in items)
        shown += [item for item in items if item.action is not Action.UNCHANGED][: max(0, _LOGGED - len(shown))]
        if kept:
            # At once, because a plan of everything would not fit into memory.
            with pair.store.begin() as tx:
                tx.write_journal([_entry(request.run_id, item) for item in kept])
    total = numbers.total()
    outcomes: Counter[Outcome] = Counter()
    for action, count in numbers.items():
        outcomes[OUTCOMES[action]] += count
    with pair.store.begin() as tx:
        tx.count_read(request.run_id, read=total, staged=StageCounts(staged=total))
        tx.close_run(request.run_id, outcomes)
    counts = {action.value: numbers.get(action, 0) for action in Action}
    log.info("plan, nothing is written:\n%s", table(shown))
    log.info("summary %s", json.dumps(counts))
    return counts


def _entry(run_id: str, item: PlanItem) -> JournalEntry:
    return JournalEntry(
        run_id=run_id,
        flow=item.flow,
        source_id=item.source_id,
        outcome=OUTCOMES[item.action],
        target_id=None if item.current is None else item.current.id,
        link_id=None if item.link is None else item.link.id,
        before=item.before(),
        after=item.after(),
        reasons=item.reasons(),
        error_code=None if item.error is None else item.error.code.code,
        message=item.reason,
        dry_run=True,
    )
