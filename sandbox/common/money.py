"""Exact money in two currencies: what the shop books, and what the buyer was shown.

Rounding is Shopify's:
- amounts are rounded half up to the currency's digits;
- a discount over several lines is spread by their prices: each share is cut off, and the cents that are left go one
  each to the lines in order (Shopify's own library, https://github.com/Shopify/money, `Money#allocate`);
- tax is worked out and rounded per line and rate; when prices include it, it is `price * rate / (1 + all rates)`
  (https://help.shopify.com/en/manual/taxes/tax-calculations);
- some units of a line are worth the difference of two rounded running totals, so that the parts always sum to the
  whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
_DIGITS = {"JPY": 0}
_QUANTA = {0: Decimal(1), 2: Decimal("0.01")}
RATES = {
    "USD": Decimal("1.0834"),
    "GBP": Decimal("0.8421"),
    "CHF": Decimal("0.9415"),
    "JPY": Decimal("171.35"),
}
"""Units of a currency for one EUR: fixed, so that a seed always gives the same amounts."""


def digits_of(currency: str) -> int:
    """Return how many decimals a currency has."""
    return _DIGITS.get(currency, 2)


def rounded(amount: Decimal, digits: int) -> Decimal:
    """Return an amount rounded half up."""
    return amount.quantize(_QUANTA[digits], ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Bag:
    """One amount twice: in the shop's currency and as presented to the buyer."""

    shop: Decimal
    shown: Decimal

    def __add__(self, other: Bag) -> Bag:
        return Bag(self.shop + other.shop, self.shown + other.shown)

    def __sub__(self, other: Bag) -> Bag:
        return Bag(self.shop - other.shop, self.shown - other.shown)

    def __neg__(self) -> Bag:
        return Bag(-self.shop, -self.shown)

    def __bool__(self) -> bool:
        return bool(self.shop or self.shown)

    def times(self, count: int) -> Bag:
        """Return the amount for so many units."""
        return Bag(self.shop * count, self.shown * count)


NOTHING = Bag(ZERO, ZERO)


def total(bags: Iterable[Bag]) -> Bag:
    """Return the sum."""
    shop = shown = ZERO
    for bag in bags:
        shop += bag.shop
        shown += bag.shown
    return Bag(shop, shown)


@dataclass(frozen=True, slots=True)
class Currencies:
    """The two currencies of an order.

    Args:
        shop: currency of the shop.
        shown: currency the buyer pays in; the same for most orders.
    """

    shop: str = "EUR"
    shown: str = "EUR"

    def price(self, amount: Decimal) -> Bag:
        """Return a price of the shop in both currencies."""
        own = rounded(amount, digits_of(self.shop))
        if self.shop == self.shown:
            return Bag(own, own)
        return Bag(own, rounded(amount * RATES[self.shown], digits_of(self.shown)))

    def each(self, work: Callable[..., Decimal], *bags: Bag) -> Bag:
        """Work out one amount per currency: `work(digits, amount, ...)` with that currency's side of every bag."""
        own = work(digits_of(self.shop), *(bag.shop for bag in bags))
        if self.shop == self.shown:
            return Bag(own, own)
        return Bag(own, work(digits_of(self.shown), *(bag.shown for bag in bags)))

    def percent(self, bag: Bag, percentage: Decimal) -> Bag:
        """Return a rounded percentage of an amount."""
        return self.each(lambda digits, amount: rounded(amount * percentage / 100, digits), bag)

    def spread(self, amount: Bag, weights: Sequence[Bag]) -> list[Bag]:
        """Spread an amount over weights, to the last cent; weights of nothing get nothing."""
        own = _spread(amount.shop, [weight.shop for weight in weights], digits_of(self.shop))
        if self.shop == self.shown:
            return [Bag(share, share) for share in own]
        shown = _spread(amount.shown, [weight.shown for weight in weights], digits_of(self.shown))
        return [Bag(*pair) for pair in zip(own, shown, strict=True)]

    def units(self, amount: Bag, quantity: int, done: int, count: int) -> Bag:
        """Return what `count` of `quantity` units are worth when `done` of them were taken before."""

        def worth(digits: int, whole: Decimal) -> Decimal:
            return rounded(whole * (done + count) / quantity, digits) - rounded(whole * done / quantity, digits)

        return self.each(worth, amount)

    def part(self, amount: Bag, whole: Bag, done: Bag, now: Bag) -> Bag:
        """Return the part of `amount` that goes with `now` out of `whole`, when `done` went before."""

        def worth(digits: int, piece: Decimal, all_of_it: Decimal, before: Decimal, more: Decimal) -> Decimal:
            if not all_of_it:
                return ZERO
            return rounded(piece * (before + more) / all_of_it, digits) - rounded(piece * before / all_of_it, digits)

        return self.each(worth, amount, whole, done, now)

    def tax(self, price: Bag, rate: Decimal, all_rates: Decimal, *, included: bool) -> Bag:
        """Return the tax of one rate on a price; `all_rates` is the sum of the rates on it."""
        share = rate / (1 + all_rates) if included else rate
        return self.each(lambda digits, amount: rounded(amount * share, digits), price)


def least(one: Bag, other: Bag) -> Bag:
    """Return the smaller amount in each currency."""
    return Bag(min(one.shop, other.shop), min(one.shown, other.shown))


def most(one: Bag, other: Bag) -> Bag:
    """Return the larger amount in each currency."""
    return Bag(max(one.shop, other.shop), max(one.shown, other.shown))


def _spread(amount: Decimal, weights: Sequence[Decimal], digits: int) -> list[Decimal]:
    whole = sum(weights, ZERO)
    if not whole:
        return [ZERO for _ in weights]
    cent = _QUANTA[digits]
    shares = [(amount * weight / whole).quantize(cent, ROUND_DOWN) for weight in weights]
    left = amount - sum(shares, ZERO)
    for position, weight in enumerate(weights):
        if left < cent:
            break
        if weight:
            shares[position] += cent
            left -= cent
    return shares
