"""First run on a shop: check both connections and prepare the shop. Harmless to repeat."""

from __future__ import annotations

import logging

from shopify_fw360.airflow.hooks import Framework360Hook, ShopifyHook
from shopify_fw360.airflow.reactions import reacting
from shopify_fw360.airflow.runtime import mappings_directory, new_shopify_client, open_store, read_settings
from shopify_fw360.shopify.definitions import ensure_definitions
from shopify_fw360.sync.wiring import load_mappings

log = logging.getLogger(__name__)


def check_shopify() -> dict[str, object]:
    """Check the connection of the shop and its scopes; raises AirflowFailException with the next step."""
    with reacting():
        info = ShopifyHook().check()
    log.info("shop %s (%s), plan %s, currency %s", info.name, info.domain, info.plan, info.currency)
    log.info("granted scopes: %s", ", ".join(info.scopes))
    return {"shop": info.domain, "plan": info.plan, "currency": info.currency, "scopes": list(info.scopes)}


def check_framework360() -> dict[str, object]:
    """Check the connection of the site; raises AirflowFailException with the next step."""
    with reacting():
        check = Framework360Hook().check()
    log.info("site %s, time zone %s, currency %s", check.site or "(it does not tell)", check.timezone, check.currency)
    for capability, standing in check.capabilities.items():
        log.info("capability %s is %s: %s", capability.value, "on" if standing.on else "off", standing.reason)
    for warning in check.warnings:
        log.warning("%s", warning)
    return {
        "site": check.site,
        "timezone": check.timezone,
        "currency": check.currency,
        "capabilities": {capability.value: standing.on for capability, standing in check.capabilities.items()},
        "warnings": list(check.warnings),
    }


def prepare() -> dict[str, object]:
    """Make the store's schema, check the mappings and create the missing metafield definitions in the shop.

    Definitions are made for what is synchronised: flows that are switched off ask for no rights in the shop.

    Returns:
        What was changed: keys of the metafield definitions created now, and the flows that have a mapping.

    Raises:
        AirflowFailException: what must be corrected; the message ends with the next step.
    """
    with reacting():
        settings = read_settings()
        mappings = load_mappings(mappings_directory(), settings)
        flows = sorted(flow.name for flow in mappings)
        log.info("mappings are valid: %s", ", ".join(flows))
        wanted = {flow.entity for flow in mappings if settings.flows.is_on(flow)}
        with open_store() as store:
            log.info("the store is ready")
            created = ensure_definitions(new_shopify_client(store), wanted)
    for key in created:
        log.info("created the metafield definition %s", key)
    if not created:
        log.info("nothing to change: all metafield definitions exist")
    return {"created_definitions": created, "flows": flows}
