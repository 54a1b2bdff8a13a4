"""Histories: random events over the real synchroniser, told as a story, and judged whenever everything is at rest."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from shopify_fw360.errors import SyncError
from shopify_fw360.records import Entity, Flow, Origin, Window
from shopify_fw360.sync.event_tasks import do_event_tasks
from shopify_fw360.sync.inbox import accept
from shopify_fw360.sync.run import Mode, equation
from tests.proof.actors import Theatre, Worker, playing
from tests.proof.goods import create_product, delete_product, edit_product
from tests.proof.judges import JUDGES, BrokenError
from tests.proof.office import Office
from tests.proof.people import (
    PLACES,
    SHOP,
    SITE,
    People,
    create_customer,
    delete_customer,
    edit_customer,
)
from tests.proof.shopping import change_order, delete_order, judge_sales, place_order
from tests.proof.systems import FAULTS, Delivery, Systems

FOCUS = {
    "customers": (Flow(Entity.CUSTOMER, SHOP), Flow(Entity.CUSTOMER, SITE)),
    "products": (Flow(Entity.PRODUCT, SHOP), Flow(Entity.PRODUCT, SITE)),
    "orders": (Flow(Entity.CUSTOMER, SHOP), Flow(Entity.CUSTOMER, SITE), Flow(Entity.ORDER, SHOP)),
}
MOST_ROUNDS = 14


class Event(NamedTuple):
    """One event; what exactly happens is drawn with its own seed from what is possible at that moment."""

    kind: str
    seed: int


@dataclass
class Story:
    """What became of a history."""

    lines: list[str] = field(default_factory=list)
    broken: BrokenError | None = None
    requests: int = 0
    writes: int = 0
    rests: int = 0
    workers: int = 0
    deaths: int = 0
    struck: int = 0


_WEIGHTS = {
    "person": 30,
    "start": 14,
    "go": 22,
    "finish": 12,
    "kill": 6,
    "retry": 4,
    "deliver": 9,
    "repeat": 2,
    "lose": 2,
    "time": 4,
    "fault": 5,
    "expire": 1,
    "rest": 4,
}


def draw_history(seed: int, only: str | None = None, *, most: int = 40) -> tuple[str, list[Event]]:
    """Return what the history of a seed is about, and its events.

    Args:
        seed: decides everything.
        only: what it shall be about, drawn if None.
        most: events at most; a shorter history is the beginning of the longer one.
    """
    draw = random.Random(seed)
    focus = draw.choice(("customers", "products"))
    if random.Random(f"orders of {seed}").random() < 1 / 3:
        focus = "orders"
    length = draw.choice((8, 15, 25, 40))
    kinds = draw.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=length)
    return only or focus, [Event(kind, draw.randrange(1 << 30)) for kind in ["person", *kinds]][:most]


def tell(seed: int, focus: str, events: Sequence[Event]) -> Story:
    """Let a history happen.

    Args:
        seed: of what the events do not decide, such as the length of waits.
        focus: which flows are on.
        events: in order.

    Returns:
        The story, with what was broken, if anything.
    """
    story = Story()
    theatre = Theatre(seed)
    with playing(theatre):
        Telling(theatre, story, seed, focus).tell(events)
    return story


class Telling:
    """One history while it happens."""

    def __init__(self, theatre: Theatre, story: Story, seed: int, focus: str) -> None:
        draw = random.Random(seed)
        self.theatre = theatre
        self.story = story
        self.focus = focus
        self.systems = Systems(theatre, index_lag=draw.choice((0.0, 0.0, 4.0)))
        self.people = People(self.systems)
        self.office = Office(theatre, self.systems, FOCUS[focus], updatable=draw.random() < 0.7)
        self.workers: list[Worker] = []
        self.delivered: list[Delivery] = []
        self.office.onboard()
        self.systems.told.clear()

    def tell(self, events: Sequence[Event]) -> None:
        """Let the events happen, then bring everything to rest and judge it."""
        try:
            for event in events:
                self.theatre.pass_time(1)
                line = _HAPPENINGS[event.kind](self, random.Random(event.seed))
                if line:
                    self.say(line)
            self.rest()
            self.replay()
        except Exception as error:  # noqa: BLE001 - a failure is a finding, told with its story
            broken = (
                error
                if isinstance(error, BrokenError)
                else BrokenError("exception", f"{type(error).__name__}: {error}")
            )
            self.say(f"BROKEN. {broken}")
            self.story.broken = broken
        self.story.requests = self.systems.requests
        self.story.writes = sum(self.systems.writes.values())

    def say(self, line: str) -> None:
        self.story.lines.append(f"{self.theatre.now():%H:%M:%S} {line}")

    # Workers ----------------------------------------------------------------------------------------------------------

    def hire(self, name: str, work: Callable[[], None]) -> Worker:
        self.story.workers += 1
        worker = Worker(self.theatre, f"worker {self.story.workers} ({name})", work)
        self.workers.append(worker)
        return worker

    def alive(self) -> list[Worker]:
        return [worker for worker in self.workers if not worker.ended]

    def take(self, delivery: Delivery, serial: str = "") -> bool:
        event = delivery.event(self.theatre.now(), serial)
        return event is not None and accept(self.office.store, [event])[0]

    # Rest -------------------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        """End all faults, deliver what is left, let all work until nothing is written any more, and judge."""
        self.story.rests += 1
        for faults in self.systems.faults.values():
            faults.clear()
        for worker in self.alive():
            self.finish(worker)
        while self.systems.told:
            self.deliver(0)
        before = sum(self.systems.writes.values())
        released = False
        rounds = 0
        # A deletion is believed after two scans that do not show the record.
        least = 3 if any(thing.gone for thing in self.people.things) else 1
        while True:
            rounds += 1
            writes = sum(self.systems.writes.values())
            self.theatre.pass_time(2400)
            self.round()
            while self.systems.told:
                self.deliver(0)
            busy = self.waiting()
            if sum(self.systems.writes.values()) == writes and not busy and rounds >= least:
                if released or not self.release():
                    break
                released = True
            if rounds == MOST_ROUNDS:
                raise BrokenError(
                    "rest", f"still busy after {rounds} rounds; waiting {busy}; writes {self.systems.writes}"
                )
        made = sum(self.systems.writes.values()) - before
        self.say(f"everything is at rest after {rounds} rounds and {made} writes")
        self.certify()
        for judge in _JUDGES[self.focus]:
            judge(self)

    def round(self) -> None:
        """What the schedule does in a while: repeats what failed, reads everything, serves the queue."""
        for run_id, run in self.office.runs.items():
            if not run.worked:
                self.calmly(lambda run_id=run_id: self.office.perform(run_id))
        with self.office.pair() as pair:
            do_event_tasks(pair)
        for flow in self.office.flows:
            run_id = self.office.new_run(flow, Mode.FULL)
            self.calmly(lambda run_id=run_id: self.office.perform(run_id))
        self.calmly(self.office.serve)

    def calmly(self, work: Callable[[], None]) -> None:
        try:
            work()
        except SyncError as error:
            raise BrokenError("failure", f"without any fault a run fails: {error}") from error

    def waiting(self) -> int:
        with self.office.store.read() as tx:
            counts = tx.pending()
            return counts.pending + counts.waiting + counts.leased + tx.open_event_tasks()

    def release(self) -> int:
        """Somebody looks at what is parked and tries it again."""
        with self.office.store.begin() as tx:
            return sum(tx.release(flow=flow) for flow in self.office.flows)

    def certify(self) -> None:
        for run_id, run in self.office.runs.items():
            if run.certified:
                continue
            run.certified = True
            with self.office.store.read() as tx:
                if tx.run(run_id) is None:
                    continue
                certificate = tx.certificate(run_id)
            if not certificate.explained or certificate.open:
                raise BrokenError("ledger", f"{run_id}: {equation(certificate)}")

    def replay(self) -> None:
        """Deliver everything once more: the same events are known, and others that tell the same change nothing."""
        writes = sum(self.systems.writes.values())
        again = list(self.delivered)
        for delivery in again:
            if self.take(delivery):
                raise BrokenError("replay", f"a repeated delivery counts as new: {delivery.topic}")
        for number, delivery in enumerate(again):
            self.take(delivery, f"again-{number}")
        self.round()
        made = sum(self.systems.writes.values()) - writes
        if made:
            raise BrokenError(
                "replay", f"{made} writes after a replay of all {len(again)} deliveries: {self.systems.writes}"
            )

    # Happenings -------------------------------------------------------------------------------------------------------

    def deliver(self, place: int) -> Delivery:
        delivery = self.systems.told.pop(place)
        self.take(delivery)
        self.delivered.append(delivery)
        return delivery

    def finish(self, worker: Worker) -> None:
        while worker.step():
            pass

    def how(self, worker: Worker) -> str:
        if worker.ended == "failed":
            if not isinstance(worker.error, SyncError):
                raise worker.error or AssertionError
            return f"{worker.name} fails: {worker.error.code.code} {worker.error.message}"
        return f"{worker.name} is {worker.ended}" if worker.ended else f"{worker.name} stands {worker.at}"


def _person(telling: Telling, draw: random.Random) -> str | None:
    acts = _ACTS[telling.focus]
    act = draw.choices([act for act, _ in acts], [weight for _, weight in acts])[0]
    return act(telling.people, draw)


def _start(telling: Telling, draw: random.Random) -> str | None:
    if len(telling.alive()) >= 4:
        return None
    office, flow = telling.office, draw.choice(telling.office.flows)
    kind = draw.choice(("poll", "poll", "full", "backfill", "now", "serve", "serve", "serve"))
    if kind == "serve":
        worker = telling.hire("serves the queue", office.serve)
        return f"{worker.name} starts"
    what: dict[str, Any] = {}
    mode = {"poll": Mode.INCREMENTAL, "full": Mode.FULL, "backfill": Mode.WINDOW, "now": Mode.IDS}[kind]
    if kind == "backfill":
        since = telling.theatre.now() - timedelta(minutes=draw.choice((1, 10, 600)))
        what = {"window": Window(since, telling.theatre.now()), "origin": Origin.BACKFILL}
    if kind == "now":
        known = [thing for thing in telling.people.of(flow.entity) if flow.source in thing.ids]
        if not known:
            return None
        thing = draw.choice(known)
        thing.asked = True
        what = {"ids": (thing.ids[flow.source],), "origin": Origin.SYNC_NOW}
    run_id = office.new_run(flow, mode, **what)
    worker = telling.hire(run_id, lambda: office.perform(run_id))
    return f"{worker.name} starts"


def _go(telling: Telling, draw: random.Random) -> str | None:
    alive = telling.alive()
    if not alive:
        return None
    worker = draw.choice(alive)
    for _ in range(draw.choice((1, 2, 3, 5, 8, 13, 21, 34))):
        if not worker.step():
            break
    return f"{worker.name} goes on; {telling.how(worker)}"


def _finish(telling: Telling, draw: random.Random) -> str | None:
    alive = telling.alive()
    if not alive:
        return None
    worker = draw.choice(alive)
    telling.finish(worker)
    return f"{worker.name} goes on to its end; {telling.how(worker)}"


def _kill(telling: Telling, draw: random.Random) -> str | None:
    alive = telling.alive()
    if not alive:
        return None
    worker = draw.choice(alive)
    at = worker.at
    worker.die()
    telling.story.deaths += 1
    return f"{worker.name} dies at {at}"


def _retry(telling: Telling, draw: random.Random) -> str | None:
    busy = {worker.name.partition("(")[2].removesuffix(")") for worker in telling.alive()}
    open_runs = [run_id for run_id, run in telling.office.runs.items() if not run.worked and run_id not in busy]
    if not open_runs or len(telling.alive()) >= 4:
        return None
    run_id = draw.choice(open_runs)
    worker = telling.hire(run_id, lambda: telling.office.perform(run_id))
    return f"{worker.name} starts, to repeat what failed"


def _deliver(telling: Telling, draw: random.Random) -> str | None:
    told = telling.systems.told
    if not told:
        return None
    if draw.random() < 0.3:
        topics = []
        while told:
            topics.append(telling.deliver(draw.randrange(len(told))).topic)
        return f"all webhooks arrive, in this order: {', '.join(topics)}"
    delivery = telling.deliver(draw.randrange(len(told)))
    return f"the webhook {delivery.topic} arrives"


def _repeat(telling: Telling, draw: random.Random) -> str | None:
    if not telling.delivered:
        return None
    delivery = draw.choice(telling.delivered)
    telling.take(delivery, draw.choice(("", str(draw.random()))))
    return f"the webhook {delivery.topic} arrives once more"


def _lose(telling: Telling, draw: random.Random) -> str | None:
    told = telling.systems.told
    if not told:
        return None
    return f"the webhook {told.pop(draw.randrange(len(told))).topic} is lost"


def _time(telling: Telling, draw: random.Random) -> str:
    seconds = draw.choice((5, 60, 400, 7200))
    telling.theatre.pass_time(seconds)
    return f"{seconds} seconds pass"


def _fault(telling: Telling, draw: random.Random) -> str:
    system = draw.choice((SHOP, SITE))
    kind, number, skip = draw.choice(FAULTS), draw.choice((1, 1, 2, 3, 6)), draw.choice((0, 0, 1, 2, 5))
    telling.systems.faults[system] = [""] * skip + [kind] * number
    telling.story.struck += number
    return f"of the next requests to the {PLACES[system]}, {number} after {skip} end with: {kind}"


def _expire(telling: Telling, _: random.Random) -> str:
    telling.systems.shop.shop.tokens.expire()
    return "the access token of the shop expires"


def _rest(telling: Telling, _: random.Random) -> None:
    telling.rest()


_HAPPENINGS: dict[str, Callable[[Telling, random.Random], str | None]] = {
    "person": _person, "start": _start, "go": _go, "finish": _finish, "kill": _kill, "retry": _retry,
    "deliver": _deliver, "repeat": _repeat, "lose": _lose, "time": _time, "fault": _fault, "expire": _expire,
    "rest": _rest,
}  # fmt: skip


def _new_customer(people: People, draw: random.Random) -> str | None:
    if len(people.of(Entity.CUSTOMER)) >= 4:
        return edit_customer(people, draw)
    return create_customer(people, draw, both=draw.random() < 0.2)


_CUSTOMER_ACTS = [(_new_customer, 3), (edit_customer, 8), (delete_customer, 1)]
_ACTS: dict[str, list[tuple[Callable[[People, random.Random], str | None], int]]] = {
    "customers": _CUSTOMER_ACTS,
    "products": [(create_product, 3), (edit_product, 8), (delete_product, 1)],
    "orders": [(place_order, 3), (change_order, 8), (delete_order, 1)],
}
_JUDGES = {**JUDGES, "orders": (judge_sales,)}
