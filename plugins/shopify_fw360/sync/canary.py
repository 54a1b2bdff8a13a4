"""Events caused on purpose: in a quiet shop only they show that nothing would arrive.

The canary is a bulk operation that finds nothing: it changes nothing in the shop, and the shop tells of its end by
``bulk_operations/finish``, which takes the same way as every other webhook.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from hashlib import blake2b
from typing import Final

from shopify_fw360.errors import SHOPIFY_BULK_BUSY, SyncError
from shopify_fw360.records import EventTask
from shopify_fw360.store import StoredExport
from shopify_fw360.store.delivery import Probe
from shopify_fw360.sync.deliveries import CANARY
from shopify_fw360.sync.pair import Pair

log = logging.getLogger(__name__)

TOPIC: Final = "bulk_operations/finish"
EVERY: Final = timedelta(minutes=50)
"""Least time between two canaries; maintenance comes every hour."""

ALERT: Final = "delivery.canary"
_PREFIX: Final = "canary/"


def send_canary(pair: Pair) -> int:
    """Judge the canaries that were sent before, and send the next one.

    Args:
        pair: the shop, the store, the settings.

    Returns:
        Number of canaries that were found not to have arrived.

    Raises:
        SyncError: as the client raises; what was judged stays judged.
    """
    if pair.shop is None or not pair.settings.near_real_time.canary:
        return 0
    with pair.store.read() as tx:
        is_watched = any(tx.probed_until(flow) is not None for flow in pair.served())
        flying = tx.exports_named(_PREFIX, "running")
    if not is_watched:
        # Nobody has subscribed to anything yet.
        return 0
    missed = sum(_judge(pair, canary) for canary in flying)
    if all(pair.clock() - canary.begun_at >= EVERY for canary in flying):
        _send(pair)
    return missed


def _judge(pair: Pair, canary: StoredExport) -> bool:
    """Tell whether a canary did not arrive; one that is on its way is left to the next look."""
    assert canary.remote_id is not None and pair.shop is not None  # noqa: S101, PT018 - as `_send` writes it
    with pair.store.read() as tx:
        told = tx.event_asked_for(EventTask.BULK_FINISHED, {"operation": canary.remote_id})
    grace = timedelta(minutes=pair.settings.near_real_time.grace_minutes)
    if not told and (pair.clock() - canary.begun_at < grace or not pair.shop.has_ended(canary.remote_id)):
        return False
    now = pair.clock()
    with pair.store.begin() as tx:
        tx.save_export(canary.run_id, "ready", note="told" if told else "not told")
        tx.add_probes([Probe(CANARY, TOPIC, canary.begun_at, now, 1, int(told), int(not told), 0)])
        if told:
            tx.end_alert(ALERT)
        else:
            tx.raise_alert(
                ALERT,
                "An event that was caused on purpose did not arrive: the shop's webhooks do not reach us. Look whether "
                "the receiver runs, whether its address is right, and whether the client secret is that of the app.",
            )
    return not told


def _send(pair: Pair) -> None:
    assert pair.shop is not None  # noqa: S101 - asked by `send_canary`
    now = pair.clock()
    run_id = f"{_PREFIX}{now.isoformat()}"
    name = f"Canary_{blake2b(run_id.encode(), digest_size=8).hexdigest()}"
    try:
        operation = pair.shop.cause_event(name)
    except SyncError as error:
        if error.code is not SHOPIFY_BULK_BUSY:
            raise
        log.info("the shop is busy with bulk operations; their end tells as much")
        return
    with pair.store.begin() as tx:
        tx.save_export(run_id, "running", remote_id=operation)
