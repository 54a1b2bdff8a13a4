"""Everything that Shopify's schema does not allow is refused, in Shopify's shape."""

import pytest

from sandbox.shopify.registry import RESOLVERS
from sandbox.shopify.schema import shopify_schema

REFUSED = {
    "undefinedField": "{ shop { foo } }",
    "argumentNotAccepted": "{ shop(x: 1) { id } }",
    "missingRequiredArguments": "{ customer { id } }",
    "selectionMismatch": "{ shop }",
    "undefinedType": "query($x: Foo) { node(id: $x) { id } }",
    "variableNotDefined": "query Q { customer(id: $x) { id } }",
    "variableNotUsed": "query Q($x: ID) { shop { id } }",
    "variableMismatch": "query Q($x: Int) { customer(id: $x) { id } }",
    "useAndDefineFragment": "{ shop { ...F } }",
    "cannotSpreadFragment": "{ shop { ... on Customer { id } } }",
    "argumentLiteralsIncompatible": '{ customers(first: "a") { nodes { id } } }',
    "undefinedDirective": "{ shop { id @foo } }",
    "fieldConflict": "{ a: shop { x: id } a: shop { x: name } }",
}


@pytest.mark.parametrize("code", REFUSED)
def test_an_invalid_document_is_refused_with_its_code(shop, code):
    errors = shop.answer(REFUSED[code])["errors"]
    assert code in [error["extensions"]["code"] for error in errors]


def test_an_unknown_field_is_named_with_its_type_and_place(shop):
    error = shop.error("query Read { shop { plan { foo } } }")
    assert error["message"] == "Field 'foo' doesn't exist on type 'ShopPlan'"
    assert error["path"] == ["query Read", "shop", "plan", "foo"]
    assert error["locations"] == [{"line": 1, "column": 28}]


def test_a_text_that_does_not_parse_is_an_error_with_status_200(shop):
    assert shop.error("{ shop {")["message"].startswith("syntax error")


def test_a_wrong_variable_is_named(shop):
    error = shop.error("query($id: ID!) { customer(id: $id) { id } }", {})
    assert error["extensions"]["code"] == "INVALID_VARIABLE"
    assert "$id" in error["message"]


def test_a_connection_needs_first_or_last(shop):
    error = shop.error("{ customers { nodes { id } } }")
    assert error["message"] == "you must provide one of first or last"
    assert error["path"] == ["customers"]


def test_a_page_has_250_objects_at_most(shop):
    assert "250" in shop.error("{ customers(first: 251) { nodes { id } } }")["message"]


def test_an_input_list_has_250_entries_at_most(shop):
    query = "mutation($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { node { id } } }"
    error = shop.error(query, {"id": shop.create(email="a@example.com"), "tags": [str(tag) for tag in range(251)]})
    assert error["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"


def test_a_one_of_input_takes_one_key_only(shop):
    query = "query($by: CustomerIdentifierInput!) { customerByIdentifier(identifier: $by) { id } }"
    error = shop.error(query, {"by": {"emailAddress": "a@example.com", "phoneNumber": "+39"}})
    assert error["extensions"]["code"] == "INVALID_VARIABLE"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"query": 1}', b'{"query": "{shop{id}}", "variables": []}'])
def test_a_malformed_body_is_a_bad_request(shop, body):
    headers = {"X-Shopify-Access-Token": "sandbox-token", "Content-Type": "application/json"}
    url = f"{shop.url}/admin/api/2026-10/graphql.json"
    assert shop.session.post(url, data=body, headers=headers, timeout=5).status_code == 400


def test_every_mutation_of_the_pinned_schema_is_simulated():
    mutations = shopify_schema().mutation_type.fields
    assert [name for name in mutations if ("Mutation", name) not in RESOLVERS] == []


def test_an_operation_name_picks_the_operation(shop):
    text = "query A { shop { id } } query B { shop { name } }"
    assert shop.data(text, name="B") == {"shop": {"name": "Sandbox Shop"}}
    assert shop.error(text)["message"] == "An operation name is required"
