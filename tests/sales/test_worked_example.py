"""The order that docs/money.md follows: each number of that page."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shopify_fw360.sales.lines import sale_lines
from shopify_fw360.sales.proof import differences
from shopify_fw360.shopify.order_money import SHOP, Basis, read_terms
from tests.sales.raw_orders import Line, Order, spread


def order(**jumpers):
    first, second = spread(Decimal("5.00"), [Decimal("30.00"), Decimal("10.50")])
    lines = [
        Line("10.00", 3, off=str(first), **jumpers),
        Line("10.50", off=str(second), rates=("4",), title="Libro"),
    ]
    return Order(lines, shipping="4.90", tips="2.00")


@pytest.fixture
def terms():
    return read_terms(order().raw(), SHOP, Basis.CURRENT)


def units(terms, *, with_tax=True):
    lines = sale_lines(terms, with_tax=with_tax, record="order")
    return [(line.quantity, str(line.price), line.rate) for line in lines]


def test_shopify_s_rounding_is_taken_as_it_is(terms):
    assert [(str(charge.discount), str(charge.amount), str(charge.tax)) for charge in terms.charges] == [
        ("3.71", "26.29", "4.74"),
        ("1.29", "9.21", "0.35"),
        ("0.00", "4.90", "0.88"),
        ("0.00", "2.00", "0"),
    ]


def test_the_order_adds_up(terms):
    assert differences(terms) == []
    assert (terms.sum, terms.tax) == (Decimal("42.40"), Decimal("5.97"))


def test_the_jumpers_come_in_two_parts(terms):
    assert units(terms) == [
        (2, "8.76", "22"),
        (1, "8.77", "22"),
        (1, "9.21", "4"),
        (1, "4.90", "22"),
        (1, "2.00", "0"),
    ]


def test_without_tax_each_line_loses_the_tax_shopify_gave_it(terms):
    assert units(terms, with_tax=False)[:2] == [(2, "7.18", "22"), (1, "7.19", "22")]


def test_a_jumper_that_comes_back_leaves_what_shopify_says():
    left = read_terms(order(refunded=1).raw(), SHOP, Basis.CURRENT)
    assert differences(left) == []
    assert (left.sum, left.charges[0].tax) == (Decimal("33.64"), Decimal("3.16"))
    assert units(left)[:2] == [(1, "8.76", "22"), (1, "8.77", "22")]
