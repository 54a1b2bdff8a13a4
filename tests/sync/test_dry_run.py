"""Dry runs of any size: kept whole, counted in full, written as they go, forgotten in time; twins are seen in them."""

from __future__ import annotations

import pytest

from shopify_fw360.errors import SyncError
from shopify_fw360.records import Entity, System
from shopify_fw360.store import Pairing
from shopify_fw360.sync import dry_run
from shopify_fw360.sync.dry_run import plan_into_store, replan
from shopify_fw360.sync.run import Mode, RunRequest
from tests.end_to_end.catalogue import CATALOGUE_INTO_SITE
from tests.end_to_end.conftest import catalogue, empty_world, framework360_process, shopify_process, store  # noqa: F401
from tests.end_to_end.world import INTO_SHOP, INTO_SITE


@pytest.fixture
def world(empty_world):  # noqa: F811 - pytest's way to ask for a fixture
    empty_world.configure(limits={"batch_size": 2})
    return empty_world


def plan(world, run="one", flow=INTO_SITE):
    run_id = f"{flow.name}/{run}"
    return run_id, plan_into_store(world.pair, RunRequest(flow, run_id, Mode.FULL))


def items(world, run_id, **what):
    with world.store.read() as tx:
        return {item.source_id: item for item in tx.plan_items(run_id, limit=1000, **what)[0]}


def counted(world, run_id):
    with world.store.read() as tx:
        certificate = tx.run(run_id).certificate
    return {outcome.value: count for outcome, count in certificate.outcomes.items() if count}


def test_nothing_is_written_to_either_system(world):
    world.shop.create(email="ada@example.com", firstName="Ada")
    world.site.create(email="bea@example.com", nome="Bea", cognome="Rossi")
    with world.counting_writes() as writes:
        plan(world)
        plan(world, flow=INTO_SHOP)
    assert writes == {"shopify": 0, "framework360": 0}


def test_every_record_is_kept_with_what_would_be_done_and_can_be_paged_filtered_and_found(world):
    for number in range(5):
        world.shop.create(email=f"ada{number}@example.com", firstName="Ada")
    world.shop.create(firstName="Nur", phone="+393471111111")
    run_id, counts = plan(world)
    assert (counts["create"], counts["parked"]) == (5, 1)
    assert counted(world, run_id) == {"created": 5, "parked": 1}
    with world.store.read() as tx:
        assert (len(tx.plan_items(run_id, limit=4)[0]), len(tx.plan_items(run_id, limit=4, offset=4)[0])) == (4, 2)
        (parked,), number = tx.plan_items(run_id, action="parked")
        (found,), _ = tx.plan_items(run_id, search="ADA3@")
        cost = tx.plan(run_id).cost
    assert (number, parked.error_code) == (1, "SYNC-201")
    assert found.after["email"] == "ada3@example.com"
    assert (cost["writes"], cost["requests"] >= 5, cost["seconds"] > 0) == (5, True, True)


def test_a_match_says_what_it_rests_on_and_how_well_both_records_fit(world):
    shop_id = world.shop.create(email="ada@example.com", firstName="Ada", lastName="Byron")
    site_id = world.site.create(email="Ada@example.com", nome="Ada", cognome="Lovelace")
    run_id, _ = plan(world)
    item = items(world, run_id)[shop_id]
    assert (item.action, item.target_id, item.evidence["by"]) == ("link", site_id, "key")
    assert set(item.evidence["agree"]) >= {"email", "nome"}
    assert "cognome" in item.evidence["differ"]
    assert 0 < item.score < 100


class TestTwins:
    def twins(self, catalogue):  # noqa: F811 - a fixture
        """Two products of the shop with one stock number, in different batches of a plan."""
        catalogue.configure(limits={"batch_size": 2})
        first = catalogue.keeper.create_product("Chair", [{"sku": "C-1", "price": "10.00"}])
        for number in range(2):
            catalogue.keeper.create_product(f"Table {number}", [{"sku": f"T-{number}", "price": "10.00"}])
        return first, catalogue.keeper.create_product("Chair again", [{"sku": "C-1", "price": "11.00"}])

    def test_in_different_batches_of_one_plan_both_are_refused(self, catalogue):  # noqa: F811 - pytest's way to ask for a fixture
        first, second = self.twins(catalogue)
        run_id, counts = plan(catalogue, flow=CATALOGUE_INTO_SITE)
        found = items(catalogue, run_id)
        assert (counts["create"], counts["parked"]) == (2, 2)
        assert [(found[one].error_code, list(found[one].candidates)) for one in (first, second)] == [
            ("SYNC-204", [second]),
            ("SYNC-204", [first]),
        ]
        assert counted(catalogue, run_id) == {"created": 2, "parked": 2}

    def test_the_one_decided_by_hand_goes_on_and_the_other_waits(self, catalogue):  # noqa: F811 - pytest's way to ask for a fixture
        first, second = self.twins(catalogue)
        run_id, _ = plan(catalogue, flow=CATALOGUE_INTO_SITE)
        with catalogue.store.begin() as tx:
            tx.save_pairing(Pairing(Entity.PRODUCT, second, None, "anna"))
        replan(catalogue.pair, run_id, [first, second])
        found = items(catalogue, run_id)
        assert (found[first].action, found[second].action) == ("parked", "create")


def test_a_pair_linked_by_hand_is_planned_anew_and_used_by_the_next_run(world):
    shop_id = world.shop.create(email="ada@example.com", firstName="Ada")
    site_id = world.site.create(email="countess@example.com", nome="Ada", cognome="Byron")
    run_id, counts = plan(world)
    assert counts["create"] == 1
    with world.store.begin() as tx:
        tx.save_pairing(Pairing(Entity.CUSTOMER, shop_id, site_id, "anna"))
        version = tx.plan(run_id).version
    assert replan(world.pair, run_id, [shop_id]) == 1
    item = items(world, run_id)[shop_id]
    assert (item.action, item.target_id, item.evidence["by"]) == ("link", site_id, "choice")
    assert counted(world, run_id) == {"linked": 1}
    with world.store.read() as tx:
        assert tx.plan(run_id).version > version
    world.sync(INTO_SITE)
    assert world.counterpart(System.SHOPIFY, shop_id) == site_id


def test_a_record_may_be_given_a_new_counterpart_although_one_fits(world):
    world.site.create(email="a@example.com", nome="Ada", cognome="Rossi", telefono="+390212345678")
    shop_id = world.shop.create(email="ada@example.com", firstName="Ada")
    with world.store.begin() as tx:
        tx.save_pairing(Pairing(Entity.CUSTOMER, shop_id, None, "anna"))
    run_id, counts = plan(world)
    assert (counts["create"], items(world, run_id)[shop_id].evidence) == (1, {"by": "choice"})


def test_a_chosen_counterpart_that_is_gone_is_told(world):
    shop_id = world.shop.create(email="ada@example.com", firstName="Ada")
    with world.store.begin() as tx:
        tx.save_pairing(Pairing(Entity.CUSTOMER, shop_id, "999999", "anna"))
    run_id, _ = plan(world)
    item = items(world, run_id)[shop_id]
    assert (item.error_code, "does not exist any more" in item.message) == ("SYNC-204", True)


def test_a_repeated_try_keeps_the_plan_once(world):
    for number in range(5):
        world.shop.create(email=f"ada{number}@example.com", firstName="Ada")
    world.framework360.control.add_fault("http_status", skip=3, params={"status": 401})
    with pytest.raises(SyncError):
        plan(world)
    with world.store.read() as tx:
        assert tx.plan(f"{INTO_SITE.name}/one").state == "planning"
    world.framework360.control.clear_faults()
    plan(world)
    run_id, _ = plan(world)
    assert len(items(world, run_id)) == 5
    assert counted(world, run_id) == {"created": 5}


def test_only_the_newest_plans_are_kept_and_the_counts_of_all(world, monkeypatch):
    monkeypatch.setattr(dry_run, "PLANS_KEPT", 2)
    world.shop.create(email="ada@example.com", firstName="Ada")
    runs = [plan(world, run)[0] for run in ("one", "two", "three")]
    assert [len(items(world, run)) for run in runs] == [0, 1, 1]
    assert [counted(world, run) for run in runs] == [{"created": 1}] * 3
