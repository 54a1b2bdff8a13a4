"""Stock at several locations: set, adjusted, activated, and never twice."""

import uuid

import pytest

QUANTITIES = 'quantities(names: ["available", "on_hand"]) { name quantity }'
LEVELS = f"inventoryLevels(first: 5) {{ nodes {{ location {{ id }} {QUANTITIES} }} }}"


def items(shop, text):
    """Return items that are stocked at one location only."""
    query = f"query($q: String) {{ inventoryItems(first: 20, query: $q) {{ nodes {{ id {LEVELS} }} }} }}"
    found = shop.data(query, {"q": text})["inventoryItems"]["nodes"]
    return [node for node in found if len(node["inventoryLevels"]["nodes"]) == 1]


@pytest.fixture
def item(shop):
    return items(shop, "tracked:true")[0]


def available(shop, item):
    found = shop.data(f"query($id: ID!) {{ inventoryItem(id: $id) {{ {LEVELS} }} }}", {"id": item["id"]})
    return {
        node["location"]["id"]: node["quantities"][0]["quantity"]
        for node in found["inventoryItem"]["inventoryLevels"]["nodes"]
    }


@pytest.fixture
def put(shop, operation_text, item):
    def set_quantities(*rows, key=None, name="available"):
        stated = [{"inventoryItemId": item["id"], **row} for row in rows]
        given = {"name": name, "reason": "correction", "quantities": stated}
        variables = {"input": given, "key": key or str(uuid.uuid4())}
        return shop.answer(operation_text("13"), variables, "InventorySet")

    return set_quantities


def here(item):
    return item["inventoryLevels"]["nodes"][0]["location"]["id"]


def stock(item):
    return item["inventoryLevels"]["nodes"][0]["quantities"][0]["quantity"]


def payload(answer):
    return answer["data"]["inventorySetQuantities"]


def test_a_quantity_is_set_and_the_change_reported(shop, put, item):
    row = {"locationId": here(item), "quantity": stock(item) + 5, "changeFromQuantity": stock(item)}
    changes = payload(put(row))["inventoryAdjustmentGroup"]["changes"]
    assert {change["name"]: change["delta"] for change in changes} == {"available": 5, "on_hand": 5}
    assert available(shop, item)[here(item)] == stock(item) + 5


def test_a_stale_expectation_refuses_everything(shop, put, item):
    rows = [{"locationId": here(item), "quantity": 1, "changeFromQuantity": stock(item) + 1}]
    assert [error["code"] for error in payload(put(*rows))["userErrors"]] == ["CHANGE_FROM_QUANTITY_STALE"]
    assert available(shop, item)[here(item)] == stock(item)


def test_null_skips_the_check_and_no_change_makes_no_group(put, item):
    row = {"locationId": here(item), "quantity": stock(item), "changeFromQuantity": None}
    assert payload(put(row)) == {"inventoryAdjustmentGroup": None, "userErrors": []}


def test_the_expectation_must_be_stated(put, item):
    [error] = put({"locationId": here(item), "quantity": 1})["errors"]
    assert error["extensions"]["code"] == "INVALID_FIELD_ARGUMENTS"


def test_a_call_without_the_directive_is_refused(shop, item):
    row = {"inventoryItemId": item["id"], "locationId": here(item), "quantity": 1, "changeFromQuantity": None}
    given = {"name": "available", "reason": "correction", "quantities": [row]}
    text = "mutation($i: InventorySetQuantitiesInput!) { inventorySetQuantities(input: $i) { userErrors { code } } }"
    assert shop.error(text, {"i": given})["extensions"]["code"] == "BAD_REQUEST"


def test_a_repeated_key_answers_again_and_changes_nothing(shop, put, item):
    row = {"locationId": here(item), "quantity": stock(item) + 5, "changeFromQuantity": stock(item)}
    first = put(row, key="k")
    assert payload(put(row, key="k")) == payload(first)
    assert available(shop, item)[here(item)] == stock(item) + 5


def test_an_item_is_stocked_at_another_location_first(shop, operation_text, put, item):
    known = set(available(shop, item))
    locations = [node["id"] for node in shop.data("{ locations(first: 5) { nodes { id } } }")["locations"]["nodes"]]
    [other] = set(locations) - known
    row = {"locationId": other, "quantity": 3, "changeFromQuantity": None}
    assert [error["code"] for error in payload(put(row))["userErrors"]] == ["INVALID_LOCATION"]
    variables = {"itemId": item["id"], "locationId": other, "available": 4, "key": "a"}
    shop.data(operation_text("13"), variables, "InventoryActivate")
    assert available(shop, item)[other] == 4
    assert payload(put(row))["userErrors"] == []


def test_an_untracked_item_has_no_quantity_to_set(shop, put, item):
    untracked = items(shop, "tracked:false")[0]
    row = {"inventoryItemId": untracked["id"], "locationId": here(untracked), "quantity": 3, "changeFromQuantity": None}
    assert [error["code"] for error in payload(put(row))["userErrors"]] == ["NON_MUTABLE_INVENTORY_ITEM"]


def test_a_change_of_stock_moves_the_product_and_is_told(shop, operation_text, put, item, inbox):
    for topic in ("INVENTORY_LEVELS_UPDATE", "PRODUCTS_UPDATE"):
        shop.data(operation_text("19"), {"topic": topic, "sub": {"uri": f"{inbox.url}/{topic}"}}, "WebhookCreate")
    put({"locationId": here(item), "quantity": stock(item) + 1, "changeFromQuantity": None})
    topics = {inbox.take()[0]["x-shopify-topic"] for _ in range(2)}
    assert topics == {"inventory_levels/update", "products/update"}
