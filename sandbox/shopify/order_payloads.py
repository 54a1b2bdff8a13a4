"""Webhook bodies of orders, payments, refunds and fulfilments: REST-shaped JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sandbox.common.money import Bag, Currencies, digits_of, rounded, total
from sandbox.common.order_book import Allocation, Book, Discount, Fulfillment, Line, Refund, Shipping, Tax, Transaction
from sandbox.shopify.ids import gid
from sandbox.shopify.order_records import book_of, order_child, totals_of
from sandbox.shopify.table import Record
from sandbox.shopify.times import shown

Body = dict[str, Any]
_FULFILLMENT = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}


def order_body(record: Record, customer: Body | None, addresses: Mapping[str, Body | None]) -> Body:
    """Return an order as `orders/*` topics carry it.

    Args:
        record: the order.
        customer: the customer's own body; None for a guest.
        addresses: "billing_address" and "shipping_address".
    """
    book, totals = book_of(record), totals_of(record)
    money = book.currencies
    codes = [entry for entry in book.discounts if entry.kind == "code"]
    duties = totals.original.duties
    return {
        "id": record["num"],
        "admin_graphql_api_id": record["id"],
        "name": record["name"],
        "number": record["number"] - 1_000,
        "order_number": record["number"],
        "confirmation_number": record.get("confirmation"),
        "created_at": shown(record["createdAt"]),
        "processed_at": shown(record["processedAt"]),
        "updated_at": shown(record["updatedAt"]),
        "closed_at": _time(record.get("closedAt")),
        "cancelled_at": _time(record.get("cancelledAt")),
        "cancel_reason": (record.get("cancelReason") or "").lower() or None,
        "test": bool(record.get("test")),
        "confirmed": True,
        "email": record.get("email") or "",
        "contact_email": record.get("email"),
        "phone": record.get("phone"),
        "note": record.get("note"),
        "note_attributes": [{"name": key, "value": value} for key, value in record.get("attributes") or []],
        "tags": ", ".join(record.get("tags") or []),
        "source_name": record.get("sourceName"),
        "source_identifier": record.get("sourceId"),
        "po_number": record.get("poNumber"),
        "customer_locale": record.get("locale"),
        "currency": money.shop,
        "presentment_currency": money.shown,
        "taxes_included": book.taxes_included,
        "tax_exempt": bool(record.get("taxExempt")),
        "financial_status": (record["summary"]["financial"] or "").lower() or None,
        "fulfillment_status": _FULFILLMENT.get(record["summary"]["fulfillment"]),
        "payment_gateway_names": record["summary"]["gateways"],
        **_sums("total_line_items_price", money, totals.total.gross),
        **_sums("subtotal_price", money, totals.total.subtotal),
        **_sums("total_discounts", money, totals.total.discounts),
        **_sums("total_tax", money, totals.total.tax),
        **_sums("total_price", money, totals.total.price),
        **_sums("current_subtotal_price", money, totals.current.subtotal),
        **_sums("current_total_discounts", money, totals.current.discounts),
        **_sums("current_total_tax", money, totals.current.tax),
        **_sums("current_total_price", money, totals.current.price),
        "total_shipping_price_set": money_set(money, totals.total.shipping),
        "current_shipping_price_set": money_set(money, totals.current.shipping_net),
        "original_total_duties_set": money_set(money, duties) if duties else None,
        "current_total_duties_set": money_set(money, totals.current.duties) if duties else None,
        "total_outstanding": _text(totals.outstanding.shop, money.shop),
        "total_tip_received": _text(totals.total.tips.shop, money.shop),
        "total_weight": sum(line.grams * line.quantity for line in book.lines),
        "tax_lines": _taxes(money, [Tax(*key[:2], amount, key[2]) for key, amount in totals.taxes().items()]),
        "discount_codes": [_code(book, entry) for entry in codes],
        "discount_applications": [_application(money, entry) for entry in book.discounts],
        "line_items": [line_body(record, line) for line in book.lines],
        "shipping_lines": [_shipping(record, charge) for charge in book.shipping],
        "fulfillments": [fulfillment_body(record, entry) for entry in book.fulfillments],
        "refunds": [refund_body(record, entry) for entry in book.refunds],
        "customer": customer,
        **addresses,
    }


def transaction_body(record: Record, entry: Transaction) -> Body:
    """Return a payment step as `order_transactions/create` carries it; amounts are in the buyer's currency."""
    money = book_of(record).currencies
    return {
        **_ids(record, "OrderTransaction", entry.num),
        "order_id": record["num"],
        "kind": entry.kind.lower(),
        "status": entry.status.lower(),
        "gateway": entry.gateway,
        "amount": _text(entry.amount.shown, money.shown),
        "currency": money.shown,
        "created_at": shown(entry.at),
        "processed_at": shown(entry.at),
        "parent_id": None if entry.parent is None else order_child(record["num"], entry.parent),
        "error_code": entry.error.lower() or None,
        "test": entry.test,
        "payment_id": f"{record['confirmation']}.{entry.num}",
    }


def refund_body(record: Record, refund: Refund) -> Body:
    """Return a refund as `refunds/create` carries it."""
    book = book_of(record)
    money = book.currencies
    return {
        **_ids(record, "Refund", refund.num),
        "order_id": record["num"],
        "created_at": shown(refund.at),
        "processed_at": shown(refund.at),
        "note": refund.note or None,
        "restock": any(part.restock != "NO_RESTOCK" for part in refund.lines),
        "refund_line_items": [
            {
                "id": order_child(record["num"], part.num),
                "line_item_id": order_child(record["num"], part.line),
                "quantity": part.quantity,
                "restock_type": part.restock.lower(),
                "subtotal": float(part.subtotal.shop),
                "total_tax": float(part.tax.shop),
                "subtotal_set": money_set(money, part.subtotal),
                "total_tax_set": money_set(money, part.tax),
                "line_item": line_body(record, book.line(part.line)),
            }
            for part in refund.lines
        ],
        "refund_shipping_lines": [
            {
                "id": order_child(record["num"], part.num),
                "subtotal_amount_set": money_set(money, part.subtotal),
                "tax_amount_set": money_set(money, part.tax),
                "shipping_line": {"id": order_child(record["num"], part.shipping)},
            }
            for part in refund.shipping
        ],
        "order_adjustments": [
            {
                "id": order_child(record["num"], entry.num),
                "order_id": record["num"],
                "refund_id": order_child(record["num"], refund.num),
                "kind": "refund_discrepancy",
                "reason": entry.reason.replace("_", " ").capitalize(),
                **_sums("amount", money, entry.amount),
                **_sums("tax_amount", money, entry.amount - entry.amount),
            }
            for entry in refund.adjustments
        ],
        "duties": [{"amount_set": money_set(money, amount)} for _, amount in refund.duties],
        "transactions": [transaction_body(record, entry) for entry in book.transactions if entry.refund == refund.num],
    }


def fulfillment_body(record: Record, entry: Fulfillment) -> Body:
    """Return a fulfilment as `fulfillments/*` topics carry it."""
    book = book_of(record)
    return {
        **_ids(record, "Fulfillment", entry.num),
        "order_id": record["num"],
        "name": f"{record['name']}.{[other.num for other in book.fulfillments].index(entry.num) + 1}",
        "status": entry.status.lower(),
        "shipment_status": None if entry.display == "FULFILLED" else entry.display.lower(),
        "service": entry.service,
        "location_id": entry.location,
        "created_at": shown(entry.at),
        "updated_at": shown(entry.updated),
        "tracking_company": entry.tracking[0].company if entry.tracking else None,
        "tracking_number": entry.tracking[0].number if entry.tracking else None,
        "tracking_numbers": [tracking.number for tracking in entry.tracking],
        "tracking_url": entry.tracking[0].url if entry.tracking else None,
        "tracking_urls": [tracking.url for tracking in entry.tracking],
        "line_items": [{**line_body(record, book.line(line)), "quantity": count} for _, line, count in entry.lines],
    }


def line_body(record: Record, line: Line) -> Body:
    """Return a line of an order."""
    book = book_of(record)
    money = book.currencies
    left, gone, sent = book.to_send(), book.gone(), book.sent()
    status = "fulfilled" if sent[line.num] and not left[line.num] else "partial" if sent[line.num] else None
    return {
        **_ids(record, "LineItem", line.num),
        "title": line.title,
        "variant_title": line.variant_title or None,
        "name": f"{line.title} - {line.variant_title}" if line.variant_title else line.title,
        "sku": line.sku or None,
        "vendor": line.vendor or None,
        "product_id": line.product,
        "variant_id": line.variant,
        "product_exists": line.product is not None,
        "quantity": line.quantity,
        "current_quantity": line.quantity - gone[line.num],
        "fulfillable_quantity": left[line.num],
        "fulfillment_status": status,
        "grams": line.grams,
        "gift_card": line.gift_card,
        "requires_shipping": line.ships,
        "taxable": line.taxable,
        "properties": [{"name": key, "value": value} for key, value in line.attributes],
        **_sums("price", money, line.unit),
        **_sums("total_discount", money, line.unit - line.unit),
        "discount_allocations": _allocations(money, line.allocations),
        "tax_lines": _taxes(money, line.taxes),
        "duties": [_duty(record, line)] if line.duty else [],
    }


def _duty(record: Record, line: Line) -> Body:
    duty = line.duty
    if duty is None:
        return {}
    money = book_of(record).currencies
    return {
        "id": str(order_child(record["num"], duty.num)),
        "harmonized_system_code": duty.harmonized_code,
        "country_code_of_origin": duty.origin,
        **money_set(money, duty.price),
        "tax_lines": _taxes(money, duty.taxes),
    }


def _shipping(record: Record, charge: Shipping) -> Body:
    money = book_of(record).currencies
    return {
        "id": order_child(record["num"], charge.num),
        "title": charge.title,
        "code": charge.code,
        "source": charge.source,
        "carrier_identifier": charge.carrier or None,
        "phone": None,
        "is_removed": False,
        **_sums("price", money, charge.price),
        **_sums("discounted_price", money, charge.net),
        "discount_allocations": _allocations(money, charge.allocations),
        "tax_lines": _taxes(money, charge.taxes),
    }


def money_set(money: Currencies, bag: Bag) -> Body:
    """Return an amount as REST writes it: with the digits of the currency."""
    return {
        "shop_money": {"amount": _text(bag.shop, money.shop), "currency_code": money.shop},
        "presentment_money": {"amount": _text(bag.shown, money.shown), "currency_code": money.shown},
    }


def _sums(name: str, money: Currencies, bag: Bag) -> Body:
    return {name: _text(bag.shop, money.shop), f"{name}_set": money_set(money, bag)}


def _text(amount: Decimal, currency: str) -> str:
    return f"{rounded(amount, digits_of(currency))}"


def _time(at: int | None) -> str | None:
    return None if at is None else shown(at)


def _ids(record: Record, type_name: str, number: int) -> Body:
    num = order_child(record["num"], number)
    return {"id": num, "admin_graphql_api_id": gid(type_name, num)}


def _taxes(money: Currencies, taxes: Iterable[Tax]) -> list[Body]:
    return [
        {
            "title": tax.title,
            "rate": float(tax.rate),
            "channel_liable": tax.channel_liable,
            **_sums("price", money, tax.amount),
        }
        for tax in taxes
    ]


def _allocations(money: Currencies, allocations: Iterable[Allocation]) -> list[Body]:
    return [
        {"discount_application_index": entry.discount, **_sums("amount", money, entry.amount)} for entry in allocations
    ]


def _application(money: Currencies, entry: Discount) -> Body:
    fixed = entry.percentage is None
    amount = entry.amount.shown if entry.amount else Decimal(0)
    return {
        "type": "discount_code" if entry.kind == "code" else entry.kind,
        "code" if entry.kind == "code" else "title": entry.title,
        "value_type": "fixed_amount" if fixed else "percentage",
        "value": _text(amount, money.shown) if fixed else str(entry.percentage),
        "allocation_method": entry.method.lower(),
        "target_selection": entry.selection.lower(),
        "target_type": entry.target.lower(),
    }


def _code(book: Book, entry: Discount) -> Body:
    index = book.discounts.index(entry)
    given = [line.allocations for line in book.lines] + [charge.allocations for charge in book.shipping]
    taken = total(part.amount for parts in given for part in parts if part.discount == index)
    kind = "percentage" if entry.percentage is not None else "fixed_amount"
    return {
        "code": entry.title,
        "amount": _text(taken.shop, book.currencies.shop),
        "type": "shipping" if entry.target == "SHIPPING_LINE" else kind,
    }
