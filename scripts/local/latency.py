"""How long a change takes from one system to the other in the running local Airflow, and where the time goes."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import create_engine, func, select

from sandbox.common.client import Control
from scripts.local.airflow_api import AirflowApi
from scripts.local.demo import NEAR_REAL_TIME
from scripts.local.errors import LocalError
from scripts.local.runtime import Runtime
from scripts.local.traffic import Edit, People, pace
from shopify_fw360.records import QUEUE_CONSUMER, Entity, Flow, System
from shopify_fw360.store.tables import consumer, journal, link, webhook_event

MIX: Final = tuple(
    Flow(entity, source)
    for entity, source in (
        (Entity.CUSTOMER, System.SHOPIFY),
        (Entity.CUSTOMER, System.FRAMEWORK360),
        (Entity.CUSTOMER, System.SHOPIFY),
        (Entity.PRODUCT, System.SHOPIFY),
        (Entity.CUSTOMER, System.FRAMEWORK360),
        (Entity.ORDER, System.SHOPIFY),
        (Entity.CUSTOMER, System.SHOPIFY),
        (Entity.CUSTOMER, System.FRAMEWORK360),
        (Entity.PRODUCT, System.FRAMEWORK360),
        (Entity.CUSTOMER, System.SHOPIFY),
    )
)
"""What people do, in turn: 40 and 30 % customers, 10 % each products both ways and orders."""

BUCKET_SECONDS: Final = 20
"""Shopify: a standard shop's bucket of 2,000 points holds what is restored in 20 seconds; assumed for other plans."""

SETTLE_SECONDS: Final = 60.0
"""How long what was begun last may take."""

_COLD_PATIENCE: Final = 60.0


class LatencyError(LocalError):
    """A change did not arrive; the message says which."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a change has arrived; all times in seconds.

    Args:
        flow: the way it took.
        told: from the change in its system until the receiver had committed the event.
        carried: from there until the other system had changed.
        booked: from there until the queue knew that it was done.
    """

    flow: Flow
    told: float
    carried: float
    booked: float

    @property
    def total(self) -> float:
        """From the change to the change in the other system."""
        return self.told + self.carried


def run(
    runtime: Runtime,
    rate: float,
    seconds: float,
    cold: int,
    *,
    points: float,
    entity: str | None,
    say: Callable[[str], None] = print,
) -> None:
    """Let people change things and print how long the changes take.

    Args:
        runtime: a running, synchronised runtime.
        rate: changes per second.
        seconds: for how long.
        cold: changes that find the consumer asleep, before.
        points: cost points per second that the shop's plan restores.
        entity: change only records of this kind; None for all of them, in the proportions of `MIX`.
        say: prints a line.

    Raises:
        LatencyError: a change did not arrive, or the two sides differ in the end.
        AirflowError: Airflow did not do what was asked.
    """
    wake(runtime.api())
    people = People(runtime)
    flows = [flow for flow in MIX if entity is None or flow.entity.value == entity]
    people.shop.set_options(bucket_size=points * BUCKET_SECONDS, restore_rate=points)
    for _ in range(cold):
        _sleep_well(runtime)
        [arrival] = watch(runtime, people, lambda: [people.edit(flows[0])], patience=_COLD_PATIENCE)
        say(f"  first change, the consumer asleep: {arrival.total:.2f} s")
    if not cold:
        watch(runtime, people, lambda: [people.edit(flows[0])], patience=_COLD_PATIENCE)
    say(f"  {rate:g} changes per second for {seconds:g} s at {points:g} points per second, the consumer awake ...")
    before = people.shop.state()["requests"]
    began = time.monotonic()
    arrivals = watch(runtime, people, lambda: pace(people, flows, rate, seconds), patience=SETTLE_SECONDS)
    say(table(arrivals))
    after = people.shop.state()["requests"]
    spent = after["points"] - before["points"]
    say(
        f"  {spent / len(arrivals):.1f} points per change, {spent / (time.monotonic() - began):.0f} per second;"
        f" {after['throttled'] - before['throttled']} THROTTLED"
    )
    if differing := people.differing():
        raise LatencyError("the sides differ:\n" + "\n".join(differing[:20]))
    say(f"  {len(arrivals)} changes, all of them in both systems; all edited records hold what was written last")


def wake(api: AirflowApi) -> None:
    """Switch on the DAGs near real time needs."""
    for dag_id in NEAR_REAL_TIME:
        api.wait_for_dag(dag_id, 90.0)
        api.unpause(dag_id)


def watch(runtime: Runtime, people: People, act: Callable[[], Iterable[Edit]], *, patience: float) -> list[Arrival]:
    """Let people do something, wait until all of it has arrived, and tell how it did.

    Args:
        runtime: where.
        people: who.
        act: does it.
        patience: seconds to wait after the last of it.

    Returns:
        One arrival per edit.

    Raises:
        LatencyError: some did not arrive.
    """
    diaries = {System.SHOPIFY: people.shop, System.FRAMEWORK360: people.site}
    known = {system: newest(control) for system, control in diaries.items()}
    times: dict[System, Times] = {system: defaultdict(list) for system in diaries}
    edits = list(act())
    end = time.monotonic() + patience
    while True:
        for system, control in diaries.items():
            known[system] = times_since(control, known[system], times[system])
        arrivals, open_edits = _match(runtime.store_url, edits, times)
        if not open_edits:
            return arrivals
        if time.monotonic() > end:
            lines = [f"{edit.flow.name} of {edit.source_id}" for edit in open_edits[:20]]
            raise LatencyError(f"{len(open_edits)} of {len(edits)} changes did not arrive: {', '.join(lines)}")
        time.sleep(0.5)


def table(arrivals: Sequence[Arrival]) -> str:
    """Return the distribution per flow and of everything, in seconds."""
    groups: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        groups[arrival.flow.name].append(arrival)
    groups = {name: groups[name] for name in sorted(groups)} | {"all": list(arrivals)}
    lines = [
        f"  {'seconds':<36} {'number':>6}   p50   p95   p99   max   told p50/p95   carried p50/p95   booked p50/p95"
    ]
    for name, group in groups.items():
        total = [arrival.total for arrival in group]
        shares = "".join(f"{share_of(total, share):6.2f}" for share in (0.5, 0.95, 0.99, 1.0))
        parts = "".join(
            f"    {share_of(values, 0.5):5.2f} /{share_of(values, 0.95):5.2f}"
            for values in (
                [arrival.told for arrival in group],
                [arrival.carried for arrival in group],
                [arrival.booked for arrival in group],
            )
        )
        lines.append(f"  {name:<36} {len(group):>6}{shares}{parts}")
    return "\n".join(lines)


def share_of(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of the values lies; there is at least one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def newest(control: Control) -> int:
    """Return the number of the newest entry of a diary."""
    entries = control.changes()
    return entries[-1][0] if entries else 0


Times = dict[tuple[Entity, str], list[float]]
"""When each record has changed, in seconds since the epoch, by entity and number."""


def times_since(control: Control, after: int, found: Times) -> int:
    """Add to `found` when records have changed since an entry of a diary; returns the number of its newest entry."""
    number = after
    for number, at, what, record_id in control.changes(after):  # noqa: B007 - the last one counts
        for entity in Entity:
            if what.lower().startswith(entity.value):
                found[entity, number_of(record_id)].append(at)
    return number


def _match(
    store_url: str, edits: Sequence[Edit], times: Mapping[System, Mapping[tuple[Entity, str], Sequence[float]]]
) -> tuple[list[Arrival], list[Edit]]:
    """Pair edits with what happened after them, and return what has arrived and what has not."""
    orders = [edit.source_id for edit in edits if edit.target_id is None]
    told, booked, targets = _stored(store_url, min((edit.at for edit in edits), default=0.0), orders)
    arrivals, still = [], []
    for edit in edits:
        entity, source = edit.flow.entity, edit.flow.source
        target_id = edit.target_id or targets.get(edit.source_id) or ""
        changed = first_after(times[source].get((entity, number_of(edit.source_id)), ()), edit.at)
        # An order is also told of by what happens to it while it is placed; the first event is what counts.
        heard = first_after(told.get((source, entity, edit.source_id), ()), edit.at)
        arrived = first_after(times[edit.flow.target].get((entity, number_of(target_id)), ()), changed or edit.at)
        ended = first_after(booked.get((source, entity, edit.source_id), ()), arrived or edit.at)
        if changed is None or heard is None or arrived is None or ended is None:
            still.append(edit)
        else:
            arrivals.append(Arrival(edit.flow, heard - changed, arrived - heard, ended - arrived))
    return arrivals, still


def first_after(times: Sequence[float], since: float) -> float | None:
    """Return the first of ascending times that is not before another one."""
    place = bisect_left(times, since)
    return times[place] if place < len(times) else None


def number_of(record_id: str) -> str:
    """Return the number of an id; the diaries know numbers, the store knows ids as the systems word them."""
    return record_id.rsplit("/", 1)[-1]


Heard = dict[tuple[System, Entity, str], list[float]]


def _stored(store_url: str, since: float, orders: Sequence[str]) -> tuple[Heard, Heard, dict[str, str]]:
    """Return when events came, when records were done, and the sales that orders have become."""
    told: Heard = defaultdict(list)
    booked: Heard = defaultdict(list)
    engine = create_engine(store_url)
    try:
        with engine.connect() as connection:
            event, entry = webhook_event.c, journal.c
            for row in connection.execute(
                select(event.system, event.entity, event.record_id, event.received_at).order_by(event.received_at)
            ):
                if row.entity and row.received_at.timestamp() >= since:
                    told[System(row.system), Entity(row.entity), row.record_id].append(row.received_at.timestamp())
            for row in connection.execute(
                select(entry.source, entry.entity, entry.source_id, entry.at).order_by(entry.at)
            ):
                if row.at.timestamp() >= since:
                    booked[System(row.source), Entity(row.entity), row.source_id].append(row.at.timestamp())
            rows = connection.execute(
                select(link.c.shopify_id, link.c.framework360_id).where(
                    link.c.entity == Entity.ORDER.value, link.c.shopify_id.in_(orders)
                )
            )
            targets = {row.shopify_id: row.framework360_id for row in rows}
    finally:
        engine.dispose()
    return told, booked, targets


def _sleep_well(runtime: Runtime) -> None:
    """Wait until no consumer is awake."""
    awake = select(consumer.c.owner).where(consumer.c.name == QUEUE_CONSUMER, consumer.c.awake_until > func.now())
    engine = create_engine(runtime.store_url)
    try:
        while True:
            with engine.connect() as connection:
                if not connection.execute(awake).all():
                    break
            time.sleep(1)
    finally:
        engine.dispose()
    time.sleep(3)
