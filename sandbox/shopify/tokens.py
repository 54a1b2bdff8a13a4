"""Access tokens of the one app that is installed in the shop.

Shopify (section "OAuth" of the documentation): expiring offline tokens come with a rotating refresh token; only one
expiring offline token per app and shop is active; the previous refresh token may be replayed until its replacement is
used the first time; client credentials tokens live 86,399 seconds and are asked for again.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

STATIC_TOKEN = "sandbox-token"  # noqa: S105 - the documented token of a local stand-in
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - as above
REFRESH_SECONDS = 7_776_000
CLIENT_CREDENTIALS_SECONDS = 86_399
CODE_SECONDS = 60
ALL_SCOPES = (
    *(
        f"{kind}_{area}"
        for area in (
            "customers",
            "customer_merge",
            "products",
            "inventory",
            "orders",
            "publications",
            "files",
            "content",
            "returns",
            "fulfillments",
            "merchant_managed_fulfillment_orders",
            "assigned_fulfillment_orders",
            "third_party_fulfillment_orders",
            "payment_terms",
            "discounts",
            "draft_orders",
            "markets",
            "metaobjects",
            "metaobject_definitions",
            "shipping",
            "themes",
            "locales",
            "taxes",
            "own_subscription_contracts",
            "order_edits",
            "companies",
            "inventory_transfers",
            "inventory_shipments",
            "product_listings",
        )
        for kind in ("read", "write")
    ),
    "read_locations",
    "read_all_orders",
)


@dataclass(slots=True)
class AccessToken:
    """One access token; `expires` on the wall clock, None for never."""

    value: str
    scopes: tuple[str, ...]
    expires: float | None


@dataclass(slots=True)
class _Refresh:
    scopes: tuple[str, ...]
    expires: float
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What the token endpoint hands out; `refresh_token` only for expiring offline tokens."""

    access: AccessToken
    refresh_token: str | None = None


class Tokens:
    """All live tokens.

    Args:
        scopes: scopes of the static token and of new ones, comma separated, "*" for all.
    """

    def __init__(self, scopes: str) -> None:
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, _Refresh] = {}
        self._codes: dict[str, tuple[tuple[str, ...], float]] = {}
        self._offline: str | None = None
        self.grant_scopes(scopes)

    def grant_scopes(self, scopes: str) -> None:
        """Set the scopes of every live token and of those issued from now on."""
        self.scopes = parse_scopes(scopes)
        self._access[STATIC_TOKEN] = AccessToken(STATIC_TOKEN, self.scopes, None)
        for token in self._access.values():
            token.scopes = self.scopes
        for refresh in self._refresh.values():
            refresh.scopes = self.scopes

    def revoke_all(self) -> None:
        """End every token, as an uninstallation does."""
        self._access.clear()
        self._refresh.clear()
        self._codes.clear()

    def check(self, value: str | None) -> AccessToken | None:
        """Return the live token of this value."""
        token = self._access.get(value or "")
        if token is None or (token.expires is not None and token.expires <= time.time()):
            return None
        return token

    def client_credentials(self) -> Grant:
        """Issue a token of the client credentials grant."""
        return Grant(self._issue(self.scopes, CLIENT_CREDENTIALS_SECONDS))

    def authorize(self, scopes: Iterable[str]) -> str:
        """Issue an authorization code for what the merchant granted."""
        code = secrets.token_hex(16)
        self._codes[code] = (tuple(scopes), time.time() + CODE_SECONDS)
        return code

    def redeem(self, code: str, lifetime: int | None) -> Grant | None:
        """Exchange a code, once; `lifetime` in seconds makes an expiring token with a refresh token."""
        scopes, expires = self._codes.pop(code, ((), 0.0))
        if expires <= time.time():
            return None
        if lifetime is None:
            return Grant(self._issue(scopes, None))
        return self._pair(scopes, lifetime)

    def migrate(self, value: str, lifetime: int) -> Grant | None:
        """Exchange a living non-expiring token for an expiring one; the old one ends."""
        old = self.check(value)
        if old is None or old.expires is not None:
            return None
        del self._access[value]
        return self._pair(old.scopes, lifetime)

    def refresh(self, value: str, lifetime: int) -> Grant | None:
        """Rotate a refresh token; the one before stays usable until its successor is used."""
        entry = self._refresh.get(value)
        if entry is None or entry.expires <= time.time():
            return None
        for name, other in list(self._refresh.items()):
            if other.successor == value:
                del self._refresh[name]
        if entry.successor is not None:
            self._refresh.pop(entry.successor, None)
        grant = self._pair(entry.scopes, lifetime)
        entry.successor = grant.refresh_token
        return grant

    def expire(self) -> int:
        """Let every expiring access token be over now; returns how many."""
        ending = [token for token in self._access.values() if token.expires is not None]
        for token in ending:
            token.expires = 0.0
        return len(ending)

    def _pair(self, scopes: tuple[str, ...], lifetime: int) -> Grant:
        if self._offline is not None:
            self._access.pop(self._offline, None)
        access = self._issue(scopes, lifetime)
        self._offline = access.value
        refresh_token = f"shprt_{secrets.token_hex(16)}"
        self._refresh[refresh_token] = _Refresh(scopes, time.time() + REFRESH_SECONDS)
        return Grant(access, refresh_token)

    def _issue(self, scopes: tuple[str, ...], lifetime: int | None) -> AccessToken:
        expires = None if lifetime is None else time.time() + lifetime
        token = AccessToken(f"shpat_{secrets.token_hex(16)}", scopes, expires)
        self._access[token.value] = token
        return token


def parse_scopes(text: str) -> tuple[str, ...]:
    """Return the scopes of a comma separated list; "*" is every scope the sandbox knows."""
    if text.strip() == "*":
        return ALL_SCOPES
    return tuple(scope.strip() for scope in text.split(",") if scope.strip())
