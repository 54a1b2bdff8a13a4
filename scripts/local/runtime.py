"""Starts and stops PostgreSQL, both sandboxes and Airflow's components, and says how they are."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import requests

from scripts.local.airflow_api import AirflowApi
from scripts.local.environment import airflow_environment, plain_environment, write_passwords
from scripts.local.plan import Plan, Ports
from scripts.local.ports import HOST, free_port, is_free
from scripts.local.postgres import EmbeddedPostgres
from scripts.local.processes import Component, ComponentError, Processes

SANDBOXES: Final = ("shopify", "framework360")
# -s: no log server; it would listen on all interfaces. The API server starts first and stops last: whoever runs tasks
# needs it to report their end.
AIRFLOW: Final = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "-s"),
    "scheduler": ("scheduler", "-s"),
}
_AIRFLOW_SECONDS: Final = 300
_SANDBOX_SECONDS: Final = 300
_STOP_SECONDS: Final = {
    "scheduler": 8.0,
    "triggerer": 3.0,
    "dag-processor": 5.0,
    "api-server": 3.0,
    "shopify": 3.0,
    "framework360": 3.0,
}


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of the runtime is.

    Args:
        name: of the part.
        running: whether its process lives.
        address: where it listens, empty if it does not.
        log: its log file.
    """

    name: str
    running: bool
    address: str
    log: str


class Runtime:
    """The local runtime of one plan.

    Args:
        plan: folders, ports, secrets.
        seed: seed of the sandboxes' people.
        customers: number of people in both sandboxes together.
        products: number of products in both sandboxes together.
        orders: number of orders in the sandbox shop.
    """

    def __init__(
        self, plan: Plan, *, seed: int = 7, customers: int = 600, products: int = 120, orders: int = 80
    ) -> None:
        self.plan = plan
        self._seed = seed
        self._customers = customers
        self._products = products
        self._orders = orders
        self.processes = Processes(plan.run / "pids", plan.logs)

    @property
    def postgres(self) -> EmbeddedPostgres:
        """The server that holds Airflow's metadata and the store."""
        plan = self.plan
        return EmbeddedPostgres(
            plan.run / "postgres",
            port=plan.ports.postgres,
            password=plan.secrets.postgres_password,
            log=plan.logs / "postgres.log",
        )

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store."""
        database = self.plan.store_database
        return self.postgres.url(database.name, password=database.password)

    def api(self) -> AirflowApi:
        """Return a client of Airflow's REST API, logged in as `admin`."""
        return AirflowApi(self.plan.airflow_url, "admin", self.plan.secrets.admin_password)

    def start(self) -> None:
        """Start everything; what runs already is kept, except Airflow, which reads code only once.

        The sandboxes keep their records in memory and the store describes these records: if one of them has to be
        started, the other starts anew too and the store is emptied.

        Raises:
            ComponentError, PostgresError: something did not start; the message names the log to read.
        """
        self.stop_airflow()
        self._settle_ports()
        self.plan.logs.mkdir(parents=True, exist_ok=True)
        with _step("PostgreSQL"):
            self.postgres.start()
            fresh = not all(self.processes.alive(name) for name in SANDBOXES)
            if fresh:
                self.postgres.drop(self.plan.store_database.name)
            self.postgres.create([self.plan.airflow_database, self.plan.store_database])
        if fresh:
            with _step("sandboxes of Shopify and Framework360"):
                self.start_sandboxes()
        with _step("store schema"):
            self._upgrade_store()
        with _step("Airflow schema"):
            write_passwords(self.plan)
            self._finish("airflow-db", "-m", "airflow", "db", "migrate")
        with _step("Airflow"):
            self._start_airflow()

    def stop(self) -> None:
        """Stop everything, whatever state it is in."""
        self.stop_airflow()
        self._stop_together(SANDBOXES)
        self.postgres.stop()

    def clean(self) -> None:
        """Stop everything and delete the run folder with all its data."""
        self.stop()
        shutil.rmtree(self.plan.run)

    def stop_airflow(self) -> None:
        """Stop Airflow's components with all their tasks, the API server last."""
        self._stop_together([name for name in AIRFLOW if name != "api-server"])
        self._stop_together(["api-server"])

    def revive(self) -> None:
        """Start again what has died, as a service manager would; what runs is left alone.

        Raises:
            PostgresError: the database does not start.
        """
        if not self.postgres.running():
            self.postgres.start()
        for name in AIRFLOW:
            if not self.processes.alive(name):
                self._launch_airflow(name)

    def status(self) -> list[Part]:
        """Return how each part is."""
        plan = self.plan
        addresses = {
            "shopify": plan.shopify_url,
            "framework360": plan.framework360_url,
            "api-server": plan.airflow_url,
        }
        postgres = Part("postgres", self.postgres.running(), f"{HOST}:{plan.ports.postgres}", str(self.postgres.log))
        names = [*SANDBOXES, *AIRFLOW]
        return [postgres] + [
            Part(name, self.processes.alive(name), addresses.get(name, ""), str(self.processes.log(name)))
            for name in names
        ]

    def sandbox_metrics(self, name: str) -> dict[str, Any]:
        """Return the request metrics of a sandbox since its start."""
        answer = self._get(f"{getattr(self.plan, f'{name}_url')}/_sandbox/metrics")
        answer.raise_for_status()
        metrics: dict[str, Any] = answer.json()
        return metrics

    def start_sandboxes(self) -> None:
        """Start both sandboxes and wait until they answer.

        Raises:
            ComponentError: one did not start; the message names its log.
        """
        for name in SANDBOXES:
            port = getattr(self.plan.ports, name)
            command = [sys.executable, "-m", "sandbox", name, "--port", str(port), "--seed", str(self._seed)]
            command += ["--customers", str(self._customers), "--products", str(self._products)]
            command += ["--orders", str(self._orders)]
            self._launch(name, command, plain_environment(self.plan))
        for name in SANDBOXES:
            health = f"{getattr(self.plan, f'{name}_url')}/_sandbox/health"
            self.processes.wait_ready(name, partial(self._answers, health), _SANDBOX_SECONDS)

    def _stop_together(self, names: Sequence[str]) -> None:
        with ThreadPoolExecutor(len(names)) as threads:
            list(threads.map(lambda name: self.processes.stop(name, _STOP_SECONDS[name]), names))

    def _settle_ports(self) -> None:
        """Give each part that does not run a port nobody else holds."""
        ports = self.plan.ports
        ours = {
            "airflow": self.processes.alive("api-server"),
            "postgres": self.postgres.running(),
            **{name: self.processes.alive(name) for name in SANDBOXES},
        }
        settled = {name: n if ours[name] or is_free(n) else free_port() for name, n in asdict(ports).items()}
        if Ports(**settled) != ports:
            self.plan = self.plan.with_ports(replace(ports, **settled))

    def _start_airflow(self) -> None:
        started = datetime.now(UTC)
        for name in AIRFLOW:
            self._launch_airflow(name)
        # While the components boot. Always the sandboxes: a demo must never reach for a shop of the real world.
        self._finish("airflow-settings", "-m", "scripts.local.airflow_settings", "--overwrite-connections")
        api = self.api()
        self.processes.wait_ready("api-server", lambda: api.healthy(since=started), _AIRFLOW_SECONDS)
        for name in AIRFLOW:
            self.processes.wait_ready(name, lambda: True, 0)

    def _launch_airflow(self, name: str) -> None:
        self._launch(name, [sys.executable, "-m", "airflow", *AIRFLOW[name]], airflow_environment(self.plan))

    def _upgrade_store(self) -> None:
        self._finish("store", "-m", "shopify_fw360.store", "upgrade", "-", text=f"{self.store_url}\n")

    def _launch(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.processes.start(Component(name, tuple(command), environment, self.plan.root, _STOP_SECONDS[name]))

    def _finish(self, log_name: str, *arguments: str, text: str = "") -> None:
        """Run Python with Airflow's environment to its end.

        Raises:
            ComponentError: it failed; the message carries the end of its output.
        """
        log = self.processes.log(log_name)
        done = subprocess.run(
            [sys.executable, *arguments],
            check=False,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.plan.root,
            env=airflow_environment(self.plan),
        )
        log.write_text(done.stdout)
        if done.returncode:
            tail = "\n".join(done.stdout.splitlines()[-15:])
            raise ComponentError(f"{' '.join(arguments[1:])} failed.\n{tail}\nLog: {log}")

    def _answers(self, url: str) -> bool:
        try:
            return self._get(url).ok
        except requests.RequestException:
            return False

    @staticmethod
    def _get(url: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment must not stand between loopback addresses
            return session.get(url, timeout=5)


@contextmanager
def _step(name: str) -> Iterator[None]:
    print(f"  {name} ... ", end="", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - began:.1f} s", flush=True)
