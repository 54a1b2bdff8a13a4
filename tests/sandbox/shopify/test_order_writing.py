"""Orders as people make and change them: the shop's checkout, acts by hand, mutations, webhooks, stock, customers."""

import json
from decimal import Decimal

import pytest

BAG = "{ shopMoney { amount } }"
BUYER = {
    "email": "ada@example.com",
    "address": {"firstName": "Ada", "lastName": "Byron", "address1": "Via 1", "city": "Milano", "countryCode": "IT"},
}
STATE = f"""displayFinancialStatus displayFulfillmentStatus returnStatus cancelReason closed updatedAt note tags
  currentTotalPriceSet {BAG} totalPriceSet {BAG} totalTaxSet {BAG} totalDiscountsSet {BAG} totalRefundedSet {BAG}
  totalOutstandingSet {BAG} netPaymentSet {BAG} discountCodes
  customer {{ email numberOfOrders amountSpent {{ amount }} }}
  lineItems(first: 10) {{ nodes {{ id title quantity currentQuantity unfulfilledQuantity product {{ id }} }} }}
  refunds {{ id note }} fulfillments {{ displayStatus trackingInfo {{ company number url }} }}
  transactions {{ kind status gateway amountSet {BAG} }}
  shippingAddress {{ lastName city }} customAttributes {{ key value }}"""


def euros(bag):
    return Decimal(bag["shopMoney"]["amount"])


@pytest.fixture
def variant(shop):
    query = "{ productVariants(first: 20) { nodes { id price inventoryItem { tracked } product { status } } } }"
    nodes = shop.data(query)["productVariants"]["nodes"]
    return next(node for node in nodes if node["inventoryItem"]["tracked"] and node["product"]["status"] == "ACTIVE")


@pytest.fixture
def buy(shop, variant):
    def place(*lines, **cart):
        lines = lines or ({"variant": variant["id"], "quantity": 2},)
        return shop.control.place_order(*lines, **{**BUYER, **cart})

    return place


@pytest.fixture
def read(shop):
    def order(placed):
        return shop.data("query($id: ID!) { order(id: $id) { " + STATE + " } }", {"id": placed["id"]})["order"]

    return order


@pytest.fixture
def subscribe(shop, operation_text, inbox):
    def create(*topics):
        for topic in topics:
            payload = shop.data(operation_text("19"), {"topic": topic, "sub": {"uri": inbox.url}}, "WebhookCreate")
            assert payload["webhookSubscriptionCreate"]["userErrors"] == []

    return create


def arrived(inbox):
    headers, body = inbox.take()
    return headers["x-shopify-topic"], json.loads(body)


class TestCheckout:
    def test_a_bought_order_is_priced_and_paid(self, buy, read, variant):
        order = read(buy(gateway="paypal", charge="standard"))
        assert euros(order["totalPriceSet"]) == 2 * Decimal(variant["price"]) + Decimal("4.90")
        assert order["displayFinancialStatus"] == "PAID"
        assert order["displayFulfillmentStatus"] == "UNFULFILLED"
        assert [entry["gateway"] for entry in order["transactions"]] == ["paypal"]

    def test_taxes_are_in_the_price(self, buy, read):
        order = read(buy({"title": "Vaso", "price": "122.00"}, charge=""))
        assert euros(order["totalTaxSet"]) == 22
        assert euros(order["totalPriceSet"]) == 122

    def test_a_line_may_carry_another_rate(self, buy, read):
        lines = ({"title": "Vaso", "price": "122.00"}, {"title": "Libro", "price": "10.40", "rate": "0.04"})
        assert euros(read(buy(*lines, charge=""))["totalTaxSet"]) == Decimal("22.40")

    def test_taxes_on_top_for_the_united_states(self, buy, read):
        order = read(buy({"title": "Vase", "price": "100", "rate": "0.08"}, charge="", address={"countryCode": "US"}))
        assert euros(order["totalPriceSet"]) == 108

    @pytest.mark.parametrize(
        ("code", "off"),
        [("sconto10", "10.00"), ("BENVENUTO5", "5.00"), ("CIASCUNO1", "2.00"), ("SPEDIZIONEGRATIS", "4.90")],
    )
    def test_codes_take_what_they_say(self, buy, read, code, off):
        order = read(buy({"title": "Vaso", "price": "50.00", "quantity": 2}, code=code))
        assert euros(order["totalDiscountsSet"]) == Decimal(off)
        assert order["discountCodes"] == [code.upper()]

    def test_everything_for_free(self, buy, read):
        order = read(buy(code="OMAGGIO100"))
        assert euros(order["totalPriceSet"]) == 0
        assert (order["displayFinancialStatus"], order["transactions"]) == ("PAID", [])

    @pytest.mark.parametrize("gateway", ["Bonifico bancario", "Cash on Delivery (COD)"])
    def test_promised_payments_are_pending(self, buy, read, gateway):
        order = read(buy(gateway=gateway))
        assert order["displayFinancialStatus"] == "PENDING"
        assert [entry["status"] for entry in order["transactions"]] == ["PENDING"]

    def test_an_unknown_buyer_becomes_a_customer(self, buy, read, shop):
        order = read(buy())
        assert order["customer"]["email"] == "ada@example.com"
        assert order["customer"]["numberOfOrders"] == "1"
        assert Decimal(order["customer"]["amountSpent"]["amount"]) == euros(order["netPaymentSet"])

    def test_a_known_buyer_stays_one_customer(self, buy, read, shop):
        gid = shop.create(email="ada@example.com", firstName="Ada")
        buy()
        assert read(buy(email="ADA@example.com"))["customer"]["numberOfOrders"] == "2"
        assert shop.customer(gid, "numberOfOrders")["numberOfOrders"] == "2"

    def test_nobody_known_buys_as_a_guest(self, buy, read):
        assert read(buy(email="", phone=""))["customer"] is None

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"code": "NOPE"}, "discount code"),
            ({"email": "not an address"}, "not an e-mail"),
            ({"phone": "12"}, "country code"),
            ({"currency": "XXX"}, "currency"),
            ({"flavour": "sweet"}, "flavour"),
        ],
    )
    def test_a_cart_that_cannot_be_bought_says_why(self, buy, change, reason):
        with pytest.raises(ValueError, match=reason):
            buy(**change)

    def test_other_currencies(self, buy, shop):
        placed = buy({"title": "Vaso", "price": "100"}, charge="", currency="JPY")
        text = "query($id: ID!) { order(id: $id) { totalPriceSet { presentmentMoney { amount currencyCode } } } }"
        shown = shop.data(text, {"id": placed["id"]})["order"]["totalPriceSet"]["presentmentMoney"]
        assert shown == {"amount": "17135.0", "currencyCode": "JPY"}

    def test_sold_units_are_committed(self, buy, shop, variant):
        text = """query($id: ID!) { productVariant(id: $id) { inventoryItem { inventoryLevels(first: 1) { nodes {
          quantities(names: ["available", "committed"]) { name quantity } } } } } }"""

        def stock():
            [level] = shop.data(text, {"id": variant["id"]})["productVariant"]["inventoryItem"]["inventoryLevels"][
                "nodes"
            ][:1]
            return {entry["name"]: entry["quantity"] for entry in level["quantities"]}

        before = stock()
        placed = buy()
        sold = stock()
        shop.control.fulfil_order(placed["id"])
        sent = stock()
        shop.control.refund_order(placed["id"], {"0": 1}, restock="RETURN")
        assert sold["available"] == before["available"] - 2
        assert (sold["committed"], sent["committed"]) == (before["committed"] + 2, before["committed"])
        assert (sent["available"], stock()["available"]) == (before["available"] - 2, before["available"] - 1)


class TestByHand:
    def test_a_pending_order_is_paid(self, shop, buy, read):
        placed = buy(gateway="Bonifico bancario")
        shop.control.pay_order(placed["name"])
        order = read(placed)
        assert order["displayFinancialStatus"] == "PAID"
        assert [entry["status"] for entry in order["transactions"]] == ["PENDING", "SUCCESS"]

    def test_held_money_is_captured(self, shop, buy, read):
        placed = buy(authorize=True)
        assert read(placed)["displayFinancialStatus"] == "AUTHORIZED"
        shop.control.pay_order(placed["id"])
        assert [entry["kind"] for entry in read(placed)["transactions"]] == ["AUTHORIZATION", "CAPTURE"]

    def test_nothing_is_paid_twice(self, shop, buy):
        with pytest.raises(ValueError, match="nothing left to pay"):
            shop.control.pay_order(buy()["id"])

    def test_parcels_leave_one_after_the_other(self, shop, buy, read):
        placed = buy()
        shop.control.fulfil_order(placed["id"], {"0": 1}, company="BRT", number="123")
        assert read(placed)["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
        shop.control.fulfil_order(placed["id"])
        order = read(placed)
        assert order["displayFulfillmentStatus"] == "FULFILLED"
        assert order["fulfillments"][0]["trackingInfo"][0]["url"].endswith("123")

    def test_a_parcel_arrives(self, shop, buy, read):
        placed = buy()
        shop.control.fulfil_order(placed["id"])
        shop.control.track_order(placed["id"], display="DELIVERED")
        assert read(placed)["fulfillments"][0]["displayStatus"] == "DELIVERED"

    def test_part_of_an_order_is_refunded(self, shop, buy, read):
        placed = buy({"title": "Vaso", "price": "10.01", "quantity": 3}, charge="", code="")
        shop.control.refund_order(placed["id"], {placed["lines"][0]: 1}, note="Rotto")
        order = read(placed)
        assert order["displayFinancialStatus"] == "PARTIALLY_REFUNDED"
        assert (euros(order["totalRefundedSet"]), euros(order["currentTotalPriceSet"])) == (
            Decimal("10.01"),
            Decimal("20.02"),
        )
        assert order["lineItems"]["nodes"][0]["currentQuantity"] == 2

    def test_everything_is_refunded(self, shop, buy, read):
        placed = buy()
        shop.control.refund_order(placed["id"], "all", shipping="all")
        order = read(placed)
        assert order["displayFinancialStatus"] == "REFUNDED"
        assert euros(order["currentTotalPriceSet"]) == 0

    def test_another_amount_is_an_adjustment(self, shop, buy, read):
        placed = buy({"title": "Vaso", "price": "50.00"}, charge="")
        shop.control.refund_order(placed["id"], {"0": 1}, money="40")
        order = read(placed)
        assert (euros(order["totalRefundedSet"]), euros(order["currentTotalPriceSet"])) == (40, 10)
        assert euros(order["totalOutstandingSet"]) == 0

    def test_no_more_is_refunded_than_was_paid(self, shop, buy):
        with pytest.raises(ValueError, match="greater than net payment"):
            shop.control.refund_order(buy()["id"], money="100000")

    def test_an_edit_swaps_a_line(self, shop, buy, read):
        placed = buy({"title": "Vaso", "price": "50.00"}, charge="")
        shop.control.edit_order(placed["id"], add=[{"title": "Brocca", "price": "60"}], remove={"0": 1})
        order = read(placed)
        assert [(line["title"], line["currentQuantity"]) for line in order["lineItems"]["nodes"]] == [
            ("Vaso", 0),
            ("Brocca", 1),
        ]
        assert (euros(order["currentTotalPriceSet"]), euros(order["totalOutstandingSet"])) == (60, 10)
        assert order["displayFinancialStatus"] == "PARTIALLY_PAID"

    def test_a_cancelled_order_is_worth_nothing(self, shop, buy, read):
        placed = buy()
        shop.control.cancel_order(placed["id"], "INVENTORY")
        order = read(placed)
        assert (order["cancelReason"], order["closed"]) == ("INVENTORY", True)
        assert order["displayFinancialStatus"] == "REFUNDED"
        assert euros(order["currentTotalPriceSet"]) == 0
        assert Decimal(order["customer"]["amountSpent"]["amount"]) == 0

    def test_a_return_opens_and_closes(self, shop, buy, read):
        placed = buy()
        shop.control.fulfil_order(placed["id"])
        shop.control.return_order(placed["id"], {"0": 1})
        assert read(placed)["returnStatus"] == "IN_PROGRESS"
        shop.control.refund_order(placed["id"], {"0": 1}, back=True)
        shop.control.act("settle_return", order=placed["id"])
        assert read(placed)["returnStatus"] == "RETURNED"

    def test_a_deleted_order_is_gone(self, shop, buy, read):
        placed = buy()
        shop.control.delete_order(placed["id"])
        assert read(placed) is None
        query = '{ customerByIdentifier(identifier: {emailAddress: "ada@example.com"}) { numberOfOrders } }'
        assert shop.data(query)["customerByIdentifier"]["numberOfOrders"] == "0"

    def test_unknown_acts_and_orders_are_refused(self, shop):
        with pytest.raises(ValueError, match="There is no act"):
            shop.control.act("dance")
        with pytest.raises(ValueError, match="There is no order #9999"):
            shop.control.pay_order("#9999")


class TestMutations:
    def test_an_update_writes_what_it_is_given(self, shop, buy, read):
        placed = buy()
        given = {
            "id": placed["id"],
            "note": "Bitte klingeln",
            "tags": ["b", "a"],
            "customAttributes": [{"key": "k", "value": "v"}],
            "shippingAddress": {"lastName": "Lovelace", "city": "Roma"},
        }
        payload = shop.mutate("orderUpdate", {"input": given}, "userErrors { message }", input="OrderInput!")
        order = read(placed)
        assert payload["userErrors"] == []
        assert (order["note"], order["tags"]) == ("Bitte klingeln", ["a", "b"])
        assert order["shippingAddress"] == {"lastName": "Lovelace", "city": "Roma"}
        assert order["customAttributes"] == [{"key": "k", "value": "v"}]

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "No valid update parameters have been provided"),
            ({"phone": "not a phone"}, "Phone is invalid"),
            ({"email": "nobody"}, "Email is invalid"),
            ({"shippingAddress": {"lastName": ""}}, "Enter a last name"),
        ],
    )
    def test_an_update_refuses_with_shopifys_texts(self, shop, buy, given, message):
        arguments = {"input": {"id": buy()["id"], **given}}
        payload = shop.mutate("orderUpdate", arguments, "userErrors { message }", input="OrderInput!")
        assert payload["userErrors"][0]["message"] == message

    def cancel(self, shop, gid, extra="", **given):
        selection = "job { id done } jobResult { status done } orderCancelUserErrors { field message code }"
        arguments = {"id": gid, "reason": "OTHER", "restock": True, **given}
        names = {"reason": "OrderCancelReason!", "restock": "Boolean!", "staffNote": "String", "refund": "Boolean"}
        types = {name: kind for name, kind in names.items() if name in arguments}
        declared = ", ".join(f"${name}: {kind}" for name, kind in {"id": "ID!", **types}.items())
        passed = ", ".join(f"{name}: ${name}" for name in types)
        text = f"mutation({declared}) {{ orderCancel(orderId: $id, {passed}{extra}) {{ {selection} }} }}"
        return shop.data(text, arguments)["orderCancel"]

    def test_a_cancellation_is_a_job(self, shop, buy, read):
        placed = buy()
        payload = self.cancel(shop, placed["id"], extra=", refundMethod: {originalPaymentMethodsRefund: true}")
        assert payload["orderCancelUserErrors"] == []
        assert payload["job"]["done"] is False
        assert shop.data("query($id: ID!) { job(id: $id) { done } }", payload["job"])["job"]["done"] is True
        assert read(placed)["displayFinancialStatus"] == "REFUNDED"

    def test_a_cancellation_without_refund_keeps_the_money(self, shop, buy, read):
        placed = buy()
        self.cancel(shop, placed["id"])
        order = read(placed)
        assert euros(order["currentTotalPriceSet"]) == 0
        assert euros(order["netPaymentSet"]) > 0

    def test_cancelling_twice_and_long_notes_are_refused(self, shop, buy):
        placed = buy()
        [long] = self.cancel(shop, placed["id"], staffNote="x" * 256)["orderCancelUserErrors"]
        assert (long["field"], long["code"]) == (["staffNote"], "INVALID")
        self.cancel(shop, placed["id"])
        [again] = self.cancel(shop, placed["id"])["orderCancelUserErrors"]
        assert again["message"] == "Cannot cancel an order that has already been canceled"

    def test_two_ways_to_refund_are_one_too_many(self, shop, buy):
        extra = ", refundMethod: {originalPaymentMethodsRefund: true}"
        [error] = self.cancel(shop, buy()["id"], extra=extra, refund=True)["orderCancelUserErrors"]
        assert "Only one of the arguments" in error["message"]

    def test_metafields_and_custom_ids_lead_to_an_order(self, shop, buy):
        shop.define(ownerType="ORDER", key="sale_id")
        gid = buy()["id"]
        entry = {"ownerId": gid, "namespace": "$app", "key": "sale_id", "type": "id", "value": "77"}
        assert shop.set_metafields(entry)["userErrors"] == []
        query = "query($i: OrderIdentifierInput!) { orderByIdentifier(identifier: $i) { id } }"
        custom = {"customId": {"namespace": "$app", "key": "sale_id", "value": "77"}}
        assert shop.data(query, {"i": custom})["orderByIdentifier"]["id"] == gid

    def test_tags_are_added(self, shop, buy, read):
        placed = buy()
        shop.mutate(
            "tagsAdd", {"id": placed["id"], "tags": ["x"]}, "userErrors { message }", id="ID!", tags="[String!]!"
        )
        assert read(placed)["tags"] == ["x"]

    def test_a_merge_moves_the_orders(self, shop, buy, read):
        placed = buy()
        query = '{ customerByIdentifier(identifier: {emailAddress: "ada@example.com"}) { id } }'
        one = shop.data(query)["customerByIdentifier"]["id"]
        two = shop.create(email="eve@example.com")
        arguments = {"customerOneId": one, "customerTwoId": two}
        shop.mutate("customerMerge", arguments, "userErrors { message }", customerOneId="ID!", customerTwoId="ID!")
        assert read(placed)["customer"]["email"] == "eve@example.com"
        assert len(shop.customer(two, "orders(first: 5) { nodes { id } }")["orders"]["nodes"]) == 1


class TestWebhooks:
    @pytest.fixture
    def told(self, subscribe, inbox):
        return subscribe, inbox

    def test_a_new_order_arrives_whole(self, buy, subscribe, inbox):
        subscribe("ORDERS_CREATE")
        placed = buy({"title": "Vaso", "price": "50.00", "quantity": 2}, code="SCONTO10", note="ciao", tags=["a", "b"])
        topic, body = arrived(inbox)
        assert topic == "orders/create"
        assert body["admin_graphql_api_id"] == placed["id"]
        assert (body["total_price"], body["total_discounts"], body["currency"]) == ("94.90", "10.00", "EUR")
        assert body["line_items"][0]["discount_allocations"][0]["amount"] == "10.00"
        assert body["discount_codes"] == [{"code": "SCONTO10", "amount": "10.00", "type": "percentage"}]
        assert body["customer"]["email"] == "ada@example.com"
        assert body["shipping_address"]["last_name"] == "Byron"
        assert (body["note"], body["tags"], body["financial_status"]) == ("ciao", "a, b", "paid")

    @pytest.mark.parametrize(
        ("topic", "what"),
        [
            ("ORDERS_UPDATED", "pay"),
            ("ORDERS_PAID", "pay"),
            ("ORDER_TRANSACTIONS_CREATE", "pay"),
            ("ORDERS_FULFILLED", "send"),
            ("ORDERS_PARTIALLY_FULFILLED", "send_one"),
            ("FULFILLMENTS_CREATE", "send"),
            ("FULFILLMENTS_UPDATE", "arrive"),
            ("REFUNDS_CREATE", "refund"),
            ("ORDERS_EDITED", "edit"),
            ("ORDERS_CANCELLED", "cancel"),
            ("ORDERS_DELETE", "delete"),
            ("CUSTOMERS_PURCHASING_SUMMARY", "pay"),
        ],
    )
    def test_what_happens_is_told(self, shop, buy, told, topic, what):
        placed = buy(gateway="Bonifico bancario")
        if what == "refund":
            shop.control.pay_order(placed["id"])
        if what == "arrive":
            shop.control.fulfil_order(placed["id"])
        subscribe, inbox = told
        subscribe(topic)
        control, order = shop.control, placed["id"]
        acts = {
            "pay": lambda: control.pay_order(order),
            "send": lambda: control.fulfil_order(order, company="BRT", number="1"),
            "send_one": lambda: control.fulfil_order(order, {"0": 1}),
            "arrive": lambda: control.track_order(order, display="DELIVERED"),
            "refund": lambda: control.refund_order(order, {"0": 1}),
            "edit": lambda: control.edit_order(order, remove={"0": 1}),
            "cancel": lambda: control.cancel_order(order),
            "delete": lambda: control.delete_order(order),
        }
        acts[what]()
        got, body = arrived(inbox)
        assert got.replace("/", "_").upper() == topic
        number = int(order.rsplit("/", 1)[1])
        owner = body.get("order_edit", body)
        assert topic == "CUSTOMERS_PURCHASING_SUMMARY" or number in (owner.get("order_id"), owner.get("id"))
        assert inbox.empty()

    def test_an_edit_is_no_refund(self, shop, buy, subscribe, inbox):
        placed = buy()
        subscribe("REFUNDS_CREATE", "ORDERS_EDITED")
        shop.control.edit_order(placed["id"], remove={"0": 1})
        topic, body = arrived(inbox)
        assert topic == "orders/edited"
        assert body["order_edit"]["line_items"]["removals"][0]["delta"] == 1

    def test_a_refund_carries_lines_and_money(self, shop, buy, subscribe, inbox):
        placed = buy({"title": "Vaso", "price": "50.00"}, charge="")
        subscribe("REFUNDS_CREATE")
        shop.control.refund_order(placed["id"], {"0": 1}, money="40", note="Graffio")
        _, body = arrived(inbox)
        assert body["refund_line_items"][0]["subtotal"] == 50
        assert body["order_adjustments"][0]["amount"] == "10.00"
        assert [entry["amount"] for entry in body["transactions"]] == ["40.00"]
