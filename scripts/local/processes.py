"""Long-running processes that outlive the command that started them, each in a session of its own.

A session is what makes stopping reliable: Airflow's workers and tasks leave the process group of their parent, rename
themselves and survive its death, but they stay in its session. A session's number is not given to another process while
the session has members, so members that are left over can be told from strangers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from scripts.local.errors import LocalError
from scripts.local.plan import write_private

_CLOCK_STEP_SECONDS = 2.0


class ComponentError(LocalError):
    """A component did not start or did not become ready; the message names its log."""


@dataclass(frozen=True, slots=True)
class Component:
    """One process to run.

    Args:
        name: shown to people; also names its log and pid file.
        command: program and arguments.
        environment: the whole environment of the process.
        directory: working directory.
        stop_seconds: how long it may take to end after being asked.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    stop_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class _Record:
    """Who was started: pid (= session), when, and since when the machine had been up (epoch seconds)."""

    pid: int
    created: float
    booted: float


class Processes:
    """The processes of one run folder.

    Args:
        pids: folder of the pid files.
        logs: folder of the logs.
    """

    def __init__(self, pids: Path, logs: Path) -> None:
        self._pids = pids
        self._logs = logs

    def log(self, name: str) -> Path:
        """Return the log of a component."""
        return self._logs / f"{name}.log"

    def start(self, component: Component) -> None:
        """Start a component; left-overs of an earlier one of that name are stopped first."""
        self.stop(component.name, component.stop_seconds)
        self._pids.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log(component.name).open("ab") as output:
            process = subprocess.Popen(
                component.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=component.directory,
                env=dict(component.environment),
                start_new_session=True,
            )
        record = _Record(process.pid, psutil.Process(process.pid).create_time(), psutil.boot_time())
        write_private(self._file(component.name), json.dumps(asdict(record)))

    def wait_ready(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready` says so.

        Raises:
            ComponentError: the process ended, or it was not ready within `seconds`.
        """
        end = time.monotonic() + seconds
        while not ready():
            if not self.alive(name):
                raise ComponentError(f"{name} ended while starting.\n{self._tail(name)}")
            if time.monotonic() > end:
                raise ComponentError(f"{name} was not ready within {seconds:.0f} s.\n{self._tail(name)}")
            time.sleep(0.1)

    def alive(self, name: str) -> bool:
        """Return whether the started process itself still runs."""
        record = self._read(name)
        return record is not None and any(process.pid == record.pid for process in _members(record))

    def memory(self, name: str) -> int:
        """Return the bytes a component and everything it started hold for themselves alone (USS)."""
        record = self._read(name)
        total = 0
        for process in [] if record is None else _members(record):
            with suppress(psutil.Error):
                total += process.memory_full_info().uss
        return total

    def kill(self, name: str, *, children: bool = False) -> None:
        """Kill the started process itself at once, as the kernel does when memory runs out.

        Args:
            name: the component.
            children: kill everything it started too, as the end of its machine does; otherwise its children live on.
        """
        record = self._read(name)
        if record is not None:
            chosen = [process for process in _members(record) if children or process.pid == record.pid]
            _signal(chosen, signal.SIGKILL)

    def stop(self, name: str, seconds: float = 10.0) -> int:
        """Stop a component with everything it started, also when it is dead already.

        Args:
            name: the component.
            seconds: how long it may take to end after being asked; then it is killed.

        Returns:
            The number of processes that had to be killed.
        """
        record = self._read(name)
        if record is None:
            return 0
        leader = [process for process in _members(record) if process.pid == record.pid]
        _signal(leader, signal.SIGTERM)
        _wait_gone(leader, seconds)
        left = _members(record)
        _signal(left, signal.SIGTERM)
        _wait_gone(left, min(seconds, 3.0))
        killed = 0
        while survivors := _members(record):
            killed += len(survivors)
            _signal(survivors, signal.SIGKILL)
            _wait_gone(survivors, 5.0)
        self._file(name).unlink(missing_ok=True)
        return killed

    def _file(self, name: str) -> Path:
        return self._pids / f"{name}.json"

    def _read(self, name: str) -> _Record | None:
        try:
            return _Record(**json.loads(self._file(name).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _tail(self, name: str) -> str:
        log = self.log(name)
        lines = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
        return "\n".join([*lines, f"Log: {log}"])


def _members(record: _Record) -> list[psutil.Process]:
    """Return the living processes of the recorded session; none if its number belongs to somebody else now."""
    if abs(psutil.boot_time() - record.booted) > _CLOCK_STEP_SECONDS:
        return []
    members = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) != record.pid:
                continue
            if process.pid == record.pid and abs(process.create_time() - record.created) > _CLOCK_STEP_SECONDS:
                return []
            if process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _wait_gone(processes: list[psutil.Process], seconds: float) -> None:
    """Wait until all have ended; our own zombies are reaped on the way, those of others count as ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(_lives(process) for process in processes):
        time.sleep(0.05)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
