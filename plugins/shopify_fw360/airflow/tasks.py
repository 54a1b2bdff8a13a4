"""What the tasks of a flow's DAG do: stage what has changed, work it off, prove that nothing was lost."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from airflow.sdk.configuration import conf

from shopify_fw360.airflow import lineage, metrics
from shopify_fw360.airflow.connections import FRAMEWORK360, airflow_connection
from shopify_fw360.airflow.reactions import reacting
from shopify_fw360.airflow.run_request import AirflowRun, request_of
from shopify_fw360.airflow.runtime import open_pair, open_store
from shopify_fw360.errors import CODES, LEDGER_OPEN, QUIET, SyncError
from shopify_fw360.records import Flow, Origin
from shopify_fw360.store import Certificate, QueuedChange, Store
from shopify_fw360.sync.drain import DrainReport, drain
from shopify_fw360.sync.dry_run import plan_into_store
from shopify_fw360.sync.extract import Extraction
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.run import Mode, certify, equation, stage_run, tasks_needed

log = logging.getLogger(__name__)

LISTED: Final = 50
"""Parked records named in the log; the run page lists all of them."""

LONGEST_PAUSE: Final = 5.0


def stage(flow: Flow, context: Mapping[str, Any]) -> list[dict[str, int]]:
    """Extract what the run is asked for and stage it; a dry run plans instead and stages nothing.

    Args:
        flow: entity and direction.
        context: of the task.

    Returns:
        One entry per task that works it off, ``{"number": 1, "of": 3}``. The counts are pushed as XCom ``counts``.

    Raises:
        AirflowSkipException: the flow is switched off, or the site lacks what it needs.
        AirflowFailException: trying again would not help.
        SyncError: trying again may help.
    """
    run = run_of(context)
    with reacting(), noting(flow, run):
        request = request_of(flow, run)
        with open_pair(request.origin) as pair:
            if run.dry_run:
                counts = plan_into_store(pair, request)
                tasks = 1
            else:
                counts = counts_of(stage_run(pair, request))
                tasks = tasks_needed(pair, flow, request.run_id)
                metrics.send_read(flow, counts)
                metrics.send_state(pair)
    log.info("%s %s: %s", flow.name, request.mode.value, told(counts))
    context["ti"].xcom_push(key="counts", value=counts)
    return batches(tasks)


def batches(tasks: int) -> list[dict[str, int]]:
    """Return one entry per task that works off what was staged."""
    return [{"number": number, "of": tasks} for number in range(1, tasks + 1)]


def counts_of(extraction: Extraction) -> dict[str, int]:
    """Return the counts of an extraction as plain JSON."""
    names = ("read", "staged", "known", "skipped", "undated", "deleted", "unreadable")
    return {name: getattr(extraction, name) for name in names}


def drain_batch(flow: Flow, batch: Mapping[str, int], context: Mapping[str, Any]) -> dict[str, int]:
    """Work off staged records of the flow.

    Args:
        flow: entity and direction.
        batch: an entry of what ``stage`` returned; all but the last take a fixed number of records, the last one takes
            what is left.
        context: of the task.

    Returns:
        Number of records by outcome; none in a dry run.

    Raises:
        AirflowFailException: trying again would not help; the records are back in the queue.
        SyncError: trying again may help.
    """
    run = run_of(context)
    if run.dry_run:
        log.info("dry run: nothing was staged, nothing is written")
        return {}
    ti = context["ti"]
    owner = f"{run.part(flow)}/{ti.task_id}/{ti.map_index}/{ti.try_number}"
    with reacting(), noting(flow, run), open_pair(_lane(flow, run)) as pair:
        last = batch["number"] == batch["of"]
        done = drain_and_wait(
            pair,
            flow,
            owner,
            run.part(flow),
            max_rows=None if last else pair.settings.limits.rows_per_task,
            # Other records must not come under the plan's approval.
            only_own=run.params.get("mode") == Mode.PLAN,
            # The try before this one may have died with records in its hands.
            wait_for_leases=ti.try_number > 1,
        )
        tell_drained(pair, flow, done)
        metrics.send_state(pair)
    counts = done.as_dict()
    log.info("%s batch %s of %s: %s", flow.name, batch["number"], batch["of"], told(counts))
    return counts


def tell_drained(pair: Pair, flow: Flow, done: DrainReport) -> None:
    """Send metrics and lineage of what a consumer did, where a deployment has switched them on."""
    metrics.send_drained(flow, done)
    if lineage.is_on():
        lineage.tell(pair, flow, done, site=airflow_connection(FRAMEWORK360).host or "")


def drain_and_wait(
    pair: Pair,
    flow: Flow,
    owner: str,
    run_id: str,
    *,
    max_rows: int | None = None,
    only_own: bool = False,
    wait_for_leases: bool = False,
    longest_pause: float = LONGEST_PAUSE,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> DrainReport:
    """Work off what is due, and wait a while for records of the run that are due again soon.

    Args:
        pair: the two systems, the store, the settings.
        flow: entity and direction.
        owner: name of this worker, unique among all that run.
        run_id: run whose records are waited for; those of other runs are worked off, but not waited for, and those of
            no run are taken over.
        max_rows: stop after about this many records, None for no limit.
        only_own: work off nothing but records of the run.
        wait_for_leases: wait also for records in the hands of another worker, which may be dead.
        longest_pause: seconds between two looks.
        sleep: waits the given seconds.
        clock: seconds that only go forward.

    Returns:
        What was done.

    Raises:
        SyncError: a failure that concerns the whole flow or system.
    """
    total = DrainReport()
    limits = pair.settings.limits
    # Whoever waits for the leases of a worker that may be dead must outwait them.
    least = limits.lease_seconds + longest_pause if wait_for_leases else 0.0
    patience_ends = clock() + max(limits.wait_seconds, least)
    while True:
        room = None if max_rows is None else max_rows - total.finished
        own, adopting = (run_id, None) if only_own else (None, run_id)
        report = drain(pair, flow, owner, max_rows=room, run_id=own, for_run=adopting)
        total.outcomes.update(report.outcomes)
        total.retried += report.retried
        total.waiting_for_other += report.waiting_for_other
        total.batches += report.batches
        if max_rows is not None and total.finished >= max_rows:
            return total
        with pair.store.read() as tx:
            left = tx.pending(flow, run_id)
            due = tx.next_due(flow)
        now = pair.clock()
        awaited = left.pending + left.waiting + (left.leased if wait_for_leases else 0)
        if not awaited or due is None or clock() > patience_ends:
            return total
        sleep(min(max((due - now).total_seconds(), 0.2), longest_pause))


def report(flow: Flow, context: Mapping[str, Any]) -> dict[str, Any]:
    """Certify the run's ledger and tell what it came to.

    Args:
        flow: entity and direction.
        context: of the task.

    Returns:
        The certificate, ``{"certificate": {...}, "page": "https://..."}``.

    Raises:
        AirflowFailException: SYNC-503 if a record is unexplained or still open, naming how many.
        SyncError: SYNC-501 if the store does not answer.
    """
    run = run_of(context)
    page = run_page(run)
    with reacting(), open_pair() as pair:
        try:
            certificate = _certificate(pair, flow, run)
        except SyncError as error:
            _note_unless_known(pair.store, run.part(flow), error)
            raise
        finally:
            _send_ledger(pair, flow, run)
            log_parked(pair.store, flow, run.part(flow))
            log.info("all records, fields and reasons: %s", page)
        if not run.dry_run:
            with pair.store.begin() as tx:
                tx.run_error(run.part(flow), None)
    if run.dry_run:
        outcomes = {outcome.value: count for outcome, count in sorted(certificate.outcomes.items())}
        log.info("dry run of %s, nothing was written; the plan: %s", flow.name, told(outcomes))
    else:
        log.info("%s: %s", flow.name, equation(certificate))
    log.info("certificate %s", json.dumps(certificate.as_dict()))
    return {"certificate": certificate.as_dict(), "page": page}


def _send_ledger(pair: Pair, flow: Flow, run: AirflowRun) -> None:
    with pair.store.read() as tx:
        if not run.dry_run and tx.run(run.part(flow)) is not None:
            metrics.send_certificate(flow, tx.certificate(run.part(flow)))
    metrics.send_state(pair)


def _certificate(pair: Pair, flow: Flow, run: AirflowRun) -> Certificate:
    try:
        if not run.dry_run:
            return certify(pair, run.part(flow))
        with pair.store.begin() as tx:
            return tx.close_run(run.part(flow))
    except LookupError as error:
        raise SyncError(
            LEDGER_OPEN,
            "the store does not know the run: it was emptied or replaced since stage ran; clear stage to read again",
            record=run.part(flow),
        ) from error


def _lane(flow: Flow, run: AirflowRun) -> Origin:
    return request_of(flow, run).origin if run.dag_id == flow.name else Origin.RECOVERY


def run_of(context: Mapping[str, Any]) -> AirflowRun:
    """Tell from the context of a task how its run was started."""
    dag_run = context["dag_run"]
    params = context["params"]
    return AirflowRun(
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        run_type=str(getattr(dag_run.run_type, "value", dag_run.run_type)),
        interval_start=dag_run.data_interval_start,
        interval_end=dag_run.data_interval_end,
        params=params.dump() if hasattr(params, "dump") else dict(params),
    )


def run_page(run: AirflowRun) -> str:
    """Return the address of the run's page, relative if Airflow does not know its own address."""
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}/sync/runs/{quote(run.dag_id)}/{quote(run.run_id)}"


@contextmanager
def noting(flow: Flow, run: AirflowRun) -> Iterator[None]:
    """Keep what stopped a task for the run page."""
    try:
        yield
    except SyncError as error:
        if error.code not in QUIET:
            metrics.send_error(flow.name, error)
        try:
            with open_store() as store:
                _note(store, flow, run, error)
        except SyncError as second:
            log.warning("the run page will not show the error, because: %s", second)
        raise


def _note(store: Store, flow: Flow, run: AirflowRun, error: SyncError) -> None:
    with store.begin() as tx:
        if tx.run(run.part(flow)) is None:
            tx.open_run(run.part(flow), flow, run.run_type, dry_run=run.dry_run)
        tx.run_error(run.part(flow), error)
        if error.code in QUIET:
            # No other task follows that would do it.
            tx.close_run(run.part(flow))


def _note_unless_known(store: Store, run_id: str, error: SyncError) -> None:
    """Note that the ledger is open, unless a task has noted why."""
    with store.begin() as tx:
        known = tx.run(run_id)
        if known is not None and known.error_code in (None, LEDGER_OPEN.code):
            tx.run_error(run_id, error)


def log_parked(store: Store, flow: Flow, run_id: str) -> list[str]:
    """Name the records of a run that are parked in the log, and return these lines."""
    with store.read() as tx:
        rows = tx.parked(flow, run_id, limit=LISTED)
        number = tx.pending(flow, run_id).parked
    lines = [_parked_line(row) for row in rows]
    for line in lines:
        log.warning("parked %s", line)
    if number > len(rows):
        log.warning("and %d more parked records", number - len(rows))
    return lines


def _parked_line(row: QueuedChange) -> str:
    code = CODES.get(row.error_code or "")
    parts = [
        f"{row.flow.entity.value} {row.flow.source.value}:{row.source_id}",
        row.error_code or "",
        f"field {row.error_field}" if row.error_field else "",
        f"rule {row.error_rule}" if row.error_rule else "",
        f"candidates {', '.join(row.candidates)}" if row.candidates else "",
        f"next step: {code.fix}" if code is not None else "",
    ]
    return "; ".join(part for part in parts if part)


def told(counts: Mapping[str, int]) -> str:
    """Return counts in one line for the log."""
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing to do"
