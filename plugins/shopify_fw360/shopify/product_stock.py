"""Stock of variants at the synchronised location, written so that neither a repetition nor a sale is lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shopify_fw360.shopify.mutations import ERRORS, ERRORS_WITH_CODE, Mutation
from shopify_fw360.shopify.records_reader import chunks

ROWS: Final = 250
"""Shopify: input arrays hold at most 250 entries."""

ACTIVATIONS: Final = 25
"""Activations in one request (10 points each)."""

STALE: Final = "change_from_quantity_stale"
"""Rule of the error when the quantity is no longer the one that was read."""

CONCURRENT: Final = "idempotency_concurrent_request"
"""Rule of the error when the same request is still being worked on."""


@dataclass(frozen=True, slots=True)
class StockRow:
    """The quantity of one variant.

    Args:
        label: of the variant, for errors.
        item: global id of its inventory item.
        stocked: whether the item is stocked at the location.
        before: quantity as last read there.
        quantity: to be set.
    """

    label: str
    item: str
    stocked: bool
    before: int
    quantity: int


def stock_mutations(
    rows: Sequence[StockRow], location: str, other_id: str, new_key: Callable[[], str] = lambda: str(uuid.uuid4())
) -> Iterator[list[Mutation]]:
    """Yield the mutations of each request that is needed.

    Each carries an idempotency key of its own, so that a repetition after a lost answer is not a second change, and
    the quantity that was read, so that a sale in between is not overwritten. The key must not be made from the content:
    Shopify keeps it for a day and would answer a later, equal change without doing it.

    Args:
        rows: quantities that differ.
        location: global id.
        other_id: Framework360's id of the product, kept with the change as its reason.
        new_key: makes idempotency keys.
    """
    for part in chunks([row for row in rows if not row.stocked], ACTIVATIONS):
        yield [_activate(index, row, location, new_key()) for index, row in enumerate(part)]
    for part in chunks([row for row in rows if row.stocked], ROWS):
        yield [_set(part, location, other_id, new_key())]


def _activate(index: int, row: StockRow, location: str, key: str) -> Mutation:
    variables: dict[str, tuple[str, Any]] = {
        f"item{index}": ("ID!", row.item),
        f"available{index}": ("Int!", row.quantity),
        f"key{index}": ("String!", key),
        "place": ("ID!", location),
    }
    call = (
        f"inventoryActivate(inventoryItemId: $item{index}, locationId: $place, available: $available{index})"
        f" @idempotent(key: $key{index})"
    )
    return Mutation(f"activate{index}", call, f"inventoryLevel {{ id }} {ERRORS}", variables, rows=(row.label,))


def _set(rows: Sequence[StockRow], location: str, other_id: str, key: str) -> Mutation:
    quantities: list[Mapping[str, Any]] = [
        {
            "inventoryItemId": row.item,
            "locationId": location,
            "quantity": row.quantity,
            "changeFromQuantity": row.before,
        }
        for row in rows
    ]
    stock = {
        "name": "available",
        "reason": "correction",
        "referenceDocumentUri": f"framework360://products/{other_id}",
        "quantities": quantities,
    }
    variables = {"stock": ("InventorySetQuantitiesInput!", stock), "key": ("String!", key)}
    call = "inventorySetQuantities(input: $stock) @idempotent(key: $key)"
    payload = f"inventoryAdjustmentGroup {{ id }} {ERRORS_WITH_CODE}"
    labels = tuple(row.label for row in rows)
    return Mutation("stock", call, payload, variables, rows=labels, cost=13)
