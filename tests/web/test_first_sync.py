"""Plans in the console: seen by viewers, decided by those who may trigger the flow."""

import pytest

from shopify_fw360.records import Entity, System
from shopify_fw360.store import PlanEntry
from tests.web.conftest import HOSTILE, INTO_SITE

pytestmark = pytest.mark.airflow

PLAN = f"{INTO_SITE.name}/manual__1"


@pytest.fixture
def plan(store):
    with store.begin() as tx:
        tx.open_plan(PLAN, INTO_SITE)
        create = PlanEntry("1", "create", "no counterpart exists", display_name=HOSTILE, after={"nome": HOSTILE})
        twin = PlanEntry("2", "parked", "twice", candidates=("77", "78"), error_code="SYNC-204")
        tx.write_plan(PLAN, [create, twin])
        tx.finish_plan(PLAN, {"writes": 1, "requests": 4, "points": 8, "seconds": 2})
        return tx.plan(PLAN).version


def test_a_plan_is_shown_whole_filtered_and_searched_and_hostile_names_are_text(browser, plan):
    text = browser("viewer").get(f"/first-sync/{PLAN}").text
    assert "<img" not in text
    assert "no counterpart exists" in text
    assert "78" in browser("viewer").get(f"/first-sync/{PLAN}?action=parked").text
    assert browser("viewer").get(f"/api/plans/{PLAN}?search=onerror").json()["number"] == 1
    assert PLAN.rpartition("/")[2] in browser("viewer").get("/first-sync").text


def test_a_viewer_sees_no_buttons_and_decides_nothing(browser, plan, store):
    viewer = browser("viewer")
    assert 'id="decide"' not in viewer.get(f"/first-sync/{PLAN}").text
    answer = viewer.post(f"/api/plans/{PLAN}/decision", json={"version": plan, "approve": True})
    assert answer.status_code == 403
    with store.read() as tx:
        assert tx.plan(PLAN).state == "ready"


def test_an_approval_is_kept_with_who_gave_it(browser, plan, store):
    user = browser("user")
    assert user.post(f"/api/plans/{PLAN}/decision", json={"version": plan, "approve": True}).status_code == 200
    with store.read() as tx:
        assert (tx.plan(PLAN).state, tx.audit_entries()[0].action) == ("approved", "plan.approved")
    assert user.post(f"/api/plans/{PLAN}/decision", json={"version": plan, "approve": False}).status_code == 409


def test_an_approved_plan_that_no_run_has_begun_can_still_be_carried_out(browser, plan, store):
    user = browser("user")
    user.post(f"/api/plans/{PLAN}/decision", json={"version": plan, "approve": True})
    assert 'id="carry-out"' in user.get(f"/first-sync/{PLAN}").text
    assert 'id="carry-out"' not in browser("viewer").get(f"/first-sync/{PLAN}").text
    with store.begin() as tx:
        assert tx.begin_applying(PLAN, f"{INTO_SITE.name}/manual__2")
    assert 'id="carry-out"' not in user.get(f"/first-sync/{PLAN}").text


def test_a_plan_that_changed_since_it_was_looked_at_is_not_approved(browser, plan):
    user = browser("user")
    assert user.post(f"/api/plans/{PLAN}/leave-out", json={"ids": ["1"]}).json() == {"changed": 1}
    assert user.post(f"/api/plans/{PLAN}/decision", json={"version": plan, "approve": True}).status_code == 409


def test_an_ambiguous_record_is_linked_by_hand(browser, plan, store):
    answer = browser("user").post(f"/api/plans/{PLAN}/link", json={"source_id": "2", "target_id": "77"})
    assert answer.status_code == 200
    with store.read() as tx:
        assert tx.pairings(Entity.CUSTOMER, System.SHOPIFY, ["2"])["2"].framework360_id == "77"
    unknown = browser("user").post(f"/api/plans/{PLAN}/link", json={"source_id": "9", "target_id": "77"})
    assert unknown.status_code == 404


@pytest.mark.parametrize("address", [f"/first-sync/{INTO_SITE.name}/gone", "/first-sync/no_flow/x"])
def test_a_plan_that_is_not_there_is_told(browser, address):
    assert browser().get(address).status_code == 404
