"""What the tasks of the DAGs ``webhook_queue`` and ``sync_one`` do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from shopify_fw360.airflow import metrics
from shopify_fw360.airflow.reactions import reacting
from shopify_fw360.airflow.run_request import AirflowRun, request_of
from shopify_fw360.airflow.runtime import open_pair, open_store, read_settings
from shopify_fw360.airflow.tasks import drain_and_wait, log_parked, run_of, run_page, tell_drained
from shopify_fw360.errors import RUN_REQUEST_INVALID, Reaction, SyncError
from shopify_fw360.records import Entity, Flow, Origin, System
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.sync.queue_watch import is_needed
from shopify_fw360.sync.run import certify, equation, stage_run
from shopify_fw360.sync.serve import Patience, ServeReport, serve

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the queue has shown.

    Args:
        needed: something urgent waits and nobody is awake to see it.
        pair_id: whose queue.
        flows: names of the flows that are switched on.
    """

    needed: bool
    pair_id: str
    flows: tuple[str, ...]


def is_scheduled(context: Mapping[str, Any]) -> bool:
    """Whether the run was started by the clock, and not by the bell or by hand."""
    return run_of(context).run_type == "scheduled"


def look() -> Look:
    """Look whether the consumer is needed; raises as ``runtime.open_store``."""
    with reacting():
        settings = read_settings()
        flows = tuple(flow for flow in ALL_FLOWS if settings.flows.is_on(flow))
        with open_store() as store, store.read() as tx:
            needed = is_needed(tx, flows)
    return Look(needed, settings.pair_id, tuple(flow.name for flow in flows))


def serve_queue(context: Mapping[str, Any]) -> dict[str, Any]:
    """Work off what is urgent until nothing has come for a while.

    Args:
        context: of the task.

    Returns:
        Outcomes per flow.

    Raises:
        AirflowFailException: something stopped a flow that a person must mend; the other flows were served.
        SyncError: the store fails.
    """
    run = run_of(context)
    with reacting(), open_pair(Origin.WEBHOOK) as pair:
        near = pair.settings.near_real_time
        patience = Patience(near.linger_seconds, near.longest_minutes * 60.0)
        report = serve(pair, run.ledger_id, f"{run.ledger_id}/{context['ti'].try_number}", patience)
        for flow, done in report.flows.items():
            tell_drained(pair, flow, done)
        for name, error in report.errors.items():
            metrics.send_error(name, error)
        metrics.send_state(pair)
    _tell(report, run)
    return report.as_dict()


def _tell(report: ServeReport, run: AirflowRun) -> None:
    for flow, done in report.flows.items():
        log.info("%s: %s", flow.name, ", ".join(f"{name} {count}" for name, count in done.as_dict().items() if count))
    log.info("%d other events dealt with; all records, fields and reasons: %s", report.tasks, run_page(run))
    mend = [str(error) for error in report.errors.values() if error.reaction is not Reaction.RETRY]
    if mend:
        raise AirflowFailException("\n".join(mend))


def sync_one(context: Mapping[str, Any]) -> dict[str, Any]:
    """Carry one record over now, whatever was decided about it before.

    Args:
        context: of the task; the run's params are ``entity``, ``source`` and ``id``.

    Returns:
        The certificate and the address of the run's page.

    Raises:
        AirflowSkipException: the flow is switched off.
        AirflowFailException: the parameters are wrong, or the record was not carried over; the message says why.
        SyncError: trying again may help.
    """
    run = run_of(context)
    ti = context["ti"]
    with reacting():
        flow = _flow_of(run.params)
        params = {"mode": "ids", "ids": [run.params.get("id")]}
        request = request_of(flow, replace(run, run_type="manual", params=params))
        with open_pair(Origin.SYNC_NOW) as pair:
            stage_run(pair, request)
            done = drain_and_wait(
                pair,
                flow,
                f"{run.ledger_id}/{ti.try_number}",
                run.ledger_id,
                only_own=True,
                # A consumer that is awake may have taken the record; then it is waited for.
                wait_for_leases=True,
                longest_pause=0.5,
            )
            tell_drained(pair, flow, done)
            parked = log_parked(pair.store, flow, run.ledger_id)
            certificate = certify(pair, run.ledger_id)
    log.info("%s; %s", equation(certificate), run_page(run))
    if parked:
        raise AirflowFailException(f"the record could not be carried over: {parked[0]}")
    return {"certificate": certificate.as_dict(), "page": run_page(run)}


def _flow_of(params: Mapping[str, Any]) -> Flow:
    try:
        flow = Flow(Entity(str(params.get("entity"))), System(str(params.get("source"))))
    except ValueError as error:
        raise SyncError(RUN_REQUEST_INVALID, f"entity, source: {error}", field="entity") from None
    if flow not in ALL_FLOWS:
        raise SyncError(RUN_REQUEST_INVALID, f"there is no flow {flow.name}", field="source")
    return flow
