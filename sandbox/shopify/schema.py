"""The pinned Shopify schema with a resolver on every field.

graphql-core executes; a page of 100 customers as the incremental read selects them takes about 25 ms, 250 flat records
about 15 ms, so an executor of our own would not pay. What makes it fast: documents are parsed and validated once per
text, and each field gets at start the shortest closure that does its job (read a key, or compute, and check access only
where the schema asks for it).

Every field of the schema resolves: from the registry, else from the record by its name, else to null, and where null is
not allowed to the empty value of its type (empty text, 0, false, the first enum value, an empty record, list or page).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from graphql import (
    GraphQLAbstractType,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_ast_schema,
    get_named_type,
    is_abstract_type,
    parse,
)

from sandbox.shopify.access import (
    Protected,
    Requirement,
    protected_group,
    required_scopes,
    requirement_text,
    satisfied,
)
from sandbox.shopify.connections import list_page
from sandbox.shopify.errors import ShopifyError, access_denied
from sandbox.shopify.idempotency import once
from sandbox.shopify.ids import gid, parse_gid
from sandbox.shopify.registry import RESOLVERS, Resolver
from sandbox.shopify.shop import Context
from sandbox.shopify.times import micros, shown

CONTRACT = Path(__file__).parent / "contract" / "shopify_admin_2026-10.graphql"
FieldResolver = Callable[..., Any]


@cache
def shopify_schema() -> GraphQLSchema:
    """Return the schema, built on first use and shared by every server of the process."""
    importlib.import_module("sandbox.shopify.fields")  # these two register the computed fields and the mutations
    importlib.import_module("sandbox.shopify.mutations")
    document = parse(CONTRACT.read_text(encoding="utf-8"))
    schema = build_ast_schema(document, assume_valid=True, assume_valid_sdl=True)
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLScalarType):
            _bind_scalar(kind)
        elif isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            for field_name, field in kind.fields.items():
                field.resolve = _field_resolver(schema, kind, field_name, field)
        elif isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            kind.resolve_type = _type_resolver(schema, kind)
    return schema


def is_connection(kind: Any) -> bool:
    """Tell whether a named type is a connection."""
    return isinstance(kind, GraphQLObjectType) and kind.name.endswith("Connection") and "pageInfo" in kind.fields


def node_type(connection: GraphQLObjectType) -> Any:
    """Return the named type of a connection's nodes."""
    return get_named_type(connection.fields["nodes"].type)


def field_requirement(kind: GraphQLObjectType, field: GraphQLField) -> Requirement:
    """Return the scopes a field needs: its own and those of the type it returns; a mutation brings its own only."""
    own = required_scopes(field.description)
    if kind.name == "Mutation":
        return own
    returned = get_named_type(field.type)
    if isinstance(returned, GraphQLObjectType) and is_connection(returned):
        returned = node_type(returned)
    if own or isinstance(returned, GraphQLScalarType | GraphQLEnumType):
        return own
    return required_scopes(returned.description)


def type_name_of(value: Any) -> str | None:
    """Return the type of a record: its `__typename`, else the type in its global id."""
    if "__typename" in value:
        return str(value["__typename"])
    parsed = parse_gid(str(value.get("id", "")))
    return parsed[0] if parsed else None


def _type_resolver(schema: GraphQLSchema, kind: GraphQLAbstractType) -> Callable[..., str]:
    requirements = {entry.name: required_scopes(entry.description) for entry in schema.get_possible_types(kind)}
    first = next(iter(requirements), "")

    def resolve_type(value: Any, info: GraphQLResolveInfo[Context], _: Any) -> str:
        name = type_name_of(value) or first
        requirement = requirements.get(name, ())
        if requirement and not satisfied(requirement, info.context.granted):
            raise access_denied(info.field_name, requirement_text(requirement))
        return name

    return resolve_type


def _field_resolver(schema: GraphQLSchema, kind: GraphQLObjectType, name: str, field: GraphQLField) -> FieldResolver:
    resolve = _unguarded(schema, kind, name, field)
    requirement = field_requirement(kind, field)
    if requirement:
        resolve = _scoped(resolve, name, requirement)
    group = protected_group(field.description)
    if group is not None:
        resolve = _approved(resolve, name, group, nullable=not isinstance(field.type, GraphQLNonNull))
    return resolve


def _unguarded(schema: GraphQLSchema, kind: GraphQLObjectType, name: str, field: GraphQLField) -> FieldResolver:
    if kind.name == "Mutation":
        return _mutation(name)
    computed = _computed(kind, name)
    if computed is not None:
        return _call(computed, _empty(schema, field.type) if isinstance(field.type, GraphQLNonNull) else None)
    returned = get_named_type(field.type)
    if is_connection(kind) and name == "edges":
        return _edges
    if is_connection(returned):
        return lambda source, _info, **args: list_page(source.get(name) or [], args)
    if not isinstance(field.type, GraphQLNonNull):
        return lambda source, _info, **_args: source.get(name)
    if name == "id" and kind.name != "QueryRoot":
        return lambda source, _info: source.get("id") or gid(kind.name, 0)
    empty = _empty(schema, field.type)

    def read(source: Any, _info: Any, **_args: Any) -> Any:
        value = source.get(name)
        return empty() if value is None else value

    return read


def _computed(kind: GraphQLObjectType, name: str) -> Resolver | None:
    for owner in (kind.name, *(interface.name for interface in kind.interfaces)):
        if (owner, name) in RESOLVERS:
            return RESOLVERS[owner, name]
    return None


def _call(computed: Resolver, empty: Callable[[], Any] | None) -> FieldResolver:
    def resolve(source: Any, info: GraphQLResolveInfo[Context], **args: Any) -> Any:
        value = None if isinstance(source, _StandIn) else computed(source or {}, info.context, args)
        return empty() if value is None and empty is not None else value

    return resolve


def _edges(source: Any, _info: GraphQLResolveInfo[Context]) -> list[dict[str, Any]]:
    return [{"node": node, "cursor": mark} for node, mark in zip(source["nodes"], source["cursors"](), strict=True)]


def _mutation(name: str) -> FieldResolver:
    computed = RESOLVERS.get(("Mutation", name))

    def resolve(_source: Any, info: GraphQLResolveInfo[Context], **args: Any) -> Any:
        def run() -> Any:
            if computed is None:
                raise ShopifyError(f"The sandbox does not simulate {name}.", "INTERNAL_SERVER_ERROR")
            return computed({}, info.context, args)

        return once(info, args, run)

    return resolve


def _scoped(resolve: FieldResolver, name: str, requirement: Requirement) -> FieldResolver:
    text = requirement_text(requirement)

    def guarded(source: Any, info: GraphQLResolveInfo[Context], **args: Any) -> Any:
        context: Context = info.context
        if not satisfied(requirement, context.granted):
            raise access_denied(name, text)
        return resolve(source, info, **args)

    return guarded


def _approved(resolve: FieldResolver, name: str, group: Protected, *, nullable: bool) -> FieldResolver:
    def guarded(source: Any, info: GraphQLResolveInfo[Context], **args: Any) -> Any:
        context: Context = info.context
        if group in context.hidden:
            if nullable:
                return None
            raise ShopifyError(
                f"This app is not approved to access the {name} field: protected customer data ({group}).",
                "ACCESS_DENIED",
                documentation="https://shopify.dev/docs/apps/launch/protected-customer-data",
            )
        return resolve(source, info, **args)

    return guarded


def _empty(schema: GraphQLSchema, kind: Any) -> Callable[[], Any]:
    """Return a maker of the value that stands for "nothing" where a field may not be null."""
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if isinstance(kind, GraphQLList):
        return list
    if isinstance(kind, GraphQLScalarType):
        value = _EMPTY_SCALARS.get(kind.name, "")
        return lambda: value
    if isinstance(kind, GraphQLEnumType):
        first = next(iter(kind.values))
        return lambda: first
    if is_connection(kind):
        return lambda: list_page([], {"first": 1})
    if is_abstract_type(kind):
        kind = schema.get_possible_types(kind)[0]
    type_name = kind.name
    return lambda: _StandIn(__typename=type_name)


class _StandIn(dict[str, Any]):
    """The empty record: nothing is computed from it, its fields are null or empty in turn."""


_EMPTY_SCALARS: dict[str, Any] = {
    "Int": 0,
    "Float": 0.0,
    "Boolean": False,
    "UnsignedInt64": "0",
    "BigInt": "0",
    "Decimal": "0.0",
    "Money": "0.00",
    "DateTime": 0,
    "URL": "https://sandbox-shop.myshopify.com/",
    "JSON": {},
}


def _bind_scalar(kind: GraphQLScalarType) -> None:
    if kind.name in _WRITERS:
        kind.coerce_output_value = _WRITERS[kind.name]
    if kind.name in _READERS:
        kind.coerce_input_value = _READERS[kind.name]


def _write_time(value: Any) -> Any:
    return shown(value) if isinstance(value, int) else value


def _read_time(value: Any) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as problem:
        raise GraphQLError(f"DateTime cannot represent {value!r}: ISO 8601 expected.") from problem
    if moment.tzinfo is None:
        raise GraphQLError(f"DateTime cannot represent {value!r}: no offset.")
    return micros(moment)


def _read_decimal(value: Any) -> str:
    try:
        number = Decimal(str(value))
    except InvalidOperation as problem:
        raise GraphQLError(f"Decimal cannot represent {value!r}.") from problem
    if isinstance(value, bool) or not number.is_finite():
        raise GraphQLError(f"Decimal cannot represent {value!r}.")
    return str(value)


def _read_json(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"URL cannot represent {value!r}.")
    return value


_WRITERS: dict[str, Callable[[Any], Any]] = {
    "DateTime": _write_time,
    "UnsignedInt64": str,
    "BigInt": str,
    "Decimal": str,
    "Money": str,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "DateTime": _read_time,
    "Decimal": _read_decimal,
    "Money": _read_decimal,
    "JSON": _read_json,
    "URL": _read_text,
}
