"""Connections: pages over a table or a list, with Shopify's cursors.

A cursor is base64 JSON `{"last_id", "last_value", "n"}`: the place in the order and how many records came before it, so
that paging ends after 25,000 objects (Shopify: "cursor paging ends after 25,000 objects") and a record updated while
somebody pages moves to the end and is seen again.
"""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from sandbox.shopify.errors import ShopifyError
from sandbox.shopify.searching import Search
from sandbox.shopify.table import Place, Record, Table

SHORT_SPAN = 2_000
"""A span of so many records is read and sorted as a whole when another order is asked for."""
Page = dict[str, Any]
"""A connection: `nodes`, `cursors` (one text per node, made when asked for) and `pageInfo`."""


def table_page(table: Table, search: Search, sort: str, args: Mapping[str, Any], depth: int) -> Page:
    """Return the asked-for page of the records that match.

    Args:
        table: the records.
        search: which of them.
        sort: sort key; one the table does not know orders by id.
        args: `first`, `after`, `last`, `before`, `reverse` as given in the query.
        depth: number of objects after which paging ends.
    """
    sort = sort if table.has_sort(sort) else "ID"
    reverse = bool(args.get("reverse"))
    forwards = args.get("first") is not None
    after, seen = _cursor(args.get("after"))
    before, _ = _cursor(args.get("before"))
    low, high = (before, after) if reverse else (after, before)
    size = int(args["first"] if forwards else args["last"])
    room = max(0, min(size, depth - seen)) if forwards else size
    matches = _matches(table, search, sort, low, high, backwards=forwards == reverse)
    try:
        found = list(itertools.islice(matches, room + 1))
    except TypeError as problem:
        raise ShopifyError("The cursor belongs to another sort key.", "BAD_REQUEST") from problem
    more = len(found) > room
    found = found[:room]
    if not forwards:
        found.reverse()
    ended = forwards and seen + len(found) >= depth
    return {
        "nodes": [record for _, record in found],
        "cursors": lambda: [encode_cursor(place, seen + index) for index, (place, _) in enumerate(found, 1)],
        "pageInfo": _page_info(
            more and not ended if forwards else before is not None,
            after is not None if forwards else more,
            encode_cursor(found[0][0], seen + 1) if found else None,
            encode_cursor(found[-1][0], seen + len(found)) if found else None,
        ),
    }


def count_matches(table: Table, search: Search, limit: int | None) -> dict[str, Any]:
    """Return a `Count`: up to `limit` (None: no limit), AT_LEAST beyond it."""
    if search.everything:
        size = table.span_size("ID", None, None)
        beyond = limit is not None and size > limit
        return {"count": limit if beyond else size, "precision": "AT_LEAST" if beyond else "EXACT"}
    matches = _matches(table, search, "ID", None, None, backwards=False)
    if limit is None:
        return {"count": sum(1 for _ in matches), "precision": "EXACT"}
    found = sum(1 for _ in itertools.islice(matches, limit + 1))
    return {"count": min(found, limit), "precision": "AT_LEAST" if found > limit else "EXACT"}


def list_page(records: Sequence[Any], args: Mapping[str, Any]) -> Page:
    """Return the asked-for page of a list; a cursor is the position in it."""
    entries = list(enumerate(records))
    if args.get("reverse"):
        entries.reverse()
    order = {position: rank for rank, (position, _) in enumerate(entries)}
    after, before = _position(args.get("after")), _position(args.get("before"))
    start = 0 if after is None else order.get(after, len(entries)) + 1
    stop = len(entries) if before is None else order.get(before, 0)
    entries = entries[start:stop]
    first, last = args.get("first"), args.get("last")
    has_next, has_previous = before is not None, after is not None
    if first is not None:
        has_next, entries = len(entries) > first, entries[:first]
    elif last is not None:
        has_previous, entries = len(entries) > last, entries[len(entries) - min(last, len(entries)) :]
    return {
        "nodes": [record for _, record in entries],
        "cursors": lambda: [_list_cursor(position) for position, _ in entries],
        "pageInfo": _page_info(
            has_next,
            has_previous,
            _list_cursor(entries[0][0]) if entries else None,
            _list_cursor(entries[-1][0]) if entries else None,
        ),
    }


def opened_page(numbers: Sequence[int], args: Mapping[str, Any], table: Table) -> Page:
    """Return the asked-for page of records named by their numbers; only those of the page are read."""
    page = list_page(numbers, args)
    page["nodes"] = [table.get(number) for number in page["nodes"]]
    return page


def _list_cursor(position: int) -> str:
    return encode_cursor((position, position), position + 1)


def encode_cursor(place: Place, seen: int) -> str:
    """Return the cursor of a place."""
    return base64.b64encode(orjson.dumps({"last_id": place[1], "last_value": place[0], "n": seen})).decode()


def _cursor(text: str | None) -> tuple[Place | None, int]:
    if text is None:
        return None, 0
    try:
        content = orjson.loads(base64.b64decode(text, validate=True))
        value, number, seen = content["last_value"], content["last_id"], content["n"]
    except (binascii.Error, ValueError, KeyError, TypeError) as problem:
        raise ShopifyError(f"'{text}' is not a valid cursor.", "BAD_REQUEST") from problem
    if not isinstance(number, int) or not isinstance(seen, int) or not isinstance(value, int | str):
        raise ShopifyError(f"'{text}' is not a valid cursor.", "BAD_REQUEST")
    return (value, number), seen


def _position(text: str | None) -> int | None:
    place, _ = _cursor(text)
    return None if place is None else place[1]


def _page_info(has_next: bool, has_previous: bool, start: str | None, end: str | None) -> dict[str, Any]:  # noqa: FBT001 - fields of PageInfo
    return {"hasNextPage": has_next, "hasPreviousPage": has_previous, "startCursor": start, "endCursor": end}


def _matches(
    table: Table, search: Search, sort: str, low: Place | None, high: Place | None, *, backwards: bool
) -> Iterator[tuple[Place, Record]]:
    """Yield what matches in order, reading as few records as the search allows."""
    if search.key is not None:
        num = table.find(search.key)
        record = None if num is None else table.indexed(num)
        if record is not None and search.matches(record):
            place = table.place(sort, record)
            if (low is None or place > low) and (high is None or place < high):
                yield place, record
        return
    narrowed = _narrowest(table, search)
    if narrowed is not None and narrowed != sort:
        scanned = table.scan(narrowed, *_ends(search, narrowed, None, None))
        places = [(table.place(sort, record), record) for _, record in scanned if search.matches(record)]
        inside = [
            (place, record)
            for place, record in places
            if (low is None or place > low) and (high is None or place < high)
        ]
        yield from sorted(inside, key=_place_of, reverse=backwards)
        return
    for place, record in table.scan(sort, *_ends(search, sort, low, high), backwards=backwards):
        if search.matches(record):
            yield place, record


def _narrowest(table: Table, search: Search) -> str | None:
    """Return the order in which the search is a short span, if there is one."""
    for sort in search.spans:
        if table.has_sort(sort) and table.span_size(sort, *_ends(search, sort, None, None)) <= SHORT_SPAN:
            return sort
    return None


def _ends(search: Search, sort: str, low: Place | None, high: Place | None) -> tuple[Place | None, Place | None]:
    start, end = search.spans.get(sort, (None, None))
    lows = [place for place in (low, None if start is None else (start, -1)) if place is not None]
    highs = [place for place in (high, None if end is None else (end, -1)) if place is not None]
    return max(lows, default=None), min(highs, default=None)


def _place_of(found: tuple[Place, Record]) -> Place:
    return found[0]
