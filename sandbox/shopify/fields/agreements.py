"""Computed fields of the sales agreements of an order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.common.money import Bag, total
from sandbox.common.order_book import Tax
from sandbox.common.order_ledger import Agreement, Sale, agreements
from sandbox.shopify.connections import Page, list_page
from sandbox.shopify.fields.order_lines import duty_record, line_record, shipping_records
from sandbox.shopify.fields.refunds import refund_record
from sandbox.shopify.fields.shipments import find_return
from sandbox.shopify.ids import gid
from sandbox.shopify.order_money import currencies_of, money_bag, tax_records
from sandbox.shopify.order_records import book_of
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_TYPES = {
    "ORDER": "OrderAgreement",
    "ORDER_EDIT": "OrderEditAgreement",
    "REFUND": "RefundAgreement",
    "RETURN": "ReturnAgreement",
}
_SALES = {
    "PRODUCT": "ProductSale",
    "GIFT_CARD": "GiftCardSale",
    "TIP": "TipSale",
    "SHIPPING": "ShippingLineSale",
    "DUTY": "DutySale",
    "ADDITIONAL_FEE": "AdditionalFeeSale",
    "ADJUSTMENT": "AdjustmentSale",
}
_ROOM = 1_000
"""Room for the sales of an agreement, and for the taxes of a sale."""


@resolver("Order", "agreements")
def _agreements(record: Record, _: Context, args: Args) -> Page:
    found = [_agreement(record, entry, index) for index, entry in enumerate(agreements(book_of(record)), 1)]
    return list_page(found, args)


def _agreement(order: Record, entry: Agreement, index: int) -> Record:
    number = order["num"] * _ROOM + index
    refund = next((kept for kept in book_of(order).refunds if kept.num == entry.of), None)
    return {
        "__typename": _TYPES[entry.reason],
        "id": gid("SalesAgreement", number),
        "num": number,
        "reason": entry.reason,
        "happenedAt": entry.at,
        "order": order,
        "sales": [_sale(order, sale, number * _ROOM + place) for place, sale in enumerate(entry.sales, 1)],
        "refund": refund_record(order, refund) if entry.reason == "REFUND" and refund else None,
        "return": find_return(order, entry.of) if entry.reason == "RETURN" else None,
    }


def _sale(order: Record, sale: Sale, number: int) -> Record:
    currencies = currencies_of(order)
    taxes = [
        {
            "id": gid("SaleTax", number * _ROOM + place),
            "amount": money_bag(currencies, tax.amount),
            "taxLine": line,
        }
        for place, (tax, line) in enumerate(zip(sale.taxes, tax_records(currencies, sale.taxes), strict=True), 1)
    ]
    record: Record = {
        "__typename": _SALES[sale.kind],
        "id": gid("Sale", number),
        "actionType": sale.action,
        "lineType": sale.kind,
        "quantity": sale.quantity,
        "totalAmount": money_bag(currencies, sale.amount),
        "totalTaxAmount": money_bag(currencies, sale.tax),
        "totalDiscountAmountBeforeTaxes": money_bag(currencies, _without_tax(order, sale)),
        "totalDiscountAmountAfterTaxes": money_bag(currencies, sale.discount),
        "taxes": taxes,
    }
    book = book_of(order)
    if sale.kind in ("PRODUCT", "GIFT_CARD", "TIP") and sale.of is not None:
        record["lineItem"] = line_record(order, book.line(sale.of))
    elif sale.kind == "DUTY" and sale.of is not None:
        record["duty"] = duty_record(order, book.line(sale.of))
    elif sale.kind == "SHIPPING":
        record["shippingLine"] = next((kept for kept in shipping_records(order) if kept["charge"].num == sale.of), None)
    return record


def _without_tax(order: Record, sale: Sale) -> Bag:
    """Return the discount of a sale without the tax in it, when prices include tax."""
    if not book_of(order).taxes_included or not sale.discount:
        return sale.discount
    whole: list[Tax] = sale.taxes
    rates = sum((tax.rate for tax in whole), start=whole[0].rate * 0) if whole else 0
    taxes = [currencies_of(order).tax(sale.discount, tax.rate, rates, included=True) for tax in whole]  # type: ignore[arg-type]
    return sale.discount - total(taxes)
