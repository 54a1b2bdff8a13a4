"""When two values are the same to Framework360."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.framework360.canonical import (
    file_name,
    same_category,
    same_code,
    same_email,
    same_file,
    same_flag,
    same_html,
    same_money,
    same_number,
    same_options,
    same_phone,
    same_reference,
    same_sku,
    same_tags,
    same_text,
    same_weight,
)
from shopify_fw360.records import NewChild

EVERY = [
    same_text,
    same_email,
    same_code,
    same_sku,
    same_number,
    same_money,
    same_weight,
    same_category,
    same_reference,
    same_file,
]


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
        (same_sku, " FW-1 ", "FW-1"),
        (same_sku, "None", None),
        (same_number, "7", 7),
        (same_number, Decimal("7.0"), 7),
        (same_money, 19.9, Decimal("19.90")),
        (same_money, "19.895", Decimal("19.90")),
        (same_money, "", None),
        (same_weight, "0.45359237", Decimal("0.4536")),
        (same_category, "Abbigliamento >  Maglieria", "abbigliamento>MAGLIERIA"),
        (same_options, [["Colore", "Blu"], ["Taglia", "M"]], [["Taglia", " M"], ["Colore", "Blu"]]),
        (same_options, {"Taglia": "M"}, [["Taglia", "M"]]),
        (same_options, None, []),
        (same_reference, "77", " 77 "),
        (same_file, "Prodotto 1_a", "prodotto-1-a"),
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
        (same_sku, "fw-1", "FW-1"),
        (same_sku, "FW 1", "FW1"),
        (same_number, 0, None),
        (same_money, "0.00", None),
        (same_money, "19.894", "19.90"),
        (same_category, "A > B", "A > B > C"),
        (same_options, [["Taglia", "M"]], [["Taglia", "m"]]),
        (same_options, [["Taglia", "M"]], [["Size", "M"]]),
        (same_reference, NewChild("7"), "7"),
        (same_reference, NewChild("7"), NewChild("8")),
        (same_file, "maglia-1", "maglia-2"),
    ],
)
def test_these_differ(same, one, other):
    assert same(one) != same(other)


@pytest.mark.parametrize("value", ["n/a", "Infinity", "1e999999999", "12,50"])
def test_what_is_no_number_stays_a_text(value):
    assert same_money(value) == value


@given(st.none() | st.text(), st.sampled_from(EVERY))
def test_canonical_forms_are_stable(value, same):
    assert same(same(value)) == same(value)


# HTML ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<P>Ciao</P>", "<p>Ciao</p>"),
        ("a<br>b", "a<br />b"),
        ("<p>a</p>\n  <ul><li>b</li></ul>", "<p>a</p><ul><li>b</li></ul>"),
        ('<a title="t" href="u">x</a>', "<a href='u' title='t'>x</a>"),
        ("Perch&eacute;", "Perché"),
        ("a<!-- note -->b", "ab"),
        ("due   righe", "due\nrighe"),
        ("", None),
    ],
)
def test_html_is_the_same_whatever_an_editor_makes_of_its_source(one, other):
    assert same_html(one) == same_html(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<b>a</b> <i>b</i>", "<b>a</b><i>b</i>"),
        ("<p>a</p>", "<div>a</div>"),
        ("<p>a</p>", "a"),
        ("&lt;p&gt;a&lt;/p&gt;", "<p>a</p>"),
        ('<a href="u">x</a>', '<a href="v">x</a>'),
        ("Ciao", "ciao"),
    ],
)
def test_html_that_shows_something_else_differs(one, other):
    assert same_html(one) != same_html(other)


@given(st.text(alphabet=st.sampled_from("<>/!-[]&;ab \n\"'=") | st.characters()))
def test_no_text_breaks_the_reading_of_html(text):
    same_html(text)


def test_malformed_declarations_are_compared_as_text():
    assert same_html("<![foo[ x ]]>  y") != same_html("<![foo[ x ]]> z")


# Files ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://cdn.shop.example/s/files/1/prodotto-1.png?v=17", "prodotto-1"),
        ("/uploads/9001/maglia%20blu.v2.jpg", "maglia blu.v2"),
        ("https://site.example/immagine", "immagine"),
        ("https://site.example/", None),
        ("http://[broken", None),
        (None, None),
    ],
)
def test_the_name_of_a_file_stands_at_the_end_of_its_url(url, name):
    assert file_name(url) == name
