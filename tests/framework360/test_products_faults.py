"""Lost answers, errors and races while products are written: nothing doubled, nothing half done."""

from decimal import Decimal

import orjson
import pytest

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.categories import Categories
from tests.framework360.goods import GID, by_size, everything, kept, new, plain, same, sized

NOT_FOUND = (200, {}, b'{"status": 0, "error": "not_found"}')


def done(data):
    return 200, {}, orjson.dumps({"status": 1, "data": data})


def count(site):
    return site.control.state()["records"]["products"]


def asked_for(server, path):
    return [asked for _, asked, _, _ in server.asked if asked.startswith(f"/m/api/{path}")]


WITH_SKU = {"nome": "Maglia", "varianti": plain(sku="MAG-1")}
WITHOUT_SKU = {"nome": "Maglia", "varianti": plain()}


# Creating ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [WITH_SKU, WITHOUT_SKU], ids=["by SKU", "by Shopify id"])
@pytest.mark.parametrize("fault", ["lost_answer", "apply_then_500", "truncate"])
def test_a_lost_answer_makes_no_second_product(site, fault, fields):
    before = count(site)
    site.control.add_fault(fault, match={"operation": "productsCreate"}, times=1)
    result = site.products().create(fields, GID)
    assert result.record.raw["nome"] == "Maglia"
    assert result.children["varianti"] == {"v1": f"p{result.record.id}"}
    assert count(site) == before + 1
    assert site.calls("productsCreate") == 1


def test_a_create_that_times_out_after_it_succeeded_makes_no_second_product(site):
    before = count(site)
    match = {"operation": "productsCreate"}
    site.control.add_fault("lost_answer", match=match, times=1, params={"how": "timeout", "seconds": 2})
    products = site.products(limits={"slow_timeout": 0.5})
    assert products.create({"nome": "Maglia", "varianti": sized("S", "M")}, GID).created
    assert count(site) == before + 1


@pytest.mark.parametrize("fields", [WITH_SKU, WITHOUT_SKU], ids=["with SKU", "without SKU"])
@pytest.mark.parametrize("fault", ["http_status", "reset", "garbage"])
def test_a_create_that_failed_unclearly_is_left_to_the_next_attempt(site, fault, fields):
    before = count(site)
    site.control.add_fault(fault, match={"operation": "productsCreate"}, times=1)
    with pytest.raises(SyncError) as caught:
        site.products().create(fields, GID)
    assert caught.value.code is errors.UNCLEAR_CREATE
    assert caught.value.reaction is errors.Reaction.RETRY
    assert caught.value.record == f"product shopify:{GID}"
    assert (count(site), site.calls("productsCreate")) == (before, 1)
    assert len(site.waits) == 2


def test_a_slow_site_gets_a_moment_to_show_the_product(scripted, site):
    shown = {"id": 9, "nome": "Maglia", "sku": "MAG-1", "prezzo": "19.90", "extraFields": {"shopify_id": "77"}}
    settings = done({"prezzi_iva_inclusa": 1})
    server = scripted(settings, (502, {}, b""), NOT_FOUND, NOT_FOUND, done(shown))
    result = site.products(url=server.url, capabilities={"products": "on"}).create(WITH_SKU, GID)
    assert (result.record.id, len(site.waits)) == ("9", 2)


def test_a_site_that_forgets_the_shopify_id_still_shows_the_product_by_sku_and_name(site):
    site.quirk(not_writable=["extraFields"])
    before = count(site)
    site.control.add_fault("lost_answer", match={"operation": "productsCreate"}, times=1)
    assert site.products().create(WITH_SKU, GID).record.raw["nome"] == "Maglia"
    assert count(site) == before + 1


def test_a_product_of_somebody_else_with_the_same_sku_is_not_taken_for_ours(scripted, site):
    other = {"id": 9, "nome": "Altra", "sku": "MAG-1", "prezzo": "19.90"}
    server = scripted(done({"prezzi_iva_inclusa": 1}), (502, {}, b""), done(other))
    with pytest.raises(SyncError, match="the SKU MAG-1 belongs to Framework360 product 9") as caught:
        site.products(url=server.url, capabilities={"products": "on"}).create(WITH_SKU, GID)
    assert caught.value.code is errors.AMBIGUOUS


def test_where_nothing_can_tell_a_person_decides(site):
    site.control.add_fault("lost_answer", match={"operation": "productsCreate"}, times=1)
    products = site.products(products={"write": True, "external_id_field": None})
    with pytest.raises(SyncError, match="nothing tells whether it was created") as caught:
        products.create(WITHOUT_SKU, GID)
    assert caught.value.reaction is errors.Reaction.NEEDS_PERSON


def test_a_product_that_an_earlier_attempt_created_late_is_ours(site):
    """The look-up before the create did not show it yet, and the site refuses its SKU as a double."""
    products = site.products()
    first = products.create({**WITH_SKU, "marca": "Forlì"}, GID).record
    before = count(site)
    again = products.create({**WITH_SKU, "marca": "Forlì"}, GID)
    assert (again.record.id, count(site)) == (first.id, before)


TABLE = {"SKU gia' usato": "duplicate_sku", "Campo non valido": "invalid_field"}


@pytest.mark.parametrize(("style", "table"), [("code", {}), ("nested", {}), ("text", TABLE), ("text", {})])
def test_a_taken_sku_is_recognised_however_the_site_says_it(site, style, table):
    site.quirk(error_style=style)
    products = site.products(errors={"table": table})
    other = products.create({**WITH_SKU, "nome": "Felpa"}, "gid://shopify/Product/1").record
    before = count(site)
    with pytest.raises(SyncError, match=f"the SKU MAG-1 belongs to Framework360 product {other.id}") as caught:
        products.create(WITH_SKU, GID)
    assert (caught.value.code, count(site)) == (errors.AMBIGUOUS, before)


@pytest.mark.parametrize(("style", "table"), [("code", {}), ("nested", {}), ("text", TABLE)])
def test_a_broken_image_is_named_however_the_site_says_it(site, style, table):
    site.quirk(error_style=style)
    images = kept(new("i1", url=f"{site.server.url}/media/none.png"))
    with pytest.raises(SyncError, match=r"none\.png") as caught:
        site.products(errors={"table": table}).create({"nome": "Maglia", "immagini": images}, GID)
    assert (caught.value.code, caught.value.field) == (errors.FW360_REJECTED, "immagini[1].url")


def test_a_slow_answer_within_the_limit_is_waited_for(site):
    site.control.add_fault("slow", match={"operation": "productsCreate"}, times=1, params={"ms": 600})
    result = site.products(limits={"timeout": 0.3, "slow_timeout": 5}).create(WITH_SKU, GID)
    assert (result.requests, site.calls("productsCreate")) == (2, 1)


def test_a_throttled_create_is_made_once(site):
    before = count(site)
    site.control.add_fault("throttle", match={"operation": "productsCreate"}, times=2)
    assert site.products().create(WITH_SKU, GID).created
    assert count(site) == before + 1


def test_a_reply_without_an_id_is_looked_up(scripted, site):
    shown = {"id": 9, "nome": "Maglia", "sku": "MAG-1", "prezzo": "19.90"}
    server = scripted(done({"prezzi_iva_inclusa": 1}), done([]), done(shown))
    result = site.products(url=server.url, capabilities={"products": "on"}).create(WITH_SKU, GID)
    assert result.record.id == "9"
    assert len(asked_for(server, "products/create")) == 1


# Updating ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost_answer", "apply_then_500", "truncate", "http_status", "reset", "throttle"])
def test_a_repeated_update_leaves_the_product_as_one_would(site, fault):
    products = site.products()
    record = products.create({"nome": "Maglia", "varianti": sized("S", "M", prezzo=Decimal(5))}, GID).record
    image = everything(products)[0].raw["immagini"] or everything(products)[1].raw["immagini"]
    site.control.add_fault(fault, match={"operation": "productsUpdate"}, times=1)
    small, medium = by_size(record)["S"], by_size(record)["M"]
    changes = {
        "marca": "Altra",
        "immagini": kept(new("i1", url=image[0]["url"])),
        "varianti": kept(
            same(small, "S", prezzo=Decimal(6)), same(medium, "M"), new("L", attributi=[["Taglia", "L"]], sku="T-L")
        ),
    }
    result = products.update(record, changes, GID)
    assert (result.record.raw["marca"], len(result.record.raw["immagini"])) == ("Altra", 1)
    sizes = by_size(result.record)
    assert (list(sizes), sizes["S"]["id"], sizes["M"]["id"]) == (["S", "M", "L"], small["id"], medium["id"])
    assert result.children["varianti"]["L"] == sizes["L"]["id"]


def test_an_update_that_never_gets_through_is_left_to_the_queue(site):
    products = site.products(limits={"tries": 2})
    record = products.create(WITH_SKU, GID).record
    site.control.add_fault("http_status", match={"operation": "productsUpdate"})
    with pytest.raises(SyncError) as caught:
        products.update(record, {"marca": "Altra"}, GID)
    assert caught.value.reaction is errors.Reaction.RETRY
    assert caught.value.record == f"product framework360:{record.id}"


def test_a_right_that_is_missing_stops_the_flow_and_names_the_function(site):
    site.quirk(keys={"sandbox-key": ["createproduct"]})
    with pytest.raises(SyncError, match="tick the function createproduct") as caught:
        site.products().create(WITH_SKU, GID)
    assert caught.value.code is errors.FW360_PERMISSION


def test_a_read_back_that_fails_is_tried_again(site):
    site.control.add_fault("http_status", match={"operation": "productsGet"}, times=2)
    assert site.products().create(WITH_SKU, GID).requests == 2


# Categories ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost_answer", "apply_then_500"])
def test_a_lost_answer_makes_no_second_category(site, fault):
    site.control.add_fault(fault, match={"operation": "productsCategoriesCreate"}, times=1)
    found, _ = Categories(site.client()).id_of("Nuova categoria")
    rows = site.client().call(wire.PRODUCTS_CATEGORIES)["data"]
    assert [str(row["id"]) for row in rows if row["nome"] == "Nuova categoria"] == [found]


def test_a_category_that_was_not_created_is_left_to_the_next_attempt(site):
    site.control.add_fault("http_status", match={"operation": "productsCategoriesCreate"}, times=1)
    with pytest.raises(SyncError) as caught:
        site.products().create({**WITH_SKU, "categoria": "Nuova categoria"}, GID)
    assert caught.value.reaction is errors.Reaction.RETRY
    assert site.calls("productsCreate") == 0


def test_a_category_that_somebody_else_made_meanwhile_is_used(site):
    categories = Categories(site.client())
    categories.path_of(["11"])
    made = site.client().call(wire.PRODUCTS_CATEGORIES_CREATE, {"nome": "Nuova"})["data"]["id"]
    assert categories.id_of("nuova")[0] == str(made)


def test_of_categories_with_the_same_path_the_oldest_is_meant(site):
    client = site.client()
    first, _ = (str(client.call(wire.PRODUCTS_CATEGORIES_CREATE, {"nome": "Doppia"})["data"]["id"]) for _ in range(2))
    assert Categories(site.client()).id_of("Doppia") == (first, 0)


def test_a_category_whose_name_holds_the_separator_is_found_again(site):
    made = site.client().call(wire.PRODUCTS_CATEGORIES_CREATE, {"nome": "Uomo > Donna"})["data"]["id"]
    categories = Categories(site.client())
    assert categories.path_of([str(made)]) == "Uomo > Donna"
    assert categories.id_of("Uomo > Donna") == (str(made), 0)
