"""Computed fields of inventory items and their levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.connections import Page, list_page
from sandbox.shopify.ids import gid, number_of
from sandbox.shopify.product_records import STOCK_STATES, quantity_of
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]


def level_record(shop: Shop, item: Record, location: int) -> Record:
    """Return the stock level of an item at a location as an InventoryLevel record."""
    level = item["levels"][str(location)]
    return {
        "__typename": "InventoryLevel",
        "id": level_id(item["num"], location),
        "isActive": bool(level.get("active")),
        "canDeactivate": not int(level.get("committed", 0)),
        "createdAt": level["createdAt"],
        "updatedAt": level["updatedAt"],
        "item": item,
        "location": shop.locations.get(location),
        "level": level,
        "place": location,
    }


def level_id(item: int, location: int) -> str:
    """Return the global id of a stock level."""
    return f"{gid('InventoryLevel', location)}?inventory_item_id={item}"


def find_level(shop: Shop, text: str) -> Record | None:
    """Return the stock level of a global id."""
    path, _, item = text.partition("?inventory_item_id=")
    location = number_of(path, "InventoryLevel")
    record = shop.items.get(int(item)) if item.isdigit() else None
    if location is None or record is None or str(location) not in (record.get("levels") or {}):
        return None
    return level_record(shop, record, location)


@resolver("InventoryItem", "inventoryLevel")
def _level(record: Record, context: Context, args: Args) -> Record | None:
    location = number_of(args["locationId"], "Location")
    level = (record.get("levels") or {}).get(str(location))
    if location is None or level is None or not (level.get("active") or args.get("includeInactive")):
        return None
    return level_record(context.shop, record, location)


@resolver("InventoryItem", "inventoryLevels")
def _levels(record: Record, context: Context, args: Args) -> Page:
    found = [
        level_record(context.shop, record, int(location))
        for location, level in sorted((record.get("levels") or {}).items())
        if level.get("active") or args.get("includeInactive")
    ]
    return list_page(found, args)


@resolver("InventoryItem", "locationsCount")
def _locations_count(record: Record, _: Context, __: Args) -> dict[str, Any]:
    active = sum(1 for level in (record.get("levels") or {}).values() if level.get("active"))
    return {"count": active, "precision": "EXACT"}


@resolver("InventoryItem", "unitCost")
def _unit_cost(record: Record, _: Context, __: Args) -> dict[str, str] | None:
    return None if record.get("cost") is None else {"amount": record["cost"], "currencyCode": "EUR"}


@resolver("InventoryItem", "measurement")
def _measurement(record: Record, _: Context, __: Args) -> Record:
    return {
        "__typename": "InventoryItemMeasurement",
        "id": gid("InventoryItemMeasurement", int(record.get("num", 0))),
        "weight": record.get("weight") or {"unit": "KILOGRAMS", "value": 0.0},
    }


@resolver("InventoryItem", "variant")
def _variant(record: Record, context: Context, _: Args) -> Record | None:
    return context.shop.variants.get(record.get("variant", 0))


@resolver("InventoryItem", "variants")
def _variants(record: Record, context: Context, args: Args) -> Page:
    found = context.shop.variants.get(record.get("variant", 0))
    return list_page([] if found is None else [found], args)


@resolver("InventoryItem", "duplicateSkuCount")
def _duplicates(record: Record, context: Context, _: Args) -> int:
    sku = record.get("sku")
    if not sku:
        return 0
    return sum(1 for other in context.shop.items.all() if other.get("sku") == sku) - 1


@resolver("InventoryLevel", "quantities")
def _quantities(record: Record, _: Context, args: Args) -> list[Record]:
    level = record.get("level") or {}
    known = {*STOCK_STATES, "incoming", "on_hand"}
    item = (record.get("item") or {}).get("num", 0)
    return [
        {
            "__typename": "InventoryQuantity",
            "id": f"{gid('InventoryQuantity', record.get('place', 0))}?inventory_item_id={item}&name={name}",
            "name": name,
            "quantity": quantity_of(level, name),
            "updatedAt": level.get("updatedAt"),
        }
        for name in args["names"]
        if name in known
    ]


@resolver("Location", "inventoryLevel")
def _location_level(record: Record, context: Context, args: Args) -> Record | None:
    item = context.shop.items.get(number_of(args["inventoryItemId"], "InventoryItem") or 0)
    num = record.get("num", 0)
    if item is None or str(num) not in (item.get("levels") or {}):
        return None
    return level_record(context.shop, item, num)
