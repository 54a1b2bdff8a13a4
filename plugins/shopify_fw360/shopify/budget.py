"""One cost budget per shop, shared by all threads and processes, so that Shopify never has to throttle us.

Shopify: every app has one leaky bucket of points per shop. A call must fit into the bucket with its *requested* cost
and gets the difference to its *actual* cost back when it ends; each answer reports the state of the bucket.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, TypeVar

from shopify_fw360.errors import SHOPIFY_THROTTLED, SyncError

T = TypeVar("T")

STANDARD_MAXIMUM = 2_000.0
"""Points a bucket holds (Shopify: standard plan, as recorded in answers)."""

STANDARD_RESTORE_RATE = 100.0
"""Points per second (Shopify: standard plan)."""

FIRST_GUESS = 500.0
"""Points taken as available before the first answer, when an earlier process may just have emptied the bucket."""

FORGOTTEN_AFTER = 120.0
"""Seconds without any reservation after which those never settled belong to processes that died."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What is known about the bucket of one shop.

    Args:
        maximum: points the bucket holds.
        available: points free at ``at`` after all reservations; negative while callers wait for their turn.
        restore_rate: points per second.
        in_flight: points reserved and not yet settled.
        at: Unix time in seconds at which ``available`` held.
        reserved_at: Unix time of the latest reservation.
        spent: points of all calls ever settled.
    """

    maximum: float = STANDARD_MAXIMUM
    available: float = FIRST_GUESS
    restore_rate: float = STANDARD_RESTORE_RATE
    in_flight: float = 0.0
    at: float = 0.0
    reserved_at: float = 0.0
    spent: float = 0.0


@dataclass(frozen=True, slots=True)
class Turn:
    """Points reserved for one call.

    Args:
        cost: points.
        wait: seconds to wait before the call may be sent (0 or more).
        spent: `BudgetState.spent` at the time; what is settled later may be missing in the report of this call.
    """

    cost: float
    wait: float
    spent: float


@dataclass(frozen=True, slots=True)
class CostReport:
    """What an answer says in ``extensions.cost``.

    None stands for what it does not say (Shopify: ``throttleStatus`` may be missing).

    Args:
        requested: points the call had to fit into the bucket with.
        actual: points it cost; 0 if it was refused unexecuted.
        maximum: size of the bucket.
        available: points free after the call.
        restore_rate: points per second.
    """

    requested: float | None = None
    actual: float | None = None
    maximum: float | None = None
    available: float | None = None
    restore_rate: float | None = None


def first_state(now: float) -> BudgetState:
    """Return the state of a shop that was never called.

    Args:
        now: Unix time in seconds.
    """
    return BudgetState(at=now, reserved_at=now)


def restored(state: BudgetState, now: float) -> BudgetState:
    """Return the state at a later moment; a clock that went back changes nothing."""
    elapsed = max(0.0, now - state.at)
    ceiling = max(state.available, state.maximum - state.in_flight)
    forgotten = now - state.reserved_at > FORGOTTEN_AFTER
    return replace(
        state,
        available=min(ceiling, state.available + elapsed * state.restore_rate),
        in_flight=0.0 if forgotten else state.in_flight,
        at=max(now, state.at),
    )


def reserve(state: BudgetState, cost: float, now: float) -> tuple[BudgetState, Turn]:
    """Take points out of the bucket, going into debt if there are not enough.

    The debt makes a queue: whoever reserves later waits longer, so that an expensive call is not starved by cheap ones.

    Args:
        state: the bucket before.
        cost: points the call will request; more than the bucket holds is taken as all of it.
        now: Unix time in seconds.

    Returns:
        The bucket after, and the turn.
    """
    state = restored(state, now)
    cost = min(cost, state.maximum)
    available = state.available - cost
    turn = Turn(cost, max(0.0, -available / state.restore_rate), state.spent)
    return replace(state, available=available, in_flight=state.in_flight + cost, reserved_at=now), turn


def settle(state: BudgetState, turn: Turn, report: CostReport, now: float) -> BudgetState:
    """Give back what a call did not use and learn from what Shopify reported.

    Shopify's figure already lacks the calls of ours that have reached it and still has the points of those on their
    way, so the truth lies between that figure less everything in flight and that figure. Answers overtake each other:
    calls settled since the turn was given may have come after the figure, so their points go off the lower bound too.
    Our own account is kept within the bounds. That follows other users of the bucket and a changed plan, and forgets
    our own errors.

    Args:
        state: the bucket before.
        turn: of the call.
        report: what the answer said; without an actual cost the reserved points are taken as spent.
        now: Unix time in seconds.

    Returns:
        The bucket after.
    """
    state = restored(state, now)
    maximum = report.maximum or state.maximum
    restore_rate = report.restore_rate or state.restore_rate
    actual = turn.cost if report.actual is None else report.actual
    in_flight = max(0.0, state.in_flight - turn.cost)
    own = min(state.available + turn.cost - actual, maximum - in_flight)
    if report.available is not None:
        lower = report.available - in_flight - (state.spent - turn.spent)
        own = min(max(own, lower), report.available)
    spent = state.spent + actual
    return replace(state, maximum=maximum, available=own, restore_rate=restore_rate, in_flight=in_flight, spent=spent)


class BudgetBackend(Protocol):
    """Keeps one `BudgetState` per shop and applies `reserve` and `settle` to it, one caller at a time."""

    def reserve(self, shop: str, cost: float, now: float) -> Turn:
        """Reserve points for a call; a shop not seen before starts with `first_state`.

        Args:
            shop: the shop's address without scheme.
            cost: points the call will request.
            now: Unix time in seconds.

        Returns:
            The turn, to be settled in any case.
        """

    def settle(self, shop: str, turn: Turn, report: CostReport, now: float) -> None:
        """Settle a reservation; the arguments are those of the function `settle`."""


class MemoryBudget:
    """A `BudgetBackend` for the threads of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, BudgetState] = {}

    def reserve(self, shop: str, cost: float, now: float) -> Turn:
        """Reserve points; see `BudgetBackend.reserve`."""
        with self._lock:
            self._states[shop], turn = reserve(self._states.get(shop) or first_state(now), cost, now)
            return turn

    def settle(self, shop: str, turn: Turn, report: CostReport, now: float) -> None:
        """Settle a reservation; see `BudgetBackend.settle`."""
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

    def reserve(self, shop: str, cost: float, now: float) -> Turn:
        """Reserve points; see `BudgetBackend.reserve`."""

        def change(held: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], Turn]:
            state, turn = reserve(_loaded(held, now), cost, now)
            return asdict(state), turn

        return self.states.with_state(shop, change)

    def settle(self, shop: str, turn: Turn, report: CostReport, now: float) -> None:
        """Settle a reservation; see `BudgetBackend.settle`."""
        self.states.with_state(shop, lambda held: (asdict(settle(_loaded(held, now), turn, report, now)), None))


def _loaded(held: Mapping[str, Any] | None, now: float) -> BudgetState:
    return first_state(now) if held is None else BudgetState(**{name: float(value) for name, value in held.items()})


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

    Turns are spread over time. If a machine stalls so long that more than a bucket of delayed turns arrive at once,
    Shopify may throttle some of them; the client then repeats them.

    Args:
        shop: the shop's address without scheme.
        backend: where the state lives.
        clock: Unix time in seconds.
        sleep: waits the given seconds.
        longest_wait: seconds after which a caller gives up its turn.
    """

    shop: str
    backend: BudgetBackend = field(default_factory=MemoryBudget)
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    longest_wait: float = 120.0
    _ratios: dict[str, float] = field(default_factory=dict, init=False)

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
        cost = max(1.0, estimate * self._ratios.get(operation, 1.0))
        turn = self.backend.reserve(self.shop, cost, self.clock())
        if turn.wait > self.longest_wait:
            self.backend.settle(self.shop, turn, CostReport(actual=0.0), self.clock())
            raise SyncError(
                SHOPIFY_THROTTLED,
                f"{operation} would have to wait {turn.wait:.0f} s for the shop's cost budget",
                retry_after=turn.wait,
            )
        if turn.wait > 0:
            # Jitter above the needed time: callers of several processes must not arrive in one burst.
            self.sleep(turn.wait * (1 + random.uniform(0.0, 0.05)))  # noqa: S311 - no secret depends on it
        return Reservation(operation, estimate, turn)

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

    def _learn(self, reservation: Reservation, requested: float) -> None:
        # Up at once and down slowly: an estimate that is too low earns THROTTLED, one that is too high costs little.
        seen = requested / max(1.0, reservation.estimate)
        known = self._ratios.get(reservation.operation)
        self._ratios[reservation.operation] = seen if known is None or seen > known else known + 0.2 * (seen - known)
