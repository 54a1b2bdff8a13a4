"""The leaky bucket of query cost points, on the monotonic clock."""

from __future__ import annotations

import time
from typing import Any


class Bucket:
    """Points an app may spend in one shop.

    Args:
        size: points it holds.
        rate: points restored per second.
    """

    def __init__(self, size: float, rate: float) -> None:
        self._size = size
        self._rate = rate
        self._points = size
        self._at = time.monotonic()

    def change(self, size: float, rate: float) -> None:
        """Move to another plan; what was spent stays spent."""
        spent = self._size - self.available()
        self._size, self._rate = size, rate
        self._points = max(0.0, size - spent)

    def available(self) -> float:
        """Return the points there are now."""
        now = time.monotonic()
        self._points = min(self._size, self._points + (now - self._at) * self._rate)
        self._at = now
        return self._points

    def take(self, points: float) -> bool:
        """Take points if there are enough."""
        if points > self.available():
            return False
        self._points -= points
        return True

    def give_back(self, points: float) -> None:
        """Return points that were requested but not used."""
        self._points = min(self._size, self._points + points)

    def status(self) -> dict[str, Any]:
        """Return Shopify's `throttleStatus`."""
        return {
            "maximumAvailable": self._size,
            "currentlyAvailable": int(self.available()),
            "restoreRate": self._rate,
        }
