"""Cleaning of HTML that one system's editors wrote and the other one's visitors will see."""

from __future__ import annotations

import re
from typing import Final

import nh3

from shopify_fw360.mapping.registry import Example, Function, fixed, register
from shopify_fw360.records import FieldType

_FRAME: Final = "iframe"

_TAGS: Final = frozenset(nh3.ALLOWED_TAGS) | {
    "address", "big", "font", "main", "picture", "section", "source", "tfoot", "video", _FRAME,
}  # fmt: skip

_DROPPED_WITH_CONTENT: Final = frozenset({"noscript", "script", "style", "template", "textarea", "title"})
"""Elements whose content is no text for visitors."""

_ATTRIBUTES: Final = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "*": {"class", "dir", "lang", "style", "title"},
    "a": {"href", "hreflang", "name", "rel", "target"},
    "font": {"color", "face", "size"},
    "img": {"alt", "align", "height", "width", "src", "loading"},
    "source": {"src", "type", "media"},
    "table": {"align", "border", "cellpadding", "cellspacing", "summary", "width"},
    "ol": {"start", "type"},
    "video": {"src", "controls", "height", "width", "loop", "muted", "playsinline", "poster"},
    _FRAME: {"allow", "allowfullscreen", "frameborder", "height", "src", "width"},
}

_STYLES: Final = frozenset({
    "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left", "border-radius",
    "border-right", "border-spacing", "border-style", "border-top", "border-width", "clear", "color", "display",
    "float", "font-family", "font-size", "font-style", "font-weight", "height", "letter-spacing", "line-height",
    "list-style-type", "margin", "margin-bottom", "margin-left", "margin-right", "margin-top", "max-height",
    "max-width", "min-width", "padding", "padding-bottom", "padding-left", "padding-right", "padding-top",
    "text-align", "text-decoration", "text-indent", "text-transform", "vertical-align", "white-space", "width",
})  # fmt: skip
"""Properties that lay out a text; none of them can lie over the rest of the page or load something."""

_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})

_VIDEO_HOSTS: Final = re.compile(r"https://(www\.youtube(-nocookie)?\.com|player\.vimeo\.com)/[^\s<>]*")
"""Frames that Shopify's editor makes of videos; a frame of any other host could show what it likes."""

_WITHOUT_SOURCE: Final = re.compile(rf"<{_FRAME}(?![^>]* src=)[^>]*>.*?</{_FRAME}>", re.DOTALL)
_CONTENT: Final = re.compile(rf"(<{_FRAME}[^>]*>).*?</{_FRAME}>", re.DOTALL)


def _filter_frame(tag: str, attribute: str, value: str) -> str | None:
    if tag != _FRAME:
        return value
    if attribute == "src":
        return value if _VIDEO_HOSTS.fullmatch(value) else None
    return None if "<" in value or ">" in value else value


def _cleaner(*, frames: bool) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_TAGS if frames else _TAGS - {_FRAME}),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes={tag: names for tag, names in _ATTRIBUTES.items() if frames or tag != _FRAME},
        attribute_filter=_filter_frame if frames else None,
        link_rel=None,
        url_schemes=set(_SCHEMES),
        filter_style_properties=set(_STYLES),
    )


_PLAIN: Final = _cleaner(frames=False)
_WITH_FRAMES: Final = _cleaner(frames=True)
"""Its filter is Python and runs for every attribute, so it is used only where there are frames."""


def sanitize_html(value: str) -> str | None:
    """Return HTML without anything that could run, hide or lie over the page.

    Structure, tables, pictures, links, inline layout and videos of YouTube and Vimeo stay. Cleaning what was cleaned
    changes nothing, so that a description can travel to and fro.

    Args:
        value: HTML of any quality, or plain text.

    Returns:
        Well-formed HTML, None if nothing is left.
    """
    if "<" not in value and "&" not in value:
        return value.strip() or None
    if f"<{_FRAME}" not in value.lower():
        return _PLAIN.clean(value).strip() or None
    cleaned = _WITH_FRAMES.clean(value)
    return _CONTENT.sub(rf"\1</{_FRAME}>", _WITHOUT_SOURCE.sub("", cleaned)).strip() or None


register(
    Function(
        "sanitize_html",
        "HTML without scripts, event handlers, styles that leave their place, and foreign frames; layout, tables, "
        "pictures, links and videos of YouTube and Vimeo stay.",
        FieldType.TEXT,
        FieldType.TEXT,
        fixed(sanitize_html),
        examples=[
            Example("sanitize_html", '<p onclick="x()">Ciao<script>x()</script>', "<p>Ciao</p>"),
            Example("sanitize_html", '<a href="javascript:x()">Leggi</a>', "<a>Leggi</a>"),
            Example("sanitize_html", "Lana & seta", "Lana &amp; seta"),
            Example("sanitize_html", "<script>x()</script>", None),
        ],
    )
)
