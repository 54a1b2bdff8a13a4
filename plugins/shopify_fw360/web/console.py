"""What a page needs from outside, and what an area of the console consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from fastapi import APIRouter
from starlette.requests import Request

from shopify_fw360.settings import SyncSettings
from shopify_fw360.store import Store
from shopify_fw360.sync.record_pages import RecordPages
from shopify_fw360.web.connecting import ConnectionKeeper, NoConnections
from shopify_fw360.web.keeping import Defaults, SettingsKeeper
from shopify_fw360.web.security import Right

OpenStore: TypeAlias = Callable[[], Store]


def _nobody_to_wake() -> None:
    """Do nothing: without Airflow around the pages, the consumer looks at the queue by itself."""


def _no_address() -> str:
    """Return nothing: the address a request was sent to is then taken for our own."""
    return ""


def _shipped_mappings() -> Path:
    return Path(__file__).parents[3] / "include" / "mappings"


@dataclass(frozen=True, slots=True)
class Console:
    """What the pages use.

    Args:
        open_store: returns the store; called for each request, so it should keep it open.
        ring: wakes the consumer of the queue; blocks, may raise.
        settings: returns what a person has set; called for each request that needs it.
        keeper: where the settings are kept.
        connections: where the connections are kept.
        mappings: returns the folder of the mapping files.
        pages: returns the addresses of the records in both systems.
        address: returns the address of Airflow for browsers, empty if it is not set.
    """

    open_store: OpenStore
    ring: Callable[[], None] = _nobody_to_wake
    settings: Callable[[], SyncSettings] = SyncSettings
    keeper: SettingsKeeper = field(default_factory=Defaults)
    connections: ConnectionKeeper = field(default_factory=NoConnections)
    mappings: Callable[[], Path] = _shipped_mappings
    pages: Callable[[], RecordPages] = RecordPages
    address: Callable[[], str] = _no_address


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the navigation.

    Args:
        label: English words, marked with ``i18n.N_`` where they are written; they are translated when shown.
        path: address below the mount point, without a slash at the beginning.
        place: entries are shown in ascending order.
        right: without which the entry is not shown; the page itself must ask for the right too.
        below: further beginnings of addresses whose pages belong to the entry.
    """

    label: str
    path: str
    place: int
    right: Right = "view"
    below: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether a page belongs to this entry, by its address below the mount point without the first slash."""
        return any(path == start or path.startswith(f"{start}/") for start in (self.path, *self.below))


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the console: pages, the JSON behind them, and its places in the navigation.

    Args:
        pages: routes that answer with pages; a login is asked for by the application.
        api: routes below ``/api``; a login is asked for by the application.
        public: routes for callers without a login, which must prove by other means who they are.
        entries: places in the navigation.
    """

    pages: APIRouter = field(default_factory=APIRouter)
    api: APIRouter = field(default_factory=APIRouter)
    public: APIRouter = field(default_factory=APIRouter)
    entries: tuple[Entry, ...] = ()


def place_of(request: Request) -> str:
    """Return the address of the requested page below the mount point, without the first slash."""
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return path.removeprefix("/")
