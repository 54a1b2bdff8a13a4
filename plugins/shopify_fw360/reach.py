"""Whether this process may speak to the two systems."""

from __future__ import annotations


class CutOffError(Exception):
    """A process that must not speak to the systems would have to."""


class _Reach:
    is_cut_off = False


def cut_off() -> None:
    """Let no client of this process send anything from now on: its connections belong to the process it came from."""
    _Reach.is_cut_off = True


def require_reach() -> None:
    """Make sure that this process may speak to the systems.

    Raises:
        CutOffError: it was cut off.
    """
    if _Reach.is_cut_off:
        raise CutOffError
