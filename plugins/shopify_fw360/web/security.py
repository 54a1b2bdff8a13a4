"""Who may see and do what, and from where: the only module that touches Airflow's security internals.

Airflow protects nothing below a plugin's mount and its core has no CSRF token, so every route asks for the user here,
and every request that could change something must come from our own pages with a JSON body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, Request
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.web.i18n import N_

FlowRight: TypeAlias = Literal["view", "sync", "release"]
"""What may be done with records of one flow: see them, send them at once, put parked ones back."""

Right: TypeAlias = Literal["view", "sync", "connect", "configure"]
"""What may be done in the console."""

Allowed: TypeAlias = Callable[[FlowRight], list[str]]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Person:
    """Who made a request, and what Airflow lets them do; each right is asked for once per request.

    Args:
        user: Airflow's user.
    """

    def __init__(self, user: Any) -> None:
        self._user = user
        self._rights: dict[Right, bool] = {}

    @property
    def name(self) -> str:
        """Airflow's name of the user, for the audit log."""
        return str(self._user.get_id())

    @property
    def shown_name(self) -> str:
        """The name for people."""
        return str(self._user.get_name())

    def flows(self, right: FlowRight) -> list[str]:
        """Return the names of the flows in which the person has a right."""
        return [flow.name for flow in ALL_FLOWS if _is_allowed(self._user, flow.name, right)]

    def may(self, right: Right) -> bool:
        """Whether the person has a right in at least one flow, or over Airflow's connections or variables.

        - ``view``: may see runs of a flow; Airflow's viewers do.
        - ``sync``: may trigger a flow.
        - ``connect``: may edit Connections; ``configure``: may edit Variables. Both belong to Airflow's operators and
          administrators.
        """
        if right not in self._rights:
            self._rights[right] = self._has(right)
        return self._rights[right]

    def _has(self, right: Right) -> bool:
        manager = get_auth_manager()
        if right == "connect":
            return bool(manager.is_authorized_connection(method="PUT", user=self._user))
        if right == "configure":
            return bool(manager.is_authorized_variable(method="PUT", user=self._user))
        return bool(self.flows(right))


def person(request: Request, user: Annotated[Any, Depends(get_user)]) -> Person:
    """Dependency: return who made the request, else 401."""
    known = getattr(request.state, "person", None)
    if not isinstance(known, Person):
        known = request.state.person = Person(user)
    return known


LoggedIn: TypeAlias = Annotated[Person, Depends(person)]
"""Annotation of a parameter that receives who made the request."""

logged_in: Final = Depends(person)
"""Dependency: somebody is logged in to Airflow, else 401."""


def _needs(right: Right, refusal: str) -> Any:
    def dependency(someone: LoggedIn) -> None:
        if not someone.may(right):
            raise HTTPException(403, refusal)

    return Depends(dependency)


may_view: Final = _needs("view", N_("You have no right to see any flow."))
"""Dependency: the user may see runs of a flow, else 403."""

may_sync: Final = _needs("sync", N_("You have no right to trigger a flow."))
"""Dependency: the user may trigger a flow, else 403."""

may_connect: Final = _needs("connect", N_("You have no right to edit Airflow's connections."))
"""Dependency: the user may edit Connections, else 403."""

may_configure: Final = _needs("configure", N_("You have no right to edit Airflow's variables."))
"""Dependency: the user may edit Variables, else 403."""

may_view_run: Final = Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN))
"""Dependency: the user may see runs of the DAG in the path parameter ``dag_id``, else 403."""


def allowed_dags(someone: LoggedIn) -> Allowed:
    """Dependency: return a function that tells in which flows the user has a right.

    Its value maps ``view`` (see runs), ``sync`` (trigger) or ``release`` (edit the DAG) to names of flows.
    """
    return someone.flows


_ASKED: Final[dict[FlowRight, tuple[Any, DagAccessEntity | None]]] = {
    "view": ("GET", DagAccessEntity.RUN),
    "sync": ("POST", DagAccessEntity.RUN),
    "release": ("PUT", None),
}


def _is_allowed(user: Any, dag_id: str, right: FlowRight) -> bool:
    method, entity = _ASKED[right]
    return bool(
        get_auth_manager().is_authorized_dag(
            method=method,
            access_entity=entity,
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
