"""The GraphQL selection that reads a set of paths, its cost, and how its answers become plain records."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shopify_fw360.records import Entity
from shopify_fw360.shopify.paths import METAFIELDS, ROOT_TYPES, ResolvedPath, Step, resolve
from shopify_fw360.shopify.schema_index import load_index
from shopify_fw360.shopify.virtual import Extra

NESTED_PAGES: Final = (50, 25, 10, 5, 1)
"""Records of a nested connection read at once, the largest that leaves room; longer lists are followed."""

ROOMY: Final = 10
"""Records a page should hold before its nested connections are read in larger pages."""

PAGE_LIMIT: Final = 250
"""Shopify: ``first`` may be at most 250."""

PAGE_COST: Final = 500.0
"""Points one request may cost (Shopify: at most 1,000; half of it leaves room for an estimate that is too low)."""

_ROOT_FIELDS: Final = ("id", "updatedAt", "legacyResourceId")
_CHARGED_LISTS: Final = {"OrderTransaction": 1, "Fulfillment": 2}
_CHARGED_VALUES: Final = frozenset({"CustomerEmailAddress", "CustomerPhoneNumber"})
_VARIABLE = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class _Form:
    """What an object of an answer becomes.

    Args:
        values: name in the record and key in the answer of each plain field.
        metafields: key in the answer, namespace and key of each metafield.
        children: name, key in the answer, and node of each object below.
        keys: of everything that was asked for.
        verbatim: whether the record has the object just as it was answered.
    """

    values: tuple[tuple[str, str], ...]
    metafields: tuple[tuple[str, str, str], ...]
    children: tuple[tuple[str, str, Node], ...]
    keys: frozenset[str]
    verbatim: bool


@dataclass(slots=True)
class Node:
    """One object type in a selection.

    Args:
        step: how the parent reaches it.
        children: objects below it by field name.
        values: plain fields.
        metafields: namespaces and keys.
        extras: fields with arguments, by their alias.
    """

    step: Step
    children: dict[str, Node] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)
    metafields: set[tuple[str, str]] = field(default_factory=set)
    extras: dict[str, Extra] = field(default_factory=dict)
    _form: _Form | None = field(default=None, repr=False, compare=False)

    @property
    def form(self) -> _Form:
        """What the object becomes in a record; the node must not change any more."""
        if self._form is None:
            values = tuple((name, self.key(name)) for name in (*sorted(self.values), *self.extras))
            metafields = tuple((self.key(alias), *pair) for alias, pair in self.aliases().items())
            children = tuple((name, self.key(name), child) for name, child in self.children.items())
            verbatim = not metafields and all(name == key for name, key in values)
            verbatim = verbatim and all(child.is_verbatim_below for _, _, child in children)
            keys = frozenset(key for _, key in values) | {key for _, key, _ in children}
            self._form = _Form(values, metafields, children, keys, verbatim)
        return self._form

    @property
    def is_verbatim_below(self) -> bool:
        """Whether a record has the object, found by its name in another one, just as it was answered."""
        return not (self.step.narrows or self.step.connection or self.step.many) and self.form.verbatim

    @property
    def is_record(self) -> bool:
        """Whether the object has its own id, by which it can be read again."""
        return bool(load_index()[self.step.type].get("record"))

    def aliases(self) -> dict[str, tuple[str, str]]:
        """Return alias to namespace and key of each metafield."""
        return {f"metafield_{number}": pair for number, pair in enumerate(sorted(self.metafields))}

    def key(self, name: str) -> str:
        """Return the response key of a field."""
        # Types of one object may have fields of the same name and another type, which GraphQL refuses without alias.
        return f"{self.step.type}_{name}" if self.step.narrows else name

    def text(self, nested: int) -> str:
        """Return the selection set without its braces; ``nested`` is the page size of connections in it."""
        parts = self.plain_parts()
        parts += [f"{self.key(alias)}: {extra.text}" for alias, extra in sorted(self.extras.items())]
        if any(child.step.narrows for child in self.children.values()):
            parts.append("__typename")
        for name in sorted(self.children):
            child = self.children[name]
            head = self.named(name) if not child.step.narrows else f"... on {name}"
            parts.append(f"{head}{child.body(nested, nested)}")
        return " ".join(parts)

    def plain_parts(self) -> list[str]:
        """Return the plain fields and metafields as they are written in a selection."""
        parts = [self.named(name) for name in sorted(self.values)]
        parts += [
            f"{self.key(alias)}: metafield(namespace: {json.dumps(namespace)}, key: {json.dumps(key)}) {{ value }}"
            for alias, (namespace, key) in self.aliases().items()
        ]
        return parts

    def body(self, first: int, nested: int, after: str = "") -> str:
        """Return arguments and selection set of the field that reaches this object.

        Args:
            first: page size if it is a connection.
            nested: page size of connections below it.
            after: further arguments of a connection, for example ``, after: $after``.
        """
        if not self.step.connection:
            return f" {{ {self.text(nested)} }}"
        page = f"pageInfo {{ hasNextPage endCursor }} nodes {{ {self.text(nested)} }}"
        return f"(first: {first}{after}) {{ {page} }}"

    def cost(self, nested: int) -> float:
        """Return the points of what is selected below the object (Shopify: rules fitted on recorded answers)."""
        own = len(self.metafields) + sum(extra.cost for extra in self.extras.values())
        return own + sum(child.field_cost(nested, nested) for child in self.children.values())

    def field_cost(self, first: int, nested: int) -> float:
        """Return the points of the field that reaches this object; see `body`."""
        below = self.cost(nested)
        if self.step.narrows:
            return below
        if self.step.connection:
            return connection_cost(first, below)
        if self.step.many and self.step.type in _CHARGED_LISTS:
            return _CHARGED_LISTS[self.step.type] + below
        named = load_index()[self.step.type]
        return below + (1 if "id" in named.get("fields", ()) or self.step.type in _CHARGED_VALUES else 0)

    def named(self, name: str) -> str:
        """Return a field as it is written in a selection, with its alias where it needs one."""
        key = self.key(name)
        return name if key == name else f"{key}: {name}"


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
        nested: page size of its connections.
        variables: names and GraphQL types of the variables it uses.
    """

    entity: Entity
    type: str
    text: str
    scopes: frozenset[tuple[str, ...]]
    cost: float
    root: Node
    nested: int
    variables: Mapping[str, str]

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

    def declared(self, text: str) -> dict[str, str]:
        """Return names and types of those variables of the selection that a part of its text uses."""
        used = set(_VARIABLE.findall(text))
        return {name: kind for name, kind in self.variables.items() if name in used}


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
    extras = [extra for path in resolved for extra in path.extras]
    needed = {part.path: part for path in resolved for part in path.needs or (path,)}
    for part in needed.values():
        _add(root, part)
    for extra in extras:
        _object_at(root, resolve(entity, f"{extra.at}.id").steps[:-1]).extras[extra.key] = extra
    known = load_index()[root.step.type]["fields"]
    root.values.update(name for name in _ROOT_FIELDS if name in known)
    nested = next((size for size in NESTED_PAGES if connection_cost(ROOMY, root.cost(size)) <= PAGE_COST), 1)
    return Selection(
        entity=entity,
        type=root.step.type,
        text=root.text(nested),
        scopes=frozenset(scopes for path in resolved for scopes in path.scopes),
        cost=root.cost(nested),
        root=root,
        nested=nested,
        variables={name: kind for extra in extras for name, kind in extra.variables.items()},
    )


def _add(root: Node, path: ResolvedPath) -> None:
    node = _object_at(root, path.steps if path.metafield else path.steps[:-1])
    if path.metafield:
        node.metafields.add(path.metafield)
    else:
        node.values.add(path.steps[-1].name)


def _object_at(root: Node, objects: Sequence[Step]) -> Node:
    node = root
    for step in objects:
        if step.connection and node.is_record:
            # The rest of a long connection is read through its parent.
            node.values.add("id")
        node = node.children.setdefault(step.name, Node(step))
        if node.is_record:
            node.values.add("id")
    return node


def flatten(node: Node, answer: Mapping[str, Any], rest: list[Continuation]) -> dict[str, Any]:
    """Turn an object of an answer into a plain one; see `Selection.flatten`."""
    form = node.form
    if form.verbatim and answer.keys() == form.keys:
        return answer  # type: ignore[return-value]  # decoded JSON has no other mapping than dict
    flat: dict[str, Any]
    try:
        flat = {name: answer[key] for name, key in form.values}
    except KeyError:
        flat = {name: answer.get(key) for name, key in form.values}
    if form.metafields:
        found: dict[str, dict[str, Any]] = {}
        for alias, namespace, key in form.metafields:
            found.setdefault(namespace, {})[key] = (answer.get(alias) or {}).get("value")
        flat[METAFIELDS] = found
    for name, key, child in form.children:
        flat[name] = _child(node, answer, key, child, rest)
    return flat


def _child(node: Node, answer: Mapping[str, Any], key: str, child: Node, rest: list[Continuation]) -> Any:
    step = child.step
    if step.narrows:
        return flatten(child, answer, rest) if answer.get("__typename") == step.type else None
    value = answer.get(key)
    if value is None:
        return [] if step.connection else None
    if step.connection:
        items = [flatten(child, item, rest) for item in value["nodes"] if item is not None]
        page = value["pageInfo"]
        if page["hasNextPage"]:
            rest.append(Continuation(node.step.type, answer.get(node.key("id")), child, page["endCursor"], items))
        return items
    if step.many:
        return [flatten(child, item, rest) for item in value if item is not None]
    return flatten(child, value, rest)
