"""Metrics, through Airflow's own clients, from runs of the flows."""

import socket

import pytest
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger

from shopify_fw360.airflow import metrics
from tests.airflow.world import INTO_SITE

pytestmark = pytest.mark.airflow


class Recorder(NoStatsLogger):
    """A backend with tags, as OpenTelemetry has them."""

    def __init__(self):
        self.sent = []

    def incr(self, stat, count=1, rate=1, *, tags=None):
        self.sent.append((stat, count, tags or {}))

    def gauge(self, stat, value, rate=1, delta=False, *, tags=None):
        self.sent.append((stat, value, tags or {}))

    def of(self, metric):
        return {tuple(tags.values()): value for name, value, tags in self.sent if name == metric.name}


@pytest.fixture
def recorder(monkeypatch):
    """Takes the place of the client in this process, and of what the task runner would make anew."""
    made = Recorder()
    monkeypatch.setattr(_module(), "_backend", made)
    monkeypatch.setattr(_module(), "_factory", lambda: made)
    return made


def _module():
    from airflow.sdk._shared.observability.metrics import stats as module

    return module


def test_a_run_sends_what_is_documented_read_records_outcomes_queue_lag_and_points(deployment, recorder):
    deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    deployment.shop.create(firstName="Ugo", lastName="Blu", phone="+393337654321")
    deployment.run(INTO_SITE.name, kind="scheduled")
    flow = INTO_SITE.name
    assert recorder.of(metrics.READ)[flow, "staged"] == 2
    assert recorder.of(metrics.RECORDS) == {(flow, "created"): 1, (flow, "parked"): 1}
    assert recorder.of(metrics.QUEUE)[flow, "parked"] == 1
    assert recorder.of(metrics.PARKED) == {("SYNC-201",): 1}
    assert recorder.of(metrics.UNEXPLAINED) == {(flow,): 0}
    assert recorder.of(metrics.LAG)[flow,] >= 0
    assert recorder.of(metrics.POINTS_SPENT)[()] > 0
    ours = {name: set(tags) for name, _, tags in recorder.sent if name.startswith("sync.")}
    assert ours == {name: set(metrics.METRICS[name].tags) for name in ours}
    assert metrics.METRICS.keys() - ours.keys() == {"sync.retried", "sync.errors"}


def test_an_error_that_stops_a_task_is_counted_by_code(deployment, recorder):
    deployment.connect("framework360_default", password="wrong")
    deployment.run(INTO_SITE.reverse.name, kind="scheduled")
    assert recorder.of(metrics.ERRORS) == {(INTO_SITE.reverse.name, "SYNC-401"): 1}


def test_plain_statsd_gets_what_a_number_belongs_to_in_the_name(monkeypatch):
    """Over a real socket with Airflow's StatsD client."""
    from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(server.getsockname()[1]))
        monkeypatch.setattr(_module(), "_backend", None)
        monkeypatch.setattr(_module(), "_factory", get_stats_factory())
        metrics.send(metrics.RECORDS, 3, INTO_SITE.name, "created")
        metrics.send(metrics.PARKED, 2, "SYNC-201")
        heard = [server.recv(1000).decode() for _ in range(2)]
    assert heard == [f"airflow.sync.records.{INTO_SITE.name}.created:3|c", "airflow.sync.parked.SYNC-201:2|g"]


def test_where_metrics_are_off_nothing_happens(monkeypatch):
    monkeypatch.setattr(_module(), "_backend", None)
    monkeypatch.setattr(_module(), "_factory", None)
    metrics.send(metrics.ALERTS, 1)
    assert isinstance(_module()._backend, NoStatsLogger)
