"""Fills a shop with the shared people and products that live in Shopify."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sandbox.common.people import Person, iter_people
from sandbox.shopify.mutations.customer_rules import clean_tags
from sandbox.shopify.order_seeding import fill_orders
from sandbox.shopify.product_seeding import fill_products
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record
from sandbox.shopify.times import micros

_CONSENT = {"subscribed": "SUBSCRIBED", "unsubscribed": "UNSUBSCRIBED", "pending": "PENDING"}
_COMPANY_FIELDS = (("piva", "vat_number"), ("cf", "tax_code"), ("pec", "pec"), ("sdi", "sdi"))


def fill(shop: Shop) -> None:
    """Load the people, products and orders of the shop's seed."""
    people = iter_people(shop.seed.seed, shop.seed.customers, shop.seed.population)
    shop.customers.load(_records(shop, (person for person in people if person.in_shopify)))
    fill_products(shop)
    fill_orders(shop)


def _records(shop: Shop, people: Iterator[Person]) -> Iterator[Record]:
    for person in people:
        yield _record(shop, person)


def _record(shop: Shop, person: Person) -> Record:
    valid = [order.total for order in person.orders if not order.cancelled]
    record: Record = {
        "num": shop.number(),
        "firstName": person.first_name or None,
        "lastName": person.last_name or None,
        "email": person.email,
        "phone": person.phone,
        "note": person.note or None,
        "tags": clean_tags(person.tags),
        "state": "ENABLED" if person.index % 3 == 0 and person.email else "DISABLED",
        "verifiedEmail": person.email is not None,
        "createdAt": micros(person.created_at),
        "updatedAt": micros(person.updated_at),
        "numberOfOrders": len(person.orders),
        "amountSpent": str(sum(valid, Decimal("0.00"))),
    }
    if person.consent != "not_subscribed" and person.consent_at is not None:
        level = "CONFIRMED_OPT_IN" if person.consent == "pending" else "SINGLE_OPT_IN"
        record["emailConsent"] = {
            "state": _CONSENT[person.consent],
            "level": level,
            "updatedAt": micros(person.consent_at),
        }
    if person.address is not None:
        address = {
            "num": shop.child(record),
            "firstName": person.first_name or None,
            "lastName": person.last_name or None,
            "company": person.company.name if person.company else None,
            "address1": person.address.street,
            "city": person.address.city,
            "zip": person.address.postal_code,
            "provinceCode": person.address.province or None,
            "countryCode": person.address.country,
            "phone": person.phone,
        }
        record["addresses"] = [{name: value for name, value in address.items() if value is not None}]
        record["defaultAddress"] = address["num"]
    if person.company is not None:
        record["metafields"] = {
            f"custom.{key}": {
                "num": shop.child(record),
                "type": "single_line_text_field",
                "value": value,
                "createdAt": record["createdAt"],
                "updatedAt": record["createdAt"],
            }
            for key, field in _COMPANY_FIELDS
            if (value := getattr(person.company, field))
        }
    return record
