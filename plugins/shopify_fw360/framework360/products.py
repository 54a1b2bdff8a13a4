"""Products of one Framework360 site, as the sync core sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.categories import Categories
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.fields import extra_keys, held
from shopify_fw360.framework360.product_body import ProductBody
from shopify_fw360.framework360.product_codec import ProductDecoder
from shopify_fw360.framework360.product_fields import CATEGORY
from shopify_fw360.framework360.product_finder import ProductFinder
from shopify_fw360.framework360.product_writes import ProductWriter, WrittenProduct
from shopify_fw360.framework360.rows import about, get_row, modified_at
from shopify_fw360.framework360.scan import scan
from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.framework360.taxes import PriceEdge
from shopify_fw360.records import Entity, Page, Raw, SourceRecord, System, TargetField, Window, WriteResult


def require_products(client: Framework360Client, *, writing: bool) -> None:
    """Do nothing if the site can be used for products.

    Args:
        client: of the site.
        writing: whether products are to be written.

    Raises:
        SyncError: SYNC-412 if the site lacks the capability; SYNC-413 if writing is not confirmed for it.
    """
    client.capabilities.require(wire.Capability.PRODUCTS)
    if writing and not client.options.products.write:
        raise SyncError(
            errors.FW360_WRITES_OFF, "products can be read, but products.write is off", rule="products.write"
        )


class Framework360Products:
    """Reads, finds and writes products; implements `records.Gateway` and is safe in several threads.

    Prices in records are those of the shop; they are converted here if shop and site quote them differently. A product
    without variants is read as one with a single virtual variant.

    Args:
        client: of the site.
        paths: source paths the records must carry; categories are read only if it names `product_fields.CATEGORY`.
        targets: target fields by name, for comparing what was written with what reads back.
        shop_prices_include_tax: tells whether the shop's prices include tax; asked at most once.
    """

    system = System.FRAMEWORK360
    entity = Entity.PRODUCT

    def __init__(
        self,
        client: Framework360Client,
        *,
        paths: frozenset[str],
        targets: Mapping[str, TargetField],
        shop_prices_include_tax: Callable[[], bool],
    ) -> None:
        self._client = client
        self._targets = targets
        self._schema = Framework360Schema()
        external = client.options.products.external_id_field
        self._external = f"{wire.EXTRA_PREFIX}{external}" if external else None
        self._keeps_external = True
        prices = PriceEdge(client, shop_prices_include_tax)
        self._categories = Categories(client)
        self._decode = ProductDecoder(
            client.options,
            client.url.removesuffix(wire.API_ROOT),
            prices,
            self._categories if CATEGORY in {*paths, *targets} else None,
            extra_keys({*paths, *targets, *([self._external] if self._external else [])}),
        )
        self._finder = ProductFinder(client, self._decode, self._target)
        self._writer = ProductWriter(
            client,
            self._decode,
            self._target,
            prices=prices,
            body=ProductBody(self._categories),
            finder=self._finder,
        )

    # Reading ----------------------------------------------------------------------------------------------------------

    def scan(self, window: Window) -> Iterator[Page]:
        """Read all products, page by page, each id once.

        Framework360 documents no filter by time: a bounded window reads everything too and is told apart by the
        products' own times; products without modification time are `Page.undated`.

        Args:
            window: modification times; an unbounded one yields every product.

        Raises:
            SyncError: SYNC-412 if the site lacks the capability; else as the client and `scan.scan`.
        """
        self._categories.forget()
        unbounded = window == Window()
        for rows in scan(self._client, wire.PRODUCTS_LIST):
            inside: list[SourceRecord] = []
            undated: list[SourceRecord] = []
            for record in (self._record(self._decode(row)) for _, row in rows):
                if unbounded or (record.updated_at and window.contains(record.updated_at)):
                    inside.append(record)
                elif record.updated_at is None:
                    undated.append(record)
            yield Page(inside, skipped=len(rows) - len(inside) - len(undated), undated=undated)

    def fetch(self, ids: Sequence[str]) -> dict[str, SourceRecord]:
        """Read products by id, as many at once as the site allows; an unknown id is absent from the result."""
        distinct = list(dict.fromkeys(ids))
        read = self._client.map(self._fetch_one, distinct)
        return {key: record for key, record in zip(distinct, read, strict=True) if record is not None}

    def find(self, key: str, values: Sequence[str]) -> dict[str, list[SourceRecord]]:
        """Find products by a natural key.

        Args:
            key: ``varianti.sku``, ``varianti.ean`` or the name of another target field; SKUs and barcodes are compared
                exactly after trimming.
            values: values of it.

        Returns:
            For each value the products of which it, or any of their variants, has it, by ascending id.
        """
        found = self._finder.find(key, values)
        return {value: [self._record(raw) for raw in raws] for value, raws in found.items()}

    def find_counterpart(self, other_id: str) -> SourceRecord | None:
        """Find the product that carries the Shopify id, if `products.external_id_field` says where.

        Args:
            other_id: gid; its number is what the site keeps.

        Raises:
            SyncError: SYNC-204 if several products carry it.
        """
        external = self._external_of(other_id)
        if external is None:
            return None
        ids = self._finder.by_external_id(*external)
        if len(ids) > 1:
            raise SyncError(
                errors.AMBIGUOUS,
                f"products {', '.join(ids)} carry the same Shopify id",
                record=f"product shopify:{other_id}",
                field=self._external,
            )
        return self._fetch_one(ids[0]) if ids else None

    # Writing ----------------------------------------------------------------------------------------------------------

    def create(self, fields: Mapping[str, Any], other_id: str) -> WriteResult:
        """Create a product and read it back; the caller has looked for it before.

        If the answer is lost, the product is looked up by a SKU or by the Shopify id before anything is repeated.

        Args:
            fields: values by target field name; of a child list a `ChildList`.
            other_id: Shopify id of the counterpart.

        Returns:
            The product as it reads now; `unwritable` names the fields the site does not keep, those of children as
            ``varianti.peso``.

        Raises:
            SyncError: SYNC-204 if a SKU belongs to another product; SYNC-209 if it cannot be told whether the product
                exists now; SYNC-405 for what the site refuses, such as an image it cannot fetch; SYNC-413 if writing is
                not confirmed for the site.
        """
        with about(f"product shopify:{other_id}"):
            require_products(self._client, writing=True)
            external = self._external_of(other_id)
            return self._result(self._writer.create(self._with_external(fields, external, {}), external), created=True)

    def update(self, current: SourceRecord, changes: Mapping[str, Any], other_id: str) -> WriteResult:
        """Write changed fields and lists, and read them back.

        Args:
            current: the product as it was read before.
            changes: new values by target field name; of a child list a `ChildList`, complete.
            other_id: Shopify id of the counterpart.

        Returns:
            The product as it reads now; `unwritable` names the fields that read as before after all tries.

        Raises:
            SyncError: SYNC-404 if the product is gone; else as `create`.
        """
        with about(f"product framework360:{current.id}"):
            require_products(self._client, writing=True)
            external = self._external_of(other_id)
            complete = self._with_external(changes, external, current.raw) if changes else changes
            return self._result(self._writer.update(current.id, current.raw, complete, external), created=False)

    # Records ----------------------------------------------------------------------------------------------------------

    def _fetch_one(self, record_id: str) -> SourceRecord | None:
        row = get_row(self._client, wire.PRODUCTS_GET, wire.ID, record_id)
        return None if row is None else self._record(self._decode(row))

    def _record(self, raw: Raw) -> SourceRecord:
        return SourceRecord(raw[wire.ID], raw, modified_at(raw, wire.CREATED_AT))

    def _result(self, written: WrittenProduct, *, created: bool) -> WriteResult:
        if self._external in written.unwritable:
            # Once is enough: trying again with each write would double the requests.
            self._keeps_external = False
        return WriteResult(
            self._record(written.raw), created, written.requests, frozenset(written.unwritable), written.children
        )

    def _target(self, name: str) -> TargetField:
        return self._targets.get(name) or self._schema.target(self.entity, name)

    def _external_of(self, other_id: str) -> tuple[str, str] | None:
        return None if self._external is None else (self._external, other_id.rpartition("/")[2])

    def _with_external(
        self, fields: Mapping[str, Any], external: tuple[str, str] | None, present: Raw
    ) -> Mapping[str, Any]:
        if external is None or not self._keeps_external:
            return fields
        name, value = external
        return fields if held(self._target(name), present) == value else {**fields, name: value}
