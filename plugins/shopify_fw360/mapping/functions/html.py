"""Functions on HTML."""

from __future__ import annotations

from typing import Final

import nh3

from shopify_fw360.mapping.registry import Example, Function, fixed, register
from shopify_fw360.records import FieldType

_EVERYWHERE: Final = frozenset({"class", "dir", "lang", "style", "title"})

_ATTRIBUTES: Final = {**nh3.ALLOWED_ATTRIBUTES, "*": set(_EVERYWHERE)}

_STYLES: Final = frozenset(
    {
        "background-color",
        "border",
        "color",
        "font-family",
        "font-size",
        "font-style",
        "font-weight",
        "height",
        "letter-spacing",
        "line-height",
        "list-style-type",
        "margin",
        "margin-bottom",
        "margin-left",
        "margin-right",
        "margin-top",
        "max-width",
        "padding",
        "text-align",
        "text-decoration",
        "text-transform",
        "vertical-align",
        "white-space",
        "width",
    }
)

_CLEANER: Final = nh3.Cleaner(
    attributes=_ATTRIBUTES,
    clean_content_tags={"script", "style"},
    # The links of a shop are its own; a rel attribute that was not there would come back as an edit.
    link_rel=None,
    url_schemes={"http", "https", "mailto", "tel"},
    filter_style_properties=set(_STYLES),
)


def sanitize_html(value: str) -> str | None:
    """Return HTML with nothing in it that runs: no scripts, handlers, frames, forms, comments.

    Args:
        value: HTML of any quality.

    Returns:
        Well-formed HTML that the function itself leaves as it is; None if nothing is left.
    """
    if "<" not in value and "&" not in value:
        return value.strip() or None
    return _CLEANER.clean(value).strip() or None


register(
    Function(
        "sanitize_html",
        "HTML without anything that runs: no scripts, event handlers, frames, forms or comments; well-formed.",
        FieldType.TEXT,
        FieldType.TEXT,
        fixed(sanitize_html),
        examples=[
            Example("sanitize_html", '<p onclick="x()">Hi<script>alert(1)</script></p>', "<p>Hi</p>"),
            Example("sanitize_html", '<a href="javascript:x()">a</a>', "<a>a</a>"),
        ],
    )
)
