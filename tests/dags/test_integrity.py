"""The DAG files load fast, keep their public names, explain themselves, and mean what the UI says."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest
import yaml
from airflow.sdk import CronDataIntervalTimetable
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from shopify_fw360.airflow.queue_sensor import QueueSensor
from shopify_fw360.records import QUEUE_ASSET
from tests.airflow.environment import ROOT
from tests.airflow.world import dag_bag

pytestmark = pytest.mark.airflow

FLOWS = [
    "customers_framework360_to_shopify",
    "customers_shopify_to_framework360",
    "orders_shopify_to_framework360",
    "products_framework360_to_shopify",
    "products_shopify_to_framework360",
]
NAMES = sorted([*FLOWS, "maintenance", "onboard_shop", "plan_approval", "recovery_import", "sync_one", "webhook_queue"])


@pytest.fixture(scope="module")
def bag():
    return dag_bag()


def test_every_file_loads_under_its_public_name(bag):
    assert bag.import_errors == {}
    assert sorted(bag.dags) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_runbook_is_shown_in_the_ui(bag, name):
    assert "If it fails" in bag.dags[name].doc_md


@pytest.mark.parametrize("name", NAMES)
def test_lists_can_be_filtered_by_tag_and_owner(bag, name):
    dag = bag.dags[name]
    assert "sync" in dag.tags
    assert {task.owner for task in dag.tasks} == {"data-team"}


@pytest.mark.parametrize("name", NAMES)
def test_no_task_can_hang_for_ever_or_give_up_at_once(bag, name):
    for task in bag.dags[name].tasks:
        assert task.execution_timeout <= timedelta(hours=6)
        assert task.retries >= 1


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_runs_one_at_a_time_and_does_not_catch_up(bag, name):
    dag = bag.dags[name]
    assert dag.max_active_runs == 1
    assert not dag.catchup


@pytest.mark.parametrize("name", FLOWS)
def test_each_run_has_the_span_between_two_ticks_so_that_a_backfill_means_its_windows(bag, name):
    assert isinstance(bag.dags[name].timetable, CronDataIntervalTimetable)
    timetable = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(bag.dags[name])).timetable
    start = bag.dags[name].start_date
    interval = timetable.infer_manual_data_interval(run_after=start)
    assert (interval.start, interval.end) == (start - timedelta(minutes=15), start)


@pytest.mark.parametrize("name", FLOWS)
def test_the_report_runs_also_after_a_failed_batch(bag, name):
    report = bag.dags[name].get_task("report")
    assert report.upstream_task_ids == {"stage", "drain_batch"}
    assert report.trigger_rule == "all_done_min_one_success"


@pytest.mark.parametrize("name", FLOWS)
def test_tasks_that_load_a_system_run_in_its_pool_and_the_pools_are_set_up(bag, name):
    source, target = name.partition("_")[2].split("_to_")
    dag = bag.dags[name]
    assert dag.get_task("stage").pool == f"{source}_api"
    assert dag.get_task("drain_batch").pool == f"{target}_api"
    settings = yaml.safe_load((ROOT / "airflow_settings.yaml").read_text())["airflow"]
    assert {"shopify_api", "framework360_api"} <= {pool["pool_name"] for pool in settings["pools"]}


@pytest.mark.parametrize("name", FLOWS)
def test_the_form_explains_each_parameter_and_its_defaults_are_a_plain_run(bag, name):
    params = bag.dags[name].params
    assert set(params) == {"mode", "window_from", "window_to", "ids", "dry_run", "plan"}
    assert params.dump() == {
        "mode": "incremental",
        "window_from": None,
        "window_to": None,
        "ids": [],
        "dry_run": False,
        "plan": None,
    }
    for key in params:
        assert params.get_param(key).schema["title"]
        assert params.get_param(key).description


def test_forms_can_be_sent_and_backfills_be_started_without_filling_anything_in(bag):
    """Airflow's UI disables its button while a text that may not be null is empty."""
    stuck = {
        (name, key)
        for name, dag in bag.dags.items()
        for key in dag.params
        if dag.params.get_param(key).schema.get("type") == "string" and dag.params[key] == ""
    }
    assert not stuck


@pytest.mark.parametrize(
    "wrong", [{"mode": "everything"}, {"window_from": "yesterday"}, {"ids": "1,2"}, {"ids": [1]}, {"dry_run": "maybe"}]
)
def test_the_form_refuses_what_is_of_the_wrong_kind(wrong):
    (key, value) = next(iter(wrong.items()))
    param = dag_bag().dags[FLOWS[0]].params.get_param(key)
    with pytest.raises(ParamValidationError):
        param.resolve(value)


def test_parsing_a_dag_file_imports_nothing_heavy():
    """The DAG processor parses these files all the time; what Airflow itself imports is not ours to change."""
    code = (
        "import json, sys\n"
        "from airflow.sdk import DAG, CronDataIntervalTimetable, Param, TriggerRule, get_current_context, task\n"
        "from airflow.providers.standard.operators import hitl, trigger_dagrun\n"
        "before = set(sys.modules)\n"
        "for name in sys.argv[1:]: __import__(name)\n"
        "roots = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "ours = sorted(name for name in set(sys.modules) - before if name.startswith('shopify_fw360.'))\n"
        "print('ANSWER' + json.dumps([sorted(roots), ours]))"
    )
    paths = [str(ROOT / "plugins"), str(ROOT / "dags")]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}", *NAMES],
        capture_output=True,
        text=True,
        check=True,
    )
    roots, ours = json.loads(done.stdout.rpartition("ANSWER")[2])
    assert not {"pandas", "numpy", "sqlalchemy", "requests", "graphql", "alembic", "fastapi"} & set(roots)
    light = (
        "airflow.approval_dag",
        "airflow.dag",
        "airflow.queue_dags",
        "airflow.queue_sensor",
        "airflow.reactions",
        "airflow.recovery_dag",
        "errors",
        "records",
        "settings",
    )
    assert ours == [f"shopify_fw360.{name}" for name in light]


def test_the_queue_is_served_when_the_bell_rings_and_watched_all_the_time(bag):
    dag = bag.dags["webhook_queue"]
    timetable = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)).timetable
    assert {asset.name for _, asset in timetable.asset_condition.iter_assets()} == {QUEUE_ASSET}
    assert timetable.timetable.summary == "*/5 * * * *"
    # One run that serves, one that watches.
    assert dag.max_active_runs == 2
    sensor = dag.get_task("serve_queue")
    assert isinstance(sensor, QueueSensor)
    assert sensor.watch_seconds < 300


def test_one_record_is_named_by_what_it_is_where_it_comes_from_and_its_id(bag):
    params = bag.dags["sync_one"].params
    assert params.get_param("entity").schema["enum"] == ["customer", "product", "order"]
    assert params.get_param("source").schema["enum"] == ["shopify", "framework360"]
    assert params.dump()["id"] is None
