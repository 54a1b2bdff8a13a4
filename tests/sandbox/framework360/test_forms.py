from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.framework360.forms import parse, typed


def encode(value, name=""):
    """Encode nested values as PHP's http_build_query does."""
    if isinstance(value, dict):
        return [pair for key, entry in value.items() for pair in encode(entry, f"{name}[{key}]" if name else key)]
    if isinstance(value, list):
        return [pair for position, entry in enumerate(value) for pair in encode(entry, f"{name}[{position}]")]
    return [(name, value)]


keys = st.text(st.characters(exclude_characters="[]", exclude_categories=["Cs"]), min_size=1).filter(
    lambda key: not key.isdecimal()
)
values = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(keys, inner, min_size=1, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, min_size=1, max_size=4))
def test_what_php_encodes_is_decoded(document):
    assert parse(urlencode(encode(document)).encode()) == document


def test_empty_brackets_append():
    assert parse(b"tags[]=a&tags[]=b%2C+c") == {"tags": ["a", "b, c"]}


@pytest.mark.parametrize("encoded", [b"tags[=a", b"tags]=a", b"a[b]c=1", b"a=1&a[b]=2", b"a=%ff"])
def test_a_broken_name_is_refused(encoded):
    with pytest.raises(ValueError):  # noqa: PT011 - a decoding error is one too
        parse(encoded)


@pytest.mark.parametrize(
    ("text", "schema", "expected"),
    [
        ("1", {"type": "boolean"}, True),
        ("true", {"type": "boolean"}, "true"),
        ("6", {"type": "integer"}, 6),
        ("6.5", {"type": "integer"}, "6.5"),
        ("6.5", {"type": "number"}, 6.5),
        ("12", {"oneOf": [{"type": "integer"}, {"type": "string"}]}, "12"),
        ("12", {}, "12"),
        ({"n": "2"}, {"oneOf": [{"properties": {"n": {"type": "number"}}}, {"type": "null"}]}, {"n": 2.0}),
        (["1"], {"type": "array", "items": {"type": "integer"}}, [1]),
    ],
)
def test_text_is_typed_by_the_schema(text, schema, expected):
    assert typed(text, schema, lambda found: found) == expected
