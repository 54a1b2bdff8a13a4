"""Readable and writable fields of a Framework360 product; all wire names of products are assumed (A-PROD)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.canonical import (
    same_category,
    same_code,
    same_file,
    same_flag,
    same_html,
    same_money,
    same_number,
    same_options,
    same_reference,
    same_sku,
    same_tags,
    same_text,
    same_weight,
)
from shopify_fw360.framework360.fields import CHILD, by_name, field
from shopify_fw360.records import FieldType, TargetField

CATEGORY: Final = "categoria"
"""Path of the main category, ``Abbigliamento > Maglieria``; the wire knows ids only."""

VARIANT_IMAGE: Final = "immagine"
"""Id of the image a variant shows."""

IMAGE_NAME: Final = "nome"
"""File name of an image without extension: tells which image is which where no link does."""

LISTS: Final = (wire.VARIANTS, wire.IMAGES)

_VARIANT_KINDS: Final[Mapping[str, FieldType]] = {
    wire.ID: FieldType.TEXT,
    wire.SKU: FieldType.TEXT,
    wire.EAN: FieldType.TEXT,
    wire.PRICE: FieldType.DECIMAL,
    wire.OFFER: FieldType.DECIMAL,
    wire.COST: FieldType.DECIMAL,
    wire.TRACKED: FieldType.FLAG,
    wire.QUANTITY: FieldType.INTEGER,
    wire.OVERSELL: FieldType.FLAG,
    wire.WEIGHT: FieldType.DECIMAL,
    wire.ACTIVE: FieldType.FLAG,
    wire.POSITION: FieldType.INTEGER,
    wire.ATTRIBUTES: FieldType.JSON,
    VARIANT_IMAGE: FieldType.TEXT,
}

_IMAGE_KINDS: Final[Mapping[str, FieldType]] = {
    wire.ID: FieldType.TEXT,
    wire.IMAGE_URL: FieldType.TEXT,
    wire.IMAGE_ALT: FieldType.TEXT,
    wire.POSITION: FieldType.INTEGER,
    IMAGE_NAME: FieldType.TEXT,
}

PRODUCT_PATHS: Final[Mapping[str, FieldType]] = {
    wire.ID: FieldType.TEXT,
    wire.PRODUCT_NAME: FieldType.TEXT,
    wire.DESCRIPTION: FieldType.TEXT,
    **dict.fromkeys(wire.PRODUCT_PLAIN_TEXTS, FieldType.TEXT),
    wire.SLUG: FieldType.TEXT,
    wire.ACTIVE: FieldType.FLAG,
    CATEGORY: FieldType.TEXT,
    wire.TAGS: FieldType.TAGS,
    wire.TAX: FieldType.TEXT,
    wire.EXTRA_FIELDS: FieldType.JSON,
    wire.CREATED_AT: FieldType.TIME,
    wire.MODIFIED_AT: FieldType.TIME,
    **{f"{wire.VARIANTS}{CHILD}{name}": kind for name, kind in _VARIANT_KINDS.items()},
    **{f"{wire.IMAGES}{CHILD}{name}": kind for name, kind in _IMAGE_KINDS.items()},
}

_VARIANT_TARGETS: Final = (
    field(wire.SKU, same_sku),
    field(wire.EAN, same_sku),
    field(wire.PRICE, same_money, FieldType.DECIMAL, can_empty=False),
    field(wire.OFFER, same_money, FieldType.DECIMAL),
    field(wire.COST, same_money, FieldType.DECIMAL),
    field(wire.TRACKED, same_flag, FieldType.FLAG, can_empty=False),
    field(wire.QUANTITY, same_number, FieldType.INTEGER, can_empty=False),
    field(wire.OVERSELL, same_flag, FieldType.FLAG, can_empty=False),
    field(wire.WEIGHT, same_weight, FieldType.DECIMAL),
    field(wire.ACTIVE, same_flag, FieldType.FLAG, can_empty=False),
    field(wire.POSITION, same_number, FieldType.INTEGER, can_empty=False),
    field(wire.ATTRIBUTES, same_options, FieldType.JSON),
    field(VARIANT_IMAGE, same_reference),
)

_IMAGE_TARGETS: Final = (
    field(wire.IMAGE_URL, same_text, can_empty=False),
    field(wire.IMAGE_ALT, same_text),
    field(wire.POSITION, same_number, FieldType.INTEGER, can_empty=False),
    field(IMAGE_NAME, same_file, can_empty=False),
)


def _of_children(name: str, fields: tuple[TargetField, ...]) -> list[TargetField]:
    return [field(f"{name}{CHILD}{entry.name}", entry.same, entry.type, can_empty=entry.can_empty) for entry in fields]


PRODUCT_TARGETS: Final[Mapping[str, TargetField]] = by_name(
    field(wire.PRODUCT_NAME, same_text, can_empty=False),
    field(wire.DESCRIPTION, same_html),
    *(field(name, same_text) for name in wire.PRODUCT_PLAIN_TEXTS),
    field(wire.SLUG, same_code, can_empty=False),
    field(wire.ACTIVE, same_flag, FieldType.FLAG, can_empty=False),
    field(CATEGORY, same_category),
    field(wire.TAGS, same_tags, FieldType.TAGS),
    field(wire.TAX, same_code, can_empty=False),
    *_of_children(wire.VARIANTS, _VARIANT_TARGETS),
    *_of_children(wire.IMAGES, _IMAGE_TARGETS),
)
