"""Fingerprints are stored for years: however they are computed, equal content must give the same text."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import blake2b

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.records import FieldType, SourceField
from shopify_fw360.sync.canonical import fingerprint, fingerprints, plain, read_path

ACCESSORS = [("a",), ("a", "b"), ("a", "*", "b"), ("a", "*", "b", "c"), ("a", "*", "b", "*", "c"), ("a", "b", "*", "c")]
FIELDS = [SourceField(".".join(accessor), accessor, FieldType.JSON) for accessor in ACCESSORS]


def defined(fields, digest, raw, extra=""):
    """The definition: each value read along its path, brought to plain JSON, keys sorted."""
    values = {field.path: plain(read_path(raw, field.accessor)) for field in fields}
    return blake2b(
        orjson.dumps([digest, extra, values], option=orjson.OPT_SORT_KEYS, default=str), digest_size=16
    ).hexdigest()


LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5) | st.floats(allow_nan=False)
VALUES = st.recursive(
    LEAVES | st.decimals(allow_nan=False, allow_infinity=False, places=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), st.text(max_size=3))
def test_a_fingerprint_is_what_its_definition_says(raw, extra):
    assert fingerprint(FIELDS, "digest", raw, extra) == defined(FIELDS, "digest", raw, extra)


@given(
    st.lists(st.tuples(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), st.text(max_size=3)), max_size=4)
)
def test_records_read_together_have_the_fingerprints_they_have_alone(records):
    raws, extras = [raw for raw, _ in records], [extra for _, extra in records]
    assert fingerprints(FIELDS, "digest", raws, extras) == [
        defined(FIELDS, "digest", raw, extra) for raw, extra in records
    ]


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 11, 25, 7, 0, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 11, 25, 6, 0, 0, 5, tzinfo=UTC),
        Decimal("1.50"),
        ("x", Decimal("2.0")),
        {"b", "a"},
    ],
)
def test_values_that_json_does_not_have_keep_their_form(value):
    assert fingerprint(FIELDS[:1], "d", {"a": value}) == defined(FIELDS[:1], "d", {"a": value})


def test_an_edited_mapping_makes_every_record_new():
    assert fingerprint(FIELDS, "one", {"a": 1}) != fingerprint(FIELDS, "two", {"a": 1})


def test_a_stored_fingerprint_is_recognised_by_this_release():
    raw = {"a": [{"b": {"c": "x"}}, {"b": None}]}
    assert fingerprint(FIELDS, "digest", raw) == "b62017074736941ef7f7690daaf29889"
