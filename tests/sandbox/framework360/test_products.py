import pytest

from sandbox.common.catalogue import catalogue, counterpart


@pytest.fixture
def goods():
    return [counterpart(product) for product in catalogue(7, 60) if product.in_framework360]


@pytest.fixture
def shirt(site):
    return site.added(sku="MAG-1", prezzo=19.9, quantita=5)


@pytest.fixture
def sized(site):
    return site.added(
        attributi=[{"nome": "Taglia", "valori": ["S", "M"]}],
        varianti=[{"attributi": {"Taglia": "S"}, "sku": "T-S", "prezzo": 10}, {"attributi": {"Taglia": "M"}}],
    )


def everything(site, **query):
    rows, page = [], 1
    while batch := site.get("/products/list", page=page, limit=7, **query)["data"]:
        rows += batch
        page += 1
        assert page < 50
    return rows


def test_the_list_holds_the_products_of_the_seed(site, goods):
    rows = {row["slug"]: row for row in everything(site)}
    assert set(rows) == {product.handle for product in goods}
    for product in goods:
        row = rows[product.handle]
        assert row["nome"] == product.title
        assert len(row["varianti"]) == (len(product.variants) if product.options else 0)
        assert len(row["immagini"]) == len(product.images)
        assert row["attivo"] == (product.status == "active")


def test_offers_show_the_lower_price_beside_the_list_price(site, goods):
    known = next(product for product in goods if product.variants[0].compare_at and not product.options)
    row = next(row for row in everything(site) if row["slug"] == known.handle)
    first = known.variants[0]
    assert (row["prezzo"], row["prezzo_promo"]) == (float(first.compare_at), float(first.price))


def test_skus_of_the_seed_are_unique_and_trimmed(site):
    site.control.reset(products=300, population="both")
    skus = [item["sku"] for row in everything(site) for item in (row["varianti"] or [row]) if item["sku"]]
    assert len(set(skus)) == len(skus)
    assert all(sku == sku.strip() for sku in skus)


def test_a_product_with_variants_carries_neither_price_nor_stock_itself(sized):
    assert not {"sku", "prezzo", "quantita", "gestione_magazzino", "peso"} & set(sized)


@pytest.mark.parametrize("query", ["magl", "MAG-1", "MAGLIA"])
def test_products_are_found_by_text(site, shirt, query):
    assert shirt in site.get("/products/list", query=query)["data"]


def test_a_sku_filter_is_exact_after_trimming(site, shirt):
    assert site.get("/products/list", sku=" MAG-1 ")["data"] == [shirt]
    assert site.get("/products/list", sku="MAG")["data"] == []


def test_products_are_filtered_by_category_id(site):
    category = site.post("/products/categories/create", {"nome": "Novità"})["data"]
    product = site.added(categorie=[category["id"]])
    assert site.get("/products/list", category=category["id"])["data"] == [product]
    assert site.get("/products/list", category="Novità")["data"] == []


def test_a_product_is_read_by_its_own_sku_or_that_of_a_variant(site, shirt, sized):
    assert site.get("/products/get", sku=" MAG-1")["data"] == shirt
    assert site.get("/products/get", sku="T-S")["data"] == sized


@pytest.mark.parametrize(
    ("query", "code"),
    [({}, "missing_parameter"), ({"id": "1", "sku": "a"}, "invalid_field"), ({"sku": "none"}, "not_found")],
)
def test_exactly_one_known_id_or_sku_reads_a_product(site, query, code):
    assert site.get("/products/get", **query)["error"] == code


def test_a_deleted_product_is_gone_and_its_sku_free(site, shirt):
    assert site.post("/products/delete", {"id": shirt["id"]})["status"] == 1
    assert site.get("/products/get", id=shirt["id"])["error"] == "not_found"
    assert site.post("/products/delete", {"id": shirt["id"]})["error"] == "not_found"
    assert site.added(sku="MAG-1")["id"] != shirt["id"]


def test_stock_is_set_absolutely(site, shirt, sized):
    items = [
        {"id": shirt["id"], "quantita": 9},
        {"sku": "T-S", "quantita": -1},
        {"id": sized["id"], "variante_id": sized["varianti"][1]["id"], "quantita": 4},
    ]
    assert site.post("/products/updateStock", {"items": items})["data"] == {"updated": 3, "errors": []}
    assert site.product(shirt["id"])["quantita"] == 9
    assert [entry["quantita"] for entry in site.product(sized["id"])["varianti"]] == [-1, 4]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"sku": "unknown"}, "not_found"),
        ({"id": "999999"}, "not_found"),
        ({}, "missing_parameter"),
        ({"id": "{sized}"}, "missing_parameter"),
        ({"id": "{sized}", "variante_id": "1"}, "not_found"),
        ({"id": "{sized}", "sku": "T-S"}, "invalid_field"),
    ],
)
def test_a_bad_stock_item_does_not_stop_the_others(site, shirt, sized, item, code):
    bad = {key: value.format(sized=sized["id"]) for key, value in item.items()}
    items = [{**bad, "quantita": 1}, {"sku": "MAG-1", "quantita": 8}]
    answer = site.post("/products/updateStock", {"items": items})["data"]
    assert answer == {"updated": 1, "errors": [{"index": 0, "error": code}]}
    assert site.product(shirt["id"])["quantita"] == 8


def test_at_most_100_stock_items_go_at_once(site, shirt):
    items = [{"sku": "MAG-1", "quantita": number} for number in range(101)]
    assert site.post("/products/updateStock", {"items": items})["error"] == "invalid_field"
    assert site.post("/products/updateStock", {"items": items[1:]})["data"]["updated"] == 100


def test_categories_stand_below_their_parent(site):
    rows = {row["id"]: row for row in site.get("/products/categories")["data"]}
    top = next(row for row in rows.values() if row["parent_id"] is None)
    child = next(row for row in rows.values() if row["parent_id"] is not None)
    assert rows[child["parent_id"]]["nome"]
    made = site.post("/products/categories/create", {"nome": "Sciarpe & foulard", "parent_id": top["id"]})["data"]
    assert (made["parent_id"], made["slug"]) == (top["id"], "sciarpe-foulard")


def test_a_category_needs_a_known_parent(site):
    answer = site.post("/products/categories/create", {"nome": "Sciarpe", "parent_id": 999})
    assert answer["error"] == "invalid_field"


@pytest.mark.parametrize(
    ("capability", "method", "path"),
    [
        ("products", "GET", "/products/list"),
        ("products", "GET", "/products/categories"),
        ("products", "POST", "/products/create"),
        ("products_stock", "POST", "/products/updateStock"),
    ],
)
def test_products_and_stock_can_be_missing(site, capability, method, path):
    site.control.set_options(capabilities_off=[capability])
    assert site.raw(method, path, json={}).status_code == 404


def test_stock_can_be_missing_while_products_are_there(site):
    site.control.set_options(capabilities_off=["products_stock"])
    assert site.get("/products/list")["status"] == 1


def test_amounts_can_be_text(site, shirt):
    site.control.set_options(money_as="text")
    assert site.product(shirt["id"])["prezzo"] == "19.90"
