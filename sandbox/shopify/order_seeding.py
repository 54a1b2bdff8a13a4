"""Fills a shop with the orders of its seed, and tells its customers how much they bought."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal

from sandbox.common.catalogue import iter_catalogue
from sandbox.common.orders import iter_orders
from sandbox.common.people import iter_people
from sandbox.common.seeded_order import Buyer, SeededOrder
from sandbox.shopify.mutations.customer_rules import clean_tags
from sandbox.shopify.order_records import BILLING, FIRST_NAME, SHIPPING, keep_book, order_child, spent
from sandbox.shopify.product_records import handle_key
from sandbox.shopify.shop import LOCATIONS, Shop
from sandbox.shopify.table import Record

Goods = Sequence[tuple[int, Sequence[int]]]
"""Per product sold: its number and those of its variants."""
_BATCH = 1_000
_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def fill_orders(shop: Shop) -> None:
    """Load the orders of the shop's seed; without any, customers keep the history they were made with."""
    seed = shop.seed
    if not seed.orders:
        return
    people = [person for person in iter_people(seed.seed, seed.customers, seed.population) if person.in_shopify]
    catalogue = iter_catalogue(seed.seed, seed.products, seed.population, seed.variants_per_product)
    products = [product for product in catalogue if product.in_shopify]
    customers = shop.customers.numbers("ID")  # they were numbered in the order of the people
    goods = [_numbers(shop, handle_key(product.handle)) for product in products]
    bought: dict[int, tuple[int, Decimal]] = {}
    rows: list[Record] = []
    for order in iter_orders(seed.seed, seed.orders, people, products):
        rows.append(_record(shop, order, None if order.person is None else customers[order.person], goods))
        if len(rows) == _BATCH:
            _load(shop, rows, bought)
    _load(shop, rows, bought)
    shop.customers.load(_with_sums(shop, bought))


def confirmation_number(number: int) -> str:
    """Return the confirmation number of an order: nine letters and digits, always the same."""
    return "".join(random.Random(number).choices(_SIGNS, k=9))


def address_row(order: int, number: int, buyer: Buyer) -> dict[str, object] | None:
    """Return the address of an order as it is kept, None without one."""
    if buyer.address is None:
        return None
    row: dict[str, object] = {
        "num": order_child(order, number),
        "firstName": buyer.first_name or None,
        "lastName": buyer.last_name or None,
        "company": buyer.company or None,
        "address1": buyer.address.street,
        "city": buyer.address.city,
        "zip": buyer.address.postal_code,
        "provinceCode": buyer.address.province or None,
        "countryCode": buyer.address.country,
        "phone": buyer.phone,
    }
    return {name: value for name, value in row.items() if value is not None}


def _load(shop: Shop, rows: list[Record], bought: dict[int, tuple[int, Decimal]]) -> None:
    shop.orders.load(rows)
    for record in rows:
        customer = record.get("customer")
        if customer is not None:
            shop.orders_of.setdefault(customer, []).append(record["num"])
            count, amount = bought.get(customer, (0, Decimal(0)))
            more, paid = spent(record)
            bought[customer] = count + more, amount + paid
    rows.clear()


def _with_sums(shop: Shop, bought: dict[int, tuple[int, Decimal]]) -> Iterator[Record]:
    for record in list(shop.customers.all()):
        count, amount = bought.get(record["num"], (0, Decimal(0)))
        yield {**record, "numberOfOrders": count, "amountSpent": f"{amount:.2f}"}


def _numbers(shop: Shop, key: str) -> tuple[int, Sequence[int]]:
    number = shop.products.find(key)
    product = None if number is None else shop.products.get(number)
    return (0, ()) if product is None else (product["num"], product["variants"])


def _record(shop: Shop, order: SeededOrder, customer: int | None, goods: Goods) -> Record:
    book = order.book
    for line in book.lines:
        sold = order.goods.get(line.num)
        if sold is not None:
            product, variants = goods[sold[0]]
            line.product, line.variant = product, variants[sold[1]]
    number = shop.order_number()
    locations = list(LOCATIONS)
    for shipment in book.fulfillments:
        shipment.location = locations[0] if shipment.service == "manual" else None
    record: Record = {
        "num": number,
        "name": f"#{FIRST_NAME + order.index}",
        "number": FIRST_NAME + order.index,
        "confirmation": confirmation_number(number),
        "createdAt": book.created,
        "processedAt": order.processed,
        "updatedAt": max(order.updated, book.created),
        "closedAt": order.closed,
        "cancelledAt": book.cancelled,
        "cancelReason": order.cancel_reason or None,
        "staffNote": "Annullato" if order.cancel_reason else None,
        "test": order.test or None,
        "unstated": None if order.stated else True,
        "sourceName": order.source,
        "sourceId": f"{number}-1-{order.index}" if order.source == "pos" else None,
        "poNumber": order.po_number or None,
        "note": order.note or None,
        "tags": clean_tags(order.tags),
        "attributes": [list(pair) for pair in order.attributes],
        "email": order.email,
        "phone": order.phone,
        "locale": order.locale,
        "customer": customer,
        "taxExempt": order.tax_exempt or None,
        "location": locations[1] if order.source == "pos" else None,
    }
    if order.billing is not None:
        record["billing"] = address_row(number, BILLING, order.billing)
    if order.shipping is not None:
        record["shipping"] = address_row(number, SHIPPING, order.shipping)
    if order.business and order.billing is not None and customer is not None:
        record["company"] = {"num": customer, "name": order.billing.company, "vat": order.billing.vat_number}
    keep_book(record, book, shop.clock.now())
    return record
