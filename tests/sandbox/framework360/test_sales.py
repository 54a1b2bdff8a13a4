from datetime import UTC, datetime, timedelta

import pytest


def custom(key="shopify-11", price=19.9, quantity=2, **info):
    details = {"name": "Maglia - M / Blu", "price": price, "imposta": "default", **info}
    return {"type": "custom", "id": key, "quantity": quantity, "disable_edit": True, "customInfo": details}


@pytest.fixture
def shirt(site):
    return site.added(sku="MAG", prezzo=20, prezzo_promo=15, quantita=10)


@pytest.fixture
def sized(site):
    return site.added(
        attributi=[{"nome": "Taglia", "valori": ["S", "M"]}],
        varianti=[
            {"attributi": {"Taglia": "S"}, "prezzo": 30, "quantita": 4},
            {"attributi": {"Taglia": "M"}, "prezzo": 31},
        ],
    )


def stock(site, product):
    row = site.product(product["id"])
    return [entry["quantita"] for entry in row["varianti"] or [row]]


def test_a_new_order_has_the_first_status_is_unpaid_and_comes_from_the_api(site):
    order = site.sold([custom()])
    first = site.get("/orders/statuses")["data"][0]["id"]
    assert (order["order_status"], order["payment_status"], order["origin"]) == (first, 0, "API")
    assert (order["payment_id"], order["shipping_id"], order["labels"]) == (None, None, [])
    assert order["currency"] == "EUR"


def test_what_was_written_reads_back(site):
    site.created()
    payment = site.get("/payments/list")["data"][1]["id"]
    status = int(site.get("/orders/statuses")["data"][2]["id"])
    party = {"nome": "Ada", "cognome": "Rossi", "sdi": "ABC1234", "telefono": "+393470000001", "email": "x@example.com"}
    line = custom(details="SKU MAG", preview="https://cdn.example.com/a.jpg")
    order = site.sold(
        [line],
        billing_data=party,
        payment_id=payment,
        order_status=status,
        labels=["shopify", "shopify:50"],
        note="Shopify #1001\nGrazie",
    )
    assert order["billing_data"] == party
    assert (order["payment_id"], order["order_status"]) == (payment, str(status))
    assert (order["labels"], order["note"]) == (["shopify", "shopify:50"], "Shopify #1001\nGrazie")
    assert {key: order["cart"][0][key] for key in line} == line


def test_the_buyer_is_found_without_case_and_spaces(site):
    buyer = site.created(email="Buyer@Example.com")
    order = site.sold([custom()], user_email="bUYER@example.com")
    assert str(order["customer_id"]) == buyer
    assert order["user_email"] == "Buyer@Example.com"


def test_an_unknown_buyer_is_refused(site):
    assert site.sell([custom()])["error"] == "customer_not_found"


@pytest.mark.parametrize(
    "fields",
    [{"order_status": 999}, {"payment_id": "999"}, {"shipping_id": 999}],
)
def test_unknown_ids_are_refused(site, fields):
    site.created()
    before = site.control.state()["records"]["orders"]
    assert site.sell([custom()], **fields)["error"] == "invalid_field"
    assert site.control.state()["records"]["orders"] == before


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (custom(imposta="999"), "invalid_field"),
        ({"type": "product", "id": 999, "quantity": 1}, "invalid_field"),
        ({"type": "product", "id": "{sized}", "quantity": 1}, "missing_parameter"),
        ({"type": "product", "id": "{sized}", "variante_id": 1, "quantity": 1}, "invalid_field"),
        ({"type": "product", "id": "{shirt}", "quantity": 1.5}, "invalid_field"),
        ({"type": "product", "id": "{shirt}", "quantity": 0}, "invalid_field"),
        ({"type": "gift", "id": "1", "quantity": 1}, "invalid_field"),
    ],
)
def test_a_bad_line_is_refused(site, shirt, sized, line, code):
    site.created()
    if line["type"] == "product":
        line = {**line, "id": str(line["id"]).format(shirt=shirt["id"], sized=sized["id"])}
    assert site.sell([line])["error"] == code
    assert site.post("/orders/prepareCart", {"cart": [line]})["error"] == code
    assert stock(site, shirt) == [10]


def test_catalogue_lines_have_the_selling_price_and_move_counted_stock(site, shirt, sized):
    small, medium = (entry["id"] for entry in sized["varianti"])
    order = site.sold(
        [
            {"type": "product", "id": shirt["id"], "quantity": 2},
            {"type": "product", "id": sized["id"], "variante_id": small, "quantity": 5, "price": 25},
            {"type": "product", "id": sized["id"], "variante_id": medium, "quantity": 1},
        ]
    )
    assert [line["price"] for line in order["cart"]] == [15, 25, 31]
    assert order["total"] == 30 + 125 + 31
    assert (stock(site, shirt), stock(site, sized)) == ([8], [-1, 0])


def test_custom_lines_and_prepared_carts_move_no_stock(site, shirt):
    site.sold([custom(details="SKU MAG")])
    site.post("/orders/prepareCart", {"cart": [{"type": "product", "id": shirt["id"], "quantity": 2}]})
    assert stock(site, shirt) == [10]


def test_a_catalogue_line_has_the_tax_of_its_product(site):
    taxes = {row["aliquota"]: row["id"] for row in site.get("/payments/taxes")["data"]}
    product = site.added(prezzo=11, imposta=taxes[10])
    order = site.sold([{"type": "product", "id": product["id"], "quantity": 1}])
    assert (order["cart"][0]["imposta"], order["tax"]) == (taxes[10], 1)


def test_a_shipping_method_adds_its_cost(site):
    method = next(row for row in site.post("/orders/shippings", {"cart": [custom()]})["data"] if row["costo"] == 5)
    order = site.sold([custom(price=10, quantity=1)], shipping_id=int(method["id"]))
    assert (order["subtotal"], order["shipping_cost"], order["total"]) == (10, 5, 15)
    assert order["shipping_id"] == int(method["id"])


def test_a_discount_may_be_a_negative_line(site):
    assert site.sold([custom(price=10, quantity=1), custom("discount", -2.5, 1)])["total"] == 7.5


def test_a_split_line_keeps_both_keys(site):
    order = site.sold([custom("shopify-7", 3.33, 2), custom("shopify-7-2", 3.34, 1)])
    assert [line["id"] for line in order["cart"]] == ["shopify-7", "shopify-7-2"]
    assert order["total"] == 10


@pytest.mark.parametrize(("choice", "total"), [("unit", 39.8), ("line", 19.9)])
def test_the_price_of_a_custom_line_may_be_that_of_the_whole_line(site, choice, total):
    site.control.set_options(cart_price=choice)
    assert site.post("/orders/prepareCart", {"cart": [custom()]})["data"]["total"] == total


def test_an_order_keeps_its_totals_when_the_site_changes_its_prices(site):
    order = site.sold([custom()])
    site.control.set_options(prices_include_tax=False, cart_price="line")
    after = site.order(order["id"])
    assert (after["cart"], after["tax"], after["total"]) == (order["cart"], order["tax"], order["total"])


def test_unknown_labels_are_created(site):
    assert "shopify:50" not in site.get("/orders/labels")["data"]
    site.sold([custom()], labels=["shopify:50", " shopify:50 ", ""])
    assert site.get("/orders/labels")["data"].count("shopify:50") == 1


def test_labels_can_be_dropped(site):
    site.control.set_options(labels="dropped")
    assert site.sold([custom()], labels=["shopify"])["labels"] == []


def test_labels_can_be_rows(site):
    site.control.set_options(labels_as="object")
    assert set(site.get("/orders/labels")["data"][0]) == {"id", "nome"}


def test_free_text_also_finds_longer_labels(site):
    for label in ("shopify:50", "shopify:501", "shopify:7"):
        site.sold([custom()], labels=[label])
    found = site.get("/orders/list", query="shopify:50")["data"]
    assert sorted(order["labels"][0] for order in found) == ["shopify:50", "shopify:501"]


def test_a_new_order_is_found_by_its_day_its_buyer_and_its_total(site):
    order = site.sold([custom(price=1234.56, quantity=1)], note="Shopify #9")
    day = order["date"][:10]
    for query in (
        {"daterange": f"{day} - {day}"},
        {"customer": order["customer_id"]},
        {"amount": 1234.56},
        {"query": "shopify #9"},
        {"statuses[]": [order["order_status"]], "order": "DESC"},
    ):
        assert order in site.get("/orders/list", **query)["data"], query


def test_orders_are_filtered_by_seller(site):
    found = site.get("/orders/list", seller="Chiara", limit=100)["data"]
    assert 0 < len(found) < len(site.get("/orders/list", limit=100)["data"])
    assert site.get("/orders/list", seller="chiara")["data"] == []


def test_the_date_of_an_order_is_that_of_the_site(site):
    site.control.set_options(timezone="Pacific/Kiritimati")
    order = site.sold([custom()])
    written = datetime.fromisoformat(order["date"]).replace(tzinfo=UTC) - timedelta(hours=14)
    assert abs(written - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_status_change_carries_courier_and_tracking(site):
    order = site.sold([custom()])
    shipped = site.get("/orders/statuses")["data"][1]["id"]
    change = {"id": order["id"], "status": shipped, "courier": "BRT", "tracking": "TRK1"}
    assert site.post("/orders/updateStatus", change)["status"] == 1
    after = site.order(order["id"])
    assert (after["order_status"], after["courier"], after["tracking"]) == (shipped, "BRT", "TRK1")
    site.post("/orders/updateStatus", {"id": order["id"], "status": shipped})
    assert site.order(order["id"])["tracking"] == "TRK1"
    assert site.get("/orders/list", query="trk1")["data"][0]["id"] == order["id"]


@pytest.mark.parametrize(("fields", "code"), [({"status": "999"}, "invalid_field"), ({"id": "999999"}, "not_found")])
def test_a_status_change_needs_a_known_status_and_order(site, fields, code):
    order = site.sold([custom()])
    change = {"id": order["id"], "status": order["order_status"], "tracking": "TRK1", **fields}
    assert site.post("/orders/updateStatus", change)["error"] == code
    assert site.order(order["id"]) == order


def test_a_cancelled_order_gives_its_pieces_back_once(site, shirt):
    order = site.sold([{"type": "product", "id": shirt["id"], "quantity": 3}], note="Shopify #1")
    assert stock(site, shirt) == [7]
    for _ in range(2):
        assert site.post("/orders/cancel", {"id": order["id"], "note": "Annullato"})["status"] == 1
        assert stock(site, shirt) == [10]
    after = site.order(order["id"])
    cancelled = next(row["id"] for row in site.get("/orders/statuses")["data"] if row["cancelled"])
    assert (after["order_status"], after["note"]) == (cancelled, "Shopify #1\nAnnullato")


def test_the_cancelled_status_alone_moves_no_stock(site, shirt):
    order = site.sold([{"type": "product", "id": shirt["id"], "quantity": 3}])
    cancelled = next(row["id"] for row in site.get("/orders/statuses")["data"] if row["cancelled"])
    site.post("/orders/updateStatus", {"id": order["id"], "status": cancelled})
    site.post("/orders/cancel", {"id": order["id"]})
    assert stock(site, shirt) == [7]


def test_cancelling_an_order_of_a_deleted_product_is_fine(site, shirt):
    order = site.sold([{"type": "product", "id": shirt["id"], "quantity": 3}])
    site.post("/products/delete", {"id": shirt["id"]})
    assert site.post("/orders/cancel", {"id": order["id"]})["status"] == 1


def test_orders_of_a_deleted_customer_stay(site):
    order = site.sold([custom()])
    site.post("/customers/delete", {"id": order["customer_id"]})
    assert site.order(order["id"]) == order


def test_an_update_replaces_what_it_names(site, shirt):
    order = site.sold([{"type": "product", "id": shirt["id"], "quantity": 3}], labels=["shopify"], note="Shopify #1")
    update = {"id": order["id"], "cart": [custom(price=5, quantity=1)], "payment_status": 1, "shipping_id": 2}
    assert site.post("/orders/update", update)["status"] == 1
    after = site.order(order["id"])
    assert (after["total"], after["payment_status"], after["shipping_cost"]) == (10, 1, 5)
    assert (after["labels"], after["note"]) == (["shopify"], "Shopify #1")
    assert stock(site, shirt) == [10]
    site.post("/orders/update", {"id": order["id"], "labels": ["b"], "note": "", "billing_data": {"nome": "Bo"}})
    last = site.order(order["id"])
    assert (last["labels"], last["note"], last["billing_data"]) == (["b"], "", {"nome": "Bo"})
    assert (last["total"], last["shipping_data"]) == (10, order["shipping_data"])


def test_an_order_of_the_seed_can_be_updated(site):
    order = site.get("/orders/list")["data"][0]
    site.post("/orders/update", {"id": order["id"], "shipping_id": 2})
    assert site.order(order["id"])["total"] == pytest.approx(order["total"] + 5)


def test_orders_may_not_be_changeable(site):
    site.control.set_options(capabilities_off=["orders_update"])
    order = site.sold([custom()])
    assert site.raw("POST", "/orders/update", json={"id": order["id"], "note": "x"}).status_code == 404


def test_a_form_can_write_an_order(site):
    site.created()
    answer = site.form(
        "/orders/create",
        "user_email=ada%40example.com&cart[0][type]=custom&cart[0][id]=shopify-1&cart[0][quantity]=2"
        "&cart[0][disable_edit]=1&cart[0][customInfo][name]=Maglia&cart[0][customInfo][price]=19.90"
        "&cart[0][customInfo][imposta]=default&billing_data[nome]=Ada&shipping_data[nome]=Ada&labels[]=shopify",
    )
    order = site.order(answer["data"]["id"])
    assert (order["total"], order["cart"][0]["quantity"], order["cart"][0]["disable_edit"]) == (39.8, 2, True)


def test_every_site_has_its_own_ids(site):
    def ids():
        paths = ("/orders/statuses", "/payments/list", "/payments/taxes")
        shippings = site.post("/orders/shippings", {})["data"]
        return {path: {str(row["id"]) for row in site.get(path)["data"]} for path in paths} | {
            "shippings": {str(row["id"]) for row in shippings}
        }

    here = ids()
    order = site.sold([custom()], order_status=1, payment_id="4", shipping_id=2)
    site.control.set_options(site_ids="other")
    there = ids()
    assert all(not here[path] & there[path] for path in here)
    after = site.order(order["id"])
    assert after["order_status"] in there["/orders/statuses"]
    assert after["payment_id"] in there["/payments/list"]
    assert str(after["shipping_id"]) in there["shippings"]
    assert site.get("/orders/list", **{"statuses[]": [after["order_status"]]})["data"]


def test_payment_and_tax_ids_can_be_opaque(site):
    site.control.set_options(opaque_ids=True)
    payments = [row["id"] for row in site.get("/payments/list")["data"]]
    taxes = [row["id"] for row in site.get("/payments/taxes")["data"]]
    assert all(not str(found).isdecimal() for found in payments + taxes)
    order = site.sold([custom(imposta=taxes[1])], payment_id=payments[1])
    assert (order["payment_id"], order["cart"][0]["customInfo"]["imposta"]) == (payments[1], taxes[1])
    assert site.post("/orders/prepareCart", {"cart": [custom()], "payment_id": 4})["error"] == "invalid_field"


def test_one_tax_is_the_default(site):
    taxes = site.get("/payments/taxes")["data"]
    assert [row["aliquota"] for row in taxes if row["default"]] == [22]
    assert any(not row["active"] for row in site.get("/payments/list")["data"])
