"""Canonical JSON forms of values, for comparing, storing and fingerprinting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from typing import Any, Final

import orjson

from shopify_fw360.records import UNSET, SourceField, TargetField


def plain(value: Any) -> Any:
    """Bring a value to plain JSON types.

    Args:
        value: any canonical value: text, bool, int, Decimal, aware datetime, tuple, mapping.

    Returns:
        None, bool, int, float, str, list or dict; Decimals as their shortest exact text, times in ISO 8601 UTC.
    """
    if value is None or value is UNSET or isinstance(value, bool | int | str):
        return None if value is UNSET else value
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return value


def comparable(field: TargetField, value: Any) -> Any:
    """Return the JSON form of a field's value in which equality means that the system holds the same.

    Args:
        field: the target field, whose ``same`` normalises.
        value: a canonical value; the empty text and the empty list count as None.

    Returns:
        A plain JSON value, None for empty.
    """
    if value is None or value is UNSET:
        return None
    result = plain(field.same(value))
    return None if result in ("", [], {}) else result


def read_path(raw: Any, accessor: tuple[str, ...]) -> Any:
    """Walk through a raw record.

    Args:
        raw: the record or a part of it.
        accessor: keys to follow; ``"*"`` maps over a list.

    Returns:
        The value, or UNSET where a key or a parent is missing.
    """
    value = raw
    for index, step in enumerate(accessor):
        if step == "*":
            if not isinstance(value, list | tuple):
                return UNSET
            return [read_path(item, accessor[index + 1 :]) for item in value]
        if not isinstance(value, Mapping) or step not in value:
            return UNSET
        value = value[step]
    return value


Reader = Callable[[Any], Any]


@cache
def reader_of(accessor: tuple[str, ...]) -> Reader:
    """Return a function that does what `read_path` does along the accessor, with None for what is missing.

    Args:
        accessor: keys to follow; ``"*"`` maps over a list.
    """
    if "*" in accessor:
        at = accessor.index("*")
        return _list_reader(reader_of(accessor[:at]), accessor[at + 1 :])

    def read(raw: Any) -> Any:
        for step in accessor:
            if raw.__class__ is not dict and not isinstance(raw, Mapping):
                return None
            raw = raw.get(step)
        return raw

    return read


def _list_reader(items_of: Reader, inner: tuple[str, ...]) -> Reader:
    if len(inner) == 1:
        key = inner[0]

        def read(raw: Any) -> Any:
            items = items_of(raw)
            if not isinstance(items, list | tuple):
                return None
            try:
                return [item[key] for item in items]
            except (KeyError, TypeError, IndexError):
                return [item.get(key) if isinstance(item, Mapping) else None for item in items]

        return read
    read_item = reader_of(inner)

    def read_each(raw: Any) -> Any:
        items = items_of(raw)
        return [read_item(item) for item in items] if isinstance(items, list | tuple) else None

    return read_each


def fingerprint(sources: Iterable[SourceField], digest: str, raw: Mapping[str, Any], extra: str = "") -> str:
    """Fingerprint the content of a source record that a flow would carry over.

    Args:
        sources: the fields the mapping reads.
        digest: of the mapping, so that an edited mapping makes every record new.
        raw: the source record.
        extra: further state that decides about the record, for example whether the outbound filter lets it pass.

    Returns:
        32 hexadecimal digits; equal content gives equal text in every process and release.
    """
    values = {field.path: reader_of(field.accessor)(raw) for field in sources}
    payload = orjson.dumps([digest, extra, values], option=_OPTIONS, default=_plain)
    return blake2b(payload, digest_size=16).hexdigest()


_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def _plain(value: Any) -> Any:
    """Bring what JSON does not have to plain types; plain values never get here."""
    known = plain(value)
    return str(value) if known is value else known
