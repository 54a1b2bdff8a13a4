"""Carts and what they come to (section 6.3 of the contract). Amounts are decimals in cents, rounded half up.

- A line: unit price times quantity, rounded; its tax from the rounded line, rounded.
- Prices with tax: the tax of a line is contained, amount * rate / (100 + rate); total = subtotal + shipping.
- Prices without tax: amount * rate / 100; shipping is taxed by the main rate; total = subtotal + shipping + tax.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from sandbox.framework360.item_values import cents

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class CartLine:
    """One line.

    Args:
        id: the caller's own key of a custom line; of a catalogue line the product's id.
        quantity: more than 0.
        price: of one, or of the whole line where the site reads it so.
        tax: key of a tax, or "default".
        rate: percent of that tax.
        name, details, preview: of a custom line.
        locked: a custom line that nobody edits in the back office.
        product, variant: ids of a catalogue line; None on a custom line.
    """

    id: str
    quantity: Decimal
    price: Decimal
    tax: str
    rate: Decimal
    name: str = ""
    details: str | None = None
    preview: str | None = None
    locked: bool = False
    product: int | None = None
    variant: int | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """What a cart comes to: amount and tax of each line in its order, and the sums."""

    lines: tuple[tuple[Decimal, Decimal], ...]
    subtotal: Decimal
    discount: Decimal
    shipping_cost: Decimal
    tax: Decimal
    total: Decimal


def price_cart(
    lines: Iterable[CartLine],
    shipping_cost: Decimal,
    shipping_rate: Decimal,
    *,
    with_tax: bool,
    line_prices: bool,
) -> Priced:
    """Price a cart.

    Args:
        lines: the cart.
        shipping_cost: as the site enters prices, with tax or without; 0 for none.
        shipping_rate: percent of tax on it.
        with_tax: prices include tax.
        line_prices: the price of a custom line is that of the whole line.
    """
    rows = []
    for line in lines:
        whole = line_prices and line.product is None
        amount = cents(line.price if whole else line.price * line.quantity)
        rows.append((amount, tax_of(amount, line.rate, with_tax=with_tax)))
    subtotal = sum((amount for amount, _ in rows), ZERO)
    tax = sum((part for _, part in rows), tax_of(shipping_cost, shipping_rate, with_tax=with_tax))
    total = subtotal + shipping_cost + (ZERO if with_tax else tax)
    return Priced(tuple(rows), subtotal, ZERO, shipping_cost, tax, total)


def tax_of(amount: Decimal, rate: Decimal, *, with_tax: bool) -> Decimal:
    """Return the tax on an amount, contained in it or on top of it."""
    return cents(amount * rate / (100 + rate if with_tax else 100))
