"""Customers in Shopify: reading by time, by id and by key; creating and updating. Implements `records.Gateway`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from shopify_fw360.errors import MAPPING_INVALID, SHOPIFY_QUERY, TRUNCATED, VANISHED, SyncError
from shopify_fw360.records import Entity, Page, SourceRecord, System, TargetField, Window, WriteResult
from shopify_fw360.shopify.answers import rejection
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.customer_writes import (
    Mutation,
    after_set,
    document,
    field_name,
    plan_update,
    reading,
    set_input,
)
from shopify_fw360.shopify.fields import ADDRESS, APP, CONSENT, EXTERNAL_ID, EXTERNAL_ID_PATH
from shopify_fw360.shopify.selection import PAGE_LIMIT, Continuation, compile_selection, connection_cost, flatten

PAGE_COST: Final = 500.0
"""Points one request may cost (Shopify: at most 1,000; half of it leaves room for an estimate that is too low)."""

CURSOR_LIMIT: Final = 25_000
"""Shopify: cursor paging ends after 25,000 objects."""

LOOKUPS: Final = 50
"""Exact lookups by key in one request."""

MUTATION_COST: Final = 10.0

_GID = re.compile(r"gid://shopify/Customer/(\d+)")
_PHONE = re.compile(r"\+\d{6,15}")


@dataclass(frozen=True, slots=True)
class _Slice:
    """A part of a scan that one cursor can reach, sorted by time, or by id where one second holds too many records."""

    since: datetime | None
    above_id: int | None = None

    @property
    def sort(self) -> str:
        return "UPDATED_AT" if self.above_id is None else "ID"

    @property
    def search(self) -> str | None:
        # Shopify: timestamps must be quoted, whole seconds with >= are safe in every version.
        terms = [f"updated_at:>='{_second(self.since)}'"] if self.since else []
        terms += [f"id:>{self.above_id}"] if self.above_id else []
        return " AND ".join(terms) or None

    def following(self, last: SourceRecord) -> _Slice:
        reached = last.updated_at
        if self.above_id is not None:
            return replace(self, above_id=_number(last.id))
        if reached is not None and (self.since is None or _second(reached) > _second(self.since)):
            return _Slice(since=reached)
        return replace(self, above_id=0)


class ShopifyCustomers:
    """The customers of one shop.

    Args:
        client: of the shop.
        paths: source paths that records must carry; what writing needs is added.
        targets: target fields that may be written, by name.
        opt_in_level: level stated with a newsletter subscription, ``SINGLE_OPT_IN`` or ``CONFIRMED_OPT_IN``.
        clock: aware UTC time.
        cursor_limit: records one cursor may reach.
    """

    system = System.SHOPIFY
    entity = Entity.CUSTOMER

    def __init__(
        self,
        client: ShopifyClient,
        paths: Iterable[str],
        targets: Mapping[str, TargetField],
        *,
        opt_in_level: str = "SINGLE_OPT_IN",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        cursor_limit: int = CURSOR_LIMIT,
    ) -> None:
        self._client = client
        self._targets = dict(targets)
        self._opt_in_level = opt_in_level
        self._clock = clock
        self._cursor_limit = cursor_limit
        self.selection = compile_selection(Entity.CUSTOMER, {*paths, *_needed_for_writing(self._targets)})
        self._page_size = self.selection.page_size(PAGE_COST)
        self._chunk = max(1, min(PAGE_LIMIT, int(PAGE_COST / (1 + self.selection.cost))))

    def scan(self, window: Window) -> Iterator[Page]:
        """Read all customers whose modification time lies in the window.

        Args:
            window: half-open; filtered exactly by the record's own time, because Shopify's filter may be coarser. A
                customer changed while it is scanned is given as first seen: give the scan an upper bound no later than
                its start, or begin the next window at its start.

        Yields:
            Pages by ascending time. The first page of an unbounded scan announces the shop's number of customers.
        """
        seen: set[int] = set()
        unbounded = window.since is None and window.until is None
        announced = self._count() if unbounded else None
        part: _Slice | None = _Slice(window.since)
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

    def _pages(self, part: _Slice) -> Iterator[tuple[list[SourceRecord], bool]]:
        """Yield records and whether they end the slice; stops early where the cursor can go no further."""
        text = (
            "query CustomersScan($first: Int!, $after: String, $search: String, $sort: CustomerSortKeys!) {"
            " customers(first: $first, after: $after, query: $search, sortKey: $sort) {"
            f" pageInfo {{ hasNextPage endCursor }} nodes {{ {self.selection.text} }} }} }}"
        )
        after: str | None = None
        read = 0
        while True:
            variables = {"first": self._page_size, "after": after, "search": part.search, "sort": part.sort}
            cost = connection_cost(self._page_size, self.selection.cost)
            connection = self._query(text, variables, "CustomersScan", cost)["customers"]
            read += len(connection["nodes"])
            more = bool(connection["pageInfo"]["hasNextPage"])
            # At the end of what a cursor reaches Shopify's "no next page" proves nothing.
            full = read + self._page_size > self._cursor_limit
            yield self._records(connection["nodes"]), not more and not full
            if full or not more:
                return
            after = connection["pageInfo"]["endCursor"]

    def _count(self) -> int | None:
        text = "query CustomersCount { customersCount(limit: null) { count precision } }"
        count = self._query(text, {}, "CustomersCount", 10)["customersCount"]
        return int(count["count"]) if count and count["precision"] == "EXACT" else None

    def fetch(self, ids: Sequence[str]) -> dict[str, SourceRecord]:
        """Read customers by id, bypassing the search index.

        Args:
            ids: global ids, or their numbers.

        Returns:
            The customers that exist, by the id as given.
        """
        fragment = f"... on Customer {{ {self.selection.text} }}"
        text = f"query CustomersById($ids: [ID!]!) {{ nodes(ids: $ids) {{ {fragment} }} }}"
        asked = {given: gid for given in dict.fromkeys(ids) if (gid := _gid(given))}
        found: dict[str, SourceRecord] = {}
        for chunk in _chunks(list(dict.fromkeys(asked.values())), self._chunk):
            cost = len(chunk) * (1 + self.selection.cost)
            nodes = self._query(text, {"ids": chunk}, "CustomersById", cost)["nodes"]
            records = self._records([node for node in nodes if node and node.get("id")])
            found.update((record.id, record) for record in records)
        return {given: found[gid] for given, gid in asked.items() if gid in found}

    def find(self, key: str, values: Sequence[str]) -> dict[str, list[SourceRecord]]:
        """Look customers up by a key, exactly and bypassing the search index.

        Args:
            key: ``email``, ``phone`` or ``metafields.$app.fw360_id``.
            values: what to look for.

        Returns:
            For each value the customer that has it; Shopify lets only one have it.

        Raises:
            SyncError: SYNC-101 for any other key.
        """
        found: dict[str, list[SourceRecord]] = {value: [] for value in values}
        wanted = [value for value in found if value.strip() and (key != "phone" or _PHONE.fullmatch(value))]
        for chunk in _chunks(wanted, min(self._chunk, LOOKUPS)):
            found.update(self._lookup(key, chunk))
        return found

    def find_counterpart(self, other_id: str) -> SourceRecord | None:
        """Return the customer that carries Framework360's id as external id.

        Args:
            other_id: Framework360's id.
        """
        found = self.find(EXTERNAL_ID_PATH, [other_id])[other_id]
        return found[0] if found else None

    def _lookup(self, key: str, values: Sequence[str]) -> dict[str, list[SourceRecord]]:
        heads, fields, variables = [], [], {}
        for number, value in enumerate(values):
            heads.append(f"$v{number}: CustomerIdentifierInput!")
            fields.append(f"c{number}: customerByIdentifier(identifier: $v{number}) {{ {self.selection.text} }}")
            variables[f"v{number}"] = _identifier(key, value)
        text = f"query CustomersByKey({', '.join(heads)}) {{ {' '.join(fields)} }}"
        cost = len(values) * (1 + self.selection.cost)
        data = self._query(text, variables, "CustomersByKey", cost)
        hits = {value: data.get(f"c{number}") for number, value in enumerate(values)}
        records = {record.id: record for record in self._records([hit for hit in hits.values() if hit])}
        return {value: [records[hit["id"]]] if hit else [] for value, hit in hits.items()}

    def create(self, fields: Mapping[str, Any], other_id: str) -> WriteResult:
        """Create a customer; repeating it with the same other_id finds the one already created.

        Args:
            fields: target fields and their values.
            other_id: Framework360's id, kept as external id and used as idempotency key.

        Returns:
            The customer as read back.

        Raises:
            SyncError: SYNC-312, with rule ``taken`` if the e-mail or phone belongs to another customer.
        """
        call = Mutation(
            key="created",
            call="customerSet(identifier: $identifier, input: $input)",
            payload="customer %s userErrors { field message code }",
            variables={
                "identifier": ("CustomerSetIdentifiers!", {"customId": _custom_id(other_id)}),
                "input": ("CustomerSetInput!", set_input(fields)),
            },
            reads_back="customer",
        )
        record = self._write("CustomerCreate", [call], f"customer framework360:{other_id}")
        assert record is not None  # noqa: S101 - the payload of customerSet holds the customer
        rest = self.update(record, after_set(fields), other_id)
        return WriteResult(rest.record, created=True, requests=1 + rest.requests)

    def update(self, current: SourceRecord, changes: Mapping[str, Any], other_id: str) -> WriteResult:
        """Write the changed fields of a customer in one request, and its external id if it is missing or another.

        Args:
            current: as read by this gateway.
            changes: target fields and their new values; None empties a field.
            other_id: Framework360's id.

        Returns:
            The customer as read back.

        Raises:
            SyncError: SYNC-312 when Shopify refuses a value, SYNC-208 when the customer is gone, SYNC-209 when the
                outcome is unknown and a repetition could add a second address.
        """
        mutations = plan_update(
            current.raw, changes, self._targets, other_id, opt_in_level=self._opt_in_level, now=self._clock()
        )
        if not mutations:
            return WriteResult(current, requests=0)
        name = f"customer shopify:{current.id}"
        try:
            record = self._write("CustomerUpdate", mutations, name)
        except SyncError as error:
            if error.record == name and not self.fetch([current.id]):
                raise SyncError(VANISHED, "the customer no longer exists in Shopify", record=name) from error
            raise
        if record is not None:
            return WriteResult(record, requests=1)
        read_back = self.fetch([current.id]).get(current.id)
        if read_back is None:
            raise SyncError(VANISHED, "the customer no longer exists in Shopify", record=name)
        return WriteResult(read_back, requests=2)

    def _write(self, operation: str, mutations: Sequence[Mutation], record: str) -> SourceRecord | None:
        variables = {name: value for mutation in mutations for name, (_, value) in mutation.variables.items()}
        reader = reading(mutations)
        try:
            data = self._client.execute(
                document(operation, mutations, self.selection.text),
                variables,
                operation_name=operation,
                idempotent=all(mutation.repeatable for mutation in mutations),
                cost=MUTATION_COST * len(mutations) + 1 + self.selection.cost,
            )
        except SyncError as error:
            raise _explained(error) from error
        refused = rejection(data, record, lambda key, error: field_name(mutations, key, error))
        if refused is not None:
            raise refused
        if reader is None or reader.reads_back is None:
            return None
        answer = (data.get(reader.key) or {}).get(reader.reads_back)
        return self._records([answer])[0] if answer and answer.get("id") else None

    def _query(self, text: str, variables: Mapping[str, Any], operation: str, cost: float) -> dict[str, Any]:
        try:
            return self._client.execute(text, variables, operation_name=operation, idempotent=True, cost=cost)
        except SyncError as error:
            raise _explained(error) from error

    def _records(self, nodes: Sequence[Mapping[str, Any]]) -> list[SourceRecord]:
        rest: list[Continuation] = []
        raws = [self.selection.flatten(node, rest) for node in nodes]
        while rest:
            self._follow(rest.pop(), rest)
        return [SourceRecord(raw["id"], raw, datetime.fromisoformat(raw["updatedAt"])) for raw in raws]

    def _follow(self, part: Continuation, rest: list[Continuation]) -> None:
        """Append the next page of a nested connection to its list."""
        name = part.node.step.name
        if part.parent_id is None:
            text = f"the list {name} of a {part.parent_type} is longer than a page and cannot be followed"
            raise SyncError(TRUNCATED, text, field=name)
        field = part.node.field_text(PAGE_LIMIT, ", after: $after")
        text = (
            "query CustomerRest($id: ID!, $after: String!) {"
            f" node(id: $id) {{ ... on {part.parent_type} {{ id {field} }} }} }}"
        )
        cost = 1 + part.node.field_cost(PAGE_LIMIT)
        data = self._query(text, {"id": part.parent_id, "after": part.cursor}, "CustomerRest", cost)
        if not data.get("node"):
            raise SyncError(
                TRUNCATED, f"the record vanished while its {name} were read", record=part.parent_id, field=name
            )
        connection = data["node"][name]
        part.into.extend(flatten(part.node, node, rest) for node in connection["nodes"])
        if connection["pageInfo"]["hasNextPage"]:
            rest.append(replace(part, cursor=connection["pageInfo"]["endCursor"]))


def _needed_for_writing(targets: Mapping[str, TargetField]) -> set[str]:
    if not targets:
        return set()
    needed = {EXTERNAL_ID_PATH, *(path for target in targets.values() for path in target.reads)}
    if any(name.startswith(ADDRESS) for name in targets):
        needed.add(f"{ADDRESS}id")
    if CONSENT in targets:
        needed.add("defaultEmailAddress.emailAddress")
    return needed


def _identifier(key: str, value: str) -> dict[str, Any]:
    if key == "email":
        return {"emailAddress": value.strip()}
    if key == "phone":
        return {"phoneNumber": value}
    if key == EXTERNAL_ID_PATH:
        return {"customId": _custom_id(value)}
    raise SyncError(
        MAPPING_INVALID, "customers can be matched in Shopify by email or phone only", field=key, rule="match"
    )


def _custom_id(other_id: str) -> dict[str, str]:
    return {"namespace": APP, "key": EXTERNAL_ID, "value": other_id}


def _explained(error: SyncError) -> SyncError:
    if error.code is SHOPIFY_QUERY and error.rule == "NOT_FOUND" and "etafield" in error.message:
        text = f"the metafield definition {APP}.{EXTERNAL_ID} is missing, run the DAG onboard_shop ({error.message})"
        return SyncError(SHOPIFY_QUERY, text, field=EXTERNAL_ID_PATH, rule=error.rule)
    return error


def _chunks(values: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _gid(given: str) -> str | None:
    text = f"gid://shopify/Customer/{given}" if given.isdigit() else given
    return text if _GID.fullmatch(text) else None


def _number(gid: str) -> int:
    return int(gid.rpartition("/")[2])


def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(record: SourceRecord) -> datetime:
    assert record.updated_at is not None  # noqa: S101 - Customer.updatedAt is non-null
    return record.updated_at


def _is_past(record: SourceRecord, window: Window) -> bool:
    return window.until is not None and _moment(record) >= window.until
