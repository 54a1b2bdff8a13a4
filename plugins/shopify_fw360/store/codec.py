"""JSON text of the store: compact, exact for everything that was JSON before, and safe for a TEXT column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

_OPTIONS = orjson.OPT_NON_STR_KEYS


def _image(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dump_json(value: Any) -> str:
    """Encode a JSON value as compact text that ``load_json`` decodes to an equal value.

    Args:
        value: JSON values; Decimal and time become text, other mappings objects, sets sorted lists.

    Returns:
        The text; control characters, NUL included, are escaped, so PostgreSQL's TEXT accepts it.

    Raises:
        TypeError: the value has no JSON form.
    """
    try:
        return orjson.dumps(value, default=_image, option=_OPTIONS).decode()
    except TypeError:
        # orjson refuses lone surrogates (half an emoji cut off by another program) and integers beyond 64 bits.
        return json.dumps(value, default=_image, separators=(",", ":"))


def load_json(text: str) -> Any:
    """Decode text written by ``dump_json``."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def clean_text(text: str) -> str:
    """Remove what a TEXT column refuses: NUL characters (PostgreSQL) and lone surrogates (UTF-8)."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
