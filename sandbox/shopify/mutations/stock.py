"""inventorySetQuantities, inventoryAdjustQuantities, inventoryActivate, inventoryItemUpdate.

Shopify: `changeFromQuantity` must be present in each row, null skips the check; a stale one refuses the whole call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.catalogue_writing import save_item, save_stock, save_variant, stock_level
from sandbox.shopify.errors import ShopifyError, UserError, user_error
from sandbox.shopify.ids import gid, number_of
from sandbox.shopify.mutations.product_rules import apply_item, coded
from sandbox.shopify.product_records import quantity_of
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
MAX_QUANTITY = 1_000_000_000
REASONS = frozenset(
    {
        "correction", "cycle_count_available", "damaged", "movement_canceled", "movement_created", "movement_received",
        "movement_updated", "other", "promotion", "quality_control", "received", "reservation_created",
        "reservation_deleted", "reservation_updated", "restock", "safety_stock", "shrinkage",
    }
)  # fmt: skip


def _demand_expected(rows: list[Mapping[str, Any]], name: str) -> None:
    for index, row in enumerate(rows):
        if "changeFromQuantity" not in row:
            raise ShopifyError(
                f"The field 'changeFromQuantity' is required in {name}[{index}]; null skips the check.",
                "INVALID_FIELD_ARGUMENTS",
            )


def _head_errors(given: Mapping[str, Any], names: tuple[str, ...]) -> list[UserError]:
    if given["name"] not in names:
        message = f"The quantity name must be one of: {', '.join(names)}."
        return [user_error(["input", "name"], message, "INVALID_NAME")]
    if given["reason"] not in REASONS:
        return [user_error(["input", "reason"], "The specified reason is invalid.", "INVALID_REASON")]
    uri = given.get("referenceDocumentUri")
    if uri is not None and "://" not in uri:
        message = "The specified reference document is invalid."
        return [user_error(["input", "referenceDocumentUri"], message, "INVALID_REFERENCE_DOCUMENT")]
    return []


def _row(
    shop: Shop, items: dict[int, Record], row: Mapping[str, Any], at: list[str]
) -> tuple[Record | None, int, list[UserError]]:
    """Return (item, location, user errors) of a row; items are loaded once per call."""
    number, location = number_of(row["inventoryItemId"], "InventoryItem"), number_of(row["locationId"], "Location")
    item = items.get(number or 0) or (None if number is None else shop.items.get(number))
    if item is None:
        message = "The specified inventory item could not be found."
        return None, 0, [user_error([*at, "inventoryItemId"], message, "INVALID_INVENTORY_ITEM")]
    if location is None or location not in shop.locations:
        message = "The specified location could not be found."
        return None, 0, [user_error([*at, "locationId"], message, "INVALID_LOCATION")]
    if not item.get("tracked"):
        message = "The specified inventory item is not tracked."
        return None, 0, [user_error([*at, "inventoryItemId"], message, "NON_MUTABLE_INVENTORY_ITEM")]
    if not (item["levels"].get(str(location)) or {}).get("active"):
        message = "The specified inventory item is not stocked at the location."
        return None, 0, [user_error([*at, "locationId"], message, "INVALID_LOCATION")]
    items[item["num"]] = item
    return item, location, []


def _stale(expected: int | None, actual: int, at: list[str]) -> list[UserError]:
    if expected is None or expected == actual:
        return []
    message = "The changeFromQuantity argument no longer matches the persisted quantity."
    return [user_error([*at, "changeFromQuantity"], message, "CHANGE_FROM_QUANTITY_STALE")]


def _group(
    shop: Shop, given: Mapping[str, Any], changes: list[dict[str, Any]], items: dict[int, Record]
) -> dict[str, Any] | None:
    if not any(change["delta"] for change in changes):
        return None
    save_stock(shop, items)
    return {
        "__typename": "InventoryAdjustmentGroup",
        "id": gid("InventoryAdjustmentGroup", shop.number()),
        "createdAt": shop.clock.now(),
        "reason": given["reason"],
        "referenceDocumentUri": given.get("referenceDocumentUri"),
        "changes": [change for change in changes if change["delta"]],
    }


def _change(shop: Shop, name: str, delta: int, after: int, item: Record, location: int) -> dict[str, Any]:
    return {
        "name": name,
        "delta": delta,
        "quantityAfterChange": after,
        "item": item,
        "location": shop.locations.get(location),
    }


@mutation("inventorySetQuantities")
def _set(context: Context, args: Args) -> dict[str, Any]:
    enum, shop, given = "InventorySetQuantitiesUserErrorCode", context.shop, args["input"]
    _demand_expected(given["quantities"], "quantities")
    name = given["name"]
    errors = _head_errors(given, ("available", "on_hand"))
    items: dict[int, Record] = {}
    changes: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    for index, row in enumerate(given["quantities"]):
        at = ["input", "quantities", str(index)]
        pair = (row["inventoryItemId"], row["locationId"])
        if pair in seen:
            message = "The combination of inventoryItemId and locationId must be unique."
            errors.append(user_error(at, message, "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"))
            continue
        seen.add(pair)
        if not -MAX_QUANTITY <= row["quantity"] <= MAX_QUANTITY:
            code = "INVALID_QUANTITY_TOO_HIGH" if row["quantity"] > 0 else "INVALID_QUANTITY_TOO_LOW"
            errors.append(user_error([*at, "quantity"], "The quantity is out of range.", code))
            continue
        item, location, found = _row(shop, items, row, at)
        errors += found
        if item is None:
            continue
        level = item["levels"][str(location)]
        before = quantity_of(level, name)
        errors += _stale(row["changeFromQuantity"], before, at)
        delta = row["quantity"] - before
        level["available"] += delta
        changes.append(_change(shop, "available", delta, level["available"], item, location))
        changes.append(_change(shop, "on_hand", delta, quantity_of(level, "on_hand"), item, location))
    if errors:
        return {"inventoryAdjustmentGroup": None, "userErrors": coded(errors, enum, "INVALID_NAME")}
    return {"inventoryAdjustmentGroup": _group(shop, given, changes, items), "userErrors": []}


@mutation("inventoryAdjustQuantities")
def _adjust(context: Context, args: Args) -> dict[str, Any]:
    enum, shop, given = "InventoryAdjustQuantitiesUserErrorCode", context.shop, args["input"]
    _demand_expected(given["changes"], "changes")
    errors = _head_errors(given, ("available",))
    items: dict[int, Record] = {}
    changes: list[dict[str, Any]] = []
    for index, row in enumerate(given["changes"]):
        at = ["input", "changes", str(index)]
        item, location, found = _row(shop, items, row, at)
        errors += found
        if item is None:
            continue
        level = item["levels"][str(location)]
        errors += _stale(row["changeFromQuantity"], level["available"], at)
        level["available"] += row["delta"]
        changes.append(_change(shop, "available", row["delta"], level["available"], item, location))
        changes.append(_change(shop, "on_hand", row["delta"], quantity_of(level, "on_hand"), item, location))
    if errors:
        return {"inventoryAdjustmentGroup": None, "userErrors": coded(errors, enum, "INVALID_QUANTITY_NAME")}
    return {"inventoryAdjustmentGroup": _group(shop, given, changes, items), "userErrors": []}


@mutation("inventoryActivate")
def _activate(context: Context, args: Args) -> dict[str, Any]:
    from sandbox.shopify.fields.stock import level_record

    shop = context.shop
    number, location = number_of(args["inventoryItemId"], "InventoryItem"), number_of(args["locationId"], "Location")
    item = None if number is None else shop.items.get(number)
    errors: list[UserError] = []
    if item is None:
        errors = [user_error(["inventoryItemId"], "The product couldn't be stocked because it wasn't found.")]
    elif location is None or location not in shop.locations:
        errors = [user_error(["locationId"], "The location couldn't be found.")]
    if errors or item is None or location is None:
        return {"inventoryLevel": None, "userErrors": errors}
    active = (item["levels"].get(str(location)) or {}).get("active")
    quantity = args.get("available") if args.get("available") is not None else args.get("onHand")
    if active and quantity is not None:
        message = "Not allowed to set available quantity when the item is already active at the location."
        return {"inventoryLevel": None, "userErrors": [user_error(["available"], message)]}
    level = stock_level(shop, item, location)
    if quantity is not None:
        level["available"] = quantity
    if not active:
        save_stock(shop, {item["num"]: item})
    return {"inventoryLevel": level_record(shop, item, location), "userErrors": []}


@mutation("inventoryItemUpdate")
def _update(context: Context, args: Args) -> dict[str, Any]:
    shop = context.shop
    number = number_of(args["id"], "InventoryItem")
    item = None if number is None else shop.items.get(number)
    if item is None:
        return {"inventoryItem": None, "userErrors": [user_error(["id"], "Inventory item does not exist")]}
    errors = apply_item(item, args["input"], ["input"])
    if errors:
        return {"inventoryItem": None, "userErrors": errors}
    save_item(shop, item, shop.clock.now())
    variant = shop.variants.get(item["variant"])
    if variant is not None:
        variant["sku"] = item.get("sku")
        save_variant(shop, variant)
    stored = shop.items.get(item["num"]) or item
    shop.notify("INVENTORY_ITEMS_UPDATE", stored)
    return {"inventoryItem": stored, "userErrors": []}
