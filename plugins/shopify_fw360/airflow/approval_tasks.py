"""What the tasks do that ask people about a plan: put it into words, keep the answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow.sdk.configuration import conf

from shopify_fw360.airflow.reactions import reacting
from shopify_fw360.airflow.runtime import open_store
from shopify_fw360.errors import PLAN_NOT_APPROVED, SyncError
from shopify_fw360.store import Plan
from shopify_fw360.sync import approval

log = logging.getLogger(__name__)


def describe(plan_id: str | None) -> dict[str, Any]:
    """Put into words what a person is asked about a plan.

    Args:
        plan_id: ledger id of the dry run.

    Returns:
        ``subject`` and ``body`` (Markdown) of the question, ``plan``, its ``flow`` and its ``version``.

    Raises:
        AirflowFailException: there is no such plan, or it is not to be decided.
    """
    with reacting(), open_store() as store, store.read() as tx:
        plan = tx.plan(plan_id or "")
        if plan is None or plan.state != "ready":
            state = "there is none" if plan is None else f"it is {plan.state}"
            raise SyncError(PLAN_NOT_APPROVED, f"plan {plan_id}: {state}", field="plan")
        actions, left_out = tx.plan_counts(plan.run_id), tx.plan_left_out(plan.run_id)
    return {
        "subject": f"Carry out the plan of {plan.flow.name}?",
        "body": _body(plan, actions, left_out),
        "plan": plan.run_id,
        "flow": plan.flow.name,
        "version": plan.version,
    }


def _body(plan: Plan, actions: Mapping[str, int], left_out: int) -> str:
    flow, _, run = plan.run_id.partition("/")
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    rows = "\n".join(f"| {action} | {count:,} |" for action, count in actions.items())
    cost = plan.cost
    costs = (
        f"{cost['writes']:,} records written, about {cost['requests']:,} requests, "
        f"{cost['points']:,} points of Shopify, {cost['seconds']:,} seconds."
        if cost
        else ""
    )
    by_hand = f"{left_out:,} records were left out by hand." if left_out else ""
    return "\n\n".join(
        part
        for part in (
            f"| What would be done | Records |\n| --- | ---: |\n{rows}",
            costs,
            by_hand,
            f"[Each record with its fields before and after]({base}/sync/first-sync/{quote(flow)}/{quote(run)})",
            "Exactly this is carried out: a record that has changed meanwhile is left for a new plan.",
        )
        if part
    )


def decide(asked: Mapping[str, Any], answer: Mapping[str, Any], *, approved_by: str) -> bool:
    """Keep what was answered.

    Args:
        asked: what ``describe`` returned.
        answer: of the human-in-the-loop task: ``chosen_options`` and ``responded_by_user``, None if nobody answered.
        approved_by: the option that approves.

    Returns:
        Whether the plan is to be carried out.

    Raises:
        AirflowFailException: the plan has changed since the question was asked, or was decided on elsewhere.
    """
    person = (answer.get("responded_by_user") or {}).get("name")
    if not person:
        log.warning("nobody has answered; the plan %s stays to be decided", asked["plan"])
        return False
    approve = approved_by in answer["chosen_options"]
    with reacting(), open_store() as store:
        if not approval.decide(store, asked["plan"], asked["version"], person, approve=approve):
            raise SyncError(
                PLAN_NOT_APPROVED,
                f"plan {asked['plan']} has changed since {person} was asked, or was decided on already",
                field="plan",
            )
    log.info("user %s has %s the plan %s", person, "approved" if approve else "refused", asked["plan"])
    return approve
