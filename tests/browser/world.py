"""A real Airflow with both sandboxes for a browser: customers in agreement, one that failed, one in dispute."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import requests

from scripts.local.airflow_api import AirflowApi
from scripts.local.plan import ROOT, Plan, Ports
from scripts.local.ports import free_port
from scripts.local.runtime import Runtime
from shopify_fw360.records import Event, PrivacyKind, System
from shopify_fw360.store import Store
from shopify_fw360.sync.inbox import accept
from shopify_fw360.sync.privacy import answer_requests
from tests.end_to_end.world import ShopPerson, SitePerson

BROWSER_PACKAGES = ROOT / ".browser"
"""Where the Makefile installs requirements-browser.txt; behind everything else, so that it shadows nothing."""

INTO_SITE = "customers_shopify_to_framework360"
INTO_SHOP = "customers_framework360_to_shopify"
KEPT = "SYNC_BROWSER_WORLD"
"""Environment variable that names the folder of a world that runs already and is to be used again."""

CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Flows run when a test wants it: their scheduled runs are off, and so the pages hold still.
SETTINGS = {
    "schedules": dict.fromkeys(
        (
            INTO_SITE,
            INTO_SHOP,
            "products_shopify_to_framework360",
            "products_framework360_to_shopify",
            "orders_shopify_to_framework360",
        ),
        0,
    ),
    "policies": {"names": "ask"},
}
# Generous: on a busy machine everything takes its time, and only the button is timed.
_RUN_SECONDS = 900.0
_DAG_SECONDS = 300.0


@dataclass
class BrowserWorld:
    """What the tests look at and the people who work in both systems."""

    runtime: Runtime

    def __post_init__(self) -> None:
        plan = self.runtime.plan
        self.url = plan.airflow_url
        self.console = f"{plan.airflow_url}/sync/"
        self.passwords = plan.secrets.logins()
        self.api: AirflowApi = self.runtime.api()
        self.shop = ShopPerson(plan.shopify_url)
        self.site = SitePerson(plan.framework360_url)
        self.session = requests.Session()
        self.session.trust_env = False

    def run(self, dag_id: str, **conf: Any) -> str:
        """Run a DAG to its end and return the id of the run."""
        self.ready(dag_id)
        ended = self.api.wait_for_run(self.api.trigger(dag_id, conf), _RUN_SECONDS)
        assert ended.state == "success", ended.url
        return ended.run_id

    def ready(self, dag_id: str) -> None:
        """Wait for a DAG and switch it on."""
        self.api.wait_for_dag(dag_id, _DAG_SECONDS)
        self.api.unpause(dag_id)

    def answer(self, dag_id: str, option: str, user: str = "operator") -> None:
        """Answer whatever tasks of a DAG ask people, through Airflow's own API; do nothing while none asks."""
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        runs = f"{self.url}/api/v2/dags/{dag_id}/dagRuns"
        asked = self.session.get(f"{runs}/~/hitlDetails?response_received=false", headers=headers, timeout=60)
        asked.raise_for_status()
        for found in asked.json()["hitl_details"]:
            task = found["task_instance"]
            answer = self.session.patch(
                f"{runs}/{task['dag_run_id']}/taskInstances/{task['task_id']}/-1/hitlDetails",
                json={"chosen_options": [option], "params_input": {}},
                headers=headers,
                timeout=60,
            )
            answer.raise_for_status()

    def token(self, user: str = "admin") -> str:
        login = {"username": user, "password": self.passwords[user]}
        answer = self.session.post(f"{self.url}/auth/token", json=login, timeout=60)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def json(self, path: str) -> Any:
        """Ask the console's API as the administrator."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        answer = self.session.get(f"{self.console}api/{path}", headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def configure(self, settings: dict[str, Any]) -> None:
        """Write the Variable with the settings."""
        answer = self.session.patch(
            f"{self.url}/api/v2/variables/sync_settings",
            json={"key": "sync_settings", "value": json.dumps(settings)},
            headers={"Authorization": f"Bearer {self.token()}"},
            timeout=60,
        )
        answer.raise_for_status()

    def wait_for(self, fact: Callable[[], Any], seconds: float = 600.0) -> Any:
        """Wait until something is true, and return it."""
        end = time.monotonic() + seconds
        while not (found := fact()):
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.5)
        return found

    def buyer(self, first_name: str, email: str | None = None) -> str:
        """Let somebody register in the shop and return the id."""
        # Without an e-mail address the site cannot register them.
        key = {"email": email} if email else {"phone": f"+39333{zlib.crc32(first_name.encode()) % 10**7:07d}"}
        return self.shop.create(firstName=first_name, lastName="Prova", **key)

    def counterpart(self, email: str) -> str:
        """Return the id of a customer of the site."""
        return str(
            self.wait_for(lambda: next((one["id"] for one in self.site.all() if one.get("email") == email), None))
        )

    def ask_for_data(self, buyer: str, *, is_answered: bool) -> None:
        """Let Shopify hand on that a customer asks for their data, as the receiver and `maintenance` would take it."""
        key = self.runtime.plan.secrets.fernet_key
        with closing(Store.open(self.runtime.store_url, encryption_key=key)) as store:
            kind = PrivacyKind.CUSTOMER_DATA
            data = {"customer_id": buyer, "orders": []}
            accept(store, [Event(System.SHOPIFY, f"{kind.value} {buyer}", kind.value, privacy=kind, data=data)])
            if is_answered:
                answer_requests(store, lambda: None)

    def dispute(self, name: str) -> tuple[str, str]:
        """Let both systems change the first name of one customer to different values; return both ids."""
        email = f"{name.lower()}@example.com"
        buyer = self.buyer(name, email)
        self.run(INTO_SITE)
        counterpart = self.counterpart(email)
        self.site.update(counterpart, nome=f"{name} nel sito")
        self.shop.update(buyer, firstName=f"{name} in the shop")
        self.run(INTO_SITE)
        return buyer, counterpart


@contextmanager
def browser_world() -> Iterator[BrowserWorld]:
    """Start a world, or use the one that runs already and leave it running."""
    kept = os.environ.get(KEPT)
    if kept:
        yield BrowserWorld(Runtime(Plan.load(run=Path(kept))))
        return
    with tempfile.TemporaryDirectory(prefix="sync-browser-") as folder:
        runtime = new_runtime(Path(folder) / "run")
        try:
            yield prepared(runtime)
        finally:
            runtime.stop()


def new_runtime(run: Path) -> Runtime:
    """Return a runtime with ports of its own, so that a `make start` beside it does not answer in its place."""
    plan = Plan.load(run=run).with_ports(Ports(*(free_port() for _ in fields(Ports))))
    return Runtime(plan, customers=40, products=8, orders=6)


def prepared(runtime: Runtime) -> BrowserWorld:
    """Start a runtime and carry some records over."""
    runtime.start()
    world = BrowserWorld(runtime)
    world.configure(SETTINGS)
    world.run("onboard_shop")
    world.buyer("Senza", None)
    curious = world.buyer("Curiosa", "curiosa@example.com")
    world.run(INTO_SITE)
    buyer, _ = world.dispute("Contesa")
    for flow in ("products_shopify_to_framework360", "orders_shopify_to_framework360"):
        world.run(flow)
    world.ask_for_data(curious, is_answered=True)
    world.ask_for_data(buyer, is_answered=False)
    world.ready(INTO_SHOP)
    world.api.wait_for_run(world.api.trigger(INTO_SHOP, {"mode": "full", "dry_run": True}), _RUN_SECONDS)
    for dag in ("webhook_queue", "sync_one", "plan_approval"):
        world.ready(dag)
    return world


if __name__ == "__main__":
    # A world to develop against: it stays until `python -m scripts.local stop` or the folder's processes are stopped.
    started = prepared(new_runtime(Path(sys.argv[1])))
    sys.stdout.write(f"{started.console} {json.dumps(started.passwords)}\n")
