"""The few calls of Airflow's public REST API the local runtime needs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from scripts.local.errors import LocalError

_TIMEOUT = 120
_COMPONENTS = ("scheduler", "dag_processor", "triggerer")
FINISHED = frozenset({"success", "failed"})


class AirflowError(LocalError):
    """Airflow refused a call or did not do what was asked in time; the message says what and where to look."""


@dataclass(frozen=True, slots=True)
class Run:
    """A DAG run.

    Args:
        dag_id: its DAG.
        run_id: its id within the DAG.
        url: address of its page.
        state: `queued`, `running`, `success` or `failed`.
    """

    dag_id: str
    run_id: str
    url: str
    state: str = "queued"


class AirflowApi:
    """A client that is logged in as one user.

    Args:
        url: base URL of the API server, without a trailing slash.
        user: login name.
        password: its password.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._login = {"username": user, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment must not stand between loopback addresses

    def healthy(self, since: datetime) -> bool:
        """Return whether the database and all components are healthy.

        Args:
            since: aware time before which a heartbeat does not count; it may be of a component that was stopped.
        """
        try:
            answer = self._session.get(f"{self._url}/api/v2/monitor/health", timeout=_TIMEOUT)
            health: dict[str, dict[str, str | None]] = answer.json()
        except (requests.RequestException, ValueError):
            return False
        beats = [health[name].get(f"latest_{name}_heartbeat") for name in _COMPONENTS]
        return all(part["status"] == "healthy" for part in health.values()) and all(
            beat is not None and datetime.fromisoformat(beat) >= since for beat in beats
        )

    def wait_for_dag(self, dag_id: str, seconds: float) -> None:
        """Wait until the DAG processor has read a DAG.

        Raises:
            AirflowError: it did not; the message carries the import errors, if there are any.
        """
        end = time.monotonic() + seconds
        while self._call("GET", f"dags/{dag_id}", missing_ok=True) is None:
            if time.monotonic() > end:
                errors = self._object("GET", "importErrors")["import_errors"]
                found = "\n".join(f"{error['filename']}: {error['stack_trace']}" for error in errors)
                raise AirflowError(
                    f"DAG {dag_id} did not appear within {seconds:.0f} s.\n{found or 'No import errors.'}"
                )
            time.sleep(0.5)

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run."""
        self._call("PATCH", f"dags/{dag_id}?update_mask=is_paused", {"is_paused": False})

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> Run:
        """Start a run now."""
        answer = self._object("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}})
        run_id: str = answer["dag_run_id"]
        return Run(dag_id, run_id, f"{self._url}/dags/{dag_id}/runs/{run_id}")

    def wait_for_run(self, run: Run, seconds: float) -> Run:
        """Wait until a run has ended, and return it with its final state.

        Raises:
            AirflowError: it is not over after `seconds`.
        """
        end = time.monotonic() + seconds
        while True:
            state = self.state_of(run)
            if state in FINISHED:
                return Run(run.dag_id, run.run_id, run.url, state)
            if time.monotonic() > end:
                raise AirflowError(f"{run.dag_id} is still {state} after {seconds:.0f} s: {run.url}")
            time.sleep(0.5)

    def state_of(self, run: Run) -> str:
        """Return the state a run is in now."""
        state: str = self._object("GET", f"dags/{run.dag_id}/dagRuns/{run.run_id}")["state"]
        return state

    def running_pids(self, run: Run) -> list[int]:
        """Return the process ids of the tasks of a run that are running now."""
        answer = self._object("GET", f"dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances?state=running")
        return [task["pid"] for task in answer["task_instances"] if task["pid"]]

    def tasks(self, run: Run) -> list[dict[str, Any]]:
        """Return the tasks of a run, at most a thousand, as Airflow describes them."""
        path = f"dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances?limit=1000"
        tasks: list[dict[str, Any]] = self._object("GET", path)["task_instances"]
        return tasks

    def has_schedule(self, dag_id: str) -> bool:
        """Return whether runs of a DAG are started by the clock."""
        return bool(self._object("GET", f"dags/{dag_id}")["timetable_summary"])

    def set_pool(self, name: str, slots: int) -> None:
        """Change the number of slots of a pool."""
        body = {"pool": name, "slots": slots, "include_deferred": False}
        self._call("PATCH", f"pools/{name}?update_mask=slots", body)

    def set_variable(self, name: str, value: str) -> None:
        """Change a variable that exists."""
        self._call("PATCH", f"variables/{name}?update_mask=value", {"key": name, "value": value})

    def failed_tasks(self, run: Run) -> list[str]:
        """Return the ids of the tasks that failed in a run."""
        answer = self._object("GET", f"dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances?state=failed")
        return sorted({task["task_id"] for task in answer["task_instances"]})

    def _object(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._call(method, path, body)
        if answer is None:
            raise AirflowError(f"Airflow does not know {path}")
        return answer

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, missing_ok: bool = False
    ) -> dict[str, Any] | None:
        if "Authorization" not in self._session.headers:
            answer = self._session.post(f"{self._url}/auth/token", json=self._login, timeout=_TIMEOUT)
            if not answer.ok:
                raise AirflowError(f"login as {self._login['username']} failed: HTTP {answer.status_code}")
            self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        answer = self._session.request(method, f"{self._url}/api/v2/{path}", json=body, timeout=_TIMEOUT)
        if answer.status_code == requests.codes.not_found and missing_ok:
            return None
        if not answer.ok:
            raise AirflowError(f"{method} {path} failed: HTTP {answer.status_code} {answer.text[:500]}")
        data: dict[str, Any] = answer.json()
        return data
