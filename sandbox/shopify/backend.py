"""The Shopify sandbox as one backend of the shared shell: routes, HTTP statuses, tokens, options."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from graphql import OperationType

from sandbox.common.backend import ApiRequest, ApiResponse, Operation, Seed
from sandbox.common.diary import Diary
from sandbox.common.pages import PersonDesk
from sandbox.common.refusals import Refusals
from sandbox.shopify.access import granted_scopes
from sandbox.shopify.bulk_runs import RESULTS, BulkRuns
from sandbox.shopify.delivery import Courier, courier_client
from sandbox.shopify.desk import ShopifyDesk
from sandbox.shopify.documents import read_document
from sandbox.shopify.engine import GraphqlRequest, pick_operation, run, throttled
from sandbox.shopify.fields.shop import versions
from sandbox.shopify.media import FILES, Darkroom
from sandbox.shopify.mutations.app import uninstall
from sandbox.shopify.oauth import ACCESS_TOKEN, AUTHORIZE, access_token, authorize
from sandbox.shopify.options import SHOP_STATUS, Options
from sandbox.shopify.order_acts import act
from sandbox.shopify.schema import shopify_schema
from sandbox.shopify.seeding import fill
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.staged import STAGED, take_upload
from sandbox.shopify.table import Record
from sandbox.shopify.tokens import ALL_SCOPES, AccessToken

_GRAPHQL = re.compile(r"/admin/api/([\w-]+)/graphql\.json")
_STATUS_TEXT = {
    402: "This shop's plan does not have access to this feature",
    403: "[API] This action requires merchant approval",
    404: "Not Found",
    423: "This shop is unavailable",
}
_INVALID_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"  # noqa: S105 - a text
EXPIRE = "expire_access_tokens"
"""Not a switch but an act: set to true, every expiring access token is over."""


class _Witness:
    """Writes what happens in a shop into its diary."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    def notify(self, topic: str, record: Record, extra: Mapping[str, Any]) -> None:  # noqa: ARG002 - the seam's
        self._diary.note(topic, str(record.get("num") or record.get("id")))


class ShopifyBackend:
    """One simulated shop.

    Args:
        seed: what it is filled with.
        options: start values of switches; a reset returns to them.

    Raises:
        ValueError: an unknown option, or a value it cannot take.
    """

    name = "shopify"

    def __init__(self, seed: Seed, options: Mapping[str, Any]) -> None:
        self.refusals = Refusals()
        self.diary = Diary()
        self._start_options = Options().changed(options)
        self._client = courier_client()
        shopify_schema()
        self._open(seed)

    def reset(self, seed: Seed) -> None:
        """Start again from a seed, with the start options."""
        self._courier.close()
        self._darkroom.close()
        self._bulk.close()
        self._open(seed)

    def _open(self, seed: Seed) -> None:
        self.shop = Shop(seed, self._start_options)
        self.shop.darkroom = self._darkroom = Darkroom(self.shop, self._client)
        self.shop.bulk = self._bulk = BulkRuns(self.shop)
        fill(self.shop)
        self._courier = Courier(self.shop, self._client)
        self.shop.listeners += [_Witness(self.diary), self._courier]

    def describe(self, request: ApiRequest) -> Operation:
        """Name an operation: the GraphQL operation's own name, else its first root field; paths for OAuth."""
        if not _GRAPHQL.fullmatch(request.path):
            served = {FILES: "file", RESULTS: "bulk_result", STAGED: "staged_upload"}
            names = (name for path, name in served.items() if request.path.startswith(path))
            name = next(names, request.path.rsplit("/", 1)[-1] or "root")
            return Operation(name, write=request.method == "POST")
        body = _graphql_body(request.body)
        if body is None:
            return Operation("malformed", write=False)
        document = read_document(body.query)
        operation = pick_operation(document, body.operation_name)
        if operation is None:
            return Operation("invalid", write=False)
        first = operation.selection_set.selections[0]
        name = operation.name.value if operation.name else getattr(getattr(first, "name", None), "value", "anonymous")
        return Operation(name, write=operation.operation is OperationType.MUTATION)

    async def handle(self, request: ApiRequest) -> ApiResponse:
        """Answer one request."""
        self.shop.base_url = request.base_url
        if request.path.startswith(FILES) and request.method in ("GET", "HEAD"):
            return self._file(request.path)
        if request.path.startswith(RESULTS) and request.method == "GET":
            return self._bulk.answer(request)
        if request.path.startswith(STAGED) and request.method in ("POST", "PUT"):
            return take_upload(self.shop, request)
        if request.path == AUTHORIZE and request.method in ("GET", "POST"):
            return authorize(self.shop, request)
        if request.path == ACCESS_TOKEN and request.method == "POST":
            return access_token(self.shop, request)
        if request.path == "/admin/api_permissions/current.json" and request.method == "DELETE":
            return self._uninstall(request)
        found = _GRAPHQL.fullmatch(request.path)
        if found is None or request.method != "POST":
            return _failure(404, "Not Found")
        return self._graphql(request, found[1])

    def throttled(self, params: Mapping[str, Any]) -> ApiResponse:
        """Answer THROTTLED although the bucket has points, or HTTP 429 with `{"status": 429}`."""
        if int(params.get("status", 200)) == 429:
            headers = {"Retry-After": str(params.get("retry_after", "2.0"))}
            body = orjson.dumps({"errors": "Exceeded 2 calls per second for api client."})
            return ApiResponse(body, 429, headers=headers, error=True)
        self.shop.counts["throttled"] += 1
        context = Context(self.shop, frozenset(), frozenset())
        answer = throttled(context, int(params.get("requested", 1)))
        status = answer["extensions"]["cost"].get("throttleStatus")
        if status is not None:
            status["currentlyAvailable"] = int(params.get("available", 0))
        return ApiResponse(orjson.dumps(answer), error=True)

    def state(self) -> dict[str, Any]:
        """Return counts of records, requests and deliveries."""
        return {
            "records": {name: len(table) for name, table in self.shop.tables.items()},
            "requests": dict(self.shop.counts),
            "bucket": self.shop.bucket.status(),
            "media": {"pending": self._darkroom.pending()},
            "webhooks": {**self._courier.counts, "pending": self._courier.pending()},
        }

    def options(self) -> dict[str, Any]:
        """Return every switch with its value."""
        return self.shop.options.as_dict()

    def set_options(self, changes: Mapping[str, Any]) -> None:
        """Change switches; `expire_access_tokens` ends every expiring access token now."""
        before = self.shop.options
        options = before.changed({name: value for name, value in changes.items() if name != EXPIRE})
        self.shop.options = options
        if changes.get(EXPIRE):
            self.shop.tokens.expire()
        if options.token_scopes != before.token_scopes or (before.revoked and not options.revoked):
            self.shop.tokens.grant_scopes(options.token_scopes)
        if options.revoked and not before.revoked:
            uninstall(self.shop)
        if (options.bucket_size, options.restore_rate) != (before.bucket_size, before.restore_rate):
            self.shop.bucket.change(options.bucket_size, options.restore_rate)

    async def act(self, name: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let a person do something to an order, see `order_acts.ACTS`, or anything in the admin by GraphQL."""
        return self._admin(params) if name == "admin" else act(self.shop, name, params)

    def _admin(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Carry out a document as the shop's staff: with every right, and without the app's points."""
        context = Context(self.shop, granted_scopes(ALL_SCOPES), frozenset(), metered=False)
        answer = run(GraphqlRequest(str(params["query"]), params.get("variables") or {}), context)
        if _failed(answer):
            raise ValueError(orjson.dumps(answer.get("errors") or answer["data"]).decode())
        data: Mapping[str, Any] = answer["data"]
        return data

    def desk(self) -> PersonDesk:
        """Return the admin pages."""
        return ShopifyDesk(self)

    def _file(self, path: str) -> ApiResponse:
        number = path.removeprefix(FILES).split("/")[0]
        found = self._darkroom.content(int(number)) if number.isdigit() else None
        if found is None:
            return _failure(404, "Not Found")
        return ApiResponse(found[0], content_type=found[1], headers={"Cache-Control": "max-age=31536000"})

    def _token(self, request: ApiRequest) -> AccessToken | None:
        if self.shop.options.revoked:
            return None
        return self.shop.tokens.check(request.headers.get("x-shopify-access-token"))

    def _uninstall(self, request: ApiRequest) -> ApiResponse:
        if self._token(request) is None:
            return _failure(401, _INVALID_TOKEN)
        uninstall(self.shop)
        return ApiResponse(b"{}")

    def _graphql(self, request: ApiRequest, version: str) -> ApiResponse:
        options = self.shop.options
        headers = {"X-Request-Id": str(uuid.uuid4())}
        if options.shop_status != "open":
            status = SHOP_STATUS[options.shop_status]
            return _failure(status, _STATUS_TEXT[status], headers)
        served = self._served_version(version)
        if served is None:
            return _failure(404, "Not Found", headers)
        headers["X-Shopify-API-Version"] = served
        token = self._token(request)
        if token is None:
            return _failure(401, _INVALID_TOKEN, headers)
        body = _graphql_body(request.body)
        if body is None or "application/json" not in request.headers.get("content-type", ""):
            return _failure(400, {"query": "Required parameter missing or invalid"}, headers)
        body = replace(body, cost_debug=request.headers.get("shopify-graphql-cost-debug") == "1")
        context = Context(self.shop, granted_scopes(token.scopes), frozenset(options.hidden_customer_data))
        answer = run(body, context)
        for error in answer.get("errors", []):
            code = error.get("extensions", {}).get("code", "syntaxError")
            if code != "THROTTLED":
                self.refusals.add(self.describe(request).name, f"{code}: {error['message']}", _where(error))
        return ApiResponse(orjson.dumps(answer), headers=headers, error=_failed(answer))

    def _served_version(self, asked: str) -> str | None:
        """Return the version that answers: the one asked for, the oldest for an expired one ("fall forward")."""
        options = self.shop.options
        if asked == "unstable" or asked in versions(options.newest_version, options.oldest_version):
            return asked
        if re.fullmatch(r"20\d\d-(01|04|07|10)", asked) and asked < options.oldest_version:
            return options.oldest_version
        return None


def _graphql_body(raw: bytes) -> GraphqlRequest | None:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return None
    variables, name = body.get("variables"), body.get("operationName")
    if not isinstance(variables, dict | None) or not isinstance(name, str | None):
        return None
    return GraphqlRequest(body["query"], variables or {}, name)


def _failed(answer: Mapping[str, Any]) -> bool:
    """Tell whether an answer reports a failure, top-level or as user errors of a mutation."""
    payloads = (answer.get("data") or {}).values()
    return "errors" in answer or any(isinstance(payload, dict) and payload.get("userErrors") for payload in payloads)


def _where(error: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in error.get("path") or [])


def _failure(status: int, errors: Any, headers: Mapping[str, str] | None = None) -> ApiResponse:
    return ApiResponse(orjson.dumps({"errors": errors}), status, headers=headers or {}, error=True)
