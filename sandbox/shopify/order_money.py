"""Amounts of orders as GraphQL shows them, and the records of what is within an order."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sandbox.common.money import Bag, Currencies
from sandbox.common.order_book import Allocation, Discount, Tax
from sandbox.shopify.ids import gid
from sandbox.shopify.order_records import book_of, order_child
from sandbox.shopify.table import Record


def decimal_text(amount: Decimal) -> str:
    """Return an amount as the scalar `Decimal` shows it: "12.5", "12.0"."""
    text = f"{amount.normalize():f}"
    return text if "." in text else text + ".0"


def money_text(amount: Decimal) -> str:
    """Return an amount as the scalar `Money` shows it: "12.50"."""
    return f"{amount:.2f}"


def money_v2(amount: Decimal, currency: str) -> dict[str, str]:
    """Return a MoneyV2 record."""
    return {"__typename": "MoneyV2", "amount": decimal_text(amount), "currencyCode": currency}


def money_bag(currencies: Currencies, bag: Bag) -> dict[str, Any]:
    """Return a MoneyBag record."""
    return {
        "shopMoney": {"amount": decimal_text(bag.shop), "currencyCode": currencies.shop},
        "presentmentMoney": {"amount": decimal_text(bag.shown), "currencyCode": currencies.shown},
    }


def currencies_of(record: Record) -> Currencies:
    """Return the currencies of an order, or of something within one."""
    return book_of(record.get("order", record)).currencies


def child_record(order: Record, type_name: str, number: int, **fields: Any) -> Record:
    """Return a record of something within an order; `order` leads back to it."""
    num = order_child(order["num"], number)
    return {"__typename": type_name, "id": gid(type_name, num), "num": num, "order": order, **fields}


def tax_records(currencies: Currencies, taxes: Iterable[Tax]) -> list[Record]:
    """Return TaxLine records."""
    return [
        {
            "title": tax.title,
            "rate": float(tax.rate),
            "ratePercentage": float(tax.rate * 100),
            "priceSet": money_bag(currencies, tax.amount),
            "price": money_text(tax.amount.shop),
            "channelLiable": tax.channel_liable,
            "source": "MarketplaceX" if tax.channel_liable else "Shopify",
        }
        for tax in taxes
    ]


_APPLICATIONS = {
    "code": "DiscountCodeApplication",
    "automatic": "AutomaticDiscountApplication",
    "manual": "ManualDiscountApplication",
    "script": "ScriptDiscountApplication",
}


def application_record(currencies: Currencies, discount: Discount, index: int) -> Record:
    """Return a DiscountApplication record of the type its kind has; fixed amounts are in the buyer's currency."""
    value: dict[str, Any]
    if discount.percentage is not None:
        value = {"__typename": "PricingPercentageValue", "percentage": float(discount.percentage)}
    else:
        value = money_v2(discount.amount.shown if discount.amount else Decimal(0), currencies.shown)
    return {
        "__typename": _APPLICATIONS[discount.kind],
        "index": index,
        "allocationMethod": discount.method,
        "targetSelection": discount.selection,
        "targetType": discount.target,
        "value": value,
        "code": discount.title,
        "title": discount.title,
        "description": discount.title,
    }


def allocation_records(order: Record, allocations: Iterable[Allocation]) -> list[Record]:
    """Return DiscountAllocation records."""
    book = book_of(order)
    return [
        {
            "allocatedAmountSet": money_bag(book.currencies, entry.amount),
            "allocatedAmount": money_v2(entry.amount.shop, book.currencies.shop),
            "discountApplication": application_record(book.currencies, book.discounts[entry.discount], entry.discount),
        }
        for entry in allocations
    ]
