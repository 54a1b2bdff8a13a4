"""Number and sum of a customer's sales, derived from the site's orders."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from shopify_fw360.framework360 import values, wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.customer_fields import ORDERS_COUNT, ORDERS_CURRENCY, ORDERS_TOTAL
from shopify_fw360.framework360.scan import Rows, scan
from shopify_fw360.framework360.site import site_currency

_log = logging.getLogger(__name__)
_CENT = Decimal("0.01")


@dataclass(slots=True)
class Total:
    """Sales of one customer.

    Args:
        count: number of sales.
        amount: their sum in the site's currency.
        latest: aware UTC time of the newest change among them, None if unknown.
    """

    count: int = 0
    amount: Decimal = Decimal(0)
    latest: datetime | None = None


class Sales:
    """Adds up sales. The site's currency and cancelled statuses are read once.

    Args:
        client: of the site.
        count_cancelled: whether cancelled sales count.
    """

    def __init__(self, client: Framework360Client, *, count_cancelled: bool) -> None:
        self._client = client
        self._count_cancelled = count_cancelled
        self._zone = client.options.zone
        self._lock = threading.Lock()
        self._facts: tuple[str, frozenset[str]] | None = None

    def of_all(self) -> dict[str, Total]:
        """Add up all sales by customer id, in one scan of all orders; a customer without sales is absent."""
        totals: dict[str, Total] = {}
        self._add(totals, scan(self._client, wire.ORDERS_LIST))
        return totals

    def of(self, customer_id: str) -> Total:
        """Add up one customer's sales; safe in a thread of the client's pool.

        Args:
            customer_id: id of the customer.
        """
        totals: dict[str, Total] = {}
        # Rows of other customers, from a site that ignores the filter, are dropped here.
        self._add(totals, scan(self._client, wire.ORDERS_LIST, {wire.ORDERS_BY_CUSTOMER: customer_id}, ahead=False))
        return totals.get(customer_id) or Total()

    def fields(self, total: Total | None) -> dict[str, Any]:
        """Return the derived fields of a customer record: whole number, amount with cents, ISO currency."""
        currency, _ = self._site_facts()
        known = total or Total()
        return {ORDERS_COUNT: known.count, ORDERS_TOTAL: known.amount.quantize(_CENT), ORDERS_CURRENCY: currency}

    def _add(self, totals: dict[str, Total], pages: Iterable[Rows]) -> None:
        currency, cancelled = self._site_facts()
        ignored = 0
        for rows in pages:
            for _, row in rows:
                buyer = values.identifier(row.get(wire.ORDER_CUSTOMER))
                amount = values.money(row.get(wire.ORDER_TOTAL), self._client.options.formats.money)
                sold_in = values.identifier(row.get(wire.ORDER_CURRENCY))
                if buyer is None or amount is None or (sold_in or currency).upper() != currency:
                    ignored += 1
                    continue
                total = totals.setdefault(buyer, Total())
                changed = self._changed_at(row)
                if changed and (total.latest is None or changed > total.latest):
                    total.latest = changed
                if values.identifier(row.get(wire.ORDER_STATUS)) not in cancelled:
                    total.count += 1
                    total.amount += amount
        if ignored:
            _log.warning(
                "%d orders are not counted: another currency than %s, or without buyer or total", ignored, currency
            )

    def _changed_at(self, row: Mapping[str, Any]) -> datetime | None:
        pattern = self._client.options.formats.datetime
        for key in (wire.ORDER_MODIFIED_AT, wire.ORDER_DATE):
            moment = values.moment(row.get(key), self._zone, pattern)
            if isinstance(moment, datetime):
                return moment
        return None

    def _site_facts(self) -> tuple[str, frozenset[str]]:
        """Currency and ids of the statuses that do not count."""
        with self._lock:
            if self._facts is None:
                currency = site_currency(self._client.call, self._client.options).upper()
                self._facts = currency, frozenset() if self._count_cancelled else self._cancelled()
            return self._facts

    def _cancelled(self) -> frozenset[str]:
        rows = self._client.call(wire.ORDERS_STATUSES).get(wire.DATA)
        return frozenset(
            status
            for row in (rows if isinstance(rows, list) else ())
            if isinstance(row, Mapping)
            and values.flag(row.get(wire.STATUS_CANCELLED)) is True
            and (status := values.identifier(row.get(self._client.options.lookup.id_key)))
        )
