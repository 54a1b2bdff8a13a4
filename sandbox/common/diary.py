"""When what changed in a system, for those who measure how long a change takes to reach the other one."""

from __future__ import annotations

import time
from collections import deque
from itertools import islice

ENTRIES = 50_000

Entry = tuple[int, float, str, str]
"""Number of the entry, seconds since the epoch, what happened in the words of the system, id of the record."""


class Diary:
    """The newest 50,000 changes of a system, whoever made them."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=ENTRIES)
        self._count = 0

    def note(self, what: str, record_id: str) -> None:
        """Write down a change that has just happened."""
        self._count += 1
        self._entries.append((self._count, time.time(), what, record_id))

    def after(self, number: int) -> list[Entry]:
        """Return the entries after the one with a number, oldest first; those that have been forgotten are missing."""
        first = self._entries[0][0] if self._entries else 0
        return list(islice(self._entries, max(0, number + 1 - first), None))

    def clear(self) -> None:
        """Forget everything, the numbers included."""
        self._entries.clear()
        self._count = 0
