"""Exactly the approved plan is carried out, nothing else, whatever happens in between."""

from __future__ import annotations

import pytest

from shopify_fw360.errors import AWAITING_APPROVAL, PLAN_NOT_APPROVED, SyncError
from shopify_fw360.records import Change, Entity, Origin, System
from shopify_fw360.sync.drain import drain
from shopify_fw360.sync.dry_run import plan_into_store
from shopify_fw360.sync.run import Mode, RunRequest, certify, stage_run
from tests.end_to_end.conftest import empty_world, framework360_process, shopify_process, store  # noqa: F401 - fixtures
from tests.end_to_end.world import INTO_SHOP, INTO_SITE

PLAN = f"{INTO_SITE.name}/plan"
RUN = f"{INTO_SITE.name}/apply"


@pytest.fixture
def world(empty_world):  # noqa: F811 - pytest's way to ask for a fixture
    return empty_world


def make_plan(world, flow=INTO_SITE, run_id=PLAN):
    return plan_into_store(world.pair, RunRequest(flow, run_id, Mode.FULL))


def approve(world, run_id=PLAN, state="approved"):
    with world.store.begin() as tx:
        return tx.decide_plan(run_id, tx.plan(run_id).version, "anna", state)


def stage(world, flow=INTO_SITE, plan_id=PLAN, run_id=RUN):
    return stage_run(world.pair, RunRequest(flow, run_id, Mode.PLAN, plan=plan_id))


def carry_out(world):
    stage(world)
    report = drain(world.pair, INTO_SITE, "worker", run_id=RUN)
    certify(world.pair, RUN)
    return {outcome.value: count for outcome, count in report.outcomes.items() if count}


def mails(world):
    return sorted(row["email"] for row in world.site.all())


def test_an_approved_plan_is_carried_out_and_the_ledger_explains_it(world):
    world.shop.create(email="ada@example.com", firstName="Ada")
    bea = world.shop.create(email="bea@example.com", firstName="Bea")
    site_id = world.site.create(email="bea@example.com", nome="Bea", cognome="Rossi")
    make_plan(world)
    assert approve(world)
    assert carry_out(world) == {"created": 1, "linked": 1}
    assert mails(world) == ["ada@example.com", "bea@example.com"]
    assert world.counterpart(System.SHOPIFY, bea) == site_id


def test_a_record_whose_source_changed_since_is_not_written_but_reported(world):
    changed = world.shop.create(email="ada@example.com", firstName="Ada")
    world.shop.create(email="bea@example.com", firstName="Bea")
    make_plan(world)
    approve(world)
    world.shop.update(changed, firstName="Augusta")
    assert carry_out(world) == {"created": 1, "parked": 1}
    assert mails(world) == ["bea@example.com"]
    assert world.parked(INTO_SITE) == {changed: "SYNC-231"}
    with world.store.read() as tx:
        (row,) = tx.parked(INTO_SITE)
    assert "nome changed since" in row.error_message


def test_a_record_whose_target_changed_since_is_not_written_but_reported(world):
    shop_id = world.shop.create(email="ada@example.com", firstName="Ada", note="")
    site_id = world.site.create(email="ada@example.com", nome="Augusta", cognome="Rossi")
    make_plan(world)
    approve(world)
    world.site.update(site_id, nome="Adele")
    assert carry_out(world) == {"parked": 1}
    assert world.site.read(site_id)["nome"] == "Adele"
    assert world.parked(INTO_SITE) == {shop_id: "SYNC-231"}


def test_a_counterpart_that_turned_up_since_is_not_touched(world):
    shop_id = world.shop.create(email="ada@example.com", firstName="Ada")
    make_plan(world)
    approve(world)
    world.site.create(email="ada@example.com", nome="Ada", cognome="Rossi")
    assert carry_out(world) == {"parked": 1}
    assert world.parked(INTO_SITE) == {shop_id: "SYNC-231"}


def test_a_change_of_something_the_plan_does_not_write_does_not_matter(world):
    shop_id = world.shop.create(email="ada@example.com", firstName="Ada")
    make_plan(world)
    approve(world)
    world.shop.update(shop_id, note="prefers mornings")
    assert carry_out(world) == {"created": 1}


def test_what_was_done_meanwhile_by_somebody_else_is_nothing_to_refuse(world):
    world.shop.create(email="ada@example.com", firstName="Ada")
    make_plan(world)
    approve(world)
    world.sync(INTO_SITE)
    assert carry_out(world) == {"unchanged": 1}


def test_a_refused_record_is_synchronised_once_a_person_releases_it(world):
    changed = world.shop.create(email="ada@example.com", firstName="Ada")
    make_plan(world)
    approve(world)
    world.shop.update(changed, firstName="Augusta")
    carry_out(world)
    with world.store.begin() as tx:
        tx.release([], flow=INTO_SITE, code="SYNC-231")
    world.drain(INTO_SITE)
    assert [row["nome"] for row in world.site.all()] == ["Augusta"]


def test_a_record_left_out_of_the_plan_is_not_written(world):
    left = world.shop.create(email="ada@example.com", firstName="Ada")
    world.shop.create(email="bea@example.com", firstName="Bea")
    make_plan(world)
    with world.store.begin() as tx:
        assert tx.leave_out(PLAN, [left]) == 1
    approve(world)
    assert carry_out(world) == {"created": 1}
    assert mails(world) == ["bea@example.com"]


@pytest.mark.parametrize("state", [None, "refused"])
def test_a_plan_that_is_not_approved_is_not_carried_out(world, state):
    world.shop.create(email="ada@example.com", firstName="Ada")
    make_plan(world)
    if state is not None:
        approve(world, state=state)
    with pytest.raises(SyncError) as error:
        stage(world)
    assert error.value.code is PLAN_NOT_APPROVED
    assert mails(world) == []


def test_a_plan_belongs_to_one_flow_and_to_one_run(world):
    make_plan(world)
    approve(world)
    with pytest.raises(SyncError, match="of customers_shopify_to_framework360"):
        stage(world, flow=INTO_SHOP, run_id="other/flow")
    stage(world)
    with pytest.raises(SyncError, match="carried out by"):
        stage(world, run_id="other/run")


def test_nobody_approves_another_plan_than_the_one_they_saw(world):
    shop_id = world.shop.create(email="ada@example.com", firstName="Ada")
    make_plan(world)
    with world.store.begin() as tx:
        seen = tx.plan(PLAN).version
        tx.leave_out(PLAN, [shop_id])
    with world.store.begin() as tx:
        assert not tx.decide_plan(PLAN, seen, "anna", "approved")


def test_a_plan_that_was_decided_on_is_not_planned_over(world):
    make_plan(world)
    approve(world)
    with pytest.raises(SyncError) as error:
        make_plan(world)
    assert error.value.code is PLAN_NOT_APPROVED


class Killed(BaseException):
    """The end of a process."""


def test_a_run_that_is_killed_after_a_create_and_repeated_makes_one_record(world, monkeypatch):
    world.shop.create(email="ada@example.com", firstName="Ada")
    world.configure(limits={"lease_seconds": 5})
    make_plan(world)
    approve(world)
    stage(world)
    site = world.pair.gateway(System.FRAMEWORK360, Entity.CUSTOMER)
    create = type(site).create

    def create_and_die(self, fields, other_id):
        create(self, fields, other_id)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(type(site), "create", create_and_die)
        with pytest.raises(Killed):
            drain(world.pair, INTO_SITE, "first", run_id=RUN)
    with world.store.begin() as tx:
        # The lease of the dead worker has run out.
        tx.scope.connection.exec_driver_sql(
            "UPDATE staged_change SET state = 'pending', owner = NULL, available_at = staged_at"
        )
        tx.scope.connection.exec_driver_sql("DELETE FROM record_lease")
    stage(world)
    drain(world.pair, INTO_SITE, "second", run_id=RUN)
    certify(world.pair, RUN)
    assert mails(world) == ["ada@example.com"]
    assert world.parked(INTO_SITE) == {}


class TestFirstSync:
    def test_no_flow_writes_before_its_first_plan_was_carried_out(self, world):
        world.shop.create(email="ada@example.com", firstName="Ada")
        world.configure(require_approval=True)
        with pytest.raises(SyncError) as error:
            world.sync(INTO_SITE)
        assert error.value.code is AWAITING_APPROVAL
        assert INTO_SITE not in world.pair.served()
        make_plan(world)
        approve(world)
        assert carry_out(world) == {"created": 1}
        world.shop.create(email="bea@example.com", firstName="Bea")
        world.sync(INTO_SITE)
        assert mails(world) == ["ada@example.com", "bea@example.com"]

    def test_the_approval_of_one_direction_does_not_count_for_the_other(self, world):
        world.configure(require_approval=True)
        make_plan(world)
        approve(world)
        carry_out(world)
        with pytest.raises(SyncError):
            world.pair.require_on(INTO_SHOP)


def test_a_customer_whose_approved_creation_broke_off_waits_for_it_in_the_other_direction(world):
    site_id = world.site.create(email="ada@example.com", nome="Ada", cognome="Rossi", marketing_active=True)
    make_plan(world, INTO_SHOP)
    approve(world)
    stage(world, INTO_SHOP)
    world.shopify.control.add_fault("http_status", match={"operation": "CustomerUpdate"}, times=3)
    drain(world.pair, INTO_SHOP, "worker", run_id=RUN)
    [customer] = world.shop.all()
    report = drain(world.pair, INTO_SITE, "worker", run_id=world.stage(INTO_SITE))
    assert (report.finished, report.retried) == (0, 1)
    with world.store.read() as tx:
        [waiting] = tx.queued(flow=INTO_SHOP)
    assert (waiting.source_id, waiting.run_id) == (site_id, RUN)
    assert world.site.read(site_id)["marketing_active"] in (1, "1", True)
    assert customer["defaultEmailAddress"]["marketingState"] == "NOT_SUBSCRIBED"


def test_a_customer_whose_creation_was_given_up_is_not_waited_for(world):
    world.site.create(email="ada@example.com", nome="Ada", cognome="Rossi", marketing_active=True)
    world.shopify.control.add_fault("http_status", match={"operation": "CustomerUpdate"}, times=3)
    world.drain(INTO_SHOP, world.stage(INTO_SHOP))
    world.configure(customers={"outbound": {"mode": "tags", "tags": ["wholesale"]}})
    with world.store.begin() as tx:
        [waiting] = tx.queued(flow=INTO_SHOP)
        tx.stage([Change(INTO_SHOP, waiting.source_id, origin=Origin.SYNC_NOW)])
    world.drain(INTO_SHOP)
    [customer] = world.shop.all()
    world.drain(INTO_SITE, world.stage(INTO_SITE))
    assert world.link_of(System.SHOPIFY, customer["id"]).status == "synced"
