"""Storing products with their variants, stock and media: all of a change at once, times move, listeners hear of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.shopify.ids import gid
from sandbox.shopify.product_records import available_of, default_options, quantity_of
from sandbox.shopify.shop import LOCATIONS, Shop
from sandbox.shopify.table import Record


@dataclass(slots=True)
class Draft:
    """A product as it shall become; nothing is stored before `commit`.

    Args:
        product: the product's record.
        variants: its variants in order.
        items: their inventory items by number.
        media: new or changed media by number.
        fetches: numbers of media to process.
    """

    product: Record
    variants: list[Record] = field(default_factory=list)
    items: dict[int, Record] = field(default_factory=dict)
    media: dict[int, Record] = field(default_factory=dict)
    fetches: list[int] = field(default_factory=list)


def new_draft(shop: Shop) -> Draft:
    """Return the draft of a new product without variants."""
    product: Record = {
        "__typename": "Product",
        "num": shop.number(),
        "status": "ACTIVE",
        "tags": [],
        "vendor": "",
        "productType": "",
        "descriptionHtml": "",
        "options": [],
        "media": [],
        "collections": [],
        "publications": {},
    }
    product["id"] = gid("Product", product["num"])
    return Draft(product)


def open_draft(shop: Shop, product: Record) -> Draft:
    """Return the draft of a stored product."""
    draft = Draft(product, [found for num in product.get("variants") or [] if (found := shop.variants.get(num))])
    for variant in draft.variants:
        item = shop.items.get(variant["item"])
        if item is not None:
            draft.items[item["num"]] = item
    return draft


def add_variant(shop: Shop, draft: Draft, values: Iterable[int]) -> Record:
    """Append a new variant with the chosen values, untracked and stocked at the first location."""
    variant: Record = {
        "__typename": "ProductVariant",
        "num": shop.number(),
        "product": draft.product["num"],
        "item": shop.number(),
        "values": list(values),
        "price": "0.00",
        "taxable": True,
        "inventoryPolicy": "DENY",
        "media": [],
    }
    variant["id"] = gid("ProductVariant", variant["num"])
    item: Record = {
        "__typename": "InventoryItem",
        "num": variant["item"],
        "variant": variant["num"],
        "tracked": False,
        "requiresShipping": True,
        "levels": {},
    }
    stock_level(shop, item, next(iter(LOCATIONS)))
    draft.variants.append(variant)
    draft.items[item["num"]] = item
    return variant


def add_default_variant(shop: Shop, draft: Draft) -> Record:
    """Give a product without options its only variant."""
    draft.product["options"] = options = default_options(shop.number(), shop.number())
    return add_variant(shop, draft, [options[0]["values"][0]["num"]])


def stock_level(shop: Shop, item: Record, location: int) -> dict[str, Any]:
    """Return the stock level of an item at a location, made active when it was not."""
    levels: dict[str, dict[str, Any]] = item.setdefault("levels", {})
    level = levels.setdefault(str(location), {"available": 0, "committed": 0, "incoming": 0})
    if not level.get("active"):
        now = shop.clock.now()
        level |= {"active": True, "createdAt": level.get("createdAt", now), "updatedAt": now}
    return level


def commit(shop: Shop, draft: Draft) -> Record:
    """Store a draft: variants no longer in it are deleted with their stock; returns the product as stored."""
    product = draft.product
    before = shop.products.get(product["num"])
    now = shop.clock.now()
    kept = {variant["num"] for variant in draft.variants}
    for num in (before or {}).get("variants") or []:
        if num not in kept:
            delete_variant(shop, num)
    for record in draft.media.values():
        shop.media.put(record)
    for position, variant in enumerate(draft.variants, 1):
        variant["position"] = position
        _put_if_changed(shop, "ProductVariant", variant, now)
    levels = [
        change for item in draft.items.values() if item["variant"] in kept for change in save_item(shop, item, now)
    ]
    product["variants"] = [variant["num"] for variant in draft.variants]
    _show_media(shop, before, product)
    stored = save_product(shop, product)
    for item, location in levels:
        notify_level(shop, item, location)
    if shop.darkroom is not None:
        shop.darkroom.develop(draft.fetches)
    return stored


def save_product(shop: Shop, product: Record) -> Record:
    """Store a product's own record and tell the listeners; returns it as stored."""
    before = shop.products.get(product["num"])
    now = shop.clock.now()
    product["createdAt"] = before["createdAt"] if before else now
    product["updatedAt"] = now
    shop.products.put(product)
    stored = {**product, "__typename": "Product", "id": gid("Product", product["num"])}
    shop.notify("PRODUCTS_UPDATE" if before else "PRODUCTS_CREATE", stored)
    return stored


def save_variant(shop: Shop, variant: Record) -> Record:
    """Store one variant; its product moves with it."""
    now = shop.clock.now()
    _put_if_changed(shop, "ProductVariant", variant, now)
    product = shop.products.get(variant["product"])
    if product is not None:
        save_product(shop, product)
    return shop.variants.get(variant["num"]) or variant


def save_item(shop: Shop, item: Record, now: int) -> list[tuple[Record, int]]:
    """Store an inventory item when it changed; returns (item, location) of the levels whose stock changed."""
    before = shop.items.get(item["num"]) or {}
    changed: list[tuple[Record, int]] = []
    for location, level in (item.get("levels") or {}).items():
        old = (before.get("levels") or {}).get(location)
        if old is None or any(old.get(name) != level.get(name) for name in ("available", "committed", "active")):
            level["updatedAt"] = now
            changed.append((item, int(location)))
    _put_if_changed(shop, "InventoryItem", item, now)
    return changed


def save_stock(shop: Shop, items: Mapping[int, Record]) -> None:
    """Store items whose stock changed (Shopify: a stock change is an update of the product too)."""
    now = shop.clock.now()
    products: dict[int, Record] = {}
    for item in items.values():
        changed = save_item(shop, item, now)
        if not changed:
            continue
        variant = shop.variants.get(item["variant"])
        product = None if variant is None else shop.products.get(variant["product"])
        if variant is not None and product is not None:
            variant["updatedAt"] = now
            shop.variants.put(variant)
            products[product["num"]] = product
        for stocked, location in changed:
            notify_level(shop, stocked, location)
    for product in products.values():
        save_product(shop, product)


def notify_level(shop: Shop, item: Record, location: int) -> None:
    """Tell the listeners about the stock of an item at a location."""
    level = item["levels"][str(location)]
    shop.notify(
        "INVENTORY_LEVELS_UPDATE",
        {**item, "id": gid("InventoryItem", item["num"])},
        {"location": location, "available": quantity_of(level, "available"), "updatedAt": level["updatedAt"]},
    )


def delete_variant(shop: Shop, num: int) -> None:
    """Remove a variant and its inventory item."""
    variant = shop.variants.get(num)
    if variant is None:
        return
    shop.variants.delete(num)
    item = shop.items.get(variant["item"])
    if item is not None:
        shop.items.delete(item["num"])
        shop.notify("INVENTORY_ITEMS_DELETE", item)


def delete_product(shop: Shop, product: Record) -> None:
    """Remove a product with its variants; its files stay."""
    for num in product.get("variants") or []:
        delete_variant(shop, num)
    shop.products.delete(product["num"])
    _show_media(shop, product, {"num": product["num"], "media": []})
    shop.notify("PRODUCTS_DELETE", product)


def total_inventory(shop: Shop, product: Mapping[str, Any]) -> int:
    """Return what is available of all tracked variants."""
    total = 0
    for num in product.get("variants") or []:
        variant = shop.variants.get(num)
        item = None if variant is None else shop.items.get(variant["item"])
        if item is not None and item.get("tracked"):
            total += available_of(item)
    return total


def _put_if_changed(shop: Shop, type_name: str, record: Record, now: int) -> None:
    table = shop.tables[type_name]
    before = table.get(record["num"])
    if before is not None and _content(before) == _content(record):
        return
    record["createdAt"] = before["createdAt"] if before else now
    record["updatedAt"] = now
    table.put(record)


def _content(record: Record) -> dict[str, Any]:
    ignored = ("updatedAt", "createdAt", "__typename", "id")
    return {name: value for name, value in record.items() if name not in ignored and value is not None}


def _show_media(shop: Shop, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
    """Keep in each medium which products show it."""
    old, new = set((before or {}).get("media") or []), set(after.get("media") or [])
    for num in old ^ new:
        medium = shop.media.get(num)
        if medium is not None:
            shown = [number for number in medium.get("products") or [] if number != after["num"]]
            medium["products"] = [*shown, after["num"]] if num in new else shown
            shop.media.put(medium)
