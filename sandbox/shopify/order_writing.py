"""Storing orders: times move, customers count, listeners hear what happened, found by comparing the books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from sandbox.common.order_book import Book
from sandbox.shopify.ids import gid
from sandbox.shopify.mutations.writing import save_customer
from sandbox.shopify.order_records import book_of, keep_book, order_child, spent
from sandbox.shopify.order_stock import move_stock
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record

Event = tuple[str, dict[str, Any]]


def save_order(shop: Shop, record: Record, book: Book | None = None) -> Record:
    """Store an order, move its `updatedAt` and tell the listeners; returns it as stored.

    Args:
        shop: the shop.
        record: the order.
        book: its changed books; None when they stay as they are.
    """
    num = int(record["num"])
    before = shop.orders.get(num)
    now = shop.clock.now()
    record["createdAt"] = before["createdAt"] if before else record.get("createdAt", now)
    record["updatedAt"] = now
    if book is not None:
        keep_book(record, book, now)
    shop.orders.put(record)
    if before is None and record.get("customer") is not None:
        shop.orders_of.setdefault(record["customer"], []).append(num)
    stored = {**record, "__typename": "Order", "id": gid("Order", num)}
    move_stock(shop, None if before is None else book_of(before), book_of(stored))
    _count(shop, before, stored)
    extra = {"customer": _customer(shop, stored)}
    for topic, what in _events(before, stored):
        shop.notify(topic, stored, {**extra, **what})
    return stored


def delete_order(shop: Shop, record: Record) -> None:
    """Remove an order; its customer counts one less."""
    shop.orders.delete(int(record["num"]))
    customer = record.get("customer")
    if customer is not None:
        shop.orders_of[customer].remove(record["num"])
    _count(shop, record, None)
    shop.notify("ORDERS_DELETE", record)


def move_orders(shop: Shop, source: int, target: int) -> None:
    """Give the orders of a customer to another one, as a merge does."""
    for number in shop.orders_of.pop(source, []):
        record = shop.orders.get(number)
        if record is not None:
            shop.orders.put({**record, "customer": target, "updatedAt": shop.clock.now()})
            shop.orders_of.setdefault(target, []).append(number)


def _customer(shop: Shop, record: Mapping[str, Any]) -> Record | None:
    number = record.get("customer")
    return None if number is None else shop.customers.get(number)


def _count(shop: Shop, before: Record | None, after: Record | None) -> None:
    """Keep a customer's number of orders and amount spent; a change is an update of the customer too."""
    customer = _customer(shop, after or before or {})
    if customer is None:
        return
    count, amount = spent(after) if after else (0, Decimal(0))
    old_count, old_amount = spent(before) if before else (0, Decimal(0))
    if (count, amount) == (old_count, old_amount):
        return
    customer["numberOfOrders"] = max(0, int(customer.get("numberOfOrders", 0)) + count - old_count)
    customer["amountSpent"] = f"{Decimal(customer.get('amountSpent', '0')) + amount - old_amount:.2f}"
    stored = save_customer(shop, customer)
    shop.notify(
        "CUSTOMERS_PURCHASING_SUMMARY",
        stored,
        {
            "customer_id": stored["num"],
            "admin_graphql_api_customer_id": stored["id"],
            "number_of_orders": stored["numberOfOrders"],
            "amount_spent": stored["amountSpent"],
        },
    )


def _events(before: Record | None, after: Record) -> Iterator[Event]:
    """Yield (topic, further payload) of what happened between two states of an order."""
    book = book_of(after)
    old = book_of(before) if before else Book(book.currencies, book.taxes_included, book.created)
    was: Mapping[str, Any] = before["summary"] if before else {}
    now: Mapping[str, Any] = after["summary"]
    if before is None:
        yield "ORDERS_CREATE", {}
    known = {entry.num for entry in old.transactions}
    for entry in book.transactions:
        if entry.num not in known:
            yield "ORDER_TRANSACTIONS_CREATE", {"transaction": entry}
    if now["financial"] == "PAID" and was.get("financial") != "PAID":
        yield "ORDERS_PAID", {}
    yield from _shipping_events(old, book, was, now)
    known = {refund.num for refund in old.refunds}
    for refund in book.refunds:
        if refund.num not in known and refund.edit is None:
            yield "REFUNDS_CREATE", {"refund": refund}
    known = {edit.num for edit in old.edits}
    for edit in book.edits:
        if edit.num not in known:
            yield "ORDERS_EDITED", {"order_edit": _edited(after, book, edit.num)}
    if after.get("cancelledAt") and not (before or {}).get("cancelledAt"):
        yield "ORDERS_CANCELLED", {}
    if before is not None:
        yield "ORDERS_UPDATED", {}


def _shipping_events(old: Book, book: Book, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Event]:
    shipments = {shipment.num: shipment for shipment in old.fulfillments}
    for shipment in book.fulfillments:
        if shipment.num not in shipments:
            yield "FULFILLMENTS_CREATE", {"fulfillment": shipment}
        elif shipments[shipment.num] != shipment:
            yield "FULFILLMENTS_UPDATE", {"fulfillment": shipment}
    topics = {"FULFILLED": "ORDERS_FULFILLED", "PARTIALLY_FULFILLED": "ORDERS_PARTIALLY_FULFILLED"}
    sent = len(book.fulfillments) > len(old.fulfillments)
    if now["fulfillment"] in topics and (now["fulfillment"] != was.get("fulfillment") or sent):
        yield topics[now["fulfillment"]], {}


def _edited(order: Record, book: Book, edit: int) -> dict[str, Any]:
    removed = [part for refund in book.refunds if refund.edit == edit for part in refund.lines]
    return {
        "id": order_child(order["num"], edit),
        "order_id": order["num"],
        "line_items": {
            "additions": [
                {"id": order_child(order["num"], line.num), "delta": line.quantity}
                for line in book.lines
                if line.edit == edit
            ],
            "removals": [{"id": order_child(order["num"], part.line), "delta": part.quantity} for part in removed],
        },
    }
