"""Orders read from a shop: complete, proven, and never taken for deleted because they are old."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from sandbox.common.catalogue import iter_catalogue
from sandbox.common.orders import iter_orders
from sandbox.common.people import iter_people
from sandbox.shopify.tokens import STATIC_TOKEN
from shopify_fw360.errors import MAPPING_INVALID, SyncError
from shopify_fw360.records import PROBLEM, Entity, UnknownFieldError, Window, error_of
from shopify_fw360.sales.booking import Booking
from shopify_fw360.shopify.auth import StaticToken
from shopify_fw360.shopify.orders import ShopifyOrders
from shopify_fw360.shopify.schema import SCHEMA
from tests.shopify.helpers import client_for

SEED = {"seed": 7, "customers": 120, "population": "mixed", "orders": 220, "products": 60}
PATHS = frozenset({"name", "email", "customer.id", "lineItems[].id"})
ROME = ZoneInfo("Europe/Rome")
SITE = Booking("EUR", with_tax=True, zone=ROME)
NO_OLD_ORDERS = "read_orders,read_customers,read_products"


@pytest.fixture(scope="module")
def shop(shopify_process):
    shopify_process.control.reset(**SEED)
    shopify_process.control.set_options(bucket_size=1_000_000.0, restore_rate=100_000.0)
    return shopify_process


@pytest.fixture
def gateway(shop):
    """Makes gateways to the shop."""

    def make(booking=SITE, paths=PATHS, **options):
        client = client_for(shop.url, StaticToken(STATIC_TOKEN))
        return ShopifyOrders(client, paths, booking=lambda: booking, **options)

    return make


@pytest.fixture
def old_hidden(shop):
    shop.control.set_options(token_scopes=NO_OLD_ORDERS)
    yield shop
    shop.control.set_options(token_scopes="*")


@pytest.fixture(scope="module")
def seeded():
    """What the seed says about each order, by its name."""
    people = [person for person in iter_people(7, 120) if person.in_shopify]
    products = [product for product in iter_catalogue(7, 60) if product.in_shopify]
    return {f"#{1001 + order.index}": order for order in iter_orders(7, 220, people, products)}


@pytest.fixture(scope="module")
def records(shop):
    """All orders, read once, by their names."""
    client = client_for(shop.url, StaticToken(STATIC_TOKEN))
    return {record.raw["name"]: record for record in everything(ShopifyOrders(client, PATHS, booking=lambda: SITE))}


def everything(gateway, window=None):
    return [record for page in gateway.scan(window or Window()) for record in page.records]


@pytest.fixture
def troubled(records, seeded):
    """The order with a trouble."""
    return lambda trouble: next(records[name] for name, order in seeded.items() if order.trouble == trouble)


def booked(record):
    return sum(Decimal(line["price"]) * line["quantity"] for line in record.raw["sale"]["lines"])


def test_every_seeded_order_adds_up_and_its_lines_come_to_its_total(records):
    assert len(records) == 220
    for name, record in records.items():
        assert PROBLEM not in record.raw, name
        assert booked(record) == Decimal(record.raw["sale"]["total"]), name


@pytest.mark.parametrize("money", ["shop", "presentment"])
def test_so_do_they_without_tax_and_in_the_buyer_s_currency(gateway, money):
    foreign = 0
    for record in everything(gateway(Booking("EUR", with_tax=False, zone=ROME, money=money))):
        if PROBLEM in record.raw:
            foreign += 1
            assert record.raw[PROBLEM]["code"] == "SYNC-223"
        else:
            sale = record.raw["sale"]
            assert booked(record) == Decimal(sale["total"]) - Decimal(sale["tax"]), record.raw["name"]
    assert (foreign > 0) is (money == "presentment")


def test_totals_are_those_of_the_seed(records, seeded):
    for name, order in seeded.items():
        sale = records[name].raw["sale"]
        gone = order.cancel_reason or sale["state"].startswith("REFUNDED ")
        expected = order.expected.total if gone else order.expected.current
        assert Decimal(sale["total"]) == expected.shop, name


def test_a_list_longer_than_any_page_is_read_to_its_end(troubled):
    record = troubled("giant")
    assert len(record.raw["lineItems"]) > 250
    assert PROBLEM not in record.raw


def test_many_refunds_are_read_to_their_end(troubled, seeded):
    record = troubled("many_refunds")
    expected = seeded[record.raw["name"]].expected.current.shop
    assert Decimal(record.raw["sale"]["total"]) == expected


def test_a_record_keeps_only_what_the_mapping_names_and_the_sale(records):
    kept = {"id", "updatedAt", "legacyResourceId", "test", "sale", "name", "email", "customer", "lineItems"}
    assert set(records["#1001"].raw) == kept


def test_records_read_by_id_are_those_of_a_scan(gateway, records):
    some = list(records.values())[:30]
    assert gateway().fetch([record.id for record in some]) == {record.id: record for record in some}


def test_an_order_that_does_not_add_up_is_marked_and_the_others_are_read(gateway, monkeypatch):
    from shopify_fw360.shopify import orders as module

    def broken(raw, booking, record):
        if raw["legacyResourceId"].endswith("7"):
            raise ArithmeticError
        return module_sale_of(raw, booking, record)

    module_sale_of = module.sale_of
    monkeypatch.setattr(module, "sale_of", broken)
    read = everything(gateway())
    marked = [record for record in read if PROBLEM in record.raw]
    assert 0 < len(marked) < len(read)
    error = error_of(marked[0], "order 7")
    assert (error.code.code, error.record) == ("SYNC-221", "order 7")


def test_a_shop_of_another_currency_is_not_booked(gateway, records):
    known = records["#1001"].id
    record = gateway(Booking("CHF", with_tax=True, zone=ROME)).fetch([known])[known]
    assert record.raw[PROBLEM]["message"] == "the order is in EUR, the site sells in CHF"


class TestOldOrders:
    def test_one_that_is_not_shown_counts_as_unreadable_not_as_deleted(self, gateway, old_hidden):
        missing = "gid://shopify/Order/999999"
        [record] = gateway().fetch([missing]).values()
        error = error_of(record, "order")
        assert error.code.code == "SYNC-315"
        assert "read_all_orders" in str(error)

    def test_with_the_scope_an_order_that_is_not_there_is_deleted(self, gateway):
        assert gateway().fetch(["gid://shopify/Order/999999"]) == {}

    def test_scans_leave_them_out_and_say_that_they_do_not_see_all(self, gateway, old_hidden):
        orders = gateway()
        assert not orders.sees_all
        assert len(everything(orders)) < 220


def test_orders_are_never_written(gateway):
    with pytest.raises(SyncError) as caught:
        gateway().create({}, "1")
    assert caught.value.code is MAPPING_INVALID
    with pytest.raises(SyncError):
        gateway().update(None, {}, "1")


class TestTheSchema:
    @pytest.mark.parametrize("path", ["sale.total", "sale.lines[].price", "sale.state", "billingAddress.city"])
    def test_computed_paths_are_paths_like_others(self, path):
        assert SCHEMA.source(Entity.ORDER, path).path == path

    @pytest.mark.parametrize(
        ("path", "near"), [("sale.totl", "sale.total"), ("sale.lines[].prise", "sale.lines[].price")]
    )
    def test_a_wrong_one_is_refused_with_near_names(self, path, near):
        with pytest.raises(UnknownFieldError) as caught:
            SCHEMA.source(Entity.ORDER, path)
        assert near in caught.value.suggestions

    def test_they_need_the_scope_of_orders(self):
        assert "read_orders" in SCHEMA.source(Entity.ORDER, "sale.total").scopes
