"""Registers the pages and the receiver of webhooks in Airflow.

Every Airflow process imports this file, each task included, so it imports nothing heavy: the applications behind the
mounts are built in the API server only, as soon as it starts.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from airflow.sdk.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)


class LazyApplication:
    """An ASGI application that is built when it is first needed, never on the event loop.

    Args:
        build: returns the application; may take seconds.
    """

    def __init__(self, build: Callable[[], Callable[..., Awaitable[None]]]) -> None:
        self._build = build
        self._application: Callable[..., Awaitable[None]] | None = None
        self._building = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        application = self._application or await asyncio.to_thread(self.ready)
        await application(scope, receive, send)

    def ready(self) -> Callable[..., Awaitable[None]]:
        """Build the application unless it is there, and return it."""
        with self._building:
            if self._application is None:
                self._application = self._build()
            return self._application


class WarmUp:
    """Builds the applications when the API server starts: a sender of webhooks does not wait for it.

    A middleware, because nothing else of a plugin is told that the server starts; to requests it does nothing.

    Args:
        app: the next application.
        applications: to be built.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], applications: list[LazyApplication]) -> None:
        self._app = app
        threading.Thread(target=self._build, args=(applications,), name="sync-warm-up", daemon=True).start()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        await self._app(scope, receive, send)

    @staticmethod
    def _build(applications: list[LazyApplication]) -> None:
        for application in applications:
            try:
                application.ready()
            except Exception:  # it is built again, and fails again where it is seen, with the first request
                log.exception("an application below /sync could not be built")


def _pages() -> Callable[..., Awaitable[None]]:
    from airflow.configuration import conf

    from shopify_fw360.airflow.runtime import mappings_directory, pages_of_records, read_settings, shared_store
    from shopify_fw360.web.airflow_bell import ring
    from shopify_fw360.web.airflow_connections import AirflowConnections
    from shopify_fw360.web.airflow_settings import AirflowVariable
    from shopify_fw360.web.app import create_app
    from shopify_fw360.web.console import Console

    console = Console(
        shared_store,
        ring,
        read_settings,
        keeper=AirflowVariable(),
        connections=AirflowConnections(),
        mappings=mappings_directory,
        pages=pages_of_records,
        address=lambda: str(conf.get("api", "base_url", fallback="") or ""),
    )
    return create_app(console)


def _receiver() -> Callable[..., Awaitable[None]]:
    from shopify_fw360.airflow.runtime import shared_store, shop_identity
    from shopify_fw360.errors import SyncError
    from shopify_fw360.web.airflow_bell import ring
    from shopify_fw360.web.receiver import mounted
    from shopify_fw360.web.receiver_settings import Serving, serving

    def load() -> Serving:
        return serving(shared_store(), *shop_identity())

    try:
        load()
    except SyncError as error:
        # Nobody has entered the connections yet; each delivery tries again.
        log.info("webhooks cannot be taken yet: %s", error)
    return mounted(load, ring)


RECEIVER = LazyApplication(_receiver)
PAGES = LazyApplication(_pages)


class SyncPlugin(AirflowPlugin):
    """The receiver below ``/sync/webhooks``, the pages below ``/sync`` and their places in Airflow's UI."""

    name = "shopify_fw360"
    fastapi_apps: ClassVar[list[Any]] = [
        # Before the pages, because the first mount that fits a path takes it.
        {"app": RECEIVER, "url_prefix": "/sync/webhooks", "name": "Webhooks of both systems"},
        {"app": PAGES, "url_prefix": "/sync", "name": "Shopify and Framework360 sync"},
    ]
    fastapi_root_middlewares: ClassVar[list[Any]] = [
        {"middleware": WarmUp, "kwargs": {"applications": [RECEIVER, PAGES]}, "name": "Warm-up of the sync pages"}
    ]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Sync",
            "href": "sync/",
            "url_route": "sync",
            "destination": "nav",
            "nav_top_level": True,
            "icon": "sync/static/icon.svg",
        },
        {
            "name": "Sync errors",
            "href": "sync/parked",
            "url_route": "sync-errors",
            "destination": "nav",
            "category": "browse",
        },
        {
            # Without a route it opens by itself: Shopify's consent page cannot be shown within Airflow's frame.
            "name": "Connect Shopify and Framework360",
            "href": "sync/connect",
            "destination": "nav",
            "category": "admin",
        },
        {
            "name": "Sync",
            "href": "sync/runs/{DAG_ID}/{RUN_ID}",
            "url_route": "sync-run",
            "destination": "dag_run",
        },
    ]
