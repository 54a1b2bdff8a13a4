"""Versions, tokens, scopes and protected customer data."""

import pytest


def test_a_dead_token_is_unauthorized(shop):
    assert shop.post("{ shop { id } }", token="wrong").status_code == 401


@pytest.mark.parametrize(("status", "code"), [("frozen", 402), ("forbidden", 403), ("unknown", 404), ("locked", 423)])
def test_a_shop_in_trouble_answers_with_its_status(shop, status, code):
    shop.control.set_options(shop_status=status)
    assert shop.post("{ shop { id } }").status_code == code


@pytest.mark.parametrize(
    ("asked", "served"),
    [("2026-10", "2026-10"), ("2026-04", "2026-04"), ("2025-01", "2026-01"), ("unstable", "unstable")],
)
def test_an_expired_version_falls_forward(shop, asked, served):
    answer = shop.post("{ shop { id } }", version=asked)
    assert answer.headers["X-Shopify-API-Version"] == served
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("asked", ["2027-01", "2026-02", "x"])
def test_a_version_that_never_was_is_not_found(shop, asked):
    assert shop.post("{ shop { id } }", version=asked).status_code == 404


def test_the_versions_are_listed(shop):
    versions = shop.data("{ publicApiVersions { handle supported } }")["publicApiVersions"]
    assert [version["handle"] for version in versions] == ["2026-01", "2026-04", "2026-07", "2026-10"]


def test_a_missing_scope_on_a_non_null_root_nulls_all_data(shop):
    shop.control.set_options(token_scopes="read_products")
    answer = shop.answer("{ shop { id } customers(first: 1) { nodes { id } } }")
    assert answer["data"] is None
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "ACCESS_DENIED"
    assert error["extensions"]["requiredAccess"] == "`read_customers` access scope."
    assert error["path"] == ["customers"]


def test_a_missing_scope_on_a_nullable_field_nulls_that_field(shop):
    shop.control.set_options(token_scopes="read_products")
    answer = shop.answer('{ shop { name } customer(id: "gid://shopify/Customer/7000000000002") { id } }')
    assert answer["data"] == {"shop": {"name": "Sandbox Shop"}, "customer": None}


def test_a_write_scope_includes_the_read_scope(shop):
    gid = shop.create(email="a@example.com")
    shop.control.set_options(token_scopes="write_customers")
    assert shop.customer(gid) == {"id": gid}


NOBODY, SOMEBODY = "gid://shopify/Customer/1", "gid://shopify/Customer/7000000000002"
WRITES = {
    "customerCreate": 'input: {firstName: "Ada"}',
    "tagsAdd": f'id: "{SOMEBODY}", tags: ["x"]',
    "metafieldsSet": f'metafields: [{{ownerId: "{SOMEBODY}", key: "abc", value: "x"}}]',
    "metafieldDefinitionCreate": 'definition: {ownerType: CUSTOMER, key: "abc", name: "x", type: "id"}',
    "customerMerge": f'customerOneId: "{NOBODY}", customerTwoId: "{NOBODY}"',
}


@pytest.mark.parametrize("name", WRITES)
def test_writing_needs_the_write_scope(shop, name):
    shop.control.set_options(token_scopes="read_customers")
    answer = shop.answer(f"mutation {{ {name}({WRITES[name]}) {{ userErrors {{ message }} }} }}")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["ACCESS_DENIED"]
    assert answer["data"] == {name: None}


def test_a_node_of_a_type_without_scope_is_denied(shop):
    shop.control.set_options(token_scopes="read_products")
    answer = shop.answer('{ node(id: "gid://shopify/Customer/7000000000002") { id } }')
    assert answer["data"] == {"node": None}
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


def test_a_topic_needs_the_read_scope_of_its_resource(shop, operation_text):
    shop.control.set_options(token_scopes="read_products")
    given = {"topic": "CUSTOMERS_UPDATE", "sub": {"uri": "https://a.example.com/hooks"}}
    payload = shop.data(operation_text("19"), given, "WebhookCreate")["webhookSubscriptionCreate"]
    assert payload["webhookSubscription"] is None
    assert payload["userErrors"][0]["field"] == ["webhookSubscription", "topic"]


def test_the_granted_scopes_are_reported(shop):
    shop.control.set_options(token_scopes="write_customers")
    scopes = shop.data("{ currentAppInstallation { accessScopes { handle } } }")["currentAppInstallation"][
        "accessScopes"
    ]
    assert [scope["handle"] for scope in scopes] == ["read_customers", "write_customers"]


@pytest.mark.parametrize(
    ("group", "hidden"),
    [
        ("name", {"firstName": None}),
        ("phone", {"phone": None}),
        ("email", {"email": None}),
        ("address", {"defaultAddress": {"address1": None, "zip": None, "city": "Milano"}}),
    ],
)
def test_unapproved_customer_data_reads_as_null(shop, group, hidden):
    gid = shop.create(firstName="Ada", email="a@example.com", phone="+393471234567")
    address = {"address1": "Via 1", "zip": "20121", "city": "Milano"}
    types = {"customerId": "ID!", "address": "MailingAddressInput!"}
    shop.mutate("customerAddressCreate", {"customerId": gid, "address": address}, "address { id }", **types)
    shown = {"firstName": "Ada", "email": "a@example.com", "phone": "+393471234567", "defaultAddress": address}
    shop.control.set_options(hidden_customer_data=[group])
    assert shop.customer(gid, "firstName email phone defaultAddress { address1 zip city }") == {**shown, **hidden}


def test_unapproved_data_of_a_non_null_field_nulls_its_parent(shop):
    gid = shop.create(email="a@example.com")
    shop.control.set_options(hidden_customer_data=["email"])
    answer = shop.answer(
        "query($id: ID!) { customer(id: $id) { id defaultEmailAddress { emailAddress } } }", {"id": gid}
    )
    assert answer["data"]["customer"] == {"id": gid, "defaultEmailAddress": None}
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


def test_an_unknown_option_is_refused(shop):
    with pytest.raises(ValueError, match="unknown option 'speed'"):
        shop.control.set_options(speed=1)
