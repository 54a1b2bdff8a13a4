"""Hooks behind the connection types; the Test button of a connection calls ``test_connection``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, ClassVar

from airflow.sdk import BaseHook

from shopify_fw360.airflow import connections
from shopify_fw360.airflow.runtime import mappings_directory, open_store, read_settings
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.site import SiteCheck
from shopify_fw360.shopify.budget import MemoryBudget
from shopify_fw360.shopify.client import ShopifyClient, ShopInfo
from shopify_fw360.store import Store
from shopify_fw360.sync.scopes import require_scopes


class ShopifyHook(BaseHook):
    """Access to the shop of a connection.

    Args:
        shopify_conn_id: the connection.
    """

    conn_name_attr: ClassVar[str] = "shopify_conn_id"
    default_conn_name: ClassVar[str] = connections.SHOPIFY
    conn_type: ClassVar[str] = "shopify"
    hook_name: ClassVar[str] = "Shopify"

    def __init__(self, shopify_conn_id: str = connections.SHOPIFY, **options: Any) -> None:
        super().__init__(**options)
        self.shopify_conn_id = shopify_conn_id

    def get_conn(self) -> ShopifyClient:
        """Return a client with a budget of its own; runs take the shared one of ``runtime.open_pair``.

        Raises:
            SyncError: SYNC-106 naming the field; SYNC-501 if tokens are kept in the store and it does not answer.
        """
        connection = connections.airflow_connection(self.shopify_conn_id)
        if connection.extra_dejson.get("auth") == "token":
            return connections.shopify_client(connection, None, MemoryBudget())
        with open_store() as store:
            tokens = connections.token_vault(store) if store.encryption_key else None
            # Closing an SQLAlchemy pool only drops its idle connections, so the token vault goes on working.
            return connections.shopify_client(connection, tokens, MemoryBudget())

    def check(self) -> ShopInfo:
        """Ask the shop about itself and compare its scopes with what the mappings need.

        Raises:
            SyncError: what is wrong and what to do about it.
        """
        info = self.get_conn().check()
        require_scopes(info, read_settings(), mappings_directory())
        return info

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the connection works, and a sentence for the person who pressed Test."""
        return _tested(self.shopify_conn_id, lambda: _shop_sentence(self.check()))


def _shop_sentence(info: ShopInfo) -> str:
    return (
        f"{info.name} ({info.domain}, {info.plan}) answers; "
        f"the app has {len(info.scopes)} scopes, none that the mappings need is missing"
    )


class Framework360Hook(BaseHook):
    """Access to the site of a connection.

    Args:
        framework360_conn_id: the connection.
    """

    conn_name_attr: ClassVar[str] = "framework360_conn_id"
    default_conn_name: ClassVar[str] = connections.FRAMEWORK360
    conn_type: ClassVar[str] = "framework360"
    hook_name: ClassVar[str] = "Framework360"

    def __init__(self, framework360_conn_id: str = connections.FRAMEWORK360, **options: Any) -> None:
        super().__init__(**options)
        self.framework360_conn_id = framework360_conn_id

    def get_conn(self) -> Framework360Client:
        """Return a client, to be closed by the caller.

        Raises:
            SyncError: SYNC-106 naming the field.
        """
        return connections.framework360_client(connections.airflow_connection(self.framework360_conn_id))

    def check(self) -> SiteCheck:
        """Ask the site about itself.

        Raises:
            SyncError: SYNC-401 for a wrong key, SYNC-411 if the vendor's own Shopify plugin is active.
        """
        with closing(self.get_conn()) as client:
            return client.check()

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the connection works, and a sentence for the person who pressed Test."""
        return _tested(self.framework360_conn_id, lambda: _site_sentence(self.check()))


def _site_sentence(check: SiteCheck) -> str:
    off = [f"{name.value} ({standing.reason})" for name, standing in check.capabilities.items() if not standing.on]
    parts = [
        f"{check.site or 'the site'} answers; time zone {check.timezone}, currency {check.currency or 'unknown'}",
        *([f"off: {', '.join(off)}"] if off else []),
        *check.warnings,
    ]
    return "; ".join(parts)


class SyncStoreHook(BaseHook):
    """Access to the store of a connection.

    Args:
        sync_store_conn_id: the connection.
    """

    conn_name_attr: ClassVar[str] = "sync_store_conn_id"
    default_conn_name: ClassVar[str] = connections.STORE
    conn_type: ClassVar[str] = "sync_store"
    hook_name: ClassVar[str] = "Sync store"

    def __init__(self, sync_store_conn_id: str = connections.STORE, **options: Any) -> None:
        super().__init__(**options)
        self.sync_store_conn_id = sync_store_conn_id

    def get_conn(self) -> Store:
        """Return the store, to be closed by the caller.

        Raises:
            SyncError: SYNC-106 naming the field.
        """
        return Store.open(connections.store_url(connections.airflow_connection(self.sync_store_conn_id)))

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the database answers, and a sentence for the person who pressed Test.

        A database without the schema is fine: the first run makes it.
        """

        def ask() -> str:
            with closing(self.get_conn()) as store:
                with store.connect(read_only=True):
                    pass
                try:
                    store.check()
                except SyncError as error:
                    return f"the database answers; its schema is made or upgraded by the next run ({error.message})"
                return "the database answers and has the schema of this version"

        return _tested(self.sync_store_conn_id, ask)


def _tested(conn_id: str, ask: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, ask()
    except SyncError as error:
        # Airflow tests a connection under an invented id, which would only confuse.
        return False, str(error).replace(f"connection {conn_id}: ", "")
