"""The fault switchboard: rules that make a healthy server misbehave, the same way in every run.

Faults before the operation is carried out:

- `http_status`: that status with a small HTML body. Params: `status` (503), `retry_after` in seconds (none).
- `throttle`: the system's own "too many requests"; params go to the backend as they are.
- `garbage`: HTML where JSON is expected. Params: `status` (200).
- `reset`: a TCP reset.
- `hang`: nothing for a while, then the connection closes. Params: `seconds` (60).

Faults after, or while, the operation is carried out:

- `slow`: the right answer, late. Params: `ms` (1000).
- `truncate`: the full Content-Length, but the connection closes part-way. Params: `share` of the body sent (0.5).
- `lost_answer`: a TCP reset, or silence and then a close. Params: `how` "reset" or "timeout" (reset), `seconds` (60).
- `apply_then_500`: an error status instead of the answer. Params: `status` (500).
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

Kind = Literal[
    "http_status", "throttle", "reset", "hang", "garbage", "slow", "truncate", "lost_answer", "apply_then_500"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
_MATCH_KEYS = {"path_prefix", "operation", "method", "body_contains"}
_RULE_KEYS = {"id", "match", "kind", "times", "probability", "every_nth", "skip", "seed", "params"}


@dataclass(slots=True)
class Rule:
    """One fault rule and its counters.

    Args:
        id: name of the rule; a rule posted with a known id replaces the old one.
        kind: what happens, see the table of the module.
        path_prefix: only paths that start so.
        operation: regular expression that must match the whole operation name.
        method: regular expression that must match the whole HTTP method.
        body_contains: only requests whose raw body contains this text (UTF-8).
        times: strike at most so often; None: no limit.
        skip: let so many matching requests pass first.
        every_nth: of the rest strike every n-th; 1: each.
        probability: and of those this share, drawn with `seed`.
        seed: seed of the draw.
        params: parameters of the kind.
    """

    id: str
    kind: Kind
    path_prefix: str = ""
    operation: re.Pattern[str] | None = None
    method: re.Pattern[str] | None = None
    body_contains: bytes = b""
    times: int | None = None
    skip: int = 0
    every_nth: int = 1
    probability: float = 1.0
    seed: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    matched: int = 0
    struck: int = 0
    _draw: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)

    def strikes(self, method: str, path: str, operation: str, body: bytes) -> bool:
        """Count the request if it matches and tell whether the fault happens to it."""
        if self.times is not None and self.struck >= self.times:
            return False
        if not path.startswith(self.path_prefix) or self.body_contains not in body:
            return False
        if self.operation is not None and not self.operation.fullmatch(operation):
            return False
        if self.method is not None and not self.method.fullmatch(method):
            return False
        self.matched += 1
        position = self.matched - self.skip
        if position <= 0 or position % self.every_nth:
            return False
        if self.probability < 1.0 and self._draw.random() >= self.probability:
            return False
        self.struck += 1
        return True

    def as_dict(self) -> dict[str, Any]:
        """Return the rule as it was posted, with its counters."""
        match = {
            "path_prefix": self.path_prefix or None,
            "operation": self.operation.pattern if self.operation else None,
            "method": self.method.pattern if self.method else None,
            "body_contains": self.body_contains.decode() or None,
        }
        return {
            "id": self.id,
            "kind": self.kind,
            "match": {key: value for key, value in match.items() if value is not None},
            "times": self.times,
            "skip": self.skip,
            "every_nth": self.every_nth,
            "probability": self.probability,
            "seed": self.seed,
            "params": dict(self.params),
            "matched": self.matched,
            "struck": self.struck,
        }


class Switchboard:
    """All rules of one server, asked in the order in which they were added; the first that strikes wins."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._ids = itertools.count(1)

    def add(self, document: Mapping[str, Any]) -> Rule:
        """Add a rule from its JSON form `{id, match, kind, times, probability, every_nth, skip, seed, params}`.

        Raises:
            ValueError: an unknown key or kind, or a value out of range.
            TypeError: a value of the wrong type.
        """
        rule = self._parse(document)
        self._rules[rule.id] = rule
        return rule

    def remove(self, rule_id: str | None) -> int:
        """Remove one rule, or all for None; returns how many there were."""
        if rule_id is None:
            removed = len(self._rules)
            self._rules.clear()
            return removed
        return 1 if self._rules.pop(rule_id, None) else 0

    def pick(self, method: str, path: str, operation: str, body: bytes) -> Rule | None:
        """Return the rule that strikes this request, if any."""
        for rule in self._rules.values():
            if rule.strikes(method, path, operation, body):
                return rule
        return None

    def as_list(self) -> list[dict[str, Any]]:
        """Return all rules with their counters."""
        return [rule.as_dict() for rule in self._rules.values()]

    def _parse(self, document: Mapping[str, Any]) -> Rule:
        unknown = set(document) - _RULE_KEYS
        if unknown:
            raise ValueError(f"unknown key of a fault rule: {', '.join(sorted(unknown))}; known: {sorted(_RULE_KEYS)}")
        kind = document.get("kind")
        if kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {kind!r}; known: {list(KINDS)}")
        match = _mapping(document, "match")
        unknown = set(match) - _MATCH_KEYS
        if unknown:
            raise ValueError(f"unknown match of a fault rule: {sorted(unknown)}; known: {sorted(_MATCH_KEYS)}")
        try:
            times = document.get("times")
            return Rule(
                id=str(document.get("id") or f"rule-{next(self._ids)}"),
                kind=cast(Kind, kind),
                path_prefix=str(match.get("path_prefix") or ""),
                operation=re.compile(match["operation"]) if match.get("operation") else None,
                method=re.compile(match["method"]) if match.get("method") else None,
                body_contains=str(match.get("body_contains") or "").encode(),
                times=None if times is None else int(times),
                skip=int(document.get("skip") or 0),
                every_nth=max(1, int(document.get("every_nth") or 1)),
                probability=float(document.get("probability", 1.0)),
                seed=int(document.get("seed") or 0),
                params=_mapping(document, "params"),
            )
        except re.error as problem:
            raise ValueError(f"fault rule: {problem}") from problem


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key) or {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{key} of a fault rule must be an object")
    return value
