"""Lists whose size, order and end the site does not tell."""

import orjson
import pytest

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.limiter import LocalLimiter
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.scan import scan


def ids(client, **arguments):
    return [key for rows in scan(client, wire.CUSTOMERS_LIST, **arguments) for key, _ in rows]


@pytest.fixture
def everyone(site):
    """Ids of all customers, read one by one rather than from a list."""
    return {str(number) for number in range(1001, 1001 + site.control.state()["records"]["customers"])}


@pytest.mark.parametrize("ahead", [True, False])
def test_every_row_comes_once(site, everyone, ahead):
    found = ids(site.client(), ahead=ahead)
    assert set(found) == everyone
    assert len(found) == len(everyone)


def test_a_lower_cap_of_the_site_does_not_end_the_list(site, everyone):
    site.quirk(page_cap=7)
    assert set(ids(site.client())) == everyone


def test_a_repeated_last_page_ends_the_list(site, everyone):
    site.quirk(last_page_repeats=True)
    found = ids(site.client())
    assert set(found) == everyone
    assert len(found) == len(everyone)


def test_rows_that_shift_onto_the_next_page_come_once(site, everyone):
    site.quirk(shift_rows=3, page_cap=20)
    found = ids(site.client())
    assert set(found) == everyone
    assert len(found) == len(everyone)


def test_a_second_pass_finds_rows_that_slipped_past(site, everyone):
    site.quirk(shift_rows=-2)
    assert set(ids(site.client())) < everyone
    assert set(ids(site.client(paging={"passes": 2}))) == everyone


def test_a_zero_based_site_is_read_too(site, everyone):
    assert set(ids(site.client(paging={"first": 0}))) == everyone


def test_a_short_list_costs_one_request_past_its_end(empty_site):
    empty_site.forget_calls()
    assert ids(empty_site.client()) == []
    assert empty_site.calls("customersList") <= 2


def test_pages_are_fetched_side_by_side(site):
    site.control.set_latency(15)
    client = site.client(paging={"size": 10}, limits={"in_flight": 4})
    site.forget_calls()
    ids(client)
    assert site.control.metrics()["in_flight_max"] == 4


# Shapes the sandbox does not know ------------------------------------------------------------------------------------


def page(*rows, at="data"):
    return 200, {}, orjson.dumps({"status": 1, at: list(rows)})


def of(server, **options):
    parsed = SiteOptions.parse({"limits": {"tries": 1}, **options})
    return Framework360Client(server.url, "key", parsed, limiter=LocalLimiter(10_000, 1))


def test_as_many_new_rows_as_a_page_holds_do_not_end_the_list(scripted):
    known = page({"id": 1}, {"id": 2})
    assert ids(of(scripted(known, known, page({"id": 3}), page()))) == ["1", "2", "3"]


def test_an_endless_list_stops_with_its_own_error(scripted):
    pages = [page({"id": number}) for number in range(50)]
    with pytest.raises(SyncError) as caught:
        ids(of(scripted(*pages), paging={"max_pages": 10}))
    assert caught.value.code is errors.FW360_PAGING


def test_a_list_of_exactly_the_allowed_pages_is_complete(scripted):
    assert ids(of(scripted(page({"id": 1}), page({"id": 2}), page()), paging={"max_pages": 3})) == ["1", "2"]


def test_not_found_past_the_end_ends_the_list(scripted):
    gone = (200, {}, b'{"status": 0, "error": "not_found"}')
    assert ids(of(scripted(page({"id": 1}), gone))) == ["1"]


@pytest.mark.parametrize("empty", [b'{"status": 1}', b'{"data": null}', b'{"data": ""}', b'{"data": {}}'])
def test_every_spelling_of_an_empty_page_ends_the_list(scripted, empty):
    assert ids(of(scripted(page({"id": 1}), (200, {}, empty)))) == ["1"]


def test_rows_may_stand_elsewhere(scripted):
    body = orjson.dumps({"data": {"items": [{"id": 1}]}})
    client = of(scripted((200, {}, body), page()), paging={"items_path": "data.items"})
    assert ids(client) == ["1"]


def test_a_list_with_gaps_comes_as_an_object(scripted):
    assert ids(of(scripted((200, {}, b'{"data": {"0": {"id": 1}, "2": {"id": 5}}}'), page()))) == ["1", "5"]


def test_something_else_than_a_list_is_no_empty_list(scripted):
    with pytest.raises(SyncError, match="SYNC-408"):
        ids(of(scripted((200, {}, b'{"data": "manutenzione"}'))))


def test_rows_without_id_are_reported_and_left_out(scripted, caplog):
    assert ids(of(scripted(page({"id": 1}, {"nome": "x"}, "y"), page()))) == ["1"]
    assert "2 of 3 rows" in caplog.text


def test_a_failure_in_the_middle_is_raised(scripted):
    with pytest.raises(SyncError, match="SYNC-408"):
        ids(of(scripted(page({"id": 1}), (500, {}, b""))))
