"""A catalogue that went from a shop through the site into an empty shop, compared with the original.

What cannot survive, with its reason, is what `canonical` leaves out or evens out; docs/products.md lists the same.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shopify_fw360.mapping.functions.html import sanitize_html
from shopify_fw360.shopify.product_fields import same_weight

_KILOGRAMS = {
    "KILOGRAMS": Decimal(1),
    "GRAMS": Decimal("0.001"),
    "POUNDS": Decimal("0.45359237"),
    "OUNCES": Decimal("0.028349523125"),
}


def canonical(product: dict[str, Any]) -> dict[str, Any]:
    """Return what must survive of a product as `ShopKeeper.products` reads it."""
    images = [medium["id"] for medium in product["media"]["nodes"]]
    return {
        "title": _text(product["title"]),
        "html": sanitize_html(product["descriptionHtml"] or ""),
        "vendor": _text(product["vendor"]),
        "type": _text(product["productType"]),
        "handle": product["handle"],
        "tags": sorted(tag.casefold() for tag in product["tags"]),
        # The site knows only on and off.
        "active": product["status"] in ("ACTIVE", "UNLISTED"),
        "category": (product["category"] or {}).get("id"),
        "seo": [_text(product["seo"]["title"]), _text(product["seo"]["description"])],
        "images": [_text(medium["alt"]) for medium in product["media"]["nodes"]],
        "variants": [_variant(variant, images, product["location"]) for variant in product["variants"]["nodes"]],
    }


def _text(text: str | None) -> str | None:
    return " ".join((text or "").split()) or None


def _variant(variant: dict[str, Any], images: list[str], location: str) -> dict[str, Any]:
    item = variant["inventoryItem"]
    price = Decimal(variant["price"])
    before = Decimal(variant["compareAtPrice"] or 0)
    weight = item["measurement"]["weight"]
    shown = variant["media"]["nodes"]
    return {
        "options": [(option["name"].strip(), option["value"].strip()) for option in variant["selectedOptions"]],
        "sku": (variant["sku"] or "").strip() or None,
        "barcode": (variant["barcode"] or "").strip() or None,
        "price": price,
        # A compare-at price that is no higher than the price is no offer, and the site has no place for it.
        "before": before if before > price else None,
        "cost": None if item["unitCost"] is None else Decimal(item["unitCost"]["amount"]).quantize(Decimal("0.01")),
        "kg": same_weight(_kilograms(weight)),
        "tracked": item["tracked"],
        # Stock is synchronised at one location.
        "quantity": _at(location, item) if item["tracked"] else None,
        "oversell": variant["inventoryPolicy"] == "CONTINUE",
        "image": images.index(shown[0]["id"]) if shown else None,
    }


def _at(location: str, item: dict[str, Any]) -> int | None:
    levels = [level for level in item["inventoryLevels"]["nodes"] if level["location"]["id"] == location]
    return levels[0]["quantities"][0]["quantity"] if levels else None


def _kilograms(weight: dict[str, Any] | None) -> Decimal | None:
    if weight is None:
        return None
    return (Decimal(str(weight["value"])) * _KILOGRAMS[weight["unit"]]).quantize(Decimal("0.001"))
