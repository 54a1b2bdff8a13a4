"""The page of a run: what it read, what became of it, what to do."""

from datetime import UTC, datetime, timedelta

import pytest

from shopify_fw360.records import Change, Outcome
from shopify_fw360.store import PlanEntry, StageCounts
from tests.web.conftest import HOSTILE, INTO_SHOP, INTO_SITE, RUN

pytestmark = pytest.mark.airflow

PAGE = f"/runs/{INTO_SITE.name}/{RUN}"


def test_the_ledger_is_told_as_sums_that_add_up(browser, past):
    past.run(staged=3)
    past.update()
    past.park()
    answer = browser().get(f"/api{PAGE}").json()
    assert [(one["label"], one["total"], one["gap"]) for one in answer["sums"]] == [("read", 5, 0), ("staged", 3, 0)]
    for one in answer["sums"]:
        assert sum(count for _, count in one["parts"]) == one["total"]
    assert dict(answer["sums"][1]["parts"]) == {"updated": 1, "parked": 1, "pending": 1}
    assert answer["state"] == "open"


def test_a_loss_is_shown_as_what_it_is(browser, past, store):
    past.run(staged=1)
    with store.begin() as tx:
        tx.count_read(f"{INTO_SITE.name}/{RUN}", read=4)
    answer = browser().get(f"/api{PAGE}").json()
    assert (answer["state"], answer["sums"][0]["gap"]) == ("unexplained", 4)
    assert "does not add up" in browser().get(PAGE).text


def test_each_written_field_shows_before_after_and_why(browser, past):
    past.run()
    past.update(before="Ada", after="Eva")
    (change,) = browser().get(f"/api{PAGE}").json()["changes"]
    assert change["written"] == [
        {"name": "nome", "before": "Ada", "after": "Eva", "reason": "changed on the source only"}
    ]
    assert change["left"] == [["cognome", "changed on the target only"]]
    text = browser().get(PAGE).text
    assert all(word in text for word in ("Ada", "Eva", "changed on the source only", "changed on the target only"))


def test_a_parked_record_names_reason_candidates_and_the_next_step(browser, past):
    past.run()
    past.park()
    (row,) = browser().get(f"/api{PAGE}").json()["parked"]["rows"]
    assert (row["error"]["code"], row["field"], row["rule"]) == ("SYNC-204", "email", "one counterpart")
    assert row["candidates"] == ["1063", "1064"]
    text = browser().get(PAGE).text
    assert "Merge or correct the duplicates" in text
    assert "1064" in text


def test_what_stopped_the_run_comes_first_with_cause_and_next_step(browser, past):
    past.run()
    past.stop()
    text = browser().get(PAGE).text
    assert "Stopped by an error" in text
    assert all(word in text for word in ("SYNC-301", "HTTP 401", "Cause.", "Connect the shop again"))


def test_a_plan_is_told_as_a_plan(browser, past, store):
    past.run(staged=0, dry_run=True)
    run_id = f"{INTO_SITE.name}/{RUN}"
    item = PlanEntry("1", "update", "1 field(s) differ", before={"nome": "Ada"}, after={"nome": "Eva"})
    with store.begin() as tx:
        tx.open_plan(run_id, INTO_SITE)
        tx.write_plan(run_id, [item, PlanEntry("2", "parked", "twice", error_code="SYNC-204")])
        tx.count_read(run_id, read=2, staged=StageCounts(staged=2))
        tx.close_run(run_id, {Outcome.UPDATED: 1, Outcome.PARKED: 1})
    answer = browser().get(f"/api{PAGE}").json()
    assert (answer["state"], answer["listed"]) == ("planned", 2)
    assert [change["word"] for change in answer["changes"]] == ["update", "parked"]
    assert answer["changes"][0]["written"] == [{"name": "nome", "before": "Ada", "after": "Eva", "reason": ""}]
    assert len(browser().get(f"/api{PAGE}?outcome=parked").json()["changes"]) == 1
    assert "nothing was written" in browser().get(PAGE).text


def test_changes_come_in_pages_and_can_be_filtered(browser, past):
    past.run(staged=120)
    past.park(number=60)
    for _ in range(60):
        past.update()
    first = browser().get(f"/api{PAGE}").json()
    assert (len(first["changes"]), first["pages"]) == (50, 3)
    assert len(browser().get(f"/api{PAGE}?part=3").json()["changes"]) == 20
    assert browser().get(f"/api{PAGE}?part=99").json()["page"] == 3
    updated = browser().get(f"/api{PAGE}?outcome=updated&part=2").json()
    assert {change["outcome"] for change in updated["changes"]} == {"updated"}
    assert "Page 2 of 2" in browser().get(f"{PAGE}?outcome=updated&part=2").text


def test_a_run_whose_details_were_deleted_still_shows_its_counts_and_says_so(browser, past):
    past.run(staged=3)
    for _ in range(3):
        past.update()
    with past.store.begin() as tx:
        tx.close_run(f"{INTO_SITE.name}/{RUN}")
        tx.prune_journal(datetime.now(UTC) + timedelta(days=1))
    answer = browser().get(f"/api{PAGE}").json()
    assert (answer["number"], answer["listed"], answer["changes"], answer["pages"]) == (3, 0, [], 1)
    text = browser().get(PAGE).text
    assert "The details of these 3 records have been deleted" in text
    assert "Nothing" not in text


def test_a_hostile_name_is_text(browser, past):
    past.run(staged=2)
    past.update(before=HOSTILE, after=HOSTILE)
    past.park()
    text = browser().get(PAGE).text
    assert "<img" not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") == 6


@pytest.mark.parametrize("page", [f"/runs/{INTO_SITE.name}/nobody", "/runs/another_dag/run"])
def test_a_run_without_records_is_explained(browser, page):
    answer = browser().get(page)
    assert answer.status_code == 404
    assert "has not read anything yet" in answer.text
    assert browser().get(f"/api{page}").status_code == 404


def test_a_hostile_address_is_text(browser):
    answer = browser().get("/runs/x/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert answer.status_code in (404, 422)
    assert "<script>alert" not in answer.text


def test_a_run_that_found_nothing_to_do_says_so(browser, past):
    past.run(staged=0)
    assert "no record that was read needed a change" in browser().get(PAGE).text


class TestRunOfSeveralFlows:
    def served(self, past, store, flows=(INTO_SITE, INTO_SHOP)):
        for flow in flows:
            with store.begin() as tx:
                tx.open_run(flow.part_of(f"webhook_queue/{RUN}"), flow, "near real time")
                counts = tx.stage([Change(flow, "1", run_id=flow.part_of(f"webhook_queue/{RUN}"))])
                tx.count_read(flow.part_of(f"webhook_queue/{RUN}"), read=1, staged=counts)

    def test_its_page_lists_the_flows_with_a_page_each(self, browser, past, store):
        self.served(past, store)
        past.update(INTO_SITE)
        parts = browser().get(f"/api/runs/webhook_queue/{RUN}").json()["parts"]
        assert [(part["title"], part["outcomes"], part["waiting"]) for part in parts] == [
            ("Customers: Shopify to Framework360", [["updated", 1]], 0),
            ("Customers: Framework360 to Shopify", [], 1),
        ]
        text = browser().get(f"/runs/webhook_queue/{RUN}").text
        assert "Customers: Shopify → Framework360" in text
        for part in parts:
            one = browser().get(f"/runs/webhook_queue/{part['run_id']}")
            assert (one.status_code, part["title"].replace(" to ", " → ") in one.text) == (200, True)

    def test_a_part_links_to_the_parked_records_of_its_flow(self, browser, past, store):
        self.served(past, store, (INTO_SITE,))
        past.park()
        page = browser().get(f"/runs/webhook_queue/{INTO_SITE.part_of(RUN)}").text
        assert f"../../parked?flow={INTO_SITE.name}" in page

    def test_other_runs_of_the_same_beginning_are_not_its_parts(self, browser, past, store):
        self.served(past, store)
        assert browser().get(f"/api/runs/webhook_queue/{RUN[:-1]}").status_code == 404
        assert browser().get("/api/runs/webhook_queue/%25").status_code == 404
