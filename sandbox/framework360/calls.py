"""What every operation gets, and the pages of a list. One module per group of operations registers its calls here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.framework360.answers import Answers
from sandbox.framework360.courier import Courier
from sandbox.framework360.lookups import Lookups
from sandbox.framework360.options import Options
from sandbox.framework360.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    """The site as one operation sees it.

    Args:
        store: the records.
        options: the quirk switches.
        answers: wording of answers.
        lookups: ids of what the site defines for itself.
        courier: sends webhooks.
        key: the API key of the request.
        base_url: scheme and host the caller used; the site's images are served there.
    """

    store: Store
    options: Options
    answers: Answers
    lookups: Lookups
    courier: Courier
    key: str
    base_url: str

    def now(self) -> datetime:
        """Return the current time, aware UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Call:
    """One operation.

    Args:
        function: the key function it needs, see section 2.7 of the contract; None for none.
        run: gets the context and the typed parameters; raises RefusedError. One that has to wait changes data only
            after its last `await`, so that no other request sees half of it.
        write: it may change data.
    """

    function: str | None
    run: Callable[[Context, dict[str, Any]], ApiResponse | Awaitable[ApiResponse]]
    write: bool = False


def page_of(ids: Sequence[int], parameters: dict[str, Any], options: Options, *, descending: bool) -> list[int]:
    """Cut one page.

    Args:
        ids: all ids, ascending.
        parameters: `page` and `limit`, numbers or numeric text; 0 is the first page and the default size.
        options: page sizes, repeated last page, shifting rows.
        descending: highest id first.

    Returns:
        The ids of the page in their order.
    """
    size = min(_number(parameters.get("limit")) or options.page_size, options.page_cap)
    page = max(1, _number(parameters.get("page")))
    last = max(1, -(-len(ids) // size))
    if page > last and options.last_page_repeats:
        page = last
    start = (page - 1) * size
    if page > 1:
        start = max(0, start - options.shift_rows)
    end = min(start + size, len(ids))
    if not descending:
        return list(ids[start:end])
    return [ids[len(ids) - 1 - position] for position in range(start, end)]


def _number(value: Any) -> int:
    if isinstance(value, float):
        return int(value)
    text = str(value or 0).strip()
    return int(text) if text.isdecimal() else 0
