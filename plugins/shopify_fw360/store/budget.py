"""Small shared state per shop under a row lock, such as its API cost budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select, update

from shopify_fw360.store.codec import dump_json, load_json
from shopify_fw360.store.database import Store
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import api_budget

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LockedState:
    """One JSON state per shop that all threads and processes change one after the other.

    Args:
        store: where the states live.
    """

    store: Store

    def with_state(self, shop: str, change: Callable[[Mapping[str, Any] | None], tuple[Mapping[str, Any], T]]) -> T:
        """Replace the state of a shop while nobody else can.

        Args:
            shop: the shop's address without scheme.
            change: takes the state, None the first time, and returns the new state (JSON values) and a result; it is
                called while the lock is held, so it must neither wait nor use the store.

        Returns:
            The result.

        Raises:
            SyncError: SYNC-501 if the database fails; the state is then unchanged.
        """
        with self.store.begin() as tx:
            scope = tx.scope
            mine = scope.mine(api_budget) & (api_budget.c.shop == shop)
            held = _locked(scope, shop)
            state, result = change(None if held is None else load_json(held))
            scope.connection.execute(
                update(api_budget).where(mine).values(state=dump_json(state), changed_at=scope.clock())
            )
            return result

    def state(self, shop: str) -> Mapping[str, Any] | None:
        """Return the state of a shop without waiting, None before the first change."""
        with self.store.read() as tx:
            held = tx.scope.connection.scalar(
                select(api_budget.c.state).where(tx.scope.mine(api_budget), api_budget.c.shop == shop)
            )
        found: Mapping[str, Any] | None = None if held is None else load_json(held)
        return found

    def states(self) -> dict[str, Mapping[str, Any]]:
        """Return the state of every shop of the pair that has one, without waiting."""
        with self.store.read() as tx:
            rows = tx.scope.connection.execute(
                select(api_budget.c.shop, api_budget.c.state)
                .where(tx.scope.mine(api_budget), api_budget.c.state.is_not(None))
                .order_by(api_budget.c.shop)
            )
            return {shop: load_json(state) for shop, state in rows}


def _locked(scope: Scope, shop: str) -> str | None:
    """Lock the shop's row, making it the first time, and return its state."""
    query = select(api_budget.c.state).where(scope.mine(api_budget), api_budget.c.shop == shop).with_for_update()
    row = scope.connection.execute(query).first()
    if row is None:
        scope.connection.execute(
            scope.insert(api_budget).on_conflict_do_nothing(),
            {"pair_id": scope.pair_id, "shop": shop, "state": None, "changed_at": scope.clock()},
        )
        row = scope.connection.execute(query).one()
    state: str | None = row[0]
    return state
