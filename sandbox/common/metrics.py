"""Request metrics per operation."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

SAMPLES = 10_000


@dataclass(slots=True)
class OperationMetrics:
    """Counters of one operation; latencies in seconds, the newest 10,000."""

    count: int = 0
    writes: int = 0
    errors: int = 0
    faults: int = 0
    in_flight: int = 0
    in_flight_max: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))


class Metrics:
    """Counts requests of one server; used from its event loop only."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start from zero; requests in flight are counted again when the next one starts."""
        self._operations: dict[str, OperationMetrics] = {}
        self._in_flight = 0
        self._in_flight_max = 0
        self._generation = object()
        self._started = time.monotonic()
        self._second = -1
        self._in_second = 0
        self._peak_per_second = 0

    def start(self, operation: str) -> Ticket:
        """Count the start of a request; call `finish` on the ticket when its answer is out."""
        entry = self._operations.get(operation)
        if entry is None:
            entry = self._operations[operation] = OperationMetrics()
        entry.in_flight += 1
        entry.in_flight_max = max(entry.in_flight_max, entry.in_flight)
        self._in_flight += 1
        self._in_flight_max = max(self._in_flight_max, self._in_flight)
        now = time.monotonic()
        second = int(now - self._started)
        self._in_second = self._in_second + 1 if second == self._second else 1
        self._second = second
        self._peak_per_second = max(self._peak_per_second, self._in_second)
        return Ticket(self, self._generation, entry, now)

    def finished(self, generation: object) -> None:
        """Count one request less in flight, unless it started before the last reset."""
        if generation is self._generation:
            self._in_flight -= 1

    def as_dict(self) -> dict[str, Any]:
        """Return totals and, per operation, counts and latency percentiles in milliseconds."""
        entries = self._operations.values()
        return {
            "seconds": round(time.monotonic() - self._started, 3),
            "requests": sum(entry.count for entry in entries),
            "writes": sum(entry.writes for entry in entries),
            "errors": sum(entry.errors for entry in entries),
            "faults": sum(entry.faults for entry in entries),
            "in_flight": self._in_flight,
            "in_flight_max": self._in_flight_max,
            "peak_per_second": self._peak_per_second,
            "operations": {name: _summary(entry) for name, entry in sorted(self._operations.items())},
        }


@dataclass(slots=True)
class Ticket:
    """One request in flight."""

    metrics: Metrics
    generation: object
    entry: OperationMetrics
    started: float

    def finish(self, *, write: bool, error: bool, fault: bool) -> None:
        """Count the end of the request.

        Args:
            write: the request was an applied write, whether its answer arrived or not.
            error: the answer reported a failure or never left.
            fault: a fault rule touched the request.
        """
        entry = self.entry
        entry.in_flight -= 1
        entry.count += 1
        entry.writes += write
        entry.errors += error
        entry.faults += fault
        entry.latencies.append(time.monotonic() - self.started)
        self.metrics.finished(self.generation)


def _summary(entry: OperationMetrics) -> dict[str, Any]:
    ordered = sorted(entry.latencies)
    return {
        "count": entry.count,
        "writes": entry.writes,
        "errors": entry.errors,
        "faults": entry.faults,
        "in_flight_max": entry.in_flight_max,
        "latency_ms": {
            "p50": _percentile(ordered, 0.50),
            "p95": _percentile(ordered, 0.95),
            "p99": _percentile(ordered, 0.99),
            "max": _percentile(ordered, 1.0),
        },
    }


def _percentile(ordered: list[float], share: float) -> float:
    if not ordered:
        return 0.0
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)
