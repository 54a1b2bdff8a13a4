"""Query cost, the leaky bucket, and what the caller is told about both."""

import pytest


def cost(answer):
    return answer["extensions"]["cost"]


@pytest.mark.parametrize(
    ("number", "variables", "name", "points"),
    [
        ("01", {}, None, range(5, 8 + 1)),
        ("02", {}, None, range(9, 16 + 1)),
        ("03", {"search": ""}, None, range(92, 110 + 1)),
        ("05", {"identifier": {"emailAddress": "a@example.com"}}, None, range(4, 5 + 1)),
        (
            "06",
            {"identifier": {"email": "a@example.com"}, "input": {"email": "a@example.com"}},
            None,
            range(12, 12 + 1),
        ),
        ("08", {"id": "gid://shopify/Customer/1", "add": [], "remove": []}, None, range(20, 20 + 1)),
        ("18", {"metafields": []}, None, range(10, 15 + 1)),
        ("19", {}, "WebhookList", range(11, 20 + 1)),
    ],
)
def test_the_requested_cost_is_what_the_contract_estimates(shop, operation_text, number, variables, name, points):
    assert cost(shop.answer(operation_text(number), variables, name))["requestedQueryCost"] in points


def test_the_actual_cost_counts_what_came_back(shop, operation_text):
    answer = cost(shop.answer(operation_text("03"), {"search": "first_name:nobody"}))
    assert answer["actualQueryCost"] == 2


def test_nodes_and_edges_both_pay(shop):
    one = cost(shop.answer("{ customers(first: 10) { nodes { id } } }"))["requestedQueryCost"]
    both = cost(shop.answer("{ customers(first: 10) { nodes { id } edges { node { id } } } }"))["requestedQueryCost"]
    assert (one, both) == (6, 10)


def test_a_page_of_250_flat_records_costs_13(shop):
    assert cost(shop.answer("{ customers(first: 250) { nodes { id firstName } } }"))["requestedQueryCost"] == 13


def test_an_operation_over_the_maximum_is_not_run(shop):
    inner = "addressesV2(first: 250) { nodes { id } }"
    query = "{ " + " ".join(f"c{number}: customers(first: 250) {{ nodes {{ {inner} }} }}" for number in range(8)) + " }"
    error = shop.error(query)
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert error["extensions"]["cost"] > error["extensions"]["maxCost"] == 1000


def test_an_empty_bucket_throttles_and_refills(shop):
    shop.control.set_options(bucket_size=20.0, restore_rate=0.0)
    query = "{ customersCount { count } }"
    spent = [shop.answer(query), shop.answer(query)]
    refused = shop.answer(query)
    assert all("data" in answer for answer in spent)
    assert refused["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "data" not in refused
    assert cost(refused)["throttleStatus"]["currentlyAvailable"] == 0
    assert shop.control.state()["requests"]["throttled"] == 1
    shop.control.set_options(restore_rate=1e6)
    assert "data" in shop.answer(query)


def test_points_not_used_are_given_back(shop, operation_text):
    shop.control.set_options(restore_rate=0.0)
    answer = cost(shop.answer(operation_text("03"), {"search": "first_name:nobody"}))
    assert answer["throttleStatus"]["currentlyAvailable"] == 2000 - answer["actualQueryCost"]


def test_the_throttle_status_can_be_missing(shop):
    shop.control.set_options(throttle_status=False)
    assert "throttleStatus" not in cost(shop.answer("{ shop { id } }"))


def test_the_debug_header_lists_the_fields(shop):
    headers = {"Shopify-GraphQL-Cost-Debug": "1"}
    answer = shop.answer("{ customers(first: 10) { nodes { defaultAddress { id } } } }", **headers)
    paths = [entry["path"] for entry in cost(answer)["fields"]]
    assert ["customers", "nodes", "defaultAddress"] in paths


def test_skipped_fields_cost_nothing(shop):
    query = "query($yes: Boolean!) { shop { id } customersCount @include(if: $yes) { count } }"
    assert cost(shop.answer(query, {"yes": False}))["requestedQueryCost"] == 1
    assert cost(shop.answer(query, {"yes": True}))["requestedQueryCost"] == 11


def test_a_fault_rule_throttles_as_shopify_does(shop):
    shop.control.add_fault("throttle", params={"requested": 101, "available": 1}, times=1)
    refused = shop.answer("{ shop { id } }")
    assert refused["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert cost(refused)["throttleStatus"]["currentlyAvailable"] == 1
    assert "data" in shop.answer("{ shop { id } }")


def test_requests_are_counted_by_operation_name(shop):
    shop.control.reset_metrics()
    shop.answer("query Named { shop { id } }")
    shop.answer("{ shop { id } }")
    operations = shop.control.metrics()["operations"]
    assert {name: entry["count"] for name, entry in operations.items()} == {"Named": 1, "shop": 1}


def test_a_mutation_with_user_errors_is_no_write(shop):
    shop.control.reset_metrics()
    shop.create(email="a@example.com")
    shop.refused_create(email="a@example.com")
    metrics = shop.control.metrics()
    assert (metrics["requests"], metrics["writes"], metrics["errors"]) == (2, 1, 1)
