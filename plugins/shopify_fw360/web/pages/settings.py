"""What people may set: flows, who goes out, who wins a conflict, what a deletion does, guard, schedule, alerts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from typing import Annotated, Any, Final, TypeAlias, get_args

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from shopify_fw360.errors import SETTINGS_INVALID
from shopify_fw360.framework360.lookups import marketing_lists, marketing_tags
from shopify_fw360.records import Entity
from shopify_fw360.settings import ALL_FLOWS, DEFAULT_INTERVAL, Interval, SyncSettings
from shopify_fw360.sync.connections import FRAMEWORK360, framework360_client
from shopify_fw360.sync.policies import policy_groups
from shopify_fw360.web.connecting import required
from shopify_fw360.web.console import Area, Console, Entry
from shopify_fw360.web.i18n import N_, language_of
from shopify_fw360.web.keeping import Kept, merged, refusals, save, told
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import LoggedIn, may_configure
from shopify_fw360.web.words import DIRECTIONS, TITLES

log = logging.getLogger(__name__)

Version: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]

AREAS: Final = (Entity.CUSTOMER, Entity.PRODUCT, Entity.ORDER)

GROUPS: Final[Mapping[str, str]] = {
    "contact": N_("E-mail and phone"),
    "names": N_("Names"),
    "address": N_("Address"),
    "billing": N_("Company and tax data"),
    "consent": N_("Newsletter consent"),
    "tags": N_("Tags of customers"),
    "texts": N_("Texts of products"),
    "product_tags": N_("Tags of products"),
    "visibility": N_("Visibility of products"),
    "media": N_("Images"),
    "variants": N_("Variants"),
    "prices": N_("Prices"),
    "stock": N_("Stock"),
}
"""What people call the groups of the mapping files that are shipped; others are shown by their names."""

POLICY_WORDS: Final[Mapping[str, str]] = {
    "shopify": N_("Shopify wins"),
    "framework360": N_("Framework360 wins"),
    "newest": N_("the newer change wins"),
    "union": N_("keep the entries of both"),
    "max": N_("the greater number wins"),
    "most_restrictive": N_("the stricter value wins"),
    "ask": N_("ask a person"),
}


class SettingsChange(BaseModel):
    """A change of the settings.

    Args:
        version: of the settings that were looked at.
        settings: JSON Merge Patch (RFC 7396): what is not named stays, null takes a setting back to its default.
    """

    model_config = ConfigDict(extra="forbid")

    version: Version
    settings: Annotated[dict[str, Any], Field(min_length=1)]


def area(console: Console) -> Area:
    """Build the area."""
    entry = Entry(N_("Settings"), "settings", 70, right="configure")
    return Area(_pages(console), _api(console), entries=(entry,))


def _pages(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/settings", dependencies=[may_configure])
    def settings(request: Request) -> Response:
        kept = console.keeper.read()
        found = SyncSettings.parse(kept.text)
        with console.open_store().read() as tx:
            history = tx.audit_entries(prefix="settings.", limit=20)
        return page(
            request,
            "settings.html",
            kept=kept,
            settings=found,
            locked=kept.elsewhere is not None or found.managed_as_code,
            areas=[(entity, [flow for flow in ALL_FLOWS if flow.entity is entity]) for entity in AREAS],
            titles=TITLES,
            directions=DIRECTIONS,
            groups=policy_groups(console.mappings()).values(),
            group_words=GROUPS,
            policy_words=POLICY_WORDS,
            intervals=get_args(Interval),
            default_interval=DEFAULT_INTERVAL,
            history=history,
        )

    return router


def _api(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/settings", summary="Show the settings", dependencies=[may_configure])
    def settings() -> Response:
        kept = console.keeper.read()
        found = SyncSettings.parse(kept.text)
        return JSONResponse(
            {
                "version": kept.version,
                "read_only": _locked_by(kept, found),
                "settings": found.model_dump(mode="json"),
                "set": kept.document,
            }
        )

    @router.patch("/settings", summary="Change settings", dependencies=[may_configure])
    def change(request: Request, someone: LoggedIn, wanted: SettingsChange) -> Response:
        kept = console.keeper.read()
        before = SyncSettings.parse(kept.text)
        place = _locked_by(kept, before)
        if place is not None:
            raise HTTPException(409, f"The settings are kept in {place}. Change them there.")
        if wanted.version != kept.version:
            raise HTTPException(409, _CHANGED)
        document = merged(kept.document, wanted.settings)
        faults = refusals(document, wanted.settings, before, console.mappings)
        if faults:
            spoken = language_of(request)
            found = [told(fault, spoken) for fault in faults]
            detail = spoken.text(N_("Nothing was saved: %(number)s settings do not fit."), number=len(found))
            return JSONResponse(
                {
                    "detail": detail,
                    "code": SETTINGS_INVALID.code,
                    "problems": [{"field": one.field, "reason": one.reason, "fix": one.fix} for one in found],
                },
                422,
            )
        changed = save(console.keeper, console.open_store(), kept, document, someone.name)
        if changed is None:
            raise HTTPException(409, _CHANGED)
        log.info("user %s has changed the settings %s", someone.name, ", ".join(changed) or "(none)")
        return JSONResponse({"changed": changed, "version": console.keeper.read().version})

    @router.get(
        "/settings/choices", summary="List the marketing lists and tags of the site", dependencies=[may_configure]
    )
    def choices() -> Response:
        with closing(framework360_client(required(console.connections, FRAMEWORK360))) as site:
            lists, tags = marketing_lists(site), marketing_tags(site)
        return JSONResponse({"lists": lists, "tags": list(tags)})

    return router


_CHANGED: Final = "Somebody has changed the settings since you opened the page. Load it again and repeat your change."


def _locked_by(kept: Kept, settings: SyncSettings) -> str | None:
    return kept.elsewhere or ("airflow_settings.yaml" if settings.managed_as_code else None)
