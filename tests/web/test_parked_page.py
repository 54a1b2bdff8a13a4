"""The list of parked records, and releasing them."""

import pytest

from shopify_fw360.errors import AMBIGUOUS, CODES, REQUIRED_MISSING, VALUE_NOT_MAPPED
from tests.web.conftest import INTO_SHOP, INTO_SITE

pytestmark = pytest.mark.airflow


@pytest.fixture
def parked(past):
    """Three ambiguous records into the site, two without e-mail into the shop."""
    past.run(INTO_SITE, staged=3)
    past.park(INTO_SITE, AMBIGUOUS, 3)
    past.run(INTO_SHOP, staged=2)
    past.park(INTO_SHOP, REQUIRED_MISSING, 2)
    return past


def pending(past):
    with past.store.read() as tx:
        return tx.pending().pending


def test_all_of_them_are_listed_and_counted_by_reason(browser, parked):
    answer = browser().get("/api/parked").json()
    assert (answer["total"], answer["codes"]) == (5, {"SYNC-201": 2, "SYNC-204": 3})
    assert len(answer["rows"]) == 5


@pytest.mark.parametrize(
    ("query", "number"),
    [
        (f"flow={INTO_SHOP.name}", 2),
        ("code=SYNC-204", 3),
        (f"flow={INTO_SHOP.name}&code=SYNC-204", 0),
        ("flow=&code=", 5),
    ],
)
def test_the_list_can_be_filtered(browser, parked, query, number):
    assert browser().get(f"/api/parked?{query}").json()["total"] == number
    assert browser().get(f"/parked?{query}").text.count("data-row=") == number


def test_long_lists_come_in_pages(browser, past):
    past.run(staged=101)
    past.park(number=101)
    assert browser().get("/api/parked").json()["pages"] == 3
    text = browser().get("/parked?part=3&code=SYNC-204").text
    assert "Page 3 of 3" in text
    assert text.count("data-row=") == 1


def test_each_row_leads_to_its_run_and_to_its_reason(browser, parked):
    text = browser().get(f"/parked?flow={INTO_SITE.name}").text
    assert f'href="./runs/{INTO_SITE.name}/manual__2026-11-24T05%3A19%3A39%2B00%3A00"' in text
    assert 'href="./errors#SYNC-204"' in text


def test_names_are_text(browser, parked):
    text = browser().get("/parked").text
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


@pytest.mark.parametrize("query", ["code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "code=%27%20onfocus=alert(1)"])
def test_a_hostile_filter_is_text(browser, parked, query):
    text = browser().get(f"/parked?{query}").text
    assert "<script>alert" not in text
    assert 'onfocus="' not in text


def test_chosen_rows_go_back_into_the_queue(browser, parked):
    rows = [row["row_id"] for row in browser().get("/api/parked?code=SYNC-204").json()["rows"]][:2]
    answer = browser().post("/api/parked/release", json={"rows": rows})
    assert (answer.status_code, answer.json()) == (200, {"released": 2})
    assert pending(parked) == 2
    assert browser().get("/api/parked").json()["total"] == 3


def test_all_of_one_reason_can_be_released(browser, parked):
    body = {"code": "SYNC-201", "flow": INTO_SHOP.name}
    assert browser().post("/api/parked/release", json=body).json() == {"released": 2}
    assert browser().post("/api/parked/release", json={"code": "SYNC-204"}).json() == {"released": 3}


def test_releasing_twice_releases_once(browser, parked):
    (row, *_) = browser().get("/api/parked").json()["rows"]
    body = {"rows": [row["row_id"]]}
    assert [browser().post("/api/parked/release", json=body).json()["released"] for _ in "12"] == [1, 0]


@pytest.mark.parametrize(
    "body", [{}, {"rows": []}, {"flow": INTO_SITE.name}, {"rows": ["x"]}, {"rows": [0]}, {"rows": [1], "more": 1}, []]
)
def test_a_release_must_say_what(browser, parked, body):
    answer = browser().post("/api/parked/release", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert pending(parked) == 0


def test_a_flow_that_does_not_exist_is_told(browser):
    assert browser().get("/api/parked?flow=nothing").status_code == 404


def test_who_may_only_look_sees_the_list_but_no_button_and_cannot_release(browser, parked):
    page = browser("viewer").get("/parked")
    assert (page.status_code, "data-row=" in page.text, "<button class" in page.text.split("<h2>")[-1]) == (
        200,
        True,
        False,
    )
    (row, *_) = browser("viewer").get("/api/parked").json()["rows"]
    assert browser("viewer").post("/api/parked/release", json={"rows": [row["row_id"]]}).status_code == 403
    assert pending(parked) == 0


def test_who_may_edit_the_dag_may_release(browser, parked):
    assert 'data-action="release"' in browser("user").get("/parked").text
    assert browser("user").post("/api/parked/release", json={"code": "SYNC-204"}).json() == {"released": 3}


def test_who_has_no_role_sees_nothing(browser, parked):
    answer = browser(None).get("/parked")
    assert answer.status_code == 403
    assert "data-row=" not in answer.text


def test_the_reference_explains_every_code(browser):
    text = browser().get("/errors").text
    assert all(f'id="{code}"' in text for code in CODES)
    assert [entry["code"] for entry in browser().get("/api/errors").json()] == sorted(CODES)


def test_each_reason_comes_once_with_its_cause_and_next_step(browser, parked):
    text = browser().get("/parked").text
    assert text.count(CODES["SYNC-204"].cause) == 1
    assert 'data-all="SYNC-204"' in text


def test_records_chosen_by_hand_are_tried_before_others(browser, parked):
    rows = [row["row_id"] for row in browser().get("/api/parked?code=SYNC-204").json()["rows"]]
    browser().post("/api/parked/release", json={"rows": rows[:1]})
    with parked.store.read() as tx:
        assert [row.origin.name for row in tx.queued("pending")] == ["SYNC_NOW"]


def test_the_line_of_the_mapping_to_be_edited_is_shown(browser, past):
    past.run()
    past.park(code=VALUE_NOT_MAPPED, text="not in the table at include/mappings/order.shopify_to_framework360.yaml:57")
    assert "<code>include/mappings/order.shopify_to_framework360.yaml:57</code>" in browser().get("/parked").text


class TestLeavingOut:
    def leave_out(self, client):
        (row, *_) = client.get("/api/parked?code=SYNC-204").json()["rows"]
        return client.post("/api/parked/leave-out", json={"rows": [row["row_id"]]})

    def test_takes_the_record_off_the_list_and_keeps_who_wanted_it(self, browser, parked):
        assert self.leave_out(browser()).json() == {"left_out": 1}
        assert browser().get("/api/parked").json()["total"] == 4
        assert "a admin" in browser().get("/left-out").text

    def test_can_be_lifted_once(self, browser, parked):
        self.leave_out(browser())
        with parked.store.read() as tx:
            _, (link,) = tx.left_out()
        answers = [browser().post("/api/left-out/let-in", json={"link": link.id}).status_code for _ in "12"]
        assert answers == [200, 409]
        assert "No record is left out." in browser().get("/left-out").text

    def test_is_refused_to_who_may_only_look(self, browser, parked):
        assert self.leave_out(browser("viewer")).status_code == 403
        assert browser("viewer").post("/api/left-out/let-in", json={"link": 1}).status_code == 403


def test_what_waits_is_listed_by_flow_and_priority(browser, past):
    past.run(staged=2)
    past.claim()
    found = browser().get("/api/queue").json()
    assert [(lane["due"], lane["working"], lane["waiting"]) for lane in found["lanes"]] == [(1, 1, 0)]
    assert found["total"] == 2
    text = browser().get("/queue").text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img" not in text
