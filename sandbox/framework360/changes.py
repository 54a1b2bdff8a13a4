"""From the parameters of a registration, an update or the page to a changed customer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.framework360.errors import RefusedError
from sandbox.framework360.options import Options
from sandbox.framework360.store import ADDRESS_KEYS, BILLING_KEYS, LISTS, SOURCES, Customer, Store

_COMPANY_KEYS = ("ragione_sociale", "piva", "cf", "pec", "sdi")
_NAME_SIGNS = frozenset(" '.-")
_MARKUP = re.compile(r"<[^>]*>")
_PHONE_NOISE = re.compile(r"[^\d+]")
_SPACES = re.compile(r"\s+")


def new_customer(store: Store, now: datetime) -> Customer:
    """Return an empty customer with a new id, not yet in the store."""
    return Customer(
        id=store.next_id("customer"),
        **dict.fromkeys(("nome", "cognome", "email", "mobile", "landline", *ADDRESS_KEYS), ""),
        billing=None,
        source=6,
        marketing_active=False,
        lists=(),
        tags=(),
        extra=None,
        registered=now,
        modified=now,
    )


def checked(payload: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Check the values of a request against the rules of the site and bring them to their stored form.

    Args:
        payload: parameters that keep the contract.
        options: name rules, billing mode, normalisation, fields that are not writable.

    Returns:
        `nome`, `cognome`, `email`, `telefono`, the flat address, `billing` (keys of BILLING_KEYS), `tags` and `lists`
        as tuples, `marketing_active`, `source`, `extra`: only what is given and stored on this site.

    Raises:
        RefusedError: a name, list or source the site does not take.
    """
    for key in ("nome", "cognome"):
        if key in payload:
            _check_name(key, payload[key], options)
    stored = {key: value for key, value in payload.items() if key not in options.not_writable}
    changes: dict[str, Any] = {key: _clean(stored[key], options) for key in ("nome", "cognome") if key in stored}
    if "email" in stored:
        email = stored["email"].strip()
        changes["email"] = email.lower() if options.normalise == "full" else email
    if "telefono" in stored:
        changes["telefono"] = _phone(stored["telefono"], options)
    changes |= _address_and_billing(stored, options)
    if "tags" in stored:
        tags = stored["tags"]
        changes["tags"] = tuple(_clean(tag, options) for tag in ([tags] if isinstance(tags, str) else tags))
    if "marketing_list" in payload:
        lists = tuple(dict.fromkeys(_list_id(entry, options) for entry in payload["marketing_list"]))
        if "marketing_list" in stored:
            changes["lists"] = lists
    if "marketing_active" in stored:
        changes["marketing_active"] = stored["marketing_active"]
    if "provenienza" in payload:
        if payload["provenienza"] not in SOURCES:
            raise RefusedError("invalid_field", f"provenienza {payload['provenienza']}")
        changes["source"] = payload["provenienza"]
    if "extraFields" in stored:
        changes["extra"] = stored["extraFields"]
    return changes


def apply(store: Store, customer: Customer, changes: Mapping[str, Any], options: Options, now: datetime) -> None:
    """Store checked changes.

    Absent keys stay; `billing` and `extra` merge by key, where empty text deletes; everything else replaces. A changed
    address also replaces the one that billing holds.
    """
    for key in ("nome", "cognome", *ADDRESS_KEYS, "lists", "marketing_active", "source"):
        if key in changes:
            setattr(customer, key, changes[key])
    if "email" in changes:
        store.set_email(customer, changes["email"])
    if "tags" in changes:
        store.set_tags(customer, changes["tags"])
    if "telefono" in changes:
        as_landline = options.phone_reads_as == "landline" or (
            options.phone_reads_as == "either" and customer.id % 2 == 0
        )
        customer.mobile, customer.landline = ("", changes["telefono"]) if as_landline else (changes["telefono"], "")
    known = customer.billing or {}
    billing = {key: changes[key] for key in ADDRESS_KEYS if key in changes and key in known} | changes.get(
        "billing", {}
    )
    if billing:
        merged = {**known, **billing}
        customer.billing = {key: value for key, value in merged.items() if value} or None
    if "extra" in changes:
        merged = {**(customer.extra or {}), **changes["extra"]}
        customer.extra = {key: value for key, value in merged.items() if value != ""} or None
    customer.touched(now)
    store.note("customer", customer.id, "updated")


def _address_and_billing(stored: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Split address and billing data by where they go: flat address keys to the top level, the rest to billing."""
    changes: dict[str, Any] = {}
    billing: dict[str, str] = {}
    if options.billing_update in ("both", "flat"):
        for key in ADDRESS_KEYS:
            if key in stored:
                changes[key] = _clean(stored[key], options)
        for key in _COMPANY_KEYS:
            if key in stored:
                billing["cod_univoco" if key == "sdi" else key] = _clean(stored[key], options)
    if options.billing_update in ("both", "object"):
        given = dict(stored.get("dati_fatturazione") or {})
        if "sdi" in given and "sdi" not in options.not_writable:
            given.setdefault("cod_univoco", given["sdi"])
        for key in BILLING_KEYS:
            if key in given and key not in options.not_writable:
                billing[key] = _clean(given[key] or "", options)
    if billing:
        changes["billing"] = billing
    return changes


def _check_name(key: str, value: str, options: Options) -> None:
    if options.name_rules == "off":
        return
    if not any(sign.isalnum() for sign in value) or len(value.strip()) < 2:
        raise RefusedError("invalid_field", f"{key} troppo corto")
    if options.name_rules == "strict":
        if len(value) > 120:
            raise RefusedError("invalid_field", f"{key} oltre 120 caratteri")
        odd = next((sign for sign in value if not _is_name_sign(sign)), None)
        if odd is not None:
            raise RefusedError("invalid_field", f"{key} contiene il carattere {odd!r}")


def _is_name_sign(sign: str) -> bool:
    # A combining accent belongs to its letter.
    return sign.isalnum() or sign in _NAME_SIGNS or unicodedata.category(sign).startswith(("M", "Zs"))


def _list_id(entry: int | str, options: Options) -> int:
    if isinstance(entry, int) or entry.isdecimal():
        if int(entry) in LISTS:
            return int(entry)
    elif options.list_names_accepted:
        for found, name in LISTS.items():
            if name.casefold() == entry.strip().casefold():
                return found
    raise RefusedError("invalid_field", f"marketing_list {entry}")


def _clean(value: str, options: Options) -> str:
    if options.normalise == "none":
        return value
    if options.normalise == "full":
        value = _SPACES.sub(" ", _MARKUP.sub("", value))
    return value.strip()


def _phone(value: str, options: Options) -> str:
    if options.normalise == "none":
        return value
    digits = _PHONE_NOISE.sub("", value)
    return f"+{digits[2:]}" if digits.startswith("00") else digits
