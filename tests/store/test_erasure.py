"""What the store holds about a person: found everywhere, shown, erased; and nobody else is touched."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from shopify_fw360.errors import CONFLICT, REJECTED, SyncError
from shopify_fw360.records import ERASED_BY, Dispute, Entity, Event, Flow, Link, Outcome, System
from shopify_fw360.store import AuditEntry, JournalEntry, LinkChild, Pairing, PlanEntry
from shopify_fw360.store.tables import metadata
from tests.store.make import BACK, FORTH, change, claim, stage

ORDERS = Flow(Entity.ORDER, System.SHOPIFY)
ADA = "gid://shopify/Customer/1"
BEA = "gid://shopify/Customer/12"
ORDER = "gid://shopify/Order/5"
UNLISTED = "gid://shopify/Order/6"
OTHERS = "gid://shopify/Order/7"
SECRETS = ("ada@example.com", "Ada Neri", "neri", "+39 333 1234567", "Via Roma 9")
BEAS = ("bea@example.com", "Bea Blu")


def everything(store) -> str:
    """All texts of all tables that the pair holds, in one."""
    with store.connect(read_only=True) as connection:
        return "\n".join(
            str(value)
            for table in metadata.sorted_tables
            for row in connection.execute(select(table).where(table.c.pair_id == store.pair_id))
            for value in row
        )


def raw(email, name, **more):
    return {"email": email, "name": name, "phone": "+39 333 1234567", "address": {"street": "Via Roma 9"}, **more}


@pytest.fixture
def filled(store):
    """Ada in every room of the store, Bea beside her."""
    ada, bea = raw("Ada@Example.com", "Ada Neri"), {"email": "bea@example.com", "name": "Bea Blu"}
    with store.begin() as tx:
        tx.open_run("run", FORTH, "poll")
        own = tx.save_link(
            Link(
                Entity.CUSTOMER,
                ADA,
                "17",
                "synced",
                base={FORTH.name: {"nome": ["Ada Neri", "Ada Neri"], "email": ["Ada@Example.com", "ada@example.com"]}},
                fingerprints={FORTH.name: "f"},
                match_keys={"shopify": "ada@example.com"},
                display_name="Ada Neri",
                error_message="customer shopify:1 (ada@example.com)",
            )
        )
        tx.save_link(
            Link(
                Entity.CUSTOMER,
                BEA,
                "18",
                "synced",
                {FORTH.name: {"nome": ["Bea Blu", "Bea Blu"]}},
                display_name="Bea Blu",
            )
        )
        order = tx.save_link(
            Link(
                Entity.ORDER,
                ORDER,
                "70",
                "synced",
                {ORDERS.name: {"via": ["Via Roma 9", "Via Roma 9"]}},
                display_name="#1001",
            )
        )
        tx.replace_children(order.id, "line", [LinkChild("line", "9", "9", data={"engraving": "Ada Neri"})])
        tx.save_link(Link(Entity.ORDER, UNLISTED, "71", base={ORDERS.name: {"cliente": [ADA, "17"]}}))
        tx.save_link(Link(Entity.ORDER, OTHERS, "72", base={ORDERS.name: {"cliente": [BEA, "18"]}}))
        tx.write_journal(
            [
                JournalEntry(
                    "run", FORTH, ADA, Outcome.UPDATED, "17", own.id, {"nome": "A"}, ada, {"nome": "Ada Neri won"}
                ),
                JournalEntry("run", BACK, "17", Outcome.PARKED, ADA, message="ada@example.com is taken"),
                JournalEntry("run", FORTH, BEA, Outcome.PARKED, message="Bea Blu: ADA@example.com is used by another"),
                JournalEntry("run", FORTH, BEA, Outcome.UPDATED, "18", after=bea),
                JournalEntry("run", ORDERS, ORDER, Outcome.CREATED, "70", order.id, after={"via": "Via Roma 9"}),
            ]
        )
        for flow, run in ((FORTH, "plan"), (BACK, "plan back")):
            tx.open_plan(run, flow)
        tx.write_plan(
            "plan",
            [
                PlanEntry(ADA, "update", "Ada Neri is updated", "17", "ada@example.com", "Ada Neri", after=ada),
                PlanEntry(BEA, "create", "not ada@example.com", display_name="Bea Blu", after=bea),
            ],
        )
        tx.write_plan("plan back", [PlanEntry("17", "update", "", ADA, before=ada)])
        tx.save_pairing(Pairing(Entity.CUSTOMER, ADA, "17", "Eva"))
        tx.raise_alert("a", "The address of Ada Neri (ada@example.com) is not taken.")
        tx.write_audit(AuditEntry("Eva", "record.undo", {"nome": "Ada Neri"}, {"email": "ada@example.com"}))
        tx.record_events([Event(System.SHOPIFY, "e", "customers/update", Entity.CUSTOMER, ADA)])
        tx.run_error("run", SyncError(REJECTED, "the site refuses ada@example.com"))
        tx.lock_records(Entity.CUSTOMER, ["key:ada@example.com"], "dead", timedelta(0))
    stage(
        store,
        change(ADA, raw=ada, run_id="run", display_name="Ada Neri", match_key="ada@example.com"),
        change("17", flow=BACK, raw=ada, run_id="back", display_name="Ada Neri"),
        change(ORDER, flow=ORDERS, raw={"shippingAddress": "Via Roma 9"}, run_id="orders"),
        change(BEA, raw=bea, run_id="run", display_name="Bea Blu"),
    )
    (held,) = claim(store, flow=BACK)
    with store.begin() as tx:
        dispute = Dispute("telefono", None, "+39 333 1234567", "1", ("+393331234567", "1"))
        tx.park(held, "worker", SyncError(CONFLICT, "Ada Neri"), disputes=[dispute])
    return store


def erase(store, orders=(ORDER,)):
    with store.begin() as tx:
        return tx.erase_subject(tx.find_subject(ADA, orders))


def test_the_person_is_found_on_both_sides_with_the_orders_that_name_them(filled):
    with filled.read() as tx:
        subject = tx.find_subject(ADA, [ORDER])
    assert subject.of(Entity.CUSTOMER, System.FRAMEWORK360) == {"17"}
    assert subject.of(Entity.ORDER, System.SHOPIFY) == {ORDER, UNLISTED}
    assert subject.of(Entity.ORDER, System.FRAMEWORK360) == {"70", "71"}
    assert "ada@example.com" in subject.marks


def test_an_export_shows_all_that_is_held_and_nothing_of_others(filled):
    with filled.read() as tx:
        held = tx.describe_subject(tx.find_subject(ADA, [ORDER]))
    assert held.keys() >= {"link", "link_child", "staged_change", "journal", "plan_item", "webhook_event", "mentions"}
    for secret in SECRETS:
        assert secret.lower() in repr(held).lower()
    others = [row for name, rows in held.items() if name != "mentions" for row in rows]
    assert not any(word in repr(others) for word in BEAS)


def test_nothing_personal_is_left_anywhere(filled):
    for secret in SECRETS:
        assert secret.lower() in everything(filled).lower()
    erase(filled)
    left = everything(filled).lower()
    assert [secret for secret in SECRETS if secret.lower() in left] == []


def test_others_keep_what_is_theirs(filled):
    erase(filled)
    with filled.read() as tx:
        assert tx.links(Entity.CUSTOMER, System.SHOPIFY, [BEA])[BEA].display_name == "Bea Blu"
        assert tx.links(Entity.ORDER, System.SHOPIFY, [OTHERS])[OTHERS].base
        assert [row.source_id for row in tx.queued()] == [BEA]
        assert [item.source_id for item in tx.plan_items("plan")[0]] == [BEA]
        parked, updated = (entry for entry in tx.entries_of_run("run") if entry.source_id == BEA)
    assert parked.message == "Bea Blu: [erased] is used by another"
    assert updated.after["name"] == "Bea Blu"


def test_the_links_stay_as_ids_that_both_directions_leave_alone(filled):
    erase(filled)
    with filled.read() as tx:
        link = tx.links(Entity.CUSTOMER, System.SHOPIFY, [ADA])[ADA]
        order = tx.links(Entity.ORDER, System.SHOPIFY, [ORDER])[ORDER]
    assert (link.framework360_id, link.status, link.excluded_by, link.base) == ("17", "excluded", ERASED_BY, {})
    assert (order.framework360_id, order.excluded_by, order.base) == ("70", ERASED_BY, {})


def test_the_runs_still_add_up(filled):
    with filled.begin() as tx:
        tx.count_read("run", read=2, staged=None)
    with filled.read() as tx:
        before = tx.certificate("run").unexplained_processing
    erase(filled)
    with filled.read() as tx:
        assert tx.certificate("run").unexplained_processing == before


def test_a_change_a_dead_worker_held_is_counted_in_both_runs(store):
    stage(store, change(ADA, run_id="first"))
    claim(store)
    stage(store, change(ADA, run_id="second"))
    erase(store)
    with store.read() as tx:
        assert tx.entries_kept("first") == {Outcome.SUPERSEDED: 1}
        assert tx.entries_kept("second") == {Outcome.EXCLUDED: 1}


def test_a_customer_that_was_deleted_in_the_shop_before_is_found_through_the_journal(store):
    with store.begin() as tx:
        link = tx.save_link(Link(Entity.CUSTOMER, None, "17", "unlinked", display_name="Ada Neri"))
        tx.write_journal([JournalEntry("", FORTH, ADA, Outcome.UNLINKED, "17", link.id)])
    erase(store, ())
    with store.read() as tx:
        left = tx.links(Entity.CUSTOMER, System.FRAMEWORK360, ["17"])["17"]
    assert (left.display_name, left.excluded_by, left.status) == ("", ERASED_BY, "unlinked")


def test_a_counterpart_that_belongs_to_another_customer_now_is_theirs(store):
    with store.begin() as tx:
        link = tx.save_link(Link(Entity.CUSTOMER, BEA, "17", "synced", display_name="Bea Blu"))
        tx.write_journal([JournalEntry("", FORTH, ADA, Outcome.UPDATED, "17", link.id, after={"nome": "Ada Neri"})])
    erase(store, ())
    with store.read() as tx:
        kept = tx.links(Entity.CUSTOMER, System.SHOPIFY, [BEA])[BEA]
    assert (kept.display_name, kept.excluded_by) == ("Bea Blu", None)
    assert "Ada Neri" not in everything(store)


def test_a_plan_whose_items_were_erased_cannot_be_approved_as_it_was_seen(filled):
    with filled.begin() as tx:
        tx.finish_plan("plan", {})
        seen = tx.plan("plan").version
    erase(filled)
    with filled.begin() as tx:
        assert not tx.decide_plan("plan", seen, "Eva", "approved")


def test_of_a_shop_nothing_is_left_but_requests_without_ids(filled):
    with filled.begin() as tx:
        counts = tx.erase_pair()
    assert counts["link"] == 5
    with filled.connect(read_only=True) as connection:
        for table in metadata.sorted_tables:
            assert connection.execute(select(table).where(table.c.pair_id == filled.pair_id)).all() == []


def test_other_pairs_keep_everything(filled):
    before = everything(filled)
    with filled.begin() as tx:
        other = type(tx)(type(tx.scope)(tx.scope.connection, "another pair", tx.scope.clock))
        other.erase_subject(other.find_subject(ADA, [ORDER]))
        other.erase_pair()
    assert everything(filled) == before
