"""Both product mappings say the same thing: what goes to the other system and back is what was there before."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopify_fw360.mapping.directory import corresponding
from shopify_fw360.mapping.engine import read_target_children, read_targets, transform
from shopify_fw360.mapping.functions.html import sanitize_html
from shopify_fw360.mapping.functions.text import slug
from shopify_fw360.records import Entity, Flow, System


@pytest.fixture(scope="module")
def to_site(shipped):
    return shipped[Flow(Entity.PRODUCT, System.SHOPIFY)]


@pytest.fixture(scope="module")
def to_shop(shipped):
    return shipped[Flow(Entity.PRODUCT, System.FRAMEWORK360)]


def put(record, accessor, value):
    *parents, key = accessor
    for parent in parents:
        record = record.setdefault(parent, {})
    record[key] = value


def held(mapping, row):
    """The record of the target after a row was written to it, ids of children as they were."""
    record = {}
    for name, value in row.values.items():
        for present in mapping.fields[name].present:
            put(record, present.accessor, value)
    for name, rows in row.children.items():
        record[name] = []
        for child_row in rows:
            item = {"id": child_row.id}
            for field, value in child_row.values.items():
                item[field] = value  # Shopify tells the address of a picture elsewhere than where it came from
                for present in mapping.children[name].fields[field].present:
                    put(item, present.accessor, value)
            record[name].append(item)
    return record


def round_trip(there, back, record):
    """Values by name after the way there and back, with their rules, and what the record held at the start."""
    (gone,) = transform(there, [record]).rows
    (returned,) = transform(back, [held(there, gone)]).rows
    (fields,), (children,) = read_targets(back, [record]), read_target_children(back, [record])
    yield from _compared(back.fields, returned.values, fields)
    for name, rows in returned.children.items():
        for row, before in zip(rows, children[name], strict=True):
            assert row.id == before.id
            yield from _compared(back.children[name].fields, row.values, before.values)


def _compared(rules, values, before):
    for name, value in values.items():
        rule = rules[name]
        if name in before and not rule.create_only:
            yield rule.full_name, rule.target.same(value), rule.target.same(before[name])


texts = st.text(st.sampled_from("abcdefgàéßXYZ 0123'\"<>&/;-日🌿"), min_size=2, max_size=30).map(str.strip).filter(bool)
words = st.one_of(st.none(), texts)
html = st.one_of(
    words,
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<b>", "Lana & seta", "<script>x()</script>", "<table><tr><td style='color:red'>", "&nbsp;"]
        ),
        max_size=6,
    ).map("".join),
)
amounts = st.integers(1, 10**7).map(lambda cents: Decimal(cents).scaleb(-2))
codes = st.one_of(st.none(), st.from_regex(r"[A-Z0-9-]{1,20}", fullmatch=True))
weights = st.one_of(st.none(), st.integers(1, 10**6).map(lambda grams: Decimal(grams).scaleb(-3)))
handles = texts.map(slug).filter(bool)
tags = st.lists(texts, max_size=3, unique_by=str.casefold)


@st.composite
def shop_products(draw):
    images = [
        {"id": f"i{place}", "url": f"https://cdn.example/{place}.png", "name": str(place), "alt": draw(words),
         "position": place} for place in range(1, draw(st.integers(0, 2)) + 1)
    ]  # fmt: skip
    variants = []
    for place in range(1, draw(st.integers(1, 3)) + 1):
        price, compare_at = draw(amounts), draw(st.one_of(st.none(), amounts))
        tracked = draw(st.booleans())
        variants.append({
            "id": f"v{place}", "sku": draw(codes), "barcode": draw(codes), "price": str(price),
            "compareAtPrice": None if compare_at is None or compare_at <= price else str(compare_at),
            "position": place, "inventoryPolicy": draw(st.sampled_from(["DENY", "CONTINUE"])),
            "inventoryItem": {"tracked": tracked, "unitCost": draw(st.one_of(st.none(), st.just({"amount": "3.5"})))},
            "weightKg": draw(weights), "options": [["Taglia", f"{place}"]],
            "quantity": draw(st.integers(-5, 50)) if tracked else None,
            "imageId": draw(st.sampled_from([None, *(image["id"] for image in images)])),
        })  # fmt: skip
    return {
        "id": "gid://shopify/Product/1", "title": "P" + draw(texts), "descriptionHtml": draw(html),
        "vendor": draw(words), "productType": draw(words), "handle": draw(handles), "tags": draw(tags),
        "status": draw(st.sampled_from(["ACTIVE", "DRAFT", "ARCHIVED", "UNLISTED"])),
        "category": draw(st.sampled_from([None, {"id": "gid://shopify/TaxonomyCategory/aa", "fullName": "A > B"}])),
        "seo": {"title": draw(words), "description": draw(words)}, "images": images, "variants": variants,
    }  # fmt: skip


@st.composite
def site_products(draw):
    images = [
        {"id": f"i{place}", "url": f"https://sito.example/{place}.png", "nome": str(place), "alt": draw(words),
         "posizione": place} for place in range(1, draw(st.integers(0, 2)) + 1)
    ]  # fmt: skip
    variants = []
    for place in range(1, draw(st.integers(1, 3)) + 1):
        price, offer = draw(amounts), draw(st.one_of(st.none(), amounts))
        variants.append({
            "id": f"v{place}", "sku": draw(codes), "ean": draw(codes), "prezzo": price,
            "prezzo_promo": offer if offer is not None and offer < price else None,
            "prezzo_acquisto": draw(st.one_of(st.none(), amounts)), "gestione_magazzino": draw(st.booleans()),
            "quantita": draw(st.integers(-5, 50)), "vendi_senza_giacenza": draw(st.booleans()),
            "peso": draw(weights), "attributi": [["Taglia", f"{place}"]], "posizione": place,
            "immagine": draw(st.sampled_from([None, *(image["id"] for image in images)])),
        })  # fmt: skip
    return {
        "id": "1", "nome": "P" + draw(texts), "descrizione": draw(html), "marca": draw(words), "tipo": draw(words),
        "slug": draw(handles), "tags": draw(tags), "attivo": draw(st.booleans()), "seo_titolo": draw(words),
        "seo_descrizione": draw(words), "extraFields": {}, "immagini": images, "varianti": variants,
    }  # fmt: skip


@settings(deadline=None)
@given(shop_products())
def test_what_goes_to_framework360_and_back_is_what_shopify_holds(to_site, to_shop, record):
    names = set()
    record["descriptionHtml"] = sanitize_html(record["descriptionHtml"] or "")
    for name, after, before in round_trip(to_site, to_shop, record):
        assert after == before, name
        names.add(name)
    assert names >= {
        "title",
        "status",
        "tags",
        "variants.price",
        "variants.compareAtPrice",
        "variants.options",
    }


@settings(deadline=None)
@given(site_products())
def test_what_goes_to_shopify_and_back_is_what_framework360_holds(to_site, to_shop, record):
    names = set()
    record["descrizione"] = sanitize_html(record["descrizione"] or "")
    for name, after, before in round_trip(to_shop, to_site, record):
        assert after == before, name
        names.add(name)
    assert names >= {"nome", "attivo", "tags", "slug", "varianti.prezzo", "varianti.prezzo_promo", "varianti.attributi"}


def test_corresponding_fields_are_known_to_belong_together(to_site, to_shop):
    pairs = {(one.full_name, other.full_name) for one, other in corresponding(to_site, to_shop)}
    assert pairs >= {
        ("nome", "title"), ("descrizione", "descriptionHtml"), ("marca", "vendor"), ("tipo", "productType"),
        ("slug", "handle"), ("tags", "tags"), ("attivo", "status"), ("extraFields.shopify_status", "status"),
        ("extraFields.shopify_category", "category"), ("varianti.sku", "variants.sku"),
        ("varianti.ean", "variants.barcode"),
        ("varianti.prezzo", "variants.price"), ("varianti.prezzo", "variants.compareAtPrice"),
        ("varianti.prezzo_promo", "variants.price"), ("varianti.prezzo_promo", "variants.compareAtPrice"),
        ("varianti.quantita", "variants.quantity"), ("varianti.attributi", "variants.options"),
        ("varianti.immagine", "variants.image"), ("immagini.alt", "images.alt"),
    }  # fmt: skip
    assert ("categoria", "category") not in pairs


@pytest.mark.parametrize("status", ["ACTIVE", "DRAFT", "ARCHIVED", "UNLISTED"])
@pytest.mark.parametrize("shown", [True, False])
def test_a_state_of_shopify_counts_until_the_site_shows_or_hides_the_product(to_shop, status, shown):
    record = {
        "nome": "Tazza",
        "attivo": shown,
        "extraFields": {"shopify_status": status},
        "varianti": [{"id": "1", "prezzo": 1}],
    }
    (row,) = transform(to_shop, [record]).rows
    agrees = (status == "ACTIVE") == shown
    assert row.values["status"] == (status if agrees else "ACTIVE" if shown else "DRAFT")


def test_stock_prices_texts_and_pictures_can_get_policies_of_their_own(to_site, to_shop):
    groups = {mapping.flow: {rule.group for _, rule in mapping.all_rules} for mapping in (to_site, to_shop)}
    assert groups[to_site.flow] == groups[to_shop.flow]
    assert groups[to_site.flow] >= {"texts", "prices", "stock", "media", "variants", "visibility"}
    assert {rule.merge for _, rule in to_site.all_rules if rule.group == "stock"} == {"shopify"}


def test_more_variants_than_shopify_takes_are_parked(to_shop):
    variants = [{"id": str(number), "prezzo": 1} for number in range(2049)]
    (row,) = transform(to_shop, [{"nome": "Tazza", "varianti": variants}]).rows
    assert (row.field, row.rule) == ("variants", "max_items")
    assert row.message == "2049 items; at most 2048 are allowed"


def test_a_deleted_product_is_hidden_on_the_site_and_left_alone_in_the_shop(to_site, to_shop):
    assert to_site.on_delete == {"attivo": False}
    assert to_shop.on_delete == {}
