"""The control API under `/_sandbox/`: what tests and people use to steer a server. Never part of the simulated system.

- `GET health`: answers when the server is up.
- `GET state`: counts, seed, latency.
- `POST reset` with keys of `backend.Seed`, all optional: fresh data; forgets faults, metrics, refusals, options.
- `GET metrics`, `POST metrics/reset`: request metrics.
- `GET faults`, `POST faults` one rule or a list, `DELETE faults[?id=]`: fault rules, see `faults.py`.
- `POST latency` `{ms}`: simulated network latency of every API request.
- `GET options`, `POST options` `{switch: value}`: quirk switches of the system.
- `GET changes[?after=]`: what changed when, see `diary.py`; `after` is the number of the last entry known.
- `GET refused`, `DELETE refused`: requests that broke the contract.
- `POST acts/{name}`: what people do by hand in the system, e.g. place and refund an order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.common.backend import POPULATIONS, Seed

if TYPE_CHECKING:
    from sandbox.common.app import SandboxApp


def control_app(app: SandboxApp) -> Starlette:
    """Build the control API of one server."""
    calls = _Calls(app)
    return Starlette(
        routes=[
            Route("/health", calls.health),
            Route("/state", calls.state),
            Route("/reset", _guard(calls.reset), methods=["POST"]),
            Route("/metrics", calls.metrics),
            Route("/metrics/reset", calls.reset_metrics, methods=["POST"]),
            Route("/faults", _guard(calls.faults), methods=["GET", "POST", "DELETE"]),
            Route("/latency", _guard(calls.latency), methods=["POST"]),
            Route("/options", _guard(calls.options), methods=["GET", "POST"]),
            Route("/changes", _guard(calls.changes)),
            Route("/refused", calls.refused, methods=["GET", "DELETE"]),
            Route("/acts/{name}", _guard(calls.act), methods=["POST"]),
        ]
    )


class _Calls:
    """One method per control call."""

    def __init__(self, app: SandboxApp) -> None:
        self._app = app

    async def health(self, _: Request) -> Response:
        return _json({"system": self._app.backend.name, "ok": True})

    async def state(self, _: Request) -> Response:
        app = self._app
        shared = {"system": app.backend.name, **asdict(app.seed), "latency_ms": app.latency_ms}
        return _json({**shared, **app.backend.state()})

    async def reset(self, request: Request) -> Response:
        wanted = await _object(request)
        known = {entry.name for entry in fields(Seed)}
        unknown = set(wanted) - known
        if unknown:
            raise ValueError(f"reset takes {', '.join(sorted(known))}, not {', '.join(sorted(unknown))}")
        if wanted.get("population", "mixed") not in POPULATIONS:
            raise ValueError(f"population must be one of {list(POPULATIONS)}")
        self._app.reset(replace(self._app.seed, **wanted))
        return await self.state(request)

    async def metrics(self, _: Request) -> Response:
        return _json(self._app.metrics.as_dict())

    async def reset_metrics(self, _: Request) -> Response:
        self._app.metrics.reset()
        return _json(self._app.metrics.as_dict())

    async def faults(self, request: Request) -> Response:
        board = self._app.faults
        if request.method == "DELETE":
            return _json({"removed": board.remove(request.query_params.get("id"))})
        if request.method == "POST":
            posted = orjson.loads(await request.body())
            for document in posted if isinstance(posted, list) else [posted]:
                board.add(document)
        return _json(board.as_list())

    async def latency(self, request: Request) -> Response:
        wanted = await _object(request)
        self._app.latency_ms = float(wanted["ms"])
        return _json({"ms": self._app.latency_ms})

    async def options(self, request: Request) -> Response:
        backend = self._app.backend
        if request.method == "POST":
            backend.set_options(await _object(request))
        return _json(dict(backend.options()))

    async def changes(self, request: Request) -> Response:
        return _json(self._app.backend.diary.after(int(request.query_params.get("after", "0"))))

    async def refused(self, request: Request) -> Response:
        refusals = self._app.backend.refusals
        if request.method == "DELETE":
            refusals.clear()
        return _json(refusals.as_dict())

    async def act(self, request: Request) -> Response:
        done = await self._app.backend.act(request.path_params["name"], await _object(request))
        return _json(dict(done))


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


async def _object(request: Request) -> dict[str, Any]:
    body = await request.body()
    document = orjson.loads(body) if body else {}
    if not isinstance(document, dict):
        raise TypeError("the body must be a JSON object")
    return document


def _guard(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Answer 400 with the reason when the body of a control request makes no sense."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (ValueError, TypeError, KeyError) as problem:
            return _json({"error": str(problem)}, 400)

    return guarded
