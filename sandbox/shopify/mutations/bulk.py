"""bulkOperationRunQuery, bulkOperationRunMutation, bulkOperationCancel, stagedUploadsCreate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.shopify.bulk_runs import ACTIVE, BulkRuns
from sandbox.shopify.bulk_shape import mutation_problem, query_problem
from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.ids import number_of
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context
from sandbox.shopify.staged import STAGED

Args = Mapping[str, Any]
_MAX_UPLOAD = 100 * 1024 * 1024


def _runs(context: Context) -> BulkRuns:
    runs = context.shop.bulk
    if runs is None:
        raise RuntimeError("the shop is not served: bulk operations need its event loop")
    return runs


def _refused(field: list[str] | None, message: str, code: str) -> dict[str, Any]:
    return {"bulkOperation": None, "userErrors": [user_error(field, message, code)]}


def _too_many(context: Context, kind: str) -> dict[str, Any] | None:
    running = _runs(context).active(kind)
    if len(running) < context.shop.options.bulk_limit:
        return None
    names = ", ".join(record["id"] for record in running)
    message = f"A bulk {kind.lower()} operation for this app and shop is already in progress: {names}."
    return _refused(None, message, "OPERATION_IN_PROGRESS")


@mutation("bulkOperationRunQuery")
def _run_query(context: Context, args: Args) -> dict[str, Any]:
    problem = query_problem(args["query"])
    if problem:
        return _refused(["query"], problem, "INVALID")
    busy = _too_many(context, "QUERY")
    if busy:
        return busy
    record = _runs(context).start(context, "QUERY", args["query"], b"", grouped=args["groupObjects"])
    return {"bulkOperation": record, "userErrors": []}


@mutation("bulkOperationRunMutation")
def _run_mutation(context: Context, args: Args) -> dict[str, Any]:
    problem = mutation_problem(args["mutation"])
    if problem:
        return _refused(["mutation"], problem, "INVALID_MUTATION")
    variables = context.shop.uploads.get(STAGED + args["stagedUploadPath"])
    if not variables:
        message = "The JSONL file could not be found. Try uploading the file again."
        return _refused(["stagedUploadPath"], message, "NO_SUCH_FILE")
    if len(variables) > _MAX_UPLOAD:
        return _refused(["stagedUploadPath"], "The input file is larger than 100MB.", "INVALID_STAGED_UPLOAD_FILE")
    busy = _too_many(context, "MUTATION")
    if busy:
        return busy
    record = _runs(context).start(context, "MUTATION", args["mutation"], variables, grouped=True)
    return {"bulkOperation": record, "userErrors": []}


@mutation("bulkOperationCancel")
def _cancel(context: Context, args: Args) -> dict[str, Any]:
    number = number_of(args["id"], "BulkOperation")
    record = None if number is None else context.shop.tables["BulkOperation"].get(number)
    if record is None:
        return {"bulkOperation": None, "userErrors": [user_error(["id"], "Bulk operation does not exist")]}
    if record["status"] not in ACTIVE:
        message = f"A bulk operation cannot be canceled when it is {record['status'].lower()}"
        return {"bulkOperation": record, "userErrors": [user_error(["id"], message)]}
    _runs(context).change(record["num"], {"status": "CANCELING"})
    return {"bulkOperation": context.shop.tables["BulkOperation"].get(record["num"]), "userErrors": []}


@mutation("stagedUploadsCreate")
def _stage(context: Context, args: Args) -> dict[str, Any]:
    shop = context.shop
    targets: list[dict[str, Any]] = []
    errors: list[UserError] = []
    for index, given in enumerate(args["input"]):
        name = re.sub(r"[^\w.\-]", "_", given["filename"])
        if not name:
            errors.append(user_error(["input", str(index), "filename"], "Filename can't be blank"))
            continue
        key = f"tmp/{shop.number()}/{given['resource'].lower()}/{name}"
        shop.uploads[STAGED + key] = b""
        address = f"{shop.base_url}{STAGED}"
        post = given.get("httpMethod") == "POST"
        parameters = {"key": key, "Content-Type": given["mimeType"], "success_action_status": "201", "acl": "private"}
        targets.append(
            {
                "url": address if post else address + key,
                "resourceUrl": address + key,
                "parameters": [
                    {"name": parameter, "value": value} for parameter, value in (parameters.items() if post else ())
                ],
            }
        )
    return {"stagedTargets": targets, "userErrors": errors}
