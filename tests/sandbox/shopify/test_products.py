"""Products as productSet and the finer mutations write them, and as queries read them."""

import time
from urllib.parse import urlsplit

import pytest

SHIRT = {
    "title": "Shirt",
    "productOptions": [{"name": "Size", "position": 1, "values": [{"name": "S"}, {"name": "M"}]}],
    "variants": [
        {"optionValues": [{"optionName": "Size", "name": "S"}], "sku": "P-S", "price": "19.90"},
        {"optionValues": [{"optionName": "Size", "name": "M"}], "sku": "P-M", "price": "21"},
    ],
}
READ = """title handle status tags hasOnlyDefaultVariant totalInventory
  options { id name optionValues { id name hasVariants } }
  variants(first: 10) { nodes { id sku price title position selectedOptions { name value }
    inventoryItem { id tracked unitCost { amount } } } }
  media(first: 10) { nodes { id alt status mediaErrors { code } preview { image { url width } } } }"""


@pytest.fixture
def put(shop, operation_text):
    def product_set(identifier=None, *, sync=True, **given):
        variables = {"identifier": identifier, "input": given, "sync": sync}
        text = operation_text("12").replace("ProductSetIdentifiers!", "ProductSetIdentifiers")
        return shop.data(text, variables, "ProductUpsert")["productSet"]

    return product_set


@pytest.fixture
def read(shop):
    def product(gid, selection=READ):
        return shop.data(f"query($id: ID!) {{ product(id: $id) {{ {selection} }} }}", {"id": gid})["product"]

    return product


def codes(payload):
    return [error["code"] for error in payload["userErrors"]]


def as_input(variant, **changes):
    values = [{"optionName": entry["name"], "name": entry["value"]} for entry in variant["selectedOptions"]]
    return {"id": variant["id"], "optionValues": values, **changes}


def finished(read, gid):
    """Wait until no file of a product is being processed; returns its media."""
    while True:
        media = read(gid)["media"]["nodes"]
        if all(medium["status"] in ("READY", "FAILED") for medium in media):
            return media
        time.sleep(0.02)


def picture(shop):
    """Return the address of an image that exists."""
    query = '{ files(first: 1, query: "status:READY") { nodes { preview { image { url } } } } }'
    return shop.data(query)["files"]["nodes"][0]["preview"]["image"]["url"]


def test_the_seed_is_the_shared_catalogue(shop):
    selection = "variantsCount { count } mediaCount { count } status"
    page = shop.data(f"{{ productsCount {{ count }} products(first: 250) {{ nodes {{ {selection} }} }} }}")
    nodes = page["products"]["nodes"]
    assert page["productsCount"]["count"] == len(nodes) > 20
    assert {node["status"] for node in nodes} == {"ACTIVE", "DRAFT", "ARCHIVED"}
    assert max(node["variantsCount"]["count"] for node in nodes) >= 100
    assert max(node["mediaCount"]["count"] for node in nodes) == 10


def test_the_incremental_read_delivers_products_in_order(shop, operation_text):
    text = "updated_at:>='2024-01-01T00:00:00Z' AND status:active,draft,archived,unlisted"
    answer = shop.answer(operation_text("09"), {"first": 25, "search": text})
    assert "errors" not in answer
    assert "search" not in answer["extensions"]
    changed = [node["updatedAt"] for node in answer["data"]["products"]["nodes"]]
    assert changed == sorted(changed)


def test_locations_are_listed(shop, operation_text):
    names = [node["name"] for node in shop.data(operation_text("02"))["locations"]["nodes"]]
    assert names == ["Negozio Bologna", "Magazzino Milano"]


def test_seeded_images_are_served(shop):
    answer = shop.session.get(picture(shop), timeout=5)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


def test_a_title_alone_makes_a_product_with_its_default_variant(put, read):
    product = read(put(title="Über-Café № 1")["product"]["id"])
    assert product["handle"] == "über-café-1"
    assert product["hasOnlyDefaultVariant"] is True
    [variant] = product["variants"]["nodes"]
    assert (variant["title"], variant["price"]) == ("Default Title", "0.00")
    assert variant["selectedOptions"] == [{"name": "Title", "value": "Default Title"}]


def test_options_and_variants_are_written_together(put, read):
    product = read(put(**SHIRT)["product"]["id"])
    assert [variant["title"] for variant in product["variants"]["nodes"]] == ["S", "M"]
    assert [variant["price"] for variant in product["variants"]["nodes"]] == ["19.90", "21.00"]
    assert product["hasOnlyDefaultVariant"] is False


def test_a_variant_left_out_is_deleted_and_one_with_its_id_stays(put, read):
    gid = put(**SHIRT)["product"]["id"]
    before = read(gid)
    kept = before["variants"]["nodes"][1]
    put({"id": gid}, productOptions=[{"name": "Size", "values": [{"name": "M"}]}], variants=[as_input(kept, price="5")])
    after = read(gid)
    assert [(variant["id"], variant["price"]) for variant in after["variants"]["nodes"]] == [(kept["id"], "5.00")]
    assert after["options"][0]["id"] == before["options"][0]["id"]


def test_a_variant_without_its_id_is_a_new_one(put, read):
    gid = put(**SHIRT)["product"]["id"]
    before = {variant["id"] for variant in read(gid)["variants"]["nodes"]}
    put({"id": gid}, **SHIRT)
    assert before.isdisjoint(variant["id"] for variant in read(gid)["variants"]["nodes"])


def test_the_switch_makes_option_values_identify_variants(shop, put, read):
    shop.control.set_options(product_set_matches_options=True)
    gid = put(**SHIRT)["product"]["id"]
    before = [variant["id"] for variant in read(gid)["variants"]["nodes"]]
    put({"id": gid}, **SHIRT)
    assert [variant["id"] for variant in read(gid)["variants"]["nodes"]] == before


def test_fields_left_out_stay(put, read):
    gid = put(**SHIRT, tags=["a", "b"])["product"]["id"]
    put({"id": gid}, status="DRAFT")
    product = read(gid)
    assert (product["status"], product["tags"], product["title"]) == ("DRAFT", ["a", "b"], "Shirt")
    assert len(product["variants"]["nodes"]) == 2


def option(name, *values):
    return {"name": name, "values": [{"name": value} for value in values]}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"title": "x", "productOptions": SHIRT["productOptions"]}, "VARIANTS_INPUT_MISSING"),
        ({"title": "x", "variants": SHIRT["variants"]}, "PRODUCT_OPTIONS_INPUT_MISSING"),
        ({**SHIRT, "productOptions": [option(name, "1") for name in "abcd"]}, "OPTIONS_OVER_LIMIT"),
        ({**SHIRT, "productOptions": [option("Size", "S", "s")]}, "DUPLICATED_OPTION_VALUE"),
        ({**SHIRT, "productOptions": [option("Size", "S"), option("size", "S")]}, "DUPLICATED_OPTION_NAME"),
        ({**SHIRT, "productOptions": [option("Size")]}, "OPTION_VALUES_MISSING"),
        ({**SHIRT, "productOptions": [option("Size", "S")]}, "OPTION_VALUE_DOES_NOT_EXIST"),
        ({**SHIRT, "productOptions": [option("Colour", "S", "M")]}, "OPTION_DOES_NOT_EXIST"),
        ({**SHIRT, "variants": [SHIRT["variants"][0]] * 2}, "INVALID_VARIANT"),
        (
            {**SHIRT, "variants": [{**SHIRT["variants"][0], "id": "gid://shopify/ProductVariant/1"}]},
            "PRODUCT_VARIANT_DOES_NOT_EXIST",
        ),
        ({**SHIRT, "variants": [{**SHIRT["variants"][0], "sku": "x" * 400}]}, "INVALID_INPUT"),
        ({"title": "x" * 256}, "INVALID_INPUT"),
        ({"title": " "}, "INVALID_INPUT"),
    ],
)
def test_a_wrong_product_is_refused_whole(shop, put, given, code):
    before = shop.control.state()["records"]
    payload = put(**given)
    assert code in codes(payload)
    assert payload["product"] is None
    assert shop.control.state()["records"] == before


def test_a_handle_is_unique_and_an_automatic_one_evades(put, read):
    put(title="Twin")
    assert read(put(title="Twin")["product"]["id"])["handle"] == "twin-1"
    assert codes(put(title="Other", handle="twin")) == ["HANDLE_NOT_UNIQUE"]


def test_a_custom_id_makes_an_upsert_idempotent(shop, put):
    shop.define(ownerType="PRODUCT")
    custom_id = {"customId": {"namespace": "$app", "key": "crm_id", "value": "P-100"}}
    first = put(custom_id, title="Shirt")["product"]["id"]
    assert put(custom_id, title="Shirt, blue")["product"]["id"] == first
    found = shop.data(
        "query($i: ProductIdentifierInput!) { productByIdentifier(identifier: $i) { title } }", {"i": custom_id}
    )
    assert found["productByIdentifier"] == {"title": "Shirt, blue"}


@pytest.mark.parametrize(
    ("identifier", "given", "code"),
    [
        ({"id": "gid://shopify/Product/1"}, {"title": "x"}, "PRODUCT_DOES_NOT_EXIST"),
        ({"handle": "a"}, {"title": "x"}, "MISSING_FIELD_REQUIRED"),
        ({"handle": "a"}, {"title": "x", "handle": "b"}, "INPUT_MISMATCH"),
        ({"handle": "a"}, {"title": "x", "handle": "a", "id": "gid://shopify/Product/1"}, "ID_NOT_ALLOWED"),
    ],
)
def test_an_identifier_that_does_not_fit_is_refused(put, identifier, given, code):
    assert codes(put(identifier, **given)) == [code]


def test_251_files_are_too_many_inputs(shop, operation_text):
    files = [{"originalSource": "https://a.example/x.png"}] * 251
    variables = {"identifier": {"handle": "a"}, "input": {"title": "x", "files": files}}
    assert (
        shop.error(operation_text("12"), variables, "ProductUpsert")["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"
    )


def test_2048_variants_are_accepted(shop, put):
    shop.control.set_options(max_cost=5000, bucket_size=10_000)
    options = [option("A", *map(str, range(128))), option("B", *map(str, range(16)))]
    variants = [
        {"optionValues": [{"optionName": "A", "name": str(a)}, {"optionName": "B", "name": str(b)}]}
        for a in range(128)
        for b in range(16)
    ]
    payload = put(title="Wide", productOptions=options, variants=variants)
    assert payload["userErrors"] == []
    assert payload["product"]["variants"]["pageInfo"]["hasNextPage"] is True


def test_an_asynchronous_set_is_polled(shop, operation_text, put):
    shop.control.set_options(product_set_seconds=0.2)
    payload = put(sync=False, **SHIRT)
    assert payload["product"] is None
    seen = [payload["productSetOperation"]["status"]]
    while seen[-1] != "COMPLETE":
        variables = {"operationId": payload["productSetOperation"]["id"]}
        operation = shop.data(operation_text("12"), variables, "ProductSetPoll")["productOperation"]
        seen.append(operation["status"])
        time.sleep(0.02)
    assert list(dict.fromkeys(seen)) == ["CREATED", "ACTIVE", "COMPLETE"]
    assert operation["product"]["handle"] == "shirt"


def test_an_asynchronous_set_reports_its_errors_in_the_operation(shop, operation_text, put):
    shop.control.set_options(product_set_seconds=0.02)
    payload = put(sync=False, title="x", variants=SHIRT["variants"])
    operation = {"status": ""}
    while operation["status"] != "COMPLETE":
        variables = {"operationId": payload["productSetOperation"]["id"]}
        operation = shop.data(operation_text("12"), variables, "ProductSetPoll")["productOperation"]
    assert codes(operation) == ["PRODUCT_OPTIONS_INPUT_MISSING"]
    assert operation["product"] is None


def test_an_image_is_fetched_processed_and_served(shop, put, read):
    shop.control.set_options(media_seconds=0.2)
    gid = put(title="Pictured", files=[{"originalSource": picture(shop), "alt": "A picture"}])["product"]["id"]
    [first] = read(gid)["media"]["nodes"]
    assert (first["status"] in ("UPLOADED", "PROCESSING"), first["preview"]["image"]) == (True, None)
    [medium] = finished(read, gid)
    assert (medium["status"], medium["alt"], medium["preview"]["image"]["width"]) == ("READY", "A picture", 120)
    assert shop.session.get(medium["preview"]["image"]["url"], timeout=5).content.startswith(b"\x89PNG")


def test_broken_image_addresses_fail_later_and_say_why(shop, put, read):
    shop.control.set_options(media_seconds=0.02)
    page = f"{shop.url}/_sandbox/health"
    files = [{"originalSource": f"{shop.url}/nothing.png"}, {"originalSource": page}]
    media = finished(read, put(title="Broken", files=files)["product"]["id"])
    assert [medium["status"] for medium in media] == ["FAILED", "FAILED"]
    assert [medium["mediaErrors"][0]["code"] for medium in media] == [
        "IMAGE_DOWNLOAD_FAILURE",
        "UNSUPPORTED_IMAGE_FILE_TYPE",
    ]


def test_the_same_source_again_is_another_copy_and_an_id_is_not(shop, put, read):
    shop.control.set_options(media_seconds=0.02)
    source = {"originalSource": picture(shop), "filename": "p.png"}
    gid = put(title="Pictured", files=[source])["product"]["id"]
    [first] = finished(read, gid)
    put({"id": gid}, files=[{"id": first["id"]}])
    assert [medium["id"] for medium in read(gid)["media"]["nodes"]] == [first["id"]]
    put({"id": gid}, files=[source])
    [second] = finished(read, gid)
    assert second["id"] != first["id"]
    names = [urlsplit(medium["preview"]["image"]["url"]).path.rsplit("/", 1)[1] for medium in (first, second)]
    assert len(set(names)) == 2


def test_replace_keeps_the_file_and_changes_its_address(shop, put, read):
    shop.control.set_options(media_seconds=0.02)
    source = {"originalSource": picture(shop), "filename": "p.png"}
    gid = put(title="Pictured", files=[source])["product"]["id"]
    [first] = finished(read, gid)
    put({"id": gid}, files=[{**source, "duplicateResolutionMode": "REPLACE"}])
    assert [medium["id"] for medium in finished(read, gid)] == [first["id"]]


def test_a_variant_shows_one_of_the_products_files(shop, put, read):
    source = {"originalSource": picture(shop)}
    variants = [{**SHIRT["variants"][0], "file": source}, SHIRT["variants"][1]]
    assert codes(put(**{**SHIRT, "variants": variants})) == ["INVALID_VARIANT"]
    gid = put(**{**SHIRT, "variants": variants, "files": [source]})["product"]["id"]
    shown = read(
        gid, "variants(first: 2) { nodes { media(first: 1) { nodes { id } } } } media(first: 1) { nodes { id } }"
    )
    assert shown["variants"]["nodes"][0]["media"]["nodes"] == shown["media"]["nodes"]
    assert shown["variants"]["nodes"][1]["media"]["nodes"] == []


def test_a_file_is_updated_and_deleted(shop, put, read):
    shop.control.set_options(media_seconds=0.02)
    gid = put(title="Pictured", files=[{"originalSource": picture(shop)}])["product"]["id"]
    [medium] = finished(read, gid)
    selection = "files { alt } userErrors { code }"
    changed = {"files": [{"id": medium["id"], "alt": "New"}]}
    payload = shop.mutate("fileUpdate", changed, selection, files="[FileUpdateInput!]!")
    assert payload == {"files": [{"alt": "New"}], "userErrors": []}
    gone = shop.mutate(
        "fileDelete", {"fileIds": [medium["id"]]}, "deletedFileIds userErrors { code }", fileIds="[ID!]!"
    )
    assert gone["deletedFileIds"] == [medium["id"]]
    assert read(gid)["media"]["nodes"] == []


def test_a_product_is_created_updated_and_deleted(shop, read):
    types = {"product": "ProductCreateInput"}
    created = {"product": {"title": "Mug", "productOptions": [option("Colour", "red", "blue")]}}
    gid = shop.mutate("productCreate", created, "product { id }", **types)["product"]["id"]
    assert [variant["title"] for variant in read(gid)["variants"]["nodes"]] == ["red"]
    changed = {"product": {"id": gid, "status": "ARCHIVED"}}
    shop.mutate("productUpdate", changed, "product { id }", product="ProductUpdateInput")
    assert read(gid)["status"] == "ARCHIVED"
    shop.mutate("productDelete", {"input": {"id": gid}}, "deletedProductId", input="ProductDeleteInput!")
    assert read(gid) is None


def bulk(shop, name, gid, variants, kind="[ProductVariantsBulkInput!]!", key="variants"):
    selection = "product { id } userErrors { field code }"
    arguments = {"productId": gid, key: variants}
    return shop.mutate(name, arguments, selection, productId="ID!", **{key: kind})


def test_variants_are_created_in_bulk_and_replace_the_default_one(shop, put, read):
    gid = put(title="Mug", productOptions=[option("Size", "S")], variants=[SHIRT["variants"][0]])["product"]["id"]
    new = {"optionValues": [{"optionName": "Size", "name": "XL"}], "price": "7", "inventoryItem": {"sku": "XL-1"}}
    assert bulk(shop, "productVariantsBulkCreate", gid, [new])["userErrors"] == []
    assert [variant["sku"] for variant in read(gid)["variants"]["nodes"]] == ["P-S", "XL-1"]
    assert codes(bulk(shop, "productVariantsBulkCreate", gid, [new])) == ["VARIANT_ALREADY_EXISTS"]


def test_variants_are_updated_and_deleted_in_bulk(shop, put, read):
    gid = put(**SHIRT)["product"]["id"]
    first, second = read(gid)["variants"]["nodes"]
    change = {"id": first["id"], "price": "3.5", "inventoryItem": {"cost": "1.25", "tracked": True}}
    assert bulk(shop, "productVariantsBulkUpdate", gid, [change])["userErrors"] == []
    changed = read(gid)["variants"]["nodes"][0]
    assert (changed["price"], changed["inventoryItem"]["unitCost"]["amount"]) == ("3.50", "1.25")
    bad = [{"id": first["id"], "price": "-1"}]
    assert codes(bulk(shop, "productVariantsBulkUpdate", gid, bad)) == ["NEGATIVE_PRICE_VALUE"]
    assert bulk(shop, "productVariantsBulkDelete", gid, [first["id"]], "[ID!]!", "variantsIds")["userErrors"] == []
    last = bulk(shop, "productVariantsBulkDelete", gid, [second["id"]], "[ID!]!", "variantsIds")
    assert codes(last) == ["CANNOT_DELETE_LAST_VARIANT"]


def test_options_are_created_renamed_and_deleted(shop, put, read):
    gid = put(title="Mug")["product"]["id"]
    types = {
        "productId": "ID!",
        "options": "[OptionCreateInput!]!",
        "variantStrategy": "ProductOptionCreateVariantStrategy",
    }
    given = {"productId": gid, "options": [option("Size", "S", "M")], "variantStrategy": "CREATE"}
    payload = shop.mutate("productOptionsCreate", given, "userErrors { code }", **types)
    assert payload["userErrors"] == []
    product = read(gid)
    assert [variant["title"] for variant in product["variants"]["nodes"]] == ["S", "M"]
    renamed = {"productId": gid, "option": {"id": product["options"][0]["id"], "name": "Taglia"}}
    shop.mutate("productOptionUpdate", renamed, "userErrors { code }", productId="ID!", option="OptionUpdateInput!")
    assert read(gid)["options"][0]["name"] == "Taglia"
    gone = {"productId": gid, "options": [product["options"][0]["id"]]}
    refused = shop.mutate("productOptionsDelete", gone, "userErrors { code }", productId="ID!", options="[ID!]!")
    assert codes(refused) == ["CANNOT_DELETE_OPTION_WITH_MULTIPLE_VALUES"]
    types = {"productId": "ID!", "options": "[ID!]!", "strategy": "ProductOptionDeleteStrategy"}
    shop.mutate("productOptionsDelete", {**gone, "strategy": "POSITION"}, "userErrors { code }", **types)
    assert read(gid)["hasOnlyDefaultVariant"] is True


def test_active_alone_is_not_published(shop, put, read):
    gid = put(title="Mug", status="ACTIVE")["product"]["id"]
    selection = "publishedAt onlineStoreUrl resourcePublicationsCount { count }"
    assert read(gid, selection) == {
        "publishedAt": None,
        "onlineStoreUrl": None,
        "resourcePublicationsCount": {"count": 0},
    }
    [online, _] = shop.data("{ publications(first: 5) { nodes { id } } }")["publications"]["nodes"]
    types = {"id": "ID!", "input": "[PublicationInput!]!"}
    arguments = {"id": gid, "input": [{"publicationId": online["id"]}]}
    shop.mutate("publishablePublish", arguments, "userErrors { message }", **types)
    assert read(gid, selection)["publishedAt"] is not None
    shop.mutate("publishableUnpublish", arguments, "userErrors { message }", **types)
    assert read(gid, selection)["resourcePublicationsCount"] == {"count": 0}


def test_searches_find_products_by_sku_status_and_handle(shop, put):
    gid = put(**SHIRT, status="DRAFT", vendor="ACME")["product"]["id"]

    def found(text):
        query = "query($q: String) { products(first: 250, query: $q) { nodes { id } } }"
        return [node["id"] for node in shop.data(query, {"q": text})["products"]["nodes"]]

    assert found("sku:P-M") == found("handle:shirt") == found("vendor:ACME AND status:draft") == [gid]
    assert gid in found("status:active,draft")
    assert gid not in found("status:active")
    shop.control.set_options(active_products_only=True)
    assert gid not in found("")


def test_a_new_order_of_images_may_take_its_time(shop, put, read):
    shop.control.set_options(job_seconds=0.3)
    url = picture(shop)
    gid = put(title="P", files=[{"originalSource": url, "alt": name} for name in "ab"])["product"]["id"]
    first, second = finished(read, gid)
    text = (
        "mutation($id: ID!, $moves: [MoveInput!]!)"
        " { productReorderMedia(id: $id, moves: $moves) { job { id done } mediaUserErrors { message } } }"
    )
    job = shop.data(text, {"id": gid, "moves": [{"id": second["id"], "newPosition": "0"}]})["productReorderMedia"][
        "job"
    ]
    assert job["done"] is False
    assert [medium["id"] for medium in read(gid)["media"]["nodes"]] == [first["id"], second["id"]]
    while not shop.data("query($id: ID!) { job(id: $id) { done } }", {"id": job["id"]})["job"]["done"]:
        time.sleep(0.02)
    assert [medium["id"] for medium in read(gid)["media"]["nodes"]] == [second["id"], first["id"]]


def test_the_primary_location_stocks_new_variants(shop, put):
    gid = put(title="P")["product"]["id"]
    text = (
        "query($id: ID!, $location: ID!) { product(id: $id) { variants(first: 1) { nodes { inventoryItem {"
        " inventoryLevel(locationId: $location) { isActive } } } } } }"
    )
    primary = shop.data("{ location { id name } }")["location"]
    assert primary["name"] == "Magazzino Milano"
    [variant] = shop.data(text, {"id": gid, "location": primary["id"]})["product"]["variants"]["nodes"]
    assert variant["inventoryItem"]["inventoryLevel"]["isActive"] is True


def test_publications_know_their_sales_channels(shop):
    nodes = shop.data("{ publications(first: 9) { nodes { id channels(first: 9) { nodes { name handle } } } } }")
    channels = [node["channels"]["nodes"] for node in nodes["publications"]["nodes"]]
    assert channels == [
        [{"name": "Online Store", "handle": "online-store"}],
        [{"name": "Point of Sale", "handle": "point-of-sale"}],
    ]


def test_the_taxonomy_lists_categories(shop):
    nodes = shop.data("{ taxonomy { categories(first: 5) { nodes { id fullName } } } }")["taxonomy"]["categories"][
        "nodes"
    ]
    assert nodes
    assert all(node["id"].startswith("gid://shopify/TaxonomyCategory/") for node in nodes)


def test_an_aliased_product_set_takes_2048_variants(shop):
    sizes, colours = [f"S{n}" for n in range(30)], [f"C{n}" for n in range(10)]
    given = {
        "title": "Large",
        "productOptions": [
            {"name": "Size", "values": [{"name": name} for name in sizes]},
            {"name": "Colour", "values": [{"name": name} for name in colours]},
        ],
        "variants": [
            {"optionValues": [{"optionName": "Size", "name": size}, {"optionName": "Colour", "name": colour}]}
            for size in sizes
            for colour in colours
        ],
    }
    text = "mutation($i: ProductSetInput!) { made: productSet(input: $i) { product { id } userErrors { message } } }"
    assert shop.data(text, {"i": given})["made"]["userErrors"] == []
