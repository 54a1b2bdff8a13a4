"""Which queries and mutations a bulk operation takes.

Shopify: at least one connection, at most 5, nested at most 2 deep below the one at the root; `edges { node }`, not
`nodes`; no `node`/`nodes` root; every parent of a nested connection selects its un-aliased `id`; no connection below a
list field; no variables; at most 65,535 bytes. A bulk mutation is one mutation, never a bulk one, with at most one
connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLNonNull,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
)

from sandbox.shopify.documents import Document, read_document
from sandbox.shopify.fields.lists import LIST_ROOTS
from sandbox.shopify.schema import is_connection, shopify_schema

MAX_BYTES = 65_535
MAX_CONNECTIONS = 5
MAX_DEPTH = 2
Fragments = Mapping[str, FragmentDefinitionNode]


def fields_of(kind: Any, selections: SelectionSetNode, fragments: Fragments) -> Iterator[tuple[Any, FieldNode]]:
    """Yield the selected fields with the type they are selected on, fragments unfolded."""
    schema = shopify_schema()
    for node in selections.selections:
        if isinstance(node, FieldNode):
            yield kind, node
        elif isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            inner = kind if condition is None else schema.get_type(condition.name.value)
            yield from fields_of(inner, node.selection_set, fragments)
        elif isinstance(node, FragmentSpreadNode):
            fragment = fragments[node.name.value]
            inner = schema.get_type(fragment.type_condition.name.value)
            yield from fields_of(inner, fragment.selection_set, fragments)


def query_problem(text: str) -> str | None:
    """Return why a text is no bulk query, None when it is one."""
    if len(text.encode()) > MAX_BYTES:
        return f"Query is too long (maximum is {MAX_BYTES} bytes)."
    document = read_document(text)
    operation = _only(document, OperationType.QUERY)
    if isinstance(operation, str):
        return operation
    if operation.variable_definitions:
        return "Bulk queries cannot contain variables."
    roots = list(fields_of(shopify_schema().query_type, operation.selection_set, document.fragments))
    if any(node.name.value in ("node", "nodes") for _, node in roots):
        return "Bulk queries cannot contain top-level `node` or `nodes` fields."
    if len(roots) != 1 or roots[0][1].name.value not in LIST_ROOTS:
        return "Bulk queries must contain exactly one top-level connection."
    return _Walk(document.fragments).problem(shopify_schema().query_type, operation.selection_set)


def mutation_problem(text: str) -> str | None:
    """Return why a text is no bulk mutation, None when it is one."""
    document = read_document(text)
    operation = _only(document, OperationType.MUTATION)
    if isinstance(operation, str):
        return operation
    roots = list(fields_of(shopify_schema().mutation_type, operation.selection_set, document.fragments))
    if len(roots) != 1 or roots[0][1].name.value.startswith("bulkOperation"):
        return "You must provide exactly one mutation, and it cannot be a bulk operation."
    if count_connections(shopify_schema().mutation_type, operation.selection_set, document.fragments) > 1:
        return "Bulk mutations cannot contain more than 1 connection."
    return None


def _only(document: Document, kind: OperationType) -> OperationDefinitionNode | str:
    if document.errors:
        return f"Invalid bulk operation: {document.errors[0]['message']}"
    operations = list(document.operations.values())
    if len(operations) != 1 or operations[0].operation is not kind:
        return f"Bulk operation must contain exactly one {kind.value}."
    return operations[0]


def count_connections(kind: Any, selections: SelectionSetNode, fragments: Fragments) -> int:
    """Return how many connections a selection asks for, at any depth."""
    count = 0
    for owner, node in fields_of(kind, selections, fragments):
        if node.selection_set is None or node.name.value.startswith("__"):
            continue
        returned = get_named_type(owner.fields[node.name.value].type)
        count += is_connection(returned) + count_connections(returned, node.selection_set, fragments)
    return count


class _Walk:
    """Looks for the first broken rule below a selection."""

    def __init__(self, fragments: Fragments) -> None:
        self._fragments = fragments
        self._connections = 0

    def problem(
        self, kind: Any, selections: SelectionSetNode, depth: int = 0, *, in_list: bool = False, has_id: bool = True
    ) -> str | None:
        for owner, node in fields_of(kind, selections, self._fragments):
            name = node.name.value
            if node.selection_set is None or name.startswith("__"):
                continue
            field = owner.fields[name]
            returned = get_named_type(field.type)
            if is_connection(returned):
                found = self._connection(name, returned, node.selection_set, depth, in_list=in_list, has_id=has_id)
            else:
                below = in_list or _is_list(field.type)
                inner_id = self._has_id(returned, node.selection_set)
                found = self.problem(returned, node.selection_set, depth, in_list=below, has_id=inner_id)
            if found:
                return found
        return None

    def _connection(
        self, name: str, kind: Any, selections: SelectionSetNode, depth: int, *, in_list: bool, has_id: bool
    ) -> str | None:
        self._connections += 1
        if in_list:
            return f"Queries that contain a connection field within a list field are not supported: '{name}'."
        if self._connections > MAX_CONNECTIONS:
            return f"Bulk queries cannot contain more than {MAX_CONNECTIONS} connections."
        if depth > MAX_DEPTH:
            return f"Bulk queries cannot contain connections with a nesting depth greater than {MAX_DEPTH}."
        if not has_id:
            return f"The parent 'node' field for a nested connection must select the 'id' field: '{name}'."
        for owner, node in fields_of(kind, selections, self._fragments):
            if node.name.value == "nodes":
                return "Bulk queries must use `edges { node }` instead of `nodes`."
            if node.name.value != "edges" or node.selection_set is None:
                continue
            edge = get_named_type(owner.fields["edges"].type)
            for edge_owner, inner in fields_of(edge, node.selection_set, self._fragments):
                if inner.name.value == "node" and inner.selection_set is not None:
                    record = get_named_type(edge_owner.fields["node"].type)
                    has = self._has_id(record, inner.selection_set)
                    found = self.problem(record, inner.selection_set, depth + 1, has_id=has)
                    if found:
                        return found
        return None

    def _has_id(self, kind: Any, selections: SelectionSetNode) -> bool:
        fields = fields_of(kind, selections, self._fragments)
        return any(node.name.value == "id" and node.alias is None for _, node in fields)


def _is_list(kind: Any) -> bool:
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    return isinstance(kind, GraphQLList)
