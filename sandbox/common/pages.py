"""The pages for "a person at the other end": list, search, create, edit and delete records by hand.

A system describes its customers by a `PersonDesk` and whatever else it shows by further `Section`s; the pages
themselves are the same for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.common.page_parts import (
    CUSTOMERS,
    HEADERS,
    Act,
    Acting,
    FormError,
    FormField,
    PersonDesk,
    Section,
    Sheet,
    Table,
    Values,
    WithSections,
    Words,
    field_values,
    templates,
)
from sandbox.common.storefront import StorefrontPages, WithStorefront

__all__ = [
    "Act",
    "Acting",
    "FormError",
    "FormField",
    "PersonDesk",
    "Section",
    "Sheet",
    "Table",
    "WithSections",
    "Words",
    "page_paths",
    "pages_app",
]
PER_PAGE = 50


def page_paths(desk: PersonDesk) -> frozenset[str]:
    """Return the first part of every address that belongs to the pages of a desk."""
    shop = {"shop"} if isinstance(desk, WithStorefront) else set()
    return frozenset({"", *shop, *(section.words.path for section in _sections(desk))})


def pages_app(desk: PersonDesk) -> Starlette:
    """Build the pages of one system."""
    sections = _sections(desk)
    routes = []
    for section in sections:
        pages, path = _Pages(desk, section, sections), f"/{section.words.path}"
        routes += [
            Route(path, pages.listing),
            Route(f"{path}/{{record_id}}", pages.one, methods=["GET", "POST"]),
            Route(f"{path}/{{record_id}}/delete", pages.delete, methods=["POST"]),
            Route(f"{path}/{{record_id}}/acts/{{act}}", pages.act, methods=["POST"]),
        ]
        if section.words.creatable:
            routes.insert(0, Route(f"{path}/new", pages.new, methods=["GET", "POST"]))
    if isinstance(desk, WithStorefront):
        front = StorefrontPages(desk, sections)
        routes.append(Route("/shop", front.page, methods=["GET", "POST"]))
    app = Starlette(routes=[Route("/", _Pages(desk, sections[0], sections).listing), *routes])
    app.add_middleware(SameOrigin)
    return app


def _sections(desk: PersonDesk) -> Sequence[Section]:
    return (_People(desk), *(desk.sections() if isinstance(desk, WithSections) else ()))


class _People:
    """The customers of a desk as a section."""

    def __init__(self, desk: PersonDesk) -> None:
        self.desk = desk
        self.words = CUSTOMERS
        self.columns = desk.columns

    def fields(self, _record_id: str | None) -> Sequence[FormField]:
        return self.desk.fields()

    def search(self, text: str, page: int, size: int) -> tuple[Sequence[tuple[str, Sequence[str]]], int]:
        return self.desk.search(text, page, size)

    def read(self, record_id: str) -> Sheet | None:
        return self.desk.read(record_id)

    def create(self, values: Values) -> str:
        return self.desk.create(values)

    def update(self, record_id: str, values: Values) -> None:
        self.desk.update(record_id, values)

    def delete(self, record_id: str) -> None:
        self.desk.delete(record_id)


class _Pages:
    """One method per page of a section."""

    def __init__(self, desk: PersonDesk, section: Section, sections: Sequence[Section]) -> None:
        self._desk = desk
        self._section = section
        self._sections = sections

    async def listing(self, request: Request) -> Response:
        text = request.query_params.get("q", "").strip()
        wanted = request.query_params.get("page", "1")
        page = max(1, int(wanted)) if wanted.isascii() and wanted.isdigit() else 1
        rows, total = self._section.search(text, page, PER_PAGE)
        pages = max(1, -(-total // PER_PAGE))
        deleted = request.query_params.get("deleted") == "1"
        return self._render("list.html", rows=rows, total=total, text=text, page=page, pages=pages, deleted=deleted)

    async def new(self, request: Request) -> Response:
        title = f"New {self._section.words.one}"
        if request.method == "GET":
            return self._form(Sheet(title, {}), None)
        values = field_values(self._section.fields(None), await request.body())
        try:
            record_id = self._section.create(values)
        except FormError as problem:
            return self._form(Sheet(title, values), None, error=str(problem))
        return RedirectResponse(self._address(record_id), 303)

    async def one(self, request: Request) -> Response:
        record_id = request.path_params["record_id"]
        sheet = self._section.read(record_id)
        if sheet is None:
            return self._missing(record_id)
        if request.method == "GET":
            return self._form(sheet, record_id, saved=request.query_params.get("saved") == "1")
        values = field_values(self._section.fields(record_id), await request.body())
        try:
            self._section.update(record_id, values)
        except FormError as problem:
            return self._form(replace(sheet, values=values), record_id, error=str(problem))
        return RedirectResponse(self._address(record_id), 303)

    async def delete(self, request: Request) -> Response:
        record_id = request.path_params["record_id"]
        sheet = self._section.read(record_id)
        if sheet is None:
            return self._missing(record_id)
        try:
            self._section.delete(record_id)
        except FormError as problem:
            return self._form(sheet, record_id, error=str(problem))
        return RedirectResponse(f"{self._home}?deleted=1", 303)

    async def act(self, request: Request) -> Response:
        record_id = request.path_params["record_id"]
        sheet = self._section.read(record_id)
        if sheet is None or not isinstance(self._section, Acting):
            return self._missing(record_id)
        wanted = next((act for act in self._section.acts(record_id) if act.name == request.path_params["act"]), None)
        if wanted is None:
            return self._form(sheet, record_id, error="This is no longer possible: see how the record stands now.")
        try:
            self._section.carry_out(record_id, wanted.name, field_values(wanted.fields, await request.body()))
        except FormError as problem:
            return self._form(sheet, record_id, error=str(problem))
        return RedirectResponse(self._address(record_id), 303)

    @property
    def _home(self) -> str:
        """Address of the list; the first section is the start page."""
        return "/" if self._section is self._sections[0] else f"/{self._section.words.path}"

    def _address(self, record_id: str) -> str:
        return f"/{self._section.words.path}/{quote(record_id, safe='')}?saved=1"

    def _form(self, sheet: Sheet, record_id: str | None, *, error: str = "", saved: bool = False) -> HTMLResponse:
        groups: dict[str, list[FormField]] = {}
        for entry in self._section.fields(record_id):
            groups.setdefault(entry.group, []).append(entry)
        return self._render(
            "form.html",
            422 if error else 200,
            sheet=sheet,
            record_id=record_id,
            groups=groups,
            acts=self._section.acts(record_id) if record_id and isinstance(self._section, Acting) else (),
            error=error,
            saved=saved,
        )

    def _missing(self, record_id: str) -> HTMLResponse:
        return self._render("missing.html", 404, record_id=record_id)

    def _render(self, name: str, status: int = 200, **context: object) -> HTMLResponse:
        page = {"desk": self._desk, "section": self._section, "sections": self._sections, "home": self._home}
        page["shop"] = isinstance(self._desk, WithStorefront)
        text = templates().get_template(name).render(**page, words=self._section.words, **context)
        return HTMLResponse(text, status, headers=HEADERS)


class SameOrigin:
    """Refuses a POST that another site's page sends: its Origin or, without one, its Referer must be this host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let same-origin requests through; answer 403 to the others."""
        if scope["type"] == "http" and scope["method"] == "POST":
            headers = Request(scope).headers
            source = headers.get("origin") or headers.get("referer") or ""
            if urlsplit(source).netloc != headers.get("host"):
                await HTMLResponse("This form was not sent from this site.", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
