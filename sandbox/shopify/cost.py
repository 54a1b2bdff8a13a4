"""Query cost and the limits that are checked before anything runs.

The rules are the empirical ones of recorded live answers: scalars and value objects 0, an object with its own id 1, a
metafield, the default e-mail address and the default phone number 1, a connection of n objects 2 + f(n) x (1 + cost of
one node) with f(n) = max(1, floor(2 ln n)), counts 10, a mutation 10 with the payload's own records free. The actual
cost follows the same rules with the sizes that came back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values

from sandbox.shopify.errors import ShopifyError
from sandbox.shopify.schema import is_connection

MAX_PAGE = 250
MAX_INPUT = 250
_SPECIAL = {
    ("Customer", "defaultEmailAddress"): 1,
    ("Customer", "defaultPhoneNumber"): 1,
    ("Order", "transactions"): 1,
    ("Order", "fulfillments"): 2,
}


def page_factor(size: int) -> int:
    """Return how many times a page of this size pays for a node."""
    return max(1, math.floor(2 * math.log(size))) if size > 0 else 0


def _input_cost(given: Mapping[str, Any]) -> float:
    """Return what productSet pays for its input (Shopify: in the schema's cost metadata)."""
    variants = given.get("variants") or []
    files = sum(1 for variant in variants if variant.get("file"))
    metafields = len(given.get("metafields") or []) + sum(len(variant.get("metafields") or []) for variant in variants)
    return 0.2 * len(variants) + 1.9 * len(given.get("files") or []) + 0.4 * metafields + 0.6 * files


@dataclass(slots=True)
class Costed:
    """One field that costs something, or holds fields that do.

    Args:
        path: response keys from the root.
        key: response key.
        own: points of the field itself.
        size: objects asked for by a connection or a list of ids; None for others.
        connection: True for a connection.
        parts: fields below; those of a connection's nodes and edges are apart.
    """

    path: tuple[str, ...]
    key: str
    own: int = 0
    size: int | None = None
    connection: bool = False
    parts: list[Costed] = field(default_factory=list)

    def requested(self) -> float:
        """Return the points before execution."""
        below = sum(part.requested() for part in self.parts)
        if self.size is None:
            return self.own + below
        if not self.connection:
            return self.size * (self.own + below)
        return 2 + page_factor(self.size) * sum(1 + part.requested() for part in self.parts)

    def actual(self, data: Any) -> float:
        """Return the points of what came back at this field."""
        value = data.get(self.key) if isinstance(data, dict) else None
        if value is None:
            return 0.0
        if not self.connection:
            values = value if isinstance(value, list) else [value]
            found = [entry for entry in values if entry is not None]
            below = sum(part.actual(entry) for entry in found for part in self.parts)
            return (self.own * len(found) if self.size is not None else self.own) + below
        total = 2.0
        for part in self.parts:
            nodes = value.get(part.key) or []
            below = sum(inner.actual(node) for node in nodes for inner in part.parts)
            total += page_factor(len(nodes)) * (1 + (below / len(nodes) if nodes else 0))
        return total

    def fields(self) -> Iterator[dict[str, Any]]:
        """Yield the per-field list of `Shopify-GraphQL-Cost-Debug`."""
        yield {
            "path": list(self.path),
            "definedCost": self.own,
            "requestedTotalCost": round(self.requested()),
            "requestedChildrenCost": round(self.requested() - self.own),
        }
        for part in self.parts:
            yield from part.fields()


class Analysis:
    """One operation, weighed and checked.

    Args:
        schema: the schema.
        operation: the operation to run.
        fragments: fragments of its document, by name.
        variables: coerced variables.

    Attributes:
        fragments, variables: as given.
        roots: the costed root fields.
        errors: broken limits; with any of them nothing may run.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self.fragments = fragments
        self.variables = variables
        self._mutation = operation.operation is OperationType.MUTATION
        self.errors: list[GraphQLError] = []
        root = schema.get_root_type(operation.operation)
        self.roots = self._walk(root, operation.selection_set, ())

    def requested(self) -> int:
        """Return the requested query cost in points."""
        return max(1 if self.roots else 0, round(sum(part.requested() for part in self.roots)))

    def actual(self, data: Mapping[str, Any] | None) -> int:
        """Return the actual query cost of an answer."""
        return min(self.requested(), round(sum(part.actual(data) for part in self.roots)))

    def _walk(self, kind: Any, selections: SelectionSetNode, path: tuple[str, ...]) -> list[Costed]:
        found: dict[str, Costed] = {}
        for owner, node in self._fields(kind, selections):
            definition = owner.fields.get(node.name.value)
            if definition is None or node.name.value.startswith("__"):
                continue
            key = node.alias.value if node.alias else node.name.value
            costed = self._field(owner, node, (*path, key))
            if costed.requested() > 0 or costed.connection:
                known = found.setdefault(key, costed)
                if known is not costed:
                    known.parts += [part for part in costed.parts if part.key not in {one.key for one in known.parts}]
        return list(found.values())

    def _field(self, owner: Any, node: FieldNode, path: tuple[str, ...]) -> Costed:
        definition = owner.fields[node.name.value]
        returned = get_named_type(definition.type)
        try:
            args = get_argument_values(definition, node, self.variables)
        except GraphQLError as problem:
            self.errors.append(problem)
            args = {}
        self._check_input(args, path, node)
        costed = Costed(path, path[-1], connection=is_connection(returned))
        if costed.connection:
            costed.size = self._page_size(args, path, node)
        if node.selection_set is None:
            return costed
        if is_connection(returned):
            costed.parts = self._connection_parts(returned, node.selection_set, path)
            return costed
        costed.own = self._own(owner, node.name.value, returned, path)
        if node.name.value == "productSet":
            costed.own += round(_input_cost(args.get("input") or {}))
        if owner.name == "QueryRoot" and node.name.value == "nodes":
            costed.size = len(args.get("ids") or [])
        costed.parts = self._walk(returned, node.selection_set, path)
        return costed

    def _connection_parts(
        self, kind: GraphQLObjectType, selections: SelectionSetNode, path: tuple[str, ...]
    ) -> list[Costed]:
        """Return the nodes and the edges of a connection; each pays for its nodes."""
        parts = []
        for owner, node in self._fields(kind, selections):
            name = node.name.value
            if name not in ("nodes", "edges") or node.selection_set is None:
                continue
            key = node.alias.value if node.alias else name
            below = self._walk(get_named_type(owner.fields[name].type), node.selection_set, (*path, key))
            if name == "edges":
                for part in below:
                    part.own = 0
            parts.append(Costed((*path, key), key, parts=below))
        return parts

    def _own(self, owner: Any, name: str, returned: Any, path: tuple[str, ...]) -> int:
        if owner.name == "Mutation":
            return 10
        if owner.name == "QueryRoot" and getattr(returned, "name", "") == "Count":
            return 10
        if (owner.name, name) in _SPECIAL:
            return _SPECIAL[owner.name, name]
        if self._mutation and len(path) == 2:
            return 0
        has_id = isinstance(returned, GraphQLObjectType | GraphQLInterfaceType) and "id" in returned.fields
        return 1 if has_id else 0

    def _page_size(self, args: Mapping[str, Any], path: tuple[str, ...], node: FieldNode) -> int:
        for name in ("first", "last"):
            size = args.get(name)
            if size is None:
                continue
            if size > MAX_PAGE:
                self._refuse(f"{name} cannot exceed {MAX_PAGE}", path, node)
            elif size < 0:
                self._refuse(f"{name} cannot be negative", path, node)
            return int(min(max(size, 0), MAX_PAGE))
        self._refuse("you must provide one of first or last", path, node)
        return 0

    def _refuse(self, message: str, path: tuple[str, ...], node: FieldNode) -> None:
        error = ShopifyError(message, "BAD_REQUEST")
        self.errors.append(GraphQLError(message, [node], path=list(path), extensions=error.extensions))

    def _check_input(self, value: Any, path: tuple[str, ...], node: FieldNode) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                self._check_input(inner, (*path, str(name)), node)
        elif isinstance(value, list):
            if len(value) > MAX_INPUT and not (
                node.name.value == "productSet" and path[-1] == "variants" and len(value) <= 2048
            ):
                message = f"The input array size of {len(value)} is greater than the maximum allowed of {MAX_INPUT}."
                extensions = {"code": "MAX_INPUT_SIZE_EXCEEDED"}
                self.errors.append(GraphQLError(message, [node], path=list(path), extensions=extensions))
            for index, inner in enumerate(value):
                self._check_input(inner, (*path, str(index)), node)

    def _fields(self, kind: Any, selections: SelectionSetNode) -> Iterator[tuple[Any, FieldNode]]:
        """Yield the selected fields with the type that owns them, fragments unfolded, skipped ones left out."""
        for node in selections.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                if hasattr(kind, "fields"):
                    yield kind, node
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                inner = kind if condition is None else self._schema.get_type(condition.name.value)
                yield from self._fields(inner, node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                inner = self._schema.get_type(fragment.type_condition.name.value)
                yield from self._fields(inner, fragment.selection_set)

    def _included(self, node: Any) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return not (skip and skip["if"]) and not (include and not include["if"])
