"""Put a pair together from its clients, its store, its settings and its mapping files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.customers import Framework360Customers
from shopify_fw360.framework360.orders import Framework360Orders
from shopify_fw360.framework360.products import Framework360Products, require_products
from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.framework360.site import site_currency, site_prices_include_tax
from shopify_fw360.mapping.directory import load_directory
from shopify_fw360.mapping.rules import CompiledMapping
from shopify_fw360.records import Entity, Flow, Gateway, Schema, System, TargetField
from shopify_fw360.sales.booking import Booking
from shopify_fw360.settings import SyncSettings
from shopify_fw360.shopify.bucket import STANDARD_RESTORE_RATE
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.customers import ShopifyCustomers
from shopify_fw360.shopify.orders import ShopifyOrders
from shopify_fw360.shopify.products import ShopifyProducts
from shopify_fw360.shopify.schema import ShopifySchema
from shopify_fw360.store.database import Store
from shopify_fw360.sync.pair import Pair, utc_now

SHOPIFY_IN_FLIGHT: Final = 8
"""Requests to Shopify at the same time; the cost budget, not this number, sets the pace."""


def schemas() -> dict[System, Schema]:
    """Return what both systems let us read and write."""
    return {System.SHOPIFY: ShopifySchema(), System.FRAMEWORK360: Framework360Schema()}


def load_mappings(
    directory: Path, settings: SyncSettings, granted_scopes: Collection[str] | None = None
) -> dict[Flow, CompiledMapping]:
    """Load and check all mapping files.

    Args:
        directory: ``include/mappings`` of the project.
        settings: of the pair.
        granted_scopes: access scopes of the shop, None leaves them unchecked.

    Returns:
        The compiled mapping of each flow that has a file.

    Raises:
        SyncError: all faults of all files at once, with file and line.
    """
    return load_directory(directory, schemas(), granted_scopes, settings, settings.policies)


def build_pair(
    *,
    store: Store,
    settings: SyncSettings,
    mappings: Mapping[Flow, CompiledMapping],
    shopify: ShopifyClient,
    framework360: Framework360Client,
    clock: Callable[[], datetime] = utc_now,
) -> Pair:
    """Put a pair together.

    Args:
        store: of the pair.
        settings: what a person has set.
        mappings: as ``load_mappings`` returns them.
        shopify: client of the shop.
        framework360: client of the site.
        clock: tells the present moment.

    Returns:
        The pair, with a gateway for each entity that has a mapping.
    """
    gateways: dict[tuple[System, Entity], Gateway] = {}
    if any(flow.entity is Entity.CUSTOMER for flow in mappings):
        paths, targets = _needs(mappings, System.SHOPIFY, Entity.CUSTOMER)
        gateways[System.SHOPIFY, Entity.CUSTOMER] = ShopifyCustomers(
            shopify, paths, targets, opt_in_level=settings.customers.opt_in_level, clock=clock
        )
        paths, targets = _needs(mappings, System.FRAMEWORK360, Entity.CUSTOMER)
        gateways[System.FRAMEWORK360, Entity.CUSTOMER] = Framework360Customers(
            framework360,
            framework360.options,
            paths=paths,
            targets=targets,
            count_cancelled_orders=settings.customers.count_cancelled_orders,
        )
    if any(flow.entity is Entity.PRODUCT for flow in mappings):
        paths, targets = _needs(mappings, System.SHOPIFY, Entity.PRODUCT)
        catalogue = ShopifyProducts(
            shopify, paths, targets, location=settings.products.location, publish=settings.products.publish
        )
        gateways[System.SHOPIFY, Entity.PRODUCT] = catalogue
        paths, targets = _needs(mappings, System.FRAMEWORK360, Entity.PRODUCT)
        gateways[System.FRAMEWORK360, Entity.PRODUCT] = Framework360Products(
            framework360, paths=paths, targets=targets, shop_prices_include_tax=catalogue.facts.taxes_included
        )
    if any(flow.entity is Entity.ORDER for flow in mappings):
        paths, _ = _needs(mappings, System.SHOPIFY, Entity.ORDER)
        gateways[System.SHOPIFY, Entity.ORDER] = ShopifyOrders(
            shopify, paths, booking=lambda: _booking(framework360, settings)
        )
        _, targets = _needs(mappings, System.FRAMEWORK360, Entity.ORDER)
        gateways[System.FRAMEWORK360, Entity.ORDER] = Framework360Orders(
            framework360, targets=targets, recreate=settings.orders.on_difference == "recreate"
        )
    in_flight = {
        System.SHOPIFY: SHOPIFY_IN_FLIGHT,
        System.FRAMEWORK360: framework360.options.limits.in_flight,
    }
    preconditions: dict[Flow, Callable[[bool], None]] = {
        flow: partial(_require_products, framework360, flow) for flow in mappings if flow.entity is Entity.PRODUCT
    }
    pace = {
        System.SHOPIFY: STANDARD_RESTORE_RATE,
        System.FRAMEWORK360: framework360.options.limits.requests_per_second,
    }
    return Pair(store, settings, mappings, gateways, in_flight, clock, preconditions, pace=pace)


def _require_products(client: Framework360Client, flow: Flow, writing: bool) -> None:  # noqa: FBT001 - the seam's form
    require_products(client, writing=writing and flow.target is System.FRAMEWORK360)


def _booking(site: Framework360Client, settings: SyncSettings) -> Booking:
    return Booking(
        currency=site_currency(site.call, site.options).upper(),
        with_tax=site_prices_include_tax(site.call, site.options),
        zone=site.options.zone,
        money=settings.orders.money,
        check_both=settings.orders.check_both,
        guest_email=settings.orders.guest_email,
    )


def _needs(
    mappings: Mapping[Flow, CompiledMapping], system: System, entity: Entity
) -> tuple[frozenset[str], dict[str, TargetField]]:
    """What records of a system must carry: as source of one direction and as present state of the other's target."""
    paths: set[str] = set()
    targets: dict[str, TargetField] = {}
    for flow, mapping in mappings.items():
        if flow.entity is not entity:
            continue
        if flow.source is system:
            paths |= mapping.paths
        else:
            paths |= mapping.read_paths
            targets.update({rule.target.name: rule.target for _, rule in mapping.all_rules})
    return frozenset(paths), targets
