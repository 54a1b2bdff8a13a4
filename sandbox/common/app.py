"""The ASGI application around a backend: control API, pages, latency, faults, metrics, then the backend itself."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.common.backend import ApiRequest, ApiResponse, Backend, Seed
from sandbox.common.control import control_app
from sandbox.common.faults import Rule, Switchboard
from sandbox.common.metrics import Metrics
from sandbox.common.pages import page_paths, pages_app

CONTROL = "/_sandbox"
TRANSPORT = "sandbox.transport"
_GARBAGE = b"<!DOCTYPE html><html><head><title>Manutenzione</title></head><body><h1>Torniamo subito</h1></body></html>"


class TransportProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol that also hands the connection to the application, so that a fault can reset it."""

    def on_message_begin(self) -> None:
        """Add the transport to the scope of the new request."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


class SandboxApp:
    """ASGI application of one sandbox server.

    Args:
        backend: the simulated system.
        seed: what the server starts with; a reset through the control takes from it what is not named, whatever was
            reset before.
        latency_ms: simulated network latency of every API request, milliseconds.
    """

    def __init__(self, backend: Backend, seed: Seed, latency_ms: float = 0.0) -> None:
        self.backend = backend
        self.seed = seed
        self.start_latency_ms = latency_ms
        self.latency_ms = latency_ms
        self.faults = Switchboard()
        self.metrics = Metrics()
        self._control = control_app(self)
        desk = backend.desk()
        self._pages = pages_app(desk)
        self._page_paths = page_paths(desk)

    def reset(self, seed: Seed) -> None:
        """Give the server fresh data and forget faults, metrics, refusals, options and a changed latency."""
        self.backend.reset(seed)
        self.backend.refusals.clear()
        self.backend.diary.clear()
        self.faults.remove(None)
        self.metrics.reset()
        self.latency_ms = self.start_latency_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one ASGI connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        path: str = scope["path"]
        if path.startswith(CONTROL + "/"):
            await self._control({**scope, "path": path.removeprefix(CONTROL)}, receive, send)
        elif path.removeprefix("/").partition("/")[0] in self._page_paths:
            await self._pages(scope, receive, send)
        else:
            await self._api(scope, receive, send)

    async def _api(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope, await _body(receive))
        operation = self.backend.describe(request)
        rule = self.faults.pick(request.method, request.path, operation.name, request.body)
        ticket = self.metrics.start(operation.name)
        outcome = _Outcome(None, applied=False, answered=False)
        try:
            if self.latency_ms > 0:
                await asyncio.sleep(self.latency_ms / 1000)
            if rule is None:
                response = await self.backend.handle(request)
                outcome = _Outcome(response, applied=not response.error, answered=True)
                await _answer(send, response)
            else:
                outcome = await self._strike(rule, request, scope, send)
        finally:
            ticket.finish(
                write=operation.write and outcome.applied,
                error=outcome.failed,
                fault=rule is not None,
            )

    async def _strike(self, rule: Rule, request: ApiRequest, scope: Scope, send: Send) -> _Outcome:
        """Carry out the fault that struck a request."""
        params = rule.params
        refusal = self._refusal(rule)
        if refusal is not None:
            await _answer(send, refusal)
            return _Outcome(refusal, applied=False, answered=True)
        match rule.kind:
            case "reset":
                _reset(scope)
                return _Outcome(None, applied=False, answered=False)
            case "hang":
                await _hang(scope, params)
                return _Outcome(None, applied=False, answered=False)
            case "slow":
                await asyncio.sleep(float(params.get("ms", 1000)) / 1000)
        response = await self.backend.handle(request)
        match rule.kind:
            case "truncate":
                await _truncate(send, scope, response, float(params.get("share", 0.5)))
            case "lost_answer" if params.get("how", "reset") == "timeout":
                await _hang(scope, params)
            case "lost_answer":
                _reset(scope)
            case "apply_then_500":
                await _answer(send, _html(int(params.get("status", 500))))
            case _:
                await _answer(send, response)
        return _Outcome(response, applied=not response.error, answered=rule.kind == "slow")

    def _refusal(self, rule: Rule) -> ApiResponse | None:
        """Return the answer of a fault that answers instead of the backend."""
        params = rule.params
        match rule.kind:
            case "http_status":
                headers = {"Retry-After": str(params["retry_after"])} if "retry_after" in params else {}
                return _html(int(params.get("status", 503)), headers)
            case "throttle":
                return self.backend.throttled(params)
            case "garbage":
                return _html(int(params.get("status", 200)))
        return None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a request ended: the backend's or the fault's answer, whether it was carried out, whether it left whole."""

    response: ApiResponse | None
    applied: bool
    answered: bool

    @property
    def failed(self) -> bool:
        return not self.answered or self.response is None or self.response.error or self.response.status >= 400


def _html(status: int, headers: Mapping[str, str] | None = None) -> ApiResponse:
    return ApiResponse(_GARBAGE, status, "text/html; charset=utf-8", headers or {}, error=True)


async def _hang(scope: Scope, params: Mapping[str, Any]) -> None:
    await asyncio.sleep(float(params.get("seconds", 60)))
    _transport(scope).close()


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


def _request(scope: Scope, body: bytes) -> ApiRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return ApiRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers=headers,
        body=body,
        base_url=f"{scope['scheme']}://{headers.get('host', '127.0.0.1')}",
    )


async def _answer(send: Send, response: ApiResponse) -> None:
    headers = [(b"content-type", response.content_type.encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]
    body = response.body
    if isinstance(body, bytes):
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    for part in body:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


async def _truncate(send: Send, scope: Scope, response: ApiResponse, share: float) -> None:
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    headers = [(b"content-type", response.content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    kept = body[: min(len(body) - 1, int(len(body) * share))] if body else b""
    await send({"type": "http.response.body", "body": kept, "more_body": True})
    _transport(scope).close()


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]["transport"]
    return transport


def _reset(scope: Scope) -> None:
    """Abort the connection with a TCP reset instead of an orderly close (SO_LINGER 0, see socket(7))."""
    transport = _transport(scope)
    raw: Any = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
