"""Columns of values: how paths are read from a batch of records and how functions run over a column.

A column is a list with one entry per record. Missing entries are None (known to be empty) or UNSET (unknown). While
functions run, only the present values are kept, together with their row numbers, so that sparse fields cost little;
functions run once per distinct value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import islice, starmap
from operator import itemgetter
from types import NoneType
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from shopify_fw360.mapping.values import CONVERTERS, Invalid, are_clean_texts, kind_name, to_tags, to_text
from shopify_fw360.records import UNSET, FieldType, Raw, SourceField, Unset

_FACTORIZE_FROM: Final = 1_000
"""Below this number of values a dict finds the distinct ones faster than pandas.factorize."""

_SAMPLE: Final = 256

_LISTS: Final = frozenset({list, tuple})
_SCALARS: Final = (FieldType.FLAG, FieldType.INTEGER, FieldType.DECIMAL, FieldType.TIME)

_MISSING: Final = frozenset({NoneType, Unset})
_EMPTY: Final[Mapping[str, Any]] = {}


class _Misshapen(dict[str, Any]):
    """Stands for a parent that is no object: everything read from it is an Invalid value."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        outer = found if isinstance(found, Invalid) else None
        self._invalid = outer or Invalid("type", f"{kind_name(found)} where an object is expected")

    def get(self, key: Any, default: Any = None) -> Any:  # noqa: ARG002 - same signature as dict.get
        return self._invalid


class Batch:
    """Records that are transformed together, with the columns read from them so far.

    Args:
        records: as their system returned them.
    """

    def __init__(self, records: Sequence[Raw]) -> None:
        self._records = records
        self._objects: dict[tuple[str, ...], Sequence[Mapping[str, Any]]] = {}
        self._columns: dict[tuple[tuple[str, ...], bool], list[Any]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def take(self, rows: Sequence[int]) -> Batch:
        """Return the batch of some of the records."""
        return Batch([self._records[row] for row in rows])

    def read(self, field: SourceField) -> list[Any]:
        """Read a column; the caller must not change it.

        Args:
            field: where to find the value. An absent key, a null parent, and null in a protected field read as UNSET;
                null and the empty text in other fields read as None.

        Returns:
            One entry per record.
        """
        key = (field.accessor, field.protected)
        known = self._columns.get(key)
        if known is not None:
            return known
        values = self._raw(field.accessor)
        kinds = set(map(type, values))
        if field.protected and NoneType in kinds:
            values = [UNSET if value is None else value for value in values]
        if str in kinds and "" in values:
            values = [None if value == "" else value for value in values]
        self._columns[key] = values
        return values

    def _raw(self, accessor: tuple[str, ...]) -> list[Any]:
        if "*" in accessor:
            at = accessor.index("*")
            return [_walk(value, accessor[at:]) for value in self._raw(accessor[:at])]
        *above, key = accessor
        parents = self._parents(tuple(above))
        try:
            return list(map(itemgetter(key), parents))  # twice as fast as get, and most records tell everything
        except KeyError:
            return [parent.get(key, UNSET) for parent in parents]

    def _parents(self, accessor: tuple[str, ...]) -> Sequence[Mapping[str, Any]]:
        known = self._objects.get(accessor)
        if known is None:
            found: Sequence[Any] = self._raw(accessor) if accessor else self._records
            kinds = set(map(type, found))
            if kinds <= {dict}:
                known = found
            elif kinds <= {dict, NoneType, Unset}:
                known = [value or _EMPTY for value in found]
            else:
                known = [_as_object(value) for value in found]
            self._objects[accessor] = known
        return known


def _as_object(value: Any) -> Mapping[str, Any]:
    if value is None or value is UNSET:
        return _EMPTY
    return value if isinstance(value, Mapping) else _Misshapen(value)


def _walk(value: Any, accessor: Sequence[str]) -> Any:
    """Follow an accessor within one value; `*` collects from the entries of a list and leaves out what they lack."""
    for at, step in enumerate(accessor):
        if step == "*":
            if value is None or value is UNSET:
                return value
            if not isinstance(value, list | tuple):
                return Invalid("type", f"{kind_name(value)} where a list is expected")
            found = [_walk(entry, accessor[at + 1 :]) for entry in value]
            return [entry for entry in found if entry is not None and entry is not UNSET]
        value = _as_object(value).get(step, UNSET)
    return value


class Expression(Protocol):
    """A source of a column."""

    def evaluate(self, batch: Batch) -> list[Any]:
        """Return one entry per record; an entry may be an Invalid."""


class Mode(Enum):
    """What a step works on."""

    TEXT = "text"
    EACH = "each text of a list"
    LIST = "list"
    ANY = "any value"


@dataclass(frozen=True, slots=True)
class Step:
    """A function in its place in a rule.

    Args:
        call: takes a value and one value of each further column; returns a value, None, UNSET, or raises Invalid.
        mode: what it works on.
        more: further columns.
        total: whether it is a C function from text to text that never fails.
        gives: type whose canonical form its results have, None if that is not known.
    """

    call: Callable[..., Any]
    mode: Mode
    more: tuple[Expression, ...] = ()
    total: bool = False
    gives: FieldType | None = None


class Column:
    """The present values of a column while functions run over them.

    Args:
        values: one entry per record.
    """

    __slots__ = ("_form", "_rows", "_source", "_values", "faults")

    def __init__(self, values: list[Any]) -> None:
        self._source = values
        self._form: FieldType | None = None
        """Type whose canonical form all present values are known to have."""
        self.faults: dict[int, Invalid] = {}
        kinds = set(map(type, values))
        if kinds.isdisjoint(_MISSING):
            self._rows: Sequence[int] = range(len(values))
            self._values = values
        else:
            self._rows = [row for row, value in enumerate(values) if value is not None and value is not UNSET]
            self._values = [values[row] for row in self._rows]
        if Invalid in kinds:
            self._settle(self._values)

    @property
    def values(self) -> list[Any]:
        """The present values, in the order of their records."""
        return self._values

    def spread(self, *, keep_faults: bool = False) -> list[Any]:
        """Return the column with one entry per record; a faulty entry is UNSET, or the Invalid itself if kept."""
        if len(self._values) == len(self._source):
            return self._values
        result = self._source.copy()
        for row, fault in self.faults.items():
            result[row] = fault if keep_faults else UNSET
        for row, value in zip(self._rows, self._values, strict=True):
            result[row] = value
        return result

    def run(self, step: Step, batch: Batch) -> None:
        """Run a step over the present values."""
        if not self._values:
            return
        if step.mode is Mode.TEXT:
            self.to_texts()
        elif step.mode is not Mode.ANY:
            self.to_lists()
        if step.mode is Mode.EACH:
            self._run_each(step)
            return
        more = [_pick(column.evaluate(batch), self._rows) for column in step.more]
        results, partial = _run(step.call, self._values, more, total=step.total, form=self._form)
        texts = step.mode is Mode.TEXT and step.gives in (None, FieldType.TEXT)
        self._form = FieldType.TEXT if texts else step.gives if step.gives in _SCALARS else None
        self._settle(results) if partial else self._replace(results)

    def convert(self, kind: FieldType) -> None:
        """Bring the present values to the canonical form of a type; what cannot be brought to it becomes a fault."""
        if self._form is kind or _are_canonical(kind, self._values):
            return
        results, partial = _run(CONVERTERS[kind], self._values, [], total=False)
        self._settle(results) if partial else self._replace(results)

    def reject(self, rows_in_column: Iterable[int], fault: Callable[[Any], Invalid]) -> None:
        """Turn the values at positions among the present ones into faults."""
        positions = list(rows_in_column)
        if positions:
            results = list(self._values)
            for position in positions:
                results[position] = fault(results[position])
            self._settle(results)

    def to_texts(self) -> None:
        """Make every present value a text that any system can store; what cannot be one becomes a fault."""
        if self._form is FieldType.TEXT or not self._values:
            return
        if set(map(type, self._values)) != {str}:
            results = _guarded_all(lambda value: value if value.__class__ is str else to_text(value), self._values)
            self._settle(results) if _any_missing(results) else self._replace(results)
        if not are_clean_texts(self._values):
            self._settle(_guarded_all(to_text, self._values))
        self._form = FieldType.TEXT

    def to_lists(self) -> None:
        """Make every present value a tuple of texts as to_tags does."""
        if not self._values:
            return
        if not set(map(type, self._values)) <= {list, tuple}:
            self._settle(
                _guarded_all(lambda value: value if isinstance(value, list | tuple) else to_tags(value), self._values)
            )
        entries = [entry for value in self._values for entry in value]
        if set(map(type, entries)) <= {str} and are_clean_texts(entries):
            keys = [tuple(value) for value in self._values]
            done = {key: to_tags(key) for key in dict.fromkeys(keys)}
            self._replace([done[key] for key in keys])
        else:
            self._settle(_guarded_all(to_tags, self._values))

    def drop_blank(self) -> None:
        """Turn empty texts into None."""
        if "" in self._values:
            self._settle([value or None for value in self._values])

    def _run_each(self, step: Step) -> None:
        entries = [entry for value in self._values for entry in value]
        results, partial = _run(step.call, entries, [], total=step.total)
        stream = iter(results)
        lists: list[Any] = [tuple(islice(stream, len(value))) for value in self._values]
        if not partial:
            self._replace(lists)
            return
        for position, entries_now in enumerate(lists):
            fault = next((entry for entry in entries_now if isinstance(entry, Invalid)), None)
            lists[position] = fault or tuple(e for e in entries_now if e is not None and e is not UNSET)
        self._settle(lists)

    def _replace(self, values: list[Any]) -> None:
        self._values = values

    def _settle(self, results: list[Any]) -> None:
        """Keep what is present; move None, UNSET and faults out."""
        rows: list[int] = []
        values: list[Any] = []
        source = self._source.copy()
        for row, value in zip(self._rows, results, strict=True):
            if value is None or value is UNSET:
                source[row] = value
            elif value.__class__ is Invalid:
                self.faults[row] = value
            else:
                rows.append(row)
                values.append(value)
        self._source = source
        self._rows = rows
        self._values = values


def _are_canonical(kind: FieldType, values: list[Any]) -> bool:
    """Whether values surely are in canonical form; asked for whole columns because most of them are."""
    kinds = set(map(type, values))
    if kind is FieldType.FLAG:
        return kinds <= {bool}
    if kind is FieldType.INTEGER:
        return kinds <= {int} and max(values, default=0) < 10**18 and min(values, default=0) > -(10**18)
    if kind is FieldType.JSON and kinds <= _LISTS:
        entries = [entry for value in values for entry in value]
        if not set(map(type, entries)) <= _LISTS:
            return False
        parts = [part for entry in entries for part in entry]
        return set(map(type, parts)) <= {str} and len(parts) < _FACTORIZE_FROM * 100 and are_clean_texts(parts)
    return False


def _pick(values: list[Any], rows: Sequence[int]) -> list[str | None]:
    """Pick the entries of a further column as functions get them: the text of a plain value, else None."""
    picked = map(values.__getitem__, rows)
    return [value if value is None or value.__class__ is str else _plain_text(value) for value in picked]


def _plain_text(value: Any) -> str | None:
    if value.__class__ is bool:
        return "true" if value else "false"
    if not isinstance(value, int | Decimal | float):
        return None
    try:
        return to_text(value)
    except Invalid:
        return None


def _guarded_all(call: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    """Run a function over values; a fault takes the place of its result."""
    return _collect(map(call, values))


def _collect(stream: Iterator[Any]) -> list[Any]:
    """Collect results; a fault takes the place of a result. The stream (map, starmap) goes on after a fault."""
    results: list[Any] = []
    while True:  # one guard for all values until one fails, because a guard for each costs as much as a short function
        try:
            for result in stream:
                results.append(result)  # noqa: PERF402 - results made before a fault must be kept
        except Invalid as fault:
            results.append(fault.with_traceback(None))
        else:
            return results


def _run(
    call: Callable[..., Any], values: list[Any], more: list[list[Any]], *, total: bool, form: FieldType | None = None
) -> tuple[list[Any], bool]:
    """Run a function over values, once per distinct value where that is safe.

    Args:
        call: the function.
        values: of the column.
        more: of further columns.
        total: see Step.
        form: type whose canonical form all values are known to have.

    Returns:
        The results, and whether any of them is None, UNSET or an Invalid.
    """
    if total:
        return list(map(call, values)), False
    if more:
        if not _shareable(set(map(type, values)), form):
            results = _collect(map(call, values, *more))
            return results, _any_missing(results)
        keys = list(zip(values, *more, strict=True))
        distinct_keys = list(dict.fromkeys(keys))
        results = _collect(starmap(call, distinct_keys))
        table = dict(zip(distinct_keys, results, strict=True))
        return [table[key] for key in keys], _any_missing(results)
    kinds = set(map(type, values))
    if kinds == {str} and len(values) >= _FACTORIZE_FROM and _repeat(values):
        codes, distinct = pd.factorize(np.array(values, dtype=object))
        results = _guarded_all(call, distinct)
        lookup = np.fromiter(results, dtype=object, count=len(results))
        return lookup.take(codes).tolist(), _any_missing(results)
    if _shareable(kinds, form) and (kinds <= {bool} or kinds <= {int} or _repeat(values)):
        known = list(dict.fromkeys(values))
        results = _guarded_all(call, known)
        by_value = dict(zip(known, results, strict=True))
        return [by_value[value] for value in values], _any_missing(results)
    results = _guarded_all(call, values)
    return results, _any_missing(results)


def _shareable(kinds: set[type], form: FieldType | None) -> bool:
    """Whether equal values may share a result: those of different types (1, True, 1.0) must not."""
    if kinds <= {Decimal}:
        return form is FieldType.DECIMAL  # others may be no number at all, which cannot be looked up
    return kinds <= {str} or kinds <= {bool} or kinds <= {int}


def _repeat(values: list[Any]) -> bool:
    """Whether finding the distinct values is likely to save more than it costs, judged by the first ones."""
    sample = values[:_SAMPLE]
    return len(set(sample)) < 0.9 * len(sample)


def _any_missing(results: Iterable[Any]) -> bool:
    return not _GONE.isdisjoint(map(type, results))


_GONE: Final = frozenset({NoneType, Unset, Invalid})
