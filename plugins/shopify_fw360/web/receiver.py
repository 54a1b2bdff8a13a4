"""The receiver of webhooks: proves who delivers, keeps what is told, commits, and only then answers 200.

It runs inside Airflow's API server below ``/sync/webhooks``, and alone: ``uvicorn shopify_fw360.web.receiver:app``.
Alone it takes its settings from the environment (``receiver_settings.EnvironmentServing``) and wakes the consumer over
Airflow's public API, if ``SYNC_AIRFLOW_URL``, ``SYNC_AIRFLOW_USER`` and ``SYNC_AIRFLOW_PASSWORD`` are set.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import webhooks as framework360
from shopify_fw360.framework360 import wire
from shopify_fw360.records import QUEUE_CONSUMER, DeliveryRefusedError, Event, Refusal
from shopify_fw360.shopify import webhooks as shopify
from shopify_fw360.store.subscriptions import is_token
from shopify_fw360.sync.inbox import accept
from shopify_fw360.web.deliveries import Limits, RefusedError, Visit, access_log, answer, content_kind, read_body
from shopify_fw360.web.doorbell import Bell, Doorbell, RemoteBell, no_bell
from shopify_fw360.web.group_commit import BusyError, GroupCommit
from shopify_fw360.web.receiver_settings import EnvironmentServing, Kept, Serving

log = logging.getLogger(__name__)

PREFIX: Final = "/sync/webhooks"
"""Path below which the receiver is reached, in both ways of running it."""

_JSON: Final = frozenset({"application/json"})
_FORM: Final = "application/x-www-form-urlencoded"
_TOLERANT: Final = frozenset({"application/json", "text/json", _FORM})
_STATUS: Final[Mapping[Refusal, int]] = {"signature": 401, "shop": 401, "topic": 400, "stale": 400, "malformed": 400}
_AGAIN_SECONDS: Final = 2

Endpoint = Callable[[Request, Visit], Awaitable[str]]


class Receiver:
    """The routes of the receiver.

    Args:
        load: returns what is served; blocks, may raise SyncError.
        bell: wakes the consumer of the queue.
        limits: what a sender may take from us.
        clock: aware UTC time.
    """

    def __init__(
        self,
        load: Callable[[], Serving],
        bell: Bell = no_bell,
        *,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._kept = Kept(load)
        self._limits = limits = limits or Limits()
        self._clock = clock
        self._serving: Serving | None = None
        self._commits: GroupCommit[Event, bool] = GroupCommit(self._accept, seconds=limits.commit_seconds)
        self._doorbell = Doorbell(self._is_awake, bell)
        self._at_once = 0

    def add_to(self, app: FastAPI, prefix: str = "") -> None:
        """Add the routes to an application.

        Plain Starlette routes: what FastAPI adds to a route would double the time a delivery takes.
        """
        app.add_route(f"{prefix}/shopify", self._guarded("shopify", self._shopify), methods=["POST"])
        app.add_route(
            f"{prefix}/framework360/{{token}}", self._guarded("framework360", self._framework360), methods=["POST"]
        )
        app.add_route(f"{prefix}/health", self._health, methods=["GET"])

    async def ready(self) -> None:
        """Make sure that deliveries could be taken.

        Raises:
            SyncError: what is missing or wrong.
        """
        serving = await self._kept.get()
        await asyncio.to_thread(serving.store.check)

    def _guarded(self, system: str, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            visit = Visit.of(request, system)
            if self._at_once >= self._limits.most_at_once:
                visit.log(503, "busy")
                return answer(503, "busy", _AGAIN_SECONDS)
            self._at_once += 1
            try:
                result = await endpoint(request, visit)
            except RefusedError as refused:
                visit.log(refused.status, refused.result, refused.detail)
                return answer(refused.status, refused.result, refused.retry_after)
            except DeliveryRefusedError as refused:
                status = _STATUS[refused.reason]
                visit.log(status, refused.reason, refused.detail)
                # Whoever is not authentic learns nothing about why.
                return answer(status, "unauthorized" if status == 401 else refused.reason)
            finally:
                self._at_once -= 1
            visit.log(200, result)
            return answer(200, result)

        return guarded

    async def _shopify(self, request: Request, visit: Visit) -> str:
        content_kind(visit, _JSON)
        body = await read_body(request, self._limits, visit)
        serving = await self._served()
        if not serving.secrets:
            raise RefusedError(503, "not_set_up", "the connection of the shop has no client secret", _AGAIN_SECONDS)
        if not shopify.is_authentic(serving.secrets, body, shopify.signature_of(visit.headers)):
            raise DeliveryRefusedError("signature", "not signed with the client secret")
        envelope = shopify.read_envelope(visit.headers)
        event = shopify.read_event(envelope, body, serving.shop, self._clock())
        visit.topic = envelope.topic
        return "ignored" if event is None else await self._keep(event)

    async def _framework360(self, request: Request, visit: Visit) -> str:
        token = request.path_params["token"]
        # The token must not appear in the access logs of the servers around us, which read the path after this.
        request.scope["path"] = request.scope["path"].replace(token, "***")
        request.scope["raw_path"] = request.scope["path"].encode()
        kind = content_kind(visit, _TOLERANT)
        body = await read_body(request, self._limits, visit)
        serving = await self._served()
        if not is_token(token, [key.token_digest for key in serving.site_keys]):
            serving = await self._kept.get(fresh=True)
        secrets = [key.signing_secret for key in serving.site_keys if is_token(token, [key.token_digest])]
        if not secrets:
            raise DeliveryRefusedError("signature", "unknown token")
        signature = visit.headers.get(wire.SIGNATURE_HEADER.lower(), "")
        if not any(secret is None or framework360.is_authentic(secret, body, signature) for secret in secrets):
            raise DeliveryRefusedError("signature", "not signed with the secret of the subscription")
        event = framework360.read_event(body, form=kind == _FORM)
        visit.topic = event.topic
        return await self._keep(event)

    async def _keep(self, event: Event) -> str:
        try:
            new = await self._commits.add(event)
        except BusyError:
            raise RefusedError(503, "busy", retry_after=_AGAIN_SECONDS) from None
        except TimeoutError:
            # It may still be kept; the sender repeats it, and then it is a duplicate.
            raise RefusedError(503, "slow_store", retry_after=_AGAIN_SECONDS) from None
        except SyncError as error:
            log.warning("events cannot be kept: %s", error)
            raise RefusedError(503, "no_store", error.code.code, retry_after=_AGAIN_SECONDS) from None
        if not new:
            return "duplicate"
        self._doorbell.press()
        return "accepted"

    def _accept(self, events: Sequence[Event]) -> Sequence[bool]:
        if self._serving is None:
            raise RuntimeError("events arrived before the settings were read")
        return accept(self._serving.store, events)

    def _is_awake(self) -> bool:
        if self._serving is None:
            return False
        with self._serving.store.read() as tx:
            return tx.is_awake(QUEUE_CONSUMER)

    async def _served(self) -> Serving:
        try:
            self._serving = await self._kept.get()
        except SyncError as error:
            raise RefusedError(503, "not_set_up", str(error), _AGAIN_SECONDS) from None
        return self._serving

    async def _health(self, _: Request) -> Response:
        try:
            async with asyncio.timeout(self._limits.commit_seconds):
                await self.ready()
        except (SyncError, TimeoutError) as error:
            log.warning("the receiver is not ready: %s", error)
            return answer(503, "unavailable", _AGAIN_SECONDS)
        return answer(200, "ok")


def mounted(load: Callable[[], Serving], bell: Bell) -> FastAPI:
    """Build the application that Airflow's API server mounts at `PREFIX`.

    Args:
        load: returns what is served; blocks, may raise SyncError.
        bell: wakes the consumer of the queue.
    """
    built = _application()
    Receiver(load, bell).add_to(built)
    return built


def standing_alone(environment: Mapping[str, str]) -> FastAPI:
    """Build the application that a server of its own runs; it refuses to start before it could take deliveries.

    Args:
        environment: variables, as the module describes them.
    """
    receiver = Receiver(EnvironmentServing(environment), _remote_bell(environment))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        _show_access_log()
        await receiver.ready()
        yield

    built = _application(lifespan)
    receiver.add_to(built, PREFIX)
    return built


def _application(lifespan: Callable[[FastAPI], object] | None = None) -> FastAPI:
    return FastAPI(
        title="Webhooks",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,  # type: ignore[arg-type]
    )


def _remote_bell(environment: Mapping[str, str]) -> Bell:
    url, user, password = (environment.get(f"SYNC_AIRFLOW_{name}", "") for name in ("URL", "USER", "PASSWORD"))
    return RemoteBell(url, user, password) if url else no_bell


def _show_access_log() -> None:
    """Write the access log to the standard error output, unless the server was given a place for it."""
    if not access_log.hasHandlers():
        access_log.addHandler(logging.StreamHandler(sys.stderr))
        access_log.setLevel(logging.INFO)


app: Final = standing_alone(os.environ)
"""For ``uvicorn shopify_fw360.web.receiver:app``; nothing is read or opened before it starts."""
