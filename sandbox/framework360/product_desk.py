"""The back office pages of products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sandbox.common.pages import FormError, FormField, Sheet, Words
from sandbox.framework360.answers import Answers
from sandbox.framework360.errors import RefusedError
from sandbox.framework360.goods import Item, Product, Variant
from sandbox.framework360.lookups import Lookups
from sandbox.framework360.options import Options
from sandbox.framework360.product_changes import Writing, changed_product

if TYPE_CHECKING:
    from sandbox.framework360.server import Framework360Backend

_PRODUCT = (
    FormField("nome", "Name (nome)", group="Product", required=True),
    FormField("marca", "Brand (marca)", group="Product"),
    FormField("tags", "Tags, separated by commas", group="Product"),
    FormField("attivo", "Published (attivo)", "checkbox", group="Product"),
    FormField("descrizione", "Description, HTML (descrizione)", "textarea", group="Product"),
)
_ITEM = (
    ("sku", "SKU"),
    ("prezzo", "Price (prezzo)"),
    ("prezzo_promo", "Offer (prezzo_promo)"),
    ("quantita", "Stock (quantita)"),
)
_REASONS = {"duplicate_sku": "Another product has this SKU", "invalid_field": "This cannot be stored"}

Values = Mapping[str, str | tuple[str, ...]]


class ProductSection:
    """Products of the Framework360 site."""

    words = Words("products", "product", "products", "Name, SKU, barcode, id", "Delete product", "Product deleted.")
    columns: Sequence[str] = (
        "Id", "Name", "SKU", "Brand", "Price", "Stock", "Variants", "Images", "Published", "Changed",
    )  # fmt: skip

    def __init__(self, backend: Framework360Backend) -> None:
        self._backend = backend

    def fields(self, record_id: str | None) -> Sequence[FormField]:
        """Return the inputs of the form: those of the product, then price and stock of each variant."""
        product = self._find(record_id) if record_id else None
        if product is None or not product.varianti:
            return (*_PRODUCT, *(FormField(name, label, group="Price and stock") for name, label in _ITEM))
        variants = (
            FormField(f"{variant.id}.{name}", label, group=_title(variant))
            for variant in product.varianti
            for name, label in _ITEM
        )
        return (*_PRODUCT, *variants)

    def search(self, text: str, page: int, size: int) -> tuple[Sequence[tuple[str, Sequence[str]]], int]:
        """Return one page of products, newest first."""
        goods = self._backend.store.goods
        ids = list(goods.matching(text)) if text else goods.ids
        stop = len(ids) - (page - 1) * size
        shown = ids[max(0, stop - size) : max(0, stop)]
        return [(str(found), self._cells(goods.products[found])) for found in reversed(shown)], len(ids)

    def read(self, record_id: str) -> Sheet | None:
        """Return one product."""
        product = self._find(record_id)
        if product is None:
            return None
        store = self._backend.store
        categories = (store.goods.categories[found].nome for found in product.categorie)
        facts = (
            ("Id", str(product.id)),
            ("Slug", product.slug),
            ("Type (tipo)", product.tipo),
            ("Categories (categorie)", ", ".join(categories)),
            ("Tax (imposta)", product.imposta),
            *((f"Option {entry.nome}", ", ".join(entry.valori)) for entry in product.attributi),
            ("Created (data_creazione)", self._time(product.created)),
            ("Changed (data_modifica)", self._time(product.modified)),
        )
        pictures = tuple(store.library.address(image.id, "") for image in product.immagini)
        return Sheet(product.nome, _values(product), facts, pictures=pictures)

    def create(self, values: Values) -> str:
        """Create a product without variants."""
        return self._store(values, None)

    def update(self, record_id: str, values: Values) -> None:
        """Store the form, so far as it differs from what is stored."""
        product = self._find(record_id)
        if product is None:
            raise FormError("This product has been deleted meanwhile.")
        self._store(values, product)

    def delete(self, record_id: str) -> None:
        """Delete a product; its images stay in the media library."""
        product = self._find(record_id)
        if product is None:
            raise FormError("This product has been deleted meanwhile.")
        self._backend.store.remove_product(product)
        self._backend.announce()

    def _store(self, values: Values, before: Product | None) -> str:
        known = _values(before) if before else {}
        edited = {name: value for name, value in values.items() if value != known.get(name, "")}
        parameters: dict[str, Any] = {name: edited[name] for name in ("nome", "marca", "descrizione") if name in edited}
        if before is None or "attivo" in edited:
            parameters["attivo"] = int("1" in values["attivo"])
        if "tags" in edited:
            parameters["tags"] = str(edited["tags"]).split(",")
        if before is not None and before.varianti:
            rows = [
                {"id": entry.id, "attributi": entry.attributi, **_item(edited, f"{entry.id}.", _title(entry))}
                for entry in before.varianti
            ]
            if any(len(row) > 2 for row in rows):
                parameters["varianti"] = rows
        else:
            parameters |= _item(edited, "", "")
        options = Options()
        store = self._backend.store
        writing = Writing(store, options, Lookups(options), {}, "", datetime.now(UTC))
        try:
            product = changed_product({"nome": "", **parameters} if before is None else parameters, before, writing)
        except RefusedError as refused:
            raise FormError(f"{_REASONS.get(refused.code, refused.code)}: {refused.detail}") from refused
        store.put_product(product)
        self._backend.announce()
        return str(product.id)

    def _find(self, record_id: str) -> Product | None:
        return self._backend.store.goods.products.get(int(record_id)) if record_id.isdecimal() else None

    def _cells(self, product: Product) -> tuple[str, ...]:
        items = product.items()
        prices = sorted({item.selling_price for item in items})
        counted = [item.quantita for item in items if item.gestione_magazzino]
        return (
            str(product.id),
            product.nome,
            items[0].sku,
            product.marca,
            str(prices[0]) if len(prices) == 1 else f"{prices[0]} - {prices[-1]}",
            str(sum(counted)) if counted else "not counted",
            str(len(product.varianti)),
            str(len(product.immagini)),
            "yes" if product.attivo else "no",
            self._time(product.modified),
        )

    def _time(self, value: datetime) -> str:
        return Answers(self._backend.switches).time(value)


def _item(edited: Values, prefix: str, title: str) -> dict[str, Any]:
    """Return the keys of the contract that were edited in one group of the form."""
    where = f" of {title}" if title else ""
    changes: dict[str, Any] = {}
    if f"{prefix}sku" in edited:
        changes["sku"] = edited[f"{prefix}sku"]
    for name, label in (("prezzo", "price"), ("prezzo_promo", "offer")):
        text = str(edited.get(f"{prefix}{name}", "")).replace(",", ".")
        if text:
            changes[name] = _amount(text, f"The {label}{where}")
        elif f"{prefix}{name}" in edited:
            changes[name] = None if name == "prezzo_promo" else 0
    if f"{prefix}quantita" in edited:
        text = str(edited[f"{prefix}quantita"])
        if text and not text.removeprefix("-").isdecimal():
            raise FormError(f"The stock{where} is a whole number, or empty when it is not counted.")
        changes |= {"quantita": int(text or 0), "gestione_magazzino": int(bool(text))}
    return changes


def _amount(text: str, what: str) -> str:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise FormError(f"{what} is an amount like 12.50.")
    return text


def _title(variant: Variant) -> str:
    return " / ".join(variant.attributi.values())


def _values(product: Product) -> dict[str, str | tuple[str, ...]]:
    values: dict[str, str | tuple[str, ...]] = {
        "nome": product.nome,
        "marca": product.marca,
        "tags": ", ".join(product.tags),
        "attivo": ("1",) if product.attivo else (),
        "descrizione": product.descrizione,
    }
    if not product.varianti:
        return values | _item_values(product, "")
    for variant in product.varianti:
        values |= _item_values(variant, f"{variant.id}.")
    return values


def _item_values(item: Item, prefix: str) -> dict[str, str | tuple[str, ...]]:
    return {
        f"{prefix}sku": item.sku,
        f"{prefix}prezzo": str(item.prezzo),
        f"{prefix}prezzo_promo": "" if item.prezzo_promo is None else str(item.prezzo_promo),
        f"{prefix}quantita": str(item.quantita) if item.gestione_magazzino else "",
    }
