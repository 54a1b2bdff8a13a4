"""Writing a product and making sure of it: safe creation, read-back, what does not stick, whose SKU it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.canonical import same_text
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.fields import CHILD, held
from shopify_fw360.framework360.product_body import ItemRow, ProductBody, for_creation
from shopify_fw360.framework360.product_children import Children, identify_images, identify_variants
from shopify_fw360.framework360.product_codec import ProductDecoder, images_of, variants_of
from shopify_fw360.framework360.product_fields import LISTS
from shopify_fw360.framework360.product_finder import ProductFinder
from shopify_fw360.framework360.product_images import image_reference, image_rows, naming_image
from shopify_fw360.framework360.product_variants import VariantParameters, VariantWriting, only_stock, skus_of
from shopify_fw360.framework360.readback import Written, insist, not_taken
from shopify_fw360.framework360.rows import get_row, look_repeatedly, new_id, reread
from shopify_fw360.framework360.taxes import PriceEdge
from shopify_fw360.framework360.values import identifier
from shopify_fw360.records import ChildList, Raw, TargetField


@dataclass(slots=True)
class WrittenProduct(Written):
    """A product after a write.

    Args:
        children: for each list that was given the id of each child on the site, by its id in the source.
    """

    children: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Job:
    """One product on its way.

    Args:
        fields: values by target field that are not children.
        lists: children by list name.
        before: the decoded product before the write, None for a new one.
        item: encodes what can be sold.
        external: target field and value of the counterpart's id, None if the site keeps none.
        options: option values that the variants were sent with.
    """

    fields: Mapping[str, Any]
    lists: Mapping[str, Children]
    before: Raw | None
    item: ItemRow
    external: tuple[str, str] | None
    written: WrittenProduct
    options: list[dict[str, str]] = field(default_factory=list)

    @property
    def images(self) -> Children | None:
        return self.lists.get(wire.IMAGES)

    @property
    def variants(self) -> Children | None:
        return self.lists.get(wire.VARIANTS)


class ProductWriter:
    """Writes products by the read-back rule of the contract, see `readback`.

    Args:
        client: of the site.
        decode: reads a product of the site into our flat record.
        target: target field by name.
        prices: converts prices to those of the site.
        body: encodes what is not a child.
        finder: finds a product whose creation was not answered.
    """

    def __init__(
        self,
        client: Framework360Client,
        decode: ProductDecoder,
        target: Callable[[str], TargetField],
        *,
        prices: PriceEdge,
        body: ProductBody,
        finder: ProductFinder,
    ) -> None:
        self._client = client
        self._decode = decode
        self._target = target
        self._prices = prices
        self._body = body
        self._finder = finder

    def create(self, fields: Mapping[str, Any], external: tuple[str, str] | None) -> WrittenProduct:
        """Create a product that does not exist yet.

        Args:
            fields: values by target field name, of a child list a `ChildList`.
            external: target field and value of the counterpart's id; part of the fields.

        Raises:
            SyncError: SYNC-201 or SYNC-202 for values that break the contract; SYNC-204 if a SKU belongs to another
                product; SYNC-209 if the outcome is unclear.
        """
        job = self._job(fields, None, external)
        record_id = self._created(job)
        self._read_back(job, record_id)
        return self._insist(job, record_id)

    def update(
        self, record_id: str, before: Raw, changes: Mapping[str, Any], external: tuple[str, str] | None
    ) -> WrittenProduct:
        """Write changed fields and lists.

        Args:
            record_id: of the product.
            before: the decoded product as it was read before.
            changes: new values by target field name, of a child list a `ChildList`.
            external: as in `create`.

        Raises:
            SyncError: SYNC-202 for values that break the contract; SYNC-204 if a SKU belongs to another product.
        """
        job = self._job(changes, before, external)
        if self._send(job, record_id, None):
            self._read_back(job, record_id)
        return self._insist(job, record_id)

    # Jobs -------------------------------------------------------------------------------------------------------------

    def _job(self, given: Mapping[str, Any], before: Raw | None, external: tuple[str, str] | None) -> _Job:
        raw: Raw = {} if before is None else before
        fields = {
            name: value
            for name, value in given.items()
            if name not in LISTS and (value is not None or self._target(name).can_empty)
        }
        lists = {
            name: Children.of(name, value, raw.get(name) or (), self._target)
            for name, value in given.items()
            if name in LISTS and isinstance(value, ChildList)
        }
        tax = fields.get(wire.TAX) or raw.get(wire.TAX) or wire.DEFAULT_TAX
        return _Job(fields, lists, before, ItemRow(self._prices, tax), external, WrittenProduct(raw))

    def _parameters(self, job: _Job, only: Collection[str] | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Encode a job, or only some of its fields; returns the parameters of the product and items of stock."""
        lists: dict[str, Any] = {}
        stock: list[dict[str, Any]] = []
        images, variants = (entry if entry and entry.changed else None for entry in (job.images, job.variants))
        if images and _concerns(wire.IMAGES, only):
            lists[wire.IMAGES] = image_rows(images)
        if variants and _concerns(wire.VARIANTS, only):
            written = self._variants(job, variants, images, only)
            job.options, stock = written.options, written.stock
            if not (stock and only_stock(variants, job.written.raw)):
                lists |= written.body
        # Last, because it may create categories, and nothing should be created for what is refused anyway.
        chosen = {name: value for name, value in job.fields.items() if only is None or name in only}
        body, calls = self._body.of(chosen, job.written.raw)
        job.written.requests += calls
        return body | lists, stock

    def _variants(
        self, job: _Job, variants: Children, images: Children | None, only: Collection[str] | None
    ) -> VariantParameters:
        own = f"{wire.VARIANTS}{CHILD}"
        return VariantWriting(
            job.written.raw,
            job.item,
            image_reference(images, job.written.raw),
            stock_apart=job.before is not None and self._stock_goes_apart(),
            fields=None if only is None else {name.removeprefix(own) for name in only if name.startswith(own)},
        ).write(variants)

    def _stock_goes_apart(self) -> bool:
        return self._client.capabilities.standing(wire.Capability.PRODUCTS_STOCK).on

    # Sending ----------------------------------------------------------------------------------------------------------

    def _created(self, job: _Job) -> str:
        body, _ = self._parameters(job, None)
        parameters = for_creation(body)
        self._finder.forget()
        job.written.requests += 1
        try:
            record_id = new_id(self._client.call(wire.PRODUCTS_CREATE, parameters))
            lost = SyncError(errors.UNCLEAR_CREATE, "the reply to the new product holds no id", rule="data.id")
        except SyncError as error:
            if error.code is not errors.UNCLEAR_CREATE:
                return self._not_created(job, error)
            record_id, lost = None, error
        return record_id or look_repeatedly(self._client, lambda: self._look(job), lost)

    def _not_created(self, job: _Job, error: SyncError) -> str:
        """Return the id of the product if an earlier attempt has created it after all; else raise."""
        self._explain(job, error)
        if error.rule != wire.DUPLICATE_SKU:
            raise error
        for sku, raw in self._owners(job):
            if not self._carries_our_id(job, raw):
                raise _taken(sku, raw, error)
            return str(raw[wire.ID])
        raise error

    def _send(self, job: _Job, record_id: str, only: Collection[str] | None) -> bool:
        """Update a product; returns whether anything was sent."""
        body, stock = self._parameters(job, only)
        if body:
            job.written.requests += 1
            try:
                self._client.call(wire.PRODUCTS_UPDATE, {wire.ID: record_id, **body})
            except SyncError as error:
                self._explain(job, error)
                if error.rule == wire.DUPLICATE_SKU:
                    for sku, raw in self._owners(job):
                        if raw[wire.ID] != record_id:
                            raise _taken(sku, raw, error) from error
                raise
        for start in range(0, len(stock), wire.STOCK_MAX_ITEMS):
            job.written.requests += 1
            self._send_stock(stock[start : start + wire.STOCK_MAX_ITEMS])
        return bool(body or stock)

    def _send_stock(self, items: list[dict[str, Any]]) -> None:
        data = self._client.call(wire.PRODUCTS_UPDATE_STOCK, {wire.STOCK_ITEMS: items}).get(wire.DATA)
        refused = data.get(wire.STOCK_ERRORS) if isinstance(data, Mapping) else None
        for entry in refused if isinstance(refused, list) else ():
            told = entry if isinstance(entry, Mapping) else {}
            raise SyncError(
                errors.FW360_REJECTED,
                f"{wire.PRODUCTS_UPDATE_STOCK.path}: {identifier(told.get(wire.ERROR)) or 'refused'} for item"
                f" {identifier(told.get(wire.STOCK_ERROR_INDEX)) or '?'} of {len(items)}",
                field=f"{wire.VARIANTS}.{wire.QUANTITY}",
                rule="stock of a known variant",
            )

    def _explain(self, job: _Job, error: SyncError) -> None:
        if job.images is not None and error.code is errors.FW360_REJECTED:
            naming_image(error, job.images)

    # Making sure ------------------------------------------------------------------------------------------------------

    def _read_back(self, job: _Job, record_id: str) -> None:
        job.written.requests += 1
        job.written.raw = self._decode(reread(self._client, wire.PRODUCTS_GET, record_id))
        if job.images is not None:
            identify_images(job.images.all, images_of(job.written.raw))
        if job.variants is not None:
            identify_variants(job.variants.all, variants_of(job.written.raw), job.options)

    def _insist(self, job: _Job, record_id: str) -> WrittenProduct:
        def send_again(missing: set[str]) -> set[str] | None:
            if not self._send(job, record_id, missing):
                return None
            self._read_back(job, record_id)
            return self._missing(job)

        written = job.written
        left = insist(self._client, self._missing(job), send_again)
        written.unwritable = {name.replace(CHILD, ".") for name in left}
        written.children = {name: children.ids() for name, children in job.lists.items()}
        return written

    def _missing(self, job: _Job) -> set[str]:
        if not job.written.requests:
            return set()
        raw = job.written.raw
        missing = not_taken(job.fields, job.before, raw, self._target)
        for name, children in job.lists.items():
            if children.changed:
                missing |= children.missing(raw.get(name) or (), self._target, job.item.as_read)
        return missing

    # Looking ----------------------------------------------------------------------------------------------------------

    def _look(self, job: _Job) -> str | None:
        """Find the product whose creation was not answered: by a SKU, else by the counterpart's id."""
        job.written.requests += 1
        skus = skus_of(job.variants)
        if skus:
            for sku, raw in self._owners(job):
                if self._carries_our_id(job, raw) or self._looks_like_ours(job, raw):
                    return str(raw[wire.ID])
                raise _taken(sku, raw, None)
            return None
        if job.external is None:
            raise SyncError(
                errors.AMBIGUOUS,
                "the answer to the new product was lost, and without SKU and products.external_id_field nothing tells"
                " whether it was created",
                rule="look before repeating a create",
            )
        self._finder.forget()
        found = self._finder.by_external_id(*job.external)
        if len(found) > 1:
            raise SyncError(errors.AMBIGUOUS, f"products {', '.join(found)} carry the same Shopify id")
        return found[0] if found else None

    def _owners(self, job: _Job) -> list[tuple[str, Raw]]:
        """Return the products that have one of our SKUs, each with the SKU."""
        owners: dict[str, tuple[str, Raw]] = {}
        for sku in skus_of(job.variants):
            job.written.requests += 1
            row = get_row(self._client, wire.PRODUCTS_GET, wire.PRODUCTS_BY_SKU, sku)
            raw = {} if row is None else self._decode(row)
            if raw and sku in (str(variant.get(wire.SKU)).strip() for variant in variants_of(raw)):
                owners.setdefault(raw[wire.ID], (sku, raw))
        return list(owners.values())

    def _carries_our_id(self, job: _Job, raw: Raw) -> bool:
        if job.external is None:
            return False
        name, value = job.external
        target = self._target(name)
        return bool(target.same(held(target, raw)) == target.same(value))

    def _looks_like_ours(self, job: _Job, raw: Raw) -> bool:
        """Whether a product with our SKU is ours although it carries no counterpart's id: the site may keep none.

        The core has found no product with this SKU a moment ago.
        """
        carried = None if job.external is None else held(self._target(job.external[0]), raw)
        return carried is None and same_text(raw.get(wire.PRODUCT_NAME)) == same_text(job.fields[wire.PRODUCT_NAME])


def _concerns(name: str, only: Collection[str] | None) -> bool:
    return only is None or any(entry.startswith(f"{name}{CHILD}") for entry in only)


def _taken(sku: str, raw: Raw, refusal: SyncError | None) -> SyncError:
    said = "" if refusal is None else f" ({refusal.message})"
    return SyncError(
        errors.AMBIGUOUS,
        f"the SKU {sku} belongs to Framework360 product {raw[wire.ID]}{said}",
        field=f"{wire.VARIANTS}.{wire.SKU}",
        rule="one product per SKU",
    )
