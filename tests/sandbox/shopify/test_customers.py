"""Writing customers: Shopify's rules, user errors and side effects."""

import pytest

UPDATE = (
    "mutation($input: CustomerInput!) { customerUpdate(input: $input)"
    " { customer { id tags note } userErrors { field message } } }"
)
CONSENT = (
    "mutation($input: CustomerEmailMarketingConsentUpdateInput!) { customerEmailMarketingConsentUpdate(input: $input)"
    " { customer { defaultEmailAddress { marketingState } } userErrors { field message code } } }"
)


def consent(shop, gid, **given):
    payload = shop.data(CONSENT, {"input": {"customerId": gid, "emailMarketingConsent": given}})
    return payload["customerEmailMarketingConsentUpdate"]


def address_mutation(shop, name, customer, **arguments):
    types = {"customerId": "ID!", "addressId": "ID!", "address": "MailingAddressInput!", "setAsDefault": "Boolean"}
    used = {key: types[key] for key in ("customerId", *arguments)}
    selection = {
        "customerAddressDelete": "deletedAddressId userErrors { field message }",
        "customerUpdateDefaultAddress": "customer { defaultAddress { id } } userErrors { field message }",
    }.get(name, "address { id city country } userErrors { field message }")
    return shop.mutate(name, {"customerId": customer, **arguments}, selection, **used)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"email": "no-mail"}, {"field": ["email"], "message": "Email is invalid"}),
        ({"email": "a@b"}, {"field": ["email"], "message": "Email is invalid"}),
        ({"phone": "12345"}, {"field": ["phone"], "message": "Phone is invalid"}),
        ({"phone": "347 123 4567"}, {"field": ["phone"], "message": "Phone is invalid"}),
        (
            {"firstName": "x" * 256},
            {"field": ["firstName"], "message": "First name is too long (maximum is 255 characters)"},
        ),
        (
            {"email": "a@example.com", "note": "x" * 5001},
            {"field": ["note"], "message": "Note is too long (maximum is 5000 characters)"},
        ),
        ({"note": "only"}, {"field": None, "message": "A name, phone number, or email address must be present"}),
        (
            {"email": "a@example.com", "tags": ["x" * 256]},
            {"field": ["tags"], "message": "Tags is too long (maximum is 255 characters)"},
        ),
    ],
)
def test_a_creation_is_refused(shop, given, error):
    assert shop.refused_create(**given) == [error]


def test_an_email_is_unique_without_case(shop):
    gid = shop.create(email="Ada@Example.com")
    assert shop.refused_create(email="aDA@example.COM")[0]["message"] == "Email has already been taken"
    assert shop.customer(gid, "email")["email"] == "Ada@Example.com"


def test_a_phone_is_unique_and_stored_as_e164(shop):
    gid = shop.create(phone="+39 347 123 4567")
    assert shop.refused_create(phone="+393471234567")[0]["message"] == "Phone has already been taken"
    assert shop.customer(gid, "phone")["phone"] == "+393471234567"


def test_an_email_is_free_again_after_a_change(shop):
    gid = shop.create(email="a@example.com")
    shop.data(UPDATE, {"input": {"id": gid, "email": "b@example.com"}})
    assert shop.create(email="a@example.com") != gid


def test_tags_are_trimmed_sorted_and_unique_without_case(shop):
    gid = shop.create(email="a@example.com", tags=[" vip ", "VIP", "b, a", ""])
    assert shop.customer(gid, "tags")["tags"] == ["a", "b", "vip"]


def test_there_are_250_tags_at_most(shop):
    gid = shop.create(email="a@example.com", tags=[f"t{number}" for number in range(250)])
    payload = shop.mutate(
        "tagsAdd", {"id": gid, "tags": ["more"]}, "userErrors { message }", id="ID!", tags="[String!]!"
    )
    assert payload["userErrors"] == [{"message": "Tags cannot be more than 250"}]


def test_an_update_leaves_out_what_is_not_given_and_clears_empty_text(shop):
    gid = shop.create(email="a@example.com", note="old", tags=["kept"])
    payload = shop.data(UPDATE, {"input": {"id": gid, "note": ""}})["customerUpdate"]
    assert payload["customer"] == {"id": gid, "tags": ["kept"], "note": None}


def test_an_update_of_nobody(shop):
    payload = shop.data(UPDATE, {"input": {"id": "gid://shopify/Customer/1", "note": "x"}})["customerUpdate"]
    assert payload["userErrors"] == [{"field": ["id"], "message": "Customer does not exist"}]


def test_consent_is_for_creation_only(shop):
    given = {"marketingState": "SUBSCRIBED", "marketingOptInLevel": "SINGLE_OPT_IN"}
    gid = shop.create(email="a@example.com", emailMarketingConsent=given)
    assert (
        shop.customer(gid, "defaultEmailAddress { marketingState }")["defaultEmailAddress"]["marketingState"]
        == "SUBSCRIBED"
    )
    payload = shop.data(UPDATE, {"input": {"id": gid, "emailMarketingConsent": given}})["customerUpdate"]
    assert "customerEmailMarketingConsentUpdate" in payload["userErrors"][0]["message"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"marketingState": "SUBSCRIBED"}, "MISSING_ARGUMENT"),
        ({"marketingState": "PENDING", "marketingOptInLevel": "SINGLE_OPT_IN"}, "INVALID"),
        ({"marketingState": "NOT_SUBSCRIBED"}, "INVALID"),
        ({"marketingState": "UNSUBSCRIBED", "consentUpdatedAt": "2999-01-01T00:00:00Z"}, "INVALID"),
    ],
)
def test_a_consent_is_refused(shop, error_codes, given, code):
    assert error_codes(consent(shop, shop.create(email="a@example.com"), **given)) == [code]


def test_consent_of_a_customer_without_email_does_nothing_and_says_nothing(shop):
    payload = consent(shop, shop.create(firstName="Ada"), marketingState="UNSUBSCRIBED")
    assert payload == {"customer": {"defaultEmailAddress": None}, "userErrors": []}


def test_sms_consent_needs_a_phone(shop):
    given = {
        "customerId": shop.create(email="a@example.com"),
        "smsMarketingConsent": {"marketingState": "UNSUBSCRIBED"},
    }
    payload = shop.mutate(
        "customerSmsMarketingConsentUpdate",
        {"input": given},
        "userErrors { message }",
        input="CustomerSmsMarketingConsentUpdateInput!",
    )
    assert "phone number is required" in payload["userErrors"][0]["message"]


def test_the_first_address_becomes_the_default(shop):
    gid = shop.create(email="a@example.com")
    first = address_mutation(shop, "customerAddressCreate", gid, address={"city": "Milano", "countryCode": "IT"})[
        "address"
    ]
    second = address_mutation(shop, "customerAddressCreate", gid, address={"city": "Roma", "countryCode": "IT"})[
        "address"
    ]
    assert first["country"] == "Italy"
    assert shop.customer(gid, "defaultAddress { id }")["defaultAddress"]["id"] == first["id"]
    address_mutation(shop, "customerUpdateDefaultAddress", gid, addressId=second["id"])
    assert shop.customer(gid, "defaultAddress { id }")["defaultAddress"]["id"] == second["id"]


def test_an_address_is_changed_and_deleted(shop):
    gid = shop.create(email="a@example.com")
    made = address_mutation(shop, "customerAddressCreate", gid, address={"city": "Milano", "zip": "20121"})["address"]
    changed = address_mutation(shop, "customerAddressUpdate", gid, addressId=made["id"], address={"city": "Roma"})
    assert changed["address"]["city"] == "Roma"
    node = shop.data("query($id: ID!) { node(id: $id) { ... on MailingAddress { zip } } }", {"id": made["id"]})
    assert node["node"]["zip"] == "20121"
    assert address_mutation(shop, "customerAddressDelete", gid, addressId=made["id"])["deletedAddressId"] == made["id"]
    assert shop.customer(gid, "defaultAddress { id }")["defaultAddress"] is None


def test_the_same_address_twice_is_refused(shop):
    gid = shop.create(email="a@example.com")
    address_mutation(shop, "customerAddressCreate", gid, address={"city": "Milano"})
    again = address_mutation(shop, "customerAddressCreate", gid, address={"city": "Milano"})
    assert again["userErrors"] == [{"field": ["address"], "message": "Customer address already exists"}]


def delete(shop, gid):
    given = {"input": {"id": gid}}
    return shop.mutate(
        "customerDelete", given, "deletedCustomerId userErrors { message }", input="CustomerDeleteInput!"
    )


def test_a_customer_without_orders_is_deleted(shop):
    gid = shop.create(email="a@example.com")
    assert delete(shop, gid)["deletedCustomerId"] == gid
    assert shop.customer(gid) is None
    assert delete(shop, gid)["userErrors"] == [{"message": "Customer can't be found"}]


def test_a_customer_with_orders_stays(shop):
    gid = shop.search("orders_count:>0")[0]
    assert "associated orders" in delete(shop, gid)["userErrors"][0]["message"]
    assert shop.customer(gid) == {"id": gid}


def test_a_merge_keeps_the_second_customer_and_names_its_id_at_once(shop):
    one = shop.create(firstName="Ada", email="a@example.com", tags=["x"])
    two = shop.create(lastName="Byron", phone="+393471234567", tags=["y"])
    query = (
        "mutation($one: ID!, $two: ID!) { customerMerge(customerOneId: $one, customerTwoId: $two)"
        " { resultingCustomerId job { id done } userErrors { code } } }"
    )
    payload = shop.data(query, {"one": one, "two": two})["customerMerge"]
    assert payload["resultingCustomerId"] == two
    assert shop.data("query($id: ID!) { job(id: $id) { done } }", {"id": payload["job"]["id"]})["job"]["done"] is True
    assert shop.customer(one) is None
    merged = shop.customer(two, "firstName lastName email phone tags")
    assert merged == {
        "firstName": "Ada",
        "lastName": "Byron",
        "email": "a@example.com",
        "phone": "+393471234567",
        "tags": ["x", "y"],
    }


def test_a_merge_with_nobody_is_refused(shop, error_codes):
    query = (
        'mutation($one: ID!) { customerMerge(customerOneId: $one, customerTwoId: "gid://shopify/Customer/1")'
        " { resultingCustomerId userErrors { code } } }"
    )
    assert error_codes(shop.data(query, {"one": shop.create(email="a@example.com")})["customerMerge"]) == [
        "INVALID_CUSTOMER_ID"
    ]


def test_an_idempotency_key_returns_the_earlier_outcome(shop):
    text = (
        "mutation($input: CustomerInput!, $key: String!) { customerCreate(input: $input) @idempotent(key: $key)"
        " { customer { id } userErrors { message } } }"
    )
    given = {"input": {"firstName": "Ada"}, "key": "k1"}
    first = shop.data(text, given)
    assert shop.data(text, given) == first
    error = shop.error(text, {"input": {"firstName": "Eve"}, "key": "k1"})
    assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"


def test_some_mutations_refuse_to_run_without_an_idempotency_key(shop):
    given = '{ name: "available", reason: "correction", quantities: [] }'
    error = shop.error(f"mutation {{ inventorySetQuantities(input: {given}) {{ userErrors {{ message }} }} }}")
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert "@idempotent" in error["message"]


def test_the_seeds_hold_italian_tax_data(shop):
    fields = 'piva: metafield(namespace: "custom", key: "piva") { value } defaultAddress { company }'
    query = f"{{ customers(first: 250) {{ nodes {{ {fields} }} }} }}"
    nodes = shop.data(query)["customers"]["nodes"]
    with_vat = [node for node in nodes if node["piva"] and node["defaultAddress"]]
    assert with_vat
    assert all(node["defaultAddress"]["company"] for node in with_vat)


class TestStaff:
    """What the shop's own people do in the admin."""

    RENAME = "mutation R($input: CustomerInput!) { customerUpdate(input: $input) { userErrors { message } } }"

    def test_their_edits_cost_the_app_no_points(self, shop):
        customer = shop.create(email="ada@example.com")
        before = shop.control.state()["requests"]
        shop.control.admin(self.RENAME, input={"id": customer, "lastName": "Rossi"})
        assert shop.control.state()["requests"]["points"] == before["points"]
        found = shop.data("query($id: ID!) { customer(id: $id) { lastName } }", {"id": customer})
        assert found["customer"]["lastName"] == "Rossi"

    def test_their_edits_are_in_the_diary(self, shop):
        customer = shop.create(email="ada@example.com")
        seen = shop.control.changes()[-1][0]
        shop.control.admin(self.RENAME, input={"id": customer, "lastName": "Rossi"})
        [(_, _, what, record)] = shop.control.changes(seen)
        assert (what, record) == ("CUSTOMERS_UPDATE", customer.rsplit("/", 1)[1])

    def test_what_the_shop_refuses_is_told(self, shop):
        with pytest.raises(ValueError, match="Customer does not exist"):
            shop.control.admin(self.RENAME, input={"id": "gid://shopify/Customer/1", "lastName": "Rossi"})
