"""An hour of changes on both sides of the running local Airflow, with faults everywhere; then nothing may differ."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sandbox.common.client import Control
from scripts.local.demo import DAGS
from scripts.local.errors import LocalError
from scripts.local.latency import (
    BUCKET_SECONDS,
    MIX,
    Times,
    first_after,
    newest,
    number_of,
    share_of,
    times_since,
    wake,
)
from scripts.local.runtime import AIRFLOW, Runtime
from scripts.local.traffic import Edit, People, pace
from shopify_fw360.records import Entity, System

POINTS: Final = 1000.0
"""Cost points per second of the shop meanwhile, as on Shopify Plus: a standard shop pays for three changes a second."""

FAULTS: Final = (
    {"kind": "http_status", "probability": 0.01, "params": {"status": 503}},
    {"kind": "reset", "probability": 0.005},
    {"kind": "truncate", "probability": 0.005},
    {"kind": "lost_answer", "probability": 0.005},
    {"kind": "apply_then_500", "probability": 0.005},
    {"kind": "throttle", "probability": 0.005},
    {"kind": "slow", "probability": 0.01, "params": {"ms": 1000}},
)
"""Struck at every request of the API to either side; 5.5 % of them meet one."""

WEBHOOKS: Final = {"webhook_drop": 0.02, "webhook_duplicate": 0.1, "webhook_shuffle": True}
SITE_WEBHOOKS: Final = {"webhook_lost": 0.02, "webhook_duplicated": 0.1, "webhook_shuffled": True}
LOOK_SECONDS: Final = 60.0
_PATIENCE: Final = 1200.0


class SoakError(LocalError):
    """Something was lost, doubled or differs; the message says what."""


@dataclass(slots=True)
class Minute:
    """What one look has shown.

    Args:
        at: seconds since the begin.
        lags: seconds that the changes took that have arrived since the look before.
        waiting: changes that are on their way.
        oldest: seconds the oldest of them has waited.
        memory: bytes of its own that each component of Airflow holds, its children included.
    """

    at: float
    lags: list[float] = field(default_factory=list)
    waiting: int = 0
    oldest: float = 0.0
    memory: dict[str, int] = field(default_factory=dict)


def run(runtime: Runtime, rate: float, seconds: float, say: Callable[[str], None] = print) -> None:
    """Let people change things while everything fails now and then, and compare both sides at the end.

    Args:
        runtime: a running, synchronised runtime.
        rate: changes per second.
        seconds: for how long.
        say: prints a line.

    Raises:
        SoakError: something was lost, doubled or differs.
        AirflowError: Airflow did not do what was asked.
    """
    wake(runtime.api())
    people = People(runtime)
    people.shop.set_options(bucket_size=POINTS * BUCKET_SECONDS, restore_rate=POINTS)
    sales = _sales(people.site)
    watching = _Watching(runtime, people)
    with _faults(people):
        minutes = watching.while_people(rate, seconds, say)
        struck = _struck(people)
    say(_summary(minutes))
    say("  faults met: " + ", ".join(f"{name} {count}" for name, count in sorted(struck.items())))
    _settle(runtime, watching, say)
    differing = people.differing()
    if differing:
        raise SoakError(f"{len(differing)} records differ:\n" + "\n".join(differing[:20]))
    bought = sum(edit.flow.entity is Entity.ORDER for edit in watching.edits)
    booked = _sales(people.site) - sales
    if bought != booked:
        raise SoakError(f"{bought} things were bought, {booked} sales were made")
    say(
        f"  {len(watching.edits)} changes, {len(people.last)} records alike on both sides,"
        f" {booked} orders booked once each"
    )
    writes = _writes(runtime)
    _run_all(runtime)
    if extra := _writes(runtime) - writes:
        raise SoakError(f"nothing had changed, but another round wrote {extra} times")
    say("  another round of all flows wrote 0")


class _Watching:
    """Follows changes to the other side."""

    def __init__(self, runtime: Runtime, people: People) -> None:
        self.edits: list[Edit] = []
        self._runtime = runtime
        self._people = people
        self._diaries = {System.SHOPIFY: people.shop, System.FRAMEWORK360: people.site}
        self._known = {system: newest(control) for system, control in self._diaries.items()}
        self._times: dict[System, Times] = {system: defaultdict(list) for system in self._diaries}
        self._waiting: list[Edit] = []
        self._seen = 0

    def while_people(self, rate: float, seconds: float, say: Callable[[str], None]) -> list[Minute]:
        """Let people work, look once a minute, and return what was seen."""
        began = time.time()
        failed: list[BaseException] = []

        def work() -> None:
            try:
                for edit in pace(self._people, MIX, rate, seconds):
                    self.edits.append(edit)
            except BaseException as problem:  # noqa: BLE001 - told by whoever waits
                failed.append(problem)

        worker = threading.Thread(target=work, name="people")
        worker.start()
        minutes = []
        while worker.is_alive():
            worker.join(LOOK_SECONDS)
            minutes.append(self.look(began))
            say(_line(minutes[-1]))
        if failed:
            raise failed[0]
        return minutes

    def look(self, began: float) -> Minute:
        """Look at both diaries and at the processes."""
        for system, control in self._diaries.items():
            self._known[system] = times_since(control, self._known[system], self._times[system])
        fresh = self.edits[self._seen :]
        self._seen += len(fresh)
        minute = Minute(time.time() - began)
        still = []
        for edit in [*self._waiting, *fresh]:
            if edit.flow.entity is Entity.ORDER:
                continue
            times = self._times[edit.flow.target][edit.flow.entity, number_of(edit.target_id or "")]
            arrived = first_after(times, edit.at)
            if arrived is None:
                still.append(edit)
            else:
                minute.lags.append(arrived - edit.at)
        self._waiting = still
        minute.waiting = len(still)
        minute.oldest = max((time.time() - edit.at for edit in still), default=0.0)
        minute.memory = {name: self._runtime.processes.memory(name) for name in AIRFLOW}
        return minute


@contextmanager
def _faults(people: People) -> Iterator[None]:
    for control, options in ((people.shop, WEBHOOKS), (people.site, SITE_WEBHOOKS)):
        control.set_options(**options)
        control.add_faults([{"id": f"soak-{number}", "seed": number, **fault} for number, fault in enumerate(FAULTS)])
    try:
        yield
    finally:
        for control, options in ((people.shop, WEBHOOKS), (people.site, SITE_WEBHOOKS)):
            control.clear_faults()
            control.set_options(**{name: type(value)(0) for name, value in options.items()})


def _struck(people: People) -> Counter[str]:
    found: Counter[str] = Counter()
    for control in (people.shop, people.site):
        for rule in control.faults():
            found[rule["kind"]] += rule["struck"]
    shop, site = people.shop.state()["webhooks"], people.site.state()["webhooks"]
    found["webhooks lost"] = shop["dropped"] + site["lost"]
    found["webhooks twice"] = shop["duplicated"] + site["duplicated"]
    found["subscriptions removed"] = shop["removed_subscriptions"]
    found["THROTTLED by the bucket"] = people.shop.state()["requests"]["throttled"]
    return found


def _settle(runtime: Runtime, watching: _Watching, say: Callable[[str], None]) -> None:
    """Run what finds lost events until nothing is on its way any more."""
    began = time.time()
    while True:
        _run_all(runtime)
        minute = watching.look(began)
        if not minute.waiting:
            break
        if minute.at > _PATIENCE:
            raise SoakError(f"{minute.waiting} changes did not arrive within {_PATIENCE:.0f} s after the last")
    say(f"  all there {time.time() - began:.0f} s after the last change; the scheduled runs found what events had lost")


def _run_all(runtime: Runtime) -> None:
    api = runtime.api()
    for dag_id in DAGS:
        ended = api.wait_for_run(api.trigger(dag_id), _PATIENCE)
        if ended.state != "success":
            raise SoakError(f"{dag_id} ended as {ended.state}: {ended.url}")


def _sales(site: Control) -> int:
    return int(site.state()["records"]["orders"])


def _writes(runtime: Runtime) -> int:
    return sum(int(runtime.sandbox_metrics(name)["writes"]) for name in ("shopify", "framework360"))


def _line(minute: Minute) -> str:
    memory = sum(minute.memory.values()) / 2**20
    lags = f"p50 {share_of(minute.lags, 0.5):.2f} s, p95 {share_of(minute.lags, 0.95):.2f} s" if minute.lags else "none"
    return (
        f"  {minute.at:5.0f} s: {len(minute.lags)} arrived, {lags}; {minute.waiting} on their way,"
        f" the oldest for {minute.oldest:.0f} s; memory {memory:.0f} MB"
    )


def _summary(minutes: Sequence[Minute]) -> str:
    """Return memory and lag by thirds of the time."""
    third = max(1, len(minutes) // 3)
    lines = []
    for number, part in enumerate((minutes[:third], minutes[third : 2 * third], minutes[2 * third :]), 1):
        lags = [lag for minute in part for lag in minute.lags]
        if not lags:
            continue
        memory = ", ".join(f"{name} {_mean(part, name):.0f}" for name in AIRFLOW)
        lines.append(
            f"  third {number}: lag p50 {share_of(lags, 0.5):.2f}, p95 {share_of(lags, 0.95):.2f},"
            f" max {max(lags):.0f} s; memory in MB: {memory}"
        )
    return "\n".join(lines)


def _mean(minutes: Sequence[Minute], name: str) -> float:
    return sum(minute.memory[name] for minute in minutes) / len(minutes) / 2**20
