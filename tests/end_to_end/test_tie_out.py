"""Seeded orders of every kind, booked: the sum of the sales is the sum of the orders, day by day."""

from __future__ import annotations

import pytest

from tests.end_to_end.tie_out import open_shop, print_tie_out, tie_out

pytestmark = pytest.mark.timeout(600)


def test_the_sum_of_sales_is_the_sum_of_orders_by_day_and_currency(shopify_process, framework360_process, store):
    orders, sales = tie_out(open_shop(shopify_process, framework360_process, store, 220))
    print_tie_out(orders, sales)
    assert orders == sales
    assert len(orders) > 20
