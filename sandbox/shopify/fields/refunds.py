"""Computed fields of refunds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.common.money import total
from sandbox.common.order_book import Refund, RefundLine
from sandbox.shopify.connections import Page, list_page
from sandbox.shopify.fields.order_lines import duty_record, line_record, shipping_records
from sandbox.shopify.fields.order_payments import transaction_records
from sandbox.shopify.order_money import child_record, currencies_of, money_bag, money_text, money_v2
from sandbox.shopify.order_records import book_of
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


def refund_record(order: Record, refund: Refund) -> Record:
    """Return a refund as a Refund record."""
    return child_record(
        order,
        "Refund",
        refund.num,
        refund=refund,
        note=refund.note or None,
        createdAt=refund.at,
        processedAt=refund.at,
        updatedAt=refund.at,
    )


@resolver("Order", "refunds")
def _refunds(record: Record, _: Context, args: Args) -> list[Record]:
    return [refund_record(record, refund) for refund in book_of(record).refunds[: args.get("first") or None]]


def _refund(record: Record) -> Refund:
    refund: Refund = record["refund"]
    return refund


@resolver("Refund", "totalRefundedSet")
def _total(record: Record, _: Context, __: Args) -> dict[str, Any]:
    return money_bag(currencies_of(record), _paid_back(record))


@resolver("Refund", "totalRefunded")
def _total_flat(record: Record, _: Context, __: Args) -> dict[str, Any]:
    return money_v2(_paid_back(record).shop, currencies_of(record).shop)


def _paid_back(record: Record) -> Any:
    entries = book_of(record["order"]).transactions
    number = _refund(record).num
    return total(entry.amount for entry in entries if entry.refund == number and entry.status == "SUCCESS")


@resolver("Refund", "transactions")
def _transactions(record: Record, _: Context, args: Args) -> Page:
    entries = [entry for entry in book_of(record["order"]).transactions if entry.refund == _refund(record).num]
    return list_page(transaction_records(record["order"], entries), args)


@resolver("Refund", "refundLineItems")
def _lines(record: Record, _: Context, args: Args) -> Page:
    page = list_page(_refund(record).lines, args)
    page["nodes"] = [_line(record, part) for part in page["nodes"]]
    return page


def _line(record: Record, part: RefundLine) -> Record:
    order = record["order"]
    currencies = currencies_of(order)
    line = book_of(order).line(part.line)
    return child_record(
        order,
        "RefundLineItem",
        part.num,
        quantity=part.quantity,
        restockType=part.restock,
        restocked=part.restock != "NO_RESTOCK",
        lineItem=line_record(order, line),
        priceSet=money_bag(currencies, line.unit),
        price=money_text(line.unit.shop),
        subtotalSet=money_bag(currencies, part.subtotal),
        subtotal=money_text(part.subtotal.shop),
        totalTaxSet=money_bag(currencies, part.tax),
        totalTax=money_text(part.tax.shop),
        restock=part.restock,
    )


@resolver("RefundLineItem", "location")
def _location(record: Record, context: Context, _: Args) -> Record | None:
    return None if record.get("restock") == "NO_RESTOCK" else next(context.shop.locations.all(), None)


@resolver("Refund", "refundShippingLines")
def _shipping(record: Record, _: Context, args: Args) -> Page:
    order = record["order"]
    currencies = currencies_of(order)
    charges = {charge["charge"].num: charge for charge in shipping_records(order)}
    found = [
        child_record(
            order,
            "RefundShippingLine",
            part.num,
            shippingLine=charges[part.shipping],
            subtotalAmountSet=money_bag(currencies, part.subtotal),
            taxAmountSet=money_bag(currencies, part.tax),
        )
        for part in _refund(record).shipping
    ]
    return list_page(found, args)


@resolver("Refund", "orderAdjustments")
def _adjustments(record: Record, _: Context, args: Args) -> Page:
    order = record["order"]
    currencies = currencies_of(order)
    found = [
        child_record(
            order,
            "OrderAdjustment",
            entry.num,
            reason=entry.reason,
            amountSet=money_bag(currencies, entry.amount),
            taxAmountSet=money_bag(currencies, entry.amount - entry.amount),
        )
        for entry in _refund(record).adjustments
    ]
    return list_page(found, args)


@resolver("Refund", "duties")
def _duties(record: Record, _: Context, __: Args) -> list[Record]:
    order = record["order"]
    book = book_of(order)
    return [
        {
            "amountSet": money_bag(book.currencies, amount),
            "originalDuty": duty_record(order, book.line(number)),
        }
        for number, amount in _refund(record).duties
    ]
