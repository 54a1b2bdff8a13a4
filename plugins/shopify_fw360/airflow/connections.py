"""Connections as Airflow keeps them."""

from __future__ import annotations

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.sync.connections import (
    FRAMEWORK360,
    SHOPIFY,
    STORE,
    AirflowConnection,
    framework360_client,
    shopify_client,
    store_url,
    token_vault,
    webhook_identity,
)

__all__ = [
    "FRAMEWORK360",
    "SHOPIFY",
    "STORE",
    "AirflowConnection",
    "airflow_connection",
    "framework360_client",
    "shopify_client",
    "store_url",
    "token_vault",
    "webhook_identity",
]


def airflow_connection(conn_id: str) -> AirflowConnection:
    """Look a connection up in Airflow.

    Args:
        conn_id: its id.

    Raises:
        SyncError: SYNC-106 if there is none.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found: AirflowConnection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise SyncError(CONNECTION_INVALID, f"connection {conn_id} does not exist", field="conn_id") from None
    return found
