"""How long *Sync now* takes in a running Airflow, from the press to the end of the record: a command, not a test.

    make start
    python -m tests.benchmarks.sync_now 20

A customer is edited in the sandbox shop, its button is pressed through the console's API, and the work is followed as
the page follows it. The first press finds nobody awake and pays the start of a task; while somebody has a list open
the consumer stays awake.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import requests

from scripts.local.plan import Plan
from scripts.local.runtime import Runtime
from tests.end_to_end.world import ShopPerson, SitePerson

_PATIENCE = 300.0


class Console:
    """The console of a running Airflow, for somebody who is logged in."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._api = f"{url}/sync/api/"
        self._session = requests.Session()
        self._session.trust_env = False
        answer = self._session.post(f"{url}/auth/token", json={"username": user, "password": password}, timeout=60)
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **parameters: str) -> Any:
        answer = self._session.get(self._api + path, params=parameters, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._session.post(self._api + path, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def press(self, entity: str, shopify_id: str, direction: str) -> float:
        """Press the button, follow the work to its end, and return the seconds it took."""
        began = time.perf_counter()
        body = {"entity": entity, "records": [{"shopify_id": shopify_id}], "direction": direction}
        ticket = self.post("sync", body)["ticket"]
        while not (found := self.get(f"sync/{ticket}"))["done"]:
            if time.perf_counter() - began > _PATIENCE:
                raise TimeoutError(f"{ticket} has not ended: {found['steps']}")
            time.sleep(0.2)
        (step,) = found["steps"]
        # Unchanged: the webhook of the edit was faster; whoever calls looks into the site in any case.
        if step["outcome"] not in ("created", "updated", "unchanged"):
            raise RuntimeError(f"the edit was not carried over: {step}")
        return time.perf_counter() - began


def measure(runtime: Runtime, presses: int, say: Callable[[str], None] = print) -> list[float]:
    """Press the button again and again.

    Args:
        runtime: a started runtime.
        presses: after the first.
        say: prints a line.

    Returns:
        Seconds of each press but the first.
    """
    plan, api = runtime.plan, runtime.api()
    for dag_id in ("onboard_shop", "webhook_queue"):
        api.wait_for_dag(dag_id, _PATIENCE)
        api.unpause(dag_id)
    run = api.wait_for_run(api.trigger("onboard_shop"), _PATIENCE)
    say(f"onboard_shop: {run.state}")
    shop, site = ShopPerson(plan.shopify_url), SitePerson(plan.framework360_url)
    console = Console(plan.airflow_url, "admin", plan.secrets.admin_password)
    email = f"press.{time.time_ns()}@example.com"
    customer = shop.create(firstName="Press", lastName="Zero", email=email)
    direction = "customers_shopify_to_framework360"
    say(f"first press, nobody awake: {console.press('customer', customer, direction):.2f} s")
    times = []
    for number in range(1, presses + 1):
        if number % 5 == 1:
            console.post("watch", {"at": "list"})
        shop.update(customer, lastName=f"Number {number}")
        times.append(console.press("customer", customer, direction))
        row = next(row for row in site.all() if row["email"] == email)
        if row["cognome"] != f"Number {number}":
            raise RuntimeError(f"the site holds {row['cognome']} after press {number}")
    return times


def main() -> None:
    """Measure and print."""
    presses = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    times = measure(Runtime(Plan.load()), presses)
    print(
        f"{presses} presses, consumer awake: median {statistics.median(times):.2f} s, "
        f"best {min(times):.2f}, worst {max(times):.2f}"
    )


if __name__ == "__main__":
    main()
