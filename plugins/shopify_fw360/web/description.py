"""The JSON API described as an OpenAPI document, for programs of others; only whoever is logged in may read it."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response

_VERSION: Final = "1"
_METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})
_PROBLEMS: Final = {
    "401": "nobody is logged in",
    "403": "the right is missing, or another site sends the request",
    "404": "there is no such thing",
    "409": "it has changed since it was read, or is kept elsewhere",
    "415": "the body is not JSON",
    "422": "a value does not fit; the answer names it",
}
_ABOUT: Final = (
    "What the pages of the console do, for other programs. Get a token of Airflow: POST /auth/token with username and "
    "password; send it as Authorization: Bearer. Airflow's roles decide what the user may do. Bodies are JSON."
)


def description() -> APIRouter:
    """Return the route of the document."""
    router = APIRouter()

    @router.get("/openapi.json")
    def document(request: Request) -> Response:
        """Describe the JSON API."""
        return JSONResponse(described(request.app))

    return router


def described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the routes below ``/api``."""
    whole = app.openapi()
    paths = {path: _operations(rest) for path, rest in whole["paths"].items() if path.startswith("/api/")}
    schemas = {
        **whole.get("components", {}).get("schemas", {}),
        "Problem": {
            "type": "object",
            "required": ["detail"],
            "properties": {name: {"type": "string"} for name in ("detail", "code", "cause", "fix")},
        },
    }
    return {
        "openapi": whole["openapi"],
        "info": {"title": app.title, "version": _VERSION, "description": _ABOUT},
        "servers": [{"url": ".."}],
        "security": [{"airflow": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"airflow": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operations(rest: dict[str, Any]) -> dict[str, Any]:
    problem = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {
        method: {
            **operation,
            "security": [{"airflow": []}],
            "responses": {
                **operation["responses"],
                **{status: {"description": text, **problem} for status, text in _PROBLEMS.items()},
            },
        }
        if method in _METHODS
        else operation
        for method, operation in rest.items()
    }
