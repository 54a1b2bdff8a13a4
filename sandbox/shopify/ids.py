"""Global ids (`gid://shopify/Customer/123`) and how ids of addresses and metafields derive from their owner's."""

from __future__ import annotations

import re

_GID = re.compile(r"gid://shopify/([A-Za-z]+)/(\d+)(?:\?.*)?")
CHILDREN = 1_000
"""Room for the addresses and metafields of one owner: a child's number is owner number * CHILDREN + sequence."""


def gid(type_name: str, number: int) -> str:
    """Return the global id of a record; customer addresses carry their model, as on Shopify."""
    suffix = "?model_name=CustomerAddress" if type_name == "MailingAddress" else ""
    return f"gid://shopify/{type_name}/{number}{suffix}"


def parse_gid(text: str) -> tuple[str, int] | None:
    """Return type name and number of a global id, None when the text is not one."""
    match = _GID.fullmatch(text)
    return (match[1], int(match[2])) if match else None


def number_of(text: str, type_name: str) -> int | None:
    """Return the number of a global id of this type, None for any other text."""
    parsed = parse_gid(text)
    return parsed[1] if parsed and parsed[0] == type_name else None


def child_number(owner: int, sequence: int) -> int:
    """Return the number of an owner's address or metafield."""
    return owner * CHILDREN + sequence
