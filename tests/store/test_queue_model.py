"""The queue against a model of a few lines: whatever producers and workers do, both agree and nothing is lost."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shopify_fw360.errors import FW360_UNAVAILABLE, LEASE_LOST, REJECTED, SyncError
from shopify_fw360.records import Operation, Origin
from shopify_fw360.store import StageCounts, Store
from tests.store.make import FORTH, MINUTE, Clock, change, ended

RUNS = ("run-a", "run-b")
TIMES = (None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


@dataclass
class Row:
    content: object  # None: must be read
    read_at: datetime | None
    fingerprint: str
    operation: Operation
    priority: int
    run: str
    due: datetime
    attempts: int = 0
    state: str = "pending"
    worker: str | None = None
    in_flight_run: str | None = None  # of the change being worked on, if another one waits behind it


@dataclass
class Model:
    rows: dict[str, Row] = field(default_factory=dict)

    def stage(self, new, now) -> str:
        row = self.rows.get(new.source_id)
        raw = new.record.raw if new.record else None
        read_at = new.record.updated_at if new.record else None
        fresh_row = Row(raw, read_at, new.fingerprint, new.operation, int(new.origin), new.run_id, now)
        if row is None:
            self.rows[new.source_id] = fresh_row
            return "staged"
        stale = bool(row.read_at and read_at and read_at < row.read_at)
        news = new.origin is Origin.SYNC_NOW or (
            not stale and (new.fingerprint == "" or new.fingerprint != row.fingerprint)
        )
        if row.state == "parked" and not news:
            return "kept"
        content = (fresh_row.content, fresh_row.read_at, fresh_row.fingerprint)
        if row.state != "parked" and row.content is None:
            content = (None, None, "")
        elif stale:
            content = (row.content, row.read_at, row.fingerprint)
        replaced = row.state == "pending" or row.in_flight_run is not None
        merged = replace(
            row,
            content=content[0],
            read_at=content[1],
            fingerprint=content[2],
            operation=new.operation,
            priority=int(new.origin) if row.state == "parked" else min(row.priority, int(new.origin)),
            run=new.run_id,
        )
        if row.state == "leased":
            merged.in_flight_run = row.run if row.in_flight_run is None else row.in_flight_run
        elif news:
            merged.attempts, merged.due = 0, now
        if row.state == "parked":
            merged.state = "pending"
        self.rows[new.source_id] = merged
        return "coalesced" if replaced else "staged"

    def claimable(self, now) -> list[str]:
        due = [key for key, row in self.rows.items() if row.state != "parked" and row.due <= now]
        return sorted(due, key=lambda key: (self.rows[key].priority, self.rows[key].due))

    def claim(self, key, worker, until, for_run) -> None:
        row = self.rows[key]
        attempts = 0 if row.in_flight_run is not None else row.attempts
        self.rows[key] = replace(
            row,
            state="leased",
            worker=worker,
            due=until,
            attempts=attempts + 1,
            in_flight_run=None,
            run=row.run or for_run or "",
        )

    def back(self, key, now) -> bool:
        """Leave the change behind the ended one pending; False if there is none."""
        row = self.rows[key]
        if row.in_flight_run is None:
            return False
        self.rows[key] = replace(row, state="pending", worker=None, in_flight_run=None, attempts=0, due=now)
        return True


def _change(source_id, run_id, origin, operation, content, fingerprint, read_at):  # noqa: PLR0917 - drawn one by one
    raw = None if content is None else {"v": content}
    return change(
        source_id,
        raw=raw,
        read_at=read_at,
        run_id=run_id,
        origin=origin,
        operation=operation,
        fingerprint=fingerprint,
    )


CHANGES = st.builds(
    _change,
    st.sampled_from("12"),
    st.sampled_from(RUNS),
    st.sampled_from(Origin),
    st.sampled_from(Operation),
    st.sampled_from((None, "x", "y")),
    st.sampled_from(("", "f1", "f2")),
    st.sampled_from(TIMES),
)


WORKERS = st.sampled_from(("w1", "w2"))
ENDINGS = ("worker_completes", "worker_retries", "worker_parks", "worker_gives_back")
STEPS = (
    *("producer_stages",) * 4,
    *("worker_claims",) * 3,
    *("time_passes",) * 2,
    *ENDINGS,
    "person_releases",
)


class QueueMachine(RuleBasedStateMachine):
    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = Store.open(self.url, pair_id=f"model-{uuid.uuid4().hex}", clock=self.clock)
        self.model = Model()
        self.claims = {}
        with self.store.begin() as tx:
            for run in RUNS:
                tx.open_run(run, FORTH, "poll")

    def teardown(self) -> None:
        self.store.close()

    @rule(data=st.data(), step=st.sampled_from(STEPS))
    def something_happens(self, data, step) -> None:
        """One rule for all steps: of several rules, Hypothesis would leave some out in most of its runs."""
        if self.claims or step not in ENDINGS:
            getattr(self, step)(data)

    def producer_stages(self, data) -> None:
        new = data.draw(CHANGES)
        expected = self.model.stage(new, self.clock())
        with self.store.begin() as tx:
            counts = tx.stage([new])
            tx.count_read(new.run_id, read=1, staged=counts)
        assert (
            counts
            == {
                "staged": StageCounts(1),
                "coalesced": StageCounts(1, 1),
                "kept": StageCounts(0, 0, 1),
            }[expected]
        )

    def worker_claims(self, data) -> None:
        worker, limit = data.draw(WORKERS), data.draw(st.integers(1, 2))
        for_run = data.draw(st.sampled_from((None, *RUNS)))
        order = self.model.claimable(self.clock())
        with self.store.begin() as tx:
            claims = tx.claim(limit, worker, MINUTE, for_run=for_run)
        keys = [held.change.source_id for held in claims]
        rank = [(self.model.rows[key].priority, self.model.rows[key].due) for key in keys]
        best = [(self.model.rows[key].priority, self.model.rows[key].due) for key in order[:limit]]
        assert rank == best
        for held in claims:
            key = held.change.source_id
            self.model.claim(key, worker, self.clock() + MINUTE, for_run)
            self.claims[key, worker] = held
            row = self.model.rows[key]
            assert held.attempts == row.attempts - 1
            assert held.change.run_id == row.run

    def ending(self, data, work):
        """Let a worker end something, which fails exactly if it lost the lease."""
        key, worker = data.draw(st.sampled_from(sorted(self.claims)))
        held = self.claims.pop((key, worker))
        row = self.model.rows.get(key)
        holds = row is not None and row.state == "leased" and row.worker == worker and self.is_latest(held)
        if holds:
            with self.store.begin() as tx:
                return key, work(tx, held, worker)
        with pytest.raises(SyncError) as error, self.store.begin() as tx:
            work(tx, held, worker)
        assert error.value.code is LEASE_LOST
        return None, None

    def is_latest(self, held) -> bool:
        with self.store.read() as tx:
            rows = {row.source_id: row for row in tx.queued()}
        row = rows.get(held.change.source_id)
        return row is not None and row.row_id == held.row_id

    def worker_completes(self, data) -> None:
        key, left = self.ending(data, lambda tx, held, worker: tx.complete(held, worker, ended(held)))
        if key is not None:
            waits = self.model.back(key, self.clock())
            assert left is not waits
            if not waits:
                del self.model.rows[key]

    def worker_retries(self, data) -> None:
        error = SyncError(FW360_UNAVAILABLE, "HTTP 502")
        due = self.clock() + data.draw(st.integers(0, 3)) * MINUTE
        key, left = self.ending(data, lambda tx, held, worker: tx.retry(held, worker, error, due))
        if key is not None:
            waits = self.model.back(key, self.clock())
            assert left is not waits
            if not waits:
                row = self.model.rows[key]
                self.model.rows[key] = replace(row, state="pending", worker=None, due=due)

    def worker_parks(self, data) -> None:
        error = SyncError(REJECTED, "no")
        key, left = self.ending(data, lambda tx, held, worker: tx.park(held, worker, error))
        if key is not None:
            waits = self.model.back(key, self.clock())
            assert left is not waits
            if not waits:
                row = self.model.rows[key]
                self.model.rows[key] = replace(row, state="parked", worker=None, due=self.clock())

    def worker_gives_back(self, data) -> None:
        worker = data.draw(WORKERS)
        held = [claim for (key, owner), claim in sorted(self.claims.items()) if owner == worker]
        with self.store.begin() as tx:
            tx.give_back(held, worker)
        for claim in held:
            key = claim.change.source_id
            del self.claims[key, worker]
            row = self.model.rows.get(key)
            if row is None or row.state != "leased" or row.worker != worker:
                continue
            if not self.model.back(key, self.clock()):
                self.model.rows[key] = replace(
                    row, state="pending", worker=None, due=self.clock(), attempts=row.attempts - 1
                )

    def person_releases(self, data) -> None:
        run = data.draw(st.sampled_from(("", *RUNS)))
        with self.store.begin() as tx:
            released = tx.release(flow=FORTH, run_id=run)
            if run:
                tx.count_read(run, read=released, staged=StageCounts(released))
        parked = [key for key, row in self.model.rows.items() if row.state == "parked"]
        assert released == len(parked)
        for key in parked:
            row = self.model.rows[key]
            self.model.rows[key] = replace(
                row,
                state="pending",
                attempts=0,
                run=run,
                due=self.clock(),
                content=None,
                read_at=None,
                fingerprint="",
            )

    def time_passes(self, data) -> None:
        self.clock.move(seconds=data.draw(st.sampled_from((1, 61))))

    @invariant()
    def the_queue_is_as_the_model_says(self) -> None:
        with self.store.read() as tx:
            rows = {row.source_id: row for row in tx.queued()}
            known = tx.known_fingerprints(FORTH, ["1", "2"])
            counts = tx.pending()
        shown = {
            key: (row.state, row.operation, int(row.origin), row.run_id, row.attempts, row.available_at)
            for key, row in rows.items()
        }
        assert shown == {
            key: (row.state, row.operation, row.priority, row.run, row.attempts, row.due)
            for key, row in self.model.rows.items()
        }
        assert known == {key: row.fingerprint for key, row in self.model.rows.items() if row.fingerprint}
        assert counts.open + counts.parked == len(rows)

    @invariant()
    def every_run_is_explained_at_every_moment(self) -> None:
        with self.store.read() as tx:
            for run in RUNS:
                certificate = tx.certificate(run)
                assert certificate.explained, certificate.as_dict()


def test_the_queue_behaves_like_its_model(url):
    run_state_machine_as_test(
        type("QueueMachineOnUrl", (QueueMachine,), {"url": url}),
        settings=settings(
            max_examples=12 if url.startswith("sqlite") else 6,  # the databases differ less than the stories
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
