"""The control API under `/_sandbox/`: what tests and people use to steer a server. Never part of the simulated system.

| call                        | body                                         | effect                                                   |
| --------------------------- | -------------------------------------------- | -------------------------------------------------------- |
| `GET health`                |                                              | answers when the server is up                             |
| `GET state`                 |                                              | counts, seed, latency                                     |
| `POST reset`                | `{seed, customers, population}`, all optional | fresh data; faults, metrics, refusals, options forgotten |
| `GET metrics`, `POST metrics/reset` |                                      | request metrics                                           |
| `GET`, `POST`, `DELETE faults` | one rule or a list; `?id=` on DELETE      | fault rules (`faults.py`)                                 |
| `POST latency`              | `{ms}`                                       | network latency of every API request                      |
| `GET`, `POST options`       | `{switch: value}`                            | quirk switches of the system                              |
| `GET refused`, `DELETE refused` |                                          | requests that broke the contract                          |
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.common.backend import POPULATIONS

if TYPE_CHECKING:
    from sandbox.common.app import SandboxApp


def control_app(app: SandboxApp) -> Starlette:
    """Build the control API of one server."""

    async def health(_: Request) -> Response:
        return _json({"system": app.backend.name, "ok": True})

    async def state(_: Request) -> Response:
        shared = {"system": app.backend.name, **asdict(app.seed), "latency_ms": app.latency_ms}
        return _json({**shared, **app.backend.state()})

    async def reset(request: Request) -> Response:
        wanted = await _object(request)
        unknown = set(wanted) - {"seed", "customers", "population"}
        if unknown:
            raise ValueError(f"reset takes seed, customers and population, not {', '.join(sorted(unknown))}")
        if wanted.get("population", "mixed") not in POPULATIONS:
            raise ValueError(f"population must be one of {list(POPULATIONS)}")
        app.reset(replace(app.seed, **wanted))
        return await state(request)

    async def metrics(_: Request) -> Response:
        return _json(app.metrics.as_dict())

    async def metrics_reset(_: Request) -> Response:
        app.metrics.reset()
        return _json(app.metrics.as_dict())

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            return _json({"removed": app.faults.remove(request.query_params.get("id"))})
        if request.method == "POST":
            posted = orjson.loads(await request.body())
            for document in posted if isinstance(posted, list) else [posted]:
                if not isinstance(document, dict):
                    raise ValueError("a fault rule must be an object")
                app.faults.add(document)
        return _json(app.faults.as_list())

    async def latency(request: Request) -> Response:
        wanted = await _object(request)
        app.latency_ms = float(wanted["ms"])
        return _json({"ms": app.latency_ms})

    async def options(request: Request) -> Response:
        if request.method == "POST":
            app.backend.set_options(await _object(request))
        return _json(dict(app.backend.options()))

    async def refused(request: Request) -> Response:
        if request.method == "DELETE":
            app.backend.refusals.clear()
        return _json(app.backend.refusals.as_dict())

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/state", state),
            Route("/reset", _guard(reset), methods=["POST"]),
            Route("/metrics", metrics),
            Route("/metrics/reset", metrics_reset, methods=["POST"]),
            Route("/faults", _guard(faults), methods=["GET", "POST", "DELETE"]),
            Route("/latency", _guard(latency), methods=["POST"]),
            Route("/options", _guard(options), methods=["GET", "POST"]),
            Route("/refused", refused, methods=["GET", "DELETE"]),
        ]
    )


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


async def _object(request: Request) -> dict[str, Any]:
    body = await request.body()
    document = orjson.loads(body) if body else {}
    if not isinstance(document, dict):
        raise ValueError("the body must be a JSON object")
    return document


def _guard(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Answer 400 with the reason when the body of a control request makes no sense."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (ValueError, TypeError, KeyError) as problem:
            return _json({"error": str(problem)}, 400)

    return guarded
