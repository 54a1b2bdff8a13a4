"""The plan: what a run would do to each record, as values that can be read, printed, approved and applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shopify_fw360.errors import SyncError
from shopify_fw360.records import ChildList, Choice, Dispute, Flow, Link, Outcome, SourceRecord
from shopify_fw360.store.link_children import LinkChild
from shopify_fw360.sync.canonical import plain
from shopify_fw360.sync.children import PairedList
from shopify_fw360.sync.merge import Decision, FieldDecision
from shopify_fw360.sync.references import Reference


class Action(StrEnum):
    """What is done to one record."""

    CREATE = "create"
    UPDATE = "update"
    LINK = "link"
    UNCHANGED = "unchanged"
    EXCLUDED = "excluded"
    UNLINK = "unlink"
    CONFLICT = "conflict"
    DIFFERS = "differs"
    PARKED = "parked"


OUTCOMES: Mapping[Action, Outcome] = {
    Action.CREATE: Outcome.CREATED,
    Action.UPDATE: Outcome.UPDATED,
    Action.LINK: Outcome.LINKED,
    Action.UNCHANGED: Outcome.UNCHANGED,
    Action.EXCLUDED: Outcome.EXCLUDED,
    Action.UNLINK: Outcome.UNLINKED,
    Action.CONFLICT: Outcome.CONFLICT,
    Action.DIFFERS: Outcome.DIFFERS,
    Action.PARKED: Outcome.PARKED,
}


@dataclass(frozen=True, slots=True)
class PlanItem:
    """What is done to one record and why.

    Args:
        flow: entity and direction.
        source_id: id in the source system.
        action: what is done.
        reason: one sentence for people.
        source: the source record, None if it is gone.
        current: the target record as it is now, None if there is none.
        link: the stored link, None if there is none yet.
        incoming: target values the mapping made.
        changes: values that are written, by target field; of a list of children the ChildList.
        decisions: of the merge, by target field, and by name of the child's field (``varianti[42].prezzo``).
        lists: children of the record, paired.
        child_links: stored pairs of children by kind.
        match_key: normalised natural key of the source record.
        display_name: for lists.
        error: why the record is parked.
        candidates: ids of the possible counterparts of an ambiguous record.
        fingerprint: of the source content this item carries over.
        choices: by target field how a person settled an earlier conflict.
        waits_for: records of other entities it refers to that have no counterpart yet.
        by_hand: whether a person has decided about the counterpart.
        made_from: id of the target record from which the opposite direction has begun to make this one.
        is_repeated: whether an interrupted attempt may have written the same before, so that what the target holds in
            the written fields is ours and no edit of a person.
    """

    flow: Flow
    source_id: str
    action: Action
    reason: str
    source: SourceRecord | None = None
    current: SourceRecord | None = None
    link: Link | None = None
    incoming: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    decisions: Mapping[str, FieldDecision] = field(default_factory=dict)
    lists: Sequence[PairedList] = ()
    child_links: Mapping[str, Sequence[LinkChild]] = field(default_factory=dict)
    match_key: str | None = None
    display_name: str = ""
    error: SyncError | None = None
    candidates: Sequence[str] = ()
    fingerprint: str = ""
    choices: Mapping[str, Choice] = field(default_factory=dict)
    waits_for: Sequence[Reference] = ()
    by_hand: bool = False
    made_from: str | None = None
    is_repeated: bool = False

    @property
    def writes(self) -> bool:
        """Whether carrying the item out writes to the target system."""
        return self.action is Action.CREATE or bool(self.changes)

    def before(self) -> dict[str, Any]:
        """Values of the written fields as they were, those of children included, plain JSON."""
        return {name: plain(decision.present) for name, decision in self._written()}

    def after(self) -> dict[str, Any]:
        """Values that are written, those of children included, plain JSON; a removed child becomes None."""
        own = {name: value for name, value in self.changes.items() if not isinstance(value, ChildList)}
        return {name: plain(value) for name, value in own.items()} | {
            name: plain(decision.value) for name, decision in self._written()
        }

    def _written(self) -> list[tuple[str, FieldDecision]]:
        return [(name, found) for name, found in self.decisions.items() if found.decision is Decision.WRITE]

    def reasons(self) -> dict[str, str]:
        """Why each field is written, left or disputed; fields that agree anyway are not named."""
        return {name: d.reason for name, d in self.decisions.items() if d.decision != "agree"}

    @property
    def disputes(self) -> list[Dispute]:
        """The fields a person must settle, with everything needed to decide."""
        base = {} if self.link is None else self.link.base.get(self.flow.name, {})
        return [
            Dispute(
                field=name,
                base=None if name not in base else (base[name][0], base[name][-1]),
                source=plain(found.incoming),
                target=plain(found.present),
                compared=found.compared,
            )
            for name, found in self.decisions.items()
            if found.decision is Decision.CONFLICT
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the item as JSON: action, ids, field diff, reasons."""
        before = self.before()
        return {
            "flow": self.flow.name,
            "action": self.action.value,
            "source_id": self.source_id,
            "target_id": None if self.current is None else self.current.id,
            "name": self.display_name,
            "reason": self.reason,
            "changes": {name: {"from": before.get(name), "to": value} for name, value in self.after().items()},
            "error": None if self.error is None else self.error.code.code,
            "candidates": list(self.candidates),
        }


def summary(items: Iterable[PlanItem]) -> dict[str, int]:
    """Count a plan's items by action, every action named."""
    counts = Counter(item.action for item in items)
    return {action.value: counts.get(action, 0) for action in Action}


def table(items: Sequence[PlanItem], limit: int = 50, *, values: bool = False) -> str:
    """Render a plan as a text table.

    Args:
        items: the plan.
        limit: most rows shown; the rest is counted in a last line.
        values: whether the field diffs show values; off for logs, which must not hold personal data.

    Returns:
        Lines with action, source id, target id, and the changed fields or the reason.
    """
    rows = [("ACTION", "SOURCE", "TARGET", "WHAT")]
    for item in items[:limit]:
        before = item.before()
        diff = ", ".join(
            f"{name}: {before.get(name)!r} -> {new!r}" if values else name for name, new in item.after().items()
        )
        target = "" if item.current is None else item.current.id
        rows.append((item.action.value, item.source_id, target, diff or item.reason))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3])) for row in rows
    ]
    if len(items) > limit:
        lines.append(f"... and {len(items) - limit} more")
    return "\n".join(lines)
