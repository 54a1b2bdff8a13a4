"""Work that Shopify does after it has answered, and the job by which a caller learns that it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sandbox.shopify.ids import gid
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record


def start_job(shop: Shop, run: Callable[[], None] = lambda: None) -> Record:
    """Do the work, at once or after the time of the switch `job_seconds`; returns the job as it is then."""
    job = gid("Job", shop.number())
    shop.jobs[job] = False

    def finish() -> None:
        run()
        shop.jobs[job] = True

    if shop.options.job_seconds:
        asyncio.get_running_loop().call_later(shop.options.job_seconds, finish)
    else:
        finish()
    return job_record(shop, job)


def job_record(shop: Shop, job: str) -> Record:
    """Return a known job as a record."""
    return {"__typename": "Job", "id": job, "done": shop.jobs[job]}
