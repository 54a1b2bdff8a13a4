"""Webhook subscriptions as the schema shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


@resolver("WebhookSubscription", "apiVersion")
def _api_version(_: Record, context: Context, __: Args) -> dict[str, Any]:
    handle = context.shop.options.newest_version
    return {"handle": handle, "displayName": handle, "supported": True}


@resolver("WebhookSubscription", "callbackUrl")
def _callback_url(record: Record, _: Context, __: Args) -> str | None:
    return record.get("uri")


@resolver("WebhookSubscription", "endpoint")
def _endpoint(record: Record, _: Context, __: Args) -> dict[str, Any]:
    return {"__typename": "WebhookHttpEndpoint", "callbackUrl": record.get("uri", "")}


@resolver("WebhookSubscription", "format")
def _format(record: Record, _: Context, __: Args) -> str:
    return str(record.get("format") or "JSON")
