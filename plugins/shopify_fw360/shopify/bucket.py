"""What is known about the leaky bucket of a shop, who waits for it, and who has used it; no clock and no lock in here.

Shopify: every app has one leaky bucket of points per shop. A call must fit into the bucket with its *requested* cost
and gets the difference to its *actual* cost back when it ends; each answer reports the state of the bucket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from shopify_fw360.records import Origin

STANDARD_MAXIMUM: Final = 2_000.0
"""Points a bucket holds (Shopify: standard plan, as recorded in answers)."""

STANDARD_RESTORE_RATE: Final = 100.0
"""Points per second (Shopify: standard plan)."""

FIRST_GUESS: Final = 500.0
"""Points taken as available before the first answer, when an earlier process may just have emptied the bucket."""

FORGOTTEN_AFTER: Final = 120.0
"""Seconds after which a call that was never settled belongs to a process that died."""

TICKET_LIVES: Final = 10.0
"""Seconds without a word from a waiting caller after which it is taken for dead; one that lives asks twice a second."""

RESERVED: Final[Mapping[Origin, float]] = {
    Origin.SYNC_NOW: 0.0,
    Origin.WEBHOOK: 0.05,
    Origin.POLL: 0.2,
    Origin.RECOVERY: 0.3,
    Origin.BACKFILL: 0.35,
}
"""Share of the bucket that a lane leaves to those before it, so that an urgent call finds points and need not wait."""

PATIENCE: Final[Mapping[Origin, float]] = {
    Origin.SYNC_NOW: 0.0,
    Origin.WEBHOOK: 1.0,
    Origin.POLL: 30.0,
    Origin.RECOVERY: 60.0,
    Origin.BACKFILL: 90.0,
}
"""Seconds during which a call may be passed by calls of more urgent lanes; after that it is served like those."""

KEPT_MINUTES: Final = 15
"""Minutes over which the use of the bucket is told."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that asks for points.

    Args:
        id: unique among all callers.
        lane: its priority.
        cost: points it will request.
        asked_at: Unix time in seconds at which it asked first.
        seen_at: when it asked last.
    """

    id: str
    lane: Origin
    cost: float
    asked_at: float
    seen_at: float = 0.0

    @property
    def turn_by(self) -> float:
        """Unix time in seconds after which no other lane passes it."""
        return self.asked_at + PATIENCE[self.lane]


@dataclass(frozen=True, slots=True)
class LaneUse:
    """What a lane has used within one minute.

    Args:
        lane: the priority.
        minute: number of the minute since 1970.
        calls: that were let through.
        points: their actual cost, as far as it is known.
        waited: seconds these calls waited together.
        longest: the longest of these waits.
    """

    lane: Origin
    minute: int
    calls: int = 0
    points: float = 0.0
    waited: float = 0.0
    longest: float = 0.0


@dataclass(frozen=True, slots=True)
class Flight:
    """A call under way.

    Args:
        id: of its ticket.
        cost: points reserved for it.
        at: Unix time in seconds at which it got its turn.
    """

    id: str
    cost: float
    at: float


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What is known about the bucket of one shop.

    Args:
        maximum: points the bucket holds.
        available: points free at ``at`` after all reservations; negative if others used the bucket beside us.
        restore_rate: points per second.
        at: Unix time in seconds at which ``available`` held.
        spent: points of all calls ever settled.
        known: whether any answer has told what the bucket is like.
        flights: calls under way.
        waiting: calls that wait for points.
        used: what the lanes have used lately, oldest minute first.
    """

    maximum: float = STANDARD_MAXIMUM
    available: float = FIRST_GUESS
    restore_rate: float = STANDARD_RESTORE_RATE
    at: float = 0.0
    spent: float = 0.0
    known: bool = False
    flights: tuple[Flight, ...] = ()
    waiting: tuple[Ticket, ...] = ()
    used: tuple[LaneUse, ...] = ()

    @property
    def in_flight(self) -> float:
        """Points reserved and not yet settled."""
        return sum(flight.cost for flight in self.flights)


@dataclass(frozen=True, slots=True)
class Turn:
    """Points reserved for one call, which may be sent at once.

    Args:
        id: of the ticket.
        cost: points.
        spent: `BudgetState.spent` at the time; what is settled later may be missing in the report of this call.
        lane: of the call.
    """

    id: str
    cost: float
    spent: float
    lane: Origin


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
    return BudgetState(at=now)


def restored(state: BudgetState, now: float) -> BudgetState:
    """Return the state at a later moment; a clock that went back changes nothing."""
    elapsed = max(0.0, now - state.at)
    ceiling = max(state.available, state.maximum - state.in_flight)
    return replace(
        state,
        available=min(ceiling, state.available + elapsed * state.restore_rate),
        flights=tuple(flight for flight in state.flights if now - flight.at <= FORGOTTEN_AFTER),
        at=max(now, state.at),
    )


def ask(state: BudgetState, ticket: Ticket, now: float) -> tuple[BudgetState, Turn | float]:
    """Ask for points, for the first time or again.

    A call may go once the bucket holds its cost, the cost of the calls that are to go before it, and the share its
    lane leaves to more urgent ones. Calls go in the order in which their patience ends: within a lane in the order in
    which they came, so that an expensive call is not starved by cheap ones; urgent lanes before the others; and a call
    that was passed for long enough before everybody, so that no lane starves for ever.

    Args:
        state: the bucket before.
        ticket: the call; the same one with each asking.
        now: Unix time in seconds.

    Returns:
        The bucket after; and the turn, or the seconds after which to ask again (a guess, more than 0).
    """
    state = restored(state, now)
    # More than the bucket holds can never be had; Shopify then decides about the call.
    cost = min(ticket.cost, state.maximum)
    others = [one for one in state.waiting if one.id != ticket.id and now - one.seen_at <= TICKET_LIVES]
    ahead = sum(one.cost for one in others if (one.turn_by, one.asked_at, one.id) < _order(ticket))
    left = 0.0 if now >= ticket.turn_by or not state.known else RESERVED[ticket.lane] * state.maximum
    needed = cost + ahead + min(left, state.maximum - cost)
    if state.available < needed:
        waiting = (*others, replace(ticket, cost=cost, seen_at=now))
        wait = max((needed - state.available) / state.restore_rate, 0.001)
        return replace(state, waiting=waiting), wait
    waited = max(0.0, now - ticket.asked_at)
    return (
        replace(
            state,
            available=state.available - cost,
            flights=(*state.flights, Flight(ticket.id, cost, now)),
            waiting=tuple(others),
            used=_noted(state.used, ticket.lane, now, calls=1, waited=waited),
        ),
        Turn(ticket.id, cost, state.spent, ticket.lane),
    )


def withdraw(state: BudgetState, ticket: Ticket) -> BudgetState:
    """Forget a call that has given up waiting."""
    return replace(state, waiting=tuple(one for one in state.waiting if one.id != ticket.id))


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
    flights = tuple(flight for flight in state.flights if flight.id != turn.id)
    in_flight = sum(flight.cost for flight in flights)
    own = min(state.available + turn.cost - actual, maximum - in_flight)
    if report.available is not None:
        lower = report.available - in_flight - (state.spent - turn.spent)
        own = min(max(own, lower), report.available)
    return replace(
        state,
        maximum=maximum,
        available=own,
        restore_rate=restore_rate,
        flights=flights,
        spent=state.spent + actual,
        known=state.known or report.available is not None,
        used=_noted(state.used, turn.lane, now, points=actual),
    )


@dataclass(frozen=True, slots=True)
class LaneView:
    """One lane of the budget, for people.

    Args:
        lane: the priority.
        waiting: calls that wait for points now.
        waiting_points: points they wait for.
        waiting_seconds: how long the first of them has waited.
        calls: let through within the span looked at.
        points: they cost.
        mean_wait: seconds a call waited on average, 0 without calls.
        longest_wait: seconds the longest of them waited.
        reserved: points the lane leaves to more urgent ones.
    """

    lane: Origin
    waiting: int
    waiting_points: float
    waiting_seconds: float
    calls: int
    points: float
    mean_wait: float
    longest_wait: float
    reserved: float


@dataclass(frozen=True, slots=True)
class BudgetView:
    """The budget of a shop, for people.

    Args:
        level: points free now, as far as we know.
        maximum: points the bucket holds.
        restore_rate: points per second.
        in_flight: points of calls under way.
        minutes: span over which use is told.
        lanes: all of them, the most urgent first.
    """

    level: float
    maximum: float
    restore_rate: float
    in_flight: float
    minutes: int
    lanes: tuple[LaneView, ...] = field(default=())


def view(state: BudgetState, now: float, minutes: int) -> BudgetView:
    """Tell how full the bucket is, who waits and who has used it.

    Args:
        state: the bucket.
        now: Unix time in seconds.
        minutes: span over which use is told, at most `KEPT_MINUTES`; the present minute counts as one.
    """
    state = restored(state, now)
    since = int(now // 60) - minutes
    lanes = []
    for lane in Origin:
        waiting = [one for one in state.waiting if one.lane is lane and now - one.seen_at <= TICKET_LIVES]
        used = [use for use in state.used if use.lane is lane and use.minute > since]
        calls = sum(use.calls for use in used)
        lanes.append(
            LaneView(
                lane,
                waiting=len(waiting),
                waiting_points=sum(one.cost for one in waiting),
                waiting_seconds=max((now - one.asked_at for one in waiting), default=0.0),
                calls=calls,
                points=sum(use.points for use in used),
                mean_wait=sum(use.waited for use in used) / calls if calls else 0.0,
                longest_wait=max((use.longest for use in used), default=0.0),
                reserved=RESERVED[lane] * state.maximum,
            )
        )
    return BudgetView(state.available, state.maximum, state.restore_rate, state.in_flight, minutes, tuple(lanes))


def dumped(state: BudgetState) -> dict[str, Any]:
    """Return a state as plain JSON."""
    return asdict(state)


def loaded(held: Mapping[str, Any] | None, now: float) -> BudgetState:
    """Return a state that was kept as JSON, the first one if there is none; parts an older version lacks are empty."""
    if held is None:
        return first_state(now)
    known = {name: value for name, value in held.items() if name in BudgetState.__dataclass_fields__}
    known["flights"] = tuple(Flight(**one) for one in held.get("flights", ()))
    known["waiting"] = tuple(Ticket(**{**one, "lane": Origin(one["lane"])}) for one in held.get("waiting", ()))
    known["used"] = tuple(LaneUse(**{**one, "lane": Origin(one["lane"])}) for one in held.get("used", ()))
    return BudgetState(**known)


def _order(ticket: Ticket) -> tuple[float, float, str]:
    return ticket.turn_by, ticket.asked_at, ticket.id


def _noted(
    used: tuple[LaneUse, ...], lane: Origin, now: float, *, calls: int = 0, points: float = 0.0, waited: float = 0.0
) -> tuple[LaneUse, ...]:
    minute = int(now // 60)
    kept = [use for use in used if use.minute > minute - KEPT_MINUTES]
    mine = next((use for use in kept if (use.lane, use.minute) == (lane, minute)), LaneUse(lane, minute))
    rest = [use for use in kept if use is not mine]
    added = replace(
        mine,
        calls=mine.calls + calls,
        points=mine.points + points,
        waited=mine.waited + waited,
        longest=max(mine.longest, waited),
    )
    return (*rest, added)
