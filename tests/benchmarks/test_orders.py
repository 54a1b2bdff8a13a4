"""Orders through the mapping with their money proven, against what a developer would write by hand without a proof."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.mapping.directory import load_directory
from shopify_fw360.mapping.engine import Rejection, transform
from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.sales.booking import Booking
from shopify_fw360.shopify.order_sale import sale_of
from shopify_fw360.shopify.schema import ShopifySchema
from tests.sales.raw_orders import Line, Order

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
MAPPINGS = ROOT / "include" / "mappings"
SITE = Booking("EUR", with_tax=True, zone=ZoneInfo("Europe/Rome"))
COUNT = 5_000


@pytest.fixture(scope="module")
def mapping():
    return order_mapping()


def order_mapping():
    schemas = {System.SHOPIFY: ShopifySchema(), System.FRAMEWORK360: Framework360Schema()}
    return load_directory(MAPPINGS, schemas)[Flow(Entity.ORDER, System.SHOPIFY)]


def raw_orders(count):
    """Orders of three lines with a discount, every fifth with a refund; made one at a time."""
    address = {"firstName": "Ada", "lastName": "Rossi", "city": "Milano", "zip": "20121", "provinceCode": "MI"}
    kinds = [
        Order(
            [
                Line("10.00", 3, off="3.71", refunded=int(kind == 0)),
                Line("10.50", off="1.29", rates=("4",)),
                Line("7.90"),
            ],
            shipping="4.90",
        ).raw()
        for kind in range(5)
    ]
    for number in range(count):
        yield {
            **kinds[number % 5],
            "id": f"gid://shopify/Order/{number}",
            "name": f"#{number}",
            "email": f"buyer{number}@example.com",
            "tags": [],
            "displayFinancialStatus": "PAID",
            "displayFulfillmentStatus": "FULFILLED",
            "paymentGatewayNames": ["paypal"],
            "billingAddress": {**address, "countryCodeV2": "IT"},
            "shippingAddress": {**address, "countryCodeV2": "IT"},
            "processedAt": "2026-11-20T08:00:00Z",
        }


def proven(raw):
    return {**raw, "sale": sale_of(raw, SITE, "order")}


def by_hand(raw):
    """What one writes first: no proof, no parts, no refunds, floats avoided at least."""
    lines = []
    for line in raw["lineItems"]:
        off = sum(Decimal(entry["allocatedAmountSet"]["shopMoney"]["amount"]) for entry in line["discountAllocations"])
        amount = Decimal(line["originalUnitPriceSet"]["shopMoney"]["amount"]) * line["quantity"] - off
        lines.append(
            {
                "id": f"shopify-{line['id'].rpartition('/')[2]}",
                "quantity": line["quantity"],
                "customInfo": {"name": line["name"], "price": (amount / line["quantity"]).quantize(Decimal("0.01"))},
            }
        )
    address = raw["billingAddress"]
    return {
        "user_email": raw["email"].strip().lower(),
        "note": f"Shopify {raw['name']}",
        "labels": ["shopify", f"shopify:{raw['id'].rpartition('/')[2]}"],
        "cart": lines,
        "billing_data": {"nome": address["firstName"], "cognome": address["lastName"], "comune": address["city"]},
        "order_status": {"PAID": 3}[raw["displayFinancialStatus"]],
    }


def per_second(work, count):
    started = time.process_time()
    work()
    return count / (time.process_time() - started)


def test_orders_per_second_with_the_money_proof(mapping):
    raws = list(raw_orders(COUNT))
    sales = []
    proof = per_second(lambda: sales.extend(map(proven, raws)), COUNT)
    rows = []
    mapped = per_second(lambda: rows.extend(transform(mapping, sales).rows), COUNT)
    hand = per_second(lambda: list(map(by_hand, raws)), COUNT)
    both = 1 / (1 / proof + 1 / mapped)
    print(f"\nproof {proof:,.0f}/s, mapping {mapped:,.0f}/s, both {both:,.0f}/s, by hand without proof {hand:,.0f}/s")
    assert not [row for row in rows if isinstance(row, Rejection)]
    assert both > 50, "a site takes two requests a second; the arithmetic must never be what limits it"


def test_memory_is_flat_at_200000_orders():
    """BENCH_ORDERS in the environment sets another number."""
    count = int(os.environ.get("BENCH_ORDERS", "200000"))
    command = [sys.executable, "-m", "tests.benchmarks.order_memory", str(count)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    peaks = json.loads(answer.stdout)
    print(f"\n{count} orders, memory by tenths: {', '.join(f'{peak:.0f}' for peak in peaks)} MB")
    assert peaks[-1] < peaks[0] * 1.1
