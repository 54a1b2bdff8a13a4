from decimal import Decimal

import pytest

from sandbox.common.people import counterpart, people


@pytest.fixture
def buyer():
    return next(
        person
        for person in people(7, 120)
        if person.in_framework360
        and person.email
        and len(person.orders) > 1
        and any(order.cancelled for order in person.orders)
    )


def test_a_customers_orders_are_those_of_the_seed(site, buyer):
    customer = site.get("/customers/get", email=counterpart(buyer).email)["data"]
    orders = site.get("/orders/list", customer=customer["id"])["data"]
    cancelled = {row["id"] for row in site.get("/orders/statuses")["data"] if row["cancelled"] == 1}
    kept = [order for order in orders if order["order_status"] not in cancelled]
    expected = [order.total for order in buyer.orders if not order.cancelled]
    assert len(orders) == len(buyer.orders)
    assert sorted(Decimal(str(order["total"])) for order in kept) == sorted(expected)


def test_a_customer_without_orders_has_none(site):
    assert site.get("/orders/list", customer=site.created())["data"] == []


def test_orders_can_be_filtered(site):
    order = site.get("/orders/list")["data"][0]
    day = order["date"][:10]
    for query in (
        {"id": order["id"]},
        {"amount": order["total"], "id": order["id"]},
        {"daterange": f"{day} - {day}"},
        {"statuses[]": [order["order_status"]]},
        {"query": order["user_email"].upper()},
    ):
        found = site.get("/orders/list", **query)["data"]
        assert order in found, query
    assert site.get("/orders/list", id=order["id"], amount=0.01)["data"] == []
    assert site.get("/orders/list", seller="Mario")["data"] == []


def test_orders_sort_both_ways(site):
    up = [row["id"] for row in site.get("/orders/list", order="ASC", limit=100)["data"]]
    down = [row["id"] for row in site.get("/orders/list", order="DESC", limit=100)["data"]]
    assert up == down[::-1] == sorted(up, key=int)


@pytest.mark.parametrize(("choice", "found"), [("works", 0), ("ignored", 20), ("nothing", 0)])
def test_the_date_filter_may_not_work(site, choice, found):
    site.control.set_options(daterange=choice)
    assert len(site.get("/orders/list", daterange="1999-01-01 - 1999-12-31")["data"]) == found


def test_one_order_can_be_read(site):
    order = site.get("/orders/list")["data"][0]
    assert site.get("/orders/get", id=order["id"])["data"] == order


def test_prices_may_be_without_tax(site):
    site.control.set_options(prices_include_tax=False)
    order = site.get("/orders/list")["data"][0]
    assert Decimal(str(order["subtotal"])) + Decimal(str(order["tax"])) == Decimal(str(order["total"]))
