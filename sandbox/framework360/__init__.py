"""A Framework360 site that keeps the contract, its quirks included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.common.backend import Backend, Seed
from sandbox.framework360.server import Framework360Backend


def build(seed: Seed, options: Mapping[str, Any]) -> Backend:
    """Return a site filled from the seed, see `options.py` for the switches."""
    return Framework360Backend(seed, options)
