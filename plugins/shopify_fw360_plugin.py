"""Registers the pages and the receiver of webhooks in Airflow.

Every Airflow process imports this file, each task included, so it imports nothing heavy: the application behind the
mount is built at its first request, in the API server only.
"""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from airflow.sdk.plugins_manager import AirflowPlugin


class LazyApplication:
    """An ASGI application that is built when it is first asked.

    Args:
        build: returns the application.
    """

    def __init__(self, build: Callable[[], Callable[..., Awaitable[None]]]) -> None:
        self._build = build
        self._application: Callable[..., Awaitable[None]] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if self._application is None:
            self._application = self._build()
        await self._application(scope, receive, send)


def _pages() -> Callable[..., Awaitable[None]]:
    from shopify_fw360.airflow.runtime import shared_store
    from shopify_fw360.web.app import create_app

    return create_app(shared_store)


def _receiver() -> Callable[..., Awaitable[None]]:
    from shopify_fw360.airflow.runtime import shared_store, shop_identity
    from shopify_fw360.web.airflow_bell import ring
    from shopify_fw360.web.receiver import mounted
    from shopify_fw360.web.receiver_settings import serving

    return mounted(lambda: serving(shared_store(), *shop_identity()), ring)


class SyncPlugin(AirflowPlugin):
    """The pages below ``/sync`` and their places in Airflow's UI."""

    name = "shopify_fw360"
    fastapi_apps: ClassVar[list[Any]] = [
        # Before the pages, because the first mount that fits a path takes it.
        {
            "app": LazyApplication(_receiver),
            "url_prefix": "/sync/webhooks",
            "name": "Webhooks of Shopify and Framework360",
        },
        {"app": LazyApplication(_pages), "url_prefix": "/sync", "name": "Shopify and Framework360 sync"},
    ]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Sync errors",
            "href": "sync/parked",
            "url_route": "sync-errors",
            "destination": "nav",
            "category": "browse",
        },
        {
            "name": "Sync",
            "href": "sync/runs/{DAG_ID}/{RUN_ID}",
            "url_route": "sync-run",
            "destination": "dag_run",
        },
    ]
