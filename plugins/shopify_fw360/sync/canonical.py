"""Canonical JSON forms of values, for comparing, storing and fingerprinting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from itertools import islice, repeat
from operator import itemgetter
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


class _Columns:
    """Reads the same paths from many records at once, as `read_path` does, with None for what is missing.

    Args:
        records: the records, or the items of their lists.
    """

    def __init__(self, records: Sequence[Any]) -> None:
        self._records = records
        self._objects: dict[tuple[str, ...], Sequence[Any]] = {(): records}
        self._items: dict[tuple[str, ...], tuple[Sequence[Any], _Columns]] = {}

    def read(self, accessor: tuple[str, ...]) -> Sequence[Any]:
        """Return what stands at the end of an accessor, one entry per record."""
        known = self._objects.get(accessor)
        if known is None:
            known = self._objects[accessor] = self._read(accessor)
        return known

    def _read(self, accessor: tuple[str, ...]) -> Sequence[Any]:
        if "*" in accessor:
            at = accessor.index("*")
            lists, items = self._items_at(accessor[:at])
            values = iter(items.read(accessor[at + 1 :]))
            return [found if found is None else list(islice(values, len(found))) for found in lists]
        *above, key = accessor
        parents = self.read(tuple(above))
        try:
            return list(map(itemgetter(key), parents))
        except (KeyError, TypeError, IndexError):
            return [parent.get(key) if isinstance(parent, Mapping) else None for parent in parents]

    def _items_at(self, accessor: tuple[str, ...]) -> tuple[Sequence[Any], _Columns]:
        known = self._items.get(accessor)
        if known is None:
            lists = [found if isinstance(found, list | tuple) else None for found in self.read(accessor)]
            known = lists, _Columns([item for found in lists if found for item in found])
            self._items[accessor] = known
        return known


def fingerprints(
    sources: Sequence[SourceField], digest: str, raws: Sequence[Mapping[str, Any]], extras: Sequence[str]
) -> list[str]:
    """Fingerprint the content of source records that a flow would carry over.

    Args:
        sources: the fields the mapping reads.
        digest: of the mapping, so that an edited mapping makes every record new.
        raws: the source records.
        extras: of each record, further state that decides about it, for example whether the outbound filter lets it
            pass.

    Returns:
        32 hexadecimal digits each; equal content gives equal text in every process and release.
    """
    columns = _Columns(raws)
    paths = [field.path for field in sources]
    rows = zip(*(columns.read(field.accessor) for field in sources), strict=True) if paths else repeat((), len(raws))
    return [
        blake2b(
            orjson.dumps([digest, extra, dict(zip(paths, row, strict=True))], option=_OPTIONS, default=_plain),
            digest_size=16,
        ).hexdigest()
        for row, extra in zip(rows, extras, strict=True)
    ]


def fingerprint(sources: Sequence[SourceField], digest: str, raw: Mapping[str, Any], extra: str = "") -> str:
    """Fingerprint one source record; see `fingerprints`."""
    return fingerprints(sources, digest, [raw], [extra])[0]


_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def _plain(value: Any) -> Any:
    """Bring what JSON does not have to plain types; plain values never get here."""
    known = plain(value)
    return str(value) if known is value else known
