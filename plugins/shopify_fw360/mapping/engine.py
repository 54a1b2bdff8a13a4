"""Run a compiled mapping over a batch of records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from itertools import repeat
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson
import pandas as pd

from shopify_fw360.errors import REQUIRED_MISSING, ErrorCode, SyncError
from shopify_fw360.mapping.columns import Batch, Column
from shopify_fw360.mapping.compiler import CompiledMapping, FieldRule
from shopify_fw360.mapping.pipeline import FirstExpression, PathExpression
from shopify_fw360.mapping.rules import ChildMapping
from shopify_fw360.mapping.values import CONVERTERS, Invalid, excerpt, kind_name
from shopify_fw360.records import UNSET, FieldType, Raw, SourceField, Unset


class ChildRow(NamedTuple):
    """What a child of a record becomes, or what a child of a target record holds.

    Args:
        id: in the system it was read from.
        values: as those of a row.
        defaulted: as those of a row.
    """

    id: str
    values: dict[str, Any]
    defaulted: frozenset[str] = frozenset()


_NO_CHILDREN: Final[Mapping[str, tuple[ChildRow, ...]]] = MappingProxyType({})


class Row(NamedTuple):
    """What a source record becomes.

    Args:
        values: target values by field; an unknown field is absent, None (and the empty tuple of a list) is known to be
            empty.
        defaulted: fields among them whose value is a default of the mapping: it is written where the counterpart is
            created or holds nothing, and never over a value.
        children: by target list, in the order of the source.
    """

    values: dict[str, Any]
    defaulted: frozenset[str] = frozenset()
    children: Mapping[str, tuple[ChildRow, ...]] = _NO_CHILDREN


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record is parked, or a value left out.

    Args:
        index: position of the record in the batch.
        code: class of the failure.
        field: target field.
        value_excerpt: the source value, shortened and printable; personal data, for the list of parked records only.
        rule: key of the mapping that is broken.
        message: what is wrong, without personal data.
        partial: the other values, if all that is wrong is that required ones are missing. Framework360 insists on them
            when it registers a customer, not when it changes one, so a linked record goes on with these.
        display_name: what a person calls the record, as far as its other values tell.
    """

    index: int
    code: ErrorCode
    field: str
    value_excerpt: str
    rule: str
    message: str
    partial: Row | None = None
    display_name: str = ""

    def as_error(self, record: str) -> SyncError:
        """Return the failure as an error of the taxonomy.

        Args:
            record: how the error names the record, for example ``customer shopify:gid://shopify/Customer/1``.
        """
        return SyncError(self.code, self.message, record=record, field=self.field, rule=self.rule)


@dataclass(frozen=True, slots=True)
class TransformResult:
    """A transformed batch.

    Args:
        rows: one entry per source record, in order.
        omissions: values left out under ``on_invalid: omit``; their records go on without them.
    """

    rows: list[Row | Rejection]
    omissions: list[Rejection]

    def frame(self) -> pd.DataFrame:
        """Return the batch as a table.

        Returns:
            One column per target field, for children ``varianti[1].sku`` and so on, and `parked` with the reason of
            parked records.
        """
        return pd.DataFrame(
            [
                {"parked": f"{row.code.code} {row.field}: {row.message}"} if isinstance(row, Rejection) else _flat(row)
                for row in self.rows
            ],
            dtype=object,
        )


def _flat(row: Row) -> dict[str, Any]:
    children = {
        f"{name}[{place}].{field_name}": value
        for name, listed in row.children.items()
        for place, child in enumerate(listed, 1)
        for field_name, value in child.values.items()
    }
    return {**row.values, **children}


_CHUNK: Final = 2_000
"""Records transformed at once: many enough for columns to pay, few enough to stay in the processor's cache."""

_CHUNK_WITH_CHILDREN: Final = 100
"""The same of records with children, each of which takes the place of a record."""

_NOTHING_DEFAULTED: Final[frozenset[str]] = frozenset()


def transform(mapping: CompiledMapping, records: Sequence[Raw]) -> TransformResult:
    """Transform source records into target values, column by column.

    Args:
        mapping: of the flow.
        records: as the source system returned them.

    Returns:
        For each record its values or the reason it is parked (that of the first faulty field in the order of the
        file). No value in a record makes this raise, and no record influences another.
    """
    rows: list[Row | Rejection] = []
    omissions: list[Rejection] = []
    size = _CHUNK_WITH_CHILDREN if mapping.children else _CHUNK
    for start in range(0, len(records), size):
        part = _transform(mapping, records[start : start + size], start)
        rows += part.rows
        omissions += part.omissions
    return TransformResult(rows, omissions)


@dataclass(slots=True)
class _Columns:
    """What a set of rules made of a batch.

    Args:
        rows: values per row.
        faults: why rows must be parked, by row, with field and source value.
        omissions: values left out, with row, field and source value.
        defaulted: names of defaulted fields, by row.
    """

    rows: list[dict[str, Any]]
    faults: dict[int, list[tuple[str, Invalid, Any]]] = field(default_factory=dict)
    omissions: list[tuple[int, str, Invalid, Any]] = field(default_factory=list)
    defaulted: dict[int, list[str]] = field(default_factory=dict)


def _run_rules(rules: Mapping[str, FieldRule], batch: Batch) -> _Columns:
    columns = []
    result = _Columns([])
    for name, rule in rules.items():
        column = rule.pipeline.run(batch)
        columns.append(column.values)
        for row, fault in column.faults.items():
            result.faults.setdefault(row, []).append((name, fault, column.originals[row]))
        for row, fault in column.omissions.items():
            result.omissions.append((row, name, fault, column.originals[row]))
        for row in column.defaulted:
            result.defaulted.setdefault(row, []).append(name)
    result.rows = _values(list(rules), columns)
    return result


def _transform(mapping: CompiledMapping, records: Sequence[Raw], start: int) -> TransformResult:
    own = _run_rules(mapping.fields, Batch(records))
    faults, omissions = own.faults, own.omissions
    rows: list[Row | Rejection] = list(map(Row, own.rows, repeat(_NOTHING_DEFAULTED)))
    for index, names in own.defaulted.items():
        rows[index] = Row(own.rows[index], frozenset(names))
    if mapping.children:
        held: list[dict[str, tuple[ChildRow, ...]]] = [{} for _ in records]
        for child in mapping.children.values():
            _add_children(child, records, held, faults, omissions)
        for index, children in enumerate(held):
            rows[index] = rows[index]._replace(children=children)  # type: ignore[union-attr]
    for index, found in faults.items():
        name, fault, original = found[0]
        usable = all(each.code is REQUIRED_MISSING for _, each, _ in found)
        partial = rows[index] if usable else None
        rejection = _rejection(start + index, name, fault, original)
        rows[index] = replace(
            rejection,
            partial=partial if isinstance(partial, Row) else None,
            display_name=mapping.name_of(own.rows[index]),
        )
    kept = [_rejection(start + row, *rest) for row, *rest in omissions if row not in faults]
    return TransformResult(rows, sorted(kept, key=lambda item: item.index))


@dataclass(slots=True)
class _Items:
    """The items of one list of a batch of records, as one batch of their own.

    Args:
        raws: all items.
        ids: of each item.
        spans: per record the positions of its items; absent where the record does not tell its list.
        faults: records whose list is no list of records.
    """

    raws: list[Raw]
    ids: list[str]
    spans: dict[int, range]
    faults: dict[int, tuple[str, Invalid]]


def _items(list_name: str, accessor: tuple[str, ...], records: Sequence[Raw]) -> _Items:
    result = _Items([], [], {}, {})
    column = Batch(records).read(SourceField(list_name, accessor, FieldType.JSON))
    for index, found in enumerate(column):
        if found is UNSET or found is None:
            continue
        if not isinstance(found, list | tuple):
            fault = found if isinstance(found, Invalid) else None
            result.faults[index] = (
                list_name,
                fault or Invalid("type", f"{kind_name(found)} where a list is expected"),
            )
            continue
        first = len(result.raws)
        for place, item in enumerate(found, 1):
            child_id = item.get("id") if item.__class__ is dict or isinstance(item, Mapping) else None
            if child_id is None or child_id == "":
                result.faults[index] = (f"{list_name}[{place}].id", Invalid("id", "the item has no id"))
                break
            result.raws.append(item)
            result.ids.append(str(child_id))
        result.spans[index] = range(first, len(result.raws))
    return result


def _add_children(
    child: ChildMapping,
    records: Sequence[Raw],
    held: list[dict[str, tuple[ChildRow, ...]]],
    faults: dict[int, list[tuple[str, Invalid, Any]]],
    omissions: list[tuple[int, str, Invalid, Any]],
) -> None:
    items = _items(child.name, child.source_accessor, records)
    for index, (name, fault) in items.faults.items():
        faults.setdefault(index, []).append((name, fault, None))
    columns = _run_rules(child.fields, Batch(items.raws)) if items.raws else _Columns([])
    rows = list(map(ChildRow, items.ids, columns.rows, repeat(_NOTHING_DEFAULTED)))
    for at, names in columns.defaulted.items():
        rows[at] = rows[at]._replace(defaulted=frozenset(names))
    for index, span in items.spans.items():
        held[index][child.name] = tuple(rows[span.start : span.stop])
        if (number := len(span)) < child.min_items or number > (child.max_items or number):
            rule, limit = ("min_items", child.min_items) if number < child.min_items else ("max_items", child.max_items)
            words = "at least" if rule == "min_items" else "at most"
            fault = Invalid(rule, f"{number} items; {words} {limit} are allowed")
            faults.setdefault(index, []).append((child.name, fault, None))
    if not columns.faults and not columns.omissions:
        return
    owners = [(index, place) for index, span in items.spans.items() for place in range(1, len(span) + 1)]
    for at in sorted(columns.faults):
        index, place = owners[at]
        for name, fault, original in columns.faults[at]:
            faults.setdefault(index, []).append((f"{child.name}[{place}].{name}", fault, original))
    for at, name, fault, original in columns.omissions:
        index, place = owners[at]
        omissions.append((index, f"{child.name}[{place}].{name}", fault, original))


def _values(names: list[str], columns: list[list[Any]]) -> list[dict[str, Any]]:
    """Turn columns into one dict per row without the UNSET entries."""
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    for name, column in zip(names, columns, strict=True):
        if Unset in set(map(type, column)):
            for row, value in zip(rows, column, strict=True):
                if value is UNSET:
                    del row[name]
    return rows


def _rejection(index: int, name: str, fault: Invalid, original: Any) -> Rejection:
    shown = "" if original is UNSET or original is None or isinstance(original, Invalid) else excerpt(original)
    return Rejection(index, fault.code, name, shown, fault.rule, fault.message)


def read_targets(mapping: CompiledMapping, raws: Sequence[Raw]) -> list[dict[str, Any]]:
    """Read what target records hold now in the fields of a mapping.

    Args:
        mapping: of the flow.
        raws: records of the target system.

    Returns:
        For each record its present values by target field, canonical; a field that cannot be read back or is unknown
        is absent, None is known to be empty. A stored value that does not fit the field's type is brought to it by the
        field's own ``same``, and counts as unknown if that fails too.
    """
    return _present_values(mapping.fields, raws)


def read_target_children(mapping: CompiledMapping, raws: Sequence[Raw]) -> list[dict[str, tuple[ChildRow, ...]]]:
    """Read what the children of target records hold now.

    Args:
        mapping: of the flow.
        raws: records of the target system.

    Returns:
        For each record its children by target list, with values as in read_targets; a list that the record does not
        tell is absent.
    """
    result: list[dict[str, tuple[ChildRow, ...]]] = [{} for _ in raws]
    for child in mapping.children.values():
        items = _items(child.name, child.target_accessor, raws)
        values = _present_values(child.fields, items.raws)
        for index, span in items.spans.items():
            if index not in items.faults:
                result[index][child.name] = tuple(ChildRow(items.ids[at], values[at]) for at in span)
    return result


def _present_values(rules: Mapping[str, FieldRule], raws: Sequence[Raw]) -> list[dict[str, Any]]:
    if not raws:
        return []
    batch = Batch(raws)
    names, columns = [], []
    for name, rule in rules.items():
        if rule.present:
            names.append(name)
            columns.append(_present(rule, batch))
    if not names:
        return [{} for _ in raws]
    return _values(names, columns)


def _present(rule: FieldRule, batch: Batch) -> list[Any]:
    parts = tuple(PathExpression(field) for field in rule.present)
    found = (FirstExpression(parts) if len(parts) > 1 else parts[0]).evaluate(batch)
    column = Column(found)
    if rule.target.type is FieldType.TEXT:
        column.to_texts()
    elif rule.target.type is FieldType.TAGS:
        column.to_lists()
    else:
        column.convert(rule.target.type)
    values = column.spread()
    if column.faults:
        values = [_by_same(rule, found[row]) if row in column.faults else value for row, value in enumerate(values)]
    if rule.target.type is FieldType.TAGS:
        values = [() if value is None else value for value in values]
    return values


def _by_same(rule: FieldRule, value: Any) -> Any:
    if isinstance(value, Mapping | list | tuple | Invalid):
        return UNSET
    try:
        return CONVERTERS[rule.target.type](rule.target.same(value))
    except (Invalid, TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
        return UNSET


def fingerprint(mapping: CompiledMapping, values: Mapping[str, Any]) -> str:
    """Fingerprint target values: equal fingerprints mean that the systems would hold the same.

    Args:
        mapping: of the flow; its digest is part of the fingerprint.
        values: by target field; absent fields are unknown.

    Returns:
        32 hexadecimal digits, the same in every process and for every order of the values.
    """
    return fingerprints(mapping, [values])[0]


def fingerprints(mapping: CompiledMapping, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Fingerprint many records at once; arguments and returns as in fingerprint, in the order of the rows."""
    names = sorted(mapping.fields)
    columns = []
    for name in names:
        same = mapping.fields[name].target.same
        columns.append(_normalised([row.get(name, UNSET) for row in rows], same))
    start = blake2b(mapping.digest.encode(), digest_size=16)
    result = []
    for values in _values(names, columns):
        digest = start.copy()
        digest.update(_canonical_json(values))
        result.append(digest.hexdigest())
    return result


def _normalised(values: list[Any], same: Any) -> list[Any]:
    kinds = set(map(type, values))
    if kinds <= {str, type(None), Unset}:
        table = {value: same(value) if value.__class__ is str else value for value in dict.fromkeys(values)}
        return [table[value] for value in values]
    return [value if value is None or value is UNSET else same(value) for value in values]


def _canonical_json(values: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(values, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError:  # integers beyond 64 bits, half surrogate pairs: rare, and the standard library knows them
        return json.dumps(values, default=_plain, sort_keys=True).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return list(value) if isinstance(value, tuple) else str(value)
