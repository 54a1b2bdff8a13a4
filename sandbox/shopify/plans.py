"""Selections compiled to plans: the shortest way from records to an answer.

graphql-core takes some 20 µs for each field of an answer, and a page of 25 orders has ten thousand of them, most of
them amounts. A plan looks up resolvers, arguments and types once per selection and then only calls and copies. It knows
one answer only, the one without any error: whatever else comes up raises, and the caller asks graphql-core instead,
which words errors and null as the specification wants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values

from sandbox.shopify.schema import is_connection, shopify_schema
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Call = Callable[[Any], Any]


class NoPlanError(Exception):
    """The answer is not a plain one: graphql-core has to give it."""


@dataclass(frozen=True, slots=True)
class Run:
    """What all selections of one request share.

    Args:
        context: the request.
        fragments: fragments of the document, by name.
        variables: coerced variables; None where there are none.
        connections: False leaves connections out, as the lines of bulk results do.
    """

    context: Context
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues | None = None
    connections: bool = True


class Selection:
    """What is selected of a type, compiled per concrete type when a record of that type comes by.

    Args:
        kind: object, interface or union type.
        nodes: selection sets, merged.
        run: the request.
    """

    def __init__(self, kind: Any, nodes: Sequence[SelectionSetNode], run: Run) -> None:
        self._kind = kind
        self._nodes = nodes
        self._run = run
        self._plans: dict[str, list[tuple[str, Call]]] = {}

    def read(self, source: Record, type_name: str) -> dict[str, Any]:
        """Return the selected fields of a record of a concrete type.

        Raises:
            NoPlanError: there is null where there must not be, or a type that does not belong here.
            GraphQLError: a resolver refused.
        """
        plan = self._plans.get(type_name)
        if plan is None:
            plan = self._plans[type_name] = self._compile(type_name)
        return {key: call(source) for key, call in plan}

    def _compile(self, type_name: str) -> list[tuple[str, Call]]:
        concrete = shopify_schema().type_map[type_name]
        if not isinstance(concrete, GraphQLObjectType):
            raise NoPlanError(type_name)
        fields: dict[str, list[FieldNode]] = {}
        for nodes in self._nodes:
            for node in selected(concrete, nodes, self._run):
                fields.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        plan: list[tuple[str, Call]] = []
        for key, found in fields.items():
            name = found[0].name.value
            if name == "__typename":
                plan.append((key, lambda _: type_name))
            elif self._run.connections or not is_connection(get_named_type(concrete.fields[name].type)):
                plan.append((key, self._field(concrete, found)))
        return plan

    def _field(self, concrete: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Call:
        field = concrete.fields[nodes[0].name.value]
        call = caller(field, nodes[0], self._run)
        below = [node.selection_set for node in nodes if node.selection_set is not None]
        complete = _complete(field.type, below, self._run, nodes[0].name.value)
        return lambda source: complete(call(source))


def caller(field: GraphQLField, node: FieldNode, run: Run, **further: Any) -> Call:
    """Return what resolves a field of a record."""
    args: Mapping[str, Any] = {}
    if field.args or further:
        args = {**get_argument_values(field, node, run.variables), **further}
    info: Any = SimpleNamespace(context=run.context, field_name=node.name.value)
    resolve: Any = field.resolve
    if not args:
        return lambda source: resolve(source, info)
    return lambda source: resolve(source, info, **args)


def selected(concrete: GraphQLObjectType, nodes: SelectionSetNode, run: Run) -> Iterator[FieldNode]:
    """Yield the fields selected on a concrete type: fragments unfolded; other types and what is skipped left out."""
    for node in nodes.selections:
        if node.directives and not _included(node, run):
            continue
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            if condition is None or _applies(concrete, condition.name.value):
                yield from selected(concrete, node.selection_set, run)
        elif isinstance(node, FragmentSpreadNode):
            fragment = run.fragments[node.name.value]
            if _applies(concrete, fragment.type_condition.name.value):
                yield from selected(concrete, fragment.selection_set, run)


def _applies(concrete: GraphQLObjectType, name: str) -> bool:
    condition = shopify_schema().type_map[name]
    if isinstance(condition, GraphQLUnionType):
        return concrete in condition.types
    return condition is concrete or condition in concrete.interfaces


def _included(node: Any, run: Run) -> bool:
    skip = get_directive_values(GraphQLSkipDirective, node, run.variables)
    include = get_directive_values(GraphQLIncludeDirective, node, run.variables)
    return not (skip and skip["if"]) and not (include and not include["if"])


def _complete(kind: Any, nodes: Sequence[SelectionSetNode], run: Run, name: str) -> Call:
    """Return what turns a resolved value into its part of the answer."""
    if isinstance(kind, GraphQLNonNull):
        inner = _complete(kind.of_type, nodes, run, name)

        def needed(value: Any) -> Any:
            if value is None:
                raise NoPlanError(name)
            return inner(value)

        return needed
    if isinstance(kind, GraphQLList):
        each = _complete(kind.of_type, nodes, run, name)
        return lambda values: None if values is None else [each(value) for value in values]
    if isinstance(kind, GraphQLScalarType):
        write = kind.coerce_output_value
        return lambda value: None if value is None else write(value)
    if isinstance(kind, GraphQLEnumType):
        return _enum(kind)
    selection = Selection(kind, nodes, run)
    if isinstance(kind, GraphQLObjectType):
        own = kind.name
        return lambda value: None if value is None else selection.read(value, own)
    return _abstract(kind, selection, SimpleNamespace(context=run.context, field_name=name))


def _enum(kind: GraphQLEnumType) -> Call:
    known = kind.values

    def word(value: Any) -> Any:
        if value is not None and value not in known:
            raise NoPlanError(kind.name)
        return value

    return word


def _abstract(kind: GraphQLInterfaceType | GraphQLUnionType, selection: Selection, info: Any) -> Call:
    resolve_type: Any = kind.resolve_type
    possible = {entry.name for entry in shopify_schema().get_possible_types(kind)}

    def read(value: Any) -> Any:
        if value is None:
            return None
        name = resolve_type(value, info, kind)
        if name not in possible:
            raise NoPlanError(name)
        return selection.read(value, name)

    return read
