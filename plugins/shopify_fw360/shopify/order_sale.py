"""What a Shopify order becomes as a sale, proven: the values of the computed paths of `order_fields`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from shopify_fw360.errors import SALE_CURRENCY, SyncError
from shopify_fw360.records import Raw
from shopify_fw360.sales.booking import Booking
from shopify_fw360.sales.identity import ORIGIN, reference_of
from shopify_fw360.sales.lines import SaleLine, sale_lines
from shopify_fw360.sales.proof import prove, prove_both
from shopify_fw360.sales.terms import ZERO, Kind, Terms
from shopify_fw360.shopify.order_fields import LINES
from shopify_fw360.shopify.order_money import PRESENTMENT, SHOP, Basis, cash_rounding, read_terms

CANCELLED: Final = "CANCELLED"
REFUNDED: Final = "REFUNDED"
UNKNOWN: Final = "UNKNOWN"

_UNSENT: Final = frozenset({"CANCELLED", "ERROR", "FAILURE"})
_NAMED: Final = frozenset({Kind.GOODS, Kind.GIFT_CARD, Kind.SHIPPING, Kind.FEE})
_PAID: Final = (
    ({"SALE", "CAPTURE"}, {"SUCCESS"}),
    ({"AUTHORIZATION"}, {"SUCCESS"}),
    ({"SALE", "AUTHORIZATION", "CAPTURE"}, {"PENDING", "AWAITING_RESPONSE"}),
)
"""Kinds and states of transactions that tell how an order is paid, the surest first."""


def basis_of(raw: Raw) -> Basis:
    """Return the state of an order that is booked.

    A cancelled or completely refunded order is worth nothing any more; it is booked as it was sold, and the status of
    the sale says what became of it.
    """
    gone = raw.get("cancelledAt") or raw.get("displayFinancialStatus") == REFUNDED
    return Basis.SOLD if gone else Basis.CURRENT


def sale_of(raw: Raw, booking: Booking, record: str) -> dict[str, Any]:
    """Make the computed part of an order.

    Args:
        raw: an order that carries `order_fields.SALE_NEEDS`, its nested lists complete.
        booking: how sales are booked.
        record: names the order in errors.

    Returns:
        Plain JSON values by the names of `order_fields.SALE_PATHS`; amounts as exact texts.

    Raises:
        SyncError: SYNC-221 if the order does not add up, SYNC-223 if it has no amounts in the site's currency.
    """
    side = SHOP if booking.money == "shop" else PRESENTMENT
    terms = _proven(raw, booking, side, record)
    paid = _payments(raw, side)
    amounts = [f"{gateway} {amount} {terms.currency}" for gateway, amount in paid.items() if amount]
    rounding = cash_rounding(raw, side)
    parcels = [parcel for parcel in raw.get("fulfillments") or () if parcel.get("status") not in _UNSENT]
    tracking = [info for parcel in parcels for info in parcel.get("trackingInfo") or ()]
    reference = reference_of(str(raw["id"]))
    country = (raw.get("shippingAddress") or raw.get("billingAddress") or {}).get("countryCodeV2")
    return {
        "reference": reference,
        "labels": [ORIGIN, reference],
        "state": state_of(raw),
        "gateway": next(iter(paid), None),
        "gateways": " + ".join(paid) or None,
        "payments": ", ".join(amounts) or None,
        "courier": _joined(info.get("company") for info in tracking),
        "tracking": _joined(info.get("number") for info in tracking),
        "currency": terms.currency,
        "total": str(terms.stated.total),
        "tax": str(terms.stated.tax),
        "rounding": f"{rounding:+} {terms.currency}" if rounding else None,
        "date": _local(raw.get("processedAt"), booking),
        "codes": _joined(raw.get("discountCodes") or ()),
        "attributes": "\n".join(
            f"{entry.get('key')}: {entry.get('value') or ''}" for entry in raw.get("customAttributes") or ()
        )
        or None,
        "guestEmail": booking.guest_email,
        LINES: [
            {"id": f"{_number(raw)}/{line.key}", **_line(line, country)}
            for line in sale_lines(terms, with_tax=booking.with_tax, record=record)
        ],
    }


def state_of(raw: Raw) -> str:
    """Return the key of the status table: ``CANCELLED``, or financial and fulfilment status."""
    if raw.get("cancelledAt"):
        return CANCELLED
    return f"{raw.get('displayFinancialStatus') or UNKNOWN} {raw.get('displayFulfillmentStatus') or UNKNOWN}"


def _proven(raw: Raw, booking: Booking, side: str, record: str) -> Terms:
    basis = basis_of(raw)
    terms = read_terms(raw, side, basis)
    if terms.currency != booking.currency:
        raise SyncError(
            SALE_CURRENCY,
            f"the order is in {terms.currency}, the site sells in {booking.currency}",
            record=record,
            field="currency",
            rule="sales are booked in the site's currency",
        )
    if booking.check_both:
        prove_both(read_terms(raw, SHOP, basis), read_terms(raw, PRESENTMENT, basis), record)
    else:
        prove(terms, record)
    return terms


def _payments(raw: Raw, side: str) -> dict[str, Decimal]:
    """Return the gateways and what they took, the largest amount first; without any transaction those announced."""
    transactions = raw.get("transactions") or ()
    for kinds, states in _PAID:
        sums: dict[str, Decimal] = {}
        for entry in transactions:
            if entry.get("kind") in kinds and entry.get("status") in states and entry.get("gateway"):
                amount = ((entry.get("amountSet") or {}).get(side) or {}).get("amount")
                gateway = str(entry["gateway"])
                sums[gateway] = sums.get(gateway, ZERO) + Decimal(str(amount or 0))
        if sums:
            return dict(sorted(sums.items(), key=lambda found: -found[1]))
    return {str(name): ZERO for name in raw.get("paymentGatewayNames") or () if name}


def _line(line: SaleLine, country: str | None) -> dict[str, Any]:
    charge = line.charge
    return {
        "key": line.key,
        "kind": charge.kind.value,
        "name": (charge.name or None) if charge.kind in _NAMED else None,
        "sku": charge.sku or None,
        "attributes": ", ".join(charge.attributes) or None,
        # The discount is that of both parts of a split line; it is told once.
        "discount": str(charge.discount) if charge.discount and line.key == charge.key else None,
        "quantity": line.quantity,
        "price": str(line.price),
        "rate": line.rate,
        "countryRate": line.rate if line.rate is None or not country else f"{country} {line.rate}",
    }


def _number(raw: Raw) -> str:
    return str(raw["id"]).rpartition("/")[2]


def _local(moment: Any, booking: Booking) -> str | None:
    if not moment:
        return None
    return datetime.fromisoformat(str(moment)).astimezone(booking.zone).strftime("%Y-%m-%d %H:%M:%S")


def _joined(texts: Iterable[Any]) -> str | None:
    return ", ".join(dict.fromkeys(str(text) for text in texts if text)) or None
