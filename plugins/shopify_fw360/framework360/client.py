"""The HTTP client of one Framework360 site: pooled, limited, retrying, and careful with creates."""

from __future__ import annotations

import itertools
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlencode, urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError, NewConnectionError

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import address, wire
from shopify_fw360.framework360.capabilities import Capabilities
from shopify_fw360.framework360.limiter import Limiter, shared_limiter
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.replies import Answer, Reader
from shopify_fw360.framework360.site import SiteCheck, check_site
from shopify_fw360.framework360.values import form_pairs
from shopify_fw360.reach import require_reach
from shopify_fw360.trickle import read_within

WHOLE_ANSWER: Final = 2
"""An answer may take so many times as long as the wait for a piece of it."""

_log = logging.getLogger(__name__)
_In = TypeVar("_In")
_Out = TypeVar("_Out")

_NEVER_SENT = (NewConnectionError, ConnectTimeoutError, NameResolutionError)
_REPEATABLE = (errors.FW360_UNAVAILABLE, errors.FW360_THROTTLED)
_REFUSED_GROUP = (errors.FW360_CAPABILITY, errors.FW360_PERMISSION)


class Framework360Client:
    """Makes calls; safe to use from several threads, which share the site's limits.

    Args:
        base_url: host of the site, see `address.api_url`.
        api_key: the site's API key.
        options: the site's options.
        limiter: who decides when a request goes out; None takes the one that this process has for the site.
        sleep: waits for seconds between attempts.

    Raises:
        SyncError: SYNC-106 for an unusable host or key.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        options: SiteOptions | None = None,
        *,
        limiter: Limiter | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.options = options or SiteOptions()
        self.url = address.api_url(base_url)
        limits = self.options.limits
        self._headers = {
            "Accept": wire.JSON_TYPE,
            "Accept-Encoding": "gzip, deflate",
            "Connection": "keep-alive",
            "User-Agent": "shopify-fw360-sync",
            wire.KEY_HEADER: address.api_key(api_key),
        }
        self._limiter = limiter or shared_limiter(self.url, limits.requests_per_second, limits.in_flight)
        self._sleep = sleep
        self._reader = Reader(self.options)
        # The pool keeps one connection per request in flight; callers' threads come and go.
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=limits.in_flight, max_retries=0)
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._send_options: dict[str, Any] = {
            "proxies": dict(get_environ_proxies(self.url)),
            "verify": os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True,
        }
        self.capabilities = Capabilities(self.options.capabilities, self._probe)

    def __repr__(self) -> str:
        return f"Framework360Client({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; the client can be used again afterwards."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        self._adapter.close()

    def call(self, call: wire.Call, parameters: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Make a call, again where that is safe.

        Args:
            call: which one.
            parameters: query of a GET, body of a POST.

        Returns:
            The body of the successful reply, a JSON object with the payload under ``data``.

        Raises:
            SyncError: SYNC-412 without a call if its capability is off; SYNC-209 if the outcome of a create is unclear,
                so that the caller looks for the record before anything is repeated; else by the site's answer.
        """
        require_reach()
        if call.capability is not None:
            self.capabilities.require(call.capability)
        try:
            return self._persist(call, parameters or {})
        except SyncError as error:
            if call.capability is not None and error.code in _REFUSED_GROUP:
                self.capabilities.lost(call.capability, error)
            raise

    def check(self) -> SiteCheck:
        """Test the connection: host, key, the key's functions, the vendor's plugin, capabilities.

        Returns:
            What the site says, with warnings for people.

        Raises:
            SyncError: SYNC-401 for a wrong key; SYNC-411 if the vendor's own Shopify plugin is active and not allowed.
        """
        return check_site(self.call, self.options, self.capabilities)

    def map(self, work: Callable[[_In], _Out], items: Iterable[_In]) -> Iterator[_Out]:
        """Do work on items side by side, as many as the site allows in flight; results in the order of the items.

        Args:
            work: makes calls with this client; must not use `map` itself.
            items: its arguments.
        """
        return self.executor.map(work, items)

    def wait(self, attempt: int) -> None:
        """Wait the usual time after an attempt (1, 2, ...) that should be made again."""
        self._sleep(self._backoff(attempt))

    def pause(self, seconds: float) -> None:
        """Wait for seconds, not at all for 0."""
        if seconds > 0:
            self._sleep(seconds)

    @property
    def executor(self) -> ThreadPoolExecutor:
        """The threads of this client, one per request that may be in flight; work in them must not wait for others."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.options.limits.in_flight, thread_name_prefix="framework360")
            return self._pool

    # Attempts ---------------------------------------------------------------------------------------------------------

    def _persist(self, call: wire.Call, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        request = self._prepare(call, parameters)
        for attempt in itertools.count(1):
            try:
                return self._attempt(call, request, parameters)
            except SyncError as error:
                self._wait(call, error, attempt)
        raise AssertionError("counting does not end")

    def _attempt(
        self, call: wire.Call, request: requests.PreparedRequest, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        try:
            answer = self._exchange(call, request)
        except requests.RequestException as problem:
            error = _transport_error(call, problem)
            if call.creates and not _never_sent(problem):
                error = _unclear(call, error)
            raise error from None
        try:
            return self._read(call, answer, parameters)
        except SyncError as refused:
            if call.creates and refused.code is errors.FW360_UNAVAILABLE:
                raise _unclear(call, refused) from None
            raise

    def _wait(self, call: wire.Call, error: SyncError, attempt: int) -> None:
        """Wait before the next attempt, or raise the error if there is none."""
        limits = self.options.limits
        if error.code not in _REPEATABLE or attempt >= limits.tries:
            raise error
        asked = error.retry_after or 0.0
        if asked > limits.backoff_cap:
            # A worker that sleeps for minutes holds leases; the queue waits better.
            raise error
        pause = max(self._backoff(attempt), asked)
        _log.warning(
            "%s: attempt %d of %d failed with %s, next in %.1f s",
            call.path,
            attempt,
            limits.tries,
            error.code.code,
            pause,
        )
        if error.code is errors.FW360_THROTTLED:
            self._limiter.pause(pause)
        self._sleep(pause)

    def _backoff(self, attempt: int) -> float:
        limits = self.options.limits
        # Whole waits would bring several workers back at the same moment: half of it is random.
        longest = min(limits.backoff * 2.0 ** (attempt - 1), limits.backoff_cap)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

    def _read(self, call: wire.Call, answer: Answer, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if 300 <= answer.status < 400:
            target = urlsplit(answer.location or "").netloc or "another place"
            raise SyncError(
                errors.CONNECTION_INVALID,
                f"{call.path}: the site redirects to {target}, redirected calls lose their body: give the final host",
                rule="no redirects",
            )
        return self._reader.read(call, answer, parameters)

    def _probe(self, capability: wire.Capability) -> object:
        call, parameters = wire.PROBES[capability]
        return self._persist(call, parameters)

    # Transport --------------------------------------------------------------------------------------------------------

    def _prepare(self, call: wire.Call, parameters: Mapping[str, Any]) -> requests.PreparedRequest:
        url, body, headers = f"{self.url}/{call.path}", None, self._headers
        if call.method is wire.Method.GET:
            if parameters:
                url = f"{url}?{urlencode(form_pairs(parameters))}"
        elif self.options.encoding.of(call) == "form":
            body = urlencode(form_pairs(parameters)).encode()
            headers = {**headers, "Content-Type": wire.FORM_TYPE}
        else:
            body = orjson.dumps(parameters)
            headers = {**headers, "Content-Type": wire.JSON_TYPE}
        request = requests.PreparedRequest()
        request.prepare(method=call.method.value, url=url, headers=headers, data=body)
        return request

    def _exchange(self, call: wire.Call, request: requests.PreparedRequest) -> Answer:
        limits = self.options.limits
        timeout = limits.slow_timeout if call.slow else limits.timeout
        # The adapter rather than a Session: no redirects that carry the key elsewhere, no cookies (PHP lets requests of
        # one session wait for each other), no .netrc, less work per request.
        whole = timeout * WHOLE_ANSWER
        with self._limiter.slot():
            ends = time.monotonic() + whole
            with closing(self._adapter.send(request, stream=True, timeout=timeout, **self._send_options)) as response:
                content = read_within(response, ends, whole)
        headers = response.headers
        return Answer(response.status_code, content, headers.get("Retry-After"), headers.get("Location"))


def _transport_error(call: wire.Call, problem: requests.RequestException) -> SyncError:
    if "CERTIFICATE_VERIFY_FAILED" in str(problem):
        return SyncError(
            errors.CONNECTION_INVALID, f"{call.path}: the certificate of the site cannot be verified", rule="TLS"
        )
    # The text of such an exception may hold the URL with an e-mail in its query: only its class is told.
    return SyncError(errors.FW360_UNAVAILABLE, f"{call.path}: {type(problem).__name__}", rule="HTTP exchange")


def _never_sent(problem: requests.RequestException) -> bool:
    """Whether the connection failed before anything was sent, so that even a create may be repeated."""
    cause = problem.args[0] if problem.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(cause, _NEVER_SENT)


def _unclear(call: wire.Call, error: SyncError) -> SyncError:
    return SyncError(
        errors.UNCLEAR_CREATE,
        f"{call.path}: the site may or may not have created the record ({error.message})",
        rule="look before repeating a create",
    )
