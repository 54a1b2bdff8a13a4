"""The story of a record, and undo: of a field, of the record's last sync, of a whole run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, HTTPException, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from shopify_fw360.records import Entity, Link, Outcome, System
from shopify_fw360.store import JournalEntry, Store, Transaction
from shopify_fw360.sync import undo
from shopify_fw360.sync.now import DAG
from shopify_fw360.sync.story import MOST, Happening, Story, tell
from shopify_fw360.sync.undo import Fate, Wish
from shopify_fw360.web import words
from shopify_fw360.web.console import Area, Console
from shopify_fw360.web.i18n import N_
from shopify_fw360.web.pages.lists import Row, require_entity, row_of
from shopify_fw360.web.pages.sync_now import Key, wake
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import LoggedIn, Person, may_sync, may_view

log = logging.getLogger(__name__)

LinkKey: TypeAlias = Annotated[int, Path(ge=1, lt=2**63)]
RunId: TypeAlias = Annotated[str, Field(min_length=1, max_length=500)]


class FieldValue(BaseModel):
    """A field that a change wrote or left."""

    name: str
    before: Any = None
    after: Any = None
    written: bool
    reason: str


class StoryEntry(BaseModel):
    """Something that happened to a record."""

    at: datetime
    what: Annotated[str, Field(description="`event` that a system sent, or `change` that was worked off.")]
    system: Annotated[System, Field(description="Where it came from.")]
    topic: Annotated[str | None, Field(description="Of an event, in the system's words.")] = None
    deliveries: Annotated[int | None, Field(description="How often the event was delivered.")] = None
    direction: str | None = None
    run: Annotated[str | None, Field(description="Run in the ledger that brought the change.")] = None
    kind: Annotated[str | None, Field(description="What that run read.")] = None
    outcome: Outcome | None = None
    echo: Annotated[bool, Field(description="Our own write that came back, and was dropped.")] = False
    error_code: str | None = None
    message: str = ""
    fields: list[FieldValue] = []


class FieldReason(BaseModel):
    """Why a field has its value."""

    direction: Annotated[str, Field(description="Name of the flow into whose target the field belongs.")]
    name: str
    source: Annotated[Any, Field(description="What the source said when both sides agreed last.")]
    target: Annotated[Any, Field(description="What the target held then.")]
    reason: str
    at: datetime | None
    run: str | None
    can_undo: bool


class RecordStory(BaseModel):
    """All that is known of a record."""

    record: Row
    entries: Annotated[list[StoryEntry], Field(description=f"Newest first, at most {MOST} changes and events.")]
    fields: list[FieldReason]
    complete: bool


class UndoRequest(BaseModel):
    """What to take back: the last sync of a linked record, the last write of one of its fields, or a whole run."""

    model_config = ConfigDict(extra="forbid")

    link: Key | None = None
    field: Annotated[str | None, Field(min_length=1, max_length=300)] = None
    direction: Annotated[str | None, Field(description="Only what the flow of this name wrote.")] = None
    run: RunId | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> UndoRequest:
        if (self.link is None) == (self.run is None):
            raise ValueError("name either a link or a run")
        if self.run is not None and (self.field is not None or self.direction is not None):
            raise ValueError("a run is undone as a whole")
        return self


class UndoTicket(BaseModel):
    """By which an undo is followed."""

    ticket: str
    records: int


class UndoPreview(BaseModel):
    """What undoing a run would come to, as far as is known without reading the records again."""

    records: Annotated[int, Field(description="Records in which something would be put back.")]
    fields: Annotated[int, Field(description="Fields that would be put back, unless somebody has edited them since.")]
    already: Annotated[int, Field(description="Fields that hold the earlier value already.")]
    cannot: Annotated[int, Field(description="Fields without an earlier value.")]


class UndoneRecord(BaseModel):
    """How the undo of one record ended."""

    direction: str
    source_id: str
    target_id: str | None
    outcome: Outcome
    error_code: str | None
    message: str
    fields: list[FieldValue]


class UndoProgress(BaseModel):
    """How far an undo has come."""

    done: bool
    asked: int
    ended: int
    changed: Annotated[int, Field(description="Records in which something was put back.")]
    records: Annotated[list[UndoneRecord], Field(description=f"The first {undo.SHOWN} that have ended.")]


def area(console: Console) -> Area:
    """Build the area."""
    return Area(_pages(console), _api(console))


def _pages(console: Console) -> APIRouter:
    router = APIRouter(dependencies=[may_view])

    @router.get("/records/{entity}/{link}")
    def record(request: Request, someone: LoggedIn, entity: Entity, link: LinkKey) -> Response:
        require_entity(someone, entity)
        story, row = _read(console, entity, link)
        syncable = {flow.name for flow in words.flows_of(entity)} & set(someone.flows("sync"))
        return page(
            request,
            "story.html",
            story=story,
            row=row,
            entity=entity,
            back=words.PATHS[entity],
            list_title=words.TITLES[entity],
            status_words=words.STATUSES,
            outcome_words=words.OUTCOMES,
            directions=words.DIRECTIONS,
            systems=words.SYSTEMS,
            kinds=words.KINDS,
            fields_of=_fields_of,
            syncable=syncable,
            may_undo=bool(syncable) and entity is not Entity.ORDER,
            most=MOST,
        )

    return router


def _api(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get(
        "/records/{entity}/{link}/story",
        response_model=RecordStory,
        summary="Tell the story of a record",
        dependencies=[may_view],
        tags=["records"],
    )
    def story(someone: LoggedIn, entity: Entity, link: LinkKey) -> RecordStory:
        require_entity(someone, entity)
        found, row = _read(console, entity, link)
        return RecordStory(
            record=row,
            entries=[_entry(one) for one in found.happenings],
            fields=[
                FieldReason(
                    direction=one.flow.name,
                    name=one.name,
                    source=one.source,
                    target=one.target,
                    reason=one.reason,
                    at=one.at,
                    run=None if one.written is None else one.written.run_id or None,
                    can_undo=one.can_undo,
                )
                for one in found.fields
            ],
            complete=found.is_complete,
        )

    @router.get(
        "/undo/preview",
        response_model=UndoPreview,
        summary="Tell what undoing a run would come to",
        dependencies=[may_sync],
        tags=["sync"],
    )
    def preview(someone: LoggedIn, run: Annotated[str, Query(min_length=1, max_length=500)]) -> UndoPreview:
        with console.open_store().read() as tx:
            wishes = undo.wishes_of_run(tx, run)
        _require_right(someone, wishes)
        return UndoPreview(
            records=sum(wish.has(Fate.UNDONE) > 0 for wish in wishes),
            fields=sum(wish.has(Fate.UNDONE) for wish in wishes),
            already=sum(wish.has(Fate.ALREADY) for wish in wishes),
            cannot=sum(wish.has(Fate.CANNOT) for wish in wishes),
        )

    @router.post(
        "/undo", status_code=202, response_model=UndoTicket, summary="Undo", dependencies=[may_sync], tags=["sync"]
    )
    def take_back(someone: LoggedIn, wanted: UndoRequest) -> UndoTicket:
        store = console.open_store()
        wishes = _wishes(store, wanted)
        _require_right(someone, wishes)
        ticket = undo.ask(store, wishes, someone.name)
        wake(console, store)
        log.info("user %s asked to undo %s: %d records", someone.name, wanted.run or wanted.link, len(wishes))
        return UndoTicket(ticket=ticket, records=len(wishes))

    @router.get(
        "/undo/{ticket:path}",
        response_model=UndoProgress,
        summary="Follow an undo",
        dependencies=[may_view],
        tags=["sync"],
    )
    def follow(someone: LoggedIn, ticket: Annotated[str, Path(max_length=250)]) -> UndoProgress:
        found = undo.progress(console.open_store(), ticket) if ticket.startswith(f"{DAG}/") else None
        if found is None:
            raise HTTPException(404, N_("There is no such ticket."))
        if not found.flows <= set(someone.flows("view")):
            raise HTTPException(403, N_("You have no right to see these records."))
        return UndoProgress(
            done=found.ended >= found.asked,
            asked=found.asked,
            ended=found.ended,
            changed=found.changed,
            records=[
                UndoneRecord(
                    direction=entry.flow.name,
                    source_id=entry.source_id,
                    target_id=entry.target_id,
                    outcome=entry.outcome,
                    error_code=entry.error_code,
                    message=entry.message or "",
                    fields=_fields_of(entry),
                )
                for entry in found.entries
            ],
        )

    return router


def _read(console: Console, entity: Entity, key: int) -> tuple[Story, Row]:
    with console.open_store().read() as tx:
        link = _link(tx, key, entity)
        story = tell(tx, link)
        (listed,) = tx.listed_links(entity, [key])
    return story, row_of(listed, console.pages())


def _link(tx: Transaction, key: int, entity: Entity | None = None) -> Link:
    link = tx.link(key)
    if link is None or entity not in (None, link.entity):
        raise HTTPException(404, N_("There is no such record."))
    return link


def _wishes(store: Store, wanted: UndoRequest) -> list[Wish]:
    with store.read() as tx:
        if wanted.run is not None:
            return undo.wishes_of_run(tx, wanted.run)
        return [undo.wish_of_record(tx, _link(tx, wanted.link or 0), wanted.field, wanted.direction)]


def _require_right(someone: Person, wishes: Sequence[Wish]) -> None:
    if not {wish.flow.name for wish in wishes} <= set(someone.flows("sync")):
        raise HTTPException(403, N_("You have no right to do this with these records."))


def _entry(one: Happening) -> StoryEntry:
    if one.told is not None:
        told = one.told
        return StoryEntry(at=one.at, what="event", system=told.system, topic=told.topic, deliveries=told.deliveries)
    step = one.step
    if step is None:
        raise ValueError("neither an event nor a change")
    entry = step.entry
    return StoryEntry(
        at=one.at,
        what="change",
        system=entry.flow.source,
        direction=entry.flow.name,
        run=entry.run_id or None,
        kind=None if step.run is None else step.run.kind,
        outcome=entry.outcome,
        echo=step.is_echo,
        error_code=entry.error_code,
        message=entry.message or "",
        fields=_fields_of(entry),
    )


def _fields_of(entry: JournalEntry) -> list[FieldValue]:
    """Return the fields of an entry of the journal: those that were written first, then those left for a reason."""
    written = [
        FieldValue(
            name=name,
            before=entry.before.get(name),
            after=value,
            written=True,
            reason=entry.reasons.get(name, ""),
        )
        for name, value in entry.after.items()
    ]
    return written + [
        FieldValue(name=name, written=False, reason=reason)
        for name, reason in entry.reasons.items()
        if name and name not in entry.after
    ]
