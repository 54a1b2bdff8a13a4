"""Subscriptions are made by onboarding and repaired by maintenance."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from shopify_fw360.errors import SyncError
from shopify_fw360.records import Entity, Event, Outcome, PrivacyKind, System
from shopify_fw360.store import JournalEntry, TokenVault
from shopify_fw360.store.sealing import unseal
from shopify_fw360.sync.inbox import accept
from tests.airflow.world import INTO_SITE

pytestmark = pytest.mark.airflow

ADDRESS = "http://127.0.0.1:9/base"


@pytest.fixture
def deployment(deployment):
    # Nobody listens at the address, and the shop deletes subscriptions whose deliveries fail.
    deployment.configure(near_real_time={"public_url": ADDRESS, "canary": False})
    extra = {"capabilities": {"webhooks": "on"}, "limits": {"requests_per_second": 2000}}
    deployment.connect("framework360_default", extra=extra)
    return deployment


def listed(deployment):
    query = "{ webhookSubscriptions(first: 100) { nodes { id topic uri } } }"
    return {row["topic"]: row for row in deployment.shop.ask(query)["webhookSubscriptions"]["nodes"]}


def check(deployment):
    return deployment.run("maintenance").xcom("check_subscriptions")


def alerts(deployment):
    with deployment.store.read() as tx:
        return [alert.name for alert in tx.alerts()]


def test_onboarding_subscribes_on_both_sides_and_maintenance_then_has_nothing_to_do(deployment):
    done = deployment.run("onboard_shop").xcom("subscribe")
    assert "customers/update" in done["shopify"]["created"]
    assert done["shopify"]["refused"] == []
    found = listed(deployment)
    assert {"CUSTOMERS_UPDATE", "PRODUCTS_DELETE", "APP_UNINSTALLED"} <= found.keys()
    assert {row["uri"] for row in found.values()} == {f"{ADDRESS}/sync/webhooks/shopify"}
    with deployment.store.read() as tx:
        (kept,) = tx.subscriptions(System.FRAMEWORK360)
    assert "customer.updated" in kept.topics
    again = check(deployment)
    assert [again[system][name] for system in again for name in ("created", "removed", "refused")] == [[]] * 6
    assert listed(deployment) == found
    assert alerts(deployment) == []


def test_a_lost_subscription_is_made_again_with_an_alert_until_all_is_well(deployment):
    deployment.run("onboard_shop")
    gone = listed(deployment)["CUSTOMERS_UPDATE"]["id"]
    deployment.shop.ask("mutation D($id: ID!) { webhookSubscriptionDelete(id: $id) { userErrors { field } } }", id=gone)
    assert check(deployment)["shopify"]["created"] == ["customers/update"]
    assert "CUSTOMERS_UPDATE" in listed(deployment)
    assert alerts(deployment) == ["webhooks.shopify"]
    check(deployment)
    assert alerts(deployment) == []


def test_another_address_replaces_ours_and_leaves_those_of_others(deployment):
    deployment.run("onboard_shop")
    create = (
        "mutation S($t: WebhookSubscriptionTopic!, $s: WebhookSubscriptionInput!)"
        " { webhookSubscriptionCreate(topic: $t, webhookSubscription: $s) { userErrors { message } } }"
    )
    deployment.shop.ask(create, t="CARTS_UPDATE", s={"uri": "https://others.example.com/hook"})
    deployment.configure(near_real_time={"public_url": "http://127.0.0.1:9/moved"})
    check(deployment)
    addresses = {row["uri"] for row in listed(deployment).values()}
    assert addresses == {"http://127.0.0.1:9/moved/sync/webhooks/shopify", "https://others.example.com/hook"}
    with deployment.store.read() as tx:
        (kept,) = tx.subscriptions(System.FRAMEWORK360)
    assert kept.address == "http://127.0.0.1:9/moved/sync/webhooks/framework360/"


def test_without_an_address_that_can_be_reached_it_is_skipped(deployment):
    deployment.configure(near_real_time={"public_url": "http://airflow.internal"})
    assert deployment.run("maintenance").tasks["check_subscriptions"] == "skipped"


def test_a_site_without_webhooks_is_no_error(deployment):
    deployment.connect("framework360_default", extra={"limits": {"requests_per_second": 2000}})
    assert check(deployment)["framework360"]["created"] == []


def test_the_secrets_of_the_site_are_sealed(deployment):
    from airflow.sdk.configuration import conf

    deployment.run("onboard_shop")
    with deployment.store.read() as tx:
        (kept,) = tx.subscriptions(System.FRAMEWORK360)
    opened = unseal(conf.get("core", "fernet_key"), kept.secret)
    assert len(opened["token"]) > 30
    assert opened["token"] not in repr(kept)


def test_events_that_were_lost_are_counted_and_what_they_should_have_told_is_staged(deployment):
    deployment.configure(near_real_time={"public_url": ADDRESS, "grace_minutes": 0})
    deployment.run("onboard_shop")
    time.sleep(1.1)  # records have whole seconds
    lost = deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    found = deployment.run("maintenance").xcom("find_gaps")
    assert found["flows"][INTO_SITE.name]["customers/create"] == {"expected": 1, "seen": 0, "missed": 1, "staged": 1}
    assert found["canaries_missed"] == 0
    with deployment.store.read() as tx:
        assert len(tx.exports_named("canary/", "running")) == 1
    assert found["last_day"] == {"expected": 1, "missed": 1, "loss_rate": 1.0}
    assert f"delivery.{INTO_SITE.name}" in alerts(deployment)
    with deployment.store.read() as tx:
        assert [row.source_id for row in tx.queued(flow=INTO_SITE)] == [lost]


def test_old_events_are_forgotten(deployment, monkeypatch):
    accept(
        deployment.store, [Event(System.SHOPIFY, "1", "customers/update", Entity.CUSTOMER, "gid://shopify/Customer/1")]
    )
    with deployment.store.begin() as tx:
        long_ago = deployment.store.clock() - timedelta(days=181)
        tx.write_journal([JournalEntry("", INTO_SITE, "1", Outcome.PARKED, at=long_ago)])
    done = deployment.run("maintenance").xcom("tidy_up")
    assert (done["events"], done["journal"]) == (0, 1)
    with deployment.store.connect() as connection:
        old = deployment.store.clock() - timedelta(days=15)
        connection.exec_driver_sql("UPDATE webhook_event SET received_at = ?", (old.strftime("%Y-%m-%d %H:%M:%S.%f"),))
    assert deployment.run("maintenance").xcom("tidy_up")["events"] == 1


def test_requests_about_personal_data_are_answered(deployment):
    data = {"customer_id": "gid://shopify/Customer/1", "orders": []}
    kind = PrivacyKind.CUSTOMER_REDACT
    accept(deployment.store, [Event(System.SHOPIFY, "1", kind.value, privacy=kind, data=data)])
    done = deployment.run("maintenance").xcom("answer_privacy_requests")
    assert done == {"exports": 0, "erased": 1, "postponed": 0}
    with deployment.store.read() as tx:
        assert tx.privacy_requests() == []


def test_after_a_new_fernet_key_everything_that_is_encrypted_takes_it(deployment, monkeypatch):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()

    def tokens(key):
        return TokenVault(replace(deployment.store, encryption_key=key), dump=dict, load=dict)

    tokens(old).put("shop", {"access_token": "secret"})
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", f"{new},{old}")
    with pytest.raises(SyncError):
        tokens(new).get("shop")
    deployment.run("maintenance")
    assert tokens(new).get("shop")["access_token"] == "secret"
