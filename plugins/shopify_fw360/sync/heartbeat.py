"""Keeps the leases of a batch alive while it is worked on, however slowly the other side answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from shopify_fw360.errors import SyncError
from shopify_fw360.records import Claim, Entity
from shopify_fw360.store.clock import steady_seconds
from shopify_fw360.sync.pair import Pair

log = logging.getLogger(__name__)

BEATS_PER_LEASE: Final = 4
"""So many times within one lease it is renewed, so that two failed renewals do not cost it."""


class Heartbeat:
    """Renews leases in a thread of its own while its block runs.

    Args:
        pair: whose store holds the leases.
        entity: of the records.
        owner: who holds them.
        lease: how long a renewal lasts.
        claims: returns the claims still worked on.
        steady: seconds that only go forward.
    """

    def __init__(
        self,
        pair: Pair,
        entity: Entity,
        owner: str,
        lease: timedelta,
        claims: Callable[[], Iterable[Claim]],
        *,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        self._pair = pair
        self._entity = entity
        self._owner = owner
        self._lease = lease
        self._claims = claims
        self._records: Sequence[str] = ()
        self._steady = steady
        self._ends_at = self._end()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {owner}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def watch(self, records: Sequence[str]) -> None:
        """Renew the leases on these records too, taken just now."""
        self._records = tuple(records)

    def holds(self) -> bool:
        """Whether the leases still last; if not, another worker may have taken the records and nothing may be written.

        A machine that stood still, or a store that did not answer, may have cost them. Both clocks must agree that they
        last: one of them may have been set back.
        """
        by_clock, by_steady = self._ends_at
        return self._pair.clock() < by_clock and self._steady() < by_steady

    def _end(self) -> tuple[datetime, float]:
        """When leases end that are taken now."""
        return self._pair.clock() + self._lease, self._steady() + self._lease.total_seconds()

    def _beat(self) -> None:
        while not self._over.wait(self._lease.total_seconds() / BEATS_PER_LEASE):
            ends_at = self._end()
            try:
                with self._pair.store.begin() as tx:
                    tx.renew(list(self._claims()), self._owner, self._lease)
                    tx.lock_records(self._entity, self._records, self._owner, self._lease)
            except SyncError as error:
                log.warning("leases of %s were not renewed: %s", self._owner, error)
            else:
                self._ends_at = ends_at
