"""A worker writes only while its leases last, by every clock it has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from shopify_fw360.records import Entity
from shopify_fw360.sync.heartbeat import Heartbeat

LEASE = timedelta(seconds=120)


class Clocks:
    def __init__(self):
        self.now = datetime(2026, 11, 1, 12, tzinfo=UTC)
        self.steady = 1000.0

    def heartbeat(self) -> Heartbeat:
        pair = SimpleNamespace(clock=lambda: self.now)
        return Heartbeat(pair, Entity.CUSTOMER, "worker", LEASE, list, steady=lambda: self.steady)


@pytest.mark.parametrize(
    ("by_clock", "by_steady", "holds"),
    [(119, 119, True), (120, 0, False), (0, 120, False), (-7200, 121, False), (7200, 1, False)],
    ids=["in time", "suspended", "clock stopped", "clock set back", "clock set forward"],
)
def test_leases_last_only_while_both_clocks_say_so(by_clock, by_steady, holds):
    clocks = Clocks()
    heartbeat = clocks.heartbeat()
    clocks.now += timedelta(seconds=by_clock)
    clocks.steady += by_steady
    assert heartbeat.holds() is holds
