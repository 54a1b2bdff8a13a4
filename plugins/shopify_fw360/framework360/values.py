"""Single values of the wire format: tolerant reading of what a PHP back end renders, and forms as it parses them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from shopify_fw360.errors import VALUE_INVALID, SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.records import UNSET, Unset

_T = TypeVar("_T")
_FLAGS: Mapping[Any, bool] = {"1": True, "true": True, "0": False, "false": False}


def text(value: Any) -> str | Unset | None:
    """Read a text.

    Args:
        value: JSON value.

    Returns:
        The text as it is; None for every spelling of empty; UNSET for a value that cannot be a text.
    """
    if isinstance(value, str):
        return None if value.strip() in wire.EMPTY_WORDS else value
    if value is None or value is False or value in ([], {}):
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, int) and value is not True:
        return str(value)
    return UNSET


def identifier(value: Any) -> str | None:
    """Read an id, which comes as a number or as text; None if there is none."""
    read = text(value)
    return read.strip() if isinstance(read, str) else None


def flag(value: Any) -> bool | Unset | None:
    """Read a flag: 1/0, "1"/"0", true/false; None for empty, UNSET for anything else."""
    if isinstance(value, bool):
        return value
    read = text(value)
    if isinstance(read, str):
        return _FLAGS.get(read.strip().lower(), UNSET)
    return read


def texts(value: Any, key: str | None = None) -> tuple[str, ...] | Unset:
    """Read a list of texts, ids or named items.

    Args:
        value: a list, a single text, an empty value, or a list with gaps that PHP renders as an object.
        key: key of the wanted text when an item is an object.

    Returns:
        Stripped texts in their order, none twice; UNSET for a value that cannot be a list.
    """
    items: Iterable[Any]
    if isinstance(value, list):
        items = value
    elif isinstance(value, Mapping):
        if not all(str(position).isdigit() for position in value):
            return UNSET
        items = value.values()
    else:
        single = text(value)
        if isinstance(single, Unset):
            return UNSET
        items = () if single is None else (single,)
    read = (identifier(item.get(key) if key and isinstance(item, Mapping) else item) for item in items)
    return tuple(dict.fromkeys(item for item in read if item))


def mapping(value: Any) -> Mapping[str, Any] | Unset:
    """Read an object; every spelling of empty, ``[]`` included, is an empty one; UNSET for anything else."""
    if isinstance(value, Mapping):
        return value
    return {} if text(value) is None else UNSET


def moment(value: Any, zone: ZoneInfo, pattern: str) -> datetime | Unset | None:
    """Read a time.

    Args:
        value: text in the site's own format, a date, or ISO 8601.
        zone: zone of a time without offset.
        pattern: `strptime` pattern of the site's format.

    Returns:
        Aware UTC time; None for empty and for MySQL's zero date; UNSET for what is no time.
    """
    read = text(value)
    if not isinstance(read, str):
        return read
    read = read.strip()
    if read.startswith("0000-00-00"):
        return None
    for parse in (_iso, lambda given: datetime.strptime(given, pattern)):  # noqa: DTZ007 - the zone is added below
        try:
            parsed = parse(read)
            local = parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)
            return local.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return UNSET


def _iso(given: str) -> datetime:
    # A bare number such as 20260301 is ISO too, but more likely an id or a timestamp: not a time for us.
    if "-" not in given:
        raise ValueError(given)
    return datetime.fromisoformat(given)


def money(value: Any, separator: str) -> Decimal | None:
    """Read an amount.

    Args:
        value: number or text.
        separator: ``dot`` or ``comma``, the decimal separator of texts.

    Returns:
        The amount, None if there is none.
    """
    read = text(value)
    if not isinstance(read, str):
        return None
    read = read.strip()
    if separator == "comma" and isinstance(value, str):
        read = read.replace(".", "").replace(",", ".")
    try:
        amount = Decimal(read)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def integer(value: Any) -> int | Unset | None:
    """Read a whole number; None for empty, UNSET for anything else."""
    read = text(value)
    if not isinstance(read, str):
        return read
    try:
        amount = Decimal(read.strip())
    except InvalidOperation:
        return UNSET
    return int(amount) if amount.is_finite() and abs(amount) < 10**15 and amount == int(amount) else UNSET


def first_known(row: Mapping[str, Any], keys: Sequence[str], read: Callable[[Any], _T | Unset | None]) -> Any:
    """Read the first non-empty value of several keys.

    Args:
        row: JSON object.
        keys: keys in the order of their precedence.
        read: one of the readers of this module.

    Returns:
        The value; None if a key is there but all are empty; UNSET if none is there.
    """
    found: Any = UNSET
    for key in keys:
        if key in row:
            value = read(row[key])
            if value is UNSET:
                continue
            if value is not None:
                return value
            found = None
    return found


def extra_fields(value: Any, wanted: Iterable[str]) -> dict[str, str | None] | Unset:
    """Read custom fields.

    Args:
        value: of the key ``extraFields``.
        wanted: keys the caller relies on; one that is missing is known to be empty, since Framework360 deletes emptied
            keys.

    Returns:
        Texts by key; UNSET for a value that cannot be an object.
    """
    found = mapping(value)
    if isinstance(found, Unset):
        return UNSET
    decoded = {str(key): text(inner) for key, inner in found.items()}
    return {**dict.fromkeys(wanted), **{key: inner for key, inner in decoded.items() if inner is not UNSET}}


def form_pairs(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Write parameters as PHP expects them in a query or form.

    Args:
        parameters: nested JSON values, for example ``{"extraFields": {"k": "v"}, "tags": ["a"]}``.

    Returns:
        Pairs such as ``("extraFields[k]", "v")`` and ``("tags[]", "a")``.

    Raises:
        SyncError: SYNC-202 for null and for an empty list or object, which exist in JSON only.
    """
    pairs: list[tuple[str, str]] = []
    for key, value in parameters.items():
        pairs.extend(_form(key, value))
    return pairs


def _form(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _form(f"{key}[{name}]", inner)
    elif isinstance(value, list | tuple) and value:
        for position, inner in enumerate(value):
            nested = isinstance(inner, Mapping | list | tuple)
            yield from _form(f"{key}[{position}]" if nested else f"{key}[]", inner)
    elif isinstance(value, bool):
        yield key, "1" if value else "0"
    elif isinstance(value, str | int | float | Decimal):
        yield key, str(value)
    else:
        raise SyncError(
            VALUE_INVALID,
            "a form cannot carry an empty list or null; set encoding.post (or encoding.calls) to json",
            field=key,
            rule="lists are emptied in JSON only",
        )
