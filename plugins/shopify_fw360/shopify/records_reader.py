"""Reading the records of one entity of a shop: by time, id or identifier; long nested lists are read to their end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from shopify_fw360.errors import SHOPIFY_QUERY, TRUNCATED, SyncError
from shopify_fw360.records import ChangeMark, Entity, Page, SourceRecord, Window
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.fields import APP, EXTERNAL_ID, EXTERNAL_ID_PATH
from shopify_fw360.shopify.reading_cost import nodes_at_once
from shopify_fw360.shopify.selection import (
    PAGE_COST,
    PAGE_LIMIT,
    Continuation,
    Selection,
    compile_selection,
    connection_cost,
    flatten,
)

CURSOR_LIMIT: Final = 25_000
"""Shopify: cursor paging ends after 25,000 objects."""

LOOKUPS: Final = 50
"""Exact lookups by identifier in one request."""

COUNT_COST: Final = 10.0

_GID = re.compile(r"gid://shopify/(\w+)/\d+")
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class _Slice:
    """A part of a scan that one cursor can reach, sorted by time, or by id where one second holds too many records."""

    base: str
    since: datetime | None
    above_id: int | None = None

    @property
    def sort(self) -> str:
        return "UPDATED_AT" if self.above_id is None else "ID"

    @property
    def search(self) -> str | None:
        terms = [self.base] if self.base else []
        # Shopify: timestamps must be quoted, whole seconds with >= are safe in every version.
        terms += [f"updated_at:>='{_second(self.since)}'"] if self.since else []
        terms += [f"id:>{self.above_id}"] if self.above_id else []
        return " AND ".join(terms) or None

    def following(self, last: SourceRecord) -> _Slice:
        reached = last.updated_at
        if self.above_id is not None:
            return replace(self, above_id=_number(last.id))
        if reached is not None and (self.since is None or _second(reached) > _second(self.since)):
            return replace(self, since=reached)
        return replace(self, above_id=0)


class RecordsReader:
    """Reads records of one entity with one selection; may be used by several threads at once.

    Args:
        client: of the shop.
        selection: what is read of each record.
        search: search terms every scan and count states, empty for none.
        values: gives the values of the selection's variables by name.
        complete: fills in what is computed, in place, in records that were read together.
        cursor_limit: records one cursor may reach.

    Attributes:
        selection: as given.
        page_size: records read at once by a scan.
        chunk: records read at once by id.
    """

    def __init__(
        self,
        client: ShopifyClient,
        selection: Selection,
        *,
        search: str = "",
        values: Callable[[], Mapping[str, Any]] = dict,
        complete: Callable[[Sequence[dict[str, Any]]], None] = lambda _: None,
        cursor_limit: int = CURSOR_LIMIT,
    ) -> None:
        self.selection = selection
        self.page_size = selection.page_size(PAGE_COST)
        self.chunk = nodes_at_once(selection)
        self._client = client
        self._search = search
        self._values = values
        self._complete = complete
        self._cursor_limit = cursor_limit
        self._type = selection.type
        self._plural = f"{selection.type}s"
        self._root = self._plural[0].lower() + self._plural[1:]

    def scan(self, window: Window) -> Iterator[Page]:
        """Read all records whose modification time lies in the window.

        Args:
            window: half-open; filtered exactly by the record's own time, because Shopify's filter may be coarser. A
                record changed while it is scanned is given as first seen: give the scan an upper bound no later than
                its start, or begin the next window at its start.

        Yields:
            Pages by ascending time. The first page of an unbounded scan announces the shop's number of records.
        """
        seen: set[int] = set()
        unbounded = window.since is None and window.until is None
        announced = self.count() if unbounded else None
        part: _Slice | None = _Slice(self._search, window.since)
        while part is not None:
            following: _Slice | None = None
            for records, last_page in self._pages(part):
                fresh = [record for record in records if _number(record.id) not in seen]
                seen.update(_number(record.id) for record in fresh)
                inside = [record for record in fresh if window.contains(_moment(record))]
                yield Page(inside, announced, skipped=len(fresh) - len(inside))
                announced = None
                if part.sort == "UPDATED_AT" and records and _is_past(records[-1], window):
                    return
                following = part.following(records[-1]) if records and not last_page else None
            part = following

    def count(self) -> int | None:
        """Return the number of records a scan finds, None if Shopify does not know it exactly."""
        operation = f"{self._plural}Count"
        text = (
            f"query {operation}($search: String) {{"
            f" {self._root}Count(query: $search, limit: null) {{ count precision }} }}"
        )
        count = self.query(text, {"search": self._search or None}, operation, COUNT_COST)[f"{self._root}Count"]
        return int(count["count"]) if count and count["precision"] == "EXACT" else None

    def fetch(self, ids: Sequence[str]) -> dict[str, SourceRecord]:
        """Read records by id, bypassing the search index.

        Args:
            ids: global ids, or their numbers.

        Returns:
            The records that exist, by the id as given.
        """
        operation = f"{self._plural}ById"
        fragment = f"... on {self._type} {{ {self.selection.text} }}"
        text = f"nodes(ids: $ids) {{ {fragment} }}"
        asked = {given: gid for given in dict.fromkeys(ids) if (gid := self._gid(given))}
        found: dict[str, SourceRecord] = {}
        for chunk in chunks(list(dict.fromkeys(asked.values())), self.chunk):
            cost = len(chunk) * (1 + self.selection.cost)
            nodes = self._read(operation, {"ids": "[ID!]!"}, text, {"ids": chunk}, cost)["nodes"]
            records = self.records([node for node in nodes if node and node.get("id")])
            found.update((record.id, record) for record in records)
        return {given: found[gid] for given, gid in asked.items() if gid in found}

    def find(self, identifiers: Sequence[Mapping[str, Any]]) -> list[SourceRecord | None]:
        """Look records up exactly, bypassing the search index.

        Args:
            identifiers: inputs of ``<entity>ByIdentifier``.

        Returns:
            For each identifier the record that has it, None for none.

        Raises:
            SyncError: SYNC-306 if a custom id has no metafield definition.
        """
        found: list[SourceRecord | None] = []
        for chunk in chunks(identifiers, min(self.chunk, LOOKUPS)):
            found += self._find(chunk)
        return found

    def _find(self, identifiers: Sequence[Mapping[str, Any]]) -> list[SourceRecord | None]:
        operation = f"{self._plural}ByKey"
        field = f"{self._root.removesuffix('s')}ByIdentifier"
        places = range(len(identifiers))
        types = {f"v{place}": f"{self._type}IdentifierInput!" for place in places}
        body = " ".join(f"c{place}: {field}(identifier: $v{place}) {{ {self.selection.text} }}" for place in places)
        variables = {f"v{place}": identifier for place, identifier in enumerate(identifiers)}
        cost = len(identifiers) * (1 + self.selection.cost)
        data = self._read(operation, types, body, variables, cost)
        hits = [data.get(f"c{place}") for place in places]
        records = {record.id: record for record in self.records([hit for hit in hits if hit])}
        return [records[hit["id"]] if hit else None for hit in hits]

    def query(self, text: str, variables: Mapping[str, Any], operation: str, cost: float) -> dict[str, Any]:
        """Send a query and return its data.

        Args:
            text: of the operation.
            variables: JSON values.
            operation: its name.
            cost: points it is estimated to request.

        Raises:
            SyncError: as the client raises; a missing metafield definition names the DAG that makes it.
        """
        try:
            return self._client.execute(text, variables, operation_name=operation, idempotent=True, cost=cost)
        except SyncError as error:
            raise explained(error) from error

    def records(self, nodes: Sequence[Mapping[str, Any]]) -> list[SourceRecord]:
        """Turn objects of an answer into plain records, their nested lists read to the end.

        Args:
            nodes: objects read with the selection, in any operation.

        Raises:
            SyncError: SYNC-210 if a nested list cannot be read completely.
        """
        rest: list[Continuation] = []
        raws = [self.selection.flatten(node, rest) for node in nodes]
        while rest:
            self._follow(rest.pop(), rest)
        self._complete(raws)
        return [SourceRecord(raw["id"], raw, datetime.fromisoformat(raw["updatedAt"])) for raw in raws]

    @property
    def root(self) -> str:
        """Name of the list at the query root, ``products``."""
        return self._root

    def search_of(self, window: Window) -> str | None:
        """Return the search terms of everything changed since the begin of a window, None for everything."""
        return _Slice(self._search, window.since).search

    def variables_of(self, text: str) -> dict[str, tuple[str, Any]]:
        """Return type and value of those variables of the selection that a text uses, by name."""
        declared = self.selection.declared(text)
        values = self._values() if declared else {}
        return {name: (kind, values[name]) for name, kind in declared.items()}

    def _read(
        self, operation: str, types: Mapping[str, str], body: str, variables: Mapping[str, Any], cost: float
    ) -> dict[str, Any]:
        shared = self.variables_of(body)
        declared = {**types, **{name: kind for name, (kind, _) in shared.items()}}
        head = ", ".join(f"${name}: {kind}" for name, kind in declared.items())
        values = {**variables, **{name: value for name, (_, value) in shared.items()}}
        return self.query(f"query {operation}({head}) {{ {body} }}", values, operation, cost)

    def _pages(self, part: _Slice) -> Iterator[tuple[list[SourceRecord], bool]]:
        """Yield records and whether they end the slice; stops early where the cursor can go no further."""
        operation = f"{self._plural}Scan"
        types = {"first": "Int!", "after": "String", "search": "String", "sort": f"{self._type}SortKeys!"}
        text = (
            f"{self._root}(first: $first, after: $after, query: $search, sortKey: $sort) {{"
            f" pageInfo {{ hasNextPage endCursor }} nodes {{ {self.selection.text} }} }}"
        )
        after: str | None = None
        read = 0
        while True:
            variables = {"first": self.page_size, "after": after, "search": part.search, "sort": part.sort}
            cost = connection_cost(self.page_size, self.selection.cost)
            connection = self._read(operation, types, text, variables, cost)[self._root]
            read += len(connection["nodes"])
            more = bool(connection["pageInfo"]["hasNextPage"])
            # At the end of what a cursor reaches Shopify's "no next page" proves nothing.
            full = read + self.page_size > self._cursor_limit
            yield self.records(connection["nodes"]), not more and not full
            if full or not more:
                return
            after = connection["pageInfo"]["endCursor"]

    def _follow(self, part: Continuation, rest: list[Continuation]) -> None:
        """Append the next page of a nested connection to its list."""
        name = part.node.step.name
        if part.parent_id is None:
            text = f"the list {name} of a {part.parent_type} is longer than a page and cannot be followed"
            raise SyncError(TRUNCATED, text, field=name)
        operation = f"{self._type}Rest"
        body = part.node.body(PAGE_LIMIT, self.selection.nested, ", after: $after")
        text = f"node(id: $id) {{ ... on {part.parent_type} {{ id {name}{body} }} }}"
        cost = 1 + part.node.field_cost(PAGE_LIMIT, self.selection.nested)
        variables = {"id": part.parent_id, "after": part.cursor}
        data = self._read(operation, {"id": "ID!", "after": "String!"}, text, variables, cost)
        if not data.get("node"):
            raise SyncError(
                TRUNCATED, f"the record vanished while its {name} were read", record=part.parent_id, field=name
            )
        connection = data["node"][name]
        part.into.extend(flatten(part.node, node, rest) for node in connection["nodes"])
        if connection["pageInfo"]["hasNextPage"]:
            rest.append(replace(part, cursor=connection["pageInfo"]["endCursor"]))

    def _gid(self, given: str) -> str | None:
        text = f"gid://shopify/{self._type}/{given}" if given.isdigit() else given
        found = _GID.fullmatch(text)
        return text if found and found[1] == self._type else None


def changed(client: ShopifyClient, entity: Entity, window: Window, search: str = "") -> Iterator[ChangeMark]:
    """List which records changed, without reading them: 250 of them for about as many points as one record.

    Args:
        client: of the shop.
        entity: what is listed.
        window: half-open, of modification times.
        search: search terms that select the records, empty for all.
    """
    reader = RecordsReader(client, compile_selection(entity, {"id", "createdAt"}), search=search)
    for page in reader.scan(window):
        for record in page.records:
            yield ChangeMark(record.id, _moment(record), datetime.fromisoformat(record.raw["createdAt"]))


def custom_id(other_id: str) -> dict[str, str]:
    """Return the ``customId`` identifier of the record that carries Framework360's id."""
    return {"namespace": APP, "key": EXTERNAL_ID, "value": other_id}


def explained(error: SyncError) -> SyncError:
    """Return the error, or one that names the next step if the definition of the external id is missing."""
    if error.code is SHOPIFY_QUERY and error.rule == "NOT_FOUND" and "etafield" in error.message:
        text = f"the metafield definition {APP}.{EXTERNAL_ID} is missing, run the DAG onboard_shop ({error.message})"
        return SyncError(SHOPIFY_QUERY, text, field=EXTERNAL_ID_PATH, rule=error.rule)
    return error


def chunks(values: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Yield the values in parts of at most the given size."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _number(gid: str) -> int:
    return int(gid.rpartition("/")[2])


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(record: SourceRecord) -> datetime:
    assert record.updated_at is not None  # noqa: S101 - updatedAt of all entities is non-null
    return record.updated_at


def _is_past(record: SourceRecord, window: Window) -> bool:
    return window.until is not None and _moment(record) >= window.until
