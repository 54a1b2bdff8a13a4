"""Requests about personal data are answered for real, and who was erased does not come back by the next scan."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from shopify_fw360.errors import SHOPIFY_TOKEN, SHOPIFY_UNAVAILABLE, SyncError
from shopify_fw360.records import ERASED_BY, Entity, Event, PrivacyKind, System
from shopify_fw360.store import Store
from shopify_fw360.store.tables import metadata
from shopify_fw360.sync.inbox import accept
from shopify_fw360.sync.privacy import Answered, answer_requests, open_export, proof_of
from shopify_fw360.sync.run import Mode
from tests.end_to_end.world import INTO_SHOP, INTO_SITE

ADA = "ada@example.com"


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}", encryption_key=Fernet.generate_key().decode())
    store.upgrade()
    yield store
    store.close()


@pytest.fixture
def ada(empty_world):
    """Shopify's id of a customer who exists on both sides; there is another one."""
    created = empty_world.shop.create(firstName="Ada", lastName="Neri", email=ADA, phone="+393331234567")
    empty_world.shop.create(firstName="Bea", lastName="Blu", email="bea@example.com")
    empty_world.sync_both()
    return created


def asked(store, kind, customer=None):
    """Let a request come in; returns its number."""
    data = {"shop_id": "1"} if customer is None else {"customer_id": customer, "orders": [], "request_id": "99"}
    event = Event(System.SHOPIFY, f"{kind} {customer}", kind.value, privacy=kind, data=data)
    assert accept(store, [event]) == [True]
    with store.read() as tx:
        return max(request.id for request in tx.privacy_requests())


def is_let_in():
    """The shop takes our token."""


def is_refused():
    raise SyncError(SHOPIFY_TOKEN, "the app is gone")


def is_open(store, number):
    with store.read() as tx:
        return number in {request.id for request in tx.privacy_requests()}


def everything(store):
    with store.connect(read_only=True) as connection:
        rows = (row for table in metadata.sorted_tables for row in connection.execute(select(table)))
        return "\n".join(str(value) for row in rows for value in row).lower()


def alerts(store):
    with store.read() as tx:
        return {alert.name: alert.message for alert in tx.alerts()}


class TestData:
    def test_what_is_held_is_put_together_sealed_and_handed_out_once_asked_for(self, empty_world, store, ada):
        number = asked(store, PrivacyKind.CUSTOMER_DATA, ada)
        assert answer_requests(store, is_let_in) == Answered(exports=1)
        assert not is_open(store, number)
        with store.read() as tx:
            assert ADA not in tx.privacy_document(number).content
        assert f"privacy.{number}" in alerts(store)
        document = open_export(store, number)
        assert document["about"] == ada
        assert document["shopify_request"] == "99"
        assert document["records"]["customer framework360"] == [empty_world.counterpart(System.SHOPIFY, ada)]
        assert ADA in repr(document["held"]["link"])
        assert ADA in repr(document["held"]["journal"])
        assert "bea@example.com" not in repr(document)
        assert alerts(store) == {}

    def test_without_a_key_nothing_is_written_down_and_somebody_is_told(self, empty_world, ada, tmp_path):
        keyless = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
        number = asked(keyless, PrivacyKind.CUSTOMER_DATA, ada)
        assert answer_requests(keyless, is_let_in) == Answered(postponed=1)
        assert is_open(keyless, number)
        assert "SYNC-106" in alerts(keyless)[f"privacy.{number}"]
        keyless.close()


class TestErasure:
    def test_nothing_is_left_in_the_store_but_a_proof_without_anything_personal(self, store, ada):
        number = asked(store, PrivacyKind.CUSTOMER_REDACT, ada)
        assert answer_requests(store, is_let_in) == Answered(erased=1)
        assert not any(word in everything(store) for word in (ADA, "neri", "3331234567"))
        proof = proof_of(store, number)
        assert proof["kind"] == "customers/redact"
        assert proof["erased"]["links emptied"] == 1
        assert proof["erased"]["journal entries emptied"] >= 1
        assert proof["erased_at"] >= proof["received_at"]
        assert ada not in repr(proof)
        with store.read() as tx:
            (request,) = tx.privacy_requests(is_open=False)
        assert (request.customer_id, request.data) == (None, {})

    def test_the_erased_person_is_not_carried_back_by_later_scans(self, empty_world, store, ada):
        site_id = empty_world.counterpart(System.SHOPIFY, ada)
        asked(store, PrivacyKind.CUSTOMER_REDACT, ada)
        answer_requests(store, is_let_in)
        empty_world.site.update(site_id, nome="Adele")
        empty_world.shop.update(ada, firstName="", lastName="")
        with empty_world.counting_writes() as writes:
            for flow in (INTO_SITE, INTO_SHOP):
                empty_world.sync(flow, Mode.FULL)
        assert writes == {"shopify": 0, "framework360": 0}
        assert empty_world.link_of(System.SHOPIFY, ada).excluded_by == ERASED_BY
        assert not any(word in everything(store) for word in (ADA, "adele", "3331234567"))

    def test_a_customer_deleted_in_the_shop_before_is_erased_too(self, empty_world, store, ada):
        site_id = empty_world.counterpart(System.SHOPIFY, ada)
        empty_world.shop.delete(ada)
        empty_world.stage(INTO_SITE, Mode.IDS, ids=(ada,))
        empty_world.drain(INTO_SITE)
        assert empty_world.link_of(System.FRAMEWORK360, site_id).shopify_id is None
        asked(store, PrivacyKind.CUSTOMER_REDACT, ada)
        assert answer_requests(store, is_let_in) == Answered(erased=1)
        assert not any(word in everything(store) for word in (ADA, "neri", "3331234567"))

    def test_while_a_worker_has_the_record_in_hand_the_request_waits(self, store, ada):
        number = asked(store, PrivacyKind.CUSTOMER_REDACT, ada)
        with store.begin() as tx:
            tx.lock_records(Entity.CUSTOMER, [f"shopify:{ada}"], "worker", timedelta(minutes=5))
        assert answer_requests(store, is_let_in) == Answered(postponed=1)
        assert is_open(store, number)
        with store.begin() as tx:
            tx.unlock_records(Entity.CUSTOMER, [f"shopify:{ada}"], "worker")
        assert answer_requests(store, is_let_in) == Answered(erased=1)

    def test_an_export_made_before_goes_with_the_person(self, store, ada):
        number = asked(store, PrivacyKind.CUSTOMER_DATA, ada)
        answer_requests(store, is_let_in)
        asked(store, PrivacyKind.CUSTOMER_REDACT, ada)
        answer_requests(store, is_let_in)
        assert open_export(store, number) is None

    def test_one_request_that_fails_keeps_no_other_waiting(self, store, ada):
        def cannot_say():
            raise SyncError(SHOPIFY_UNAVAILABLE, "no answer")

        asked(store, PrivacyKind.SHOP_REDACT)
        asked(store, PrivacyKind.CUSTOMER_REDACT, ada)
        assert answer_requests(store, cannot_say) == Answered(erased=1, postponed=1)


class TestShop:
    def test_a_shop_that_refuses_us_is_erased_with_a_proof_and_flows_wait(self, store, ada):
        number = asked(store, PrivacyKind.SHOP_REDACT)
        other = asked(store, PrivacyKind.CUSTOMER_REDACT, ada)
        assert answer_requests(store, is_refused).postponed == 0
        with store.read() as tx:
            assert tx.links(Entity.CUSTOMER, System.SHOPIFY, [ada]) == {}
            assert tx.disconnected() is not None
        assert proof_of(store, number)["erased"]["link"] == 2
        assert not any(word in everything(store) for word in (ADA, "bea@example.com", ada.lower()))
        assert not is_open(store, other)

    def test_a_request_about_an_earlier_installation_is_void(self, store, ada):
        number = asked(store, PrivacyKind.SHOP_REDACT)
        answer_requests(store, is_let_in)
        assert not is_open(store, number)
        with store.read() as tx:
            assert tx.links(Entity.CUSTOMER, System.SHOPIFY, [ada])
