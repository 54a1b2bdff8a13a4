"""The main job on the sandbox in a real Airflow: everything, twice, and nothing to write the second time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import create_engine, func, select

from scripts.local.airflow_api import AirflowApi
from scripts.local.errors import LocalError
from scripts.local.runtime import SANDBOXES, Runtime
from shopify_fw360.store.tables import journal, link

ONBOARDING = "onboard_shop"
DAGS = (
    "customers_shopify_to_framework360",
    "products_shopify_to_framework360",
    "products_framework360_to_shopify",
    "orders_shopify_to_framework360",
    # Last, because customers carry the number and sum of their sales.
    "customers_framework360_to_shopify",
)
NEAR_REAL_TIME = ("webhook_queue", "sync_one", "maintenance")
"""The DAGs that near real time needs; from here on what people do at either end arrives by itself."""

_PARSE_SECONDS = 90.0
_RUN_SECONDS = 600.0


class DemoError(LocalError):
    """The demo did not do what it is there to show; the message says what happened and where to look."""


def run(runtime: Runtime, say: Callable[[str], None] = print) -> None:
    """Sync all flows twice on a running runtime and show what was done.

    Args:
        runtime: a started runtime.
        say: prints a line or a table.

    Raises:
        DemoError: a run failed, or the second round wrote to a sandbox.
        AirflowError: Airflow did not do what was asked.
    """
    api = runtime.api()
    began = datetime.now(UTC)
    # A flow that is unpaused starts its scheduled run at once, and that needs the metafields onboarding creates.
    _round(api, "onboarding", (ONBOARDING,), say)
    _round(api, "first round", DAGS, say)
    say(summary(runtime.store_url, began))
    before = _writes(runtime)
    _round(api, "second round", DAGS, say)
    written = {name: count - before[name] for name, count in _writes(runtime).items()}
    say("  writes in the second round: " + ", ".join(f"{name} {count}" for name, count in written.items()))
    for dag_id in NEAR_REAL_TIME:
        api.wait_for_dag(dag_id, _PARSE_SECONDS)
        api.unpause(dag_id)
    if any(written.values()):
        logs = runtime.plan.logs / "tasks"
        raise DemoError(f"nothing had changed, so the second round should not have written anything. Task logs: {logs}")


def summary(store_url: str, since: datetime) -> str:
    """Return two tables: what was decided per flow since a time, and how the links are now.

    Args:
        store_url: SQLAlchemy URL of the store.
        since: aware time; older decisions are left out.

    Returns:
        Text of several lines.
    """
    engine = create_engine(store_url)
    decisions = select(journal.c.entity, journal.c.source, journal.c.outcome, func.count()).where(journal.c.at >= since)
    states = select(link.c.entity, link.c.status, func.count())
    try:
        with engine.connect() as connection:
            decided = connection.execute(
                decisions.group_by(journal.c.entity, journal.c.source, journal.c.outcome)
            ).all()
            linked = connection.execute(states.group_by(link.c.entity, link.c.status)).all()
    finally:
        engine.dispose()
    return "\n\n".join(
        [
            _table(
                "flow", [(f"{entity}s from {source}", outcome, count) for entity, source, outcome, count in decided]
            ),
            _table("links", [(f"{entity}s", status, count) for entity, status, count in linked]),
        ]
    )


def _round(api: AirflowApi, name: str, dags: Sequence[str], say: Callable[[str], None]) -> None:
    for dag_id in dags:
        api.wait_for_dag(dag_id, _PARSE_SECONDS)
        api.unpause(dag_id)
        started = datetime.now(UTC)
        ended = api.wait_for_run(api.trigger(dag_id), _RUN_SECONDS)
        seconds = (datetime.now(UTC) - started).total_seconds()
        say(f"  {name}: {dag_id} {ended.state} in {seconds:.1f} s")
        if ended.state != "success":
            tasks = ", ".join(api.failed_tasks(ended)) or "none"
            raise DemoError(f"{dag_id} ended as {ended.state}; failed tasks: {tasks}. Their logs: {ended.url}")


def _writes(runtime: Runtime) -> dict[str, int]:
    return {name: int(runtime.sandbox_metrics(name)["writes"]) for name in SANDBOXES}


def _table(title: str, cells: Sequence[tuple[str, str, int]]) -> str:
    """Lay out (row, column, count) as a table; missing cells are 0."""
    if not cells:
        return f"  {title}: nothing"
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for row, column, count in cells:
        counts[row][column] = count
    columns = sorted({column for _, column, _ in cells})
    first = max(len(title), *(len(row) for row in counts))
    lines = [f"  {title:<{first}}  " + "  ".join(columns)]
    for row in sorted(counts):
        values = (f"{counts[row].get(column, 0):>{len(column)}}" for column in columns)
        lines.append(f"  {row:<{first}}  " + "  ".join(values))
    return "\n".join(lines)
