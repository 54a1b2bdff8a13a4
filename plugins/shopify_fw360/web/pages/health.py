"""How everything is doing, at a glance."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.encoders import jsonable_encoder
from starlette.responses import JSONResponse, Response

from shopify_fw360.web.console import Area, Console, Entry
from shopify_fw360.web.health import health_view
from shopify_fw360.web.i18n import N_
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import may_view
from shopify_fw360.web.views import FLOWS
from shopify_fw360.web.words import DIRECTIONS, TITLES


def area(console: Console) -> Area:
    """Build the area."""
    return Area(_pages(console), _api(console), entries=(Entry(N_("Health"), "health", 50),))


def _pages(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/health", dependencies=[may_view])
    def health(request: Request) -> Response:
        return page(
            request,
            "health.html",
            health=health_view(console.open_store(), console.settings()),
            directions=DIRECTIONS,
            titles={name: TITLES[flow.entity] for name, flow in FLOWS.items()},
        )

    return router


def _api(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/health", summary="Tell how everything is doing", dependencies=[may_view])
    def health() -> Response:
        return JSONResponse(jsonable_encoder(health_view(console.open_store(), console.settings())))

    return router
