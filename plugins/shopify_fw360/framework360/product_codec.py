"""Products as the site sends them, read into our flat record; tolerant, and no shape of a row raises."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urljoin

from shopify_fw360.framework360 import values, wire
from shopify_fw360.framework360.canonical import file_name
from shopify_fw360.framework360.categories import Categories
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.product_fields import CATEGORY, IMAGE_NAME, VARIANT_IMAGE
from shopify_fw360.framework360.taxes import PriceEdge
from shopify_fw360.records import UNSET, Raw, Unset

_log = logging.getLogger(__name__)

VIRTUAL_PREFIX: Final = "p"
"""A product without variants is read as one variant whose id is this and the id of the product."""

_TEXTS: Final = (wire.PRODUCT_NAME, wire.DESCRIPTION, *wire.PRODUCT_PLAIN_TEXTS, wire.SLUG)
_FLAGS: Final = (wire.TRACKED, wire.OVERSELL)


def virtual_id(product_id: str) -> str:
    """Return the id of the one variant of a product without variants."""
    return f"{VIRTUAL_PREFIX}{product_id}"


def is_virtual(variant_id: str | None) -> bool:
    """Whether the id is that of the one variant of a product without variants."""
    return variant_id is not None and variant_id.startswith(VIRTUAL_PREFIX)


def at_site(price: str) -> str:
    """Return the key under which a record keeps a price as the site holds it, if the shop would quote another.

    Converting to and fro may move a price by a cent, so what is not changed is written as it was.
    """
    return f"{price}@site"


def option_pairs(value: Any, order: Sequence[str] = ()) -> list[list[str]] | None:
    """Read the option values of a variant.

    Args:
        value: object of values by option name; an empty one may come as ``[]``.
        order: option names of the product.

    Returns:
        Pairs ``[name, value]``, those of the product's options first and in their order; None if it is no object.
    """
    found = values.mapping(value)
    if isinstance(found, Unset):
        return None
    places = {name: place for place, name in enumerate(order)}
    pairs = [[str(name), read] for name, inner in found.items() if isinstance(read := values.text(inner), str)]
    return sorted(pairs, key=lambda pair: places.get(pair[0], len(places)))


class ProductDecoder:
    """Reads products of one site.

    Args:
        options: the site's options.
        site_url: base URL, for images with a relative address.
        prices: converts prices to those of the shop.
        categories: knows the path of a category; None leaves it out.
        extra_keys: see `values.extra_fields`.
    """

    def __init__(
        self,
        options: SiteOptions,
        site_url: str,
        prices: PriceEdge,
        categories: Categories | None,
        extra_keys: Iterable[str] = (),
    ) -> None:
        self._options = options
        self._zone = options.zone
        self._site_url = site_url
        self._prices = prices
        self._categories = categories
        self._extra_keys = tuple(extra_keys)

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Read one product.

        Args:
            row: as any call returns it.

        Returns:
            The flat record, with children sorted by position. A key that the site did not send (or sent in a shape that
            makes no sense) is missing: unknown. A key that it sent empty is None, or empty for lists. Beside the
            readable fields it holds `wire.CATEGORIES` (ids) and `wire.ATTRIBUTES` (options in order, pairs of name and
            values) as they are needed for writing.

        Raises:
            SyncError: as the client, when categories or taxes must be read.
        """
        record: dict[str, Any] = {}
        if (own_id := values.identifier(row.get(wire.ID))) is not None:
            record[wire.ID] = own_id
        self._put(record, row, _TEXTS, values.text)
        self._put(record, row, (wire.ACTIVE,), values.flag)
        self._put(record, row, (wire.CREATED_AT, wire.MODIFIED_AT), self._moment)
        lookup = self._options.lookup
        if wire.TAX in row:
            record[wire.TAX] = values.identifier(row[wire.TAX]) or wire.DEFAULT_TAX
        if wire.TAGS in row:
            record[wire.TAGS] = values.texts(row[wire.TAGS], lookup.name_key)
        if wire.CATEGORIES in row:
            record[wire.CATEGORIES] = values.texts(row[wire.CATEGORIES], lookup.id_key)
            if self._categories is not None and record[wire.CATEGORIES] is not UNSET:
                record[CATEGORY] = self._categories.path_of(record[wire.CATEGORIES])
        if wire.EXTRA_FIELDS in row:
            record[wire.EXTRA_FIELDS] = values.extra_fields(row[wire.EXTRA_FIELDS], self._extra_keys)
        if wire.IMAGES in row:
            record[wire.IMAGES] = self._images(row[wire.IMAGES])
        self._put_variants(record, row)
        return {key: value for key, value in record.items() if value is not UNSET}

    def _put(
        self, record: dict[str, Any], row: Mapping[str, Any], keys: Iterable[str], read: Callable[[Any], Any]
    ) -> None:
        for key in keys:
            if key in row:
                record[key] = read(row[key])

    def _moment(self, value: Any) -> Any:
        return values.moment(value, self._zone, self._options.formats.datetime)

    # Images -----------------------------------------------------------------------------------------------------------

    def _images(self, value: Any) -> list[dict[str, Any]] | Unset:
        rows = _objects(value)
        if rows is None:
            return UNSET
        images = []
        for place, row in enumerate(_by_position(rows), 1):
            own_id, address = values.identifier(row.get(wire.ID)), values.identifier(row.get(wire.IMAGE_URL))
            if own_id is None:
                return UNSET
            url = urljoin(f"{self._site_url}/", address) if address else None
            alt = values.text(row.get(wire.IMAGE_ALT))
            images.append(
                {
                    wire.ID: own_id,
                    wire.IMAGE_URL: url,
                    wire.IMAGE_ALT: None if alt is UNSET else alt,
                    wire.POSITION: place,
                    IMAGE_NAME: file_name(url),
                }
            )
        return images

    # Variants ---------------------------------------------------------------------------------------------------------

    def _put_variants(self, record: dict[str, Any], row: Mapping[str, Any]) -> None:
        rows = _objects(row.get(wire.VARIANTS))
        options = _options(row.get(wire.ATTRIBUTES))
        record[wire.ATTRIBUTES] = options if wire.ATTRIBUTES in row else UNSET
        tax = record.get(wire.TAX, wire.DEFAULT_TAX)
        if rows:
            read = [
                self._variant(entry, place, [name for name, _ in options], tax)
                for place, entry in enumerate(_by_position(rows), 1)
            ]
            if all(entry is not None for entry in read):
                record[wire.VARIANTS] = read
            else:
                _log.warning("product %s: a variant has no id or no options: its variants are left out", row.get("id"))
        elif rows is not None and any(key in row for key in wire.ITEM_KEYS):
            own_id = record.get(wire.ID)
            virtual: dict[str, Any] = {wire.ID: virtual_id(own_id or ""), wire.ATTRIBUTES: [], VARIANT_IMAGE: None}
            record[wire.VARIANTS] = [{**virtual, wire.ACTIVE: True, wire.POSITION: 1, **self._item(row, tax)}]

    def _variant(self, row: Mapping[str, Any], place: int, order: Sequence[str], tax: str) -> dict[str, Any] | None:
        own_id, pairs = values.identifier(row.get(wire.ID)), option_pairs(row.get(wire.ATTRIBUTES), order)
        if own_id is None or not pairs:
            return None
        variant: dict[str, Any] = {wire.ID: own_id, wire.ATTRIBUTES: pairs, wire.POSITION: place}
        if wire.VARIANT_IMAGE_ID in row:
            variant[VARIANT_IMAGE] = values.identifier(row[wire.VARIANT_IMAGE_ID])
        if wire.ACTIVE in row and (active := values.flag(row[wire.ACTIVE])) is not UNSET:
            variant[wire.ACTIVE] = active
        return variant | self._item(row, tax)

    def _item(self, row: Mapping[str, Any], tax: str) -> dict[str, Any]:
        item: dict[str, Any] = {}
        self._put(item, row, (wire.SKU, wire.EAN), values.text)
        self._put(item, row, _FLAGS, values.flag)
        self._put(item, row, (wire.QUANTITY,), values.integer)
        self._put(item, row, (wire.COST, wire.WEIGHT), self._amount)
        for key in wire.TAXED_PRICES:
            if key in row:
                item[key], item[at_site(key)] = self._price(row[key], tax)
        if item.get(wire.TRACKED) is False:
            # A number that nobody counts says nothing.
            item[wire.QUANTITY] = None
        return {key: value for key, value in item.items() if value is not UNSET}

    def _amount(self, value: Any) -> Decimal | None:
        return values.money(value, self._options.formats.money)

    def _price(self, value: Any, tax: str) -> tuple[Decimal | Unset | None, Decimal | Unset]:
        amount = self._amount(value)
        if amount is None:
            return None, UNSET
        converted = self._prices.to_shop(amount, tax)
        if converted is None:
            return UNSET, amount
        return converted, UNSET if converted == amount else amount


def variants_of(raw: Raw) -> Sequence[Raw]:
    """Return the variants of a decoded product, none where they are unknown."""
    found: Sequence[Raw] = raw.get(wire.VARIANTS) or ()
    return found


def images_of(raw: Raw) -> Sequence[Raw]:
    """Return the images of a decoded product, none where they are unknown."""
    found: Sequence[Raw] = raw.get(wire.IMAGES) or ()
    return found


def _objects(value: Any) -> list[Mapping[str, Any]] | None:
    """Return the objects of a list, also of one with gaps that PHP renders as an object; None for anything else."""
    if isinstance(value, Mapping):
        if not all(str(key).isdigit() for key in value):
            return None
        value = list(value.values())
    if values.text(value) is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        return None
    return value


def _by_position(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    def place(row: Mapping[str, Any]) -> int:
        read = values.integer(row.get(wire.POSITION))
        return read if isinstance(read, int) else 10**9

    return sorted(rows, key=place)


def _options(value: Any) -> list[list[Any]]:
    """Return option names with their values, ``["Taglia", ["S", "M"]]``, in order."""
    read = []
    for row in _by_position(_objects(value) or []):
        name, texts = values.text(row.get(wire.ATTRIBUTE_NAME)), values.texts(row.get(wire.ATTRIBUTE_VALUES))
        if isinstance(name, str):
            read.append([name, [] if isinstance(texts, Unset) else list(texts)])
    return read
