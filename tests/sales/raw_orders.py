"""Orders as Shopify returns them, made from a short description by arithmetic of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from itertools import count
from typing import Any

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def bag(amount: Decimal, factor: Decimal = Decimal(1), currencies: tuple[str, str] = ("EUR", "EUR")) -> dict[str, Any]:
    return {
        "shopMoney": {"amount": str(amount), "currencyCode": currencies[0]},
        "presentmentMoney": {"amount": str(cents(amount * factor)), "currencyCode": currencies[1]},
    }


@dataclass
class Line:
    """A line of the description: `refunded` units are given back, `removed` ones went in an edit."""

    unit: str
    quantity: int = 1
    off: str = "0"
    rates: tuple[str, ...] = ("22",)
    refunded: int = 0
    removed: int = 0
    gift_card: bool = False
    tip: bool = False
    title: str = "Maglia"
    sku: str = "MAG"
    duty: str = "0"

    def net(self) -> Decimal:
        return Decimal(self.unit) * self.quantity - Decimal(self.off)


@dataclass
class Order:
    """A short description of an order; `raw` is what Shopify would return for it."""

    lines: list[Line]
    shipping: str = "0"
    shipping_off: str = "0"
    shipping_rates: tuple[str, ...] = ("22",)
    shipping_refunded: bool = False
    fees: list[tuple[str, str]] = field(default_factory=list)
    tips: str = "0"
    taxes_included: bool = True
    discrepancy: str = "0"
    paid: bool = True
    extra: dict[str, Any] = field(default_factory=dict)

    def raw(self) -> dict[str, Any]:
        return _Writer(self).raw()


class _Writer:
    def __init__(self, order: Order) -> None:
        self.order = order
        self.ids = count(1)

    def taxes(self, amount: Decimal, rates: tuple[str, ...]) -> list[dict[str, Any]]:
        whole = sum((Decimal(rate) for rate in rates), Decimal(0))
        base = 100 + whole if self.order.taxes_included else Decimal(100)
        return [
            {
                "title": f"IVA {rate}",
                "rate": float(Decimal(rate) / 100),
                "ratePercentage": float(rate),
                "priceSet": bag(cents(amount * Decimal(rate) / base)),
            }
            for rate in rates
        ]

    def raw(self) -> dict[str, Any]:
        order = self.order
        sold = {"net": Decimal(0), "off": Decimal(0), "tax": Decimal(0), "duties": Decimal(0)}
        back = {"net": Decimal(0), "off": Decimal(0), "tax": Decimal(0)}
        tip_lines = Decimal(0)
        lines, refund_lines = [], []
        for line in order.lines:
            number = next(self.ids)
            taxes = self.taxes(line.net(), line.rates)
            tax = _sum(taxes)
            duties = []
            if Decimal(line.duty):
                duty_taxes = self.taxes(Decimal(line.duty), line.rates)
                duties = [
                    {"id": f"gid://shopify/Duty/{number}", "price": bag(Decimal(line.duty)), "taxLines": duty_taxes}
                ]
                sold["duties"] += Decimal(line.duty)
                sold["tax"] += _sum(duty_taxes)
            gone = line.refunded + line.removed
            allocations = [{"allocatedAmountSet": bag(Decimal(line.off))}] if Decimal(line.off) else []
            lines.append(
                {
                    "id": f"gid://shopify/LineItem/{number}",
                    "name": line.title,
                    "sku": line.sku,
                    "quantity": line.quantity,
                    "currentQuantity": line.quantity - gone,
                    "isGiftCard": line.gift_card,
                    "requiresShipping": not (line.tip or line.gift_card),
                    "product": None if line.tip else {"id": "gid://shopify/Product/1"},
                    "customAttributes": [],
                    "originalUnitPriceSet": bag(Decimal(line.unit)),
                    "discountAllocations": allocations,
                    "taxLines": taxes,
                    "duties": duties,
                }
            )
            sold["tax"] += tax
            if line.tip:
                tip_lines += line.net()
            else:
                sold["net"] += line.net()
                sold["off"] += Decimal(line.off)
            if gone:
                part = {
                    "quantity": gone,
                    "subtotal": cents(line.net() * gone / line.quantity),
                    "tax": cents(tax * gone / line.quantity),
                }
                refund_lines.append(
                    {
                        "quantity": gone,
                        "lineItem": {"id": f"gid://shopify/LineItem/{number}"},
                        "subtotalSet": bag(part["subtotal"]),
                        "totalTaxSet": bag(part["tax"]),
                    }
                )
                back["net"] += part["subtotal"]
                back["off"] += Decimal(line.unit) * gone - part["subtotal"]
                back["tax"] += part["tax"]
        shipping_net = Decimal(order.shipping) - Decimal(order.shipping_off)
        shipping_taxes = self.taxes(shipping_net, order.shipping_rates)
        sold["tax"] += _sum(shipping_taxes)
        shipping_back = shipping_net if order.shipping_refunded else Decimal(0)
        back["tax"] += _sum(shipping_taxes) if order.shipping_refunded else Decimal(0)
        fees = []
        fees_sum = Decimal(0)
        for name, price in order.fees:
            fee_taxes = self.taxes(Decimal(price), ("22",))
            fees.append(
                {
                    "id": f"gid://shopify/AdditionalFee/{next(self.ids)}",
                    "name": name,
                    "price": bag(Decimal(price)),
                    "taxLines": fee_taxes,
                }
            )
            fees_sum += Decimal(price)
            sold["tax"] += _sum(fee_taxes)
        tips = Decimal(order.tips) + tip_lines
        price = sold["net"] + shipping_net + fees_sum + tips + sold["duties"]
        price += Decimal(0) if order.taxes_included else sold["tax"]
        given_back = back["net"] + shipping_back + (Decimal(0) if order.taxes_included else back["tax"])
        current = price - given_back + Decimal(order.discrepancy)
        refunded = price - current if order.paid else Decimal(0)
        refunds = []
        if refund_lines or shipping_back or Decimal(order.discrepancy):
            refunds = [
                {
                    "id": "gid://shopify/Refund/1",
                    "totalRefundedSet": bag(refunded),
                    "refundLineItems": refund_lines,
                    "refundShippingLines": [
                        {
                            "shippingLine": {"id": "gid://shopify/ShippingLine/1"},
                            "taxAmountSet": bag(_sum(shipping_taxes)),
                        }
                    ]
                    if order.shipping_refunded
                    else [],
                    "duties": [],
                }
            ]
        received = price if order.paid else Decimal(0)
        has_shipping = bool(Decimal(order.shipping) or order.shipping_refunded)
        return {
            "id": "gid://shopify/Order/5001",
            "name": "#1001",
            "currencyCode": "EUR",
            "presentmentCurrencyCode": "EUR",
            "taxesIncluded": order.taxes_included,
            "dutiesIncluded": False,
            "currentTotalPriceSet": bag(current),
            "currentSubtotalPriceSet": bag(sold["net"] - back["net"]),
            "currentTotalDiscountsSet": bag(sold["off"] - back["off"] + Decimal(order.shipping_off)),
            "currentShippingPriceSet": bag(shipping_net - shipping_back),
            "currentTotalDutiesSet": bag(sold["duties"]),
            "currentTotalAdditionalFeesSet": bag(fees_sum),
            "currentTotalTaxSet": bag(sold["tax"] - back["tax"]),
            "currentTaxLines": [],
            "totalPriceSet": bag(price),
            "subtotalPriceSet": bag(sold["net"]),
            "totalDiscountsSet": bag(sold["off"] + Decimal(order.shipping_off)),
            "originalTotalDutiesSet": bag(sold["duties"]),
            "originalTotalAdditionalFeesSet": bag(fees_sum),
            "totalTaxSet": bag(sold["tax"]),
            "taxLines": [],
            "totalTipReceivedSet": bag(tips),
            "refundDiscrepancySet": bag(Decimal(order.discrepancy)),
            "totalRefundedSet": bag(refunded),
            "totalReceivedSet": bag(received),
            "netPaymentSet": bag(received - refunded),
            "totalCashRoundingAdjustment": {"paymentSet": bag(Decimal(0)), "refundSet": bag(Decimal(0))},
            "lineItems": lines,
            "shippingLines": [
                {
                    "id": "gid://shopify/ShippingLine/1",
                    "title": "Corriere",
                    "originalPriceSet": bag(Decimal(order.shipping)),
                    "discountedPriceSet": bag(shipping_net),
                    "currentDiscountedPriceSet": bag(shipping_net - shipping_back),
                    "taxLines": shipping_taxes,
                }
            ]
            if has_shipping
            else [],
            "additionalFees": fees,
            "refunds": refunds,
            **order.extra,
        }


def spread(amount: Decimal, weights: list[Decimal]) -> list[Decimal]:
    """Spread a discount over lines as Shopify does: cut off, then one cent each."""
    whole = sum(weights, Decimal(0))
    if not whole:
        return [Decimal(0) for _ in weights]
    shares = [(amount * weight / whole).quantize(CENT, ROUND_DOWN) for weight in weights]
    left = amount - sum(shares, Decimal(0))
    for place, weight in enumerate(weights):
        if left < CENT:
            break
        if weight > shares[place]:
            shares[place] += CENT
            left -= CENT
    return shares


def _sum(taxes: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(tax["priceSet"]["shopMoney"]["amount"]) for tax in taxes), Decimal(0))
