"""How many requests a site gets: a smooth rate and a number in flight."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol
from weakref import WeakValueDictionary


class Limiter(Protocol):
    """Decides when the next request to a site may go out; one that counts in the store can replace the local one."""

    def slot(self) -> AbstractContextManager[None]:
        """Wait until a request may start; leaving the context ends the request."""

    def pause(self, seconds: float) -> None:
        """Start no request for so long, because the site asked for it."""


class LocalLimiter:
    """Limits the requests of one process.

    Args:
        requests_per_second: rate; requests are spaced evenly, without bursts.
        in_flight: requests open at the same time.
        clock: monotonic seconds.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        requests_per_second: float,
        in_flight: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1.0 / requests_per_second
        self._places = threading.BoundedSemaphore(in_flight)
        self._lock = threading.Lock()
        self._next = clock()
        self._clock = clock
        self._sleep = sleep

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until a request may start; leaving the context ends the request."""
        with self._places:
            with self._lock:
                now = self._clock()
                start = max(now, self._next)
                self._next = start + self._interval
            if start > now:
                self._sleep(start - now)
            yield

    def pause(self, seconds: float) -> None:
        """Start no request for so long, because the site asked for it."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)


_shared: WeakValueDictionary[tuple[str, float, int], LocalLimiter] = WeakValueDictionary()
_shared_lock = threading.Lock()


def shared_limiter(site: str, requests_per_second: float, in_flight: int) -> LocalLimiter:
    """Return the limiter that all clients of a site in this process share.

    Args:
        site: base URL.
        requests_per_second: rate.
        in_flight: requests open at the same time.
    """
    key = (site, requests_per_second, in_flight)
    with _shared_lock:
        limiter = _shared.get(key)
        if limiter is None:
            limiter = _shared[key] = LocalLimiter(requests_per_second, in_flight)
        return limiter
