import pytest


def test_search_finds_every_kind_of_record(site):
    site.created(nome="Zenobia")
    product = site.added(nome="Zenobia shirt")
    line = {"type": "product", "id": product["id"], "quantity": 1}
    site.sold([line], note="for Zenobia", user_email="ada@example.com")
    rows = site.get("/search/list", query="zenobia")["data"]
    assert {row["type"] for row in rows} == {"customer", "product", "order"}
    assert next(row for row in rows if row["type"] == "product")["title"].startswith("Zenobia shirt")


def test_search_can_be_restricted_and_paged(site):
    assert {row["type"] for row in site.get("/search/list", query="a", type="product")["data"]} == {"product"}
    assert len(site.get("/search/list", query="a", limit=5, page=2)["data"]) == 5
    assert site.get("/search/list", query="a", type="banana")["data"] == []


@pytest.mark.parametrize("table", ["customers", "products", "orders"])
def test_a_table_has_rows_and_a_total(site, table):
    data = site.get("/datatables/get", id=table, limit=5)["data"]
    assert data["total"] == site.control.state()["records"][table]
    assert len(data["rows"]) == 5


def test_a_table_is_searched(site):
    product = site.added(nome="Zenobia shirt")
    data = site.get("/datatables/get", id="products", query="zenobia")["data"]
    assert (data["total"], data["rows"][0]["id"]) == (1, product["id"])


def test_an_unknown_table_is_not_found(site):
    assert site.get("/datatables/get", id="users")["error"] == "not_found"
