"""Let go of what is old, in transactions short enough to be in nobody's way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from shopify_fw360.settings import Retention
from shopify_fw360.store import Store, Transaction

TRACES: Final = timedelta(days=90)
"""How long ended alerts are kept, and leases that nobody gave back."""

PIECE: Final = 5_000
_DAILY: Final = "retention"
_PAUSE: Final = timedelta(hours=23)


def forget_old(store: Store, retention: Retention) -> dict[str, int]:
    """Let go of what is older than the settings say; once a day, however often it is called.

    Args:
        store: the store.
        retention: how long what is kept.

    Returns:
        How many of what went; empty if it was done within the last day.
    """
    with store.begin() as tx:
        if tx.is_awake(_DAILY):
            return {}
    now = store.clock()

    def days(number: int) -> datetime:
        return now - timedelta(days=number)

    gone = {
        "journal": _prune_journal(store, days(retention.journal_days)),
        "plan_items": _once(store, lambda tx: tx.prune_plans(days(retention.plans_days))),
        "parked_contents": _once(store, lambda tx: tx.drop_parked_content(days(retention.parked_days))),
        "runs": _once(store, lambda tx: tx.prune_runs(days(retention.runs_days))),
        "privacy_exports": _once(store, lambda tx: tx.prune_privacy_exports(days(retention.exports_days))),
        "traces": _once(store, lambda tx: tx.prune_traces(now - TRACES)),
    }
    with store.begin() as tx:
        # Only once all is done: a run that is interrupted is repeated by the next one.
        tx.stay_awake(_DAILY, "", _PAUSE)
    return gone


def _prune_journal(store: Store, before: datetime) -> int:
    deleted = 0
    reached: tuple[datetime, int] | None = None
    while True:
        with store.begin() as tx:
            piece = tx.prune_journal(before, after=reached, limit=PIECE)
        deleted += piece.deleted
        reached = piece.reached
        if reached is None:
            return deleted


def _once(store: Store, work: Callable[[Transaction], int]) -> int:
    with store.begin() as tx:
        return work(tx)
