"""Types of values on their way through a rule: what can become what, and when two values are the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from shopify_fw360.mapping.model import Literals
from shopify_fw360.records import FieldType

Kind: TypeAlias = FieldType | None
"""Type of a value on its way through a rule; None if it shows only at run time."""

CONVERTIBLE: Final[Mapping[FieldType, frozenset[FieldType]]] = {
    FieldType.TEXT: frozenset(FieldType) - {FieldType.TAGS},
    FieldType.TAGS: frozenset({FieldType.TAGS, FieldType.JSON}),
    FieldType.FLAG: frozenset({FieldType.FLAG, FieldType.JSON}),
    FieldType.INTEGER: frozenset(FieldType) - {FieldType.TAGS, FieldType.TIME},
    FieldType.DECIMAL: frozenset({FieldType.DECIMAL, FieldType.INTEGER, FieldType.TEXT, FieldType.JSON}),
    FieldType.TIME: frozenset({FieldType.TIME, FieldType.TEXT, FieldType.JSON}),
    FieldType.JSON: frozenset(FieldType),
}

POLICY_TYPES: Final[Mapping[str, frozenset[FieldType]]] = {
    "union": frozenset({FieldType.TAGS}),
    "max": frozenset({FieldType.INTEGER, FieldType.DECIMAL}),
    "most_restrictive": frozenset({FieldType.FLAG}),
}


def kind_of_literal(value: Literals) -> Kind:
    """Return the type of a fixed value."""
    if isinstance(value, list):
        return FieldType.TAGS
    if isinstance(value, bool):
        return FieldType.FLAG
    if isinstance(value, int):
        return FieldType.INTEGER
    return FieldType.DECIMAL if isinstance(value, Decimal) else FieldType.TEXT


def _same_number(value: Any) -> Any:
    return value.normalize() if isinstance(value, Decimal) else value


def _same_tags(value: Any) -> Any:
    return tuple(sorted(str(entry).strip().casefold() for entry in value)) if isinstance(value, list | tuple) else value


def _same_json(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, sort_keys=True, default=str)


SAME: Final[Mapping[FieldType, Any]] = {
    **dict.fromkeys(FieldType, lambda value: value),
    FieldType.DECIMAL: _same_number,
    FieldType.TAGS: _same_tags,
    FieldType.JSON: _same_json,
}
