"""How well two records fit: shown to people who must believe a match, never used to decide one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shopify_fw360.mapping.compiler import CompiledMapping
from shopify_fw360.records import UNSET, FieldType
from shopify_fw360.sync.canonical import comparable

KEY_WEIGHT: Final = 3
"""A natural key says as much as this many other fields."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A comparison of two records.

    Args:
        score: 0 to 100: the share of fields filled on both sides that agree, natural keys counting more.
        agree: target fields that hold the same.
        differ: target fields that hold different values.
    """

    score: int
    agree: tuple[str, ...]
    differ: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        return {"agree": list(self.agree), "differ": list(self.differ)}


def likeness(
    mapping: CompiledMapping, incoming: Mapping[str, Any], present: Mapping[str, Any], *, by_key: bool
) -> Likeness:
    """Compare what the mapping made of a source record with what a target record holds.

    Tags are no sign of identity and fields that are written on creation only are not compared.

    Args:
        mapping: of the flow.
        incoming: target values of the source record.
        present: present values of the target record.
        by_key: whether the target record was found by a natural key; one that lies in a child is not among the fields.

    Returns:
        The comparison.
    """
    agree: list[str] = []
    differ: list[str] = []
    for name, rule in mapping.fields.items():
        if rule.target.type is FieldType.TAGS or rule.create_only or rule.refers is not None:
            continue
        mine = comparable(rule.target, incoming.get(name, UNSET))
        theirs = comparable(rule.target, present.get(name, UNSET))
        if mine is not None and theirs is not None:
            (agree if mine == theirs else differ).append(name)
    keys = set(mapping.match)
    child_key = by_key and not keys.intersection(agree)
    weights = {name: KEY_WEIGHT if name in keys else 1 for name in (*agree, *differ)}
    won = sum(weights[name] for name in agree) + (KEY_WEIGHT if child_key else 0)
    lost = sum(weights[name] for name in differ)
    return Likeness(round(100 * won / (won + lost)) if won + lost else 0, tuple(agree), tuple(differ))
