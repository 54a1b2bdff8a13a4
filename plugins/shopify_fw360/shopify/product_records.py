"""Products as they are read: the computed paths filled in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from shopify_fw360.shopify.virtual import PICTURE, STOCK

IMAGE: Final = "MediaImage"
READY: Final = "READY"
FAILED: Final = "FAILED"

_KILOGRAMS: Final = {
    "KILOGRAMS": Decimal(1),
    "GRAMS": Decimal("0.001"),
    "OUNCES": Decimal("0.028349523125"),
    "POUNDS": Decimal("0.45359237"),
}
_BEHIND_PATH: Final = re.compile(r"[?#]")
_MILLIGRAM: Final = Decimal("0.000001")
# Shopify: a file whose name another one has gets a UUID behind its name (duplicateResolutionMode APPEND_UUID).
_UUID = re.compile(r"_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)


def compute(raws: Iterable[dict[str, Any]]) -> None:
    """Fill in the computed paths whose parts were read; see `virtual.VIRTUAL`.

    Args:
        raws: flattened products, changed in place.
    """
    for raw in raws:
        _compute(raw)


def _compute(raw: dict[str, Any]) -> None:
    images = None
    if any(IMAGE in (medium or {}) for medium in raw.get("media") or ()) or raw.get("media") == []:
        images = raw["images"] = images_of(raw["media"])
    shown = None if images is None else {image["id"] for image in images}
    is_single = raw.get("hasOnlyDefaultVariant")
    for variant in raw.get("variants") or ():
        if "selectedOptions" in variant:
            chosen = () if is_single else variant["selectedOptions"]
            variant["options"] = [[option["name"], option["value"]] for option in chosen]
        if PICTURE in variant:
            nodes = (variant[PICTURE] or {}).get("nodes")
            first = next((medium["id"] for medium in nodes if medium), None) if nodes else None
            variant["imageId"] = first if shown is None or first in shown else None
        item = variant.get("inventoryItem") or {}
        if STOCK in item:
            variant["quantity"] = available(item) if item.get("tracked") else None
        if "measurement" in item:
            variant["weightKg"] = weight_kg((item["measurement"] or {}).get("weight"))


def images_of(media: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the images among the media of a product, in order.

    Args:
        media: flattened media, each with what was read of it as `MediaImage`.

    Returns:
        Each image with id, url (None while Shopify still processes it), alt, position (from 1) and name. Images that
        Shopify could not process show nothing and are left out, and so are videos and models.
    """
    found = [medium[IMAGE] for medium in media if medium.get(IMAGE) and medium[IMAGE].get("status") != FAILED]
    images = []
    for position, image in enumerate(found, 1):
        url = (image.get("image") or {}).get("url")
        images.append(
            {
                "id": image["id"],
                "url": url,
                "alt": image.get("alt"),
                "position": position,
                "name": file_name(url) if url else None,
            }
        )
    return images


def is_waiting(raw: Mapping[str, Any]) -> bool:
    """Whether Shopify is still processing an image of a product."""
    images = (medium.get(IMAGE) for medium in raw.get("media") or ())
    return any(image and image.get("status") not in (READY, FAILED, None) for image in images)


def file_name(address: str) -> str:
    """Return the name of the file at an address, without its ending and without what Shopify adds to a taken name."""
    name = _BEHIND_PATH.split(address, 1)[0].rpartition("/")[2]
    name = unquote(name) if "%" in name else name
    stem, dot, _ = name.rpartition(".")
    return _UUID.sub("", stem if dot else name)


def available(item: Mapping[str, Any]) -> int:
    """Return what an inventory item has available at the synchronised location, 0 where it is not stocked."""
    level = item.get(STOCK) or {}
    if not level.get("isActive"):
        return 0
    quantities = level.get("quantities")
    return int(quantities[0]["quantity"]) if quantities else 0


def is_stocked(item: Mapping[str, Any]) -> bool:
    """Whether an inventory item is stocked at the synchronised location."""
    return bool((item.get(STOCK) or {}).get("isActive"))


def weight_kg(weight: Mapping[str, Any] | None) -> str | None:
    """Return a weight in kilograms, exact to the milligram.

    Args:
        weight: ``{unit, value}``; Shopify states 0 where none was given.

    Returns:
        Decimal text without trailing zeros, None for no weight.
    """
    if not weight or not weight.get("value"):
        return None
    return _in_kilograms(str(weight["value"]), weight["unit"])


@lru_cache(maxsize=4096)
def _in_kilograms(value: str, unit: str) -> str:
    kilograms = Decimal(value) * _KILOGRAMS[unit]
    return format(kilograms.quantize(_MILLIGRAM).normalize(), "f")
