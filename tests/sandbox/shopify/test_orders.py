"""Orders as apps read them: money, lines, payments, refunds, fulfilments, lists and what hides them."""

from collections import Counter
from decimal import Decimal

import pytest

PAGE = "pageInfo { hasNextPage endCursor }"
BAG = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"
MONEY = {
    "originalTotalPriceSet": "original",
    "totalPriceSet": "total",
    "currentTotalPriceSet": "current",
    "totalTaxSet": "tax",
    "currentTotalTaxSet": "current_tax",
    "totalDiscountsSet": "discounts",
    "totalTipReceivedSet": "tips",
    "totalReceivedSet": "received",
    "totalRefundedSet": "refunded",
}
ALL = {"search": "updated_at:>='2020-01-01T00:00:00Z'"}
NO_OLD_ORDERS = "read_orders,read_customers,read_products,read_inventory,read_returns"


def pages(shop, selection, *, query=None, size=100, **options):
    after, found = None, []
    call = "orders(first: $n, after: $a, query: $q, sortKey: ID)"
    text = f"query($n: Int, $a: String, $q: String) {{ {call} {{ {selection} {PAGE} }} }}"
    while True:
        page = shop.data(text, {"n": size, "a": after, "q": query}, **options)["orders"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


def amount(bag):
    return Decimal(bag["shopMoney"]["amount"]), Decimal(bag["presentmentMoney"]["amount"])


def sides(bag):
    return bag.shop, bag.shown


def plus(*pairs):
    return tuple(sum(side) for side in zip((Decimal(0), Decimal(0)), *pairs, strict=True))


@pytest.fixture
def named(seeded_orders):
    """The name of the order with a trouble."""
    return {order.trouble: name for name, order in seeded_orders.items() if order.trouble}


@pytest.fixture
def one(order_shop, named):
    def read(trouble, selection):
        query = "query($q: String) { orders(first: 1, query: $q) { nodes { " + selection + " } } }"
        [order] = order_shop.data(query, {"q": f"name:'{named[trouble]}'"})["orders"]["nodes"]
        return order

    return read


@pytest.mark.parametrize("field", MONEY)
def test_money_is_what_the_seed_says(order_shop, seeded_orders, field):
    for node in pages(order_shop, f"nodes {{ name {field} {BAG} }}"):
        wanted = getattr(seeded_orders[node["name"]].expected, MONEY[field])
        assert amount(node[field]) == sides(wanted), node["name"]


def test_the_terms_of_an_order_sum_to_its_total(order_shop):
    selection = f"""nodes {{ name taxesIncluded totalPriceSet {BAG} totalTaxSet {BAG} totalTipReceivedSet {BAG}
      subtotalPriceSet {BAG} originalTotalDutiesSet {BAG} originalTotalAdditionalFeesSet {BAG}
      shippingLines(first: 5) {{ nodes {{ discountedPriceSet {BAG} }} }} }}"""
    for node in pages(order_shop, selection):
        terms = [node[name] for name in ("subtotalPriceSet", "totalTipReceivedSet")]
        terms += [node[name] for name in ("originalTotalDutiesSet", "originalTotalAdditionalFeesSet") if node[name]]
        terms += [charge["discountedPriceSet"] for charge in node["shippingLines"]["nodes"]]
        terms += [] if node["taxesIncluded"] else [node["totalTaxSet"]]
        assert plus(*map(amount, terms)) == amount(node["totalPriceSet"]), node["name"]


def test_tax_lines_sum_to_the_tax(order_shop):
    now = f"currentTaxLines {{ priceSet {BAG} }} currentTotalTaxSet {BAG}"
    for node in pages(order_shop, f"nodes {{ name taxLines {{ priceSet {BAG} }} totalTaxSet {BAG} {now} }}"):
        for lines, whole in (("taxLines", "totalTaxSet"), ("currentTaxLines", "currentTotalTaxSet")):
            assert plus(*(amount(tax["priceSet"]) for tax in node[lines])) == amount(node[whole]), node["name"]


def test_the_lines_of_an_order_make_up_its_subtotal(order_shop):
    selection = f"""nodes {{ name subtotalPriceSet {BAG} totalTipReceivedSet {BAG}
      lineItems(first: 30) {{ pageInfo {{ hasNextPage }} nodes {{
        originalTotalSet {BAG} discountAllocations {{ allocatedAmountSet {BAG} }} }} }} }}"""
    for node in pages(order_shop, selection, size=25):
        if node["lineItems"]["pageInfo"]["hasNextPage"]:
            continue
        nets = []
        for line in node["lineItems"]["nodes"]:
            taken = plus(*(amount(entry["allocatedAmountSet"]) for entry in line["discountAllocations"]))
            nets.append(tuple(full - off for full, off in zip(amount(line["originalTotalSet"]), taken, strict=True)))
        assert plus(*nets) == plus(amount(node["subtotalPriceSet"]), amount(node["totalTipReceivedSet"])), node["name"]


def test_the_sales_of_all_agreements_are_what_the_order_is_worth(order_shop):
    selection = f"""nodes {{ name currentTotalPriceSet {BAG} agreements(first: 100) {{ nodes {{ reason
      sales(first: 100) {{ pageInfo {{ hasNextPage }} nodes {{ __typename totalAmount {BAG} }} }} }} }} }}"""
    for node in pages(order_shop, selection, size=10):
        entries = node["agreements"]["nodes"]
        if any(entry["sales"]["pageInfo"]["hasNextPage"] for entry in entries):
            continue
        sales = [amount(sale["totalAmount"]) for entry in entries for sale in entry["sales"]["nodes"]]
        assert plus(*sales) == amount(node["currentTotalPriceSet"]), node["name"]


def test_amounts_are_written_as_shopify_writes_them(one):
    node = one("presentment_jpy", f"totalPriceSet {BAG} totalPrice")
    shown = node["totalPriceSet"]["presentmentMoney"]
    assert shown["currencyCode"] == "JPY"
    assert shown["amount"].endswith(".0")
    assert Decimal(node["totalPrice"]) == amount(node["totalPriceSet"])[0]


@pytest.mark.parametrize("number", ["14", "15", "16"])
def test_the_contracts_order_reads_cost_what_it_estimates(order_shop, operation_text, number):
    if number == "14":
        answer = order_shop.answer(operation_text("14"), ALL)
        assert 230 <= answer["extensions"]["cost"]["requestedQueryCost"] <= 464
    elif number == "15":
        [first] = order_shop.data("{ orders(first: 1) { nodes { id } } }")["orders"]["nodes"]
        answer = order_shop.answer(operation_text("15"), first, "OrderDetail")
        assert 70 <= answer["extensions"]["cost"]["requestedQueryCost"] <= 90
    else:
        text = operation_text("16").replace("2026-10-01", "2020-01-01")
        call = "mutation($q: String!) { bulkOperationRunQuery(query: $q) { userErrors { message } } }"
        answer = order_shop.answer(call, {"q": text})
        assert answer["data"]["bulkOperationRunQuery"]["userErrors"] == []
    assert "errors" not in answer


def test_the_incremental_read_delivers_whole_orders(order_shop, operation_text):
    nodes = order_shop.data(operation_text("14"), {**ALL, "first": 25})["orders"]["nodes"]
    changed = [node["updatedAt"] for node in nodes]
    assert changed == sorted(changed)
    assert any(node["customer"] for node in nodes)
    assert any(node["discountApplications"]["nodes"] for node in nodes)
    assert any(node["shippingLines"]["nodes"] for node in nodes)
    assert all(node["legacyResourceId"] == node["id"].rsplit("/", 1)[1] for node in nodes)


@pytest.mark.parametrize("trouble", ["refund_line", "exchange", "several_parcels", "split_payment", "giant"])
def test_the_detail_read_delivers_lines_payments_refunds_and_parcels(order_shop, one, operation_text, trouble):
    gid = one(trouble, "id")["id"]
    order = order_shop.data(operation_text("15"), {"id": gid}, "OrderDetail")["order"]
    back = order_shop.data(operation_text("15"), {"id": gid}, "OrderReturns")["order"]
    assert order["lineItems"]["nodes"]
    assert order["transactions"]
    assert bool(order["refunds"]) == (trouble in ("refund_line", "exchange"))
    assert len(order["fulfillments"]) >= (2 if trouble == "several_parcels" else 1 if trouble != "split_payment" else 0)
    assert bool(back["returns"]["nodes"]) == (trouble == "exchange")


def test_a_long_order_is_read_in_pages(one, order_shop):
    first = one("giant", "id lineItems(first: 250) { pageInfo { hasNextPage endCursor } nodes { id } }")
    call = f"lineItems(first: 250, after: $a) {{ {PAGE} nodes {{ id }} }}"
    query = f"query($id: ID!, $a: String) {{ order(id: $id) {{ {call} }} }}"
    rest = order_shop.data(query, {"id": first["id"], "a": first["lineItems"]["pageInfo"]["endCursor"]})["order"]
    assert first["lineItems"]["pageInfo"]["hasNextPage"]
    assert not rest["lineItems"]["pageInfo"]["hasNextPage"]
    ids = {line["id"] for line in (*first["lineItems"]["nodes"], *rest["lineItems"]["nodes"])}
    assert len(ids) >= 300


def test_a_removed_line_stays_with_quantity_zero(one):
    order = one("removed_line", "edited lineItems(first: 1) { nodes { quantity currentQuantity } } refunds { id }")
    assert order["edited"]
    assert order["lineItems"]["nodes"][0]["quantity"] > 0
    assert order["lineItems"]["nodes"][0]["currentQuantity"] == 0


def test_deleted_goods_have_no_product(one):
    order = one("deleted_product", "lineItems(first: 10) { nodes { title sku product { id } variant { id } } }")
    assert all(line["product"] is None and line["variant"] is None for line in order["lineItems"]["nodes"])


def test_sold_goods_lead_to_their_product(one):
    order = one("code_percent_order", "lineItems(first: 1) { nodes { title product { title } variant { sku } sku } }")
    [line] = order["lineItems"]["nodes"]
    assert line["title"] == line["product"]["title"]
    assert (line["sku"] or "") == (line["variant"]["sku"] or "")


def test_code_discounts_count_only_when_asked_for(one):
    selection = f"""discountCodes lineItems(first: 1) {{ nodes {{ originalTotalSet {BAG} plain: discountedTotalSet {BAG}
      coded: discountedTotalSet(withCodeDiscounts: true) {BAG} }} }}"""
    order = one("code_each_line", selection)
    [line] = order["lineItems"]["nodes"]
    assert order["discountCodes"] == ["CIASCUNO"]
    assert amount(line["plain"]) == amount(line["originalTotalSet"])
    assert amount(line["coded"]) < amount(line["originalTotalSet"])


def test_order_level_discounts_are_in_no_line_total_but_in_the_unit_price(one):
    selection = f"""lineItems(first: 1) {{ nodes {{ originalTotalSet {BAG} originalUnitPriceSet {BAG}
      coded: discountedTotalSet(withCodeDiscounts: true) {BAG} discountedUnitPriceAfterAllDiscountsSet {BAG} }} }}"""
    [line] = one("code_percent_order", selection)["lineItems"]["nodes"]
    assert amount(line["coded"]) == amount(line["originalTotalSet"])
    assert amount(line["discountedUnitPriceAfterAllDiscountsSet"]) < amount(line["originalUnitPriceSet"])


def test_every_kind_of_discount_application_occurs(order_shop):
    selection = "nodes { discountApplications(first: 5) { nodes { __typename value { __typename } } } }"
    found = [entry for node in pages(order_shop, selection) for entry in node["discountApplications"]["nodes"]]
    assert len({entry["__typename"] for entry in found}) == 4
    assert len({entry["value"]["__typename"] for entry in found}) == 2


def test_a_refund_names_lines_shipping_and_adjustments(one):
    part = f"""refunds {{ note totalRefundedSet {BAG}
      refundLineItems(first: 5) {{ nodes {{ quantity restockType restocked
      subtotalSet {BAG} totalTaxSet {BAG} lineItem {{ id }} location {{ id }} }} }}
      refundShippingLines(first: 5) {{ nodes {{ subtotalAmountSet {BAG} taxAmountSet {BAG} shippingLine {{ id }} }} }}
      orderAdjustments(first: 5) {{ nodes {{ reason amountSet {BAG} }} }}
      transactions(first: 5) {{ nodes {{ kind status }} }} }}"""
    [less] = one("refund_less", part)["refunds"]
    assert less["refundLineItems"]["nodes"][0]["restockType"] == "RETURN"
    assert [entry["reason"] for entry in less["orderAdjustments"]["nodes"]] == ["DAMAGE"]
    [nothing] = one("refund_without_money", part)["refunds"]
    assert nothing["transactions"]["nodes"] == []
    assert amount(nothing["totalRefundedSet"]) == (0, 0)
    [shipping] = one("refund_shipping", part)["refunds"]
    assert amount(shipping["refundShippingLines"]["nodes"][0]["subtotalAmountSet"])[0] > 0


def test_all_sorts_of_gateways_occur(order_shop):
    found = {
        name for node in pages(order_shop, "nodes { paymentGatewayNames }") for name in node["paymentGatewayNames"]
    }
    assert found >= {
        "shopify_payments", "paypal", "stripe", "bogus", "gift_card", "cash", "Cash on Delivery (COD)",
        "Bonifico bancario", "satispay_ponte_v2",
    }  # fmt: skip


def test_only_shopify_payments_tells_its_fee(order_shop):
    selection = "nodes { transactions { gateway kind status fees { amount { amount } } } }"
    for node in pages(order_shop, selection):
        for entry in node["transactions"]:
            paid = entry["kind"] in ("SALE", "CAPTURE") and entry["status"] == "SUCCESS"
            assert bool(entry["fees"]) == (entry["gateway"] == "shopify_payments" and paid)


def test_a_business_buys_as_a_company(one):
    order = one(
        "company_buyer", "poNumber purchasingEntity { __typename ... on PurchasingCompany { company { name } } }"
    )
    assert order["purchasingEntity"]["__typename"] == "PurchasingCompany"
    assert order["purchasingEntity"]["company"]["name"]
    assert order["poNumber"]


def test_an_order_of_an_app_may_state_no_payment_at_all(one):
    order = one("nothing_stated", "displayFinancialStatus transactions { id } sourceName")
    assert order == {"displayFinancialStatus": None, "transactions": [], "sourceName": "marketplace_x"}


def test_guests_have_no_customer(one):
    assert one("guest", "customer { id } email")["customer"] is None
    assert one("no_email", "customer { id } email")["email"] is None


def test_hostile_texts_arrive_as_they_are(one):
    order = one("hostile_texts", "tags customAttributes { key value }")
    assert ("<b>chiave</b>", "\"valore\" & 'altro'") in [tuple(entry.values()) for entry in order["customAttributes"]]


@pytest.mark.parametrize(
    ("search", "trouble"),
    [
        ("financial_status:authorized", "authorized"),
        ("financial_status:expired", "authorization_expired"),
        ("financial_status:voided", "voided"),
        ("fulfillment_status:on_hold", "on_hold"),
        ("return_status:in_progress", "return_open"),
        ("status:cancelled", "cancelled_fraud"),
        ("discount_code:ciascuno", "code_each_line"),
        ("gateway:satispay_ponte_v2", "unknown_gateway"),
        ("test:true", "bogus_test"),
        ("source_name:pos", "cash_rounding"),
        ("po_number:'PO-*'", None),
    ],
)
def test_filters_find(order_shop, named, search, trouble):
    names = [node["name"] for node in pages(order_shop, "nodes { name }", query=search)]
    if trouble is None:
        assert names == []
    else:
        assert named[trouble] in names
        assert len(names) < 60


def test_an_unknown_filter_is_ignored_with_a_warning(order_shop):
    answer = order_shop.answer('{ orders(first: 1, query: "flavour:sweet") { nodes { id } } }')
    assert answer["extensions"]["search"][0]["warnings"][0]["field"] == "flavour"


def test_counting_takes_the_same_filters(order_shop):
    query = "query($q: String) { ordersCount(query: $q) { count precision } }"
    everything = order_shop.data(query)["ordersCount"]["count"]
    cancelled = order_shop.data(query, {"q": "status:cancelled"})["ordersCount"]["count"]
    assert (everything, cancelled) == (220, len(pages(order_shop, "nodes { id }", query="status:cancelled")))


@pytest.mark.parametrize(
    "key",
    ["CREATED_AT", "UPDATED_AT", "PROCESSED_AT", "ORDER_NUMBER", "TOTAL_PRICE", "CUSTOMER_NAME", "FINANCIAL_STATUS"],
)
def test_orders_are_listed_once_in_every_order(order_shop, key):
    after, seen = None, Counter()
    call = f"orders(first: 90, after: $a, sortKey: {key})"
    query = f"query($a: String) {{ {call} {{ nodes {{ id }} {PAGE} }} }}"
    while True:
        page = order_shop.data(query, {"a": after})["orders"]
        seen.update(node["id"] for node in page["nodes"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert set(seen.values()) == {1}
    assert len(seen) == 220


def test_parts_of_an_order_are_found_by_their_id(order_shop, one):
    parts = one(
        "exchange",
        """lineItems(first: 1) { nodes { id } } transactions { id } refunds { id } fulfillments { id }
        returns(first: 1) { nodes { id } } billingAddress { id }""",
    )
    ids = [
        parts["lineItems"]["nodes"][0]["id"],
        *(parts[name][0]["id"] for name in ("transactions", "refunds", "fulfillments")),
        parts["returns"]["nodes"][0]["id"],
        parts["billingAddress"]["id"],
    ]
    found = order_shop.data("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", {"ids": ids})["nodes"]
    assert [entry["id"] for entry in found] == ids


def test_customers_know_what_they_bought(order_shop):
    own = "id numberOfOrders amountSpent { amount } lastOrder { id } orders(first: 20) { nodes { id } }"
    query = f"{{ customers(first: 100) {{ nodes {{ {own} }} }} }}"
    customers = order_shop.data(query)["customers"]["nodes"]
    selection = f"nodes {{ test cancelledAt customer {{ id }} netPaymentSet {BAG} }}"
    counts, spent = Counter(), Counter()
    for order in pages(order_shop, selection):
        if order["customer"] and not order["test"]:
            counts[order["customer"]["id"]] += 1
            if not order["cancelledAt"]:
                spent[order["customer"]["id"]] += amount(order["netPaymentSet"])[0]
    for customer in customers:
        assert int(customer["numberOfOrders"]) == counts[customer["id"]]
        assert Decimal(customer["amountSpent"]["amount"]) == spent[customer["id"]]
        assert bool(customer["lastOrder"]) == bool(customer["orders"]["nodes"])


class TestOldOrders:
    """Orders older than 60 days are absent without `read_all_orders`."""

    @pytest.fixture
    def poor(self, order_shop):
        order_shop.control.set_options(token_scopes=NO_OLD_ORDERS)
        yield order_shop
        order_shop.control.set_options(token_scopes="*")

    def test_lists_and_counts_leave_them_out(self, poor):
        counted = poor.data("{ ordersCount { count } }")["ordersCount"]["count"]
        created = [node["createdAt"] for node in pages(poor, "nodes { createdAt }")]
        assert len(created) == counted < 220
        assert min(created) >= "2025-11-16T08:00:00Z"

    def test_an_old_order_is_not_found_by_id(self, order_shop, poor):
        order_shop.control.set_options(token_scopes="*")
        query = "{ orders(first: 1, query: \"created_at:<'2025-11-01T00:00:00Z'\") { nodes { id } } }"
        [old] = order_shop.data(query)["orders"]["nodes"]
        order_shop.control.set_options(token_scopes=NO_OLD_ORDERS)
        assert poor.data("query($id: ID!) { order(id: $id) { id } node(id: $id) { id } }", old) == {
            "order": None,
            "node": None,
        }

    def test_the_border_can_be_moved(self, poor):
        poor.control.set_options(orders_readable_since="2020-01-01T00:00:00+00:00")
        assert poor.data("{ ordersCount { count } }")["ordersCount"]["count"] == 220


def test_orders_need_their_scope(order_shop):
    order_shop.control.set_options(token_scopes="read_products")
    error = order_shop.error("{ orders(first: 1) { nodes { id } } }")
    order_shop.control.set_options(token_scopes="*")
    assert error["extensions"]["code"] == "ACCESS_DENIED"


def test_a_shop_without_orders_stays_as_it_was(shop):
    assert shop.data("{ ordersCount { count } }")["ordersCount"]["count"] == 0
    [customer] = shop.data('{ customers(first: 1, query: "orders_count:>0") { nodes { numberOfOrders } } }')[
        "customers"
    ]["nodes"]
    assert int(customer["numberOfOrders"]) > 0
