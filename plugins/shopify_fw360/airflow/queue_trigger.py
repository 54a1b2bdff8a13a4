"""The trigger behind the sensor: one short query per second in the triggerer, for as many pairs as there are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from typing import Any

from airflow.sdk import BaseHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from shopify_fw360.errors import SyncError
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.store import Store
from shopify_fw360.sync.connections import STORE, store_url
from shopify_fw360.sync.queue_watch import is_needed


class QueueTrigger(BaseTrigger):
    """Fires when something urgent waits in the staging table and no consumer is awake, or when its time is over.

    Args:
        pair_id: whose queue.
        flows: names of the flows that are switched on; changes of the others wait.
        seconds: how long to watch.
        poll_seconds: seconds between two looks.
    """

    def __init__(self, pair_id: str, flows: Sequence[str], seconds: float, poll_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves its triggers untyped
        self.pair_id = pair_id
        self.flows = tuple(flows)
        self.seconds = seconds
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer makes the same trigger of."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "pair_id": self.pair_id,
                "flows": list(self.flows),
                "seconds": self.seconds,
                "poll_seconds": self.poll_seconds,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look again and again; yields one event, ``{"needed": true}`` or, when the time is over, false."""
        ends = time.monotonic() + self.seconds
        connection = await BaseHook.aget_connection(STORE)
        with closing(Store.open(store_url(connection), pair_id=self.pair_id)) as store:
            while time.monotonic() < ends:
                if await self._look(store):
                    yield TriggerEvent({"needed": True})  # type: ignore[no-untyped-call]
                    return
                await asyncio.sleep(self.poll_seconds)
        yield TriggerEvent({"needed": False})  # type: ignore[no-untyped-call]

    async def _look(self, store: Store) -> bool:
        flows = [flow for flow in ALL_FLOWS if flow.name in self.flows]
        try:
            return await asyncio.to_thread(self._is_needed, store, flows)
        except SyncError as error:
            # A database that restarts must not fail a run: what is in the queue is found by the next look.
            self.log.warning("the queue could not be looked at: %s", error)
            return False

    @staticmethod
    def _is_needed(store: Store, flows: Sequence[Any]) -> bool:
        with store.read() as tx:
            return is_needed(tx, flows)
