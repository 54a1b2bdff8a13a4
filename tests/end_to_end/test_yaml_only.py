"""A new field in both directions is two lines of YAML and nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from shopify_fw360.errors import SyncError
from shopify_fw360.records import System
from tests.end_to_end.world import INTO_SHOP, INTO_SITE, MAPPINGS


def add_line(file, line):
    text = file.read_text()
    assert text.count("\nfields:\n") == 1
    file.write_text(text.replace("\nfields:\n", f"\nfields:\n  {line}\n"))
    # The shipped examples name every field that comes out; a team that adds a field extends them, this test does not.
    head, _, _ = file.read_text().partition("\nexamples:")
    file.write_text(head + "\n")


@pytest.fixture
def mappings(tmp_path):
    shutil.copytree(MAPPINGS, tmp_path / "mappings")
    return tmp_path / "mappings"


def test_a_field_added_by_one_line_per_direction_travels_both_ways(empty_world, mappings):
    add_line(mappings / "customer.shopify_to_framework360.yaml", "extraFields.nota: {from: note, merge: shopify}")
    add_line(mappings / "customer.framework360_to_shopify.yaml", "note: {from: extraFields.nota, merge: shopify}")
    world = replace(empty_world, mappings=mappings)
    shop_id = world.shop.create(email="ada@example.com", firstName="Ada", lastName="Lovelace", note="Suona due volte")
    world.sync_both()
    site_id = world.counterpart(System.SHOPIFY, shop_id)
    assert world.site.read(site_id)["extraFields"]["nota"] == "Suona due volte"
    world.site.update(site_id, extraFields={"nota": "Citofono rotto"})
    world.sync_both()
    assert world.shop.read(shop_id)["note"] == "Citofono rotto"


def test_a_mapping_edit_reaches_customers_that_did_not_change(empty_world, mappings):
    shop_id = empty_world.shop.create(email="ada@example.com", firstName="Ada", lastName="L", note="Ciao")
    empty_world.sync_both()
    add_line(mappings / "customer.shopify_to_framework360.yaml", "extraFields.nota: {from: note, merge: shopify}")
    world = replace(empty_world, mappings=mappings)
    world.sync(INTO_SITE)
    assert world.site.read(world.counterpart(System.SHOPIFY, shop_id))["extraFields"]["nota"] == "Ciao"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("extraFields.x: {from: nota}", "nota"),
        ("nomme: {from: firstName}", "nome"),
        ("extraFields.x: {from: note, aply: [strip]}", "aply"),
    ],
)
def test_a_wrong_line_names_the_file_the_line_and_the_next_step(empty_world, mappings, line, told):
    file = mappings / "customer.shopify_to_framework360.yaml"
    add_line(file, line)
    number = next(index for index, text in enumerate(file.read_text().splitlines(), 1) if line in text)
    with pytest.raises(SyncError) as failure:
        replace(empty_world, mappings=mappings)
    text = str(failure.value)
    assert f"{file.name}:{number}" in text
    assert told in text
    assert "Next step" in text


def test_the_shipped_mappings_fit_the_shipped_flows(empty_world):
    assert {INTO_SITE, INTO_SHOP} <= set(empty_world.pair.mappings)
