"""Reading lists whose size, order and last page the site does not tell.

A list ends on an empty page, or when two pages in a row hold nothing new (some sites repeat their last page); never on
a short page, since the site may cap the page size. One page of known rows is not enough: it may also mean that as many
rows were created meanwhile, which pushes known ones onto the next page. Rows are counted once by id.

A row that is deleted during a scan pulls the following ones forward, and one of them may slip past between two pages.
Nothing in the replies shows it. `paging.passes` of 2 reads the list again, in pages cut at other rows, and yields what
was missed; with one pass the next scan brings the row, which is why absence in one scan never counts as deletion.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.values import identifier

_log = logging.getLogger(__name__)

Rows = list[tuple[str, Mapping[str, Any]]]
"""Rows of one page with their ids."""


def scan(
    client: Framework360Client,
    call: wire.Call,
    parameters: Mapping[str, Any] | None = None,
    *,
    ahead: bool = True,
) -> Iterator[Rows]:
    """Read all pages of a list.

    Args:
        client: of the site.
        call: a list call.
        parameters: filters, without page and size.
        ahead: fetch further pages while one is worked on, as many as may be in flight; must be off in a thread of the
            client's own pool.

    Returns:
        Iterator of pages, each the rows with an id not seen before; a page without new rows is left out.

    Raises:
        SyncError: SYNC-410 after `paging.max_pages` pages; else as the client.
    """
    paging = client.options.paging
    seen: set[str] = set()
    for number in range(paging.passes):
        filters = {**(parameters or {}), wire.LIMIT: str(max(1, paging.size - number * (paging.size // 3)))}
        for rows in _one_pass(_pages(client, call, filters, ahead=ahead), call, paging.max_pages):
            fresh = [(key, row) for key, row in rows if key not in seen]
            seen.update(key for key, _row in fresh)
            if fresh:
                yield fresh


def rows_of(client: Framework360Client, body: Mapping[str, Any], call: wire.Call) -> Rows:
    """Take the rows with an id out of a reply, each id once.

    Args:
        client: of the site, for `paging.items_path`.
        body: a successful reply.
        call: for messages.

    Raises:
        SyncError: SYNC-408 if there is something else than a list where the rows should be.
    """
    found: Any = body
    for step in client.options.paging.items_path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    if found in (None, "", {}):
        return []
    if isinstance(found, Mapping):
        # PHP renders a list with gaps as an object.
        found = list(found.values())
    if not isinstance(found, list):
        raise SyncError(errors.FW360_UNAVAILABLE, f"{call.path}: the reply holds no list", rule="paging.items_path")
    with_id = {key: row for row in found if isinstance(row, Mapping) and (key := identifier(row.get(wire.ID)))}
    if len(with_id) < len(found):
        _log.warning(
            "%s: %d of %d rows have no id or the id of another row", call.path, len(found) - len(with_id), len(found)
        )
    return list(with_id.items())


def _one_pass(pages: Iterator[Rows], call: wire.Call, max_pages: int) -> Iterator[Rows]:
    seen: set[str] = set()
    stale = 0
    for number, rows in enumerate(pages, 1):
        if not rows:
            return
        fresh = [(key, row) for key, row in rows if key not in seen]
        stale = 0 if fresh else stale + 1
        if stale == 2:
            return
        if number >= max_pages:
            raise SyncError(
                errors.FW360_PAGING, f"{call.path} goes on after {max_pages} pages", rule="paging.max_pages"
            )
        seen.update(key for key, _ in fresh)
        yield fresh


def _pages(
    client: Framework360Client, call: wire.Call, parameters: Mapping[str, Any], *, ahead: bool
) -> Iterator[Rows]:
    """Fetch page after page, endlessly; the caller knows when to stop."""
    paging = client.options.paging

    def fetch(number: int) -> Rows:
        try:
            return rows_of(client, client.call(call, {**parameters, wire.PAGE: str(number)}), call)
        except SyncError as error:
            if error.code is errors.FW360_NOT_FOUND:
                return []
            raise

    if not ahead:
        number = paging.first
        while True:
            yield fetch(number)
            number += 1
    yield from _prefetched(client, fetch, paging.first)


def _prefetched(client: Framework360Client, fetch: Callable[[int], Rows], first: int) -> Iterator[Rows]:
    waiting: deque[Future[Rows]] = deque()
    number, depth = first, 1
    try:
        while True:
            while len(waiting) < depth:
                waiting.append(client.executor.submit(fetch, number))
                number += 1
            yield waiting.popleft().result()
            # Starting slowly spares a short list the requests beyond its end.
            depth = min(depth + 1, client.options.limits.in_flight)
    finally:
        for future in waiting:
            future.cancel()
