"""The mini shop, and the admin's pages of orders, as a person uses them."""

import re
from html import unescape

import pytest

STATE = """displayFinancialStatus displayFulfillmentStatus cancelReason closed note tags customAttributes { key value }
  email totalPriceSet { shopMoney { amount } } currentTotalPriceSet { shopMoney { amount } } paymentGatewayNames
  discountCodes customer { email } lineItems(first: 10) { nodes { title quantity currentQuantity } }
  fulfillments { displayStatus trackingInfo { company number } } refunds { note } returnStatus"""
BUYER = {
    "email": "ada@example.com",
    "firstName": "Ada",
    "lastName": "Byron",
    "address1": "Via 1",
    "city": "Milano",
    "countryCode": "IT",
    "charge": "standard",
    "gateway": "paypal",
    "currency": "EUR",
}


def post(shop, path, form, origin=None):
    headers = {"Origin": origin or shop.url}
    return shop.session.post(shop.url + path, data=form, headers=headers, allow_redirects=False, timeout=10)


def get(shop, path):
    return shop.session.get(shop.url + path, timeout=10)


@pytest.fixture
def variants(shop):
    query = '{ products(first: 20, query: "status:active") { nodes { id variants(first: 1) { nodes { id price } } } } }'
    nodes = [node["variants"]["nodes"][0] for node in shop.data(query)["products"]["nodes"]]
    return [node["id"].rsplit("/", 1)[1] for node in nodes if float(node["price"]) > 0]


@pytest.fixture
def bought(shop, variants):
    """The number of an order of two units, paid by PayPal."""
    answer = post(shop, "/shop", {**BUYER, f"cart.{variants[0]}": "2", "do": "buy"})
    assert answer.status_code == 303, answer.text
    return re.fullmatch(r"/orders/(\d+)\?saved=1", answer.headers["Location"])[1]


@pytest.fixture
def read(shop):
    def order(number):
        query = "query($id: ID!) { order(id: $id) { " + STATE + " } }"
        return shop.data(query, {"id": f"gid://shopify/Order/{number}"})["order"]

    return order


@pytest.fixture
def do(shop, bought):
    def act(name, **form):
        return post(shop, f"/orders/{bought}/acts/{name}", form)

    return act


def line_field(shop, number):
    """The name of the input for units of the first line."""
    return re.search(r'name="(line\.\d+)"', get(shop, f"/orders/{number}").text)[1]


class TestShop:
    def test_a_person_buys_with_paypal_and_the_order_appears(self, shop, bought, read):
        order = read(bought)
        assert order["paymentGatewayNames"] == ["paypal"]
        assert order["displayFinancialStatus"] == "PAID"
        assert order["customer"]["email"] == "ada@example.com"
        assert "ada@example.com" in get(shop, "/orders").text

    def test_what_was_chosen_is_in_the_cart_with_what_it_costs(self, shop, variants):
        form = {**BUYER, "units.1": "2", "choice.1": variants[0], "code": "SCONTO10", "do": "add"}
        text = post(shop, "/shop", form).text
        assert f'name="cart.{variants[0]}" value="2"' in text
        assert all(label in text for label in ("Discounts", "Shipping", "Tax included", "To pay"))

    def test_the_cart_stays_while_a_person_searches_and_turns_pages(self, shop, variants):
        form = {**BUYER, f"cart.{variants[0]}": "3", "q": "", "do": "next", "page": "1"}
        text = post(shop, "/shop", form).text
        assert "Page 2 of" in text
        assert f'name="cart.{variants[0]}" value="3"' in text
        assert 'value="ada@example.com"' in text

    def test_nothing_is_ordered_before_a_person_buys(self, shop, variants):
        post(shop, "/shop", {**BUYER, f"cart.{variants[0]}": "3", "do": "add"})
        assert shop.data("{ ordersCount { count } }")["ordersCount"]["count"] == 0

    def test_a_search_finds_products(self, shop):
        text = post(shop, "/shop", {**BUYER, "q": "Giacca", "do": "search"}).text
        titles = re.findall(r'<h2 class="name"><bdi>(.*?)</bdi>', text)
        assert titles
        assert all("Giacca" in title for title in titles)

    @pytest.mark.parametrize(
        "gateway", ["shopify_payments", "stripe", "Bonifico bancario", "Cash on Delivery (COD)", "gift_card"]
    )
    def test_every_way_to_pay_makes_an_order(self, shop, variants, read, gateway):
        answer = post(shop, "/shop", {**BUYER, "gateway": gateway, f"cart.{variants[0]}": "1", "do": "buy"})
        number = re.search(r"\d+", answer.headers["Location"])[0]
        assert read(number)["paymentGatewayNames"] == [gateway]

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({}, "Choose at least one product."),
            ({"email": "nobody", "cart.1": "1"}, "is not an e-mail address"),
            ({"tip": "much"}, "The tip is an amount"),
            ({"cart.1": "1"}, "There is no variant 1."),
        ],
    )
    def test_what_cannot_be_bought_is_explained(self, shop, change, reason):
        answer = post(shop, "/shop", {**BUYER, **change, "do": "buy"})
        assert answer.status_code == 422
        assert reason in unescape(answer.text)

    def test_pictures_come_from_this_server(self, shop):
        [first, *_] = re.findall(r'<img src="([^"]+)"', get(shop, "/shop").text)
        assert first.startswith("/cdn/files/")
        assert get(shop, unescape(first)).headers["content-type"] == "image/png"

    def test_another_site_cannot_buy(self, shop, variants):
        answer = post(shop, "/shop", {**BUYER, f"cart.{variants[0]}": "1", "do": "buy"}, origin="https://evil.example")
        assert answer.status_code == 403


class TestAdmin:
    def test_the_list_takes_shopifys_search(self, shop, bought):
        assert "(1)" in get(shop, "/orders?q=financial_status:paid").text
        assert "(0)" in get(shop, "/orders?q=financial_status:pending").text

    def test_the_form_is_stored(self, shop, bought, read):
        form = {"email": "eve@example.com", "phone": "", "poNumber": "PO 1", "tags": "b, a", "note": "ciao"}
        answer = post(shop, f"/orders/{bought}", {**form, "attributes": "Regalo=sì\nk=v=w"})
        assert answer.status_code == 303, answer.text
        order = read(bought)
        assert (order["email"], order["tags"], order["note"]) == ("eve@example.com", ["a", "b"], "ciao")
        assert order["customAttributes"] == [{"key": "Regalo", "value": "sì"}, {"key": "k", "value": "v=w"}]

    def test_an_unchanged_form_changes_nothing(self, shop, bought, read):
        before = shop.data("{ orders(first: 1) { nodes { updatedAt } } }")
        post(shop, f"/orders/{bought}", {"email": "ada@example.com"})
        assert shop.data("{ orders(first: 1) { nodes { updatedAt } } }") == before

    def test_mark_as_paid(self, shop, variants, read):
        answer = post(shop, "/shop", {**BUYER, "gateway": "Bonifico bancario", f"cart.{variants[0]}": "1", "do": "buy"})
        number = re.search(r"\d+", answer.headers["Location"])[0]
        assert read(number)["displayFinancialStatus"] == "PENDING"
        assert post(shop, f"/orders/{number}/acts/pay_order", {}).status_code == 303
        assert read(number)["displayFinancialStatus"] == "PAID"

    def test_fulfil_with_tracking(self, shop, bought, do, read):
        form = {line_field(shop, bought): "1", "company": "BRT", "number": "42"}
        assert do("fulfil_order", **form).status_code == 303
        order = read(bought)
        assert order["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
        assert order["fulfillments"][0]["trackingInfo"] == [{"company": "BRT", "number": "42"}]
        do("track_order", display="DELIVERED")
        assert read(bought)["fulfillments"][0]["displayStatus"] == "DELIVERED"

    def test_refund_a_part_and_the_rest(self, shop, bought, do, read):
        do("refund_order", **{line_field(shop, bought): "1", "note": "Graffio"})
        assert read(bought)["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
        do("refund_order", **{line_field(shop, bought): "1", "shipping": "4.90"})
        order = read(bought)
        assert order["displayFinancialStatus"] == "REFUNDED"
        assert float(order["currentTotalPriceSet"]["shopMoney"]["amount"]) == 0

    def test_edit_lines(self, shop, bought, do, read):
        form = {line_field(shop, bought): "1", "title": "Incisione", "price": "12,50", "quantity": "2"}
        assert do("edit_order", **form).status_code == 303
        lines = [(line["title"], line["currentQuantity"]) for line in read(bought)["lineItems"]["nodes"]]
        assert lines[0][1] == 1
        assert lines[1] == ("Incisione", 2)

    def test_return_and_settle(self, shop, bought, do, read):
        field = line_field(shop, bought)
        do("fulfil_order", **{field: "2"})
        do("return_order", **{field: "1", "note": "Troppo piccola"})
        assert read(bought)["returnStatus"] == "IN_PROGRESS"
        do("settle_return", status="CLOSED")
        assert read(bought)["returnStatus"] == "RETURNED"

    def test_cancel(self, bought, do, read):
        do("cancel_order", reason="FRAUD", refund="1")
        order = read(bought)
        assert (order["cancelReason"], order["displayFinancialStatus"]) == ("FRAUD", "REFUNDED")

    def test_archive_and_reopen(self, bought, do, read):
        do("close_order")
        assert read(bought)["closed"] is True
        do("open_order")
        assert read(bought)["closed"] is False

    def test_delete(self, shop, bought, read):
        answer = post(shop, f"/orders/{bought}/delete", {})
        assert answer.headers["Location"] == "/orders?deleted=1"
        assert read(bought) is None
        assert get(shop, f"/orders/{bought}").status_code == 404

    @pytest.mark.parametrize(
        ("act", "form", "reason"),
        [
            ("refund_order", {"money": "99999"}, "greater than net payment"),
            ("refund_order", {"money": "a lot"}, "is an amount"),
            ("edit_order", {}, "at least one change"),
            ("edit_order", {"sku": "NO-SUCH"}, "no variant with the SKU"),
            ("settle_return", {}, "no longer possible"),
        ],
    )
    def test_what_cannot_be_done_is_explained(self, do, act, form, reason):
        answer = do(act, **form)
        assert answer.status_code == 422
        assert reason in unescape(answer.text)


def test_hostile_texts_stay_texts(shop):
    control, attack = shop.control, "<script>alert(1)</script>"
    placed = control.place_order(
        {"title": attack, "price": "1"}, note=attack, tags=[attack], attributes={attack: attack}
    )
    number = placed["id"].rsplit("/", 1)[1]
    for path in (f"/orders/{number}", "/orders", "/shop"):
        answer = get(shop, path)
        assert attack not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_seeded_orders_all_have_a_page(order_shop):
    numbers = [
        node["id"].rsplit("/", 1)[1]
        for node in order_shop.data("{ orders(first: 250) { nodes { id } } }")["orders"]["nodes"]
    ]
    assert {get(order_shop, f"/orders/{number}").status_code for number in numbers} == {200}
