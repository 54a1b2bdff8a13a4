"""Make a broken history short, so that what remains can be read as a story."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.proof.history import Event


def shrink(events: Sequence[Event], breaks: Callable[[Sequence[Event]], bool], *, most_tries: int = 400) -> list[Event]:
    """Leave out events as long as the history still breaks in the same way.

    Each event draws from a seed of its own, so those that stay do what they did before.

    Args:
        events: of a history that breaks.
        breaks: tells a history and says whether it breaks.
        most_tries: how many histories may be told.

    Returns:
        Events none of which can be left out, unless the tries ran out before.
    """
    left = list(events)
    tries = 0
    size = max(1, len(left) // 2)
    while True:
        place, shorter = 0, False
        while place < len(left) and tries < most_tries:
            tries += 1
            without = left[:place] + left[place + size :]
            if breaks(without):
                left, shorter = without, True
            else:
                place += size
        if tries >= most_tries or (size == 1 and not shorter):
            return left
        size = max(1, size // 2)
