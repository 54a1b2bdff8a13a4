"""The pages for "a person at the other end": list, search, create, edit and delete records by hand.

A system describes its customers by a `PersonDesk` and whatever else it shows by further `Section`s; the pages
themselves are the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable
from urllib.parse import parse_qsl, quote, urlsplit

import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class FormField:
    """One input of the form.

    Args:
        name: key in the posted form.
        label: what a person reads.
        kind: input type; "choices" is one checkbox per choice, "select" exactly one of them.
        group: heading under which the field stands.
        choices: value and label pairs of "choices" and "select".
        required: the browser insists on a value.
    """

    name: str
    label: str
    kind: Literal["text", "email", "tel", "textarea", "checkbox", "choices", "select"] = "text"
    group: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A read-only table under the form of a record: heading, columns and rows of cells."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One record as the pages show it.

    Args:
        title: heading of the page.
        values: field name to value; of "choices" and "checkbox" a tuple of the ticked values ("1" for a checkbox).
        facts: read-only label and value pairs beside the form.
        table: shown under the form; None for none.
        pictures: addresses on this server, shown beside the form.
        removable: whether the record can be removed now.
    """

    title: str
    values: Mapping[str, str | tuple[str, ...]]
    facts: tuple[tuple[str, str], ...] = ()
    table: Table | None = None
    pictures: tuple[str, ...] = ()
    removable: bool = True


@dataclass(frozen=True, slots=True)
class Words:
    """What a kind of record is called.

    Args:
        path: first part of its addresses, e.g. "people".
        one, many: e.g. "customer", "customers".
        hint: what the search looks into.
        remove: label of the button that removes a record.
        removed: what a person reads afterwards.
        creatable: new ones can be made by hand.
    """

    path: str
    one: str
    many: str
    hint: str
    remove: str
    removed: str
    creatable: bool = True


CUSTOMERS = Words("people", "customer", "customers", "Name, e-mail, phone, id", "Delete customer", "Customer deleted.")


class FormError(Exception):
    """The posted form cannot be stored; the text tells the person why and what to change."""


class PersonDesk(Protocol):
    """What one system lets a person do. Field values arrive as in `Sheet.values`."""

    system: str
    accent: str
    columns: Sequence[str]

    def fields(self) -> Sequence[FormField]:
        """Return the inputs of the form, in order."""

    def search(self, text: str, page: int, size: int) -> tuple[Sequence[tuple[str, Sequence[str]]], int]:
        """Return one page (1-based) of (record id, cells as in `columns`) and the number of all hits."""

    def read(self, record_id: str) -> Sheet | None:
        """Return one record, None when it does not exist."""

    def create(self, values: Mapping[str, str | tuple[str, ...]]) -> str:
        """Create a record and return its id; raises FormError."""

    def update(self, record_id: str, values: Mapping[str, str | tuple[str, ...]]) -> None:
        """Store the form of a record; raises FormError."""

    def delete(self, record_id: str) -> None:
        """Delete a record; raises FormError."""


class Section(Protocol):
    """What a person does with one further kind of record."""

    words: Words
    columns: Sequence[str]

    def fields(self, record_id: str | None) -> Sequence[FormField]:
        """Return the inputs of the form of a record, or of a new one, in order."""

    def search(self, text: str, page: int, size: int) -> tuple[Sequence[tuple[str, Sequence[str]]], int]:
        """Return one page (1-based) of (record id, cells as in `columns`) and the number of all hits."""

    def read(self, record_id: str) -> Sheet | None:
        """Return one record, None when it does not exist."""

    def create(self, values: Mapping[str, str | tuple[str, ...]]) -> str:
        """Create a record and return its id; raises FormError."""

    def update(self, record_id: str, values: Mapping[str, str | tuple[str, ...]]) -> None:
        """Store the form of a record; raises FormError."""

    def delete(self, record_id: str) -> None:
        """Remove a record as `words.remove` says; raises FormError."""


@runtime_checkable
class WithSections(Protocol):
    """A desk that shows more than customers."""

    def sections(self) -> Sequence[Section]:
        """Return what stands beside the customers, in order."""


def page_paths(desk: PersonDesk) -> frozenset[str]:
    """Return the first part of every address that belongs to the pages of a desk."""
    return frozenset({"", *(section.words.path for section in _sections(desk))})


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
        ]
        if section.words.creatable:
            routes.insert(0, Route(f"{path}/new", pages.new, methods=["GET", "POST"]))
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

    def create(self, values: Mapping[str, str | tuple[str, ...]]) -> str:
        return self.desk.create(values)

    def update(self, record_id: str, values: Mapping[str, str | tuple[str, ...]]) -> None:
        self.desk.update(record_id, values)

    def delete(self, record_id: str) -> None:
        self.desk.delete(record_id)


class _Pages:
    """One method per page of a section."""

    def __init__(self, desk: PersonDesk, section: Section, sections: Sequence[Section]) -> None:
        self._desk = desk
        self._section = section
        self._sections = sections
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )

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
        values = _values(self._section.fields(None), await request.body())
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
        values = _values(self._section.fields(record_id), await request.body())
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
            error=error,
            saved=saved,
        )

    def _missing(self, record_id: str) -> HTMLResponse:
        return self._render("missing.html", 404, record_id=record_id)

    def _render(self, name: str, status: int = 200, **context: object) -> HTMLResponse:
        page = {"desk": self._desk, "section": self._section, "sections": self._sections, "home": self._home}
        text = self._templates.get_template(name).render(**page, words=self._section.words, **context)
        return HTMLResponse(text, status, headers=_HEADERS)


_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


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


def _values(fields: Sequence[FormField], body: bytes) -> dict[str, str | tuple[str, ...]]:
    posted: dict[str, list[str]] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        posted.setdefault(name, []).append(value.replace("\r\n", "\n"))
    values: dict[str, str | tuple[str, ...]] = {}
    for entry in fields:
        given = posted.get(entry.name, [])
        many = entry.kind in ("choices", "checkbox")
        values[entry.name] = tuple(given) if many else (given[-1].strip() if given else "")
    return values
