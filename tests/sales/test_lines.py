"""The lines of a sale: their sum is the order's total, to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.errors import SyncError
from shopify_fw360.sales.lines import EMPTY, sale_lines
from shopify_fw360.shopify.order_money import SHOP, Basis, read_terms
from tests.sales.raw_orders import Line, Order, bag
from tests.sales.test_proof import orders

NAME = "order shopify:5001"


def booked(order, *, with_tax=True, basis=Basis.CURRENT):
    return sale_lines(read_terms(order.raw(), SHOP, basis), with_tax=with_tax, record=NAME)


@given(orders(), st.sampled_from(Basis))
def test_with_tax_the_lines_come_to_the_total_of_the_order(order, basis):
    terms = read_terms(order.raw(), SHOP, basis)
    lines = sale_lines(terms, with_tax=True, record=NAME)
    assert sum(line.price * line.quantity for line in lines) == terms.stated.total


@given(orders(), st.sampled_from(Basis))
def test_without_tax_they_come_to_the_total_less_the_tax(order, basis):
    terms = read_terms(order.raw(), SHOP, basis)
    lines = sale_lines(terms, with_tax=False, record=NAME)
    assert sum(line.price * line.quantity for line in lines) == terms.stated.total - terms.stated.tax


@given(orders(), st.booleans())
def test_unit_prices_are_whole_cents_and_a_line_has_at_most_two_parts(order, with_tax):
    parts = {}
    for line in booked(order, with_tax=with_tax):
        assert line.quantity >= 1
        assert line.price == line.price.quantize(Decimal("0.01"))
        parts.setdefault(line.charge.key, []).append(line)
    for key, found in parts.items():
        assert [line.key for line in found] == [key, f"{key}-2"][: len(found)]
        assert sum(line.quantity for line in found) == found[0].charge.quantity
        assert found[-1].price - found[0].price in (0, Decimal("0.01"))


def test_a_total_that_does_not_divide_is_split_one_cent_apart():
    # 3 x 10.00 less 10 % of one order-level coupon: 27.01 for three.
    lines = booked(Order([Line("10.00", 3, off="2.99")]))
    assert [(line.key, line.quantity, line.price) for line in lines] == [
        ("shopify-1", 2, Decimal("9.00")),
        ("shopify-1-2", 1, Decimal("9.01")),
    ]


def test_an_amount_below_zero_is_split_to_the_cent_too():
    lines = booked(Order([Line("10.00", 1)], discrepancy="-3.01"))
    assert [(line.key, line.price) for line in lines] == [
        ("shopify-1", Decimal("10.00")),
        ("shopify-adjustment", Decimal("-3.01")),
    ]


def test_a_shop_without_tax_in_its_prices_books_gross_prices_on_a_site_with():
    lines = booked(Order([Line("10.00", 2)], taxes_included=False))
    assert [(line.quantity, line.price) for line in lines] == [(2, Decimal("12.20"))]


def test_a_shop_with_tax_in_its_prices_books_net_prices_on_a_site_without():
    lines = booked(Order([Line("12.20", 2)]), with_tax=False)
    assert [(line.quantity, line.price) for line in lines] == [(2, Decimal("10.00"))]


@pytest.mark.parametrize(
    ("rates", "rate"), [(("22",), "22"), (("5.5",), "5.5"), (("6.25", "2.25"), "8.5"), ((), "0"), (("10.0",), "10")]
)
def test_the_rate_is_told_as_the_shortest_number(rates, rate):
    assert [line.rate for line in booked(Order([Line("10.00", rates=rates)]))] == [rate]


def test_a_rate_the_order_does_not_tell_is_a_question_mark():
    raw = Order([Line("10.00")]).raw()
    raw["lineItems"][0]["taxLines"][0] |= {"rate": None, "ratePercentage": None}
    lines = sale_lines(read_terms(raw, SHOP, Basis.CURRENT), with_tax=True, record=NAME)
    assert [line.rate for line in lines] == ["?"]


def test_a_line_for_nothing_needs_no_tax():
    lines = booked(Order([Line("10.00", 1, off="10.00")], shipping="5.00", shipping_off="5.00"))
    assert [(line.key, line.price, line.rate) for line in lines] == [
        ("shopify-1", Decimal("0.00"), None),
        ("shopify-shipping", Decimal("0.00"), None),
    ]


def test_an_order_without_anything_left_has_one_line_for_nothing():
    lines = booked(Order([Line("10.00", 2, refunded=2)]))
    assert [(line.key, line.price) for line in lines] == [(EMPTY, 0)]


def test_amounts_finer_than_a_cent_are_refused():
    raw = Order([Line("10.00")]).raw()
    raw["lineItems"][0]["originalUnitPriceSet"] = bag(Decimal("10.005"))
    with pytest.raises(SyncError, match=r"SYNC-221.*shopify-1 costs 10\.005 EUR"):
        sale_lines(read_terms(raw, SHOP, Basis.CURRENT), with_tax=True, record=NAME)
