"""Products, variants and categories as the API shows them."""

from __future__ import annotations

from typing import Any

from sandbox.framework360.answers import Answers
from sandbox.framework360.goods import Category, Item, Product, Variant
from sandbox.framework360.library import Library
from sandbox.framework360.lookups import Lookups


def product_record(
    product: Product, answers: Answers, lookups: Lookups, library: Library, base_url: str
) -> dict[str, Any]:
    """Word a product as `products/get` and the list show it; its images are served under `base_url`."""
    text, record_id = answers.text, answers.record_id
    record: dict[str, Any] = {
        "id": record_id(product.id),
        "nome": product.nome,
        "descrizione": text(product.descrizione),
        "descrizione_breve": text(product.descrizione_breve),
        "slug": product.slug,
        "url": f"{base_url}/{product.slug}",
        "attivo": answers.flag(product.attivo),
        "marca": text(product.marca),
        "tipo": text(product.tipo),
        "categorie": [answers.reference(found) for found in product.categorie],
        "tags": product.tags,
        "imposta": lookups.tax_id(product.imposta),
        "immagini": [
            {
                "id": record_id(image.id),
                "url": library.address(image.id, base_url),
                "alt": text(image.alt),
                "posizione": position,
            }
            for position, image in enumerate(product.immagini, start=1)
        ],
        "attributi": [
            {"nome": entry.nome, "valori": entry.valori, "posizione": position}
            for position, entry in enumerate(product.attributi, start=1)
        ],
        "varianti": [
            _variant(variant, position, answers) for position, variant in enumerate(product.varianti, start=1)
        ],
        "seo_titolo": text(product.seo_titolo),
        "seo_descrizione": text(product.seo_descrizione),
        "extraFields": answers.custom_fields(product.extra),
    }
    if not product.varianti:
        record |= _item(product, answers)
    if answers.shows_times:
        record["data_creazione"] = answers.time(product.created)
        record["data_modifica"] = answers.time(product.modified)
    return record


def category_record(category: Category, answers: Answers) -> dict[str, Any]:
    """Word a category."""
    return {
        "id": answers.record_id(category.id),
        "nome": category.nome,
        "parent_id": None if category.parent is None else answers.record_id(category.parent),
        "slug": category.slug,
    }


def _variant(variant: Variant, position: int, answers: Answers) -> dict[str, Any]:
    return {
        "id": answers.record_id(variant.id),
        "attributi": variant.attributi,
        **_item(variant, answers),
        "immagine_id": None if variant.immagine_id is None else answers.reference(variant.immagine_id),
        "attivo": answers.flag(variant.attivo),
        "posizione": position,
    }


def _item(item: Item, answers: Answers) -> dict[str, Any]:
    money, flag = answers.money, answers.flag
    return {
        "sku": answers.text(item.sku),
        "ean": answers.text(item.ean),
        "prezzo": money(item.prezzo),
        "prezzo_promo": None if item.prezzo_promo is None else money(item.prezzo_promo),
        "prezzo_acquisto": None if item.prezzo_acquisto is None else money(item.prezzo_acquisto),
        "gestione_magazzino": flag(item.gestione_magazzino),
        "quantita": item.quantita,
        "vendi_senza_giacenza": flag(item.vendi_senza_giacenza),
        "peso": item.peso,
    }
