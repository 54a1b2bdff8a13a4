import re
from html import unescape

import pytest
import requests


@pytest.fixture
def office(site):
    class Office:
        def get(self, path):
            return requests.get(site.url + path, timeout=5)

        def post(self, path, **form):
            headers = {"Origin": site.url}
            return requests.post(site.url + path, data=form, headers=headers, timeout=5, allow_redirects=False)

        def form(self, path):
            """Return the form of a page as a browser would send it."""
            page = self.get(path).text
            form = {}
            for tag in re.findall(r"<input [^>]*>", page):
                attributes = dict(re.findall(r'([\w.-]+)="([^"]*)"', tag))
                if "name" in attributes and (attributes["type"] != "checkbox" or " checked" in tag):
                    form[attributes["name"]] = unescape(attributes["value"])
            for name, text in re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>', page):
                form[name] = unescape(text)
            for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
                form[name] = re.search(r'value="([^"]*)" selected', options)[1]
            form.pop("q", None)
            return form

    return Office()


@pytest.fixture
def sized(site):
    return site.added(
        descrizione="<p>Ciao & addio</p>",
        attributi=[{"nome": "Taglia", "valori": ["S", "M"]}],
        varianti=[
            {"attributi": {"Taglia": "S"}, "sku": "T-S", "prezzo": 10, "quantita": 3},
            {"attributi": {"Taglia": "M"}, "sku": "T-M", "prezzo": 11},
        ],
    )


@pytest.mark.parametrize("path", ["/", "/products", "/orders"])
def test_every_page_leads_to_the_others(office, path):
    page = office.get(path).text
    for target in ('href="/"', 'href="/products"', 'href="/orders"'):
        assert target in page


def test_products_are_listed_and_found(office, sized):
    page = office.get("/products?q=T-M").text
    assert f'href="/products/{sized["id"]}"' in page
    assert "10.00 - 11.00" in page


def test_an_untouched_form_changes_nothing(site, office, sized):
    before = site.product(sized["id"])
    assert office.post(f"/products/{sized['id']}", **office.form(f"/products/{sized['id']}")).status_code == 303
    after = site.product(sized["id"])
    assert {key for key in before if before[key] != after[key]} <= {"data_modifica"}


def test_price_and_stock_of_one_variant_are_edited(site, office, sized):
    first, second = (entry["id"] for entry in sized["varianti"])
    form = office.form(f"/products/{sized['id']}")
    form |= {
        f"{first}.prezzo": "12,50",
        f"{first}.quantita": "",
        f"{second}.quantita": "-1",
        f"{second}.prezzo_promo": "9",
    }
    assert office.post(f"/products/{sized['id']}", **form).status_code == 303
    small, medium = site.product(sized["id"])["varianti"]
    assert (small["prezzo"], small["gestione_magazzino"], small["sku"]) == (12.5, 0, "T-S")
    assert (medium["quantita"], medium["gestione_magazzino"], medium["prezzo_promo"]) == (-1, 1, 9)


def test_name_description_and_publication_are_edited(site, office, sized):
    form = office.form(f"/products/{sized['id']}") | {"nome": "Felpa", "descrizione": "<b>Nuova</b>", "tags": "a, b"}
    del form["attivo"]
    office.post(f"/products/{sized['id']}", **form)
    product = site.product(sized["id"])
    assert (product["nome"], product["descrizione"], product["attivo"]) == ("Felpa", "<b>Nuova</b>", 0)
    assert product["tags"] == ["a", "b"]
    assert product["varianti"] == sized["varianti"]


def test_a_product_is_made_and_deleted_by_hand(site, office):
    answer = office.post("/products/new", nome="Sciarpa", prezzo="19.90", quantita="4", attivo="1", sku="SC")
    product = site.get("/products/get", sku="SC")["data"]
    assert answer.headers["Location"] == f"/products/{product['id']}?saved=1"
    assert (product["prezzo"], product["quantita"], product["attivo"]) == (19.9, 4, 1)
    assert office.post(f"/products/{product['id']}/delete").headers["Location"] == "/products?deleted=1"
    assert site.get("/products/get", sku="SC")["error"] == "not_found"


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"nome": "X", "prezzo": "1"}, "nome troppo corto"),
        ({"nome": "Sciarpa", "prezzo": "dieci"}, "an amount like 12.50"),
        ({"nome": "Sciarpa", "prezzo": "-1"}, "an amount like 12.50"),
        ({"nome": "Sciarpa", "quantita": "1.5"}, "a whole number"),
        ({"nome": "Sciarpa", "sku": "T-S"}, "Another product has this SKU"),
    ],
)
def test_a_product_that_cannot_be_stored_comes_back_with_the_reason(site, office, sized, form, reason):
    before = site.control.state()["records"]["products"]
    answer = office.post("/products/new", **form)
    assert answer.status_code == 422
    assert reason in answer.text
    assert site.control.state()["records"]["products"] == before


def test_the_page_of_a_product_shows_its_images(site, office):
    product = next(row for row in site.get("/products/list", limit=100)["data"] if row["immagini"])
    page = office.get(f"/products/{product['id']}").text
    for image in product["immagini"]:
        assert f'src="{image["url"].removeprefix(site.url)}"' in page


def test_an_order_shows_its_lines_and_totals(site, office, sized):
    line = {"type": "product", "id": sized["id"], "variante_id": sized["varianti"][0]["id"], "quantity": 10}
    order = site.sold([line], shipping_id=2, labels=["shopify:50"])
    page = office.get(f"/orders/{order['id']}").text
    for text in ("Maglia - S", "100.00 EUR", "5.00 EUR", "105.00 EUR", "shopify:50"):
        assert text in page
    assert f'href="/orders/{order["id"]}"' in office.get("/orders?q=shopify:50").text


def test_the_status_of_an_order_is_changed_by_hand(site, office):
    order = site.sold([{"type": "product", "id": site.added()["id"], "quantity": 1}], note="Shopify #1")
    form = office.form(f"/orders/{order['id']}") | {"status": "2", "tracking": "TRK1", "paid": "1"}
    assert office.post(f"/orders/{order['id']}", **form).status_code == 303
    after = site.order(order["id"])
    assert (after["order_status"], after["tracking"], after["payment_status"]) == ("2", "TRK1", 1)
    assert after["note"] == "Shopify #1"


@pytest.mark.parametrize("how", ["button", "status"])
def test_an_order_is_cancelled_by_hand_and_gives_its_pieces_back(site, office, how):
    product = site.added(quantita=5)
    order = site.sold([{"type": "product", "id": product["id"], "quantity": 2}])
    if how == "button":
        assert office.post(f"/orders/{order['id']}/delete").status_code == 303
    else:
        office.post(f"/orders/{order['id']}", **office.form(f"/orders/{order['id']}") | {"status": "5"})
    assert site.order(order["id"])["order_status"] == "5"
    assert site.product(product["id"])["quantita"] == 5
    assert "/delete" not in office.get(f"/orders/{order['id']}").text


def test_orders_are_not_made_by_hand(office):
    assert "New order" not in office.get("/orders").text
    assert office.get("/orders/new").status_code == 404


@pytest.mark.parametrize("path", ["/products/1", "/orders/1", "/products/x"])
def test_an_unknown_record_is_missing(office, path):
    assert office.get(path).status_code == 404
    assert office.post(path + "/delete").status_code == 404
