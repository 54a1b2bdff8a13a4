"""Reading products over HTTP, with the quirks real sites may have."""

from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest

from sandbox.common.catalogue import catalogue, counterpart
from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.products import require_products
from shopify_fw360.records import Window
from tests.framework360.goods import everything, some


def by_id(products):
    return {record.id: record for record in everything(products)}


def done(data):
    return 200, {}, orjson.dumps({"status": 1, "data": data})


# Scanning ------------------------------------------------------------------------------------------------------------


def test_an_unbounded_window_reads_every_product(site):
    records = everything(site.products())
    assert len(records) == len({record.id for record in records}) == site.control.state()["records"]["products"]
    assert site.control.refused() == []


def test_products_read_as_they_were_seeded(site):
    records = {record.raw["slug"]: record.raw for record in everything(site.products())}
    seeded = [counterpart(product) for product in catalogue(7, 60) if product.in_framework360]
    assert len(seeded) == len(records)
    for product in seeded:
        raw = records[product.handle]
        assert (raw["nome"], raw["descrizione"], raw["attivo"]) == (
            product.title,
            product.html or None,
            product.status == "active",
        )
        assert raw["categoria"] == " > ".join(product.category)
        assert [image["nome"] for image in raw["immagini"]] == [image.name[:-4] for image in product.images]
        assert [len(variant["attributi"]) for variant in raw["varianti"]] == [
            len(product.options) for _ in product.variants
        ]
        for read, variant in zip(raw["varianti"], product.variants, strict=True):
            assert [value for _, value in read["attributi"]] == list(variant.values)
            assert (read["prezzo"], read["prezzo_promo"]) == (
                (variant.compare_at, variant.price) if variant.compare_at else (variant.price, None)
            )
            assert read["quantita"] == (variant.quantity if variant.tracked else None)


@pytest.mark.parametrize(
    "quirk",
    [
        {"ids_as": "number"},
        {"ids_as": "text"},
        {"status_as": "text"},
        {"status_as": "boolean"},
        {"flags_as": "text"},
        {"flags_as": "boolean"},
        {"empty_text_as": "none_word"},
        {"empty_text_as": "null"},
        {"empty_text_as": "empty"},
        {"empty_map_as_list": False},
        {"money_as": "text"},
        {"sort": "oldest_first"},
        {"page_cap": 7},
        {"last_page_repeats": True, "page_cap": 7},
    ],
    ids=str,
)
def test_the_same_products_are_read_whatever_the_site_writes_them_as(site, quirk):
    plain = {record.id: record.raw for record in everything(site.products())}
    site.quirk(**quirk)
    assert {record.id: record.raw for record in everything(site.products())} == plain


def test_rows_that_shift_between_pages_are_read_once(site):
    site.quirk(page_cap=5, shift_rows=2)
    records = everything(site.products(paging={"passes": 2}))
    assert len(records) == len({record.id for record in records}) == site.control.state()["records"]["products"]


def test_a_bounded_window_keeps_what_changed_in_it(site):
    products = site.products()
    records = sorted(everything(products), key=lambda record: record.updated_at)
    window = Window(records[5].updated_at, records[20].updated_at)
    pages = list(products.scan(window))
    assert {record.id for page in pages for record in page.records} == {record.id for record in records[5:20]}
    assert sum(page.skipped for page in pages) == len(records) - 15


def test_without_modification_times_a_bounded_window_loses_nothing(site):
    site.quirk(modified_time=False)
    pages = list(site.products().scan(Window(since=datetime(2020, 1, 1, tzinfo=UTC))))
    assert sum(len(page.undated) for page in pages) == site.control.state()["records"]["products"]
    assert not any(page.records or page.skipped for page in pages)


def test_a_product_without_variants_is_one_variant_named_after_it(site):
    record = some(site.products(), lambda raw: not raw["varianti"][0]["attributi"])
    (variant,) = record.raw["varianti"]
    assert (variant["id"], variant["attributi"], variant["immagine"]) == (f"p{record.id}", [], None)


def test_ids_of_children_are_texts(site):
    record = some(site.products(), lambda raw: any(variant.get("immagine") for variant in raw["varianti"]))
    images = {image["id"] for image in record.raw["immagini"]}
    assert all(isinstance(variant["id"], str) for variant in record.raw["varianti"])
    assert {variant["immagine"] for variant in record.raw["varianti"]} - {None} <= images


def test_images_without_a_host_belong_to_the_site(scripted, site):
    row = {"id": 1, "nome": "Tazza", "immagini": [{"id": 5, "url": "/uploads/tazza.jpg"}]}
    server = scripted(done([row]), done([]))
    (record,) = everything(site.products(url=server.url, capabilities={"products": "on"}))
    assert record.raw["immagini"][0]["url"] == f"{server.url}/uploads/tazza.jpg"
    assert record.raw["immagini"][0]["nome"] == "tazza"


# Fetching ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["not_found", "null", "list", "object"])
def test_an_unknown_id_is_absent(site, style):
    site.quirk(unknown_record=style)
    assert set(site.products().fetch(["2001", "999999", "2002", "2001"])) == {"2001", "2002"}


def test_a_fetched_product_is_the_one_of_the_list(site):
    products = site.products()
    listed = by_id(products)
    assert products.fetch(sorted(listed)) == listed


def test_an_unreadable_answer_is_not_taken_for_absence(site):
    site.control.add_fault("garbage", match={"operation": "productsGet"})
    with pytest.raises(SyncError, match="SYNC-408"):
        site.products(limits={"tries": 2}).fetch(["2001"])


# Capability ----------------------------------------------------------------------------------------------------------


def test_a_site_without_products_says_so_and_is_not_asked_again(site):
    site.quirk(capabilities_off=["products"])
    products = site.products()
    with pytest.raises(SyncError, match="products is off: the site has no call products/list") as caught:
        require_products(products._client, writing=False)
    assert caught.value.code is errors.FW360_OFF
    site.forget_calls()
    with pytest.raises(SyncError, match="SYNC-412"):
        everything(products)
    assert site.control.metrics()["requests"] == 0


def test_a_key_that_may_not_read_products_names_the_function(site):
    site.quirk(keys={"sandbox-key": ["read_product"]})
    with pytest.raises(SyncError, match="tick the function read_product") as caught:
        require_products(site.client(), writing=False)
    assert caught.value.code is errors.FW360_OFF


def test_writing_is_off_until_somebody_has_confirmed_it(site):
    products = site.products(products={})
    require_products(products._client, writing=False)
    with pytest.raises(SyncError, match=r"products\.write is off") as caught:
        require_products(products._client, writing=True)
    assert caught.value.code is errors.FW360_WRITES_OFF


# Categories ----------------------------------------------------------------------------------------------------------


def test_categories_are_read_once_per_scan_and_only_if_they_are_wanted(site):
    products = site.products()
    everything(products)
    assert site.calls("productsCategories") == 1
    everything(products)
    assert site.calls("productsCategories") == 2
    everything(site.products(paths=()))
    assert site.calls("productsCategories") == 2


def test_a_category_that_is_made_later_is_read_when_it_is_met(site):
    products = site.products()
    everything(products)
    client = site.client()
    made = client.call(wire.PRODUCTS_CATEGORIES_CREATE, {"nome": "Nuova"})["data"]["id"]
    client.call(wire.PRODUCTS_UPDATE, {"id": "2001", "categorie": [made]})
    assert products.fetch(["2001"])["2001"].raw["categoria"] == "Nuova"


def test_a_category_that_the_site_does_not_list_is_unknown_and_asked_for_once(scripted, site):
    row = {"id": 1, "nome": "Tazza", "categorie": [99]}
    server = scripted(done(row), done([{"id": 12, "nome": "Altro"}]), done(row))
    products = site.products(url=server.url, capabilities={"products": "on"})
    assert all("categoria" not in products.fetch(["1"])["1"].raw for _ in range(2))
    assert [path for _, path, _, _ in server.asked].count("/m/api/products/categories") == 1


def test_categories_in_a_circle_are_read_all_the_same(scripted, site):
    row = {"id": 1, "nome": "Tazza", "categorie": ["12"]}
    circle = [{"id": 12, "nome": "A", "parent_id": 13}, {"id": 13, "nome": "B", "parent_id": 12}]
    server = scripted(done(row), done(circle))
    record = site.products(url=server.url, capabilities={"products": "on"}).fetch(["1"])["1"]
    assert record.raw["categoria"].endswith("B > A")


def test_a_product_without_categories_has_no_path(site):
    site.client().call(wire.PRODUCTS_UPDATE, {"id": "2001", "categorie": []})
    assert site.products().fetch(["2001"])["2001"].raw["categoria"] is None


# Tax -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def taxed(site):
    """A product at 10 and 8 on the site, with the standard rate of 22 % and then with 10 %."""
    created = site.client().call(
        wire.PRODUCTS_CREATE, {"nome": "Tazza", "prezzo": 10, "prezzo_promo": "8.00", "prezzo_acquisto": 5}
    )
    return str(created["data"]["id"])


def prices(of, record_id, **options):
    raw = of.products(**options).fetch([record_id])[record_id].raw
    return tuple(raw["varianti"][0].get(key) for key in ("prezzo", "prezzo_promo", "prezzo_acquisto"))


@pytest.mark.parametrize(
    ("site_includes", "shop_includes", "expected"),
    [
        (True, True, ("10.00", "8.00", "5.00")),
        (False, False, ("10.00", "8.00", "5.00")),
        (False, True, ("12.20", "9.76", "5.00")),
        (True, False, ("8.20", "6.56", "5.00")),
    ],
)
def test_prices_are_those_of_the_shop_whatever_the_site_includes(site, taxed, site_includes, shop_includes, expected):
    site.quirk(prices_include_tax=site_includes)
    assert prices(site, taxed, shop_includes_tax=shop_includes) == tuple(map(Decimal, expected))


def test_the_rate_is_that_of_the_product(site, taxed):
    site.quirk(prices_include_tax=False)
    taxes = site.client().call(wire.PAYMENTS_TAXES)["data"]
    reduced = next(row for row in taxes if Decimal(str(row["aliquota"])) == 10)
    site.client().call(wire.PRODUCTS_UPDATE, {"id": taxed, "imposta": reduced["id"]})
    assert prices(site, taxed)[0] == Decimal("11.00")


def test_the_option_wins_over_the_setting_of_the_site(site, taxed):
    assert prices(site, taxed, site={"prices_include_tax": False})[0] == Decimal("12.20")


def test_taxes_are_not_read_where_shop_and_site_agree(site, taxed):
    prices(site, taxed)
    assert site.calls("paymentsTaxes") == 0


def test_taxes_are_read_once(site):
    site.quirk(prices_include_tax=False)
    everything(site.products())
    assert (site.calls("paymentsTaxes"), site.calls("siteSettings")) == (1, 1)


def test_opaque_tax_ids_work_too(site, taxed):
    site.quirk(prices_include_tax=False, opaque_ids=True)
    assert prices(site, taxed)[0] == Decimal("12.20")


def test_prices_with_an_unknown_rate_are_unknown_not_wrong(scripted, site, caplog):
    row = {"id": 1, "nome": "Tazza", "imposta": "77", "sku": "T", "prezzo": 10}
    settings = done({"prezzi_iva_inclusa": 0})
    server = scripted(done(row), settings, done([{"id": "22", "nome": "IVA", "aliquota": 22, "default": 1}]), done(row))
    products = site.products(url=server.url, capabilities={"products": "on"})
    for _ in range(2):
        assert "prezzo" not in products.fetch(["1"])["1"].raw["varianti"][0]
    assert [path for _, path, _, _ in server.asked].count("/m/api/payments/taxes") == 1
    assert "no rate for the tax '77'" in caplog.text


def test_a_site_that_does_not_tell_its_tax_setting_is_not_guessed(scripted, site):
    row = {"id": 1, "nome": "Tazza", "prezzo": 10}
    server = scripted(done(row), done({}))
    with pytest.raises(SyncError, match=r"set site\.prices_include_tax") as caught:
        site.products(url=server.url, capabilities={"products": "on"}).fetch(["1"])
    assert caught.value.code is errors.CONNECTION_INVALID
