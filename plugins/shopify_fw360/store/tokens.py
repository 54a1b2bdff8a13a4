"""Encrypted tokens, one per shop, and the lock that lets only one process refresh them."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

from cryptography.fernet import InvalidToken, MultiFernet
from sqlalchemy import or_, select, update

from shopify_fw360.errors import CONNECTION_INVALID, LEASE_LOST, STORE_UNAVAILABLE, SyncError
from shopify_fw360.store.codec import dump_json, load_json
from shopify_fw360.store.database import Store
from shopify_fw360.store.sealing import cipher
from shopify_fw360.store.tables import shop_token

T = TypeVar("T")

_row = shop_token.c

LOCK_SECONDS: Final = 180.0
"""Longer than a refresh with all its repetitions takes; a process that dies blocks refreshes no longer than that."""

_PATIENCE_SECONDS: Final = 2 * LOCK_SECONDS
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True)  # without slots, which break TokenVault[SomeToken](...): it writes an attribute
class TokenVault(Generic[T]):
    """Tokens of all shops of the pair; fits the protocol ``TokenStore`` of the Shopify client.

    The lock is a lease in the shop's row and not a database lock, because a refresh waits for the network: a database
    lock would keep all writers of an SQLite store waiting, and a new token must be committed before the lock ends.

    Args:
        store: with an encryption key.
        dump: turns a token into JSON values (times may stay times).
        load: makes a token of what ``dump`` returned (times are ISO text then).
        lock_seconds: after this time the lock of a process that died is free.
    """

    store: Store
    dump: Callable[[T], Mapping[str, Any]]
    load: Callable[[Mapping[str, Any]], T]
    lock_seconds: float = LOCK_SECONDS
    _cipher: MultiFernet = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cipher", cipher(self.store.encryption_key))

    def get(self, shop: str) -> T | None:
        """Return the token of a shop without waiting for a refresh that is going on.

        Args:
            shop: the shop's address without scheme.

        Returns:
            The token, None if there is none.

        Raises:
            SyncError: SYNC-106 if none of the keys opens it, SYNC-501 if the database fails.
        """
        with self.store.read() as tx:
            secret = tx.scope.connection.scalar(select(_row.secret).where(tx.scope.mine(shop_token), _row.shop == shop))
        return None if secret is None else self._open(shop, secret)

    def put(self, shop: str, token: T) -> None:
        """Store the token a new authorization has granted, whoever holds the lock; the shop lets us in again."""
        with self.store.begin() as tx:
            tx.reconnect()
            insert = tx.scope.insert(shop_token)
            tx.scope.connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["pair_id", "shop"],
                    set_={"secret": insert.excluded.secret, "changed_at": insert.excluded.changed_at},
                ),
                {
                    "pair_id": tx.scope.pair_id,
                    "shop": shop,
                    "secret": self._seal(token),
                    "changed_at": tx.scope.clock(),
                },
            )

    def remove(self, shop: str) -> None:
        """Forget the token of a shop."""
        with self.store.begin() as tx:
            tx.scope.connection.execute(shop_token.delete().where(tx.scope.mine(shop_token), _row.shop == shop))

    @contextmanager
    def lock(self, shop: str) -> Iterator[TokenLease[T]]:
        """Wait until nobody else refreshes the token of this shop, in this or any other process.

        Args:
            shop: the shop's address without scheme.

        Yields:
            Access to the token.

        Raises:
            SyncError: SYNC-501 if the lock does not become free.
        """
        holder = uuid.uuid4().hex
        give_up_at = time.monotonic() + max(_PATIENCE_SECONDS, 2 * self.lock_seconds)
        while not self._take(shop, holder):
            if time.monotonic() > give_up_at:
                raise SyncError(STORE_UNAVAILABLE, f"the token of {shop} stays locked by other processes")
            time.sleep(_POLL_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - no secret depends on it
        try:
            yield TokenLease(self, shop, holder)
        finally:
            self._let_go(shop, holder)

    def rotate(self) -> int:
        """Encrypt all tokens with the newest key.

        Returns:
            Number of tokens.

        Raises:
            SyncError: SYNC-106 if none of the keys opens one of them; then none is changed.
        """
        with self.store.begin() as tx:
            rows = tx.scope.connection.execute(
                select(_row.shop, _row.secret)
                .where(tx.scope.mine(shop_token), _row.secret.is_not(None))
                .with_for_update()
            ).all()
            for shop, secret in rows:
                tx.scope.connection.execute(
                    update(shop_token)
                    .where(tx.scope.mine(shop_token), _row.shop == shop)
                    .values(secret=self._seal(self._open(shop, secret)))
                )
        return len(rows)

    def replace_held(self, shop: str, holder: str, token: T) -> None:
        """Store a token under a lock; raise SYNC-502 if the lock has expired and another process took it."""
        with self.store.begin() as tx:
            stored = tx.scope.connection.execute(
                update(shop_token)
                .where(tx.scope.mine(shop_token), _row.shop == shop, _row.locked_by == holder)
                .values(secret=self._seal(token), changed_at=tx.scope.clock())
            ).rowcount
        if not stored:
            raise SyncError(
                LEASE_LOST, f"another process refreshes the token of {shop}", rule="one refresh per shop at a time"
            )

    def _take(self, shop: str, holder: str) -> bool:
        with self.store.begin() as tx:
            now = tx.scope.clock()
            insert = tx.scope.insert(shop_token)
            taken = tx.scope.connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["pair_id", "shop"],
                    set_={"locked_by": insert.excluded.locked_by, "locked_until": insert.excluded.locked_until},
                    where=or_(_row.locked_by.is_(None), _row.locked_until <= now),
                ).returning(_row.shop),
                {
                    "pair_id": tx.scope.pair_id,
                    "shop": shop,
                    "locked_by": holder,
                    "locked_until": now + timedelta(seconds=self.lock_seconds),
                    "changed_at": now,
                },
            ).all()
        return bool(taken)

    def _let_go(self, shop: str, holder: str) -> None:
        with self.store.begin() as tx:
            tx.scope.connection.execute(
                update(shop_token)
                .where(tx.scope.mine(shop_token), _row.shop == shop, _row.locked_by == holder)
                .values(locked_by=None, locked_until=None)
            )

    def _seal(self, token: T) -> str:
        return self._cipher.encrypt(dump_json(self.dump(token)).encode()).decode()

    def _open(self, shop: str, secret: str) -> T:
        try:
            return self.load(load_json(self._cipher.decrypt(secret.encode()).decode()))
        except InvalidToken:
            raise SyncError(
                CONNECTION_INVALID,
                f"none of the encryption keys opens the stored token of {shop}: "
                "add the key it was stored with behind the newest one, or connect the shop again",
                field="encryption_key",
            ) from None


@dataclass(frozen=True)
class TokenLease(Generic[T]):
    """Exclusive access to the token of one shop; fits the protocol ``TokenLock`` of the Shopify client.

    Args:
        vault: holds the token.
        shop: the shop's address without scheme.
        holder: name of the lock's holder.
    """

    vault: TokenVault[T]
    shop: str
    holder: str

    def get(self) -> T | None:
        """Return the token as it is now."""
        return self.vault.get(self.shop)

    def replace(self, token: T) -> None:
        """Store a new token; committed when this returns; raise SYNC-502 if the lock was lost."""
        self.vault.replace_held(self.shop, self.holder, token)
