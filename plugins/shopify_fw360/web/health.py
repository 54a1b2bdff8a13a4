"""What the page *Health* shows, as values; the JSON route returns the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

from shopify_fw360.errors import CODES, QUIET
from shopify_fw360.records import Outcome
from shopify_fw360.settings import ALL_FLOWS, SyncSettings
from shopify_fw360.shopify.bucket import BudgetState, loaded
from shopify_fw360.store import Alert, LockedState, Probe, Run, Store, Transaction
from shopify_fw360.sync.deliveries import CANARY
from shopify_fw360.sync.health import FlowHealth, flow_health

HOURS: Final = 24
_RUNS: Final = 24
_LOSS: Final = timedelta(days=7)

Kind: TypeAlias = Literal["written", "unchanged", "left", "failed"]
Verdict: TypeAlias = Literal["good", "bad", "skipped", "open"]

KINDS: Final[Mapping[Outcome, Kind]] = {
    Outcome.CREATED: "written",
    Outcome.UPDATED: "written",
    Outcome.LINKED: "written",
    Outcome.UNCHANGED: "unchanged",
    Outcome.EXCLUDED: "left",
    Outcome.UNLINKED: "left",
    Outcome.PARKED: "failed",
    Outcome.CONFLICT: "failed",
    Outcome.DIFFERS: "failed",
}


@dataclass(frozen=True, slots=True)
class Hour:
    """What was done in one hour.

    Args:
        begins: aware UTC time.
        numbers: of records by kind of outcome, every kind named.
    """

    begins: datetime
    numbers: Mapping[Kind, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.numbers.values())


@dataclass(frozen=True, slots=True)
class RunMark:
    """A run as one mark among others.

    Args:
        dag_id: of the run's page.
        run_id: of the run's page.
        flow: name of the flow.
        opened_at: aware UTC time.
        verdict: certified, not certified, skipped because it is switched off, or still open.
        error_code: code of what stopped it, None if nothing did.
        since: begin of its window, None for none.
        until: end of its window, None for none.
        read: records read.
        staged: records staged.
    """

    dag_id: str
    run_id: str
    flow: str
    opened_at: datetime
    verdict: Verdict
    error_code: str | None
    since: datetime | None
    until: datetime | None
    read: int
    staged: int


@dataclass(frozen=True, slots=True)
class Budget:
    """The API budget of a shop.

    Args:
        shop: its address without scheme.
        available: points free now, as far as we know.
        maximum: points the bucket holds.
        restore_rate: points per second.
        calls: made in the minutes that are remembered.
        waited: seconds they waited for points, together.
    """

    shop: str
    available: float
    maximum: float
    restore_rate: float
    calls: int
    waited: float

    @property
    def share(self) -> float:
        """Free share of the bucket, 0 to 1."""
        return self.available / self.maximum if self.maximum else 0.0


@dataclass(frozen=True, slots=True)
class HealthView:
    """Everything on the page.

    Args:
        at: aware UTC time of the picture.
        flows: how each flow is doing.
        hours: the last hours, the oldest first.
        certificates: by name of the flow its last runs, the oldest first.
        windows: the last backfills and other runs of exactly a window.
        loss: proofs of delivery of the last days, empty before the first.
        canaries: events of the last days that were caused on purpose, None before the first.
        budgets: of the shops.
        alerts: those that last.
        requests: open requests about personal data.
    """

    at: datetime
    flows: Sequence[FlowHealth]
    hours: Sequence[Hour]
    certificates: Mapping[str, Sequence[RunMark]]
    windows: Sequence[RunMark]
    loss: Sequence[Probe]
    canaries: Probe | None
    budgets: Sequence[Budget]
    alerts: Sequence[Alert]
    requests: int

    @property
    def highest(self) -> int:
        """The most records of an hour, at least 1."""
        return max(1, *(hour.total for hour in self.hours))

    @property
    def expected(self) -> int:
        """Changes that events should have told of."""
        return sum(probe.expected for probe in self.loss)

    @property
    def missed(self) -> int:
        """Changes among them that no event has told of."""
        return sum(probe.missed for probe in self.loss)


def health_view(store: Store, settings: SyncSettings) -> HealthView:
    """Describe how everything is doing.

    Args:
        store: the store.
        settings: which flows are on, and when they are late.

    Returns:
        The picture.
    """
    now = store.clock()
    with store.read() as tx:
        probes = tx.sum_probes(now - _LOSS)
        view = HealthView(
            at=now,
            flows=flow_health(tx, settings),
            hours=_hours(tx, now),
            certificates={
                flow.name: [_mark(run) for run in reversed(tx.recent_runs(flow, limit=_RUNS)) if not run.dry_run]
                for flow in ALL_FLOWS
            },
            windows=[_mark(run) for run in tx.recent_windows()],
            loss=[probe for probe in probes if probe.flow != CANARY],
            canaries=next((probe for probe in probes if probe.flow == CANARY), None),
            budgets=(),
            alerts=tx.alerts(),
            requests=len(tx.privacy_requests()),
        )
    states = LockedState(store).states()
    moment = now.timestamp()
    budgets = [_budget(shop, loaded(state, moment), moment) for shop, state in states.items()]
    return replace(view, budgets=budgets)


def _hours(tx: Transaction, now: datetime) -> list[Hour]:
    last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = last - timedelta(hours=HOURS - 1)
    counted = tx.throughput(first)
    hours = []
    for begins in (first + timedelta(hours=number) for number in range(HOURS)):
        numbers: dict[Kind, int] = dict.fromkeys(("written", "unchanged", "left", "failed"), 0)
        for outcome, number in counted.get(begins, {}).items():
            numbers[KINDS[outcome]] += number
        hours.append(Hour(begins, numbers))
    return hours


def _mark(run: Run) -> RunMark:
    dag_id, _, run_id = run.run_id.partition("/")
    certificate = run.certificate
    verdict: Verdict = "open"
    if CODES.get(run.error_code or "") in QUIET:
        verdict = "skipped"
    elif run.error_code is not None or (certificate is not None and not certificate.explained):
        verdict = "bad"
    elif run.closed_at is not None:
        verdict = "good"
    return RunMark(
        dag_id=dag_id,
        run_id=run_id,
        flow=run.flow.name,
        opened_at=run.opened_at,
        verdict=verdict,
        error_code=run.error_code,
        since=run.window.since,
        until=run.window.until,
        read=0 if certificate is None else certificate.read,
        staged=0 if certificate is None else certificate.staged,
    )


def _budget(shop: str, state: BudgetState, now: float) -> Budget:
    refilled = state.available + max(0.0, now - state.at) * state.restore_rate
    return Budget(
        shop=shop,
        available=max(0.0, min(state.maximum, refilled)),
        maximum=state.maximum,
        restore_rate=state.restore_rate,
        calls=sum(use.calls for use in state.used),
        waited=sum(use.waited for use in state.used),
    )
