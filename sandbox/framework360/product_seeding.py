"""Products of the seed as products of the site."""

from __future__ import annotations

from sandbox.common.backend import Seed
from sandbox.common.catalogue import CatalogueProduct, CatalogueVariant, counterpart, iter_catalogue, slug
from sandbox.framework360.goods import DEFAULT_TAX, Attribute, Category, Product, ProductImage, Variant
from sandbox.framework360.store import Store


def add_products(store: Store, seed: Seed) -> None:
    """Fill a store with the products of the seed that are known in Framework360."""
    categories: dict[tuple[str, ...], int] = {}
    for product in iter_catalogue(seed.seed, seed.products, seed.population, seed.variants_per_product):
        if product.in_framework360:
            _add(store, counterpart(product), categories)


def _add(store: Store, known: CatalogueProduct, categories: dict[tuple[str, ...], int]) -> None:
    images = tuple(ProductImage(store.library.draw(image.key, image.name), image.alt) for image in known.images)
    product = Product(
        id=store.next_id("product"),
        nome=known.title,
        descrizione=known.html,
        slug=known.handle,
        attivo=known.status == "active",
        marca=known.vendor,
        tipo=known.kind,
        categorie=(_category(store, known.category, categories),),
        tags=known.tags,
        imposta="10" if known.category[0] == "Alimentari" else DEFAULT_TAX,
        immagini=images,
        attributi=tuple(Attribute(option.name, option.values) for option in known.options),
        seo_titolo=known.seo_title,
        seo_descrizione=known.seo_description,
        extra={"stagione": "2026"} if known.index % 10 == 0 else None,
        created=known.created_at,
        modified=known.updated_at,
    )
    names = [option.name for option in known.options]
    if not names:
        _price(product, known.variants[0], store)
    else:
        product.varianti = tuple(_variant(store, names, variant, images) for variant in known.variants)
    store.put_product(product)


def _variant(store: Store, names: list[str], known: CatalogueVariant, images: tuple[ProductImage, ...]) -> Variant:
    image = known.image if known.image is not None and known.image < len(images) else None
    variant = Variant(
        id=store.next_id("variant"),
        attributi=dict(zip(names, known.values, strict=True)),
        immagine_id=None if image is None else images[image].id,
    )
    _price(variant, known, store)
    return variant


def _price(item: Product | Variant, known: CatalogueVariant, store: Store) -> None:
    sku = known.sku.strip()
    item.sku = "" if store.goods.owner(sku) else sku  # a SKU Shopify has twice: here the first keeps it
    item.ean = known.barcode
    item.prezzo = known.compare_at or known.price
    item.prezzo_promo = known.price if known.compare_at else None
    item.prezzo_acquisto = known.cost
    item.gestione_magazzino = known.tracked
    item.quantita = known.quantity
    item.vendi_senza_giacenza = known.oversell
    item.peso = None if known.weight is None else float(known.weight)


def _category(store: Store, names: tuple[str, ...], categories: dict[tuple[str, ...], int]) -> int:
    """Return the id of a category, created with those above it when it is new."""
    known = categories.get(names)
    if known is not None:
        return known
    parent = _category(store, names[:-1], categories) if len(names) > 1 else None
    category = Category(store.next_id("category"), names[-1], parent, slug(names[-1]))
    store.goods.categories[category.id] = category
    categories[names] = category.id
    return category.id
