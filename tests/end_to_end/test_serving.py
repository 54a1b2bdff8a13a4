"""The consumer in near real time, between a real shop and a real site."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from shopify_fw360.errors import CONNECTION_INVALID, FW360_UNAVAILABLE, SHOPIFY_UNINSTALLED, SyncError
from shopify_fw360.records import QUEUE_CONSUMER, Change, Entity, Event, EventTask, Flow, Operation, Origin, System
from shopify_fw360.shopify.access import ShopAccess
from shopify_fw360.sync.event_tasks import do_event_tasks, shop_is_back
from shopify_fw360.sync.inbox import accept
from shopify_fw360.sync.queue_watch import is_needed
from shopify_fw360.sync.serve import Patience, serve
from tests.end_to_end.world import INTO_SHOP, INTO_SITE

AT_ONCE = Patience(linger=0.0, longest=60.0, look=0.01)
RUN = "webhook_queue/test"


def told(world, customer, topic="customers/update", key=None, **fields):
    """An event about a customer of the shop has arrived."""
    event = Event(System.SHOPIFY, key or f"{time.monotonic_ns()}", topic, Entity.CUSTOMER, customer, **fields)
    assert accept(world.store, [event]) == [True]


def serve_once(world, patience=AT_ONCE, run=RUN):
    return serve(world.pair, run, f"{run}/{time.monotonic_ns()}", patience)


def outcomes(report, flow=INTO_SITE):
    return {outcome.value: count for outcome, count in report.flows[flow].outcomes.items()}


@pytest.fixture
def world(empty_world):
    empty_world.pair = replace(empty_world.pair, shop=ShopAccess(empty_world.shop_client, lambda: None))
    return empty_world


def test_what_was_told_is_carried_over(world):
    customer = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    told(world, customer, "customers/create")
    assert outcomes(serve_once(world)) == {"created": 1}
    assert [row["email"] for row in world.site.all()] == ["ada@example.com"]


def test_an_event_is_a_hint_and_what_counts_is_the_record_as_it_is_now(world):
    customer = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    told(world, customer)
    world.shop.update(customer, firstName="Eva")
    serve_once(world)
    assert world.site.all()[0]["nome"] == "Eva"


def test_it_stays_awake_while_events_come_and_goes_to_sleep_after(world):
    ended = []
    patience = Patience(linger=1.5, longest=60.0, look=0.02)
    consumer = threading.Thread(target=lambda: ended.append(serve_once(world, patience)))
    consumer.start()
    for number in range(3):
        time.sleep(0.5)
        told(world, world.shop.create(firstName="Ada", lastName="Neri", email=f"ada{number}@example.com"))
        with world.store.read() as tx:
            assert tx.is_awake(QUEUE_CONSUMER)
            assert not is_needed(tx, (INTO_SITE,))
    consumer.join(30)
    assert outcomes(ended[0]) == {"created": 3}
    with world.store.read() as tx:
        assert not tx.is_awake(QUEUE_CONSUMER)


def test_it_goes_to_sleep_in_any_case_after_a_while_and_says_that_more_waits(world):
    for number in range(30):
        told(world, world.shop.create(firstName="Ada", lastName="Neri", email=f"ada{number}@example.com"))
    world.framework360.control.set_latency(200)
    world.configure(limits={"batch_size": 2})
    report = serve(world.pair, RUN, "consumer", Patience(linger=30.0, longest=1.0, look=0.01))
    assert report.more
    with world.store.read() as tx:
        assert is_needed(tx, (INTO_SITE,))


def test_its_ledger_explains_every_event_per_flow(world):
    customer = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    other = world.site.create(nome="Ugo", cognome="Blu", email="ugo@example.com")
    told(world, customer)
    accept(world.store, [Event(System.FRAMEWORK360, "1", "customer.created", Entity.CUSTOMER, other)])
    serve_once(world)
    with world.store.read() as tx:
        for flow in (INTO_SITE, INTO_SHOP):
            certificate = tx.run(flow.part_of(RUN)).certificate
            assert (certificate.staged, certificate.explained, certificate.open) == (1, True, 0)


def test_imports_are_left_to_their_own_runs(world):
    customer = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    with world.store.begin() as tx:
        tx.stage([Change(INTO_SITE, customer, origin=Origin.BACKFILL)])
        assert not is_needed(tx, (INTO_SITE,))
    assert serve_once(world).flows == {}
    assert world.site.all() == []


def test_a_flow_that_is_off_keeps_its_events_and_wakes_nobody(world):
    customer = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    told(world, customer)
    world.configure(flows={"customers": {"shopify_to_framework360": False}})
    assert serve_once(world).flows == {}
    with world.store.read() as tx:
        assert not is_needed(tx, world.pair.served())
        assert tx.pending(INTO_SITE).pending == 1


def test_entities_without_a_mapping_are_not_served(world):
    world.pair = replace(world.pair, mappings={INTO_SITE: world.pair.mappings[INTO_SITE]})
    assert world.pair.served() == (INTO_SITE,)


class TestTrouble:
    def test_a_poisonous_record_does_not_keep_the_others(self, world):
        poison = world.shop.create(firstName="Bad", lastName="Luck", phone="+393337654321")
        good = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
        told(world, poison)
        told(world, good)
        assert outcomes(serve_once(world)) == {"created": 1, "parked": 1}

    def test_a_system_that_fails_keeps_only_its_own_flow(self, world):
        told(world, world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com"))
        ugo = world.site.create(nome="Ugo", cognome="Blu", email="ugo@example.com")
        accept(world.store, [Event(System.FRAMEWORK360, "1", "customer.created", Entity.CUSTOMER, ugo)])
        world.framework360.control.add_fault("http_status", match={"path_prefix": "/m/api/customers/registration"})
        report = serve_once(world)
        assert outcomes(report, INTO_SHOP) == {"created": 1}
        assert report.flows[INTO_SITE].retried == 1
        with world.store.read() as tx:
            assert tx.pending(INTO_SITE).waiting == 1

    def test_what_stops_a_flow_pauses_it_and_not_the_others(self, world):
        told(world, world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com"))
        ugo = world.site.create(nome="Ugo", cognome="Blu", email="ugo@example.com")
        accept(world.store, [Event(System.FRAMEWORK360, "1", "customer.created", Entity.CUSTOMER, ugo)])
        world.framework360.control.set_options(keys={"sandbox-key": ["createcustomer"]})
        report = serve_once(world)
        assert outcomes(report, INTO_SHOP) == {"created": 1}
        assert [error.code.code for error in report.errors.values()] == ["SYNC-402"]
        with world.store.read() as tx:
            assert tx.paused() == {INTO_SITE.name}
            assert not is_needed(tx, world.pair.served())
            assert tx.run(INTO_SITE.part_of(RUN)).error_code == "SYNC-402"
            assert tx.pending(INTO_SITE).pending == 1

    def test_what_stops_everything_pauses_everything(self, world):
        told(world, world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com"))
        world.shopify.control.set_options(revoked=True)
        report = serve_once(world)
        assert {error.code.code for error in report.errors.values()} == {"SYNC-301"}
        with world.store.read() as tx:
            assert tx.paused() >= {INTO_SITE.name, INTO_SHOP.name}

    def test_a_consumer_that_ends_by_an_error_does_not_stay_awake_for_ever(self, world, monkeypatch):
        def broken(*_, **__):
            raise SyncError(CONNECTION_INVALID, "broken")

        told(world, world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com"))
        monkeypatch.setattr("shopify_fw360.sync.serve.due_flows", broken)
        with pytest.raises(SyncError):
            serve_once(world)
        with world.store.read() as tx:
            assert not tx.is_awake(QUEUE_CONSUMER)


class TestDeletions:
    @pytest.fixture
    def linked(self, world):
        customer = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
        world.sync(INTO_SITE)
        return customer

    def test_a_deletion_in_the_shop_unlinks_and_touches_nothing(self, world, linked):
        other = world.counterpart(System.SHOPIFY, linked)
        world.shop.delete(linked)
        told(world, linked, "customers/delete", operation=Operation.DELETE)
        assert outcomes(serve_once(world)) == {"unlinked": 1}
        assert world.link_of(System.FRAMEWORK360, other).status == "unlinked"
        assert world.site.read(other)["email"] == "ada@example.com"

    def test_a_deletion_that_is_not_true_is_not_believed(self, world, linked):
        told(world, linked, "customers/delete", operation=Operation.DELETE)
        assert outcomes(serve_once(world)) == {"unchanged": 1}
        assert world.link_of(System.SHOPIFY, linked).status == "synced"

    def test_a_deletion_in_the_site_removes_the_link_and_nothing_in_the_shop(self, world, linked):
        other = world.counterpart(System.SHOPIFY, linked)
        world.site.delete(other)
        deleted = Event(System.FRAMEWORK360, "1", "customer.deleted", Entity.CUSTOMER, other, Operation.DELETE)
        accept(world.store, [deleted])
        assert outcomes(serve_once(world), INTO_SHOP) == {"unlinked": 1}
        assert world.shop.read(linked)["firstName"] == "Ada"


class TestMerges:
    MERGE = (
        "mutation Merge($one: ID!, $two: ID!) { customerMerge(customerOneId: $one, customerTwoId: $two)"
        " { resultingCustomerId userErrors { message } } }"
    )

    def customers(self, world, *, linked):
        ids = [
            world.shop.create(firstName=name, lastName="Neri", email=f"{name.lower()}@example.com")
            for name in ("Ada", "Eva")
        ]
        for customer in [customer for customer, wanted in zip(ids, linked, strict=True) if wanted]:
            told(world, customer)
        serve_once(world)
        return ids

    def merge(self, world, gone, kept):
        world.shop.ask(self.MERGE, one=gone, two=kept)
        self.tell(world, gone, kept)

    def tell(self, world, gone, kept):
        data = {"kept": kept, "deleted": gone}
        told(world, kept, "customers/merge", task=EventTask.CUSTOMER_MERGE, data=data)

    def test_the_link_follows_to_the_customer_that_was_kept(self, world):
        gone, kept = self.customers(world, linked=(True, False))
        other = world.counterpart(System.SHOPIFY, gone)
        self.merge(world, gone, kept)
        serve_once(world)
        assert world.counterpart(System.SHOPIFY, kept) == other
        assert world.link_of(System.SHOPIFY, gone) is None
        assert len(world.site.all()) == 1

    def test_if_both_had_a_counterpart_one_is_unlinked_and_a_person_is_told(self, world):
        gone, kept = self.customers(world, linked=(True, True))
        others = [world.counterpart(System.SHOPIFY, customer) for customer in (gone, kept)]
        self.merge(world, gone, kept)
        serve_once(world)
        assert world.counterpart(System.SHOPIFY, kept) == others[1]
        assert world.link_of(System.FRAMEWORK360, others[0]).status == "unlinked"
        with world.store.read() as tx:
            assert [alert.name for alert in tx.alerts()] == [f"merge.{others[0]}"]

    def test_a_merge_that_did_not_happen_changes_no_link(self, world):
        gone, kept = self.customers(world, linked=(True, False))
        self.tell(world, gone, kept)
        serve_once(world)
        assert world.link_of(System.SHOPIFY, gone).status == "synced"


class TestEndOfTheApp:
    def uninstalled(self, world):
        told(world, None, "app/uninstalled", task=EventTask.APP_UNINSTALLED)

    def test_all_flows_wait_and_say_why(self, world):
        forgotten = []
        world.pair = replace(world.pair, shop=ShopAccess(world.shop_client, lambda: forgotten.append("tokens")))
        customer = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
        world.shopify.control.set_options(revoked=True)
        told(world, customer)
        self.uninstalled(world)
        do_event_tasks(world.pair)
        assert forgotten == ["tokens"]
        assert world.pair.served() == ()
        with pytest.raises(SyncError, match="the app was uninstalled") as caught:
            world.pair.require_on(INTO_SITE)
        assert caught.value.code is SHOPIFY_UNINSTALLED
        with world.store.read() as tx:
            assert [alert.name for alert in tx.alerts()] == ["app.uninstalled"]
            assert tx.pending(INTO_SITE).pending == 1

    def test_a_late_message_about_an_earlier_installation_changes_nothing(self, world):
        self.uninstalled(world)
        do_event_tasks(world.pair)
        assert INTO_SITE in world.pair.served()

    def test_a_shop_that_cannot_be_asked_is_asked_again(self, world, monkeypatch):
        def silent():
            raise SyncError(FW360_UNAVAILABLE, "no answer")

        self.uninstalled(world)
        monkeypatch.setattr(world.pair.shop, "ask", silent)
        assert do_event_tasks(world.pair) == 0
        assert INTO_SITE in world.pair.served()
        with world.store.read() as tx:
            assert tx.open_event_tasks() == 1

    def test_once_the_shop_is_back_the_flows_go_on(self, world):
        world.shopify.control.set_options(revoked=True)
        self.uninstalled(world)
        do_event_tasks(world.pair)
        world.shopify.control.set_options(revoked=False)
        with world.store.begin() as tx:
            assert shop_is_back(tx)
            assert tx.alerts() == []
        assert INTO_SITE in world.pair.served()


class TestStock:
    def test_the_products_whose_stock_moved_are_staged(self, world, monkeypatch):
        world.shopify.control.reset(seed=7, customers=0, products=3)
        query = "{ products(first: 3) { nodes { id variants(first: 2) { nodes { inventoryItem { id } } } } } }"
        products = world.shop.ask(query)["products"]["nodes"]
        items = {row["inventoryItem"]["id"]: p["id"] for p in products for row in p["variants"]["nodes"]}
        for item in [*items, *items, "gid://shopify/InventoryItem/999999999"]:
            told(world, None, "inventory_levels/update", task=EventTask.STOCK, data={"inventory_item": item})
        do_event_tasks(world.pair)
        with world.store.read() as tx:
            staged = {row.source_id for row in tx.queued(flow=Flow(Entity.PRODUCT, System.SHOPIFY))}
            seen = tx.last_events(System.SHOPIFY, Entity.PRODUCT, list(items.values()))
        assert staged == set(items.values())
        assert set(seen) == set(items.values())


def test_a_task_that_fails_again_and_again_is_given_up_with_an_alert(world, monkeypatch):
    def silent(_):
        raise SyncError(FW360_UNAVAILABLE, "no answer")

    monkeypatch.setattr(world.pair.shop, "products_of", silent)
    told(world, None, "inventory_levels/update", task=EventTask.STOCK, data={"inventory_item": "x"})
    with world.store.begin() as tx:
        for _ in range(8):
            assert tx.claim_event_tasks(10, timedelta(0))
    do_event_tasks(world.pair)
    with world.store.read() as tx:
        assert tx.open_event_tasks() == 0
        assert [alert.name for alert in tx.alerts()] == ["event_task.stock"]


class TestEchoes:
    """Our own writes come back as events."""

    @pytest.fixture
    def site_id(self, world):
        customer = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
        told(world, customer)
        serve_once(world)
        site_id = world.counterpart(System.SHOPIFY, customer)
        # The first one tells the shop the customer's number in the site.
        self.echo(world, site_id)
        return site_id

    @staticmethod
    def echo(world, site_id):
        event = Event(System.FRAMEWORK360, f"{time.monotonic_ns()}", "customer.updated", Entity.CUSTOMER, site_id)
        accept(world.store, [event])
        return serve_once(world, run=f"{RUN}/{time.monotonic_ns()}")

    def test_the_other_side_is_not_even_read_for_one(self, world, site_id):
        world.shopify.control.reset_metrics()
        assert outcomes(self.echo(world, site_id), INTO_SHOP) == {"unchanged": 1}
        assert world.shopify.control.metrics()["requests"] == 0

    def test_what_a_person_changed_in_between_is_carried_over(self, world, site_id):
        world.site.update(site_id, cognome="Verdi")
        assert outcomes(self.echo(world, site_id), INTO_SHOP) == {"updated": 1}
        assert [row["lastName"] for row in world.shop.all()] == ["Verdi"]

    def test_sync_now_looks_at_both_sides_all_the_same(self, world, site_id):
        with world.store.begin() as tx:
            tx.stage([Change(INTO_SHOP, site_id, origin=Origin.SYNC_NOW)])
        world.shopify.control.reset_metrics()
        assert outcomes(serve_once(world, run=f"{RUN}/now"), INTO_SHOP) == {"unchanged": 1}
        assert world.shopify.control.metrics()["requests"] == 1
