"""Requests that broke the contract, kept for tests and people."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused request.

    Args:
        operation: name as in the metrics.
        rule: the broken rule in words.
        where: place in the request, e.g. "body.tags".
        at: time of the request.
    """

    operation: str
    rule: str
    where: str
    at: datetime


class Refusals:
    """The newest refusals and the count of all."""

    def __init__(self) -> None:
        self._kept: deque[Refusal] = deque(maxlen=KEPT)
        self._total = 0

    def add(self, operation: str, rule: str, where: str) -> None:
        """Record one refused request."""
        self._kept.append(Refusal(operation, rule, where, datetime.now(UTC)))
        self._total += 1

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._total = 0

    def as_dict(self) -> dict[str, Any]:
        """Return `{"total": count of all, "refused": [newest 1000, oldest first]}`."""
        return {"total": self._total, "refused": [asdict(refusal) for refusal in self._kept]}
