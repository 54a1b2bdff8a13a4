"""Options of a product as they follow from its variants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.errors import VALUE_INVALID, SyncError
from shopify_fw360.framework360.product_options import derive_options


def derive(variants, present=(), own=()):
    """Derive options; `own` are the places of variants that only the site has."""
    return derive_options(
        variants,
        from_source=[number not in own for number in range(len(variants))],
        present=present,
        place=lambda number: f"varianti[{number + 1}].attributi",
    )


def rows(options):
    return [(row["nome"], row["valori"]) for row in options.rows]


def test_new_options_stand_in_the_order_of_the_variants():
    options = derive([[["Taglia", "M"], ["Colore", "Blu"]], [["Taglia", "S"], ["Colore", "Blu"]]])
    assert rows(options) == [("Taglia", ["M", "S"]), ("Colore", ["Blu"])]
    assert [row["posizione"] for row in options.rows] == [1, 2]


def test_existing_options_and_values_keep_their_order():
    present = [["Colore", ["Rosso", "Blu"]], ["Taglia", ["S", "M"]]]
    options = derive([[["Taglia", "L"], ["Colore", "Blu"]], [["Taglia", "S"], ["Colore", "Rosso"]]], present)
    assert rows(options) == [("Colore", ["Rosso", "Blu"]), ("Taglia", ["S", "L"])]


def test_a_renamed_option_takes_the_place_and_the_values_of_the_old_one():
    present = [["Taglia", ["S", "M"]], ["Colore", ["Blu"]]]
    options = derive([[["Colore", "Blu"], ["Size", "M"]], [["Colore", "Blu"], ["Size", "S"]]], present)
    assert rows(options) == [("Size", ["S", "M"]), ("Colore", ["Blu"])]


def test_it_is_renamed_in_variants_that_only_the_site_has():
    options = derive([[["Size", "S"]], [["Taglia", "M"]]], [["Taglia", ["S", "M"]]], own={1})
    assert options.values == [{"Size": "S"}, {"Size": "M"}]


def test_a_further_option_follows_the_existing_ones():
    present = [["Taglia", ["S"]]]
    options = derive([[["Materiale", "Lana"], ["Taglia", "S"]]], present)
    assert [name for name, _ in rows(options)] == ["Taglia", "Materiale"]


def test_an_option_that_no_variant_has_any_more_is_gone():
    present = [["Taglia", ["S"]], ["Colore", ["Blu"]]]
    assert rows(derive([[["Colore", "Blu"]]], present)) == [("Colore", ["Blu"])]


@pytest.mark.parametrize(
    ("variants", "own", "place", "words"),
    [
        ([[["T", "S"]], [["C", "Blu"]]], (), 2, "has the options C, the product T"),
        ([[["T", "S"], ["C", "Blu"]], [["T", "M"]]], {1}, 2, "has the options T, the product T, C"),
        ([[["T", "S"]], [["T", " S"]]], (), 2, "two variants have the same option values"),
        ([[["T", ""]]], (), 1, "takes for nothing"),
        ([[["T", "undefined"]]], (), 1, "takes for nothing"),
        ([[["T", "S"], ["T", "M"]]], (), 1, "stands twice"),
        ([["Taglia"]], (), 1, "pairs of name and value"),
        ([[["T", 5]]], (), 1, "pairs of name and value"),
    ],
)
def test_variants_that_do_not_fit_are_named(variants, own, place, words):
    with pytest.raises(SyncError, match=words) as caught:
        derive(variants, own=own)
    assert (caught.value.code, caught.value.field) == (VALUE_INVALID, f"varianti[{place}].attributi")


NAMES = st.permutations(["Taglia", "Colore", "Materiale"])
VALUES = st.lists(st.tuples(*[st.sampled_from("abc")] * 3), min_size=1, unique=True)


@given(NAMES, VALUES, NAMES, VALUES)
def test_every_value_a_variant_uses_is_a_value_of_its_option(before, held, after, wanted):
    present = [[name, sorted({row[place] for row in held})] for place, name in enumerate(before)]
    options = derive([[list(pair) for pair in zip(after, row, strict=True)] for row in wanted], present)
    allowed = {row["nome"]: row["valori"] for row in options.rows}
    assert list(allowed) == list(before)
    assert all(len(set(values)) == len(values) for values in allowed.values())
    for values, row in zip(options.values, wanted, strict=True):
        assert values == dict(zip(after, row, strict=True))
        assert all(value in allowed[name] for name, value in values.items())
