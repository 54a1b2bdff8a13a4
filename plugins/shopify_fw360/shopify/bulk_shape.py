"""A selection as a bulk operation reads it, and how its lines become answers again. Pure.

Shopify: a bulk query holds at most 5 connections, nested at most 2 deep below the one at the root, none of them below
a list; it takes no variables; each node is a line of its own, and those of connections name their parent by
``__parentId``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shopify_fw360.shopify.schema_index import load_index
from shopify_fw360.shopify.selection import Node, Selection

MOST_CONNECTIONS: Final = 5
DEEPEST: Final = 2
MOST_BYTES: Final = 65_535
PARENT: Final = "__parentId"
TYPE: Final = "__typename"
POSITION: Final = "position"

Line = dict[str, Any]
Children = Callable[[str], Sequence[Line]]
"""Gives the lines below the object of an id, in the order of the file."""


class NotBulkError(ValueError):
    """A selection that no bulk query can read; the text says why."""


@dataclass(frozen=True, slots=True)
class BulkList:
    """A connection of a line.

    Args:
        key: in the answer.
        types: GraphQL types its nodes may have.
        text: field with selection.
        below: of its nodes.
        first: how many of its nodes are wanted, None for all.
        by_position: its nodes tell their place, so the order of the lines does not matter.
    """

    key: str
    types: frozenset[str]
    text: str
    below: _Below
    first: int | None = None
    by_position: bool = False


@dataclass(frozen=True, slots=True)
class _Below:
    """What a line lacks: its connections, and those that no bulk query can read."""

    lists: tuple[BulkList, ...] = ()
    cut: tuple[str, ...] = ()

    def all_lists(self) -> Iterator[BulkList]:
        for each in self.lists:
            yield each
            yield from each.below.all_lists()


@dataclass(frozen=True, slots=True)
class Assembled:
    """A record put together from its lines.

    Args:
        answer: as a page would have brought it.
        whole: whether it is complete and its lists are in order; otherwise it must be read again by id.
    """

    answer: Line
    whole: bool


@dataclass(frozen=True, slots=True)
class BulkShape:
    """The bulk form of a selection.

    Args:
        selection: what is read of each record.
        node: selection set of the root, without braces; variables still in it.
        below: connections of the root.
    """

    selection: Selection
    node: str
    below: _Below

    @property
    def needs_order(self) -> bool:
        """Whether a list is told apart only by the order of its lines; the file must be grouped then."""
        return any(not each.by_position for each in self.below.all_lists())

    @property
    def cut(self) -> tuple[str, ...]:
        """Lists whose entries hold connections; a record that has such entries must be read again by id."""
        return self.below.cut

    def text(self, name: str, root: str, search: str | None, variables: Mapping[str, Any]) -> str:
        """Return the text of the bulk query.

        Args:
            name: of the operation.
            root: name of the list at the query root, ``products``.
            search: search terms, None for none.
            variables: values of the selection's variables, by name.

        Raises:
            NotBulkError: it is too long.
        """
        node = self.node
        for variable, value in variables.items():
            node = json.dumps(value).join(re.split(rf"\${variable}\b", node))
        arguments = f"(query: {json.dumps(search)})" if search else ""
        text = f"query {name} {{ {root}{arguments} {{ edges {{ node {{ {node} }} }} }} }}"
        if len(text.encode()) > MOST_BYTES:
            raise NotBulkError(f"the query is longer than {MOST_BYTES} bytes")
        return text

    def assemble(self, line: Line, children: Children, *, in_order: bool) -> Assembled:
        """Put a record together.

        Args:
            line: of the record.
            children: lines below it and below its children.
            in_order: whether the lines of each list stand in the order of the list.
        """
        whole = not any(line.get(name) for name in self.below.cut)
        return Assembled(line, _fill(line, self.below, children, in_order=in_order) and whole)


def bulk_shape(selection: Selection) -> BulkShape:
    """Return the bulk form of a selection.

    Raises:
        NotBulkError: there is none.
    """
    node, below = _written(selection.root)
    shape = BulkShape(selection, node, below)
    # Shopify: the list at the query root is a connection too.
    connections = 1 + sum(1 for _ in below.all_lists())
    if connections > MOST_CONNECTIONS:
        raise NotBulkError(f"{connections} connections; a bulk query may have {MOST_CONNECTIONS}")
    if below.lists and _depth(below) > DEEPEST:
        raise NotBulkError(f"connections nested {_depth(below)} deep; a bulk query allows {DEEPEST}")
    return shape


def _depth(below: _Below) -> int:
    return max((1 + _depth(each.below) for each in below.lists), default=0)


@dataclass(slots=True)
class _Parts:
    text: list[str]
    lists: list[BulkList] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)


def _written(node: Node, *, typed: bool = False) -> tuple[str, _Below]:
    """Return the selection set of an object that is a line, and what hangs below it."""
    parts = _Parts(node.plain_parts())
    for key, extra in sorted(node.extras.items()):
        if extra.connection is None:
            parts.text.append(f"{node.key(key)}: {extra.text}")
            continue
        first = extra.connection
        text = f"{node.key(key)}: {first.field} {{ edges {{ node {{ {TYPE} {first.nodes} }} }} }}"
        parts.lists.append(BulkList(node.key(key), _types(first.type), text, _Below(), first=first.first))
    for name in sorted(node.children):
        _write_child(node, name, parts)
    parts.text += [each.text for each in parts.lists]
    known = {part.partition(":")[0].strip() for part in parts.text}
    parts.text += [extra for extra in ([TYPE] if typed or _narrowed(node) else []) if extra not in known]
    if parts.lists and node.is_record and "id" not in known:
        parts.text.append("id")
    kinds = [kind for each in parts.lists for kind in each.types]
    if len(set(kinds)) < len(kinds):
        raise NotBulkError(f"two lists of a {node.step.type} hold nodes of one type, which a line does not tell apart")
    return " ".join(parts.text), _Below(tuple(parts.lists), tuple(parts.cut))


def _narrowed(node: Node) -> bool:
    return any(child.step.narrows for child in node.children.values())


def _write_child(node: Node, name: str, parts: _Parts) -> None:
    child = node.children[name]
    if child.step.connection:
        text, below = _written(child, typed=True)
        parts.lists.append(
            BulkList(
                node.key(name),
                _types(child.step.type),
                f"{node.named(name)} {{ edges {{ node {{ {text} }} }} }}",
                below,
                by_position=POSITION in child.values,
            )
        )
        return
    text, below = _written(child)
    if below.cut or (below.lists and not child.step.many):
        raise NotBulkError(f"{name} is no record of its own, so that a line cannot name it as parent")
    if below.lists:
        # A list may hold no connections: it is read without them, and records that have entries are read again.
        parts.cut.append(node.key(name))
        text, _ = _written(_without_connections(child))
    head = f"... on {name}" if child.step.narrows else node.named(name)
    parts.text.append(f"{head} {{ {text} }}")


def _without_connections(node: Node) -> Node:
    children = {name: child for name, child in node.children.items() if not child.step.connection}
    extras = {key: extra for key, extra in node.extras.items() if extra.connection is None}
    return Node(node.step, children, set(node.values), set(node.metafields), extras)


def _types(name: str) -> frozenset[str]:
    return frozenset(load_index()[name].get("types", (name,)))


def _fill(line: Line, below: _Below, children: Children, *, in_order: bool) -> bool:
    """Hang the lines below a line into it; returns whether their order is known."""
    if not below.lists:
        return True
    known = True
    groups: dict[str, list[Line]] = {each.key: [] for each in below.lists}
    by_type = {kind: each for each in below.lists for kind in each.types}
    for child in children(line["id"]):
        each = by_type[child[TYPE]]
        groups[each.key].append(child)
        known &= _fill(child, each.below, children, in_order=in_order)
    for each in below.lists:
        nodes = groups[each.key]
        if each.by_position:
            nodes.sort(key=_position)
        elif len(nodes) > 1:
            known &= in_order
        if each.first is None:
            line[each.key] = {"nodes": nodes, "pageInfo": _NO_MORE}
        else:
            line[each.key] = {"nodes": [_bare(node) for node in nodes[: each.first]]}
    return known


_NO_MORE: Final = {"hasNextPage": False, "endCursor": None}


def _bare(line: Line) -> Line:
    return {name: value for name, value in line.items() if name not in (TYPE, PARENT)}


def _position(line: Line) -> int:
    return int(line[POSITION])
