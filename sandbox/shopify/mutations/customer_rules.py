"""What Shopify accepts in a customer, with its error texts.

Sources: limits and texts as recorded on live shops (names 255, note 5,000, tag 255 characters, 250 tags; phones must be
valid E.164 numbers; tags are trimmed, sorted and compared without case).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.shopify.customer_records import ADDRESS_FIELDS, clean_phone, email_key, phone_key
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record

MAX_NAME, MAX_NOTE, MAX_TAG, MAX_TAGS = 255, 5_000, 255, 250
_EMAIL = re.compile(r"[^@\s\x00-\x1f\"(),:;<>\[\]\\]+@(?:[^@\s.,\"()<>:;\[\]\\]+\.)+[^@\s.,\"()<>:;\[\]\\]{2,}")
_PLAIN_FIELDS = ("firstName", "lastName", "note", "locale", "taxExempt", "taxExemptions")
_LABELS = {"firstName": "First name", "lastName": "Last name", "note": "Note"}


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Return tags as Shopify stores them: split at commas, trimmed, one per spelling without case, sorted."""
    kept: dict[str, str] = {}
    for entry in tags:
        for tag in entry.split(","):
            text = " ".join(tag.split(" ")).strip()
            if text:
                kept.setdefault(text.casefold(), text)
    return sorted(kept.values(), key=lambda tag: (tag.casefold(), tag))


def tag_errors(tags: list[str], field: list[str]) -> list[UserError]:
    """Return what is wrong with the tags of a record."""
    errors = []
    if any(len(tag) > MAX_TAG for tag in tags):
        errors.append(user_error(field, f"Tags is too long (maximum is {MAX_TAG} characters)", "TOO_LONG"))
    if len(tags) > MAX_TAGS:
        errors.append(user_error(field, f"Tags cannot be more than {MAX_TAGS}", "TOO_LONG"))
    return errors


def apply_input(shop: Shop, record: Record, given: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> list[UserError]:
    """Write the given fields of CustomerInput or CustomerSetInput into a record; omitted fields stay.

    Args:
        shop: for uniqueness.
        record: changed in place; throw it away when errors come back.
        given: the input; addresses, consent and metafields are not touched here.
        prefix: path of the input in user errors.

    Returns:
        User errors, empty when the record may be stored.
    """
    errors: list[UserError] = []
    for name in _PLAIN_FIELDS:
        if name in given:
            record[name] = given[name] if given[name] not in ("", []) else None
    for name, limit in (("firstName", MAX_NAME), ("lastName", MAX_NAME), ("note", MAX_NOTE)):
        if len(record.get(name) or "") > limit:
            message = f"{_LABELS[name]} is too long (maximum is {limit} characters)"
            errors.append(user_error([*prefix, name], message, "TOO_LONG"))
    if "email" in given:
        errors += _apply_email(shop, record, given["email"], [*prefix, "email"])
    if "phone" in given:
        errors += _apply_phone(shop, record, given["phone"], [*prefix, "phone"])
    if given.get("tags") is not None:
        record["tags"] = clean_tags(given["tags"])
        errors += tag_errors(record["tags"], [*prefix, "tags"])
    return errors


def presence_error(record: Record, prefix: tuple[str, ...] = ()) -> list[UserError]:
    """Return the error of a customer without name, phone and e-mail."""
    if any(record.get(name) for name in ("firstName", "lastName", "email", "phone")):
        return []
    return [user_error(prefix or None, "A name, phone number, or email address must be present", "INVALID")]


def address_from(given: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an address from MailingAddressInput; fields left out keep what they had."""
    address = dict(before or {})
    for name in ADDRESS_FIELDS:
        if name in given:
            address[name] = given[name] or None
    if given.get("country") and not given.get("countryCode"):
        address["countryCode"] = _country_code(given["country"])
    if given.get("province") and not given.get("provinceCode"):
        address["provinceCode"] = given["province"]
    return address


def address_errors(address: Mapping[str, Any], prefix: list[str]) -> list[UserError]:
    """Return what is wrong with an address."""
    return [
        user_error([*prefix, name], f"{name} is too long (maximum is {MAX_NAME} characters)", "TOO_LONG")
        for name in ADDRESS_FIELDS
        if len(address.get(name) or "") > MAX_NAME
    ]


def set_addresses(shop: Shop, record: Record, given: list[Mapping[str, Any]]) -> list[UserError]:
    """Replace the address list; an address that is there already keeps its id, the first one becomes the default."""
    errors: list[UserError] = []
    kept = list(record.get("addresses") or [])
    addresses: list[dict[str, Any]] = []
    for index, entry in enumerate(given):
        address = address_from(entry)
        errors += address_errors(address, ["input", "addresses", str(index)])
        same = next((old for old in kept if _content(old) == _content(address)), None)
        if same is not None:
            kept.remove(same)
        if any(_content(other) == _content(address) for other in addresses):
            continue
        addresses.append(same or {"num": shop.child(record), **address})
    record["addresses"] = addresses
    numbers = [address["num"] for address in addresses]
    if record.get("defaultAddress") not in numbers:
        record["defaultAddress"] = numbers[0] if numbers else None
    return errors


def same_address(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two addresses hold the same."""
    return _content(one) == _content(other)


def _content(address: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(address.get(name) or None for name in ADDRESS_FIELDS)


def _country_code(name: str) -> str | None:
    from babel import Locale

    wanted = name.casefold()
    territories = Locale("en").territories.items()
    return next(
        (code for code, label in territories if len(code) == 2 and wanted in (code.casefold(), label.casefold())), None
    )


def email_error(email: str, field: list[str]) -> list[UserError]:
    """Return the error of a text that is no e-mail address."""
    if len(email) > MAX_NAME or not _EMAIL.fullmatch(email):
        return [user_error(field, "Email is invalid", "INVALID")]
    return []


def _apply_email(shop: Shop, record: Record, given: str | None, field: list[str]) -> list[UserError]:
    email = (given or "").strip()
    if not email:
        record["email"] = None
        return []
    if invalid := email_error(email, field):
        return invalid
    if shop.customers.find(email_key(email)) not in (None, record["num"]):
        return [user_error(field, "Email has already been taken", "TAKEN")]
    record["email"] = email
    return []


def _apply_phone(shop: Shop, record: Record, given: str | None, field: list[str]) -> list[UserError]:
    if not (given or "").strip():
        record["phone"] = None
        return []
    phone = clean_phone(str(given))
    if phone is None:
        return [user_error(field, "Phone is invalid", "INVALID")]
    if shop.customers.find(phone_key(phone)) not in (None, record["num"]):
        return [user_error(field, "Phone has already been taken", "TAKEN")]
    record["phone"] = phone
    return []
