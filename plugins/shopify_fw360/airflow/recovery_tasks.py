"""What the tasks of the DAG ``recovery_import`` do, per flow: begin, wait, stage. The rest is that of any flow."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from airflow.sdk.exceptions import AirflowSkipException

from shopify_fw360.airflow import metrics
from shopify_fw360.airflow.reactions import reacting
from shopify_fw360.airflow.runtime import open_pair, read_settings
from shopify_fw360.airflow.tasks import batches, counts_of, noting, run_of, told
from shopify_fw360.errors import RUN_REQUEST_INVALID, SyncError
from shopify_fw360.records import Entity, Flow, Origin, System, Window
from shopify_fw360.sync.recovery import ImportRequest, ReadBy, begin_import, stage_import, wait_for_import
from shopify_fw360.sync.run import tasks_needed

log = logging.getLogger(__name__)

SPOOL: Final = "SYNC_SPOOL_DIR"
"""Environment variable that moves the files of exports away from ``sync_spool`` in Airflow's home folder."""

WAIT_SECONDS: Final = 20.0
"""How long one look waits for the end of an export before the task gives its slot back."""

_KEPT: Final = 8 * 24 * 3600
"""Seconds after which nobody goes on with a file (Shopify: its address lives 7 days)."""


def begin(flow: Flow, context: Mapping[str, Any]) -> dict[str, str]:
    """Decide how the flow's source is read, and ask it for an export if that is the way.

    Args:
        flow: entity and direction.
        context: of the task.

    Returns:
        ``state`` and ``note`` of the export.

    Raises:
        AirflowSkipException: the flow is off, or the import leaves out its entity.
        AirflowFailException: trying again would not help.
        SyncError: trying again may help.
    """
    run = run_of(context)
    with reacting():
        request = import_request(flow, context)
        with noting(flow, run), open_pair(Origin.RECOVERY) as pair:
            known = begin_import(pair, request)
    return {"state": known.state, "note": known.note}


def wait(flow: Flow, context: Mapping[str, Any]) -> bool:
    """Tell whether the records of a flow can be staged, after a short wait; raises as ``begin``."""
    with reacting(), noting(flow, run_of(context)), open_pair(Origin.RECOVERY) as pair:
        return wait_for_import(pair, import_request(flow, context), WAIT_SECONDS)


def stage(flow: Flow, context: Mapping[str, Any]) -> list[dict[str, int]]:
    """Stage what the import of a flow reads; as ``tasks.stage``, with the same counts as XCom."""
    run = run_of(context)
    with reacting(), noting(flow, run):
        request = import_request(flow, context)
        folder = spool_folder(request.run_id)
        with open_pair(Origin.RECOVERY) as pair:
            counts = counts_of(stage_import(pair, request, folder))
            tasks = tasks_needed(pair, flow, request.run_id)
            metrics.send_read(flow, counts)
            metrics.send_state(pair)
    shutil.rmtree(folder, ignore_errors=True)
    log.info("%s: %s", flow.name, told(counts))
    context["ti"].xcom_push(key="counts", value=counts)
    return batches(tasks)


def import_request(flow: Flow, context: Mapping[str, Any]) -> ImportRequest:
    """Tell what a run imports of a flow; its form counts more than the settings.

    Args:
        flow: entity and direction.
        context: of the task.

    Returns:
        The request, the same in every attempt of every task of the run.

    Raises:
        AirflowSkipException: the import leaves out the entity.
        SyncError: SYNC-108 for a parameter that cannot be read.
    """
    run = run_of(context)
    recovery = read_settings().recovery
    entities = _entities(run.params) or recovery.entities
    if flow.entity not in entities:
        names = ", ".join(f"{entity.value}s" for entity in entities)
        raise AirflowSkipException(f"this import brings {names} only")
    days = run.params.get("days") or recovery.days
    began = context["dag_run"].run_after or run.interval_end or context["dag_run"].start_date
    # Framework360 tells no reliable times: only a full scan shows what was changed there.
    since = began.astimezone(UTC) - timedelta(days=int(days)) if days and flow.source is System.SHOPIFY else None
    try:
        read_by = ReadBy(run.params.get("read_by") or ReadBy.CHEAPEST)
    except ValueError as error:
        raise SyncError(RUN_REQUEST_INVALID, f"read_by: {error}", field="read_by") from None
    return ImportRequest(flow, run.part(flow), Window(since=_whole_second(since)), read_by)


def spool_folder(run_id: str) -> Path:
    """Return the folder for the file of an import, readable for its owner only, and forget what is old beside it.

    Args:
        run_id: of the import in the ledger.
    """
    home = Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()
    base = Path(os.environ.get(SPOOL) or home / "sync_spool")
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in base.iterdir():
        if old.is_dir() and time.time() - old.stat().st_mtime > _KEPT:
            shutil.rmtree(old, ignore_errors=True)
    folder = base / blake2b(run_id.encode(), digest_size=12).hexdigest()
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _entities(params: Mapping[str, Any]) -> tuple[Entity, ...]:
    try:
        return tuple(Entity(str(name)) for name in params.get("entities") or ())
    except ValueError as error:
        raise SyncError(RUN_REQUEST_INVALID, f"entities: {error}", field="entities") from None


def _whole_second(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(microsecond=0)
