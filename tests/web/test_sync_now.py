"""*Sync now* and unlinking: who may, what goes into the queue, how it is followed."""

import pytest

from shopify_fw360.records import QUEUE_CONSUMER, Entity, Link, Origin, Outcome, System
from shopify_fw360.settings import SyncSettings
from shopify_fw360.store import JournalEntry
from shopify_fw360.web.app import create_app
from shopify_fw360.web.console import Console
from tests.web.conftest import INTO_SHOP, INTO_SITE

pytestmark = pytest.mark.airflow

GID = "gid://shopify/Customer/701"


@pytest.fixture
def bell():
    return []


@pytest.fixture
def settings():
    return {}


@pytest.fixture
def application(store, bell, settings):
    return create_app(Console(lambda: store, lambda: bell.append(1), lambda: SyncSettings.model_validate(settings)))


@pytest.fixture
def link(store):
    with store.begin() as tx:
        return tx.save_link(Link(Entity.CUSTOMER, GID, "63", "synced", display_name="Ada", base={INTO_SITE.name: {}}))


def sync(client, *records, entity="customer", **more):
    return client.post("/api/sync", json={"entity": entity, "records": list(records), **more})


def waiting(store):
    with store.read() as tx:
        return {(row.flow.name, row.source_id, row.origin) for row in tx.queued("pending")}


def test_a_linked_record_goes_to_the_head_of_the_queue_in_both_directions(browser, store, link):
    answer = sync(browser("user"), {"link": link.id})
    assert answer.status_code == 202
    assert answer.json()["directions"] == [INTO_SITE.name, INTO_SHOP.name]
    assert waiting(store) == {
        (INTO_SITE.name, GID, Origin.SYNC_NOW),
        (INTO_SHOP.name, "63", Origin.SYNC_NOW),
    }


@pytest.mark.parametrize("record", [{"shopify_id": "701"}, {"shopify_id": GID}, {"framework360_id": "63"}])
def test_a_record_may_be_named_by_its_id_in_either_system(browser, store, link, record):
    sync(browser(), record)
    assert {source_id for _, source_id, _ in waiting(store)} == {GID, "63"}


def test_one_that_was_never_synchronised_goes_in_the_direction_it_can(browser, store):
    sync(browser(), {"shopify_id": "5"})
    assert waiting(store) == {(INTO_SITE.name, "gid://shopify/Customer/5", Origin.SYNC_NOW)}


def test_one_direction_can_be_chosen(browser, store, link):
    sync(browser(), {"link": link.id}, direction=INTO_SHOP.name)
    assert {flow for flow, _, _ in waiting(store)} == {INTO_SHOP.name}


def test_a_direction_that_is_off_is_left_out_and_one_that_is_asked_for_refused(browser, store, link, settings):
    settings["flows"] = {"customers": {"framework360_to_shopify": False}}
    assert sync(browser(), {"link": link.id}).json()["directions"] == [INTO_SITE.name]
    refused = sync(browser(), {"link": link.id}, direction=INTO_SHOP.name)
    assert (refused.status_code, refused.json()["code"]) == (409, "SYNC-107")


def test_a_shop_that_has_left_is_told(browser, store, link):
    with store.begin() as tx:
        tx.disconnect("test-shop.myshopify.com", "the app was uninstalled")
    assert sync(browser(), {"link": link.id}).json()["code"] == "SYNC-317"
    assert waiting(store) == set()


@pytest.mark.parametrize(
    "record",
    [{}, {"link": 0}, {"link": "x"}, {"shopify_id": "701; DROP"}, {"framework360_id": "a"}, {"link": 1, "more": 2}],
)
def test_a_record_that_is_not_named_properly_is_refused(browser, record):
    assert sync(browser(), record).status_code == 422


def test_a_link_of_another_kind_is_not_there(browser, link):
    assert sync(browser(), {"link": link.id}, entity="product").status_code == 404


def test_a_viewer_may_not(browser, store, link, bell):
    viewer = browser("viewer")
    assert sync(viewer, {"link": link.id}).status_code == 403
    assert viewer.post("/api/unlink", json={"entity": "customer", "links": [link.id]}).status_code == 403
    assert viewer.post("/api/watch", json={}).status_code == 403
    assert (waiting(store), bell) == (set(), [])


class TestBell:
    def test_it_rings_when_nobody_is_awake(self, browser, link, bell):
        sync(browser(), {"link": link.id})
        assert bell == [1]

    def test_it_is_silent_while_a_consumer_is_awake(self, browser, store, link, bell):
        from datetime import timedelta

        with store.begin() as tx:
            tx.stay_awake(QUEUE_CONSUMER, "somebody", timedelta(minutes=1))
        sync(browser(), {"link": link.id})
        assert browser().post("/api/watch", json={}).json() == {"awake": True}
        assert bell == []

    def test_somebody_who_looks_at_a_list_wakes_the_consumer_beforehand(self, browser, store, bell):
        assert browser().post("/api/watch", json={}).json() == {"awake": False}
        assert bell == [1]
        with store.read() as tx:
            assert tx.is_awake("console")

    def test_that_it_does_not_ring_keeps_nobody_from_asking(self, browser, store, link):
        def broken():
            raise LookupError("no such asset")

        client = browser()
        client.app = create_app(Console(lambda: store, broken))
        assert sync(client, {"link": link.id}).status_code == 202


class TestFollowing:
    def steps(self, client, ticket):
        answer = client.get(f"/api/sync/{ticket}")
        assert answer.status_code == 200
        return answer.json()

    def test_from_waiting_over_working_to_the_outcome(self, browser, store, link, past):
        client = browser()
        ticket = sync(client, {"link": link.id}, direction=INTO_SITE.name).json()["ticket"]
        assert [step["state"] for step in self.steps(client, ticket)["steps"]] == ["waiting"]
        [claim] = past.claim(INTO_SITE)
        assert [step["state"] for step in self.steps(client, ticket)["steps"]] == ["working"]
        with store.begin() as tx:
            tx.complete(claim, "worker", JournalEntry(claim.change.run_id, INTO_SITE, GID, Outcome.UPDATED, "63"))
        found = self.steps(client, ticket)
        assert found["done"]
        assert [(step["outcome"], step["target_id"]) for step in found["steps"]] == [("updated", "63")]

    def test_a_failure_is_told(self, browser, store, link, past):
        client = browser()
        ticket = sync(client, {"link": link.id}, direction=INTO_SITE.name).json()["ticket"]
        past.park(INTO_SITE)
        [step] = self.steps(client, ticket)["steps"]
        assert (step["state"], step["outcome"], step["error_code"]) == ("done", "parked", "SYNC-204")

    def test_a_newer_change_of_the_record_takes_over(self, browser, store, link, past):
        client = browser()
        first = sync(client, {"link": link.id}, direction=INTO_SITE.name).json()["ticket"]
        sync(client, {"link": link.id}, direction=INTO_SITE.name)
        assert [step["state"] for step in self.steps(client, first)["steps"]] == ["waiting"]
        [claim] = past.claim(INTO_SITE)
        with store.begin() as tx:
            tx.complete(claim, "worker", JournalEntry(claim.change.run_id, INTO_SITE, GID, Outcome.UNCHANGED))
        [step] = self.steps(client, first)["steps"]
        assert (step["state"], step["outcome"]) == ("done", "unchanged")

    def test_the_work_is_a_run_of_the_ledger_that_explains_every_record(self, browser, store, link, past):
        client = browser()
        ticket = sync(client, {"link": link.id}).json()["ticket"]
        for flow in (INTO_SITE, INTO_SHOP):
            [claim] = past.claim(flow)
            entry = JournalEntry(claim.change.run_id, flow, claim.change.source_id, Outcome.UNCHANGED)
            with store.begin() as tx:
                tx.complete(claim, "worker", entry)
        with store.read() as tx:
            for run in tx.parts_of_run(ticket):
                certificate = tx.certificate(run.run_id)
                assert (certificate.explained, certificate.open) == (True, 0)
        assert client.get(f"/runs/{ticket}").status_code == 200

    @pytest.mark.parametrize("ticket", ["sync_one/nobody", "webhook_queue/x", "x"])
    def test_a_ticket_that_never_was_is_not_there(self, browser, ticket):
        assert browser().get(f"/api/sync/{ticket}").status_code == 404


class TestUnlink:
    def test_both_records_stay_and_have_no_counterpart_any_more(self, browser, store, link):
        answer = browser().post("/api/unlink", json={"entity": "customer", "links": [link.id, 999]})
        assert answer.json() == {"unlinked": 1}
        with store.read() as tx:
            shop = tx.links(Entity.CUSTOMER, System.SHOPIFY, [GID])[GID]
            site = tx.links(Entity.CUSTOMER, System.FRAMEWORK360, ["63"])["63"]
        assert (shop.framework360_id, shop.status, shop.base) == (None, "unlinked", {})
        assert (site.shopify_id, site.status) == (None, "unlinked")

    def test_the_journal_says_who_did_it(self, browser, store, link):
        browser().post("/api/unlink", json={"entity": "customer", "links": [link.id]})
        with store.read() as tx:
            entries = tx.story(Entity.CUSTOMER, {System.SHOPIFY: GID, System.FRAMEWORK360: "63"})
        assert {(entry.outcome, entry.message) for entry in entries} == {(Outcome.UNLINKED, "unlinked by a admin")}

    def test_a_record_that_is_being_synchronised_is_left_alone(self, browser, store, link):
        from datetime import timedelta

        with store.begin() as tx:
            tx.lock_records(Entity.CUSTOMER, [f"shopify:{GID}"], "worker", timedelta(minutes=1))
        answer = browser().post("/api/unlink", json={"entity": "customer", "links": [link.id]})
        assert (answer.status_code, answer.json()["code"]) == (409, "SYNC-502")
        with store.read() as tx:
            assert tx.link(link.id).framework360_id == "63"

    def test_one_of_another_kind_is_left_alone(self, browser, store, link):
        assert browser().post("/api/unlink", json={"entity": "product", "links": [link.id]}).json() == {"unlinked": 0}
        with store.read() as tx:
            assert tx.link(link.id).framework360_id == "63"
