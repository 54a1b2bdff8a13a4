"""Builds the DAG of the periodic mass import. Imported whenever a DAG file is parsed."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    CronTriggerTimetable,
    Param,
    PokeReturnValue,
    TaskGroup,
    TriggerRule,
    Variable,
    get_current_context,
    task,
)

from shopify_fw360.airflow.dag import DEFAULTS, POOLS, START
from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.settings import ALL_FLOWS, Recovery, SyncSettings

log = logging.getLogger(__name__)


def recovery_dag(dag_id: str, doc: str | None) -> DAG:
    """Build the DAG of the periodic mass import.

    Args:
        dag_id: its id.
        doc: Markdown for operators, shown in the UI.

    Returns:
        The DAG: one group of tasks per flow, side by side.
    """
    schedule = schedule_of_settings()
    with DAG(
        dag_id=dag_id,
        dag_display_name="Recovery: import everything again",
        description="Imports products and orders as a whole, to find what was lost or missed in real time.",
        doc_md=doc,
        schedule=CronTriggerTimetable(schedule, timezone="UTC") if schedule else None,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        params=_form(),
        tags=["sync", "recovery"],
        default_args=DEFAULTS,
    ) as dag:
        for flow in ALL_FLOWS:
            _import(flow)
    return dag


def schedule_of_settings() -> str | None:
    """Return ``recovery.schedule`` of the Variable ``sync_settings``, that of the model where it says nothing.

    The schedule is the only setting a DAG file has to read: Airflow shows and plans it.
    """
    try:
        return SyncSettings.parse(Variable.get("sync_settings", default=None)).recovery.schedule
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the Variable, the DAG must stay visible
        default = Recovery().schedule
        log.warning("recovery.schedule of sync_settings cannot be read, %s is taken: %s", default, error)
        return default


def _form() -> dict[str, Param]:
    return {
        "entities": Param(
            [],
            type="array",
            items={"type": "string", "enum": [entity.value for entity in Entity]},
            title="What",
            description="customer, product, order: one per line; none for those of the settings (recovery.entities).",
        ),
        "days": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Days back",
            description="Only what was changed in Shopify in so many days; empty for what the settings say, by default"
            " everything, which also finds deletions.",
        ),
        "read_by": Param(
            "cheapest",
            type="string",
            enum=["cheapest", "export", "scan"],
            values_display={
                "cheapest": "cheapest: what the cost model finds faster",
                "export": "export: a bulk operation of Shopify",
                "scan": "scan: page by page",
            },
            title="How Shopify is read",
        ),
    }


def _import(flow: Flow) -> None:
    names = (flow.entity.value, flow.source.value)
    with TaskGroup(group_id=flow.name):
        begun = _begin.override(pool=POOLS[flow.source])(*names)
        waited = _wait.override(pool=POOLS[flow.source])(*names)
        batches = _stage.override(pool=POOLS[flow.source])(*names)
        drained = (
            _drain.override(pool=POOLS[flow.target]).partial(entity=names[0], source=names[1]).expand(batch=batches)
        )
        begun >> waited >> batches
        [batches, drained] >> _report(*names)


def _flow(entity: str, source: str) -> Flow:
    return Flow(Entity(entity), System(source))


@task(task_id="begin", execution_timeout=timedelta(minutes=30))
def _begin(entity: str, source: str) -> dict[str, str]:
    """Choose how to read the source, and ask it for an export if that is the way."""
    from shopify_fw360.airflow.recovery_tasks import begin

    return begin(_flow(entity, source), get_current_context())


@task.sensor(
    task_id="wait",
    mode="reschedule",
    poke_interval=30,
    timeout=6 * 3600,
    execution_timeout=timedelta(minutes=30),
)
def _wait(entity: str, source: str) -> PokeReturnValue:
    """Wait until the export has ended, without keeping a worker busy."""
    from shopify_fw360.airflow.recovery_tasks import wait

    return PokeReturnValue(is_done=wait(_flow(entity, source), get_current_context()))


@task(task_id="stage", execution_timeout=timedelta(hours=6))
def _stage(entity: str, source: str) -> list[dict[str, int]]:
    """Stage what has changed."""
    from shopify_fw360.airflow.recovery_tasks import stage

    return stage(_flow(entity, source), get_current_context())


@task(task_id="drain_batch", execution_timeout=timedelta(hours=6))
def _drain(batch: dict[str, int], entity: str, source: str) -> dict[str, int]:
    """Transform, match, merge and write staged records."""
    from shopify_fw360.airflow.tasks import drain_batch

    return drain_batch(_flow(entity, source), batch, get_current_context())


@task(
    task_id="report",
    trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
    execution_timeout=timedelta(minutes=10),
)
def _report(entity: str, source: str) -> dict[str, Any]:
    """Certify the ledger: the import is green only if every record is explained."""
    from shopify_fw360.airflow.tasks import report

    return report(_flow(entity, source), get_current_context())
