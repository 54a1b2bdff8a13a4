"""The time all workers agree on: that of the database they share, whatever the clocks of their machines say."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final


def utc_now() -> datetime:
    """Return the present aware UTC time."""
    return datetime.now(UTC)


def steady_seconds() -> float:
    """Return seconds that only go forward, also while the machine sleeps."""
    return time.clock_gettime(_STEADY) if _STEADY is not None else time.monotonic()


# Linux: CLOCK_MONOTONIC stands still while the machine is suspended, and leases run out meanwhile.
_STEADY: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)


class DatabaseClock:
    """Tells the time of a PostgreSQL server without asking it each time.

    The server is asked when a connection is made, which happens at least every half hour; in between only steady
    seconds count. So a machine whose clock is wrong or is set to another time neither takes the records of workers that
    live nor holds its own for too long.

    Args:
        steady: seconds that only go forward.
        local: the time until the first connection is made.
    """

    def __init__(self, steady: Callable[[], float] = steady_seconds, local: Callable[[], datetime] = utc_now) -> None:
        self._steady = steady
        self._local = local
        self._read: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """Return the present aware UTC time."""
        if self._read is None:
            return self._local()
        told, at = self._read
        return told + timedelta(seconds=self._steady() - at)

    def ask(self, connection: Any, _record: object = None) -> None:
        """Read the server's clock; made for SQLAlchemy's event ``connect``.

        Args:
            connection: a new connection of the driver.
        """
        with connection.cursor() as cursor:
            asked = self._steady()
            cursor.execute("SELECT clock_timestamp()")
            told: datetime = cursor.fetchone()[0]
            # The answer was on its way for about half of what the exchange took.
            self._read = told.astimezone(UTC), (asked + self._steady()) / 2
        connection.rollback()
