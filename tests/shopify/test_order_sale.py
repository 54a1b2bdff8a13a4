"""What an order says beside its money: state, payments, parcels, dates."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from shopify_fw360.errors import SyncError
from shopify_fw360.sales.booking import Booking
from shopify_fw360.shopify.order_sale import sale_of
from tests.sales.raw_orders import Line, Order, bag

SITE = Booking("EUR", with_tax=True, zone=ZoneInfo("Europe/Rome"))


def sale(booking=SITE, order=None, **raw):
    base = (order or Order([Line("19.90", 2)], shipping="5.00")).raw()
    paid = {"displayFinancialStatus": "PAID", "displayFulfillmentStatus": "UNFULFILLED"}
    return sale_of({**base, **paid, **raw}, booking, "order shopify:5001")


def payment(gateway, amount, kind="SALE", status="SUCCESS"):
    return {"kind": kind, "status": status, "gateway": gateway, "amountSet": bag(Decimal(amount))}


def test_an_order_is_known_by_its_number():
    made = sale()
    assert (made["reference"], made["labels"]) == ("shopify:5001", ["shopify", "shopify:5001"])


class TestState:
    def test_is_the_financial_and_the_fulfilment_status(self):
        assert sale()["state"] == "PAID UNFULFILLED"

    def test_cancelled_outweighs_both(self):
        assert sale(cancelledAt="2026-11-20T08:00:00Z")["state"] == "CANCELLED"

    def test_one_that_shopify_does_not_tell_is_unknown(self):
        assert sale(displayFinancialStatus=None)["state"] == "UNKNOWN UNFULFILLED"


class TestWhatIsBooked:
    GONE = Order([Line("10.00", 2, refunded=2)])

    def test_an_order_refunded_in_full_is_booked_as_it_was_sold(self):
        made = sale(order=self.GONE, displayFinancialStatus="REFUNDED")
        assert (made["total"], [line["quantity"] for line in made["lines"]]) == ("20.00", [2])

    def test_so_is_a_cancelled_one(self):
        assert sale(order=self.GONE, cancelledAt="2026-11-20T08:00:00Z")["total"] == "20.00"

    def test_one_refunded_in_part_is_booked_as_it_is_now(self):
        made = sale(order=Order([Line("10.00", 2, refunded=1)]), displayFinancialStatus="PARTIALLY_REFUNDED")
        assert (made["total"], [line["quantity"] for line in made["lines"]]) == ("10.00", [1])

    def test_the_buyer_s_currency_if_a_setting_says_so(self):
        raw = Order([Line("10.00")]).raw()
        raw |= {"currencyCode": "USD"}
        with pytest.raises(SyncError, match="SYNC-223"):
            sale(**raw)
        assert sale(Booking("EUR", with_tax=True, zone=SITE.zone, money="presentment"), **raw)["total"] == "10.00"

    def test_the_side_that_is_not_booked_must_add_up_too_unless_a_setting_says_no(self):
        raw = Order([Line("10.00")]).raw()
        raw["presentmentCurrencyCode"] = "USD"
        raw["currentTotalPriceSet"]["presentmentMoney"]["amount"] = "12.01"
        with pytest.raises(SyncError, match=r"SYNC-221.*in USD: total"):
            sale(**raw)
        assert sale(Booking("EUR", with_tax=True, zone=SITE.zone, check_both=False), **raw)["total"] == "10.00"


class TestPayments:
    def test_the_gateway_that_took_most_is_the_payment_method(self):
        made = sale(transactions=[payment("gift_card", "10.00"), payment("paypal", "34.80")])
        assert (made["gateway"], made["gateways"]) == ("paypal", "paypal + gift_card")
        assert made["payments"] == "paypal 34.80 EUR, gift_card 10.00 EUR"

    def test_what_failed_does_not_count(self):
        made = sale(transactions=[payment("stripe", "44.80", status="FAILURE"), payment("paypal", "44.80")])
        assert made["gateways"] == "paypal"

    def test_a_transfer_that_is_awaited_tells_the_method_already(self):
        made = sale(transactions=[payment("Bonifico bancario", "44.80", status="PENDING")])
        assert made["gateway"] == "Bonifico bancario"

    def test_without_transactions_the_announced_gateway_does(self):
        assert sale(transactions=[], paymentGatewayNames=["manual"])["gateway"] == "manual"

    def test_an_order_that_costs_nothing_has_no_payment_method(self):
        assert sale(transactions=[], paymentGatewayNames=[])["gateway"] is None

    def test_cash_that_was_rounded_is_told_and_changes_no_total(self):
        rounding = {"paymentSet": bag(Decimal("0.02")), "refundSet": bag(Decimal(0))}
        made = sale(totalCashRoundingAdjustment=rounding)
        assert (made["rounding"], made["total"]) == ("+0.02 EUR", "44.80")


def test_parcels_that_went_out_are_told_with_courier_and_number():
    parcels = [
        {"status": "SUCCESS", "trackingInfo": [{"company": "BRT", "number": "A1"}, {"company": "BRT", "number": "A2"}]},
        {"status": "CANCELLED", "trackingInfo": [{"company": "DHL", "number": "X"}]},
        {"status": "SUCCESS", "trackingInfo": [{"company": None, "number": None}]},
    ]
    made = sale(fulfillments=parcels)
    assert (made["courier"], made["tracking"]) == ("BRT", "A1, A2")


def test_the_order_s_time_is_that_of_the_site_s_zone():
    assert sale(processedAt="2026-07-20T22:30:00Z")["date"] == "2026-07-21 00:30:00"


def test_lines_name_the_country_their_tax_belongs_to():
    line = sale(shippingAddress={"countryCodeV2": "DE"}, order=Order([Line("10.00", rates=("19",))]))["lines"][0]
    assert (line["rate"], line["countryRate"]) == ("19", "DE 19")


def test_a_line_tells_what_was_taken_off():
    assert sale(order=Order([Line("10.00", 2, off="2.00")]))["lines"][0]["discount"] == "2.00"


def test_what_is_no_goods_has_a_kind_instead_of_a_name():
    lines = sale(order=Order([Line("10.00")], tips="2.00", discrepancy="-1.00"))["lines"]
    assert [(line["kind"], line["name"]) for line in lines] == [
        ("goods", "Maglia"),
        ("tip", None),
        ("adjustment", None),
    ]
