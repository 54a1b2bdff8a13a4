"""How products, variants and their stock are kept, and rules that follow from the records alone.

- Product: title, handle, descriptionHtml, vendor, productType, tags, status, seo, category (taxonomy id), isGiftCard,
  options (`{num, name, values: [{num, name}]}`), variants, media and collections (numbers in order), publications
  (publication number as text to publish time), metafields.
- ProductVariant: product, item (numbers), values (number of the chosen value of each option), position, sku, barcode,
  price, compareAtPrice (text with two decimals), taxable, inventoryPolicy, media (numbers), metafields.
- InventoryItem: variant, sku, tracked, requiresShipping, cost (text), weight (`{unit, value}`), countryCodeOfOrigin,
  harmonizedSystemCode, levels (location number as text to `{available, committed, incoming, active, ...}`).
- MediaImage: alt, filename, source, status, errors, mimeType, width, height, products (numbers that show it).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from sandbox.shopify.customer_records import metafield_key
from sandbox.shopify.table import Record

DEFAULT_OPTION, DEFAULT_VALUE = "Title", "Default Title"
STOCK_STATES = ("available", "committed", "damaged", "quality_control", "reserved", "safety_stock")
"""Named quantities that make up `on_hand`."""
_NOISE = re.compile(r"[^\w]+", re.UNICODE)


def handle_key(handle: str) -> str:
    """Return the unique key of a handle."""
    return "handle:" + handle.lower()


def unique_keys(record: Record) -> Iterator[str]:
    """Yield the keys of metafields with unique values."""
    for name, metafield in (record.get("metafields") or {}).items():
        if metafield.get("unique"):
            yield metafield_key(name, metafield["value"])


def product_keys(record: Record) -> Iterator[str]:
    """Yield the keys a product or collection is found by: handle and unique metafields."""
    yield handle_key(record["handle"])
    yield from unique_keys(record)


def handle_of(text: str) -> str:
    """Return the handle Shopify makes of a title: lower case, words joined by "-", letters of any script kept."""
    plain = unicodedata.normalize("NFC", text.lower())
    return _NOISE.sub("-", plain).strip("-_")[:255] or "product"


def money_text(value: Any) -> str:
    """Return an amount with two decimals, as product prices are shown."""
    return f"{Decimal(str(value)):.2f}"


def default_options(first: int, second: int) -> list[dict[str, Any]]:
    """Return the options of a product without choices: "Title" with "Default Title"."""
    return [{"num": first, "name": DEFAULT_OPTION, "values": [{"num": second, "name": DEFAULT_VALUE}]}]


def is_default(product: Mapping[str, Any]) -> bool:
    """Tell whether a product has nothing to choose."""
    options = product.get("options") or []
    return (
        len(options) == 1
        and options[0]["name"] == DEFAULT_OPTION
        and [value["name"] for value in options[0]["values"]] == [DEFAULT_VALUE]
    )


def chosen(product: Mapping[str, Any], variant: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return (option, value) pairs of a variant in the order of the options."""
    pairs = []
    for option, number in zip(product.get("options") or [], variant.get("values") or [], strict=False):
        value = next((entry for entry in option["values"] if entry["num"] == number), None)
        if value is not None:
            pairs.append((option, value))
    return pairs


def variant_title(product: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    """Return the title of a variant: its values joined by " / "."""
    return " / ".join(value["name"] for _, value in chosen(product, variant))


def quantity_of(level: Mapping[str, Any], name: str) -> int:
    """Return a named quantity of a stock level."""
    if name == "on_hand":
        return sum(int(level.get(state, 0)) for state in STOCK_STATES)
    return int(level.get(name, 0))


def available_of(item: Mapping[str, Any]) -> int:
    """Return what an item has available at all its active locations."""
    return sum(int(level.get("available", 0)) for level in (item.get("levels") or {}).values() if level.get("active"))
