"""Plans, decisions about pairs, authorizations under way, who did what: on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.store import AuditEntry, Pairing, PlanEntry
from shopify_fw360.store.oauth_states import Started

FLOW = Flow(Entity.CUSTOMER, System.SHOPIFY)
RUN = "flow/one"


def made(store, *entries, run_id=RUN, flow=FLOW):
    with store.begin() as tx:
        tx.open_plan(run_id, flow)
        tx.write_plan(run_id, entries)
        tx.finish_plan(run_id, {"seconds": 3})


def entry(number, action="create", **more):
    return PlanEntry(str(number), action, "because", display_name=f"Ada {number}", digest=f"d{number}", **more)


def approve(store, run_id=RUN):
    with store.begin() as tx:
        assert tx.decide_plan(run_id, tx.plan(run_id).version, "anna", "approved")


class TestPlan:
    def test_comes_back_as_it_was_kept(self, store):
        whole = PlanEntry(
            "1",
            "link",
            "found by its key",
            target_id="77",
            match_key="email:a@example.com",
            display_name="Ada\x00",
            evidence={"by": "key"},
            score=80,
            candidates=("77", "78"),
            before={"nome": "Ada"},
            after={"nome": "Eva"},
            reasons={"nome": "policy"},
            error_code="SYNC-204",
            digest="d",
        )
        made(store, whole)
        with store.read() as tx:
            (found,), total = tx.plan_items(RUN)
            plan = tx.plan(RUN)
        assert (total, found.display_name) == (1, "Ada")
        assert found == PlanEntry(**{**{name: getattr(whole, name) for name in whole.__slots__}, "display_name": "Ada"})
        assert (plan.state, plan.cost, plan.flow) == ("ready", {"seconds": 3}, FLOW)

    def test_an_item_written_again_replaces_the_one_before(self, store):
        made(store, entry(1), entry(2))
        with store.begin() as tx:
            tx.write_plan(RUN, [entry(1, "parked")])
        with store.read() as tx:
            assert tx.plan_counts(RUN) == {"create": 1, "parked": 1}

    def test_planning_anew_forgets_the_items_and_keeps_the_version_growing(self, store):
        made(store, entry(1))
        with store.begin() as tx:
            before = tx.plan(RUN).version
            tx.open_plan(RUN, FLOW)
            assert (tx.plan_counts(RUN), tx.plan(RUN).version > before) == ({}, True)

    def test_a_decision_needs_the_version_that_was_seen_and_is_made_once(self, store):
        made(store, entry(1))
        with store.begin() as tx:
            version = tx.plan(RUN).version
            assert not tx.decide_plan(RUN, version - 1, "anna", "approved")
            assert tx.decide_plan(RUN, version, "anna", "approved")
            assert not tx.decide_plan(RUN, version, "bert", "refused")
            assert tx.plan(RUN).decided_by == "anna"
            with pytest.raises(ValueError, match="approved already"):
                tx.open_plan(RUN, FLOW)

    def test_nothing_is_left_out_after_the_decision(self, store):
        made(store, entry(1), entry(2))
        with store.begin() as tx:
            assert tx.leave_out(RUN, ["1"]) == 1
            assert tx.plan_left_out(RUN) == 1
        approve(store)
        with store.begin() as tx:
            assert tx.leave_out(RUN, ["2"]) == 0
            assert list(tx.wanted_ids(RUN)) == [["2"]]

    def test_what_was_approved_is_known_by_the_run_that_carries_it_out(self, store):
        made(store, entry(1), entry(2))
        with store.begin() as tx:
            tx.leave_out(RUN, ["2"])
        approve(store)
        with store.begin() as tx:
            assert not tx.has_applied_plan(FLOW)
            assert tx.begin_applying(RUN, "run")
            assert tx.begin_applying(RUN, "run")
            assert not tx.begin_applying(RUN, "another")
            assert tx.has_applied_plan(FLOW)
            assert not tx.has_applied_plan(FLOW.reverse)
            known = tx.approved(FLOW, {"run": ["1", "2", "3"], "": ["4"], "other": ["5"]})
        assert {one: None if item is None else item.digest for one, item in known.items()} == {
            "1": "d1",
            "2": None,
            "3": None,
        }

    def test_twins_and_shared_counterparts_are_found_across_the_whole_plan(self, store):
        key = {"match_key": "email:a@example.com"}
        made(
            store,
            entry(1, **key),
            entry(2, match_key="email:b@example.com"),
            entry(3, "link", target_id="77"),
            entry(4, "update", target_id="77"),
            entry(5, "excluded", **key),
            entry(6, "link", target_id="77"),
        )
        with store.read() as tx:
            assert tx.plan_twins(RUN) == {"email:a@example.com": ["1", "5"]}
            assert tx.plan_sharing(RUN, "link") == {"77": ["3", "6"]}

    def test_old_plans_are_forgotten_except_those_that_wait_to_be_carried_out(self, store, clock):
        for run_id in ("waits", "done", "old", "new"):
            made(store, entry(1), run_id=run_id)
            clock.move(minutes=1)
        approve(store, "waits")
        approve(store, "done")
        with store.begin() as tx:
            tx.begin_applying("done", "run")
            tx.forget_older_plans(FLOW, keep=1)
            assert {plan.run_id: len(tx.plan_items(plan.run_id)[0]) for plan in tx.recent_plans()} == {
                "new": 1,
                "done": 0,
                "waits": 1,
            }
            assert tx.has_applied_plan(FLOW)


class TestPairing:
    def test_is_known_from_both_sides(self, store):
        choice = Pairing(Entity.CUSTOMER, "s1", "f1", "anna")
        with store.begin() as tx:
            tx.save_pairing(choice)
            assert tx.pairings(Entity.CUSTOMER, System.SHOPIFY, ["s1", "s2"]) == {"s1": choice}
            assert tx.pairings(Entity.CUSTOMER, System.FRAMEWORK360, ["f1"]) == {"f1": choice}
            assert tx.pairings(Entity.PRODUCT, System.SHOPIFY, ["s1"]) == {}

    def test_replaces_earlier_ones_about_either_record(self, store):
        with store.begin() as tx:
            for pair in (("s1", "f1"), ("s2", "f2"), ("s1", "f2")):
                tx.save_pairing(Pairing(Entity.CUSTOMER, *pair))
            assert tx.pairings(Entity.CUSTOMER, System.SHOPIFY, ["s1", "s2"]) == {
                "s1": Pairing(Entity.CUSTOMER, "s1", "f2")
            }

    def test_can_be_taken_back(self, store):
        with store.begin() as tx:
            tx.save_pairing(Pairing(Entity.CUSTOMER, "s1", None))
            assert tx.drop_pairing(Entity.CUSTOMER, System.SHOPIFY, "s1")
            assert not tx.drop_pairing(Entity.CUSTOMER, System.SHOPIFY, "s1")

    def test_needs_a_record(self, store):
        with store.begin() as tx, pytest.raises(ValueError, match="needs a record"):
            tx.save_pairing(Pairing(Entity.CUSTOMER, None, None))


class TestState:
    STARTED = Started("shop.myshopify.com", ("read_customers",), "anna")

    def start(self, store, state="state", browser="browser"):
        with store.begin() as tx:
            tx.remember_state(state, browser, self.STARTED, timedelta(minutes=10))

    def take(self, store, state="state", browser="browser"):
        with store.begin() as tx:
            return tx.take_state(state, browser)

    def test_is_good_once(self, store):
        self.start(store)
        assert self.take(store) == self.STARTED
        assert self.take(store) is None

    def test_is_good_for_a_while(self, store, clock):
        self.start(store)
        clock.move(minutes=10)
        assert self.take(store) is None

    @pytest.mark.parametrize("browser", ["", "another"])
    def test_is_good_for_the_browser_that_started_and_used_up_by_any_other(self, store, browser):
        self.start(store)
        assert self.take(store, browser=browser) is None
        assert self.take(store) is None

    def test_is_kept_as_a_digest_only(self, store):
        self.start(store, "secret-state", "secret-browser")
        with store.connect(read_only=True) as connection:
            rows = connection.exec_driver_sql("SELECT digest, browser_digest FROM oauth_state").all()
        assert "secret" not in str(rows)


def test_acts_are_listed_newest_first_and_by_kind(store, clock):
    with store.begin() as tx:
        tx.write_audit(AuditEntry("anna", "settings.save", {"a": 1}, {"a": 2}))
        tx.write_audit(AuditEntry("bert", "shop.connect"))
        tx.write_audit(AuditEntry("carla", "settings.save"))
        assert [entry.person for entry in tx.audit_entries()] == ["carla", "bert", "anna"]
        first = tx.audit_entries(prefix="settings.")[-1]
    assert (first.person, first.before, first.after, first.at) == ("anna", {"a": 1}, {"a": 2}, clock())
