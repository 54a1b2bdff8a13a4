"""Orders between both real systems: buying in the shop, looking at the sales of the site."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from shopify_fw360.records import Entity, Flow, System
from tests.end_to_end.world import World

BOOKING = Flow(Entity.ORDER, System.SHOPIFY)
UPDATABLE = {"capabilities": {"orders_update": "on"}}
ADA = {
    "email": "ada@example.com",
    "address": {
        "firstName": "Ada",
        "lastName": "Rossi",
        "address1": "Via Garibaldi 1",
        "city": "Milano",
        "zip": "20121",
        "provinceCode": "MI",
        "countryCode": "IT",
    },
}


class Till:
    """A buyer at the shop and an accountant at the site."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.control = world.shopify.control

    def buy(self, *lines: dict[str, Any], **cart: Any) -> dict[str, Any]:
        """Buy something; an order of 44.80 if nothing else is said."""
        wanted = lines or ({"title": "Maglia", "price": "19.95", "quantity": 2},)
        return self.control.place_order(*wanted, **{**ADA, "gateway": "paypal", "charge": "standard", **cart})

    def sales(self) -> list[dict[str, Any]]:
        """Return all sales of the site, oldest first."""
        found: dict[str, dict[str, Any]] = {}
        for page in itertools.count(1):
            rows = self.world.site.call("GET", "orders/list", page=str(page), limit="100")
            fresh = [row for row in rows if str(row["id"]) not in found]
            if not fresh:
                return sorted(found.values(), key=lambda row: int(row["id"]))
            found.update({str(row["id"]): row for row in fresh})
        raise AssertionError

    def sale(self) -> dict[str, Any]:
        """Return the one sale of the site."""
        [only] = self.sales()
        return only

    def statuses(self) -> dict[str, str]:
        rows = self.world.site.call("GET", "orders/statuses")
        return {str(row["id"]): row["nome"] for row in rows}

    def status(self, sale: dict[str, Any] | None = None) -> str:
        return self.statuses()[str((sale or self.sale())["order_status"])]

    def link(self, order: dict[str, Any]) -> Any:
        with self.world.store.read() as tx:
            return tx.links(Entity.ORDER, System.SHOPIFY, [order["id"]]).get(order["id"])

    def parked(self) -> dict[str, str]:
        with self.world.store.read() as tx:
            return {row.source_id: row.error_message or "" for row in tx.parked(BOOKING, limit=10_000)}

    @contextmanager
    def nothing_written(self) -> Iterator[None]:
        with self.world.counting_writes() as writes:
            yield
        assert writes == {"shopify": 0, "framework360": 0}


def cents(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))
