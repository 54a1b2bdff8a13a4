"""The identities of an order: they hold for every order that adds up, and a wrong amount is named with its size."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.errors import SyncError
from shopify_fw360.sales.proof import differences, prove_both
from shopify_fw360.sales.terms import Kind
from shopify_fw360.shopify.order_money import PRESENTMENT, SHOP, Basis, read_terms
from tests.sales.raw_orders import Line, Order, bag

RATES = st.sampled_from([(), ("22",), ("10",), ("4",), ("5.5",), ("19",), ("6.25", "2.25")])
AMOUNTS = st.decimals(min_value=0, max_value=2000, places=2)


@st.composite
def lines(draw):
    quantity = draw(st.integers(1, 12))
    unit = draw(AMOUNTS)
    off = (unit * quantity * draw(st.integers(0, 100)) / 100).quantize(Decimal("0.01"))
    gone = draw(st.integers(0, quantity))
    return Line(str(unit), quantity, str(off), draw(RATES), refunded=gone if draw(st.booleans()) else 0)


@st.composite
def orders(draw):
    shipping = draw(AMOUNTS)
    return Order(
        draw(st.lists(lines(), min_size=1, max_size=6)),
        shipping=str(shipping),
        shipping_off=str(shipping if draw(st.booleans()) else Decimal(0)),
        shipping_rates=draw(RATES),
        shipping_refunded=draw(st.booleans()),
        fees=draw(st.lists(st.tuples(st.just("Contrassegno"), AMOUNTS.map(str)), max_size=2)),
        tips=str(draw(st.sampled_from([Decimal(0), Decimal("3.50")]))),
        taxes_included=draw(st.booleans()),
        discrepancy=str(draw(st.sampled_from([Decimal(0), Decimal("-5.00"), Decimal("2.35")]))),
        paid=draw(st.booleans()),
    )


@given(orders(), st.sampled_from(Basis))
def test_all_identities_hold_for_an_order_that_adds_up(order, basis):
    terms = read_terms(order.raw(), SHOP, basis)
    assert differences(terms) == []


@given(orders(), st.data())
def test_a_cent_too_much_anywhere_breaks_an_identity_and_is_named(order, data):
    raw = order.raw()
    names = [
        "currentTotalPriceSet",
        "currentSubtotalPriceSet",
        "currentTotalTaxSet",
        "currentShippingPriceSet",
        "totalRefundedSet",
    ]
    name = data.draw(st.sampled_from(names))
    raw[name] = bag(Decimal(raw[name]["shopMoney"]["amount"]) + Decimal("0.01"))
    found = differences(read_terms(raw, SHOP, Basis.CURRENT))
    assert any(difference.parts - difference.stated == Decimal("-0.01") for difference in found)


class TestTheMessage:
    def refusal(self, raw):
        with pytest.raises(SyncError) as caught:
            prove_both(
                read_terms(raw, SHOP, Basis.CURRENT), read_terms(raw, PRESENTMENT, Basis.CURRENT), "order shopify:5001"
            )
        return caught.value

    def test_names_the_term_both_amounts_and_the_gap(self):
        raw = Order([Line("19.90", 2)], shipping="5.00").raw()
        raw["currentShippingPriceSet"] = bag(Decimal("4.90"))
        error = self.refusal(raw)
        assert error.code.code == "SYNC-221"
        assert error.field == "shipping"
        assert "shipping: the parts come to 5.00, the order says 4.90, 0.10 more" in error.message
        assert "order shopify:5001" in str(error)

    def test_names_the_currency(self):
        raw = Order([Line("19.90")]).raw()
        raw["presentmentCurrencyCode"] = "USD"
        raw["currentTotalPriceSet"]["presentmentMoney"]["amount"] = "21.00"
        assert self.refusal(raw).message.startswith("in USD: total")

    def test_tells_a_wrong_quantity(self):
        raw = Order([Line("10.00", 3, refunded=1)]).raw()
        raw["lineItems"][0]["currentQuantity"] = 3
        assert self.refusal(raw).field == "quantity of Maglia"

    def test_one_currency_with_two_amounts_is_refused(self):
        raw = Order([Line("10.00")]).raw()
        for entry in (raw["lineItems"][0]["originalUnitPriceSet"], raw["currentTotalPriceSet"]):
            entry["presentmentMoney"]["amount"] = "11.00"
        assert "shop and buyer both use EUR" in self.refusal(raw).message

    def test_tells_a_wrong_rate(self):
        raw = Order([Line("122.00"), Line("110.00", rates=("10",))]).raw()
        raw["currentTaxLines"] = [
            {"title": "IVA", "rate": 0.22, "priceSet": bag(Decimal("20.00"))},
            {"title": "IVA", "rate": 0.1, "priceSet": bag(Decimal("12.00"))},
        ]
        assert {difference.term for difference in differences(read_terms(raw, SHOP, Basis.CURRENT))} == {
            "tax 10 %",
            "tax 22 %",
        }


class TestWhatIsRead:
    def charges(self, order, basis=Basis.CURRENT):
        return {charge.key: charge for charge in read_terms(order.raw(), SHOP, basis).charges}

    def test_of_a_partly_refunded_line_its_share_of_the_discount_stays(self):
        # The example of Microsoft's connector: 48.00 twice less 20 %, one unit given back.
        line = self.charges(Order([Line("48.00", 2, off="19.20", refunded=1)]))["shopify-1"]
        assert (line.quantity, line.listed, line.discount, line.amount) == tuple(
            map(Decimal, ("1", "48", "9.6", "38.4"))
        )

    def test_units_removed_by_an_edit_count_like_units_given_back(self):
        edited = Order([Line("48.00", 2, off="19.20", removed=1)], paid=False)
        assert self.charges(edited)["shopify-1"].amount == Decimal("38.40")

    def test_an_order_given_back_completely_is_worth_nothing_and_was_sold_for_its_price(self):
        order = Order([Line("10.00", 2, refunded=2)], shipping="5.00", shipping_refunded=True)
        assert read_terms(order.raw(), SHOP, Basis.CURRENT).sum == 0
        assert read_terms(order.raw(), SHOP, Basis.SOLD).sum == Decimal("25.00")

    def test_a_tip_may_be_a_line_or_only_a_sum(self):
        as_line = self.charges(Order([Line("10.00"), Line("2.00", rates=(), tip=True, title="Tip")]))
        as_sum = self.charges(Order([Line("10.00")], tips="2.00"))
        assert as_line["shopify-2"].kind is as_sum["shopify-tip"].kind is Kind.TIP

    def test_a_refund_above_the_value_of_the_goods_lowers_the_sale(self):
        adjustment = self.charges(Order([Line("10.00")], discrepancy="-3.00"))["shopify-adjustment"]
        assert adjustment.amount == Decimal("-3.00")

    def test_a_total_that_leaves_such_a_refund_out_is_taken_as_it_is(self):
        raw = Order([Line("10.00")], discrepancy="-3.00").raw()
        raw["currentTotalPriceSet"] = bag(Decimal("10.00"))
        terms = read_terms(raw, SHOP, Basis.CURRENT)
        assert differences(terms) == []
        assert terms.sum == Decimal("10.00")

    def test_shopify_may_leave_shipping_discounts_and_gift_cards_out_of_its_sums(self):
        raw = Order(
            [Line("10.00"), Line("50.00", gift_card=True, rates=())], shipping="5.00", shipping_off="5.00"
        ).raw()
        raw["currentTotalDiscountsSet"] = bag(Decimal("0.00"))
        raw["currentSubtotalPriceSet"] = bag(Decimal("10.00"))
        assert differences(read_terms(raw, SHOP, Basis.CURRENT)) == []

    def test_duties_come_on_top_with_their_tax(self):
        charges = self.charges(Order([Line("100.00", duty="12.00")], taxes_included=False))
        assert charges["shopify-duty-1"].amount == Decimal("12.00")
        assert charges["shopify-duty-1"].tax == Decimal("2.64")
