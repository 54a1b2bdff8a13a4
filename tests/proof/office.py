"""The synchroniser as its DAGs run it: a store in memory, one pair per worker, runs that are repeated if they fail."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from sandbox.shopify.tokens import CLIENT_ID, CLIENT_SECRET
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.limiter import LocalLimiter
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.records import Flow, System
from shopify_fw360.settings import ALL_FLOWS, SyncSettings
from shopify_fw360.shopify.access import ShopAccess
from shopify_fw360.shopify.address import shop_address
from shopify_fw360.shopify.auth import ClientCredentials, MemoryTokenStore, TokenEndpoint
from shopify_fw360.shopify.budget import CostBudget
from shopify_fw360.shopify.client import Retries, ShopifyClient
from shopify_fw360.shopify.definitions import ensure_definitions
from shopify_fw360.store import Store
from shopify_fw360.store.database import _begin_sqlite
from shopify_fw360.sync.drain import drain
from shopify_fw360.sync.event_tasks import do_event_tasks
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.queue_watch import URGENT
from shopify_fw360.sync.run import Mode, RunRequest, stage_run
from shopify_fw360.sync.wiring import build_pair, load_mappings
from tests.end_to_end.world import MAPPINGS
from tests.proof.actors import TIME, Theatre
from tests.proof.systems import URLS, Systems

SETTINGS = SyncSettings.model_validate({"limits": {"batch_size": 20, "max_attempts": 4, "backoff_cap_seconds": 300}})
_LIMITS = {"requests_per_second": 2000, "in_flight": 4, "timeout": 5, "tries": 2, "backoff": 0.05, "backoff_cap": 0.1}


class MemoryStore(Store):
    """The store in memory; a worker gives its turn away before and after each transaction that may write."""

    def __init__(self, engine: Any, clock: Any, point: Callable[[str], None]) -> None:
        super().__init__(engine, "default", None, clock)
        object.__setattr__(self, "point", point)

    @contextmanager
    def connect(self, *, read_only: bool = False) -> Iterator[Connection]:
        point: Callable[[str], None] = self.point  # type: ignore[attr-defined]
        if not read_only:
            point("before a commit")
        with Store.connect(self, read_only=read_only) as connection:
            yield connection
        if not read_only:
            point("after a commit")


@cache
def _database() -> tuple[sqlite3.Connection, Engine, sqlite3.Connection]:
    """One connection and one engine for all histories, so that statements are compiled once; and the empty database."""
    connection = sqlite3.connect(":memory:", check_same_thread=False, cached_statements=2000)
    connection.isolation_level = None
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool, query_cache_size=5000)
    event.listen(engine, "begin", _begin_sqlite)
    Store(engine).upgrade()
    empty = sqlite3.connect(":memory:", check_same_thread=False)
    connection.backup(empty)
    return connection, engine, empty


def empty_store(clock: Callable[[], datetime], point: Callable[[str], None]) -> MemoryStore:
    """Return the store of this process, emptied."""
    connection, engine, empty = _database()
    empty.backup(connection)
    connection.execute("PRAGMA foreign_keys=ON")
    return MemoryStore(engine, clock, point)


@cache
def _mappings() -> Any:
    return load_mappings(MAPPINGS, SETTINGS)


@dataclass
class Run:
    """One run of a DAG.

    Args:
        request: what it reads; None for a wakening of the queue's consumer.
        flow: of the run.
        staged: its extraction has ended.
        worked: its records were worked off, as far as they were due.
        certified: its ledger was found in order.
    """

    flow: Flow
    request: RunRequest | None = None
    staged: bool = False
    worked: bool = False
    certified: bool = False


class Office:
    """Everything of one pair.

    Args:
        theatre: time and turns.
        systems: the shop and the site.
        flows: that are on.
        updatable: whether the site offers to change a sale.
    """

    def __init__(
        self, theatre: Theatre, systems: Systems, flows: tuple[Flow, ...] = ALL_FLOWS, *, updatable: bool = True
    ) -> None:
        self.theatre = theatre
        self.systems = systems
        self.flows = flows
        self.store = empty_store(theatre.now, theatre.point)
        self.runs: dict[str, Run] = {}
        self._tokens = MemoryTokenStore()
        self.updatable = updatable
        self._numbers = itertools.count(1)
        self._pairs: list[Pair] = []

    def onboard(self) -> None:
        ensure_definitions(self._shop_client())

    @contextmanager
    def pair(self) -> Iterator[Pair]:
        """Lend a pair to one worker; nobody else uses it meanwhile, and a worker that dies takes it along."""
        pair = self._pairs.pop() if self._pairs else self._connect()
        yield pair
        self._pairs.append(pair)

    def _connect(self) -> Pair:
        shop = self._shop_client()
        options = SiteOptions.model_validate(
            {
                "products": {"write": True},
                "limits": _LIMITS,
                **({"capabilities": {"orders_update": "on"}} if self.updatable else {}),
            }
        )
        limiter = LocalLimiter(2000, 4, clock=TIME.monotonic, sleep=TIME.sleep)
        site = Framework360Client(URLS[System.FRAMEWORK360], "sandbox-key", options, limiter=limiter, sleep=TIME.sleep)
        site._adapter = self.systems.adapter()
        pair = build_pair(
            store=self.store,
            settings=SETTINGS,
            mappings={flow: mapping for flow, mapping in _mappings().items() if flow in self.flows},
            shopify=shop,
            framework360=site,
            clock=self.theatre.now,
        )
        return replace(pair, shop=ShopAccess(shop, lambda: None))

    def _shop_client(self) -> ShopifyClient:
        address = shop_address(URLS[System.SHOPIFY])
        endpoint = TokenEndpoint(address, CLIENT_ID, CLIENT_SECRET, clock=self.theatre.now, sleep=TIME.sleep)
        return ShopifyClient(
            address,
            ClientCredentials(endpoint, self._tokens),
            CostBudget(address.shop, clock=TIME.time, sleep=TIME.sleep),
            retries=Retries(attempts=2, first_wait=0.05, longest_wait=0.1),
            sleep=TIME.sleep,
            clock=TIME.time,
            jitter=lambda: 0.5,
        )

    # What workers do --------------------------------------------------------------------------------------------------

    def new_run(self, flow: Flow, mode: Mode, **what: Any) -> str:
        run_id = f"{flow.name}/{mode.value}/{next(self._numbers)}"
        self.runs[run_id] = Run(flow, RunRequest(flow, run_id, mode, **what))
        return run_id

    def perform(self, run_id: str) -> None:
        """Do a run, or what is left of one that failed or died."""
        run = self.runs[run_id]
        with self.pair() as pair:
            if not run.staged and run.request is not None:
                stage_run(pair, run.request)
                run.staged = True
            drain(pair, run.flow, f"worker-{next(self._numbers)}", for_run=run_id)
            run.worked = True

    def serve(self) -> None:
        """One wakening of the consumer of the queue, flow after flow."""
        wakening = f"webhook_queue/{next(self._numbers)}"
        with self.pair() as pair:
            do_event_tasks(pair)
            for flow in self.flows:
                with pair.store.read() as tx:
                    due = tx.due_flows([flow], URGENT)
                if not due:
                    continue
                run_id = flow.part_of(wakening)
                with pair.store.begin() as tx:
                    tx.open_run(run_id, flow, "near real time", mapping_digest=pair.mapping(flow).digest)
                self.runs[run_id] = Run(flow, staged=True)
                try:
                    drain(pair, flow, f"worker-{next(self._numbers)}", for_run=run_id, least=URGENT)
                except SyncError:
                    continue
                self.runs[run_id].worked = True
