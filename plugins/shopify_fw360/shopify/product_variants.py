"""How the variants of a product are brought from their present state to the wanted one. Pure, sends nothing.

Only mutations that change what they name are used, never productSet with a complete list: a variant that a merchant
adds between our reading and our writing is not in our list, and productSet would delete it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shopify_fw360.errors import SHOPIFY_CHANGED, SyncError
from shopify_fw360.records import ChildList, ChildWrite, Raw
from shopify_fw360.shopify.product_fields import VARIANTS, Pairs, pairs_of
from shopify_fw360.shopify.product_inputs import check_complete, place, refused

ENTRIES: Final = 250
"""Shopify: input arrays hold at most 250 entries, only the variants of productSet 2,048."""


@dataclass(slots=True)
class _Option:
    """An option of the product as it becomes in the course of the plan."""

    id: str
    name: str
    old_name: str
    values: dict[str, str]
    renamed: dict[str, str] = field(default_factory=dict)

    def now(self, value: str) -> str:
        return self.renamed.get(value, value)


@dataclass(frozen=True, slots=True)
class OptionChange:
    """An option that is renamed in place, or whose values are.

    Args:
        id: of the option.
        name: its new name, None to leave it.
        values: value id and new name.
    """

    id: str
    name: str | None
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class VariantChange:
    """A variant that is written or added.

    Args:
        index: position among the kept children.
        child: the child.
        id: of the variant in Shopify, None for one that is added.
        pairs: its options if they change, None to leave them.
    """

    index: int
    child: ChildWrite
    id: str | None
    pairs: Pairs | None


@dataclass(frozen=True, slots=True)
class VariantPlan:
    """What is to be done, in this order.

    Args:
        options: renamed in place.
        added_options: new options with their values; each present variant gets the first one.
        removed: variants that are deleted.
        updated: variants that exist.
        dropped_options: ids of options that no variant has any more.
        added: variants that do not exist.
        removed_last: variants deleted after the new ones exist, because a product cannot be without any.
        known: for each kept child that exists its id in Shopify, by position.
        pairs: options of each kept child as they shall be; empty if no options change.
    """

    options: tuple[OptionChange, ...] = ()
    added_options: tuple[tuple[str, tuple[str, ...]], ...] = ()
    removed: tuple[str, ...] = ()
    updated: tuple[VariantChange, ...] = ()
    dropped_options: tuple[str, ...] = ()
    added: tuple[VariantChange, ...] = ()
    removed_last: tuple[str, ...] = ()
    known: Mapping[int, str] = field(default_factory=dict)
    pairs: tuple[Pairs, ...] = ()


def needs_structure(variants: ChildList) -> bool:
    """Whether variants are added, removed or get other options, so that the present options must be known."""
    return bool(variants.removed) or any(
        child.target_id is None or "options" in child.changes for child in variants.kept
    )


def plain_plan(variants: ChildList) -> VariantPlan:
    """Return the plan for variants of which only plain fields change."""
    updated = [
        VariantChange(index, child, child.target_id, None)
        for index, child in enumerate(variants.kept)
        if child.target_id and child.changes
    ]
    known = {index: child.target_id for index, child in enumerate(variants.kept) if child.target_id}
    return VariantPlan(updated=tuple(updated), known=known)


def structure_plan(product: Raw, variants: ChildList, record: str) -> VariantPlan:
    """Plan how a product gets the wanted variants.

    Args:
        product: as it is now: ``options`` with ids, names and ``optionValues``, ``variants`` with ids and options.
        variants: the complete list as it shall be.
        record: for errors.

    Raises:
        SyncError: SYNC-312 if options do not fit together, SYNC-314 if a kept variant was deleted meanwhile.
    """
    return _Planning(product, variants, record).plan()


class _Planning:
    def __init__(self, product: Raw, variants: ChildList, record: str) -> None:
        self._record = record
        self._kept = variants.kept
        self._present = {variant["id"]: pairs_of(variant["options"]) for variant in product["variants"]}
        self._options = [] if product.get("hasOnlyDefaultVariant") else [_option(raw) for raw in product["options"]]
        self._removed = [gone for gone in variants.removed if gone in self._present]
        self._known: dict[int, str] = {}
        for index, child in enumerate(self._kept):
            if child.target_id in self._present:
                self._known[index] = str(child.target_id)
            elif child.target_id is not None and child.source_id is not None:
                text = f"the variant {child.target_id} was deleted in Shopify meanwhile"
                raise SyncError(SHOPIFY_CHANGED, text, record=record, field=place(VARIANTS, index))

    def plan(self) -> VariantPlan:
        self._rename_options()
        names = self._names()
        wanted = [self._wanted(index, names) for index in range(len(self._kept))]
        self._rename_values(wanted)
        added_options = self._added_options(names, wanted)
        self._pair_new(wanted, names)
        survivors = set(self._known.values())
        gone = tuple(variant for variant in self._removed if variant not in survivors)
        last_one_goes = len(gone) == len(self._present)
        changes = self._changes(wanted, added_options)
        return VariantPlan(
            options=self._option_changes(),
            added_options=added_options,
            removed=() if last_one_goes else gone,
            updated=tuple(change for change in changes if change.id),
            added=tuple(change for change in changes if not change.id),
            removed_last=gone if last_one_goes else (),
            dropped_options=tuple(option.id for option in self._options if option.name not in names),
            known=dict(self._known),
            pairs=tuple(wanted),
        )

    def _leading(self) -> list[int]:
        """Children whose options decide: those the source has, of these the ones that exist in Shopify already."""
        sourced = [index for index, child in enumerate(self._kept) if child.source_id is not None]
        existing = [index for index in sourced if index in self._known]
        return existing or sourced or list(range(len(self._kept)))

    def _rename_options(self) -> None:
        """An option that a variant does not have any more becomes the one it has instead."""
        for index in self._leading():
            child = self._kept[index]
            if child.target_id is not None and "options" not in child.changes:
                continue
            given = [name for name, _ in _pairs(child)]
            missing = [option for option in self._options if _fold(option.name) not in map(_fold, given)]
            unknown = [name for name in given if _fold(name) not in [_fold(option.name) for option in self._options]]
            for option, name in zip(missing, unknown, strict=False):
                option.name = name
        for index in self._leading():
            for name, _ in _pairs(self._kept[index]):
                for option in self._options:
                    if _fold(option.name) == _fold(name) and "options" in self._kept[index].changes:
                        option.name = name

    def _names(self) -> list[str]:
        """Names of the options as they shall be: present ones first, then new ones."""
        sourced = [child for child in self._kept if child.source_id is not None] or list(self._kept)
        used: dict[str, str] = {}
        for child in sourced:
            for name, _ in self._translated(child):
                used.setdefault(_fold(name), name)
        present = [option.name for option in self._options if _fold(option.name) in used]
        folded = {_fold(name) for name in present}
        return present + [name for key, name in used.items() if key not in folded]

    def _translated(self, child: ChildWrite) -> Pairs:
        """Options of a child under the names the options of the product shall have."""
        names = {_fold(option.old_name): option.name for option in self._options}
        names |= {_fold(option.name): option.name for option in self._options}
        return tuple((names.get(_fold(name), name), value) for name, value in _pairs(child))

    def _wanted(self, index: int, names: Sequence[str]) -> Pairs:
        child = self._kept[index]
        given = {_fold(name): value for name, value in self._translated(child)}
        pairs = tuple((name, given[_fold(name)]) for name in names if _fold(name) in given)
        if child.source_id is not None:
            check_complete(pairs, names, place(VARIANTS, index), self._record)
            if not names and len([kept for kept in self._kept if kept.source_id is not None]) > 1:
                text = "a product without options has one variant only"
                raise refused(self._record, f"{place(VARIANTS, index)}.options", "variants differ by options", text)
        return pairs

    def _rename_values(self, wanted: Sequence[Pairs]) -> None:
        """A value that all its variants exchange for the same new one is renamed in place."""
        staying = [
            pairs
            for variant, pairs in self._present.items()
            if variant not in self._known.values() and variant not in self._removed
        ]
        for option in self._options:
            becomes: dict[str, set[str]] = {}
            for index, variant in self._known.items():
                old = dict(self._present[variant]).get(option.old_name)
                new = dict(wanted[index]).get(option.name)
                if old is not None and new is not None:
                    becomes.setdefault(old, set()).add(new)
            for pairs in staying:
                old = dict(pairs).get(option.old_name)
                if old is not None:
                    becomes.setdefault(old, set()).add(old)
            taken = {_fold(value) for value in option.values}
            for old, news in becomes.items():
                new = next(iter(news))
                free = _fold(new) not in taken or _fold(new) == _fold(old)
                if len(news) == 1 and new != old and free and old in option.values:
                    option.renamed[old] = new
                    taken.add(_fold(new))

    def _added_options(self, names: Sequence[str], wanted: Sequence[Pairs]) -> tuple[tuple[str, tuple[str, ...]], ...]:
        present = {option.name for option in self._options}
        added = []
        for name in names:
            if name not in present:
                values = dict.fromkeys(dict(pairs)[name] for pairs in wanted if name in dict(pairs))
                # Values beyond what an input holds come with the variants that use them.
                added.append((name, tuple(values)[:ENTRIES]))
        return tuple(added)

    def _pair_new(self, wanted: Sequence[Pairs], names: Sequence[str]) -> None:
        """Find present variants for children that seem new: one of the same options is the same variant.

        It may come from an earlier attempt whose answer was lost, or it is removed and added again in the same write.
        """
        free = [variant for variant in self._present if variant not in self._known.values()]
        now = {_folded(self._renamed(self._present[variant])): variant for variant in reversed(free)}
        new = [index for index, child in enumerate(self._kept) if child.target_id is None]
        for index in new:
            variant = now.pop(_folded(wanted[index]), None)
            if variant is not None:
                self._known[index] = variant
        left = [index for index in new if index not in self._known]
        if left and not self._known and {option.name for option in self._options} != set(names):
            # Shopify always keeps one variant, also while the options change; it becomes the first of the new ones.
            self._known[left[0]] = (self._removed or free)[0]

    def _renamed(self, pairs: Pairs) -> Pairs:
        options = {option.old_name: option for option in self._options}
        return tuple(
            (options[name].name, options[name].now(value)) if name in options else (name, value)
            for name, value in pairs
        )

    def _changes(
        self, wanted: Sequence[Pairs], added_options: Sequence[tuple[str, tuple[str, ...]]]
    ) -> list[VariantChange]:
        firsts = tuple((name, values[0]) for name, values in added_options if values)
        changes = []
        for index, child in enumerate(self._kept):
            variant = self._known.get(index)
            if variant is None:
                if child.source_id is not None:
                    changes.append(VariantChange(index, child, None, wanted[index]))
                continue
            given = {name for name, _ in wanted[index]}
            held = [pair for pair in (*self._renamed(self._present[variant]), *firsts) if pair[0] in given]
            pairs = wanted[index] if dict(held) != dict(wanted[index]) else None
            if pairs is not None or child.changes:
                changes.append(VariantChange(index, child, variant, pairs))
        return changes

    def _option_changes(self) -> tuple[OptionChange, ...]:
        changes = []
        for option in self._options:
            name = option.name if option.name != option.old_name else None
            values = tuple((option.values[old], new) for old, new in option.renamed.items())
            if name or values:
                changes.append(OptionChange(option.id, name, values))
        return tuple(changes)


def _option(raw: Mapping[str, Any]) -> _Option:
    values = {value["name"]: value["id"] for value in raw["optionValues"]}
    return _Option(raw["id"], raw["name"], raw["name"], values)


def _pairs(child: ChildWrite) -> Pairs:
    return pairs_of(child.values.get("options"))


def _fold(text: str) -> str:
    # Shopify: options and values that differ by case only are the same.
    return text.strip().casefold()


def _folded(pairs: Pairs) -> frozenset[tuple[str, str]]:
    return frozenset((_fold(name), _fold(value)) for name, value in pairs)


def within_reach(variants: ChildList) -> ChildList:
    """Return the part of the variants of a new product that one input can hold: 250 values of each option.

    The part is the whole list for nearly every product; the rest is added afterwards.
    """
    values: dict[str, set[str]] = {}
    kept = []
    for child in variants.kept:
        pairs = _pairs(child)
        wanted = {name: {*values.get(name, ()), value} for name, value in pairs}
        if all(len(held) <= ENTRIES for held in wanted.values()):
            values.update(wanted)
            kept.append(child)
    return ChildList(tuple(kept))


def by_options(product: Raw) -> dict[frozenset[tuple[str, str]], str]:
    """Return the ids of a product's variants by their options."""
    return {_folded(pairs_of(variant["options"])): variant["id"] for variant in product["variants"]}


def options_key(pairs: Pairs) -> frozenset[tuple[str, str]]:
    """Return the form of options in which those of one variant are equal whatever their order and case."""
    return _folded(pairs)
