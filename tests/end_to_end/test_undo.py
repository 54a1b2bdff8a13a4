"""Undo, between a real shop and a real site: what we wrote is put back, what people edited since stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete

from shopify_fw360.errors import STORE_UNAVAILABLE, SyncError
from shopify_fw360.records import Entity, Flow, Outcome, System
from shopify_fw360.store.tables import journal
from shopify_fw360.sync import undo, undoing
from shopify_fw360.sync.event_tasks import do_event_tasks
from tests.end_to_end.catalogue import CATALOGUE_INTO_SITE
from tests.end_to_end.world import INTO_SITE

SHOP, SITE = System.SHOPIFY, System.FRAMEWORK360


@pytest.fixture
def world(empty_world):
    return empty_world


@pytest.fixture
def ada(world):
    """A linked customer whose first name was changed in the shop from Ada to Eva, and carried over."""
    shop_id = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com", tags=["vip"])
    world.sync_both()
    world.shop.update(shop_id, firstName="Eva", lastName="Blu")
    world.sync(INTO_SITE)
    return Customer(world, shop_id)


class Customer:
    """One customer on both sides."""

    def __init__(self, world, shop_id):
        self.world, self.shop_id = world, shop_id
        self.site_id = world.counterpart(SHOP, shop_id)

    @property
    def link(self):
        return self.world.link_of(SHOP, self.shop_id)

    @property
    def in_site(self):
        found = self.world.site.read(self.site_id)
        return found["nome"], found["cognome"]

    @property
    def in_shop(self):
        found = self.world.shop.read(self.shop_id)
        return found["firstName"], found["lastName"]

    def undo(self, field=None, direction=None):
        with self.world.store.read() as tx:
            wish = undo.wish_of_record(tx, self.link, field, direction)
        return done(self.world, [wish])


def done(world, wishes):
    """Ask, let the consumer do it, and return the entries in the journal."""
    ticket = undo.ask(world.store, wishes, "anna")
    do_event_tasks(world.pair)
    return undo.progress(world.store, ticket).entries


def asked(customer):
    """Ask and claim, for a test that plays the consumer itself."""
    store = customer.world.store
    with store.read() as tx:
        wish = undo.wish_of_record(tx, customer.link)
    ticket = undo.ask(store, [wish], "anna")
    with store.begin() as tx:
        return ticket, tx.claim_event_tasks(10, timedelta(minutes=1))


def settled(world):
    """Neither direction has anything to carry."""
    with world.counting_writes() as writes:
        world.sync_both()
    return writes == {"shopify": 0, "framework360": 0}


class TestTheLastSyncOfARecord:
    def test_puts_back_what_the_target_held_and_leaves_the_source(self, ada):
        (entry,) = ada.undo()
        assert (ada.in_site, ada.in_shop) == (("Ada", "Neri"), ("Eva", "Blu"))
        assert (entry.outcome, entry.before, entry.after) == (
            Outcome.UPDATED,
            {"nome": "Eva", "cognome": "Blu"},
            {"nome": "Ada", "cognome": "Neri"},
        )
        assert "by anna" in entry.reasons["nome"]

    def test_is_no_edit_so_neither_direction_carries_it_on(self, ada):
        ada.undo()
        assert settled(ada.world)
        assert (ada.in_site, ada.in_shop) == (("Ada", "Neri"), ("Eva", "Blu"))

    def test_a_later_edit_of_the_source_is_carried_as_ever(self, ada):
        ada.undo()
        ada.world.shop.update(ada.shop_id, firstName="Lea")
        ada.world.sync_both()
        assert (ada.in_site, ada.in_shop) == (("Lea", "Neri"), ("Lea", "Blu"))

    def test_works_while_the_flow_is_switched_off(self, ada):
        ada.world.configure(flows={"customers": {"shopify_to_framework360": False}})
        ada.undo()
        assert ada.in_site == ("Ada", "Neri")

    def test_can_be_undone_itself(self, ada):
        ada.undo()
        ada.undo()
        assert ada.in_site == ("Eva", "Blu")
        assert settled(ada.world)

    def test_twice_at_once_changes_nothing_more(self, ada):
        with ada.world.store.read() as tx:
            wish = undo.wish_of_record(tx, ada.link)
        (first,) = done(ada.world, [wish])
        (second,) = done(ada.world, [wish])
        assert (first.outcome, second.outcome) == (Outcome.UPDATED, Outcome.UNCHANGED)
        assert set(second.reasons.values()) == {undoing.NOTHING_LEFT}


class TestOneField:
    def test_leaves_the_others(self, ada):
        ada.undo("nome")
        assert ada.in_site == ("Ada", "Blu")

    def test_that_was_never_written_is_refused(self, ada):
        with pytest.raises(SyncError, match="SYNC-232"):
            ada.undo("pec")


class TestWhatPeopleEditedSince:
    def test_in_the_target_stays_and_the_other_fields_go_back(self, ada):
        ada.world.site.update(ada.site_id, nome="Ute")
        (entry,) = ada.undo()
        assert ada.in_site == ("Ute", "Neri")
        assert entry.reasons["nome"] == "kept: the target was edited since"
        ada.world.sync_both()
        assert ada.in_shop == ("Ute", "Blu")

    def test_in_the_source_stays_and_is_carried_over(self, ada):
        ada.world.shop.update(ada.shop_id, firstName="Lea")
        (entry,) = ada.undo()
        assert ada.in_site == ("Eva", "Neri")
        assert entry.reasons["nome"].startswith("kept: the source was edited since")
        ada.world.sync(INTO_SITE)
        assert ada.in_site == ("Lea", "Neri")

    def test_of_tags_only_our_own_are_taken_back(self, ada):
        world = ada.world
        world.shop.update(ada.shop_id, tags=["vip", "gold"])
        world.sync(INTO_SITE)
        world.site.update(ada.site_id, tags=["vip", "gold", "club"])
        ada.undo("tags")
        assert sorted(world.site.read(ada.site_id)["tags"]) == ["club", "vip"]
        world.sync_both()
        assert sorted(world.shop.read(ada.shop_id)["tags"]) == ["club", "gold", "vip"]
        assert sorted(world.site.read(ada.site_id)["tags"]) == ["club", "vip"]

    def test_a_refusal_of_the_newsletter_is_never_taken_back(self, world):
        shop_id = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
        world.shop.set_consent(shop_id, "SUBSCRIBED")
        world.sync_both()
        world.shop.set_consent(shop_id, "UNSUBSCRIBED")
        world.sync(INTO_SITE)
        ada = Customer(world, shop_id)
        (entry,) = ada.undo()
        assert entry.reasons["marketing_active"] == "kept: an undo gives nobody's consent back"
        assert world.site.read(ada.site_id)["marketing_active"] in (False, "0", 0)


class TestAWholeRun:
    def test_goes_back_for_every_record_it_changed_and_leaves_those_it_created(self, world):
        ids = [world.shop.create(firstName=f"A{n}", lastName="Neri", email=f"a{n}@example.com") for n in range(3)]
        world.sync_both()
        for shop_id in ids:
            world.shop.update(shop_id, firstName="Wrong")
        world.shop.create(firstName="New", lastName="Neri", email="new@example.com")
        run_id = world.stage(INTO_SITE)
        world.drain(INTO_SITE, run_id)
        world.site.update(world.counterpart(SHOP, ids[2]), nome="Ute")
        with world.store.read() as tx:
            wishes = undo.wishes_of_run(tx, run_id)
        assert len(wishes) == 3
        entries = done(world, wishes)
        assert sorted(row["nome"] for row in world.site.all()) == ["A0", "A1", "New", "Ute"]
        assert sorted(entry.outcome.value for entry in entries) == ["unchanged", "updated", "updated"]

    def test_is_a_run_of_the_ledger_that_explains_every_record(self, ada):
        with ada.world.store.read() as tx:
            wish = undo.wish_of_record(tx, ada.link)
        ticket = undo.ask(ada.world.store, [wish], "anna")
        with ada.world.store.read() as tx:
            assert not tx.certificate(INTO_SITE.part_of(ticket)).explained
        do_event_tasks(ada.world.pair)
        with ada.world.store.read() as tx:
            run = tx.run(INTO_SITE.part_of(ticket))
        assert (run.kind, run.closed_at is not None, run.certificate.explained) == ("undo", True, True)

    def test_that_changed_nothing_is_refused(self, world):
        run_id = world.stage(INTO_SITE)
        with world.store.read() as tx, pytest.raises(SyncError, match="SYNC-232"):
            undo.wishes_of_run(tx, run_id)

    def test_of_sales_is_refused(self, world):
        with world.store.begin() as tx:
            tx.open_run("orders/1", Flow(Entity.ORDER, SHOP), "window")
        with world.store.read() as tx, pytest.raises(SyncError, match="SYNC-233"):
            undo.wishes_of_run(tx, "orders/1")


class TestWhatCannotBeUndone:
    def test_a_creation(self, world):
        shop_id = world.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
        world.sync(INTO_SITE)
        with pytest.raises(SyncError, match=r"SYNC-232 .*created"):
            Customer(world, shop_id).undo()

    def test_a_record_without_a_base(self, ada):
        with ada.world.store.begin() as tx:
            wish = undo.wish_of_record(tx, ada.link)
            tx.save_link(replace(ada.link, base={}))
        (entry,) = done(ada.world, [wish])
        assert (entry.outcome, entry.error_code) == (Outcome.UNCHANGED, "SYNC-232")
        assert ada.in_site == ("Eva", "Blu")

    def test_what_the_journal_has_forgotten(self, ada):
        with ada.world.store.begin() as tx:
            wish = undo.wish_of_record(tx, ada.link)
            tx.scope.connection.execute(delete(journal))
        (entry,) = done(ada.world, [wish])
        assert entry.error_code == "SYNC-232"
        with pytest.raises(SyncError, match="SYNC-232"):
            ada.undo()

    def test_a_record_whose_counterpart_is_gone(self, ada):
        ada.world.site.delete(ada.site_id)
        (entry,) = ada.undo()
        assert (entry.outcome, "not undone" in entry.message) == (Outcome.UNCHANGED, True)


class TestInterrupted:
    def test_a_record_that_is_being_synchronised_waits_and_is_undone_later(self, ada):
        world = ada.world
        key = f"shopify:{ada.shop_id}"
        ticket, tasks = asked(ada)
        with world.store.begin() as tx:
            tx.lock_records(Entity.CUSTOMER, [key], "worker", timedelta(minutes=1))
        with pytest.raises(SyncError, match="SYNC-502"):
            undoing.carry_out(world.pair, tasks, attempts=8)
        assert undo.progress(world.store, ticket).ended == 0
        with world.store.begin() as tx:
            tx.unlock_records(Entity.CUSTOMER, [key], "worker")
        undoing.carry_out(world.pair, tasks, attempts=8)
        assert undo.progress(world.store, ticket).changed == 1

    def test_after_the_last_attempt_the_journal_tells_what_was_in_the_way(self, ada):
        world = ada.world
        ticket, tasks = asked(ada)
        with world.store.begin() as tx:
            tx.lock_records(Entity.CUSTOMER, [f"shopify:{ada.shop_id}"], "worker", timedelta(minutes=1))
        with pytest.raises(SyncError, match="SYNC-502"):
            undoing.carry_out(world.pair, tasks, attempts=1)
        (entry,) = undo.progress(world.store, ticket).entries
        assert entry.error_code == "SYNC-502"

    def test_between_write_and_commit_it_goes_on_and_the_undone_value_does_not_travel(self, ada, monkeypatch):
        world = ada.world
        ticket, tasks = asked(ada)

        def crash(*_):
            raise SyncError(STORE_UNAVAILABLE, "the power failed")

        with monkeypatch.context() as patch:
            patch.setattr(undoing, "store_all", crash)
            with pytest.raises(SyncError, match="power"):
                undoing.carry_out(world.pair, tasks, attempts=8)
        assert ada.in_site == ("Ada", "Neri")
        undoing.carry_out(world.pair, [replace(task, attempts=1) for task in tasks], attempts=8)
        (entry,) = undo.progress(world.store, ticket).entries
        assert (entry.outcome, entry.before["nome"], entry.after["nome"]) == (Outcome.UPDATED, "Eva", "Ada")
        assert settled(world)
        assert (ada.in_site, ada.in_shop) == (("Ada", "Neri"), ("Eva", "Blu"))


class TestProducts:
    @pytest.fixture
    def shirt(self, catalogue):
        shop_id = catalogue.keeper.create_product(
            "Shirt", [{"options": {"Size": size}, "price": "10.00", "sku": f"S-{size}"} for size in ("S", "M")]
        )
        catalogue.sync(CATALOGUE_INTO_SITE)
        return catalogue, shop_id

    def link(self, world, shop_id):
        with world.store.read() as tx:
            return tx.links(Entity.PRODUCT, SHOP, [shop_id])[shop_id]

    def undo(self, world, shop_id):
        with world.store.read() as tx:
            wish = undo.wish_of_record(tx, self.link(world, shop_id))
        return done(world, [wish])

    def in_site(self, world, shop_id):
        return world.in_site(shop_id)

    def test_the_price_of_a_variant_and_the_title_go_back(self, shirt):
        world, shop_id = shirt
        before = self.in_site(world, shop_id)
        variant = world.keeper.product(shop_id)["variants"]["nodes"][0]["id"]
        world.keeper.update_product(shop_id, title="Jacket")
        world.keeper.update_variants(shop_id, {"id": variant, "price": "99.00"})
        world.sync(CATALOGUE_INTO_SITE)
        assert self.in_site(world, shop_id) != before
        (entry,) = self.undo(world, shop_id)
        assert entry.outcome is Outcome.UPDATED
        assert prices(self.in_site(world, shop_id)) == prices(before)
        with world.counting_writes() as writes:
            world.sync(CATALOGUE_INTO_SITE)
            world.into_shop()
        assert writes == {"shopify": 0, "framework360": 0}

    def test_a_variant_that_was_added_stays_as_it_is(self, shirt):
        world, shop_id = shirt
        world.keeper.add_variant(shop_id, {"Size": "L"}, price="12.00")
        world.keeper.update_product(shop_id, title="Jacket")
        world.sync(CATALOGUE_INTO_SITE)
        held = self.in_site(world, shop_id)
        (entry,) = self.undo(world, shop_id)
        assert len(self.in_site(world, shop_id)["varianti"]) == len(held["varianti"]) == 3
        assert prices(self.in_site(world, shop_id))[1:] == prices(held)[1:]
        assert any(reason.startswith("not undone") for reason in entry.reasons.values())


def prices(product):
    return [product["nome"], *sorted((row["sku"], row["prezzo"]) for row in product["varianti"])]
