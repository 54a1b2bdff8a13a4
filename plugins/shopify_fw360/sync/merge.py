"""Three-way merge per field: who changed what since both sides last agreed, and what is written because of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from shopify_fw360.mapping.compiler import FieldRule
from shopify_fw360.records import UNSET, Choice, System
from shopify_fw360.sync.canonical import comparable

NEW_RECORD: Final = "new record"
"""Why a field is written of a record, or of a child, that did not exist before."""

BasePair = Sequence[Any]
"""``[source, target]`` comparable values last agreed; ``[both]`` where they are the same."""


class Decision(StrEnum):
    """What the merge decided about one field."""

    AGREE = "agree"
    WRITE = "write"
    LEAVE = "leave"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class FieldDecision:
    """The decision on one field and why.

    Args:
        decision: what happens to it.
        reason: one sentence for the journal and the story of the record.
        present: what the target holds now.
        incoming: what the source says.
        value: what is written, meaningful for WRITE.
        settled: whether source and target count as agreed once the decision is carried out.
        kept: whether a person chose the target's value, which the other direction then carries to the source.
        compared: values of source and target in the form in which they were compared, meaningful for CONFLICT.
    """

    decision: Decision
    reason: str
    present: Any = None
    incoming: Any = None
    value: Any = None
    settled: bool = False
    kept: bool = False
    compared: tuple[Any, Any] = (None, None)


@dataclass(frozen=True, slots=True)
class MergeInput:
    """Everything the merge of one record looks at.

    Args:
        source: the system the values come from.
        incoming: target values the mapping made of the source record; an absent field is unknown.
        defaulted: fields whose value is a default of the mapping, not a statement of the source.
        present: present values of the target; an absent field is unknown; None for a record to be created.
        base: pairs last agreed, by field.
        unwritable: fields known to be not writable on this site.
        source_time: modification time of the source record, if its system tells it.
        target_time: modification time of the target record, if its system tells it.
        finishing: whether the target record is a create of our own that was interrupted, so that what it holds is not
            what a person wants.
        unfinished: the fields of which that is true, where it is not true of all.
        choices: by field how a person settled its conflict.
    """

    source: System
    incoming: Mapping[str, Any]
    defaulted: frozenset[str] = frozenset()
    present: Mapping[str, Any] | None = None
    base: Mapping[str, BasePair] = field(default_factory=dict)
    unwritable: frozenset[str] = frozenset()
    source_time: datetime | None = None
    target_time: datetime | None = None
    finishing: bool = False
    unfinished: frozenset[str] = frozenset()
    choices: Mapping[str, Choice] = field(default_factory=dict)


def pair_of(source: Any, target: Any) -> list[Any]:
    """Return the stored form of an agreed pair of comparable values, short where both are the same."""
    return [source] if source == target else [source, target]


def merge(rules: Mapping[str, FieldRule], record: MergeInput) -> dict[str, FieldDecision]:
    """Decide field by field what to write to the target.

    Args:
        rules: the mapping's rules by target field.
        record: both states and the base.

    Returns:
        A decision for each field of the rules that the source knows or the target could hold.
    """
    return {name: _decide(name, rule, record) for name, rule in rules.items()}


def changes_of(decisions: Mapping[str, FieldDecision]) -> dict[str, Any]:
    """Return the values to be written, by target field."""
    return {name: d.value for name, d in decisions.items() if d.decision is Decision.WRITE}


def conflicts_of(decisions: Mapping[str, FieldDecision]) -> list[str]:
    """Return the names of the fields a person must settle."""
    return [name for name, d in decisions.items() if d.decision is Decision.CONFLICT]


@dataclass(frozen=True, slots=True)
class _Shown:
    """Both values as the journal shows them; makes the decisions."""

    present: Any
    incoming: Any

    def leave(self, reason: str, *, settled: bool = False) -> FieldDecision:
        return FieldDecision(Decision.LEAVE, reason, self.present, self.incoming, settled=settled)

    def agree(self, reason: str) -> FieldDecision:
        return FieldDecision(Decision.AGREE, reason, self.present, self.incoming, settled=True)

    def write(self, reason: str, value: Any = UNSET) -> FieldDecision:
        written = self.incoming if value is UNSET else value
        return FieldDecision(Decision.WRITE, reason, self.present, self.incoming, written, settled=True)

    def conflict(self, reason: str, compared: tuple[Any, Any]) -> FieldDecision:
        return FieldDecision(Decision.CONFLICT, reason, self.present, self.incoming, compared=compared)

    def keep(self, reason: str) -> FieldDecision:
        return FieldDecision(Decision.LEAVE, reason, self.present, self.incoming, settled=True, kept=True)

    def either(self, source_wins: bool, reason: str) -> FieldDecision:  # noqa: FBT001 - the verdict itself
        return self.write(reason) if source_wins else self.leave(reason)


def _decide(name: str, rule: FieldRule, record: MergeInput) -> FieldDecision:
    incoming = record.incoming.get(name, UNSET)
    present = UNSET if record.present is None else record.present.get(name, UNSET)
    shown = _Shown(None if present is UNSET else present, None if incoming is UNSET else incoming)
    if incoming is UNSET:
        return shown.leave("the source does not know this field")
    if name in record.unwritable:
        return shown.leave("the site does not keep this field; the mark can be cleared")
    mine = comparable(rule.target, incoming)
    if record.present is None:
        return shown.leave("empty on the source", settled=True) if mine is None else shown.write(NEW_RECORD)
    return _on_existing(name, rule, record, incoming=incoming, mine=mine, present=present, shown=shown)


def _on_existing(
    name: str, rule: FieldRule, record: MergeInput, *, incoming: Any, mine: Any, present: Any, shown: _Shown
) -> FieldDecision:
    if rule.create_only:
        return shown.leave("written on creation only", settled=True)
    theirs = comparable(rule.target, present)
    if mine == theirs:
        return shown.agree("both sides hold the same")
    base = record.base.get(name)
    if rule.is_union:
        return _merge_sets(incoming, present, base, shown)
    if name in record.defaulted:
        return shown.leave("a default is written on creation only")
    if mine is None and not rule.target.can_empty:
        return shown.leave("the target cannot empty this field and keeps its value")
    if (record.finishing or name in record.unfinished) and base is None and mine is not None:
        return shown.write("an interrupted create goes on")
    found = _three_way(rule, record, mine, theirs, base, shown)
    if found.decision is Decision.CONFLICT and name in record.choices:
        return _as_chosen(record.choices[name], record.source, found, shown)
    return found


def _as_chosen(choice: Choice, source: System, found: FieldDecision, shown: _Shown) -> FieldDecision:
    """Carry out what a person decided about the conflict, unless it has become another one."""
    if choice.compared != found.compared:
        return replace(found, reason=f"changed again after {choice.by} had settled it; a person must settle it anew")
    if choice.wins is source:
        return shown.write(f"settled by {choice.by}: {source.value} wins")
    return shown.keep(f"settled by {choice.by}: {choice.wins.value} wins")


def _three_way(
    rule: FieldRule, record: MergeInput, mine: Any, theirs: Any, base: BasePair | None, shown: _Shown
) -> FieldDecision:
    if base is None:
        if mine is None:
            return shown.leave("first meeting: the source is empty, the target keeps its value")
        if theirs is None:
            return shown.write("first meeting: the target is empty")
        return _settle(rule, record, mine, "first meeting: the sides differ", theirs, shown)
    source_changed, target_changed = mine != base[0], theirs != base[-1]
    if source_changed and target_changed:
        return _settle(rule, record, mine, "both sides changed it", theirs, shown)
    if source_changed:
        return shown.write("changed on the source only")
    if target_changed:
        return shown.leave("changed on the target only; the other direction carries it")
    return shown.leave("neither side changed it since the last sync")


def _settle(rule: FieldRule, record: MergeInput, mine: Any, why: str, theirs: Any, shown: _Shown) -> FieldDecision:
    policy = rule.merge
    if policy in (System.SHOPIFY.value, System.FRAMEWORK360.value):
        return shown.either(policy == record.source.value, f"{why}; policy: {policy} wins")
    if policy == "newest" and record.source_time and record.target_time:
        return shown.either(record.source_time >= record.target_time, f"{why}; policy: the newer side wins")
    if policy == "max":
        return shown.either(_number(mine) >= _number(theirs), f"{why}; policy: the larger value wins")
    if policy == "most_restrictive":
        return shown.either(not mine, f"{why}; policy: the more restrictive value wins")
    return shown.conflict(f"{why}; a person must settle it", (mine, theirs))


def _number(value: Any) -> Decimal:
    return Decimal(0) if value is None else Decimal(str(value))


def _merge_sets(incoming: Any, present: Any, base: BasePair | None, shown: _Shown) -> FieldDecision:
    """Carry what the source added and removed since the base into the set the target holds."""
    if present is UNSET:
        return shown.leave("the target's tags cannot be read, so none are replaced")
    mine = _by_key(incoming)
    theirs = _by_key(present)
    consumed = _by_key(base[0]) if base else {}
    result = {key: tag for key, tag in theirs.items() if key in mine or key not in consumed}
    result.update({key: tag for key, tag in mine.items() if key not in consumed and key not in result})
    if result.keys() == theirs.keys():
        return shown.agree("the target already holds every tag the source added")
    reason = f"tags: {len(result.keys() - theirs.keys())} added, {len(theirs.keys() - result.keys())} removed"
    return shown.write(reason, tuple(sorted(result.values(), key=str.casefold)))


def _by_key(tags: Any) -> dict[str, str]:
    if tags is None or tags is UNSET:
        return {}
    items: Iterable[Any] = (tags,) if isinstance(tags, str) else tags
    return {str(tag).strip().casefold(): str(tag).strip() for tag in items if str(tag).strip()}
