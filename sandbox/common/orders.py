"""Orders with money that hurts: exact to the cent by construction.

`orders(seed, n, ...)` is the beginning of `orders(seed, m, ...)` for every m > n with the same people and products.
Every second order carries one of `order_troubles.TROUBLES`, in turn; a few are giants. What each order must say about
its money is in `expected`, worked out from its agreements, not from the sums that the shop shows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from sandbox.common.catalogue import CatalogueProduct
from sandbox.common.order_stories import Story
from sandbox.common.people import Person
from sandbox.common.seeded_order import SeededOrder


def orders(
    seed: int, count: int, people: Sequence[Person] = (), products: Sequence[CatalogueProduct] = ()
) -> list[SeededOrder]:
    """Return the first `count` orders of a seed, see `iter_orders`."""
    return list(iter_orders(seed, count, people, products))


def iter_orders(
    seed: int, count: int, people: Sequence[Person] = (), products: Sequence[CatalogueProduct] = ()
) -> Iterator[SeededOrder]:
    """Yield the first `count` orders of a seed, one at a time.

    Args:
        seed: seed of the random generator.
        count: number of orders.
        people: who buys; without any, every buyer is a guest.
        products: what is sold; without any, all lines are custom lines.

    Yields:
        Orders in the order of `index`; nothing in them is newer than `people.EPOCH`.
    """
    for index in range(count):
        yield Story(random.Random(f"orders-{seed}-{index}"), index, people, products).told()
