import time
from datetime import timedelta
from decimal import Decimal

import pytest

from shopify_fw360.errors import MAPPING_INVALID, SETTINGS_INVALID, SHOPIFY_QUERY, SHOPIFY_SCOPE, SyncError
from shopify_fw360.records import Window
from shopify_fw360.shopify.definitions import ensure_definitions
from shopify_fw360.shopify.product_records import file_name, weight_kg
from shopify_fw360.shopify.shop_facts import ShopFacts
from tests.shopify.product_world import call, crossed, gateway, make_product, picture_urls, shop_client, sized, until


@pytest.fixture
def shopify_sandbox(shopify_process):
    shopify_process.control.reset(seed=7, customers=0, products=60, population="mixed")
    return shopify_process


@pytest.fixture
def client(shopify_sandbox):
    shopify_sandbox.control.set_options(bucket_size=20_000.0, restore_rate=1_000.0, media_seconds=0.0)
    client = shop_client(shopify_sandbox)
    ensure_definitions(client)
    return client


@pytest.fixture
def products(client):
    return gateway(client)


def scanned(products, window=None):
    pages = list(products.scan(window or Window()))
    return [record for page in pages for record in page.records], pages


def one(products, gid):
    return products.fetch([gid])[gid]


def error_of(call_, *arguments):
    with pytest.raises(SyncError) as caught:
        call_(*arguments)
    return caught.value


def test_a_full_scan_reads_every_product_of_every_status_once_and_announces_them(shopify_sandbox, products):
    records, pages = scanned(products)
    total = shopify_sandbox.control.state()["records"]["Product"]
    assert len({record.id for record in records}) == len(records) == total
    assert pages[0].announced == total
    assert {record.raw["status"] for record in records} == {"ACTIVE", "DRAFT", "ARCHIVED"}


def test_a_search_that_shows_active_products_only_by_default_makes_no_difference(shopify_sandbox, products):
    shopify_sandbox.control.set_options(active_products_only=True)
    assert len(scanned(products)[0]) == shopify_sandbox.control.state()["records"]["Product"]


def test_a_page_costs_no_more_than_one_request_may(shopify_sandbox, products):
    shopify_sandbox.control.set_options(max_cost=520)
    assert scanned(products)[0]


def test_a_window_holds_exactly_its_products(products):
    every = scanned(products)[0]
    since, until_ = every[len(every) // 3].updated_at, every[2 * len(every) // 3].updated_at
    inside = scanned(products, Window(since, until_))[0]
    assert {record.id for record in inside} == {record.id for record in every if since <= record.updated_at < until_}


def test_a_product_with_more_variants_than_a_page_is_read_completely(client, products):
    gid = make_product(client, title="Many", **crossed(32, 10))
    raw = one(products, gid).raw
    assert [variant["sku"] for variant in raw["variants"]] == [f"SKU-{a}-{b}" for a in range(32) for b in range(10)]
    assert all(variant["quantity"] is None for variant in raw["variants"])


def test_a_product_with_more_images_than_a_page_is_read_completely(client, products):
    url = picture_urls(client)[0]
    gid = make_product(client, title="Album", files=[{"originalSource": url, "alt": str(n)} for n in range(60)])
    images = one(products, gid).raw["images"]
    assert [image["alt"] for image in images] == [str(number) for number in range(60)]
    assert [image["position"] for image in images] == list(range(1, 61))


def test_options_are_pairs_in_their_order_and_empty_without_a_choice(client, products):
    plain = one(products, make_product(client, title="Plain")).raw
    chosen = one(products, make_product(client, title="Chosen", **sized("S", "M"))).raw
    assert [variant["options"] for variant in plain["variants"]] == [[]]
    assert [variant["options"] for variant in chosen["variants"]] == [[["Taglia", "S"]], [["Taglia", "M"]]]


@pytest.mark.parametrize(
    ("weight", "kilograms"),
    [
        ({"unit": "KILOGRAMS", "value": 1.25}, "1.25"),
        ({"unit": "GRAMS", "value": 250.0}, "0.25"),
        ({"unit": "OUNCES", "value": 1.0}, "0.02835"),
        ({"unit": "POUNDS", "value": 10.0}, "4.535924"),
        ({"unit": "KILOGRAMS", "value": 0.0}, None),
        (None, None),
    ],
)
def test_weights_are_kilograms_whatever_the_unit(weight, kilograms):
    assert weight_kg(weight) == kilograms


def test_the_weight_of_a_variant_is_read_in_kilograms(client, products):
    item = {"measurement": {"weight": {"unit": "GRAMS", "value": 125}}}
    raw = one(products, make_product(client, title="Light", **sized("S", inventoryItem=item))).raw
    assert raw["variants"][0]["weightKg"] == "0.125"


LOCATIONS = "query Person { locations(first: 9, sortKey: NAME) { nodes { id name } } }"


def test_stock_is_what_the_location_has_and_unknown_without_tracking(client):
    places = {node["name"]: node["id"] for node in call(client, LOCATIONS)["locations"]["nodes"]}
    stocked = [
        {"locationId": places["Magazzino Milano"], "name": "available", "quantity": 7},
        {"locationId": places["Negozio Bologna"], "name": "available", "quantity": 2},
    ]
    tracked = make_product(
        client, title="T", **sized("S", inventoryItem={"tracked": True}, inventoryQuantities=stocked)
    )
    untracked = make_product(client, title="U", **sized("S", inventoryQuantities=stocked))
    first = gateway(client, location="magazzino milano").fetch([tracked, untracked])
    assert [first[gid].raw["variants"][0]["quantity"] for gid in (tracked, untracked)] == [7, None]
    second = gateway(client, location=places["Negozio Bologna"].rpartition("/")[2]).fetch([tracked])
    assert second[tracked].raw["variants"][0]["quantity"] == 2


def test_a_tracked_variant_that_the_location_does_not_stock_has_none_there(client):
    gid = make_product(client, title="T", **sized("S", inventoryItem={"tracked": True}))
    raw = gateway(client, location="Negozio Bologna").fetch([gid])[gid].raw
    assert raw["variants"][0]["quantity"] == 0


def test_a_location_that_does_not_exist_is_told_with_those_that_do(client):
    error = error_of(lambda: list(gateway(client, location="Roma").scan(Window())))
    assert error.code is SETTINGS_INVALID
    assert "Magazzino Milano" in error.message


def test_images_have_address_name_and_the_variant_that_shows_them(client, products):
    urls = picture_urls(client)[:2]
    files = [{"originalSource": url, "alt": f"A{number}"} for number, url in enumerate(urls)]
    given = sized("S", "M")
    given["variants"][1]["file"] = {"originalSource": urls[1]}
    raw = one(products, make_product(client, title="P", files=files, **given)).raw
    assert [image["alt"] for image in raw["images"]] == ["A0", "A1"]
    assert [image["name"] for image in raw["images"]] == [file_name(url) for url in urls]
    assert all(image["url"].startswith("http") for image in raw["images"])
    assert [variant["imageId"] for variant in raw["variants"]] == [None, raw["images"][1]["id"]]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://cdn.example.com/s/files/1/shirt.jpg?v=17", "shirt"),
        ("https://cdn.example.com/s/files/1/shirt_0e1b4ac2-0f0b-4c0e-9a52-0f6f52b7f5c1.jpg?v=1", "shirt"),
        ("https://example.com/a/na%20me.v2.png", "na me.v2"),
        ("https://example.com/noending", "noending"),
    ],
)
def test_an_image_is_known_by_the_name_of_its_file(address, name):
    assert file_name(address) == name


def test_reading_waits_for_images_that_are_still_processed(shopify_sandbox, client, products):
    url = picture_urls(client)[0]
    shopify_sandbox.control.set_options(media_seconds=0.6)
    gid = make_product(client, title="Fresh", files=[{"originalSource": url}])
    assert one(products, gid).raw["images"][0]["url"].startswith("http")


def test_an_image_that_takes_too_long_is_there_without_an_address(shopify_sandbox, client):
    url = picture_urls(client)[0]
    shopify_sandbox.control.set_options(media_seconds=30.0)
    gid = make_product(client, title="Slow", files=[{"originalSource": url}])
    images = one(gateway(client, sleep=lambda _: None), gid).raw["images"]
    assert [(image["position"], image["url"]) for image in images] == [(1, None)]


def test_an_image_that_failed_is_none(client, products):
    good = picture_urls(client)[0]
    files = [{"originalSource": f"{good}x".replace("/cdn/", "/nothing/")}, {"originalSource": good}]
    gid = make_product(client, title="Half", files=files)
    images = until(lambda: one(products, gid).raw["images"])
    assert [image["position"] for image in images] == [1]


def test_fetch_reads_by_id_whatever_the_index_knows(shopify_sandbox, client, products):
    shopify_sandbox.control.set_options(index_lag_seconds=3600.0)
    gid = make_product(client, title="Fresh")
    number = gid.rpartition("/")[2]
    assert set(products.fetch([gid, number, "gid://shopify/Product/1", "gid://shopify/Customer/1"])) == {gid, number}


def test_products_are_found_by_the_sku_and_barcode_of_any_variant(client, products):
    shirt = make_product(client, title="Shirt", **sized("S", "M", barcode="8000000000017"))
    twin = make_product(client, title="Twin", **sized("M"))
    found = products.find("variants.sku", ["SKU-M", "SKU-S", "SKU-X", ""])
    assert {value: {record.id for record in records} for value, records in found.items()} == {
        "SKU-M": {shirt, twin},
        "SKU-S": {shirt},
        "SKU-X": set(),
        "": set(),
    }
    assert [record.id for record in products.find("variants.barcode", ["8000000000017"])["8000000000017"]] == [shirt]


@pytest.mark.parametrize("sku", ['A"B', "A'B", "A\\B", "A:B OR sku:C", "(A)", "A*", "-A", "Größe 1"])
def test_a_sku_with_characters_of_the_search_syntax_is_found(client, products, sku):
    given = sized("S", "M")
    given["variants"][0]["sku"] = sku
    gid = make_product(client, title="Odd", **given)
    assert [record.id for record in products.find("variants.sku", [sku])[sku]] == [gid]


def test_a_hit_of_the_index_that_is_no_longer_true_is_none(shopify_sandbox, client, products):
    gid = make_product(client, title="Old", **sized("S"))
    variant = one(products, gid).raw["variants"][0]["id"]
    shopify_sandbox.control.set_options(index_lag_seconds=3600.0)
    text = (
        "mutation Person($id: ID!, $v: [ProductVariantsBulkInput!]!) {"
        " productVariantsBulkUpdate(productId: $id, variants: $v) { userErrors { field message } } }"
    )
    call(client, text, {"id": gid, "v": [{"id": variant, "inventoryItem": {"sku": "NEW"}}]})
    assert products.find("variants.sku", ["SKU-S"])["SKU-S"] == []


def test_many_skus_are_looked_up_in_few_requests(shopify_sandbox, client, products):
    make_product(client, title="Many", **sized(*[f"N{number}" for number in range(90)]))
    products.find("variants.sku", ["SKU-N1"])
    shopify_sandbox.control.reset_metrics()
    found = products.find("variants.sku", [f"SKU-N{number}" for number in range(90)])
    assert all(len(records) == 1 for records in found.values())
    assert shopify_sandbox.control.metrics()["requests"] <= 6


def test_products_are_found_by_handle(client, products):
    gid = make_product(client, title="Shirt", handle="my-shirt")
    found = products.find("handle", ["my-shirt", "other"])
    assert [record.id for record in found["my-shirt"]] == [gid]
    assert found["other"] == []


def test_find_by_another_field_is_refused(products):
    error = error_of(products.find, "title", ["Shirt"])
    assert (error.code, error.field) == (MAPPING_INVALID, "title")


def test_a_counterpart_that_does_not_exist_is_none(products):
    assert products.find_counterpart("4711") is None


def test_a_missing_definition_names_the_next_step(shopify_sandbox):
    shopify_sandbox.control.reset(seed=7, customers=0)
    error = error_of(gateway(shop_client(shopify_sandbox)).find_counterpart, "4711")
    assert error.code is SHOPIFY_QUERY
    assert "onboard_shop" in str(error)


def test_a_missing_scope_is_named(shopify_sandbox, client):
    shopify_sandbox.control.set_options(token_scopes="read_products,read_locations")
    error = error_of(lambda: list(gateway(client).scan(Window())))
    assert error.code is SHOPIFY_SCOPE
    assert "read_inventory" in str(error)


def test_without_stock_no_location_is_needed(shopify_sandbox, client):
    shopify_sandbox.control.set_options(token_scopes="read_products")
    assert scanned(gateway(client, {"title", "variants[].price"}, {}))[0]


def test_a_product_changed_during_the_scan_comes_once(client, products):
    every = scanned(products)[0]
    scan = products.scan(Window(until=every[-1].updated_at + timedelta(seconds=1)))
    first = next(scan)
    text = 'mutation Person($id: ID!) { tagsAdd(id: $id, tags: ["x"]) { userErrors { message } } }'
    call(client, text, {"id": first.records[0].id})
    assert first.records[0].id not in [record.id for page in scan for record in page.records]


def test_the_shop_tells_whether_its_prices_contain_taxes(client):
    assert ShopFacts(client).taxes_included() is True


def test_facts_of_the_shop_are_asked_once(shopify_sandbox, client):
    facts = ShopFacts(client)
    shopify_sandbox.control.reset_metrics()
    for _ in range(3):
        assert facts.location() == facts.location("Magazzino Milano")
        assert len(facts.publications()) == 2
        assert facts.publications(["online store"]) == facts.publications()[:1]
        facts.taxes_included()
    assert shopify_sandbox.control.metrics()["requests"] == 3


def test_a_sales_channel_that_does_not_exist_is_told_with_those_that_do(client):
    error = error_of(ShopFacts(client).publications, ["Amazon"])
    assert error.code is SETTINGS_INVALID
    assert "Online Store" in error.message


def test_prices_are_read_as_the_shop_states_them(client, products):
    raw = one(products, make_product(client, title="P", **sized("S", compareAtPrice="12.5"))).raw["variants"][0]
    assert (Decimal(raw["price"]), Decimal(raw["compareAtPrice"])) == (Decimal(10), Decimal("12.50"))


def test_a_scan_survives_a_shaky_network(shopify_sandbox, products):
    for kind in ("reset", "truncate", "garbage", "throttle"):
        shopify_sandbox.control.add_fault(kind, every_nth=7)
    assert len(scanned(products)[0]) == shopify_sandbox.control.state()["records"]["Product"]


def test_reading_a_catalogue_never_earns_a_throttle(shopify_sandbox):
    shopify_sandbox.control.reset(seed=7, customers=0, products=400, population="shopify")
    shopify_sandbox.control.set_options(bucket_size=2_000.0, restore_rate=1_000.0)
    started = time.monotonic()
    assert len(scanned(gateway(shop_client(shopify_sandbox)))[0]) == 400
    assert time.monotonic() - started < 60
    assert shopify_sandbox.control.state()["requests"]["throttled"] == 0
