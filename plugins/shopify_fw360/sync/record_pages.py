"""Where people look at a record in its own system: addresses made of the connection's host and a checked path only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from shopify_fw360.errors import SyncError
from shopify_fw360.framework360.address import api_url
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.records import Entity, System
from shopify_fw360.shopify.address import SHOP_DOMAIN, shop_address
from shopify_fw360.sync.connections import AirflowConnection, host_of

_SHOP_PAGES: Final = {entity: f"/admin/{entity.value}s/{{id}}" for entity in Entity}
"""Shopify: ``https://<shop>.myshopify.com/admin/customers/<number>`` leads to the record in the admin."""


@dataclass(frozen=True, slots=True)
class RecordPages:
    """Addresses of the records of both systems.

    Args:
        bases: scheme and host per system that can be reached by a browser.
        paths: per system and entity the path, with ``{id}`` for the record's number.
    """

    bases: Mapping[System, str] = field(default_factory=dict)
    paths: Mapping[tuple[System, Entity], str] = field(default_factory=dict)

    def address(self, system: System, entity: Entity, record_id: str | None) -> str | None:
        """Return the address of a record's page, None if it has none or nobody has told where the pages are."""
        base, path = self.bases.get(system), self.paths.get((system, entity))
        if base is None or path is None or not record_id:
            return None
        return base + path.replace("{id}", quote(record_id.rpartition("/")[2], safe=""))


def record_pages(shop: AirflowConnection | None, site: AirflowConnection | None) -> RecordPages:
    """Make the addresses out of the connections.

    Args:
        shop: connection of the shop, None if there is none; ``pages`` in its extra are paths by entity, needed only
            where the host is a sandbox.
        site: connection of the site; ``pages`` in its extra are paths by entity, for example
            ``{"customer": "/people/{id}"}``, because Framework360 does not document those of its back office.

    Returns:
        The addresses; a system whose connection is wrong or missing has none.
    """
    bases: dict[System, str] = {}
    paths: dict[tuple[System, Entity], str] = {}
    if shop is not None:
        try:
            address = shop_address(host_of(shop))
        except SyncError:
            # Whoever opens a list needs no link; the Connect page tells what is wrong.
            pass
        else:
            bases[System.SHOPIFY] = address.base_url
            given = shop.extra_dejson.get("pages") or {}
            own = {entity: str(given[entity.value]) for entity in Entity if _is_path(given.get(entity.value))}
            known = _SHOP_PAGES if SHOP_DOMAIN.fullmatch(address.shop) else {}
            paths |= {(System.SHOPIFY, entity): path for entity, path in {**known, **own}.items()}
    if site is not None:
        try:
            parts = urlsplit(api_url(host_of(site)))
            pages = SiteOptions.parse(site.extra_dejson).pages
        except SyncError:
            pass
        else:
            bases[System.FRAMEWORK360] = f"{parts.scheme}://{parts.netloc}"
            paths |= {(System.FRAMEWORK360, Entity(entity)): path for entity, path in pages.items()}
    return RecordPages(bases, paths)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and value.startswith("/") and not value.startswith("//")
