"""Customers between the wire and our flat record: tolerant when reading, strict when writing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from shopify_fw360.errors import REQUIRED_MISSING, VALUE_INVALID, SyncError
from shopify_fw360.framework360 import params, values, wire
from shopify_fw360.framework360.customer_fields import MAX_NAME
from shopify_fw360.framework360.options import Lookup, SiteOptions
from shopify_fw360.records import UNSET, Unset

Mode: TypeAlias = Literal["create", "update"]

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s.,;<>()]+")
_TEXTS = (*wire.CUSTOMER_BILLING_TEXTS, wire.PHONE)
_SDI_KEYS = (wire.SDI, wire.SDI_AS_READ)
_UPDATE_EXTRA = (wire.TAGS, wire.MARKETING_LIST, wire.MARKETING_ACTIVE)


# Reading -------------------------------------------------------------------------------------------------------------


def customer_decoder(
    options: SiteOptions, extra_keys: Iterable[str] = ()
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Make the reader of one site's customers.

    Args:
        options: the site's options, for its zone and formats.
        extra_keys: keys of ``extraFields`` the caller relies on; one that is missing from a customer's extra fields is
            known to be empty, since Framework360 deletes emptied keys.

    Returns:
        `decode_customer` with these options bound; the zone is looked up once, not per record.
    """
    zone, pattern, lookup, wanted = options.zone, options.formats.datetime, options.lookup, tuple(extra_keys)

    def decode(row: Mapping[str, Any]) -> dict[str, Any]:
        return decode_customer(row, zone=zone, pattern=pattern, lookup=lookup, extra_keys=wanted)

    return decode


def decode_customer(
    row: Mapping[str, Any],
    *,
    zone: ZoneInfo,
    pattern: str,
    lookup: Lookup = Lookup(),  # noqa: B008 - frozen
    extra_keys: Iterable[str] = (),
) -> dict[str, Any]:
    """Read a customer into our flat record.

    Args:
        row: the customer as any call returns it; no shape of it raises.
        zone: the site's time zone.
        pattern: the site's time format.
        lookup: keys of id and name in lists of objects.
        extra_keys: see `customer_decoder`.

    Returns:
        The flat record. A key that the site did not send (or sent in a shape that makes no sense) is missing: unknown.
        A key that it sent empty is None, or ``()`` for lists. Texts are as they came.
    """
    billing = values.mapping(row[wire.BILLING]) if wire.BILLING in row else UNSET
    record: dict[str, Any] = {}
    if (own_id := values.identifier(row.get(wire.ID))) is not None:
        record[wire.ID] = own_id
    for key in wire.CUSTOMER_TOP_TEXTS:
        if key in row:
            record[key] = values.text(row[key])
    record[wire.PHONE] = values.first_known(record, (wire.MOBILE, wire.LANDLINE), _as_is)
    for key in wire.CUSTOMER_BILLING_TEXTS:
        record[key] = _billing_first(billing, row, (key,))
    record[wire.SDI] = _billing_first(billing, row, _SDI_KEYS)
    if wire.MARKETING_ACTIVE in row:
        record[wire.MARKETING_ACTIVE] = values.flag(row[wire.MARKETING_ACTIVE])
    if wire.MARKETING_LIST in row:
        record[wire.MARKETING_LIST] = values.texts(row[wire.MARKETING_LIST], lookup.id_key)
    if wire.TAGS in row:
        record[wire.TAGS] = values.texts(row[wire.TAGS], lookup.name_key)
    if wire.EXTRA_FIELDS in row:
        record[wire.EXTRA_FIELDS] = values.extra_fields(row[wire.EXTRA_FIELDS], extra_keys)
    for key in (wire.REGISTERED_AT, wire.MODIFIED_AT):
        if key in row:
            record[key] = values.moment(row[key], zone, pattern)
    return {key: value for key, value in record.items() if value is not UNSET}


def _as_is(value: Any) -> Any:
    return value


def _billing_first(billing: Mapping[str, Any] | Unset, row: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    if isinstance(billing, Unset):
        inner: Any = UNSET
    elif billing:
        inner = values.first_known(billing, keys, values.text)
    else:
        # No billing profile at all: each of its fields is known to be empty.
        inner = None
    if inner not in (UNSET, None):
        return inner
    outer = values.first_known(row, keys, values.text)
    return inner if outer is UNSET else outer


# Writing -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Encoded:
    """A customer ready to be sent.

    Args:
        body: parameters of the call, without ids and password.
        sent: target fields the body carries.
        left_out: target fields this site does not take on update.
    """

    body: Mapping[str, Any]
    sent: frozenset[str]
    left_out: frozenset[str]


def encode_customer(fields: Mapping[str, Any], mode: Mode, options: SiteOptions) -> Encoded:
    """Write target fields as parameters of registration or update.

    Args:
        fields: values by target field name: str, bool, tuple of str, or None to empty the field.
        mode: which call.
        options: the site's options.

    Returns:
        The parameters. Name and e-mail are never emptied: an empty value is skipped and the site keeps the old one.

    Raises:
        SyncError: SYNC-201 if a registration lacks name or e-mail; SYNC-202 if a value breaks the contract.
    """
    body: dict[str, Any] = {}
    flat: dict[str, str] = {}
    billing: dict[str, str] = {}
    left_out: set[str] = set()
    skipped: set[str] = set()
    for name, value in fields.items():
        if name in wire.CUSTOMER_IDENTITY:
            if not _put_identity(body, name, value):
                skipped.add(name)
        elif name == wire.SDI:
            written = params.text(name, value)
            flat[name] = written
            billing.update(dict.fromkeys(_SDI_KEYS, written))
        elif name in _TEXTS:
            written = params.text(name, value)
            flat[name] = written
            if name != wire.PHONE:
                billing[name] = written
        elif name.startswith(wire.EXTRA_PREFIX):
            body.setdefault(wire.EXTRA_FIELDS, {})[name.removeprefix(wire.EXTRA_PREFIX)] = params.text(name, value)
        elif mode == "update" and name in _UPDATE_EXTRA and name not in options.customers.update_extra:
            left_out.add(name)
        elif not _put_other(body, name, value, mode):
            skipped.add(name)
    if mode == "create":
        _require_identity(body)
        body = _finish_registration(body, flat, billing, options)
    else:
        body.update(_address(flat, billing, options))
    return Encoded(body, frozenset(fields) - left_out - skipped, frozenset(left_out))


def _address(flat: Mapping[str, str], billing: Mapping[str, str], options: SiteOptions) -> dict[str, Any]:
    """Lay out address and billing data as the option says; only one of both places may be the one that is read."""
    way = options.customers.update_billing
    body: dict[str, Any] = {key: text for key, text in flat.items() if way != "object" or key == wire.PHONE}
    if billing and way != "flat":
        body[wire.BILLING] = dict(billing)
    return body


def _finish_registration(
    body: dict[str, Any], flat: Mapping[str, str], billing: Mapping[str, str], options: SiteOptions
) -> dict[str, Any]:
    """Drop what is empty, since there is nothing to empty yet, and flat keys that registration does not know."""
    known = {key: text for key, text in flat.items() if text and (key in wire.REGISTRATION_FLAT or key == wire.PHONE)}
    body |= _address(known, {key: text for key, text in billing.items() if text}, options)
    extra = {key: text for key, text in body.pop(wire.EXTRA_FIELDS, {}).items() if text}
    if extra:
        body[wire.EXTRA_FIELDS] = extra
    return {key: value for key, value in body.items() if value not in ([], "")}


def _require_identity(body: Mapping[str, Any]) -> None:
    for name in wire.CUSTOMER_IDENTITY:
        if name not in body:
            raise SyncError(
                REQUIRED_MISSING, "Framework360 registers no customer without it", field=name, rule="registration"
            )


def _put_identity(body: dict[str, Any], name: str, value: Any) -> bool:
    """Write name or e-mail; False for an empty one, which is never written."""
    written = params.text(name, value).strip()
    if not written:
        return False
    if name == wire.EMAIL:
        if not _EMAIL.fullmatch(written):
            raise SyncError(VALUE_INVALID, "this is no e-mail address", field=name, rule="local part@domain")
    elif not 2 <= len(written) <= MAX_NAME or not any(character.isalnum() for character in written):
        raise SyncError(
            VALUE_INVALID,
            f"Framework360 takes names of 2 to {MAX_NAME} characters with a letter or digit",
            field=name,
            rule="length and characters of names",
        )
    body[name] = written
    return True


def _put_other(body: dict[str, Any], name: str, value: Any, mode: Mode) -> bool:
    """Write a field that is neither identity, text nor extra field; False for an empty one that cannot be emptied."""
    if name == wire.SOURCE:
        if mode == "update":
            raise SyncError(
                VALUE_INVALID,
                "Framework360 takes the source at registration only; let the mapping write it on create only",
                field=name,
                rule="parameters of customers/update",
            )
        if value is not None:
            body[name] = params.number(name, value)
    elif name == wire.MARKETING_ACTIVE:
        if value is not None:
            body[name] = params.flag(name, value)
    elif name in _UPDATE_EXTRA:
        body[name] = _list(name, value)
    else:
        raise SyncError(VALUE_INVALID, "Framework360 customers have no such field", field=name, rule="target fields")
    return name in body


def _list(name: str, value: Any) -> list[str | int]:
    items = params.texts(name, value)
    if name == wire.MARKETING_LIST:
        return [params.number(name, item) if item.isdecimal() else item for item in items]
    return list(items)
