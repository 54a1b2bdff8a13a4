import pytest
from graphql import build_schema, parse, validate

from shopify_fw360.records import Entity, UnknownFieldError
from shopify_fw360.shopify.schema_index import SDL
from shopify_fw360.shopify.selection import compile_selection, connection_cost
from shopify_fw360.shopify.virtual import VIRTUAL

PATHS = [
    "firstName",
    "firstName",
    "defaultAddress.city",
    "defaultAddress.zip",
    "addressesV2[].city",
    "metafields.custom.piva",
    "metafields.$app.fw360_id",
    "lastOrder.lineItems[].title",
]


@pytest.fixture(scope="module")
def sdl():
    return build_schema(SDL.read_text(encoding="utf-8"), assume_valid=True)


def selection(*paths):
    return compile_selection(Entity.CUSTOMER, paths)


def test_the_text_is_valid_against_the_pinned_schema(sdl):
    text = f"{{ customers(first: 1) {{ nodes {{ {selection(*PATHS).text} }} }} }}"
    assert validate(sdl, parse(text)) == []


def test_paths_are_merged_and_identity_is_always_read():
    chosen = selection("defaultAddress.city", "defaultAddress.zip", "defaultAddress.city")
    assert chosen.text == "id legacyResourceId updatedAt defaultAddress { city id zip }"


def test_the_same_paths_in_any_order_give_the_same_text():
    assert selection(*PATHS).text == selection(*reversed(PATHS)).text


def test_an_unknown_path_is_refused():
    with pytest.raises(UnknownFieldError):
        selection("frstName")


def test_scopes_of_all_steps_are_collected():
    assert selection("firstName").scopes == {("read_customers",)}
    assert any("read_orders" in scopes for scopes in selection("lastOrder.name").scopes)


def test_answers_become_plain_records():
    chosen = selection("addressesV2[].city", "metafields.custom.piva", "metafields.$app.fw360_id", "defaultAddress.zip")
    aliases = {pair: alias for alias, pair in chosen.root.aliases().items()}
    rest = []
    flat = chosen.flatten(
        {
            "id": "gid://shopify/Customer/1",
            "updatedAt": "2026-11-20T08:00:00Z",
            "legacyResourceId": "1",
            aliases["custom", "piva"]: {"value": "IT1"},
            aliases["$app", "fw360_id"]: None,
            "addressesV2": {"pageInfo": {"hasNextPage": False}, "nodes": [{"id": "a", "city": "Roma"}]},
            "defaultAddress": None,
        },
        rest,
    )
    assert flat["metafields"] == {"custom": {"piva": "IT1"}, "$app": {"fw360_id": None}}
    assert flat["addressesV2"] == [{"id": "a", "city": "Roma"}]
    assert flat["defaultAddress"] is None
    assert rest == []


def test_a_longer_nested_list_is_reported_with_where_to_go_on():
    rest = []
    page = {"pageInfo": {"hasNextPage": True, "endCursor": "c1"}, "nodes": [{"id": "a", "city": "Roma"}]}
    flat = selection("addressesV2[].city").flatten({"id": "gid://shopify/Customer/1", "addressesV2": page}, rest)
    assert [(part.parent_id, part.cursor) for part in rest] == [("gid://shopify/Customer/1", "c1")]
    assert rest[0].into is flat["addressesV2"]


def test_the_cost_follows_the_rules_fitted_on_recorded_answers():
    assert selection("firstName", "amountSpent.amount").cost == 0
    assert selection("defaultEmailAddress.emailAddress", "metafields.custom.piva", "defaultAddress.city").cost == 3
    # A connection of 50: 2 + floor(2 ln 50) * (1 + node).
    assert selection("addressesV2[].city").cost == 9


def test_the_page_is_as_large_as_the_points_allow():
    assert selection("firstName").page_size(500) == 250
    nested = selection("orders[].lineItems[].title")
    size = nested.page_size(500)
    assert connection_cost(size, nested.cost) <= 500 < connection_cost(size + 1, nested.cost)


def test_lists_inside_lists_are_read_in_pages_that_leave_room_for_several_records():
    assert selection("addressesV2[].city").nested == 50
    deep = selection("orders[].lineItems[].title", "orders[].lineItems[].variant.product.title")
    assert deep.nested < 50
    assert deep.page_size(500) >= 10


@pytest.fixture(scope="module")
def order():
    return compile_selection(
        Entity.ORDER,
        [
            "discountApplications[].index",
            "discountApplications[].ManualDiscountApplication.title",
            "discountApplications[].AutomaticDiscountApplication.title",
            "discountApplications[].value.MoneyV2.amount",
            "purchasingEntity.Customer.id",
        ],
    )


def test_types_of_one_object_are_told_apart(sdl, order):
    text = f"{{ orders(first: 1) {{ nodes {{ {order.text} }} }} }}"
    assert validate(sdl, parse(text)) == []


def test_an_object_has_only_what_belongs_to_its_type(order):
    discounts = [
        {
            "__typename": "ManualDiscountApplication",
            "index": 0,
            "ManualDiscountApplication_title": "Friends",
            "value": {"__typename": "MoneyV2", "MoneyV2_amount": "5.00"},
        },
        {"__typename": "ScriptDiscountApplication", "index": 1, "value": {"__typename": "PricingPercentageValue"}},
    ]
    page = {"pageInfo": {"hasNextPage": False}, "nodes": discounts}
    assert order.flatten({"discountApplications": page}, [])["discountApplications"] == [
        {
            "index": 0,
            "ManualDiscountApplication": {"title": "Friends"},
            "AutomaticDiscountApplication": None,
            "value": {"MoneyV2": {"amount": "5.00"}},
        },
        {
            "index": 1,
            "ManualDiscountApplication": None,
            "AutomaticDiscountApplication": None,
            "value": {"MoneyV2": None},
        },
    ]


def test_an_object_of_several_types_must_be_named():
    with pytest.raises(UnknownFieldError) as caught:
        compile_selection(Entity.ORDER, ["discountApplications[].value.amount"])
    assert "discountApplications[].value.MoneyV2.amount" in caught.value.suggestions


def test_a_computed_path_reads_what_it_is_computed_from(sdl):
    chosen = compile_selection(Entity.PRODUCT, VIRTUAL[Entity.PRODUCT])
    assert validate(sdl, parse(f"query Q($location: ID!) {{ product(id: 1) {{ {chosen.text} }} }}")) == []
    assert chosen.variables == {"location": "ID!"}
    assert ("read_inventory",) in chosen.scopes


def test_a_variable_is_declared_only_where_it_is_used():
    chosen = compile_selection(Entity.PRODUCT, ["variants[].quantity", "images[].url"])
    assert chosen.declared(chosen.text) == {"location": "ID!"}
    assert chosen.declared(chosen.root.children["media"].text(chosen.nested)) == {}
