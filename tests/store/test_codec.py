import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.store.codec import clean_text, dump_json, load_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_json_value_survives(value):
    assert load_json(dump_json(value)) == value


@given(st.text(alphabet=st.characters()))
def test_encoded_text_fits_a_text_column(value):
    encoded = dump_json({value: value})
    assert "\x00" not in encoded
    encoded.encode("utf-8")


@pytest.mark.parametrize("value", ["\ud83d", "a\x00b", 2**64, -(2**70)])
def test_what_a_fast_encoder_refuses_survives(value):
    assert load_json(dump_json([value])) == [value]
    assert json.loads(dump_json([value])) == [value]


def test_what_has_no_json_form_is_refused():
    with pytest.raises(TypeError, match="object has no JSON form"):
        dump_json({"x": object()})


@given(st.text(alphabet=st.characters()))
def test_cleaned_text_fits_a_text_column(value):
    cleaned = clean_text(value)
    assert "\x00" not in cleaned
    cleaned.encode("utf-8")
    assert clean_text(cleaned) == cleaned
