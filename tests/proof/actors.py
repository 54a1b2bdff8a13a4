"""Workers as greenlets in virtual time: whose turn it is, and who dies where, is decided by the history alone.

The code under test runs unchanged. What the standard library would make random is replaced while a history is told:
time, threads (the heartbeat of a batch), thread pools (work is done in the order in which it is submitted) and the
random part of waits. A worker gives its turn away before and after every request and every transaction that may
write; there it can be left standing, go on, or die. A dead worker does nothing any more: whatever its ``finally``
blocks try ends at the next request or transaction.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Self
from unittest.mock import patch

import greenlet

START = datetime(2026, 2, 2, 8, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process of a worker is gone."""


class Theatre:
    """The virtual time, the workers, and whose turn it is."""

    def __init__(self, seed: int) -> None:
        self._now = START
        self._sleepers: dict[Event, tuple[datetime, greenlet.greenlet]] = {}
        self.random = random.Random(seed)
        self.playing: Worker | None = None
        self.session: Callable[[], Any] = lambda: None

    def now(self) -> datetime:
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Let time pass; hearts beat when their time has come."""
        self._now += timedelta(seconds=seconds)
        for event in [event for event, (due, _) in self._sleepers.items() if due <= self._now]:
            if event in self._sleepers:
                self._wake(event)

    def point(self, label: str) -> None:
        """Here a worker gives its turn away; returns when it is its turn again, raises Killed if it dies here."""
        worker = self.playing
        if worker is not None and greenlet.getcurrent() is worker.body:
            worker.rest(label)

    def _wake(self, event: Event) -> None:
        _, sleeper = self._sleepers[event]
        sleeper.parent = greenlet.getcurrent()
        sleeper.switch()

    def sleep_on(self, event: Event, timeout: float) -> bool:
        self._sleepers[event] = (self._now + timedelta(seconds=timeout), greenlet.getcurrent())
        greenlet.getcurrent().parent.switch()
        self._sleepers.pop(event, None)
        return event.over


class Worker:
    """One process that works with the synchroniser's own code.

    Args:
        theatre: where it acts.
        name: for the story.
        work: what it does.
    """

    def __init__(self, theatre: Theatre, name: str, work: Callable[[], None]) -> None:
        self._theatre = theatre
        self.name = name
        self.at = "the start"
        self.ended = ""
        self.error: Exception | None = None
        self._doomed = False
        self._dead = False
        self._work = work
        self.body = greenlet.greenlet(self._live)

    def _live(self) -> None:
        try:
            self._work()
            self.ended = "done"
        except Killed:
            self.ended = "died"
        except Exception as error:  # noqa: BLE001 - whatever ends a worker is judged by the history
            self.ended = "failed"
            self.error = error

    def step(self) -> bool:
        """Go on to the next point; returns whether it is still alive."""
        self._theatre.playing = self
        try:
            self.body.parent = greenlet.getcurrent()
            self.body.switch()
        finally:
            self._theatre.playing = None
        return not self.ended

    def die(self) -> None:
        """End where it stands."""
        if self.at == "the start":
            self.ended = "died"
            return
        self._doomed = True
        while not self.ended:
            self.step()

    def rest(self, label: str) -> None:
        if self._dead:
            raise Killed
        self.at = label
        greenlet.getcurrent().parent.switch()
        if self._doomed:
            self._dead = True
            raise Killed


class Event:
    """Stands in for threading.Event."""

    def __init__(self) -> None:
        self.over = False

    def set(self) -> None:
        self.over = True

    def wait(self, timeout: float) -> bool:
        return True if self.over else _stage[0].sleep_on(self, timeout)


class Thread:
    """Stands in for threading.Thread: runs until it first waits, and on when its time has come."""

    def __init__(self, target: Callable[[], None], **_: Any) -> None:
        self._body = greenlet.greenlet(target)

    def start(self) -> None:
        self._body.switch()

    def join(self) -> None:
        if not self._body.dead:
            self._body.parent = greenlet.getcurrent()
            self._body.switch()


class InlinePool:
    """Stands in for ThreadPoolExecutor: work is done when it is submitted."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # noqa: BLE001 - as a pool does
            future.set_exception(error)
        return future

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return iter([work(item) for item in items])

    def shutdown(self, **_: Any) -> None:
        pass


_stage: list[Theatre] = []


class _Time:
    """Stands in for the module time."""

    @staticmethod
    def time() -> float:
        return _stage[0].now().timestamp()

    monotonic = time

    @staticmethod
    def time_ns() -> int:
        return (_stage[0].now() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000

    @staticmethod
    def sleep(seconds: float) -> None:
        _stage[0].pass_time(seconds)


class _Moment(datetime):
    """Stands in for datetime where somebody asks for the present moment."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return _stage[0].now().astimezone(tz)


TIME = _Time()
_TIMES = (
    "sandbox.shopify.times.time",
    "sandbox.shopify.tokens.time",
    "sandbox.shopify.oauth.time",
    "sandbox.shopify.table.time",
    "sandbox.shopify.bucket.time",
)
_MOMENTS = ("sandbox.framework360.calls.datetime", "shopify_fw360.framework360.orders.datetime")
_SESSIONS = ("shopify_fw360.shopify.client.new_session", "shopify_fw360.shopify.auth.new_session")
_POOLS = (
    "shopify_fw360.sync.drain.ThreadPoolExecutor",
    "shopify_fw360.sync.apply.ThreadPoolExecutor",
    "shopify_fw360.sync.extract.ThreadPoolExecutor",
    "shopify_fw360.framework360.client.ThreadPoolExecutor",
)


def _no_thread(_: Any) -> None:
    raise AssertionError("a thread was started, which no history can decide about; replace its pool here")


@contextmanager
def playing(theatre: Theatre) -> Iterator[None]:
    """Replace what would be random while the block runs."""
    draw = SimpleNamespace(uniform=theatre.random.uniform)
    replaced = {
        **dict.fromkeys(_TIMES, TIME),
        **dict.fromkeys(_MOMENTS, _Moment),
        **dict.fromkeys(_POOLS, InlinePool),
        "shopify_fw360.sync.apply.as_completed": list,
        **dict.fromkeys(_SESSIONS, lambda _address: theatre.session()),
        "threading.Thread.start": _no_thread,
        "shopify_fw360.sync.heartbeat.threading": SimpleNamespace(Event=Event, Thread=Thread),
        "shopify_fw360.sync.drain.random": draw,
        "shopify_fw360.framework360.client.random": draw,
    }
    patches = [patch(name, new) for name, new in replaced.items()]
    _stage.insert(0, theatre)
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
        _stage.pop(0)
