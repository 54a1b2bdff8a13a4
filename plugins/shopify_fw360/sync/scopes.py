"""Which rights the app needs in the shop, told by what is switched on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from shopify_fw360.errors import MAPPING_SCOPE, SHOPIFY_SCOPE, SyncError
from shopify_fw360.mapping.problems import MappingError
from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.settings import SyncSettings
from shopify_fw360.shopify.client import ShopInfo
from shopify_fw360.sync.wiring import load_mappings

NEEDED_SCOPES: Final[Mapping[Flow, tuple[str, ...]]] = {
    Flow(Entity.CUSTOMER, System.SHOPIFY): ("read_customers",),
    Flow(Entity.CUSTOMER, System.FRAMEWORK360): ("write_customers",),
    Flow(Entity.PRODUCT, System.SHOPIFY): ("read_products", "read_inventory", "read_locations"),
    Flow(Entity.PRODUCT, System.FRAMEWORK360): ("write_products", "write_inventory", "write_files", "read_locations"),
    Flow(Entity.ORDER, System.SHOPIFY): ("read_orders", "read_customers"),
}
"""Scopes without which a flow cannot work (Shopify: write includes read)."""

PUBLISHING_SCOPE: Final = "write_publications"
"""Needed beside them unless new products are not published."""


def needed_scopes(settings: SyncSettings) -> tuple[str, ...]:
    """Return what an authorization must ask for: the scopes of the flows that are switched on, and no others.

    Args:
        settings: tell which flows are on and whether new products are published.

    Returns:
        Sorted; of a pair of read and write only the latter, which includes the former.
    """
    flows = [flow for flow in NEEDED_SCOPES if settings.flows.is_on(flow)]
    needed = {scope for flow in flows for scope in NEEDED_SCOPES[flow]}
    if settings.products.publish != "none" and Flow(Entity.PRODUCT, System.FRAMEWORK360) in flows:
        needed.add(PUBLISHING_SCOPE)
    return tuple(sorted(scope for scope in needed if scope.replace("read_", "write_", 1) not in needed - {scope}))


def missing_scopes(settings: SyncSettings, granted: Collection[str]) -> tuple[str, ...]:
    """Return the needed scopes that were not granted, sorted."""
    having = with_implied(granted)
    return tuple(scope for scope in needed_scopes(settings) if scope not in having)


def with_implied(scopes: Collection[str]) -> frozenset[str]:
    """Return scopes with those they include (Shopify: write includes read)."""
    return frozenset({*scopes, *(scope.replace("write_", "read_", 1) for scope in scopes)})


def require_scopes(info: ShopInfo, settings: SyncSettings, mappings: Path) -> None:
    """Make sure that the app may do what the flows that are switched on ask of it.

    Args:
        info: what the shop says.
        settings: tell which flows are on, and shape the mappings.
        mappings: folder of the mapping files.

    Raises:
        SyncError: SYNC-302 listing the scopes that are missing; SYNC-104 naming the lines of mappings that need more.
    """
    missing = missing_scopes(settings, info.scopes)
    if missing:
        raise SyncError(
            SHOPIFY_SCOPE, f"the app on {info.domain} lacks the scopes {', '.join(missing)}", rule="access scopes"
        )
    flows = [flow for flow in NEEDED_SCOPES if settings.flows.is_on(flow)]
    try:
        load_mappings(mappings, settings, with_implied(info.scopes))
    except MappingError as error:
        # Other faults of a mapping do not say anything about the connection; the run names them.
        files = {f"{flow.entity.value}.{flow.source.value}_to_{flow.target.value}.yaml" for flow in flows}
        problems = [one for one in error.problems if one.code is MAPPING_SCOPE and Path(one.file).name in files]
        if problems:
            raise MappingError(problems) from error
