"""Stories of orders, told with both real systems: what is bought in the shop, and what the books of the site show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shopify_fw360.records import Change, Origin, Outcome, System, Window
from shopify_fw360.shopify import order_sale
from shopify_fw360.sync.plan import Action
from shopify_fw360.sync.run import Mode, RunRequest, plan_run
from tests.end_to_end.order_world import BOOKING, UPDATABLE, Till, cents
from tests.end_to_end.world import INTO_SITE, SITE_OPTIONS


@pytest.fixture
def till(empty_world):
    return Till(empty_world)


@pytest.fixture
def open_books(till):
    """A site that lets sales be changed."""
    till.world.site_options = SITE_OPTIONS | UPDATABLE
    till.world.pair = till.world.connect()
    return till


class TestANewOrder:
    def test_appears_as_a_sale_to_the_cent(self, till):
        order = till.buy()
        assert till.world.sync(BOOKING).outcomes == {Outcome.CREATED: 1}
        sale = till.sale()
        assert cents(sale["total"]) == Decimal("44.80")
        assert sale["labels"] == ["shopify", f"shopify:{order['id'].rpartition('/')[2]}"]
        assert sale["note"].splitlines()[0] == f"Shopify {order['name']}"
        assert [line["id"].split("-")[1] == "shipping" for line in sale["cart"]] == [False, True]
        assert sale["billing_data"]["comune"] == "Milano"
        assert till.status() == "In lavorazione"

    def test_brings_its_buyer_along_complete(self, till):
        order = till.buy()
        till.world.sync(BOOKING)
        sale = till.sale()
        customer = till.world.site.read(str(sale["customer_id"]))
        assert (customer["nome"], customer["cognome"], customer["email"]) == ("Ada", "Rossi", "ada@example.com")
        assert till.link(order).status == "synced"
        with till.world.counting_writes() as writes:
            assert till.world.sync(INTO_SITE).outcomes.get(Outcome.CREATED, 0) == 0
        assert writes["framework360"] == 0, "the customer is synchronised and linked already"

    def test_belongs_to_the_counterpart_of_its_customer_even_under_a_new_address(self, till):
        till.buy()
        till.world.sync(BOOKING)
        buyer = str(till.sale()["customer_id"])
        till.world.site.update(buyer, email="countess@example.com")
        till.buy({"title": "Sciarpa", "price": "10.00"})
        till.world.sync(BOOKING)
        assert {str(sale["customer_id"]) for sale in till.sales()} == {buyer}
        assert len(till.world.site.all()) == 1

    def test_is_written_once_and_a_second_run_writes_nothing(self, till):
        till.buy()
        till.buy({"title": "Libro", "price": "10.40", "rate": "0.04"}, code="SCONTO10")
        till.world.sync(BOOKING)
        with till.nothing_written():
            till.world.sync(BOOKING)
            till.world.sync(BOOKING, Mode.FULL)
        assert len(till.sales()) == 2

    def test_with_a_discount_that_does_not_divide_comes_in_two_parts(self, till):
        till.buy({"title": "Vaso", "price": "10.00", "quantity": 3}, code="BENVENUTO5", charge="")
        till.world.sync(BOOKING)
        lines = [(line["quantity"], cents(line["customInfo"]["price"])) for line in till.sale()["cart"]]
        assert lines == [(2, Decimal("8.33")), (1, Decimal("8.34"))]
        assert cents(till.sale()["total"]) == Decimal("25.00")

    def test_for_nothing_is_a_sale_of_nothing(self, till):
        till.buy(code="OMAGGIO100", charge="")
        till.world.sync(BOOKING)
        assert cents(till.sale()["total"]) == 0

    def test_of_a_guest_without_e_mail_waits_for_a_setting(self, till):
        order = till.buy(email="", phone="")
        assert till.world.sync(BOOKING).outcomes == {Outcome.PARKED: 1}
        assert "SYNC-201" in till.link(order).error_code
        till.world.configure(orders={"guest_email": "banco@example.com"})
        till.world.sync(BOOKING, Mode.IDS, ids=(order["id"],))
        assert till.sale()["user_email"] == "banco@example.com"

    def test_of_an_unknown_gateway_is_parked_with_the_line_to_add(self, till):
        order = till.buy(gateway="satispay_ponte_v2")
        till.world.sync(BOOKING)
        message = till.link(order).error_message
        assert "at include/mappings/order.shopify_to_framework360.yaml:" in message
        assert '"satispay_ponte_v2": …' in message
        assert till.sales() == []

    def test_with_an_unknown_tax_is_parked_with_the_line_to_add(self, till):
        order = till.buy({"title": "Vase", "price": "100", "rate": "0.08"}, address={"countryCode": "US"}, charge="")
        till.world.sync(BOOKING)
        assert '"US 8": …' in till.link(order).error_message
        with till.world.store.read() as tx:
            assert [row.display_name for row in tx.parked(BOOKING)] == [f"Shopify {order['name']}"]

    def test_does_not_hold_up_the_others_when_it_is_parked(self, till):
        till.buy(gateway="satispay_ponte_v2")
        till.buy()
        assert till.world.sync(BOOKING).outcomes == {Outcome.CREATED: 1, Outcome.PARKED: 1}

    def test_in_another_currency_is_booked_at_the_shop_s_amounts(self, till):
        till.buy({"title": "Vaso", "price": "100"}, charge="", currency="JPY")
        till.world.sync(BOOKING)
        assert cents(till.sale()["total"]) == Decimal("100.00")


class TestTheBuyerComesFirst:
    def test_an_order_waits_while_another_worker_has_its_buyer(self, till):
        order = till.buy()
        customer = till.world.shop.all()[0]["id"]
        till.world.stage(INTO_SITE, Mode.IDS, ids=(customer,))
        with till.world.store.begin() as tx:
            claims = tx.claim(1, "somebody", timedelta(minutes=5), flow=INTO_SITE)
        till.world.stage(BOOKING)
        report = till.world.drain(BOOKING)
        assert (report.retried, dict(report.outcomes)) == (1, {})
        assert till.sales() == []
        with till.world.store.begin() as tx:
            tx.give_back(claims, "somebody")
        till.world.sync(BOOKING, Mode.IDS, ids=(order["id"],))
        assert till.sale()["user_email"] == "ada@example.com"

    def test_with_the_flow_of_customers_off_the_buyer_is_registered_from_the_order(self, till):
        till.world.configure(flows={"customers": {"shopify_to_framework360": False}})
        till.buy()
        till.world.sync(BOOKING)
        customer = till.world.site.read(str(till.sale()["customer_id"]))
        assert (customer["nome"], customer["dati_fatturazione"]["comune"]) == ("Ada", "Milano")

    def test_a_buyer_who_is_parked_does_not_hold_up_the_order(self, till):
        """A customer without e-mail cannot be registered; the order of theirs names one."""
        customer = till.world.shop.create(firstName="Nur", lastName="Telefon", phone="+393471111111")
        till.buy(customer=customer, email="nur@example.com")
        assert till.world.sync(BOOKING).outcomes == {Outcome.CREATED: 1}
        assert till.world.parked(INTO_SITE) == {customer: "SYNC-201"}
        assert till.sale()["user_email"] == "nur@example.com"

    def test_a_dry_run_registers_nobody(self, till):
        till.buy()
        with till.nothing_written():
            [[item]] = plan_run(till.world.pair, RunRequest(BOOKING, "dry"))
        assert item.action is Action.CREATE
        assert [reference.entity.value for reference in item.waits_for] == ["customer"]


def test_an_order_that_does_not_add_up_is_parked_with_the_term_and_the_others_are_booked(till, monkeypatch):
    bad, good = till.buy(), till.buy()
    real = order_sale.read_terms

    def one_cent_off(raw, side, basis):
        terms = real(raw, side, basis)
        if raw["id"] != bad["id"]:
            return terms
        return replace(terms, stated=replace(terms.stated, shipping=terms.stated.shipping + Decimal("0.01")))

    monkeypatch.setattr(order_sale, "read_terms", one_cent_off)
    assert till.world.sync(BOOKING).outcomes == {Outcome.CREATED: 1, Outcome.PARKED: 1}
    assert till.link(good).status == "synced"
    link = till.link(bad)
    assert link.error_code == "SYNC-221"
    assert "shipping: the parts come to 4.9" in link.error_message
    assert "0.01 less" in link.error_message
    monkeypatch.undo()
    till.world.sync(BOOKING, Mode.FULL)
    assert till.link(bad).status == "synced", "it is tried again when it changes"


class TestLaterOn:
    @pytest.fixture
    def order(self, till):
        order = till.buy(gateway="Bonifico bancario")
        till.world.sync(BOOKING)
        return order

    def test_a_payment_and_a_parcel_move_the_status_with_courier_and_tracking(self, till, order):
        till.control.pay_order(order["id"])
        till.control.fulfil_order(order["id"], company="BRT", number="TRK1")
        assert till.world.sync(BOOKING).outcomes == {Outcome.UPDATED: 1}
        sale = till.sale()
        assert (till.status(), sale["courier"], sale["tracking"]) == ("Completato", "BRT", "TRK1")

    def test_a_cancellation_cancels_the_sale(self, till, order):
        till.control.cancel_order(order["id"])
        till.world.sync(BOOKING)
        assert till.status() == "Annullato"
        assert cents(till.sale()["total"]) == Decimal("44.80"), "a cancelled sale keeps its lines"

    def test_a_full_refund_sets_the_status_and_keeps_the_lines(self, till, order):
        till.control.pay_order(order["id"])
        till.control.refund_order(order["id"], "all", shipping="all")
        assert till.world.sync(BOOKING).outcomes == {Outcome.UPDATED: 1}
        assert till.status() == "Rimborsato"
        assert cents(till.sale()["total"]) == Decimal("44.80")

    def test_a_deleted_order_leaves_the_sale_alone(self, till, order):
        sale = till.sale()
        till.control.delete_order(order["id"])
        till.world.sync(BOOKING, Mode.FULL)
        till.world.sync(BOOKING, Mode.FULL)
        assert till.sale() == sale
        assert till.link(order) is None

    def test_an_edit_at_the_site_survives_what_the_shop_does_not_touch(self, till, order):
        done = next(key for key, name in till.statuses().items() if name == "Completato")
        till.world.site.call("POST", "orders/updateStatus", id=str(till.sale()["id"]), status=done)
        till.world.shop.ask(
            "mutation($input: OrderInput!) { orderUpdate(input: $input) { userErrors { message } } }",
            input={"id": order["id"], "note": "Citofonare"},
        )
        till.world.sync(BOOKING)
        assert till.status() == "Completato"


class TestWhereSalesCannotBeChanged:
    @pytest.fixture
    def order(self, till):
        order = till.buy()
        till.world.sync(BOOKING)
        till.control.refund_order(order["id"], {"0": 1})
        return order

    def history(self, till):
        return till.world.framework360.control.metrics()["operations"].get("customersHistoryCreate", {}).get("count", 0)

    def test_a_partial_refund_flags_the_sale_and_tells_its_buyer_s_history(self, till, order):
        before = self.history(till)
        assert till.world.sync(BOOKING).outcomes == {Outcome.DIFFERS: 1}
        link = till.link(order)
        assert (link.status, link.error_code) == ("differs", "SYNC-224")
        assert "total is 44.8, not 24.85" in link.error_message
        assert self.history(till) == before + 1
        assert cents(till.sale()["total"]) == Decimal("44.80")

    def test_it_is_told_once_and_nothing_is_written_again(self, till, order):
        till.world.sync(BOOKING)
        with till.nothing_written():
            till.world.sync(BOOKING)
            till.world.sync(BOOKING, Mode.IDS, ids=(order["id"],))
        assert till.link(order).status == "differs"

    def test_the_status_goes_on_following(self, till, order):
        till.control.fulfil_order(order["id"])
        till.world.sync(BOOKING)
        assert till.status() == "Completato"
        assert till.link(order).status == "differs"

    def test_a_full_refund_settles_it_for_then_the_sale_is_right_again(self, till, order):
        till.world.sync(BOOKING)
        till.control.refund_order(order["id"], "all", shipping="all")
        till.world.sync(BOOKING)
        assert till.status() == "Rimborsato"
        assert till.link(order).status == "synced"

    def test_once_the_site_allows_it_sync_now_brings_the_sale_in_line(self, till, order):
        till.world.sync(BOOKING)
        till.world.site_options = SITE_OPTIONS | UPDATABLE
        till.world.pair = till.world.connect()
        till.world.sync(BOOKING, Mode.IDS, ids=(order["id"],))
        assert cents(till.sale()["total"]) == Decimal("24.85")
        assert till.link(order).status == "synced"

    def test_only_if_a_setting_says_so_it_is_cancelled_and_booked_again(self, till, order):
        till.world.configure(orders={"on_difference": "recreate"})
        till.world.sync(BOOKING)
        first, second = till.sales()
        assert till.status(first) == "Annullato"
        assert (till.status(second), cents(second["total"])) == ("In lavorazione", Decimal("24.85"))
        with till.nothing_written():
            till.world.sync(BOOKING, Mode.FULL)


class TestWhereSalesCanBeChanged:
    def test_a_partial_refund_takes_the_units_out(self, open_books):
        till = open_books
        order = till.buy()
        till.world.sync(BOOKING)
        till.control.refund_order(order["id"], {"0": 1})
        assert till.world.sync(BOOKING).outcomes == {Outcome.UPDATED: 1}
        assert cents(till.sale()["total"]) == Decimal("24.85")
        with till.nothing_written():
            till.world.sync(BOOKING, Mode.FULL)

    def test_an_edit_swaps_lines(self, open_books):
        till = open_books
        order = till.buy({"title": "Vaso", "price": "50.00"}, charge="")
        till.world.sync(BOOKING)
        till.control.edit_order(order["id"], add=[{"title": "Brocca", "price": "60"}], remove={"0": 1})
        till.world.sync(BOOKING)
        sale = till.sale()
        assert [line["customInfo"]["name"] for line in sale["cart"]] == ["Brocca"]
        assert cents(sale["total"]) == Decimal("60.00")

    def test_a_line_that_splits_no_more_becomes_one(self, open_books):
        till = open_books
        order = till.buy({"title": "Vaso", "price": "10.00", "quantity": 3}, code="BENVENUTO5", charge="")
        till.world.sync(BOOKING)
        assert len(till.sale()["cart"]) == 2
        till.control.refund_order(order["id"], {"0": 2})
        till.world.sync(BOOKING)
        assert len(till.sale()["cart"]) == 1

    def test_a_refund_of_money_only_is_a_line_of_its_own(self, open_books):
        till = open_books
        order = till.buy({"title": "Vaso", "price": "50.00"}, charge="")
        till.world.sync(BOOKING)
        till.control.refund_order(order["id"], money="5")
        till.world.sync(BOOKING)
        assert cents(till.sale()["total"]) == Decimal("45.00")
        assert till.sale()["cart"][-1]["customInfo"]["name"] == "Rettifica di rimborso"

    def test_a_payment_is_marked_as_collected(self, open_books):
        till = open_books
        order = till.buy(gateway="Bonifico bancario")
        till.world.sync(BOOKING)
        assert not int(till.sale()["payment_status"])
        till.control.pay_order(order["id"])
        till.world.sync(BOOKING)
        assert int(till.sale()["payment_status"])

    def test_a_moved_buyer_moves_the_parcel_s_address(self, open_books):
        till = open_books
        order = till.buy()
        till.world.sync(BOOKING)
        till.world.shop.ask(
            "mutation($input: OrderInput!) { orderUpdate(input: $input) { userErrors { message } } }",
            input={"id": order["id"], "shippingAddress": {"lastName": "Rossi", "city": "Torino"}},
        )
        till.world.sync(BOOKING)
        assert till.sale()["shipping_data"]["comune"] == "Torino"
        assert till.sale()["billing_data"]["comune"] == "Milano"


class TestOutOfOrder:
    def test_an_order_cancelled_before_it_was_ever_booked_is_a_cancelled_sale(self, till):
        order = till.buy()
        till.control.cancel_order(order["id"])
        till.world.sync(BOOKING)
        assert till.status() == "Annullato"
        assert cents(till.sale()["total"]) == Decimal("44.80")

    def test_delivered_ten_times_by_every_way_at_once_it_is_one_sale_in_the_right_state(self, till):
        order = till.buy(gateway="Bonifico bancario")
        till.world.stage(BOOKING, Mode.IDS, ids=(order["id"],))
        till.world.stage(BOOKING)
        till.control.pay_order(order["id"])
        till.world.stage(BOOKING)
        till.control.cancel_order(order["id"])
        for _ in range(3):
            till.world.stage(BOOKING, Mode.IDS, ids=(order["id"],))
            till.world.stage(BOOKING, Mode.FULL)
        till.world.stage(BOOKING)
        till.world.drain(BOOKING)
        assert till.status() == "Annullato"

    def test_a_state_that_was_read_before_a_newer_one_changes_nothing(self, till):
        """A page read before the cancellation is staged after it was carried over."""
        order = till.buy()
        gateway = till.world.pair.gateway(System.SHOPIFY, BOOKING.entity)
        [read] = [record for page in gateway.scan(Window()) for record in page.records]
        stale = replace(read, updated_at=read.updated_at - timedelta(seconds=2))
        till.control.cancel_order(order["id"])
        till.world.sync(BOOKING)
        with till.world.store.begin() as tx:
            tx.stage([Change(BOOKING, order["id"], origin=Origin.RECOVERY, record=stale, fingerprint="stale")])
        till.world.drain(BOOKING)
        assert till.status() == "Annullato"
        assert len(till.sales()) == 1


class TestOrdersThatShopifyHides:
    def test_an_old_order_is_reported_as_unreadable_and_nothing_is_unlinked(self, till):
        order = till.buy()
        till.world.sync(BOOKING)
        till.world.shopify.control.set_options(
            token_scopes="read_orders,read_customers,write_customers,read_products",
            orders_readable_since="2100-01-01T00:00:00+00:00",
        )
        till.world.pair = till.world.connect()
        till.world.sync(BOOKING, Mode.FULL)
        till.world.sync(BOOKING, Mode.FULL)
        assert till.link(order).status == "synced"
        report = till.world.sync(BOOKING, Mode.IDS, ids=(order["id"],))
        assert report.outcomes == {Outcome.PARKED: 1}
        assert till.link(order).error_code == "SYNC-315"
        assert till.link(order).framework360_id == str(till.sale()["id"])


def test_test_orders_are_left_out_unless_a_setting_takes_them(till):
    till.buy(test=True)
    assert till.world.sync(BOOKING).outcomes == {Outcome.EXCLUDED: 1}
    assert till.sales() == []
    till.world.configure(orders={"test_orders": True})
    till.world.sync(BOOKING, Mode.FULL)
    assert len(till.sales()) == 1
