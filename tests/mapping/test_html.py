"""Descriptions go into web pages on both sides, so nothing in them may run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopify_fw360.mapping.functions.html import sanitize_html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src="x" onerror="alert(1)">',
        '<a href="javascript:alert(1)">x</a>',
        '<iframe src="https://evil.example"></iframe>',
        '<form action="https://evil.example"><input name="card"></form>',
        '<svg onload="alert(1)"><animate onbegin="alert(1)"></svg>',
        '<p style="background-image: url(javascript:alert(1))">x</p>',
        "<style>body{display:none}</style>",
        "<!-- <script>alert(1)</script> -->",
        "<object data='x'></object><embed src='x'><base href='https://evil.example'>",
    ],
)
def test_nothing_that_runs_survives(hostile):
    left = (sanitize_html(hostile) or "").casefold()
    for word in ("script", "onerror", "onload", "onbegin", "iframe", "form", 'style="background', "<base", "<object"):
        assert word not in left


@pytest.mark.parametrize(
    "harmless",
    [
        "Lino e cotone",
        '<p class="lead">Lino <strong>italiano</strong></p>',
        '<table><tbody><tr><td colspan="2">M</td></tr></tbody></table>',
        '<p style="text-align:center">x</p>',
        '<a href="https://shop.example/x" title="mehr">mehr</a>',
        "<ul><li>uno</li><li>due</li></ul>",
    ],
)
def test_ordinary_markup_stays_as_it_is(harmless):
    assert sanitize_html(harmless) == harmless


@pytest.mark.parametrize("empty", ["", "  ", "<script>x</script>", "<!-- note -->"])
def test_what_leaves_nothing_is_empty(empty):
    assert sanitize_html(empty) is None


@given(st.lists(st.sampled_from(["<p>", "</p>", "<b", ">", "&amp;", "&", "<", "x", "<br/>", '<a href="', '"', "é"])))
def test_sanitising_twice_changes_nothing(parts):
    once = sanitize_html("".join(parts))
    assert once is None or sanitize_html(once) == once
