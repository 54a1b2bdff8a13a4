"""What the receiver needs to know: the store, whom it serves, and the secrets that prove who delivers."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.records import System
from shopify_fw360.shopify.address import SHOP_DOMAIN
from shopify_fw360.store import Store
from shopify_fw360.store.sealing import unseal
from shopify_fw360.sync.connections import SHOPIFY, STORE, environment_connection, store_url, webhook_identity

log = logging.getLogger(__name__)

KEEP_SECONDS: Final = 15.0
"""How long what was read is used before it is read again."""

AGAIN_SECONDS: Final = 1.0
"""How soon it may be read again because a token is not known."""


@dataclass(frozen=True, slots=True)
class SiteKey:
    """What proves a delivery of Framework360.

    Args:
        token_digest: of the token in the path.
        signing_secret: of its signatures, None if deliveries are not signed or we cannot read the secret.
    """

    token_digest: str
    signing_secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Serving:
    """What the receiver serves.

    Args:
        store: where events go.
        shop: permanent domain of the shop, empty if Shopify is not set up.
        secrets: client secrets of the app, two while Shopify rotates them.
        site_keys: of the subscriptions made with Framework360.
    """

    store: Store
    shop: str
    secrets: tuple[bytes, ...] = field(repr=False)
    site_keys: tuple[SiteKey, ...] = ()


def serving(store: Store, shop: str, secrets: tuple[bytes, ...]) -> Serving:
    """Put together what the receiver serves, with the keys of Framework360 that are in the store.

    Args:
        store: with its encryption key, or without; signatures of Framework360 are then not checked.
        shop: permanent domain of the shop.
        secrets: client secrets of the app.

    Raises:
        SyncError: SYNC-501 if the store fails.
    """
    with store.read() as tx:
        made = tx.subscriptions(System.FRAMEWORK360)
    keys = [
        SiteKey(subscription.token_digest, _signing_secret(store, subscription.secret))
        for subscription in made
        if subscription.token_digest is not None
    ]
    return Serving(store, shop, secrets, tuple(keys))


def _signing_secret(store: Store, sealed: str | None) -> str | None:
    if sealed is None or not store.encryption_key:
        return None
    return unseal(store.encryption_key, sealed).get("signing")


class EnvironmentServing:
    """Reads what a receiver that runs alone serves from environment variables.

    ``SYNC_STORE_URL``, ``SYNC_SHOP`` and ``SYNC_SHOPIFY_SECRETS`` (one or two client secrets, separated by commas), or
    in place of them the connections ``AIRFLOW_CONN_SYNC_STORE`` and ``AIRFLOW_CONN_SHOPIFY_DEFAULT`` in JSON form.
    ``SYNC_PAIR_ID`` (``default``). ``SYNC_ENCRYPTION_KEY``, Airflow's Fernet key, only for checking signatures of
    Framework360.

    Args:
        environment: the variables.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._store: Store | None = None

    def __call__(self) -> Serving:
        """Return what is served.

        Raises:
            SyncError: SYNC-106 naming the variable that is missing or wrong; SYNC-501 if the store fails.
        """
        shop, secrets = self._shopify()
        if self._store is None:
            self._store = self._open()
        return serving(self._store, shop, secrets)

    def _open(self) -> Store:
        url = self._environment.get("SYNC_STORE_URL")
        if not url:
            connection = environment_connection(STORE, self._environment)
            if connection is None:
                raise _missing("SYNC_STORE_URL", "the SQLAlchemy URL of the store")
            url = store_url(connection)
        return Store.open(
            url,
            pair_id=self._environment.get("SYNC_PAIR_ID") or "default",
            encryption_key=self._environment.get("SYNC_ENCRYPTION_KEY") or None,
        )

    def _shopify(self) -> tuple[str, tuple[bytes, ...]]:
        shop = self._environment.get("SYNC_SHOP", "").strip().lower()
        texts = self._environment.get("SYNC_SHOPIFY_SECRETS", "").split(",")
        secrets = tuple(text.strip().encode() for text in texts if text.strip())
        connection = environment_connection(SHOPIFY, self._environment)
        if connection is not None and not (shop and secrets):
            return webhook_identity(connection)
        if not SHOP_DOMAIN.fullmatch(shop):
            raise _missing("SYNC_SHOP", "the permanent domain of the shop, yourshop.myshopify.com")
        if not secrets:
            raise _missing("SYNC_SHOPIFY_SECRETS", "the client secret of the app")
        return shop, secrets


def _missing(name: str, what: str) -> SyncError:
    return SyncError(CONNECTION_INVALID, f"the environment variable {name} must hold {what}", field=name)


class Kept:
    """Keeps what the receiver serves for a while, so that a delivery asks nobody.

    What a person changes acts within seconds. While it cannot be read again, what was read before goes on being used.

    Args:
        load: reads it; blocks, may raise SyncError.
        clock: seconds that only go forward.
    """

    def __init__(self, load: Callable[[], Serving], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._serving: Serving | None = None
        self._loaded_at = float("-inf")
        self._loading: asyncio.Task[None] | None = None

    async def get(self, *, fresh: bool = False) -> Serving:
        """Return what is served.

        Args:
            fresh: read it again if that was not done just now, because something in it seems to be missing.

        Raises:
            SyncError: it could never be read.
        """
        age = self._clock() - self._loaded_at
        if self._serving is None or (fresh and age > AGAIN_SECONDS):
            await self._reload()
        elif age > KEEP_SECONDS:
            self._start()
        if self._serving is None:
            raise SyncError(CONNECTION_INVALID, "the settings of the receiver could not be read")
        return self._serving

    async def _reload(self) -> None:
        await asyncio.shield(self._start())

    def _start(self) -> asyncio.Task[None]:
        if self._loading is None or self._loading.done():
            self._loading = asyncio.get_running_loop().create_task(self._read())
        return self._loading

    async def _read(self) -> None:
        # Also after a failure: a store that does not answer must not be asked by every delivery.
        self._loaded_at = self._clock()
        try:
            self._serving = await asyncio.to_thread(self._load)
        except SyncError as error:
            log.warning("the settings of the receiver could not be read again: %s", error)
            if self._serving is None:
                raise
