"""What a person decides about one record: a conflict settled side by side, a record left out and let in again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from decimal import Decimal

import pytest

from shopify_fw360.records import Entity, Outcome, System
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.sync.decisions import leave_out, let_in, settle
from tests.end_to_end.catalogue import CATALOGUE_INTO_SHOP, CATALOGUE_INTO_SITE
from tests.end_to_end.world import INTO_SHOP, INTO_SITE, MAPPINGS

EMAIL = "ada@example.com"
SHOP, SITE = System.SHOPIFY, System.FRAMEWORK360


@pytest.fixture(scope="module")
def asking(tmp_path_factory):
    """The shipped mappings of customers, told to ask."""
    directory = tmp_path_factory.mktemp("asking") / "mappings"
    shutil.copytree(MAPPINGS, directory)
    for file in directory.glob("customer.*.yaml"):
        file.write_text(file.read_text().replace("\nmerge: shopify\n", "\nmerge: ask\n", 1))
    return directory


@pytest.fixture
def disputed(empty_world, asking):
    """Ada, whose first name was edited on both sides since the last sync; her city only in the site."""
    world = replace(empty_world, mappings=asking)
    shop_id = world.shop.create(email=EMAIL, firstName="Ada", lastName="Lovelace")
    world.sync_both()
    site_id = world.counterpart(SHOP, shop_id)
    world.shop.update(shop_id, firstName="Adele")
    world.site.update(site_id, nome="Adina", comune="Torino")
    world.sync_both()
    return world, shop_id, site_id


def conflict(world, flow=INTO_SITE):
    with world.store.read() as tx:
        (row,) = tx.parked(flow)
    assert row.error_code == "SYNC-205"
    return row


def decide(world, winner, row=None, *, fields=("nome",)):
    row = row or conflict(world)
    return settle(world.store, row.row_id, row.generation, dict.fromkeys(fields, winner), "anna")


def names(world, shop_id, site_id):
    return world.shop.read(shop_id)["firstName"], world.site.read(site_id)["nome"]


def nothing_is_parked(world):
    return not world.parked(INTO_SITE) and not world.parked(INTO_SHOP)


class TestAConflict:
    def test_shows_what_both_sides_agreed_on_and_what_they_hold_now(self, disputed):
        world, *_ = disputed
        (dispute,) = conflict(world).disputes
        assert (dispute.field, dispute.base) == ("nome", ("Ada", "Ada"))
        assert (dispute.source, dispute.target) == ("Adele", "Adina")

    def test_does_not_keep_the_other_fields_from_travelling(self, disputed):
        world, shop_id, _ = disputed
        assert (world.shop.read(shop_id)["defaultAddress"] or {}).get("city") == "Torino"


class TestSettlingIt:
    def test_for_the_source_writes_its_value_and_the_other_direction_agrees(self, disputed):
        world, *ids = disputed
        assert decide(world, SHOP)
        assert world.drain(INTO_SITE).outcomes == {Outcome.UPDATED: 1}
        world.drain(INTO_SHOP)
        assert names(world, *ids) == ("Adele", "Adele")
        assert nothing_is_parked(world)

    def test_for_the_target_lets_the_other_direction_carry_its_value(self, disputed):
        world, *ids = disputed
        assert decide(world, SITE)
        world.drain(INTO_SITE)
        assert world.drain(INTO_SHOP).outcomes == {Outcome.UPDATED: 1}
        assert names(world, *ids) == ("Adina", "Adina")
        assert nothing_is_parked(world)

    @pytest.mark.parametrize("winner", [SHOP, SITE])
    def test_from_the_other_direction_comes_to_the_same(self, disputed, winner):
        world, *ids = disputed
        assert decide(world, winner, conflict(world, INTO_SHOP), fields=("firstName",))
        world.drain(INTO_SHOP)
        world.drain(INTO_SITE)
        assert names(world, *ids) == (("Adele", "Adele") if winner is SHOP else ("Adina", "Adina"))
        assert nothing_is_parked(world)

    def test_leaves_both_sides_alone_afterwards(self, disputed):
        world, *_ = disputed
        decide(world, SITE)
        world.drain(INTO_SITE)
        world.drain(INTO_SHOP)
        with world.counting_writes() as writes:
            world.sync_both()
        assert writes == {"shopify": 0, "framework360": 0}

    def test_is_told_in_the_journal_with_the_name_of_the_person(self, disputed):
        world, shop_id, _ = disputed
        decide(world, SHOP)
        world.drain(INTO_SITE)
        with world.store.read() as tx:
            newest = tx.story(Entity.CUSTOMER, {SHOP: shop_id})[0]
        assert newest.reasons["nome"] == "settled by anna: shopify wins"
        assert (newest.before["nome"], newest.after["nome"]) == ("Adina", "Adele")


class TestWhenBothSidesChangeAgain:
    def test_before_the_decision_is_carried_out_the_conflict_is_shown_anew_and_nothing_is_overwritten(self, disputed):
        world, shop_id, site_id = disputed
        decide(world, SHOP)
        world.shop.update(shop_id, firstName="Adelheid")
        world.site.update(site_id, nome="Adriana")
        assert world.drain(INTO_SITE).outcomes == {Outcome.CONFLICT: 1}
        assert names(world, shop_id, site_id) == ("Adelheid", "Adriana")
        (dispute,) = conflict(world).disputes
        assert (dispute.source, dispute.target) == ("Adelheid", "Adriana")

    def test_after_the_target_was_chosen_the_other_direction_does_not_overwrite_the_source(self, disputed):
        world, shop_id, site_id = disputed
        decide(world, SITE)
        world.drain(INTO_SITE)
        world.shop.update(shop_id, firstName="Adelheid")
        world.drain(INTO_SHOP)
        assert names(world, shop_id, site_id) == ("Adelheid", "Adina")
        assert conflict(world, INTO_SHOP)

    def test_a_decision_is_carried_out_once_only(self, disputed):
        world, shop_id, site_id = disputed
        decide(world, SHOP)
        world.drain(INTO_SITE)
        world.drain(INTO_SHOP)
        world.shop.update(shop_id, firstName="Adelheid")
        world.site.update(site_id, nome="Adriana")
        world.sync_both()
        assert names(world, shop_id, site_id) == ("Adelheid", "Adriana")

    def test_a_conflict_that_was_parked_anew_meanwhile_is_not_settled_unseen(self, disputed):
        world, shop_id, _ = disputed
        seen = conflict(world)
        world.shop.update(shop_id, firstName="Adelheid")
        world.sync(INTO_SITE)
        assert not decide(world, SHOP, seen)

    def test_a_field_that_is_not_in_dispute_is_refused(self, disputed):
        world, *_ = disputed
        with pytest.raises(LookupError, match="cognome"):
            decide(world, SHOP, fields=("cognome",))


@pytest.mark.parametrize(("winner", "price"), [(SHOP, "44.00"), (SITE, "41.00")])
def test_a_conflict_of_a_variant_is_settled_like_one_of_its_product(catalogue, winner, price):
    catalogue.configure(policies={"prices": "ask"})
    variants = [{"options": {"Taglia": name}, "sku": f"SHIRT-{name}", "price": "39.90"} for name in ("M", "L")]
    product = catalogue.keeper.create_product("Camicia", variants)
    catalogue.settle()
    large = catalogue.keeper.product(product)["variants"]["nodes"][1]["id"]
    catalogue.keeper.update_variants(product, {"id": large, "price": "44.00"})
    rows = catalogue.in_site(product)["varianti"]
    next(row for row in rows if row["sku"] == "SHIRT-L")["prezzo"] = "41.00"
    catalogue.manager.update_product(catalogue.product_link(SHOP, product).framework360_id, varianti=rows)
    catalogue.settle()
    row = conflict(catalogue, CATALOGUE_INTO_SITE)
    assert decide(catalogue, winner, row, fields=[dispute.field for dispute in row.disputes])
    catalogue.drain(CATALOGUE_INTO_SITE)
    catalogue.drain(CATALOGUE_INTO_SHOP)
    here = catalogue.keeper.product(product)["variants"]["nodes"][1]
    there = next(row for row in catalogue.in_site(product)["varianti"] if row["sku"] == "SHIRT-L")
    assert Decimal(here["price"]) == Decimal(str(there["prezzo"])) == Decimal(price)
    assert not catalogue.parked(CATALOGUE_INTO_SITE)
    assert not catalogue.parked(CATALOGUE_INTO_SHOP)


class TestARecordThatIsLeftOut:
    @pytest.fixture
    def left_out(self, disputed):
        world, *ids = disputed
        assert leave_out(world.store, [conflict(world).row_id], ALL_FLOWS, "anna") == 1
        return world, *ids

    def test_is_counted_as_excluded_in_both_directions_and_not_written(self, left_out):
        world, *ids = left_out
        assert world.drain(INTO_SITE).outcomes == {Outcome.EXCLUDED: 1}
        world.site.update(ids[1], nome="Adriana")
        assert world.sync(INTO_SHOP).outcomes[Outcome.EXCLUDED] == 1
        assert names(world, *ids) == ("Adele", "Adriana")
        assert world.link_of(SHOP, ids[0]).status == "excluded"

    def test_is_synchronised_again_once_it_is_let_in(self, left_out):
        world, *ids = left_out
        world.drain(INTO_SITE)
        link = world.link_of(SHOP, ids[0])
        assert let_in(world.store, link.id, ALL_FLOWS)
        world.site.update(ids[1], nome="Adele")
        assert Outcome.EXCLUDED not in world.drain(INTO_SITE).outcomes
        assert world.link_of(SHOP, ids[0]).status == "synced"

    def test_without_a_link_is_left_out_too(self, empty_world):
        lost = empty_world.shop.create(firstName="Nur", lastName="Telefon", phone="+393471111111")
        empty_world.sync(INTO_SITE)
        with empty_world.store.read() as tx:
            (row,) = tx.parked(INTO_SITE)
        leave_out(empty_world.store, [row.row_id], ALL_FLOWS, "anna")
        assert empty_world.drain(INTO_SITE).outcomes == {Outcome.EXCLUDED: 1}
        assert empty_world.link_of(SHOP, lost).excluded_by == "anna"
