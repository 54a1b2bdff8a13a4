"""Secrets as sealed text, readable only with the encryption key of the store."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.store.codec import dump_json, load_json


def cipher(keys: str | None) -> MultiFernet:
    """Return what encrypts with the first key and decrypts with each.

    Args:
        keys: one or more Fernet keys separated by commas, the newest first.

    Raises:
        SyncError: SYNC-106 if there is none or one is no Fernet key.
    """
    texts = [key.strip() for key in (keys or "").split(",") if key.strip()]
    if not texts:
        raise SyncError(CONNECTION_INVALID, "the store has no encryption key for tokens", field="encryption_key")
    try:
        return MultiFernet([Fernet(key) for key in texts])
    except ValueError:
        raise SyncError(
            CONNECTION_INVALID,
            "an encryption key is not a Fernet key (32 bytes in URL-safe base64)",
            field="encryption_key",
        ) from None


def seal(keys: str | None, secrets: Mapping[str, str | None]) -> str:
    """Encrypt secrets; raise SYNC-106 as ``cipher``."""
    return cipher(keys).encrypt(dump_json(secrets).encode()).decode()


def unseal(keys: str | None, text: str) -> dict[str, str | None]:
    """Decrypt what ``seal`` made; raise SYNC-106 if none of the keys opens it."""
    try:
        opened: dict[str, str | None] = load_json(cipher(keys).decrypt(text.encode()).decode())
    except InvalidToken:
        raise SyncError(
            CONNECTION_INVALID,
            "none of the encryption keys opens a secret of the store: add the key it was stored with behind the newest",
            field="encryption_key",
        ) from None
    return opened
