"""What a run did: the tab on Airflow's page of a run."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.encoders import jsonable_encoder
from starlette.responses import JSONResponse, Response

from shopify_fw360.records import Entity, Outcome
from shopify_fw360.sync.undo import WRITTEN
from shopify_fw360.web import views
from shopify_fw360.web.console import Area, Console
from shopify_fw360.web.i18n import N_
from shopify_fw360.web.problems import problem
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import LoggedIn, may_view_run

Name: TypeAlias = Annotated[str, Path(max_length=250)]
Number: TypeAlias = Annotated[int, Query(ge=1, le=1_000_000)]

_NOT_IN_LEDGER: Final = N_(
    "The run has not read anything yet, its flow is switched off, "
    "or it belongs to a DAG that does not synchronise records."
)


def area(console: Console) -> Area:
    """Build the area."""
    return Area(_pages(console), _api(console))


def _pages(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/runs/{dag_id}/{run_id}", dependencies=[may_view_run])
    def run(
        request: Request,
        someone: LoggedIn,
        dag_id: Name,
        run_id: Name,
        outcome: Outcome | None = None,
        part: Number = 1,
    ) -> Response:
        store = console.open_store()
        found = views.run_view(store, dag_id, run_id, outcome, part)
        if found is None and (parts := views.parts_view(store, dag_id, run_id)):
            return page(request, "parts.html", dag_id=dag_id, run_id=run_id, parts=parts)
        if found is None:
            return problem(request, 404, N_("Nothing to show for this run"), _NOT_IN_LEDGER)
        may_undo = found.flow in someone.flows("sync") and _has_written(found)
        return page(request, "run.html", run=found, may_undo=may_undo)

    return router


def _has_written(run: views.RunView) -> bool:
    """Whether the run changed records that existed before, and not sales, which are never taken back."""
    is_sale = views.FLOWS[run.flow].entity is Entity.ORDER
    return not run.dry_run and not is_sale and any(outcome.value in run.outcomes for outcome in WRITTEN)


def _api(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/runs/{dag_id}/{run_id}", summary="Show a run", dependencies=[may_view_run])
    def run(dag_id: Name, run_id: Name, outcome: Outcome | None = None, part: Number = 1) -> Response:
        store = console.open_store()
        found = views.run_view(store, dag_id, run_id, outcome, part)
        if found is None and (parts := views.parts_view(store, dag_id, run_id)):
            return JSONResponse(jsonable_encoder({"parts": parts}))
        if found is None:
            raise HTTPException(404, _NOT_IN_LEDGER)
        return JSONResponse(jsonable_encoder(found))

    return router
