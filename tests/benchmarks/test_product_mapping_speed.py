"""The mapping engine on products with variants and images, against what a developer would write by hand."""

import json
import random
import re
import sys
from decimal import ROUND_HALF_UP, Decimal

import pytest

from shopify_fw360.mapping.engine import Rejection, transform
from shopify_fw360.mapping.functions.html import sanitize_html
from shopify_fw360.records import Entity, Flow, System
from tests.benchmarks.test_mapping_speed import best_of, shipped_mapping

PRODUCTS, VARIANTS = 1_000, 8
SIZES = ("XS", "S", "M", "L", "XL", "XXL", "3XL", "4XL")


def products(count):
    """Products of 8 variants and 3 images, a few of them broken."""
    random_ = random.Random(20260101)
    return [_product(random_, number) for number in range(count)]


def _product(random_, number):
    price = Decimal(random_.randrange(500, 20_000)).scaleb(-2)
    compare_at = None if random_.random() < 0.7 else str(price + 10)
    images = [
        {"id": f"gid://shopify/MediaImage/{number}{place}", "url": f"https://cdn.example/{number}-{place}.png",
         "alt": random_.choice((None, f"Foto {place}")), "position": place, "name": f"{number}-{place}"}
        for place in (1, 2, 3)
    ]  # fmt: skip
    record = {
        "id": f"gid://shopify/Product/{number}",
        "title": f"Maglia {number}",
        "descriptionHtml": f"<p>Maglia numero <strong>{number}</strong>.</p>\n<ul><li>Lavabile</li></ul>",
        "vendor": random_.choice(("Manifattura Forlì", "Müller & Söhne", "")),
        "productType": "Maglia",
        "category": {"id": "gid://shopify/TaxonomyCategory/aa-1", "fullName": "Apparel > Clothing"},
        "tags": random_.sample(("vip", "saldi", "b2b"), random_.randrange(3)),
        "status": random_.choice(("ACTIVE", "ACTIVE", "DRAFT", "ARCHIVED")),
        "handle": f"maglia-{number}",
        "seo": {"title": None, "description": None},
        "images": images,
        "variants": [
            {
                "id": f"gid://shopify/ProductVariant/{number}{place}", "sku": f"M-{number}-{size}", "barcode": None,
                "price": str(price), "compareAtPrice": compare_at, "position": place + 1,
                "inventoryPolicy": "DENY", "weightKg": "0.25",
                "inventoryItem": {"tracked": True, "unitCost": {"amount": "12.5"}},
                "options": [["Taglia", size]], "quantity": random_.randrange(50), "imageId": images[place % 3]["id"],
            } for place, size in enumerate(SIZES)
        ],
    }  # fmt: skip
    broken = random_.random()
    if broken < 0.01:
        record["variants"][5]["sku"] = "x" * 400
    elif broken < 0.02:
        record["variants"][2]["price"] = None
    return record


# The same work by hand: one function per record, straightforward, reasonably quick. -----------------------------------

DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,12})?")
URL = re.compile(r"https?://\S+")
CENT = Decimal("0.01")


class RefusedError(Exception):
    pass


def text(value, field, longest=1_000_000):
    if value is None or value == "":
        return None
    if not isinstance(value, str) or "\0" in value:
        raise RefusedError(field, "SYNC-202")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RefusedError(field, "SYNC-202") from None
    value = value.strip()
    if len(value) > longest:
        raise RefusedError(field, "SYNC-202")
    return value or None


def amount(value, field):
    if value is None:
        return None
    if isinstance(value, str) and DECIMAL.fullmatch(value.strip()):
        return Decimal(value.strip())
    raise RefusedError(field, "SYNC-202")


def cents(value):
    return None if value is None else value.quantize(CENT, ROUND_HALF_UP)


def variant_by_hand(item, field):
    price, compare_at = amount(item["price"], f"{field}.prezzo"), amount(item["compareAtPrice"], f"{field}.prezzo")
    if price is None:
        raise RefusedError(f"{field}.prezzo", "SYNC-201")
    offer = compare_at is not None and 0 < price < compare_at
    listed = cents(compare_at if offer else price)
    if listed < 0:
        raise RefusedError(f"{field}.prezzo", "SYNC-202")
    cost = amount(item["inventoryItem"]["unitCost"]["amount"], f"{field}.prezzo_acquisto")
    weight = amount(item["weightKg"], f"{field}.peso") or None
    options = item["options"]
    json.dumps(options, allow_nan=False)
    if len(options) > 3:
        raise RefusedError(f"{field}.attributi", "SYNC-202")
    values = {
        "attributi": options,
        "sku": text(item["sku"], f"{field}.sku", 255),
        "ean": text(item["barcode"], f"{field}.ean", 255),
        "posizione": item["position"],
        "prezzo": listed,
        "prezzo_promo": cents(price) if offer else None,
        "prezzo_acquisto": cents(cost),
        "peso": weight,
        "gestione_magazzino": item["inventoryItem"]["tracked"],
        "vendi_senza_giacenza": {"CONTINUE": True, "DENY": False}[item["inventoryPolicy"]],
        "immagine": text(item["imageId"], f"{field}.immagine"),
    }
    if values["gestione_magazzino"]:
        values["quantita"] = item["quantity"]
    return item["id"], values


def image_by_hand(item, field):
    url = text(item["url"], f"{field}.url")
    if url is None:
        raise RefusedError(f"{field}.url", "SYNC-201")
    if not URL.fullmatch(url):
        raise RefusedError(f"{field}.url", "SYNC-202")
    values = {"nome": text(item["name"], f"{field}.nome"), "url": url, "alt": text(item["alt"], f"{field}.alt")}
    return item["id"], {**values, "posizione": item["position"]}


def by_hand(record):
    name = text(record["title"], "nome")
    if name is None:
        raise RefusedError("nome", "SYNC-201")
    if len(name) < 2:
        raise RefusedError("nome", "SYNC-202")
    html = text(record["descriptionHtml"], "descrizione")
    unique = {}
    for tag in record["tags"]:
        trimmed = text(tag, "tags")
        if trimmed:
            unique.setdefault(trimmed.casefold(), trimmed)
    values = {
        "nome": name,
        "descrizione": html and sanitize_html(html),
        "marca": text(record["vendor"], "marca"),
        "tipo": text(record["productType"], "tipo"),
        "seo_titolo": text(record["seo"]["title"], "seo_titolo"),
        "seo_descrizione": text(record["seo"]["description"], "seo_descrizione"),
        "slug": text(record["handle"], "slug"),
        "tags": tuple(unique.values()),
        "categoria": text(record["category"]["fullName"], "categoria"),
        "extraFields.shopify_category": text(record["category"]["id"], "extraFields.shopify_category"),
        "attivo": record["status"] == "ACTIVE",
        "extraFields.shopify_status": record["status"],
    }
    images = [image_by_hand(item, f"immagini[{place}]") for place, item in enumerate(record["images"], 1)]
    variants = [variant_by_hand(item, f"varianti[{place}]") for place, item in enumerate(record["variants"], 1)]
    return values, {"immagini": images, "varianti": variants}


def all_by_hand(records):
    rows = []
    for record in records:
        try:
            rows.append(by_hand(record))
        except RefusedError as refusal:
            rows.append(refusal.args)
    return rows


def plain(row):
    if isinstance(row, Rejection):
        return row.field, row.code.code
    return row.values, {name: [(child.id, child.values) for child in rows] for name, rows in row.children.items()}


@pytest.mark.bench
def test_products_are_mapped_as_fast_as_by_hand():
    mapping = shipped_mapping(Flow(Entity.PRODUCT, System.SHOPIFY))
    records = products(PRODUCTS)
    assert list(map(plain, transform(mapping, records).rows)) == all_by_hand(records)

    ratios = {}
    sys.stdout.write("\n")
    for size in (1, 10, 100, PRODUCTS):
        batches = [records[start : start + size] for start in range(0, PRODUCTS, size)]
        engine = hand = float("inf")
        for _ in range(8):  # by turns, so that a busy machine slows both
            engine = min(engine, best_of(lambda batches=batches: [transform(mapping, batch) for batch in batches], 1))
            hand = min(hand, best_of(lambda: all_by_hand(records), 1))
        ratios[size] = hand / engine
        speed = f"{PRODUCTS / engine:,.0f} products/s, {PRODUCTS * VARIANTS / engine:,.0f} variants/s"
        sys.stdout.write(f"batches of {size}: {speed}; by hand {PRODUCTS / hand:,.0f}; ratio {ratios[size]:.2f}\n")
    assert max(ratios[100], ratios[PRODUCTS]) >= 1.0
