"""Registers asset events inside Airflow's API server: the only module that touches Airflow's asset internals."""

from __future__ import annotations

from shopify_fw360.records import QUEUE_ASSET


def ring() -> None:
    """Register an event of the queue's asset, which starts a run of the DAG that is scheduled by it.

    Raises:
        LookupError: the DAG was not read yet, so that there is no such asset.
    """
    from airflow.assets.manager import asset_manager
    from airflow.models.asset import AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        asset = session.scalar(select(AssetModel).where(AssetModel.name == QUEUE_ASSET))
        if asset is None:
            raise LookupError(f"there is no asset {QUEUE_ASSET} yet: is the DAG webhook_queue there?")
        asset_manager.register_asset_change(asset=asset, extra={}, source_is_api=True, session=session)
