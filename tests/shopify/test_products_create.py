import pytest

from shopify_fw360.errors import SHOPIFY_PROCESSING, SHOPIFY_REJECTED, UNCLEAR_CREATE, SyncError
from shopify_fw360.records import Entity, NewChild
from shopify_fw360.shopify.definitions import ensure_definitions
from tests.shopify.product_world import brief, call, gateway, make_product, new_children, picture_urls, shop_client

LEFT = "query Person { files(first: 250) { nodes { id fileStatus } } }"


@pytest.fixture
def shop(shopify_process):
    shopify_process.control.reset(seed=7, customers=0, products=6, population="shopify")
    shopify_process.control.set_options(bucket_size=20_000.0, restore_rate=1_000.0, media_seconds=0.0)
    ensure_definitions(shop_client(shopify_process), {Entity.PRODUCT})
    return shopify_process


@pytest.fixture
def client(shop):
    return shop_client(shop)


@pytest.fixture
def products(client):
    return gateway(client)


@pytest.fixture
def urls(client):
    return picture_urls(client)


def variant(size="S", **values):
    given = {"options": [["Taglia", size]], "sku": f"SKU-{size}", "price": "10.00", "tracked": True, "quantity": 3}
    return given | values


def shirt(urls, **fields):
    return {
        "title": "Camicia",
        "descriptionHtml": "<p>Lino</p>",
        "vendor": "Lanificio",
        "productType": "Camicie",
        "tags": ("estate", "lino"),
        "status": "ACTIVE",
        "handle": "camicia",
        "seo.title": "Camicia di lino",
        "seo.description": "Fresca",
        "metafields.custom.materiale": "lino",
        "images": new_children(
            {"source_id": "i1", "url": urls[0], "alt": "Fronte", "position": 1, "name": "a"},
            {"source_id": "i2", "url": urls[1], "alt": None, "position": 2, "name": "b"},
        ),
        "variants": new_children(
            variant(
                "S",
                barcode="8001234567890",
                compareAtPrice="12.50",
                cost="4.20",
                weightKg="0.25",
                inventoryPolicy="CONTINUE",
                taxable=False,
                image=NewChild("i2"),
            ),
            variant("M", quantity=0, barcode=None),
            variant("L", tracked=False, quantity=None),
        ),
    } | fields


def count(shop, kind="Product"):
    return shop.control.state()["records"][kind]


def metrics(shop):
    return {name: entry["count"] for name, entry in shop.control.metrics()["operations"].items()}


def published(client, gid):
    text = (
        "query Person($id: ID!) { product(id: $id) {"
        " resourcePublicationsV2(first: 9) { nodes { publication { channels(first: 1) { nodes { name } } } } } } }"
    )
    nodes = call(client, text, {"id": gid})["product"]["resourcePublicationsV2"]["nodes"]
    return sorted(node["publication"]["channels"]["nodes"][0]["name"] for node in nodes)


def error_of(action, *arguments):
    with pytest.raises(SyncError) as caught:
        action(*arguments)
    return caught.value


def test_a_product_is_created_completely(shop, client, products, urls):
    before = count(shop)
    result = products.create(shirt(urls), "4711")
    raw = result.record.raw
    assert result.created
    assert count(shop) == before + 1
    assert (raw["title"], raw["vendor"], raw["productType"], raw["status"]) == (
        "Camicia",
        "Lanificio",
        "Camicie",
        "ACTIVE",
    )
    assert (raw["handle"], raw["tags"]) == ("camicia", ["estate", "lino"])
    assert raw["seo"] == {"title": "Camicia di lino", "description": "Fresca"}
    assert raw["metafields"] == {"$app": {"fw360_id": "4711"}, "custom": {"materiale": "lino"}}
    small, medium, large = raw["variants"]
    assert (small["barcode"], small["compareAtPrice"], small["weightKg"]) == ("8001234567890", "12.50", "0.25")
    assert (small["inventoryItem"]["unitCost"]["amount"], small["inventoryPolicy"], small["taxable"]) == (
        "4.20",
        "CONTINUE",
        False,
    )
    assert [one["quantity"] for one in raw["variants"]] == [3, 0, None]
    assert [image["alt"] for image in raw["images"]] == ["Fronte", ""]
    assert [small["imageId"], medium["imageId"], large["imageId"]] == [raw["images"][1]["id"], None, None]
    assert published(client, result.record.id) == ["Online Store", "Point of Sale"]
    assert products.fetch([result.record.id])[result.record.id] == result.record


def test_the_ids_of_all_children_are_told(products, urls):
    result = products.create(shirt(urls), "4711")
    raw = result.record.raw
    assert result.children["variants"] == {f"s{n}": one["id"] for n, one in enumerate(raw["variants"], 1)}
    assert result.children["images"] == {f"i{n}": one["id"] for n, one in enumerate(raw["images"], 1)}


def test_a_product_without_images_takes_three_requests(shop, products):
    fields = shirt(["", ""], images=new_children(), variants=new_children(variant("S")))
    products.create(fields, "1")
    shop.control.reset_metrics()
    result = products.create(fields | {"handle": "other"}, "2")
    assert metrics(shop) == {"ProductsByKey": 1, "ProductCreate": 1, "ProductFinish": 1}
    assert result.requests == 3


def test_a_product_without_choices_has_one_variant_without_options(products):
    result = products.create({"title": "Tazza", "variants": new_children(variant(options=[]))}, "1")
    assert result.record.raw["hasOnlyDefaultVariant"]
    assert brief(result.record)[0][:2] == ("", "SKU-S")
    assert [one["options"] for one in result.record.raw["variants"]] == [[]]


@pytest.mark.parametrize(
    ("publish", "channels"),
    [("all", ["Online Store", "Point of Sale"]), ("none", []), (["point of sale"], ["Point of Sale"])],
)
def test_a_new_product_is_published_as_set(client, publish, channels):
    made = gateway(client, publish=publish).create({"title": "Tazza"}, "1").record
    assert published(client, made.id) == channels


def test_stock_goes_to_the_synchronised_location(client):
    products = gateway(client, location="Negozio Bologna")
    fields = {"title": "P", "variants": new_children(variant("S", quantity=5), variant("M", quantity=0))}
    assert [one["quantity"] for one in products.create(fields, "1").record.raw["variants"]] == [5, 0]


def test_the_counterpart_is_found_by_the_other_systems_id(products, urls):
    record = products.create(shirt(urls), "4711").record
    assert products.find_counterpart("4711").id == record.id
    assert products.find_counterpart("4712") is None


def test_creating_twice_goes_on_with_the_product_that_is_there(shop, client, products, urls):
    first = products.create(shirt(urls), "4711")
    before = count(shop), count(shop, "MediaImage")
    second = products.create(shirt(urls, title="Camicia bianca"), "4711")
    assert (count(shop), count(shop, "MediaImage")) == before
    assert not second.created
    assert second.children == first.children
    assert second.record.raw["title"] == "Camicia bianca"


def test_a_variant_the_merchant_added_survives_a_second_create(client, products, urls):
    gid = products.create(shirt(urls), "4711").record.id
    add_variant(client, gid, "XL")
    record = products.create(shirt(urls), "4711").record
    assert [row[0] for row in brief(record)] == ["S", "M", "L", "XL"]


def add_variant(client, gid, size):
    text = (
        "mutation Person($id: ID!, $v: [ProductVariantsBulkInput!]!) {"
        " productVariantsBulkCreate(productId: $id, variants: $v) { userErrors { field message } } }"
    )
    call(client, text, {"id": gid, "v": [{"optionValues": [{"optionName": "Taglia", "name": size}], "price": "1"}]})


@pytest.mark.parametrize("fault", ["lost_answer", "apply_then_500", "truncate"])
@pytest.mark.parametrize("operation", ["ProductCreate", "ProductFinish"])
def test_a_create_whose_answer_is_lost_makes_one_product(shop, client, products, urls, operation, fault):
    before = count(shop), count(shop, "MediaImage"), count(shop, "ProductVariant")
    shop.control.add_fault(fault, match={"operation": operation}, times=1)
    result = products.create(shirt(urls), "4711")
    assert (count(shop), count(shop, "MediaImage"), count(shop, "ProductVariant")) == (
        before[0] + 1,
        before[1] + 2,
        before[2] + 3,
    )
    assert result.created
    assert [row[3] for row in brief(result.record)] == [3, 0, None]
    assert published(client, result.record.id) == ["Online Store", "Point of Sale"]
    assert len(result.children["variants"]) == 3
    assert len(result.children["images"]) == 2


def test_a_create_that_never_arrived_is_left_to_the_next_attempt(shop, products, urls):
    before = count(shop)
    shop.control.add_fault("reset", match={"operation": "ProductCreate"}, times=1)
    patient = gateway(products.reader._client, sleep=lambda _: None)
    assert error_of(patient.create, shirt(urls), "4711").code is UNCLEAR_CREATE
    assert products.create(shirt(urls), "4711").created
    assert count(shop) == before + 1


@pytest.mark.parametrize("operation", ["ProductsById", "ProductFinish"])
def test_a_crash_after_the_product_was_made_leads_to_stock_and_publishing(shop, client, products, urls, operation):
    shop.control.add_fault("http_status", match={"operation": operation}, times=1, params={"status": 403})
    error_of(products.create, shirt(urls), "4711")
    found = products.find_counterpart("4711")
    assert published(client, found.id) == []
    fields = {name: value for name, value in shirt(urls).items() if name in ("images", "variants")}
    result = products.update(found, fields, "4711")
    assert [row[3] for row in brief(result.record)] == [3, 0, None]
    assert published(client, found.id) == ["Online Store", "Point of Sale"]
    assert len(result.children["variants"]) == 3


def test_a_crash_before_publishing_is_made_good_even_if_nothing_differs(shop, client, products):
    shop.control.add_fault("http_status", match={"operation": "ProductFinish"}, times=1, params={"status": 403})
    error_of(products.create, {"title": "Tazza"}, "1")
    products.update(products.find_counterpart("1"), {}, "1")
    assert published(client, products.find_counterpart("1").id) == ["Online Store", "Point of Sale"]


def test_a_merchants_own_product_is_never_published_by_linking_it(client, products):
    gid = make_product(client, title="Own", status="ACTIVE")
    products.update(products.fetch([gid])[gid], {}, "77")
    again = products.find_counterpart("77")
    products.update(again, {"title": "Own title"}, "77")
    assert published(client, gid) == []


def test_a_product_the_merchant_has_hidden_stays_hidden_when_it_is_updated(client, products):
    made = products.create({"title": "Tazza"}, "1").record
    publications = products.facts.publications()
    text = (
        "mutation Person($id: ID!, $p: [PublicationInput!]!)"
        " { publishableUnpublish(id: $id, input: $p) { userErrors { message } } }"
    )
    call(client, text, {"id": made.id, "p": [{"publicationId": gid} for gid in publications]})
    products.update(products.fetch([made.id])[made.id], {"title": "Tazza blu"}, "1")
    assert published(client, made.id) == []


def test_a_large_product_is_made_in_the_background(shop, client):
    shop.control.set_options(product_set_seconds=0.3)
    rows = [
        variant(options=[["Taglia", f"T{a}"], ["Colore", f"C{b}"]], sku=f"{a}-{b}", quantity=a)
        for a in range(20)
        for b in range(15)
    ]
    result = gateway(client).create({"title": "Large", "variants": new_children(*rows)}, "1")
    assert [(row[1], row[3]) for row in brief(result.record)] == [(row["sku"], row["quantity"]) for row in rows]
    assert len(result.children["variants"]) == 300
    assert metrics(shop)["ProductSetState"] >= 1


def test_a_refusal_in_the_background_is_told_like_any_other(shop, client):
    shop.control.set_options(product_set_seconds=0.1)
    rows = [variant(f"T{number}", sku="x" * (300 if number == 119 else 10)) for number in range(120)]
    error = error_of(gateway(client).create, {"title": "Large", "variants": new_children(*rows)}, "1")
    assert (error.code, error.field) == (SHOPIFY_REJECTED, "variants[120].sku")


def test_more_values_than_an_input_holds_are_added_in_steps(client):
    rows = [variant(f"N{number}", quantity=None) for number in range(260)]
    result = gateway(client).create({"title": "Numbers", "variants": new_children(*rows)}, "1")
    assert [row[0] for row in brief(result.record)] == [f"N{number}" for number in range(260)]
    assert len(result.children["variants"]) == 260


def test_a_broken_image_is_named_and_leaves_nothing_behind(shop, client, products, urls):
    before = len(call(client, LEFT)["files"]["nodes"])
    broken = new_children(
        {"source_id": "i1", "url": urls[0], "alt": "ok", "position": 1},
        {"source_id": "i2", "url": urls[1].replace("/cdn/", "/nothing/"), "alt": "broken", "position": 2},
    )
    error = error_of(products.create, shirt(urls, images=broken), "4711")
    assert (error.code, error.field, error.rule) == (SHOPIFY_REJECTED, "images[2].url", "image_download_failure")
    assert urls[1].rpartition("/")[2].partition("?")[0] in error.message
    assert len(call(client, LEFT)["files"]["nodes"]) == before + 1
    found = products.find_counterpart("4711")
    assert published(client, found.id) == []
    mended = products.create(shirt(urls), "4711")
    assert [image["alt"] for image in mended.record.raw["images"]] == ["Fronte", ""]
    assert len(call(client, LEFT)["files"]["nodes"]) == before + 2
    assert published(client, found.id) == ["Online Store", "Point of Sale"]


def test_something_that_is_no_picture_is_refused(products, urls, shop):
    images = new_children({"url": f"{shop.url}/_sandbox/health", "position": 1})
    error = error_of(products.create, {"title": "P", "images": images}, "1")
    assert (error.field, error.rule) == ("images[1].url", "unsupported_image_file_type")


def test_images_that_take_too_long_are_left_to_the_next_attempt(shop, client, urls):
    before = count(shop, "MediaImage")
    shop.control.set_options(media_seconds=0.8)
    error = error_of(gateway(client, patience=0.3).create, shirt(urls), "4711")
    assert error.code is SHOPIFY_PROCESSING
    result = gateway(client).create(shirt(urls), "4711")
    assert count(shop, "MediaImage") == before + 2
    assert [image["alt"] for image in result.record.raw["images"]] == ["Fronte", ""]
    assert published(client, result.record.id) == ["Online Store", "Point of Sale"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 300}, "title"),
        ({"tags": ("x" * 300,)}, "tags"),
        ({"variants": new_children(variant("S"), variant("M", sku="x" * 400))}, "variants[2].sku"),
        ({"variants": new_children(variant("S", price="-1"))}, "variants[1].price"),
        ({"variants": new_children(variant("S"), variant("S"))}, "variants[2]"),
        (
            {"variants": new_children(variant(options=[["A", "1"], ["B", "1"], ["C", "1"], ["D", "1"]]))},
            "variants[].options",
        ),
        ({"images": new_children({"url": "no address", "position": 1})}, "images[1].url"),
        ({"images": new_children({"url": None, "position": 1})}, "images[1].url"),
        (
            {"variants": new_children(variant("S"), variant(options=[["Taglia", "M"], ["Colore", "Blu"]]))},
            "variants[1].options",
        ),
    ],
)
def test_a_refused_value_names_record_and_field_and_makes_nothing(shop, products, fields, field):
    before = count(shop)
    error = error_of(products.create, {"title": "P"} | fields, "4711")
    assert (error.code, error.field) == (SHOPIFY_REJECTED, field)
    assert error.record == "product framework360:4711"
    assert count(shop) == before


def test_a_handle_that_another_product_has_can_be_told_apart(client, products):
    make_product(client, title="Tazza", handle="tazza")
    error = error_of(products.create, {"title": "Tazza", "handle": "tazza"}, "1")
    assert (error.field, error.rule) == ("handle", "handle_not_unique")
