"""Starts worker processes, and lets them go at the same moment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def workers(number: int, role: str, url: str, pair_id: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that all wait at the same line, then release them; those left over are killed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.store.worker_process", role, url, pair_id],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(number)
    ]
    try:
        for process in started:
            assert process.stdout.readline() == "ready\n"
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def finish(started: list[subprocess.Popen[str]]) -> list[str]:
    """Wait for all of them and return the lines they printed."""
    lines = [line.strip() for process in started for line in process.stdout]
    assert [process.wait() for process in started] == [0] * len(started)
    return lines
