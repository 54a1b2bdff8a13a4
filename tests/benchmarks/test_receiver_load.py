"""The receiver under a steady load: how long a sender waits, and that all it was told is in the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shopify_fw360.store import Store
from shopify_fw360.store.tables import webhook_event
from tests.web.live import receiver

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
RATES = {"sqlite": 300, "postgresql": 1000}
CONNECTIONS = 64
AS_FAST_AS_POSSIBLE = 0


def load(port, seconds, rate, first):
    """Send webhooks at a rate from a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.web.load", *map(str, (port, seconds, rate, CONNECTIONS, first))],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("database", RATES)
def test_a_receiver_under_load(tmp_path, request, database):
    """BENCH_SECONDS in the environment sets how long each load lasts; its rate counts from when a request was due."""
    seconds = int(os.environ.get("BENCH_SECONDS", "20"))
    file = f"sqlite:///{tmp_path / 'store.db'}"
    url = file if database == "sqlite" else request.getfixturevalue("postgres_url")
    store = Store.open(url)
    store.upgrade()
    acknowledged = 0
    with receiver(url, tmp_path / "receiver.log") as live:
        acknowledged += load(live.port, 2, 50, 1)["statuses"]["200"]
        for rate in (RATES[database], AS_FAST_AS_POSSIBLE):
            before = os.getloadavg()[0]
            done = load(live.port, seconds, rate, 1_000_000 * (1 + rate))
            acknowledged += done["statuses"]["200"]
            what = f"{rate}/s asked for" if rate else "as fast as answers come"
            print(f"\n{database}, {what}, load of the machine {before:.1f}: {done}", flush=True)
            assert set(done["statuses"]) == {"200"}
    with store.connect(read_only=True) as connection:
        kept = connection.scalar(select(func.count()).select_from(webhook_event))
    store.close()
    assert kept == acknowledged
