"""Metafields and their definitions."""

import pytest


@pytest.fixture
def ada(shop):
    return shop.create(email="a@example.com")


def entry(owner, **given):
    return {
        "ownerId": owner,
        "namespace": "$app",
        "key": "note",
        "type": "single_line_text_field",
        "value": "x",
        **given,
    }


def value(shop, gid, key="note"):
    found = shop.customer(gid, f'metafield(key: "{key}") {{ value compareDigest namespace }}')["metafield"]
    return found["value"] if found else None


def test_the_app_namespace_is_canonical_and_the_default(shop, ada):
    [written] = shop.set_metafields(entry(ada))["metafields"]
    assert written["namespace"].startswith("app--")
    assert value(shop, ada) == "x"


def test_one_wrong_entry_stops_all(shop, ada, error_codes):
    payload = shop.set_metafields(entry(ada), entry(ada, key="count", type="number_integer", value="many"))
    assert payload["metafields"] is None
    assert error_codes(payload) == ["INVALID_VALUE"]
    assert payload["userErrors"][0]["elementIndex"] == 1
    assert value(shop, ada) is None


def test_there_are_25_entries_at_most(shop, ada, error_codes):
    many = [entry(ada, key=f"key{number}") for number in range(26)]
    assert error_codes(shop.set_metafields(*many)) == ["LESS_THAN_OR_EQUAL_TO"]
    assert error_codes(shop.set_metafields(*many[:25])) == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"type": None}, "BLANK"),
        ({"type": "unheard_of"}, "INVALID_TYPE"),
        ({"value": ""}, "BLANK"),
        ({"value": "two\nlines"}, "INVALID_VALUE"),
        ({"type": "boolean", "value": "yes"}, "INVALID_VALUE"),
        ({"type": "list.number_integer", "value": '["a"]'}, "INVALID_VALUE"),
        ({"namespace": "app--1"}, "APP_NOT_AUTHORIZED"),
        ({"ownerId": "gid://shopify/Customer/1"}, "INVALID"),
        ({"compareDigest": "nonsense"}, "INVALID_COMPARE_DIGEST"),
        ({"compareDigest": "0" * 64}, "STALE_OBJECT"),
    ],
)
def test_an_entry_is_refused(shop, ada, error_codes, given, code):
    wanted = {name: kept for name, kept in entry(ada, **given).items() if kept is not None}
    assert error_codes(shop.set_metafields(wanted)) == [code]


def test_compare_digest_null_writes_only_what_is_absent(shop, ada, error_codes):
    assert error_codes(shop.set_metafields(entry(ada, compareDigest=None))) == []
    assert error_codes(shop.set_metafields(entry(ada, value="y", compareDigest=None))) == ["STALE_OBJECT"]
    assert value(shop, ada) == "x"


def test_a_digest_writes_only_over_the_value_it_was_read_with(shop, ada, error_codes):
    [written] = shop.set_metafields(entry(ada))["metafields"]
    assert error_codes(shop.set_metafields(entry(ada, value="y", compareDigest=written["compareDigest"]))) == []
    assert error_codes(shop.set_metafields(entry(ada, value="z", compareDigest=written["compareDigest"]))) == [
        "STALE_OBJECT"
    ]


def test_an_id_is_unique_across_customers(shop, ada, error_codes):
    shop.define()
    other = shop.create(email="b@example.com")
    crm = {"key": "crm_id", "type": "id", "value": "4711"}
    assert error_codes(shop.set_metafields(entry(ada, **crm), entry(other, **crm))) == ["TAKEN"]
    assert error_codes(shop.set_metafields(entry(ada, **crm))) == []
    assert error_codes(shop.set_metafields(entry(other, **crm))) == ["TAKEN"]


def test_the_type_comes_from_the_definition(shop, ada, error_codes):
    shop.define(key="total", type="number_decimal")
    untyped = {"ownerId": ada, "key": "total", "value": "1.50"}
    assert error_codes(shop.set_metafields(untyped)) == []
    assert error_codes(shop.set_metafields({**untyped, "type": "number_integer"})) == ["INVALID_TYPE"]


def test_a_deleted_metafield_is_gone_and_an_absent_one_is_null(shop, ada):
    shop.set_metafields(entry(ada))
    wanted = {"ownerId": ada, "namespace": "$app", "key": "note"}
    payload = shop.mutate(
        "metafieldsDelete",
        {"metafields": [wanted, {**wanted, "key": "absent"}]},
        "deletedMetafields { key } userErrors { message }",
        metafields="[MetafieldIdentifierInput!]!",
    )
    assert payload == {"deletedMetafields": [{"key": "note"}, None], "userErrors": []}
    assert value(shop, ada) is None


def test_a_metafield_is_a_node_with_its_owner(shop, ada):
    [written] = shop.set_metafields(entry(ada))["metafields"]
    query = "query($id: ID!) { node(id: $id) { ... on Metafield { key ownerType owner { ... on Customer { id } } } } }"
    assert shop.data(query, {"id": written["id"]})["node"] == {
        "key": "note",
        "ownerType": "CUSTOMER",
        "owner": {"id": ada},
    }


def test_a_definition_exists_once(shop, error_codes):
    assert error_codes(shop.define()) == []
    assert error_codes(shop.define()) == ["TAKEN"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"capabilities": {"uniqueValues": {"enabled": False}}}, "CAPABILITY_REQUIRED_BUT_DISABLED"),
        ({"type": "json", "capabilities": {"uniqueValues": {"enabled": True}}}, "INVALID_CAPABILITY"),
        ({"type": "unheard_of"}, "INCLUSION"),
        ({"key": "a"}, "TOO_SHORT"),
        ({"key": "a b"}, "INVALID_CHARACTER"),
        ({"name": " "}, "BLANK"),
        ({"namespace": "custom", "access": {"admin": "MERCHANT_READ"}}, "ADMIN_ACCESS_INPUT_NOT_ALLOWED"),
    ],
)
def test_a_definition_is_refused(shop, error_codes, given, code):
    assert error_codes(shop.define(**given)) == [code]


def test_metafields_of_a_customer_are_filtered_by_namespace_and_key(shop, ada):
    shop.set_metafields(entry(ada), entry(ada, key="more"), entry(ada, namespace="custom"))
    own = 'own: metafields(first: 9, namespace: "$app") { nodes { key } }'
    one = 'one: metafields(first: 9, keys: ["custom.note"]) { nodes { namespace } }'
    found = shop.customer(ada, f"{own} {one}")
    assert [node["key"] for node in found["own"]["nodes"]] == ["note", "more"]
    assert found["one"]["nodes"] == [{"namespace": "custom"}]
