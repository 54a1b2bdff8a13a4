"""The DAG of the mass import, through Airflow's own task runner."""

import os
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk import CronTriggerTimetable

from shopify_fw360.airflow.recovery_tasks import SPOOL, import_request, spool_folder
from shopify_fw360.records import System, Window
from tests.airflow.world import INTO_SHOP, INTO_SITE, dag_bag

pytestmark = pytest.mark.airflow

DAG_ID = "recovery_import"
GREEN = {"begin", "wait", "stage", "drain_batch", "report"}


@pytest.fixture
def deployment(deployment, tmp_path, monkeypatch):
    monkeypatch.setenv(SPOOL, str(tmp_path / "spool"))
    deployment.shopify.control.set_options(bulk_seconds=0)
    return deployment


def part(run, flow):
    """State by task of what the run did for a flow."""
    return {name.rpartition(".")[2]: state for name, state in run.tasks.items() if name.startswith(f"{flow.name}.")}


def test_an_import_carries_over_what_was_missed_and_certifies_each_flow(deployment, tmp_path):
    ada = deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    run = deployment.run(DAG_ID, entities=["customer"], read_by="export")
    assert run.state == "success"
    assert part(run, INTO_SITE) == dict.fromkeys(GREEN, "success")
    assert deployment.linked(System.SHOPIFY) == {ada}
    with deployment.store.read() as tx:
        certificates = {flow: tx.run(flow.part_of(run.ledger_id)).certificate for flow in (INTO_SITE, INTO_SHOP)}
        export = tx.export(INTO_SITE.part_of(run.ledger_id))
        assert tx.watermark(INTO_SITE) is None
    assert all(certificate.explained for certificate in certificates.values())
    assert certificates[INTO_SITE].announced == 1
    assert (export.state, export.remote_id is not None) == ("ready", True)
    assert list((tmp_path / "spool").iterdir()) == []
    others = {name: state for name, state in run.tasks.items() if "customers" not in name}
    assert set(others.values()) == {"skipped"}


def test_the_schedule_is_that_of_the_settings(deployment):
    deployment.configure(recovery={"schedule": "15 4 * * 0"})
    timetable = dag_bag().dags[DAG_ID].timetable
    assert isinstance(timetable, CronTriggerTimetable)
    assert timetable.expression == "15 4 * * 0"


@pytest.mark.parametrize("recovery", [None, {"schedule": "whenever it rains"}, {"schedule": ["x"]}])
def test_a_schedule_that_says_nothing_is_every_night(deployment, recovery):
    deployment.configure(**({} if recovery is None else {"recovery": recovery}))
    assert dag_bag().dags[DAG_ID].timetable.expression == "30 2 * * *"


def test_people_may_keep_the_schedule_to_themselves(deployment):
    deployment.configure(recovery={"schedule": None})
    assert not dag_bag().dags[DAG_ID].timetable.can_be_scheduled


def test_files_of_imports_are_readable_for_their_owner_only_and_old_ones_go(tmp_path, monkeypatch):
    monkeypatch.setenv(SPOOL, str(tmp_path / "spool"))
    old = spool_folder("old")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    os.utime(old, (long_ago, long_ago))
    new = spool_folder("new")
    assert not old.exists()
    assert new.stat().st_mode & 0o077 == 0
    assert spool_folder("new") == new


def test_the_window_of_a_run_is_the_same_in_every_attempt(deployment):
    moment = datetime(2026, 11, 25, 2, 30, 0, 123, tzinfo=UTC)
    dag_run = SimpleNamespace(
        dag_id=DAG_ID,
        run_id="r",
        run_type="manual",
        data_interval_start=None,
        data_interval_end=None,
        run_after=moment,
        start_date=None,
    )
    context = {"dag_run": dag_run, "params": {"days": 1, "entities": ["customer"]}}
    request = import_request(INTO_SITE, context)
    assert request == import_request(INTO_SITE, context)
    assert request.window == Window(since=datetime(2026, 11, 24, 2, 30, tzinfo=UTC))
    assert import_request(INTO_SHOP, context).window == Window()
