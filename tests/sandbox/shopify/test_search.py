"""Search texts, with the traps of Shopify's syntax."""

import time

import pytest


@pytest.fixture
def ada(shop):
    return shop.create(
        firstName="Ada", lastName="Byron", email="ada.byron@example.com", phone="+393471234567", tags=["VIP"]
    )


def updated(shop, gid):
    return shop.customer(gid, "updatedAt")["updatedAt"]


def warnings(shop, text, root="customers(first: 1, query: $q) { nodes { id } }"):
    answer = shop.answer(f"query($q: String) {{ {root} }}", {"q": text})
    return [warning["field"] for entry in answer["extensions"].get("search", []) for warning in entry["warnings"]]


@pytest.mark.parametrize(
    "text",
    [
        "email:'ADA.byron@example.com'",
        "first_name:Ada last_name:byron",
        "first_name:Ada AND tag:vip",
        "(first_name:Nobody OR tag:vip) -last_name:Rossi first_name:ada",
        "phone:'+393471234567'",
        "first_name:Ad* tag:vip",
        "ada byron",
        "NOT (tag_not:vip) first_name:Ada",
    ],
)
def test_a_customer_is_found_by(shop, ada, text):
    assert ada in shop.search(text)


@pytest.mark.parametrize(
    "text", ["email:'ada@example.com'", "first_name:Ada -tag:vip", "tag:vip_no", "orders_count:>0 first_name:Ada"]
)
def test_a_customer_is_not_found_by(shop, ada, text):
    assert ada not in shop.search(text)


def test_an_unquoted_email_is_cut_into_words(shop, ada):
    other = shop.create(email="byron+ada@mail.example.com")
    assert {ada, other} <= set(shop.search("email:ada@example.com"))


def test_a_single_id(shop, ada):
    assert shop.search(f"id:{ada.rsplit('/', 1)[1]}") == [ada]


def test_ids_from_one_on(shop, ada):
    later = shop.create(email="b@example.com")
    assert shop.search(f"id:>{ada.rsplit('/', 1)[1]}") == [later]


def test_a_quoted_timestamp_is_exact_to_the_second(shop, ada):
    moment = updated(shop, ada)
    assert shop.search(f"updated_at:>='{moment}'") == [ada]


def test_later_than_a_second_leaves_out_that_whole_second(shop, ada):
    assert shop.search(f"updated_at:>'{updated(shop, ada)}'") == []


def test_up_to_a_second_includes_that_whole_second(shop, ada):
    assert ada in shop.search(f"updated_at:<='{updated(shop, ada)}'")
    assert ada not in shop.search(f"updated_at:<'{updated(shop, ada)}'")


def test_an_unquoted_timestamp_falls_apart_and_finds_nothing(shop, ada):
    assert shop.search(f"updated_at:>={updated(shop, ada)}") == []


def test_an_unquoted_date_is_midnight_in_the_time_zone_of_the_shop(shop):
    backend_time = shop.search("updated_at:>=2026-01-14")
    assert set(backend_time) == set(shop.search("updated_at:>='2026-01-13T23:00:00Z'"))


def test_an_unknown_filter_is_ignored_with_a_warning(shop, ada):
    assert warnings(shop, "shoe_size:42") == ["shoe_size"]
    assert len(shop.search("shoe_size:42")) == len(shop.search(""))


def test_a_negated_unknown_filter_is_ignored_too(shop, ada):
    assert ada in shop.search("-shoe_size:42 first_name:Ada")


def test_counting_knows_three_filters_only(shop):
    assert warnings(shop, "email:'a@example.com'", "customersCount(query: $q) { count }") == ["email"]


def test_a_metafield_filter_needs_a_filterable_definition(shop, ada):
    error = shop.error('{ customers(first: 1, query: "metafields.custom.size:1") { nodes { id } } }')
    assert error["extensions"]["code"] == "BAD_REQUEST"
    shop.define(
        namespace="custom", key="size", type="number_integer", capabilities={"adminFilterable": {"enabled": True}}
    )
    shop.set_metafields({"ownerId": ada, "namespace": "custom", "key": "size", "value": "1"})
    assert shop.search("metafields.custom.size:1") == [ada]


def test_the_index_lags_while_a_read_by_id_does_not(shop):
    shop.control.set_options(index_lag_seconds=0.5)
    gid = shop.create(firstName="Late", email="late@example.com")
    assert shop.customer(gid, "firstName") == {"firstName": "Late"}
    assert shop.search("first_name:Late") == []
    shop.control.set_options(index_lag_seconds=0)
    found = []
    while not found:
        time.sleep(0.01)
        found = shop.search("first_name:Late")
    assert found == [gid]


def pages(shop, size, text="", **arguments):
    passed = "".join(f", {name}: {value}" for name, value in arguments.items())
    query = (
        f"query($after: String, $q: String) {{ customers(first: {size}, after: $after, query: $q{passed})"
        " { pageInfo { hasNextPage endCursor } nodes { id updatedAt } } }"
    )
    after, found = None, []
    while True:
        page = shop.data(query, {"after": after, "q": text})["customers"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("sort", ["UPDATED_AT", "CREATED_AT", "ID", "NAME"])
@pytest.mark.parametrize("reverse", ["true", "false"])
def test_paging_shows_every_customer_once(shop, sort, reverse):
    ids = [node["id"] for node in pages(shop, 7, sortKey=sort, reverse=reverse)]
    assert len(ids) == len(set(ids)) == shop.control.state()["records"]["Customer"]


def test_a_customer_changed_while_paging_is_seen_again_at_the_end(shop):
    query = (
        "query($after: String) { customers(first: 2, after: $after, sortKey: UPDATED_AT)"
        " { pageInfo { endCursor } nodes { id } } }"
    )
    first = shop.data(query)["customers"]
    changed = first["nodes"][0]["id"]
    shop.mutate("tagsAdd", {"id": changed, "tags": ["x"]}, "node { id }", id="ID!", tags="[String!]!")
    rest, after = [], first["pageInfo"]["endCursor"]
    while after:
        page = shop.data(query, {"after": after})["customers"]
        rest += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert rest[-1] == changed


def test_paging_ends_at_the_limit(shop):
    shop.control.set_options(paging_limit=10)
    assert len(pages(shop, 4)) == 10


def test_a_search_in_another_order_than_its_filter(shop):
    text = "updated_at:>='2025-10-01T00:00:00Z'"
    by_time = {node["id"] for node in pages(shop, 5, text, sortKey="UPDATED_AT")}
    by_id = [node["id"] for node in pages(shop, 5, text, sortKey="ID")]
    assert by_id == sorted(by_time)


def test_last_reads_from_the_end(shop):
    every = shop.search("")
    query = (
        "query($before: String) { customers(last: 2, before: $before)"
        " { pageInfo { startCursor hasPreviousPage } nodes { id } } }"
    )
    end = shop.data(query)["customers"]
    assert [node["id"] for node in end["nodes"]] == every[-2:]
    before = shop.data(query, {"before": end["pageInfo"]["startCursor"]})["customers"]
    assert [node["id"] for node in before["nodes"]] == every[-4:-2]


def test_a_cursor_of_another_order_is_refused(shop):
    cursor = shop.data("{ customers(first: 1, sortKey: NAME) { pageInfo { endCursor } } }")["customers"]["pageInfo"][
        "endCursor"
    ]
    query = "query($after: String) { customers(first: 1, after: $after) { nodes { id } } }"
    assert shop.error(query, {"after": cursor})["extensions"]["code"] == "BAD_REQUEST"
    assert shop.error(query, {"after": "x"})["extensions"]["code"] == "BAD_REQUEST"


def test_every_write_moves_the_time_of_change_forward(shop, ada):
    before = updated(shop, ada)
    shop.mutate("tagsAdd", {"id": ada, "tags": ["x"]}, "node { id }", id="ID!", tags="[String!]!")
    assert updated(shop, ada) >= before
    assert pages(shop, 50, sortKey="UPDATED_AT")[-1]["id"] == ada


def test_a_country_is_found_by_code_and_by_name(shop):
    assert shop.search("country:IT") == shop.search("country:italy")
    assert shop.search("country:IT")


def test_the_time_of_change_can_match_whole_days(shop, ada):
    moment = updated(shop, ada)
    assert ada not in shop.search(f"updated_at:<'{moment}'")
    shop.control.set_options(whole_day_filter=True)
    assert ada in shop.search(f"updated_at:>='{moment}'")
    assert ada not in shop.search(f"updated_at:>'{moment}'")
    assert ada in shop.search(f"updated_at:<='{moment}'")
