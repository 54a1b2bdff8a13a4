"""The values of `goods.Item` as a write gives them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.framework360.errors import RefusedError
from sandbox.framework360.goods import Item

CENT = Decimal("0.01")
EMPTY_ITEM = {name: getattr(Item(), name) for name in Item.__dataclass_fields__}


def item_values(given: Mapping[str, Any], before: Item | None, where: str) -> dict[str, Any]:
    """Return the values of `Item`; absent keys keep their value, or have the default of a new item.

    Args:
        given: keys of the contract.
        before: the stored state, None for a new item.
        where: names the item in a refusal.

    Raises:
        RefusedError: a negative price.
    """
    values = {key: empty if before is None else getattr(before, key) for key, empty in EMPTY_ITEM.items()}
    for key in ("sku", "ean"):
        if key in given:
            values[key] = (given[key] or "").strip()
    for key in ("prezzo", "prezzo_promo", "prezzo_acquisto"):
        if key in given:
            values[key] = None if given[key] is None else _price(given[key], f"{where}: {key}")
    if "quantita" in given:
        values["quantita"] = given["quantita"]
        values["gestione_magazzino"] = values["gestione_magazzino"] or before is None
    for key in ("gestione_magazzino", "vendi_senza_giacenza"):
        if key in given:
            values[key] = bool(given[key])
    if "peso" in given:
        values["peso"] = given["peso"]
    return values


def cents(value: Any) -> Decimal:
    """Return an amount, number or numeric text, rounded half up to cents."""
    return Decimal(str(value)).quantize(CENT, ROUND_HALF_UP)


def _price(value: Any, where: str) -> Decimal:
    amount = cents(value)
    if amount < 0:
        raise RefusedError("invalid_field", f"{where} negativo")
    return amount
