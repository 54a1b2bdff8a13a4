"""Canonical forms: two values whose forms are equal are the same to Framework360."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from html import escape
from html.parser import HTMLParser
from operator import itemgetter
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from shopify_fw360.framework360 import wire
from shopify_fw360.records import NewChild

CENT: Final = Decimal("0.01")
PATH_SEPARATOR: Final = ">"
"""Between the names of a category and the one above it."""

_TENTH_OF_A_GRAM: Final = Decimal("0.0001")


def same_text(value: Any) -> str | None:
    """Bring a text to canonical form: Unicode NFC, single spaces, None for every spelling of empty."""
    if value is None:
        return None
    text = " ".join(unicodedata.normalize("NFC", str(value)).split())
    return None if text in wire.EMPTY_WORDS else text


def same_email(value: Any) -> str | None:
    """Bring an e-mail to canonical form: trimmed, without case."""
    text = same_text(value)
    return text.casefold() if text else None


def same_code(value: Any) -> str | None:
    """Bring a code (country, province, postal code, VAT number, ...) to canonical form: no spaces, no case."""
    text = same_text(value)
    return text.replace(" ", "").casefold() if text else None


def same_phone(value: Any) -> str | None:
    """Bring a phone number to canonical form: digits, with a leading + for an international one."""
    text = same_text(value)
    if not text:
        return None
    digits = "".join(character for character in text if character.isdigit())
    if text.startswith("+"):
        return f"+{digits}"
    return f"+{digits[2:]}" if digits.startswith("00") else digits or None


def same_flag(value: Any) -> bool:
    """Bring a flag to canonical form; empty is no."""
    return bool(value)


def same_tags(value: Any) -> tuple[str, ...]:
    """Bring a list of tags or ids to canonical form: without case, order and repetitions."""
    return tuple(sorted({text.casefold() for item in value or () if (text := same_text(item))}))


def same_sku(value: Any) -> str | None:
    """Bring a SKU or barcode to canonical form: trimmed, otherwise exact, as Framework360 compares them [A]."""
    text = "" if value is None else str(value).strip()
    return None if text in wire.EMPTY_WORDS else text


def same_number(value: Any) -> Decimal | str | None:
    """Bring a whole number to canonical form; what is no number stays a text."""
    return _number(value, Decimal(1))


def same_money(value: Any) -> Decimal | str | None:
    """Bring an amount to canonical form: half-up to cents; what is no amount stays a text."""
    return _number(value, CENT)


def same_weight(value: Any) -> Decimal | str | None:
    """Bring kilograms to canonical form: to a tenth of a gram, since pounds and ounces are converted on the way."""
    return _number(value, _TENTH_OF_A_GRAM)


def same_category(value: Any) -> str | None:
    """Bring the path of a category to canonical form: without case and spaces around the separators."""
    text = same_text(value)
    if not text:
        return None
    return PATH_SEPARATOR.join(part.strip() for part in text.casefold().split(PATH_SEPARATOR))


def same_options(value: Any) -> tuple[tuple[str, str], ...]:
    """Bring the option values of a variant to canonical form.

    Args:
        value: list of pairs ``[name, value]``; a mapping is taken too.

    Returns:
        Pairs without their order: Framework360 keeps the order of options with the product, not with the variant.
    """
    pairs = value.items() if isinstance(value, Mapping) else value or ()
    return tuple(sorted((same_text(name) or "", same_text(text) or "") for name, text in pairs))


def same_reference(value: Any) -> str | None:
    """Bring a reference to another child to canonical form; one that does not exist yet equals no id."""
    return f"new:{value.source_id}" if isinstance(value, NewChild) else same_text(value)


def same_file(value: Any) -> str | None:
    """Bring the name of a file to canonical form: letters and digits without case, since systems replace the rest."""
    text = same_text(value)
    if not text:
        return None
    folded = "".join(character if character.isalnum() else " " for character in text.casefold())
    return "-".join(folded.split()) or text


def file_name(url: str | None) -> str | None:
    """Return the name of the file at a URL without query and extension, None if it names none."""
    if not url:
        return None
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    name = unquote(path).rpartition("/")[2]
    return (name.rpartition(".")[0] or name) or None


def half_up(value: Decimal, step: Decimal) -> Decimal:
    """Round half up to a multiple of a power of ten, which is what people expect of prices."""
    return value.quantize(step, ROUND_HALF_UP)


def _number(value: Any, step: Decimal) -> Decimal | str | None:
    text = same_text(value)
    if text is None:
        return None
    try:
        return half_up(Decimal(text), step)
    except InvalidOperation:
        return text


# HTML ----------------------------------------------------------------------------------------------------------------

_VOID: Final = frozenset({"area", "br", "col", "embed", "hr", "img", "input", "link", "source", "track", "wbr"})


def same_html(value: Any) -> str | None:
    """Bring HTML to canonical form.

    Tag names in lower case, attributes sorted, void tags closed in one way, entities as characters, single spaces,
    no comments and no white space that only lays out the source. Text without markup stays text.
    """
    text = "" if value is None else unicodedata.normalize("NFC", str(value))
    if "<" in text or "&" in text:
        writer = _Canonical()
        try:
            writer.feed(text)
            writer.close()
        except AssertionError:
            # html.parser gives up on malformed declarations such as "<![x"; then only the text itself is compared.
            return same_text(text)
        text = "".join(writer.parts)
    return same_text(text)


class _Canonical(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        written = "".join(f' {name}="{escape(value or "")}"' for name, value in sorted(attrs, key=itemgetter(0)))
        self.parts.append(f"<{tag}{written}>")

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if data.strip() or "\n" not in data:
            self.parts.append(escape(data, quote=False))
