"""The GraphQL client: one call with authentication, budget, retries, and errors told apart."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
import urllib3.exceptions

from shopify_fw360.errors import (
    SHOPIFY_THROTTLED,
    SHOPIFY_TOKEN,
    SHOPIFY_UNAVAILABLE,
    SHOPIFY_VERSION,
    UNCLEAR_CREATE,
    Reaction,
    SyncError,
)
from shopify_fw360.reach import require_reach
from shopify_fw360.shopify.address import ShopAddress
from shopify_fw360.shopify.answers import cost_report, graphql_error, search_warning, status_error
from shopify_fw360.shopify.auth import TokenSource
from shopify_fw360.shopify.bucket import STANDARD_RESTORE_RATE, CostReport
from shopify_fw360.shopify.budget import CostBudget
from shopify_fw360.shopify.schema_index import API_VERSION
from shopify_fw360.shopify.transport import new_session
from shopify_fw360.trickle import read_within

UNKNOWN_COST: Final = 20.0
_SHOP_INFO: Final = """query ShopInfo {
  shop { name myshopifyDomain currencyCode plan { publicDisplayName } }
  currentAppInstallation { accessScopes { handle } }
}"""
_SUPPORTED_VERSION = re.compile(r"\d{4}-(01|04|07|10)|unstable")


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a call is.

    Args:
        attempts: how often a call is sent at most.
        first_wait: seconds before the second attempt; doubles each time.
        longest_wait: seconds no single wait exceeds, whatever ``Retry-After`` asks.
        connect_timeout: seconds to connect.
        read_timeout: seconds between two packets.
        deadline: seconds for a whole answer (Shopify: ends a request after 10 s by itself).
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    deadline: float = 60.0


@dataclass(frozen=True, slots=True)
class ShopInfo:
    """What a working connection tells about itself.

    Args:
        name: of the shop.
        domain: its permanent domain.
        plan: name of its plan.
        currency: ISO code of its currency.
        scopes: access scopes granted to the app, sorted.
    """

    name: str
    domain: str
    plan: str
    currency: str
    scopes: tuple[str, ...]


class _Failed(Exception):  # noqa: N818 - never leaves this module
    """One attempt has failed; ``maybe_done`` says that Shopify may have executed it nevertheless."""

    def __init__(self, error: SyncError, *, maybe_done: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.maybe_done = maybe_done


class ShopifyClient:
    """Calls the Admin API of one shop; may be used by several threads at once.

    Args:
        address: the shop.
        tokens: source of access tokens.
        budget: the shop's cost budget, shared by all clients of the process.
        api_version: version to ask for.
        retries: patience.
        sleep: waits the given seconds.
        clock: Unix time in seconds.
        jitter: returns a number from 0 to 1 by which waits are spread.

    Attributes:
        address: as given.
        api_version: as given.
        restore_rate: points per second that the shop grants, as its latest answer says.
    """

    def __init__(
        self,
        address: ShopAddress,
        tokens: TokenSource,
        budget: CostBudget | None = None,
        *,
        api_version: str = API_VERSION,
        retries: Retries | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if not _SUPPORTED_VERSION.fullmatch(api_version):
            raise SyncError(SHOPIFY_VERSION, f"{api_version!r} is not an API version like {API_VERSION}")
        self.address = address
        self.api_version = api_version
        self._tokens = tokens
        self._budget = budget or CostBudget(address.shop)
        self._retries = retries or Retries()
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter
        self._url = f"{address.base_url}/admin/api/{api_version}/graphql.json"
        self._local = threading.local()
        self.restore_rate = STANDARD_RESTORE_RATE

    def execute(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str,
        idempotent: bool,
        cost: float = UNKNOWN_COST,
    ) -> dict[str, Any]:
        """Send one operation and return its data.

        Args:
            document: GraphQL text with the operation.
            variables: JSON values.
            operation_name: name of the operation in the document.
            idempotent: whether sending it twice does no more than sending it once (all queries; mutations by id or
                identifier). If not, it is never sent again once Shopify may have received it.
            cost: points it is estimated to request; corrected by what its answers say.

        Returns:
            ``data`` of the answer; user errors in it are the caller's to check.

        Raises:
            SyncError: SYNC-301 to 309 and 313 as documented there, SYNC-209 when the outcome of a call that must not
                be repeated is unknown.
        """
        require_reach()
        payload = {"query": document, "variables": dict(variables or {}), "operationName": operation_name}
        body = json.dumps(payload, separators=(",", ":")).encode()
        attempt, renewed = 0, False
        while True:
            attempt += 1
            token = self._tokens.token()
            try:
                return self._attempt(operation_name, body, token, cost)
            except _Failed as failed:
                error = failed.error
                if failed.maybe_done and not idempotent:
                    raise SyncError(
                        UNCLEAR_CREATE, f"{operation_name} is not repeated after: {error.message}"
                    ) from error
                if error.code is SHOPIFY_TOKEN and not renewed:
                    renewed = True
                    if self._tokens.renew(token) is not None:
                        continue
                if error.reaction is not Reaction.RETRY or attempt >= self._retries.attempts:
                    raise error from failed.__cause__
            self._sleep(self._pause(attempt, error.retry_after))

    @property
    def sent(self) -> int:
        """Number of requests the calling thread has sent so far, repetitions counted."""
        return getattr(self._local, "sent", 0)

    def check(self) -> ShopInfo:
        """Find out whether the connection works.

        Returns:
            What the shop says about itself and about the app's rights.

        Raises:
            SyncError: what is wrong and what to do about it.
        """
        data = self.execute(_SHOP_INFO, operation_name="ShopInfo", idempotent=True, cost=8)
        shop = data["shop"]
        return ShopInfo(
            name=shop["name"],
            domain=shop["myshopifyDomain"],
            plan=shop["plan"]["publicDisplayName"],
            currency=shop["currencyCode"],
            scopes=tuple(sorted(scope["handle"] for scope in data["currentAppInstallation"]["accessScopes"])),
        )

    def _attempt(self, operation: str, body: bytes, token: str, cost: float) -> dict[str, Any]:
        reservation = self._budget.acquire(operation, cost)
        report: CostReport | None = None
        try:
            response, content = self._post(operation, body, token)
            request_id = response.headers.get("x-request-id")
            error = status_error(response.status_code, request_id)
            if error is not None:
                error.retry_after = self._asked_wait(response)
                raise _Failed(error, maybe_done=error.code is SHOPIFY_UNAVAILABLE)
            served = response.headers.get("X-Shopify-API-Version", self.api_version)
            if served != self.api_version:
                text = f"asked for API version {self.api_version}, got {served} (x-request-id {request_id})"
                raise SyncError(SHOPIFY_VERSION, text)
            answer = _decoded(operation, content, request_id)
            extensions = answer.get("extensions") or {}
            report = cost_report(extensions)
            self.restore_rate = report.restore_rate or self.restore_rate
            error = graphql_error(operation, answer.get("errors") or (), request_id)
            if error is not None and error.code is SHOPIFY_THROTTLED:
                report = replace(report, actual=0.0)
                error.retry_after = _restored_after(report)
            error = error or search_warning(operation, extensions, request_id)
            if error is not None:
                raise _Failed(error, maybe_done=error.code is SHOPIFY_UNAVAILABLE)
            return dict(answer.get("data") or {})
        finally:
            self._budget.release(reservation, report)

    def _post(self, operation: str, body: bytes, token: str) -> tuple[requests.Response, bytes]:
        limits = self._retries
        self._local.sent = self.sent + 1
        headers = {"Content-Type": "application/json", "X-Shopify-Access-Token": token}
        ends = time.monotonic() + limits.deadline
        try:
            with self._session().post(
                self._url,
                data=body,
                headers=headers,
                timeout=(limits.connect_timeout, limits.read_timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                return response, read_within(response, ends, limits.deadline)
        except requests.RequestException as error:
            # The text of a requests exception may quote addresses and headers, so only its kind is kept.
            text = f"{operation}: {type(error).__name__} at {self.address.shop}"
            failure = SyncError(SHOPIFY_UNAVAILABLE, text)
            raise _Failed(failure, maybe_done=not _never_sent(error)) from error

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = new_session(self.address)
        return session

    def _pause(self, attempt: int, asked: float | None) -> float:
        backoff = self._retries.first_wait * 2.0 ** (attempt - 1)
        wanted = max(backoff, asked or 0.0) * (1.0 + 0.25 * self._jitter())
        return min(wanted, self._retries.longest_wait)

    def _asked_wait(self, response: requests.Response) -> float | None:
        text = response.headers.get("Retry-After", "")
        try:
            return max(0.0, float(text))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self._clock())
        except ValueError:
            return None


def _decoded(operation: str, content: bytes, request_id: str | None) -> Mapping[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and ("data" in answer or "errors" in answer):
        return answer
    text = f"{operation}: the answer is no complete GraphQL answer (x-request-id {request_id})"
    raise _Failed(SyncError(SHOPIFY_UNAVAILABLE, text), maybe_done=True)


def _restored_after(report: CostReport) -> float:
    if report.requested is None or report.available is None or not report.restore_rate:
        return 1.0
    return max(1.0, (report.requested - report.available) / report.restore_rate)


def _never_sent(error: Exception) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), urllib3.exceptions.NewConnectionError)
