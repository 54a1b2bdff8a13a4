"""Access tokens: static ones, client credentials, and expiring offline tokens with a rotating refresh token.

Shopify: an expiring offline access token lives one hour and its refresh token 90 days; each refresh returns a new
refresh token, and the previous one may be replayed until its replacement is used the first time. So a refresh whose
answer was lost is simply asked again with the refresh token we still have.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import requests

from shopify_fw360.errors import SHOPIFY_GRANT, SHOPIFY_TOKEN, SHOPIFY_UNAVAILABLE, SyncError
from shopify_fw360.shopify.address import ShopAddress
from shopify_fw360.shopify.transport import new_session

ENDPOINT_PATH: Final = "/admin/oauth/access_token"
TIMEOUT: Final = (5.0, 20.0)
ATTEMPTS: Final = 4


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What is kept of a grant; secrets never show in its text form.

    Args:
        access_token: sent with each call.
        expires_at: aware UTC time at which the access token ends, None if it does not.
        refresh_token: the newest one, None where the kind of grant has none.
        refresh_expires_at: aware UTC time at which the refresh token ends, None if unknown.
        scopes: granted access scopes.
    """

    access_token: str = field(repr=False)
    expires_at: datetime | None = None
    refresh_token: str | None = field(default=None, repr=False)
    refresh_expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()


def token_to_json(token: StoredToken) -> Mapping[str, Any]:
    """Return a token as JSON values, except that times stay times; for stores."""
    return asdict(token)


def token_from_json(values: Mapping[str, Any]) -> StoredToken:
    """Return the token whose JSON values are given, times as ISO text."""
    times = {
        name: datetime.fromisoformat(values[name])
        for name in ("expires_at", "refresh_expires_at")
        if values[name] is not None
    }
    return StoredToken(**{**values, "scopes": tuple(values["scopes"]), **times})


class TokenLock(Protocol):
    """Exclusive access to the token of one shop, while the lock is held."""

    def get(self) -> StoredToken | None:
        """Return the token as it is now, written by whoever held the lock before."""

    def replace(self, token: StoredToken) -> None:
        """Store a new token; durable when this returns, because Shopify ends the old one as soon as it is used."""


class TokenStore(Protocol):
    """Where tokens live between processes."""

    def get(self, shop: str) -> StoredToken | None:
        """Return the token of a shop without waiting for a refresh that is going on."""

    def lock(self, shop: str) -> AbstractContextManager[TokenLock]:
        """Wait until nobody else refreshes the token of this shop, in this or any other process."""


class MemoryTokenStore:
    """A `TokenStore` for the threads of one process; enough for client credentials, which can be asked for anew."""

    def __init__(self, tokens: Mapping[str, StoredToken] | None = None) -> None:
        self._tokens = dict(tokens or {})
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def get(self, shop: str) -> StoredToken | None:
        """Return the token of a shop."""
        return self._tokens.get(shop)

    @contextmanager
    def lock(self, shop: str) -> Iterator[TokenLock]:
        """Hold the shop's lock."""
        with self._guard:
            lock = self._locks.setdefault(shop, threading.Lock())
        with lock:
            yield _MemoryLock(self._tokens, shop)


@dataclass(frozen=True, slots=True)
class _MemoryLock:
    tokens: dict[str, StoredToken]
    shop: str

    def get(self) -> StoredToken | None:
        return self.tokens.get(self.shop)

    def replace(self, token: StoredToken) -> None:
        self.tokens[self.shop] = token


class TokenSource(Protocol):
    """Gives the client a token that is valid now."""

    def token(self) -> str:
        """Return an access token, renewing it first if it ends soon; raise SyncError SYNC-301, SYNC-304 or SYNC-313."""

    def renew(self, refused: str) -> str | None:
        """Return another token after Shopify answered 401 to the given one, None if there can be no other."""


@dataclass(frozen=True, slots=True)
class StaticToken:
    """A token that never changes (Shopify: an admin-created custom app).

    Args:
        access_token: the token of the connection.
    """

    access_token: str = field(repr=False)

    def token(self) -> str:
        """Return the token."""
        if not self.access_token:
            raise SyncError(SHOPIFY_TOKEN, "the connection has no access token", field="access_token")
        return self.access_token

    def renew(self, refused: str) -> str | None:  # noqa: ARG002 - the protocol's argument
        """Return None: a static token cannot be renewed."""
        return None


@dataclass(slots=True)
class TokenEndpoint:
    """Asks Shopify's token endpoint.

    Args:
        address: the shop.
        client_id: of the app.
        client_secret: of the app.
        clock: aware UTC time.
        sleep: waits the given seconds.
        timeout: seconds to connect and to read.
    """

    address: ShopAddress
    client_id: str
    client_secret: str = field(repr=False)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    timeout: tuple[float, float] = TIMEOUT

    def ask(self, grant: Mapping[str, str]) -> StoredToken:
        """Ask for a token, repeating after network failures and server errors.

        Args:
            grant: the form fields besides the client's id and secret, for example ``grant_type`` or ``code``.

        Returns:
            The new token.

        Raises:
            SyncError: SYNC-313 when the grant has ended, SYNC-304 when no proper answer came.
        """
        form = {"client_id": self.client_id, "client_secret": self.client_secret, **grant}
        trouble = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.sleep(0.5 * 2 ** (attempt - 1))
            try:
                with new_session(self.address) as session:
                    url = self.address.base_url + ENDPOINT_PATH
                    response = session.post(url, data=form, timeout=self.timeout, allow_redirects=False)
            except requests.RequestException as error:
                # The text of the exception may quote the request, so only its kind is kept.
                trouble = type(error).__name__
                continue
            body = _object(response)
            if response.status_code == 200 and isinstance(body.get("access_token"), str):
                return self._read(body)
            if response.status_code >= 500 or response.status_code in (200, 429):
                trouble = f"HTTP {response.status_code}"
                continue
            reason = str(body.get("error", ""))
            raise SyncError(
                SHOPIFY_GRANT,
                f"the token endpoint of {self.address.shop} answered HTTP {response.status_code} {reason}".rstrip(),
                rule=reason or None,
            )
        raise SyncError(
            SHOPIFY_UNAVAILABLE, f"the token endpoint of {self.address.shop} failed {ATTEMPTS} times: {trouble}"
        )

    def _read(self, body: Mapping[str, Any]) -> StoredToken:
        now = self.clock()

        def ends(key: str) -> datetime | None:
            seconds = body.get(key)
            return now + timedelta(seconds=float(seconds)) if seconds is not None else None

        return StoredToken(
            access_token=body["access_token"],
            expires_at=ends("expires_in"),
            refresh_token=body.get("refresh_token"),
            refresh_expires_at=ends("refresh_token_expires_in"),
            scopes=tuple(scope.strip() for scope in str(body.get("scope", "")).split(",") if scope.strip()),
        )


def _object(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except requests.RequestException:
        return {}
    return body if isinstance(body, dict) else {}


@dataclass(slots=True)
class _RenewingToken:
    """Common part: take the stored token while it is good, renew it under the shop's lock when it is not."""

    endpoint: TokenEndpoint
    store: TokenStore
    early: timedelta = timedelta(minutes=5)
    _last: StoredToken | None = field(default=None, init=False, repr=False)

    def token(self) -> str:
        """Return an access token that is good for at least `early`."""
        # Kept in memory so that not each call asks the store; one that another process has replaced earns a 401.
        if not self._is_good(self._last):
            self._last = self.store.get(self.endpoint.address.shop)
        if self._last is not None and self._is_good(self._last):
            return self._last.access_token
        return self._renewed(refused=None)

    def renew(self, refused: str) -> str | None:
        """Return the token another worker has fetched meanwhile, or a new one."""
        return self._renewed(refused)

    def _is_good(self, stored: StoredToken | None) -> bool:
        if stored is None:
            return False
        return stored.expires_at is None or stored.expires_at - self.endpoint.clock() > self.early

    def _renewed(self, refused: str | None) -> str:
        with self.store.lock(self.endpoint.address.shop) as lock:
            stored = lock.get()
            if stored is None or stored.access_token == refused or not self._is_good(stored):
                stored = self.endpoint.ask(self._grant(stored))
                lock.replace(stored)
        self._last = stored
        return stored.access_token

    def _grant(self, stored: StoredToken | None) -> Mapping[str, str]:
        raise NotImplementedError


class ClientCredentials(_RenewingToken):
    """Tokens of an app of the shop's own organisation (Shopify: they live about a day and are asked for anew).

    Args:
        endpoint: the shop's token endpoint.
        store: shared between processes, so that not each task asks for a token.
        early: how long before its end a token is renewed.
    """

    def _grant(self, stored: StoredToken | None) -> Mapping[str, str]:  # noqa: ARG002 - nothing of it is needed
        return {"grant_type": "client_credentials"}


class OAuthToken(_RenewingToken):
    """Offline tokens of an app the merchant has installed; expiring ones are refreshed, others are used as they are.

    Args:
        endpoint: the shop's token endpoint.
        store: holds what the authorization has granted.
        early: how long before its end a token is renewed.
    """

    def _grant(self, stored: StoredToken | None) -> Mapping[str, str]:
        shop = self.endpoint.address.shop
        if stored is None:
            raise SyncError(SHOPIFY_TOKEN, f"no token is stored for {shop}: the shop was never connected")
        if stored.refresh_token is None:
            raise SyncError(SHOPIFY_TOKEN, f"Shopify refuses the stored token of {shop} and it cannot be refreshed")
        return {"grant_type": "refresh_token", "refresh_token": stored.refresh_token}
