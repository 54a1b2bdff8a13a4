"""Products, variants and categories in memory, found by id, SKU and text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

DEFAULT_TAX = "default"


@dataclass(slots=True, kw_only=True)
class Item:
    """What can be sold and counted: a variant, or a product without variants. Empty text means no value.

    Args:
        sku: trimmed, unique on the site.
        ean: barcode.
        prezzo: list price; `prezzo_promo` is the lower price of an offer, `prezzo_acquisto` the cost.
        gestione_magazzino: `quantita` is counted.
        vendi_senza_giacenza: may be sold without stock.
        peso: kilograms.
    """

    sku: str = ""
    ean: str = ""
    prezzo: Decimal = Decimal("0.00")
    prezzo_promo: Decimal | None = None
    prezzo_acquisto: Decimal | None = None
    gestione_magazzino: bool = False
    quantita: int = 0
    vendi_senza_giacenza: bool = False
    peso: float | None = None

    @property
    def selling_price(self) -> Decimal:
        """What a customer pays for one."""
        return self.prezzo if self.prezzo_promo is None else self.prezzo_promo


@dataclass(slots=True, kw_only=True)
class Variant(Item):
    """One variant; `attributi` maps each option name to its value, `immagine_id` is one of the product's images."""

    id: int
    attributi: dict[str, str]
    immagine_id: int | None = None
    attivo: bool = True


@dataclass(frozen=True, slots=True)
class Attribute:
    """One option with its values in order."""

    nome: str
    valori: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductImage:
    """An image of the media library as one product shows it."""

    id: int
    alt: str


@dataclass(slots=True, kw_only=True)
class Product(Item):
    """One product; with variants, its own `Item` values stay at their defaults.

    Args:
        attivo: published.
        imposta: key of a tax in `lookups.TAXES`, or "default".
        immagini: first is the main image.
        extra: custom fields; None for none.
    """

    id: int
    nome: str
    descrizione: str = ""
    descrizione_breve: str = ""
    slug: str = ""
    attivo: bool = True
    marca: str = ""
    tipo: str = ""
    categorie: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    imposta: str = DEFAULT_TAX
    immagini: tuple[ProductImage, ...] = ()
    attributi: tuple[Attribute, ...] = ()
    varianti: tuple[Variant, ...] = ()
    seo_titolo: str = ""
    seo_descrizione: str = ""
    extra: dict[str, Any] | None = None
    created: datetime
    modified: datetime
    _haystack: str | None = field(default=None, repr=False, compare=False)

    def items(self) -> tuple[Item, ...]:
        """Return what can be sold: the variants, or the product itself."""
        return self.varianti or (self,)

    def variant(self, variant_id: int) -> Variant | None:
        """Return one variant."""
        return next((entry for entry in self.varianti if entry.id == variant_id), None)

    def contains(self, needle: str) -> bool:
        """Tell whether the case-folded text occurs in name, brand, type, SKUs, barcodes or id."""
        if self._haystack is None:
            codes = (code for item in self.items() for code in (item.sku, item.ean))
            self._haystack = "\n".join((self.nome, self.marca, self.tipo, str(self.id), *codes)).casefold()
        return needle in self._haystack

    def touched(self, now: datetime) -> None:
        """Note a change at `now`."""
        self.modified = now
        self._haystack = None


@dataclass(frozen=True, slots=True)
class Category:
    """One category; `parent` is the id of the one above, None at the top."""

    id: int
    nome: str
    parent: int | None
    slug: str


class Goods:
    """All products and categories of one site."""

    def __init__(self) -> None:
        self.products: dict[int, Product] = {}
        self.ids: list[int] = []
        self.categories: dict[int, Category] = {}
        self._by_sku: dict[str, tuple[int, int | None]] = {}
        self._slugs: dict[str, int] = {}

    def put(self, product: Product) -> None:
        """Store a new product, whose id is the highest so far, or the new state of a known one."""
        before = self.products.get(product.id)
        if before is None:
            self.ids.append(product.id)
        else:
            self._unindex(before)
        self.products[product.id] = product
        self._slugs[product.slug] = product.id
        if product.sku:
            self._by_sku[product.sku] = (product.id, None)
        for variant in product.varianti:
            if variant.sku:
                self._by_sku[variant.sku] = (product.id, variant.id)

    def remove(self, product: Product) -> None:
        """Delete a product; its images stay in the media library."""
        self._unindex(product)
        del self.products[product.id]
        del self.ids[bisect_left(self.ids, product.id)]

    def owner(self, sku: str) -> tuple[Product, Variant | None] | None:
        """Return product and variant with this SKU, compared exactly after trimming."""
        found = self._by_sku.get(sku.strip())
        if found is None:
            return None
        product = self.products[found[0]]
        return product, None if found[1] is None else product.variant(found[1])

    def free_slug(self, wanted: str, product_id: int) -> str:
        """Return the slug, with a number behind it when another product has it."""
        slug, number = wanted, 2
        while self._slugs.get(slug, product_id) != product_id:
            slug, number = f"{wanted}-{number}", number + 1
        return slug

    def matching(self, text: str) -> Iterator[int]:
        """Yield the ids of the products that contain the text, ascending."""
        needle = text.casefold()
        return (found for found in self.ids if self.products[found].contains(needle))

    def _unindex(self, product: Product) -> None:
        self._slugs.pop(product.slug, None)
        for item in product.items():
            self._by_sku.pop(item.sku, None)
