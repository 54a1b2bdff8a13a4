"""The site's own arithmetic against Shopify's: a sale is written only if both come to the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from shopify_fw360.errors import FW360_UNAVAILABLE, SALE_TOTAL, SyncError
from shopify_fw360.framework360 import values, wire
from shopify_fw360.framework360.canonical import CENT
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.site import site_prices_include_tax
from shopify_fw360.records import Raw

SUMS: Final = (wire.ORDER_TOTAL, wire.ORDER_TAX)
"""Fields that the site computes from the lines."""


class TotalCheck:
    """Compares what a site makes of a cart with what an order costs.

    A wrong tax id shows in the tax even where prices include tax and the total is right.

    Args:
        client: of the site.
    """

    def __init__(self, client: Framework360Client) -> None:
        self._client = client
        self._with_tax: bool | None = None

    def prove(self, cart: Sequence[Mapping[str, Any]], fields: Mapping[str, Any]) -> None:
        """Let the site price the cart and compare total and tax with the order's.

        Args:
            cart: lines as they will be sent.
            fields: of the sale, with its total and tax; what is absent is not compared.

        Raises:
            SyncError: SYNC-222 with both amounts and the gap; SYNC-408 if the reply holds no total; else as the client.
        """
        prepared = values.mapping(self._client.call(wire.ORDERS_PREPARE_CART, {wire.CART: cart}).get(wire.DATA))
        told: Mapping[str, Any] = prepared if isinstance(prepared, Mapping) else {}
        for name in SUMS:
            expected = fields.get(name)
            if expected is None:
                continue
            found = values.money(told.get(name), self._client.options.formats.money)
            if found is None and name == wire.ORDER_TOTAL:
                raise SyncError(FW360_UNAVAILABLE, "orders/prepareCart: the reply holds no total", rule=name)
            gap = Decimal(0) if found is None else found - Decimal(expected)
            if abs(gap) > self._tolerance(name, len(cart)):
                side = "more" if gap > 0 else "less"
                raise SyncError(
                    SALE_TOTAL,
                    f"{name}: the site comes to {found}, Shopify to {expected}, {abs(gap)} {side}",
                    field=name,
                    rule="orders/prepareCart",
                )

    def is_rounding(self, name: str, value: Any, current: Raw) -> bool:
        """Whether a sum of a sale differs from the order's only by what the site's own rounding explains.

        Args:
            name: of a target field.
            value: of the order.
            current: the decoded sale.
        """
        if name not in SUMS or value is None or current.get(name) is None:
            return False
        gap = abs(Decimal(value).quantize(CENT) - Decimal(current[name]).quantize(CENT))
        return gap <= self._tolerance(name, len(current.get(wire.CART) or ()))

    def _tolerance(self, name: str, lines: int) -> Decimal:
        """Net prices of two decimals, and the tax of each line, may each be off by the rounding of one cent."""
        single = self._client.options.orders.total_tolerance
        if name == wire.ORDER_TOTAL and self._prices_include_tax():
            return single
        return single * max(lines, 1)

    def _prices_include_tax(self) -> bool:
        if self._with_tax is None:
            self._with_tax = site_prices_include_tax(self._client.call, self._client.options)
        return self._with_tax
