"""The fields of a customer that can be written, metafields of any record, and when two of their values are the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

from shopify_fw360.records import UNSET, FieldType, TargetField

CONSENT: Final = "emailMarketingConsent"
ADDRESS: Final = "defaultAddress."
APP: Final = "$app"
EXTERNAL_ID: Final = "fw360_id"
EXTERNAL_ID_PATH: Final = f"metafields.{APP}.{EXTERNAL_ID}"
SUBSCRIBED: Final = "SUBSCRIBED"

DEFINITIONS: Final = MappingProxyType(
    {EXTERNAL_ID: "id", "orders_count": "number_integer", "total_spent": "number_decimal"}
)
"""Metafields of the app's own namespace and their types."""

DEFAULT_METAFIELD_TYPE: Final = "single_line_text_field"

_NUMBERS: Final = {"number_integer": FieldType.INTEGER, "number_decimal": FieldType.DECIMAL}


def _unless_empty(normalise: Callable[[str], Any]) -> Callable[[Any], Any]:
    def same(value: Any) -> Any:
        if value is UNSET:
            return UNSET
        text = "" if value is None else str(value).strip()
        return normalise(text) if text else None

    return same


def _phone(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    if text.startswith("00"):
        return f"+{digits[2:]}"
    return f"+{digits}" if text.startswith("+") else digits


def _number(text: str) -> Any:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    # Equal numbers must have equal texts too, because a base is compared as JSON.
    return number.normalize() + 0 if number.is_finite() else text


same_text = _unless_empty(str)
same_email = _unless_empty(str.casefold)
same_upper = _unless_empty(str.upper)
same_phone = _unless_empty(_phone)
same_number = _unless_empty(_number)


def same_flag(value: Any) -> Any:
    """Bring a flag and its text ("true", "false") together."""
    if value is UNSET or value is None:
        return value
    return value.strip().casefold() == "true" if isinstance(value, str) else bool(value)


def same_tags(value: Any) -> Any:
    """Bring lists of tags together (Shopify: tags are trimmed, sorted and compared without case)."""
    if value is UNSET:
        return UNSET
    return tuple(sorted({str(tag).strip().casefold() for tag in value or () if str(tag).strip()}))


def same_consent(value: Any) -> Any:
    """Bring a marketing state and a flag together.

    Args:
        value: a flag, or a state of Shopify.

    Returns:
        True for a subscription, False for any other known state, UNSET if there is none (a customer without e-mail).
    """
    if value is UNSET or value is None:
        return UNSET
    return value == SUBSCRIBED if isinstance(value, str) else bool(value)


def _text(name: str, read: str, same: Callable[[Any], Any] = same_text, length: int | None = 255) -> TargetField:
    return TargetField(name, FieldType.TEXT, (read,), same, max_length=length)


CUSTOMER_FIELDS: Final[dict[str, TargetField]] = {
    target.name: target
    for target in (
        # Shopify: names and tags hold up to 255 characters, a note 5,000.
        _text("email", "defaultEmailAddress.emailAddress", same_email),
        _text("phone", "defaultPhoneNumber.phoneNumber", same_phone, None),
        _text("firstName", "firstName"),
        _text("lastName", "lastName"),
        _text("note", "note", length=5_000),
        replace(_text("locale", "locale"), can_empty=False),
        TargetField("taxExempt", FieldType.FLAG, ("taxExempt",), same_flag, can_empty=False),
        TargetField("tags", FieldType.TAGS, ("tags",), same_tags, max_length=255),
        TargetField(CONSENT, FieldType.FLAG, ("defaultEmailAddress.marketingState",), same_consent, can_empty=False),
        _text("defaultAddress.countryCode", "defaultAddress.countryCodeV2", same_upper, 2),
        _text("defaultAddress.phone", "defaultAddress.phone", same_phone),
        *(
            _text(f"{ADDRESS}{name}", f"{ADDRESS}{name}")
            for name in ("address1", "address2", "city", "zip", "provinceCode", "company", "firstName", "lastName")
        ),
    )
}


def metafield_target(namespace: str, key: str) -> TargetField:
    """Describe a metafield as a writable field.

    Args:
        namespace: ``$app`` or that of a merchant or another app.
        key: of the metafield.

    Returns:
        The field with the type of `DEFINITIONS`, else single-line text; a mapping may give it another one.
    """
    kind = DEFINITIONS.get(key, DEFAULT_METAFIELD_TYPE) if namespace == APP else DEFAULT_METAFIELD_TYPE
    name = f"metafields.{namespace}.{key}"
    value = _NUMBERS.get(kind, FieldType.TEXT)
    return TargetField(name, value, (name,), same_number if kind in _NUMBERS else same_text, metafield_type=kind)
