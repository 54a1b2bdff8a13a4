"""What carrying out a plan will take, told before anybody approves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Final

from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.plan import Action


@dataclass(frozen=True, slots=True)
class Price:
    """What one record takes.

    Args:
        requests: to the target.
        points: of the cost budget, if the target is Shopify.
    """

    requests: float
    points: float = 0.0


WRITING: Final = frozenset({Action.CREATE, Action.UPDATE, Action.LINK, Action.CONFLICT})

PRICES: Final[Mapping[tuple[System, Entity], Price]] = {
    (System.SHOPIFY, Entity.CUSTOMER): Price(2.2, 26.0),
    (System.SHOPIFY, Entity.PRODUCT): Price(4.4, 84.0),
    (System.FRAMEWORK360, Entity.CUSTOMER): Price(3.1),
    (System.FRAMEWORK360, Entity.PRODUCT): Price(2.1),
    (System.FRAMEWORK360, Entity.ORDER): Price(5.0),
}
"""Products: means of a whole catalogue on the sandbox (docs/benchmarks.md); a record with many variants takes more.
The others are rough: what the requests of a typical record add up to."""

READ_POINTS: Final[Mapping[Entity, float]] = {Entity.CUSTOMER: 8.0, Entity.PRODUCT: 30.0, Entity.ORDER: 40.0}
"""Points to read one record again from Shopify before it is carried over."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What carrying out a plan takes.

    Args:
        writes: records that are written.
        requests: to the target.
        points: of Shopify's cost budget, reading included.
        seconds: if nothing else uses the systems.
    """

    writes: int
    requests: int
    points: int
    seconds: int

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON."""
        return asdict(self)


def estimate(pair: Pair, flow: Flow, actions: Mapping[str, int]) -> Estimate:
    """Estimate what carrying out a plan takes.

    Args:
        pair: tells the pace of both systems.
        flow: of the plan.
        actions: number of items by action.

    Returns:
        The estimate.
    """
    writes = sum(count for action, count in actions.items() if Action(action) in WRITING)
    records = sum(actions.values())
    price = PRICES[flow.target, flow.entity]
    requests = writes * price.requests
    points = writes * price.points + (records * READ_POINTS[flow.entity] if flow.source is System.SHOPIFY else 0)
    in_shop = points / pair.pace[System.SHOPIFY]
    in_site = (requests if flow.target is System.FRAMEWORK360 else records) / pair.pace[System.FRAMEWORK360]
    return Estimate(writes, ceil(requests), ceil(points), ceil(max(in_shop, in_site)))
