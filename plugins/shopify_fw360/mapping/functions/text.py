"""Functions on text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from operator import methodcaller
from typing import Annotated, ClassVar

from pydantic import Field

from shopify_fw360.mapping.registry import Args, Context, Example, Function, fixed, register
from shopify_fw360.mapping.values import Invalid
from shopify_fw360.records import FieldType

TEXT = FieldType.TEXT


register(
    Function(
        "strip",
        "Removes spaces at both ends.",
        TEXT,
        TEXT,
        fixed(str.strip),
        total=True,
        examples=[Example("strip", "  Anna ", "Anna")],
    )
)
register(
    Function(
        "lower",
        "Small letters.",
        TEXT,
        TEXT,
        fixed(str.lower),
        total=True,
        examples=[Example("lower", "Anna@Example.COM", "anna@example.com")],
    )
)
register(
    Function(
        "upper",
        "Capital letters.",
        TEXT,
        TEXT,
        fixed(str.upper),
        total=True,
        examples=[Example("upper", "it", "IT")],
    )
)


def collapse_spaces(value: str) -> str:
    """Return the text with every run of white space as one space, none at the ends."""
    return " ".join(value.split())


register(
    Function(
        "collapse_spaces",
        "One space for every run of spaces, tabs and line ends; none at the ends.",
        TEXT,
        TEXT,
        fixed(collapse_spaces),
        examples=[Example("collapse_spaces", " Via  Roma\n1 ", "Via Roma 1")],
    )
)


def slug(value: str) -> str | None:
    """Return a text as the last part of an address, None if no letter or digit is left.

    Letters and digits of every script stay in small form, and so do ``-`` and ``_`` between them.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).lower())
    kept = (
        character if character.isalnum() or character in "-_" or unicodedata.category(character)[0] == "M" else " "
        for character in plain
    )
    text = "-".join("".join(kept).split()).strip("-_")
    return text if any(character.isalnum() for character in text) else None


register(
    Function(
        "slug",
        "A text as part of an address: small letters and digits of any script, joined by -; empty if none is left.",
        TEXT,
        TEXT,
        fixed(slug),
        examples=[
            Example("slug", " Maglia blu / Tg. 42 ", "maglia-blu-tg-42"),
            Example("slug", "Caffè", "caffè"),
            Example("slug", "!", None),
        ],
    )
)

_NAME = re.compile(r"[A-Za-z0-9'.\-]+(?: [A-Za-z0-9'.\-]+)*")
_NAME_LOOKALIKES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "–": "-"})


def clean_name(value: str) -> str | None:
    """Return a name as Framework360 accepts it (contract 4.5), None if no letter or digit is left.

    Letters of every script stay, together with the marks that belong to them.
    """
    if not _NAME.fullmatch(value):
        kept: list[str] = []
        for character in unicodedata.normalize("NFC", value).translate(_NAME_LOOKALIKES):
            if character.isalnum() or character in "'.-":
                kept.append(character)
            elif character.isspace():
                kept.append(" ")
            elif kept and kept[-1] != " " and unicodedata.category(character) in {"Mn", "Mc"}:
                # Indic vowel signs and the like are marks; one that follows a dropped character goes with it.
                kept.append(character if kept[-1] not in "'.-" else "")
        value = collapse_spaces("".join(kept))
    if not any(character.isalnum() for character in value):
        return None
    return value if len(value) > 1 else f"{value}."


register(
    Function(
        "clean_name",
        "A name as Framework360 accepts it: only letters, digits, space, ' . -; empty if no letter or digit is left; "
        "a single letter gets a dot.",
        TEXT,
        TEXT,
        fixed(clean_name),
        examples=[
            Example("clean_name", " Anna  Maria* ", "Anna Maria"),
            Example("clean_name", "D’Angelo ❤️", "D'Angelo"),
            Example("clean_name", "-", None),
            Example("clean_name", "X", "X."),
        ],
    )
)


class Length(Args):
    """Arguments of truncate."""

    length: Annotated[int, Field(ge=1)]
    shorthand: ClassVar[str | None] = "length"


def _truncate(args: Length, _context: Context) -> Callable[[str], str]:
    return lambda value: value if len(value) <= args.length else value[: args.length].rstrip()


register(
    Function(
        "truncate",
        "Cuts the text to a number of characters.",
        TEXT,
        TEXT,
        _truncate,
        args=Length,
        examples=[Example({"truncate": 5}, "Bologna", "Bolog")],
    )
)


class Characters(Args):
    """Arguments of remove."""

    characters: Annotated[str, Field(min_length=1)]
    shorthand: ClassVar[str | None] = "characters"


def _remove(args: Characters, _context: Context) -> Callable[[str], str]:
    table = str.maketrans("", "", args.characters)
    return lambda value: value.translate(table)


register(
    Function(
        "remove",
        "Removes each of the given characters.",
        TEXT,
        TEXT,
        _remove,
        args=Characters,
        examples=[Example({"remove": " .-"}, "IT 012.345-67", "IT01234567")],
    )
)


class Replacement(Args):
    """Arguments of replace."""

    texts: Annotated[dict[str, str], Field(min_length=1)]
    shorthand: ClassVar[str | None] = "texts"


def _replace(args: Replacement, _context: Context) -> Callable[[str], str]:
    # One pass with the longest text first, so that no replacement is replaced again.
    pattern = re.compile("|".join(re.escape(old) for old in sorted(args.texts, key=len, reverse=True)))
    return lambda value: pattern.sub(lambda match: args.texts[match[0]], value)


register(
    Function(
        "replace",
        "Replaces texts by others, in one pass.",
        TEXT,
        TEXT,
        _replace,
        args=Replacement,
        examples=[Example({"replace": {"&": " e ", "S.R.L.": "srl"}}, "Rossi&Figli S.R.L.", "Rossi e Figli srl")],
    )
)


class Prefix(Args):
    """Arguments of prefix and remove_prefix."""

    text: Annotated[str, Field(min_length=1)]
    shorthand: ClassVar[str | None] = "text"


def _prefix(args: Prefix, _context: Context) -> Callable[[str], str]:
    return lambda value: value if not value or value.startswith(args.text) else args.text + value


def _remove_prefix(args: Prefix, _context: Context) -> Callable[[str], str]:
    return methodcaller("removeprefix", args.text)


register(
    Function(
        "prefix",
        "Puts a text in front, unless it is there already.",
        TEXT,
        TEXT,
        _prefix,
        args=Prefix,
        examples=[
            Example({"prefix": "fw360:"}, "vip", "fw360:vip"),
            Example({"prefix": "fw360:"}, "fw360:vip", "fw360:vip"),
        ],
    )
)
register(
    Function(
        "remove_prefix",
        "Removes a text in front, if it is there.",
        TEXT,
        TEXT,
        _remove_prefix,
        args=Prefix,
        examples=[Example({"remove_prefix": "fw360:"}, "fw360:vip", "vip")],
    )
)


class Mark(Args):
    """Arguments of before and after."""

    mark: Annotated[str, Field(min_length=1)]
    shorthand: ClassVar[str | None] = "mark"


def _before(args: Mark, _context: Context) -> Callable[[str], str]:
    return lambda value: value.partition(args.mark)[0]


def _after(args: Mark, _context: Context) -> Callable[[str], str | None]:
    return lambda value: value.partition(args.mark)[2] or None


register(
    Function(
        "before",
        "What stands before the first mark; the whole text if there is none.",
        TEXT,
        TEXT,
        _before,
        args=Mark,
        examples=[
            Example({"before": " / "}, "Via Roma 1 / Scala B", "Via Roma 1"),
            Example({"before": " / "}, "Via Roma 1", "Via Roma 1"),
        ],
    )
)
register(
    Function(
        "after",
        "What stands after the first mark; empty if there is none.",
        TEXT,
        TEXT,
        _after,
        args=Mark,
        examples=[
            Example({"after": " / "}, "Via Roma 1 / Scala B", "Scala B"),
            Example({"after": " / "}, "Via Roma 1", None),
        ],
    )
)


class _TextOfHtml(HTMLParser):
    _SILENT = frozenset({"script", "style", "template"})
    _BREAKS = frozenset({"br", "p", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5", "h6"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in self._SILENT:
            self._silent += 1
        if tag in self._BREAKS:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._SILENT and self._silent:
            self._silent -= 1
        if tag in self._BREAKS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def strip_html(value: str) -> str:
    """Return the visible text of HTML on one line."""
    if "<" not in value and "&" not in value:
        return collapse_spaces(value)
    parser = _TextOfHtml()
    try:
        parser.feed(value)
        parser.close()
    except AssertionError:  # html.parser gives up this way on broken declarations such as <![
        raise Invalid("apply strip_html", "the text is not readable as HTML") from None
    return collapse_spaces("".join(parser.parts))


register(
    Function(
        "strip_html",
        "The visible text of HTML, on one line.",
        TEXT,
        TEXT,
        fixed(strip_html),
        examples=[Example("strip_html", "<p>Ciao <b>Anna</b> &amp; Leo</p>", "Ciao Anna & Leo")],
    )
)
