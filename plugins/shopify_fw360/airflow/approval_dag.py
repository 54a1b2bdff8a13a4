"""Builds the DAG that asks people about a plan in Airflow itself. Imported whenever a DAG file is parsed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Param, get_current_context, task

from shopify_fw360.airflow.dag import DEFAULTS, START

APPROVE: Final = "Approve"
REFUSE: Final = "Refuse"
PATIENCE: Final = timedelta(days=7)
"""How long the question waits; unanswered, the plan stays to be decided."""


def approval_dag(dag_id: str, doc: str | None) -> DAG:
    """Build the DAG that lets people approve a plan as a required action of Airflow, and then has it carried out.

    Args:
        dag_id: its id.
        doc: Markdown for operators, shown in the UI.

    Returns:
        The DAG, started with the id of the plan.
    """
    with DAG(
        dag_id=dag_id,
        dag_display_name="Approve a plan",
        description="Asks people, as a required action in Airflow, whether a plan may be carried out.",
        doc_md=doc,
        schedule=None,
        start_date=START,
        catchup=False,
        max_active_runs=16,
        params={
            "plan": Param(
                None,
                # Airflow's forms cannot be sent while a text that must not be null is empty.
                type=["null", "string"],
                maxLength=500,
                title="Plan",
                description="Its id: the flow, a slash, and the run id of the dry run.",
            )
        },
        tags=["sync", "setup"],
        default_args={**DEFAULTS, "retries": 1},
    ) as dag:
        asked = _describe()
        approve = HITLOperator(
            task_id="approve",
            subject="{{ ti.xcom_pull(task_ids='describe')['subject'] }}",
            body="{{ ti.xcom_pull(task_ids='describe')['body'] }}",
            options=[APPROVE, REFUSE],
            # Taken when nobody answers, which `decide` tells from an answer by its having no person.
            defaults=REFUSE,
            response_timeout=PATIENCE,
            execution_timeout=timedelta(minutes=10),
        )
        carry_out = TriggerDagRunOperator(
            task_id="carry_out",
            trigger_dag_id="{{ ti.xcom_pull(task_ids='describe')['flow'] }}",
            conf={"mode": "plan", "plan": "{{ ti.xcom_pull(task_ids='describe')['plan'] }}"},
            execution_timeout=timedelta(minutes=10),
        )
        asked >> approve >> _decide() >> carry_out
    return dag


@task(task_id="describe", execution_timeout=timedelta(minutes=10))
def _describe() -> dict[str, Any]:
    """Put into words what is asked."""
    from shopify_fw360.airflow.approval_tasks import describe

    return describe(get_current_context()["params"]["plan"])


@task.short_circuit(task_id="decide", execution_timeout=timedelta(minutes=10))
def _decide() -> bool:
    """Keep the answer with the name of who gave it."""
    from shopify_fw360.airflow.approval_tasks import decide

    ti = get_current_context()["ti"]
    return decide(ti.xcom_pull(task_ids="describe"), ti.xcom_pull(task_ids="approve"), approved_by=APPROVE)
