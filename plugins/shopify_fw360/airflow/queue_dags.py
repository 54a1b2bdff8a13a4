"""Builds the DAGs that serve the queue in near real time. Imported whenever a DAG file is parsed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    Param,
    TriggerRule,
    get_current_context,
    task,
)

from shopify_fw360.airflow.dag import DEFAULTS, START
from shopify_fw360.airflow.queue_sensor import QueueSensor
from shopify_fw360.records import QUEUE_ASSET, Entity, System


def queue_dag(dag_id: str, doc: str | None) -> DAG:
    """Build the DAG that works the queue off as soon as something urgent is in it.

    Args:
        dag_id: its id.
        doc: Markdown for operators, shown in the UI.

    Returns:
        The DAG.
    """
    with DAG(
        dag_id=dag_id,
        dag_display_name="Queue: webhooks and everything urgent",
        description="Works off what webhooks and people have put into the queue, within seconds.",
        doc_md=doc,
        # The receiver's bell starts a run at once. Each scheduled run waits as a sensor in the triggerer: the net.
        schedule=AssetOrTimeSchedule(
            timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC"), assets=[Asset(QUEUE_ASSET)]
        ),
        start_date=START,
        catchup=False,
        # One run that serves or waits for the bell, and one that watches; a bell that rings meanwhile waits its turn.
        max_active_runs=2,
        tags=["sync", "near real time"],
        default_args=DEFAULTS,
    ) as dag:
        QueueSensor(task_id="serve_queue", execution_timeout=timedelta(hours=1), retries=1)
    return dag


def sync_one_dag(dag_id: str, doc: str | None) -> DAG:
    """Build the DAG behind *Sync now*: carries one record over at once.

    Args:
        dag_id: its id.
        doc: Markdown for operators, shown in the UI.

    Returns:
        The DAG.
    """
    with DAG(
        dag_id=dag_id,
        dag_display_name="Sync one record now",
        description="Carries one customer, product or order over at once.",
        doc_md=doc,
        schedule=None,
        start_date=START,
        catchup=False,
        max_active_runs=4,
        params={
            "entity": Param(
                Entity.CUSTOMER.value, type="string", enum=[entity.value for entity in Entity], title="What it is"
            ),
            "source": Param(
                System.SHOPIFY.value,
                type="string",
                enum=[system.value for system in System],
                title="Where it comes from",
                description="The other system is written.",
            ),
            "id": Param(
                None,
                type=["null", "string"],
                title="Id",
                description="In that system: a number, or gid://shopify/Customer/1.",
            ),
        },
        tags=["sync", "near real time"],
        default_args={**DEFAULTS, "retries": 1},
    ) as dag:
        _sync_one()
    return dag


def maintenance_dag(dag_id: str, doc: str | None) -> DAG:
    """Build the DAG that keeps near real time alive: subscriptions, lost events, what is old.

    Args:
        dag_id: its id.
        doc: Markdown for operators, shown in the UI.

    Returns:
        The DAG.
    """
    with DAG(
        dag_id=dag_id,
        dag_display_name="Maintenance",
        description="Compares and repairs webhook subscriptions, finds lost events, answers requests about personal"
        " data, forgets what is old.",
        doc_md=doc,
        schedule=CronTriggerTimetable("17 * * * *", timezone="UTC"),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        tags=["sync", "near real time"],
        default_args=DEFAULTS,
    ) as dag:
        _check_subscriptions()
        _find_gaps()
        _answer_requests()
        _tidy_up() >> _tell_alerts()
    return dag


@task(task_id="check_subscriptions", execution_timeout=timedelta(minutes=10))
def _check_subscriptions() -> dict[str, Any]:
    """Compare the subscriptions of both systems with the wanted ones, and repair them."""
    from shopify_fw360.airflow.upkeep import subscribe

    return subscribe(repairing=True)


@task(task_id="find_gaps", execution_timeout=timedelta(minutes=30))
def _find_gaps() -> dict[str, Any]:
    """Count the events that were lost, and fetch what they should have told."""
    from shopify_fw360.airflow.upkeep import find_gaps

    return find_gaps()


@task(task_id="answer_privacy_requests", execution_timeout=timedelta(minutes=30))
def _answer_requests() -> dict[str, int]:
    """Answer requests about personal data: put together what is held, or erase it and keep the proof."""
    from shopify_fw360.airflow.upkeep import answer_privacy_requests

    return answer_privacy_requests()


@task(task_id="tidy_up", execution_timeout=timedelta(minutes=30))
def _tidy_up() -> dict[str, int]:
    """Forget old events and close ledgers whose last record has ended."""
    from shopify_fw360.airflow.upkeep import tidy_up

    return tidy_up()


@task(task_id="tell_alerts", execution_timeout=timedelta(minutes=10), trigger_rule=TriggerRule.ALL_DONE)
def _tell_alerts() -> dict[str, int]:
    """Tell people of new alerts through the connection sync_alerts."""
    from shopify_fw360.airflow.upkeep import tell_alerts

    return tell_alerts()


@task(task_id="sync_record", execution_timeout=timedelta(minutes=30))
def _sync_one() -> dict[str, Any]:
    """Carry the record over now."""
    from shopify_fw360.airflow.near_real_time import sync_one

    return sync_one(get_current_context())
