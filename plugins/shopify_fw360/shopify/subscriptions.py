"""Webhook subscriptions of a shop: what is wanted, what is there, and the way from one to the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shopify_fw360.records import Entity
from shopify_fw360.shopify.answers import user_errors
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.topics import TOPICS, Topic, serves

_OURS: Final = "sync-"
"""Names of our subscriptions begin so; those of others are never touched."""

_LIST: Final = """query WebhookList($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id topic uri includeFields name }
  }
}"""
_CREATE: Final = """mutation WebhookCreate($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id }
    userErrors { field message }
  }
}"""
_DELETE: Final = """mutation WebhookDelete($id: ID!) {
  webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field message } }
}"""


@dataclass(frozen=True, slots=True)
class SubscriptionChanges:
    """What was done to the subscriptions of a system.

    Args:
        kept: topics that were as wanted.
        created: topics subscribed now.
        removed: topics of ours that were there and are not wanted so.
        refused: what the system refused, with its words.
    """

    kept: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def wanted_topics(entities: Collection[Entity], scopes: Collection[str]) -> list[Topic]:
    """Return the topics to subscribe to.

    Args:
        entities: that are synchronised out of the shop.
        scopes: granted to the app; a write scope includes its read scope.
    """
    granted = {*scopes, *(scope.replace("write_", "read_", 1) for scope in scopes)}
    return [
        topic
        for topic in TOPICS.values()
        if topic.subscribed
        and (serves(topic) is None or serves(topic) in entities)
        and (not topic.scopes or granted & set(topic.scopes))
    ]


def reconcile(client: ShopifyClient, address: str, topics: Sequence[Topic]) -> SubscriptionChanges:
    """Bring the shop's subscriptions to the wanted ones; doing so again changes nothing.

    Args:
        client: of the shop.
        address: where deliveries go.
        topics: wanted.

    Returns:
        What was done.

    Raises:
        SyncError: as the client.
    """
    missing = {topic.constant: topic for topic in topics}
    kept, removed, created, refused = [], [], [], []
    for found in _listed(client):
        topic = missing.get(found["topic"])
        as_wanted = (
            topic is not None and found["uri"] == address and set(found["includeFields"] or ()) == set(topic.fields)
        )
        if topic is not None and as_wanted:
            kept.append(missing.pop(found["topic"]).name)
        elif found["uri"] == address or str(found.get("name") or "").startswith(_OURS):
            client.execute(_DELETE, {"id": found["id"]}, operation_name="WebhookDelete", idempotent=True, cost=10)
            removed.append(found["topic"])
    for topic in missing.values():
        given: dict[str, Any] = {"uri": address, "name": _OURS + topic.constant.lower()[:40]}
        if topic.fields:
            given["includeFields"] = list(topic.fields)
        data = client.execute(
            _CREATE,
            {"topic": topic.constant, "sub": given},
            operation_name="WebhookCreate",
            # Shopify refuses a second subscription of the same topic and address.
            idempotent=True,
            cost=11,
        )
        texts = [str(error.get("message")) for _, error in user_errors(data)]
        if texts:
            refused.append(f"{topic.name}: {'; '.join(texts)}")
        else:
            created.append(topic.name)
    return SubscriptionChanges(tuple(kept), tuple(created), tuple(removed), tuple(refused))


def _listed(client: ShopifyClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = None
    while True:
        data = client.execute(_LIST, {"after": after}, operation_name="WebhookList", idempotent=True, cost=20)
        page = data["webhookSubscriptions"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
