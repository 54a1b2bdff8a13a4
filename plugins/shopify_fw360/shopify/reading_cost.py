"""The one cost model: which way of reading takes least time under the shop's cost budget. Pure.

Shopify: an app has a bucket of points per shop that fills with a fixed rate (standard plan: 100 a second); a request
takes the points of what it selects; a bulk operation takes 10 to start and nothing for what it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Final

from shopify_fw360.shopify.bulk_operations import LOOK_COST, START_COST
from shopify_fw360.shopify.selection import PAGE_COST, PAGE_LIMIT, Selection, connection_cost

ROUND_TRIP: Final = 0.3
"""Seconds of a request that waits for nothing."""

BULK_START: Final = 20.0
"""Seconds a bulk operation takes however little it reads: it is queued, runs, and is looked at now and then."""

BULK_RECORDS: Final = 300.0
"""Records with their nested lists a bulk operation writes per second. Shopify tells no figure; a careful guess."""

LOOK_EVERY: Final = 15.0
"""Seconds between two looks at a bulk operation."""


class Way(StrEnum):
    """A way of reading records."""

    SINGLE = "single"
    NODES = "nodes"
    PAGES = "pages"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Price:
    """What reading takes.

    Args:
        points: of the cost budget.
        requests: number of them.
        seconds: until the last record is here, if nobody else uses the budget.
    """

    points: float
    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be read.

    Args:
        selection: of each record.
        number: records wanted.
        of: records among which they are found by a scan; the number itself if all of them are wanted.
        again: of the records a bulk operation brings, those that must be read again by id.
    """

    selection: Selection
    number: int
    of: int | None = None
    again: int = 0

    @property
    def scanned(self) -> int:
        """Records a scan reads."""
        return self.number if self.of is None else max(self.of, self.number)


BY_ID: Final = (Way.SINGLE, Way.NODES)
SCANS: Final = (Way.PAGES, Way.BULK)


def price(way: Way, job: Job, rate: float) -> Price:
    """Return what a way of reading takes.

    Args:
        way: the way.
        job: what is to be read.
        rate: points per second the shop grants.
    """
    each = 1 + job.selection.cost
    if way is Way.SINGLE:
        return _price(job.number * each, job.number, rate)
    if way is Way.NODES:
        return _price(job.number * each, ceil(job.number / nodes_at_once(job.selection)), rate)
    if way is Way.PAGES:
        size = job.selection.page_size(PAGE_COST)
        pages = max(1, ceil(job.scanned / size))
        return _price(pages * connection_cost(size, job.selection.cost), pages, rate)
    runs = BULK_START + job.scanned / BULK_RECORDS
    looks = ceil(runs / LOOK_EVERY)
    again = price(Way.NODES, Job(job.selection, job.again), rate) if job.again else Price(0, 0, 0)
    return Price(
        START_COST + looks * LOOK_COST + again.points, 1 + looks + again.requests, runs + ROUND_TRIP + again.seconds
    )


def cheapest(job: Job, ways: Sequence[Way], rate: float) -> Way:
    """Return the way that takes least time; of two that take the same the one with fewer points, then requests.

    Args:
        job: what is to be read.
        ways: to choose from.
        rate: points per second the shop grants.
    """
    prices = {way: price(way, job, rate) for way in ways}
    return min(prices, key=lambda way: (prices[way].seconds, prices[way].points, prices[way].requests))


def nodes_at_once(selection: Selection) -> int:
    """Return how many records one request by ids may ask for."""
    return max(1, min(PAGE_LIMIT, int(PAGE_COST / (1 + selection.cost))))


def _price(points: float, requests: int, rate: float) -> Price:
    return Price(points, requests, max(points / rate, requests * ROUND_TRIP))
