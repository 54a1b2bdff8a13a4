"""Customers, products and sales: is each in sync, and what to do about it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from shopify_fw360.records import Entity, System
from shopify_fw360.store import ListedRecord, ListQuery
from shopify_fw360.store.listing import STATUSES, ListSort, ListStatus
from shopify_fw360.sync.record_pages import RecordPages
from shopify_fw360.web import words
from shopify_fw360.web.console import Area, Console, Entry
from shopify_fw360.web.i18n import N_, Language, language_of
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import LoggedIn, Person, may_view

PAGE: Final = 50
COUNTED: Final = 10_000
"""Up to so many records are counted; beyond, a list says that there are more."""

_Show: TypeAlias = Callable[[Request, Person, Entity, "Chosen", int], Response]
Part: TypeAlias = Annotated[int, Query(ge=1, le=100_000)]
Search: TypeAlias = Annotated[str, Query(max_length=200)]


class Row(BaseModel):
    """One record of a list."""

    link: Annotated[int | None, Field(description="Key of the link; null while the record waits for its first sync.")]
    shopify_id: str | None
    framework360_id: str | None
    name: str
    key: Annotated[str, Field(description="Natural key, for example the e-mail, as it is compared.")]
    status: ListStatus
    synced_at: datetime | None
    direction: Annotated[str | None, Field(description="Name of the flow that synchronised it last.")]
    changed_at: datetime | None
    error_code: str | None
    error_message: str | None
    shopify_page: Annotated[str | None, Field(description="Address of the record in the shop's admin.")]
    framework360_page: Annotated[str | None, Field(description="Address of the record in the site's back office.")]


class Listing(BaseModel):
    """A page of a list."""

    rows: list[Row]
    page: int
    more: Annotated[bool, Field(description="Whether there is a next page.")]
    total: Annotated[int, Field(description=f"Number of records, counted up to {COUNTED}.")]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person chose in the form above a list, as it stands in the address."""

    search: str
    status: ListStatus | Literal[""]
    direction: str
    since: date | None
    sort: ListSort
    order: Literal["asc", "desc"]

    def query(self, entity: Entity) -> ListQuery:
        """Return the query of the store."""
        return ListQuery(
            entity,
            self.search,
            self.status or None,
            self.direction or None,
            None if self.since is None else datetime.combine(self.since, time(), UTC),
            self.sort,
            descending=self.order == "desc",
        )

    def address(self, **changes: object) -> str:
        """Return the query string of the same list, with some of it changed."""
        values = {
            "search": self.search,
            "status": self.status,
            "direction": self.direction,
            "since": self.since or "",
            "sort": "" if self.sort == "changed" else self.sort,
            "order": "" if self.order == _natural(self.sort) else self.order,
            **changes,
        }
        return "?" + urlencode({name: value for name, value in values.items() if value not in ("", None)})

    def sorted_by(self, sort: ListSort) -> str:
        """Return the query string of the list sorted otherwise, or the other way round."""
        natural = _natural(sort)
        turned = self.sort == sort and self.order == natural
        order = ("asc" if natural == "desc" else "desc") if turned else ""
        return self.address(sort="" if sort == "changed" else sort, order=order)


def _natural(sort: ListSort) -> Literal["asc", "desc"]:
    return "asc" if sort == "name" else "desc"


def _chosen(
    search: Search = "",
    status: ListStatus | Literal[""] = "",
    direction: Annotated[str, Query(max_length=100)] = "",
    since: date | Literal[""] = "",
    sort: ListSort | Literal[""] = "",
    order: Literal["asc", "desc", ""] = "",
) -> Chosen:
    if direction and direction not in words.DIRECTIONS:
        raise HTTPException(422, f"There is no flow {direction}.")
    by: ListSort = sort or "changed"
    return Chosen(search.strip(), status, direction, since or None, by, order or _natural(by))


ChosenList: TypeAlias = Annotated[Chosen, Depends(_chosen)]


def area(console: Console) -> Area:
    """Build the area."""
    entries = tuple(
        Entry(words.TITLES[entity], words.PATHS[entity], 10 * number, below=(f"records/{entity.value}",))
        for number, entity in enumerate(Entity, start=1)
    )
    return Area(_pages(console), _api(console), entries=entries)


def require_entity(someone: Person, entity: Entity) -> None:
    """Refuse whoever may see no flow of an entity."""
    if not {flow.name for flow in words.flows_of(entity)} & set(someone.flows("view")):
        raise HTTPException(403, N_("You have no right to see these records."))


def _pages(console: Console) -> APIRouter:
    router = APIRouter(dependencies=[may_view])

    def show(request: Request, someone: Person, entity: Entity, chosen: Chosen, part: int) -> Response:
        require_entity(someone, entity)
        found = read_list(console, entity, chosen, part)
        syncable = {flow.name for flow in words.flows_of(entity)} & set(someone.flows("sync"))
        return page(
            request,
            "list.html",
            entity=entity,
            title=words.TITLES[entity],
            listing=found,
            chosen=chosen,
            statuses={status: words.STATUSES[status] for status in STATUSES},
            status_words=words.STATUSES,
            outcome_words=words.OUTCOMES,
            directions={flow.name: words.DIRECTIONS[flow.name] for flow in words.flows_of(entity)},
            may_act=bool(syncable),
            counted=COUNTED,
        )

    for entity in Entity:
        _add_list(router, entity, show)
    return router


def _add_list(router: APIRouter, entity: Entity, show: _Show) -> None:
    @router.get(f"/{words.PATHS[entity]}")
    def records(request: Request, someone: LoggedIn, chosen: ChosenList, part: Part = 1) -> Response:
        return show(request, someone, entity, chosen, part)


def _api(console: Console) -> APIRouter:
    router = APIRouter(dependencies=[may_view], tags=["records"])

    @router.get("/records/{entity}", response_model=Listing, summary="List records")
    def records(someone: LoggedIn, entity: Entity, chosen: ChosenList, part: Part = 1) -> Listing:
        require_entity(someone, entity)
        return read_list(console, entity, chosen, part)

    @router.get("/records/{entity}/rows", response_model=list[Row], summary="Read some rows of a list again")
    def rows(
        someone: LoggedIn,
        entity: Entity,
        link: Annotated[list[int], Query(max_length=200, description="Keys of links.")],
    ) -> list[Row]:
        require_entity(someone, entity)
        addresses = console.pages()
        with console.open_store().read() as tx:
            return [row_of(one, addresses) for one in tx.listed_links(entity, link)]

    @router.get("/records/{entity}/export", summary="Export a list as CSV", response_class=StreamingResponse)
    def export(request: Request, someone: LoggedIn, entity: Entity, chosen: ChosenList) -> Response:
        require_entity(someone, entity)
        name = f"{words.PATHS[entity]}-{datetime.now(UTC):%Y-%m-%d}.csv"
        return StreamingResponse(
            _csv(console, chosen.query(entity), language_of(request)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return router


def read_list(console: Console, entity: Entity, chosen: Chosen, part: int) -> Listing:
    """Read a page of a list."""
    query = chosen.query(entity)
    with console.open_store().read() as tx:
        found, total = tx.page_of_records(query, limit=PAGE + 1, offset=(part - 1) * PAGE, most=COUNTED)
    addresses = console.pages()
    return Listing(
        rows=[row_of(one, addresses) for one in found[:PAGE]], page=part, more=len(found) > PAGE, total=total
    )


def row_of(one: ListedRecord, addresses: RecordPages) -> Row:
    """Return a record of the store as a row."""
    return Row(
        link=one.link_id,
        shopify_id=one.shopify_id,
        framework360_id=one.framework360_id,
        name=one.name,
        key=one.key,
        status=one.status,
        synced_at=one.synced_at,
        direction=one.synced_by,
        changed_at=one.changed_at,
        error_code=one.error_code,
        error_message=message_of(one),
        shopify_page=addresses.address(System.SHOPIFY, one.entity, one.shopify_id),
        framework360_page=addresses.address(System.FRAMEWORK360, one.entity, one.framework360_id),
    )


def message_of(one: ListedRecord) -> str | None:
    """Return the text of a record's failure without its code, which stands beside it."""
    if one.error_message is None or one.error_code is None:
        return one.error_message
    return one.error_message.removeprefix(one.error_code).strip()


def _csv(console: Console, query: ListQuery, spoken: Language) -> Iterator[str]:
    titles = ("Name", "Key", "Status", "Last sync", "Direction", "Error", "Message", "Shopify", "Framework360")
    # Spreadsheets take the file for UTF-8 only with this mark.
    yield "\ufeff" + _line(titles)
    with console.open_store().read() as tx:
        for one in tx.stream_records(query):
            yield _line(
                (
                    one.name,
                    one.key,
                    spoken.text(words.STATUSES[one.status]),
                    "" if one.synced_at is None else f"{one.synced_at:%Y-%m-%d %H:%M:%S}",
                    "" if one.synced_by is None else spoken.text(words.DIRECTIONS.get(one.synced_by, one.synced_by)),
                    one.error_code or "",
                    message_of(one) or "",
                    one.shopify_id or "",
                    one.framework360_id or "",
                )
            )


def _line(cells: Iterable[str]) -> str:
    output = io.StringIO()
    csv.writer(output).writerow([harmless(cell) for cell in cells])
    return output.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula, whatever a record is called."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else cell
