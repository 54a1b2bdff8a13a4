"""Prices between the shop, which quotes them with or without tax, and the site, which has its own setting for that."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from shopify_fw360.errors import VALUE_INVALID, SyncError
from shopify_fw360.framework360 import values, wire
from shopify_fw360.framework360.canonical import CENT, half_up
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.site import site_prices_include_tax

_log = logging.getLogger(__name__)
_HUNDRED: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class _Modes:
    shop_includes_tax: bool
    site_includes_tax: bool

    @property
    def differ(self) -> bool:
        return self.shop_includes_tax != self.site_includes_tax


class PriceEdge:
    """Converts prices at the edge to the site, half-up to cents; does nothing where shop and site agree.

    Records carry prices as the shop quotes them. Both settings are asked for once, the site's taxes only if they
    differ, and again for a tax that is not known yet.

    Args:
        client: of the site.
        shop_prices_include_tax: tells whether the shop's prices include tax.
    """

    def __init__(self, client: Framework360Client, shop_prices_include_tax: Callable[[], bool]) -> None:
        self._client = client
        self._ask_shop = shop_prices_include_tax
        self._lock = threading.Lock()
        self._modes: _Modes | None = None
        self._rates: dict[str, Decimal] = {}
        self._unknown: set[str] = set()

    def to_shop(self, amount: Decimal, tax: str) -> Decimal | None:
        """Convert a price of the site.

        Args:
            amount: as the site holds it.
            tax: id of the product's tax, or `wire.DEFAULT_TAX`.

        Returns:
            The price as the shop would quote it, None if the rate of the tax is not known.

        Raises:
            SyncError: SYNC-106 if the site does not tell its setting; else as the client.
        """
        modes = self._known_modes()
        if not modes.differ:
            return half_up(amount, CENT)
        factor = self._factor(tax)
        if factor is None:
            return None
        return half_up(amount * factor if modes.shop_includes_tax else amount / factor, CENT)

    def to_site(self, amount: Decimal, tax: str) -> Decimal:
        """Convert a price of the shop; arguments as in `to_shop`.

        Raises:
            SyncError: SYNC-202 if the rate of the tax is not known; else as `to_shop`.
        """
        modes = self._known_modes()
        if not modes.differ:
            return half_up(amount, CENT)
        factor = self._factor(tax)
        if factor is None:
            raise SyncError(
                VALUE_INVALID,
                f"the site has no rate for the tax {tax!r}, so prices cannot be converted between shop and site",
                field=wire.TAX,
                rule="payments/taxes",
            )
        return half_up(amount / factor if modes.shop_includes_tax else amount * factor, CENT)

    def _known_modes(self) -> _Modes:
        if self._modes is None:
            with self._lock:
                site = site_prices_include_tax(self._client.call, self._client.options)
                self._modes = _Modes(self._ask_shop(), site)
        return self._modes

    def _factor(self, tax: str) -> Decimal | None:
        """Return 1 plus the rate."""
        with self._lock:
            if tax not in self._rates and tax not in self._unknown:
                self._rates = self._read()
                if tax not in self._rates:
                    self._unknown.add(tax)
                    _log.warning("the site has no rate for the tax %r: prices of its products are left out", tax)
            return self._rates.get(tax)

    def _read(self) -> dict[str, Decimal]:
        rates: dict[str, Decimal] = {}
        standard: list[Decimal] = []
        found = self._client.call(wire.PAYMENTS_TAXES).get(wire.DATA)
        rows = [row for row in (found if isinstance(found, list) else ()) if isinstance(row, Mapping)]
        for row in rows:
            key, factor = values.identifier(row.get(self._client.options.lookup.id_key)), self._factor_of(row)
            if key is None or factor is None:
                continue
            rates[key] = factor
            if values.flag(row.get(wire.TAX_IS_DEFAULT)) is True or len(rows) == 1:
                standard.append(factor)
        return {**rates, wire.DEFAULT_TAX: standard[0]} if standard else rates

    def _factor_of(self, row: Mapping[str, Any]) -> Decimal | None:
        rate = values.money(row.get(wire.TAX_RATE), self._client.options.formats.money)
        return None if rate is None or rate < 0 else 1 + rate / _HUNDRED
