"""One cost budget per shop for all processes, divided by priority: no throttling, and bulk work lets others pass."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar
from uuid import uuid4

from shopify_fw360.errors import SHOPIFY_THROTTLED, SyncError
from shopify_fw360.records import Origin
from shopify_fw360.shopify.bucket import (
    BudgetState,
    CostReport,
    Ticket,
    Turn,
    ask,
    dumped,
    first_state,
    loaded,
    settle,
    withdraw,
)

T = TypeVar("T")

REMEMBERED: Final = 100
"""Answers of an operation out of which the next reservation is corrected."""

LOOK_AGAIN: Final = 0.5
"""Seconds after which a caller that waits asks again at the latest: what others give back may let it go earlier."""


class BudgetBackend(Protocol):
    """Keeps one `BudgetState` per shop, by `first_state` at first, and changes it by one caller at a time."""

    def ask(self, shop: str, ticket: Ticket, now: float) -> Turn | float:
        """Ask for points; returns the turn, to be settled in any case, or the seconds after which to ask again.

        Args:
            shop: the shop's address without scheme.
            ticket: the call.
            now: Unix time in seconds.
        """

    def withdraw(self, shop: str, ticket: Ticket, now: float) -> None:
        """Forget a call that has given up waiting."""

    def settle(self, shop: str, turn: Turn, report: CostReport, now: float) -> None:
        """Settle a turn; the arguments are those of the function `bucket.settle`."""


class MemoryBudget:
    """A `BudgetBackend` for the threads of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, BudgetState] = {}

    def ask(self, shop: str, ticket: Ticket, now: float) -> Turn | float:
        """Ask for points; see `BudgetBackend.ask`."""
        with self._lock:
            self._states[shop], answer = ask(self._states.get(shop) or first_state(now), ticket, now)
            return answer

    def withdraw(self, shop: str, ticket: Ticket, now: float) -> None:
        """Forget a call; see `BudgetBackend.withdraw`."""
        with self._lock:
            self._states[shop] = withdraw(self._states.get(shop) or first_state(now), ticket)

    def settle(self, shop: str, turn: Turn, report: CostReport, now: float) -> None:
        """Settle a turn; see `BudgetBackend.settle`."""
        with self._lock:
            state = self._states.get(shop) or first_state(now)
            self._states[shop] = settle(state, turn, report, now)

    def state(self, shop: str) -> BudgetState | None:
        """Return what is known about a shop, None before its first call."""
        with self._lock:
            return self._states.get(shop)


class LockedStates(Protocol):
    """One JSON state per shop in a database, changed by one process at a time; the store room offers it."""

    def with_state(self, shop: str, change: Callable[[Mapping[str, Any] | None], tuple[Mapping[str, Any], T]]) -> T:
        """Replace the state of a shop by what ``change`` makes of it (None the first time) and return its result."""


@dataclass(frozen=True, slots=True)
class SharedBudget:
    """A `BudgetBackend` for all processes that share a database.

    Args:
        states: where the state of each shop lives.
    """

    states: LockedStates

    def ask(self, shop: str, ticket: Ticket, now: float) -> Turn | float:
        """Ask for points; see `BudgetBackend.ask`."""

        def change(held: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], Turn | float]:
            state, answer = ask(loaded(held, now), ticket, now)
            return dumped(state), answer

        return self.states.with_state(shop, change)

    def withdraw(self, shop: str, ticket: Ticket, now: float) -> None:
        """Forget a call; see `BudgetBackend.withdraw`."""
        self.states.with_state(shop, lambda held: (dumped(withdraw(loaded(held, now), ticket)), None))

    def settle(self, shop: str, turn: Turn, report: CostReport, now: float) -> None:
        """Settle a turn; see `BudgetBackend.settle`."""
        self.states.with_state(shop, lambda held: (dumped(settle(loaded(held, now), turn, report, now)), None))


@dataclass(frozen=True, slots=True)
class Reservation:
    """Points held for one call.

    Args:
        operation: name of the GraphQL operation.
        estimate: cost computed from the document.
        turn: what the backend has reserved.
    """

    operation: str
    estimate: float
    turn: Turn


@dataclass(slots=True)
class CostBudget:
    """The budget of one shop as the client uses it: reserve before a call, settle after it.

    Nothing is sent before its turn. If a machine stalls so long that other users empty the bucket meanwhile, Shopify
    may throttle a call; the client then repeats it.

    Args:
        shop: the shop's address without scheme.
        backend: where the state lives.
        clock: Unix time in seconds.
        sleep: waits the given seconds.
        longest_wait: seconds of waiting after which a caller gives up.
        lane: priority of all calls made through it.
    """

    shop: str
    backend: BudgetBackend = field(default_factory=MemoryBudget)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    longest_wait: float = 120.0
    lane: Origin = Origin.SYNC_NOW
    _ratios: dict[str, tuple[float, ...]] = field(default_factory=dict, init=False)

    def acquire(self, operation: str, estimate: float) -> Reservation:
        """Wait until the bucket has room for a call and reserve the room.

        Args:
            operation: name of the GraphQL operation; what its answers cost corrects later estimates.
            estimate: cost computed from the document.

        Returns:
            The reservation, to be given to `release` in any case.

        Raises:
            SyncError: SYNC-303 when the wait would be longer than `longest_wait`.
        """
        cost = max(1.0, estimate * self._factor(operation))
        ticket = Ticket(uuid4().hex, self.lane, cost, self.clock())
        slept = 0.0
        while not isinstance(answer := self.backend.ask(self.shop, ticket, self.clock()), Turn):
            if slept + answer > self.longest_wait:
                self.backend.withdraw(self.shop, ticket, self.clock())
                raise SyncError(
                    SHOPIFY_THROTTLED,
                    f"{operation} would have to wait {slept + answer:.0f} s for the shop's cost budget",
                    retry_after=answer,
                )
            # Jitter above the needed time: callers of several processes must not arrive in one burst.
            pause = min(answer, LOOK_AGAIN) * (1 + random.uniform(0.0, 0.05))  # noqa: S311 - no secret depends on it
            self.sleep(pause)
            slept += pause
        return Reservation(operation, estimate, answer)

    def release(self, reservation: Reservation, report: CostReport | None) -> None:
        """End a call.

        Args:
            reservation: from `acquire`.
            report: what the answer said; None if there was no answer, then the points are taken as spent.
        """
        report = report or CostReport()
        if report.requested:
            self._learn(reservation, report.requested)
        self.backend.settle(self.shop, reservation.turn, report, self.clock())

    def _factor(self, operation: str) -> float:
        """What an estimate is multiplied by.

        A reservation that is too low earns THROTTLED, one that is too high is given back when the call ends; so the
        highest of what was seen lately counts, and never less than the estimate itself.
        """
        return max((1.0, *self._ratios.get(operation, ())))

    def _learn(self, reservation: Reservation, requested: float) -> None:
        seen = self._ratios.get(reservation.operation, ())
        self._ratios[reservation.operation] = (*seen, requested / max(1.0, reservation.estimate))[-REMEMBERED:]
