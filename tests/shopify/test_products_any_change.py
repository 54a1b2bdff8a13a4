"""From any set of variants to any other: what is wanted is there afterwards, and what is linked is still the same."""

import itertools
import random

import pytest

from shopify_fw360.records import ChildList, ChildWrite, Entity
from shopify_fw360.shopify.definitions import ensure_definitions
from tests.shopify.product_world import gateway, kept_children, new_children, shop_client

NAMES = ("Taglia", "Colore", "Materiale", "Size", "Farbe")
VALUES = ("S", "M", "L", "XL", "s m", "Größe")


@pytest.fixture
def products(shopify_process):
    shopify_process.control.reset(seed=7, customers=0, products=0)
    shopify_process.control.set_options(bucket_size=20_000.0, restore_rate=1_000.0)
    client = shop_client(shopify_process)
    ensure_definitions(client, {Entity.PRODUCT})
    return gateway(client)


def some_variants(draw):
    """Options of up to eight variants of one product."""
    names = draw.sample(NAMES, draw.choice((0, 1, 1, 2, 2, 3)))
    if not names:
        return [[]]
    pools = [draw.sample(VALUES, draw.randint(1, 4)) for _ in names]
    every = list(itertools.product(*pools))
    chosen = draw.sample(every, draw.randint(1, min(8, len(every))))
    return [[[name, value] for name, value in zip(names, values, strict=True)] for values in chosen]


def other_variants(draw, before):
    """What becomes of them: option names, values, order and number change, or everything does."""
    if draw.random() < 0.3 or not before[0]:
        return some_variants(draw)
    rename = {name: draw.choice(NAMES) if draw.random() < 0.4 else name for name, _ in before[0]}
    if len(set(rename.values())) < len(rename):
        rename = {name: name for name in rename}
    values = {value: draw.choice(VALUES) if draw.random() < 0.3 else value for pairs in before for _, value in pairs}
    after = [[[rename[name], values[value]] for name, value in pairs] for pairs in before]
    if draw.random() < 0.3 and len(after[0]) > 1:
        gone = draw.randrange(len(after[0]))
        after = [[pair for place, pair in enumerate(pairs) if place != gone] for pairs in after]
    elif draw.random() < 0.3 and len(after[0]) < 3:
        free = [name for name in NAMES if name not in {pair[0] for pair in after[0]}]
        after = [[*pairs, [free[0], draw.choice(VALUES)]] for pairs in after]
    distinct = list({tuple(sorted(map(tuple, pairs))): pairs for pairs in after}.values())
    draw.shuffle(distinct)
    return distinct[: draw.randint(1, len(distinct))]


def values_of(options, number):
    return {"options": options, "sku": f"K{number}", "price": str(number % 90 + 1)}


@pytest.mark.parametrize("seed", range(24))
def test_any_variants_become_any_others(products, seed):
    draw = random.Random(seed)
    before = some_variants(draw)
    rows = [values_of(options, number) for number, options in enumerate(before)]
    record = products.create({"title": f"P{seed}", "variants": new_children(*rows)}, str(seed)).record
    for step in range(3):
        after = other_variants(draw, before)
        record, before = change(products, record, draw, after, 100 * (step + 1)), after


def change(products, record, draw, after, number):
    """Link some of the wanted variants to present ones, add the rest, remove what is left; check what came of it."""
    present = kept_children(None, record, "variants")
    draw.shuffle(present)
    linked = draw.randint(0, min(len(present), len(after)))
    kept, wanted = [], {}
    for place, options in enumerate(after):
        values = values_of(options, number + place)
        if place < linked:
            child = present[place]
            kept.append(ChildWrite(f"n{place}", child.target_id, child.values | values, values))
        else:
            kept.append(ChildWrite(f"n{place}", None, values, values))
        wanted[f"n{place}"] = values
    removed = tuple(child.target_id for child in present[linked:])
    result = products.update(record, {"variants": ChildList(tuple(kept), removed)}, "any")
    held = {variant["id"]: variant for variant in result.record.raw["variants"]}
    assert len(held) == len(after)
    for source, values in wanted.items():
        variant = held[result.children["variants"][source]]
        assert sorted(map(tuple, variant["options"])) == sorted(map(tuple, values["options"]))
        assert (variant["sku"], float(variant["price"])) == (values["sku"], float(values["price"]))
    for child in kept[:linked]:
        assert result.children["variants"][child.source_id] == child.target_id
    return result.record
