from collections import Counter
from decimal import Decimal

import pytest

from sandbox.common.catalogue import catalogue, counterpart, iter_catalogue
from sandbox.common.people import EPOCH


@pytest.fixture(scope="module")
def goods():
    return catalogue(7, 1_500)


@pytest.fixture(scope="module")
def variants(goods):
    return [variant for product in goods for variant in product.variants]


def test_the_same_seed_gives_the_same_products():
    assert catalogue(7, 100) == catalogue(7, 100)
    assert catalogue(7, 100) != catalogue(8, 100)


def test_a_bigger_catalogue_begins_with_the_smaller_one(goods):
    assert catalogue(7, 200) == goods[:200]


def test_both_systems_overlap_by_a_fifth(goods):
    places = Counter((product.in_shopify, product.in_framework360) for product in goods)
    assert places[True, True] / len(goods) == pytest.approx(0.20, abs=0.03)
    assert places[True, False] / len(goods) == pytest.approx(0.45, abs=0.03)
    assert places[False, True] / len(goods) == pytest.approx(0.35, abs=0.03)


@pytest.mark.parametrize("mean", [3.0, 8.0])
def test_products_have_about_as_many_variants_as_asked(mean):
    goods = catalogue(7, 1_500, variants_per_product=mean)
    assert sum(len(product.variants) for product in goods) / len(goods) == pytest.approx(mean, rel=0.1)


def test_variants_are_all_combinations_of_the_options(goods):
    for product in goods:
        combinations = [variant.values for variant in product.variants]
        assert len(set(combinations)) == len(combinations)
        for position, option in enumerate(product.options):
            assert {values[position] for values in combinations} == set(option.values)
        assert all(len(values) == len(product.options) for values in combinations)


def test_a_product_without_options_has_one_variant(goods):
    assert {len(product.variants) for product in goods if not product.options} == {1}


@pytest.mark.parametrize("place", ["in_shopify", "in_framework360"])
def test_sixty_products_hold_every_kind_of_trouble_in_both_systems(place):
    goods = [product for product in catalogue(7, 60) if getattr(product, place)]
    sold = [variant for product in goods for variant in product.variants]
    assert {product.status for product in goods} == {"active", "draft", "archived"}
    assert {len(product.options) for product in goods} == {0, 1, 2, 3}
    assert {0, 10} <= {len(product.images) for product in goods}
    assert any(not title.isascii() for title in (product.title for product in goods))
    assert any(not variant.sku for variant in sold)
    assert any(variant.compare_at for variant in sold)
    assert any(variant.quantity < 0 for variant in sold)
    assert any(not variant.tracked for variant in sold)
    assert any(variant.image is not None for variant in sold)


def test_three_hundred_products_hold_the_rare_troubles(goods):
    assert max(len(product.variants) for product in goods[:300]) == 100
    assert max(len(product.html) for product in goods[:300]) > 50_000
    assert any("<script>" in product.html for product in goods[:300])
    assert any(variant.sku != variant.sku.strip() for product in goods[:300] for variant in product.variants)


def test_some_products_share_a_sku_in_shopify_only(goods):
    def repeated(place):
        return Counter(
            variant.sku for product in goods if place(product) for variant in product.variants if variant.sku
        ).most_common(1)[0][1]

    assert repeated(lambda product: product.in_shopify) > 1
    assert repeated(lambda product: not product.in_shopify) == 1


def test_handles_are_unique(goods):
    assert len({product.handle for product in goods}) == len(goods)


def test_barcodes_are_unique_and_have_their_check_digit(variants):
    barcodes = [variant.barcode for variant in variants if variant.barcode]
    assert len(set(barcodes)) == len(barcodes)
    for barcode in barcodes:
        weighted = [int(digit) * (3 if position % 2 else 1) for position, digit in enumerate(barcode)]
        assert sum(weighted) % 10 == 0


def test_prices_are_exact_cents_and_offers_are_cheaper(variants):
    for variant in variants:
        assert variant.price == variant.price.quantize(Decimal("0.01"))
        assert variant.price >= 0
        assert variant.compare_at is None or variant.compare_at > variant.price


def test_products_in_both_systems_differ_a_little(goods):
    both = [product for product in goods if product.in_shopify and product.in_framework360]
    different = [product for product in both if counterpart(product) != product]
    assert 0.2 < len(different) / len(both) < 0.45


def test_nothing_is_newer_than_the_epoch(goods):
    assert all(product.created_at <= product.updated_at <= EPOCH for product in goods)


def test_products_come_one_at_a_time():
    assert next(iter_catalogue(7, 10**9)).index == 0
