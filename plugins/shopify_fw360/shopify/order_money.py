"""The money of an order as Shopify returns it, read into terms of one currency.

Two states of an order can be booked:

- *current*: after edits, returns and refunds. What is left of a line is what was ordered less what its refunds took
  back: ``discountAllocations`` and ``taxLines`` of a line stay those of the quantity once ordered, and an edit that
  removes units leaves a refund without money behind (so do Microsoft's connector, BCApps pull requests 7447 and 10462).
- *sold*: before returns and refunds. An order that was cancelled or refunded in full is booked as it was sold, under a
  status that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

from shopify_fw360.records import Raw
from shopify_fw360.sales.terms import CENT, ZERO, Charge, Kind, Stated, Tax, Terms, Units, total

SHOP: Final = "shopMoney"
PRESENTMENT: Final = "presentmentMoney"

DEFAULT_TITLE: Final = "Default Title"


class Basis(StrEnum):
    """Which state of the order is booked."""

    CURRENT = "current"
    SOLD = "sold"


def _bags(*paths: str) -> tuple[str, ...]:
    return tuple(f"{path}.{side}.amount" for path in paths for side in (SHOP, PRESENTMENT))


def _taxes(path: str) -> tuple[str, ...]:
    return (f"{path}[].title", f"{path}[].rate", f"{path}[].ratePercentage", *_bags(f"{path}[].priceSet"))


MONEY_PATHS: Final = frozenset(
    (
        "currencyCode",
        "presentmentCurrencyCode",
        "taxesIncluded",
        "dutiesIncluded",
        *_bags(
            "currentTotalPriceSet",
            "currentSubtotalPriceSet",
            "currentTotalDiscountsSet",
            "currentShippingPriceSet",
            "currentTotalDutiesSet",
            "currentTotalAdditionalFeesSet",
            "currentTotalTaxSet",
            "totalPriceSet",
            "subtotalPriceSet",
            "totalDiscountsSet",
            "originalTotalDutiesSet",
            "originalTotalAdditionalFeesSet",
            "totalTaxSet",
            "totalTipReceivedSet",
            "refundDiscrepancySet",
            "totalRefundedSet",
            "totalReceivedSet",
            "netPaymentSet",
            "totalCashRoundingAdjustment.paymentSet",
            "totalCashRoundingAdjustment.refundSet",
        ),
        *_taxes("currentTaxLines"),
        *_taxes("taxLines"),
        "lineItems[].id",
        "lineItems[].name",
        "lineItems[].sku",
        "lineItems[].quantity",
        "lineItems[].currentQuantity",
        "lineItems[].isGiftCard",
        "lineItems[].requiresShipping",
        "lineItems[].product.id",
        "lineItems[].customAttributes[].key",
        "lineItems[].customAttributes[].value",
        *_bags("lineItems[].originalUnitPriceSet", "lineItems[].discountAllocations[].allocatedAmountSet"),
        *_taxes("lineItems[].taxLines"),
        "lineItems[].duties[].id",
        *_bags("lineItems[].duties[].price"),
        *_taxes("lineItems[].duties[].taxLines"),
        "shippingLines[].id",
        "shippingLines[].title",
        *_bags(
            "shippingLines[].originalPriceSet",
            "shippingLines[].discountedPriceSet",
            "shippingLines[].currentDiscountedPriceSet",
        ),
        *_taxes("shippingLines[].taxLines"),
        "additionalFees[].id",
        "additionalFees[].name",
        *_bags("additionalFees[].price"),
        *_taxes("additionalFees[].taxLines"),
        "refunds[].id",
        *_bags("refunds[].totalRefundedSet"),
        "refunds[].refundLineItems[].quantity",
        "refunds[].refundLineItems[].lineItem.id",
        *_bags("refunds[].refundLineItems[].subtotalSet", "refunds[].refundLineItems[].totalTaxSet"),
        "refunds[].refundShippingLines[].shippingLine.id",
        *_bags("refunds[].refundShippingLines[].taxAmountSet"),
        "refunds[].duties[].originalDuty.id",
        *_bags("refunds[].duties[].amountSet"),
    )
)
"""Source paths that the money of an order needs, in addition to what a mapping names."""


def read_terms(raw: Raw, side: str, basis: Basis) -> Terms:
    """Read the money of an order in one currency.

    Args:
        raw: an order that carries `MONEY_PATHS`, its nested lists complete.
        side: `SHOP` or `PRESENTMENT`.
        basis: the state that is booked.

    Returns:
        The terms; whether they add up is for `sales.proof` to say.
    """
    return _Reader(raw, side, current=basis is Basis.CURRENT).terms()


def cash_rounding(raw: Raw, side: str) -> Decimal:
    """Return by how much the buyer paid more (or less) in cash than the order costs, refunds included.

    Shopify: rounding changes what is paid, not what the order costs.
    """
    rounding = raw.get("totalCashRoundingAdjustment") or {}
    return _money(rounding.get("paymentSet"), side) - _money(rounding.get("refundSet"), side)


@dataclass(frozen=True, slots=True)
class _Back:
    """What refunds took back of one thing."""

    quantity: int = 0
    amount: Decimal = ZERO
    tax: Decimal = ZERO

    def __add__(self, other: _Back) -> _Back:
        return _Back(self.quantity + other.quantity, self.amount + other.amount, self.tax + other.tax)


class _Reader:
    def __init__(self, raw: Raw, side: str, *, current: bool) -> None:
        self._raw = raw
        self._side = side
        self._current = current
        self._rates_known = True
        self._lines: Sequence[Raw] = raw.get("lineItems") or ()

    def terms(self) -> Terms:
        raw = self._raw
        stated = self._stated()
        goods = self._goods(stated)
        charges = [*goods, *self._duties(), *self._shipping(), *self._fees()]
        if stated.tips and not any(charge.kind is Kind.TIP for charge in goods):
            charges.append(Charge("shopify-tip", Kind.TIP, 1, stated.tips, stated.tips))
        shop = self._side == SHOP
        terms = Terms(
            currency=str(raw.get("currencyCode" if shop else "presentmentCurrencyCode") or ""),
            taxes_included=bool(raw.get("taxesIncluded")),
            duties_included=bool(raw.get("dutiesIncluded")),
            charges=tuple(charges),
            stated=stated,
            units=tuple(self._units()) if self._current else (),
            rates_known=self._rates_known,
        )
        return self._adjusted(terms)

    # What the order says ----------------------------------------------------------------------------------------------

    def _stated(self) -> Stated:
        said = self._said
        refunds = self._refunds() if self._current else ()
        return Stated(
            total=said("currentTotalPriceSet", "totalPriceSet"),
            subtotal=said("currentSubtotalPriceSet", "subtotalPriceSet"),
            discounts=said("currentTotalDiscountsSet", "totalDiscountsSet"),
            shipping=said("currentShippingPriceSet") if self._current else None,
            duties=said("currentTotalDutiesSet", "originalTotalDutiesSet"),
            fees=said("currentTotalAdditionalFeesSet", "originalTotalAdditionalFeesSet"),
            tips=said("totalTipReceivedSet", "totalTipReceivedSet"),
            tax=said("currentTotalTaxSet", "totalTaxSet"),
            taxes=self._tax_lines(self._raw.get("currentTaxLines" if self._current else "taxLines")),
            discrepancy=said("refundDiscrepancySet") if refunds else ZERO,
            refunds=tuple(self._money(refund.get("totalRefundedSet")) for refund in self._refunds()),
            refunded=said("totalRefundedSet", "totalRefundedSet"),
            received=said("totalReceivedSet", "totalReceivedSet"),
            net_payment=said("netPaymentSet", "netPaymentSet"),
        )

    def _said(self, current: str, sold: str = "") -> Decimal:
        return self._money(self._raw.get(current if self._current else sold))

    # Charges ----------------------------------------------------------------------------------------------------------

    def _goods(self, stated: Stated) -> list[Charge]:
        back = self._taken_back() if self._current else {}
        tips = self._tip_lines(stated.tips)
        charges = []
        for line in self._lines:
            unit = self._money(line.get("originalUnitPriceSet"))
            ordered = int(line.get("quantity") or 0)
            gone = back.get(str(line.get("id")), _Back())
            kind = Kind.TIP if line.get("id") in tips else Kind.GIFT_CARD if line.get("isGiftCard") else Kind.GOODS
            charges.append(
                Charge(
                    key=f"shopify-{_number(line.get('id'))}",
                    kind=kind,
                    quantity=ordered - gone.quantity,
                    listed=unit * (ordered - gone.quantity),
                    amount=self._sold_for(line) - gone.amount,
                    taxes=self._less(self._tax_lines(line.get("taxLines")), gone.tax),
                    name=str(line.get("name") or ""),
                    sku=str(line.get("sku") or ""),
                    attributes=tuple(
                        f"{entry.get('key')}: {entry.get('value') or ''}"
                        for entry in line.get("customAttributes") or ()
                    ),
                )
            )
        return charges

    def _sold_for(self, line: Raw) -> Decimal:
        allocations = line.get("discountAllocations") or ()
        off = total(self._money(entry.get("allocatedAmountSet")) for entry in allocations)
        return self._money(line.get("originalUnitPriceSet")) * int(line.get("quantity") or 0) - off

    def _tip_lines(self, tips: Decimal) -> frozenset[Any]:
        """Return the ids of lines that are a tip. Nothing marks them but their sum, and that they are no goods."""
        if not tips:
            return frozenset()
        candidates = [
            line
            for line in self._lines
            if not (line.get("product") or line.get("requiresShipping") or line.get("isGiftCard"))
            and not any(self._money(tax.get("priceSet")) for tax in line.get("taxLines") or ())
        ]
        for count in range(1, min(len(candidates), 3) + 1):
            for chosen in combinations(candidates, count):
                if total(map(self._sold_for, chosen)) == tips:
                    return frozenset(line.get("id") for line in chosen)
        return frozenset()

    def _shipping(self) -> list[Charge]:
        taxes_back: dict[str, Decimal] = {}
        for entry in self._refund_parts("refundShippingLines") if self._current else ():
            key = str((entry.get("shippingLine") or {}).get("id"))
            taxes_back[key] = taxes_back.get(key, ZERO) + self._money(entry.get("taxAmountSet"))
        charges = []
        for place, line in enumerate(self._raw.get("shippingLines") or (), 1):
            sold_for = self._money(line.get("discountedPriceSet"))
            off = self._money(line.get("originalPriceSet")) - sold_for
            amount = self._money(line.get("currentDiscountedPriceSet")) if self._current else sold_for
            taxes = self._less(self._tax_lines(line.get("taxLines")), taxes_back.get(str(line.get("id")), ZERO))
            key = "shopify-shipping" if place == 1 else f"shopify-shipping-{place}"
            charges.append(
                Charge(key, Kind.SHIPPING, 1, amount + off, amount, taxes, name=str(line.get("title") or ""))
            )
        return charges

    def _duties(self) -> list[Charge]:
        back: dict[str, Decimal] = {}
        for entry in self._refund_parts("duties") if self._current else ():
            key = str((entry.get("originalDuty") or {}).get("id"))
            back[key] = back.get(key, ZERO) + self._money(entry.get("amountSet"))
        duties = [duty for line in self._lines for duty in line.get("duties") or ()]
        return [
            self._proportionate(f"shopify-duty-{_number(duty.get('id'))}", Kind.DUTY, duty, back.get(str(duty["id"])))
            for duty in duties
        ]

    def _fees(self) -> list[Charge]:
        fees = self._raw.get("additionalFees") or ()
        left = self._said("currentTotalAdditionalFeesSet", "originalTotalAdditionalFeesSet")
        gone = total(self._money(fee.get("price")) for fee in fees) - left
        charges = []
        for fee in fees:
            # Shopify does not tell which fee a refund took back; fees are given back whole, in their order.
            price = self._money(fee.get("price"))
            back = min(max(gone, ZERO), price) if self._current else ZERO
            gone -= back
            charge = self._proportionate(f"shopify-fee-{_number(fee.get('id'))}", Kind.FEE, fee, back)
            charges.append(replace(charge, name=str(fee.get("name") or "")))
        return charges

    def _proportionate(self, key: str, kind: Kind, source: Raw, back: Decimal | None) -> Charge:
        price = self._money(source.get("price"))
        taxes = self._tax_lines(source.get("taxLines"))
        left = price - (back or ZERO)
        if left != price:
            # Shopify does not tell the tax of a duty or fee given back: it goes with its share of the price.
            full = total(tax.amount for tax in taxes)
            kept = (full * left / price).quantize(CENT, ROUND_HALF_UP) if price else ZERO
            taxes = self._less(taxes, full - kept)
        return Charge(key, kind, 1 if left else 0, left, left, taxes)

    def _adjusted(self, terms: Terms) -> Terms:
        """Add what was refunded more or less than the goods are worth, if the order's total knows of it.

        Shopify says of the current total only that it is the price "after returns"; both readings occur.
        """
        gap = terms.stated.discrepancy
        if not gap or terms.sum == terms.stated.total:
            return terms
        # A discrepancy in the buyer's favour lowers what the order costs.
        adjustment = Charge("shopify-adjustment", Kind.ADJUSTMENT, 1, gap, gap)
        return replace(terms, charges=(*terms.charges, adjustment))

    # Refunds ----------------------------------------------------------------------------------------------------------

    def _refunds(self) -> Sequence[Raw]:
        return self._raw.get("refunds") or ()

    def _refund_parts(self, name: str) -> Iterable[Raw]:
        return (part for refund in self._refunds() for part in refund.get(name) or ())

    def _taken_back(self) -> dict[str, _Back]:
        back: dict[str, _Back] = {}
        for part in self._refund_parts("refundLineItems"):
            key = str((part.get("lineItem") or {}).get("id"))
            taken = _Back(
                int(part.get("quantity") or 0),
                self._money(part.get("subtotalSet")),
                self._money(part.get("totalTaxSet")),
            )
            back[key] = back.get(key, _Back()) + taken
        return back

    def _units(self) -> Iterable[Units]:
        back = self._taken_back()
        for line in self._lines:
            ordered = int(line.get("quantity") or 0)
            gone = back.get(str(line.get("id")), _Back()).quantity
            stated = line.get("currentQuantity")
            yield Units(str(line.get("name") or line.get("id")), ordered - gone, ordered if stated is None else stated)

    # Taxes ------------------------------------------------------------------------------------------------------------

    def _tax_lines(self, lines: Any) -> tuple[Tax, ...]:
        return tuple(
            Tax(str(line.get("title") or ""), _percent(line), self._money(line.get("priceSet"))) for line in lines or ()
        )

    def _less(self, taxes: tuple[Tax, ...], back: Decimal) -> tuple[Tax, ...]:
        """Take a refunded sum of taxes from the taxes of a charge; of several rates each gives its share."""
        if not back:
            return taxes
        if len(taxes) == 1:
            return (replace(taxes[0], amount=taxes[0].amount - back),)
        full = total(tax.amount for tax in taxes)
        if not taxes or not full:
            return (*taxes, Tax("", None, -back))
        if back != full:
            self._rates_known = False
        shares = [(tax.amount * back / full).quantize(CENT, ROUND_DOWN) for tax in taxes]
        largest = max(range(len(taxes)), key=lambda place: taxes[place].amount)
        shares[largest] += back - total(shares)
        return tuple(replace(tax, amount=tax.amount - share) for tax, share in zip(taxes, shares, strict=True))

    def _money(self, bag: Any) -> Decimal:
        return _money(bag, self._side)


def _money(bag: Any, side: str) -> Decimal:
    if not isinstance(bag, Mapping):
        return ZERO
    amount = (bag.get(side) or {}).get("amount")
    return ZERO if amount is None else Decimal(str(amount))


def _percent(line: Raw) -> Decimal | None:
    if line.get("ratePercentage") is not None:
        return Decimal(str(line["ratePercentage"]))
    return None if line.get("rate") is None else Decimal(str(line["rate"])) * 100


def _number(gid: Any) -> str:
    return str(gid).rpartition("/")[2]
