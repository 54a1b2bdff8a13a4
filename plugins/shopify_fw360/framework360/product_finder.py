"""Finding products by what their variants or their extra fields hold, with as few requests as the site allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.fields import CHILD, held
from shopify_fw360.framework360.product_fields import LISTS
from shopify_fw360.framework360.rows import get_row
from shopify_fw360.framework360.scan import rows_of, scan
from shopify_fw360.records import Raw, TargetField

_WORTH_A_SCAN: Final = 20
"""Values from which on reading the whole list may be cheaper than asking for each, if its length is not known."""

_ONE_QUESTION: Final = 1.0
"""Seconds within which successive questions for external ids are taken for one, so that the list is read once."""


@dataclass(frozen=True, slots=True)
class _ExternalIds:
    generation: int
    read_at: float
    ids: Mapping[Any, list[str]]


def child_field(key: str) -> tuple[str, str] | None:
    """Split a natural key that is a field of children, ``varianti.sku``, into list and field; None for another."""
    name, _, own = key.partition(CHILD) if CHILD in key else key.partition(".")
    return (name, own) if name in LISTS and own else None


class ProductFinder:
    """Finds products.

    The site can be asked for one SKU, and be searched for a text; what its search covers is not documented. Many values
    at once are therefore looked for in the whole list, if that takes fewer requests: a batch of 100 products with 800
    SKUs takes the pages of the catalogue instead of 800 requests.

    Args:
        client: of the site.
        decode: reads a product into our flat record.
        target: target field by name.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        client: Framework360Client,
        decode: Callable[[Mapping[str, Any]], Raw],
        target: Callable[[str], TargetField],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._decode = decode
        self._target = target
        self._clock = clock
        self._pages: int | None = None
        self._lock = threading.Lock()
        self._generation = 0
        self._external: _ExternalIds | None = None

    def find(self, key: str, values: Sequence[str]) -> dict[str, list[Raw]]:
        """Find products by a natural key.

        Args:
            key: ``varianti.sku`` or another field of children, or a field of the product.
            values: of that field.

        Returns:
            For each value the decoded products that have it, compared in canonical form, by ascending id.
        """
        distinct = list(dict.fromkeys(values))
        field = self._field(key)
        if self._scan_is_cheaper(len(distinct)):
            found = self._find_in_list(key, field, distinct)
            if found is not None:
                return found
        asked = self._client.map(lambda value: self._ask(key, field, value), distinct)
        return dict(zip(distinct, asked, strict=True))

    def by_external_id(self, name: str, value: str) -> list[str]:
        """Find products by an extra field, without relying on what the site's search covers.

        Args:
            name: of the target field, ``extraFields.<key>``.
            value: compared whole: a search for 50 also finds 501.

        Returns:
            Ids of the products, ascending.
        """
        field = self._target(name)
        wanted = field.same(value)
        with self._lock:
            known, generation = self._external, self._generation
        if known is None or known.generation != generation or self._clock() - known.read_at > _ONE_QUESTION:
            asked = [raw[wire.ID] for raw in self._ask(name, field, value)]
            if asked:
                return asked
            ids: dict[Any, list[str]] = {}
            for held_value, raw in self._in_list(name, field):
                ids.setdefault(held_value, []).append(raw[wire.ID])
            known = _ExternalIds(generation, self._clock(), ids)
            with self._lock:
                self._external = known
        return sorted(known.ids.get(wanted, ()), key=lambda record_id: (len(record_id), record_id))

    def forget(self) -> None:
        """Take no earlier answer for the present state: something is about to be written."""
        with self._lock:
            self._generation += 1

    def _field(self, key: str) -> TargetField:
        child = child_field(key)
        return self._target(key if child is None else CHILD.join(child))

    def _scan_is_cheaper(self, number: int) -> bool:
        return number >= _WORTH_A_SCAN if self._pages is None else number > self._pages

    def _in_list(self, key: str, field: TargetField, at_most: int | None = None) -> Iterator[tuple[Any, Raw]]:
        """Read the whole list: each product with each of its values; raises _TooLongError beyond so many pages."""
        pages = 0
        for rows in scan(self._client, wire.PRODUCTS_LIST):
            pages += 1
            if at_most is not None and pages > at_most:
                self._pages = pages
                raise _TooLongError
            for _, row in rows:
                raw = self._decode(row)
                for value in _values(key, field, raw):
                    yield value, raw
        self._pages = pages + 1

    def _find_in_list(self, key: str, field: TargetField, values: Sequence[str]) -> dict[str, list[Raw]] | None:
        wanted = {value: field.same(value) for value in values}
        found: dict[Any, list[Raw]] = {same: [] for same in wanted.values() if same}
        try:
            for value, raw in self._in_list(key, field, at_most=len(values)):
                if value in found:
                    found[value].append(raw)
        except _TooLongError:
            return None
        return {value: _in_order(found.get(same, ())) for value, same in wanted.items()}

    def _ask(self, key: str, field: TargetField, value: str) -> list[Raw]:
        wanted = field.same(value)
        if not wanted:
            return []
        found: dict[str, Raw] = {}
        for row in self._candidates(key, value.strip()):
            raw = self._decode(row)
            if wanted in _values(key, field, raw):
                found[raw[wire.ID]] = raw
        return _in_order(found.values())

    def _candidates(self, key: str, value: str) -> Iterable[Mapping[str, Any]]:
        """Ask for products that may have the value: a site may also find parts of it, or ignore what it was asked."""
        if child_field(key) == (wire.VARIANTS, wire.SKU):
            row = get_row(self._client, wire.PRODUCTS_GET, wire.PRODUCTS_BY_SKU, value)
            return [] if row is None else [row]
        body = self._client.call(wire.PRODUCTS_LIST, {wire.QUERY: value})
        return [row for _, row in rows_of(self._client, body, wire.PRODUCTS_LIST)]


class _TooLongError(Exception):
    pass


def _values(key: str, field: TargetField, raw: Raw) -> set[Any]:
    """Return the canonical values of a product, or of its children, in a field."""
    child = child_field(key)
    holders: Sequence[Raw] = (raw,) if child is None else (raw.get(child[0]) or ())
    return {value for holder in holders if (value := field.same(held(field, holder)))}


def _in_order(raws: Iterable[Raw]) -> list[Raw]:
    return sorted(raws, key=lambda raw: (len(raw[wire.ID]), raw[wire.ID]))
