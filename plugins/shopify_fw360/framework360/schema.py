"""What Framework360 lets us read and write, and how to tell that two values are the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.codec import EXTRA_PREFIX, MAX_NAME
from shopify_fw360.records import Entity, FieldType, SourceField, TargetField, UnknownFieldError

ORDERS_COUNT: Final = "orders_count"
ORDERS_TOTAL: Final = "orders_total"
ORDERS_CURRENCY: Final = "orders_currency"
ORDER_PATHS: Final = frozenset({ORDERS_COUNT, ORDERS_TOTAL, ORDERS_CURRENCY})
"""Derived from the customer's sales: number, sum in the site's currency, and that currency."""


# Canonical forms -----------------------------------------------------------------------------------------------------


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


# Fields --------------------------------------------------------------------------------------------------------------

_CUSTOMER_PATHS: Final[Mapping[str, FieldType]] = {
    wire.ID: FieldType.TEXT,
    **dict.fromkeys((*wire.CUSTOMER_TOP_TEXTS, wire.PHONE), FieldType.TEXT),
    **dict.fromkeys((*wire.CUSTOMER_BILLING_TEXTS, wire.SDI), FieldType.TEXT),
    wire.MARKETING_ACTIVE: FieldType.FLAG,
    wire.MARKETING_LIST: FieldType.TAGS,
    wire.TAGS: FieldType.TAGS,
    wire.EXTRA_FIELDS: FieldType.JSON,
    wire.REGISTERED_AT: FieldType.TIME,
    wire.MODIFIED_AT: FieldType.TIME,
    ORDERS_COUNT: FieldType.INTEGER,
    ORDERS_TOTAL: FieldType.DECIMAL,
    ORDERS_CURRENCY: FieldType.TEXT,
}

_PLAIN_TEXTS: Final = ("ragione_sociale", "indirizzo", "comune")
_CODES: Final = ("piva", "cf", "cap", "citta", "stato", wire.SDI)


def _target(name: str, same: Callable[[Any], Any], kind: FieldType = FieldType.TEXT, **rules: Any) -> TargetField:
    return TargetField(name, kind, (name,), same, **rules)


_CUSTOMER_TARGETS: Final[Mapping[str, TargetField]] = {
    field.name: field
    for field in (
        _target(wire.EMAIL, same_email, can_empty=False),
        _target(wire.FIRST_NAME, same_text, can_empty=False, max_length=MAX_NAME),
        _target(wire.LAST_NAME, same_text, can_empty=False, max_length=MAX_NAME),
        _target(wire.PHONE, same_phone),
        *(_target(name, same_text) for name in _PLAIN_TEXTS),
        *(_target(name, same_code) for name in _CODES),
        _target("pec", same_email),
        _target(wire.MARKETING_ACTIVE, same_flag, FieldType.FLAG, can_empty=False),
        _target(wire.MARKETING_LIST, same_tags, FieldType.TAGS),
        _target(wire.TAGS, same_tags, FieldType.TAGS),
        _target(wire.SOURCE, same_code, can_empty=False),
    )
}

_SOURCES: Final[Mapping[Entity, Mapping[str, FieldType]]] = {Entity.CUSTOMER: _CUSTOMER_PATHS}
_TARGETS: Final[Mapping[Entity, Mapping[str, TargetField]]] = {Entity.CUSTOMER: _CUSTOMER_TARGETS}


class Framework360Schema:
    """The readable and writable fields of Framework360 records; implements `records.Schema`."""

    def source(self, entity: Entity, path: str) -> SourceField:
        """Return the readable field at a path.

        Args:
            entity: kind of record.
            path: flat name such as ``comune``, or ``extraFields.<key>``.

        Raises:
            UnknownFieldError: with near names that exist.
        """
        known = _SOURCES.get(entity, {})
        if path in known:
            return SourceField(path, (path,), known[path])
        if known and _extra_key(path):
            return SourceField(path, (wire.EXTRA_FIELDS, _extra_key(path)), FieldType.TEXT)
        raise _unknown(entity, path, known, "read")

    def target(self, entity: Entity, name: str) -> TargetField:
        """Return the writable field of a name.

        Args:
            entity: kind of record.
            name: flat name such as ``comune``, or ``extraFields.<key>``.

        Raises:
            UnknownFieldError: with near names that exist.
        """
        known = _TARGETS.get(entity, {})
        if name in known:
            return known[name]
        if known and _extra_key(name):
            return _target(name, same_text)
        raise _unknown(entity, name, known, "write")


def _extra_key(path: str) -> str:
    return path.removeprefix(EXTRA_PREFIX) if path.startswith(EXTRA_PREFIX) else ""


def _unknown(entity: Entity, path: str, known: Mapping[str, Any], verb: str) -> UnknownFieldError:
    reason = f"Framework360 has no {entity.value} field of that name to {verb}"
    return UnknownFieldError(path, reason, get_close_matches(path, list(known), n=3))
