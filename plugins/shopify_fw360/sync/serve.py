"""The consumer in near real time: stays awake while events come, works every flow side by side, then goes to sleep."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from shopify_fw360.errors import LEDGER_OPEN, Reaction, SyncError
from shopify_fw360.records import CONSOLE, QUEUE_CONSUMER, Flow
from shopify_fw360.store import Store
from shopify_fw360.sync.drain import DrainReport, drain
from shopify_fw360.sync.event_tasks import do_event_tasks
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.queue_watch import URGENT, due_flows, is_due
from shopify_fw360.sync.run import certify

log = logging.getLogger(__name__)

KIND: Final = "near real time"
"""Kind of the runs in the ledger."""

AWAKE: Final = timedelta(seconds=20)
"""How long a consumer that died is taken for awake."""

PAUSES: Final = {Reaction.RETRY: timedelta(seconds=30)}
LONG_PAUSE: Final = timedelta(minutes=5)
"""How long a flow is left alone that something stops which a person must mend."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to stay awake.

    Args:
        linger: seconds without anything to do after which to go to sleep. Whatever comes before costs no start.
        longest: seconds after which to go to sleep in any case, so that new settings and code come into effect.
        look: seconds between two looks at the queue.
    """

    linger: float = 20.0
    longest: float = 900.0
    look: float = 0.1


@dataclass(slots=True)
class ServeReport:
    """What one wakening came to.

    Args:
        flows: per flow what was done.
        tasks: event tasks done.
        errors: what stopped a flow, by flow name; the other flows went on.
        more: something urgent was left when it was time to go to sleep.
    """

    flows: dict[Flow, DrainReport] = field(default_factory=dict)
    tasks: int = 0
    errors: dict[str, SyncError] = field(default_factory=dict)
    more: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return the counts as plain JSON."""
        flows = {flow.name: report.as_dict() for flow, report in self.flows.items()}
        return {**flows, "event_tasks": self.tasks, "more": self.more}


def serve(
    pair: Pair,
    run_id: str,
    owner: str,
    patience: Patience | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> ServeReport:
    """Work off what is urgent as it comes, until nothing has come for a while.

    Each flow has a worker of its own, so that a slow system or a flow that fails keeps no other waiting. What stops a
    flow pauses it for all consumers; its changes stay in the queue.

    Args:
        pair: the two systems, the store, the settings.
        run_id: of this wakening; the ledger keeps one run per flow under it.
        owner: name of this consumer, unique among all that run.
        patience: how long to stay awake.
        sleep: waits the given seconds.
        clock: seconds that only go forward.

    Returns:
        What was done, with the errors that stopped flows.

    Raises:
        SyncError: SYNC-501 if the store fails.
    """
    service = _Service(pair, run_id, owner, patience or Patience(), sleep=sleep, clock=clock)
    try:
        service.run()
    finally:
        service.close()
    return service.report


class _Service:
    """One wakening."""

    def __init__(
        self,
        pair: Pair,
        run_id: str,
        owner: str,
        patience: Patience,
        *,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self.report = ServeReport()
        self._pair = pair
        self._store: Store = pair.store
        self._run_id = run_id
        self._owner = owner
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self._flows = pair.served()
        self._working: dict[Flow, Future[DrainReport]] = {}
        self._tasks: Future[int] | None = None
        self._opened: set[Flow] = set()
        self._ending = False
        self._said_awake_at = float("-inf")
        self._pool = ThreadPoolExecutor(len(self._flows) + 1, thread_name_prefix="serve")

    def run(self) -> None:
        began = self._clock()
        active_at = began
        while True:
            self._stay_awake()
            self._harvest()
            self._ending = self._clock() - began > self._patience.longest
            if not self._ending:
                self._start_due()
            if self._working or self._tasks:
                active_at = self._clock()
            elif self._ending or (self._clock() - active_at > self._patience.linger and not self._is_watched()):
                if not self._fall_asleep():
                    return
                active_at = self._clock()
            self._sleep(self._patience.look)

    def close(self) -> None:
        """Stop the workers after their present batch, and forget that this consumer is awake."""
        self._ending = True
        self._pool.shutdown(wait=True)
        self._harvest()
        self._said_awake_at = float("-inf")
        with self._store.begin() as tx:
            tx.fall_asleep(QUEUE_CONSUMER, self._owner)
        self._certify()

    def _fall_asleep(self) -> bool:
        """Go to sleep; True if something came at the last moment, so that it is not time yet."""
        with self._store.begin() as tx:
            tx.fall_asleep(QUEUE_CONSUMER, self._owner)
        self._said_awake_at = float("-inf")
        # Only now: whoever stages looks after its commit, so either it rings or this look sees what it has staged.
        with self._store.read() as tx:
            due = is_due(tx, self._flows)
        self.report.more = due and self._ending
        return due and not self._ending

    def _is_watched(self) -> bool:
        """Whether somebody has a list open and may press *Sync now*, which then shall not wait for a task to start."""
        with self._store.read() as tx:
            return tx.is_awake(CONSOLE)

    def _stay_awake(self) -> None:
        if self._clock() - self._said_awake_at > AWAKE.total_seconds() / 4:
            self._said_awake_at = self._clock()
            with self._store.begin() as tx:
                tx.stay_awake(QUEUE_CONSUMER, self._owner, AWAKE)

    def _start_due(self) -> None:
        free = [flow for flow in self._flows if flow not in self._working]
        with self._store.read() as tx:
            due = due_flows(tx, free)
            tasks = self._tasks is None and tx.event_tasks_due()
        for flow in due:
            self._open(flow)
            self._working[flow] = self._pool.submit(self._drain, flow)
        if tasks:
            self._tasks = self._pool.submit(do_event_tasks, self._pair)

    def _drain(self, flow: Flow) -> DrainReport:
        return drain(
            self._pair,
            flow,
            f"{self._owner}/{flow.name}",
            for_run=flow.part_of(self._run_id),
            least=URGENT,
            stopping=lambda: self._ending,
        )

    def _open(self, flow: Flow) -> None:
        if flow not in self._opened:
            with self._store.begin() as tx:
                tx.open_run(flow.part_of(self._run_id), flow, KIND, mapping_digest=self._pair.mapping(flow).digest)
            self._opened.add(flow)

    def _harvest(self) -> None:
        for flow, future in list(self._working.items()):
            if future.done():
                del self._working[flow]
                self._book(flow, future)
        if self._tasks is not None and self._tasks.done():
            self.report.tasks += self._tasks.result()
            self._tasks = None

    def _book(self, flow: Flow, future: Future[DrainReport]) -> None:
        try:
            done = future.result()
        except SyncError as error:
            self._stopped(flow, error)
        else:
            self.report.flows[flow] = self.report.flows.get(flow, DrainReport()) + done

    def _stopped(self, flow: Flow, error: SyncError) -> None:
        span = PAUSES.get(error.reaction, LONG_PAUSE)
        stopped = self._flows if error.reaction is Reaction.STOP_ALL else (flow,)
        log.warning("%s is left alone for %d s: %s", flow.name, span.total_seconds(), error)
        self.report.errors[flow.name] = error
        with self._store.begin() as tx:
            for each in stopped:
                tx.pause(each, span)
            tx.run_error(flow.part_of(self._run_id), error)

    def _certify(self) -> None:
        """Close the ledgers of this wakening; what still waits for another attempt keeps its ledger open."""
        for flow in self._opened:
            try:
                certify(self._pair, flow.part_of(self._run_id))
            except SyncError as error:
                if error.code is not LEDGER_OPEN:
                    raise
                log.info("%s: %s", flow.name, error.message)
