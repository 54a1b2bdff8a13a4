"""Both sandbox systems in this process, behind the adapters of the real HTTP clients; no socket is opened.

Requests of workers pass the faults and give turns away; requests of people do not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

from sandbox.common.backend import ApiRequest, ApiResponse, Seed
from sandbox.framework360.courier import Webhook
from sandbox.framework360.options import Options as SiteSwitches
from sandbox.framework360.server import Framework360Backend
from sandbox.shopify.backend import ShopifyBackend
from sandbox.shopify.delivery import Courier
from sandbox.shopify.mutations.subscriptions import topics
from sandbox.shopify.payloads import body_of
from sandbox.shopify.shop import DOMAIN
from sandbox.shopify.times import moment_of
from sandbox.shopify.tokens import CLIENT_SECRET
from shopify_fw360.framework360 import webhooks as site_webhooks
from shopify_fw360.records import Event, System
from shopify_fw360.shopify import webhooks as shop_webhooks
from shopify_fw360.shopify.topics import TOPICS
from tests.proof.actors import Theatre

URLS = {System.SHOPIFY: "http://127.0.0.1:1", System.FRAMEWORK360: "http://127.0.0.1:2"}
_BY_PORT = {1: System.SHOPIFY, 2: System.FRAMEWORK360}
_SECRET = "site-secret"
_EMPTY = Seed(customers=0, products=0, orders=0)
_HTML = b"<!DOCTYPE html><html><body><h1>Torniamo subito</h1></body></html>"

BEFORE = ("unreachable", "503", "throttle", "garbage")
"""Faults that keep a request from being carried out."""
AFTER = ("lost answer", "500 though done", "cut answer")
"""Faults of requests that are carried out."""
FAULTS = BEFORE + AFTER


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook on its way.

    Args:
        system: who sends it.
        topic: in the words of the system.
        body: raw.
        headers: by lower-case name; of the shop only.
    """

    system: System
    topic: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def event(self, now: Any, serial: str = "") -> Event | None:
        """Read it as the receiver does; with a serial it is another event that tells the same."""
        if self.system is System.SHOPIFY:
            assert shop_webhooks.is_authentic(
                [CLIENT_SECRET.encode()], self.body, shop_webhooks.signature_of(self.headers)
            )
            event = shop_webhooks.read_event(shop_webhooks.read_envelope(self.headers), self.body, DOMAIN, now)
        else:
            event = site_webhooks.read_event(self.body)
        return event if event is None or not serial else replace(event, key=f"{event.key}|{serial}")


class _ShopCourier:
    """Keeps what the shop tells instead of sending it."""

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._count = 0

    def notify(self, topic: str, record: Any, extra: Mapping[str, Any]) -> None:
        name = topics()[topic][0]
        known = TOPICS.get(name)
        if known is None or not known.subscribed:
            return
        self._count += 1
        shop = self._systems.shop.shop
        subscription = {
            "num": self._count,
            "topic": topic,
            "uri": "http://127.0.0.1",
            "includeFields": list(known.fields),
        }
        triggered = moment_of(shop.clock.now()).isoformat().replace("+00:00", "Z")
        made = Courier._delivery(  # the sandbox's own sender signs it
            _Signing(shop), subscription, body_of(topic, record, extra), f"event-{self._count}", triggered
        )
        headers = {key.lower(): value for key, value in made.headers.items()}
        self._systems.tell(Delivery(System.SHOPIFY, name, made.body, headers))


@dataclass
class _Signing:
    _shop: Any


class _SiteCourier:
    """Keeps what the site tells instead of sending it."""

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        kinds = ("customer", "product", "order")
        events = frozenset(f"{kind}.{action}" for kind in kinds for action in ("created", "updated", "deleted"))
        self.webhooks = {1: Webhook(1, "http://127.0.0.1", events, "", _SECRET, URLS[System.FRAMEWORK360])}
        self._count = 0

    def use(self, options: SiteSwitches) -> None:
        pass

    def close(self) -> None:
        pass

    def send(self, event: str, date: str, site: str, record: Callable[[Webhook], Any]) -> None:
        import orjson

        self._count += 1
        body = orjson.dumps(
            {"id": f"event-{self._count}", "event": event, "date": date, "site": site, "data": record(self.webhooks[1])}
        )
        signature = "sha256=" + hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert site_webhooks.is_authentic(_SECRET, body, signature)
        self._systems.tell(Delivery(System.FRAMEWORK360, event, body))


_SHOP = ShopifyBackend(_EMPTY, {})
_SITE = Framework360Backend(_EMPTY, {})


class Systems:
    """A fresh shop and a fresh site.

    Args:
        theatre: the time they live in.
        index_lag: seconds by which the shop's search lags behind.
        orders: that the shop has already.
    """

    def __init__(self, theatre: Theatre, *, index_lag: float = 0.0, orders: int = 0) -> None:
        self._theatre = theatre
        theatre.session = self.session
        self.told: list[Delivery] = []
        self.writes: Counter[str] = Counter()
        self.requests = 0
        self.faults: dict[System, list[str]] = {system: [] for system in System}
        self.watchers: list[Callable[[System, str], None]] = []
        self.shop, self.site = _SHOP, _SITE
        self.shop.reset(Seed(customers=30, products=10, orders=orders) if orders else _EMPTY)
        self.shop.set_options(
            {
                "bucket_size": 1e9, "restore_rate": 1e9, "index_lag_seconds": index_lag, "product_set_seconds": 0.0,
                "media_seconds": 0.0, "orders_readable_since": "2025-01-01T00:00:00+00:00",
            }
        )  # fmt: skip
        self.shop.shop.listeners[:] = [_ShopCourier(self)]
        self.site.reset(_EMPTY)
        self.site._courier = _SiteCourier(self)  # type: ignore[assignment]

    def tell(self, delivery: Delivery) -> None:
        self.told.append(delivery)

    def adapter(self, *, person: bool = False) -> Wire:
        """Return what a client sends its requests by."""
        return Wire(self, person=person)

    def session(self, *, person: bool = False) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", self.adapter(person=person))
        return session

    def exchange(self, request: requests.PreparedRequest, *, person: bool) -> tuple[int, Mapping[str, str], bytes]:
        """Answer one request, or raise as the transport does."""
        parts = urlsplit(request.url or "")
        system = _BY_PORT[parts.port or 0]
        backend = self.shop if system is System.SHOPIFY else self.site
        body = request.body or b""
        asked = ApiRequest(
            method=request.method or "GET",
            path=unquote(parts.path),
            query=parts.query.encode(),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body if isinstance(body, bytes) else body.encode(),
            base_url=URLS[system],
        )
        if person:
            return _answer(_run(backend.handle(asked)))
        operation = backend.describe(asked)
        label = f"{operation.name} at the {'shop' if system is System.SHOPIFY else 'site'}"
        self._theatre.point(f"before {label}")
        self.requests += 1
        self._theatre.pass_time(0.05)
        fault = self.faults[system].pop(0) if self.faults[system] else ""
        if fault in BEFORE:
            return _refuse(fault, backend, request)
        response = _run(backend.handle(asked))
        if operation.write and not response.error:
            self.writes[label] += 1
            for watcher in self.watchers:
                watcher(system, operation.name)
        self._theatre.point(f"after {label}")
        if fault in AFTER:
            return _lose(fault, response)
        return _answer(response)


class Wire(HTTPAdapter):
    """Sends requests into this process."""

    def __init__(self, systems: Systems, *, person: bool) -> None:
        super().__init__(max_retries=0)
        self._systems = systems
        self._person = person

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:  # type: ignore[override]
        status, headers, body = self._systems.exchange(request, person=self._person)
        return self.build_response(request, urllib3.HTTPResponse(BytesIO(body), headers, status, preload_content=False))


def _run(work: Any) -> ApiResponse:
    try:
        work.send(None)
    except StopIteration as ended:
        answer: ApiResponse = ended.value
        return answer
    raise AssertionError("the sandbox waits for something")


def _answer(response: ApiResponse) -> tuple[int, Mapping[str, str], bytes]:
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    return response.status, {"Content-Type": response.content_type, **response.headers}, body


def _refuse(fault: str, backend: Any, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], bytes]:
    if fault == "unreachable":
        refused = NewConnectionError(None, "refused")  # type: ignore[arg-type]
        raise requests.ConnectionError(MaxRetryError(None, request.url, refused), request=request)  # type: ignore[arg-type]
    if fault == "throttle":
        return _answer(backend.throttled({}))
    return 503 if fault == "503" else 200, {"Content-Type": "text/html"}, _HTML


def _lose(fault: str, response: ApiResponse) -> tuple[int, Mapping[str, str], bytes]:
    if fault == "lost answer":
        raise requests.ConnectionError("connection reset by peer")
    if fault == "500 though done":
        return 500, {"Content-Type": "text/html"}, _HTML
    status, headers, body = _answer(response)
    return status, headers, body[: len(body) // 2]
