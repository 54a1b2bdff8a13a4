"""The GraphQL selection that reads a set of paths, its cost, and how its answers become plain records."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shopify_fw360.records import Entity
from shopify_fw360.shopify.paths import METAFIELDS, ROOT_TYPES, ResolvedPath, Step, resolve
from shopify_fw360.shopify.schema_index import load_index

NESTED_PAGE: Final = 50
"""Records of a nested connection read at once; longer ones are followed."""

PAGE_LIMIT: Final = 250
"""Shopify: ``first`` may be at most 250."""

_ROOT_FIELDS: Final = ("id", "updatedAt", "legacyResourceId")
_CHARGED_LISTS: Final = {"OrderTransaction": 1, "Fulfillment": 2}
_CHARGED_VALUES: Final = frozenset({"CustomerEmailAddress", "CustomerPhoneNumber"})


@dataclass(slots=True)
class Node:
    """One object type in a selection.

    Args:
        step: how the parent reaches it.
        children: objects below it by field name.
        values: plain fields.
        metafields: namespaces and keys.
    """

    step: Step
    children: dict[str, Node] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)
    metafields: set[tuple[str, str]] = field(default_factory=set)

    @property
    def is_record(self) -> bool:
        """Whether the object has its own id, by which it can be read again."""
        return bool(load_index()[self.step.type].get("record"))

    def aliases(self) -> dict[str, tuple[str, str]]:
        """Return alias to namespace and key of each metafield."""
        return {f"metafield_{number}": pair for number, pair in enumerate(sorted(self.metafields))}

    def text(self) -> str:
        """Return the selection set without its braces."""
        parts = sorted(self.values)
        parts += [
            f"{alias}: metafield(namespace: {json.dumps(namespace)}, key: {json.dumps(key)}) {{ value }}"
            for alias, (namespace, key) in self.aliases().items()
        ]
        parts += [self.children[name].field_text(NESTED_PAGE) for name in sorted(self.children)]
        return " ".join(parts)

    def field_text(self, first: int, after: str = "") -> str:
        """Return the field that reaches this object, with its selection set.

        Args:
            first: page size if it is a connection.
            after: further arguments of a connection, for example ``, after: $after``.
        """
        if not self.step.connection:
            return f"{self.step.name} {{ {self.text()} }}"
        page = f"pageInfo {{ hasNextPage endCursor }} nodes {{ {self.text()} }}"
        return f"{self.step.name}(first: {first}{after}) {{ {page} }}"

    def cost(self) -> float:
        """Return the points of what is selected below the object (Shopify: rules fitted on recorded answers)."""
        return len(self.metafields) + sum(child.field_cost(NESTED_PAGE) for child in self.children.values())

    def field_cost(self, first: int) -> float:
        """Return the points of the field that reaches this object; ``first`` is the page size of a connection."""
        if self.step.connection:
            return connection_cost(first, self.cost())
        if self.step.many and self.step.type in _CHARGED_LISTS:
            return _CHARGED_LISTS[self.step.type] + self.cost()
        own = 1 if self.is_record or self.step.type in _CHARGED_VALUES else 0
        return own + self.cost()


@dataclass(frozen=True, slots=True)
class Continuation:
    """A nested connection that was longer than its page.

    Args:
        parent_type: GraphQL type of the record it belongs to.
        parent_id: id of that record, None if it has none and the rest cannot be read.
        node: the connection.
        cursor: where the page ended.
        into: the list in the flattened record to be completed.
    """

    parent_type: str
    parent_id: str | None
    node: Node
    cursor: str
    into: list[Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is read of each record of an entity.

    Args:
        entity: the entity.
        type: its GraphQL type.
        text: selection set without braces.
        scopes: requirements, each a tuple of scopes of which one is needed.
        cost: points of one record, without the point of the record itself.
        root: the tree behind the text.
    """

    entity: Entity
    type: str
    text: str
    scopes: frozenset[tuple[str, ...]]
    cost: float
    root: Node

    def flatten(self, answer: Mapping[str, Any], rest: list[Continuation]) -> dict[str, Any]:
        """Turn one object of an answer into a plain record: connections become lists, metafields nested objects.

        Args:
            answer: the object as Shopify sent it.
            rest: receives the nested connections that are incomplete.
        """
        return flatten(self.root, answer, rest)

    def page_size(self, budget: float) -> int:
        """Return the largest page of records, at most 250, whose cost stays within the points given; at least 1."""
        size = PAGE_LIMIT
        while size > 1 and connection_cost(size, self.cost) > budget:
            size -= 1
        return size


def connection_cost(first: int, node_cost: float) -> float:
    """Return the points of a connection.

    Args:
        first: page size.
        node_cost: points of one node without its own point.
    """
    return 2 + max(1, math.floor(2 * math.log(first))) * (1 + node_cost)


def compile_selection(entity: Entity, paths: Iterable[str]) -> Selection:
    """Merge paths into one selection; id, modification time and numeric id are always part of it.

    Args:
        entity: whose type the paths begin at.
        paths: as written in mappings, in any order, with repetitions.

    Returns:
        The selection.

    Raises:
        UnknownFieldError: a path does not exist.
    """
    root = Node(Step(entity.value, ROOT_TYPES[entity]))
    resolved = [resolve(entity, path) for path in {*paths, "id"}]
    for path in resolved:
        _add(root, path)
    known = load_index()[root.step.type]["fields"]
    root.values.update(name for name in _ROOT_FIELDS if name in known)
    return Selection(
        entity=entity,
        type=root.step.type,
        text=root.text(),
        scopes=frozenset(scopes for path in resolved for scopes in path.scopes),
        cost=root.cost(),
        root=root,
    )


def _add(root: Node, path: ResolvedPath) -> None:
    node = root
    objects = path.steps if path.metafield else path.steps[:-1]
    for step in objects:
        if step.connection and node.is_record:
            # The rest of a long connection is read through its parent.
            node.values.add("id")
        node = node.children.setdefault(step.name, Node(step))
        if node.is_record:
            node.values.add("id")
    if path.metafield:
        node.metafields.add(path.metafield)
    else:
        node.values.add(path.steps[-1].name)


def flatten(node: Node, answer: Mapping[str, Any], rest: list[Continuation]) -> dict[str, Any]:
    """Turn an object of an answer into a plain one; see `Selection.flatten`."""
    flat: dict[str, Any] = {name: answer.get(name) for name in node.values}
    if node.metafields:
        found: dict[str, dict[str, Any]] = {}
        for alias, (namespace, key) in node.aliases().items():
            found.setdefault(namespace, {})[key] = (answer.get(alias) or {}).get("value")
        flat[METAFIELDS] = found
    for name, child in node.children.items():
        flat[name] = _child(node, answer, child, rest)
    return flat


def _child(node: Node, answer: Mapping[str, Any], child: Node, rest: list[Continuation]) -> Any:
    value = answer.get(child.step.name)
    if value is None:
        return [] if child.step.connection else None
    if child.step.connection:
        items = [flatten(child, item, rest) for item in value["nodes"] if item is not None]
        page = value["pageInfo"]
        if page["hasNextPage"]:
            rest.append(Continuation(node.step.type, answer.get("id"), child, page["endCursor"], items))
        return items
    if child.step.many:
        return [flatten(child, item, rest) for item in value if item is not None]
    return flatten(child, value, rest)
