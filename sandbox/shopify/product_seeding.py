"""Fills a shop with the shared catalogue's products that live in Shopify."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from sandbox.common.catalogue import CatalogueProduct, CatalogueVariant, iter_catalogue
from sandbox.common.catalogue_words import KINDS
from sandbox.shopify.mutations.customer_rules import clean_tags
from sandbox.shopify.product_records import default_options, handle_of
from sandbox.shopify.shop import LOCATIONS, PUBLICATIONS, Shop
from sandbox.shopify.table import Record
from sandbox.shopify.times import micros

COLLECTIONS = ("Novità", "Saldi", "Fatto a mano")
Rows = dict[str, list[Record]]


def fill_products(shop: Shop) -> None:
    """Load the catalogue of the shop's seed."""
    seed = shop.seed
    moment = shop.clock.now()
    # Shopify: the taxonomy is the same for all shops, also for an empty one.
    shop.categories.update((category_id(kind.category), " > ".join(kind.category)) for kind in KINDS)
    collections: list[Record] = [
        {"num": shop.number(), "title": title, "handle": handle_of(title), "createdAt": moment, "updatedAt": moment}
        for title in COLLECTIONS
    ]
    shop.collections.load({**record, "publications": {}, "descriptionHtml": ""} for record in collections)
    numbers: list[int] = [record["num"] for record in collections]
    rows: Rows = {"products": [], "variants": [], "items": [], "media": []}
    for product in iter_catalogue(seed.seed, seed.products, seed.population, seed.variants_per_product):
        if product.in_shopify:
            _add(shop, rows, product, numbers)
            if len(rows["products"]) >= 1_000:
                _load(shop, rows)
    _load(shop, rows)


def _load(shop: Shop, rows: Rows) -> None:
    for name, table in (
        ("products", shop.products),
        ("variants", shop.variants),
        ("items", shop.items),
        ("media", shop.media),
    ):
        table.load(rows[name])
        rows[name].clear()


def category_id(names: tuple[str, ...]) -> str:
    """Return the taxonomy id of a category path; the same path always has the same id."""
    return f"gid://shopify/TaxonomyCategory/{zlib.crc32(' > '.join(names).encode())}"


def _add(shop: Shop, rows: Rows, product: CatalogueProduct, collections: list[int]) -> None:
    number = shop.number()
    created, updated = micros(product.created_at), micros(product.updated_at)
    times = {"createdAt": created, "updatedAt": updated}
    options = [
        {
            "num": shop.number(),
            "name": option.name,
            "values": [{"num": shop.number(), "name": value} for value in option.values],
        }
        for option in product.options
    ] or default_options(shop.number(), shop.number())
    media = list(_media(shop, product, number, times))
    rows["media"] += media
    variants = []
    for position, variant in enumerate(product.variants, 1):
        record, item = _variant(shop, variant, number, options, times)
        record["position"] = position
        if variant.image is not None:
            record["media"] = [media[variant.image]["num"]]
        rows["variants"].append(record)
        rows["items"].append(item)
        variants.append(record["num"])
    live = product.status == "active"
    rows["products"].append(
        {
            "num": number,
            "title": product.title,
            "handle": product.handle,
            "descriptionHtml": product.html,
            "vendor": product.vendor,
            "productType": product.kind,
            "category": category_id(product.category) if product.category else None,
            "tags": clean_tags(product.tags),
            "status": product.status.upper(),
            "seo": {"title": product.seo_title or None, "description": product.seo_description or None},
            "options": options,
            "variants": variants,
            "media": [medium["num"] for medium in media],
            "collections": [collections[product.index % len(collections)]] if product.index % 4 == 0 else [],
            "publications": {str(publication): created for publication in PUBLICATIONS} if live else {},
            **times,
        }
    )


def _media(shop: Shop, product: CatalogueProduct, number: int, times: dict[str, int]) -> Iterator[Record]:
    for image in product.images:
        yield {
            "num": shop.number(),
            "alt": image.alt,
            "filename": image.name,
            "picture": image.key,
            "source": "",
            "status": "READY",
            "mimeType": "image/png",
            "width": 120,
            "height": 120,
            "products": [number],
            "version": times["createdAt"] // 1_000_000,
            **times,
        }


def _variant(
    shop: Shop, variant: CatalogueVariant, product: int, options: list[Record], times: dict[str, int]
) -> tuple[Record, Record]:
    number, item = shop.number(), shop.number()
    chosen = [
        next(value["num"] for value in option["values"] if value["name"] == name)
        for option, name in zip(options, variant.values, strict=False)
    ] or [options[0]["values"][0]["num"]]
    first, second = LOCATIONS
    at_second = max(0, variant.quantity) // 3 if number % 3 == 0 else 0
    level = {"committed": 0, "incoming": 0, "active": True, **times}
    levels = {str(first): {**level, "available": variant.quantity - at_second}}
    if at_second:
        levels[str(second)] = {**level, "available": at_second}
    sku = variant.sku or None
    return (
        {
            "num": number,
            "product": product,
            "item": item,
            "values": chosen,
            "sku": sku,
            "barcode": variant.barcode or None,
            "price": f"{variant.price:.2f}",
            "compareAtPrice": None if variant.compare_at is None else f"{variant.compare_at:.2f}",
            "taxable": True,
            "inventoryPolicy": "CONTINUE" if variant.oversell else "DENY",
            "media": [],
            **times,
        },
        {
            "num": item,
            "variant": number,
            "sku": sku,
            "tracked": variant.tracked,
            "requiresShipping": True,
            "cost": None if variant.cost is None else f"{variant.cost:.2f}",
            "weight": None if variant.weight is None else {"unit": "KILOGRAMS", "value": float(variant.weight)},
            "levels": levels,
            **times,
        },
    )
