"""The application: routes, and who may use them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Query, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import FileResponse, JSONResponse, Response

from shopify_fw360.records import Outcome
from shopify_fw360.store import Store
from shopify_fw360.web import views
from shopify_fw360.web.problems import handle_problems, problem
from shopify_fw360.web.rendering import STATIC, page
from shopify_fw360.web.security import Allowed, SameOrigin, allowed_dags, logged_in, may_view_run, user_name

log = logging.getLogger(__name__)

OpenStore: TypeAlias = Callable[[], Store]
Asset: TypeAlias = Literal["style.css", "theme.js", "parked.js", "icon.svg"]
Rights: TypeAlias = Annotated[Allowed, Depends(allowed_dags(tuple(views.FLOWS)))]
Name: TypeAlias = Annotated[str, Path(max_length=250)]
Number: TypeAlias = Annotated[int, Query(ge=1, le=1_000_000)]


class Release(BaseModel):
    """Which parked records to put back into the queue.

    Args:
        rows: row ids; empty for all with the code.
        flow: only of this flow.
        code: only with this error code.
    """

    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(max_length=1_000)] = []
    flow: str | None = None
    code: str | None = None

    @model_validator(mode="after")
    def _something_chosen(self) -> Release:
        if not self.rows and self.code is None:
            raise ValueError("choose rows, or a code of which all are released")
        return self


def create_app(open_store: OpenStore) -> FastAPI:
    """Build the application.

    Args:
        open_store: returns the store; called for each request, so it should keep it open.

    Returns:
        The application; every route asks for a logged-in user.
    """
    app = FastAPI(title="Shopify and Framework360 sync", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(SameOrigin)
    app.include_router(_pages(open_store))
    app.include_router(_api(open_store), prefix="/api")
    handle_problems(app)
    return app


_NOT_IN_LEDGER = (
    "The run has not read anything yet, its flow is switched off, "
    "or it belongs to a DAG that does not synchronise records."
)


def _pages(open_store: OpenStore) -> APIRouter:
    router = APIRouter(dependencies=[logged_in])

    @router.get("/runs/{dag_id}/{run_id}", dependencies=[may_view_run])
    def run(request: Request, dag_id: Name, run_id: Name, outcome: Outcome | None = None, part: Number = 1) -> Response:
        found = views.run_view(open_store(), dag_id, run_id, outcome, part)
        if found is None and (parts := views.parts_view(open_store(), dag_id, run_id)):
            return page("parts.html", depth=2, dag_id=dag_id, run_id=run_id, parts=parts)
        if found is None:
            return problem(request, 404, "Nothing to show for this run", _NOT_IN_LEDGER)
        return page("run.html", depth=2, run=found)

    @router.get("/parked")
    def parked(rights: Rights, flow: str = "", code: str = "", part: Number = 1) -> Response:
        visible = rights("view")
        if not flow and 0 < len(visible) < len(views.FLOWS):
            flow = visible[0]
        flows = _chosen(visible, flow)
        with open_store().read() as tx:
            found = views.parked_page(tx, flows, code=code or None, page=part)
        return page(
            "parked.html",
            depth=0,
            parked=found,
            flow=flow,
            code=code,
            flows=visible,
            all_visible=len(visible) == len(views.FLOWS),
            may_release=bool(set(rights("release")) & set(flows)),
        )

    @router.get("/errors")
    def errors() -> Response:
        return page("errors.html", depth=0, errors=views.error_reference())

    @router.get("/static/{name}")
    def static(name: Asset) -> Response:
        return FileResponse(STATIC / name, headers={"Cache-Control": "private, max-age=300"})

    return router


def _api(open_store: OpenStore) -> APIRouter:
    router = APIRouter(dependencies=[logged_in])

    @router.get("/runs/{dag_id}/{run_id}", dependencies=[may_view_run])
    def run(dag_id: Name, run_id: Name, outcome: Outcome | None = None, part: Number = 1) -> Response:
        found = views.run_view(open_store(), dag_id, run_id, outcome, part)
        if found is None and (parts := views.parts_view(open_store(), dag_id, run_id)):
            return JSONResponse(jsonable_encoder({"parts": parts}))
        if found is None:
            raise HTTPException(404, _NOT_IN_LEDGER)
        return JSONResponse(jsonable_encoder(found))

    @router.get("/parked")
    def parked(rights: Rights, flow: str = "", code: str = "", part: Number = 1) -> Response:
        with open_store().read() as tx:
            found = views.parked_page(tx, _chosen(rights("view"), flow), code=code or None, page=part)
        return JSONResponse(jsonable_encoder(found))

    @router.post("/parked/release")
    def release(request: Request, chosen: Release, rights: Rights) -> Response:
        flows = _chosen(rights("release"), chosen.flow or "", all_needed=False)
        number = views.release(open_store(), chosen.rows, flows, chosen.code)
        log.info("user %s released %d parked records of %s", user_name(request), number, ", ".join(flows))
        return JSONResponse({"released": number})

    @router.get("/errors")
    def errors() -> Response:
        return JSONResponse(jsonable_encoder(views.error_reference()))

    return router


def _chosen(allowed: list[str], flow: str, *, all_needed: bool = True) -> list[str]:
    """Return the flows a request is about; a list of everything needs the right to everything."""
    if flow:
        if flow not in views.FLOWS:
            raise HTTPException(404, f"There is no flow {flow}.")
        if flow not in allowed:
            raise HTTPException(403, f"You have no right to do this in {flow}.")
        return [flow]
    if not allowed or (all_needed and len(allowed) < len(views.FLOWS)):
        raise HTTPException(403, "Choose a flow in which you have the right to do this.")
    return allowed
