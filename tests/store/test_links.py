from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shopify_fw360.errors import AMBIGUOUS, LEASE_LOST, SyncError
from shopify_fw360.records import Entity, Link, System
from shopify_fw360.store import LinkChild, Store, links
from tests.store.make import BACK, FORTH

CUSTOMER = Entity.CUSTOMER


def save(store, *items):
    with store.begin() as tx:
        return tx.save_links(items)


def find(store, **filters):
    with store.read() as tx:
        return tx.find_links(CUSTOMER, **filters)


def test_a_link_comes_back_as_it_was_saved(store):
    [saved] = save(
        store,
        Link(
            CUSTOMER,
            "gid://shopify/Customer/1",
            "17",
            status="failed",
            base={FORTH.name: {"nome": ["Zoë", None], "tags": [["a"], ["A"]]}, BACK.name: {}},
            fingerprints={FORTH.name: "f1", BACK.name: "f2"},
            match_keys={"shopify": "email:a", "framework360": "email:b"},
            display_name="Zoë Rossi",
            error_code="SYNC-405",
            error_message="the site says no",
            missing_scans=1,
            synced_at=datetime(2026, 1, 1, tzinfo=UTC),
            synced_by=FORTH.name,
        ),
    )
    with store.read() as tx:
        assert tx.links(CUSTOMER, System.SHOPIFY, ["gid://shopify/Customer/1", "?"]) == {saved.shopify_id: saved}
        assert tx.links(CUSTOMER, System.FRAMEWORK360, ["17"]) == {"17": saved}
        assert tx.link(saved.id) == saved
        assert tx.links(Entity.PRODUCT, System.FRAMEWORK360, ["17"]) == {}


def test_saving_again_updates(store):
    [link] = save(store, Link(CUSTOMER, "1"))
    changed = replace(link, framework360_id="9", status="synced")
    assert save(store, changed) == [changed]
    assert find(store) == [changed]


def test_new_and_changed_links_come_back_in_the_order_given(store):
    [old] = save(store, Link(CUSTOMER, "5"))
    saved = save(store, Link(CUSTOMER, "9"), old, Link(CUSTOMER, None, "1"))
    assert [(link.shopify_id, link.framework360_id) for link in saved] == [("9", None), ("5", None), (None, "1")]
    assert len({link.id for link in saved}) == 3


class TestUniqueness:
    @pytest.fixture
    def linked(self, store):
        return save(store, Link(CUSTOMER, "1", "9"))[0]

    @pytest.mark.parametrize("new", [Link(CUSTOMER, "1", "8"), Link(CUSTOMER, "2", "9"), Link(CUSTOMER, "1")])
    def test_a_record_has_one_link_and_the_error_names_it(self, store, linked, new):
        with pytest.raises(SyncError) as error:
            save(store, new)
        assert error.value.code is AMBIGUOUS
        assert f"link {linked.id} (shopify 1, framework360 9)" in str(error.value)

    def test_an_update_cannot_take_a_record_either(self, store, linked):
        [other] = save(store, Link(CUSTOMER, "2"))
        with pytest.raises(SyncError, match="already belongs to link"):
            save(store, replace(other, framework360_id="9"))

    def test_one_that_cannot_be_saved_keeps_the_others_from_it_but_not_the_transaction(self, store, linked):
        with store.begin() as tx:
            with pytest.raises(SyncError):
                tx.save_links([Link(CUSTOMER, "7"), Link(CUSTOMER, "1")])
            tx.save_link(Link(CUSTOMER, "8"))
        assert sorted(link.shopify_id for link in find(store)) == ["1", "8"]

    def test_two_in_one_call_cannot_take_the_same_record(self, store):
        with pytest.raises(SyncError, match="already belongs to"):
            save(store, Link(CUSTOMER, "1"), Link(CUSTOMER, "1"))

    def test_other_entities_and_pairs_are_other_records(self, store, url, linked):
        save(store, Link(Entity.PRODUCT, "1", "9"))
        other = Store.open(url, pair_id=f"{store.pair_id}-other")
        save(other, Link(CUSTOMER, "1", "9"))
        other.close()
        assert find(store) == [linked]

    def test_a_freed_id_can_be_taken_in_the_same_transaction(self, store, linked):
        with store.begin() as tx:
            tx.delete_link(linked)
            assert tx.save_link(Link(CUSTOMER, "1", "8")).id != linked.id


def test_a_deleted_link_cannot_be_updated_any_more(store):
    [link] = save(store, Link(CUSTOMER, "1"))
    with store.begin() as tx:
        tx.delete_link(link)
        tx.delete_link(link)
    with pytest.raises(SyncError) as error:
        save(store, link)
    assert error.value.code is LEASE_LOST


@pytest.mark.parametrize(
    ("link", "message"),
    [
        (Link(CUSTOMER), "at least one side"),
        (Link(CUSTOMER, "1", fingerprints={"customer_to_nowhere": "f"}), "customer_to_nowhere"),
        (Link(CUSTOMER, "1", match_keys={"shopware": "k"}), "shopware"),
    ],
)
def test_a_meaningless_link_is_refused(store, link, message):
    with pytest.raises(ValueError, match=message):
        save(store, link)


class TestListing:
    @pytest.fixture(autouse=True)
    def three(self, store, clock):
        for link in (
            Link(CUSTOMER, "1", "91", status="synced", display_name="Zoë Rossi"),
            Link(CUSTOMER, "2", "92", status="failed", display_name="Bianchi 100%"),
            Link(CUSTOMER, "3", None, status="synced", match_keys={"shopify": "email:ÄRGER@example.it"}),
        ):
            save(store, link)
            clock.move(seconds=1)

    @pytest.mark.parametrize(
        ("search", "found"),
        [("zOË", "1"), ("92", "2"), ("0%", "2"), ("_", ""), ("ärger@", "3"), (" rossi ", "1"), ("", "321")],
    )
    def test_search_finds_parts_of_names_ids_and_keys_in_any_case(self, store, search, found):
        assert "".join(link.shopify_id for link in find(store, search=search)) == found

    def test_status_and_pages(self, store):
        assert [link.shopify_id for link in find(store, status="synced")] == ["3", "1"]
        assert [link.shopify_id for link in find(store, status="synced", limit=1, offset=1)] == ["1"]

    def test_counts(self, store):
        with store.read() as tx:
            assert tx.link_counts(CUSTOMER) == {"synced": 2, "failed": 1}
            assert tx.link_counts(CUSTOMER, search="rossi") == {"synced": 1}
            assert tx.count_linked(CUSTOMER) == 2
            assert tx.count_linked(Entity.ORDER) == 0

    def test_ids_of_a_side(self, store):
        with store.read() as tx:
            assert list(tx.link_ids(CUSTOMER, System.SHOPIFY)) == ["1", "2", "3"]
            assert list(tx.link_ids(CUSTOMER, System.FRAMEWORK360)) == ["91", "92"]


def test_ids_are_streamed_page_by_page_without_loss(store, monkeypatch):
    monkeypatch.setattr(links, "_STREAM_PAGE", 3)
    save(store, *(Link(CUSTOMER, str(n)) for n in range(10)))
    with store.read() as tx:
        assert sorted(tx.link_ids(CUSTOMER, System.SHOPIFY)) == sorted(map(str, range(10)))


def test_records_missing_from_scans_are_counted_until_they_are_found(store):
    save(store, Link(CUSTOMER, "1", "91"), Link(CUSTOMER, "2", "92"))
    with store.begin() as tx:
        assert tx.mark_missing(CUSTOMER, System.FRAMEWORK360, ["91", "92", "?"]) == {"91": 1, "92": 1}
        tx.clear_missing(CUSTOMER, System.FRAMEWORK360, ["92"])
        assert tx.missing(CUSTOMER, System.FRAMEWORK360) == ["91"]
        assert tx.mark_missing(CUSTOMER, System.FRAMEWORK360, ["91"]) == {"91": 2}
    with store.read() as tx:
        assert tx.links(CUSTOMER, System.SHOPIFY, ["1"])["1"].missing_scans == 2


class TestChildren:
    VARIANTS = (LinkChild("variant", "v1", "c1", "sku:a", {"position": 1}), LinkChild("variant", "v2"))

    @pytest.fixture
    def product(self, store):
        return save(store, Link(Entity.PRODUCT, "1", "9"))[0]

    def put(self, store, link, kind, children):
        with store.begin() as tx:
            tx.replace_children(link.id, kind, children)

    def children(self, store, link, kind="variant"):
        with store.read() as tx:
            return tx.children([link.id], kind)

    def test_they_are_replaced_as_a_whole_per_kind(self, store, product):
        self.put(store, product, "variant", self.VARIANTS)
        self.put(store, product, "image", [LinkChild("image", "i1")])
        assert self.children(store, product) == {product.id: list(self.VARIANTS)}
        self.put(store, product, "variant", self.VARIANTS[1:])
        assert self.children(store, product) == {product.id: list(self.VARIANTS[1:])}
        assert self.children(store, product, "image") == {product.id: [LinkChild("image", "i1")]}

    def test_a_child_of_another_kind_is_refused(self, store, product):
        with pytest.raises(ValueError, match="not of kind image"):
            self.put(store, product, "image", self.VARIANTS)

    def test_they_go_with_their_parent(self, store, product):
        self.put(store, product, "variant", self.VARIANTS)
        with store.begin() as tx:
            tx.delete_link(product)
        assert self.children(store, product) == {}
