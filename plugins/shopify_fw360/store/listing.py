"""Lists of records for people: filtered, searched and sorted over hundreds of thousands of links, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, intersect, or_, select

from shopify_fw360.records import Entity, System
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import is_alone, is_live, link, link_word, staged_change
from shopify_fw360.store.words import begins, begins_with, rarest, terms_of

ListStatus: TypeAlias = Literal["synced", "pending", "failed", "conflict", "differs", "excluded", "unlinked"]
"""As people see it: ``pending`` waits in the queue, ``unlinked`` has no counterpart."""

ListSort: TypeAlias = Literal["changed", "synced", "name"]

STATUSES: Final[tuple[ListStatus, ...]] = (
    "synced", "pending", "failed", "conflict", "differs", "excluded", "unlinked",
)  # fmt: skip

_FEW: Final = 2_000
"""Up to so many links of a search are looked at one by one; beyond, the order of the list is walked."""

_row = link.c
_SORTS: Final[dict[ListSort, ColumnElement[Any]]] = {
    "changed": _row.changed_at,
    "synced": _row.synced_at,
    "name": _row.sort_name,
}
_COLUMNS: Final = (
    _row.id,
    _row.entity,
    _row.shopify_id,
    _row.framework360_id,
    _row.status,
    _row.shopify_key,
    _row.framework360_key,
    _row.display_name,
    _row.error_code,
    _row.error_message,
    _row.synced_at,
    _row.synced_by,
    _row.changed_at,
)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which records a list shows, and in which order.

    Args:
        entity: what they are.
        search: beginnings of words of the name, ids and natural keys, all of which must be found; empty for all.
        status: only with this status.
        direction: only those last synchronised by the flow of this name.
        changed_since: only those changed at or after this aware time.
        sort: the order.
        descending: the newest, or the end of the alphabet, first.
    """

    entity: Entity
    search: str = ""
    status: ListStatus | None = None
    direction: str | None = None
    changed_since: datetime | None = None
    sort: ListSort = "changed"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class ListedRecord:
    """One row of a list.

    Args:
        link_id: key of the link; None for a record that waits for its first sync.
        entity: what it is.
        shopify_id: id in Shopify, None where it has none.
        framework360_id: id in Framework360, None where it has none.
        status: as people see it.
        name: of the record.
        key: its natural key, for example its e-mail.
        error_code: code of the last failure.
        error_message: its text.
        synced_at: aware UTC time of the last successful sync.
        synced_by: name of the flow that made it.
        changed_at: aware UTC time at which anything of it changed last in the store.
    """

    link_id: int | None
    entity: Entity
    shopify_id: str | None
    framework360_id: str | None
    status: ListStatus
    name: str
    key: str = ""
    error_code: str | None = None
    error_message: str | None = None
    synced_at: datetime | None = None
    synced_by: str | None = None
    changed_at: datetime | None = None

    def id_in(self, system: System) -> str | None:
        """Id of the record in the given system, None if it has none there."""
        return self.shopify_id if system is System.SHOPIFY else self.framework360_id


def list_records(scope: Scope, query: ListQuery, limit: int, offset: int) -> list[ListedRecord]:
    """List records.

    Args:
        scope: the transaction.
        query: which, and in which order.
        limit: the most rows returned.
        offset: rows passed over.

    Returns:
        The rows.
    """
    if query.status == "pending":
        return _waiting(scope, query, limit, offset)
    return _list(scope, query, limit, offset, _few(scope, query))


def page_of_records(
    scope: Scope, query: ListQuery, limit: int, offset: int, most: int
) -> tuple[list[ListedRecord], int]:
    """List records and count all of the list up to a limit; cheaper than one after the other."""
    if query.status == "pending":
        return _waiting(scope, query, limit, offset), count_records(scope, query, most)
    few = _few(scope, query)
    return _list(scope, query, limit, offset, few), _count(scope, query, most, few)


def _list(scope: Scope, query: ListQuery, limit: int, offset: int, few: Sequence[int] | None) -> list[ListedRecord]:
    if few is not None:
        # Sorted by an expression, so that nobody walks the order of the list to find a handful of rows.
        chosen = select(*_COLUMNS).where(scope.among(_row.id, few), *_filters(query))
        column = func.coalesce(_SORTS[query.sort], _SORTS[query.sort])
        statement = _ordered(chosen, query, column).limit(limit).offset(offset)
    else:
        # The keys come from an index alone; only the rows that are shown are read.
        keys = _ordered(_chosen(scope, query, select(_row.id)), query).limit(limit).offset(offset).subquery()
        statement = _ordered(select(*_COLUMNS).join(keys, keys.c.id == _row.id), query)
    return _with_queue(scope, query.entity, [_listed(row) for row in scope.connection.execute(statement).mappings()])


def stream_records(scope: Scope, query: ListQuery, page: int = 2_000) -> Iterator[ListedRecord]:
    """Yield every record of a list, page by page; use it within the transaction."""
    offset = 0
    while rows := list_records(scope, query, page, offset):
        yield from rows
        offset += len(rows)


def count_records(scope: Scope, query: ListQuery, most: int) -> int:
    """Count the records of a list, up to a limit, because counting a whole table takes longer than a page may take."""
    if query.status == "pending":
        waiting = select(staged_change.c.id).where(_waits(scope, query)).limit(most).subquery()
        return scope.connection.scalar(select(func.count()).select_from(waiting)) or 0
    return _count(scope, query, most, _few(scope, query))


def _count(scope: Scope, query: ListQuery, most: int, few: Sequence[int] | None) -> int:
    if few is not None:
        chosen = select(_row.id).where(scope.among(_row.id, few), *_filters(query))
    elif _is_search_only(query):
        # Nothing but words decides, so no link need be looked at.
        return _count_words(scope, query, most)
    else:
        chosen = _chosen(scope, query, select(_row.id))
    return scope.connection.scalar(select(func.count()).select_from(chosen.limit(most).subquery())) or 0


def _is_search_only(query: ListQuery) -> bool:
    bare = ListQuery(query.entity, query.search, sort=query.sort, descending=query.descending)
    return bool(terms_of(query.search)) and query == bare and query.sort != "synced"


def _count_words(scope: Scope, query: ListQuery, most: int) -> int:
    found = [select(link_word.c.link_id).where(begins(scope, query.entity, term)) for term in terms_of(query.search)]
    together = intersect(*found).subquery() if len(found) > 1 else found[0].distinct().subquery()
    counted = select(together.c.link_id).limit(most).subquery()
    return scope.connection.scalar(select(func.count()).select_from(counted)) or 0


def listed_links(scope: Scope, entity: Entity, link_ids: Sequence[int]) -> list[ListedRecord]:
    """Return the rows of links by their keys; those that are gone are absent."""
    rows = scope.connection.execute(
        select(*_COLUMNS).where(scope.mine(link), _row.entity == entity.value, scope.among(_row.id, list(link_ids)))
    ).mappings()
    return _with_queue(scope, entity, [_listed(row) for row in rows])


def _ordered(statement: Select[Any], query: ListQuery, by: ColumnElement[Any] | None = None) -> Select[Any]:
    column = _SORTS[query.sort] if by is None else by
    if query.descending:
        return statement.order_by(column.desc(), _row.id.desc())
    return statement.order_by(column, _row.id)


def _few(scope: Scope, query: ListQuery) -> list[int] | None:
    """Return the keys of all links that can be in a list, where a term or the status allows but few; else None.

    They are looked up first and decide alone which links are looked at. Of what is common each link in the order of the
    list is asked, which ends soon.
    """
    candidates = []
    terms = terms_of(query.search)
    if terms:
        best, number = rarest(scope, query.entity, terms, _FEW)
        if number < _FEW:
            candidates.append(select(link_word.c.link_id).where(begins(scope, query.entity, best)).distinct())
        elif len(terms) > 1:
            # Each term is common, but perhaps not all of them together.
            having = (select(link_word.c.link_id).where(begins(scope, query.entity, term)) for term in terms)
            together = intersect(*having).subquery()
            candidates.append(select(together.c.link_id).limit(_FEW))
    if query.status is not None:
        with_status = _chosen(scope, ListQuery(query.entity, status=query.status), select(_row.id)).limit(_FEW)
        candidates.append(with_status)
    for candidate in candidates:
        ids = list(scope.connection.scalars(candidate))
        if len(ids) < _FEW:
            return ids
    return None


def _chosen(scope: Scope, query: ListQuery, statement: Select[Any]) -> Select[Any]:
    return statement.where(scope.mine(link), _row.entity == query.entity.value, *_filters(query))


def _filters(query: ListQuery) -> list[ColumnElement[bool]]:
    """Conditions beyond pair and entity: a handful of keys, found within both, is asked for no more than these."""
    conditions: list[ColumnElement[bool]] = [_has(term) for term in terms_of(query.search)]
    if query.status == "unlinked":
        conditions.append(is_alone)
    elif query.status is not None:
        conditions.append(_row.status == query.status)
    if query.direction is not None:
        conditions.append(_row.synced_by == query.direction)
    if query.changed_since is not None:
        conditions.append(_row.changed_at >= query.changed_since)
    if query.sort == "synced":
        # Both databases put nulls at different ends.
        conditions.append(_row.synced_at.is_not(None))
    return conditions


def _has(term: str) -> ColumnElement[bool]:
    # The link says whose and what it is; asked for too, SQLite would walk all words that begin so for each link.
    return select(link_word.c.link_id).where(link_word.c.link_id == _row.id, begins_with(term)).exists()


def _waits(scope: Scope, query: ListQuery) -> ColumnElement[bool]:
    row = staged_change.c
    conditions = [scope.mine(staged_change), row.entity == query.entity.value, is_live]
    if query.direction is not None:
        conditions.append(row.source == query.direction.partition("s_")[2].partition("_to_")[0])
    if query.changed_since is not None:
        conditions.append(row.staged_at >= query.changed_since)
    # The queue is worked off all the time, so its text is searched as it is.
    conditions.extend(
        or_(
            func.lower(row.display_name).contains(term, autoescape=True),
            func.lower(func.coalesce(row.match_key, "")).contains(term, autoescape=True),
            func.lower(row.source_id).contains(term, autoescape=True),
        )
        for term in terms_of(query.search)
    )
    return and_(*conditions)


def _waiting(scope: Scope, query: ListQuery, limit: int, offset: int) -> list[ListedRecord]:
    row = staged_change.c
    rows = scope.connection.execute(
        select(
            row.source,
            row.source_id,
            row.display_name,
            row.match_key,
            row.error_code,
            row.error_message,
            row.staged_at,
        )
        .where(_waits(scope, query))
        .order_by(row.source, row.priority, row.available_at, row.id)
        .limit(limit)
        .offset(offset)
    ).all()
    linked = {
        source: _linked(scope, query.entity, source, [one.source_id for one in rows if one.source == source.value])
        for source in System
    }
    shown: dict[Any, ListedRecord] = {}
    for one in rows:
        source = System(one.source)
        found = linked[source].get(one.source_id) or ListedRecord(
            None,
            query.entity,
            one.source_id if source is System.SHOPIFY else None,
            one.source_id if source is System.FRAMEWORK360 else None,
            "pending",
            one.display_name,
            _shown_key(one.match_key),
            changed_at=one.staged_at,
        )
        # A record may wait in both directions; it is shown once.
        shown[found.link_id or (one.source, one.source_id)] = replace(
            found,
            status="pending",
            error_code=one.error_code or found.error_code,
            error_message=one.error_message or found.error_message,
        )
    return list(shown.values())


def _linked(scope: Scope, entity: Entity, source: System, ids: Sequence[str]) -> dict[str, ListedRecord]:
    column = _row.shopify_id if source is System.SHOPIFY else _row.framework360_id
    rows = scope.connection.execute(
        select(*_COLUMNS).where(scope.mine(link), _row.entity == entity.value, scope.among(column, ids))
    ).mappings()
    return {record_id: one for one in map(_listed, rows) if (record_id := one.id_in(source)) is not None}


def _with_queue(scope: Scope, entity: Entity, records: Sequence[ListedRecord]) -> list[ListedRecord]:
    """Mark the records that wait in the queue as pending."""
    row = staged_change.c
    waiting = {
        source: set(
            scope.connection.scalars(
                select(row.source_id).where(
                    scope.mine(staged_change),
                    row.entity == entity.value,
                    row.source == source.value,
                    is_live,
                    scope.among(row.source_id, [found for one in records if (found := one.id_in(source))]),
                )
            )
        )
        for source in System
    }
    return [
        replace(one, status="pending") if any(one.id_in(source) in waiting[source] for source in System) else one
        for one in records
    ]


def _listed(row: RowMapping) -> ListedRecord:
    return ListedRecord(
        link_id=row["id"],
        entity=Entity(row["entity"]),
        shopify_id=row["shopify_id"],
        framework360_id=row["framework360_id"],
        status=row["status"],
        name=row["display_name"],
        key=_shown_key(row["shopify_key"] or row["framework360_key"]),
        error_code=row["error_code"],
        error_message=row["error_message"],
        synced_at=row["synced_at"],
        synced_by=row["synced_by"],
        changed_at=row["changed_at"],
    )


def _shown_key(key: str | None) -> str:
    """Return a natural key without the name of its field before it."""
    return (key or "").partition(":")[2] or key or ""
