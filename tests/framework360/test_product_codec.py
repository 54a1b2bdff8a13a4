"""Products between the wire and our flat record."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.product_codec import ProductDecoder
from shopify_fw360.framework360.product_fields import PRODUCT_PATHS

OPTIONS = SiteOptions()


class SameMode:
    """Shop and site quote prices alike."""

    def to_shop(self, amount, _tax):
        return amount


decode = ProductDecoder(OPTIONS, "https://site.example", SameMode(), None, ("k",))
KEYS = (
    wire.ID, wire.TAX, wire.TAGS, wire.CATEGORIES, wire.EXTRA_FIELDS, wire.IMAGES, wire.VARIANTS, wire.ATTRIBUTES,
    wire.ACTIVE, wire.POSITION, wire.IMAGE_URL, wire.VARIANT_IMAGE_ID, wire.MODIFIED_AT, wire.ATTRIBUTE_NAME,
    wire.ATTRIBUTE_VALUES, *wire.ITEM_KEYS, *wire.PRODUCT_PLAIN_TEXTS,
)  # fmt: skip
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), ANY_JSON))
def test_reading_never_raises_and_never_invents_fields(row):
    record = decode(row)
    assert set(record) <= set(row) | {wire.VARIANTS}
    known = {path.rpartition("[].")[2] for path in PRODUCT_PATHS} | {f"{name}@site" for name in wire.TAXED_PRICES}
    for child in (*(record.get(wire.VARIANTS) or ()), *(record.get(wire.IMAGES) or ())):
        assert isinstance(child["id"], str)
        assert set(child) <= known


def test_a_missing_key_is_unknown_and_an_empty_one_is_none():
    record = decode({"id": 1, "nome": "Tazza", "descrizione": "None", "tags": [], "extraFields": []})
    assert record == {"id": "1", "nome": "Tazza", "descrizione": None, "tags": (), "extraFields": {"k": None}}


@pytest.mark.parametrize("varianti", [[], None, {}, ""])
def test_every_spelling_of_no_variants_is_one_virtual_variant(varianti):
    (variant,) = decode({"id": 7, "varianti": varianti, "sku": "T", "prezzo": "5"})["varianti"]
    assert (variant["id"], variant["attributi"], variant["sku"], variant["prezzo"]) == ("p7", [], "T", Decimal(5))


@pytest.mark.parametrize("varianti", ["strange", [1], [{"id": 5}], [{"attributi": {"T": "S"}}]])
def test_variants_that_cannot_be_read_are_unknown(varianti):
    assert "varianti" not in decode({"id": 7, "varianti": varianti, "sku": "T"})


def test_a_list_that_leaves_variants_and_prices_out_tells_nothing_of_them():
    assert "varianti" not in decode({"id": 7, "nome": "Tazza"})


def test_children_stand_in_the_order_of_their_positions_and_are_numbered_anew():
    rows = [{"id": number, "attributi": {"N": str(number)}, "posizione": 40 - number} for number in (1, 2, 3)]
    images = {"0": {"id": 1, "posizione": "9"}, "1": {"id": 2, "posizione": "3"}}
    record = decode({"id": 7, "varianti": rows, "immagini": images})
    assert [(child["id"], child["posizione"]) for child in record["varianti"]] == [("3", 1), ("2", 2), ("1", 3)]
    assert [child["id"] for child in record["immagini"]] == ["2", "1"]


def test_option_values_stand_in_the_order_of_the_options():
    options = [
        {"nome": "Taglia", "valori": ["S"], "posizione": 2},
        {"nome": "Colore", "valori": ["Blu"], "posizione": 1},
    ]
    row = {"id": 7, "attributi": options, "varianti": [{"id": 1, "attributi": {"Taglia": "S", "Colore": "Blu"}}]}
    record = decode(row)
    assert record["attributi"] == [["Colore", ["Blu"]], ["Taglia", ["S"]]]
    assert record["varianti"][0]["attributi"] == [["Colore", "Blu"], ["Taglia", "S"]]


@pytest.mark.parametrize(("tracked", "quantity"), [(1, 5), ("1", 5), (0, None), ("0", None), ("strange", 5)])
def test_a_stock_that_nobody_counts_says_nothing(tracked, quantity):
    (variant,) = decode({"id": 7, "sku": "T", "gestione_magazzino": tracked, "quantita": "5"})["varianti"]
    assert variant["quantita"] == quantity


@pytest.mark.parametrize("tax", [None, "", "None"])
def test_an_empty_tax_is_the_default_one(tax):
    assert decode({"id": 7, "imposta": tax})["imposta"] == "default"
