"""Readable and writable fields, and when two values are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.framework360.schema import (
    Framework360Schema,
    same_code,
    same_email,
    same_flag,
    same_phone,
    same_tags,
    same_text,
)
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


@pytest.mark.parametrize("entity", [Entity.PRODUCT, Entity.ORDER])
def test_entities_without_fields_are_refused(entity):
    with pytest.raises(UnknownFieldError):
        schema.source(entity, "id")


def test_name_and_email_cannot_be_emptied():
    cannot = {name for name in ("nome", "cognome", "email", "telefono", "tags", "comune") if not target(name).can_empty}
    assert cannot == {"nome", "cognome", "email"}


def test_names_are_limited():
    assert target("nome").max_length == target("cognome").max_length == 120


def target(name):
    return schema.target(Entity.CUSTOMER, name)


@pytest.mark.parametrize(
    ("same", "one", "other"),
    [
        (same_text, " Via  Roma\n1 ", "Via Roma 1"),
        (same_text, "Niccolo\u0300", "Niccolò"),
        (same_text, "None", None),
        (same_email, " Ada@Example.com", "ada@example.COM"),
        (same_code, "it 0123", "IT0123"),
        (same_phone, "+39 (333) 12-34", "+393331234"),
        (same_phone, "0039 3331234", "+393331234"),
        (same_flag, None, False),
        (same_tags, ("VIP", "b2b"), ("b2b", "vip", "Vip")),
        (same_tags, None, ()),
    ],
)
def test_these_are_the_same(same, one, other):
    assert same(one) == same(other)


@pytest.mark.parametrize(
    ("same", "one", "other"),
    [
        (same_text, "Via Roma", "via roma"),
        (same_phone, "+393331234", "393331234"),
        (same_phone, "02", None),
        (same_tags, ("a b",), ("a", "b")),
    ],
)
def test_these_differ(same, one, other):
    assert same(one) != same(other)


@given(st.none() | st.text(), st.sampled_from([same_text, same_email, same_code]))
def test_canonical_forms_are_stable(value, same):
    assert same(same(value)) == same(value)
