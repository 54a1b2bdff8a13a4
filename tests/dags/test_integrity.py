"""The DAG files load, keep their public names, and explain themselves."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-home-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

import pytest
from airflow.dag_processing.dagbag import DagBag

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).parents[2] / "dags"
FLOWS = ["customers_framework360_to_shopify", "customers_shopify_to_framework360"]


@pytest.fixture(scope="module")
def bag():
    return DagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")


def test_every_file_loads_under_its_public_name(bag):
    assert bag.import_errors == {}
    assert sorted(bag.dags) == [*FLOWS, "onboard_shop"]


@pytest.mark.parametrize("name", [*FLOWS, "onboard_shop"])
def test_the_runbook_is_shown_in_the_ui(bag, name):
    assert len(bag.dags[name].doc_md) > 300


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_can_be_backfilled_and_runs_one_at_a_time(bag, name):
    dag = bag.dags[name]
    assert dag.timetable.can_be_scheduled
    assert dag.max_active_runs == 1
    assert not dag.catchup


@pytest.mark.parametrize("name", FLOWS)
def test_the_form_offers_mode_window_ids_and_dry_run(bag, name):
    assert {"mode", "window_from", "window_to", "ids", "dry_run"} <= set(bag.dags[name].params)
