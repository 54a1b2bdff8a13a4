"""Real webhook deliveries over HTTP, with the faults that live shops show.

Shopify: at least once, unordered, sometimes late or lost; 5 seconds to answer, any 2xx is success, redirects are not;
8 retries with the original body and address, after 8 failures in a row the subscription is removed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import httpx
import orjson

from sandbox.shopify.mutations.subscriptions import topics
from sandbox.shopify.payloads import body_of
from sandbox.shopify.searching import Language, compile_search, exact_filter
from sandbox.shopify.shop import DOMAIN, Shop
from sandbox.shopify.table import Record
from sandbox.shopify.times import moment_of
from sandbox.shopify.tokens import CLIENT_SECRET

FAILURES_UNTIL_REMOVAL = 8
ANSWER_SECONDS = 5.0


@dataclass(slots=True)
class Delivery:
    """One message on its way to one address."""

    subscription: int
    uri: str
    headers: Mapping[str, str]
    body: bytes


def courier_client() -> httpx.AsyncClient:
    """Return an HTTP client as Shopify's sender behaves: 5 seconds, no redirects, no proxy."""
    # Waiting for one of our own connections is not the time of whoever answers.
    timeout = httpx.Timeout(ANSWER_SECONDS, pool=None)
    return httpx.AsyncClient(timeout=timeout, limits=httpx.Limits(max_connections=20), trust_env=False)


class Courier:
    """Sends what happens in a shop to its subscribers; needs a running event loop, without one nothing is sent.

    Args:
        shop: the shop.
        client: sends the deliveries.
    """

    def __init__(self, shop: Shop, client: httpx.AsyncClient) -> None:
        self._shop = shop
        self._draw = random.Random(shop.seed.seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: list[Delivery] = []
        self._failures: dict[int, int] = {}
        self._client = client
        self.counts = {"delivered": 0, "failed": 0, "dropped": 0, "duplicated": 0, "removed_subscriptions": 0}

    def close(self) -> None:
        """Forget everything that is on its way."""
        for task in self._tasks:
            task.cancel()
        self._waiting.clear()

    def pending(self) -> int:
        """Return how many deliveries are on their way."""
        return len(self._tasks) + len(self._waiting)

    def notify(self, topic: str, record: Record, extra: Mapping[str, Any]) -> None:
        """Queue one event for every subscription that wants it."""
        options = self._shop.options
        if not options.webhook_deliver or not len(self._shop.subscriptions):
            return
        event_id = str(uuid.uuid4())
        triggered = moment_of(self._shop.clock.now()).isoformat().replace("+00:00", "Z")
        for subscription in self._shop.subscriptions.all():
            if subscription["topic"] != topic or not subscription["uri"].startswith("http"):
                continue
            body = body_of(topic, record, extra)
            if not _wanted(subscription.get("filter"), body):
                continue
            if self._draw.random() < options.webhook_drop:
                self.counts["dropped"] += 1
                continue
            delivery = self._delivery(subscription, body, event_id, triggered)
            self._waiting.append(delivery)
            if self._draw.random() < options.webhook_duplicate:
                self.counts["duplicated"] += 1
                self._waiting.append(delivery)
        self._start()

    def _delivery(self, subscription: Record, body: dict[str, Any], event_id: str, triggered: str) -> Delivery:
        options = self._shop.options
        fields = subscription.get("includeFields")
        raw = orjson.dumps({name: value for name, value in body.items() if not fields or name in fields})
        secret = CLIENT_SECRET if options.webhook_secret else "not-" + CLIENT_SECRET
        digest = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": topics()[subscription["topic"]][0],
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Shop-Domain": DOMAIN,
            "X-Shopify-API-Version": options.newest_version,
            "X-Shopify-Webhook-Id": str(uuid.uuid4()),
            "X-Shopify-Event-Id": event_id,
            "X-Shopify-Triggered-At": triggered,
        }
        if subscription.get("name"):
            headers["X-Shopify-Name"] = subscription["name"]
        return Delivery(subscription["num"], subscription["uri"], headers, raw)

    def _start(self) -> None:
        """Hand what waits to the event loop: at once, or after the delay and perhaps in another order."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._waiting.clear()
            return
        options = self._shop.options
        if options.webhook_shuffle:
            loop.call_later(max(options.webhook_delay_seconds, 0.05), self._send_waiting)
        else:
            self._send_waiting()

    def _send_waiting(self) -> None:
        batch, self._waiting = self._waiting, []
        if self._shop.options.webhook_shuffle:
            self._draw.shuffle(batch)
        for delivery in batch:
            task = asyncio.get_running_loop().create_task(self._deliver(delivery))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        options = self._shop.options
        if options.webhook_delay_seconds and not options.webhook_shuffle:
            await asyncio.sleep(options.webhook_delay_seconds)
        for attempt in range(FAILURES_UNTIL_REMOVAL + 1):
            if attempt and delivery.subscription not in self._shop.subscriptions:
                return
            if await self._post(delivery):
                self.counts["delivered"] += 1
                self._failures.pop(delivery.subscription, None)
                return
            self.counts["failed"] += 1
            failures = self._failures.get(delivery.subscription, 0) + 1
            self._failures[delivery.subscription] = failures
            if failures >= FAILURES_UNTIL_REMOVAL and delivery.subscription in self._shop.subscriptions:
                self._shop.subscriptions.delete(delivery.subscription)
                self.counts["removed_subscriptions"] += 1
                return
            await asyncio.sleep(options.webhook_retry_seconds)

    async def _post(self, delivery: Delivery) -> bool:
        try:
            answer = await self._client.post(delivery.uri, content=delivery.body, headers=dict(delivery.headers))
        except httpx.HTTPError:
            return False
        return answer.is_success


def _wanted(text: str | None, body: Mapping[str, Any]) -> bool:
    """Tell whether a subscription's filter, in search syntax on the top-level payload fields, lets a body through."""
    filters = {name: exact_filter(itemgetter(name)) for name in body}
    return compile_search(text, Language(filters, lambda _: [])).matches(dict(body))
