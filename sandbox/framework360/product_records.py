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
    empty, record_id = answers.no_text, answers.record_id
    record: dict[str, Any] = {
        "id": record_id(product.id),
        "nome": product.nome,
        "descrizione": product.descrizione or empty,
        "descrizione_breve": product.descrizione_breve or empty,
        "slug": product.slug,
        "url": f"{base_url}/{product.slug}",
        "attivo": answers.flags[product.attivo],
        "marca": product.marca or empty,
        "tipo": product.tipo or empty,
        "categorie": [answers.reference(found) for found in product.categorie],
        "tags": product.tags,
        "imposta": lookups.tax_id(product.imposta),
        "immagini": [
            {
                "id": record_id(image.id),
                "url": library.address(image.id, base_url),
                "alt": image.alt or empty,
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
        "seo_titolo": product.seo_titolo or empty,
        "seo_descrizione": product.seo_descrizione or empty,
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
    image = variant.immagine_id
    record = _item(variant, answers)
    record["id"] = answers.record_id(variant.id)
    record["attributi"] = variant.attributi
    record["immagine_id"] = None if image is None else answers.reference(image)
    record["attivo"] = answers.flags[variant.attivo]
    record["posizione"] = position
    return record


def _item(item: Item, answers: Answers) -> dict[str, Any]:
    money, flags, empty = answers.money, answers.flags, answers.no_text
    promo, cost = item.prezzo_promo, item.prezzo_acquisto
    return {
        "sku": item.sku or empty,
        "ean": item.ean or empty,
        "prezzo": money(item.prezzo),
        "prezzo_promo": None if promo is None else money(promo),
        "prezzo_acquisto": None if cost is None else money(cost),
        "gestione_magazzino": flags[item.gestione_magazzino],
        "quantita": item.quantita,
        "vendi_senza_giacenza": flags[item.vendi_senza_giacenza],
        "peso": item.peso,
    }
