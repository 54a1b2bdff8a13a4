"""Fields of a product and of what is sold of it, written as parameters of `products/create` and `products/update`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from shopify_fw360.errors import REQUIRED_MISSING, VALUE_INVALID, SyncError
from shopify_fw360.framework360 import params, wire
from shopify_fw360.framework360.canonical import CENT, half_up
from shopify_fw360.framework360.categories import Categories
from shopify_fw360.framework360.product_codec import at_site
from shopify_fw360.framework360.product_fields import CATEGORY
from shopify_fw360.framework360.taxes import PriceEdge
from shopify_fw360.records import Raw

_TEXTS: Final = frozenset({wire.DESCRIPTION, *wire.PRODUCT_PLAIN_TEXTS})
_ITEM_FLAGS: Final = (wire.TRACKED, wire.OVERSELL, wire.ACTIVE)
_SHORTEST_NAME: Final = 2


class ProductBody:
    """Encodes the fields of a product that are not children.

    Args:
        categories: finds and creates categories.
    """

    def __init__(self, categories: Categories) -> None:
        self._categories = categories

    def of(self, fields: Mapping[str, Any], present: Raw) -> tuple[dict[str, Any], int]:
        """Write fields as parameters.

        Args:
            fields: values by target field; None empties a field that can be emptied and skips the others.
            present: the decoded product as it is, empty for a new one.

        Returns:
            The parameters, and the number of calls made for categories.

        Raises:
            SyncError: SYNC-202 for values that break the contract; else as `Categories.id_of`.
        """
        body: dict[str, Any] = {}
        calls = 0
        for name, value in fields.items():
            if name == CATEGORY:
                body[wire.CATEGORIES], made = self._category_ids(value, present)
                calls += made
            elif name in _TEXTS:
                body[name] = params.text(name, value)
            elif name.startswith(wire.EXTRA_PREFIX):
                key = name.removeprefix(wire.EXTRA_PREFIX)
                body.setdefault(wire.EXTRA_FIELDS, {})[key] = params.text(name, value)
            elif name == wire.TAGS:
                body[name] = params.texts(name, value)
            elif value is not None:
                body |= _never_emptied(name, value)
        return body, calls

    def _category_ids(self, path: str | None, present: Raw) -> tuple[list[str], int]:
        """Return ids with the main category first; further ones stay, since only the main one is synchronised."""
        others = list(present.get(wire.CATEGORIES, ()))[1:]
        if not path:
            return others, 0
        main, calls = self._categories.id_of(path)
        return [main, *(other for other in others if other != main)], calls


def for_creation(body: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty, since there is nothing to empty yet.

    Raises:
        SyncError: SYNC-201 without a name.
    """
    if wire.PRODUCT_NAME not in body:
        raise SyncError(
            REQUIRED_MISSING,
            "Framework360 creates no product without it",
            field=wire.PRODUCT_NAME,
            rule="products/create",
        )
    extra = {key: text for key, text in body.get(wire.EXTRA_FIELDS, {}).items() if text}
    kept = {key: value for key, value in body.items() if value not in ("", []) and key != wire.EXTRA_FIELDS}
    return kept | ({wire.EXTRA_FIELDS: extra} if extra else {})


def _never_emptied(name: str, value: Any) -> dict[str, Any]:
    if name == wire.ACTIVE:
        return {name: int(params.flag(name, value))}
    if name not in (wire.PRODUCT_NAME, wire.SLUG, wire.TAX):
        raise SyncError(VALUE_INVALID, "Framework360 products have no such field", field=name, rule="target fields")
    written = params.text(name, value).strip()
    if written and name == wire.PRODUCT_NAME and len(written) < _SHORTEST_NAME:
        raise SyncError(
            VALUE_INVALID,
            f"Framework360 takes names of {_SHORTEST_NAME} or more characters",
            field=name,
            rule="length of names",
        )
    return {name: written} if written else {}


class ItemRow:
    """Encodes what can be sold: a variant, or a product without variants.

    Args:
        prices: converts prices to those of the site.
        tax: id of the product's tax.
    """

    def __init__(self, prices: PriceEdge, tax: str) -> None:
        self._prices = prices
        self._tax = tax

    def of(self, present: Raw, wanted: Mapping[str, Any], place: str) -> dict[str, Any]:
        """Write a complete item.

        Args:
            present: decoded variant as it is, empty for a new one.
            wanted: new values by bare field.
            place: names the item in errors, for example ``varianti[2]``.

        Returns:
            Parameters; a field that is neither wanted nor filled is left out and keeps its value.

        Raises:
            SyncError: SYNC-202 for values that break the contract.
        """
        row: dict[str, Any] = {}
        for name in (*wire.ITEM_KEYS, wire.ACTIVE):
            if name in wanted:
                row |= self._written(name, wanted[name], f"{place}.{name}")
            elif name in wire.TAXED_PRICES and at_site(name) in present:
                row[name] = _money(present[at_site(name)])
            elif present.get(name) is not None:
                row |= self._written(name, present[name], f"{place}.{name}")
        return row

    def as_read(self, name: str, value: Any) -> Any:
        """Return how a value would read back once the site holds it: prices may move by a cent on the way."""
        if name not in wire.TAXED_PRICES or value is None:
            return value
        return self._prices.to_shop(self._prices.to_site(params.amount(name, value), self._tax), self._tax)

    def _written(self, name: str, value: Any, field: str) -> dict[str, Any]:
        if name in (wire.SKU, wire.EAN):
            return {name: params.text(field, value).strip()}
        if value is None:
            return {name: None} if name in (wire.OFFER, wire.COST, wire.WEIGHT) else {}
        if name in _ITEM_FLAGS:
            return {name: int(params.flag(field, value))}
        if name == wire.QUANTITY:
            return {name: params.whole(field, value)}
        amount = params.amount(field, value)
        if amount < 0:
            raise SyncError(VALUE_INVALID, "an amount of 0 or more is needed", field=field, rule="amount")
        if name == wire.WEIGHT:
            return {name: float(amount)}
        return {name: _money(self._prices.to_site(amount, self._tax) if name in wire.TAXED_PRICES else amount)}


def _money(amount: Decimal) -> str:
    return str(half_up(amount, CENT))
