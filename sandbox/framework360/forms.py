"""PHP-bracket encoding: `a=1&tags[]=x&extraFields[size]=M` into nested values, typed by a JSON schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_KEYS = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"-?\d+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")

Resolve = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def parse(encoded: bytes) -> dict[str, Any]:
    """Decode a query string or form body.

    Args:
        encoded: percent-encoded UTF-8.

    Returns:
        Nested dicts with text at the leaves; `name[]` and `name[0]`, `name[1]` become lists. Of a repeated plain name
        the last value counts, as in PHP.

    Raises:
        ValueError: a name with unbalanced brackets, or one name used both as a text and as a map.
    """
    root: dict[str, Any] = {}
    for name, value in parse_qsl(encoded.decode("utf-8"), keep_blank_values=True, errors="strict"):
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"the parameter name {name!r} has unbalanced brackets")
        _put(root, [found[1], *_KEYS.findall(found[2])], value)
    return {name: _lists(value) for name, value in root.items()}


def typed(value: Any, schema: Mapping[str, Any], resolve: Resolve) -> Any:
    """Give text its type: integers, numbers, booleans (only "1" and "0") and their containers, as the schema has them.

    Args:
        value: result of `parse`.
        schema: JSON schema of the value.
        resolve: follows a "$ref".

    Returns:
        The typed value; text that does not fit stays text, for the validation to refuse.
    """
    schema = resolve(schema)
    if isinstance(value, dict):
        properties = _properties(schema, resolve)
        return {key: typed(entry, properties.get(key, {}), resolve) for key, entry in value.items()}
    if isinstance(value, list):
        return [typed(entry, schema.get("items", {}), resolve) for entry in value]
    kinds = _kinds(schema, resolve)
    if "string" in kinds or not kinds:
        return value
    if "boolean" in kinds and value in ("0", "1"):
        return value == "1"
    if "integer" in kinds and _INTEGER.fullmatch(value):
        return int(value)
    if "number" in kinds and _NUMBER.fullmatch(value):
        return float(value)
    return value


def _put(root: dict[str, Any], keys: list[str], value: str) -> None:
    target = root
    for position, key in enumerate(keys):
        slot = key if key or position == 0 else str(len(target))
        if position == len(keys) - 1:
            target[slot] = value
            return
        inner = target.setdefault(slot, {})
        if isinstance(inner, str):
            raise ValueError(f"the parameter {keys[0]!r} is used both as a text and as a map")  # noqa: TRY004 - bad input
        target = inner


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    entries = [_lists(entry) for entry in value.values()]
    if list(value) == [str(position) for position in range(len(value))]:
        return entries
    return dict(zip(value, entries, strict=True))


def _properties(schema: Mapping[str, Any], resolve: Resolve) -> dict[str, Any]:
    properties: dict[str, Any] = dict(schema.get("properties", {}))
    for branch in schema.get("oneOf", ()):
        properties.update(_properties(resolve(branch), resolve))
    return properties


def _kinds(schema: Mapping[str, Any], resolve: Resolve) -> set[str]:
    kinds: set[str] = set()
    declared = schema.get("type", [])
    kinds.update([declared] if isinstance(declared, str) else declared)
    for branch in (*schema.get("oneOf", ()), *schema.get("allOf", ())):
        kinds |= _kinds(resolve(branch), resolve)
    return kinds
