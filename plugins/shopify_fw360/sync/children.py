"""Children of a record (variants, images): which belong together, and what becomes of each; pure.

A child's fields are merged by the same three-way merge as those of its record. Each gets a name of its own for that,
``varianti[42].prezzo``, where 42 is the child's id in the source of the direction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from shopify_fw360.mapping.engine import ChildRow
from shopify_fw360.mapping.rules import ChildMapping, CompiledMapping, FieldRule
from shopify_fw360.records import UNSET, ChildList, ChildWrite, NewChild, System
from shopify_fw360.store.link_children import LinkChild
from shopify_fw360.sync.canonical import comparable
from shopify_fw360.sync.merge import BasePair, Decision, FieldDecision, MergeInput, merge

STOCK: Final = "stock"
"""Group of the mapping whose changes are no edits: goods that are sold must not bring a removed variant back."""

_NEW: Final = "new:"
"""Marks a reference to a child that the same write adds."""

ChildRows = Mapping[str, tuple[ChildRow, ...]]
"""By target list the children of one record."""

Ids = Mapping[str, Mapping[str, str]]
"""By target list the id in the target of each child, by its id in the source."""


@dataclass(frozen=True, slots=True)
class ChildPair:
    """What is known of one child on both sides.

    Args:
        key: id in the source, also of a linked child that is gone there; None for a child that was never there.
        source: what the source says, None if the source has no such child.
        target: what the target holds, None if the target has no such child.
        old_target_id: id of a linked child that is gone in the target.
    """

    key: str | None
    source: ChildRow | None = None
    target: ChildRow | None = None
    old_target_id: str | None = None

    @property
    def target_id(self) -> str | None:
        """Id in the target, of a linked child also after it is gone there."""
        return self.old_target_id if self.target is None else self.target.id


@dataclass(frozen=True, slots=True)
class PairedList:
    """The children of one list of a record, paired."""

    mapping: ChildMapping
    pairs: tuple[ChildPair, ...]


@dataclass(frozen=True, slots=True)
class ChildMerge:
    """What becomes of the children of a record.

    Args:
        decisions: by name of the child's field, or of the child where it is kept, left out or removed as a whole.
        changes: by target list, only of lists that are written.
    """

    decisions: dict[str, FieldDecision] = field(default_factory=dict)
    changes: dict[str, ChildList] = field(default_factory=dict)


def child_name(list_name: str, key: str, field_name: str = "") -> str:
    """Return the name of a child, or of one of its fields, as it stands in the base and in the journal.

    Args:
        list_name: target list.
        key: id in the source; of a global id only the number at its end counts.
        field_name: bare target field, empty for the child itself.
    """
    name = f"{list_name}[{key.rpartition('/')[2]}]"
    return f"{name}.{field_name}" if field_name else name


def pair_children(
    child: ChildMapping,
    source_system: System,
    sources: Sequence[ChildRow],
    targets: Sequence[ChildRow],
    links: Sequence[LinkChild],
) -> PairedList:
    """Find out which children are the same on both sides: by link, then by the keys of the mapping in their order.

    A key decides only where exactly one child on each side has its value, so repeated and empty SKUs decide nothing.
    A child whose linked counterpart is gone is searched again: systems give variants new ids when options change.

    Args:
        child: the list.
        source_system: the system the sources come from.
        sources: children of the source record, with target values.
        targets: children of the target record; empty for a record to be created.
        links: stored pairs of ids.

    Returns:
        Pairs in the order of the source; those that only the target has, or had, come last.
    """
    by_source = {row.id: row for row in sources}
    by_target = {row.id: row for row in targets}
    partner: dict[str, str] = {}
    old_target: dict[str, str] = {}
    old_source: dict[str, str] = {}
    for link in links:
        ids = {System.SHOPIFY: link.shopify_id, System.FRAMEWORK360: link.framework360_id}
        mine, theirs = ids[source_system], ids[source_system.other]
        if mine is None or theirs is None:
            continue
        if mine in by_source and theirs in by_target:
            partner[mine] = theirs
        elif mine in by_source:
            old_target[mine] = theirs
        elif theirs in by_target:
            old_source[theirs] = mine
    _match_by_keys(child, sources, targets, partner)
    taken = set(partner.values())
    pairs = [
        ChildPair(
            row.id,
            row,
            by_target[partner[row.id]] if row.id in partner else None,
            None if row.id in partner else old_target.get(row.id),
        )
        for row in sources
    ]
    pairs += [ChildPair(old_source.get(row.id), None, row) for row in targets if row.id not in taken]
    return PairedList(child, tuple(pairs))


def _match_by_keys(
    child: ChildMapping, sources: Sequence[ChildRow], targets: Sequence[ChildRow], partner: dict[str, str]
) -> None:
    for name in child.match:
        taken = set(partner.values())
        mine = _by_value(child.fields[name], name, (row for row in sources if row.id not in partner))
        theirs = _by_value(child.fields[name], name, (row for row in targets if row.id not in taken))
        partner.update({mine[value]: theirs[value] for value in mine if value in theirs})


def _by_value(rule: FieldRule, name: str, rows: Iterable[ChildRow]) -> dict[str, str]:
    """Ids by key value, without the values that several children have."""
    values = [(str(value), row.id) for row in rows if (value := _key_value(rule, row.values.get(name, UNSET)))]
    times = Counter(value for value, _ in values)
    return {value: row_id for value, row_id in values if times[value] == 1}


def _key_value(rule: FieldRule, value: Any) -> Any:
    # The empty list of options is a value: it is how the one variant of a simple product is known.
    if value is None or value is UNSET:
        return None
    return "[]" if value in ([], ()) else comparable(rule.target, value)


def ids_after(lists: Iterable[PairedList], written: Ids) -> dict[str, dict[str, str]]:
    """Return the ids of all children that both sides have once the lists are written.

    Args:
        lists: the paired lists.
        written: ids in the target after the write, of the lists that were written.

    Returns:
        By target list the id in the target of each child, by its id in the source.
    """
    result: dict[str, dict[str, str]] = {}
    for paired in lists:
        now = written.get(paired.mapping.name, {})
        held = {pair.source.id: pair.target.id for pair in paired.pairs if pair.source and pair.target}
        result[paired.mapping.name] = {**held, **now}
    return result


def sources_of(lists: Iterable[PairedList]) -> dict[str, tuple[ChildRow, ...]]:
    """Return by target list the children of the source record."""
    return {
        paired.mapping.name: tuple(pair.source for pair in paired.pairs if pair.source is not None) for paired in lists
    }


def without_lost(base: Mapping[str, BasePair], rows: ChildRows) -> dict[str, BasePair]:
    """Return a base without the fields of children that the source has no more.

    Args:
        base: of one direction.
        rows: children of the source record; of a list that is not among them nothing is lost.
    """
    names = {child_name(name, row.id) for name, children in rows.items() for row in children}
    result = {}
    for name, agreed in base.items():
        owner, mark, _ = name.rpartition("].")
        if not mark or owner.partition("[")[0] not in rows or f"{owner}]" in names:
            result[name] = agreed
    return result


def rules_of(children: Mapping[str, ChildMapping], rows: ChildRows) -> dict[str, FieldRule]:
    """Return the rule of each field of each child, by its name."""
    return {
        child_name(name, row.id, field_name): rule
        for name, child in children.items()
        for row in rows.get(name, ())
        for field_name, rule in child.fields.items()
    }


def values_of(children: Mapping[str, ChildMapping], rows: ChildRows, ids: Ids) -> dict[str, Any]:
    """Return the value of each field of each child of a source record, by its name.

    Args:
        children: of the mapping.
        rows: children of the source record, with target values.
        ids: translate references to other children into ids of the target.

    Returns:
        Values; a reference to a child without counterpart is unknown and therefore absent.
    """
    result: dict[str, Any] = {}
    for name, child in children.items():
        for row in rows.get(name, ()):
            for field_name, value in row.values.items():
                known = _referred(children, child.fields[field_name], value, ids)
                if known is not UNSET:
                    result[child_name(name, row.id, field_name)] = known
    return result


def held_by(children: Mapping[str, ChildMapping], rows: ChildRows, ids: Ids) -> dict[str, Any]:
    """Return what the target holds in the fields of each child, by the name the child has from its source.

    Args:
        children: of the mapping.
        rows: children of the target record.
        ids: pairs of ids; a child without one is skipped.
    """
    result: dict[str, Any] = {}
    for name in children:
        by_target = {row.id: row for row in rows.get(name, ())}
        for source_id, target_id in ids.get(name, {}).items():
            row = by_target.get(target_id)
            for field_name, value in () if row is None else row.values.items():
                result[child_name(name, source_id, field_name)] = value
    return result


def _referred(children: Mapping[str, ChildMapping], rule: FieldRule, value: Any, ids: Ids) -> Any:
    if rule.refers is None or value is None:
        return value
    name = next(child.name for child in children.values() if child.source_list == rule.refers)
    return ids.get(name, {}).get(value, UNSET)


def merge_children(lists: Sequence[PairedList], record: MergeInput) -> ChildMerge:
    """Merge the children of a record.

    - On both sides: field by field, as the record itself.
    - Only in the source: added; unless it was removed in the target since, then it is left to the other direction,
      or added again if the source has edited it since (an edit wins over a removal).
    - Only in the target: left, the other direction carries it; unless it was removed in the source since, then it is
      removed, or kept if the target has edited it since.

    Args:
        lists: the paired lists.
        record: of the record; names of unwritable fields of children are ``list.field``.

    Returns:
        Decisions by name, and the complete lists to be written.
    """
    result = ChildMerge()
    references = _references(lists, record)
    for paired in lists:
        _ListMerge(paired, record, references, result).run()
    return result


def _references(lists: Sequence[PairedList], record: MergeInput) -> dict[str, dict[str, str]]:
    """By source list what a reference to each child becomes; the children that this write adds are marked."""
    result: dict[str, dict[str, str]] = {}
    for paired in lists:
        known = result.setdefault(paired.mapping.source_list, {})
        for pair in paired.pairs:
            if pair.source is not None and pair.target is not None:
                known[pair.source.id] = pair.target.id
            elif pair.source is not None and _is_wanted(paired.mapping, pair, record):
                known[pair.source.id] = _NEW + pair.source.id
    return result


def _is_wanted(child: ChildMapping, pair: ChildPair, record: MergeInput) -> bool:
    """Whether a child that only the source has is added: it is new, or edited since it was removed in the target."""
    if record.present is None or pair.old_target_id is None:
        return True
    return _edited(child, pair.key, pair.source, record.base, side=0)


def _edited(
    child: ChildMapping, key: str | None, row: ChildRow | None, base: Mapping[str, BasePair], *, side: int
) -> bool:
    if key is None or row is None:
        return False
    for name, rule in child.fields.items():
        agreed = base.get(child_name(child.name, key, name))
        value = row.values.get(name, UNSET)
        if agreed is None or value is UNSET or rule.create_only or rule.refers or rule.group == STOCK:
            continue
        if name == child.order:
            # Those behind one that was removed move up, and nobody has edited them.
            continue
        if comparable(rule.target, value) != agreed[side]:
            return True
    return False


@dataclass(slots=True)
class _ListMerge:
    paired: PairedList
    record: MergeInput
    references: Mapping[str, Mapping[str, str]]
    result: ChildMerge
    removed: list[str] = field(default_factory=list)

    def run(self) -> None:
        name = self.paired.mapping.name
        added: list[ChildWrite] = []
        existing: dict[str, ChildWrite] = {}
        for pair in self.paired.pairs:
            if pair.source is not None and pair.target is not None:
                existing[pair.target.id] = self._both(pair.source, pair.target)
            elif pair.source is not None:
                added += self._source_only(pair, pair.source)
            elif pair.target is not None:
                existing.update(self._target_only(pair, pair.target))
        kept = [*existing.values(), *added]
        if added or self.removed or any(write.changes for write in kept):
            order = self.paired.mapping.order
            if order is not None:
                kept.sort(key=lambda write: _place(write.values.get(order)))
            self.result.changes[name] = ChildList(tuple(kept), tuple(self.removed))

    def _both(self, source: ChildRow, target: ChildRow) -> ChildWrite:
        decisions = self._merge(source, target)
        return self._write(source, target, decisions)

    def _source_only(self, pair: ChildPair, source: ChildRow) -> list[ChildWrite]:
        if _is_wanted(self.paired.mapping, pair, self.record):
            return [self._write(source, None, self._merge(source, None))]
        self._note(source.id, Decision.LEAVE, "removed on the target; the other direction carries it")
        return []

    def _target_only(self, pair: ChildPair, target: ChildRow) -> dict[str, ChildWrite]:
        child = self.paired.mapping
        kept = {target.id: ChildWrite(None, target.id, target.values, {})}
        if pair.key is None:
            return kept
        if _edited(child, pair.key, target, self.record.base, side=-1):
            self._note(pair.key, Decision.LEAVE, "removed on the source, but edited on the target since; the edit wins")
            return kept
        self.removed.append(target.id)
        self._note(pair.key, Decision.WRITE, "removed on the source", present=dict(target.values))
        return {}

    def _note(self, key: str, decision: Decision, reason: str, present: Any = None) -> None:
        name = child_name(self.paired.mapping.name, key)
        self.result.decisions[name] = FieldDecision(decision, reason, present)

    def _merge(self, source: ChildRow, target: ChildRow | None) -> dict[str, FieldDecision]:
        """Merge the fields of one child; the decisions are also noted under the names of the fields."""
        child = self.paired.mapping
        names = {name: child_name(child.name, source.id, name) for name in child.fields}
        incoming = {name: self._refer(child.fields[name], value) for name, value in source.values.items()}
        decisions = merge(
            child.fields,
            replace(
                self.record,
                incoming={name: value for name, value in incoming.items() if value is not UNSET},
                defaulted=source.defaulted,
                present=None if target is None else target.values,
                base={name: self.record.base[key] for name, key in names.items() if key in self.record.base},
                unwritable=frozenset(name for name in child.fields if f"{child.name}.{name}" in self.record.unwritable),
                choices={name: self.record.choices[key] for name, key in names.items() if key in self.record.choices},
            ),
        )
        self.result.decisions.update((names[name], decision) for name, decision in decisions.items())
        return decisions

    def _refer(self, rule: FieldRule, value: Any) -> Any:
        if rule.refers is None or value is None:
            return value
        return self.references.get(rule.refers, {}).get(value, UNSET)

    def _write(self, source: ChildRow, target: ChildRow | None, decisions: Mapping[str, FieldDecision]) -> ChildWrite:
        changes = {
            name: _resolved(self.paired.mapping.fields[name], decision.value)
            for name, decision in decisions.items()
            if decision.decision is Decision.WRITE
        }
        present: Mapping[str, Any] = {} if target is None else target.values
        return ChildWrite(source.id, None if target is None else target.id, {**present, **changes}, changes)


def _resolved(rule: FieldRule, value: Any) -> Any:
    if rule.refers is not None and isinstance(value, str) and value.startswith(_NEW):
        return NewChild(value.removeprefix(_NEW))
    return value


def _place(value: Any) -> float:
    return float(value) if isinstance(value, int) else float("inf")


def links_of(lists: Sequence[PairedList], source_system: System, written: Ids) -> dict[str, list[LinkChild]]:
    """Return the pairs of ids to be stored once the lists are written.

    Args:
        lists: the paired lists.
        source_system: the system the sources come from.
        written: ids in the target after the write, of the lists that were written.

    Returns:
        By kind the complete rows. A child that was removed in the target and waits for the other direction keeps its
        row, by which that direction knows that it was not simply never there.
    """
    result: dict[str, list[LinkChild]] = {}
    for paired in lists:
        child = paired.mapping
        now = written.get(child.name, {})
        rows = []
        for pair in paired.pairs:
            if pair.source is None:
                continue
            target_id = now.get(pair.source.id, pair.target_id)
            if target_id is None:
                continue
            ids = {source_system: pair.source.id, source_system.other: target_id}
            rows.append(
                LinkChild(child.kind, ids[System.SHOPIFY], ids[System.FRAMEWORK360], _key_of(child, pair.source))
            )
        result[child.kind] = rows
    return result


def _key_of(child: ChildMapping, row: ChildRow) -> str | None:
    for name in child.match:
        value = row.values.get(name, UNSET)
        if isinstance(value, str) and comparable(child.fields[name].target, value):
            return f"{name}:{comparable(child.fields[name].target, value)}"
    return None


def reverse_of(child: ChildMapping, reverse: CompiledMapping) -> ChildMapping | None:
    """Return the list of the opposite mapping that carries the same children back, None if it has none."""
    other = reverse.children.get(child.source_list)
    return other if other is not None and other.source_list == child.name else None
