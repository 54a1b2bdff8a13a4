"""A compact index of the pinned schema, so that no task has to parse the SDL.

``python -m shopify_fw360.shopify.schema_index`` writes it anew after the SDL was refreshed.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from graphql import GraphQLField, GraphQLNamedType, GraphQLSchema

API_VERSION: Final = "2026-10"
FOLDER: Final = Path(__file__).parent / "schema"
SDL: Final = FOLDER / f"admin_{API_VERSION}.graphql"
INDEX: Final = FOLDER / f"admin_{API_VERSION}.index.json"
ROOTS: Final = ("Customer", "Product", "Order")

_SCOPE = re.compile(r"\b(?:read|write)_[a-z_]+\b")
_ACCESS = re.compile(r"access: ([^\]\"]*)")
_DEPRECATED = re.compile(r"Deprecated in the real schema: (.*)")
_PROTECTED = re.compile(r"protected customer data: (\w+)")

Index = dict[str, dict[str, Any]]
"""Type name to ``{"kind", "scopes"?, "record"?, "types"?, "fields"?}``; a field is ``{"type", "list"?, "connection"?,
"args"?, "scopes"?, "protected"?, "deprecated"?}``. Keys with nothing to say are left out. For a connection ``type`` is
the type of its nodes; ``args`` are the arguments that must be given; ``record`` says that the type has its own id;
``types`` are the object types a union or an interface stands for."""


@cache
def load_index() -> Index:
    """Return the committed index."""
    loaded: Index = json.loads(INDEX.read_text(encoding="utf-8"))
    return loaded


def build_index(sdl: str) -> Index:
    """Index all types that can be reached from the synchronised entities.

    Args:
        sdl: the pruned schema; descriptions carry ``access: ...`` and ``protected customer data: ...`` notes.

    Returns:
        The index, sorted by type and field.
    """
    from graphql import build_schema

    schema = build_schema(sdl, assume_valid=True)
    index: Index = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name in index:
            continue
        index[name] = entry = _type_entry(schema, schema.type_map[name])
        waiting.extend(field["type"] for field in entry.get("fields", {}).values())
        waiting.extend(entry.get("types", ()))
    return dict(sorted(index.items()))


def _type_entry(schema: GraphQLSchema, named: GraphQLNamedType) -> dict[str, Any]:
    from graphql import (
        GraphQLEnumType,
        GraphQLInterfaceType,
        GraphQLObjectType,
        GraphQLScalarType,
        GraphQLUnionType,
    )

    if isinstance(named, GraphQLScalarType | GraphQLEnumType):
        return {"kind": "scalar" if isinstance(named, GraphQLScalarType) else "enum"}
    entry: dict[str, Any] = {
        "kind": "object" if isinstance(named, GraphQLObjectType | GraphQLInterfaceType) else "union"
    }
    scopes = _scopes(named.description)
    if scopes:
        entry["scopes"] = scopes
    if isinstance(named, GraphQLUnionType | GraphQLInterfaceType):
        entry["types"] = sorted(kind.name for kind in schema.get_possible_types(named))
    if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        if any(interface.name == "Node" for interface in named.interfaces):
            entry["record"] = True
        entry["fields"] = {name: _field_entry(field) for name, field in sorted(named.fields.items())}
    return entry


def _field_entry(field: GraphQLField) -> dict[str, Any]:
    from graphql import GraphQLObjectType, get_named_type, get_nullable_type, is_list_type, is_required_argument

    named = get_named_type(field.type)
    entry: dict[str, Any] = {"type": named.name}
    if isinstance(named, GraphQLObjectType) and named.name.endswith("Connection") and "nodes" in named.fields:
        entry = {"type": get_named_type(named.fields["nodes"].type).name, "connection": True}
    elif is_list_type(get_nullable_type(field.type)):
        entry["list"] = True
    required = sorted(name for name, argument in field.args.items() if is_required_argument(argument))
    if required:
        entry["args"] = required
    scopes = _scopes(field.description)
    if scopes:
        entry["scopes"] = scopes
    protected = _PROTECTED.search(field.description or "")
    if protected:
        entry["protected"] = protected.group(1)
    noted = _DEPRECATED.search(field.description or "")
    if field.deprecation_reason or noted:
        entry["deprecated"] = field.deprecation_reason or (noted.group(1) if noted else "")
    return entry


def _scopes(description: str | None) -> list[str]:
    access = _ACCESS.search(description or "")
    return sorted(set(_SCOPE.findall(access.group(1)))) if access else []


def main() -> None:
    """Write the index of the committed SDL."""
    index = build_index(SDL.read_text(encoding="utf-8"))
    # One type per line keeps the file small and its differences readable.
    lines = (f"{json.dumps(name)}:{json.dumps(entry, separators=(',', ':'))}" for name, entry in index.items())
    INDEX.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
