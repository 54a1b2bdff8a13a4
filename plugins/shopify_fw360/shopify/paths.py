"""Paths of the mapping language resolved against the schema index.

A path follows GraphQL from the entity's type: ``firstName``, ``defaultAddress.city``, ``addressesV2[].city`` (a list or
connection), ``metafields.<namespace>.<key>``. Where an object can be of several types, a step names the one that is
meant: ``media[].MediaImage.alt``. Some paths are computed (`virtual`): ``variants[].quantity``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from shopify_fw360.records import Entity, FieldType, UnknownFieldError
from shopify_fw360.shopify.schema_index import load_index
from shopify_fw360.shopify.virtual import OWN_LISTS, Extra, virtual_fields, virtual_names

ROOT_TYPES: Final = {Entity.CUSTOMER: "Customer", Entity.PRODUCT: "Product", Entity.ORDER: "Order"}
METAFIELDS: Final = "metafields"

_NAMESPACE = re.compile(r"(?:\$app(?::[a-zA-Z0-9_-]+)?|[a-zA-Z0-9_-]{2,255})")
_KEY = re.compile(r"[a-zA-Z0-9_-]{2,64}")
_TYPES: Final = {
    "Int": FieldType.INTEGER,
    "BigInt": FieldType.INTEGER,
    "UnsignedInt64": FieldType.INTEGER,
    "Float": FieldType.DECIMAL,
    "Decimal": FieldType.DECIMAL,
    "Money": FieldType.DECIMAL,
    "Boolean": FieldType.FLAG,
    "DateTime": FieldType.TIME,
    "JSON": FieldType.JSON,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One field on the way.

    Args:
        name: of the field, or of the type it narrows to; the key in a record.
        type: name of its GraphQL type, for a list that of its items.
        many: whether it is a list of records or a connection, read as a list.
        connection: whether it is a connection.
        values: whether it is a list of plain values.
        narrows: whether it is no field but names one of the types the object can be of.
    """

    name: str
    type: str
    many: bool = False
    connection: bool = False
    values: bool = False
    narrows: bool = False


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """A path that exists.

    Args:
        path: as written.
        steps: objects on the way and, unless it ends in a metafield, the plain value at its end.
        metafield: namespace and key when it ends in a metafield of the object the steps lead to.
        type: of the value.
        protected: group of protected customer data, or None.
        deprecated: reasons the schema gives along the way, or None.
        scopes: for each step that asks for access the scopes of which one is needed, outermost first.
        needs: of a computed path what must be read for it; it has no steps of its own then.
        extras: of a computed path the fields that must be read for it beside those.
    """

    path: str
    steps: tuple[Step, ...]
    metafield: tuple[str, str] | None
    type: FieldType
    protected: str | None
    deprecated: str | None
    scopes: tuple[tuple[str, ...], ...]
    needs: tuple[ResolvedPath, ...] = ()
    extras: tuple[Extra, ...] = ()


def metafield_of(path: str) -> tuple[str, str]:
    """Split ``metafields.<namespace>.<key>``.

    Args:
        path: a path that begins with ``metafields.``.

    Returns:
        Namespace and key.

    Raises:
        UnknownFieldError: if it is not of that form.
    """
    parts = path.split(".")
    if len(parts) != 3 or not _NAMESPACE.fullmatch(parts[1]) or not _KEY.fullmatch(parts[2]):
        raise UnknownFieldError(path, "a metafield is written metafields.<namespace>.<key>")
    return parts[1], parts[2]


@lru_cache(maxsize=4096)  # every computed path of a sale needs the same hundred paths
def resolve(entity: Entity, path: str) -> ResolvedPath:
    """Follow a path through the schema.

    Args:
        entity: whose type the path begins at.
        path: as written in the mapping.

    Returns:
        What the path leads to.

    Raises:
        UnknownFieldError: naming the first step that does not exist and near names that do.
    """
    if path in virtual_fields(entity):
        return _computed(entity, path)
    for own in OWN_LISTS.get(entity, ()):
        if path.startswith(f"{own}."):
            near = [f"{own}.{name}" for name in virtual_names(entity, f"{own}.")]
            raise UnknownFieldError(path, f"{own} has no such field", near)
    index = load_index()
    parent = ROOT_TYPES[entity]
    steps: list[Step] = []
    scopes = [tuple(index[parent].get("scopes", ()))]
    reasons: list[str] = []
    protected: str | None = None
    parts = path.split(".")
    for position, part in enumerate(parts):
        name = part.removesuffix("[]")
        fields: dict[str, Any] = index[parent].get("fields", {})
        if part == METAFIELDS and "metafield" in fields:
            metafield = metafield_of(".".join(parts[position:]))
            return ResolvedPath(
                path, tuple(steps), metafield, FieldType.TEXT, protected, _joined(reasons), _told(scopes)
            )
        if part in index[parent].get("types", ()) and position < len(parts) - 1:
            steps.append(Step(part, part, narrows=True))
            scopes.append(tuple(index[part].get("scopes", ())))
            parent = part
            continue
        if name not in fields:
            known = [*fields, *index[parent].get("types", ()), *virtual_names(entity, _before(parts, position))]
            raise UnknownFieldError(path, f"{parent} has no field {name!r}", _near(parts, position, known))
        entry = fields[name]
        step = _step(parts, position, entry)
        steps.append(step)
        scopes += [tuple(entry.get("scopes", ())), tuple(index[step.type].get("scopes", ()))]
        reasons += [entry["deprecated"]] if "deprecated" in entry else []
        protected = entry.get("protected") or protected
        parent = step.type
        if index[parent]["kind"] in ("scalar", "enum") and position < len(parts) - 1:
            raise UnknownFieldError(path, f"{'.'.join(parts[: position + 1])} is a plain value and has no fields")
    if index[parent]["kind"] not in ("scalar", "enum"):
        known = sorted(index[parent].get("fields", {}))
        raise UnknownFieldError(path, f"is a {parent}, not a plain value", [f"{path}.{name}" for name in known[:5]])
    return ResolvedPath(path, tuple(steps), None, _value_type(steps), protected, _joined(reasons), _told(scopes))


def _computed(entity: Entity, path: str) -> ResolvedPath:
    virtual = virtual_fields(entity)[path]
    needs = tuple(resolve(entity, need) for need in virtual.needs)
    scopes = [scope for need in needs for scope in need.scopes] + [extra.scopes for extra in virtual.extras]
    return ResolvedPath(path, (), None, virtual.type, None, None, _told(scopes), needs, virtual.extras)


def _step(parts: list[str], position: int, entry: dict[str, Any]) -> Step:
    name, brackets = parts[position].removesuffix("[]"), parts[position].endswith("[]")
    path = ".".join(parts)
    if entry.get("args"):
        raise UnknownFieldError(path, f"{name} needs arguments ({', '.join(entry['args'])}), which a path cannot give")
    kind = load_index()[entry["type"]]["kind"]
    types = load_index()[entry["type"]].get("types", ())
    if kind == "union" and (position + 1 == len(parts) or parts[position + 1] not in types):
        named = [".".join([*parts[: position + 1], one, *parts[position + 1 :]]) for one in types]
        raise UnknownFieldError(path, f"{name} can be of several types, of which the path must name one", named)
    connection = bool(entry.get("connection"))
    listed = connection or bool(entry.get("list"))
    many = listed and kind in ("object", "union")
    if many != brackets:
        written = ".".join([*parts[:position], f"{name}[]" if many else name, *parts[position + 1 :]])
        raise UnknownFieldError(path, f"{name} is {'a' if many else 'not a'} list of records", [written])
    return Step(name, entry["type"], many=many, connection=connection, values=listed and not many)


def _value_type(steps: list[Step]) -> FieldType:
    last = steps[-1]
    if len(steps) == 1 and last.name == "tags":
        return FieldType.TAGS
    if last.values or any(step.many for step in steps):
        return FieldType.JSON
    return _TYPES.get(last.type, FieldType.TEXT)


def _before(parts: list[str], position: int) -> str:
    return "".join(f"{part}." for part in parts[:position])


def _near(parts: list[str], position: int, fields: Iterable[str]) -> list[str]:
    name = parts[position].removesuffix("[]")
    folded = {field.casefold(): field for field in fields}
    found = get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    return [".".join([*parts[:position], folded[near], *parts[position + 1 :]]) for near in found]


def _joined(reasons: list[str]) -> str | None:
    return " ".join(reasons) or None


def _told(scopes: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys(scope for scope in scopes if scope))
