"""Alerts, presence, subscriptions and proofs of delivery."""

from datetime import timedelta

import pytest

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.records import Origin, System
from shopify_fw360.store import Probe, Subscription
from shopify_fw360.store.sealing import seal, unseal
from shopify_fw360.store.subscriptions import is_token, token_digest
from tests.store.make import BACK, FORTH, MINUTE, change, claim, ids, stage

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
OTHER_KEY = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class TestAlerts:
    def test_an_alert_lasts_until_it_is_ended(self, store):
        with store.begin() as tx:
            assert tx.raise_alert("webhooks", "a subscription was gone")
            assert not tx.raise_alert("webhooks", "two subscriptions were gone")
            (alert,) = tx.alerts()
            assert (alert.message, alert.times) == ("two subscriptions were gone", 2)
            assert tx.end_alert("webhooks")
            assert not tx.end_alert("webhooks")
            assert tx.alerts() == []

    def test_an_alert_that_comes_back_begins_anew(self, store, clock):
        with store.begin() as tx:
            tx.raise_alert("webhooks", "first")
            tx.end_alert("webhooks")
        later = clock.move(days=1)
        with store.begin() as tx:
            assert tx.raise_alert("webhooks", "again")
            (alert,) = tx.alerts()
        assert (alert.first_at, alert.times) == (later, 1)


class TestPresence:
    def awake(self, store):
        with store.read() as tx:
            return tx.is_awake("webhook_queue")

    def test_a_consumer_is_awake_until_it_falls_asleep(self, store):
        with store.begin() as tx:
            tx.stay_awake("webhook_queue", "a", MINUTE)
        assert self.awake(store)
        with store.begin() as tx:
            tx.fall_asleep("webhook_queue", "a")
        assert not self.awake(store)

    def test_one_that_died_counts_as_awake_no_longer_than_it_said(self, store, clock):
        with store.begin() as tx:
            tx.stay_awake("webhook_queue", "a", MINUTE)
        clock.move(minutes=1)
        assert not self.awake(store)

    def test_another_of_the_same_name_stays_awake(self, store):
        with store.begin() as tx:
            tx.stay_awake("webhook_queue", "a", MINUTE)
            tx.stay_awake("webhook_queue", "b", MINUTE)
            tx.fall_asleep("webhook_queue", "a")
        assert self.awake(store)

    def test_a_shop_that_left_is_known_until_it_is_back(self, store, clock):
        with store.begin() as tx:
            tx.disconnect("shop.myshopify.com", "the app was uninstalled")
        since = clock()
        clock.move(hours=1)
        with store.begin() as tx:
            tx.disconnect("shop.myshopify.com", "noticed again")
            found = tx.disconnected()
            assert (found.reason, found.since) == ("the app was uninstalled", since)
            assert tx.reconnect()
            assert not tx.reconnect()
            assert tx.disconnected() is None


class TestSubscriptions:
    def test_a_subscription_is_kept_with_its_secret_sealed(self, store, clock):
        sealed = seal(KEY, {"token": "t0ken", "signing": "s3cret"})
        made = Subscription(
            System.FRAMEWORK360,
            "8",
            ("customer.updated", "customer.created"),
            "https://sync.example.com/sync/webhooks/framework360/",
            token_digest("t0ken"),
            sealed,
        )
        with store.begin() as tx:
            tx.save_subscription(made)
            (found,) = tx.subscriptions(System.FRAMEWORK360)
            assert tx.subscriptions(System.SHOPIFY) == []
        assert (found.topics, found.created_at) == (("customer.created", "customer.updated"), clock())
        assert "t0ken" not in repr(found)
        assert unseal(f"{OTHER_KEY},{KEY}", found.secret) == {"token": "t0ken", "signing": "s3cret"}

    def test_a_secret_is_not_opened_with_another_key(self):
        with pytest.raises(SyncError) as error:
            unseal(OTHER_KEY, seal(KEY, {"token": "t0ken"}))
        assert error.value.code is CONNECTION_INVALID

    def test_a_token_is_recognised_by_its_digest(self):
        digests = [token_digest("old"), token_digest("new")]
        assert is_token("old", digests)
        assert is_token("new", digests)
        assert not is_token("other", digests)
        assert not is_token("old", [])

    def test_a_subscription_that_is_gone_is_forgotten(self, store):
        with store.begin() as tx:
            tx.save_subscription(Subscription(System.FRAMEWORK360, "8", (), "https://sync.example.com"))
            tx.delete_subscription(System.FRAMEWORK360, "8")
            assert tx.subscriptions(System.FRAMEWORK360) == []


class TestProbes:
    def probe(self, clock, **numbers):
        given = {"expected": 10, "seen": 8, "missed": 2, "staged": 1, **numbers}
        return Probe(FORTH.name, "customers/update", clock() - timedelta(hours=1), clock(), **given)

    def test_looks_add_up_per_topic(self, store, clock):
        began = clock()
        with store.begin() as tx:
            tx.add_probes([self.probe(clock)])
        clock.move(hours=1)
        with store.begin() as tx:
            tx.add_probes([self.probe(clock, expected=30, seen=30, missed=0, staged=0)])
            (total,) = tx.sum_probes(began)
            assert tx.probed_until(FORTH) == clock()
            assert tx.probed_until(BACK) is None
        assert (total.expected, total.seen, total.missed, total.staged) == (40, 38, 2, 1)
        assert total.loss_rate == 2 / 40

    def test_nothing_expected_is_no_loss(self, clock):
        assert self.probe(clock, expected=0, seen=0, missed=0).loss_rate == 0

    def test_old_looks_are_forgotten(self, store, clock):
        with store.begin() as tx:
            tx.add_probes([self.probe(clock)])
        clock.move(days=40)
        with store.begin() as tx:
            assert tx.prune_probes(clock() - timedelta(days=30)) == 1
            assert tx.probed_until(FORTH) is None


class TestUrgency:
    def test_only_changes_urgent_enough_are_claimed(self, store):
        stage(store, change("backfill", origin=Origin.BACKFILL), change("hook", origin=Origin.WEBHOOK))
        assert ids(claim(store, least=Origin.WEBHOOK)) == ["hook"]
        assert ids(claim(store)) == ["backfill"]

    def test_flows_with_something_urgent_are_told(self, store, clock):
        stage(store, change("1", origin=Origin.BACKFILL), change("2", flow=BACK, origin=Origin.WEBHOOK))
        with store.read() as tx:
            assert tx.due_flows([FORTH, BACK], Origin.WEBHOOK) == [BACK]
            assert tx.due_flows([FORTH, BACK]) == [FORTH, BACK]
            assert tx.due_flows([FORTH]) == [FORTH]
            assert tx.due_flows([]) == []

    def test_what_waits_for_its_next_attempt_is_not_due(self, store, clock):
        stage(store, change("1", origin=Origin.WEBHOOK))
        (held,) = claim(store)
        with store.begin() as tx:
            tx.retry(held, "worker", SyncError(CONNECTION_INVALID, "later"), clock() + MINUTE)
            assert tx.due_flows([FORTH], Origin.WEBHOOK) == []
        clock.move(minutes=1)
        with store.read() as tx:
            assert tx.due_flows([FORTH], Origin.WEBHOOK) == [FORTH]

    def test_a_webhook_makes_a_waiting_backfill_urgent(self, store):
        stage(store, change("1", origin=Origin.BACKFILL))
        stage(store, change("1", origin=Origin.WEBHOOK))
        assert ids(claim(store, least=Origin.WEBHOOK)) == ["1"]
