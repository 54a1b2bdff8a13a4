"""Lists for people: filtered, searched, sorted, page by page, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shopify_fw360.records import Entity, Flow, Link, System
from shopify_fw360.store import ListQuery
from shopify_fw360.store import listing as listing_module
from shopify_fw360.store.words import MOST_WORDS, words_of
from tests.store.make import change, claim, stage

CUSTOMERS = Entity.CUSTOMER
INTO_SITE = Flow(CUSTOMERS, System.SHOPIFY)
PEOPLE = ["Ada Neri", "Ugo Blu", "Eva Rossi", "Leo Neri", "Zoë Ödön"]


def linked(number, name, **more):
    mail = name.lower().replace(" ", ".") + "@example.com"
    return Link(
        CUSTOMERS,
        shopify_id=f"gid://shopify/Customer/{700 + number}",
        framework360_id=str(number),
        display_name=name,
        match_keys={"shopify": f"email:{mail}"},
        **{"status": "synced", **more},
    )


@pytest.fixture
def people(store, clock):
    """Five links, saved a minute apart in the order of their names here."""
    links = []
    for number, name in enumerate(PEOPLE, start=1):
        clock.now += timedelta(minutes=1)
        with store.begin() as tx:
            links.append(tx.save_link(linked(number, name, synced_at=clock.now, synced_by=INTO_SITE.name)))
    return links


def names(store, limit=50, offset=0, **query):
    with store.read() as tx:
        rows = tx.list_records(ListQuery(CUSTOMERS, **query), limit=limit, offset=offset)
        number = tx.count_records(ListQuery(CUSTOMERS, **query))
        assert tx.page_of_records(ListQuery(CUSTOMERS, **query), limit=limit, offset=offset) == (rows, number)
    assert offset or limit < 50 or number == len(rows)
    return [row.name for row in rows]


def test_the_last_changed_comes_first(store, people):
    assert names(store) == PEOPLE[::-1]
    assert names(store, descending=False) == PEOPLE


def test_names_are_sorted_whatever_their_case(store, people):
    assert names(store, sort="name", descending=False)[:4] == ["Ada Neri", "Eva Rossi", "Leo Neri", "Ugo Blu"]


def test_it_comes_in_pages(store, people):
    assert names(store, limit=2) == PEOPLE[:2:-1]
    assert names(store, limit=2, offset=4) == PEOPLE[:1]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("neri", {"Ada Neri", "Leo Neri"}),
        ("NERI ad", {"Ada Neri"}),
        ("ugo.blu@example.com", {"Ugo Blu"}),
        ("ugo.b", {"Ugo Blu"}),
        ("703", {"Eva Rossi"}),
        ("gid://shopify/Customer/703", {"Eva Rossi"}),
        ("ödö", {"Zoë Ödön"}),
        ("eri", set()),
        ("neri blu", set()),
        ("%", set()),
        ("example", set(PEOPLE)),
        ("\x00", set(PEOPLE)),
    ],
)
@pytest.mark.parametrize("few", [2_000, 1], ids=["rare", "common"])
def test_search_finds_beginnings_of_words_in_any_order(store, people, search, found, few, monkeypatch):
    monkeypatch.setattr(listing_module, "_FEW", few)
    assert set(names(store, search=search)) == found


def test_a_new_name_is_found_and_the_old_one_no_more(store, people):
    with store.begin() as tx:
        tx.save_link(replace(people[0], display_name="Ida Verdi", match_keys={}))
    assert names(store, search="verdi") == ["Ida Verdi"]
    assert names(store, search="ada") == []


def test_a_deleted_link_leaves_no_words(store, people):
    with store.begin() as tx:
        tx.delete_link(people[0])
    assert names(store, search="ada") == []


@pytest.mark.parametrize("few", [2_000, 1], ids=["rare", "common"])
def test_it_is_filtered_by_status(store, people, few, monkeypatch):
    monkeypatch.setattr(listing_module, "_FEW", few)
    with store.begin() as tx:
        tx.save_link(replace(people[1], status="failed", error_code="SYNC-201", error_message="SYNC-201 bad"))
        tx.save_link(replace(people[2], status="excluded"))
    assert names(store, status="failed") == ["Ugo Blu"]
    assert names(store, status="excluded", search="eva") == ["Eva Rossi"]
    assert len(names(store, status="synced", sort="name")) == 3


def test_without_a_counterpart_it_counts_as_not_linked_whatever_its_status(store, people):
    with store.begin() as tx:
        tx.save_link(replace(people[0], status="unlinked", shopify_id=None))
        tx.save_link(replace(people[1], status="failed", framework360_id=None))
    assert set(names(store, status="unlinked")) == {"Ada Neri", "Ugo Blu"}


def test_it_is_filtered_by_direction_and_time(store, people, clock):
    with store.begin() as tx:
        tx.save_link(replace(people[0], synced_by=INTO_SITE.reverse.name))
    assert names(store, direction=INTO_SITE.reverse.name) == ["Ada Neri"]
    assert set(names(store, changed_since=clock.now)) == {"Ada Neri", "Zoë Ödön"}


def test_what_waits_is_pending_whether_it_was_ever_linked_or_not(store, people):
    stage(store, change(people[0].shopify_id, flow=INTO_SITE), change("gid://shopify/Customer/1", flow=INTO_SITE))
    with store.read() as tx:
        rows = tx.list_records(ListQuery(CUSTOMERS, status="pending"))
        assert tx.count_records(ListQuery(CUSTOMERS, status="pending")) == 2
    assert {(row.link_id, row.shopify_id, row.status) for row in rows} == {
        (people[0].id, people[0].shopify_id, "pending"),
        (None, "gid://shopify/Customer/1", "pending"),
    }
    with store.read() as tx:
        shown = {row.name: row.status for row in tx.list_records(ListQuery(CUSTOMERS))}
    assert shown["Ada Neri"] == "pending"
    assert shown["Ugo Blu"] == "synced"


def test_what_is_parked_does_not_count_as_pending(store, people):
    from shopify_fw360.errors import REQUIRED_MISSING, SyncError

    stage(store, change("gid://shopify/Customer/1", flow=INTO_SITE))
    [held] = claim(store)
    with store.begin() as tx:
        tx.park(held, "worker", SyncError(REQUIRED_MISSING, "no e-mail"))
    assert names(store, status="pending") == []


def test_rows_can_be_read_again_by_their_keys(store, people):
    with store.read() as tx:
        rows = tx.listed_links(CUSTOMERS, [people[2].id, 999_999])
        assert tx.listed_links(Entity.PRODUCT, [people[2].id]) == []
    assert [(row.name, row.key) for row in rows] == [("Eva Rossi", "eva.rossi@example.com")]


def test_a_whole_list_can_be_streamed(store, people):
    with store.read() as tx:
        assert [row.name for row in listing_module.stream_records(tx.scope, ListQuery(CUSTOMERS), page=2)] == PEOPLE[
            ::-1
        ]


def test_a_long_text_has_a_limited_number_of_words():
    assert len(words_of(" ".join(f"word{number}" for number in range(1000)))) == MOST_WORDS
    assert max(map(len, words_of("x" * 1000))) == 64
