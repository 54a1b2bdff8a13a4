"""The authorization code grant: where the merchant is sent, and what makes a callback credible.

Shopify (authorization code grant): the callback carries ``code``, ``hmac``, ``host``, ``shop``, ``state`` and
``timestamp``; the list may grow. The HMAC-SHA256 of all parameters but ``hmac``, sorted and url-encoded, is made with
the client secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode

from shopify_fw360.records import DeliveryRefusedError
from shopify_fw360.shopify.address import SHOP_DOMAIN, ShopAddress
from shopify_fw360.shopify.auth import StoredToken, TokenEndpoint

AUTHORIZE_PATH: Final = "/admin/oauth/authorize"
LONGEST: Final = 4096
"""Bytes of a callback's query; Shopify's have some 400."""

FRESH: Final = timedelta(minutes=5)
"""Age beyond which a callback is not taken: the browser comes straight from Shopify."""

AHEAD: Final = timedelta(minutes=1)
"""How far Shopify's clock may be ahead of ours."""

_MOST_PARAMETERS: Final = 30
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_DIGITS: Final = re.compile(r"[0-9]{1,10}")
_HOSTS: Final = re.compile(
    r"(admin\.shopify\.com/store/[a-zA-Z0-9\-]+|[a-zA-Z0-9][a-zA-Z0-9\-]*\.myshopify\.com/admin)/?"
)


@dataclass(frozen=True, slots=True)
class Callback:
    """What Shopify says about an authorization.

    Args:
        shop: permanent domain in lower case.
        state: that was sent to Shopify.
        code: to be exchanged for a token; empty if none was granted.
        error: why none was granted, ``access_denied``; empty if one was.
    """

    shop: str
    state: str = field(repr=False)
    code: str = field(default="", repr=False)
    error: str = ""


def authorization_url(
    address: ShopAddress, client_id: str, scopes: Sequence[str], redirect_uri: str, state: str
) -> str:
    """Return where the merchant's browser is sent to consent.

    Args:
        address: of the shop, checked.
        client_id: of the app.
        scopes: access scopes asked for.
        redirect_uri: our callback; one of the URLs the app allows.
        state: random text that comes back.
    """
    query = {"client_id": client_id, "scope": ",".join(scopes), "redirect_uri": redirect_uri, "state": state}
    return f"{address.base_url}{AUTHORIZE_PATH}?{urlencode(query)}"


def is_authentic_query(secrets: Sequence[bytes], query: str) -> bool:
    """Whether a query string was signed with one of the secrets; takes the same time whichever it is, if any.

    Args:
        secrets: client secrets of the app, two while Shopify rotates them.
        query: as received.
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    given = [value for name, value in pairs if name == "hmac"]
    if len(given) != 1 or not _HEX.fullmatch(given[0]):
        return False
    text = urlencode(sorted((name, value) for name, value in pairs if name not in ("hmac", "signature")))
    found = False
    for secret in secrets:
        found |= hmac.compare_digest(hmac.new(secret, text.encode(), hashlib.sha256).hexdigest(), given[0])
    return found


def read_callback(query: bytes, secrets: Sequence[bytes], now: datetime) -> Callback:
    """Check that a callback comes from Shopify, just now, and read it.

    Args:
        query: query string as received.
        secrets: client secrets of the app.
        now: aware time.

    Returns:
        What it says. Whether its state is ours and its shop the one that was asked for is still to be checked.

    Raises:
        DeliveryRefusedError: ``malformed``, ``signature``, ``stale`` or ``shop``.
    """
    try:
        text = query.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict")
    except ValueError as error:
        raise DeliveryRefusedError("malformed", "the query cannot be read") from error
    given = dict(pairs)
    if len(query) > LONGEST or len(given) != len(pairs):
        raise DeliveryRefusedError("malformed", "the query is too long, or names a parameter twice")
    if not is_authentic_query(secrets, text):
        raise DeliveryRefusedError("signature", "the query is not signed with the client secret")
    _require_fresh(given.get("timestamp", ""), now)
    shop = given.get("shop", "")
    if not SHOP_DOMAIN.fullmatch(shop) or not _is_of_shopify(given.get("host")):
        raise DeliveryRefusedError("shop", "the shop or host is not Shopify's")
    code, error_text = given.get("code", ""), given.get("error", "")
    if not given.get("state") or bool(code) == bool(error_text):
        raise DeliveryRefusedError("malformed", "the query has no state, or neither a code nor an error")
    return Callback(shop.lower(), given["state"], code, error_text)


def _require_fresh(timestamp: str, now: datetime) -> None:
    if not _DIGITS.fullmatch(timestamp):
        raise DeliveryRefusedError("malformed", "the query has no timestamp")
    age = now - datetime.fromtimestamp(int(timestamp), UTC)
    if not -AHEAD <= age <= FRESH:
        raise DeliveryRefusedError("stale", f"the query was made {age} ago")


def _is_of_shopify(host: str | None) -> bool:
    """Whether ``host``, the admin in URL-safe base64, is one of Shopify's addresses; it may be left out."""
    if host is None:
        return True
    try:
        decoded = base64.urlsafe_b64decode(host + "=" * (-len(host) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return _HOSTS.fullmatch(decoded) is not None


def redeem(endpoint: TokenEndpoint, code: str) -> StoredToken:
    """Exchange the code of a callback for an expiring offline token with its refresh token.

    Args:
        endpoint: of the shop.
        code: good once, for a short time.

    Raises:
        SyncError: SYNC-313 if the code is not accepted, SYNC-304 when no proper answer came.
    """
    return endpoint.ask({"code": code, "expiring": "1"})
