"""Which child is which after a write, whatever the site makes of its ids."""

import pytest

from shopify_fw360.framework360.product_children import Child, Children, identify_images, identify_variants
from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.records import ChildWrite, Entity
from tests.framework360.goods import kept, new, same


def target(name):
    return Framework360Schema().target(Entity.PRODUCT, name)


def child(source_id, own_id=None, **values):
    return Child(source_id, own_id, {}, None, values)


def variant(own_id, size):
    return {"id": own_id, "attributi": [["Taglia", size]]}


def image(own_id, name):
    return {"id": own_id, "nome": name}


def ids(children):
    return {entry.source_id: entry.id for entry in children}


def test_variants_whose_ids_the_site_has_changed_are_told_by_their_options():
    children = [child("a", "1"), child("b", "2")]
    identify_variants(children, [variant("8", "M"), variant("9", "S")], [{"Taglia": "S"}, {"Taglia": "M"}])
    assert ids(children) == {"a": "9", "b": "8"}


def test_a_known_id_counts_more_than_options():
    children = [child("a", "1"), child("b", "2")]
    identify_variants(children, [variant("1", "M"), variant("2", "S")], [{"Taglia": "S"}, {"Taglia": "M"}])
    assert ids(children) == {"a": "1", "b": "2"}


def test_a_variant_that_the_site_did_not_take_has_no_id():
    children = [child("a", "1"), child("b")]
    identify_variants(children, [variant("1", "S")], [{"Taglia": "S"}, {"Taglia": "M"}])
    assert ids(children) == {"a": "1", "b": None}


def test_new_images_are_told_by_their_order():
    children = [child("a"), child("b", "5"), child("c")]
    identify_images(children, [image("7", "x"), image("5", "y"), image("8", "z")])
    assert ids(children) == {"a": "7", "b": "5", "c": "8"}


def test_if_an_image_is_missing_the_others_are_told_by_their_names():
    children = [child("a", nome="maglia-1"), child("b", nome="maglia-2"), child("c", nome="maglia-3")]
    identify_images(children, [image("7", "Maglia 3"), image("8", "maglia_1")])
    assert ids(children) == {"a": "8", "b": None, "c": "7"}


# What is written -----------------------------------------------------------------------------------------------------

PRESENT = [{"id": "1", "sku": "A", "posizione": 1}, {"id": "2", "sku": "B", "posizione": 2}]


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (kept(same(PRESENT[0], "a"), same(PRESENT[1], "b")), False),
        (kept(same(PRESENT[0], "a", posizione=5), same(PRESENT[1], "b", posizione=9)), False),
        (kept(same(PRESENT[0], "a", prezzo=None), same(PRESENT[1], "b")), False),
        (kept(same(PRESENT[0], "a", sku="C"), same(PRESENT[1], "b")), True),
        (kept(same(PRESENT[1], "b"), same(PRESENT[0], "a")), True),
        (kept(same(PRESENT[0], "a"), removed=["2"]), True),
        (kept(same(PRESENT[0], "a"), same(PRESENT[1], "b"), new("c", sku="C")), True),
    ],
)
def test_a_list_is_written_if_anything_about_it_differs(given, changed):
    assert Children.of("varianti", given, PRESENT, target).changed is changed


def test_a_child_that_vanished_meanwhile_is_new_again():
    gone = ChildWrite("a", "99", {"sku": "A", "ean": "1"}, {"ean": "1"})
    (entry,) = Children.of("varianti", kept(gone), PRESENT, target).all
    assert (entry.id, entry.before, entry.wanted) == (None, None, {"sku": "A", "ean": "1"})
