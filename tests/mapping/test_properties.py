"""What holds for any record whatever."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from shopify_fw360.mapping.engine import (
    Rejection,
    Row,
    fingerprint,
    fingerprints,
    read_target_children,
    read_targets,
    transform,
)
from shopify_fw360.records import Entity, FieldType, Flow, System

leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.text(st.characters(), max_size=5),
    st.sampled_from(["", " ", "-", "SUBSCRIBED", "a@b.it", "IT", "MI", "333 1234567", "2026-01-01T00:00:00Z"]),
    st.sampled_from(["\ud800", "a\0b", [], {}, "None", "Cliente", 0, 1.0, math.nan, math.inf, -0.0]),
)  # fmt: skip
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("address1", "address2", "zip", "city", "provinceCode", "countryCodeV2", "company", "phone")
shopify_records = st.fixed_dictionaries(
    {},
    optional={
        "id": anything,
        "firstName": anything,
        "lastName": anything,
        "tags": anything,
        "defaultEmailAddress": st.one_of(
            anything, st.fixed_dictionaries({}, optional={"emailAddress": anything, "marketingState": anything})
        ),
        "defaultPhoneNumber": st.one_of(anything, st.fixed_dictionaries({"phoneNumber": anything})),
        "defaultAddress": st.one_of(anything, st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, anything))),
        "metafields": st.one_of(anything, st.fixed_dictionaries({"custom": anything})),
    },
)
FLAT = (
    "id", "email", "nome", "cognome", "telefono", "indirizzo", "cap", "comune", "citta", "stato", "ragione_sociale",
    "piva", "cf", "pec", "sdi", "marketing_active", "tags", "orders_count", "orders_total",
)  # fmt: skip
framework360_records = st.fixed_dictionaries({}, optional=dict.fromkeys(FLAT, anything))


def check(mapping, records):
    result = transform(mapping, records)
    assert len(result.rows) == len(records)
    alone = [transform(mapping, [record]) for record in records]
    for index, (row, single) in enumerate(zip(result.rows, alone, strict=True)):
        (expected,) = single.rows
        if isinstance(row, Rejection):
            assert row.index == index
            assert (row.code, row.field, row.rule, row.message, row.value_excerpt) == (
                expected.code, expected.field, expected.rule, expected.message, expected.value_excerpt
            )  # fmt: skip
            row.value_excerpt.encode()
        else:
            assert row == expected
            assert list(row.values) == list(expected.values)
            check_types(mapping.fields, row)
            for name, children in row.children.items():
                for child in children:
                    check_types(mapping.children[name].fields, child)
    assert [item.index for item in result.omissions] == [i for i, single in enumerate(alone) for _ in single.omissions]


def check_types(rules, row):
    types = {FieldType.TEXT: str, FieldType.FLAG: bool, FieldType.INTEGER: int, FieldType.TAGS: tuple}
    for name, value in row.values.items():
        target = rules[name].target
        assert value is None or isinstance(value, types.get(target.type, object)), name
        if isinstance(value, str):
            assert value
            value.encode()
            assert len(value) <= (target.max_length or math.inf)


@settings(deadline=None)
@given(st.lists(st.one_of(shopify_records, anything), min_size=1, max_size=12))
def test_any_batch_of_shopify_records_comes_out_as_its_records_do_alone(to_framework360, records):
    check(to_framework360, records)


@settings(deadline=None)
@given(st.lists(st.one_of(framework360_records, anything), min_size=1, max_size=12))
def test_any_batch_of_framework360_records_comes_out_as_its_records_do_alone(to_shopify, records):
    check(to_shopify, records)


def items(*names):
    item = st.fixed_dictionaries(
        {}, optional={"id": st.one_of(anything, st.text("ab", min_size=1)), **dict.fromkeys(names, anything)}
    )
    return st.one_of(anything, st.lists(st.one_of(item, anything), max_size=4))


shopify_products = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("title", "descriptionHtml", "status", "tags", "category", "seo"), anything),
        "images": items("url", "alt", "position", "name"),
        "variants": items(
            "sku", "price", "compareAtPrice", "options", "quantity", "inventoryItem", "weightKg", "imageId"
        ),
    },
)
framework360_products = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("nome", "descrizione", "attivo", "tags", "extraFields", "slug"), anything),
        "immagini": items("url", "alt", "posizione", "nome"),
        "varianti": items("sku", "prezzo", "prezzo_promo", "attributi", "quantita", "gestione_magazzino", "peso"),
    },
)


@settings(deadline=None)
@given(st.lists(st.one_of(shopify_products, anything), min_size=1, max_size=6))
def test_any_batch_of_shopify_products_comes_out_as_its_products_do_alone(shipped, records):
    check(shipped[Flow(Entity.PRODUCT, System.SHOPIFY)], records)


@settings(deadline=None)
@given(st.lists(st.one_of(framework360_products, anything), min_size=1, max_size=6))
def test_any_batch_of_framework360_products_comes_out_as_its_products_do_alone(shipped, records):
    check(shipped[Flow(Entity.PRODUCT, System.FRAMEWORK360)], records)


@settings(deadline=None)
@given(st.lists(st.one_of(shopify_products, anything), max_size=6))
def test_present_children_of_anything_can_be_read(shipped, records):
    mapping = shipped[Flow(Entity.PRODUCT, System.FRAMEWORK360)]
    together = read_target_children(mapping, records)
    assert together == [rows for record in records for rows in read_target_children(mapping, [record])]


@settings(deadline=None)
@given(st.lists(st.one_of(shopify_records, anything), max_size=6))
def test_present_values_of_anything_can_be_read(to_shopify, records):
    together = read_targets(to_shopify, records)
    assert together == [values for record in records for values in read_targets(to_shopify, [record])]


@settings(deadline=None)
@given(st.lists(framework360_records, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_fingerprints_do_not_depend_on_order_or_company(to_shopify, records, random):
    rows = [row.values for row in transform(to_shopify, records).rows if isinstance(row, Row)]
    together = fingerprints(to_shopify, rows)
    for values, expected in zip(rows, together, strict=True):
        items = list(values.items())
        random.shuffle(items)
        assert fingerprint(to_shopify, dict(items)) == expected


names = st.text(st.sampled_from("abcdefgàéßXYZ '-"), min_size=1, max_size=30).map(str.strip).filter(bool)
words = st.one_of(st.none(), names)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "firstName": names.map("A{}".format),
            "lastName": names.map("B{}".format),
            "defaultEmailAddress": st.fixed_dictionaries(
                {"emailAddress": st.just("a@example.com"), "marketingState": st.sampled_from(["SUBSCRIBED", "PENDING"])}
            ),
            "defaultAddress": st.fixed_dictionaries(
                {"address1": names, "address2": words, "city": words, "company": words,
                 "countryCodeV2": st.sampled_from(["IT", "DE"]), "provinceCode": st.sampled_from([None, "MI", "JP-13"])}
            ),
            "tags": st.lists(names, max_size=3),
        }
    )
)  # fmt: skip
def test_what_goes_to_framework360_and_back_is_what_shopify_holds(to_framework360, to_shopify, record):
    (there,) = transform(to_framework360, [record]).rows
    (back,) = transform(to_shopify, [there.values]).rows
    (present,) = read_targets(to_shopify, [record])
    for name, value in back.values.items():
        rule = to_shopify.fields[name]
        if name in present and not rule.create_only and name not in {"firstName", "lastName"}:
            spaced = " ".join(present[name].split()) if isinstance(present[name], str) else present[name]
            assert rule.target.same(value) == rule.target.same(spaced), name
