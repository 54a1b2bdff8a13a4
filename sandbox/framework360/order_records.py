"""Orders and carts as the API shows them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.framework360.answers import Answers
from sandbox.framework360.cart import CartLine, Priced
from sandbox.framework360.lookups import Lookups
from sandbox.framework360.options import Options
from sandbox.framework360.sales import of_order
from sandbox.framework360.store import ADDRESS_KEYS, Customer, Order, Store


def order_record(order: Order, answers: Answers, lookups: Lookups, options: Options, store: Store) -> dict[str, Any]:
    """Word an order as `orders/get` and `orders/list` show it."""
    lines, priced = of_order(order, options)
    customer = store.customers.get(order.customer_id)
    party = _party(customer, answers) if customer else None
    record = {
        "id": answers.record_id(order.id),
        "customer_id": answers.reference(order.customer_id),
        "user_email": order.user_email,
        "date": answers.time(order.at),
        "order_status": answers.record_id(lookups.status_id(order.status)),
        "payment_status": answers.flag(order.paid),
        "payment_id": None if order.payment is None else lookups.payment_ids[order.payment],
        "shipping_id": None if order.shipping is None else answers.reference(lookups.shipping_id(order.shipping)),
        **cart_record(lines, priced, answers, lookups),
        "billing_data": order.billing or party,
        "shipping_data": order.delivery or party,
        "labels": order.labels,
        "note": answers.text(order.note),
        "courier": answers.code(order.courier),
        "tracking": answers.code(order.tracking),
        "origin": order.origin,
        "currency": options.currency,
    }
    if answers.shows_times:
        record["data_modifica"] = answers.time(order.modified or order.at)
    return record


def cart_record(lines: tuple[CartLine, ...], priced: Priced, answers: Answers, lookups: Lookups) -> dict[str, Any]:
    """Word a priced cart: lines and sums."""
    money = answers.money
    return {
        "cart": [
            {**_line(line, answers, lookups), "importo": money(amount), "iva": money(tax)}
            for line, (amount, tax) in zip(lines, priced.lines, strict=True)
        ],
        "subtotal": money(priced.subtotal),
        "discount": money(priced.discount),
        "shipping_cost": money(priced.shipping_cost),
        "tax": money(priced.tax),
        "total": money(priced.total),
    }


def _line(line: CartLine, answers: Answers, lookups: Lookups) -> dict[str, Any]:
    quantity, price, tax = _quantity(line.quantity), answers.money(line.price), lookups.tax_id(line.tax)
    if line.product is not None:
        row = {"type": "product", "id": answers.reference(line.product), "quantity": quantity}
        if line.variant is not None:
            row["variante_id"] = answers.reference(line.variant)
        return {**row, "price": price, "imposta": tax}
    return {
        "type": "custom",
        "id": line.id,
        "quantity": quantity,
        "disable_edit": line.locked,
        "customInfo": {
            "name": line.name,
            "details": line.details,
            "preview": line.preview,
            "price": price,
            "imposta": tax,
        },
    }


def _quantity(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


def _party(customer: Customer, answers: Answers) -> dict[str, Any]:
    party = {key: getattr(customer, key) for key in ("nome", "cognome", "email", *ADDRESS_KEYS)}
    return {**party, "telefono": answers.code(customer.phone)}
