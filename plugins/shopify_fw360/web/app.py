"""The application: the areas of the console behind one login, one rule against foreign sites, one form of errors."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, HTTPException, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from shopify_fw360.web.console import Console
from shopify_fw360.web.description import description
from shopify_fw360.web.i18n import N_
from shopify_fw360.web.pages import all_areas
from shopify_fw360.web.problems import handle_problems
from shopify_fw360.web.rendering import STATIC, navigation
from shopify_fw360.web.security import SameOrigin, logged_in


def create_app(console: Console) -> FastAPI:
    """Build the application.

    Args:
        console: what the pages use.

    Returns:
        The application; every route asks for a logged-in user, except those that an area declares public.
    """
    app = FastAPI(title="Shopify and Framework360 sync", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(SameOrigin)
    areas = list(all_areas(console))
    app.state.entries = sorted((entry for area in areas for entry in area.entries), key=lambda entry: entry.place)
    app.include_router(_frame(), dependencies=[logged_in])
    app.include_router(description(), prefix="/api", dependencies=[logged_in])
    for area in areas:
        app.include_router(area.public)
        app.include_router(area.pages, dependencies=[logged_in])
        app.include_router(area.api, prefix="/api", dependencies=[logged_in])
    handle_problems(app)
    return app


def _frame() -> APIRouter:
    router = APIRouter()

    @router.get("/")
    def home(request: Request) -> Response:
        entries = navigation(request)
        if not entries:
            raise HTTPException(403, N_("You have no right to see any flow."))
        return RedirectResponse(entries[0].path, 303)

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in _FILES:
            raise HTTPException(404, N_("There is no such file."))
        return FileResponse(STATIC / name, headers={"Cache-Control": "private, max-age=300"})

    return router


_FILES = frozenset(file.name for file in STATIC.iterdir())
