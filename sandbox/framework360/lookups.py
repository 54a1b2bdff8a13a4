"""What each site defines for itself: order statuses, payment and shipping methods, taxes, and how it numbers them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.framework360.errors import RefusedError
from sandbox.framework360.goods import DEFAULT_TAX
from sandbox.framework360.options import Options
from sandbox.framework360.store import STATUSES

_OTHER_SITE = 40


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment method."""

    number: int
    nome: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Tax:
    """One tax: `rate` in percent."""

    number: int
    nome: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Shipping:
    """One shipping method with its cost, as the site enters prices: with tax or without."""

    id: int
    nome: str
    cost: Decimal


PAYMENTS = {
    "transfer": Payment(4, "Bonifico bancario"),
    "paypal": Payment(6, "PayPal"),
    "card": Payment(9, "Carta di credito (Stripe)"),
    "delivery": Payment(11, "Contrassegno"),
    "gift": Payment(12, "Buono regalo"),
    "cash": Payment(14, "Contanti in negozio", active=False),
}
TAXES = {
    "22": Tax(1, "IVA 22%", Decimal(22)),
    "10": Tax(2, "IVA 10%", Decimal(10)),
    "5": Tax(3, "IVA 5%", Decimal(5)),
    "4": Tax(5, "IVA 4%", Decimal(4)),
    "0": Tax(6, "Esente art. 15", Decimal(0)),
    "de19": Tax(8, "OSS Germania 19%", Decimal(19)),
    "fr20": Tax(9, "OSS Francia 20%", Decimal(20)),
    "fr5.5": Tax(10, "OSS Francia 5,5%", Decimal("5.5")),
}
MAIN_TAX = "22"
SHIPPINGS = {
    2: Shipping(2, "Corriere espresso", Decimal("5.00")),
    3: Shipping(3, "Ritiro in negozio", Decimal("0.00")),
    8: Shipping(8, "Isole e zone disagiate", Decimal("9.90")),
}


class Lookups:
    """Translates between the site's records and the ids its API shows.

    Args:
        options: `site_ids` and `opaque_ids`.
    """

    def __init__(self, options: Options) -> None:
        self._step = _OTHER_SITE if options.site_ids == "other" else 0
        self.payment_ids = {key: _opaque("pm", entry.number + self._step, options) for key, entry in PAYMENTS.items()}
        self.tax_ids = {key: _opaque("tx", entry.number + self._step, options) for key, entry in TAXES.items()}
        self._payments = {wire: key for key, wire in self.payment_ids.items()}
        self._taxes = {wire: key for key, wire in self.tax_ids.items()}

    def status_id(self, status: int) -> int:
        """Return the id the API shows for an order status."""
        return status + self._step

    def shipping_id(self, shipping: int) -> int:
        """Return the id the API shows for a shipping method."""
        return shipping + self._step

    def status(self, wire: Any) -> int:
        """Return the order status an id names; raises RefusedError."""
        text = str(wire).strip()
        found = int(text) - self._step if text.isdecimal() else 0
        if found not in STATUSES:
            raise RefusedError("invalid_field", f"stato dell'ordine {wire}")
        return found

    def shipping(self, wire: Any) -> int:
        """Return the shipping method an id names; raises RefusedError."""
        found = int(wire) - self._step
        if found not in SHIPPINGS:
            raise RefusedError("invalid_field", f"shipping_id {wire}")
        return found

    def payment(self, wire: Any) -> str:
        """Return the payment method an id names; raises RefusedError."""
        found = self._payments.get(str(wire).strip())
        if found is None:
            raise RefusedError("invalid_field", f"payment_id {wire}")
        return found

    def tax(self, wire: Any) -> str:
        """Return the tax an id names, "default" for "default"; raises RefusedError."""
        text = str(wire).strip()
        if text == DEFAULT_TAX:
            return DEFAULT_TAX
        found = self._taxes.get(text)
        if found is None:
            raise RefusedError("invalid_field", f"imposta {wire}")
        return found

    def tax_id(self, tax: str) -> str:
        """Return what the API shows for a tax, "default" for "default"."""
        return self.tax_ids.get(tax, DEFAULT_TAX)


def rate(tax: str) -> Decimal:
    """Return the rate of a tax, percent."""
    return TAXES[MAIN_TAX if tax == DEFAULT_TAX else tax].rate


def _opaque(prefix: str, number: int, options: Options) -> str:
    if not options.opaque_ids:
        return str(number)
    return f"{prefix}_{hashlib.sha256(f'{prefix}{number}'.encode()).hexdigest()[:10]}"
