"""customerSet: upsert by identifier."""

import pytest

CUSTOM = {"customId": {"namespace": "$app", "key": "crm_id", "value": "4711"}}


def gid_of(payload):
    assert payload["userErrors"] == []
    return payload["customer"]["id"]


@pytest.fixture
def upsert(shop):
    shop.define()
    return shop.upsert


def test_a_custom_id_creates_once_and_updates_after(shop, upsert):
    before = shop.control.state()["records"]["Customer"]
    first = gid_of(upsert(CUSTOM, email="a@example.com", firstName="Ada"))
    again = gid_of(upsert(CUSTOM, email="b@example.com"))
    assert first == again
    assert shop.customer(first, "firstName email") == {"firstName": "Ada", "email": "b@example.com"}
    assert shop.control.state()["records"]["Customer"] == before + 1


def test_a_custom_id_alone_is_enough_for_a_name(upsert):
    assert gid_of(upsert(CUSTOM, firstName="Ada")) == gid_of(upsert(CUSTOM, firstName="Eve"))


def test_a_custom_id_without_a_definition_is_a_top_level_error(shop, operation_text):
    error = shop.error(operation_text("06"), {"identifier": CUSTOM, "input": {"email": "a@example.com"}})
    assert error["extensions"]["code"] == "NOT_FOUND"


def test_a_custom_id_needs_a_definition_of_type_id(shop, operation_text):
    shop.define(type="single_line_text_field")
    error = shop.error(operation_text("06"), {"identifier": CUSTOM, "input": {"email": "a@example.com"}})
    assert error["extensions"]["code"] == "NOT_FOUND"


def test_a_taken_email_is_refused_and_nothing_is_written(shop, upsert, error_codes):
    shop.create(email="a@example.com")
    assert error_codes(upsert(CUSTOM, email="A@example.com")) == ["TAKEN"]
    assert gid_of(upsert(CUSTOM, email="free@example.com"))


@pytest.mark.parametrize(
    ("identifier", "given", "code"),
    [
        ({"email": "a@example.com"}, {"firstName": "Ada"}, "MISSING_FIELD_REQUIRED"),
        ({"email": "a@example.com"}, {"email": "b@example.com"}, "INPUT_MISMATCH"),
        ({"phone": "+393471234567"}, {"firstName": "Ada"}, "MISSING_FIELD_REQUIRED"),
        ({"phone": "+393471234567"}, {"phone": "+393471234568"}, "INPUT_MISMATCH"),
        ({"id": "gid://shopify/Customer/1"}, {"firstName": "Ada"}, "NOT_FOUND"),
        (CUSTOM, {"id": "gid://shopify/Customer/1", "firstName": "Ada"}, "ID_NOT_ALLOWED"),
        (CUSTOM, {"note": "nobody"}, "INVALID"),
        (CUSTOM, {"firstName": "x" * 256}, "TOO_LONG"),
    ],
)
def test_an_upsert_is_refused(upsert, error_codes, identifier, given, code):
    assert error_codes(upsert(identifier, **given)) == [code]


def test_an_email_identifies_without_case(upsert):
    first = gid_of(upsert({"email": "a@example.com"}, email="a@example.com"))
    assert gid_of(upsert({"email": "A@Example.com"}, email="A@Example.com")) == first


def test_a_phone_identifies_in_any_spelling(upsert):
    first = gid_of(upsert({"phone": "+393471234567"}, phone="+393471234567"))
    assert gid_of(upsert({"phone": "+39 347 1234567"}, phone="+39 347 123 4567")) == first


def test_given_lists_replace_and_omitted_ones_stay(shop, upsert):
    milano = {"address1": "Via 1", "city": "Milano", "countryCode": "IT"}
    roma = {"address1": "Via 2", "city": "Roma", "countryCode": "IT"}
    gid = gid_of(upsert(CUSTOM, firstName="Ada", tags=["a", "b"], addresses=[milano, roma]))
    before = shop.customer(gid, "addressesV2(first: 5) { nodes { id city } }")["addressesV2"]["nodes"]
    upsert(CUSTOM, tags=["c"], addresses=[roma])
    upsert(CUSTOM, lastName="Byron")
    after = shop.customer(gid, "tags firstName defaultAddress { city } addressesV2(first: 5) { nodes { id city } }")
    assert after["tags"] == ["c"]
    assert after["firstName"] == "Ada"
    assert after["addressesV2"]["nodes"] == [before[1]]
    assert after["defaultAddress"] == {"city": "Roma"}
