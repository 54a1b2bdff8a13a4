"""What a Shopify order becomes as a sale: computed paths of a mapping, and what must be read for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shopify_fw360.records import FieldType
from shopify_fw360.shopify.order_money import MONEY_PATHS

SALE: Final = "sale"
"""Key of a record that holds everything computed."""

LINES: Final = "lines"

SALE_PATHS: Final[Mapping[str, FieldType]] = {
    **dict.fromkeys(
        (
            "sale.reference",
            "sale.state",
            "sale.gateway",
            "sale.gateways",
            "sale.payments",
            "sale.courier",
            "sale.tracking",
            "sale.currency",
            "sale.date",
            "sale.codes",
            "sale.attributes",
            "sale.rounding",
            "sale.guestEmail",
        ),
        FieldType.TEXT,
    ),
    "sale.labels": FieldType.TAGS,
    "sale.total": FieldType.DECIMAL,
    "sale.tax": FieldType.DECIMAL,
    **dict.fromkeys(
        (
            f"sale.{LINES}[].{name}"
            for name in (
                "id",
                "key",
                "kind",
                "name",
                "sku",
                "attributes",
                "discount",
                "quantity",
                "price",
                "rate",
                "countryRate",
            )
        ),
        FieldType.JSON,
    ),
}
"""Computed paths and the types of their values; docs/money.md says how each amount comes about.

- ``reference``: ``shopify:5001``; ``labels``: ``shopify`` and the reference.
- ``state``: ``CANCELLED``, else financial and fulfilment status, ``PAID UNFULFILLED``.
- ``gateway``: the payment gateway that took most of the money; ``gateways``: all of them, the largest amount first,
  ``paypal + gift_card``; ``payments``: with their amounts.
- ``courier``, ``tracking``: of all parcels that were sent.
- ``total``, ``tax``, ``currency``: of what is booked; ``rounding``: what was paid more or less in cash.
- ``date``: when the order was placed, in the site's time zone.
- ``codes``: discount codes; ``attributes``: what the buyer told beside the order.
- ``guestEmail``: the setting orders.guest_email.
- ``lines[]``: exact prices as the site enters them; ``key``: ``shopify-<line number>``, the second part of a split
  line with ``-2`` after it; ``kind``: goods, gift_card, tip, shipping, duty, fee, adjustment;
  ``name``: empty for tips, duties and adjustments; ``discount``: taken off, as shown to the buyer; ``rate``: sum of the
  tax rates in percent; ``countryRate``: with the country of delivery before it, ``DE 19``.
"""

SALE_NEEDS: Final = tuple(
    sorted(
        {
            *MONEY_PATHS,
            "test",
            "cancelledAt",
            "processedAt",
            "displayFinancialStatus",
            "displayFulfillmentStatus",
            "paymentGatewayNames",
            "discountCodes",
            "customAttributes[].key",
            "customAttributes[].value",
            "shippingAddress.countryCodeV2",
            "billingAddress.countryCodeV2",
            "transactions[].id",
            "transactions[].kind",
            "transactions[].status",
            "transactions[].gateway",
            "transactions[].amountSet.shopMoney.amount",
            "transactions[].amountSet.presentmentMoney.amount",
            "fulfillments[].id",
            "fulfillments[].status",
            "fulfillments[].trackingInfo[].company",
            "fulfillments[].trackingInfo[].number",
        }
    )
)
"""Source paths that are read for every order, whatever its mapping names."""
