"""Run work in a child process that kills itself at a chosen step: around any request, around any commit."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator

import requests
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine


class _Countdown:
    def __init__(self, steps: int) -> None:
        self._left = steps
        self._lock = threading.Lock()

    def step(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Run the work in a child that is killed with SIGKILL at the given step.

    Args:
        step: 1 is the first; requests and commits count twice, before and after.
        work: must open its own connections.

    Returns:
        Whether the child was killed; False if the work ended before that step.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _arm(_Countdown(step))
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - the child must never return into the test runner
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the work failed by itself"
    return False


STRIDE = int(os.environ.get("KILL_EVERY", "12"))
"""A run has so many steps that an ordinary test run takes every twelfth; KILL_EVERY=1 in the environment takes all."""

KINDS = [
    ("lost_answer", {"how": "reset"}),
    ("apply_then_500", {"status": 500}),
    ("truncate", {"share": 0.4}),
]
"""How the answer to a write that was carried out is lost: fault of the sandbox and its parameters."""


def every_step(stride: int = STRIDE, limit: int = 400) -> Iterator[int]:
    """Count the steps up, or every so many of them; the limit is a guard against work that never ends."""
    return iter(range(1, limit, stride))


def every_request(kind: str, limit: int = 60) -> Iterator[int]:
    """Count the requests up from 0, or every third of them, another third for each kind of lost answer."""
    stride = min(STRIDE, len(KINDS))
    first = [name for name, _ in KINDS].index(kind) % stride
    return iter(range(first, limit, stride))


def _arm(countdown: _Countdown) -> None:
    send = requests.Session.send

    def counted(self, *arguments, **options):
        countdown.step()
        answer = send(self, *arguments, **options)
        countdown.step()
        return answer

    requests.Session.send = counted
    commit = Connection._commit_impl

    def counted_commit(self):
        commit(self)
        countdown.step()

    Connection._commit_impl = counted_commit
    event.listen(Engine, "commit", lambda connection: countdown.step())
