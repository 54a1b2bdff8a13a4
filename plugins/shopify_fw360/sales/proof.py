"""Prove that the parts of an order come to what the order says, before anything is written.

Each identity compares a sum of parts with an amount that the order states by itself. Where Shopify's documentation
leaves open what an amount contains, each documented reading is an alternative. The total has no alternative.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from shopify_fw360.errors import ORDER_MONEY, SyncError
from shopify_fw360.sales.terms import ZERO, Kind, Tax, Terms, total

SHOWN = 4
"""Differing terms named in a message; one wrong amount usually shows in several terms."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An identity that does not hold.

    Args:
        term: of the order.
        parts: what its parts come to.
        stated: what the order says.
        rule: the identity.
    """

    term: str
    parts: Decimal
    stated: Decimal
    rule: str

    def __str__(self) -> str:
        gap = self.parts - self.stated
        side = "more" if gap > 0 else "less"
        return f"{self.term}: the parts come to {self.parts}, the order says {self.stated}, {abs(gap)} {side}"


def differences(terms: Terms) -> list[Difference]:
    """Return the identities that do not hold, those of single parts before the total; empty if all hold."""
    checks = (_units(terms), _parts(terms), _tax(terms), _total(terms), _money_moved(terms))
    return [difference for check in checks for difference in check]


def prove(terms: Terms, record: str) -> None:
    """Do nothing if all identities hold.

    Args:
        terms: of the order, in one currency.
        record: names the order in the error.

    Raises:
        SyncError: SYNC-221 naming each term that differs and by how much.
    """
    found = differences(terms)
    if found:
        text = "; ".join(map(str, found[:SHOWN]))
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise SyncError(
            ORDER_MONEY, f"in {terms.currency}: {text}{more}", record=record, field=found[0].term, rule=found[0].rule
        )


def prove_both(shop: Terms, presentment: Terms, record: str) -> None:
    """Prove an order in the shop's currency and in the buyer's.

    Args:
        shop: terms in the shop's currency.
        presentment: terms in the currency the buyer was shown.
        record: names the order in the error.

    Raises:
        SyncError: SYNC-221 as `prove`, and if both currencies are the same but an amount is not.
    """
    prove(shop, record)
    if presentment.currency != shop.currency:
        prove(presentment, record)
    elif presentment != shop:
        other = {charge.key: charge for charge in presentment.charges}
        names = [charge.key for charge in shop.charges if other.get(charge.key) != charge] or ["total"]
        raise SyncError(
            ORDER_MONEY,
            f"shop and buyer both use {shop.currency}, but the amounts of {', '.join(names[:SHOWN])} differ",
            record=record,
            field=names[0],
            rule="shop money = presentment money in the same currency",
        )


def _check(term: str, parts: Sequence[Decimal], stated: Decimal, rule: str) -> Iterator[Difference]:
    """Yield the difference unless one of the readings of the parts holds."""
    if stated not in parts:
        yield Difference(term, parts[0], stated, rule)


def _units(terms: Terms) -> Iterator[Difference]:
    for units in terms.units:
        rule = "quantity - units removed or refunded = currentQuantity"
        yield from _check(f"quantity of {units.key}", [Decimal(units.left)], Decimal(units.stated), rule)


def _parts(terms: Terms) -> Iterator[Difference]:
    stated = terms.stated
    # Shopify: the subtotal leaves out tips; whether it leaves out gift cards too is told both ways.
    goods = terms.amount(Kind.GOODS)
    lines = [goods + terms.amount(Kind.GIFT_CARD), goods]
    yield from _check("lines", lines, stated.subtotal, "sum of lines after discounts = subtotal")
    # Shopify: "both order and line level discounts"; those on shipping are not mentioned.
    on_lines = total(charge.discount for charge in terms.of(Kind.GOODS, Kind.GIFT_CARD, Kind.TIP))
    on_shipping = total(charge.discount for charge in terms.of(Kind.SHIPPING))
    rule = "sum of discount allocations = discounts"
    yield from _check("discounts", [on_lines + on_shipping, on_lines], stated.discounts, rule)
    if stated.shipping is not None:
        yield from _check(
            "shipping", [terms.amount(Kind.SHIPPING)], stated.shipping, "sum of shipping lines = shipping"
        )
    yield from _check("duties", [terms.amount(Kind.DUTY)], stated.duties, "sum of the lines' duties = duties")
    yield from _check("fees", [terms.amount(Kind.FEE)], stated.fees, "sum of fees = additional fees")


def _tax(terms: Terms) -> Iterator[Difference]:
    stated = terms.stated
    rule = "tax lines of lines, shipping, duties and fees = tax"
    yield from _check("tax", [terms.tax], stated.tax, rule)
    complete = total(tax.amount for tax in stated.taxes) == stated.tax
    if not (terms.rates_known and complete):
        return
    told = _by_rate(stated.taxes)
    found = _by_rate(tax for charge in terms.charges for tax in charge.taxes)
    for rate in sorted(told.keys() | found.keys()):
        term = f"tax {rate} %" if rate else "tax without a rate"
        rule = "tax lines of one rate = the order's tax line of that rate"
        yield from _check(term, [found.get(rate, ZERO)], told.get(rate, ZERO), rule)


def _by_rate(taxes: Iterable[Tax]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for tax in taxes:
        rate = "" if tax.percent is None else format(tax.percent.normalize(), "f")
        sums[rate] = sums.get(rate, ZERO) + tax.amount
    return sums


def _total(terms: Terms) -> Iterator[Difference]:
    rule = "lines - discounts + shipping + duties + fees + tips + tax + refund adjustments = total"
    if terms.taxes_included:
        rule = rule.replace(" + tax", " (tax included)")
    yield from _check("total", [terms.sum], terms.stated.total, rule)


def _money_moved(terms: Terms) -> Iterator[Difference]:
    stated = terms.stated
    yield from _check("refunds", [total(stated.refunds)], stated.refunded, "sum of refunds = refunded")
    yield from _check(
        "net payment", [stated.received - stated.refunded], stated.net_payment, "received - refunded = net payment"
    )
