"""Where a site is and how we show the key: validation of the connection's host and password."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.framework360 import wire

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.IGNORECASE)
_KEY = re.compile(r"[!-~]{1,512}")


def api_url(host: str) -> str:
    """Make the base URL of all calls.

    Args:
        host: ``<name>.framework360.site``, an own domain, or a full base URL; a path other than the API's is refused.

    Returns:
        For example ``https://demo.framework360.site/m/api``.

    Raises:
        SyncError: SYNC-106 for anything that is not such a host, and for plain http beyond this machine.
    """
    given = host.strip()
    try:
        parts = urlsplit(given if "://" in given else f"https://{given}")
        name, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _invalid("the host cannot be read as an address") from error
    if parts.scheme not in {"https", "http"} or parts.username or parts.password or parts.query or parts.fragment:
        raise _invalid("the host must be a plain host name or https address, without login or query")
    if parts.path.rstrip("/") not in {"", wire.API_ROOT}:
        raise _invalid(f"the host must have no path (the calls live under {wire.API_ROOT})")
    if not _is_ip(name) and not _HOST.fullmatch(_ascii(name)):
        raise _invalid(f"{name!r} is no host name")
    if parts.scheme == "http" and not _is_loopback(name):
        raise _invalid("plain http is accepted for this machine only; use https")
    netloc = f"[{name}]" if ":" in name else _ascii(name)
    return f"{parts.scheme}://{netloc}{f':{port}' if port else ''}{wire.API_ROOT}"


def api_key(password: str | None) -> str:
    """Check the API key; it is opaque, but must fit into a header.

    Raises:
        SyncError: SYNC-106 if it is missing or has blanks or non-ASCII characters.
    """
    key = (password or "").strip()
    if not _KEY.fullmatch(key):
        raise _invalid("the password must hold the site's API key, without blanks")
    return key


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return name == "localhost" or (_is_ip(name) and ipaddress.ip_address(name).is_loopback)


def _ascii(name: str) -> str:
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _invalid(problem: str) -> SyncError:
    return SyncError(CONNECTION_INVALID, f"connection framework360_default: {problem}", rule="host and key")
