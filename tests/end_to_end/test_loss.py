"""Webhooks are dropped, doubled, shuffled, a subscription is gone: both systems agree all the same, the loss is known.

A real shop delivers over the network to the real receiver in a process of its own.
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from sqlalchemy import select

from sandbox.shopify.shop import DOMAIN
from sandbox.shopify.tokens import CLIENT_SECRET
from shopify_fw360.records import Entity, System
from shopify_fw360.shopify.access import ShopAccess
from shopify_fw360.store.tables import webhook_event
from shopify_fw360.sync.canary import send_canary
from shopify_fw360.sync.deliveries import delivery_view, watch
from shopify_fw360.sync.gaps import find_gaps
from shopify_fw360.sync.recovery import ImportRequest, ReadBy, begin_import, stage_import, wait_for_import
from shopify_fw360.sync.run import certify
from shopify_fw360.sync.subscriptions import subscribe_shop
from tests.end_to_end.test_serving import serve_once
from tests.end_to_end.world import INTO_SITE
from tests.web.live import receiver

PEOPLE = 30


@pytest.fixture
def world(empty_world):
    empty_world.configure(near_real_time={"grace_minutes": 0})
    empty_world.pair = replace(empty_world.pair, shop=ShopAccess(empty_world.shop_client, lambda: None))
    return empty_world


@pytest.fixture
def live(world, tmp_path):
    """The receiver, subscribed to the shop's events."""
    url = world.store.engine.url.render_as_string(hide_password=False)
    secrets = {"SYNC_SHOP": DOMAIN, "SYNC_SHOPIFY_SECRETS": CLIENT_SECRET}
    with receiver(url, tmp_path / "receiver.log", **secrets) as live:
        subscribe(world, live)
        with world.store.begin() as tx:
            watch(tx, INTO_SITE)
        time.sleep(1.1)  # records have whole seconds
        yield live


def subscribe(world, live):
    return subscribe_shop(world.shop_client, f"http://127.0.0.1:{live.port}", {Entity.CUSTOMER})


def unsubscribe(world, topic):
    """The shop deletes a subscription, as it does after failed deliveries."""
    rows = world.shop.ask("{ webhookSubscriptions(first: 100) { nodes { id topic } } }")["webhookSubscriptions"][
        "nodes"
    ]
    (gone,) = (row["id"] for row in rows if row["topic"] == topic)
    document = "mutation D($id: ID!) { webhookSubscriptionDelete(id: $id) { userErrors { message } } }"
    world.shop.ask(document, id=gone)


def settled(world):
    """Wait until nothing is on its way any more."""
    gives_up = time.monotonic() + 30
    while world.shopify.control.state()["webhooks"]["pending"]:
        assert time.monotonic() < gives_up
        time.sleep(0.05)


def told(world, topic):
    """Ids of the records about which an event of the topic has arrived."""
    with world.store.connect(read_only=True) as connection:
        return set(connection.scalars(select(webhook_event.c.record_id).where(webhook_event.c.topic == topic)))


def missed(world):
    return {probe.topic: probe.missed for probe in delivery_view(world.store).topics if probe.missed}


def in_shop(world):
    return {(row["defaultEmailAddress"]["emailAddress"], row["firstName"], row["lastName"]) for row in world.shop.all()}


def in_site(world):
    return {(row["email"], row["nome"], row["cognome"]) for row in world.site.all()}


def test_both_systems_agree_after_maintenance_and_recovery_and_the_loss_is_counted(world, live, tmp_path):
    world.shopify.control.set_options(webhook_drop=0.2, webhook_duplicate=0.2, webhook_shuffle=True)
    created = {
        world.shop.create(firstName=f"Anna{number}", lastName="Neri", email=f"anna{number}@example.com")
        for number in range(PEOPLE)
    }
    settled(world)
    lost = created - told(world, "customers/create")
    # Events of the same second say as much about a record, whatever their topic.
    lost -= told(world, "customers/update")
    assert 0 < len(lost) < PEOPLE / 2
    serve_once(world)
    assert len(in_site(world)) == PEOPLE - len(lost)

    time.sleep(1.1)
    find_gaps(world.pair, INTO_SITE)
    assert missed(world) == {"customers/create": len(lost)}
    serve_once(world)
    assert in_site(world) == in_shop(world)

    time.sleep(3.1)  # an event may say it was triggered up to 2 seconds before the change
    unsubscribe(world, "CUSTOMERS_UPDATE")
    changed = sorted(created)[:10]
    for customer in changed:
        world.shop.update(customer, lastName="Bianchi")
    settled(world)
    serve_once(world)
    assert in_site(world) != in_shop(world)
    assert "customers/update" in subscribe(world, live).created
    time.sleep(1.1)
    find_gaps(world.pair, INTO_SITE)
    assert missed(world)["customers/update"] == len(changed)
    serve_once(world)
    assert in_site(world) == in_shop(world)

    # What even the listing had missed, for instance because its index lagged, the mass import finds.
    request = ImportRequest(INTO_SITE, "test/import/loss", read_by=ReadBy.EXPORT)
    begin_import(world.pair, request)
    assert wait_for_import(world.pair, request, 20)
    assert stage_import(world.pair, request, tmp_path).read == PEOPLE
    world.drain(INTO_SITE, request.run_id)
    assert certify(world.pair, request.run_id).explained
    assert in_site(world) == in_shop(world)
    view = delivery_view(world.store)
    assert view.missed == len(lost) + len(changed)
    with world.store.read() as tx:
        assert f"delivery.{INTO_SITE.name}" in {alert.name for alert in tx.alerts()}
        links = tx.links(Entity.CUSTOMER, System.SHOPIFY, sorted(created))
    assert len({link.framework360_id for link in links.values()}) == PEOPLE


class TestCanary:
    def look(self, world):
        """Judge what was sent, as the maintenance of an hour later does."""
        return send_canary(world.pair)

    def canaries(self, world):
        view = delivery_view(world.store)
        return view.canaries, view.canaries_missed

    def alerts(self, world):
        with world.store.read() as tx:
            return [alert.name for alert in tx.alerts()]

    def ended(self, world):
        """Wait until the shop has ended the operation and told of it."""
        with world.store.read() as tx:
            (canary,) = tx.exports_named("canary/", "running")
        gives_up = time.monotonic() + 20
        while not world.pair.shop.has_ended(canary.remote_id):
            assert time.monotonic() < gives_up
            time.sleep(0.05)
        settled(world)

    def test_one_that_does_not_arrive_raises_an_alert_until_one_does_and_none_changes_anything(self, world, live):
        world.shopify.control.set_options(webhook_deliver=False)
        with world.counting_writes():
            assert self.look(world) == 0
            self.ended(world)
            world.shopify.control.set_options(webhook_deliver=True)
            assert self.look(world) == 1
            assert self.canaries(world) == (1, 1)
            assert self.alerts(world) == ["delivery.canary"]
            with world.store.connect() as connection:
                # The next one is sent an hour later.
                connection.exec_driver_sql("DELETE FROM export")
            self.look(world)
            self.ended(world)
            assert self.look(world) == 0
        assert self.canaries(world) == (2, 1)
        assert self.alerts(world) == []
        assert set(world.shopify.control.metrics()["operations"]) == {"BulkStart", "BulkLook"}

    def test_none_is_sent_where_nobody_has_subscribed_or_wants_it(self, world):
        assert send_canary(world.pair) == 0
        with world.store.begin() as tx:
            watch(tx, INTO_SITE)
        world.configure(near_real_time={"canary": False})
        assert send_canary(world.pair) == 0
        with world.store.read() as tx:
            assert tx.exports_named("canary/", "running") == []
