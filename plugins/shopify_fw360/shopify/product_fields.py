"""The fields of a product, of its variants and of its images that can be written, and when two values are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, TypeAlias

from shopify_fw360.records import UNSET, FieldType, TargetField
from shopify_fw360.shopify.fields import same_flag, same_number, same_tags, same_text, same_upper

VARIANTS: Final = "variants"
IMAGES: Final = "images"

MAX_TEXT: Final = 255
MAX_ALT: Final = 512

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""The options of a variant, name and value; empty for the one variant of a product without options."""


def pairs_of(value: Any) -> Pairs:
    """Return the options of a variant as pairs of texts.

    Args:
        value: list of ``[name, value]``, None for none.
    """
    given: Iterable[Sequence[Any]] = value if isinstance(value, list | tuple) else ()
    return tuple((str(pair[0]).strip(), str(pair[1]).strip()) for pair in given)


def same_options(value: Any) -> Any:
    """Bring the options of a variant together; their order belongs to the product and is not compared."""
    return UNSET if value is UNSET else tuple(sorted(pairs_of(value)))


def same_weight(value: Any) -> Any:
    """Bring weights together; Shopify states 0 where none was given."""
    number = same_number(value)
    return None if isinstance(number, Decimal) and not number else number


def _field(
    name: str,
    kind: FieldType = FieldType.TEXT,
    same: Callable[[Any], Any] = same_text,
    *,
    read: str | None = None,
    length: int | None = None,
    can_empty: bool = True,
) -> TargetField:
    return TargetField(name, kind, (name if read is None else read,), same, can_empty, length)


def _variant(name: str, *arguments: Any, read: str | None = None, **options: Any) -> TargetField:
    return _field(f"{VARIANTS}[].{name}", *arguments, read=f"{VARIANTS}[].{read or name}", **options)


_PRODUCT: Final = (
    # Shopify: title, handle, vendor and product type hold up to 255 characters.
    _field("title", length=MAX_TEXT, can_empty=False),
    _field("descriptionHtml"),
    _field("vendor", length=MAX_TEXT),
    _field("productType", length=MAX_TEXT),
    _field("category", read="category.id"),
    _field("tags", FieldType.TAGS, same_tags, length=MAX_TEXT),
    _field("status", same=same_upper, can_empty=False),
    _field("handle", length=MAX_TEXT, can_empty=False),
    _field("seo.title"),
    _field("seo.description"),
)

_VARIANTS: Final = (
    _variant("sku", length=MAX_TEXT),
    _variant("barcode", length=MAX_TEXT),
    _variant("price", FieldType.DECIMAL, same_number, can_empty=False),
    _variant("compareAtPrice", FieldType.DECIMAL, same_number),
    _variant("cost", FieldType.DECIMAL, same_number, read="inventoryItem.unitCost.amount"),
    _variant("weightKg", FieldType.DECIMAL, same_weight),
    _variant("tracked", FieldType.FLAG, same_flag, read="inventoryItem.tracked", can_empty=False),
    _variant("inventoryPolicy", FieldType.TEXT, same_upper, can_empty=False),
    _variant("taxable", FieldType.FLAG, same_flag, can_empty=False),
    _variant("options", FieldType.JSON, same_options),
    _variant("quantity", FieldType.INTEGER, same_number, can_empty=False),
    _variant("image", read="imageId"),
    _variant("position", FieldType.INTEGER, same_number, can_empty=False),
)

_IMAGES: Final = (
    # Shopify copies the file: the address it was taken from cannot be read back.
    replace(_field("images[].url"), reads=(), can_empty=False),
    _field("images[].alt", length=MAX_ALT),
    _field("images[].position", FieldType.INTEGER, same_number, can_empty=False),
    _field("images[].name", can_empty=False),
)

PRODUCT_FIELDS: Final[Mapping[str, TargetField]] = {target.name: target for target in (*_PRODUCT, *_VARIANTS, *_IMAGES)}
"""Target fields by name; those of children are ``variants[].<field>`` and ``images[].<field>``."""
