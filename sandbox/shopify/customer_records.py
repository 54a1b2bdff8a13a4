"""How a customer is kept, and rules that follow from the record alone.

A record holds: firstName, lastName, email, phone, locale, note, tags, taxExempt, taxExemptions, state,
verifiedEmail, createdAt, updatedAt, numberOfOrders, amountSpent (text), addresses (`{num, firstName, ...}`),
defaultAddress (the num of one), emailConsent, smsConsent, whatsAppConsent (`{state, level, updatedAt}`), metafields
("namespace.key" to `{num, type, value, createdAt, updatedAt, unique}`) and sequence (last child number).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import phonenumbers

from sandbox.shopify.table import Record

ADDRESS_FIELDS = (
    "firstName", "lastName", "company", "address1", "address2", "city", "zip", "provinceCode", "countryCode", "phone",
)  # fmt: skip


def email_key(email: str) -> str:
    """Return the unique key of an e-mail address: case does not count."""
    return "email:" + email.lower()


def phone_key(phone: str) -> str:
    """Return the unique key of an E.164 phone number."""
    return "phone:" + phone


def clean_phone(text: str) -> str | None:
    """Return a phone as E.164, None when it is no valid international number."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def metafield_key(name: str, value: str) -> str:
    """Return the lookup key of a metafield value; `name` is "namespace.key"."""
    return f"metafield:{name}={value}"


def customer_keys(record: Record) -> Iterator[str]:
    """Yield the keys a customer is found by: e-mail, phone, and metafields with unique values."""
    if record.get("email"):
        yield email_key(record["email"])
    if record.get("phone"):
        yield phone_key(record["phone"])
    for name, metafield in (record.get("metafields") or {}).items():
        if metafield.get("unique"):
            yield metafield_key(name, metafield["value"])


def name_of(record: Record) -> str:
    """Return what customers are sorted by under NAME."""
    return f"{record.get('lastName') or ''} {record.get('firstName') or ''}".strip().casefold()


def display_name(record: Record) -> str:
    """Return the name shown: first and last name, else the e-mail, else the phone."""
    name = " ".join(part for part in (record.get("firstName"), record.get("lastName")) if part)
    return name or record.get("email") or record.get("phone") or ""


def address_of(record: Record, num: int | None) -> dict[str, Any] | None:
    """Return one address of a customer."""
    return next((address for address in record.get("addresses") or [] if address["num"] == num), None)
