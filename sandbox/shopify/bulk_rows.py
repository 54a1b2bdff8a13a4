"""The lines of a bulk query: its selection compiled once, then run over one record after the other.

The general executor needs about 60 µs for a flat record; a bulk run has a narrow shape, so the resolvers of its fields
are looked up at start and called directly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.values import get_argument_values

from sandbox.shopify.bulk_shape import Fragments, count_connections, fields_of
from sandbox.shopify.documents import read_document
from sandbox.shopify.fields.lists import LIST_ROOTS
from sandbox.shopify.schema import is_connection, shopify_schema, type_name_of
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Line = dict[str, Any]
_ALL = 1_000_000_000
Complete = Callable[[Any], Any]


@dataclass(slots=True)
class _Field:
    key: str
    read: Callable[[Any], Any]


@dataclass(slots=True)
class _Plan:
    """What one concrete type answers: values of its line, connections whose nodes are lines, objects that hold such."""

    values: list[_Field]
    connections: list[tuple[Callable[[Any], Any], _Selection]]
    holders: list[tuple[Callable[[Any], Any], _Selection]]


class _Selection:
    """One selection set, compiled per concrete type when a record of that type comes by."""

    def __init__(self, kind: Any, nodes: SelectionSetNode, fragments: Fragments, context: Context) -> None:
        self._kind = kind
        self._nodes = nodes
        self._fragments = fragments
        self._context = context
        self._plans: dict[str, _Plan] = {}

    def line(self, source: Record) -> tuple[Line, _Plan]:
        """Return the values of a record and the plan that says which connections hang below it."""
        name = self._kind.name if isinstance(self._kind, GraphQLObjectType) else type_name_of(source) or ""
        plan = self._plans.get(name)
        if plan is None:
            plan = self._plans[name] = self._compile(name)
        return {field.key: field.read(source) for field in plan.values}, plan

    def holds_connections(self) -> bool:
        """Tell whether a connection is selected, here or in an object below."""
        return count_connections(self._kind, self._nodes, self._fragments) > 0

    def _compile(self, name: str) -> _Plan:
        schema = shopify_schema()
        concrete: Any = schema.type_map[name]
        plan = _Plan([], [], [])
        for owner, node in fields_of(self._kind, self._nodes, self._fragments):
            if owner is not concrete and owner.name != self._kind.name and owner not in concrete.interfaces:
                continue
            field_name = node.name.value
            key = node.alias.value if node.alias else field_name
            if field_name == "__typename":
                plan.values.append(_Field(key, lambda _: name))
                continue
            returned = get_named_type(concrete.fields[field_name].type)
            if is_connection(returned):
                call = _caller(concrete, node, self._context, first=_ALL)
                plan.connections.append((call, self._below(returned, node)))
            else:
                plan.values.append(_Field(key, self._value(concrete, node)))
                if node.selection_set is not None and not is_leaf_type(returned):
                    below = _Selection(returned, node.selection_set, self._fragments, self._context)
                    if below.holds_connections():
                        plan.holders.append((_caller(concrete, node, self._context), below))
        return plan

    def _below(self, connection: Any, node: FieldNode) -> _Selection:
        return node_selection(connection, node, self._fragments, self._context)

    def _value(self, concrete: Any, node: FieldNode) -> Callable[[Any], Any]:
        call = _caller(concrete, node, self._context)
        complete = self._complete(concrete.fields[node.name.value].type, node)
        return lambda source: complete(call(source))

    def _complete(self, kind: Any, node: FieldNode) -> Complete:
        if isinstance(kind, GraphQLNonNull):
            return self._complete(kind.of_type, node)
        if isinstance(kind, GraphQLList):
            inner = self._complete(kind.of_type, node)
            return lambda values: None if values is None else [inner(value) for value in values]
        if isinstance(kind, GraphQLScalarType):
            write = kind.coerce_output_value
            return lambda value: None if value is None else write(value)
        if isinstance(kind, GraphQLEnumType) or node.selection_set is None:
            return lambda value: value
        selection = _Selection(kind, node.selection_set, self._fragments, self._context)
        return lambda value: None if value is None else selection.line(value)[0]


def node_selection(connection: Any, node: FieldNode, fragments: Fragments, context: Context) -> _Selection:
    """Return the compiled `edges { node { ... } }` of a connection field."""
    for owner, edges in fields_of(connection, node.selection_set or SelectionSetNode(selections=()), fragments):
        if edges.name.value == "edges" and edges.selection_set is not None:
            edge = get_named_type(owner.fields["edges"].type)
            for edge_owner, inner in fields_of(edge, edges.selection_set, fragments):
                if inner.name.value == "node" and inner.selection_set is not None:
                    kind = get_named_type(edge_owner.fields["node"].type)
                    return _Selection(kind, inner.selection_set, fragments, context)
    raise ValueError(f"connection {node.name.value} selects no edges {{ node }}")


def _caller(kind: Any, node: FieldNode, context: Context, **further: Any) -> Callable[[Any], Any]:
    field = kind.fields[node.name.value]
    args: Mapping[str, Any] = {**get_argument_values(field, node), **further}
    info: Any = SimpleNamespace(context=context, field_name=node.name.value)
    resolve: Any = field.resolve
    return lambda source: resolve(source, info, **args)


class BulkQuery:
    """A checked bulk query text (see `bulk_shape.query_problem`) over one shop."""

    def __init__(self, text: str, context: Context) -> None:
        document = read_document(text)
        operation = next(iter(document.operations.values()))
        query: Any = shopify_schema().query_type
        _, root = next(fields_of(query, operation.selection_set, document.fragments))
        field = query.fields[root.name.value]
        args = get_argument_values(field, root)
        listed = LIST_ROOTS[root.name.value]
        self._search = listed.search(context, root.name.value, args.get("query"))
        self._table = context.shop.tables[listed.type_name]
        self._sort = args.get("sortKey", "ID")
        self._selection = node_selection(get_named_type(field.type), root, document.fragments, context)
        _caller(query, root, context, first=1)({})  # the root's own scope is checked before the first line

    def roots(self) -> Iterator[list[Line]]:
        """Yield one list per root record: its own line, then those of everything below it."""
        for number in self._table.numbers(self._sort):
            record = self._table.indexed(number)
            if record is not None and self._search.matches(record):
                lines: list[Line] = []
                _write(self._selection, record, None, lines)
                yield lines


def _write(selection: _Selection, source: Record, parent: str | None, lines: list[Line]) -> None:
    line, plan = selection.line(source)
    if parent is not None:
        line["__parentId"] = parent
    lines.append(line)
    _write_below(plan, source, line, lines)


def _write_below(plan: _Plan, source: Record, line: Line, lines: list[Line]) -> None:
    for call, below in plan.connections:
        for node in call(source)["nodes"]:
            _write(below, node, line["id"], lines)
    for call, holder in plan.holders:
        value = call(source)
        if value is not None:
            inner, inner_plan = holder.line(value)
            _write_below(inner_plan, value, inner, lines)
