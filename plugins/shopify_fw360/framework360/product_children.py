"""Variants and images of a product while it is written: what is wanted of each, and which one it is on the site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.canonical import same_file, same_options
from shopify_fw360.framework360.fields import CHILD
from shopify_fw360.framework360.product_codec import is_virtual
from shopify_fw360.framework360.product_fields import IMAGE_NAME, VARIANT_IMAGE
from shopify_fw360.framework360.readback import not_taken
from shopify_fw360.records import ChildList, Raw, TargetField

_NEVER_WRITTEN: Final = frozenset({IMAGE_NAME})
_NEVER_READ_BACK: Final = frozenset({wire.IMAGE_URL, IMAGE_NAME})
_NOT_WITHOUT_VARIANTS: Final = frozenset({wire.ACTIVE, wire.POSITION, VARIANT_IMAGE, wire.ATTRIBUTES})
"""Fields of a variant that a product without variants does not have."""


@dataclass(slots=True)
class Child:
    """One child of a product while it is written.

    Args:
        source_id: id in the source, None for a child that only the site has.
        id: on the site, None as long as it is not there.
        wanted: values it shall have, by bare field: what changes, or everything of a new child.
        before: the decoded child before the write, None for a new one.
        values: everything known of it.
    """

    source_id: str | None
    id: str | None
    wanted: dict[str, Any]
    before: Raw | None
    values: Mapping[str, Any]


@dataclass(slots=True)
class Children:
    """One list of children while it is written.

    Args:
        name: `wire.VARIANTS` or `wire.IMAGES`.
        all: the complete list, in order.
        changed: whether anything about it must be written.
    """

    name: str
    all: list[Child] = field(default_factory=list)
    changed: bool = False

    @classmethod
    def of(cls, name: str, given: ChildList, present: Sequence[Raw], target: Callable[[str], TargetField]) -> Children:
        """Take over what the core wants.

        Args:
            name: of the list.
            given: the complete list.
            present: the decoded children as they are.
            target: target field by its whole name.
        """
        there = {str(child[wire.ID]): child for child in present}
        children = []
        for place, write in enumerate(given.kept, 1):
            before = there.get(write.target_id or "")
            wanted = dict(write.values if before is None else write.changes)
            if wire.POSITION in wanted:
                # The order of the list is what is written; the source counts from wherever it likes.
                wanted[wire.POSITION] = place
            kept = {
                key: value
                for key, value in wanted.items()
                if key not in _NEVER_WRITTEN and (value is not None or target(f"{name}{CHILD}{key}").can_empty)
            }
            children.append(
                Child(write.source_id, None if before is None else write.target_id, kept, before, write.values)
            )
        return cls(name, children, _differs(children, present))

    def place(self, number: int, name: str = "") -> str:
        """Name a child, or a field of it, as people count: ``varianti[1].sku`` is the first one's."""
        return f"{self.name}[{number + 1}].{name}" if name else f"{self.name}[{number + 1}]"

    def missing(
        self, after: Sequence[Raw], target: Callable[[str], TargetField], as_read: Callable[[str, Any], Any]
    ) -> set[str]:
        """Return the whole names of fields of children that did not stick.

        Args:
            after: the decoded children as they are now.
            target: target field by its whole name.
            as_read: how a value reads back once the site holds it.
        """
        found = {str(child[wire.ID]): child for child in after}
        result: set[str] = set()
        for child in self.all:
            now = found.get(child.id or "")
            if now is None:
                continue
            wanted = {
                f"{self.name}{CHILD}{key}": as_read(key, value)
                for key, value in child.wanted.items()
                if key not in _unreadable(child, now)
            }
            result |= not_taken(wanted, child.before, now, target)
        return result

    def ids(self) -> dict[str, str]:
        """Return the id on the site of each child that the source has, by its id there."""
        return {child.source_id: child.id for child in self.all if child.source_id is not None and child.id is not None}


def _unreadable(child: Child, now: Raw) -> frozenset[str]:
    """Fields of which nothing can be told by reading the child."""
    fields = _NEVER_READ_BACK
    if is_virtual(child.id):
        fields |= _NOT_WITHOUT_VARIANTS
    return fields | {wire.QUANTITY} if now.get(wire.TRACKED) is False else fields


def _differs(children: Sequence[Child], present: Sequence[Raw]) -> bool:
    if [child.id for child in children] != [child[wire.ID] for child in present]:
        return True
    return any(child.wanted.keys() - {wire.POSITION} for child in children)


def identify_variants(children: Iterable[Child], after: Sequence[Raw], options: Sequence[Mapping[str, str]]) -> None:
    """Find out which variant is which after a write: by id, else by option values.

    Args:
        children: in order; their ids are set.
        after: the decoded variants as they are now.
        options: for each child the option values that it was sent with; fewer if variants were not sent.
    """
    there = {str(variant[wire.ID]) for variant in after}
    by_options = {same_options(variant[wire.ATTRIBUTES]): str(variant[wire.ID]) for variant in after}
    for place, child in enumerate(children):
        if child.id not in there:
            child.id = by_options.get(same_options(options[place])) if place < len(options) else None


def identify_images(children: Sequence[Child], after: Sequence[Raw]) -> None:
    """Find out which image is which after a write: new ones by the order in which they were sent.

    If the site holds another number of images than it was sent, new ones are told by the names of their files.

    Args:
        children: in order; their ids are set.
        after: the decoded images as they are now, in order.
    """
    ids = [str(image[wire.ID]) for image in after]
    for child in children:
        if child.id not in ids:
            child.id = None
    taken = {child.id for child in children}
    fresh = [image for image in after if image[wire.ID] not in taken]
    new = [child for child in children if child.id is None]
    if len(fresh) == len(new):
        for child, image in zip(new, fresh, strict=True):
            child.id = str(image[wire.ID])
        return
    by_name: dict[str | None, list[str]] = {}
    for image in fresh:
        by_name.setdefault(same_file(image.get(IMAGE_NAME)), []).append(str(image[wire.ID]))
    for child in new:
        named = by_name.get(same_file(child.values.get(IMAGE_NAME)))
        child.id = named.pop(0) if named else None
