"""The lines of a sale: exact unit prices whose sum is what the order costs, to the cent.

A sale has unit prices of two decimals. Where the amount of a line does not divide by its quantity, the line is split in
two whose unit prices are one cent apart, so that nothing is rounded away (contract 6.3). Nothing else is rounded here:
discounts and taxes were rounded by Shopify when it allocated them to the line, and are taken as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shopify_fw360.errors import ORDER_MONEY, SyncError
from shopify_fw360.sales.terms import CENT, ZERO, Charge, Kind, Terms

SECOND: Final = "-2"
"""Suffix of the second part of a split line (contract 6.2)."""

EMPTY: Final = "shopify-empty"
"""Line of an order from which everything was removed; a sale needs at least one line."""


@dataclass(frozen=True, slots=True)
class SaleLine:
    """One line of a sale.

    Args:
        key: ``shopify-<line number>``, the second part of a split line with the suffix ``-2``.
        charge: what it stands for.
        quantity: units, at least 1.
        price: of one unit, two decimals, with tax or without as the site enters prices.
        rate: the sum of its tax rates in percent, as text ("22", "5.5"); "?" if the order does not tell one of them;
            None where no tax can make a difference because the price is 0.
    """

    key: str
    charge: Charge
    quantity: int
    price: Decimal
    rate: str | None


def sale_lines(terms: Terms, *, with_tax: bool, record: str) -> tuple[SaleLine, ...]:
    """Make the lines of a sale.

    Args:
        terms: proven, in the site's currency.
        with_tax: whether the site's prices include tax.
        record: names the order in an error.

    Returns:
        At least one line. With tax, the sum of price x quantity is exactly the order's total; without, exactly its
        total less its tax.

    Raises:
        SyncError: SYNC-221 for an amount that is no whole number of cents.
    """
    lines: list[SaleLine] = []
    for charge in terms.charges:
        if charge.quantity < 1 or (charge.kind is Kind.DUTY and terms.duties_included):
            continue
        amount = charge.amount
        if with_tax and not terms.taxes_included:
            amount += charge.tax
        elif terms.taxes_included and not with_tax:
            amount -= charge.tax
        if amount != amount.quantize(CENT):
            raise SyncError(
                ORDER_MONEY,
                f"{charge.key} costs {amount} {terms.currency}, a sale has amounts of two decimals",
                record=record,
                field=charge.key,
                rule="amounts are whole cents",
            )
        lines += _split(charge, amount)
    nothing = Charge(EMPTY, Kind.GOODS, 1, ZERO, ZERO)
    return tuple(lines) or (SaleLine(EMPTY, nothing, 1, ZERO, None),)


def _split(charge: Charge, amount: Decimal) -> list[SaleLine]:
    rate = _rate(charge) if amount else None
    cents = int(amount / CENT)
    # Python divides towards minus infinity, so the rest is never negative, for a line below zero too.
    low, rest = divmod(cents, charge.quantity)
    first = SaleLine(charge.key, charge, charge.quantity - rest, low * CENT, rate)
    if not rest:
        return [first]
    return [first, SaleLine(charge.key + SECOND, charge, rest, (low + 1) * CENT, rate)]


def _rate(charge: Charge) -> str:
    percent = charge.percent
    return "?" if percent is None else format(percent.normalize(), "f")
