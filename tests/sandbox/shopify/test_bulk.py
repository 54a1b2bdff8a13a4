"""Bulk operations: shape rules, lines, counts, ranges, limits, faults, and mutations over uploaded lines."""

import itertools
import json
import time

import pytest

SIMPLE = "{ products { edges { node { id title variants { edges { node { id sku } } } } } } }"
DEEP = "productParents { edges { node { id media { edges { node { id } } } } } }"
FINAL = ("COMPLETED", "FAILED", "CANCELED", "EXPIRED")


def start(shop, text, *, grouped=False):
    selection = "bulkOperation { id status type } userErrors { code message }"
    call = f"bulkOperationRunQuery(query: $q, groupObjects: $g) {{ {selection} }}"
    query = f"mutation($q: String!, $g: Boolean!) {{ {call} }}"
    return shop.data(query, {"q": text, "g": grouped})["bulkOperationRunQuery"]


@pytest.fixture
def poll(shop, operation_text):
    def until(gid, *statuses):
        while True:
            found = shop.data(operation_text("20"), {"id": gid}, "BulkPoll")["bulkOperation"]
            if found["status"] in (statuses or FINAL):
                return found
            time.sleep(0.02)

    return until


@pytest.fixture
def run(shop, poll):
    def bulk(text, **options):
        payload = start(shop, text, **options)
        assert payload["userErrors"] == []
        return poll(payload["bulkOperation"]["id"])

    return bulk


def lines(shop, url):
    return [json.loads(line) for line in shop.session.get(url, timeout=10).content.splitlines()]


@pytest.mark.parametrize("number", ["04", "10", "11"])
def test_the_contracts_exports_run(shop, operation_text, run, number):
    ended = run(operation_text(number))
    assert ended["status"] == "COMPLETED"
    assert ended["errorCode"] is None


def test_counts_agree_with_the_file(shop, run):
    ended = run(SIMPLE)
    found = lines(shop, ended["url"])
    assert int(ended["objectCount"]) == len(found)
    assert int(ended["rootObjectCount"]) == sum("__parentId" not in line for line in found)
    assert int(ended["fileSize"]) == len(shop.session.get(ended["url"], timeout=10).content)
    assert all(isinstance(ended[name], str) for name in ("objectCount", "rootObjectCount", "fileSize"))


def test_lines_hold_what_a_query_answers(shop, run):
    found = lines(shop, run(SIMPLE)["url"])
    products = {line["id"]: line for line in found if "__parentId" not in line}
    page = shop.data("{ products(first: 5) { nodes { id title variants(first: 100) { nodes { id sku } } } } }")
    for node in page["products"]["nodes"]:
        assert products[node["id"]] == {"id": node["id"], "title": node["title"]}
        children = [line for line in found if line.get("__parentId") == node["id"]]
        expected = [{**variant, "__parentId": node["id"]} for variant in node["variants"]["nodes"]]
        assert sorted(children, key=str) == sorted(expected, key=str)


def test_children_follow_their_parent_only_when_grouped(shop, run):
    def apart(found):
        return sum(
            line["__parentId"] not in (before["id"], before.get("__parentId"))
            for before, line in itertools.pairwise(found)
            if "__parentId" in line
        )

    assert apart(lines(shop, run(SIMPLE, grouped=True)["url"])) == 0
    assert apart(lines(shop, run(SIMPLE)["url"])) > 0


def test_connections_below_an_object_name_that_object_as_parent(shop, run):
    levels = "inventoryLevels { edges { node { id location { name } } } }"
    text = f"{{ productVariants {{ edges {{ node {{ id inventoryItem {{ id {levels} }} }} }} }} }}"
    found = lines(shop, run(text)["url"])
    items = {line["inventoryItem"]["id"] for line in found if "inventoryItem" in line}
    assert {line["__parentId"] for line in found if "location" in line} == items


def test_the_type_of_each_line_can_be_selected(shop, run):
    media = "media { edges { node { __typename id ... on MediaImage { mimeType } } } }"
    found = lines(shop, run(f"{{ products {{ edges {{ node {{ __typename id {media} }} }} }} }}")["url"])
    assert {line["__typename"] for line in found} == {"Product", "MediaImage"}
    assert {line["mimeType"] for line in found if line["__typename"] == "MediaImage"} == {"image/png"}


def test_a_download_is_resumed_where_it_broke_off(shop, run):
    url = run(SIMPLE)["url"]
    whole = shop.session.get(url, timeout=10).content
    rest = shop.session.get(url, headers={"Range": "bytes=1000-"}, timeout=10)
    assert rest.status_code == 206
    assert rest.headers["Content-Range"] == f"bytes 1000-{len(whole) - 1}/{len(whole)}"
    assert whole[:1000] + rest.content == whole
    beyond = shop.session.get(url, headers={"Range": f"bytes={len(whole)}-"}, timeout=10)
    assert beyond.status_code == 416


def test_no_result_has_no_address(run):
    ended = run('{ products(query: "sku:nothing-has-this") { edges { node { id } } } }')
    assert (ended["status"], ended["url"], ended["objectCount"]) == ("COMPLETED", None, "0")


@pytest.mark.parametrize(
    "text",
    [
        "{ shop { id } }",
        "{ products { nodes { id } } }",
        '{ node(id: "gid://shopify/Product/1") { id } }',
        "{ products { edges { node { title variants { edges { node { id } } } } } } }",
        "{ products { edges { node { x: id variants { edges { node { id } } } } } } }",
        "{ orders { edges { node { id refunds { id refundLineItems { edges { node { id } } } } } } } }",
        f"{{ products {{ edges {{ node {{ id variants {{ edges {{ node {{ id {DEEP} }} }} }} }} }} }} }}",
        "query($q: String) { products(query: $q) { edges { node { id } } } }",
        "{ products { edges { node { nonsense } } } }",
        "mutation { appUninstall { userErrors { message } } }",
        "{ products { edges { node { id } } } }" + " " * 65_536,
        "{ products { edges { node { id "
        + " ".join(f"m{index}: media {{ edges {{ node {{ id }} }} }}" for index in range(5))
        + " } } } }",
    ],
)
def test_a_query_of_another_shape_is_refused(shop, text):
    payload = start(shop, text)
    assert payload["bulkOperation"] is None
    assert [error["code"] for error in payload["userErrors"]] == ["INVALID"]


def test_two_levels_below_the_root_are_read(shop, run):
    found = lines(
        shop,
        run(
            "{ products { edges { node { id variants { edges { node { id media { edges { node { id } } } } } } } } } }"
        )["url"],
    )
    variants = {line["id"] for line in found if "/ProductVariant/" in line["id"]}
    assert {line["__parentId"] for line in found if "/MediaImage/" in line["id"]} <= variants


def test_statuses_follow_each_other(shop, poll):
    shop.control.set_options(bulk_seconds=0.3)
    gid = start(shop, SIMPLE)["bulkOperation"]["id"]
    seen = [poll(gid, status)["status"] for status in ("CREATED", "RUNNING", "COMPLETED")]
    assert seen == ["CREATED", "RUNNING", "COMPLETED"]


def test_a_sixth_run_has_to_wait(shop):
    shop.control.set_options(bulk_seconds=5.0)
    running = [start(shop, SIMPLE)["bulkOperation"]["id"] for _ in range(5)]
    assert [error["code"] for error in start(shop, SIMPLE)["userErrors"]] == ["OPERATION_IN_PROGRESS"]
    assert len(set(running)) == 5


def test_running_operations_are_listed_and_canceled(shop, operation_text, poll):
    shop.control.set_options(bulk_seconds=0.4)
    gid = start(shop, SIMPLE)["bulkOperation"]["id"]
    poll(gid, "RUNNING")
    [listed] = shop.data(operation_text("20"), {}, "BulkList")["bulkOperations"]["nodes"]
    assert (listed["id"], listed["query"]) == (gid, SIMPLE)
    canceled = shop.data(operation_text("20"), {"id": gid}, "BulkCancel")["bulkOperationCancel"]
    assert canceled["bulkOperation"]["status"] == "CANCELING"
    assert poll(gid)["status"] == "CANCELED"


def test_a_failed_run_leaves_what_it_wrote(shop, run):
    shop.control.set_options(bulk_fail_after=10)
    ended = run(SIMPLE)
    assert (ended["status"], ended["errorCode"], ended["url"]) == ("FAILED", "INTERNAL_SERVER_ERROR", None)
    assert lines(shop, ended["partialDataUrl"])


def test_a_missing_scope_fails_the_run(shop, run):
    shop.control.set_options(token_scopes="read_customers")
    ended = run(SIMPLE)
    assert (ended["status"], ended["errorCode"]) == ("FAILED", "ACCESS_DENIED")


def test_a_short_file_is_valid_but_less_than_counted(shop, run):
    shop.control.set_options(bulk_short=0.2)
    ended = run(SIMPLE)
    assert ended["status"] == "COMPLETED"
    assert 0 < len(lines(shop, ended["url"])) < int(ended["objectCount"])


def test_a_run_can_expire(shop, run):
    shop.control.set_options(bulk_expire=True)
    ended = run(SIMPLE)
    assert (ended["status"], ended["url"], ended["partialDataUrl"]) == ("EXPIRED", None, None)


def test_the_end_is_told(shop, operation_text, inbox, run):
    shop.data(operation_text("19"), {"topic": "BULK_OPERATIONS_FINISH", "sub": {"uri": inbox.url}}, "WebhookCreate")
    ended = run(SIMPLE)
    body = json.loads(inbox.take()[1])
    assert body["admin_graphql_api_id"] == ended["id"]
    assert (body["status"], body["type"], body["error_code"]) == ("completed", "query", None)
    assert "url" not in body


MUTATION = (
    "mutation($input: CustomerInput!) { customerCreate(input: $input) { customer { id } userErrors { message } } }"
)


@pytest.fixture
def upload(shop, operation_text):
    def send(rows):
        given = {
            "resource": "BULK_MUTATION_VARIABLES",
            "filename": "vars.jsonl",
            "mimeType": "text/jsonl",
            "httpMethod": "POST",
        }
        created = shop.data(operation_text("20"), {"input": [given]}, "StagedUpload")["stagedUploadsCreate"]
        [target] = created["stagedTargets"]
        fields = {entry["name"]: entry["value"] for entry in target["parameters"]}
        content = "\n".join(json.dumps(row) for row in rows)
        answer = shop.session.post(target["url"], data=fields, files={"file": ("vars.jsonl", content)}, timeout=5)
        assert answer.status_code == 201
        return fields["key"]

    return send


def mutate(shop, operation_text, text, path):
    variables = {"mutation": text, "path": path}
    return shop.data(operation_text("20"), variables, "BulkRunMutation")["bulkOperationRunMutation"]


def test_a_mutation_runs_once_per_uploaded_line(shop, operation_text, upload, poll):
    rows = [{"input": {"email": f"bulk{index}@example.com"}} for index in range(3)]
    path = upload([*rows, rows[0]])
    ended = poll(mutate(shop, operation_text, MUTATION, path)["bulkOperation"]["id"])
    assert (ended["status"], ended["type"], ended["objectCount"]) == ("COMPLETED", "MUTATION", "4")
    found = lines(shop, ended["url"])
    assert [line["__lineNumber"] for line in found] == [0, 1, 2, 3]
    assert [bool(line["data"]["customerCreate"]["userErrors"]) for line in found] == [False, False, False, True]


def test_a_mutation_without_its_file_or_of_another_kind_is_refused(shop, operation_text, upload):
    refused = mutate(shop, operation_text, MUTATION, "tmp/nothing")
    assert [error["code"] for error in refused["userErrors"]] == ["NO_SUCH_FILE"]
    inner = 'mutation { bulkOperationCancel(id: "gid://shopify/BulkOperation/1") { userErrors { message } } }'
    refused = mutate(shop, operation_text, inner, upload([{}]))
    assert [error["code"] for error in refused["userErrors"]] == ["INVALID_MUTATION"]
