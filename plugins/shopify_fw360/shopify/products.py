"""Products in Shopify: reading by time, by id and by key; creating and updating. Implements `records.Gateway`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from shopify_fw360.errors import MAPPING_INVALID, SyncError
from shopify_fw360.records import (
    UNFINISHED,
    ChangeMark,
    Entity,
    ExportSource,
    Page,
    SourceRecord,
    System,
    TargetField,
    Window,
    WriteResult,
)
from shopify_fw360.shopify.bulk_reader import BulkReader
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.fields import APP, EXTERNAL_ID_PATH
from shopify_fw360.shopify.paths import METAFIELDS
from shopify_fw360.shopify.product_fields import IMAGES, PRODUCT_FIELDS, VARIANTS
from shopify_fw360.shopify.product_inputs import CREATED_BY_US
from shopify_fw360.shopify.product_media import ProductMedia
from shopify_fw360.shopify.product_records import IMAGE, compute, is_waiting
from shopify_fw360.shopify.product_writer import ProductWriter
from shopify_fw360.shopify.records_reader import CURSOR_LIMIT, RecordsReader, changed, chunks, custom_id
from shopify_fw360.shopify.selection import PAGE_LIMIT, compile_selection, connection_cost
from shopify_fw360.shopify.shop_facts import ShopFacts
from shopify_fw360.shopify.virtual import LOCATION

STATUSES: Final = "status:active,draft,archived,unlisted"
"""Shopify: which statuses a search without them returns is not certain, so all are always stated."""

TERMS: Final = 50
"""Values looked for in one search."""

IMAGES_PATIENCE: Final = 10.0
"""Seconds a read waits for the addresses of images that Shopify is still processing."""

_SEARCHED: Final = {f"{VARIANTS}.sku": "sku", f"{VARIANTS}.barcode": "barcode"}
_MARK: Final = f"{METAFIELDS}.{APP}.{CREATED_BY_US}"


class ShopifyProducts:
    """The products of one shop with their variants and images.

    Args:
        client: of the shop.
        paths: source paths that records must carry; what writing needs is added.
        targets: target fields that may be written, by name; those of children are ``variants[].<field>``.
        location: name, id or number of the location whose stock is synchronised, None for the shop's first active
            location that ships inventory.
        publish: names, ids or numbers of the sales channels new products are published to, or all, or none of them.
        patience: seconds a write waits for Shopify to process images and large products.
        sleep: waits the given seconds.
        cursor_limit: records one cursor may reach.
    """

    system = System.SHOPIFY
    entity = Entity.PRODUCT

    def __init__(
        self,
        client: ShopifyClient,
        paths: Iterable[str],
        targets: Mapping[str, TargetField],
        *,
        location: str | None = None,
        publish: Literal["all", "none"] | Sequence[str] = "all",
        patience: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        cursor_limit: int = CURSOR_LIMIT,
    ) -> None:
        self._client = client
        self.facts = ShopFacts(client)
        self._targets = {target.name: target for target in targets.values()}
        self._media = ProductMedia(client, sleep=sleep)
        asked = {*paths, *_needed(self._targets)}
        self._keeps_media = any(path.startswith("media[]") for path in asked)
        self._shows_images = bool({f"{IMAGES}[].url", f"{IMAGES}[].name"} & asked)
        self.selection = compile_selection(Entity.PRODUCT, asked)

        def values() -> dict[str, Any]:
            return {LOCATION: self.facts.location(location)}

        self.reader = RecordsReader(
            client,
            self.selection,
            search=STATUSES,
            values=values,
            complete=self._complete,
            cursor_limit=cursor_limit,
        )
        self.exports: ExportSource = BulkReader(client, self.reader)
        self._made = RecordsReader(
            client, compile_selection(Entity.PRODUCT, {*asked, _MARK}), values=values, complete=self._complete
        )
        self._writer = ProductWriter(
            client,
            self.reader,
            self.facts,
            self._targets,
            location=location,
            publish=publish,
            patience=patience,
            sleep=sleep,
        )

    def scan(self, window: Window) -> Iterator[Page]:
        """Read all products, whatever their status, changed in the window; see `RecordsReader.scan`."""
        return self.reader.scan(window)

    def changed(self, window: Window) -> Iterator[ChangeMark]:
        """List the products changed in the window without reading them; see `records_reader.changed`."""
        return changed(self._client, Entity.PRODUCT, window, STATUSES)

    def fetch(self, ids: Sequence[str]) -> dict[str, SourceRecord]:
        """Read products by global id or number, bypassing the search index; see `RecordsReader.fetch`."""
        return self.reader.fetch(ids)

    def find(self, key: str, values: Sequence[str]) -> dict[str, list[SourceRecord]]:
        """Look products up by a key.

        Args:
            key: ``variants.sku`` or ``variants.barcode``, of any variant; Shopify finds them by its search index, so
                what was written in the last seconds may be missing, and each hit is verified on the product itself.
                ``handle`` and ``metafields.$app.fw360_id`` are looked up exactly.
            values: what to look for.

        Returns:
            For each value the products that have it.

        Raises:
            SyncError: SYNC-101 for any other key.
        """
        found: dict[str, list[SourceRecord]] = {value: [] for value in values}
        wanted = [value for value in found if value.strip()]
        if key in _SEARCHED:
            for part in chunks(wanted, TERMS):
                found.update(self._search(_SEARCHED[key], part))
            return found
        records = self.reader.find([_identifier(key, value) for value in wanted])
        found.update({value: [record] for value, record in zip(wanted, records, strict=True) if record is not None})
        return found

    def find_counterpart(self, other_id: str) -> SourceRecord | None:
        """Return the product that carries Framework360's id as external id, found exactly.

        Args:
            other_id: Framework360's id.

        Returns:
            The product. One that this app has made is marked: whoever looks for it does not know how far its making
            came, and `update` will see to its publishing.
        """
        found = self._made.find([{"customId": custom_id(other_id)}])[0]
        if found is None:
            return None
        mark = found.raw[METAFIELDS][APP].pop(CREATED_BY_US, None)
        return replace(found, raw={**found.raw, UNFINISHED: True}) if mark == "true" else found

    def create(self, fields: Mapping[str, Any], other_id: str) -> WriteResult:
        """Create a product with variants, images, stock, and publish it; see `ProductWriter.create`."""
        return self._writer.create(fields, other_id, self.find_counterpart)

    def update(self, current: SourceRecord, changes: Mapping[str, Any], other_id: str) -> WriteResult:
        """Write the changed fields and child lists of a product; see `ProductWriter.update`."""
        return self._writer.update(current, changes, other_id)

    def _search(self, field: str, values: Sequence[str]) -> dict[str, list[SourceRecord]]:
        text = (
            "query VariantsSearch($first: Int!, $after: String, $search: String!) {"
            " productVariants(first: $first, after: $after, query: $search, sortKey: ID) {"
            f" pageInfo {{ hasNextPage endCursor }} nodes {{ {field} product {{ id }} }} }} }}"
        )
        search = " OR ".join(f"{field}:{_quoted(value)}" for value in values)
        same = PRODUCT_FIELDS[f"{VARIANTS}[].{field}"].same
        wanted = {same(value): value for value in values}
        products: dict[str, None] = {}
        after: str | None = None
        while True:
            variables = {"first": PAGE_LIMIT, "after": after, "search": search}
            cost = connection_cost(PAGE_LIMIT, 1)
            connection = self.reader.query(text, variables, "VariantsSearch", cost)["productVariants"]
            products |= {node["product"]["id"]: None for node in connection["nodes"] if same(node[field]) in wanted}
            if not connection["pageInfo"]["hasNextPage"]:
                break
            after = connection["pageInfo"]["endCursor"]
        found: dict[str, list[SourceRecord]] = {value: [] for value in values}
        for record in self.fetch(list(products)).values():
            held = {same(variant.get(field)) for variant in record.raw[VARIANTS]}
            for key in held & wanted.keys():
                found[wanted[key]].append(record)
        return found

    def _complete(self, raws: Sequence[dict[str, Any]]) -> None:
        """Fill in what is computed; wait for the addresses of images if somebody may want to fetch them."""
        waiting = [raw["id"] for raw in raws if self._shows_images and is_waiting(raw)]
        if waiting:
            settled = self._media.wait(waiting, IMAGES_PATIENCE)
            for raw in raws:
                _take_addresses(raw, settled.get(raw["id"]))
        compute(raws)
        for raw in raws if not self._keeps_media else ():
            raw.pop("media", None)


def _needed(targets: Mapping[str, TargetField]) -> set[str]:
    """Paths that writing and finding need beside those the mapping names."""
    needed = {f"{VARIANTS}[].id", f"{VARIANTS}[].sku", f"{VARIANTS}[].barcode"}
    if not targets:
        return needed
    needed |= {EXTERNAL_ID_PATH, *(path for target in targets.values() for path in target.reads)}
    if any(name.startswith(f"{VARIANTS}[].") for name in targets):
        needed |= {f"{VARIANTS}[].{name}" for name in ("options", "inventoryItem.id", "inventoryItem.tracked")}
    if any(name.startswith(f"{IMAGES}[].") for name in targets):
        needed.add(f"{IMAGES}[].id")
    return needed


def _identifier(key: str, value: str) -> dict[str, Any]:
    if key == "handle":
        return {"handle": value.strip()}
    if key == EXTERNAL_ID_PATH:
        return {"customId": custom_id(value)}
    known = ", ".join([*_SEARCHED, "handle"])
    raise SyncError(MAPPING_INVALID, f"products can be matched in Shopify by {known} only", field=key, rule="match")


def _quoted(value: str) -> str:
    escaped = value.strip().replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _take_addresses(raw: dict[str, Any], settled: Mapping[str, Any] | None) -> None:
    images = {medium["id"]: medium[IMAGE] for medium in (settled or {}).get("media") or () if medium.get(IMAGE)}
    for medium in raw["media"]:
        image = medium.get(IMAGE)
        if image and image["id"] in images:
            image.update({name: images[image["id"]][name] for name in ("status", "image")})
