from decimal import Decimal

import pytest

from shopify_fw360.records import UNSET, Entity, FieldType, UnknownFieldError
from shopify_fw360.shopify.product_fields import PRODUCT_FIELDS
from shopify_fw360.shopify.schema import SCHEMA
from shopify_fw360.shopify.virtual import VIRTUAL


def source(path):
    return SCHEMA.source(Entity.PRODUCT, path)


def target(name):
    return SCHEMA.target(Entity.PRODUCT, name)


@pytest.mark.parametrize(
    ("path", "accessor", "type_"),
    [
        ("title", ("title",), FieldType.TEXT),
        ("tags", ("tags",), FieldType.TAGS),
        ("category.fullName", ("category", "fullName"), FieldType.TEXT),
        ("variants[].sku", ("variants", "*", "sku"), FieldType.JSON),
        ("variants[].inventoryItem.unitCost.amount", ("variants", "*", "inventoryItem", "unitCost", "amount"), None),
        ("variants[].quantity", ("variants", "*", "quantity"), FieldType.JSON),
        ("images[].url", ("images", "*", "url"), FieldType.JSON),
        ("media[].MediaImage.alt", ("media", "*", "MediaImage", "alt"), FieldType.JSON),
    ],
)
def test_a_path_is_found_with_its_accessor_and_type(path, accessor, type_):
    field = source(path)
    assert (field.path, field.accessor, field.type) == (path, accessor, type_ or FieldType.JSON)


def test_every_computed_path_is_found_and_not_deprecated():
    for path in VIRTUAL[Entity.PRODUCT]:
        field = source(path)
        assert field.deprecated is None
        assert field.scopes


def test_stock_needs_the_scope_of_inventory():
    assert source("variants[].quantity").scopes == ("read_inventory",)


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("variants[].quantty", "variants[].quantity"),
        ("variants[].weightkg", "variants[].weightKg"),
        ("images[].width", "images[].url"),
        ("media[].MediaImag.alt", "media[].MediaImage.alt"),
    ],
)
def test_a_wrong_path_is_refused_with_the_right_one(path, suggestion):
    with pytest.raises(UnknownFieldError) as caught:
        source(path)
    assert suggestion in caught.value.suggestions


def test_every_target_field_but_the_address_of_an_image_can_be_read_back():
    assert [name for name, field in PRODUCT_FIELDS.items() if not field.reads] == ["images[].url"]
    for name, field in PRODUCT_FIELDS.items():
        assert target(name) is field
        for path in field.reads:
            assert source(path).deprecated is None


def test_a_wrong_target_is_refused_with_the_right_one():
    with pytest.raises(UnknownFieldError) as caught:
        target("variants[].wieghtKg")
    assert "variants[].weightKg" in caught.value.suggestions


def test_the_external_id_of_a_product_has_the_type_that_makes_it_unique():
    assert target("metafields.$app.fw360_id").metafield_type == "id"


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("variants[].price", "19.90", Decimal("19.9")),
        ("variants[].compareAtPrice", None, ""),
        ("variants[].weightKg", "0.0", None),
        ("variants[].weightKg", "0.250", Decimal("0.25")),
        ("variants[].tracked", "true", True),
        ("variants[].inventoryPolicy", "deny", "DENY"),
        ("variants[].options", [["Taglia", "M"], ["Colore", "Blu"]], (("Colore", "Blu"), ("Taglia", "M "))),
        ("variants[].options", [], None),
        ("variants[].quantity", 3, "3"),
        ("status", "active", "ACTIVE"),
        ("tags", ["B", "a"], ("a", "b")),
    ],
)
def test_values_that_mean_the_same_are_equal(name, one, other):
    same = target(name).same
    assert same(one) == same(other)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("variants[].options", [["Taglia", "M"]], [["Taglia", "L"]]),
        ("variants[].options", [["Taglia", "M"]], [["Size", "M"]]),
        ("variants[].options", [["Taglia", "M"]], []),
        ("variants[].sku", "a-1", "A-1"),
        ("variants[].quantity", 0, None),
    ],
)
def test_values_that_differ_stay_different(name, one, other):
    same = target(name).same
    assert same(one) != same(other)


@pytest.mark.parametrize("name", ["variants[].options", "variants[].weightKg", "variants[].image", "tags"])
def test_an_unknown_value_stays_unknown(name):
    assert target(name).same(UNSET) is UNSET
