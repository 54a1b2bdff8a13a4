"""A compiled rule: from the columns of a batch to the column of one target field."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from shopify_fw360.errors import REQUIRED_MISSING, VALUE_NOT_MAPPED
from shopify_fw360.mapping.columns import Batch, Column, Expression, Step
from shopify_fw360.mapping.values import MAX_MATCHED, Invalid, kind_name
from shopify_fw360.records import UNSET, FieldType, SourceField, Unset

_EMPTY_TAGS: Final[tuple[str, ...]] = ()
_NO_ENTRIES: Final[tuple[Any, ...]] = ([], ())
_NUMBERS: Final = (FieldType.INTEGER, FieldType.DECIMAL)
_SEQUENCES: Final = (list, tuple)
_LISTS: Final = (FieldType.TAGS, FieldType.JSON)
_MAY_BE_MISSING: Final = frozenset({type(None), Unset, tuple})


@dataclass(frozen=True, slots=True)
class PathExpression:
    """The value at a path."""

    field: SourceField

    def evaluate(self, batch: Batch) -> list[Any]:
        """Read the column of the path."""
        return batch.read(self.field)


@dataclass(frozen=True, slots=True)
class ValueExpression:
    """A fixed value."""

    value: Any

    def evaluate(self, batch: Batch) -> list[Any]:
        """Return the value for each record."""
        return [self.value] * len(batch)


@dataclass(frozen=True, slots=True)
class FirstExpression:
    """The first part that has a value; unknown if none has one and any part is unknown."""

    parts: tuple[Expression, ...]

    def evaluate(self, batch: Batch) -> list[Any]:
        """Fill the gaps of each part with the next one; blank text and faulty values are gaps too."""
        result = self.parts[0].evaluate(batch)
        for part in self.parts[1:]:
            result = [
                value if value.__class__ is str and not value.isspace() else _better(value, other)
                for value, other in zip(result, part.evaluate(batch), strict=True)
            ]
        return result


@dataclass(frozen=True, slots=True)
class JoinExpression:
    """The parts that have a value as one text; unknown if none has one and any part is unknown."""

    parts: tuple[Expression, ...]
    separator: str

    def evaluate(self, batch: Batch) -> list[Any]:
        """Append part by part; a part that cannot be a text makes the whole value Invalid."""
        faults: dict[int, Invalid] = {}
        result: list[Any] = []
        for number, part in enumerate(self.parts):
            column = Column(part.evaluate(batch))
            column.to_texts()
            texts = [value.strip() if value.__class__ is str else value for value in column.spread()]
            faults = {**column.faults, **faults}
            result = list(map(self._append, result, texts)) if number else texts
        if faults:
            for row, fault in faults.items():
                result[row] = fault
        return result

    def _append(self, before: Any, text: Any) -> Any:
        if before and text:
            return f"{before}{self.separator}{text}"
        return before or text or (UNSET if before is UNSET or text is UNSET else None)


@dataclass(frozen=True, slots=True)
class AppliedExpression:
    """A part with functions of its own."""

    part: Expression
    steps: tuple[Step, ...]

    def evaluate(self, batch: Batch) -> list[Any]:
        """Run the functions; a value that breaks a rule stays in the column as an Invalid."""
        column = Column(self.part.evaluate(batch))
        for step in self.steps:
            column.run(step, batch)
        return column.spread(keep_faults=True)


def _is_gap(value: Any) -> bool:
    if value.__class__ is str:
        return value.isspace()
    return value is None or value is UNSET or value.__class__ is Invalid or value in _NO_ENTRIES


def _better(value: Any, other: Any) -> Any:
    """Choose between a value and the one of the next part."""
    if not _is_gap(value):
        return value
    if not _is_gap(other):
        return other
    for either in (value, other):
        if either.__class__ is Invalid:
            return either
    return UNSET if value is UNSET or other is UNSET else None


@dataclass(frozen=True, slots=True)
class Finish:
    """The last steps of a rule: type, length and form.

    Args:
        type: of the value.
        limit: longest text or entry in characters, None for no limit.
        pattern: the whole text must fit, None for any.
        max_items: most entries of a list, None for no limit.
        min_length: shortest text in characters, None for any.
        minimum: smallest number, None for any.
    """

    type: FieldType
    limit: int | None = None
    pattern: re.Pattern[str] | None = None
    max_items: int | None = None
    min_length: int | None = None
    minimum: Decimal | int | None = None

    def run(self, column: Column) -> None:
        """Bring the present values to their canonical form; what breaks a rule becomes a fault."""
        if self.type is FieldType.TEXT:
            column.to_texts()
            column.drop_blank()
        elif self.type is FieldType.TAGS:
            column.to_lists()
        else:
            column.convert(self.type)
        if self.limit is not None:
            self._check_length(column, self.limit)
        if self.min_length is not None and self.type is FieldType.TEXT:
            self._check_shortest(column, self.min_length)
        if self.minimum is not None and self.type in _NUMBERS:
            self._check_minimum(column, self.minimum)
        if self.pattern is not None and self.type is FieldType.TEXT:
            self._check_pattern(column, self.pattern)
        if self.max_items is not None and self.type in _LISTS:
            self._check_items(column, self.max_items)

    def check(self, value: Any) -> Any:
        """Return the canonical form of one value; raise Invalid if it breaks a rule."""
        column = Column([value])
        self.run(column)
        for fault in column.faults.values():
            raise fault
        return column.spread()[0]

    def _check_length(self, column: Column, limit: int) -> None:
        values = column.values
        lengths: Callable[[Any], int]
        if self.type is FieldType.TEXT:
            lengths = len
        elif self.type is FieldType.TAGS:
            lengths = _longest_entry
        else:
            return
        if max(map(lengths, values), default=0) > limit:
            column.reject(
                [position for position, value in enumerate(values) if lengths(value) > limit],
                lambda value: Invalid("max_length", f"{lengths(value)} characters; at most {limit} are allowed"),
            )

    def _check_shortest(self, column: Column, least: int) -> None:
        if min(map(len, column.values), default=least) < least:
            column.reject(
                [position for position, value in enumerate(column.values) if len(value) < least],
                lambda value: Invalid("min_length", f"{len(value)} characters; at least {least} are needed"),
            )

    def _check_minimum(self, column: Column, minimum: Decimal | int) -> None:
        if min(column.values, default=minimum) < minimum:
            column.reject(
                [position for position, value in enumerate(column.values) if value < minimum],
                lambda _value: Invalid("min", f"the number is below {minimum}"),
            )

    def _check_items(self, column: Column, most: int) -> None:
        numbers = [len(value) if value.__class__ in _SEQUENCES else 0 for value in column.values]
        if max(numbers, default=0) > most:
            column.reject(
                [position for position, number in enumerate(numbers) if number > most],
                lambda value: Invalid("max_items", f"{len(value)} entries; at most {most} are allowed"),
            )

    def _check_pattern(self, column: Column, pattern: re.Pattern[str]) -> None:
        def fault(value: str) -> Invalid:
            if len(value) > MAX_MATCHED:
                return Invalid("pattern", f"a text of {len(value)} characters; patterns look at {MAX_MATCHED} at most")
            return Invalid("pattern", f"the text does not fit the pattern {pattern.pattern}")

        # A careless pattern takes quadratic time, which nobody notices on texts of this length.
        fits = {value: len(value) <= MAX_MATCHED and bool(pattern.fullmatch(value)) for value in set(column.values)}
        column.reject([position for position, value in enumerate(column.values) if not fits[value]], fault)


def _longest_entry(value: tuple[str, ...]) -> int:
    return max(map(len, value), default=0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One default.

    Args:
        source: where it comes from.
        steps: functions it passes through; fixed values pass through none.
    """

    source: Expression
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class FieldColumn:
    """A target field of a whole batch.

    Args:
        values: one entry per record: canonical value, None (known to be empty), or UNSET (left out).
        faults: for rows that must be parked, why.
        omissions: for rows whose value was left out because it breaks a rule, why.
        originals: the column the rule started from, for excerpts.
        defaulted: rows whose value is a default.
    """

    values: list[Any]
    faults: dict[int, Invalid]
    omissions: dict[int, Invalid]
    originals: list[Any]
    defaulted: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A rule as the engine runs it.

    Args:
        source: where the value comes from.
        steps: functions, omissions and the map, in order.
        finish: type, length and form.
        defaults: tried in order where there is no value.
        required: whether a record without value is parked.
        park: whether a record with a value that breaks a rule is parked; otherwise the field is left out.
    """

    source: Expression
    steps: tuple[Step, ...]
    finish: Finish
    defaults: tuple[Candidate, ...] = ()
    required: bool = False
    park: bool = True

    def run(self, batch: Batch) -> FieldColumn:
        """Make the column of the target field.

        Args:
            batch: source records.

        Returns:
            The column, faults included; nothing in a record makes it raise.
        """
        originals = self.source.evaluate(batch)
        column = Column(originals)
        for step in self.steps:
            column.run(step, batch)
        self.finish.run(column)
        values = column.spread()
        if self.finish.type is FieldType.TAGS and None in values:
            values = [_EMPTY_TAGS if value is None else value for value in values]
        faults, omissions = (column.faults, {}) if self.park else ({}, column.faults)
        result = FieldColumn(values, faults, omissions, originals)
        if (self.defaults or self.required) and not _MAY_BE_MISSING.isdisjoint(map(type, values)):
            self._fill(result, batch)
        return result

    def _fill(self, result: FieldColumn, batch: Batch) -> None:
        gaps = [
            row
            for row, value in enumerate(result.values)
            if (value is None or value is UNSET or value == _EMPTY_TAGS) and row not in result.faults
        ]
        if not gaps:
            return
        result.values = result.values.copy()
        for candidate in self.defaults:
            gaps = self._try(candidate, result, batch, gaps)
            if not gaps:
                return
        if self.required:
            for row in gaps:
                result.faults[row] = Invalid("required", "there is no value", REQUIRED_MISSING)

    def _try(self, candidate: Candidate, result: FieldColumn, batch: Batch, gaps: list[int]) -> list[int]:
        part = batch.take(gaps)
        column = Column(candidate.source.evaluate(part))
        for step in candidate.steps:
            column.run(step, part)
        self.finish.run(column)
        left = []
        for row, value in zip(gaps, column.spread(), strict=True):
            if value is None or value is UNSET:
                left.append(row)
            else:
                result.values[row] = value
                result.defaulted.append(row)
        return left


_QUOTABLE = re.compile(r"[\w .,+()/&:-]{1,60}")
"""What is a word of a vocabulary rather than somebody's data."""


def map_step_function(
    table: dict[str, Any], default: Any, key: Callable[[Any], str], where: str = "the mapping file"
) -> Callable[[Any], Any]:
    """Return the function of a map.

    Args:
        table: results by text.
        default: result for other values, UNSET if they break the rule.
        key: makes the text of a value.
        where: file and line of the table, for messages.

    Returns:
        A function that raises Invalid with SYNC-203 for a value that is not in the table.
    """

    def look_up(value: Any) -> Any:
        if isinstance(value, list | tuple | dict | set):
            raise Invalid("map", f"{kind_name(value)} where a single value is expected")
        word = key(value)
        found = table.get(word, default)
        if found is UNSET:
            told = f'; add the line  "{word}": …  to it' if _QUOTABLE.fullmatch(word) else ""
            raise Invalid("map", f"the value is not in the table at {where}{told}", VALUE_NOT_MAPPED)
        return found

    return look_up
