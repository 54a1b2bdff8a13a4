"""Links: which record of one system is which record of the other, and what they last agreed on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, and_, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from shopify_fw360.errors import AMBIGUOUS, LEASE_LOST, SyncError
from shopify_fw360.records import Entity, Flow, Link, LinkStatus, Operation, System
from shopify_fw360.store.codec import clean_text, dump_json, load_json
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import link as link_table
from shopify_fw360.store.tables import staged_change
from shopify_fw360.store.words import save_words

_row = link_table.c
_IDS: Final = {System.SHOPIFY: _row.shopify_id, System.FRAMEWORK360: _row.framework360_id}
_KEYS: Final = {System.SHOPIFY: _row.shopify_key, System.FRAMEWORK360: _row.framework360_key}
_FINGERPRINTS: Final = {System.SHOPIFY: _row.shopify_fingerprint, System.FRAMEWORK360: _row.framework360_fingerprint}
_TIMES: Final = {System.SHOPIFY: _row.shopify_updated_at, System.FRAMEWORK360: _row.framework360_updated_at}
_STREAM_PAGE: Final = 5_000
_SORTED: Final = 100
"""Characters of a name that lists are sorted by."""


def links_of(scope: Scope, entity: Entity, system: System, ids: Sequence[str]) -> dict[str, Link]:
    """Find links by the ids of one system.

    Args:
        scope: the transaction.
        entity: what they are.
        system: whose ids are given.
        ids: any number.

    Returns:
        Link per id that has one.
    """
    rows = scope.connection.execute(
        select(link_table).where(_of(scope, entity), scope.among(_IDS[system], ids))
    ).mappings()
    found = [_link(row) for row in rows]
    return {record_id: item for item in found if (record_id := item.id_in(system)) is not None}


def get_link(scope: Scope, link_id: int) -> Link | None:
    """Return a link by its key, None if there is none."""
    row = (
        scope.connection.execute(select(link_table).where(scope.mine(link_table), _row.id == link_id))
        .mappings()
        .first()
    )
    return None if row is None else _link(row)


def save_links(scope: Scope, links: Sequence[Link]) -> list[Link]:
    """Insert links without an id and update the others.

    Args:
        scope: the transaction.
        links: if one cannot be saved, none is.

    Returns:
        The links as stored, with their ids, in the same order.

    Raises:
        SyncError: SYNC-204 if a record is already linked otherwise, SYNC-502 if a link was deleted meanwhile.
    """
    try:
        with scope.connection.begin_nested():
            reworded = _update(scope, [item for item in links if item.id is not None])
            inserted = _insert(scope, [item for item in links if item.id is None])
    except IntegrityError:
        raise _taken(scope, links) from None
    _keep_words(scope, [*reworded, *inserted], known=reworded)
    created = iter(inserted)
    return [item if item.id is not None else next(created) for item in links]


def _keep_words(scope: Scope, links: Sequence[Link], known: Sequence[Link]) -> None:
    save_words(
        scope,
        {item.id: (item.entity, _searched(item)) for item in links if item.id is not None},
        known=[item.id for item in known if item.id is not None],
    )


def delete_link(scope: Scope, link_id: int) -> None:
    """Delete a link with its children; one that is gone already is fine."""
    scope.connection.execute(delete(link_table).where(scope.mine(link_table), _row.id == link_id))


def find_links(
    scope: Scope, entity: Entity, status: LinkStatus | None, search: str, limit: int, offset: int
) -> list[Link]:
    """List links for people, those that changed last first.

    Args:
        scope: the transaction.
        entity: what they are.
        status: only with this status.
        search: part of the name, an id or a natural key, whatever the case; empty for all.
        limit: the most links returned.
        offset: links passed over.

    Returns:
        The links.
    """
    query = select(link_table).where(_found(scope, entity, search))
    if status is not None:
        query = query.where(_row.status == status)
    rows = scope.connection.execute(query.order_by(_row.changed_at.desc(), _row.id.desc()).limit(limit).offset(offset))
    return [_link(row) for row in rows.mappings()]


def left_out(scope: Scope, limit: int, offset: int) -> tuple[int, list[Link]]:
    """List the records that people want left alone, the latest decision first; returns also how many there are."""
    chosen = and_(scope.mine(link_table), _row.excluded_by.is_not(None))
    total = scope.connection.scalar(select(func.count()).select_from(link_table).where(chosen)) or 0
    rows = scope.connection.execute(
        select(link_table).where(chosen).order_by(_row.excluded_at.desc(), _row.id.desc()).limit(limit).offset(offset)
    )
    return total, [_link(row) for row in rows.mappings()]


def count_by_status(scope: Scope, entity: Entity, search: str) -> dict[LinkStatus, int]:
    """Count the links that ``find_links`` would find, per status that occurs."""
    rows = scope.connection.execute(
        select(_row.status, func.count()).where(_found(scope, entity, search)).group_by(_row.status)
    )
    return dict(rows.all())


def count_linked(scope: Scope, entity: Entity) -> int:
    """Count the links that have a record on both sides."""
    return (
        scope.connection.scalar(
            select(func.count()).where(
                _of(scope, entity), _row.shopify_id.is_not(None), _row.framework360_id.is_not(None)
            )
        )
        or 0
    )


def stream_ids(scope: Scope, entity: Entity, system: System) -> Iterator[str]:
    """Yield the ids that links have in a system, in ascending order, without holding them all in memory."""
    column = _IDS[system]
    last = ""
    while True:
        page = list(
            scope.connection.scalars(
                select(column).where(_of(scope, entity), column > last).order_by(column).limit(_STREAM_PAGE)
            )
        )
        yield from page
        if len(page) < _STREAM_PAGE:
            return
        last = page[-1]


def consumed_fingerprints(scope: Scope, flow: Flow, ids: Sequence[str]) -> dict[str, str]:
    """Return the fingerprints of the content that a flow consumed last.

    Args:
        scope: the transaction.
        flow: entity and source.
        ids: in the source system.

    Returns:
        Fingerprint per id whose link has one.
    """
    column, fingerprint = _IDS[flow.source], _FINGERPRINTS[flow.source]
    rows = scope.connection.execute(
        select(column, fingerprint).where(_of(scope, flow.entity), scope.among(column, ids), fingerprint.is_not(None))
    )
    return dict(rows.all())


def duplicates_of(scope: Scope, flow: Flow, keys: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Find other records on the source side that have the same natural key.

    What is staged is newer than what is linked: a linked record whose staged content has another key, or that is
    staged for deletion, is no duplicate any more.

    Args:
        scope: the transaction.
        flow: entity and source.
        keys: normalised natural key per source id.

    Returns:
        For each source id that has any, the other ids, sorted.
    """
    wanted = sorted({clean_text(key) for key in keys.values()})
    staged = staged_change.c
    column, key_column = _IDS[flow.source], _KEYS[flow.source]
    outdated = exists().where(
        scope.of_flow(staged_change, flow),
        staged.source_id == column,
        or_(
            staged.operation == Operation.DELETE.value,
            and_(staged.match_key.is_not(None), staged.match_key != key_column),
        ),
    )
    from_links = select(key_column, column).where(
        _of(scope, flow.entity), scope.among(key_column, wanted), column.is_not(None), ~outdated
    )
    from_queue = select(staged.match_key, staged.source_id).where(
        scope.of_flow(staged_change, flow),
        scope.among(staged.match_key, wanted),
        staged.operation != Operation.DELETE.value,
    )
    holders: dict[str, set[str]] = {}
    for query in (from_links, from_queue):
        for key, record_id in scope.connection.execute(query):
            holders.setdefault(key, set()).add(record_id)
    result = {}
    for source_id, key in keys.items():
        others = holders.get(clean_text(key), set()) - {source_id}
        if others:
            result[source_id] = tuple(sorted(others))
    return result


def mark_missing(scope: Scope, entity: Entity, system: System, ids: Sequence[str]) -> dict[str, int]:
    """Note that a full scan has not found records.

    Args:
        scope: the transaction.
        entity: what they are.
        system: that was scanned.
        ids: linked ids that were not found.

    Returns:
        Per id the number of successive scans, this one included, that have not found it.
    """
    column = _IDS[system]
    rows = scope.connection.execute(
        update(link_table)
        .where(_of(scope, entity), scope.among(column, ids))
        .values(missing_scans=_row.missing_scans + 1)
        .returning(column, _row.missing_scans)
    )
    return dict(rows.all())


def missing(scope: Scope, entity: Entity, system: System) -> list[str]:
    """Return the ids of linked records that the last full scans have not found."""
    column = _IDS[system]
    return list(
        scope.connection.scalars(
            select(column).where(_of(scope, entity), column.is_not(None), _row.missing_scans > 0).order_by(column)
        )
    )


def clear_missing(scope: Scope, entity: Entity, system: System, ids: Sequence[str]) -> None:
    """Note that records have been found again."""
    scope.connection.execute(
        update(link_table)
        .where(_of(scope, entity), scope.among(_IDS[system], ids), _row.missing_scans > 0)
        .values(missing_scans=0)
    )


def _of(scope: Scope, entity: Entity) -> ColumnElement[bool]:
    return and_(scope.mine(link_table), _row.entity == entity.value)


def _found(scope: Scope, entity: Entity, search: str) -> ColumnElement[bool]:
    condition = _of(scope, entity)
    wanted = clean_text(search).strip().casefold()
    return and_(condition, _row.search_text.contains(wanted, autoescape=True)) if wanted else condition


def _insert(scope: Scope, links: Sequence[Link]) -> list[Link]:
    if not links:
        return []
    # DO NOTHING instead of an error: a row that is in the way is then known by its absence from the answer.
    rows = scope.connection.execute(
        scope.insert(link_table)
        .on_conflict_do_nothing()
        .returning(_row.id, _row.entity, _row.shopify_id, _row.framework360_id),
        [_values(scope, item) for item in links],
    )
    made = {(entity, shopify_id, framework360_id): link_id for link_id, entity, shopify_id, framework360_id in rows}
    stored = []
    for item in links:
        link_id = made.pop((item.entity.value, item.shopify_id, item.framework360_id), None)
        if link_id is None:
            raise _taken(scope, [item])
        stored.append(replace(item, id=link_id))
    return stored


def _update(scope: Scope, links: Sequence[Link]) -> list[Link]:
    """Update links and return those whose searched text has changed."""
    if not links:
        return []
    texts: dict[int, str] = dict(
        scope.connection.execute(
            select(_row.id, _row.search_text).where(
                scope.mine(link_table), scope.among(_row.id, [item.id for item in links if item.id is not None])
            )
        ).all()
    )
    values = [_values(scope, item) for item in links]
    changed = scope.connection.execute(
        update(link_table)
        .where(scope.mine(link_table), _row.id == bindparam("link_id"))
        .values({name: bindparam(name) for name in values[0] if name != "pair_id"}),
        [{**row, "link_id": item.id} for row, item in zip(values, links, strict=True)],
    ).rowcount
    if changed != len(links):
        raise SyncError(
            LEASE_LOST,
            f"{len(links) - changed} of the links {', '.join(str(item.id) for item in links)} were deleted meanwhile",
            rule="one worker per record",
        )
    return [item for item in links if item.id is not None and texts.get(item.id) != _searched(item)]


def _taken(scope: Scope, links: Sequence[Link]) -> SyncError:
    """Name the link that already has an id of one of the links."""
    for item in links:
        same_id = [
            column == record_id for system, column in _IDS.items() if (record_id := item.id_in(system)) is not None
        ]
        row = scope.connection.execute(
            select(_row.id, _row.shopify_id, _row.framework360_id)
            .where(_of(scope, item.entity), or_(*same_id), _row.id.is_distinct_from(item.id))
            .limit(1)
        ).first()
        if row is not None:
            return _ambiguous(item, f"link {row[0]} (shopify {row[1]}, framework360 {row[2]})")
    return _ambiguous(links[0], "another link that is being saved")


def _ambiguous(item: Link, other: str) -> SyncError:
    return SyncError(
        AMBIGUOUS, f"the record already belongs to {other}", record=_record(item), rule="one counterpart on each side"
    )


def _record(item: Link) -> str:
    return f"{item.entity.value} shopify:{item.shopify_id} framework360:{item.framework360_id}"


def _values(scope: Scope, item: Link) -> dict[str, Any]:
    if item.shopify_id is None and item.framework360_id is None:
        raise ValueError("a link needs a record on at least one side")
    flows = {Flow(item.entity, system).name: system for system in System}
    named = {*item.fingerprints, *item.source_times}
    strange = sorted(named - set(flows)) + sorted(set(item.match_keys) - {s.value for s in System})
    if strange:
        raise ValueError(f"a {item.entity.value} link has no flow or system named {', '.join(strange)}")
    by_system = {flows[name]: fingerprint for name, fingerprint in item.fingerprints.items()}
    times = {flows[name]: moment for name, moment in item.source_times.items()}
    keys = {system: clean_text(item.match_keys[system]) for system in System if system in item.match_keys}
    name = clean_text(item.display_name)
    return {
        "pair_id": scope.pair_id,
        "entity": item.entity.value,
        "shopify_id": item.shopify_id,
        "framework360_id": item.framework360_id,
        "status": item.status,
        "base": dump_json(item.base),
        "shopify_fingerprint": by_system.get(System.SHOPIFY),
        "framework360_fingerprint": by_system.get(System.FRAMEWORK360),
        "shopify_updated_at": times.get(System.SHOPIFY),
        "framework360_updated_at": times.get(System.FRAMEWORK360),
        "shopify_key": keys.get(System.SHOPIFY),
        "framework360_key": keys.get(System.FRAMEWORK360),
        "display_name": name,
        "search_text": _searched(item),
        "sort_name": name.casefold()[:_SORTED],
        "error_code": item.error_code,
        "error_message": None if item.error_message is None else clean_text(item.error_message),
        "missing_scans": item.missing_scans,
        "synced_at": item.synced_at,
        "synced_by": item.synced_by,
        "excluded_by": item.excluded_by,
        "excluded_at": item.excluded_at,
        "changed_at": scope.clock(),
    }


def _searched(item: Link) -> str:
    keys = [clean_text(item.match_keys[system]) for system in System if system in item.match_keys]
    searched = (clean_text(item.display_name), item.shopify_id, item.framework360_id, *keys)
    return "\n".join(part for part in searched if part).casefold()


def _link(row: RowMapping) -> Link:
    entity = Entity(row["entity"])
    fingerprints = {System(system): row[column.name] for system, column in _FINGERPRINTS.items()}
    times = {System(system): row[column.name] for system, column in _TIMES.items()}
    keys = {system.value: row[column.name] for system, column in _KEYS.items()}
    return Link(
        entity=entity,
        shopify_id=row["shopify_id"],
        framework360_id=row["framework360_id"],
        status=row["status"],
        base=load_json(row["base"]),
        fingerprints={Flow(entity, system).name: value for system, value in fingerprints.items() if value is not None},
        source_times={Flow(entity, system).name: value for system, value in times.items() if value is not None},
        match_keys={system: value for system, value in keys.items() if value is not None},
        display_name=row["display_name"],
        error_code=row["error_code"],
        error_message=row["error_message"],
        id=row["id"],
        missing_scans=row["missing_scans"],
        synced_at=row["synced_at"],
        synced_by=row["synced_by"],
        excluded_by=row["excluded_by"],
        excluded_at=row["excluded_at"],
    )
