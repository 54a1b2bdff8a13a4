"""What an order is made of in one currency: charges with their taxes, and what the order itself says they come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

ZERO: Final = Decimal(0)
CENT: Final = Decimal("0.01")


class Kind(StrEnum):
    """What a charge is for."""

    GOODS = "goods"
    GIFT_CARD = "gift_card"
    TIP = "tip"
    SHIPPING = "shipping"
    DUTY = "duty"
    FEE = "fee"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True, slots=True)
class Tax:
    """One tax.

    Args:
        title: as the order names it.
        percent: the rate, 22 for 22 %; None where the order does not tell it.
        amount: of the tax.
    """

    title: str
    percent: Decimal | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """One thing that is paid for.

    Args:
        key: identifies it within the order and never changes.
        kind: what it is for.
        quantity: units; 1 for what has none.
        listed: price of all units before discounts.
        amount: price of all units after every discount; holds the taxes if the order's prices include them.
        taxes: on the amount.
        name: as sold, empty where the order gives it none.
        sku: as sold, empty for none.
        attributes: what the buyer chose, as ``name: value``.
    """

    key: str
    kind: Kind
    quantity: int
    listed: Decimal
    amount: Decimal
    taxes: tuple[Tax, ...] = ()
    name: str = ""
    sku: str = ""
    attributes: tuple[str, ...] = ()

    @property
    def tax(self) -> Decimal:
        """All taxes on it."""
        return total(tax.amount for tax in self.taxes)

    @property
    def discount(self) -> Decimal:
        """What was taken off its listed price."""
        return self.listed - self.amount

    @property
    def percent(self) -> Decimal | None:
        """Sum of its tax rates, 0 without taxes, None if one of them is not told."""
        rates = [tax.percent for tax in self.taxes]
        return None if None in rates else total(rate for rate in rates if rate is not None)


@dataclass(frozen=True, slots=True)
class Stated:
    """What the order itself says its parts come to.

    Args:
        total: what the order costs.
        subtotal: goods after their discounts.
        discounts: all discounts.
        shipping: after discounts, None where the order does not say it unambiguously.
        duties: import duties.
        fees: additional fees.
        tips: given by the buyer.
        tax: all taxes.
        taxes: the same by title and rate.
        discrepancy: less (positive) or more (negative) refunded than the goods given back are worth.
        refunds: amount of each refund.
        refunded: all refunds.
        received: all payments.
        net_payment: payments less refunds.
    """

    total: Decimal
    subtotal: Decimal
    discounts: Decimal
    shipping: Decimal | None
    duties: Decimal
    fees: Decimal
    tips: Decimal
    tax: Decimal
    taxes: tuple[Tax, ...]
    discrepancy: Decimal
    refunds: tuple[Decimal, ...]
    refunded: Decimal
    received: Decimal
    net_payment: Decimal


@dataclass(frozen=True, slots=True)
class Units:
    """Units of one line that are left.

    Args:
        key: of the line.
        left: ordered less given back.
        stated: as the order says.
    """

    key: str
    left: int
    stated: int


@dataclass(frozen=True, slots=True)
class Terms:
    """An order's money in one currency.

    Args:
        currency: ISO code.
        taxes_included: whether prices include taxes.
        duties_included: whether prices include duties.
        charges: everything that is paid for.
        stated: what the order says.
        units: of its lines.
        rates_known: whether the tax of each rate is known exactly; after a partial refund of something that bears
            several rates only their sum is.
    """

    currency: str
    taxes_included: bool
    duties_included: bool
    charges: tuple[Charge, ...]
    stated: Stated
    units: tuple[Units, ...] = ()
    rates_known: bool = True

    def of(self, *kinds: Kind) -> Sequence[Charge]:
        """Return the charges of some kinds."""
        return [charge for charge in self.charges if charge.kind in kinds]

    def amount(self, *kinds: Kind) -> Decimal:
        """Return what the charges of some kinds come to, after discounts."""
        return total(charge.amount for charge in self.of(*kinds))

    @property
    def tax(self) -> Decimal:
        """Return all taxes."""
        return total(charge.tax for charge in self.charges)

    @property
    def sum(self) -> Decimal:
        """Return what the parts come to: all charges, and the taxes where prices do not include them."""
        paid = (charge for charge in self.charges if not (charge.kind is Kind.DUTY and self.duties_included))
        return total(charge.amount for charge in paid) + (ZERO if self.taxes_included else self.tax)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum, 0 of nothing."""
    return sum(amounts, ZERO)
