"""Subscriptions of both systems: made by onboarding, compared and repaired by maintenance."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any, Final
from urllib.parse import urlsplit

from shopify_fw360.errors import FW360_NOT_FOUND, SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.records import Entity, System
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.subscriptions import SubscriptionChanges, reconcile, wanted_topics
from shopify_fw360.store import Store, Subscription
from shopify_fw360.store.sealing import seal, unseal
from shopify_fw360.store.subscriptions import token_digest

RECEIVER_PATH: Final = "/sync/webhooks"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def can_be_delivered_to(base: str) -> bool:
    """Whether both systems accept an address: HTTPS, or this machine for the sandboxes."""
    parts = urlsplit(base)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def subscribe_shop(client: ShopifyClient, base: str, entities: Collection[Entity]) -> SubscriptionChanges:
    """Bring the subscriptions of the shop to the wanted ones.

    Args:
        client: of the shop.
        base: public address without the receiver's path.
        entities: that are synchronised out of the shop.
    """
    topics = wanted_topics(entities, client.check().scopes)
    return reconcile(client, f"{base.rstrip('/')}{RECEIVER_PATH}/shopify", topics)


def subscribe_site(
    client: Framework360Client, store: Store, base: str, entities: Collection[Entity]
) -> SubscriptionChanges:
    """Bring the subscription of the site to the wanted one. Nothing lists them there, so the store remembers it.

    Args:
        client: of the site; its capability ``webhooks`` must be on.
        store: with its encryption key, for the token in the address and the signing secret.
        base: public address without the receiver's path.
        entities: that are synchronised out of the site.
    """
    address = f"{base.rstrip('/')}{RECEIVER_PATH}/framework360/"
    # Sales change what a customer has spent, which the shop is told.
    kinds = sorted({entity.value for entity in entities} | ({"order"} if Entity.CUSTOMER in entities else set()))
    events = tuple(f"{kind}.{action}" for kind in kinds for action in wire.EVENT_ACTIONS)
    with store.read() as tx:
        made = tx.subscriptions(System.FRAMEWORK360)
    kept: tuple[str, ...] = ()
    removed: list[str] = []
    for subscription in made:
        as_wanted = subscription.address == address and set(subscription.topics) == set(events)
        if not kept and as_wanted and _lives(client, subscription):
            kept = subscription.topics
            continue
        _remove(client, store, subscription)
        removed += subscription.topics
    if kept or not events:
        return SubscriptionChanges(kept, (), tuple(removed))
    _create(client, store, address, events)
    return SubscriptionChanges((), events, tuple(removed))


def _lives(client: Framework360Client, subscription: Subscription) -> bool:
    try:
        client.call(wire.WEBHOOKS_TEST, {wire.ID: subscription.remote_id})
    except SyncError as error:
        if error.code is not FW360_NOT_FOUND:
            raise
        return False
    return True


def _remove(client: Framework360Client, store: Store, subscription: Subscription) -> None:
    try:
        client.call(wire.WEBHOOKS_DELETE, {wire.ID: subscription.remote_id})
    except SyncError as error:
        if error.code is not FW360_NOT_FOUND:
            raise
    with store.begin() as tx:
        tx.delete_subscription(System.FRAMEWORK360, subscription.remote_id)


def _create(client: Framework360Client, store: Store, address: str, events: tuple[str, ...]) -> None:
    token = secrets.token_urlsafe(32)
    body = client.call(
        wire.WEBHOOKS_CREATE,
        {wire.WEBHOOK_URL: address + token, wire.WEBHOOK_EVENTS: list(events), wire.WEBHOOK_NAME: "shopify-sync"},
    )
    data: Any = body.get(wire.DATA)
    sealed = seal(store.encryption_key, {"token": token, "signing": data.get(wire.WEBHOOK_SECRET)})
    with store.begin() as tx:
        tx.save_subscription(
            Subscription(System.FRAMEWORK360, str(data[wire.ID]), events, address, token_digest(token), sealed)
        )


def reseal(store: Store) -> None:
    """Seal the secrets of subscriptions with the newest encryption key."""
    with store.begin() as tx:
        for subscription in tx.subscriptions(System.FRAMEWORK360):
            if subscription.secret is not None:
                opened = unseal(store.encryption_key, subscription.secret)
                tx.save_subscription(
                    Subscription(
                        subscription.system,
                        subscription.remote_id,
                        subscription.topics,
                        subscription.address,
                        subscription.token_digest,
                        seal(store.encryption_key, opened),
                        subscription.created_at,
                    )
                )
