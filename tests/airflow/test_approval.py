"""A plan can be approved as a required action of Airflow; who answered stands beside the plan."""

import pytest
from airflow.sdk.exceptions import AirflowFailException

from shopify_fw360.airflow.approval_tasks import decide, describe
from shopify_fw360.store import PlanEntry
from tests.airflow.world import INTO_SITE

pytestmark = pytest.mark.airflow

PLAN = f"{INTO_SITE.name}/manual__1"


@pytest.fixture
def plan(deployment):
    with deployment.store.begin() as tx:
        tx.open_plan(PLAN, INTO_SITE)
        tx.write_plan(PLAN, [PlanEntry("1", "create", "no counterpart exists"), PlanEntry("2", "update", "1 field(s)")])
        tx.finish_plan(PLAN, {"writes": 2, "requests": 4, "points": 8, "seconds": 2})
    return deployment.store


def answer(option, name="anna"):
    return {"chosen_options": [option], "responded_by_user": {"id": "7", "name": name} if name else None}


def state(store):
    with store.read() as tx:
        found = tx.plan(PLAN)
    return found.state, found.decided_by


def test_the_question_says_what_would_be_done_and_where_each_record_is(plan):
    asked = describe(PLAN)
    assert (asked["plan"], asked["flow"]) == (PLAN, INTO_SITE.name)
    assert "| create | 1 |" in asked["body"]
    assert "2 records written, about 4 requests, 8 points" in asked["body"]
    assert f"/sync/first-sync/{INTO_SITE.name}/manual__1)" in asked["body"]


@pytest.mark.parametrize(("option", "kept"), [("Approve", "approved"), ("Refuse", "refused")])
def test_an_answer_is_kept_with_who_gave_it(plan, option, kept):
    assert decide(describe(PLAN), answer(option), approved_by="Approve") is (kept == "approved")
    assert state(plan) == (kept, "anna")
    with plan.read() as tx:
        assert [(one.person, one.action) for one in tx.audit_entries()] == [("anna", f"plan.{kept}")]


def test_without_an_answer_the_plan_stays_to_be_decided(plan):
    assert decide(describe(PLAN), answer("Refuse", name=None), approved_by="Approve") is False
    assert state(plan) == ("ready", None)


def test_a_plan_that_changed_since_the_question_is_not_approved(plan):
    asked = describe(PLAN)
    with plan.begin() as tx:
        tx.leave_out(PLAN, ["1"], left_out=True)
    with pytest.raises(AirflowFailException, match="has changed since anna was asked"):
        decide(asked, answer("Approve"), approved_by="Approve")
    assert state(plan) == ("ready", None)


@pytest.mark.parametrize("plan_id", [None, "no/plan"])
def test_a_plan_that_is_not_there_is_told_before_anybody_is_asked(plan, plan_id):
    with pytest.raises(AirflowFailException, match="there is none"):
        describe(plan_id)
