"""Finding products by what their variants hold, and by the Shopify id."""

import orjson
import pytest

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.canonical import same_text
from shopify_fw360.framework360.fields import field
from shopify_fw360.framework360.product_finder import ProductFinder
from shopify_fw360.framework360.products import require_products
from tests.framework360.goods import GID, everything, plain


def done(data):
    return 200, {}, orjson.dumps({"status": 1, "data": data})


def codes(site, name):
    """Every SKU or barcode of the site, with the products that have it."""
    found = {}
    for record in everything(site.products()):
        for variant in record.raw["varianti"]:
            if variant[name]:
                found.setdefault(variant[name], []).append(record.id)
    return {code: list(dict.fromkeys(ids)) for code, ids in found.items()}


def ids(found):
    return {value: [record.id for record in records] for value, records in found.items()}


@pytest.mark.parametrize("name", ["sku", "ean"])
def test_every_code_finds_its_product_one_by_one_and_all_at_once(site, name):
    expected = codes(site, name)
    products = site.products()
    few = dict(list(expected.items())[:3])
    assert ids(products.find(f"varianti.{name}", list(few))) == few
    assert ids(products.find(f"varianti.{name}", list(expected))) == expected


def test_a_sku_is_compared_exactly_after_trimming(site):
    sku, owners = next(iter(codes(site, "sku").items()))
    found = site.products().find("varianti.sku", [f" {sku} ", sku.lower(), sku[:-1]])
    assert list(ids(found).values()) == [owners, [], []]


def test_a_barcode_that_is_part_of_another_is_not_found(site):
    ean = next(iter(codes(site, "ean")))
    assert ids(site.products().find("varianti.ean", [ean[:-1], ean[1:]])) == {ean[:-1]: [], ean[1:]: []}


def test_a_barcode_that_two_products_have_finds_both(site):
    client = site.client()
    twins = [
        str(client.call(wire.PRODUCTS_CREATE, {"nome": f"Tazza {number}", "ean": "9990000000012"})["data"]["id"])
        for number in (1, 2)
    ]
    assert ids(site.products().find("varianti.ean", ["9990000000012"])) == {"9990000000012": twins}


def test_a_site_that_ignores_what_it_is_asked_finds_nothing_wrong(scripted, site):
    other = {"id": 5, "nome": "Altra", "sku": "OTHER", "ean": "1"}
    server = scripted(done(other), done([other]))
    products = site.products(url=server.url, capabilities={"products": "on"})
    assert ids(products.find("varianti.sku", ["WANTED"])) == {"WANTED": []}
    assert ids(products.find("varianti.ean", ["2"])) == {"2": []}


def test_products_are_found_by_a_field_of_their_own_too(site):
    record = everything(site.products())[3]
    assert record.id in ids(site.products().find("nome", [record.raw["nome"]]))[record.raw["nome"]]


def test_nothing_is_asked_for_an_empty_code(site):
    products = site.products()
    require_products(products._client, writing=False)
    site.forget_calls()
    assert ids(products.find("varianti.sku", ["", "  "])) == {"": [], "  ": []}
    assert site.control.metrics()["requests"] == 0


def test_many_codes_cost_the_pages_of_the_list_and_few_codes_one_request_each(site):
    skus = list(codes(site, "sku"))
    assert len(skus) > 40
    products = site.products()
    require_products(products._client, writing=False)
    site.forget_calls()
    products.find("varianti.sku", [*skus, "NOWHERE"])
    assert site.calls("productsGet") == 0
    assert site.calls("productsList") < 6
    site.forget_calls()
    products.find("varianti.sku", skus[:2])
    assert site.calls("productsGet") == 2


def test_a_list_that_turns_out_longer_than_the_codes_is_left_for_single_requests(site):
    expected = dict(list(codes(site, "sku").items())[:21])
    products = site.products(paging={"size": 1})
    site.forget_calls()
    assert ids(products.find("varianti.sku", list(expected))) == expected
    assert site.calls("productsGet") == 21


# External id ---------------------------------------------------------------------------------------------------------


def test_the_counterpart_carries_the_number_of_the_gid(site):
    products = site.products()
    created = products.create({"nome": "Tazza", "varianti": plain()}, GID).record
    assert created.raw["extraFields"]["shopify_id"] == "77"
    assert products.find_counterpart(GID).id == created.id


def test_a_number_that_is_part_of_another_is_no_counterpart(site):
    products = site.products()
    products.create({"nome": "Tazza 50", "varianti": plain()}, "gid://shopify/Product/501")
    assert products.find_counterpart("gid://shopify/Product/50") is None


def test_two_products_with_the_same_id_need_a_person(site):
    for number in (1, 2):
        site.client().call(wire.PRODUCTS_CREATE, {"nome": f"Tazza {number}", "extraFields": {"shopify_id": "77"}})
    with pytest.raises(SyncError, match="carry the same Shopify id") as caught:
        site.products().find_counterpart(GID)
    assert caught.value.code is errors.AMBIGUOUS
    assert caught.value.record == f"product shopify:{GID}"


def test_the_field_of_the_id_can_be_another_one_or_none(site):
    site.client().call(wire.PRODUCTS_CREATE, {"nome": "Tazza", "extraFields": {"negozio": "77"}})
    assert site.products(products={"external_id_field": "negozio"}).find_counterpart(GID) is not None
    assert site.products(products={"external_id_field": None}).find_counterpart(GID) is None


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def asked(site):
    """A finder whose clock stands still, and the number of list requests so far."""
    client = site.client(products={"write": True})
    client.call(wire.PRODUCTS_CREATE, {"nome": "Tazza", "extraFields": {"shopify_id": "77"}})
    clock = Clock()
    decode = site.products()._decode
    finder = ProductFinder(client, decode, lambda name: field(name, same_text), clock)
    site.forget_calls()
    return finder, clock, lambda: site.calls("productsList")


def test_questions_for_many_ids_at_once_read_the_list_once(asked):
    finder, _, requests = asked
    found = [finder.by_external_id("extraFields.shopify_id", str(number)) for number in range(70, 90)]
    assert [bool(ids) for ids in found] == [number == 77 for number in range(70, 90)]
    assert requests() < 6


@pytest.mark.parametrize("what", ["time passes", "a product is created"])
def test_an_answer_is_not_taken_for_the_present_state_once(asked, what):
    finder, clock, requests = asked
    finder.by_external_id("extraFields.shopify_id", "1")
    before = requests()
    if what == "time passes":
        clock.now += 1.5
    else:
        finder.forget()
    finder.by_external_id("extraFields.shopify_id", "1")
    assert requests() > before
