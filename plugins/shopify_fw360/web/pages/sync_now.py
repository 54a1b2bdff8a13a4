"""*Sync now* and unlinking, for the lists and for buttons in other back offices."""

from __future__ import annotations

import logging
import re
from typing import Annotated, Final, Literal, TypeAlias

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shopify_fw360.records import QUEUE_CONSUMER, Entity, Outcome, System
from shopify_fw360.store import Store
from shopify_fw360.sync import now
from shopify_fw360.sync.unlink import unlink
from shopify_fw360.web import words
from shopify_fw360.web.console import Area, Console
from shopify_fw360.web.i18n import N_
from shopify_fw360.web.security import LoggedIn, Person, may_sync, may_view

log = logging.getLogger(__name__)

Key: TypeAlias = Annotated[int, Field(ge=1, lt=2**63)]
_IDS: Final = {Entity.CUSTOMER: "Customer", Entity.PRODUCT: "Product", Entity.ORDER: "Order"}


class Wanted(BaseModel):
    """A record: by its link, or by its id in a system."""

    model_config = ConfigDict(extra="forbid")

    link: Key | None = None
    shopify_id: Annotated[
        str | None, Field(pattern=r"^(gid://shopify/(Customer|Product|Order)/)?[0-9]{1,20}$", max_length=60)
    ] = None
    framework360_id: Annotated[str | None, Field(pattern=r"^[0-9]{1,20}$")] = None

    @model_validator(mode="after")
    def _named(self) -> Wanted:
        if self.link is None and self.shopify_id is None and self.framework360_id is None:
            raise ValueError("name the record by link, shopify_id or framework360_id")
        return self


class SyncRequest(BaseModel):
    """What is to be synchronised at once."""

    model_config = ConfigDict(extra="forbid")

    entity: Entity
    records: Annotated[list[Wanted], Field(min_length=1, max_length=now.MOST)]
    direction: Annotated[
        str | None, Field(description="Name of a flow; without it both directions that are switched on.")
    ] = None


class Ticket(BaseModel):
    """By which the work is followed."""

    ticket: str
    directions: list[str]


class Step(BaseModel):
    """One record in one direction."""

    direction: str
    source_id: str
    target_id: str | None
    state: now.Progress
    outcome: Outcome | None
    error_code: str | None
    message: str


class Steps(BaseModel):
    """How far the work has come."""

    done: Annotated[bool, Field(description="Whether every record has ended.")]
    steps: list[Step]


class UnlinkRequest(BaseModel):
    """Which links to take apart."""

    model_config = ConfigDict(extra="forbid")

    entity: Entity
    links: Annotated[list[Key], Field(min_length=1, max_length=200)]


class Unlinked(BaseModel):
    """How many links were taken apart."""

    unlinked: int


class Awake(BaseModel):
    """Whether a consumer looks at the queue."""

    awake: bool


def area(console: Console) -> Area:
    """Build the area."""
    return Area(api=_api(console))


def _api(console: Console) -> APIRouter:
    router = APIRouter(tags=["sync"])

    @router.post("/sync", status_code=202, response_model=Ticket, summary="Sync now", dependencies=[may_sync])
    def sync(someone: LoggedIn, wanted: SyncRequest) -> Ticket:
        allowed = {flow.name for flow in words.flows_of(wanted.entity)} & set(someone.flows("sync"))
        chosen = allowed if wanted.direction is None else allowed & {wanted.direction}
        if not chosen:
            raise HTTPException(403, N_("You have no right to do this in this direction."))
        flows = now.flows_of(console.settings(), wanted.entity, chosen)
        store = console.open_store()
        records = _ids_of(store, wanted)
        ticket = now.press(store, flows, records, _tame(someone))
        wake(console, store)
        log.info("user %s asked for %d %ss at once", someone.name, len(records), wanted.entity.value)
        return Ticket(ticket=ticket, directions=[flow.name for flow in flows])

    @router.get("/sync/{ticket:path}", response_model=Steps, summary="Follow Sync now", dependencies=[may_view])
    def follow(ticket: Annotated[str, Path(max_length=250)]) -> Steps:
        if not ticket.startswith(f"{now.DAG}/"):
            raise HTTPException(404, N_("There is no such ticket."))
        found = now.steps(console.open_store(), ticket)
        if not found:
            raise HTTPException(404, N_("There is no such ticket."))
        return Steps(
            done=all(step.state == "done" for step in found),
            steps=[
                Step(
                    direction=step.flow.name,
                    source_id=step.source_id,
                    target_id=step.target_id,
                    state=step.state,
                    outcome=step.outcome,
                    error_code=step.error_code,
                    message=step.message,
                )
                for step in found
            ],
        )

    @router.post("/watch", response_model=Awake, summary="Keep the consumer awake", dependencies=[may_sync])
    def watch(someone: LoggedIn, _about: Watching) -> Awake:
        store = console.open_store()
        awake = now.watch(store, _tame(someone))
        if not awake:
            ring(console)
        return Awake(awake=awake)

    @router.post("/unlink", response_model=Unlinked, summary="Take links apart", dependencies=[may_sync])
    def take_apart(someone: LoggedIn, wanted: UnlinkRequest) -> Unlinked:
        if not {flow.name for flow in words.flows_of(wanted.entity)} & set(someone.flows("sync")):
            raise HTTPException(403, N_("You have no right to do this with these records."))
        store = console.open_store()
        with store.read() as tx:
            known = [one.link_id for one in tx.listed_links(wanted.entity, wanted.links)]
        number = sum(unlink(store, link_id, someone.name) for link_id in known if link_id is not None)
        log.info("user %s took %d links of %ss apart", someone.name, number, wanted.entity.value)
        return Unlinked(unlinked=number)

    return router


class Watching(BaseModel):
    """Says that somebody looks at a list."""

    model_config = ConfigDict(extra="forbid")

    at: Literal["list", "record"] = "list"


def wake(console: Console, store: Store) -> None:
    """Wake the consumer of the queue if nobody is awake, after a commit."""
    with store.read() as tx:
        if tx.is_awake(QUEUE_CONSUMER):
            return
    ring(console)


def ring(console: Console) -> None:
    """Ring the bell; that it does not ring costs a few seconds, because a sensor looks at the queue as well."""
    try:
        console.ring()
    except Exception:  # whatever Airflow raises: the work is in the queue, and the person is told how far it is
        log.warning("the consumer could not be woken", exc_info=True)


def _tame(someone: Person) -> str:
    """Return the user's name as it may stand in the name of a run."""
    return re.sub(r"[^\w.@-]", "-", someone.name)[:60]


def _ids_of(store: Store, wanted: SyncRequest) -> list[dict[System, str]]:
    """Return the ids of the records in both systems, of linked ones both even if one was given."""
    records = []
    with store.read() as tx:
        for one in wanted.records:
            link = None if one.link is None else tx.link(one.link)
            if one.link is not None and (link is None or link.entity is not wanted.entity):
                raise HTTPException(404, f"There is no link {one.link} of a {wanted.entity.value}.")
            ids: dict[System, str] = {}
            if one.shopify_id is not None:
                ids[System.SHOPIFY] = _gid(wanted.entity, one.shopify_id)
            if one.framework360_id is not None:
                ids[System.FRAMEWORK360] = one.framework360_id
            for system, record_id in list(ids.items()):
                link = link or tx.links(wanted.entity, system, [record_id]).get(record_id)
            if link is not None:
                ids |= {system: found for system in System if (found := link.id_in(system)) is not None}
            records.append(ids)
    return records


def _gid(entity: Entity, given: str) -> str:
    """Return a Shopify id in the form in which the gateways give it."""
    return f"gid://shopify/{_IDS[entity]}/{given.rpartition('/')[2]}"
