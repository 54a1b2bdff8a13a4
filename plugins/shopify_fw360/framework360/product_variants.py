"""Variants of a product written as parameters: rows with their options, or flat for a product without variants."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shopify_fw360.errors import VALUE_INVALID, SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.canonical import same_sku
from shopify_fw360.framework360.product_body import ItemRow
from shopify_fw360.framework360.product_children import Child, Children
from shopify_fw360.framework360.product_codec import is_virtual, variants_of
from shopify_fw360.framework360.product_fields import VARIANT_IMAGE
from shopify_fw360.framework360.product_options import Pairs, derive_options
from shopify_fw360.records import Raw

ImageReference = Callable[[Any], Mapping[str, Any]]
"""Makes the parameters that name the image of a variant."""


@dataclass(frozen=True, slots=True)
class VariantParameters:
    """Variants ready to be sent.

    Args:
        body: parameters of the product.
        options: for each variant the option values that it is sent with, empty for a product without variants.
        stock: items of `products/updateStock`.
    """

    body: dict[str, Any]
    options: list[dict[str, str]]
    stock: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class VariantWriting:
    """What writing variants needs to know.

    Args:
        raw: the decoded product as it is, empty for a new one.
        item: encodes what can be sold.
        image: names the image of a variant.
        stock_apart: whether changes of the stock go through `products/updateStock`; new variants bring theirs along.
        fields: bare fields to be written, None for all that are wanted.
    """

    raw: Raw
    item: ItemRow
    image: ImageReference
    stock_apart: bool = False
    fields: Container[str] | None = None

    def write(self, children: Children) -> VariantParameters:
        """Write the complete list of variants.

        Args:
            children: the variants.

        Raises:
            SyncError: SYNC-202 for variants that do not fit each other, or values that break the contract.
        """
        if not children.all:
            raise SyncError(
                VALUE_INVALID, "a product has at least one variant", field=children.name, rule="options of a product"
            )
        _refuse_repeated_skus(children)
        pairs = [_pairs(child) for child in children.all]
        if len(pairs) == 1 and not pairs[0]:
            return self._flat(children)
        if not all(pairs):
            raise SyncError(
                VALUE_INVALID,
                "a product has either one variant without options, or variants with options",
                field=children.place(next((n for n, own in enumerate(pairs) if not own), 0), wire.ATTRIBUTES),
                rule="options of a product",
            )
        return self._rows(children, pairs)

    def _flat(self, children: Children) -> VariantParameters:
        child = children.all[0]
        there = self._there(child)
        stays = is_virtual(child.id) and there is not None
        wanted = self._wanted(child)
        row = self.item.of({} if stays else there or {}, wanted, children.place(0))
        # On a product without variants the key stands for the product itself.
        row.pop(wire.ACTIVE, None)
        stock = self._stock_of(child, row) if stays else None
        if self.raw and not stays:
            row |= {wire.ATTRIBUTES: [], wire.VARIANTS: []}
        return VariantParameters(row, [{}], [stock] if stock else [])

    def _rows(self, children: Children, pairs: Sequence[Pairs]) -> VariantParameters:
        options = derive_options(
            pairs,
            from_source=[child.source_id is not None for child in children.all],
            present=self.raw.get(wire.ATTRIBUTES, ()),
            place=lambda number: children.place(number, wire.ATTRIBUTES),
        )
        rows, stock = [], []
        for number, child in enumerate(children.all):
            there = self._there(child)
            wanted = self._wanted(child)
            row = self.item.of(there or {}, wanted, children.place(number))
            if there is not None and not is_virtual(child.id):
                row[wire.ID] = child.id
                item = self._stock_of(child, row)
                stock += [item] if item else []
            row[wire.ATTRIBUTES] = options.values[number]
            row[wire.POSITION] = number + 1
            known = {**(there or {}), **wanted}
            if VARIANT_IMAGE in wanted or known.get(VARIANT_IMAGE) is not None:
                row |= self.image(known[VARIANT_IMAGE])
            rows.append(row)
        return VariantParameters({wire.ATTRIBUTES: options.rows, wire.VARIANTS: rows}, options.values, stock)

    def _there(self, child: Child) -> Raw | None:
        return next((variant for variant in variants_of(self.raw) if variant[wire.ID] == child.id), None)

    def _wanted(self, child: Child) -> Mapping[str, Any]:
        if self.fields is None:
            return child.wanted
        return {name: value for name, value in child.wanted.items() if name in self.fields}

    def _stock_of(self, child: Child, row: dict[str, Any]) -> dict[str, Any] | None:
        """Take the stock of a known variant out of its row unless it is to be written there.

        The site sells while we write: what is not wanted must not be put back to what was read before.
        """
        quantity = row.pop(wire.QUANTITY, None)
        if quantity is None or wire.QUANTITY not in self._wanted(child):
            return None
        if not self.stock_apart:
            row[wire.QUANTITY] = quantity
            return None
        variant = {} if is_virtual(child.id) else {wire.STOCK_VARIANT: child.id}
        return {wire.ID: self.raw[wire.ID], **variant, wire.QUANTITY: quantity}


def only_stock(children: Children, raw: Raw) -> bool:
    """Whether nothing but the stock of known variants changes."""
    same = [child.id for child in children.all] == [variant[wire.ID] for variant in variants_of(raw)]
    return same and all(child.wanted.keys() <= {wire.QUANTITY, wire.POSITION} for child in children.all)


def skus_of(children: Children | None) -> list[str]:
    """Return the SKUs that the variants shall have, each once."""
    found = (_sku(child) for child in (children.all if children else ()))
    return list(dict.fromkeys(sku for sku in found if sku))


def _sku(child: Child) -> str | None:
    return same_sku({**(child.before or {}), **child.values, **child.wanted}.get(wire.SKU))


def _pairs(child: Child) -> Pairs:
    for place in (child.wanted, child.values, child.before or {}):
        found: Pairs | None = place.get(wire.ATTRIBUTES)
        if found is not None:
            return found
    return ()


def _refuse_repeated_skus(children: Children) -> None:
    seen: dict[str, int] = {}
    for number, child in enumerate(children.all):
        sku = _sku(child)
        twin = number if sku is None else seen.setdefault(sku, number)
        if twin != number:
            raise SyncError(
                VALUE_INVALID,
                f"the SKU {sku} is also that of {children.place(twin)}; a Framework360 site has each SKU once",
                field=children.place(number, wire.SKU),
                rule="one variant per SKU",
            )
