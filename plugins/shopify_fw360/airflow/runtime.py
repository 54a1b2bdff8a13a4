"""The pair as Airflow describes it: connections, the Variable with the settings, the mapping files of the project."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from shopify_fw360.airflow.connections import (
    FRAMEWORK360,
    SHOPIFY,
    STORE,
    AirflowConnection,
    airflow_connection,
    framework360_client,
    shopify_client,
    store_url,
    token_vault,
    webhook_identity,
)
from shopify_fw360.errors import MAPPING_INVALID, SyncError
from shopify_fw360.records import Origin
from shopify_fw360.settings import SyncSettings
from shopify_fw360.shopify.access import ShopAccess
from shopify_fw360.shopify.budget import SharedBudget
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.store import LockedState, Store
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.record_pages import RecordPages, record_pages
from shopify_fw360.sync.wiring import build_pair, load_mappings

SETTINGS_VARIABLE: Final = "sync_settings"
MAPPINGS_VARIABLE: Final = "SYNC_MAPPINGS_DIR"
"""Environment variable that moves the mapping files away from ``include/mappings`` beside the plugins folder."""


def mappings_directory() -> Path:
    """Return the folder of the mapping files.

    Raises:
        SyncError: SYNC-101 if it does not exist.
    """
    default = Path(__file__).parents[3] / "include" / "mappings"
    directory = Path(os.environ.get(MAPPINGS_VARIABLE) or default)
    if not directory.is_dir():
        raise SyncError(
            MAPPING_INVALID, f"there is no folder {directory}; the variable {MAPPINGS_VARIABLE} names another"
        )
    return directory


def read_settings() -> SyncSettings:
    """Return the settings of the Variable ``sync_settings``, all defaults without one.

    Raises:
        SyncError: SYNC-105 naming each wrong key.
    """
    from airflow.sdk import Variable

    return SyncSettings.parse(Variable.get(SETTINGS_VARIABLE, default=None))


def read_pair_id() -> str:
    """Return the pair's name from the Variable ``sync_settings``, even where another setting is wrong.

    Raises:
        SyncError: SYNC-105 if it cannot be read.
    """
    from airflow.sdk import Variable

    return SyncSettings.pair_id_of(Variable.get(SETTINGS_VARIABLE, default=None))


def new_store(pair_id: str) -> Store:
    """Open the store of connection ``sync_store`` and bring its schema to this version.

    Args:
        pair_id: the pair's name.

    Returns:
        The store, to be closed by the caller; its tokens are encrypted with Airflow's Fernet keys.

    Raises:
        SyncError: SYNC-106 for a wrong connection, SYNC-501 if the database fails.
    """
    from airflow.sdk.configuration import conf

    key = conf.get("core", "fernet_key", fallback="") or None
    store = Store.open(store_url(airflow_connection(STORE)), pair_id=pair_id, encryption_key=key)
    try:
        store.check()
    except SyncError:
        # Either the schema is missing or old, or upgrading fails for the same reason and says so.
        try:
            store.upgrade()
        except SyncError:
            store.close()
            raise
    return store


def new_shopify_client(store: Store, lane: Origin = Origin.POLL) -> ShopifyClient:
    """Build the client of connection ``shopify_default`` with tokens and cost budget kept in the store.

    Args:
        store: of the pair.
        lane: priority of its calls in the shop's budget.

    Raises:
        SyncError: SYNC-106 naming the field.
    """
    tokens = token_vault(store) if store.encryption_key else None
    budget = SharedBudget(LockedState(store))
    return shopify_client(airflow_connection(SHOPIFY), tokens, budget, lane, clock=store.clock)


@contextmanager
def open_store() -> Iterator[Store]:
    """Open the store for the duration of a block; raises as ``new_store`` and ``read_pair_id``."""
    with closing(new_store(read_pair_id())) as store:
        yield store


@contextmanager
def open_pair(lane: Origin = Origin.POLL) -> Iterator[Pair]:
    """Open the shop, the site and the store for the duration of a block.

    Args:
        lane: priority of all calls to the shop in its budget.

    Yields:
        The pair.

    Raises:
        SyncError: SYNC-105, SYNC-106 or SYNC-101 and following for what a person must correct, SYNC-501 for the store.
    """
    settings = read_settings()
    mappings = load_mappings(mappings_directory(), settings)
    site = framework360_client(airflow_connection(FRAMEWORK360))
    with closing(site), closing(new_store(settings.pair_id)) as store:
        shop = new_shopify_client(store, lane)
        pair = build_pair(
            store=store, settings=settings, mappings=mappings, shopify=shop, framework360=site, clock=store.clock
        )
        yield replace(pair, shop=ShopAccess(shop, partial(_forget_tokens, store, shop.address.shop)))


def _forget_tokens(store: Store, shop: str) -> None:
    # Without a key nothing was ever kept: the token then stands in the connection.
    if store.encryption_key:
        token_vault(store).remove(shop)


_shared: dict[tuple[int, str, str], Store] = {}
_sharing: Final = threading.Lock()


def shared_store() -> Store:
    """Return a store that stays open for the life of the process, as the API server needs it.

    A connection or a Variable that a person changes acts on the next call.

    Raises:
        SyncError: as ``new_store`` and ``read_pair_id``.
    """
    pair_id = read_pair_id()
    # An inherited pool must not be used after a fork, so the process is part of the key.
    key = (os.getpid(), store_url(airflow_connection(STORE)), pair_id)
    with _sharing:
        if key not in _shared:
            for old in _shared.values():
                old.close()
            _shared.clear()
            _shared[key] = new_store(pair_id)
        return _shared[key]


def pages_of_records() -> RecordPages:
    """Return the addresses under which people find the records in both systems; none where a connection is missing."""
    return record_pages(_connection_or_none(SHOPIFY), _connection_or_none(FRAMEWORK360))


def _connection_or_none(conn_id: str) -> AirflowConnection | None:
    try:
        return airflow_connection(conn_id)
    except SyncError:
        return None


def shop_identity() -> tuple[str, tuple[bytes, ...]]:
    """Return the permanent domain of the shop and the secrets its webhooks are signed with.

    Raises:
        SyncError: SYNC-106 naming the field.
    """
    return webhook_identity(airflow_connection(SHOPIFY))
