"""How the fields of an entity are written down, and how a record is asked for what it holds in one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from shopify_fw360.framework360 import wire
from shopify_fw360.records import FieldType, Raw, TargetField

CHILD: Final = "[]."
"""Between the name of a list of children and the field of a child: ``varianti[].sku``."""


def field(
    name: str, same: Callable[[Any], Any], kind: FieldType = FieldType.TEXT, *, reads: str | None = None, **rules: Any
) -> TargetField:
    """Make a writable field.

    Args:
        name: of the field, ``list[].field`` for a field of children.
        same: brings its values to canonical form.
        kind: type of its values.
        reads: source path of its present value, None if that is its name.
        rules: further arguments of `TargetField`.
    """
    return TargetField(name, kind, (reads or name,), same, **rules)


def by_name(*fields: TargetField) -> dict[str, TargetField]:
    """Return fields by their names."""
    return {entry.name: entry for entry in fields}


def held(target: TargetField, raw: Raw) -> Any:
    """Return what a decoded record, or a child of one, holds in a target field.

    Args:
        target: of the record, or ``list[].field`` of the child.
        raw: the record, or the child.

    Returns:
        The first non-empty value of what the field reads, or None.
    """
    for path in target.reads:
        own = path.rpartition(CHILD)[2]
        if own.startswith(wire.EXTRA_PREFIX):
            value = (raw.get(wire.EXTRA_FIELDS) or {}).get(own.removeprefix(wire.EXTRA_PREFIX))
        else:
            value = raw.get(own)
        if value not in (None, "", ()):
            return value
    return None


def extra_keys(names: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of extra fields among field names, sorted."""
    found = {name.removeprefix(wire.EXTRA_PREFIX) for name in names if name.startswith(wire.EXTRA_PREFIX)}
    return tuple(sorted(found))
