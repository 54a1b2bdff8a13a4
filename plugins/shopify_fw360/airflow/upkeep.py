"""What the tasks do that keep near real time alive: subscriptions compared and repaired, old events forgotten."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

import requests
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowSkipException

from shopify_fw360.airflow.connections import FRAMEWORK360, airflow_connection, framework360_client, token_vault
from shopify_fw360.airflow.reactions import reacting
from shopify_fw360.airflow.runtime import (
    mappings_directory,
    new_shopify_client,
    open_pair,
    open_store,
    read_settings,
)
from shopify_fw360.errors import FW360_CAPABILITY, FW360_OFF, FW360_PERMISSION, SyncError
from shopify_fw360.records import Entity, System
from shopify_fw360.settings import ALL_FLOWS, SyncSettings
from shopify_fw360.shopify.subscriptions import SubscriptionChanges
from shopify_fw360.store import Store
from shopify_fw360.store.delivery import Probe
from shopify_fw360.sync import gaps, now, undo
from shopify_fw360.sync.canary import send_canary
from shopify_fw360.sync.deliveries import delivery_view, watch
from shopify_fw360.sync.event_tasks import shop_is_back
from shopify_fw360.sync.health import watch_lateness
from shopify_fw360.sync.privacy import answer_requests
from shopify_fw360.sync.retention import forget_old
from shopify_fw360.sync.serve import KIND
from shopify_fw360.sync.subscriptions import can_be_delivered_to, reseal, subscribe_shop, subscribe_site
from shopify_fw360.sync.wiring import load_mappings

log = logging.getLogger(__name__)

_SITE_CANNOT: Final = (FW360_CAPABILITY, FW360_OFF, FW360_PERMISSION)
_KEEP_PROBES: Final = timedelta(days=90)


def subscribe(*, repairing: bool) -> dict[str, Any]:
    """Bring the webhook subscriptions of both systems to the wanted ones.

    Args:
        repairing: they were there before, so that anything to be done is worth an alert.

    Returns:
        Per system what was kept, created, removed and refused.

    Raises:
        AirflowSkipException: deliveries could not reach us under the address that is set.
        AirflowFailException: what must be corrected.
        SyncError: trying again may help.
    """
    with reacting():
        settings = read_settings()
        base = settings.near_real_time.public_url or conf.get("api", "base_url", fallback="")
        if not can_be_delivered_to(base):
            raise AirflowSkipException(
                f"webhooks need an https address, not {base or 'none'}: set near_real_time.public_url in sync_settings"
            )
        with open_store() as store:
            shop = new_shopify_client(store)
            site = framework360_client(airflow_connection(FRAMEWORK360))
            with closing(site):
                done = {
                    System.SHOPIFY: _told(
                        store,
                        System.SHOPIFY,
                        lambda: subscribe_shop(shop, base, _entities(settings, System.SHOPIFY)),
                        repairing=repairing,
                    ),
                    System.FRAMEWORK360: _told(
                        store,
                        System.FRAMEWORK360,
                        lambda: subscribe_site(site, store, base, _entities(settings, System.FRAMEWORK360)),
                        repairing=repairing,
                    ),
                }
            with store.begin() as tx:
                shop_is_back(tx)
                for flow in ALL_FLOWS:
                    if settings.flows.is_on(flow) and (done[flow.source].kept or done[flow.source].created):
                        watch(tx, flow)
    return {
        system.value: {name: list(topics) for name, topics in asdict(changes).items()}
        for system, changes in done.items()
    }


def _entities(settings: SyncSettings, source: System) -> set[Entity]:
    mappings = load_mappings(mappings_directory(), settings)
    return {flow.entity for flow in mappings if flow.source is source and settings.flows.is_on(flow)}


def _told(
    store: Store, system: System, work: Callable[[], SubscriptionChanges], *, repairing: bool
) -> SubscriptionChanges:
    try:
        changes = work()
    except SyncError as error:
        if system is not System.FRAMEWORK360 or error.code not in _SITE_CANNOT:
            raise
        log.info("%s sends no webhooks, its changes are found by polling: %s", system.value, error.message)
        return SubscriptionChanges()
    for name, topics in asdict(changes).items():
        if topics:
            log.info("%s: %d subscriptions %s: %s", system.value, len(topics), name, ", ".join(topics))
    alert = f"webhooks.{system.value}"
    with store.begin() as tx:
        if changes.refused:
            tx.raise_alert(alert, f"{system.value} refuses subscriptions: {'; '.join(changes.refused)}")
        elif repairing and changes.created:
            tx.raise_alert(
                alert,
                f"Subscriptions were missing in {system.value} and were made again: {', '.join(changes.created)}. "
                "Events may be lost; the next scheduled runs of the flows find what changed meanwhile.",
            )
        else:
            tx.end_alert(alert)
    return changes


def find_gaps() -> dict[str, Any]:
    """Count the events that were lost since the last look, and stage what they should have told.

    Returns:
        Per flow and topic the expected, seen, missed and staged changes of this look; the loss rate of the last day.

    Raises:
        AirflowFailException: what must be corrected; the other flows were looked at.
        SyncError: trying again may help.
    """
    told: dict[str, Any] = {}
    with reacting(), open_pair() as pair:
        failed: SyncError | None = None
        for flow in pair.served():
            try:
                probes = gaps.find_gaps(pair, flow)
            except SyncError as error:
                log.warning("%s: %s", flow.name, error)
                failed = failed or error
                continue
            for probe in probes:
                log.info(
                    "%s, %s: %d changes, %d told, %d missed, %d of them staged now",
                    *(flow.name, probe.topic, probe.expected, probe.seen, probe.missed, probe.staged),
                )
            told[flow.name] = {probe.topic: _counts(probe) for probe in probes}
        try:
            canaries = send_canary(pair)
        except SyncError as error:
            # It only looks whether events arrive; what was found above must not depend on it.
            log.warning("no event could be caused on purpose: %s", error)
            canaries = 0
        view = delivery_view(pair.store)
        if failed is not None:
            raise failed
    log.info("last day: %d of %d changes were not told, %.1f %%", view.missed, view.expected, view.loss_rate * 100)
    return {
        "flows": told,
        "canaries_missed": canaries,
        "last_day": {"expected": view.expected, "missed": view.missed, "loss_rate": view.loss_rate},
    }


def _counts(probe: Probe) -> dict[str, int]:
    return {name: getattr(probe, name) for name in ("expected", "seen", "missed", "staged")}


def answer_privacy_requests() -> dict[str, int]:
    """Answer open requests about personal data.

    Returns:
        How many were answered how, and how many wait.

    Raises:
        AirflowFailException: what must be corrected.
        SyncError: trying again may help.
    """
    with reacting(), open_store() as store:
        done = asdict(answer_requests(store, lambda: new_shopify_client(store).check()))
    log.info("requests about personal data: %s", done)
    return done


def tell_alerts() -> dict[str, int]:
    """Tell people of the alerts that nobody was told of yet, through the connection ``sync_alerts`` if there is one.

    Returns:
        How many were told, and how many wait because the place could not be reached.

    Raises:
        AirflowFailException: what must be corrected in a connection.
        SyncError: trying again may help.
    """
    from shopify_fw360.airflow.notify import tell

    told = waiting = 0
    with reacting(), open_store() as store:
        with store.read() as tx:
            found = tx.untold_alerts()
        for alert in found:
            try:
                if not tell(alert.message):
                    log.info("there is no connection sync_alerts: %d alerts stand on the page Health only", len(found))
                    break
            except (requests.RequestException, OSError) as error:
                log.warning("nobody could be told of %s: %s", alert.name, type(error).__name__)
                waiting += 1
                continue
            with store.begin() as tx:
                tx.alert_was_told(alert.name)
            told += 1
    return {"told": told, "waiting": waiting}


def tidy_up() -> dict[str, int]:
    """Forget old events, close the ledgers of near real time whose last record has ended; returns how many of each."""
    with reacting():
        settings = read_settings()
        with open_store() as store:
            before = store.clock() - timedelta(days=settings.near_real_time.keep_events_days)
            events = 0
            while True:
                with store.begin() as tx:
                    gone = tx.prune_events(before)
                events += gone
                if not gone:
                    break
            with store.begin() as tx:
                tasks = tx.prune_event_tasks(before)
                tx.prune_probes(store.clock() - _KEEP_PROBES)
                tx.prune_exports()
                open_requests = len(tx.privacy_requests())
            closed = _close_ledgers(store)
            old = forget_old(store, settings.retention)
            with store.begin() as tx:
                late = watch_lateness(tx, settings)
            if store.encryption_key:
                reseal(store)
                token_vault(store).rotate()
    for health in late:
        log.warning("%s is late since %s", health.flow.name, health.late_since)
    if open_requests:
        log.warning("%d requests about personal data are not answered yet", open_requests)
    counts = {"events": events, "event_tasks": tasks, "ledgers": closed, "open_privacy_requests": open_requests, **old}
    log.info("forgotten and closed: %s", counts)
    return counts


def _close_ledgers(store: Store) -> int:
    closed = 0
    with store.read() as tx:
        before = store.clock() - timedelta(hours=1)
        left = [run for kind in (KIND, now.KIND, undo.KIND) for run in tx.open_runs(before, kind)]
    for run in left:
        with store.begin() as tx:
            certificate = tx.certificate(run.run_id)
            if certificate.explained and not certificate.open:
                tx.close_run(run.run_id)
                closed += 1
    return closed
