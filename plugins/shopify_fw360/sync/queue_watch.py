"""When the consumer of the queue is needed; light enough for the triggerer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shopify_fw360.records import QUEUE_CONSUMER, Flow, Origin
from shopify_fw360.store import Transaction

URGENT: Final = Origin.WEBHOOK
"""The least urgent changes served in near real time. Imports are worked off by their own runs, which take hours."""


def is_needed(tx: Transaction, flows: Sequence[Flow]) -> bool:
    """Whether something urgent waits and nobody is awake to see it.

    Args:
        tx: a reading transaction.
        flows: that are switched on; changes of the others wait.
    """
    return not tx.is_awake(QUEUE_CONSUMER) and is_due(tx, flows)


def is_due(tx: Transaction, flows: Sequence[Flow]) -> bool:
    """Whether something urgent waits, be anybody awake or not."""
    return bool(due_flows(tx, flows)) or tx.event_tasks_due()


def due_flows(tx: Transaction, flows: Sequence[Flow]) -> list[Flow]:
    """Return the flows, of those given and not paused, for which something urgent waits."""
    paused = tx.paused()
    return tx.due_flows([flow for flow in flows if flow.name not in paused], URGENT)
