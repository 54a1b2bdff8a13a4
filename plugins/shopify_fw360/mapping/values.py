"""Canonical values: how anything found in a record becomes the Python value of a field type, or a named refusal."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from shopify_fw360.errors import VALUE_INVALID, ErrorCode
from shopify_fw360.records import FieldType

MAX_TEXT: Final = 1_000_000
"""Longest text in characters that is looked at; nothing we map is longer (Shopify: a description holds 512 KB)."""

MAX_MATCHED: Final = 1_000
"""Longest text in characters that a regular expression of a mapping is tried on."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,12})?")
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}

_excerpts = reprlib.Repr()
_excerpts.maxstring = 60
_excerpts.maxother = 60
_excerpts.maxlist = 3
_excerpts.maxtuple = 3
_excerpts.maxdict = 3
_excerpts.maxlevel = 2


class Invalid(Exception):  # noqa: N818 - it travels as a value through columns; it is no failure of the program
    """A value that breaks a rule.

    Args:
        rule: key of the mapping or property of the field that is broken.
        message: what is wrong, without the value itself, which may be personal data.
        code: class of the failure.
    """

    def __init__(self, rule: str, message: str, code: ErrorCode = VALUE_INVALID) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.code = code


def excerpt(value: Any) -> str:
    """Return a short printable form of any value, for the list of parked records."""
    try:
        return _excerpts.repr(value)[:120]
    except ValueError:  # Python refuses to print integers of thousands of digits
        return f"<{type(value).__name__}>"


def kind_name(value: Any) -> str:
    """Return what a value is in words of JSON, for messages."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, int | float | Decimal):
        return "a number"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list"
    return "a time" if isinstance(value, datetime) else "something else"


def are_clean_texts(values: list[str]) -> bool:
    """Whether all texts can be stored: UTF-8 encodable, without NUL (PostgreSQL refuses it), not absurdly long."""
    joined = "".join(values)
    if len(joined) > MAX_TEXT and max(map(len, values)) > MAX_TEXT:
        return False
    if "\0" in joined:
        return False
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_text(value: Any) -> str:
    """Return a scalar as text; raise Invalid for lists, objects, flags and text that no system can store."""
    if isinstance(value, str):
        if not are_clean_texts([value]):
            if len(value) > MAX_TEXT:
                raise Invalid("type", f"a text of {len(value)} characters; at most {MAX_TEXT} are looked at")
            raise Invalid("type", "the text holds a NUL character or half a surrogate pair, which no system can store")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | datetime):
        raise Invalid("type", f"{kind_name(value)} where a text is expected")
    if isinstance(value, datetime):
        return to_time(value).isoformat()
    if isinstance(value, int):
        return str(to_integer(value))
    return format(to_decimal(value), "f")


def to_flag(value: Any) -> bool:
    """Return true or false of a flag, of 1 and 0, and of their texts (Framework360: flags come in all these forms)."""
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else str(value) if type(value) is int and value < 2 else ""
    if text not in _FLAGS:
        raise Invalid("type", f"{kind_name(value)} where true or false is expected")
    return _FLAGS[text]


def to_integer(value: Any) -> int:
    """Return a whole number of at most 18 digits."""
    if isinstance(value, str):
        text = value.strip()
        if _INTEGER.fullmatch(text):
            return int(text)
    elif isinstance(value, int) and not isinstance(value, bool):
        if -(10**18) < value < 10**18:
            return value
        raise Invalid("type", "a whole number of more than 18 digits")
    elif isinstance(value, float | Decimal):
        number = to_decimal(value)
        if number == number.to_integral_value():
            return int(number)
    raise Invalid("type", f"{kind_name(value)} where a whole number is expected")


def to_decimal(value: Any) -> Decimal:
    """Return an exact number; text needs a dot as decimal separator and no thousands separator."""
    if value.__class__ is str and _DECIMAL.fullmatch(value):  # nearly all that is asked
        return Decimal(value)
    if isinstance(value, Decimal):
        if value.is_finite() and abs(value.adjusted()) < 18 and value.as_tuple().exponent >= -30:  # type: ignore[operator]
            return value
        raise Invalid("type", "a number that is not finite or too large")
    if isinstance(value, float):
        # repr is the shortest text that reads back as the same float: 19.9 stays 19.9.
        text = format(Decimal(repr(value)), "f") if math.isfinite(value) and abs(value) < 1e18 else ""
    elif isinstance(value, int) and not isinstance(value, bool):
        return Decimal(to_integer(value))
    else:
        text = value.strip() if isinstance(value, str) and len(value) < 60 else ""
    if not _DECIMAL.fullmatch(text):
        raise Invalid("type", f"{kind_name(value)} where a number like 19.90 is expected")
    return Decimal(text)


def to_time(value: Any) -> datetime:
    """Return an aware UTC time of ISO 8601 text with an offset; the function `date` gives a zone to local times."""
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise Invalid("type", "the text is not an ISO 8601 time") from None
    if not isinstance(moment, datetime):
        raise Invalid("type", f"{kind_name(value)} where a time is expected")
    if moment.tzinfo is None:
        raise Invalid("type", "the time has no offset; give it a zone with the function date")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid("type", "the time lies outside the calendar") from None


def to_tags(value: Any) -> tuple[str, ...]:
    """Return texts in their order, trimmed, without empty ones and without those that differ only in case."""
    if isinstance(value, str):
        entries: list[Any] = [value]
    elif isinstance(value, list | tuple):
        entries = list(value)
    elif isinstance(value, set | frozenset):
        entries = sorted(value, key=str)
    else:
        raise Invalid("type", f"{kind_name(value)} where a list of texts is expected")
    unique: dict[str, str] = {}
    for entry in entries:
        if entry is not None:
            text = to_text(entry).strip()
            if text:
                unique.setdefault(text.casefold(), text)
    return tuple(unique.values())


def to_json(value: Any) -> Any:
    """Return a JSON value as it is; raise Invalid for what JSON cannot hold, such as NaN."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_json_default)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        raise Invalid("type", "the value cannot be written as JSON") from None
    if len(text) > MAX_TEXT:
        raise Invalid("type", f"a JSON value of {len(text)} characters; at most {MAX_TEXT} are looked at")
    return value


def _json_default(value: Any) -> str:
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError


CONVERTERS: Final[Mapping[FieldType, Callable[[Any], Any]]] = {
    FieldType.TEXT: to_text,
    FieldType.FLAG: to_flag,
    FieldType.INTEGER: to_integer,
    FieldType.DECIMAL: to_decimal,
    FieldType.TIME: to_time,
    FieldType.TAGS: to_tags,
    FieldType.JSON: to_json,
}
"""For each field type the function that makes the canonical value of anything, or raises Invalid."""

METAFIELD_TYPES: Final[Mapping[str, FieldType]] = {
    "single_line_text_field": FieldType.TEXT,
    "multi_line_text_field": FieldType.TEXT,
    "id": FieldType.TEXT,
    "url": FieldType.TEXT,
    "date": FieldType.TEXT,
    "number_integer": FieldType.INTEGER,
    "number_decimal": FieldType.DECIMAL,
    "boolean": FieldType.FLAG,
    "date_time": FieldType.TIME,
    "list.single_line_text_field": FieldType.JSON,
    "json": FieldType.JSON,
}
"""Shopify metafield types a mapping may write, and the field type each holds."""
