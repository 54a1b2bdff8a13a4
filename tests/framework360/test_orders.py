"""Sales in the site: booked once, to the cent, changed as far as the site lets them be changed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shopify_fw360.errors import SyncError
from shopify_fw360.records import ChildList, ChildWrite, Window

GID = "gid://shopify/Order/5001"


def line(key, price, quantity=1, tax="IVA 22%", *, held=None, changes=None, **more):
    values = {
        "key": key,
        "nome": "Maglia",
        "dettagli": "SKU MAG",
        "quantita": quantity,
        "prezzo": Decimal(price),
        "imposta": tax,
        **more,
    }
    target = None if held is None else held.raw["cart"][[entry["key"] for entry in held.raw["cart"]].index(key)]["id"]
    return ChildWrite(f"5001/{key}", target, values, values if changes is None else changes)


def cart(*lines, removed=()):
    return ChildList(tuple(lines), removed)


def sale(*lines, **fields):
    lines = lines or (line("shopify-11", "19.90", 2), line("shopify-shipping", "5.00"))
    total = sum(entry.values["prezzo"] * entry.values["quantita"] for entry in lines)
    return {
        "user_email": "ada@example.com",
        "reference": "shopify:5001",
        "marker": "Shopify #1001",
        "note": "2026-11-20 09:00",
        "labels": ("shopify", "shopify:5001"),
        "order_status": "In lavorazione",
        "payment_id": "PayPal",
        "billing_data.nome": "Ada",
        "billing_data.cognome": "Rossi",
        "billing_data.comune": "Milano",
        "billing_data.email": "ada@example.com",
        "total": total,
        "cart": cart(*lines),
        **fields,
    }


@pytest.fixture
def shop(empty_site):
    """An empty site that offers everything, orders/update included."""
    return empty_site


def updating(site, **options):
    return site.orders(capabilities={"orders_update": "on"}, **options)


def sales_of(site):
    return site.control.state()["records"]["orders"]


def customers_of(site):
    return site.control.state()["records"]["customers"]


def booked(site, gateway=None, **fields):
    gateway = gateway or site.orders()
    return gateway, gateway.create(sale(**fields), GID).record


class TestBooking:
    def test_a_sale_holds_everything_that_was_sent(self, shop):
        _, record = booked(shop)
        raw = record.raw
        expected = {
            "reference": "shopify:5001",
            "marker": "Shopify #1001",
            "note": "2026-11-20 09:00",
            "order_status": "In lavorazione",
            "payment_id": "PayPal",
            "billing_data.comune": "Milano",
            "total": Decimal("44.8"),
        }
        assert {name: raw[name] for name in expected} == expected
        assert raw["labels"] == ("shopify", "shopify:5001")
        assert shop.control.refused() == []

    def test_lines_carry_our_keys_prices_and_taxes(self, shop):
        _, record = booked(shop, cart=cart(line("shopify-11", "9.00", 2), line("shopify-11-2", "9.01", tax="IVA 10%")),
                           total=Decimal("27.01"))  # fmt: skip
        lines = [(entry["key"], entry["quantita"], entry["prezzo"], entry["imposta"]) for entry in record.raw["cart"]]
        assert lines == [
            ("shopify-11", 2, Decimal(9), "IVA 22%"),
            ("shopify-11-2", 1, Decimal("9.01"), "IVA 10%"),
        ]

    def test_without_a_delivery_address_the_billing_data_are_repeated(self, shop):
        _, record = booked(shop)
        assert record.raw["shipping_data.comune"] == "Milano"

    def test_the_lines_of_a_new_sale_are_paired_by_their_keys(self, shop):
        result = shop.orders().create(sale(), GID)
        sale_id = result.record.id
        assert result.children == {
            "cart": {
                "5001/shopify-11": f"{sale_id}/shopify-11",
                "5001/shopify-shipping": f"{sale_id}/shopify-shipping",
            }
        }

    @pytest.mark.parametrize("quirks", [{"opaque_ids": True}, {"site_ids": "other"}, {"money_as": "text"}])
    def test_names_are_enough_whatever_ids_a_site_uses(self, shop, quirks):
        shop.quirk(**quirks)
        _, record = booked(shop)
        assert (record.raw["payment_id"], record.raw["order_status"]) == ("PayPal", "In lavorazione")
        assert record.raw["cart"][0]["imposta"] == "IVA 22%"

    def test_a_name_the_site_does_not_have_parks_the_sale_and_lists_those_it_has(self, shop):
        with pytest.raises(SyncError, match=r"SYNC-225.*no payment method 'Klarna'; it has: Bonifico bancario, "):
            booked(shop, payment_id="Klarna")
        assert sales_of(shop) == 0

    def test_an_order_that_was_cancelled_already_becomes_a_cancelled_sale(self, shop):
        _, record = booked(shop, order_status="Annullato")
        assert record.raw["order_status"] == "Annullato"

    def test_courier_and_tracking_are_there_at_once(self, shop):
        _, record = booked(shop, order_status="Spedito", courier="BRT", tracking="TRK1")
        assert (record.raw["courier"], record.raw["tracking"]) == ("BRT", "TRK1")

    def test_the_payment_state_is_written_where_orders_can_be_updated(self, shop):
        _, record = booked(shop, updating(shop), payment_status=True)
        assert record.raw["payment_status"] is True

    def test_a_site_that_takes_line_totals_gets_line_totals(self, shop):
        shop.quirk(cart_price="line")
        _, record = booked(shop, shop.orders(orders={"cart_price": "line"}))
        assert (record.raw["total"], record.raw["cart"][0]["prezzo"]) == (Decimal("44.8"), Decimal("19.9"))


class TestTheTotal:
    def test_another_total_of_the_site_parks_the_sale_with_both_and_the_gap(self, shop):
        with pytest.raises(SyncError, match=r"SYNC-222.*total: the site comes to 44\.8, Shopify to 44\.70, 0\.10 more"):
            booked(shop, total=Decimal("44.70"))
        assert sales_of(shop) == 0

    def test_a_site_that_reads_prices_otherwise_is_found_out_before_anything_is_booked(self, shop):
        shop.quirk(cart_price="line")
        with pytest.raises(SyncError, match="SYNC-222"):
            booked(shop)
        assert sales_of(shop) == 0

    def test_a_wrong_tax_is_found_out_where_the_total_is_right(self, shop):
        with pytest.raises(SyncError, match=r"SYNC-222.*tax: the site comes to 8\.08, Shopify to 4\.07"):
            booked(shop, tax=Decimal("4.07"))

    def test_without_tax_in_prices_each_line_may_be_off_by_a_cent(self, shop):
        shop.quirk(prices_include_tax=False)
        lines = [line(f"shopify-{number}", "0.82") for number in range(4)]
        # Gross 1.00 each in the shop: net 0.82, and 22 % of that is 0.18.
        _, record = booked(shop, cart=cart(*lines), total=Decimal("4.02"))
        assert record.raw["total"] == Decimal("4.00")
        with pytest.raises(SyncError, match="SYNC-222"):
            booked(shop, cart=cart(*lines), total=Decimal("4.05"))


class TestTheBuyer:
    def test_an_unknown_buyer_is_registered_once_from_the_billing_data(self, shop):
        gateway, record = booked(shop)
        gateway.create(sale(reference="shopify:5002", labels=("shopify:5002",)), "gid://shopify/Order/5002")
        assert customers_of(shop) == 1
        customer = shop.customers().find("email", ["ada@example.com"])["ada@example.com"][0]
        assert (customer.id, customer.raw["nome"], customer.raw["comune"]) == (
            record.raw["customer_id"],
            "Ada",
            "Milano",
        )

    def test_a_synchronised_buyer_is_known_by_id_whatever_the_e_mail_is_by_now(self, shop):
        person = shop.customers().create({"nome": "Ada", "cognome": "Rossi", "email": "new@example.com"}, "gid").record
        _, record = booked(shop, customer_id=person.id)
        assert record.raw["customer_id"] == person.id
        assert customers_of(shop) == 1

    def test_a_buyer_who_vanished_meanwhile_is_registered_and_the_sale_booked(self, shop):
        gateway, first = booked(shop)
        shop.client().call(_delete_customer(), {"id": first.raw["customer_id"]})
        second = gateway.create(sale(reference="shopify:5002", labels=("shopify:5002",)), "gid://shopify/Order/5002")
        assert second.record.raw["user_email"] == "ada@example.com"

    def test_registering_can_be_switched_off(self, shop):
        with pytest.raises(SyncError, match=r"SYNC-405.*orders\.ensure_customer is off"):
            booked(shop, shop.orders(orders={"ensure_customer": False}))

    def test_a_sale_without_any_e_mail_is_parked(self, shop):
        with pytest.raises(SyncError, match="SYNC-201"):
            booked(shop, user_email=None)


def _delete_customer():
    from shopify_fw360.framework360.wire import Call, Method

    return Call("customers/delete", Method.POST)


class TestFinding:
    def test_a_sale_is_found_by_its_reference_and_not_by_a_longer_one(self, shop):
        gateway, record = booked(shop, reference="shopify:501", labels=("shopify", "shopify:501"))
        found = gateway.find("reference", ["shopify:50", "shopify:501"])
        assert {value: [entry.id for entry in records] for value, records in found.items()} == {
            "shopify:50": [],
            "shopify:501": [record.id],
        }

    def test_of_a_site_that_drops_labels_the_note_tells(self, shop):
        shop.quirk(labels="dropped")
        gateway = shop.orders()
        result = gateway.create(sale(), GID)
        assert result.unwritable == {"labels"}
        assert gateway.find_counterpart(GID).id == result.record.id

    def test_a_sale_of_somebody_else_is_not_ours(self, shop):
        gateway, _ = booked(shop)
        assert gateway.find_counterpart("gid://shopify/Order/5") is None

    def test_two_sales_of_one_order_are_ambiguous(self, shop):
        gateway, _ = booked(shop)
        booked(shop)
        with pytest.raises(SyncError, match=r"SYNC-204.*stand for the same order"):
            gateway.find_counterpart(GID)

    def test_scans_read_every_sale_once(self, shop):
        gateway, first = booked(shop)
        gateway.create(sale(reference="shopify:2", labels=("shopify:2",)), "gid://shopify/Order/2")
        ids = [record.id for page in gateway.scan(Window()) for record in page.records]
        assert len(ids) == len(set(ids)) == 2
        assert gateway.fetch([first.id, "99999"]).keys() == {first.id}


class TestALostAnswer:
    @pytest.mark.parametrize(
        ("kind", "params"),
        [("lost_answer", {"how": "reset"}), ("apply_then_500", {"status": 500}), ("truncate", {"share": 0.4})],
    )
    @pytest.mark.parametrize("labels", ["kept", "dropped"])
    def test_a_sale_whose_answer_was_lost_is_found_again(self, shop, kind, params, labels):
        shop.quirk(labels=labels)
        shop.control.add_fault(kind, match={"operation": "ordersCreate"}, times=1, params=params)
        result = shop.orders().create(sale(), GID)
        assert result.record.raw["reference"] == "shopify:5001"
        assert sales_of(shop) == 1

    def test_after_a_crash_the_sale_is_found_among_the_buyer_s(self, shop):
        """Neither search nor labels help; marker and total among the sales of the buyer do."""
        _, record = booked(shop)
        blind = shop.orders()
        blind._find_one = lambda *_: []
        assert blind.find_counterpart(GID) is None
        assert blind.create(sale(), GID).record.id == record.id
        assert sales_of(shop) == 1

    def test_another_order_of_the_same_buyer_and_total_is_another_sale(self, shop):
        booked(shop)
        gateway = shop.orders()
        other = "gid://shopify/Order/5002"
        assert gateway.find_counterpart(other) is None
        gateway.create(sale(reference="shopify:5002", marker="Shopify #1002", labels=("shopify:5002",)), other)
        assert sales_of(shop) == 2


class TestStatus:
    def test_fulfilment_sets_status_courier_and_tracking(self, shop):
        gateway, record = booked(shop)
        after = gateway.update(
            record, {"order_status": "Spedito", "courier": "BRT", "tracking": "TRK1"}, GID
        ).record.raw
        assert (after["order_status"], after["courier"], after["tracking"]) == ("Spedito", "BRT", "TRK1")

    def test_tracking_alone_keeps_the_status(self, shop):
        gateway, record = booked(shop, order_status="Spedito")
        after = gateway.update(record, {"tracking": "TRK2"}, GID).record.raw
        assert (after["order_status"], after["tracking"]) == ("Spedito", "TRK2")

    def test_a_cancelled_order_cancels_the_sale(self, shop):
        gateway, record = booked(shop)
        shop.forget_calls()
        after = gateway.update(record, {"order_status": "Annullato"}, GID).record.raw
        assert after["order_status"] == "Annullato"
        assert (shop.calls("ordersCancel"), shop.calls("ordersUpdateStatus")) == (1, 0)

    def test_where_cancelling_is_not_allowed_the_status_does_it(self, shop):
        gateway, record = booked(shop)
        shop.quirk(keys={"sandbox-key": ["cancelorder"]})
        assert gateway.update(record, {"order_status": "Annullato"}, GID).record.raw["order_status"] == "Annullato"

    def test_a_sale_that_is_gone_says_so(self, shop):
        gateway, record = booked(shop)
        shop.control.reset(seed=7, customers=0, population="mixed")
        with pytest.raises(SyncError, match="SYNC-404"):
            gateway.update(record, {"order_status": "Spedito"}, GID)


class TestChangingASale:
    CHANGES = staticmethod(
        lambda record: {
            "cart": cart(
                line("shopify-11", "19.90", 1, held=record, changes={"quantita": 1}),
                line("shopify-shipping", "5.00", held=record, changes={}),
            ),
            "total": Decimal("24.90"),
            "billing_data.comune": "Torino",
        }
    )

    def test_where_sales_can_be_updated_lines_and_addresses_follow_the_order(self, shop):
        gateway, record = booked(shop, updating(shop))
        result = gateway.update(record, self.CHANGES(record), GID)
        raw = result.record.raw
        assert (raw["total"], raw["billing_data.comune"], raw["billing_data.cognome"]) == (
            Decimal("24.9"),
            "Torino",
            "Rossi",
        )
        assert [entry["quantita"] for entry in raw["cart"]] == [1, 1]
        assert result.differs == frozenset()
        assert shop.control.refused() == []

    def test_where_they_cannot_the_fields_that_differ_are_named_and_nothing_is_written(self, shop):
        gateway, record = booked(shop)
        shop.forget_calls()
        result = gateway.update(record, self.CHANGES(record), GID)
        assert result.differs == {"cart", "total", "billing_data.comune"}
        assert result.record.raw["total"] == Decimal("44.8")
        assert sum(entry["writes"] for entry in shop.control.metrics()["operations"].values()) == 0

    def test_the_status_follows_all_the_same(self, shop):
        gateway, record = booked(shop)
        result = gateway.update(record, {**self.CHANGES(record), "order_status": "Spedito"}, GID)
        assert result.record.raw["order_status"] == "Spedito"
        assert "cart" in result.differs

    def test_the_payment_state_is_no_difference_where_it_cannot_be_written(self, shop):
        gateway, record = booked(shop)
        assert gateway.update(record, {"payment_status": True}, GID).differs == frozenset()

    def test_a_cent_of_the_site_s_rounding_is_no_difference(self, shop):
        gateway, record = booked(shop)
        assert gateway.update(record, {"total": Decimal("44.81")}, GID).differs == frozenset()
        assert gateway.update(record, {"total": Decimal("44.90")}, GID).differs == {"total"}

    def test_a_line_that_somebody_added_in_the_back_office_survives(self, shop):
        gateway, record = booked(shop, updating(shop))
        added = line("extra", "1.00", held=None)
        own = line("shopify-11", "19.90", 2, held=record, changes={})
        shipping = line("shopify-shipping", "5.00", held=record, changes={})
        record = gateway.update(record, {"cart": cart(own, shipping, added)}, GID).record
        kept = ChildWrite(None, f"{record.id}/extra", {"key": "extra"}, {})
        less = line("shopify-11", "19.90", 1, held=record, changes={"quantita": 1})
        after = gateway.update(record, {"cart": cart(less, shipping, kept), "total": Decimal("24.90")}, GID).record
        assert [entry["key"] for entry in after.raw["cart"]] == ["shopify-11", "shopify-shipping", "extra"]

    def test_what_a_sale_lacks_is_told_in_the_history_of_its_buyer(self, shop):
        gateway, record = booked(shop)
        gateway.note_difference(record, "total: 44.80 instead of 24.90\ncart: 2 lines <b>differ</b>")
        assert shop.calls("customersHistoryCreate") == 1
        assert shop.control.refused() == []


class TestBookingAgain:
    def test_only_if_a_setting_says_so_a_sale_is_cancelled_and_booked_again(self, shop):
        gateway, record = booked(shop, shop.orders(recreate=True))
        result = gateway.update(record, TestChangingASale.CHANGES(record), GID)
        assert result.record.id != record.id
        assert result.record.raw["total"] == Decimal("24.9")
        assert result.record.raw["billing_data.cognome"] == "Rossi"
        assert gateway.fetch([record.id])[record.id].raw["order_status"] == "Annullato"
        assert gateway.find_counterpart(GID).id == result.record.id

    def test_repeating_it_books_nothing_more(self, shop):
        gateway, record = booked(shop, shop.orders(recreate=True))
        first = gateway.update(record, TestChangingASale.CHANGES(record), GID).record
        again = gateway.update(record, TestChangingASale.CHANGES(record), GID).record
        assert first.id == again.id
        assert sales_of(shop) == 2
