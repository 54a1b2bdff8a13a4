"""Kills a part of the running local Airflow in the middle of an import, and tells what became of the records.

What dies is started again after a few seconds, as a service manager would; everything else is left to Airflow and to
the queue of the synchroniser.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import requests

from sandbox.common.client import Control
from sandbox.framework360.contract import PREFIX
from scripts.local.airflow_api import FINISHED, AirflowApi, AirflowError, Run
from scripts.local.errors import LocalError
from scripts.local.runtime import AIRFLOW, Runtime

DAG: Final = "customers_shopify_to_framework360"
PARTS: Final = ("worker", *AIRFLOW, "postgres")
"""What can be killed: the process of the task that writes, a component of Airflow, or the database under both."""

LATENCY_MS: Final = 120.0
"""Of the sandbox site meanwhile, so that the import lasts long enough to be hit."""

DEAD_SECONDS: Final = 3.0
"""How long a killed part stays away."""

_PATIENCE: Final = 900.0
_CREATE = """mutation Create($input: CustomerInput!) {
  customerCreate(input: $input) { customer { id } userErrors { field message } }
}"""


class KillError(LocalError):
    """A record was lost, doubled or written again; the message says which."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What became of an import during which a part was killed.

    Args:
        part: that was killed.
        written: records at the site when it was killed.
        records: customers that were to be imported.
        seconds: from the kill until all of them were at the site.
        state: in which the run ended, ``gone`` if Airflow never ended it.
        writes: writes of another run afterwards.
    """

    part: str
    written: int
    records: int
    seconds: float
    state: str
    writes: int

    def line(self) -> str:
        """Return a line for people."""
        return (
            f"  {self.part}: killed after {self.written} of {self.records} records; all there, each once, after"
            f" {self.seconds:.0f} s; the run ended as {self.state}; another run wrote {self.writes}"
        )


def run(runtime: Runtime, parts: Sequence[str], count: int, say: Callable[[str], None] = print) -> None:
    """Kill each part once, each in the middle of an import of new customers.

    Args:
        runtime: a runtime that runs, its shop onboarded.
        parts: out of `PARTS`.
        count: new customers per part.
        say: prints a line.

    Raises:
        KillError: a record was lost, doubled or written again.
        AirflowError: Airflow did not do what was asked.
    """
    if unknown := sorted(set(parts) - set(PARTS)):
        raise KillError(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    for part in parts:
        done = _Attempt(runtime, part, count).carry_out()
        say(done.line())
        if done.writes:
            raise KillError(f"nothing had changed, but another run wrote {done.writes} times after {part} was killed")


class _Attempt:
    def __init__(self, runtime: Runtime, part: str, count: int) -> None:
        self._runtime = runtime
        self._part = part
        self._count = count
        self._name = f"kill{part.replace('-', '')}{int(time.time())}"
        self._site = Control(runtime.plan.framework360_url)
        self._http = requests.Session()
        self._http.trust_env = False  # a proxy of the environment must not stand between loopback addresses

    def carry_out(self) -> Aftermath:
        self._make_customers()
        self._site.set_latency(LATENCY_MS)
        try:
            started = self._api().trigger(DAG)
            written = self._wait_for(self._count // 4)
            self._kill(started)
            killed = time.monotonic()
            time.sleep(DEAD_SECONDS)
            self._wait_for(self._count)
            seconds = time.monotonic() - killed
        finally:
            self._site.set_latency(0)
        state = self._end_of(started)
        doubled = sorted(email for email, number in Counter(self._at_site()).items() if number > 1)
        if doubled:
            raise KillError(f"{len(doubled)} customers are twice at the site, such as {doubled[0]}")
        before = self._writes()
        again = self._api().wait_for_run(self._api().trigger(DAG), _PATIENCE)
        if again.state != "success":
            raise KillError(f"the next run ended as {again.state}: {again.url}")
        return Aftermath(self._part, written, self._count, seconds, state, self._writes() - before)

    def _api(self) -> AirflowApi:
        return self._runtime.api()

    def _make_customers(self) -> None:
        shop = Control(self._runtime.plan.shopify_url)
        for number in range(self._count):
            fields = {"email": f"{self._name}.{number}@example.com", "firstName": "Ada", "lastName": f"Neri {number}"}
            shop.admin(_CREATE, input=fields)

    def _at_site(self) -> list[str]:
        """Return the e-mail addresses of our customers at the site, as often as they are there."""
        found: dict[str, str] = {}
        for page in range(1, self._count):
            answer = self._http.get(
                f"{self._runtime.plan.framework360_url}{PREFIX}/customers/list",
                params={"query": self._name, "page": str(page), "limit": "100"},
                headers={"X-Fw360-Key": "sandbox-key"},
            )
            answer.raise_for_status()
            rows = {row["id"]: row["email"] for row in answer.json()["data"]}
            if rows.keys() <= found.keys():
                break
            found |= rows
        return [email for email in found.values() if email.startswith(self._name)]

    def _writes(self) -> int:
        return int(self._runtime.sandbox_metrics("framework360")["writes"])

    def _wait_for(self, number: int) -> int:
        """Wait until so many customers are at the site, and keep everything running meanwhile."""
        end = time.monotonic() + _PATIENCE
        while True:
            there = len(set(self._at_site()))
            if there >= number:
                return there
            if time.monotonic() > end:
                raise KillError(f"{there} of {number} customers were at the site after {_PATIENCE:.0f} s")
            if number == self._count:
                self._runtime.revive()
            time.sleep(0.3)

    def _kill(self, started: Run) -> None:
        if self._part == "worker":
            for pid in self._api().running_pids(started):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        elif self._part == "postgres":
            self._runtime.postgres.kill()
        else:
            self._runtime.processes.kill(self._part)

    def _end_of(self, started: Run) -> str:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            self._runtime.revive()
            with suppress(AirflowError, requests.RequestException):
                state = self._api().state_of(started)
                if state in FINISHED:
                    return state
            time.sleep(1)
        return "gone"
