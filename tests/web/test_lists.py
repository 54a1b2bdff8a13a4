"""Customers, products and sales as people see them."""

import csv
import io
from datetime import UTC, datetime

import pytest

from shopify_fw360.records import Entity, Link, System
from shopify_fw360.sync.connections import EnvironmentConnection
from shopify_fw360.sync.record_pages import record_pages
from shopify_fw360.web.app import create_app
from shopify_fw360.web.console import Console
from shopify_fw360.web.pages.lists import harmless
from tests.web.conftest import HOSTILE, INTO_SITE

pytestmark = pytest.mark.airflow

SHOP = EnvironmentConnection("shopify_default", "shopify", "test-shop.myshopify.com")
SITE = EnvironmentConnection(
    "framework360_default", "framework360", "demo.framework360.site", extra={"pages": {"customer": "/people/{id}"}}
)


@pytest.fixture
def application(store):
    return create_app(Console(lambda: store, pages=lambda: record_pages(SHOP, SITE)))


@pytest.fixture
def people(store):
    def save(number=1, name="Ada Neri", entity=Entity.CUSTOMER, **more):
        with store.begin() as tx:
            return tx.save_link(
                Link(
                    entity,
                    shopify_id=f"gid://shopify/Customer/{700 + number}",
                    framework360_id=str(number),
                    display_name=name,
                    match_keys={"shopify": f"email:ada{number}@example.com"},
                    synced_at=datetime(2026, 11, 24, 5, 0, tzinfo=UTC),
                    synced_by=INTO_SITE.name,
                    **{"status": "synced", **more},
                )
            )

    return save


@pytest.mark.parametrize("path", ["/customers", "/products", "/sales"])
def test_an_empty_list_says_so(browser, path):
    answer = browser().get(path)
    assert (answer.status_code, "Nothing has been synchronised yet." in answer.text) == (200, True)


def test_a_row_shows_status_last_sync_direction_and_both_systems(browser, people):
    people()
    text = browser().get("/customers").text
    for part in (
        "Ada Neri",
        "ada1@example.com",
        'class="status synced"',
        "24 Nov 2026, 05:00:00 UTC",
        "Shopify → Framework360",
        'href="https://test-shop.myshopify.com/admin/customers/701"',
        'href="https://demo.framework360.site/people/1"',
    ):
        assert part in text
    assert "email:" not in text


def test_a_failure_names_its_code_once(browser, people):
    people(status="failed", error_code="SYNC-201", error_message="SYNC-201 required value is missing: email")
    [row] = browser().get("/api/records/customer").json()["rows"]
    assert (row["error_code"], row["error_message"]) == ("SYNC-201", "required value is missing: email")


def test_filters_and_search_narrow_the_list(browser, people):
    people(1)
    people(2, "Ugo Blu", status="failed")
    client = browser()
    listed = lambda query: [row["name"] for row in client.get(f"/api/records/customer?{query}").json()["rows"]]  # noqa: E731
    assert listed("search=ugo") == ["Ugo Blu"]
    assert listed("status=failed&direction=&since=&sort=&order=") == ["Ugo Blu"]
    assert listed("sort=name") == ["Ada Neri", "Ugo Blu"]
    assert listed("sort=name&order=desc") == ["Ugo Blu", "Ada Neri"]
    assert listed("since=2100-01-01") == []
    assert listed("direction=customers_framework360_to_shopify") == []


@pytest.mark.parametrize("query", ["status=maybe", "sort=size", "since=yesterday", "direction=up", "part=0"])
def test_a_wrong_filter_is_refused(browser, query):
    assert browser().get(f"/customers?{query}").status_code == 422


def test_long_lists_come_in_pages(browser, people):
    for number in range(60):
        people(number, f"Person {number:02}")
    client = browser()
    first = client.get("/api/records/customer?sort=name").json()
    assert (len(first["rows"]), first["more"], first["total"]) == (50, True, 60)
    second = client.get("/api/records/customer?sort=name&part=2").json()
    assert (second["rows"][0]["name"], second["more"]) == ("Person 50", False)
    assert 'href="?sort=name&amp;part=2"' in client.get("/customers?sort=name").text


def test_the_sorted_column_tells_its_order(browser, people):
    people()
    text = browser().get("/customers?sort=name").text
    assert text.count('aria-sort="ascending"') == 1
    assert 'href="?sort=name&amp;order=desc"' in text


def test_a_hostile_name_is_text_on_every_list(browser, people):
    people(name=HOSTILE)
    people(2, HOSTILE, Entity.PRODUCT)
    for path in ("/customers", "/products", f"/customers?search={HOSTILE}"):
        text = browser().get(path).text
        assert "<img" not in text
        assert "&lt;img src=x onerror=alert(1)&gt;" in text


def test_a_viewer_sees_and_has_no_buttons(browser, people):
    people()
    assert 'data-action="sync' in browser("user").get("/customers").text
    text = browser("viewer").get("/customers").text
    assert "Ada Neri" in text
    assert "data-action" not in text


def test_the_navigation_marks_the_page(browser, people):
    text = browser().get("/products").text
    assert '<a href="./products" aria-current="page">Products</a>' in text


class TestExport:
    def rows(self, browser, query=""):
        answer = browser("viewer").get(f"/api/records/customer/export{query}")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert "customers-" in answer.headers["content-disposition"]
        return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))

    def test_it_holds_what_the_list_holds(self, browser, people):
        people(1)
        people(2, "Ugo Blu", status="failed", error_code="SYNC-201", error_message="SYNC-201 no e-mail")
        rows = self.rows(browser, "?status=failed")
        assert len(rows) == 2
        assert rows[1] == [
            "Ugo Blu", "ada2@example.com", "failed", "2026-11-24 05:00:00", "Shopify → Framework360",
            "SYNC-201", "no e-mail", "gid://shopify/Customer/702", "2",
        ]  # fmt: skip

    @pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
    def test_no_name_becomes_a_formula(self, browser, people, name):
        people(name=name)
        assert self.rows(browser)[1][0].startswith("'")

    def test_a_plain_cell_stays_as_it_is(self):
        assert harmless("Ada = Eva") == "Ada = Eva"


class TestAddresses:
    @pytest.mark.parametrize("host", ["evil.example", "javascript:alert(1)", "https://evil.example", "", None])
    def test_a_wrong_host_makes_no_link(self, host):
        pages = record_pages(EnvironmentConnection("shopify_default", "shopify", host), None)
        assert pages.address(System.SHOPIFY, Entity.CUSTOMER, "gid://shopify/Customer/1") is None

    @pytest.mark.parametrize(
        "path", ["//evil.example/{id}", "https://evil.example/{id}", "people/{id}", "/\\evil/{id}"]
    )
    def test_a_path_that_leads_elsewhere_makes_no_link(self, path):
        site = EnvironmentConnection("framework360_default", None, "demo.site.it", extra={"pages": {"customer": path}})
        assert record_pages(None, site).address(System.FRAMEWORK360, Entity.CUSTOMER, "1") is None

    def test_an_id_cannot_leave_the_path(self):
        address = record_pages(SHOP, SITE).address(System.FRAMEWORK360, Entity.CUSTOMER, "1?x=#../")
        assert address == "https://demo.framework360.site/people/"
