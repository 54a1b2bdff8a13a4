"""The work of one Airflow task in a process of its own, which tells how long it took and how much memory it held.

    python -m tests.benchmarks.worker SHOP_URL SITE_URL STORE_URL FLOW STEP [BUCKET]

The last line of its output is a JSON object: records, seconds, cpu (seconds), peak (MB), and peaks: the highest memory
(MB) while each bucket of records was worked on.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import airflow.sdk  # noqa: F401 - a task holds it in memory
from sqlalchemy import func, select

from sandbox.common.client import Control
from sandbox.common.server import RunningServer
from shopify_fw360.store import Store
from shopify_fw360.store.tables import journal, ledger_run
from shopify_fw360.sync.drain import drain
from shopify_fw360.sync.dry_run import plan_into_store
from shopify_fw360.sync.run import Mode, RunRequest, certify, stage_run
from tests.end_to_end.world import INTO_SHOP, INTO_SITE, World

RUN = "bench"


def resident() -> float:
    """Memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class Sampler:
    """Keeps the highest memory of each bucket of records, looking twice a second."""

    def __init__(self, progress: Callable[[], int], bucket: int) -> None:
        self._progress = progress
        self._bucket = bucket
        self._ended = threading.Event()
        self.peaks: dict[int, float] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        number = 0
        while not self._ended.wait(0.5):
            reached = self._progress() // self._bucket if number % 8 == 0 else max(self.peaks, default=0)
            number += 1
            self.peaks[reached] = max(self.peaks.get(reached, 0.0), resident())


def main() -> None:
    shop, site, store_url, direction, step = sys.argv[1:6]
    bucket = int(sys.argv[6]) if len(sys.argv) > 6 else 10**9
    flow = INTO_SITE if direction == "in" else INTO_SHOP
    store = Store.open(store_url)
    world = World(RunningServer(shop, Control(shop), 0), RunningServer(site, Control(site), 0), store)

    def read() -> int:
        with store.connect(read_only=True) as connection:
            return connection.scalar(select(func.sum(ledger_run.c.read))) or 0

    def finished() -> int:
        with store.connect(read_only=True) as connection:
            return connection.scalar(select(func.count()).select_from(journal)) or 0

    began = time.monotonic()
    with Sampler(read if step == "stage" else finished, bucket) as sampler:
        if step == "stage":
            records = stage_run(world.pair, RunRequest(flow, RUN)).staged
        elif step == "drain":
            records = drain(world.pair, flow, "bench").finished
        elif step == "plan":
            records = sum(plan_into_store(world.pair, RunRequest(flow, RUN, Mode.FULL)).values())
        else:
            records = world.sync(flow).finished
    took = time.monotonic() - began
    if step == "drain":
        certify(world.pair, RUN)
    used = resource.getrusage(resource.RUSAGE_SELF)
    numbers = {"records": records, "seconds": took, "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024}
    print(json.dumps({**numbers, "peaks": sampler.peaks}))


if __name__ == "__main__":
    main()
