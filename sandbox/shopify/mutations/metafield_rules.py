"""What Shopify accepts in a metafield, and writing one into its owner."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from sandbox.shopify.customer_records import metafield_key
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.fields.metafields import OWNER_TYPES, digest_of
from sandbox.shopify.shop import Shop, foreign_namespace
from sandbox.shopify.table import Record

_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{3,255}")
_KEY = re.compile(r"[A-Za-z0-9_-]{2,64}")
_ANY: Callable[[str], object] = str


def _whole(value: str) -> None:
    if not re.fullmatch(r"-?\d{1,16}", value):
        raise ValueError(value)


def _decimal(value: str) -> None:
    try:
        finite = Decimal(value).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise ValueError(value)


def _boolean(value: str) -> None:
    if value not in ("true", "false"):
        raise ValueError(value)


def _one_line(value: str) -> None:
    if "\n" in value:
        raise ValueError(value)


def _url(value: str) -> None:
    if not re.match(r"(https?|mailto|sms|tel):\S+", value):
        raise ValueError(value)


def _money(value: str) -> None:
    content = orjson.loads(value)
    _decimal(str(content["amount"]))
    if not re.fullmatch(r"[A-Z]{3}", content["currency_code"]):
        raise ValueError(value)


_TYPES: Mapping[str, Callable[[str], object]] = {
    "id": _one_line,
    "single_line_text_field": _one_line,
    "multi_line_text_field": _ANY,
    "number_integer": _whole,
    "number_decimal": _decimal,
    "boolean": _boolean,
    "date": date.fromisoformat,
    "date_time": datetime.fromisoformat,
    "json": orjson.loads,
    "url": _url,
    "money": _money,
    "color": _ANY,
    "rich_text_field": orjson.loads,
}


def known_type(name: str) -> bool:
    """Tell whether a metafield type exists in the sandbox."""
    return name.removeprefix("list.") in _TYPES


def value_fits(kind: str, value: str) -> bool:
    """Tell whether a value is one of a type."""
    try:
        if kind.startswith("list."):
            entries = orjson.loads(value)
            if not isinstance(entries, list):
                return False
            for entry in entries:
                _TYPES[kind.removeprefix("list.")](entry if isinstance(entry, str) else orjson.dumps(entry).decode())
        else:
            _TYPES[kind](value)
    except (ValueError, KeyError, TypeError):
        return False
    return True


def store_metafield(shop: Shop, owner: Record, name: str, kind: str, value: str, *, unique: bool) -> None:
    """Write a checked metafield "namespace.key" into its owner's record."""
    now = shop.clock.now()
    stored = dict(owner.get("metafields") or {})
    before = stored.get(name) or {"num": shop.child(owner), "createdAt": now}
    stored[name] = {**before, "type": kind, "value": value, "updatedAt": now, "unique": unique}
    owner["metafields"] = stored


def check_metafield(
    shop: Shop, owner: Record, given: Mapping[str, Any], field: Sequence[str]
) -> tuple[list[UserError], str, str, bool]:
    """Check one metafield input against its definition and its owner.

    Returns:
        (user errors, "namespace.key", type, whether values are unique).
    """
    namespace, key, value = shop.namespace(given.get("namespace")), given.get("key") or "", given.get("value") or ""
    name = f"{namespace}.{key}"
    at = list(field)
    definition = shop.definition(OWNER_TYPES[owner["__typename"]], namespace, key)
    before = (owner.get("metafields") or {}).get(name)
    kind = given.get("type") or (definition or before or {}).get("type") or ""
    unique = bool(((definition or {}).get("capabilities") or {}).get("uniqueValues"))
    error: UserError | None = None
    if foreign_namespace(namespace):
        message = "Access to this namespace and key on Metafields for this resource type is not allowed."
        error = user_error(at, message, "APP_NOT_AUTHORIZED")
    elif not _NAMESPACE.fullmatch(namespace):
        error = user_error([*at, "namespace"], "Namespace is invalid", "INVALID")
    elif not _KEY.fullmatch(key):
        error = user_error([*at, "key"], "Key is invalid", "INVALID")
    elif not kind:
        error = user_error([*at, "type"], "Type can't be blank", "BLANK")
    elif definition and definition["type"] != kind:
        message = f"Type must be consistent with the definition's type: {definition['type']}."
        error = user_error([*at, "type"], message, "INVALID_TYPE")
    elif not known_type(kind):
        error = user_error([*at, "type"], "Type is not a supported metafield type.", "INVALID_TYPE")
    elif kind == "id" and definition is None:
        error = user_error([*at, "type"], "Type id requires a metafield definition.", "INVALID_TYPE")
    elif value == "":
        error = user_error([*at, "value"], "Value can't be blank.", "BLANK")
    elif not value_fits(kind, value):
        error = user_error([*at, "value"], f"Value must be a valid {kind}.", "INVALID_VALUE")
    elif unique and shop.tables[owner["__typename"]].find(metafield_key(name, value)) not in (None, owner["num"]):
        error = user_error([*at, "value"], "Value has already been taken.", "TAKEN")
    elif "compareDigest" in given:
        error = _digest_error(given["compareDigest"], before, at)
    return ([error] if error else []), name, kind, unique


def _digest_error(digest: str | None, before: Mapping[str, Any] | None, at: list[str]) -> UserError | None:
    if digest == (None if before is None else digest_of(before)):
        return None
    if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", digest):
        return user_error([*at, "compareDigest"], "The digest value is invalid.", "INVALID_COMPARE_DIGEST")
    message = "The resource has been updated since it was loaded. Try again with an updated `compareDigest` value."
    return user_error(at, message, "STALE_OBJECT")


def write_metafields(shop: Shop, owner: Record, entries: Sequence[Mapping[str, Any]]) -> list[UserError]:
    """Write MetafieldInput entries into an owner's record; returns user errors."""
    errors: list[UserError] = []
    for index, given in enumerate(entries):
        found, name, kind, unique = check_metafield(shop, owner, given, ["metafields", str(index)])
        errors += found
        if not found:
            store_metafield(shop, owner, name, kind, given["value"], unique=unique)
    return errors
