"""Records within orders by their global ids, for `node`, `nodes`, `refund` and `return`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sandbox.shopify.fields.customers import address_record
from sandbox.shopify.fields.order_lines import line_record, shipping_records
from sandbox.shopify.fields.order_payments import transaction_records
from sandbox.shopify.fields.refunds import refund_record
from sandbox.shopify.fields.shipments import fulfillment_record, return_record
from sandbox.shopify.order_records import ORDER_CHILDREN, book_of
from sandbox.shopify.shop import FIRST_NUMBER, Shop
from sandbox.shopify.table import Record

LAST_OF_ORDERS = FIRST_NUMBER * 1_000
"""Ids of what is within orders are below, those of customers' addresses above."""
CHILDREN_OF_ORDERS: dict[str, Callable[[Record], Iterable[Record]]] = {
    "LineItem": lambda order: (line_record(order, line) for line in book_of(order).lines),
    "ShippingLine": shipping_records,
    "OrderTransaction": lambda order: transaction_records(order, book_of(order).transactions),
    "Refund": lambda order: (refund_record(order, refund) for refund in book_of(order).refunds),
    "Fulfillment": lambda order: (fulfillment_record(order, entry) for entry in book_of(order).fulfillments),
    "Return": lambda order: (return_record(order, entry) for entry in book_of(order).returns),
}
"""Type name to what lists all its records within an order."""


def find_in_order(shop: Shop, type_name: str, number: int) -> Record | None:
    """Return something within an order by the number in its global id."""
    order = shop.orders.get(number // ORDER_CHILDREN)
    if order is None:
        return None
    if type_name == "MailingAddress":
        for name in ("billing", "shipping"):
            address = order.get(name)
            if address and address["num"] == number:
                return {**(address_record(order, address) or {}), "order": order}
        return None
    return next((found for found in CHILDREN_OF_ORDERS[type_name](order) if found["num"] == number), None)
