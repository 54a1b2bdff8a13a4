"""Metrics for whoever watches the deployment, through Airflow's own StatsD or OpenTelemetry client.

Nothing is sent unless ``[metrics] statsd_on`` or ``otel_on`` is set. With OpenTelemetry, and with StatsD where tags are
on, what a number belongs to is a tag; plain StatsD has no tags, so there it is part of the name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from airflow.sdk.configuration import conf
from airflow.sdk.observability import stats

from shopify_fw360.errors import SyncError
from shopify_fw360.records import Flow
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.store import Certificate, LockedState, Store
from shopify_fw360.sync.drain import DrainReport
from shopify_fw360.sync.pair import Pair

_FOREIGN: Final = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class Metric:
    """A documented metric.

    Args:
        name: without the prefix that ``[metrics] statsd_prefix`` or ``otel_prefix`` sets.
        kind: how values of one name add up.
        tags: what a number belongs to, in the order in which plain StatsD has them in the name.
        about: what is counted, with its unit.
        sent: when.
    """

    name: str
    kind: Literal["counter", "gauge"]
    tags: tuple[str, ...]
    about: str
    sent: str


METRICS: dict[str, Metric] = {}


def _define(name: str, kind: Literal["counter", "gauge"], tags: tuple[str, ...], about: str, sent: str) -> Metric:
    METRICS[name] = Metric(name, kind, tags, about, sent)
    return METRICS[name]


_END: Final = "end of `stage`, `drain_batch`, `report` and `serve_queue`"

READ: Final = _define(
    "sync.read",
    "counter",
    ("flow", "result"),
    "records a source was read for; results: `staged`, `known`, `skipped`, `undated`, `deleted`, `unreadable`",
    "end of `stage`",
)
RECORDS: Final = _define(
    "sync.records",
    "counter",
    ("flow", "outcome"),
    "records that left the queue, by outcome (`created`, `updated`, `unchanged`, `parked`, `conflict`, ...)",
    "end of `drain_batch` and `serve_queue`",
)
RETRIED: Final = _define(
    "sync.retried",
    "counter",
    ("flow",),
    "records put off for another attempt",
    "end of `drain_batch` and `serve_queue`",
)
ERRORS: Final = _define(
    "sync.errors", "counter", ("flow", "code"), "errors that stopped a task or paused a flow", "when it happens"
)
UNEXPLAINED: Final = _define(
    "sync.unexplained",
    "gauge",
    ("flow",),
    "records that the ledger of the latest run cannot explain; anything but 0 is a defect",
    "end of `report`",
)
QUEUE: Final = _define(
    "sync.queue", "gauge", ("flow", "state"), "changes in the queue: `pending`, `leased`, `waiting`, `parked`", _END
)
OLDEST: Final = _define(
    "sync.queue_age_seconds", "gauge", ("flow",), "age of the oldest change that is not parked, in seconds", _END
)
LAG: Final = _define(
    "sync.lag_seconds",
    "gauge",
    ("flow",),
    "seconds since the moment up to which the source has been read completely; not sent before the first run",
    _END,
)
PARKED: Final = _define("sync.parked", "gauge", ("code",), "parked changes by error code", _END)
ALERTS: Final = _define("sync.alerts", "gauge", (), "alerts that last, such as missing webhook subscriptions", _END)
POINTS_AVAILABLE: Final = _define(
    "sync.shopify_points_available", "gauge", (), "points in the shop's cost bucket; below 0 callers are waiting", _END
)
POINTS_SPENT: Final = _define(
    "sync.shopify_points_spent", "gauge", (), "points ever spent by this store's calls; only grows", _END
)


def send(metric: Metric, value: float, *tags: str) -> None:
    """Hand a number to Airflow's metrics client; nothing happens where metrics are off.

    Args:
        metric: what it measures.
        value: a count to add for a counter, the present value for a gauge.
        tags: values of the metric's tags, in their order.
    """
    name, named = _addressed(metric, tags)
    if metric.kind == "counter":
        if value:
            stats.incr(name, int(value), tags=named)
    else:
        stats.gauge(name, value, tags=named)


def _addressed(metric: Metric, tags: tuple[str, ...]) -> tuple[str, dict[str, str] | None]:
    named = dict(zip(metric.tags, tags, strict=True))
    on = conf.getboolean("metrics", "statsd_on", fallback=False)
    tagged = any(
        conf.getboolean("metrics", option, fallback=False)
        for option in ("statsd_influxdb_enabled", "statsd_datadog_enabled")
    )
    if on and not tagged:
        return ".".join([metric.name, *(_FOREIGN.sub("_", value) for value in tags)]), None
    return metric.name, named or None


def send_read(flow: Flow, counts: Mapping[str, int]) -> None:
    """Send what an extraction came to.

    Args:
        flow: entity and direction.
        counts: as ``stage`` reports them; of these ``read`` is the sum of the others and is not sent.
    """
    for result, count in counts.items():
        if result != "read":
            send(READ, count, flow.name, result)


def send_drained(flow: Flow, report: DrainReport) -> None:
    """Send what a consumer did."""
    for outcome, count in report.outcomes.items():
        send(RECORDS, count, flow.name, outcome.value)
    send(RETRIED, report.retried, flow.name)


def send_certificate(flow: Flow, certificate: Certificate) -> None:
    """Send whether the ledger of a run explains every record."""
    send(
        UNEXPLAINED,
        abs(certificate.unexplained_reading or 0) + abs(certificate.unexplained_processing),
        flow.name,
    )


def send_error(flow_name: str, error: SyncError) -> None:
    """Count an error that stopped a task or paused a flow."""
    send(ERRORS, 1, flow_name, error.code.code)


def send_state(pair: Pair) -> None:
    """Send how queue, lag, alerts and the shop's cost budget are now.

    Args:
        pair: whose store is asked; flows that are switched off are left out.

    Raises:
        SyncError: SYNC-501 if the store does not answer.
    """
    store: Store = pair.store
    now = store.clock()
    with store.read() as tx:
        for flow in filter(pair.settings.flows.is_on, ALL_FLOWS):
            counts = tx.pending(flow)
            for state in ("pending", "leased", "waiting", "parked"):
                send(QUEUE, getattr(counts, state), flow.name, state)
            send(OLDEST, 0.0 if counts.oldest is None else (now - counts.oldest).total_seconds(), flow.name)
            reached = tx.watermark(flow)
            if reached is not None:
                send(LAG, (now - reached).total_seconds(), flow.name)
        for code, count in tx.parked_codes().items():
            send(PARKED, count, code or "none")
        send(ALERTS, sum(alert.ended_at is None for alert in tx.alerts()))
    if pair.shop is not None:
        _send_points(LockedState(store).state(pair.shop.key))


def _send_points(state: Mapping[str, Any] | None) -> None:
    if state is not None:
        send(POINTS_AVAILABLE, float(state["available"]))
        send(POINTS_SPENT, float(state["spent"]))
