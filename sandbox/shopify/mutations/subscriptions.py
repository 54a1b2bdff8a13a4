"""webhookSubscriptionCreate, webhookSubscriptionUpdate, webhookSubscriptionDelete."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from graphql import GraphQLEnumType

from sandbox.shopify.access import Requirement, required_scopes, satisfied
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.ids import number_of
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")
_FIELDS = ("format", "includeFields", "metafieldNamespaces", "metafields", "filter", "name")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@cache
def topics() -> Mapping[str, tuple[str, Requirement]]:
    """Return every topic with its header form ("customers/update") and the scopes it needs, from the schema's notes."""
    from sandbox.shopify.schema import shopify_schema

    kind = shopify_schema().type_map["WebhookSubscriptionTopic"]
    values = kind.values if isinstance(kind, GraphQLEnumType) else {}
    return {
        name: ((value.description or name.lower()).split(";")[0].strip(), required_scopes(value.description))
        for name, value in values.items()
    }


def _uri_error(uri: str | None) -> UserError | None:
    at = ["webhookSubscription", "callbackUrl"]
    if not uri:
        return user_error(at, "Address can't be blank")
    if re.match(r"pubsub://[\w-]+:[\w-]+$|arn:aws:events:", uri):
        return None
    parts = urlsplit(uri)
    if not parts.hostname or parts.scheme not in ("https", "http"):
        return user_error(at, "Address is invalid")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return user_error(at, "Address protocol http:// is not supported")
    return None


def _errors(context: Context, topic: str, record: Mapping[str, Any], own: int | None) -> list[UserError]:
    error = _uri_error(record.get("uri"))
    if error:
        return [error]
    if not satisfied(topics()[topic][1], context.granted):
        message = f"Topic is invalid: the app has no access to {topics()[topic][0]}"
        return [user_error(["webhookSubscription", "topic"], message)]
    name = record.get("name")
    if name is not None and not _NAME.fullmatch(name):
        message = "Name must be 50 characters or less and contain letters, digits, underscores and hyphens only"
        return [user_error(["webhookSubscription", "name"], message)]
    for other in context.shop.subscriptions.all():
        if other["num"] == own:
            continue
        if other["topic"] == topic and other["uri"] == record["uri"]:
            message = "Address for this topic has already been taken"
            return [user_error(["webhookSubscription", "callbackUrl"], message)]
        if name is not None and other.get("name") == name:
            return [user_error(["webhookSubscription", "name"], "Name has already been taken")]
    return []


def _payload(record: Record | None, errors: list[UserError]) -> dict[str, Any]:
    return {"webhookSubscription": None if errors else record, "userErrors": errors}


def _given(given: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: given[name] for name in _FIELDS if name in given}
    uri = given.get("uri") or given.get("callbackUrl")
    return {**values, "uri": uri} if uri else values


@mutation("webhookSubscriptionCreate")
def _create(context: Context, args: Args) -> dict[str, Any]:
    shop, topic = context.shop, args["topic"]
    now = shop.clock.now()
    record = {
        "format": "JSON",
        "topic": topic,
        "createdAt": now,
        "updatedAt": now,
        **_given(args["webhookSubscription"]),
    }
    errors = _errors(context, topic, record, None)
    if errors:
        return _payload(None, errors)
    record["num"] = shop.number()
    shop.subscriptions.put(record)
    return _payload(shop.subscriptions.get(int(record["num"])), [])


def _find(context: Context, gid: str) -> Record | None:
    number = number_of(gid, "WebhookSubscription")
    return None if number is None else context.shop.subscriptions.get(number)


@mutation("webhookSubscriptionUpdate")
def _update(context: Context, args: Args) -> dict[str, Any]:
    record = _find(context, args["id"])
    if record is None:
        return _payload(None, [user_error(["id"], "Webhook subscription does not exist")])
    record.update(_given(args["webhookSubscription"]), updatedAt=context.shop.clock.now())
    errors = _errors(context, record["topic"], record, record["num"])
    if not errors:
        context.shop.subscriptions.put(record)
    return _payload(record, errors)


@mutation("webhookSubscriptionDelete")
def _delete(context: Context, args: Args) -> dict[str, Any]:
    record = _find(context, args["id"])
    if record is None:
        errors = [user_error(["id"], "Webhook subscription does not exist")]
        return {"deletedWebhookSubscriptionId": None, "userErrors": errors}
    context.shop.subscriptions.delete(record["num"])
    return {"deletedWebhookSubscriptionId": record["id"], "userErrors": []}
