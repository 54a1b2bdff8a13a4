"""The whole seeded catalogue, with all the data that hurts, both ways; and once around through the site."""

from __future__ import annotations

import pytest

from shopify_fw360.records import System
from shopify_fw360.store import Store
from tests.end_to_end.catalogue import CATALOGUE_INTO_SHOP, CATALOGUE_INTO_SITE, Catalogue
from tests.end_to_end.conftest import fresh_world
from tests.end_to_end.round_trip import canonical

pytestmark = pytest.mark.timeout(600)

PRODUCTS = 60


@pytest.fixture(scope="module")
def new_store(tmp_path_factory):
    stores = []

    def build():
        store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('catalogue') / 'store.db'}")
        store.upgrade()
        stores.append(store)
        return store

    yield build
    for store in stores:
        store.close()


@pytest.fixture(scope="module")
def world(shopify_process, framework360_process, new_store):
    """Both systems after one run in each direction."""
    world = fresh_world(
        shopify_process, framework360_process, new_store(), customers=0, products=PRODUCTS, kind=Catalogue
    )
    world.settle()
    return world


def test_every_product_is_either_linked_or_explained(world):
    parked = world.parked(CATALOGUE_INTO_SITE) | world.parked(CATALOGUE_INTO_SHOP)
    for product in world.keeper.products():
        link = world.product_link(System.SHOPIFY, product["id"])
        assert (link and link.framework360_id) or product["id"] in parked
    for product in world.manager.products():
        link = world.product_link(System.FRAMEWORK360, str(product["id"]))
        assert (link and link.shopify_id) or str(product["id"]) in parked


def test_few_products_are_parked_and_each_for_a_reason_of_its_own(world):
    parked = list(world.parked(CATALOGUE_INTO_SITE).values()) + list(world.parked(CATALOGUE_INTO_SHOP).values())
    assert len(parked) < PRODUCTS / 4
    assert set(parked) <= {"SYNC-201", "SYNC-202", "SYNC-204", "SYNC-312", "SYNC-406"}


def test_no_request_breaks_either_contract(world):
    assert world.framework360.control.refused() == []
    assert world.shopify.control.refused() == []


def test_nothing_is_written_the_second_time(world):
    with world.counting_writes() as writes:
        world.settle()
    assert writes == {"shopify": 0, "framework360": 0}


def test_a_catalogue_survives_the_way_through_the_site_into_an_empty_shop(
    shopify_process, framework360_process, new_store
):
    world = fresh_world(shopify_process, framework360_process, new_store(), 0, products=0, kind=Catalogue)
    world.shopify.control.reset(seed=11, customers=0, products=40, population="shopify")
    world.shopify.control.set_options(bucket_size=100_000, restore_rate=100_000)
    world.onboard()
    world.into_site()
    arrived = [product for product in world.keeper.products() if world.product_link(System.SHOPIFY, product["id"])]
    originals = {
        world.product_link(System.SHOPIFY, product["id"]).framework360_id: canonical(product)
        for product in arrived
        if world.product_link(System.SHOPIFY, product["id"]).framework360_id
    }
    world.shopify.control.reset(seed=11, customers=0, products=0, population="shopify")
    world.shopify.control.set_options(bucket_size=100_000, restore_rate=100_000)
    empty = Catalogue(world.shopify, world.framework360, new_store())
    empty.onboard()
    empty.into_shop()
    copies = {product["fw360_id"]["value"]: canonical(product) for product in empty.keeper.products()}
    parked = empty.parked(CATALOGUE_INTO_SHOP)
    assert copies.keys() | parked.keys() == originals.keys()
    different = {
        (key, name): (value, copies[key][name])
        for key, original in originals.items()
        if key in copies
        for name, value in original.items()
        if copies[key][name] != value
    }
    assert different == {}
    assert len(copies) > 30
