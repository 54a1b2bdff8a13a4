"""Random secrets of the kinds Airflow and its databases take; any Python can make them: standard library only."""

from __future__ import annotations

import base64
import secrets


def fernet_key() -> str:
    """Return a new key for `cryptography.fernet`: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def signing_secret() -> str:
    """Return a new secret for JWTs; RFC 7518, 3.2: a key for HS512 has at least 64 bytes."""
    return secrets.token_urlsafe(64)


def password() -> str:
    """Return a new password for a service: letters, digits, `-` and `_`, safe in a URL."""
    return secrets.token_urlsafe(24)


def typed_password() -> str:
    """Return a new password short enough to type: ten hexadecimal digits."""
    return secrets.token_hex(5)
