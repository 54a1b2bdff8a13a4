"""Runs of the flows, through Airflow's own task runner, against both systems and a real store."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from shopify_fw360.records import Outcome, System
from tests.airflow.world import INTO_SHOP, INTO_SITE

pytestmark = pytest.mark.airflow

ALL_GREEN = {"stage": "success", "drain_batch": "success", "report": "success"}


def test_a_scheduled_run_carries_the_customer_over_and_moves_the_watermark(deployment):
    customer = deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    run = deployment.run(INTO_SITE.name, kind="scheduled")
    assert (run.state, run.tasks) == ("success", ALL_GREEN)
    assert deployment.site.all()[0]["email"] == "ada@example.com"
    assert deployment.linked(System.SHOPIFY) == {customer}
    with deployment.store.read() as tx:
        assert tx.watermark(INTO_SITE) is not None


def test_the_run_hands_on_its_counts_its_certificate_and_its_page(deployment):
    deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    run = deployment.run(INTO_SITE.name, kind="scheduled")
    assert run.xcom("stage", "counts")["staged"] == 1
    report = run.xcom("report")
    assert report["certificate"]["explained"]
    assert report["certificate"]["outcomes"] == {"created": 1}
    assert report["page"].startswith(f"https://airflow.example.com/sync/runs/{INTO_SITE.name}/")
    assert deployment.ledger(run).certificate.outcomes == {Outcome.CREATED: 1}


def test_a_backfill_reads_exactly_its_interval_and_leaves_the_watermark(deployment):
    inside = deployment.shop.create(firstName="In", lastName="Side", email="in@example.com")
    moment = datetime.fromisoformat(deployment.shop.read(inside)["updatedAt"])
    window = (moment, moment + timedelta(seconds=1))
    before = deployment.run(INTO_SITE.name, kind="backfill", interval=(moment - timedelta(hours=1), moment))
    assert deployment.linked(System.SHOPIFY) == set()
    assert (before.state, deployment.ledger(before).window.until) == ("success", moment.astimezone(UTC))
    run = deployment.run(INTO_SITE.name, kind="backfill", interval=window)
    assert deployment.linked(System.SHOPIFY) == {inside}
    assert (deployment.ledger(run).window.since, deployment.ledger(run).window.until) == window
    with deployment.store.read() as tx:
        assert tx.watermark(INTO_SITE) is None


def test_ids_given_by_hand_carry_over_these_records_only(deployment):
    customers = [
        deployment.shop.create(firstName=name, lastName="Neri", email=f"{name}@example.com") for name in ("ada", "eva")
    ]
    number = customers[0].rpartition("/")[2]
    run = deployment.run(INTO_SITE.name, mode="ids", ids=[number])
    assert run.tasks == ALL_GREEN
    assert deployment.linked(System.SHOPIFY) == {customers[0]}


def test_a_dry_run_shows_the_plan_and_writes_nothing(deployment):
    deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    writes = deployment.writes()
    run = deployment.run(INTO_SITE.name, mode="full", dry_run=True)
    assert run.state == "success"
    assert deployment.writes() == writes
    assert run.xcom("stage", "counts")["create"] == 1
    with deployment.store.read() as tx:
        assert tx.pending().open == 0
        assert tx.watermark(INTO_SITE) is None
        plan, number = tx.plan_items(run.ledger_id)
    assert [(item.action, item.after["nome"]) for item in plan] == [("create", "Ada")]
    assert number == 1


def test_a_flow_that_is_switched_off_is_skipped_quietly(deployment):
    deployment.configure(flows={"customers": {"framework360_to_shopify": False}})
    run = deployment.run(INTO_SHOP.name, kind="scheduled")
    assert run.state == "success"
    assert set(run.tasks.values()) == {"skipped"}


@pytest.mark.parametrize("dag_id", ["products_shopify_to_framework360", "products_framework360_to_shopify"])
def test_on_a_site_without_products_their_runs_are_skipped_quietly(deployment, dag_id):
    deployment.framework360.control.set_options(capabilities_off=["products"])
    run = deployment.run(dag_id, kind="scheduled")
    assert run.state == "success"
    assert set(run.tasks.values()) == {"skipped"}


def test_where_writing_products_is_not_confirmed_they_are_not_even_read_from_the_shop(deployment):
    run = deployment.run("products_shopify_to_framework360", kind="scheduled")
    assert run.state == "success"
    assert set(run.tasks.values()) == {"skipped"}
    with deployment.store.read() as tx:
        assert tx.pending().open == 0


def test_a_dry_run_shows_what_would_be_written_before_writing_is_confirmed(deployment):
    deployment.shopify.control.reset(seed=7, customers=0, products=5, population="shopify")
    deployment.framework360.control.reset(seed=7, customers=0, products=0, population="shopify")
    run = deployment.run("products_shopify_to_framework360", mode="full", dry_run=True)
    assert run.state == "success"
    assert run.xcom("stage", "counts")["create"] == 5
    assert deployment.framework360.control.state()["records"]["products"] == 0


def test_a_wrong_key_stops_the_run_at_once_and_its_page_says_why(deployment):
    deployment.connect("framework360_default", password="wrong")
    run = deployment.run(INTO_SHOP.name, kind="scheduled")
    assert run.state == "failed"
    assert run.tasks == {"stage": "failed", "drain_batch": "upstream_failed", "report": "upstream_failed"}
    assert deployment.ledger(run).error_code == "SYNC-401"


def test_wrong_parameters_stop_the_run_before_anything_is_read(deployment):
    run = deployment.run(INTO_SITE.name, mode="window", window_from="2026-11-01T00:00:00Z")
    assert run.tasks["stage"] == "failed"
    known = deployment.ledger(run)
    assert (known.error_code, "window_to" in known.error_message) == ("SYNC-108", True)


def test_a_run_with_records_that_still_wait_is_red_and_says_how_many(deployment):
    deployment.configure(limits={"wait_seconds": 1, "backoff_seconds": 600})
    deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    deployment.framework360.control.add_fault("http_status", match={"path_prefix": "/m/api/customers/registration"})
    run = deployment.run(INTO_SITE.name, kind="scheduled")
    assert (run.state, run.tasks["report"]) == ("failed", "failed")
    known = deployment.ledger(run)
    assert (known.error_code, "1 waiting" in known.error_message) == ("SYNC-503", True)


def test_a_run_whose_store_was_replaced_meanwhile_is_red_and_says_what_to_do(deployment):
    """Certifying again, after the task was cleared, meets a store that does not know the run."""
    from shopify_fw360.airflow.tasks import report
    from shopify_fw360.errors import SyncError

    ti = SimpleNamespace(task_id="report", map_index=-1, try_number=2)
    row = SimpleNamespace(
        dag_id=INTO_SITE.name, run_id="lost", run_type="scheduled", data_interval_start=None, data_interval_end=None
    )
    with pytest.raises(AirflowFailException, match=r"SYNC-503.*clear stage") as caught:
        report(INTO_SITE, {"dag_run": row, "params": {}, "ti": ti})
    assert isinstance(caught.value.__cause__, SyncError)


def test_a_parked_record_leaves_the_run_green_because_it_is_explained(deployment):
    deployment.shop.create(firstName="Ugo", lastName="Blu", phone="+393337654321")
    run = deployment.run(INTO_SITE.name, kind="scheduled")
    assert run.state == "success"
    assert run.xcom("report")["certificate"]["outcomes"] == {"parked": 1}


def test_onboarding_creates_what_is_missing_and_a_second_time_nothing(deployment):
    first = deployment.run("onboard_shop")
    assert set(first.tasks.values()) == {"success"}
    assert first.xcom("prepare")["created_definitions"]
    assert deployment.run("onboard_shop").xcom("prepare")["created_definitions"] == []
