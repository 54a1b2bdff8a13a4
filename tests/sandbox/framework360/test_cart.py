from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.framework360.cart import CartLine, price_cart, tax_of

CENT = Decimal("0.01")
amounts = st.integers(-100_000, 1_000_000).map(lambda cents: Decimal(cents).scaleb(-2))
costs = st.integers(0, 10_000).map(lambda cents: Decimal(cents).scaleb(-2))
rates = st.sampled_from([Decimal(rate) for rate in ("0", "4", "5", "5.5", "10", "19", "20", "22")])
quantities = st.integers(1, 999).map(Decimal) | st.decimals("0.001", "10", places=3)
carts = st.lists(
    st.builds(
        lambda price, quantity, rate: CartLine("x", quantity, price, "default", rate), amounts, quantities, rates
    ),
    min_size=1,
    max_size=12,
)


def price(lines, cost=Decimal(0), rate=Decimal(22), *, with_tax=True, line_prices=False):
    return price_cart(lines, cost, rate, with_tax=with_tax, line_prices=line_prices)


def half_up(value):
    return value.quantize(CENT, ROUND_HALF_UP)


@given(carts, costs, rates, st.booleans())
def test_every_line_is_rounded_for_itself_and_the_sums_add_up(lines, cost, rate, with_tax):
    cart = price(lines, cost, rate, with_tax=with_tax)
    assert [amount for amount, _ in cart.lines] == [half_up(line.price * line.quantity) for line in lines]
    assert cart.subtotal == sum(amount for amount, _ in cart.lines)
    assert cart.tax == sum(tax for _, tax in cart.lines) + tax_of(cost, rate, with_tax=with_tax)
    assert cart.total == cart.subtotal - cart.discount + cost + (0 if with_tax else cart.tax)


@given(carts, costs, rates, st.booleans())
def test_every_amount_is_whole_cents(lines, cost, rate, with_tax):
    cart = price(lines, cost, rate, with_tax=with_tax)
    for amount in (*sum(cart.lines, ()), cart.subtotal, cart.tax, cart.total):
        assert amount == amount.quantize(CENT)


@given(amounts, rates)
def test_contained_tax_and_the_net_rest_make_the_amount_again(gross, rate):
    net = gross - tax_of(gross, rate, with_tax=True)
    assert abs(net + tax_of(net, rate, with_tax=False) - gross) <= CENT


@given(amounts, rates, st.booleans())
def test_a_refund_has_the_tax_of_the_sale(amount, rate, with_tax):
    assert tax_of(-amount, rate, with_tax=with_tax) == -tax_of(amount, rate, with_tax=with_tax)


@given(carts)
def test_a_line_price_is_not_multiplied(lines):
    cart = price(lines, line_prices=True)
    assert cart.subtotal == sum(line.price for line in lines)


def test_the_price_of_a_catalogue_line_is_always_that_of_one():
    line = CartLine("1", Decimal(3), Decimal(2), "default", Decimal(22), product=1)
    assert price([line], line_prices=True).total == 6


@pytest.mark.parametrize(("with_tax", "tax", "total"), [(True, "8.08", "44.80"), (False, "9.86", "54.66")])
def test_the_example_of_the_contract(with_tax, tax, total):
    lines = [
        CartLine("shopify-11", Decimal(2), Decimal("19.90"), "default", Decimal(22)),
        CartLine("shopify-shipping", Decimal(1), Decimal("5.00"), "default", Decimal(22)),
    ]
    cart = price(lines, with_tax=with_tax)
    assert (cart.tax, cart.total) == (Decimal(tax), Decimal(total))


wire_lines = st.lists(
    st.fixed_dictionaries(
        {
            "quantity": st.integers(1, 50),
            "price": amounts,
            "rate": st.sampled_from(["22", "10", "4", "0", "19", "5.5"]),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=wire_lines, with_tax=st.booleans(), as_text=st.booleans())
def test_a_prepared_cart_and_the_order_come_to_the_same_total(site, rows, with_tax, as_text):
    site.control.set_options(prices_include_tax=with_tax, money_as="text" if as_text else "number")
    if not site.get("/customers/list", query="ada@example.com")["data"]:
        site.created()
    taxes = {f"{row['aliquota']:g}": row["id"] for row in site.get("/payments/taxes")["data"]}
    cart = [
        {
            "type": "custom",
            "id": f"shopify-{position}",
            "quantity": row["quantity"],
            "customInfo": {"name": "Riga", "price": str(row["price"]), "imposta": taxes[row["rate"]]},
        }
        for position, row in enumerate(rows)
    ]
    prepared = site.post("/orders/prepareCart", {"cart": cart})["data"]
    order = site.order(site.sell(cart)["data"]["id"])
    sums = ("cart", "subtotal", "discount", "shipping_cost", "tax", "total")
    assert {key: order[key] for key in sums} == {key: prepared[key] for key in sums}
    net = sum(half_up(row["price"] * row["quantity"]) for row in rows)
    taxed = sum(half_up(half_up(row["price"] * row["quantity"]) * Decimal(row["rate"]) / 100) for row in rows)
    assert Decimal(str(order["total"])) == net + (0 if with_tax else taxed)
