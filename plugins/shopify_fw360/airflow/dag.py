"""Builds the DAG of a flow. Imported whenever a DAG file is parsed, so the heavy imports wait for the tasks."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, TriggerRule, get_current_context, task

from shopify_fw360.airflow.reactions import SyncRetryPolicy
from shopify_fw360.records import Flow, System

if TYPE_CHECKING:
    from airflow.sdk.definitions.deadline import DeadlineAlert

log = logging.getLogger(__name__)

START: Final = datetime(2026, 1, 1, tzinfo=UTC)

POOLS: Final = {System.SHOPIFY: "shopify_api", System.FRAMEWORK360: "framework360_api"}
"""Pool of the tasks that mainly load a system; its slots are the number of tasks that may do so at once."""

_MOMENT: Final = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"

DEFAULTS: Final[dict[str, Any]] = {
    "owner": "data-team",
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=15),
    "retry_policy": SyncRetryPolicy(),
}


def flow_dag(flow: Flow, doc: str | None, *, deadline: DeadlineAlert | None = None) -> DAG:
    """Build the DAG of a flow: stage what has changed, work it off in parallel, certify that nothing was lost.

    Args:
        flow: entity and direction; its name is the DAG id.
        doc: Markdown for operators, shown in the UI.
        deadline: tells people that a run is not over in time, see ``notify.deadline``.

    Returns:
        The DAG, scheduled as the settings say; each run has the span between two ticks as its data interval.
    """
    schedule = _schedule(flow)
    with DAG(
        dag_id=flow.name,
        dag_display_name=f"{flow.entity.value.capitalize()}s: {_TITLES[flow.source]} to {_TITLES[flow.target]}",
        description=f"Carries {flow.entity.value}s from {_TITLES[flow.source]} to {_TITLES[flow.target]}.",
        doc_md=doc,
        # A bare cron string would give data intervals of zero length, and a backfill must mean exactly its windows.
        schedule=None if schedule is None else CronDataIntervalTimetable(schedule, timezone="UTC"),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        params=_form(flow),
        deadline=deadline,
        tags=["sync", flow.entity.value, flow.source.value, flow.target.value],
        default_args=DEFAULTS,
    ) as dag:
        batches = _stage.override(pool=POOLS[flow.source])(flow.entity.value, flow.source.value)
        drained = (
            _drain.override(pool=POOLS[flow.target])
            .partial(entity=flow.entity.value, source=flow.source.value)
            .expand(batch=batches)
        )
        [batches, drained] >> _report(flow.entity.value, flow.source.value)
    return dag


def onboarding_dag(dag_id: str, doc: str | None) -> DAG:
    """Build the DAG that checks both connections and prepares the shop; started by hand.

    Args:
        dag_id: its id.
        doc: Markdown for operators, shown in the UI.

    Returns:
        The DAG.
    """
    with DAG(
        dag_id=dag_id,
        dag_display_name="Prepare a shop",
        description="Checks both connections and creates what the synchronisation needs in the shop and the store.",
        doc_md=doc,
        schedule=None,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        tags=["sync", "setup"],
        default_args={**DEFAULTS, "retries": 1},
    ) as dag:
        [_check_shopify(), _check_framework360()] >> _prepare() >> _subscribe()
    return dag


def _schedule(flow: Flow) -> str | None:
    """Read when a flow runs; a change of the settings acts as soon as the DAG file is parsed again."""
    from airflow.sdk import Variable

    from shopify_fw360.settings import SyncSettings

    try:
        settings = SyncSettings.parse(Variable.get("sync_settings", default=None))
    except Exception as error:  # noqa: BLE001 - a DAG file must load whatever state Airflow's database is in
        log.warning("%s keeps its usual schedule, the settings cannot be read: %s", flow.name, type(error).__name__)
        settings = SyncSettings()
    return settings.schedule_of(flow)


_TITLES: Final = {System.SHOPIFY: "Shopify", System.FRAMEWORK360: "Framework360"}


def _form(flow: Flow) -> dict[str, Param]:
    """Parameters of a manual run; scheduled runs and backfills take none of them."""
    example = "gid://shopify/Customer/1 or 1" if flow.source is System.SHOPIFY else "17"
    # Parameters without a section are shown unfolded; those of one mode only wait in a section of their own.
    return {
        "mode": Param(
            "incremental",
            type="string",
            enum=["incremental", "window", "full", "ids", "plan"],
            values_display={
                "incremental": "incremental: what has changed since the last run",
                "window": "window: what was changed between two moments",
                "full": "full: everything, and look for deletions",
                "ids": "ids: only the records listed below",
                "plan": "plan: exactly what was approved in the console",
            },
            title="What to read",
            description="Only scheduled runs and mode incremental move the position up to which everything was read.",
        ),
        "dry_run": Param(
            default=False,
            type="boolean",
            title="Dry run",
            description="Plan only: the tab Sync of the run shows what would be written. Nothing is staged or written.",
        ),
        "window_from": Param(
            None,
            type=["null", "string"],
            format="date-time",
            # jsonschema checks formats only where rfc3339-validator happens to be installed; a pattern always.
            pattern=_MOMENT,
            title="Window begins",
            description="Records changed at or after this moment.",
            section="For mode window",
        ),
        "window_to": Param(
            None,
            type=["null", "string"],
            format="date-time",
            # jsonschema checks formats only where rfc3339-validator happens to be installed; a pattern always.
            pattern=_MOMENT,
            title="Window ends",
            description="Records changed before this moment.",
            section="For mode window",
        ),
        "plan": Param(
            None,
            # Airflow's forms cannot be sent while a text that must not be null is empty.
            type=["null", "string"],
            maxLength=500,
            title="Approved plan",
            description="Id of the plan; the console fills it in when the plan is approved.",
            section="For mode plan",
        ),
        "ids": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Ids",
            description=f"One {_TITLES[flow.source]} id per line, for example {example}.",
            section="For mode ids",
        ),
    }


@task(task_id="stage", execution_timeout=timedelta(hours=6))
def _stage(entity: str, source: str) -> list[dict[str, int]]:
    """Read the source system and stage what has changed."""
    from shopify_fw360.airflow.tasks import stage

    return stage(_flow(entity, source), get_current_context())


@task(task_id="drain_batch", execution_timeout=timedelta(hours=6))
def _drain(batch: dict[str, int], entity: str, source: str) -> dict[str, int]:
    """Transform, match, merge and write staged records."""
    from shopify_fw360.airflow.tasks import drain_batch

    return drain_batch(_flow(entity, source), batch, get_current_context())


@task(
    task_id="report",
    # Also after a failed batch, but neither after a failed nor after a skipped extraction.
    trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,
    execution_timeout=timedelta(minutes=10),
)
def _report(entity: str, source: str) -> dict[str, Any]:
    """Certify the ledger: the run is green only if every record is explained."""
    from shopify_fw360.airflow.tasks import report

    return report(_flow(entity, source), get_current_context())


def _flow(entity: str, source: str) -> Flow:
    from shopify_fw360.records import Entity

    return Flow(Entity(entity), System(source))


@task(task_id="check_shopify", execution_timeout=timedelta(minutes=10))
def _check_shopify() -> dict[str, Any]:
    """Check the connection of the shop and the scopes of the app."""
    from shopify_fw360.airflow.onboarding import check_shopify

    return check_shopify()


@task(task_id="check_framework360", execution_timeout=timedelta(minutes=10))
def _check_framework360() -> dict[str, Any]:
    """Check the connection of the site and the functions of the key."""
    from shopify_fw360.airflow.onboarding import check_framework360

    return check_framework360()


@task(task_id="prepare", execution_timeout=timedelta(minutes=10))
def _prepare() -> dict[str, Any]:
    """Make the store's tables, check the mappings, create what is missing in the shop."""
    from shopify_fw360.airflow.onboarding import prepare

    return prepare()


@task(task_id="subscribe", execution_timeout=timedelta(minutes=10))
def _subscribe() -> dict[str, Any]:
    """Subscribe to the webhooks of both systems."""
    from shopify_fw360.airflow.upkeep import subscribe

    return subscribe(repairing=False)
