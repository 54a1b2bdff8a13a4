"""Single values of requests: strict, since what the contract does not allow must not reach the site."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shopify_fw360.errors import VALUE_INVALID, SyncError
from shopify_fw360.framework360 import wire


def text(name: str, value: Any) -> str:
    """Return a text parameter.

    Args:
        name: of the field, for the error.
        value: text, or None to empty the field.

    Returns:
        The text; ``""``, which empties, also for the words that Framework360 renders for nothing: they would read back
        as nothing.

    Raises:
        SyncError: SYNC-202 for anything else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SyncError(VALUE_INVALID, f"a text is needed, not {type(value).__name__}", field=name, rule="text")
    return "" if value.strip() in wire.EMPTY_WORDS else value


def texts(name: str, value: Any) -> list[str]:
    """Return a list parameter: stripped texts in their order, none empty, none twice.

    Args:
        name: of the field, for the error.
        value: texts, or None for an empty list.

    Raises:
        SyncError: SYNC-202 for anything else.
    """
    if value is None:
        return []
    if isinstance(value, str) or not all(isinstance(item, str) for item in value):
        raise SyncError(VALUE_INVALID, "a list of texts is needed", field=name, rule="list")
    return list(dict.fromkeys(item.strip() for item in value if item.strip() not in wire.EMPTY_WORDS))


def number(name: str, value: Any) -> int:
    """Return a numeric id; raises SYNC-202 for anything else."""
    if isinstance(value, bool) or not str(value).strip().isdecimal():
        raise SyncError(VALUE_INVALID, "a numeric id is needed", field=name, rule="id")
    return int(str(value))


def flag(name: str, value: Any) -> bool:
    """Return a flag as given; raises SYNC-202 for anything but true and false."""
    if not isinstance(value, bool):
        raise SyncError(VALUE_INVALID, "this is no yes or no", field=name, rule="flag")
    return value


def amount(name: str, value: Any) -> Decimal:
    """Return an exact number; raises SYNC-202 for anything else."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int) or not Decimal(value).is_finite():
        raise SyncError(VALUE_INVALID, "an amount is needed", field=name, rule="amount")
    return Decimal(value)


def whole(name: str, value: Any) -> int:
    """Return a whole number; raises SYNC-202 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise SyncError(VALUE_INVALID, "a whole number is needed", field=name, rule="whole number")
    return value
