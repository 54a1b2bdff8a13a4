"""The checklist of a first contact: what both systems answer, what is missing, what a person must look at."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from shopify_fw360.errors import CONNECTION_INVALID, FW360_VENDOR_PLUGIN, SHOPIFY_SCOPE, SHOPIFY_UNINSTALLED, SyncError
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.site import SiteCheck, check_site
from shopify_fw360.settings import SyncSettings
from shopify_fw360.shopify.client import ShopifyClient, ShopInfo
from shopify_fw360.store import Store
from shopify_fw360.sync.scopes import missing_scopes, require_scopes
from shopify_fw360.sync.subscriptions import can_be_delivered_to

Verdict: TypeAlias = Literal["good", "warn", "bad"]
Topic: TypeAlias = Literal[
    "key",
    "shop",
    "uninstalled",
    "scopes",
    "mappings",
    "site",
    "warning",
    "plugin",
    "capability",
    "currency",
    "webhooks",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One point of the checklist.

    Args:
        topic: what was looked at.
        verdict: whether it can stay so.
        values: what was found, for the sentence people read.
        error: what is wrong and what to do about it, None if nothing is.
    """

    topic: Topic
    verdict: Verdict
    values: Mapping[str, Any] = field(default_factory=dict)
    error: SyncError | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a first contact looks at.

    Args:
        store: of the pair.
        settings: tell which flows are on.
        mappings: returns the folder of the mapping files.
        open_shop: returns the client of the shop; raises SyncError if its connection is not valid.
        open_site: opens the client of the site for the duration of a block; raises likewise.
        address: under which deliveries would reach us.
    """

    store: Store
    settings: SyncSettings
    mappings: Callable[[], Path]
    open_shop: Callable[[], ShopifyClient]
    open_site: Callable[[], AbstractContextManager[Framework360Client]]
    address: str


def first_contact(around: Surroundings) -> Iterator[Finding]:
    """Ask everything that must be right before the first run; each failure is a finding, and the rest is asked too.

    Args:
        around: what to look at.

    Yields:
        Findings in the order in which people should settle them.
    """
    if not around.store.encryption_key:
        missing = SyncError(
            CONNECTION_INVALID, "the store has no encryption key for tokens: set core.fernet_key of Airflow"
        )
        yield Finding("key", "bad", error=missing)
    shop = yield from _shop(around)
    site = yield from _site(around)
    if shop is not None and site is not None:
        same = shop.currency == site.currency
        yield Finding(
            "currency", "good" if same else "warn", {"shop": shop.currency, "site": site.currency or _NOT_TOLD}
        )
    reached = can_be_delivered_to(around.address)
    yield Finding("webhooks", "good" if reached else "warn", {"address": around.address or _NOT_TOLD})


_NOT_TOLD: Final = "?"

PLUGIN_OPTION: Final = "site.allow_vendor_plugin"
"""Named by a warning of the site's check that the finding about the plugin says better."""


def _shop(around: Surroundings) -> Generator[Finding, None, ShopInfo | None]:
    info: ShopInfo | None = None
    try:
        info = around.open_shop().check()
    except SyncError as error:
        yield Finding("shop", "bad", error=error)
    if info is not None:
        yield Finding(
            "shop", "good", {"name": info.name, "domain": info.domain, "plan": info.plan, "currency": info.currency}
        )
    with around.store.read() as tx:
        gone = tx.disconnected()
    if gone is not None:
        yield Finding("uninstalled", "bad", error=SyncError(SHOPIFY_UNINSTALLED, f"{gone.shop}: {gone.reason}"))
    if info is None:
        return None
    missing = missing_scopes(around.settings, info.scopes)
    if missing:
        refused = SyncError(SHOPIFY_SCOPE, f"the app lacks the scopes {', '.join(missing)}", rule="access scopes")
        yield Finding("scopes", "bad", error=refused)
        return info
    yield Finding("scopes", "good", {"number": len(info.scopes)})
    try:
        require_scopes(info, around.settings, around.mappings())
    except SyncError as error:
        yield Finding("mappings", "bad", error=error)
    return info


def _site(around: Surroundings) -> Generator[Finding, None, SiteCheck | None]:
    try:
        with around.open_site() as client:
            allowed = client.options.site.allow_vendor_plugin
            # Asked as if the plugin were accepted, so that its being there does not hide everything else.
            accepting = client.options.model_copy(
                update={"site": client.options.site.model_copy(update={"allow_vendor_plugin": True})}
            )
            check = check_site(client.call, accepting, client.capabilities)
    except SyncError as error:
        yield Finding("site", "bad", error=error)
        return None
    yield Finding(
        "site",
        "good",
        {"site": check.site or _NOT_TOLD, "timezone": check.timezone, "currency": check.currency or _NOT_TOLD},
    )
    if check.vendor_plugin_active:
        active = SyncError(FW360_VENDOR_PLUGIN, "the plugin Shopify is active on the site", rule="one synchroniser")
        yield Finding("plugin", "warn" if allowed else "bad", error=active)
    elif check.vendor_plugin_active is None:
        yield Finding("plugin", "warn", {"known": False})
    else:
        yield Finding("plugin", "good", {"known": True})
    for warning in check.warnings:
        if PLUGIN_OPTION not in warning:
            yield Finding("warning", "warn", {"text": warning})
    for capability, standing in check.capabilities.items():
        yield Finding(
            "capability", "good" if standing.on else "warn", {"name": capability.value, "reason": standing.reason}
        )
    return check
