"""Where a shop is: validation of the address a person or Shopify gives us."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from shopify_fw360.errors import CONNECTION_INVALID, SyncError

SHOP_DOMAIN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-]*\.myshopify\.com")
"""Shopify: the pattern of a shop's permanent domain, to be matched on the whole string."""


@dataclass(frozen=True, slots=True)
class ShopAddress:
    """A checked address.

    Args:
        shop: key of the shop in stores and budgets: its permanent domain, or host and port of a sandbox.
        base_url: scheme and host without a trailing slash.
    """

    shop: str
    base_url: str


def shop_address(host: str | None) -> ShopAddress:
    """Check the host of a connection before any secret is sent to it.

    Args:
        host: ``<shop>.myshopify.com``, or a full base URL of a server on this machine (the sandbox).

    Returns:
        The address; the shop in lower case.

    Raises:
        SyncError: SYNC-106 if it is neither.
    """
    text = (host or "").strip()
    if SHOP_DOMAIN.fullmatch(text):
        return ShopAddress(text.lower(), f"https://{text.lower()}")
    if "://" in text:
        try:
            parts = urlsplit(text)
            port = f":{parts.port}" if parts.port else ""
        except ValueError as error:
            raise _refused(text) from error
        plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username or parts.password)
        if parts.scheme in ("http", "https") and plain and parts.hostname and _is_loopback(parts.hostname):
            name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            return ShopAddress(f"{name}{port}", f"{parts.scheme}://{name}{port}")
    raise _refused(text)


def typed_address(text: str) -> ShopAddress:
    """Read the address of a shop as people write it.

    Args:
        text: the permanent domain, its first part, or an address copied from the shop or its admin; or the base URL of
            the sandbox.

    Returns:
        The address.

    Raises:
        SyncError: SYNC-106 if it tells no permanent domain; the address a shop shows its customers does not.
    """
    given = text.strip()
    if _NAME.fullmatch(given):
        return shop_address(f"{given}.myshopify.com")
    try:
        parts = urlsplit(given if "://" in given else f"https://{given}")
        host = (parts.hostname or "").lower()
        plain = not (parts.username or parts.password or parts.port)
    except ValueError as error:
        raise _refused(given) from error
    if plain and host == "admin.shopify.com":
        found = _ADMIN_PATH.match(parts.path)
        return shop_address(f"{found[1]}.myshopify.com" if found else given)
    return shop_address(host if plain and SHOP_DOMAIN.fullmatch(host) else given)


_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-]*")
_ADMIN_PATH = re.compile(r"/store/([a-zA-Z0-9][a-zA-Z0-9\-]*)(/|$)")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(text: str) -> SyncError:
    return SyncError(
        CONNECTION_INVALID,
        f"{text!r} is not the permanent domain of a shop (yourshop.myshopify.com)",
        field="host",
        rule="only <shop>.myshopify.com, or a base URL on this machine for the sandbox",
    )
