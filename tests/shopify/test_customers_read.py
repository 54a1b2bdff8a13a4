from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sandbox.shopify.tokens import STATIC_TOKEN
from shopify_fw360.errors import (
    MAPPING_INVALID,
    SHOPIFY_FILTER_IGNORED,
    SHOPIFY_QUERY,
    SHOPIFY_SCOPE,
    SHOPIFY_SHOP,
    SHOPIFY_VERSION,
    SyncError,
)
from shopify_fw360.records import Entity, Window
from shopify_fw360.shopify.auth import StaticToken
from shopify_fw360.shopify.customers import ShopifyCustomers
from shopify_fw360.shopify.definitions import ensure_definitions
from shopify_fw360.shopify.fields import DEFINITIONS, EXTERNAL_ID_PATH
from shopify_fw360.shopify.schema import SCHEMA
from tests.shopify.helpers import client_for, make

PATHS = frozenset(
    {
        "firstName",
        "lastName",
        "tags",
        "defaultEmailAddress.emailAddress",
        "defaultEmailAddress.marketingState",
        "defaultPhoneNumber.phoneNumber",
        "defaultAddress.city",
        "addressesV2[].city",
        "metafields.custom.piva",
        EXTERNAL_ID_PATH,
    }
)


@pytest.fixture
def client(shopify_sandbox):
    shopify_sandbox.control.set_options(bucket_size=20_000.0, restore_rate=1_000.0)
    return client_for(shopify_sandbox.url, StaticToken(STATIC_TOKEN))


@pytest.fixture
def customers(client):
    ensure_definitions(client)
    return ShopifyCustomers(client, PATHS, {})


def scanned(customers, window=None):
    pages = list(customers.scan(window or Window()))
    return [record for page in pages for record in page.records], pages


def everything(customers):
    return scanned(customers)[0]


def shop_state(server):
    return server.control.state()["records"]["Customer"]


def test_a_full_scan_reads_every_customer_once_and_announces_them(shopify_sandbox, customers):
    records, pages = scanned(customers)
    total = shop_state(shopify_sandbox)
    assert len({record.id for record in records}) == len(records) == total
    assert [page.announced for page in pages] == [total] + [None] * (len(pages) - 1)
    assert len(pages) > 1


def test_records_come_by_ascending_time(customers):
    times = [record.updated_at for record in everything(customers)]
    assert times == sorted(times)
    assert all(moment.tzinfo is not None for moment in times)


def test_a_record_has_every_asked_path_as_plain_values(customers):
    record = next(record for record in everything(customers) if record.raw["addressesV2"])
    assert set(record.raw) == {
        "id",
        "legacyResourceId",
        "updatedAt",
        "firstName",
        "lastName",
        "tags",
        "defaultEmailAddress",
        "defaultPhoneNumber",
        "defaultAddress",
        "addressesV2",
        "metafields",
    }
    assert set(record.raw["addressesV2"][0]) == {"id", "city"}
    assert record.raw["metafields"]["$app"] == {"fw360_id": None}


@pytest.mark.parametrize("whole_days", [False, True])
def test_a_window_holds_exactly_its_records(shopify_sandbox, customers, whole_days):
    shopify_sandbox.control.set_options(whole_day_filter=whole_days)
    every = everything(customers)
    since, until = every[len(every) // 3].updated_at, every[2 * len(every) // 3].updated_at
    records, pages = scanned(customers, Window(since, until))
    expected = {record.id for record in every if since <= record.updated_at < until}
    assert {record.id for record in records} == expected
    assert pages[0].announced is None


def test_neighbouring_windows_hold_every_record_once(customers):
    every = everything(customers)
    cuts = [None, *(every[place].updated_at for place in (50, 120, 250)), None]
    parts = [record.id for since, until in pairwise(cuts) for record in scanned(customers, Window(since, until))[0]]
    assert sorted(parts) == sorted(record.id for record in every)


def test_an_empty_window_is_empty(customers):
    records, pages = scanned(customers, Window(since=datetime.now(UTC) + timedelta(days=1)))
    assert records == []
    assert [page.skipped for page in pages] == [0]


def test_a_window_stops_reading_behind_its_end(shopify_sandbox, customers):
    every = everything(customers)
    shopify_sandbox.control.reset_metrics()
    scanned(customers, Window(until=every[10].updated_at))
    assert shopify_sandbox.control.metrics()["operations"]["CustomersScan"]["count"] == 1


def test_more_records_than_a_cursor_reaches_are_read_in_slices(shopify_sandbox, client):
    shopify_sandbox.control.set_options(paging_limit=250)
    whole = ShopifyCustomers(client, PATHS, {}, cursor_limit=250)
    records, _ = scanned(whole)
    assert len({record.id for record in records}) == len(records) == shop_state(shopify_sandbox)


def test_more_records_of_one_second_than_a_cursor_reaches_are_read_by_id(shopify_sandbox, client):
    shopify_sandbox.control.reset(seed=7, customers=0)
    shopify_sandbox.control.set_options(paging_limit=10)
    fields = " ".join(
        f'c{number}: customerCreate(input: {{firstName: "N{number}"}}) {{ customer {{ updatedAt }} }}'
        for number in range(33)
    )
    client.execute(f"mutation Mass {{ {fields} }}", operation_name="Mass", idempotent=False)
    customers = ShopifyCustomers(client, {"firstName"}, {}, cursor_limit=10)
    customers.reader.page_size = 5
    records, _ = scanned(customers, Window(datetime.now(UTC) - timedelta(hours=1)))
    assert sorted(record.raw["firstName"] for record in records) == sorted(f"N{number}" for number in range(33))


def test_a_customer_changed_during_the_scan_comes_once(client, customers):
    scan = customers.scan(Window())
    first = next(scan)
    client.execute(
        'mutation M($id: ID!) { tagsAdd(id: $id, tags: ["changed"]) { userErrors { message } } }',
        {"id": first.records[0].id},
        operation_name="M",
        idempotent=True,
    )
    rest = [record.id for page in scan for record in page.records]
    assert first.records[0].id not in rest


def test_long_nested_lists_are_followed_to_the_end(client, customers):
    customer = make(client, firstName="Many", email="many@example.com")
    text = (
        "mutation A($id: ID!, $a: MailingAddressInput!) "
        "{ customerAddressCreate(customerId: $id, address: $a) { address { id } userErrors { message } } }"
    )
    for number in range(60):
        address = {"address1": f"Via {number}", "city": f"C{number}", "countryCode": "IT"}
        client.execute(text, {"id": customer, "a": address}, operation_name="A", idempotent=False)
    read = customers.fetch([customer])[customer].raw["addressesV2"]
    assert {address["city"] for address in read} == {f"C{number}" for number in range(60)}
    assert len(read) == 60


def test_fetch_reads_by_id_whatever_the_index_knows(shopify_sandbox, client, customers):
    shopify_sandbox.control.set_options(index_lag_seconds=3600.0)
    customer = make(client, firstName="Fresh", email="fresh@example.com")
    number = customer.rpartition("/")[2]
    found = customers.fetch([customer, number, "gid://shopify/Customer/1", "gid://shopify/Product/1", "nonsense"])
    assert set(found) == {customer, number}
    assert found[customer].raw["firstName"] == "Fresh"


def test_fetch_reads_any_number_of_ids(shopify_sandbox, customers):
    ids = [record.id for record in everything(customers)]
    assert len(ids) > customers.reader.chunk
    assert set(customers.fetch(ids)) == set(ids)


def test_find_looks_up_many_emails_exactly(shopify_sandbox, client, customers):
    shopify_sandbox.control.set_options(index_lag_seconds=3600.0)
    ids = {f"p{number}@example.org": make(client, email=f"p{number}@example.org") for number in range(60)}
    shopify_sandbox.control.reset_metrics()
    found = customers.find("email", [*ids, "nobody@example.org", ""])
    assert {value: [record.id for record in records] for value, records in found.items()} == {
        **{email: [customer] for email, customer in ids.items()},
        "nobody@example.org": [],
        "": [],
    }
    assert shopify_sandbox.control.metrics()["requests"] <= 3


def test_find_ignores_the_case_of_an_email(client, customers):
    customer = make(client, email="Mixed.Case@Example.com")
    assert [record.id for record in customers.find("email", ["mixed.case@example.com"])["mixed.case@example.com"]] == [
        customer
    ]


def test_find_looks_up_phones_and_leaves_out_what_is_none(client, customers):
    customer = make(client, phone="+390612345678", firstName="P")
    found = customers.find("phone", ["+390612345678", "06 12345678"])
    assert [record.id for record in found["+390612345678"]] == [customer]
    assert found["06 12345678"] == []


def test_find_by_another_field_is_refused(customers):
    with pytest.raises(SyncError) as caught:
        customers.find("firstName", ["Ada"])
    assert (caught.value.code, caught.value.field) == (MAPPING_INVALID, "firstName")


def test_a_counterpart_that_does_not_exist_is_none(customers):
    assert customers.find_counterpart("4711") is None


def test_a_missing_definition_names_the_next_step(client):
    with pytest.raises(SyncError) as caught:
        ShopifyCustomers(client, PATHS, {}).find_counterpart("4711")
    assert caught.value.code is SHOPIFY_QUERY
    assert "onboard_shop" in str(caught.value)


def test_definitions_are_created_once(client):
    assert ensure_definitions(client, {Entity.CUSTOMER}) == [f"customer.{key}" for key in DEFINITIONS]
    assert ensure_definitions(client) == ["product.fw360_id"]
    assert ensure_definitions(client) == []


def test_a_missing_scope_is_named(shopify_sandbox, client):
    shopify_sandbox.control.set_options(token_scopes="read_products")
    with pytest.raises(SyncError) as caught:
        list(ShopifyCustomers(client, PATHS, {}).scan(Window()))
    assert caught.value.code is SHOPIFY_SCOPE
    assert "read_customers" in str(caught.value)


def test_a_filter_shopify_ignores_stops_the_scan(client):
    with pytest.raises(SyncError) as caught:
        client.execute(
            "query Q { customers(first: 1, query: \"updted_at:>'2026-01-01'\") { nodes { id } } }",
            operation_name="Q",
            idempotent=True,
        )
    assert caught.value.code is SHOPIFY_FILTER_IGNORED


def test_a_scan_survives_a_shaky_network(shopify_sandbox, customers):
    for kind in ("reset", "truncate", "garbage", "throttle"):
        shopify_sandbox.control.add_fault(kind, every_nth=5)
    records, _ = scanned(customers)
    assert len(records) == shop_state(shopify_sandbox)


def test_a_working_connection_tells_about_the_shop(client):
    info = client.check()
    assert (info.name, info.domain) == ("Sandbox Shop", "sandbox-shop.myshopify.com")
    assert info.plan
    assert info.currency == "EUR"
    assert {"read_customers", "write_customers"} <= set(info.scopes)


@pytest.mark.parametrize("status", ["frozen", "forbidden", "unknown", "locked"])
def test_a_shop_that_is_not_available_is_told_so(shopify_sandbox, client, status):
    shopify_sandbox.control.set_options(shop_status=status)
    with pytest.raises(SyncError) as caught:
        client.check()
    assert caught.value.code is SHOPIFY_SHOP


def test_an_ended_api_version_is_told_so(shopify_sandbox):
    old = client_for(shopify_sandbox.url, StaticToken(STATIC_TOKEN), api_version="2025-01")
    with pytest.raises(SyncError) as caught:
        old.check()
    assert caught.value.code is SHOPIFY_VERSION


def test_protected_data_without_approval_reads_as_null_and_is_marked(shopify_sandbox, client):
    shopify_sandbox.control.set_options(hidden_customer_data=["name"])
    records = everything(ShopifyCustomers(client, {"firstName", "tags"}, {}))
    assert {record.raw["firstName"] for record in records} == {None}
    assert SCHEMA.source(Entity.CUSTOMER, "firstName").protected
