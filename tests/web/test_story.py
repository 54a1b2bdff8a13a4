"""The story of a record and undo, as people see and ask for them; end_to_end/test_undo.py tells what an undo does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shopify_fw360.records import Change, Entity, Event, Flow, Link, Outcome, System
from shopify_fw360.store import JournalEntry
from shopify_fw360.web.app import create_app
from shopify_fw360.web.console import Console
from tests.web.conftest import HOSTILE, INTO_SHOP, INTO_SITE, RUN

pytestmark = pytest.mark.airflow

GID = "gid://shopify/Customer/701"


@pytest.fixture
def bell():
    return []


@pytest.fixture
def application(store, bell):
    return create_app(Console(lambda: store, lambda: bell.append(1)))


@pytest.fixture
def link(store):
    """A customer whose first name a run has changed; the change came back from the site and was dropped."""
    run_id = f"{INTO_SITE.name}/{RUN}"
    event = Event(System.SHOPIFY, "e1", "customers/update", Entity.CUSTOMER, GID)
    with store.begin() as tx:
        link = tx.save_link(
            Link(
                Entity.CUSTOMER,
                GID,
                "63",
                "synced",
                display_name=HOSTILE,
                base={INTO_SITE.name: {"nome": ["Eva"], "cognome": ["Neri"]}, INTO_SHOP.name: {"firstName": ["Eva"]}},
            )
        )
        tx.record_events([event, event])
        tx.open_run(run_id, INTO_SITE, "incremental")
        entry = JournalEntry(run_id, INTO_SITE, GID, Outcome.UPDATED, "63", link.id)
        tx.write_journal(
            [
                replace(
                    entry,
                    before={"nome": HOSTILE},
                    after={"nome": "Eva"},
                    reasons={"nome": "changed on the source only", "cognome": "the source does not know this field"},
                    at=store.clock() + timedelta(seconds=1),
                ),
                JournalEntry("", INTO_SHOP, "63", Outcome.UNCHANGED, GID, at=store.clock() + timedelta(seconds=2)),
            ]
        )
        tx.count_read(run_id, read=1, staged=tx.stage([Change(INTO_SITE, "9", run_id=run_id)]))
    return link


def story(client, link, entity="customer"):
    return client.get(f"/api/records/{entity}/{link.id}/story")


def undo(client, **body):
    return client.post("/api/undo", json=body)


def wishes(store):
    with store.begin() as tx:
        return [task.data for task in tx.claim_event_tasks(100, timedelta(minutes=1))]


class TestStory:
    def test_events_writes_and_echoes_stand_in_the_order_of_time(self, browser, link):
        entries = story(browser("viewer"), link).json()["entries"]
        assert [(one["what"], one["outcome"], one["echo"]) for one in entries] == [
            ("change", "unchanged", True),
            ("change", "updated", False),
            ("event", None, False),
        ]
        assert (entries[2]["topic"], entries[2]["deliveries"]) == ("customers/update", 2)

    def test_a_write_shows_what_was_there_before_and_why(self, browser, link):
        written = story(browser(), link).json()["entries"][1]["fields"]
        assert written[0] == {
            "name": "nome",
            "before": HOSTILE,
            "after": "Eva",
            "written": True,
            "reason": "changed on the source only",
        }
        assert (written[1]["name"], written[1]["written"]) == ("cognome", False)

    def test_each_field_tells_why_it_has_its_value(self, browser, link):
        fields = {one["name"]: one for one in story(browser(), link).json()["fields"]}
        assert (fields["nome"]["reason"], fields["nome"]["can_undo"]) == ("changed on the source only", True)
        assert fields["nome"]["run"] == f"{INTO_SITE.name}/{RUN}"
        assert (fields["cognome"]["can_undo"], fields["firstName"]["can_undo"]) == (False, False)

    def test_the_page_escapes_what_records_are_called(self, browser, link):
        text = browser().get(f"/records/customer/{link.id}").text
        assert "&lt;img src=x" in text
        assert "<img" not in text

    def test_the_list_leads_there(self, browser, link):
        assert f'href="./records/customer/{link.id}"' in browser().get("/customers").text

    def test_a_record_of_another_kind_is_not_there(self, browser, link):
        assert story(browser(), link, "product").status_code == 404
        assert browser().get("/records/customer/999").status_code == 404

    def test_a_viewer_sees_no_button(self, browser, link):
        text = browser("viewer").get(f"/records/customer/{link.id}").text
        assert "data-undo" not in text
        assert "sync-now" not in text


class TestUndo:
    def test_of_the_last_sync_waits_for_the_consumer_which_is_woken(self, browser, store, link, bell):
        answer = undo(browser("user"), link=link.id)
        assert (answer.status_code, answer.json()["records"], bell) == (202, 1, [1])
        (wish,) = wishes(store)
        assert (wish["source_id"], wish["target_id"], wish["fields"]) == (GID, "63", ["nome"])

    def test_of_a_field(self, browser, store, link):
        undo(browser(), link=link.id, field="nome", direction=INTO_SITE.name)
        assert [wish["fields"] for wish in wishes(store)] == [["nome"]]

    def test_of_a_run_after_a_look_at_what_it_would_come_to(self, browser, store, link):
        client = browser()
        run = f"{INTO_SITE.name}/{RUN}"
        assert client.get("/api/undo/preview", params={"run": run}).json() == {
            "records": 1,
            "fields": 1,
            "already": 0,
            "cannot": 0,
        }
        assert undo(client, run=run).status_code == 202
        assert len(wishes(store)) == 1

    def test_is_followed_until_it_has_ended(self, browser, store, link):
        client = browser()
        ticket = undo(client, link=link.id).json()["ticket"]
        found = client.get(f"/api/undo/{ticket}").json()
        assert (found["done"], found["asked"], found["ended"]) == (False, 1, 0)
        assert client.get("/api/undo/sync_one/nobody").status_code == 404

    @pytest.mark.parametrize("what", [{"field": "cognome"}, {"direction": INTO_SHOP.name}])
    def test_of_what_was_not_written_is_refused_with_the_next_step(self, browser, store, link, what):
        answer = undo(browser(), link=link.id, **what)
        assert (answer.status_code, answer.json()["code"]) == (409, "SYNC-232")
        assert "by hand" in answer.json()["fix"]
        assert wishes(store) == []

    def test_of_a_sale_is_refused(self, browser, store):
        run = "orders_shopify_to_framework360/1"
        with store.begin() as tx:
            tx.open_run(run, Flow(Entity.ORDER, System.SHOPIFY), "window")
        assert undo(browser(), run=run).json()["code"] == "SYNC-233"

    @pytest.mark.parametrize(
        "body", [{}, {"link": 0}, {"link": 1, "run": "x"}, {"run": "x", "field": "nome"}, {"run": ""}, {"link": "x"}]
    )
    def test_that_names_nothing_clearly_is_refused(self, browser, body):
        assert undo(browser(), **body).status_code == 422

    def test_is_not_for_viewers(self, browser, store, link):
        viewer = browser("viewer")
        assert undo(viewer, link=link.id).status_code == 403
        assert viewer.get("/api/undo/preview", params={"run": f"{INTO_SITE.name}/{RUN}"}).status_code == 403
        assert wishes(store) == []

    def test_of_another_site_is_refused(self, browser, store, link):
        client = browser()
        answer = client.post("/api/undo", json={"link": link.id}, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403
        assert wishes(store) == []

    def test_the_page_of_a_run_offers_it_to_those_who_may(self, browser, link):
        path = f"/runs/{INTO_SITE.name}/{RUN}"
        assert 'id="undo-run"' in browser("user").get(path).text
        assert 'id="undo-run"' not in browser("viewer").get(path).text
