"""Parked records, and what the error codes mean."""

from __future__ import annotations

import logging
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import JSONResponse, Response

from shopify_fw360.web import views
from shopify_fw360.web.console import Area, Console, Entry
from shopify_fw360.web.i18n import N_
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import Allowed, LoggedIn, allowed_dags

log = logging.getLogger(__name__)

Rights: TypeAlias = Annotated[Allowed, Depends(allowed_dags)]
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


def area(console: Console) -> Area:
    """Build the area."""
    entry = Entry(N_("Queue and errors"), "parked", 40, below=("errors", "queue"))
    return Area(_pages(console), _api(console), entries=(entry,))


def _pages(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/parked")
    def parked(request: Request, rights: Rights, flow: str = "", code: str = "", part: Number = 1) -> Response:
        visible = rights("view")
        if not flow and 0 < len(visible) < len(views.FLOWS):
            flow = visible[0]
        flows = _chosen(visible, flow)
        with console.open_store().read() as tx:
            found = views.parked_page(tx, flows, code=code or None, page=part)
        return page(
            request,
            "parked.html",
            parked=found,
            flow=flow,
            code=code,
            flows=visible,
            all_visible=len(visible) == len(views.FLOWS),
            may_release=bool(set(rights("release")) & set(flows)),
        )

    @router.get("/errors")
    def errors(request: Request) -> Response:
        return page(request, "errors.html", errors=views.error_reference())

    return router


def _api(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/parked")
    def parked(rights: Rights, flow: str = "", code: str = "", part: Number = 1) -> Response:
        with console.open_store().read() as tx:
            found = views.parked_page(tx, _chosen(rights("view"), flow), code=code or None, page=part)
        return JSONResponse(jsonable_encoder(found))

    @router.post("/parked/release")
    def release(someone: LoggedIn, chosen: Release, rights: Rights) -> Response:
        flows = _chosen(rights("release"), chosen.flow or "", all_needed=False)
        number = views.release(console.open_store(), chosen.rows, flows, chosen.code)
        log.info("user %s released %d parked records of %s", someone.name, number, ", ".join(flows))
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
