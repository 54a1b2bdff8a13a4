from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from shopify_fw360.errors import SHOPIFY_CHANGED, SHOPIFY_REJECTED, VANISHED, SyncError
from shopify_fw360.records import ChildList, ChildWrite, Entity, NewChild, Window
from shopify_fw360.shopify.definitions import ensure_definitions
from tests.shopify.product_world import (
    TARGETS,
    brief,
    call,
    gateway,
    kept_children,
    make_product,
    new_children,
    picture_urls,
    shop_client,
    sized,
    value_at,
)

BULK = (
    "mutation Person($id: ID!, $v: [ProductVariantsBulkInput!]!)"
    " { %s(productId: $id, variants: $v) { productVariants { id } userErrors { field message } } }"
)


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


@pytest.fixture
def shirt(products, urls):
    """A shirt in S and M with two pictures, the second of them shown by M; tracked, 3 of each."""
    fields = {
        "title": "Camicia",
        "descriptionHtml": "<p>Lino</p>",
        "vendor": "Lanificio",
        "productType": "Camicie",
        "tags": ("estate", "lino"),
        "status": "ACTIVE",
        "handle": "camicia",
        "seo.title": "Camicia di lino",
        "metafields.custom.materiale": "lino",
        "images": new_children(
            {"source_id": "i1", "url": urls[0], "alt": "Fronte", "position": 1},
            {"source_id": "i2", "url": urls[1], "alt": "Retro", "position": 2},
        ),
        "variants": new_children(row("S"), row("M", image=NewChild("i2"))),
    }
    return products.create(fields, "4711").record


def row(size="S", **values):
    given = {"options": [["Taglia", size]], "sku": f"SKU-{size}", "price": "10.00", "tracked": True, "quantity": 3}
    return given | values


def added(source_id, **values):
    return ChildWrite(source_id, None, values, values)


def variants_of(record, by_size, *more, removed=(), order=None):
    """The complete list: changes by the value of the first option, then what is added."""
    sizes = {
        variant["id"]: variant["options"][0][1] if variant["options"] else "" for variant in record.raw["variants"]
    }
    ids = {size: gid for gid, size in sizes.items()}
    changes = {ids[size]: values for size, values in by_size.items()}
    rows = [
        child for child in kept_children(None, record, "variants", changes) if sizes[child.target_id] not in removed
    ]
    if order is not None:
        rows.sort(key=lambda child: order.index(sizes[child.target_id]))
    return {"variants": ChildList((*rows, *more), tuple(ids[size] for size in removed))}


def images_of(record, changes=None, *more, removed=(), order=None):
    ids = [image["id"] for image in record.raw["images"]]
    by_id = {ids[place]: values for place, values in (changes or {}).items()}
    rows = [child for child in kept_children(None, record, "images", by_id) if child.target_id not in removed]
    if order is not None:
        rows = [rows[place] for place in order]
    return {"images": ChildList((*rows, *more), tuple(removed))}


def held(record):
    """What the product holds in its plain fields, in comparable form."""
    values = {}
    for name, target in TARGETS.items():
        if "[]" not in name:
            parts = name.split(".") if name.startswith("metafields.") else target.reads[0].split(".")
            values[name] = target.same(value_at(record.raw, ".".join(parts)))
    return values


def skus(record):
    return {variant["options"][0][1]: variant["sku"] for variant in record.raw["variants"]}


def ids_by_sku(record):
    return {variant["sku"]: variant["id"] for variant in record.raw["variants"]}


def count(shop, kind):
    return shop.control.state()["records"][kind]


def requests_of(shop, action):
    shop.control.reset_metrics()
    result = action()
    assert result.requests == shop.control.metrics()["requests"]
    return result, shop.control.metrics()["requests"]


def error_of(action, *arguments):
    with pytest.raises(SyncError) as caught:
        action(*arguments)
    return caught.value


CHANGES = [
    {"title": "Camicia bianca"},
    {"descriptionHtml": None},
    {"vendor": "Sartoria", "productType": None},
    {"status": "DRAFT"},
    {"handle": "camicia-bianca"},
    {"seo.title": None, "seo.description": "Fresca"},
    {"tags": ("lino", "nuovo")},
    {"tags": ()},
    {"metafields.custom.materiale": "cotone"},
    {"metafields.custom.materiale": None},
    {"title": "X", "tags": ("a",), "metafields.custom.materiale": "b", "status": "ARCHIVED"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: " ".join(f"{k}={v}" for k, v in changes.items()))
def test_an_update_writes_the_changed_fields_and_leaves_the_others(shop, products, shirt, changes):
    result, requests = requests_of(shop, lambda: products.update(shirt, changes, "4711"))
    expected = held(shirt) | {name: TARGETS[name].same(value) for name, value in changes.items()}
    assert held(result.record) == expected
    assert result.record.raw["variants"] == shirt.raw["variants"]
    assert result.record.raw["images"] == shirt.raw["images"]
    assert requests <= 2


def test_an_update_without_changes_sends_nothing(shop, products, shirt):
    result, requests = requests_of(shop, lambda: products.update(shirt, {}, "4711"))
    assert (result.record, requests) == (shirt, 0)


def test_a_category_is_set_and_taken_away(client, products, shirt):
    text = "query Person { taxonomy { categories(first: 1) { nodes { id fullName } } } }"
    category = call(client, text)["taxonomy"]["categories"]["nodes"][0]
    after = products.update(shirt, {"category": category["id"]}, "4711").record
    assert after.raw["category"]["fullName"] == category["fullName"]
    assert products.update(after, {"category": None}, "4711").record.raw["category"] is None


def test_tags_the_merchant_adds_meanwhile_survive(client, products, shirt):
    text = 'mutation Person($id: ID!) { tagsAdd(id: $id, tags: ["merchant"]) { userErrors { message } } }'
    call(client, text, {"id": shirt.id})
    after = products.update(shirt, {"tags": ("lino", "nuovo")}, "4711").record
    assert after.raw["tags"] == ["lino", "merchant", "nuovo"]


def test_linking_a_product_writes_its_external_id(client, products):
    gid = make_product(client, title="Own")
    products.update(products.fetch([gid])[gid], {}, "99")
    assert products.find_counterpart("99").id == gid


def test_a_product_deleted_meanwhile_has_vanished(client, products, shirt):
    text = "mutation Person($id: ID!) { productDelete(input: {id: $id}) { userErrors { message } } }"
    call(client, text, {"id": shirt.id})
    changes = [
        {"title": "A"},
        variants_of(shirt, {"S": {"price": "1"}}),
        images_of(shirt, {0: {"alt": "x"}}),
        {"tags": ()},
    ]
    for change in changes:
        assert error_of(products.update, shirt, change, "4711").code is VANISHED


def test_writing_moves_the_product_into_the_next_window(products, shirt):
    after = products.update(shirt, {"title": "New"}, "4711").record
    ids = [record.id for page in products.scan(Window(since=after.updated_at)) for record in page.records]
    assert ids == [shirt.id]


# --- variants that are there ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reads", "expected"),
    [
        ({"price": "11.5"}, "price", "11.50"),
        ({"compareAtPrice": "20"}, "compareAtPrice", "20.00"),
        ({"sku": "NEW"}, "sku", "NEW"),
        ({"sku": None}, "sku", None),
        ({"barcode": "8001234567890"}, "barcode", "8001234567890"),
        ({"cost": "4.20"}, "inventoryItem.unitCost.amount", "4.20"),
        ({"weightKg": "0.125"}, "weightKg", "0.125"),
        ({"taxable": False}, "taxable", False),
        ({"inventoryPolicy": "CONTINUE"}, "inventoryPolicy", "CONTINUE"),
        ({"tracked": False}, "inventoryItem.tracked", False),
        ({"quantity": 9}, "quantity", 9),
        ({"quantity": 0}, "quantity", 0),
    ],
)
def test_a_field_of_a_variant_changes_and_no_other(shop, products, shirt, changes, reads, expected):
    result, requests = requests_of(shop, lambda: products.update(shirt, variants_of(shirt, {"M": changes}), "4711"))
    first, second = result.record.raw["variants"]
    assert value_at(second, reads) == expected
    assert first == shirt.raw["variants"][0]
    assert requests <= 2
    assert set(result.children["variants"].values()) == set(ids_by_sku(shirt).values())


@pytest.mark.parametrize(
    ("field", "set_to"), [("compareAtPrice", "20"), ("barcode", "80"), ("cost", "4"), ("weightKg", "1")]
)
def test_a_field_of_a_variant_is_emptied(products, shirt, field, set_to):
    full = products.update(shirt, variants_of(shirt, {"M": {field: set_to}}), "4711").record
    after = products.update(full, variants_of(full, {"M": {field: None}}), "4711").record
    assert after.raw["variants"] == shirt.raw["variants"]


def test_price_stock_and_title_together_are_one_request(shop, products, shirt):
    changes = {"title": "T", **variants_of(shirt, {"S": {"price": "1", "quantity": 8}, "M": {"quantity": 7}})}
    result, requests = requests_of(shop, lambda: products.update(shirt, changes, "4711"))
    assert brief(result.record) == [("S", "SKU-S", 1, 8), ("M", "SKU-M", 10, 7)]
    assert requests == 1


def test_a_variant_that_becomes_tracked_gets_its_stock(products, shirt):
    loose = products.update(shirt, variants_of(shirt, {"S": {"tracked": False}}), "4711").record
    after = products.update(loose, variants_of(loose, {"S": {"tracked": True, "quantity": 12}}), "4711").record
    assert [one["quantity"] for one in after.raw["variants"]] == [12, 3]


def test_stock_of_an_untracked_variant_is_not_written(shop, products, shirt):
    loose = products.update(shirt, variants_of(shirt, {"S": {"tracked": False}}), "4711").record
    after = products.update(loose, variants_of(loose, {"S": {"quantity": 12}}), "4711")
    assert after.requests == 0


def test_a_variant_that_is_not_stocked_at_the_location_is_stocked_there_first(client, shirt):
    elsewhere = gateway(client, location="Negozio Bologna")
    there = elsewhere.fetch([shirt.id])[shirt.id]
    assert [one["quantity"] for one in there.raw["variants"]] == [0, 0]
    after = elsewhere.update(there, variants_of(there, {"S": {"quantity": 2}, "M": {"quantity": 4}}), "4711").record
    assert [one["quantity"] for one in after.raw["variants"]] == [2, 4]
    again = elsewhere.update(after, variants_of(after, {"S": {"quantity": 5}}), "4711").record
    assert [one["quantity"] for one in again.raw["variants"]] == [5, 4]


def sell(client, record, index, quantity):
    item = record.raw["variants"][index]["inventoryItem"]["id"]
    location = call(client, "query Person { location { id } }")["location"]["id"]
    change = {"inventoryItemId": item, "locationId": location, "delta": -quantity, "changeFromQuantity": None}
    text = (
        "mutation Person($i: InventoryAdjustQuantitiesInput!) { inventoryAdjustQuantities(input: $i)"
        ' @idempotent(key: "sale") { userErrors { message } } }'
    )
    call(client, text, {"i": {"name": "available", "reason": "other", "changes": [change]}})


def test_a_sale_between_reading_and_writing_is_not_overwritten(client, products, shirt):
    sell(client, shirt, 0, 1)
    error = error_of(products.update, shirt, variants_of(shirt, {"S": {"quantity": 9}}), "4711")
    assert (error.code, error.field) == (SHOPIFY_CHANGED, "variants[1].quantity")
    now = products.fetch([shirt.id])[shirt.id]
    assert [one["quantity"] for one in now.raw["variants"]] == [2, 3]


@pytest.mark.parametrize("fault", ["lost_answer", "apply_then_500", "truncate"])
def test_stock_whose_answer_is_lost_is_written_once(shop, products, shirt, fault):
    shop.control.add_fault(fault, match={"operation": "ProductUpdate"}, times=1)
    after = products.update(shirt, variants_of(shirt, {"S": {"quantity": 9}}), "4711").record
    assert [one["quantity"] for one in after.raw["variants"]] == [9, 3]


def test_the_same_change_of_stock_is_done_again_later(client, products, shirt):
    """An idempotency key made from the content would let Shopify answer the second change without doing it."""
    record = products.update(shirt, variants_of(shirt, {"S": {"quantity": 9}}), "4711").record
    sell(client, record, 0, 6)
    back = products.fetch([shirt.id])[shirt.id]
    after = products.update(back, variants_of(back, {"S": {"quantity": 9}}), "4711").record
    assert [one["quantity"] for one in after.raw["variants"]] == [9, 3]


def test_many_quantities_are_written_in_parts(client, products):
    rows = [row(options=[["A", f"a{a}"], ["B", f"b{b}"]], sku=f"{a}-{b}") for a in range(20) for b in range(14)]
    made = products.create({"title": "Large", "variants": new_children(*rows)}, "1").record
    changes = {variant["id"]: {"quantity": 5, "price": "2"} for variant in made.raw["variants"]}
    children = ChildList(tuple(kept_children(None, made, "variants", changes)))
    after = products.update(made, {"variants": children}, "1").record
    assert {(price, quantity) for _, _, price, quantity in brief(after)} == {(2, 5)}


def test_an_update_names_the_field_shopify_refuses(products, shirt):
    error = error_of(products.update, shirt, variants_of(shirt, {"M": {"sku": "x" * 400}}), "4711")
    assert (error.code, error.field) == (SHOPIFY_REJECTED, "variants[2].sku")
    assert error.record == f"product shopify:{shirt.id}"


# --- variants that come and go -------------------------------------------------------------------------------------


def test_a_variant_is_added(products, shirt):
    changes = variants_of(shirt, {}, added("new", **row("L", quantity=8, barcode="80")))
    result = products.update(shirt, changes, "4711")
    assert brief(result.record) == [("S", "SKU-S", 10, 3), ("M", "SKU-M", 10, 3), ("L", "SKU-L", 10, 8)]
    assert result.children["variants"]["new"] == ids_by_sku(result.record)["SKU-L"]
    assert ids_by_sku(result.record).items() >= ids_by_sku(shirt).items()


def test_a_variant_is_removed_and_the_others_keep_their_ids(products, shirt):
    result = products.update(shirt, variants_of(shirt, {}, removed=["S"]), "4711")
    assert ids_by_sku(result.record) == {"SKU-M": ids_by_sku(shirt)["SKU-M"]}


def test_all_variants_are_exchanged(products, shirt):
    changes = variants_of(shirt, {}, added("a", **row("XS")), added("b", **row("XL")), removed=["S", "M"])
    result = products.update(shirt, changes, "4711")
    assert skus(result.record) == {"XS": "SKU-XS", "XL": "SKU-XL"}
    assert set(result.children["variants"]) == {"a", "b"}


def test_a_variant_removed_and_added_again_is_the_same(products, shirt):
    changes = variants_of(shirt, {}, added("again", **row("S", price="7")), removed=["S"])
    result = products.update(shirt, changes, "4711")
    assert ids_by_sku(result.record) == ids_by_sku(shirt)
    assert result.children["variants"]["again"] == ids_by_sku(shirt)["SKU-S"]
    assert dict(zip(("S", "M"), (one[2] for one in brief(result.record)), strict=True)) == {"S": 7, "M": 10}


def test_a_renamed_option_keeps_variants_and_values(client, products, shirt):
    changes = variants_of(shirt, {size: {"options": [["Size", size]]} for size in ("S", "M")})
    result = products.update(shirt, changes, "4711")
    assert [variant["options"] for variant in result.record.raw["variants"]] == [[["Size", "S"]], [["Size", "M"]]]
    assert ids_by_sku(result.record) == ids_by_sku(shirt)
    assert brief(result.record) == brief(shirt)


OPTIONS = "query Person($id: ID!) { product(id: $id) { options { id name optionValues { id name } } } }"


def test_a_renamed_value_stays_the_value_it_was(client, products, shirt):
    before = call(client, OPTIONS, {"id": shirt.id})["product"]["options"][0]
    result = products.update(shirt, variants_of(shirt, {"S": {"options": [["Taglia", "Small"]]}}), "4711")
    after = call(client, OPTIONS, {"id": shirt.id})["product"]["options"][0]
    assert ids_by_sku(result.record) == ids_by_sku(shirt)
    assert [value["name"] for value in after["optionValues"]] == ["Small", "M"]
    assert [value["id"] for value in after["optionValues"]] == [value["id"] for value in before["optionValues"]]


def test_two_variants_change_their_values(products, shirt):
    changes = variants_of(shirt, {"S": {"options": [["Taglia", "M"]]}, "M": {"options": [["Taglia", "S"]]}})
    result = products.update(shirt, changes, "4711")
    assert ids_by_sku(result.record) == ids_by_sku(shirt)
    assert skus(result.record) == {"M": "SKU-S", "S": "SKU-M"}


def test_an_option_is_added(products, shirt):
    changes = variants_of(
        shirt,
        {size: {"options": [["Taglia", size], ["Colore", "Blu"]]} for size in ("S", "M")},
        added("red", **row(options=[["Taglia", "S"], ["Colore", "Rosso"]], sku="SKU-SR")),
    )
    result = products.update(shirt, changes, "4711")
    assert [one[0] for one in brief(result.record)] == ["S / Blu", "M / Blu", "S / Rosso"]
    assert ids_by_sku(result.record).items() >= ids_by_sku(shirt).items()


def test_an_option_is_removed(products, client):
    rows = [
        row(options=[["Taglia", size], ["Colore", colour]], sku=f"{size}-{colour}")
        for size in ("S", "M")
        for colour in ("Blu", "Rosso")
    ]
    made = products.create({"title": "P", "variants": new_children(*rows)}, "1").record
    kept = kept_children(None, made, "variants")
    blue = [
        replace(child, changes=values, values=child.values | values)
        for child in kept
        if child.values["options"][1][1] == "Blu"
        for values in [{"options": child.values["options"][:1]}]
    ]
    red = tuple(child.target_id for child in kept if child.values["options"][1][1] == "Rosso")
    result = products.update(made, {"variants": ChildList(tuple(blue), red)}, "1")
    assert skus(result.record) == {"S": "S-Blu", "M": "M-Blu"}
    assert [len(variant["options"]) for variant in result.record.raw["variants"]] == [1, 1]
    assert set(ids_by_sku(result.record).items()) <= set(ids_by_sku(made).items())


def test_a_product_without_choices_gets_them(products):
    made = products.create({"title": "Tazza", "variants": new_children(row(options=[], sku="T"))}, "1").record
    old = made.raw["variants"][0]["id"]
    changes = ChildList((added("a", **row("S")), added("b", **row("M"))), (old,))
    result = products.update(made, {"variants": changes}, "1")
    assert skus(result.record) == {"S": "SKU-S", "M": "SKU-M"}
    assert not result.record.raw["hasOnlyDefaultVariant"]
    assert result.children["variants"].keys() == {"a", "b"}


def test_a_product_without_choices_keeps_its_variant_when_it_gets_them(products):
    made = products.create({"title": "Tazza", "variants": new_children(row(options=[], sku="T"))}, "1").record
    changes = variants_of(made, {"": {"options": [["Taglia", "M"]]}}, added("b", **row("S")))
    result = products.update(made, changes, "1")
    assert skus(result.record) == {"M": "T", "S": "SKU-S"}
    assert ids_by_sku(result.record)["T"] == made.raw["variants"][0]["id"]


def test_a_product_loses_its_choices(products, shirt):
    changes = ChildList((added("only", **row(options=[], sku="ONE")),), tuple(ids_by_sku(shirt).values()))
    result = products.update(shirt, {"variants": changes}, "4711")
    assert result.record.raw["hasOnlyDefaultVariant"]
    assert [(one["sku"], one["options"], one["quantity"]) for one in result.record.raw["variants"]] == [("ONE", [], 3)]
    assert result.children["variants"] == {"only": result.record.raw["variants"][0]["id"]}


def test_variants_are_put_into_order(products, shirt):
    three = products.update(shirt, variants_of(shirt, {}, added("l", **row("L"))), "4711").record
    changes = variants_of(
        three, {"L": {"position": 1}, "S": {"position": 2}, "M": {"position": 3}}, order=["L", "S", "M"]
    )
    after = products.update(three, changes, "4711").record
    assert [one[0] for one in brief(after)] == ["L", "S", "M"]
    assert [one["position"] for one in after.raw["variants"]] == [1, 2, 3]


def person_adds(client, gid, size="XXL", option="Taglia"):
    entry = {"optionValues": [{"optionName": option, "name": size}], "price": "1", "inventoryItem": {"sku": "PERSON"}}
    call(client, BULK % "productVariantsBulkCreate", {"id": gid, "v": [entry]})


STRUCTURAL = {
    "add": lambda record: variants_of(record, {}, added("new", **row("L"))),
    "remove": lambda record: variants_of(record, {}, removed=["S"]),
    "rename the option": lambda record: variants_of(record, {s: {"options": [["Size", s]]} for s in ("S", "M")}),
    "rename a value": lambda record: variants_of(record, {"S": {"options": [["Taglia", "Small"]]}}),
    "add an option": lambda record: variants_of(
        record, {s: {"options": [["Taglia", s], ["Colore", "Blu"]]} for s in ("S", "M")}
    ),
    "order": lambda record: variants_of(record, {"M": {"position": 1}, "S": {"position": 2}}, order=["M", "S"]),
    "price": lambda record: variants_of(record, {"S": {"price": "3"}}),
    "exchange": lambda record: variants_of(record, {}, added("new", **row("L")), removed=["S", "M"]),
}


@pytest.mark.parametrize("change", STRUCTURAL)
def test_a_variant_the_merchant_adds_meanwhile_survives(client, products, shirt, change):
    changes = STRUCTURAL[change](shirt)
    person_adds(client, shirt.id)
    after = products.update(shirt, changes, "4711").record
    assert "PERSON" in ids_by_sku(after)


def test_a_variant_only_the_target_has_keeps_its_place_and_values(client, products, shirt):
    person_adds(client, shirt.id)
    now = products.fetch([shirt.id])[shirt.id]
    own = ids_by_sku(now)["PERSON"]
    sources = {gid: f"s{gid[-3:]}" for gid in ids_by_sku(now).values() if gid != own}
    changes = {
        gid: {"options": [["Size", variant["options"][0][1]]]}
        for variant in now.raw["variants"]
        if (gid := variant["id"]) != own
    }
    children = ChildList(tuple(kept_children(None, now, "variants", changes, sources)))
    result = products.update(now, {"variants": children}, "4711")
    assert [variant["options"] for variant in result.record.raw["variants"]] == [
        [["Size", s]] for s in ("S", "M", "XXL")
    ]
    assert result.children["variants"].keys() == set(sources.values())


def test_a_variant_the_merchant_deletes_meanwhile_is_read_again(client, products, shirt):
    text = (
        "mutation Person($id: ID!, $v: [ID!]!)"
        " { productVariantsBulkDelete(productId: $id, variantsIds: $v) { userErrors { message } } }"
    )
    call(client, text, {"id": shirt.id, "v": [ids_by_sku(shirt)["SKU-S"]]})
    error = error_of(products.update, shirt, variants_of(shirt, {}, added("new", **row("L"))), "4711")
    assert error.code is SHOPIFY_CHANGED


@pytest.mark.parametrize("fault", ["lost_answer", "apply_then_500", "reset"])
@pytest.mark.parametrize("change", ["add", "remove", "rename the option", "add an option", "exchange"])
def test_a_lost_answer_changes_nothing_about_the_result(shop, products, shirt, change, fault):
    shop.control.add_fault(fault, match={"operation": "ProductVariants"}, times=1)
    products.update(shirt, STRUCTURAL[change](shirt), "4711")
    after = products.fetch([shirt.id])[shirt.id]
    expected = {
        "add": ["S", "M", "L"],
        "remove": ["M"],
        "rename the option": ["S", "M"],
        "add an option": ["S / Blu", "M / Blu"],
        "exchange": ["L"],
    }
    assert [one[0] for one in brief(after)] == expected[change]


def test_two_variants_of_the_same_options_are_refused(products, shirt):
    error = error_of(products.update, shirt, variants_of(shirt, {}, added("a", **row("S"))), "4711")
    assert (error.code, error.field) == (SHOPIFY_REJECTED, "variants[3]")


def test_a_variant_that_lacks_an_option_is_refused_before_anything_is_sent(shop, products, shirt):
    before = count(shop, "ProductVariant")
    changes = variants_of(shirt, {}, added("a", **row(options=[["Taglia", "L"], ["Colore", "Blu"]])))
    error = error_of(products.update, shirt, changes, "4711")
    assert error.field == "variants[1].options"
    assert "Colore" in error.message
    assert count(shop, "ProductVariant") == before


# --- images --------------------------------------------------------------------------------------------------------


def pictures(record):
    return [(image["id"], image["alt"]) for image in record.raw["images"]]


def test_an_image_is_added_and_none_is_uploaded_again(shop, products, shirt, urls):
    before = count(shop, "MediaImage")
    changes = images_of(shirt, None, added("i3", url=urls[2], alt="Lato", position=3))
    result = products.update(shirt, changes, "4711")
    assert pictures(result.record)[:2] == pictures(shirt)
    assert pictures(result.record)[2] == (result.children["images"]["i3"], "Lato")
    assert count(shop, "MediaImage") == before + 1


def test_an_alt_text_changes_and_the_image_stays(shop, products, shirt):
    before = count(shop, "MediaImage")
    after = products.update(shirt, images_of(shirt, {1: {"alt": "Dietro"}}), "4711").record
    assert pictures(after) == [pictures(shirt)[0], (pictures(shirt)[1][0], "Dietro")]
    assert count(shop, "MediaImage") == before


def test_a_removed_image_leaves_the_product_and_stays_in_the_library(shop, products, shirt):
    before = count(shop, "MediaImage")
    gone = shirt.raw["images"][0]["id"]
    after = products.update(shirt, images_of(shirt, removed=[gone]), "4711").record
    assert pictures(after) == pictures(shirt)[1:]
    assert count(shop, "MediaImage") == before


@pytest.mark.parametrize("job_seconds", [0.0, 0.4])
def test_images_are_put_into_order(shop, products, shirt, urls, job_seconds):
    shop.control.set_options(job_seconds=job_seconds)
    changes = images_of(
        shirt,
        {0: {"position": 3}, 1: {"position": 2}},
        order=[1, 0],
    )["images"]
    first = added("i3", url=urls[2], alt="Prima", position=1)
    after = products.update(shirt, {"images": ChildList((first, *changes.kept))}, "4711").record
    assert [alt for _, alt in pictures(after)] == ["Prima", "Retro", "Fronte"]


def test_a_variant_shows_a_new_image(products, shirt, urls):
    changes = {
        **images_of(shirt, None, added("i3", url=urls[2], alt="Lato", position=3)),
        **variants_of(shirt, {"S": {"image": NewChild("i3")}}),
    }
    result = products.update(shirt, changes, "4711")
    shown = [variant["imageId"] for variant in result.record.raw["variants"]]
    assert shown == [result.children["images"]["i3"], shirt.raw["images"][1]["id"]]


def test_a_variant_shows_another_image_or_none(products, shirt):
    first = shirt.raw["images"][0]["id"]
    after = products.update(shirt, variants_of(shirt, {"S": {"image": first}, "M": {"image": None}}), "4711").record
    assert [variant["imageId"] for variant in after.raw["variants"]] == [first, None]


@pytest.mark.parametrize("fault", ["lost_answer", "apply_then_500", "reset"])
def test_an_upload_whose_answer_is_lost_is_done_once(shop, products, shirt, urls, fault):
    before = count(shop, "MediaImage")
    shop.control.add_fault(fault, match={"operation": "ProductImages"}, times=1)
    changes = images_of(shirt, None, added("i3", url=urls[2], alt="Lato", position=3))
    result = products.update(shirt, changes, "4711")
    assert len(pictures(result.record)) == 3
    assert count(shop, "MediaImage") == before + 1


def test_a_broken_image_is_named_and_taken_away_again(shop, products, shirt, urls):
    before = count(shop, "MediaImage")
    changes = images_of(shirt, None, added("i3", url=urls[2].replace("/cdn/", "/nothing/"), alt="", position=3))
    error = error_of(products.update, shirt, changes, "4711")
    assert (error.field, error.rule) == ("images[3].url", "image_download_failure")
    assert count(shop, "MediaImage") == before


def test_an_image_the_merchant_adds_meanwhile_survives(client, products, shirt, urls):
    text = (
        "mutation Person($p: ProductUpdateInput!, $m: [CreateMediaInput!]!)"
        " { productUpdate(product: $p, media: $m) { userErrors { message } } }"
    )
    media = [{"mediaContentType": "IMAGE", "originalSource": urls[3], "alt": "Merchant"}]
    call(client, text, {"p": {"id": shirt.id}, "m": media})
    changes = images_of(
        shirt, {0: {"position": 2}, 1: {"position": 1}}, added("i3", url=urls[2], alt="Lato", position=3), order=[1, 0]
    )
    after = products.update(shirt, changes, "4711").record
    assert sorted(alt for _, alt in pictures(after)) == ["Fronte", "Lato", "Merchant", "Retro"]


def test_an_image_still_processed_is_waited_for_before_it_is_described(shop, client, products, urls):
    shop.control.set_options(media_seconds=0.5)
    gid = make_product(client, title="P", files=[{"originalSource": urls[0], "alt": "old"}])
    record = gateway(client, sleep=lambda _: None).fetch([gid])[gid]
    after = products.update(record, images_of(record, {0: {"alt": "new"}}), "1").record
    assert [alt for _, alt in pictures(after)] == ["new"]


# --- all at once ---------------------------------------------------------------------------------------------------


def test_eight_threads_write_without_being_throttled(shop):
    shop.control.set_options(bucket_size=2_000.0, restore_rate=1_500.0, media_seconds=0.0)
    client = shop_client(shop)
    products = gateway(client)
    urls = picture_urls(client)

    def work(number):
        fields = {
            "title": f"P{number}",
            "images": new_children({"source_id": "i", "url": urls[0], "alt": "", "position": 1}),
            "variants": new_children(row("S"), row("M", image=NewChild("i"))),
        }
        made = products.create(fields, str(number)).record
        return products.update(made, variants_of(made, {"S": {"price": "2", "quantity": 1}}), str(number))

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(40)))
    assert {brief(result.record)[0] for result in results} == {("S", "SKU-S", 2, 1)}
    assert shop.control.state()["requests"]["throttled"] == 0


def test_writing_survives_a_shaky_network(shop, products, shirt):
    for kind in ("throttle", "http_status"):
        shop.control.add_fault(kind, every_nth=4)
    changes = {"title": "T", **variants_of(shirt, {"S": {"quantity": 8}}, added("l", **row("L")))}
    after = products.update(shirt, changes, "4711").record
    assert [one[0] for one in brief(after)] == ["S", "M", "L"]


def test_a_second_product_of_another_shape_is_untouched(client, products, shirt):
    other = make_product(client, title="Other", **sized("S", "M"))
    before = products.fetch([other])[other]
    products.update(shirt, variants_of(shirt, {}, removed=["S"]), "4711")
    assert products.fetch([other])[other] == before
