"""The API budget of the pair's shop as people look at it."""

from __future__ import annotations

from shopify_fw360.shopify.bucket import BudgetView, loaded, view
from shopify_fw360.store import LockedState, Store

MINUTES = 5
"""Span over which use is told."""


def budget_views(store: Store, minutes: int = MINUTES) -> dict[str, BudgetView]:
    """Tell how full the bucket of each shop is, who waits for it and who has used it.

    Args:
        store: in which all workers keep the budget.
        minutes: span over which use is told, at most 15; the present minute counts as one.

    Returns:
        Per shop that was ever called, by its address without scheme, its level and rate and all lanes, the most urgent
        first.

    Raises:
        SyncError: SYNC-501 if the store fails.
    """
    now = store.clock().timestamp()
    return {shop: view(loaded(state, now), now, minutes) for shop, state in LockedState(store).states().items()}
