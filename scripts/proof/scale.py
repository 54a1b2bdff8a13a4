"""Twenty thousand changes by Celery workers: no record twice, one API budget, and what a second worker brings.

`make scale` starts the stack and runs it. Four measurements in one session, each printed as a line of a table: the same
import by one worker and by two, on a site that answers late enough to be what limits; then a large import and changes
of people on both sides at once, by two workers, at the rate of a plan of Shopify.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import requests
from sqlalchemy import create_engine, func, select

from sandbox.common.client import Control
from sandbox.framework360.contract import PREFIX
from scripts.local.airflow_api import AirflowApi, Run
from scripts.local.errors import LocalError
from scripts.local.latency import BUCKET_SECONDS
from scripts.local.plan import ROOT
from scripts.proof.stack import Stack, worker_name
from shopify_fw360.store.tables import journal, link

INTO_SITE: Final = "customers_shopify_to_framework360"
INTO_SHOP: Final = "customers_framework360_to_shopify"
ONBOARDING: Final = "onboard_shop"
QUEUE: Final = "webhook_queue"
WRITTEN: Final = ("created", "updated")
_PATIENCE: Final = 3600.0
_PARSED: Final = 240.0
_EDIT: Final = """mutation Edit($input: CustomerInput!) {
  customerUpdate(input: $input) { customer { id } userErrors { field message } }
}"""


class ScaleError(LocalError):
    """A record was lost or processed twice, or the budget was exceeded; the message says which."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a set of runs came to.

    Args:
        name: what was done.
        workers: Celery workers that ran.
        records: that were created or updated.
        seconds: from the start of the first task that writes to the end of the last one.
        per_worker: tasks that write, by worker.
        throttled: calls that Shopify refused for want of points.
    """

    name: str
    workers: int
    records: int
    seconds: float
    per_worker: dict[str, int]
    throttled: int

    @property
    def speed(self) -> float:
        """Records per second."""
        return self.records / self.seconds

    def line(self) -> str:
        """Return a row of the table."""
        tasks = ", ".join(f"{name} {number}" for name, number in sorted(self.per_worker.items()))
        return (
            f"  {self.name:<34} {self.workers:>7} {self.records:>8} {self.seconds:>8.0f} {self.speed:>9.1f}"
            f" {self.throttled:>9}  {tasks}"
        )


def run(
    stack: Stack, *, compared: int, customers: int, latency: float, rate: float, say: Callable[[str], None] = print
) -> None:
    """Start the stack, measure, and print a table.

    Args:
        stack: not started.
        compared: customers imported by one worker, and again by two.
        customers: then imported by two workers, and changed by two, half on each side.
        latency: of the sandbox site, in milliseconds.
        rate: points per second of the sandbox shop.
        say: prints a line.

    Raises:
        ScaleError: the proof failed.
        LocalError: the stack did not start, or Airflow did not do what was asked.
    """
    say("Starting the services of docker-compose.yaml:")
    stack.start(workers=1)
    measure(stack, compared=compared, customers=customers, latency=latency, rate=rate, say=say)


def measure(
    stack: Stack, *, compared: int, customers: int, latency: float, rate: float, say: Callable[[str], None]
) -> None:
    """As `run`, on a stack that runs with one worker."""
    session = _Session(stack, latency=latency, rate=rate, say=say)
    # Two workers with two tasks each are busy to the end, and the start of a task counts as little as it can.
    session.configure(rows_per_task=compared // 4)
    one = session.imported(compared, workers=1)
    stack.add_worker(2)
    two = session.imported(compared, workers=2)
    large, changed = session.imported(customers, workers=2), session.changed(workers=2)
    session.nothing_left()
    say("")
    say(f"  {'':<34} {'workers':>7} {'records':>8} {'seconds':>8} {'records/s':>9} {'THROTTLED':>9}  tasks that wrote")
    for each in (one, two, large, changed):
        say(each.line())
    say(f"\n  with the second worker {two.speed / one.speed:.2f} times the speed of one")
    say(f"  {large.records + changed.records} changes by two workers: none twice, none lost")
    say(f"  {session.told_by_webhook():.1f} s from an edit in the shop, by webhook, receiver and bell, to the site")
    say(f"  {session.killed(compared):.0f} s after the machine of one worker died all of its records were there, once")


class _Session:
    """One stack, measured several times."""

    def __init__(self, stack: Stack, *, latency: float, rate: float, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._latency = latency
        self._rate = rate
        self._say = say
        plan = stack.runtime.plan
        self._shop, self._site = Control(plan.shopify_url), Control(plan.framework360_url)
        self._http = requests.Session()
        self._http.trust_env = False  # a proxy of the environment must not stand between loopback addresses
        self._engine = create_engine(stack.store_url, pool_pre_ping=True)

    def configure(self, rows_per_task: int) -> None:
        """Let the workers and not the pools limit, and nothing run but what is measured."""
        api = self._stack.api()
        for pool in ("shopify_api", "framework360_api"):
            api.set_pool(pool, 32)
        settings = {
            "flows": {"customers": {"shopify_to_framework360": True, "framework360_to_shopify": True}},
            "customers": {"outbound": {"mode": "all"}},
            "schedules": {INTO_SITE: 0, INTO_SHOP: 0},
            "limits": {"rows_per_task": rows_per_task},
            "near_real_time": {"public_url": self._stack.receiver_url, "canary": False},
        }
        api.set_variable("sync_settings", json.dumps(settings))
        for dag_id in (ONBOARDING, INTO_SITE, INTO_SHOP):
            api.wait_for_dag(dag_id, _PARSED)
        end = time.monotonic() + _PARSED
        while any(api.has_schedule(dag_id) for dag_id in (INTO_SITE, INTO_SHOP)):
            if time.monotonic() > end:
                raise ScaleError(f"the DAGs kept their schedule for {_PARSED:.0f} s after it was switched off")
            time.sleep(1)
        for dag_id in (ONBOARDING, INTO_SITE, INTO_SHOP):
            api.unpause(dag_id)

    def imported(self, customers: int, workers: int) -> Measured:
        """Import the same customers into an empty site, with an empty store."""
        self._empty(customers)
        api = self._stack.api()
        self._ended(api, [api.trigger(ONBOARDING)])
        self._site.set_latency(self._latency)
        try:
            done = self._measure("import into the site", workers, [INTO_SITE])
        finally:
            self._site.set_latency(0)
        self._each_once(done.records)
        return done

    def _empty(self, customers: int) -> None:
        """Start from customers in the shop, an empty site and an empty store."""
        for control in (self._shop, self._site):
            control.reset(seed=7, customers=customers, population="shopify")
        self._stack.empty_store()
        # Webhooks would be another way to the same changes.
        self._shop.set_options(webhook_deliver=False, restore_rate=self._rate, bucket_size=self._rate * BUCKET_SECONDS)

    def changed(self, workers: int) -> Measured:
        """Edit half of the customers in the shop and the other half at the site, and carry both over at once."""
        self._shop.set_options(restore_rate=1e6, bucket_size=1e6)
        # The first run into the shop writes to every customer what only the site knows: number and sum of the sales.
        api = self._stack.api()
        self._ended(api, [api.trigger(INTO_SHOP)])
        with self._engine.connect() as connection:
            pairs = connection.execute(
                select(link.c.shopify_id, link.c.framework360_id)
                .where(link.c.shopify_id.is_not(None), link.c.framework360_id.is_not(None))
                .order_by(link.c.id)
            ).all()
        half = len(pairs) // 2
        with ThreadPoolExecutor(8) as people:
            list(people.map(self._edit_in_shop, (shop_id for shop_id, _ in pairs[:half])))
            list(people.map(self._edit_at_site, (site_id for _, site_id in pairs[half:])))
        self._shop.set_options(restore_rate=self._rate, bucket_size=self._rate * BUCKET_SECONDS)
        self._site.set_latency(self._latency)
        try:
            done = self._measure("changes on both sides at once", workers, [INTO_SITE, INTO_SHOP])
        finally:
            self._site.set_latency(0)
        if done.records != len(pairs):
            raise ScaleError(f"{len(pairs)} customers were edited, {done.records} were carried over")
        return done

    def nothing_left(self) -> None:
        """Run both flows once more: nothing may be written."""
        before = self._writes()
        api = self._stack.api()
        self._ended(api, [api.trigger(INTO_SITE), api.trigger(INTO_SHOP)])
        if (written := self._writes() - before) != 0:
            raise ScaleError(f"nothing had changed, but another run wrote {written} times")

    def told_by_webhook(self) -> float:
        """Edit one customer while nobody is awake; return the seconds until the site has it."""
        api = self._stack.api()
        api.wait_for_dag(QUEUE, _PARSED)
        api.unpause(QUEUE)
        self._shop.set_options(webhook_deliver=True)
        with self._engine.connect() as connection:
            shop_id, site_id = connection.execute(
                select(link.c.shopify_id, link.c.framework360_id)
                .where(link.c.shopify_id.is_not(None), link.c.framework360_id.is_not(None))
                .limit(1)
            ).one()
        began = time.monotonic()
        self._edit_in_shop(shop_id, name="Webhook")
        while self._at_site(site_id)["cognome"] != "Webhook":
            if time.monotonic() - began > _PARSED:
                raise ScaleError(f"the edit did not reach the site within {_PARSED:.0f} s: is the receiver subscribed?")
            time.sleep(0.2)
        return time.monotonic() - began

    def killed(self, customers: int) -> float:
        """Kill a worker with all its tasks in the middle of an import; return the seconds until all was there."""
        self._empty(customers)
        api = self._stack.api()
        self._ended(api, [api.trigger(ONBOARDING)])
        self._site.set_latency(self._latency)
        try:
            started = api.trigger(INTO_SITE)
            self._wait_for(customers // 4)
            self._stack.runtime.processes.kill(worker_name(2), children=True)
            died = time.monotonic()
            [ended] = self._ended(api, [started])
            seconds = time.monotonic() - died
        finally:
            self._site.set_latency(0)
        self._each_once(self._processed_once(ended))
        return seconds

    def _wait_for(self, customers: int) -> None:
        end = time.monotonic() + _PATIENCE
        while (there := self._site.state()["records"]["customers"]) < customers:
            if time.monotonic() > end:
                raise ScaleError(f"{there} of {customers} customers were at the site after {_PATIENCE:.0f} s")
            time.sleep(0.3)

    def _each_once(self, customers: int) -> None:
        state = self._site.state()
        if (state["records"]["customers"], state["shared_emails"]) != (customers, 0):
            raise ScaleError(
                f"{customers} customers were created, but the site holds {state['records']['customers']}, and"
                f" {state['shared_emails']} addresses more than once"
            )

    def _measure(self, name: str, workers: int, dags: Sequence[str]) -> Measured:
        api = self._stack.api()
        throttled, written = self._throttled(), self._writes()
        runs = self._ended(api, [api.trigger(dag_id) for dag_id in dags])
        tasks = [task for each in runs for task in api.tasks(each) if task["task_id"] == "drain_batch"]
        began = min(datetime.fromisoformat(task["start_date"]) for task in tasks)
        ended = max(datetime.fromisoformat(task["end_date"]) for task in tasks)
        records = sum(self._processed_once(each) for each in runs)
        done = Measured(
            name,
            workers,
            records,
            (ended - began).total_seconds(),
            dict(Counter(task["hostname"] for task in tasks)),
            self._throttled() - throttled,
        )
        self._say(f"{done.line()}  ({self._writes() - written} writes)")
        if len(done.per_worker) != workers:
            raise ScaleError(f"{workers} workers were there, but {', '.join(done.per_worker)} did everything")
        if done.throttled:
            raise ScaleError(f"Shopify refused {done.throttled} calls for want of points: the budget was exceeded")
        return done

    def _processed_once(self, done: Run) -> int:
        """Return how many records a run created or updated, after making sure that the journal has each once."""
        of_run = journal.c.run_id == f"{done.dag_id}/{done.run_id}"
        with self._engine.connect() as connection:
            twice = connection.execute(
                select(journal.c.source_id).where(of_run).group_by(journal.c.source_id).having(func.count() > 1)
            ).scalars()
            if doubled := list(twice):
                raise ScaleError(f"{done.url}: {len(doubled)} records were processed twice, such as {doubled[0]}")
            wrote = select(func.count()).where(of_run, journal.c.outcome.in_(WRITTEN))
            return int(connection.execute(wrote).scalar_one())

    def _ended(self, api: AirflowApi, runs: Sequence[Run]) -> list[Run]:
        ended = [api.wait_for_run(each, _PATIENCE) for each in runs]
        for each in ended:
            if each.state != "success":
                raise ScaleError(f"{each.dag_id} ended as {each.state}: {', '.join(api.failed_tasks(each))}")
        return ended

    def _throttled(self) -> int:
        return int(self._shop.state()["requests"]["throttled"])

    def _writes(self) -> int:
        return sum(int(control.metrics()["writes"]) for control in (self._shop, self._site))

    def _edit_in_shop(self, customer: str, name: str = "Scala") -> None:
        self._shop.admin(_EDIT, input={"id": customer, "lastName": name})

    def _edit_at_site(self, customer: str) -> None:
        self._site.back_office("customersUpdate", id=customer, customer_id=customer, cognome="Skala")

    def _at_site(self, customer: str) -> dict[str, Any]:
        url = f"{self._stack.runtime.plan.framework360_url}{PREFIX}/customers/get"
        answer = self._http.get(url, headers={"X-Fw360-Key": "sandbox-key"}, params={"id": customer}, timeout=60)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()["data"]
        return found


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.proof.scale", description=__doc__)
    parser.add_argument("--compared", type=int, default=1_500, help="customers imported by one worker and by two")
    parser.add_argument("--customers", type=int, default=10_700, help="then imported, and changed, by two workers")
    parser.add_argument("--latency", type=float, default=150.0, help="milliseconds of the site")
    parser.add_argument("--rate", type=float, default=1000.0, help="points per second of the shop; 1000: Plus")
    parser.add_argument("--keep", action="store_true", help="let everything run on at the end")
    arguments = parser.parse_args()
    stack = Stack(ROOT, ROOT / ".scale")
    try:
        run(
            stack,
            compared=arguments.compared,
            customers=arguments.customers,
            latency=arguments.latency,
            rate=arguments.rate,
        )
    except (LocalError, requests.RequestException) as problem:
        print(f"\nscale failed: {problem}", file=sys.stderr)
        return 1
    finally:
        if not arguments.keep:
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
