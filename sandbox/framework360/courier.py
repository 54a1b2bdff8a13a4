"""Webhook deliveries over real HTTP to receivers on this machine, with the faults of section 11.1 of the contract."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from sandbox.framework360.fetching import is_loopback
from sandbox.framework360.options import Options

ANSWER_SECONDS = 10.0
RETRY_MINUTES = (1, 5, 30)
MOST_WAITING = 10_000
_AT_ONCE = 16
_SHUFFLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Webhook:
    """One subscription: `secret` signs its deliveries, None for unsigned; its records name images by `base_url`."""

    id: int
    url: str
    events: frozenset[str]
    name: str
    secret: str | None
    base_url: str


@dataclass(frozen=True, slots=True)
class _Delivery:
    webhook: Webhook
    body: bytes


def courier_client() -> httpx.AsyncClient:
    """Return an HTTP client for deliveries: 10 seconds, no redirects, no proxy."""
    limits = httpx.Limits(max_connections=_AT_ONCE)
    return httpx.AsyncClient(timeout=ANSWER_SECONDS, limits=limits, trust_env=False, verify=False)  # noqa: S501 - loopback only


class Courier:
    """Delivers events in the background; at most MOST_WAITING are on their way, further ones are lost and counted.

    Args:
        seed: seed of what is random about deliveries.
        client: sends them, see `courier_client`.
    """

    def __init__(self, seed: int, client: httpx.AsyncClient) -> None:
        self._client = client
        self.webhooks: dict[int, Webhook] = {}
        self.counts: Counter[str] = Counter()
        self._options = Options()
        self._draw = random.Random(f"webhooks-{seed}")
        self._tasks: set[asyncio.Task[None]] = set()
        self._shuffled: list[_Delivery] = []
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def use(self, options: Options) -> None:
        """Follow changed switches; deliveries on their way do so with their next try."""
        self._options = options

    def close(self) -> None:
        """Drop everything that is on its way."""
        for task in self._tasks:
            task.cancel()
        self._shuffled.clear()

    def state(self) -> Mapping[str, int]:
        """Return counts of subscriptions and deliveries."""
        kinds = ("delivered", "failed", "given_up", "lost", "duplicated", "overflowed", "outside")
        waiting = len(self._tasks) + len(self._shuffled)
        return {"subscribed": len(self.webhooks), "waiting": waiting, **{kind: self.counts[kind] for kind in kinds}}

    def secret(self) -> str:
        """Return a new signing secret."""
        return self._draw.randbytes(20).hex()

    def send(self, event: str, date: str, site: str, record: Callable[[Webhook], Any]) -> None:
        """Send an event to every subscription that wants it; returns at once.

        Args:
            event: e.g. "customer.created".
            date: time of the event as the site words it.
            site: host name of the site.
            record: words the payload's data for a subscription.
        """
        for webhook in self.webhooks.values():
            if event not in webhook.events:
                continue
            if self._draw.random() < self._options.webhook_lost:
                self.counts["lost"] += 1
                continue
            delivery = _Delivery(webhook, self._body(event, date, site, record(webhook)))
            twice = self._draw.random() < self._options.webhook_duplicated
            self.counts["duplicated"] += twice
            for _ in range(1 + twice):
                self._queue(delivery)

    async def test(self, webhook: Webhook, event: str, date: str, site: str, data: Any) -> int | None:
        """Deliver one event now, once, and return the HTTP status of the receiver, None when it did not answer."""
        return await self._post(_Delivery(webhook, self._body(event, date, site, data)))

    def _body(self, event: str, date: str, site: str, data: Any) -> bytes:
        delivery_id = str(uuid.UUID(bytes=self._draw.randbytes(16), version=4))
        return orjson.dumps({"id": delivery_id, "event": event, "date": date, "site": site, "data": data})

    def _queue(self, delivery: _Delivery) -> None:
        if len(self._tasks) + len(self._shuffled) >= MOST_WAITING:
            self.counts["overflowed"] += 1
        elif self._options.webhook_shuffled:
            if not self._shuffled:
                self._start(self._send_shuffled())
            self._shuffled.append(delivery)
        else:
            self._start(self._deliver(delivery))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_shuffled(self) -> None:
        await asyncio.sleep(_SHUFFLE_SECONDS)
        batch, self._shuffled = self._shuffled, []
        self._draw.shuffle(batch)
        for delivery in batch:
            self._start(self._deliver(delivery))

    async def _deliver(self, delivery: _Delivery) -> None:
        if await self._post_counted(delivery):
            return
        for minutes in RETRY_MINUTES:
            await asyncio.sleep(minutes * self._options.webhook_minute_seconds)
            if delivery.webhook.id not in self.webhooks or await self._post_counted(delivery):
                return
        self.counts["given_up"] += 1

    async def _post_counted(self, delivery: _Delivery) -> bool:
        async with self._slots:
            status = await self._post(delivery)
        delivered = status is not None and 200 <= status < 300
        self.counts["delivered" if delivered else "failed"] += 1
        return delivered

    async def _post(self, delivery: _Delivery) -> int | None:
        webhook = delivery.webhook
        if not is_loopback(webhook.url):
            self.counts["outside"] += 1  # the sandbox never leaves the machine
            return None
        headers = {"Content-Type": "application/json", "User-Agent": "Framework360"}
        if webhook.secret and self._options.webhook_signed:
            digest = hmac.new(webhook.secret.encode(), delivery.body, hashlib.sha256).hexdigest()
            headers["X-Fw360-Signature"] = f"sha256={digest}"
        try:
            answer = await self._client.post(webhook.url, content=delivery.body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return answer.status_code
