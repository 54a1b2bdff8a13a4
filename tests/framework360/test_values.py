"""Single values as a PHP back end renders them."""

from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import values
from shopify_fw360.records import UNSET

ROME = ZoneInfo("Europe/Rome")
PATTERN = "%Y-%m-%d %H:%M:%S"
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(ANY_JSON)
def test_no_reader_raises_on_any_json(value):
    values.text(value)
    values.identifier(value)
    values.flag(value)
    values.texts(value, "nome")
    values.mapping(value)
    values.moment(value, ROME, PATTERN)
    values.money(value, "dot")
    values.money(value, "comma")


@pytest.mark.parametrize("nothing", [None, "", "  ", "None", "null", "undefined", [], {}, False])
def test_every_spelling_of_empty_is_none(nothing):
    assert values.text(nothing) is None


@pytest.mark.parametrize(("value", "text"), [("Ada", "Ada"), (20100, "20100"), (20100.0, "20100"), (" x ", " x ")])
def test_a_text_comes_as_text_or_number(value, text):
    assert values.text(value) == text


@pytest.mark.parametrize("nonsense", [["a"], {"a": 1}, True])
def test_what_cannot_be_a_text_is_unknown_not_empty(nonsense):
    assert values.text(nonsense) is UNSET


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (1, True),
        ("1", True),
        (True, True),
        ("true", True),
        (0, False),
        ("0", False),
        (False, False),
        ("", None),
        ("None", None),
        (None, None),
        (2, UNSET),
        ("forse", UNSET),
    ],
)
def test_flags_come_in_three_forms(value, flag):
    assert values.flag(value) is flag


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (["vip", " b2b "], ("vip", "b2b")),
        ([3, "5"], ("3", "5")),
        ([{"id": 3, "nome": "vip"}], ("vip",)),
        ({"0": "a", "2": "b"}, ("a", "b")),
        ("vip", ("vip",)),
        (["a", "a", "None", None], ("a",)),
        ([], ()),
        (None, ()),
        ({"key": "a"}, UNSET),
    ],
)
def test_lists_come_as_list_object_or_single_text(value, items):
    assert values.texts(value, "nome") == items


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-03-01 10:15:00", datetime(2026, 3, 1, 9, 15, tzinfo=UTC)),
        ("2026-07-01 10:15:00", datetime(2026, 7, 1, 8, 15, tzinfo=UTC)),
        ("2026-07-01", datetime(2026, 6, 30, 22, 0, tzinfo=UTC)),
        ("2026-07-01T10:15:00+00:00", datetime(2026, 7, 1, 10, 15, tzinfo=UTC)),
        ("0000-00-00 00:00:00", None),
        ("None", None),
        ("ieri", UNSET),
        (20260701, UNSET),
    ],
)
def test_times_are_local_to_the_site(value, moment):
    assert values.moment(value, ROME, PATTERN) == moment


def test_a_site_may_write_times_its_own_way():
    assert values.moment("01/03/2026 10.15", ROME, "%d/%m/%Y %H.%M") == datetime(2026, 3, 1, 9, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "separator", "amount"),
    [(44.8, "dot", "44.8"), ("44.80", "dot", "44.80"), ("1.044,80", "comma", "1044.80"), (44.8, "comma", "44.8")],
)
def test_amounts_are_exact(value, separator, amount):
    assert values.money(value, separator) == Decimal(amount)


@pytest.mark.parametrize("nothing", [None, "", "None", "gratis", "NaN", [1]])
def test_what_is_no_amount_is_none(nothing):
    assert values.money(nothing, "dot") is None


def test_forms_are_written_with_php_brackets():
    pairs = values.form_pairs(
        {"id": 7, "marketing_active": True, "tags": ["a", "b"], "extraFields": {"k": "v"}, "cart": [{"id": "x"}]}
    )
    assert pairs == [
        ("id", "7"),
        ("marketing_active", "1"),
        ("tags[]", "a"),
        ("tags[]", "b"),
        ("extraFields[k]", "v"),
        ("cart[0][id]", "x"),
    ]


@pytest.mark.parametrize("value", [None, [], {}])
def test_a_form_cannot_carry_nothing(value):
    with pytest.raises(SyncError, match="SYNC-202") as caught:
        values.form_pairs({"tags": value})
    assert caught.value.field == "tags"


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=5))
def test_flat_forms_survive_url_encoding(parameters):
    encoded = urlencode(values.form_pairs(parameters), errors="surrogatepass")
    assert dict(parse_qsl(encoded, keep_blank_values=True, errors="surrogatepass")) == parameters
