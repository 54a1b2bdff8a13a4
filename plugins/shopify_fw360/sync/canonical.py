"""Canonical JSON forms of values, for comparing, storing and fingerprinting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

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
    values = {field.path: plain(read_path(raw, field.accessor)) for field in sources}
    payload = orjson.dumps([digest, extra, values], option=orjson.OPT_SORT_KEYS, default=str)
    return blake2b(payload, digest_size=16).hexdigest()
