"""Times as the sandbox keeps them: integers, microseconds since 1970; shown with whole seconds, as Shopify does."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(value: int) -> datetime:
    """Return the aware UTC time of a microsecond count."""
    return _EPOCH + timedelta(microseconds=value)


def shown(value: int) -> str:
    """Return the ISO text Shopify answers with, e.g. "2026-11-20T08:00:00Z"; parts of a second are cut off."""
    return moment_of(value - value % SECOND).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str, zone: ZoneInfo) -> tuple[int, int] | None:
    """Return start and end (exclusive) of the span an ISO text means: a day, a second, or one microsecond.

    Args:
        text: date, or date and time with or without an offset and a fraction.
        zone: time zone of texts without an offset.

    Returns:
        None when the text is no ISO date or time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    start = micros(moment)
    if len(text) <= 10:
        return start, micros(moment + timedelta(days=1))
    return (start, start + 1) if "." in text else (start, start + SECOND)


def midnight(text: str, zone: ZoneInfo) -> tuple[int, int] | None:
    """Return start and end of the local day an ISO text begins with: what an unquoted timestamp is taken for."""
    return parse_time(text[:10], zone)


class Clock:
    """The time of a shop: the wall clock, but never the same microsecond twice."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        """Return microseconds since 1970, larger than any returned before."""
        self._last = max(self._last + 1, time.time_ns() // 1_000)
        return self._last
