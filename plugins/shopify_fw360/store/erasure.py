"""What the store holds about a person: found, shown, erased.

A person is a customer and what belongs to them: the links, changes, entries and plans of that customer and of their
orders on both sides. Texts about other records, such as an error that quotes an address, may name the person too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Table, and_, delete, false, func, or_, select, update

from shopify_fw360.records import ERASED_BY, Entity, Flow, Link, Outcome, System
from shopify_fw360.store import links
from shopify_fw360.store.codec import clean_text, dump_json, load_json
from shopify_fw360.store.journal import JournalEntry, write_journal
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import (
    LEASED,
    PARKED,
    alert,
    audit,
    event_task,
    export,
    journal,
    ledger_run,
    link,
    link_child,
    link_choice,
    metadata,
    plan,
    plan_item,
    privacy_document,
    privacy_request,
    record_lease,
    staged_change,
    webhook_event,
)

ERASED: Final = "[erased]"
"""What stands where a text named the person."""

_TEXTS: Final[tuple[tuple[Table, tuple[str, ...]], ...]] = (
    (alert, ("message",)),
    (audit, ("before", "after")),
    (event_task, ("note",)),
    (export, ("note",)),
    (journal, ("message", "reasons")),
    (ledger_run, ("error_message",)),
    (link, ("error_message",)),
    (plan_item, ("message", "evidence", "reasons")),
    (privacy_request, ("note",)),
    (staged_change, ("error_message",)),
)
"""Texts in which rows about other records may name a person."""

_JSON: Final = frozenset(
    {"after", "base", "before", "candidates", "data", "decided", "disputed", "evidence", "payload", "reasons"}
)
_EMAIL: Final = re.compile(r"[^\s@\"'<>,;:()\[\]\\]+@[^\s@\"'<>,;:()\[\]\\]+\.[^\s@\"'<>,;:()\[\]\\]+")
_PHONE: Final = re.compile(r"\+\d[\d .()/-]{5,}\d")
_SHORTEST_NAME: Final = 5
_STEPS: Final = 5


@dataclass(slots=True)
class Subject:
    """A person, by what the store knows them by.

    Args:
        ids: of their records, per entity and system.
        links: keys of the links of those records.
        marks: e-mail addresses and phone numbers, in lower case.
        names: full names, in lower case.
    """

    ids: dict[tuple[Entity, System], set[str]] = field(default_factory=dict)
    links: set[int] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def of(self, entity: Entity, system: System) -> set[str]:
        """Return the ids of their records."""
        return self.ids.setdefault((entity, system), set())

    def keys(self) -> dict[Entity, list[str]]:
        """Return the names under which workers take leases on these records."""
        found: dict[Entity, list[str]] = {}
        for (entity, system), ids in self.ids.items():
            found.setdefault(entity, []).extend(f"{system.value}:{record_id}" for record_id in sorted(ids))
        return found

    @property
    def number(self) -> int:
        """How many records they have in both systems."""
        return sum(map(len, self.ids.values()))


def find_subject(scope: Scope, customer_id: str, order_ids: Sequence[str]) -> Subject:
    """Find everything that belongs to a customer of the shop.

    A record is followed through the journal too: when a customer was deleted in the shop, the link has forgotten their
    id there. What is linked to another customer of the shop now is not followed.

    Args:
        scope: the transaction.
        customer_id: Shopify's id.
        order_ids: Shopify's ids of orders that are theirs; orders that name them are found besides.

    Returns:
        The person.
    """
    subject = Subject()
    subject.of(Entity.CUSTOMER, System.SHOPIFY).add(customer_id)
    subject.of(Entity.ORDER, System.SHOPIFY).update(order_ids)
    _follow(scope, subject, Entity.CUSTOMER)
    for row in _rows_of(scope, subject, Entity.CUSTOMER):
        _note_marks(subject, row)
    subject.of(Entity.ORDER, System.SHOPIFY).update(_orders_naming(scope, {f'"{customer_id}"', *subject.marks}))
    _follow(scope, subject, Entity.ORDER)
    return subject


def describe(scope: Scope, subject: Subject) -> dict[str, list[dict[str, Any]]]:
    """Return what the store holds about a person, by table; JSON values.

    Args:
        scope: the transaction.
        subject: the person.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for table, condition in _about(scope, subject):
        rows = scope.connection.execute(select(table).where(condition)).mappings()
        found[table.name] = [_plain(row) for row in rows]
    mentions = [
        {"table": table.name, "column": name, "text": text}
        for table, name, _, text in _mentions(scope, subject.marks | subject.names)
    ]
    # What is the person's own is shown above in full.
    own = {text for rows in found.values() for row in rows for text in row.values() if isinstance(text, str)}
    found["mentions"] = [mention for mention in mentions if mention["text"] not in own]
    return {name: rows for name, rows in found.items() if rows}


def erase(scope: Scope, subject: Subject) -> dict[str, int]:
    """Erase what the store holds about a person.

    The links stay, empty but for the ids, and are left alone by both directions from now on: without them the next scan
    would carry the record that is left in the other system back to where the person was erased. Outcomes stay in the
    journal, without values, because the ledger counts them.

    Args:
        scope: the transaction; whoever calls it holds the leases of ``subject.keys()``.
        subject: the person.

    Returns:
        Rows erased or emptied, by what they are.
    """
    counts = {
        "queued changes": _end_changes(scope, subject),
        "links emptied": _empty_links(scope, subject),
        "journal entries emptied": _empty_journal(scope, subject),
        "plan items": _drop_plan_items(scope, subject),
        "links chosen by hand": _drop_choices(scope, subject),
        "events made nameless": _forget_events(scope, subject),
        "texts that named the person": _clean_texts(scope, subject.marks | subject.names),
        "earlier exports of their data": _drop_exports(scope, subject),
    }
    scope.connection.execute(
        delete(record_lease).where(
            scope.mine(record_lease),
            or_(record_lease.c.lease_until <= scope.clock(), *_naming(record_lease.c.key, subject.marks)),
        )
    )
    return counts


def erase_pair(scope: Scope) -> dict[str, int]:
    """Erase everything the store holds of a shop, tokens included; requests and proofs stay without ids.

    Args:
        scope: the transaction.

    Returns:
        Rows erased, by table.
    """
    counts: dict[str, int] = {}
    for table in reversed(metadata.sorted_tables):
        if table is privacy_request:
            continue
        condition = scope.mine(table)
        if table is privacy_document:
            condition = and_(condition, privacy_document.c.kind == "export")
        counts[table.name] = scope.connection.execute(delete(table).where(condition)).rowcount
    scope.connection.execute(update(privacy_request).where(scope.mine(privacy_request)).values(_NAMELESS))
    return {name: number for name, number in counts.items() if number}


_NAMELESS: Final = {"customer_id": None, "data": "{}"}


def _follow(scope: Scope, subject: Subject, entity: Entity) -> None:
    """Add the records on the other side, those that were linked before included."""
    shop, site = (subject.of(entity, system) for system in (System.SHOPIFY, System.FRAMEWORK360))
    for _ in range(_STEPS):
        before = (len(shop), len(site), len(subject.links))
        by_journal, targets = _journaled(scope, entity, shop, site)
        rows = scope.connection.execute(
            select(link.c.id, link.c.shopify_id, link.c.framework360_id).where(
                scope.mine(link),
                link.c.entity == entity.value,
                or_(
                    scope.among(link.c.shopify_id, sorted(shop)),
                    scope.among(link.c.framework360_id, sorted(site | targets)),
                    scope.among(link.c.id, sorted(by_journal)),
                ),
            )
        ).all()
        of_others = {site_id for _, shop_id, site_id in rows if shop_id is not None and shop_id not in shop}
        for link_id, shop_id, site_id in rows:
            if shop_id is not None and shop_id not in shop:
                continue
            subject.links.add(link_id)
            if site_id is not None:
                site.add(site_id)
        site.update(targets - of_others)
        if before == (len(shop), len(site), len(subject.links)):
            return


def _journaled(scope: Scope, entity: Entity, shop: set[str], site: set[str]) -> tuple[set[int], set[str]]:
    """Links and counterparts that the journal names beside the records."""
    row = journal.c
    rows = scope.connection.execute(
        select(row.link_id, row.source, row.target_id, row.outcome).where(
            scope.mine(journal), row.entity == entity.value, _sources(scope, journal, shop, site)
        )
    )
    found: set[int] = set()
    targets: set[str] = set()
    carried = {Outcome.CREATED.value, Outcome.UPDATED.value, Outcome.LINKED.value, Outcome.UNCHANGED.value}
    for link_id, source, target_id, outcome in rows:
        if link_id is not None:
            found.add(link_id)
        if source == System.SHOPIFY.value and target_id is not None and outcome in carried:
            targets.add(target_id)
    return found, targets


def _sources(scope: Scope, table: Table, shop: Iterable[str], site: Iterable[str]) -> ColumnElement[bool]:
    return or_(
        and_(table.c.source == System.SHOPIFY.value, scope.among(table.c.source_id, sorted(shop))),
        and_(table.c.source == System.FRAMEWORK360.value, scope.among(table.c.source_id, sorted(site))),
    )


def _both(scope: Scope, table: Table, shop: Iterable[str], site: Iterable[str]) -> ColumnElement[bool]:
    """Condition: the row has the record as its source or as its target."""
    return or_(
        _sources(scope, table, shop, site),
        and_(table.c.source == System.SHOPIFY.value, scope.among(table.c.target_id, sorted(site))),
        and_(table.c.source == System.FRAMEWORK360.value, scope.among(table.c.target_id, sorted(shop))),
    )


def _is_about(scope: Scope, subject: Subject, table: Table) -> ColumnElement[bool]:
    """Condition: the row of the queue, the journal, the links or the events is about one of the person's records."""
    entities = []
    for entity in {entity for entity, _ in subject.ids}:
        shop, site = (subject.of(entity, system) for system in (System.SHOPIFY, System.FRAMEWORK360))
        if table is staged_change:
            theirs = _sources(scope, table, shop, site)
        elif table is journal:
            theirs = or_(_both(scope, table, shop, site), scope.among(table.c.link_id, sorted(subject.links)))
        elif table is webhook_event:
            theirs = or_(
                and_(table.c.system == System.SHOPIFY.value, scope.among(table.c.record_id, sorted(shop))),
                and_(table.c.system == System.FRAMEWORK360.value, scope.among(table.c.record_id, sorted(site))),
            )
        else:
            theirs = or_(
                scope.among(table.c.shopify_id, sorted(shop)), scope.among(table.c.framework360_id, sorted(site))
            )
        entities.append(and_(table.c.entity == entity.value, theirs))
    return and_(scope.mine(table), or_(false(), *entities))


def _plan_items(scope: Scope, subject: Subject) -> ColumnElement[bool]:
    """Condition: the item of a plan is about one of the person's records, or proposes one as counterpart."""
    parts = []
    for (entity, system), ids in subject.ids.items():
        runs = select(plan.c.run_id).where(scope.mine(plan), plan.c.entity == entity.value)
        parts += [
            and_(
                plan_item.c.run_id.in_(runs.where(plan.c.source == system.value)),
                scope.among(plan_item.c.source_id, sorted(ids)),
            ),
            and_(
                plan_item.c.run_id.in_(runs.where(plan.c.source == system.other.value)),
                scope.among(plan_item.c.target_id, sorted(ids)),
            ),
        ]
    return and_(scope.mine(plan_item), or_(false(), *parts))


def _about(scope: Scope, subject: Subject) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    yield link, and_(scope.mine(link), scope.among(link.c.id, sorted(subject.links)))
    yield link_child, and_(scope.mine(link_child), scope.among(link_child.c.link_id, sorted(subject.links)))
    for table in (staged_change, journal, link_choice, webhook_event):
        yield table, _is_about(scope, subject, table)
    yield plan_item, _plan_items(scope, subject)


def _rows_of(scope: Scope, subject: Subject, entity: Entity) -> Iterator[RowMapping]:
    """Yield the rows that hold values of the person's records of one kind."""
    part = Subject({key: ids for key, ids in subject.ids.items() if key[0] is entity}, subject.links)
    for table, condition in _about(scope, part):
        if table is not webhook_event:
            yield from scope.connection.execute(select(table).where(condition)).mappings()


def _note_marks(subject: Subject, row: RowMapping) -> None:
    for name, value in row.items():
        if not isinstance(value, str):
            continue
        if name == "display_name" and len(value) >= _SHORTEST_NAME and " " in value.strip() and "@" not in value:
            subject.names.add(value.strip().casefold())
        for text in _leaves(load_json(value)) if name in _JSON else [value]:
            subject.marks.update(match.casefold() for match in _EMAIL.findall(text))
            subject.marks.update(match.casefold() for match in _PHONE.findall(text))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part)


def _orders_naming(scope: Scope, marks: set[str]) -> set[str]:
    """Return Shopify's ids of the orders of which the store holds something that names the person."""
    shop = System.SHOPIFY.value
    order = Entity.ORDER.value
    queries = (
        (link.c.shopify_id, and_(scope.mine(link), link.c.entity == order), (link.c.base, link.c.display_name)),
        *(
            (
                table.c.source_id,
                and_(scope.mine(table), table.c.entity == order, table.c.source == shop),
                tuple(table.c[name] for name in names),
            )
            for table, names in (
                (staged_change, ("payload", "error_message", "disputed", "display_name")),
                (journal, ("before", "after", "message")),
            )
        ),
    )
    found: set[str] = set()
    for column, condition, texts in queries:
        named = or_(false(), *(clause for text in texts for clause in _naming(text, marks)))
        found.update(scope.connection.scalars(select(column).where(condition, named, column.is_not(None))))
    runs = select(plan.c.run_id).where(scope.mine(plan), plan.c.entity == order, plan.c.source == shop)
    named = or_(
        false(), *(clause for name in ("before", "after", "message") for clause in _naming(plan_item.c[name], marks))
    )
    found.update(
        scope.connection.scalars(
            select(plan_item.c.source_id).where(scope.mine(plan_item), plan_item.c.run_id.in_(runs), named)
        )
    )
    return found


def _naming(column: ColumnElement[Any], marks: Iterable[str]) -> list[ColumnElement[bool]]:
    return [func.lower(column).contains(mark.lower(), autoescape=True) for mark in sorted(marks)]


def _end_changes(scope: Scope, subject: Subject) -> int:
    """Take the person's changes out of the queue; those that have not ended count as left out in their runs."""
    row = staged_change.c
    mine = _is_about(scope, subject, staged_change)
    rows = (
        scope.connection.execute(
            select(row.id, row.entity, row.source, row.source_id, row.state, row.run_id, row.claimed_run_id)
            .add_columns(row.generation, row.claimed_generation)
            .where(mine)
            .order_by(*(scope.in_code_order(column) for column in (row.entity, row.source, row.source_id)))
            .with_for_update()
        )
        .mappings()
        .all()
    )
    ended = []
    for found in rows:
        flow = Flow(Entity(found["entity"]), System(found["source"]))
        entry = JournalEntry(found["run_id"], flow, found["source_id"], Outcome.EXCLUDED, message="erased")
        if found["state"] == LEASED and found["generation"] > found["claimed_generation"]:
            # Two changes in one row: the one a worker took, which will not end any more, and the one that came since.
            run_id = found["claimed_run_id"] or ""
            ended.append(replace(entry, run_id=run_id, outcome=Outcome.SUPERSEDED))
        if found["state"] != PARKED:
            ended.append(entry)
    write_journal(scope, ended)
    scope.connection.execute(
        delete(staged_change).where(scope.mine(staged_change), scope.among(row.id, [found["id"] for found in rows]))
    )
    return len(rows)


def _empty_links(scope: Scope, subject: Subject) -> int:
    now = scope.clock()
    found = [item for link_id in sorted(subject.links) if (item := links.get_link(scope, link_id)) is not None]
    links.save_links(scope, [_emptied(item, now) for item in found])
    scope.connection.execute(
        delete(link_child).where(scope.mine(link_child), scope.among(link_child.c.link_id, sorted(subject.links)))
    )
    return len(found)


def _emptied(item: Link, now: datetime) -> Link:
    return replace(
        item,
        status="unlinked" if item.status == "unlinked" else "excluded",
        base={},
        fingerprints={},
        match_keys={},
        display_name="",
        error_code=None,
        error_message=None,
        excluded_by=ERASED_BY,
        excluded_at=now,
    )


def _empty_journal(scope: Scope, subject: Subject) -> int:
    emptied = dict.fromkeys(("before", "after", "reasons"), "{}")
    return scope.connection.execute(
        update(journal).where(_is_about(scope, subject, journal)).values(**emptied, message=ERASED)
    ).rowcount


def _drop_plan_items(scope: Scope, subject: Subject) -> int:
    condition = _plan_items(scope, subject)
    runs = list(scope.connection.scalars(select(plan_item.c.run_id).where(condition).distinct()))
    number = scope.connection.execute(delete(plan_item).where(condition)).rowcount
    # Nobody may approve a plan that holds something else than what they looked at.
    scope.connection.execute(
        update(plan).where(scope.mine(plan), scope.among(plan.c.run_id, runs)).values(version=plan.c.version + 1)
    )
    return number


def _drop_choices(scope: Scope, subject: Subject) -> int:
    return scope.connection.execute(delete(link_choice).where(_is_about(scope, subject, link_choice))).rowcount


def _forget_events(scope: Scope, subject: Subject) -> int:
    return scope.connection.execute(
        update(webhook_event).where(_is_about(scope, subject, webhook_event)).values(record_id=None)
    ).rowcount


def _drop_exports(scope: Scope, subject: Subject) -> int:
    """Delete documents made for the person, and make the requests that are done nameless."""
    theirs = and_(
        scope.mine(privacy_request),
        scope.among(privacy_request.c.customer_id, sorted(subject.of(Entity.CUSTOMER, System.SHOPIFY))),
        privacy_request.c.done_at.is_not(None),
    )
    requests = list(scope.connection.scalars(select(privacy_request.c.id).where(theirs)))
    number = scope.connection.execute(
        delete(privacy_document).where(
            scope.mine(privacy_document),
            scope.among(privacy_document.c.request_id, requests),
            privacy_document.c.kind == "export",
        )
    ).rowcount
    scope.connection.execute(update(privacy_request).where(theirs).values(_NAMELESS))
    return number


def _mentions(scope: Scope, marks: set[str]) -> Iterator[tuple[Table, str, tuple[Any, ...], str]]:
    """Yield table, column, key and text of every free text that names the person."""
    if not marks:
        return
    for table, names in _TEXTS:
        keys = tuple(table.primary_key.columns)
        for name in names:
            rows = scope.connection.execute(
                select(*keys, table.c[name]).where(scope.mine(table), or_(*_naming(table.c[name], _written(marks))))
            ).all()
            for *key, text in rows:
                yield table, name, tuple(key), text


def _clean_texts(scope: Scope, marks: set[str]) -> int:
    pattern = re.compile("|".join(map(re.escape, sorted(_written(marks), key=len, reverse=True))), re.IGNORECASE)
    number = 0
    for table, name, key, text in list(_mentions(scope, marks)):
        same = and_(*(column == value for column, value in zip(table.primary_key.columns, key, strict=True)))
        cleaned = clean_text(pattern.sub(ERASED, text))
        scope.connection.execute(update(table).where(scope.mine(table), same).values({name: cleaned}))
        number += 1
    return number


def _written(marks: Iterable[str]) -> set[str]:
    """Return each text as it stands in plain text and within JSON."""
    return {form for mark in marks for form in (mark, dump_json(mark)[1:-1])}


def _plain(row: RowMapping) -> dict[str, Any]:
    def value(name: str, found: Any) -> Any:
        if isinstance(found, datetime):
            return found.isoformat()
        return load_json(found) if name in _JSON and isinstance(found, str) else found

    return {
        name: value(name, found)
        for name, found in row.items()
        if name not in ("pair_id", "search_text") and found is not None
    }
