from decimal import Decimal

import pytest

from shopify_fw360.records import UNSET, Entity, FieldType, UnknownFieldError
from shopify_fw360.shopify.fields import CUSTOMER_FIELDS
from shopify_fw360.shopify.schema import SCHEMA


def source(path):
    return SCHEMA.source(Entity.CUSTOMER, path)


def target(name):
    return SCHEMA.target(Entity.CUSTOMER, name)


@pytest.mark.parametrize(
    ("path", "accessor", "type_"),
    [
        ("firstName", ("firstName",), FieldType.TEXT),
        ("defaultEmailAddress.marketingState", ("defaultEmailAddress", "marketingState"), FieldType.TEXT),
        ("amountSpent.amount", ("amountSpent", "amount"), FieldType.DECIMAL),
        ("numberOfOrders", ("numberOfOrders",), FieldType.INTEGER),
        ("createdAt", ("createdAt",), FieldType.TIME),
        ("taxExempt", ("taxExempt",), FieldType.FLAG),
        ("tags", ("tags",), FieldType.TAGS),
        ("taxExemptions", ("taxExemptions",), FieldType.JSON),
        ("addressesV2[].city", ("addressesV2", "*", "city"), FieldType.JSON),
        ("metafields.custom.piva", ("metafields", "custom", "piva"), FieldType.TEXT),
        ("metafields.$app.fw360_id", ("metafields", "$app", "fw360_id"), FieldType.TEXT),
    ],
)
def test_a_path_is_found_with_its_accessor_and_type(path, accessor, type_):
    field = source(path)
    assert (field.path, field.accessor, field.type) == (path, accessor, type_)


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("firstname", "firstName"),
        ("defaultAdress.city", "defaultAddress.city"),
        ("defaultAddress.citty", "defaultAddress.city"),
        ("addressesV2.city", "addressesV2[].city"),
        ("tags[]", "tags"),
        ("amountSpent", "amountSpent.amount"),
    ],
)
def test_a_wrong_path_is_refused_with_the_right_one(path, suggestion):
    with pytest.raises(UnknownFieldError) as caught:
        source(path)
    assert suggestion in caught.value.suggestions


@pytest.mark.parametrize("path", ["firstName.x", "metafields.piva", "metafields.a b.piva", "metafields.custom.x.y", ""])
def test_a_path_that_leads_nowhere_is_refused(path):
    with pytest.raises(UnknownFieldError):
        source(path)


def test_protected_deprecated_and_scopes_are_reported():
    email = source("email")
    assert email.protected
    assert "defaultEmailAddress.emailAddress" in email.deprecated
    assert email.scopes == ("read_customers",)
    assert not source("tags").protected
    assert "read_orders" in source("lastOrder.name").scopes
    assert source("defaultEmailAddress.openTrackingUrl").scopes == ("write_customers",)


def test_every_target_field_can_be_read_back():
    for name, field in CUSTOMER_FIELDS.items():
        assert target(name) is field
        for path in field.reads:
            source(path)


def test_a_wrong_target_is_refused_with_the_right_one():
    with pytest.raises(UnknownFieldError) as caught:
        target("defaultAddress.contry")
    assert "defaultAddress.countryCode" in caught.value.suggestions


def test_orders_are_not_written():
    with pytest.raises(UnknownFieldError):
        SCHEMA.target(Entity.ORDER, "note")


@pytest.mark.parametrize(
    ("name", "kind", "type_"),
    [
        ("metafields.$app.fw360_id", "id", FieldType.TEXT),
        ("metafields.$app.orders_count", "number_integer", FieldType.INTEGER),
        ("metafields.$app.total_spent", "number_decimal", FieldType.DECIMAL),
        ("metafields.custom.orders_count", "single_line_text_field", FieldType.TEXT),
    ],
)
def test_metafields_of_the_app_have_known_types(name, kind, type_):
    field = target(name)
    assert (field.metafield_type, field.type) == (kind, type_)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("email", " Ada@Example.COM ", "ada@example.com"),
        ("phone", "+39 06-1234 567", "+39061234567"),
        ("phone", "0039061234567", "+39061234567"),
        ("tags", ["VIP", " b "], ("b", "vip")),
        ("tags", None, ()),
        ("firstName", " Ada ", "Ada"),
        ("note", "", None),
        ("defaultAddress.countryCode", "it", "IT"),
        ("taxExempt", "false", False),
        ("emailMarketingConsent", "SUBSCRIBED", True),
        ("emailMarketingConsent", "PENDING", False),
        ("metafields.$app.orders_count", "3", 3),
        ("metafields.$app.total_spent", "12.50", Decimal("12.5")),
        ("metafields.$app.total_spent", "100.00", 100),
    ],
)
def test_values_that_mean_the_same_are_equal(name, one, other):
    same = target(name).same
    assert same(one) == same(other)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("email", "a@example.com", "b@example.com"),
        ("phone", "061234567", "+39061234567"),
        ("tags", ["a"], ["a", "b"]),
        ("firstName", "ada", "Ada"),
        ("emailMarketingConsent", "UNSUBSCRIBED", True),
        ("metafields.$app.total_spent", "12.51", Decimal("12.5")),
        ("metafields.custom.tax_code", "007", "7"),
    ],
)
def test_values_that_differ_stay_different(name, one, other):
    same = target(name).same
    assert same(one) != same(other)


@pytest.mark.parametrize("name", ["email", "phone", "tags", "taxExempt", "firstName", "metafields.$app.total_spent"])
def test_an_unknown_value_stays_unknown(name):
    assert target(name).same(UNSET) is UNSET


def test_the_consent_of_a_customer_without_email_is_unknown():
    assert target("emailMarketingConsent").same(None) is UNSET
