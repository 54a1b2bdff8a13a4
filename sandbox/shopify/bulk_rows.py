"""The lines of a bulk query: its selection compiled once, then run over one record after the other.

A bulk run has a narrow shape: the values of a line come from a plan (see `plans`), the connections below it are lines
of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLObjectType, SelectionSetNode, get_named_type
from graphql.execution.values import get_argument_values

from sandbox.shopify.bulk_shape import count_connections, fields_of
from sandbox.shopify.documents import read_document
from sandbox.shopify.fields.lists import LIST_ROOTS
from sandbox.shopify.plans import Call, Run, Selection, caller, selected
from sandbox.shopify.schema import is_connection, shopify_schema, type_name_of
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Line = dict[str, Any]
_ALL = 1_000_000_000


@dataclass(slots=True)
class _Plan:
    """What hangs below a line: connections whose nodes are lines, objects that hold such."""

    connections: list[tuple[Call, _Selection]]
    holders: list[tuple[Call, _Selection]]


class _Selection:
    """One selection set: the values of a line, and what hangs below it."""

    def __init__(self, kind: Any, nodes: SelectionSetNode, run: Run) -> None:
        self._kind = kind
        self._nodes = nodes
        self._run = run
        self._values = Selection(kind, [nodes], run)
        self._plans: dict[str, _Plan] = {}

    def line(self, source: Record) -> tuple[Line, _Plan]:
        """Return the values of a record and the plan that says which connections hang below it."""
        name = self._kind.name if isinstance(self._kind, GraphQLObjectType) else type_name_of(source) or ""
        plan = self._plans.get(name)
        if plan is None:
            plan = self._plans[name] = self._compile(name)
        return self._values.read(source, name), plan

    def holds_connections(self) -> bool:
        """Tell whether a connection is selected, here or in an object below."""
        return count_connections(self._kind, self._nodes, self._run.fragments) > 0

    def _compile(self, name: str) -> _Plan:
        concrete: Any = shopify_schema().type_map[name]
        plan = _Plan([], [])
        for node in selected(concrete, self._nodes, self._run):
            if node.selection_set is None or node.name.value.startswith("__"):
                continue
            field = concrete.fields[node.name.value]
            returned = get_named_type(field.type)
            if is_connection(returned):
                call = caller(field, node, self._run, first=_ALL)
                plan.connections.append((call, node_selection(returned, node, self._run)))
            else:
                below = _Selection(returned, node.selection_set, self._run)
                if below.holds_connections():
                    plan.holders.append((caller(field, node, self._run), below))
        return plan


def node_selection(connection: Any, node: FieldNode, run: Run) -> _Selection:
    """Return the compiled `edges { node { ... } }` of a connection field."""
    nodes = node.selection_set or SelectionSetNode(selections=())
    for owner, edges in fields_of(connection, nodes, run.fragments):
        if edges.name.value == "edges" and edges.selection_set is not None:
            edge = get_named_type(owner.fields["edges"].type)
            for edge_owner, inner in fields_of(edge, edges.selection_set, run.fragments):
                if inner.name.value == "node" and inner.selection_set is not None:
                    kind = get_named_type(edge_owner.fields["node"].type)
                    return _Selection(kind, inner.selection_set, run)
    raise ValueError(f"connection {node.name.value} selects no edges {{ node }}")


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
        run = Run(context, document.fragments, connections=False)
        self._selection = node_selection(get_named_type(field.type), root, run)
        caller(field, root, run, first=1)({})  # the root's own scope is checked before the first line

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
