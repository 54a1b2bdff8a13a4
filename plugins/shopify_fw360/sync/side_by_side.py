"""Work in numbered parts, done by this process and a few copies of it.

Copies are made by ``fork``, so they have everything this process has prepared, and cost little memory: what nobody
changes is there once. Numbers are handed out by a pipe, from which every process takes the next one when it is free.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final, TypeVar

from shopify_fw360.reach import cut_off

MOST_COPIES: Final = 2
"""More than that wait for the database rather than for a processor."""

WORTH_A_COPY: Final = 8
"""Parts a process should have to do at least."""

MOST_PARTS: Final = 16_000
"""Numbers that a pipe holds (Linux: 64 KB)."""

_NUMBER: Final = 4

Result = TypeVar("Result")


class LostHelperError(RuntimeError):
    """A copy of the process has died; what it was doing has to be done again."""


def copies_for(parts: int) -> int:
    """Return how many copies of this process to make for so many parts: one for each further processor it may use."""
    if sys.platform != "linux" or parts > MOST_PARTS:
        # Elsewhere system libraries do not survive a fork.
        return 0
    return max(0, min(MOST_COPIES, len(os.sched_getaffinity(0)) - 1, parts // WORTH_A_COPY - 1))


def side_by_side(parts: int, copies: int, work: Callable[[Iterator[int]], Result]) -> list[Result]:
    """Do all parts of a work.

    Args:
        parts: their number.
        copies: processes beside this one. They are cut off from the two systems; no thread of this process must hold a
            lock that the work needs, and no connection must be open that it uses.
        work: takes numbers from 0 on until there are none left, and returns what came of them, which is pickled.

    Returns:
        What each process returned, this one first.

    Raises:
        LostHelperError: a copy was killed.
        Exception: whatever the work raises, in this or another process; then no process takes a further number.
    """
    source, sink = os.pipe()
    os.write(sink, b"".join(number.to_bytes(_NUMBER, "little") for number in range(parts)))
    os.close(sink)
    helpers: list[_Helper] = []
    try:
        for _ in range(copies):
            helpers.append(_Helper(source, work, helpers))
        results = [work(_numbers(source))]
        results += [helper.result() for helper in helpers]
    except BaseException:
        for _ in _numbers(source):
            pass
        raise
    finally:
        os.close(source)
        for helper in helpers:
            helper.end()
    return results


def _numbers(source: int) -> Iterator[int]:
    # Reading from a pipe takes a lock, so that nobody gets half a number.
    while text := os.read(source, _NUMBER):
        yield int.from_bytes(text, "little")


class _Helper:
    """A copy of this process at work."""

    def __init__(self, source: int, work: Callable[[Iterator[int]], Any], others: list[_Helper]) -> None:
        self.answer, answer = Pipe(duplex=False)
        parent = os.getpid()
        # What stands in buffers of this process must not be written by the copy a second time.
        sys.stdout.flush()
        sys.stderr.flush()
        self._process: int | None = os.fork()
        if self._process == 0:
            for helper in others:
                helper.answer.close()
            _help(source, work, answer, parent)
        answer.close()

    def result(self) -> Any:
        try:
            fine, value = self.answer.recv()
        except EOFError:
            raise LostHelperError("a process that helped with the work has died; the work must be repeated") from None
        if not fine:
            raise value
        return value

    def end(self) -> None:
        """Make sure that the process is gone; one that has answered has nothing left to do."""
        if self._process is not None:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
            self._process = None
        self.answer.close()


def _help(source: int, work: Callable[[Iterator[int]], Any], answer: Connection, parent: int) -> None:
    """Do the work of a copy; never returns."""
    # Whatever happens here must end here: the stack of the original lies above.
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        # Handlers may write to a connection that this process shares with the original.
        logging.disable(logging.CRITICAL)
        cut_off()
        try:
            answer.send((True, work(_while_needed(source, parent))))
        except BaseException as error:  # noqa: BLE001 - it is raised in the original process
            for _ in _numbers(source):
                pass
            answer.send((False, error))
    finally:
        os._exit(0)


def _while_needed(source: int, parent: int) -> Iterator[int]:
    for number in _numbers(source):
        if os.getppid() != parent:
            return
        yield number
