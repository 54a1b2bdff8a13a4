"""What failed, which conflicts people must settle, what waits, what people left out; and what the error codes mean."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import JSONResponse, Response

from shopify_fw360.records import Flow, System
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.store import Transaction
from shopify_fw360.sync.decisions import leave_out, let_in, settle
from shopify_fw360.web import views
from shopify_fw360.web.console import Area, Console, Entry
from shopify_fw360.web.i18n import N_
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import Allowed, LoggedIn, allowed_dags, may_view
from shopify_fw360.web.words import DIRECTIONS, SYSTEMS, TITLES

log = logging.getLogger(__name__)

Rights: TypeAlias = Annotated[Allowed, Depends(allowed_dags)]
Number: TypeAlias = Annotated[int, Query(ge=1, le=1_000_000)]
RowId: TypeAlias = Annotated[int, Field(ge=1, lt=2**63)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Release(_Request):
    """Which parked records to put back into the queue.

    Args:
        rows: row ids; empty for all with the code.
        flow: only of this flow.
        code: only with this error code.
    """

    rows: Annotated[list[RowId], Field(max_length=1_000)] = []
    flow: str | None = None
    code: str | None = None

    @model_validator(mode="after")
    def _something_chosen(self) -> Release:
        if not self.rows and self.code is None:
            raise ValueError("choose rows, or a code of which all are released")
        return self


class LeaveOut(_Request):
    """Which parked records to leave out from now on.

    Args:
        rows: row ids.
    """

    rows: Annotated[list[RowId], Field(min_length=1, max_length=1_000)]


class LetIn(_Request):
    """A record that was left out and takes part again.

    Args:
        link: key of its link.
    """

    link: RowId


class Settlement(_Request):
    """How a conflict is settled.

    Args:
        row: id of the parked row.
        generation: of the conflict the person saw.
        winners: by disputed field the system whose value is kept.
    """

    row: RowId
    generation: Annotated[int, Field(ge=1, lt=2**31)]
    winners: Annotated[dict[str, System], Field(min_length=1, max_length=2_000)]


def area(console: Console) -> Area:
    """Build the area."""
    entry = Entry(N_("Queue and errors"), "parked", 40, below=("errors", "conflicts", "queue", "left-out"))
    return Area(_pages(console), _api(console), entries=(entry,))


def _pages(console: Console) -> APIRouter:
    router = APIRouter()

    def shown(
        request: Request, template: str, rights: Allowed, flow: str, make: Callable[[Transaction, list[str]], Any]
    ) -> Response:
        """Show a page about the flows the person sees, within the tabs of this area."""
        visible = rights("view")
        if not flow and 0 < len(visible) < len(views.FLOWS):
            flow = visible[0]
        flows = _chosen(visible, flow)
        with console.open_store().read() as tx:
            found = make(tx, flows)
            tabs = _tabs(tx, flows)
        return page(
            request,
            template,
            found=found,
            tabs=tabs,
            flow=flow,
            flows=visible,
            all_visible=len(visible) == len(views.FLOWS),
            may_release=bool(set(rights("release")) & set(flows)),
            directions=DIRECTIONS,
            titles={name: TITLES[known.entity] for name, known in views.FLOWS.items()},
            systems=SYSTEMS,
        )

    @router.get("/parked")
    def parked(request: Request, rights: Rights, flow: str = "", code: str = "", part: Number = 1) -> Response:
        return shown(
            request,
            "parked.html",
            rights,
            flow,
            lambda tx, flows: views.failures(tx, flows, code=code or None, page=part),
        )

    @router.get("/conflicts")
    def conflicts(request: Request, rights: Rights, flow: str = "", part: Number = 1) -> Response:
        return shown(
            request, "conflicts.html", rights, flow, lambda tx, flows: views.conflicts_page(tx, flows, page=part)
        )

    @router.get("/queue")
    def queue(request: Request, rights: Rights, flow: str = "", part: Number = 1) -> Response:
        return shown(request, "queue.html", rights, flow, lambda tx, flows: views.queue_page(tx, flows, page=part))

    @router.get("/left-out")
    def left_out(request: Request, rights: Rights, part: Number = 1) -> Response:
        return shown(request, "left_out.html", rights, "", lambda tx, _: views.left_out_page(tx, page=part))

    @router.get("/errors", dependencies=[may_view])
    def errors(request: Request) -> Response:
        return page(request, "errors.html", errors=views.error_reference())

    return router


def _tabs(tx: Transaction, flows: Sequence[str]) -> list[tuple[str, str, int]]:
    chosen = [views.FLOWS[name] for name in flows]
    flow = chosen[0] if len(chosen) == 1 else None
    conflicts, _ = tx.conflicts(chosen, limit=0)
    left_out, _ = tx.left_out(limit=0)
    return [
        ("parked", N_("Failed"), sum(tx.parked_codes(flow).values())),
        ("conflicts", N_("Conflicts"), conflicts),
        ("queue", N_("Waiting"), tx.pending(flow).open),
        ("left-out", N_("Left out"), left_out),
    ]


def _api(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/parked", summary="List what failed, by reason")
    def parked(rights: Rights, flow: str = "", code: str = "", part: Number = 1) -> Response:
        with console.open_store().read() as tx:
            found = views.parked_page(tx, _chosen(rights("view"), flow), code=code or None, page=part)
        return JSONResponse(jsonable_encoder(found))

    @router.get("/conflicts", summary="List the conflicts")
    def conflicts(rights: Rights, flow: str = "", part: Number = 1) -> Response:
        with console.open_store().read() as tx:
            found = views.conflicts_page(tx, _chosen(rights("view"), flow), page=part)
        return JSONResponse(jsonable_encoder(found))

    @router.get("/queue", summary="List what waits")
    def queue(rights: Rights, flow: str = "", part: Number = 1) -> Response:
        with console.open_store().read() as tx:
            found = views.queue_page(tx, _chosen(rights("view"), flow), page=part)
        return JSONResponse(jsonable_encoder(found))

    @router.get("/errors", summary="List the error codes", dependencies=[may_view])
    def errors() -> Response:
        return JSONResponse(jsonable_encoder(views.error_reference()))

    router.include_router(_decisions(console))
    return router


def _decisions(console: Console) -> APIRouter:
    router = APIRouter()

    @router.post("/parked/release", summary="Retry what failed")
    def release(someone: LoggedIn, chosen: Release, rights: Rights) -> Response:
        flows = _chosen(rights("release"), chosen.flow or "", all_needed=False)
        number = views.release(console.open_store(), chosen.rows, flows, chosen.code)
        log.info("user %s released %d parked records of %s", someone.name, number, ", ".join(flows))
        _wake(console)
        return JSONResponse({"released": number})

    @router.post("/parked/leave-out", summary="Leave failed records out")
    def exclude(someone: LoggedIn, chosen: LeaveOut, rights: Rights) -> Response:
        flows = _flows(_chosen(rights("release"), "", all_needed=False))
        number = leave_out(console.open_store(), chosen.rows, flows, someone.shown_name)
        log.info("user %s left %d records out", someone.name, number)
        _wake(console)
        return JSONResponse({"left_out": number})

    @router.post("/left-out/let-in", summary="Let a record take part again")
    def include(someone: LoggedIn, chosen: LetIn, rights: Rights) -> Response:
        settings = console.settings()
        flows = [flow for flow in _flows(rights("release")) if settings.flows.is_on(flow)]
        if not rights("release"):
            raise HTTPException(403, N_("You have no right to let records in again."))
        if not let_in(console.open_store(), chosen.link, flows):
            raise HTTPException(409, N_("Nobody has left this record out any more. Load the page again."))
        log.info("user %s let the record of link %d in again", someone.name, chosen.link)
        _wake(console)
        return JSONResponse({"let_in": 1})

    @router.post("/conflicts/settle", summary="Settle a conflict")
    def decide(someone: LoggedIn, chosen: Settlement, rights: Rights) -> Response:
        store = console.open_store()
        with store.read() as tx:
            row = tx.queued_row(chosen.row)
        if row is None:
            raise HTTPException(409, N_("The conflict is settled or has changed meanwhile. Load the page again."))
        _chosen(rights("release"), row.flow.name)
        try:
            done = settle(store, chosen.row, chosen.generation, chosen.winners, someone.shown_name)
        except LookupError as error:
            raise HTTPException(422, str(error)) from None
        if not done:
            raise HTTPException(409, N_("The conflict is settled or has changed meanwhile. Load the page again."))
        log.info("user %s settled %d fields of %s %s", someone.name, len(chosen.winners), row.flow.name, row.source_id)
        _wake(console)
        return JSONResponse({"settled": len(chosen.winners)})

    return router


def _wake(console: Console) -> None:
    try:
        console.ring()
    except Exception:  # what was decided is committed; without the bell the consumer finds it by itself, a little later
        log.exception("the consumer of the queue could not be woken")


def _flows(names: Sequence[str]) -> list[Flow]:
    return [flow for flow in ALL_FLOWS if flow.name in names]


def _chosen(allowed: list[str], flow: str, *, all_needed: bool = True) -> list[str]:
    """Return the flows a request is about; a list of everything needs the right to everything."""
    if flow:
        if flow not in views.FLOWS:
            raise HTTPException(404, f"There is no flow {flow}.")
        if flow not in allowed:
            raise HTTPException(403, f"You have no right to do this in {flow}.")
        return [flow]
    if not allowed or (all_needed and len(allowed) < len(views.FLOWS)):
        raise HTTPException(403, N_("Choose a flow in which you have the right to do this."))
    return allowed
