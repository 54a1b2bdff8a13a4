"""Many requests, one commit: what arrives while a commit is going on shares the next one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from shopify_fw360.errors import SyncError

log = logging.getLogger(__name__)

In = TypeVar("In")
Out = TypeVar("Out")

MOST_TOGETHER: Final = 200
"""Items of one commit: enough to make its cost small, few enough that nobody waits long for it."""

MOST_WAITING: Final = 4_000
"""Items that may wait; more would not be served within the time a sender waits for an answer."""


class BusyError(Exception):
    """More is waiting than can be committed in time; the sender must come again."""


class GroupCommit(Generic[In, Out]):
    """Gives items of concurrent requests to one blocking function, in the order in which they came.

    Args:
        write: takes items and returns one result for each once all of them are durable, or raises and has kept none.
        seconds: time for one commit; those who wait for a longer one, or behind it, are told to come again.
        most_together: items given to it at once.
        most_waiting: items that may wait for it.
    """

    def __init__(
        self,
        write: Callable[[Sequence[In]], Sequence[Out]],
        *,
        seconds: float = 4.0,
        most_together: int = MOST_TOGETHER,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._write = write
        self._seconds = seconds
        self._most_together = most_together
        self._most_waiting = most_waiting
        self._waiting: list[tuple[In, asyncio.Future[Out]]] = []
        self._task: asyncio.Task[None] | None = None
        # A single thread: the next commit begins when the one before has ended, with all that has come meanwhile.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="group-commit")

    async def add(self, item: In) -> Out:
        """Wait until the item is durable and return its result.

        Raises:
            BusyError: too much is waiting.
            TimeoutError: the commit takes too long; the item may or may not be kept.
            SyncError: as the function raises it.
        """
        if len(self._waiting) >= self._most_waiting:
            raise BusyError
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Out] = loop.create_future()
        self._waiting.append((item, ended))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work())
        return await ended

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most_together], self._waiting[self._most_together :]
            await self._commit(batch)

    async def _commit(self, batch: Sequence[tuple[In, asyncio.Future[Out]]]) -> None:
        loop = asyncio.get_running_loop()
        # One timer for all of them: a timer per request costs more than the rest of its way through here.
        timer = loop.call_later(self._seconds, self._give_up, batch)
        try:
            results = await loop.run_in_executor(self._thread, self._write, [item for item, _ in batch])
        except SyncError as error:
            # The store as a whole does not answer: trying the items one by one would only keep everybody waiting.
            _fail(batch, error)
        except Exception as error:  # whatever is wrong with one item must not reach the others
            if len(batch) == 1:
                log.exception("an item could not be committed")
                _fail(batch, error)
            else:
                for single in batch:
                    await self._commit([single])
        else:
            for (_, ended), result in zip(batch, results, strict=True):
                # A sender that has gone away has cancelled its future; its item is kept all the same.
                if not ended.done():
                    ended.set_result(result)
        finally:
            timer.cancel()

    def _give_up(self, batch: Sequence[tuple[In, asyncio.Future[Out]]]) -> None:
        waiting, self._waiting = self._waiting, []
        _fail([*batch, *waiting], TimeoutError("the commit takes too long"))


def _fail(batch: Sequence[tuple[In, asyncio.Future[Out]]], error: Exception) -> None:
    for _, ended in batch:
        if not ended.done():
            ended.set_exception(error)
