"""Products with data that hurts, the same for both systems.

`catalogue(seed, n)` is the beginning of `catalogue(seed, m)` for every m > n, so a bigger sandbox holds the smaller
one. Some products share a SKU, as Shopify allows; where SKUs are unique, whoever seeds drops the repeats.
"""

from __future__ import annotations

import itertools
import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from sandbox.common.backend import Population
from sandbox.common.catalogue_words import COLOURS, HUGE_HTML, KINDS, MATERIALS, ODD_HTML, ODD_TITLES, SIZES, TAGS
from sandbox.common.people import EPOCH

Status = Literal["active", "draft", "archived"]

CYCLE = 30
"""Length of the cycle of forced troubles: every run of that many products holds each of them."""
_GIANT_CYCLE = 300
_MEAN_FORCED, _MEAN_WITH_OPTIONS = 0.6, 9.6
_SLUG_NOISE = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class CatalogueOption:
    """One option, e.g. "Taglia", with its values in order."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatalogueImage:
    """One image: `key` draws it (see `pictures.png`), `name` is its file name, `alt` may be empty."""

    key: str
    name: str
    alt: str


@dataclass(frozen=True, slots=True)
class CatalogueVariant:
    """One thing that can be sold.

    Args:
        values: value of each option of the product, in their order; empty for a product without options.
        sku: may be empty, repeated elsewhere or surrounded by spaces.
        barcode: EAN-13 or empty.
        price: what a customer pays, EUR.
        compare_at: price before the offer, higher than `price`; None when not on offer.
        cost: purchase price or None.
        weight: kilograms or None.
        tracked: stock is counted; `quantity` may be negative then.
        oversell: may be sold without stock.
        image: position in the images of the product, None for no image of its own.
    """

    values: tuple[str, ...]
    sku: str
    barcode: str
    price: Decimal
    compare_at: Decimal | None
    cost: Decimal | None
    weight: Decimal | None
    tracked: bool
    quantity: int
    oversell: bool
    image: int | None


@dataclass(frozen=True, slots=True)
class CatalogueProduct:
    """One product.

    Args:
        index: position in the sequence, from 0.
        title: 2 to 255 characters, any script.
        html: description, may hold markup of any quality, up to 60 kB.
        vendor, kind: brand and free product type; may be empty.
        category: names from the top, e.g. ("Abbigliamento", "Maglieria").
        tags: without commas.
        handle: unique part of the address.
        status: "active", "draft" or "archived".
        seo_title, seo_description: may be empty.
        options: up to 3; empty for a product without options.
        variants: at least 1; exactly 1 without options.
        images: up to 10.
        created_at, updated_at: aware UTC, not after EPOCH.
        in_shopify, in_framework360: where the product is known; at least one is true.
    """

    index: int
    title: str
    html: str
    vendor: str
    kind: str
    category: tuple[str, ...]
    tags: tuple[str, ...]
    handle: str
    status: Status
    seo_title: str
    seo_description: str
    options: tuple[CatalogueOption, ...]
    variants: tuple[CatalogueVariant, ...]
    images: tuple[CatalogueImage, ...]
    created_at: datetime
    updated_at: datetime
    in_shopify: bool
    in_framework360: bool


def catalogue(
    seed: int, count: int, population: Population = "mixed", variants_per_product: float = 3.0
) -> list[CatalogueProduct]:
    """Return the first `count` products of a seed, see `iter_catalogue`."""
    return list(iter_catalogue(seed, count, population, variants_per_product))


def iter_catalogue(
    seed: int, count: int, population: Population = "mixed", variants_per_product: float = 3.0
) -> Iterator[CatalogueProduct]:
    """Yield the first `count` products of a seed, one at a time.

    Args:
        seed: seed of the random generator.
        count: number of products.
        population: "mixed" (45 % only in Shopify, 35 % only in Framework360, 20 % in both), or all in one place.
        variants_per_product: mean number of variants, about; 1.6 to 10.

    Yields:
        Products in the order of `index`.
    """
    draw = random.Random(f"catalogue-{seed}")
    with_options = min(1.0, max(0.0, (variants_per_product - 1 - _MEAN_FORCED) / (_MEAN_WITH_OPTIONS - 1)))
    earlier = ""
    for index in range(count):
        product = _product(draw, seed, index, population, with_options)
        first = product.variants[0]
        if index % CYCLE == 6 and product.in_shopify and earlier:
            product = replace(product, variants=(replace(first, sku=earlier), *product.variants[1:]))
        elif first.sku:
            earlier = first.sku
        yield product


def counterpart(product: CatalogueProduct) -> CatalogueProduct:
    """Return how Framework360 knows the product: of products in both systems, a third differs a little there."""
    if not (product.in_shopify and product.in_framework360):
        return product
    first, *others = product.variants
    match product.index % 12:
        case 0:
            return replace(product, variants=(replace(first, quantity=first.quantity + 3), *others))
        case 1:
            dearer = replace(first, price=first.price + 1, compare_at=None)
            return replace(product, variants=(dearer, *others))
        case 2:
            return replace(product, title=product.title.upper()[:255], tags=(*product.tags, "solo-fw360"))
        case 3:
            return replace(product, html="<p>Descrizione del negozio.</p>", images=product.images[:1])
    return product


def _product(
    draw: random.Random, seed: int, index: int, population: Population, with_options: float
) -> CatalogueProduct:
    place = draw.random()
    kind = draw.choice(KINDS)
    trouble = index % CYCLE
    title = f"{kind.name} {draw.choice(COLOURS)} {index}"
    if trouble == 2 or draw.random() < 0.06:
        title = ODD_TITLES[index % len(ODD_TITLES)]
    options = _options(draw, index, draw.random() < with_options)
    images = _images(draw, seed, index, title)
    created = EPOCH - timedelta(seconds=draw.randrange(3600, 400 * 86400))
    updated = created + (EPOCH - created) * (draw.random() * 0.999)
    status: Status = draw.choices(("active", "draft", "archived"), (86, 10, 4))[0]
    if trouble in (8, 9):
        status = "draft" if trouble == 8 else "archived"
    html = f"<p>{kind.name} in <strong>{draw.choice(MATERIALS)}</strong>.</p>\n<ul><li>Lavabile</li></ul>"
    if index % _GIANT_CYCLE == 7:
        html = HUGE_HTML
    elif draw.random() < 0.15:
        html = ODD_HTML[index % len(ODD_HTML)]
    return CatalogueProduct(
        index=index,
        title=title,
        html=html,
        vendor=draw.choice(("Manifattura Forlì", "Müller & Söhne", "Œuvre d'Art", "")),
        kind=kind.name,
        category=kind.category,
        tags=tuple(dict.fromkeys(draw.choices(TAGS, k=draw.choice((0, 1, 1, 2, 3))))),
        handle=f"{slug(title)[:80] or 'prodotto'}-{index}",
        status=status,
        seo_title=f"{title[:50]} | Negozio" if draw.random() < 0.3 else "",
        seo_description="Spedizione in 24 ore & reso gratuito" if draw.random() < 0.2 else "",
        options=options,
        variants=_variants(draw, index, kind.cents, options, len(images)),
        images=images,
        created_at=created.replace(microsecond=0),
        updated_at=updated.replace(microsecond=0),
        in_shopify=place < 0.65 if population == "mixed" else population in ("shopify", "both"),
        in_framework360=place >= 0.45 if population == "mixed" else population in ("framework360", "both"),
    )


def slug(text: str) -> str:
    """Return text in lower-case ASCII letters and digits, joined by "-"; empty when none is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _SLUG_NOISE.sub("-", plain).strip("-")


def _options(draw: random.Random, index: int, wanted: bool) -> tuple[CatalogueOption, ...]:  # noqa: FBT001
    sizes: tuple[int, ...]
    if index % _GIANT_CYCLE == 3:
        sizes = (5, 5, 4)
    elif index % CYCLE == 12:
        sizes = (3, 2, 2)
    elif not wanted:
        return ()
    else:
        count = draw.choices((1, 2, 3), (55, 33, 12))[0]
        sizes = tuple(draw.randrange(2, 7 - count) + (1 if count < 3 else 0) for _ in range(count))
    pools: tuple[tuple[str, tuple[str, ...]], ...] = (("Taglia", SIZES), ("Colore", COLOURS), ("Materiale", MATERIALS))
    if len(sizes) == 1 and draw.random() < 0.4:
        pools = pools[1:]
    return tuple(CatalogueOption(name, values[:size]) for (name, values), size in zip(pools, sizes, strict=False))


def _images(draw: random.Random, seed: int, index: int, title: str) -> tuple[CatalogueImage, ...]:
    count = draw.choice((0, 1, 1, 2, 3, 4))
    if index % CYCLE in (5, 10, 20):
        count = 0 if index % CYCLE == 10 else 10
    alt = title[:120] if draw.random() < 0.7 else ""
    return tuple(
        CatalogueImage(f"{seed}-{index}-{number}", f"prodotto-{index}-{number}.png", alt and f"{alt} ({number})")
        for number in range(1, count + 1)
    )


def _variants(
    draw: random.Random, index: int, cents: tuple[int, int], options: tuple[CatalogueOption, ...], images: int
) -> tuple[CatalogueVariant, ...]:
    trouble = index % CYCLE
    price = Decimal(0 if trouble == 16 else draw.randrange(*cents)).scaleb(-2)
    compare_at = None
    if trouble == 18 or draw.random() < 0.2:
        compare_at = price + Decimal(draw.randrange(100, 2000)).scaleb(-2)
    cost = (price / 2).quantize(Decimal("0.01")) if draw.random() < 0.6 else None
    weight = Decimal(draw.randrange(50, 5000)).scaleb(-3) if draw.random() < 0.8 else None
    tracked = trouble != 13 and draw.random() < 0.85
    oversell = trouble == 14 or draw.random() < 0.1
    with_sku = trouble != 4 and draw.random() < 0.95
    with_barcode = draw.random() < 0.6
    spaced = trouble == 11
    several = len(options) > 0 and draw.random() < 0.5
    stock = random.Random(draw.random())  # variants may become more without moving the next product
    variants = []
    for number, values in enumerate(itertools.product(*(option.values for option in options))):
        sku = f"FW-{index:05d}" + (f"-{number + 1:02d}" if options else "") if with_sku else ""
        dearer = Decimal(number * 50).scaleb(-2) if several else Decimal(0)
        quantity = int(stock.random() * 60) if tracked else 0
        if tracked and oversell and number == 0:
            quantity = -2
        variants.append(
            CatalogueVariant(
                values=values,
                sku=f" {sku} " if spaced and sku else sku,
                barcode=_ean13(index * 128 + number) if with_barcode else "",
                price=price + dearer,
                compare_at=None if compare_at is None else compare_at + dearer,
                cost=cost,
                weight=weight,
                tracked=tracked,
                quantity=quantity,
                oversell=oversell,
                image=number % images if several and images else None,
            )
        )
    return tuple(variants)


def _ean13(number: int) -> str:
    """An EAN-13 of the Italian range with its check digit."""
    digits = f"80{number:010d}"
    total = sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))
    return f"{digits}{-total % 10}"
