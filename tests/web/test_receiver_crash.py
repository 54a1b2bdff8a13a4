"""Killed in the middle of the load, the receiver has lost nothing that it acknowledged."""

import subprocess
import sys
import time

import pytest

from shopify_fw360.store import Store
from tests.airflow.environment import ROOT
from tests.web.live import receiver


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.mark.parametrize("seconds", [0.5, 1.1, 1.7])
def test_every_acknowledged_event_is_there(url, tmp_path, seconds):
    store = Store.open(url)
    store.upgrade()
    with receiver(url, tmp_path / "log") as live:
        load = subprocess.Popen(
            [sys.executable, "-m", "tests.web.load", str(live.port), "20", "0", "32", "1", "ACKS"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        first = load.stdout.readline()
        time.sleep(seconds)
        live.kill()
        printed = [first, *load.stdout]
        load.wait()
    acknowledged = {f"gid://shopify/Customer/{line.strip()}" for line in printed if line.strip().isdigit()}
    with store.read() as tx:
        kept = {row.source_id for row in tx.queued(limit=1_000_000)}
    store.close()
    assert len(acknowledged) > 50
    assert acknowledged <= kept
