"""What a run is asked to do."""

from datetime import UTC, datetime

import pytest

from shopify_fw360.airflow.run_request import AirflowRun, request_of
from shopify_fw360.errors import RUN_REQUEST_INVALID, SyncError
from shopify_fw360.records import Entity, Flow, Origin, System, Window
from shopify_fw360.sync.run import Mode

INTO_SITE = Flow(Entity.CUSTOMER, System.SHOPIFY)
INTO_SHOP = INTO_SITE.reverse
START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)


def request(kind="manual", flow=INTO_SITE, interval=(None, None), **params):
    return request_of(flow, AirflowRun(flow.name, "run", kind, *interval, params))


def test_a_scheduled_run_reads_on_whatever_its_interval_and_the_form_say():
    asked = request("scheduled", interval=(START, END), mode="full")
    assert (asked.mode, asked.window, asked.origin) == (Mode.INCREMENTAL, Window(), Origin.POLL)


def test_a_backfill_reads_exactly_its_interval_whatever_the_form_says():
    asked = request("backfill", interval=(START, END), mode="full")
    assert (asked.mode, asked.window, asked.origin) == (Mode.WINDOW, Window(START, END), Origin.BACKFILL)


def test_a_manual_run_ignores_the_interval_airflow_invents_for_it():
    assert request(interval=(START, END)).mode is Mode.INCREMENTAL


@pytest.mark.parametrize("kind", ["scheduled", "backfill"])
def test_only_runs_by_hand_can_be_dry(kind):
    assert not AirflowRun("dag", "run", kind, START, END, {"dry_run": True}).dry_run


def test_a_window_is_taken_in_utc():
    asked = request(mode="window", window_from="2026-11-01T01:00:00+01:00", window_to="2026-11-02T00:00:00Z")
    assert asked.window == Window(START, END)


def test_ids_are_taken_once_each_and_as_people_copy_them():
    asked = request(mode="ids", ids=["7", " gid://shopify/Customer/7 ", "gid://shopify/Customer/8", ""])
    assert asked.ids == ("gid://shopify/Customer/7", "gid://shopify/Customer/8")
    assert request(flow=INTO_SHOP, mode="ids", ids=["17"]).ids == ("17",)


def test_the_ledger_id_names_dag_and_run():
    assert request().run_id == f"{INTO_SITE.name}/run"


@pytest.mark.parametrize(
    ("field", "params"),
    [
        ("mode", {"mode": "everything"}),
        ("window_from", {"mode": "window"}),
        ("window_to", {"mode": "window", "window_from": "2026-11-01T00:00:00Z"}),
        ("window_to", {"mode": "window", "window_from": "2026-11-02T00:00:00Z", "window_to": "2026-11-02T00:00:00Z"}),
        ("window_from", {"mode": "window", "window_from": "2026-11-01T00:00:00", "window_to": "2026-11-02T00:00:00Z"}),
        ("window_from", {"mode": "window", "window_from": "yesterday", "window_to": "2026-11-02T00:00:00Z"}),
        ("window_from", {"mode": "full", "window_from": "2026-11-01T00:00:00Z"}),
        ("ids", {"mode": "ids"}),
        ("ids", {"mode": "incremental", "ids": ["1"]}),
        ("ids", {"mode": "ids", "ids": ["gid://shopify/Product/1"]}),
        ("ids", {"mode": "ids", "ids": ["1; drop"]}),
    ],
)
def test_a_request_that_makes_no_sense_names_the_parameter(field, params):
    with pytest.raises(SyncError) as caught:
        request(**params)
    assert (caught.value.code, caught.value.field) == (RUN_REQUEST_INVALID, field)


def test_a_backfill_without_an_interval_is_refused():
    with pytest.raises(SyncError, match="data interval"):
        request("backfill")
