"""The base of the three-way merge: what both sides agreed on last, kept per direction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from shopify_fw360.mapping.compiler import FieldRule
from shopify_fw360.records import UNSET
from shopify_fw360.sync.canonical import comparable
from shopify_fw360.sync.merge import BasePair, FieldDecision, pair_of

Base = Mapping[str, BasePair]


def rebase(
    rules: Mapping[str, FieldRule],
    base: Base,
    decisions: Mapping[str, FieldDecision],
    incoming: Mapping[str, Any],
    held: Mapping[str, Any],
) -> dict[str, BasePair]:
    """Move the base of the direction that has just run.

    Only settled fields move. A field that only the target changed keeps its base, so that the change still counts as
    one when the other direction, or a later edit of the source, meets it.

    Args:
        rules: of the direction, by target field.
        base: before the run.
        decisions: of the merge.
        incoming: values the mapping made of the source.
        held: what the target holds after the write, read back.

    Returns:
        The new base.
    """
    result = dict(base)
    for name, decision in decisions.items():
        if decision.settled and incoming.get(name, UNSET) is not UNSET:
            target = rules[name].target
            result[name] = pair_of(comparable(target, incoming[name]), comparable(target, held.get(name, UNSET)))
    return result


def rebase_reverse(
    rules: Mapping[str, FieldRule],
    base: Base,
    touched: Collection[str],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    held: Mapping[str, Any],
    *,
    all_ours: bool = False,
) -> dict[str, BasePair]:
    """Move the base of the opposite direction after its source was written by us.

    What we wrote is no edit of a person, so it must not travel back: fields fed by the written paths take the read-back
    value as agreed, however the site normalised it. A pending edit of a person is kept pending.

    Args:
        rules: of the opposite direction, by its target field.
        base: of the opposite direction before.
        touched: source paths (of the opposite direction) that the write may have changed.
        before: values its mapping made of the record before the write, None if the record was created.
        after: values its mapping makes of the record now.
        held: present values of its target, which is the source of the direction that ran.
        all_ours: whether all that was there before the write was ours too, from an interrupted attempt.

    Returns:
        The new base of the opposite direction.
    """
    result = dict(base)
    for name, rule in rules.items():
        now = after.get(name, UNSET)
        target = comparable(rule.target, held.get(name, UNSET))
        if now is UNSET:
            if rule.omits and rule.main_paths & frozenset(touched):
                # We have just written a text that means nothing, for a value of the target that means nothing to us.
                # Without an agreed pair a person who fills it in would not be seen to have changed anything.
                result[name] = [None, target]
            continue
        source = comparable(rule.target, now)
        if source == target:
            result[name] = pair_of(source, target)
        elif rule.main_paths & frozenset(touched):
            previous = base.get(name)
            was = None if before is None else comparable(rule.target, before.get(name, UNSET))
            if rule.is_union and not all_ours:
                result[name] = pair_of(_consumed_of_set(previous, was, source), target)
                continue
            # What the write left as it was is no work of ours: an edit that was not carried yet, or at a first meeting
            # a value nobody has compared, because a list is written as a whole.
            unheard = previous is None or was != previous[0]
            pending_edit = before is not None and unheard and was == source
            if all_ours or not pending_edit:
                result[name] = pair_of(source, target)
    return result


def hand_over(
    rules: Mapping[str, FieldRule], base: Base, names: Collection[str], held: Mapping[str, Any]
) -> dict[str, BasePair]:
    """Let a direction carry fields whose conflict a person settled for its source.

    Its target's present value becomes the one agreed on last, so that only the source counts as changed. If somebody
    changes the target again before it is carried, both count as changed, and nothing is overwritten.

    Args:
        rules: of the direction, by its target field.
        base: of the direction.
        names: its target fields that are to be carried.
        held: present values of its target.

    Returns:
        The new base.
    """
    agreed = {name: comparable(rules[name].target, held.get(name, UNSET)) for name in names if name in rules}
    return {**base, **{name: pair_of(value, value) for name, value in agreed.items()}}


def _consumed_of_set(previous: BasePair | None, was: Any, now: Any) -> list[Any] | None:
    """Add what our write added to the set last consumed, and take out what it removed; the rest waits to be carried."""
    before, after = set(was or ()), set(now or ())
    consumed = set((previous[0] if previous else None) or ())
    return sorted((consumed | (after - before)) - (before - after)) or None


def is_consumed(rules: Mapping[str, FieldRule], base: Base, values: Mapping[str, Any]) -> bool:
    """Whether a direction has nothing left to carry for a record with these values.

    Args:
        rules: of the direction.
        base: of the direction.
        values: what its mapping makes of its source record now.

    Returns:
        True if each known value is the source value of the base.
    """
    for name, rule in rules.items():
        value = values.get(name, UNSET)
        if value is UNSET or rule.create_only:
            continue
        pair = base.get(name)
        known = comparable(rule.target, value)
        if pair is None:
            if known is not None:
                return False
        elif pair[0] != known:
            return False
    return True
