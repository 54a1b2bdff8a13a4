"""Who may see and do what, and from where: the only module that touches Airflow's security internals.

Airflow protects nothing below a plugin's mount and its core has no CSRF token, so every route asks for the user here,
and every request that could change something must come from our own pages with a JSON body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

Right: TypeAlias = Literal["view", "release"]
Allowed: TypeAlias = Callable[[Right], list[str]]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

logged_in: Final = Depends(get_user)
"""Dependency: somebody is logged in to Airflow, else 401."""

may_view_run: Final = Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN))
"""Dependency: the user may see runs of the DAG in the path parameter ``dag_id``, else 403."""


def user_name(request: Request) -> str:
    """Return the id of the user who made the request, for the audit log."""
    return str(getattr(request.state, "sync_user", "unknown"))


def allowed_dags(dag_ids: Sequence[str]) -> Callable[..., Allowed]:
    """Make a dependency that tells for which DAGs the user has a right.

    Args:
        dag_ids: the DAGs that may be asked about.

    Returns:
        A dependency whose value maps ``view`` (see runs) or ``release`` (edit the DAG) to the DAG ids.
    """

    def dependency(request: Request, user: Annotated[Any, Depends(get_user)]) -> Allowed:
        request.state.sync_user = user.get_id()

        def allowed(right: Right) -> list[str]:
            return [dag_id for dag_id in dag_ids if _is_allowed(user, dag_id, right)]

        return allowed

    return dependency


def _is_allowed(user: Any, dag_id: str, right: Right) -> bool:
    return bool(
        get_auth_manager().is_authorized_dag(
            method="GET" if right == "view" else "PUT",
            access_entity=DagAccessEntity.RUN if right == "view" else None,
            details=DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id)),
            user=user,
        )
    )


class SameOrigin:
    """Refuses what another site makes a logged-in browser send, and puts the security headers on every answer.

    Pages may be opened from anywhere, so that links in mails work; everything below ``/api/`` and every method that
    is not safe may only be called by our own pages, or by programs, which send no ``Origin``.

    Args:
        app: the application.
        own_origins: returns the origins that count as our own besides the one the request was sent to.
    """

    def __init__(self, app: ASGIApp, own_origins: Callable[[], Iterable[str]] | None = None) -> None:
        self._app = app
        self._own_origins = own_origins or _configured_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.lower().encode(), value.encode())
                        for name, value in HEADERS.items()
                        if name.lower().encode() not in present
                    ),
                ]
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        unsafe = scope["method"] not in SAFE_METHODS
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if unsafe or path.startswith("/api/"):
            site = headers.get("sec-fetch-site", "same-origin")
            # "none" is a person typing the address; a browser never sends it with an unsafe method of a page.
            if site not in ("same-origin", *(() if unsafe else ("none",))) or not self._is_own(headers, scope):
                return JSONResponse({"detail": "This may only be called by the pages of this site."}, 403)
        if unsafe and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return JSONResponse({"detail": "The body must be JSON (Content-Type: application/json)."}, 415)
        return None

    def _is_own(self, headers: Headers, scope: Scope) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return True
        parts = urlsplit(origin)
        return bool(parts.netloc) and (
            (parts.netloc == headers.get("host") and parts.scheme == scope["scheme"]) or origin in self._own_origins()
        )


def _configured_origins() -> list[str]:
    """Return the origin Airflow is configured to have; behind a proxy the request itself does not show it."""
    parts = urlsplit(conf.get("api", "base_url", fallback=""))
    return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []
