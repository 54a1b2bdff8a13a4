"""Reading and finding customers over HTTP, with the quirks real sites may have."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.canonical import same_email
from shopify_fw360.framework360.customer_fields import ORDER_PATHS
from shopify_fw360.records import Window

WHO = {"nome": "Ada", "cognome": "Rossi", "email": "ada.rossi@shop.example"}


def everything(customers):
    return [record for page in customers.scan(Window()) for record in page.records]


def by_id(customers):
    return {record.id: record for record in everything(customers)}


# Scanning ------------------------------------------------------------------------------------------------------------


def test_an_unbounded_window_reads_everybody(site):
    records = everything(site.customers())
    assert len(records) == len({record.id for record in records}) == site.control.state()["records"]["customers"]
    assert site.control.refused() == []


def test_a_bounded_window_keeps_what_changed_in_it(site):
    customers = site.customers()
    records = sorted(everything(customers), key=lambda record: record.updated_at)
    window = Window(records[100].updated_at, records[200].updated_at)
    pages = list(customers.scan(window))
    inside = {record.id for page in pages for record in page.records}
    assert inside == {record.id for record in records if window.contains(record.updated_at)}
    assert len(inside) + sum(page.skipped for page in pages) == len(records)
    assert not any(page.undated for page in pages)


def test_without_modification_times_a_bounded_window_holds_nobody_and_loses_nobody(site):
    site.quirk(modified_time=False)
    customers = site.customers()
    pages = list(customers.scan(Window(since=datetime(2020, 1, 1, tzinfo=UTC))))
    assert sum(len(page.undated) for page in pages) == site.control.state()["records"]["customers"]
    assert not any(page.records or page.skipped for page in pages)


def test_times_are_read_in_the_sites_zone(site):
    rome = by_id(site.customers())
    site.quirk(timezone="America/New_York")
    new_york = by_id(site.customers(site={"timezone": "America/New_York"}))
    assert {key: record.updated_at for key, record in rome.items()} == {
        key: record.updated_at for key, record in new_york.items()
    }


@pytest.mark.parametrize(
    "quirk",
    [
        {"ids_as": "number"},
        {"ids_as": "text"},
        {"status_as": "text"},
        {"status_as": "boolean"},
        {"flags_as": "text"},
        {"flags_as": "boolean"},
        {"empty_text_as": "none_word"},
        {"empty_text_as": "null"},
        {"empty_text_as": "empty"},
        {"empty_map_as_list": False},
        {"sdi_reads_as": "sdi"},
        {"sort": "oldest_first"},
        {"page_cap": 30},
        {"last_page_repeats": True},
    ],
    ids=str,
)
def test_the_same_customers_are_read_whatever_the_site_writes_them_as(site, quirk):
    plain = {record.id: record.raw for record in everything(site.customers())}
    site.quirk(**quirk)
    assert {record.id: record.raw for record in everything(site.customers())} == plain


# Fetching ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["not_found", "null", "list", "object"])
def test_an_unknown_id_is_absent(site, style):
    site.quirk(unknown_record=style)
    assert set(site.customers().fetch(["1001", "999999", "1002", "1001"])) == {"1001", "1002"}


def test_an_unknown_id_is_absent_where_the_site_answers_in_words(site):
    site.quirk(error_style="text")
    customers = site.customers(errors={"table": {"Elemento non trovato": "not_found"}})
    assert set(customers.fetch(["1001", "999999"])) == {"1001"}


def test_a_fetched_customer_is_the_one_of_the_list(site):
    customers = site.customers(paths=ORDER_PATHS)
    listed = by_id(customers)
    chosen = sorted(listed)[:40]
    assert customers.fetch(chosen) == {key: listed[key] for key in chosen}


def test_an_unreadable_answer_is_not_taken_for_absence(site):
    site.control.add_fault("garbage", match={"operation": "customersGet"})
    with pytest.raises(SyncError, match="SYNC-408"):
        site.customers(limits={"tries": 2}).fetch(["1001"])


def test_customers_are_fetched_side_by_side(site):
    site.control.set_latency(15)
    site.forget_calls()
    site.customers().fetch([str(number) for number in range(1001, 1013)])
    assert site.control.metrics()["in_flight_max"] == 4


# Finding -------------------------------------------------------------------------------------------------------------


def test_an_email_is_found_whatever_its_case_and_spaces(site):
    customers = site.customers()
    record = customers.create(WHO, "1").record
    asked = ["ada.rossi@shop.example", " ADA.Rossi@shop.example "]
    found = customers.find("email", asked)
    assert list(found) == asked
    assert all([entry.id for entry in entries] == [record.id] for entries in found.values())


def test_an_email_that_is_part_of_another_is_not_found(site):
    customers = site.customers()
    customers.create(WHO, "1")
    assert customers.find("email", ["rossi@shop.example", "nobody@shop.example"]) == {
        "rossi@shop.example": [],
        "nobody@shop.example": [],
    }


def test_customers_whose_emails_differ_in_case_only_are_all_found(site):
    customers = site.customers()
    groups = {}
    for record in everything(customers):
        if record.raw["email"]:
            groups.setdefault(same_email(record.raw["email"]), []).append(record.id)
    shared = {email: sorted(ids) for email, ids in groups.items() if len(ids) > 1}
    assert len(shared) == site.control.state()["shared_emails"] > 0
    found = customers.find("email", list(shared))
    assert {email: [record.id for record in records] for email, records in found.items()} == shared


def test_a_phone_is_found_in_either_field(site):
    customers = site.customers()
    for number, style in enumerate(("mobile", "landline")):
        site.quirk(phone_reads_as=style)
        phone = f"+3933312345{number}"
        who = {**WHO, "email": f"{style}@shop.example", "telefono": phone}
        created = customers.create(who, style).record
        assert [record.id for record in customers.find("telefono", [phone])[phone]] == [created.id]


def test_the_counterpart_is_found_by_external_id_if_the_site_keeps_it(site):
    customers = site.customers(customers={"external_id_field": "shopify_id"})
    created = customers.create({**WHO, "cognome": "gid 77"}, "gid 77").record
    assert created.raw["extraFields"]["shopify_id"] == "gid 77"
    assert customers.find_counterpart("gid 77").id == created.id
    assert customers.find_counterpart("gid 7") is None
    assert site.customers().find_counterpart("gid 77") is None


# Sales ---------------------------------------------------------------------------------------------------------------


def orders(site):
    """All orders of the site, straight from the wire."""
    client = site.client()
    rows = []
    for number in range(1, 100):
        page = client.call(wire.ORDERS_LIST, {"page": str(number), "limit": "100"})["data"]
        if not page:
            return rows
        rows += page
    raise AssertionError("too many orders")


def expected(rows, cancelled=()):
    totals = {}
    for row in rows:
        if row["order_status"] not in cancelled:
            count, amount = totals.get(str(row["customer_id"]), (0, Decimal(0)))
            totals[str(row["customer_id"])] = (count + 1, amount + Decimal(str(row["total"])))
    return totals


def totals_of(records):
    return {
        record.id: (record.raw["orders_count"], record.raw["orders_total"])
        for record in records
        if record.raw["orders_count"]
    }


def test_sales_are_counted_without_the_cancelled_ones(site):
    rows = orders(site)
    records = everything(site.customers(paths={"orders_count"}))
    assert totals_of(records) == expected(rows, cancelled={"5"})
    assert {record.raw["orders_currency"] for record in records} == {"EUR"}
    assert {record.raw["orders_total"] for record in records if not record.raw["orders_count"]} == {Decimal("0.00")}


def test_cancelled_sales_can_be_counted_too(site):
    rows = orders(site)
    assert any(row["order_status"] == "5" for row in rows)
    records = everything(site.customers(paths={"orders_total"}, count_cancelled_orders=True))
    assert totals_of(records) == expected(rows)


def test_sales_in_another_currency_are_not_added_up(site, caplog):
    records = everything(site.customers(paths={"orders_total"}, site={"currency": "CHF"}))
    assert totals_of(records) == {}
    assert "orders are not counted" in caplog.text


def test_a_scan_reads_the_orders_once_and_not_per_customer(site):
    site.forget_calls()
    everything(site.customers(paths={"orders_total"}))
    assert site.calls("ordersList") < 12
    assert site.calls("customersGet") == 0


def test_orders_are_not_read_if_nobody_wants_the_totals(site):
    site.forget_calls()
    customers = site.customers()
    everything(customers)
    customers.fetch(["1001"])
    assert site.calls("ordersList") == site.calls("ordersStatuses") == 0


def test_a_new_sale_brings_its_customer_into_the_window(site):
    customers = site.customers(paths={"orders_count"})
    newest = max(orders(site), key=lambda row: row["date"])
    buyer = str(newest["customer_id"])
    record = customers.fetch([buyer])[buyer]
    sold = wire_time(customers, newest["date"])
    window = Window(sold, sold + timedelta(seconds=1))
    assert not window.contains(record.updated_at)
    assert buyer in {found.id for page in customers.scan(window) for found in page.records}


def wire_time(customers, text):
    return customers._decode({"id": 1, "data_modifica": text})["data_modifica"]


def test_without_a_currency_totals_are_refused(scripted, site):
    silent = scripted((200, {}, b'{"status": 1, "data": {}}'))
    with pytest.raises(SyncError, match=r"set site\.currency") as caught:
        everything(site.customers(url=silent.url, paths={"orders_total"}))
    assert caught.value.code is errors.CONNECTION_INVALID
