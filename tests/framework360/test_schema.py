"""Readable and writable fields."""

import pytest

from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.records import Entity, FieldType, UnknownFieldError

schema = Framework360Schema()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("nome", FieldType.TEXT),
        ("marketing_active", FieldType.FLAG),
        ("tags", FieldType.TAGS),
        ("data_modifica", FieldType.TIME),
        ("orders_count", FieldType.INTEGER),
        ("orders_total", FieldType.DECIMAL),
    ],
)
def test_flat_names_are_readable(path, kind):
    field = schema.source(Entity.CUSTOMER, path)
    assert (field.accessor, field.type) == ((path,), kind)


def test_extra_fields_are_readable_and_writable_by_key():
    assert schema.source(Entity.CUSTOMER, "extraFields.a.b").accessor == ("extraFields", "a.b")
    assert schema.target(Entity.CUSTOMER, "extraFields.codice").reads == ("extraFields.codice",)


@pytest.mark.parametrize("find", [schema.source, schema.target])
def test_an_unknown_name_comes_with_suggestions(find):
    with pytest.raises(UnknownFieldError) as caught:
        find(Entity.CUSTOMER, "cognomee")
    assert "cognome" in caught.value.suggestions


@pytest.mark.parametrize("name", ["orders_count", "id", "telefono_casa", "data_modifica", "extraFields.", "password"])
def test_what_the_site_computes_is_not_writable(name):
    with pytest.raises(UnknownFieldError):
        schema.target(Entity.CUSTOMER, name)


def test_lines_of_a_sale_are_read_and_written_like_children():
    assert schema.source(Entity.ORDER, "cart[].prezzo").accessor == ("cart", "*", "prezzo")
    assert schema.target(Entity.ORDER, "cart[].key").reads == ("cart[].key",)


def test_name_and_email_cannot_be_emptied():
    cannot = {name for name in ("nome", "cognome", "email", "telefono", "tags", "comune") if not target(name).can_empty}
    assert cannot == {"nome", "cognome", "email"}


def test_names_are_limited():
    assert target("nome").max_length == target("cognome").max_length == 120


def target(name):
    return schema.target(Entity.CUSTOMER, name)


# Products ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "accessor", "kind"),
    [
        ("attivo", ("attivo",), FieldType.FLAG),
        ("categoria", ("categoria",), FieldType.TEXT),
        ("extraFields.shopify_id", ("extraFields", "shopify_id"), FieldType.TEXT),
        ("varianti[].id", ("varianti", "*", "id"), FieldType.TEXT),
        ("varianti[].prezzo_promo", ("varianti", "*", "prezzo_promo"), FieldType.DECIMAL),
        ("varianti[].quantita", ("varianti", "*", "quantita"), FieldType.INTEGER),
        ("varianti[].attributi", ("varianti", "*", "attributi"), FieldType.JSON),
        ("varianti[].immagine", ("varianti", "*", "immagine"), FieldType.TEXT),
        ("immagini[].nome", ("immagini", "*", "nome"), FieldType.TEXT),
    ],
)
def test_products_and_their_children_are_readable(path, accessor, kind):
    found = schema.source(Entity.PRODUCT, path)
    assert (found.path, found.accessor, found.type) == (path, accessor, kind)


@pytest.mark.parametrize("name", ["nome", "categoria", "extraFields.k", "varianti[].sku", "immagini[].alt"])
def test_products_and_their_children_are_writable(name):
    found = schema.target(Entity.PRODUCT, name)
    assert (found.name, found.reads) == (name, (name,))


@pytest.mark.parametrize("name", ["varianti[].id", "immagini[].id", "data_creazione", "attributi", "sku", "varianti"])
def test_ids_and_what_is_derived_from_children_is_not_writable(name):
    with pytest.raises(UnknownFieldError):
        schema.target(Entity.PRODUCT, name)


def test_a_misspelt_child_field_comes_with_suggestions():
    with pytest.raises(UnknownFieldError) as caught:
        schema.target(Entity.PRODUCT, "varianti[].skuu")
    assert "varianti[].sku" in caught.value.suggestions


@pytest.mark.parametrize(
    "name", ["nome", "slug", "attivo", "imposta", "varianti[].prezzo", "varianti[].quantita", "immagini[].url"]
)
def test_what_the_contract_has_no_empty_form_for_cannot_be_emptied(name):
    assert not schema.target(Entity.PRODUCT, name).can_empty


def test_an_offer_can_end_and_a_variant_can_lose_its_options_and_image():
    names = ("varianti[].prezzo_promo", "varianti[].attributi", "varianti[].immagine")
    assert all(schema.target(Entity.PRODUCT, name).can_empty for name in names)
