"""Who may read what: scopes and protected customer data, taken from the notes in the pinned schema.

The descriptions carry `access: read_orders | read_marketplace_orders` (any one) and `protected customer data: email`.
A note on a type holds for every field that returns the type, alone, in a list or through a connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, cast, get_args

Protected = Literal["name", "address", "phone", "email"]
PROTECTED: tuple[Protected, ...] = get_args(Protected)
Requirement = tuple[frozenset[str], ...]
"""All of these sets, any one scope of each."""

_SCOPE = re.compile(r"\b(?:read|write)_[a-z_]+")
_NOTE = re.compile(r"\baccess: (.*?)\]?$", re.DOTALL)
_PROTECTED = re.compile(r"protected customer data: (\w+)")


def required_scopes(description: str | None) -> Requirement:
    """Return the scopes a description asks for; empty when it asks for none."""
    note = _NOTE.search(description or "")
    if note is None:
        return ()
    text = note[1].split("Also:")[0]
    found = (frozenset(_SCOPE.findall(part)) for part in re.split(r"\band\b", text))
    return tuple(scopes for scopes in found if scopes)


def protected_group(description: str | None) -> Protected | None:
    """Return the level-2 group of protected customer data a description names."""
    found = _PROTECTED.search(description or "")
    return cast(Protected, found[1]) if found and found[1] in PROTECTED else None


def granted_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes with the read scopes that the write scopes include."""
    given = frozenset(scopes)
    return given | {scope.replace("write_", "read_", 1) for scope in given if scope.startswith("write_")}


def satisfied(requirement: Requirement, granted: frozenset[str]) -> bool:
    """Tell whether the granted scopes meet a requirement."""
    return all(not alternatives.isdisjoint(granted) for alternatives in requirement)


def requirement_text(requirement: Requirement) -> str:
    """Return a requirement as Shopify words it: "`read_customers` access scope."."""
    parts = [" or ".join(f"`{scope}` access scope" for scope in sorted(scopes)) for scopes in requirement]
    return " and ".join(parts) + "."
