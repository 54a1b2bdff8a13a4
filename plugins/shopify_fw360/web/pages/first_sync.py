"""Plans of dry runs: look at everything that would happen, decide about single records, approve or refuse the whole."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Final, TypeAlias

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from shopify_fw360.records import System
from shopify_fw360.store import AuditEntry, Pairing, Plan
from shopify_fw360.sync import approval
from shopify_fw360.sync.plan import Action
from shopify_fw360.web import views
from shopify_fw360.web.console import Area, Console, Entry
from shopify_fw360.web.i18n import N_
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import FlowRight, LoggedIn, Person

log = logging.getLogger(__name__)

PAGE_SIZE: Final = 50

Name: TypeAlias = Annotated[str, Path(max_length=250)]
Number: TypeAlias = Annotated[int, Query(ge=1, le=1_000_000)]
Words: TypeAlias = Annotated[str, Query(max_length=200)]
RecordId: TypeAlias = Annotated[str, Field(min_length=1, max_length=250)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanDecision(_Request):
    """What a person decides about a plan.

    Args:
        version: of the plan that was looked at.
        approve: whether it may be carried out.
    """

    version: Annotated[int, Field(ge=1, lt=2**31)]
    approve: bool


class LeftOut(_Request):
    """Records taken out of a plan, or put back into it.

    Args:
        ids: in the source system.
        left_out: whether they are taken out.
    """

    ids: Annotated[list[RecordId], Field(min_length=1, max_length=1_000)]
    left_out: bool = True


class LinkByHand(_Request):
    """The counterpart a person has chosen; the next plan and every later run use it.

    Args:
        source_id: of the record in the source system.
        target_id: of its counterpart, None for a new one.
    """

    source_id: RecordId
    target_id: RecordId | None


def area(console: Console) -> Area:
    """Build the area."""
    return Area(_pages(console), _api(console), entries=(Entry(N_("First sync"), "first-sync", 60),))


def _pages(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/first-sync")
    def plans(request: Request, someone: LoggedIn) -> Response:
        return page(request, "first_sync.html", plans=_listed(console, someone), startable=someone.flows("sync"))

    @router.get("/first-sync/{flow}/{run_id}")
    def plan(  # noqa: PLR0917 - FastAPI passes them by name
        request: Request,
        someone: LoggedIn,
        flow: Name,
        run_id: Name,
        action: Action | None = None,
        search: Words = "",
        part: Number = 1,
    ) -> Response:
        found = _shown(console, someone, f"{flow}/{run_id}", flow, action, search, part)
        return page(request, "plan.html", **found, flow=flow, run=run_id, may_decide=flow in someone.flows("sync"))

    return router


def _api(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/plans", summary="List the plans of dry runs")
    def plans(someone: LoggedIn) -> Response:
        return JSONResponse(jsonable_encoder(_listed(console, someone)))

    @router.get("/plans/{flow}/{run_id}", summary="Show a plan")
    def plan(
        someone: LoggedIn,
        flow: Name,
        run_id: Name,
        action: Action | None = None,
        search: Words = "",
        part: Number = 1,
    ) -> Response:
        return JSONResponse(jsonable_encoder(_shown(console, someone, f"{flow}/{run_id}", flow, action, search, part)))

    @router.post("/plans/{flow}/{run_id}/decision", summary="Approve or refuse a plan")
    def decide(someone: LoggedIn, flow: Name, run_id: Name, decision: PlanDecision) -> Response:
        _require(someone, flow, "sync")
        plan_id = f"{flow}/{run_id}"
        store = console.open_store()
        with store.read() as tx:
            _find(tx.plan(plan_id), flow)
        if not approval.decide(store, plan_id, decision.version, someone.name, approve=decision.approve):
            raise HTTPException(409, N_("The plan has changed since you looked at it, or was decided on already."))
        state = "approved" if decision.approve else "refused"
        log.info("user %s has %s the plan %s", someone.name, state, plan_id)
        return JSONResponse({"plan": plan_id, "state": state})

    @router.post("/plans/{flow}/{run_id}/leave-out", summary="Take records out of a plan, or put them back")
    def leave_out(someone: LoggedIn, flow: Name, run_id: Name, chosen: LeftOut) -> Response:
        _require(someone, flow, "sync")
        with console.open_store().begin() as tx:
            _find(tx.plan(f"{flow}/{run_id}"), flow)
            number = tx.leave_out(f"{flow}/{run_id}", chosen.ids, left_out=chosen.left_out)
        return JSONResponse({"changed": number})

    @router.post("/plans/{flow}/{run_id}/link", summary="Link a record by hand")
    def link(someone: LoggedIn, flow: Name, run_id: Name, chosen: LinkByHand) -> Response:
        _require(someone, flow, "sync")
        with console.open_store().begin() as tx:
            known = _find(tx.plan(f"{flow}/{run_id}"), flow).flow
            if chosen.source_id not in tx.plan_items_of(f"{flow}/{run_id}", [chosen.source_id]):
                raise HTTPException(404, N_("The record is not in this plan."))
            ids = {known.source: chosen.source_id, known.target: chosen.target_id}
            tx.save_pairing(Pairing(known.entity, ids[System.SHOPIFY], ids[System.FRAMEWORK360], someone.name))
            tx.write_audit(AuditEntry(someone.name, "record.link", {}, {"flow": flow, **chosen.model_dump()}))
        return JSONResponse({"linked": chosen.source_id})

    return router


def _require(someone: Person, flow: str, right: FlowRight) -> None:
    if flow not in views.FLOWS:
        raise HTTPException(404, f"There is no flow {flow}.")
    if flow not in someone.flows(right):
        raise HTTPException(403, f"You have no right to do this in {flow}.")


def _find(plan: Plan | None, flow: str) -> Plan:
    if plan is None or plan.flow.name != flow:
        raise HTTPException(404, N_("There is no such plan any more; make a new one."))
    return plan


def _listed(console: Console, someone: Person) -> list[dict[str, Any]]:
    visible = someone.flows("view")
    with console.open_store().read() as tx:
        return [
            {
                "flow": plan.flow.name,
                "run": plan.run_id.removeprefix(f"{plan.flow.name}/"),
                "state": plan.state,
                "made_at": plan.made_at,
                "decided_by": plan.decided_by,
                "applied_in": plan.applied_in,
                "actions": tx.plan_counts(plan.run_id),
            }
            for plan in tx.recent_plans()
            if plan.flow.name in visible
        ]


def _shown(  # noqa: PLR0917 - what the address says, passed on as it is
    console: Console, someone: Person, plan_id: str, flow: str, action: Action | None, search: str, part: int
) -> dict[str, Any]:
    _require(someone, flow, "view")
    with console.open_store().read() as tx:
        plan = _find(tx.plan(plan_id), flow)
        items, number = tx.plan_items(
            plan_id,
            action=None if action is None else action.value,
            search=search,
            limit=PAGE_SIZE,
            offset=(part - 1) * PAGE_SIZE,
        )
        actions, left_out = tx.plan_counts(plan_id), tx.plan_left_out(plan_id)
    return {
        "plan": plan,
        "items": items,
        "number": number,
        "page": part,
        "pages": max(1, -(-number // PAGE_SIZE)),
        "actions": actions,
        "left_out": left_out,
        "action": None if action is None else action.value,
        "search": search,
    }
