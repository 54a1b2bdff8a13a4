"""From the parameters of `products/create`, `products/update` or the page to the new state of a product.

The new state is built beside the old one and takes its place at once, so a refused write changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sandbox.common.catalogue import slug
from sandbox.framework360.errors import RefusedError
from sandbox.framework360.fetching import FetchError, Picture
from sandbox.framework360.goods import Product
from sandbox.framework360.html import tidied
from sandbox.framework360.item_values import EMPTY_ITEM, item_values
from sandbox.framework360.lookups import Lookups
from sandbox.framework360.options import Options
from sandbox.framework360.product_images import PlannedImages
from sandbox.framework360.product_variants import checked_attributes, merged_variants
from sandbox.framework360.store import Store

_TEXTS = ("descrizione_breve", "marca", "tipo", "seo_titolo", "seo_descrizione")


@dataclass(frozen=True, slots=True)
class Writing:
    """What a write needs to know.

    Args:
        store: the records.
        options: HTML rules and fields that are not writable.
        lookups: ids of taxes.
        pictures: the fetched images by URL.
        base_url: under which the site serves its images.
        now: time of the write.
    """

    store: Store
    options: Options
    lookups: Lookups
    pictures: Mapping[str, Picture | FetchError]
    base_url: str
    now: datetime


def stored_keys(parameters: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Return the parameters without the fields this site never stores, those of variants included."""
    stored = {key: value for key, value in parameters.items() if key not in options.not_writable}
    if "varianti" in stored:
        stored["varianti"] = [
            {key: value for key, value in row.items() if key not in options.not_writable} for row in stored["varianti"]
        ]
    return stored


def changed_product(parameters: Mapping[str, Any], before: Product | None, writing: Writing) -> Product:
    """Build the new state of a product; nothing is stored but the fetched images.

    Args:
        parameters: keys of the contract that keep its schema; absent keys keep their value.
        before: the stored state, None for a new product.
        writing: see there.

    Returns:
        The product, with ids for everything new.

    Raises:
        RefusedError: a value the site does not take.
    """
    given = stored_keys(parameters, writing.options)
    product = before or Product(id=writing.store.next_id("product"), nome="", created=writing.now, modified=writing.now)
    images = PlannedImages(product, given.get("immagini"), writing.pictures)
    attributes = checked_attributes(given["attributi"]) if "attributi" in given else product.attributi
    variants = merged_variants(product, attributes, given.get("varianti"), images, writing.base_url, writing.store)
    texts = _texts(given, product, writing)
    sold_before = None if before is None or before.varianti else before
    own = EMPTY_ITEM if variants else item_values(given, sold_before, "prodotto")
    result = replace(product, **texts, **own, attributi=attributes, modified=writing.now, _haystack=None)
    _check_skus(result.id, [entry.sku for entry in variants] or [result.sku], writing.store)
    image_ids = images.stored(writing.store.library)
    result.immagini = images.shown(image_ids)
    kept = {entry.id for entry in result.immagini}
    result.varianti = tuple(entry.numbered(writing.store, image_ids, kept) for entry in variants)
    return result


def _texts(given: Mapping[str, Any], product: Product, writing: Writing) -> dict[str, Any]:
    """Return every value that is neither an image, an option, a variant nor part of `Item`."""
    values: dict[str, Any] = {key: (given[key] or "").strip() for key in _TEXTS if key in given}
    if "nome" in given:
        values["nome"] = given["nome"].strip()
        if len(values["nome"]) < 2:
            raise RefusedError("invalid_field", "nome troppo corto")
    if "descrizione" in given:
        text = given["descrizione"] or ""
        values["descrizione"] = tidied(text) if writing.options.html == "tidied" else text
    wanted = slug(given.get("slug") or "") if "slug" in given else product.slug
    wanted = wanted or slug(values.get("nome", product.nome)) or "prodotto"
    values["slug"] = writing.store.goods.free_slug(wanted, product.id)
    if "attivo" in given:
        values["attivo"] = bool(given["attivo"])
    if "imposta" in given:
        values["imposta"] = writing.lookups.tax(given["imposta"])
    if "categorie" in given:
        values["categorie"] = _categories(given["categorie"], writing.store)
    if "tags" in given:
        values["tags"] = tuple(dict.fromkeys(tag.strip() for tag in given["tags"] if tag.strip()))
    if "extraFields" in given:
        extra = given["extraFields"]
        merged = {**(product.extra or {}), **extra} if isinstance(extra, dict) else {}
        values["extra"] = {key: value for key, value in merged.items() if value != ""} or None
    return values


def _categories(given: Iterable[Any], store: Store) -> tuple[int, ...]:
    found = tuple(dict.fromkeys(int(entry) for entry in given))
    unknown = next((entry for entry in found if entry not in store.goods.categories), None)
    if unknown is not None:
        raise RefusedError("invalid_field", f"categorie: {unknown} non esiste")
    return found


def _check_skus(product_id: int, skus: Iterable[str], store: Store) -> None:
    seen: set[str] = set()
    for sku in filter(None, skus):
        owner = store.goods.owner(sku)
        if sku in seen or (owner is not None and owner[0].id != product_id):
            raise RefusedError("duplicate_sku", sku)
        seen.add(sku)
