"""What a run of a flow is asked to do, told from how Airflow started it and from the trigger form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shopify_fw360.errors import RUN_REQUEST_INVALID, SyncError
from shopify_fw360.records import Flow, Origin, System, Window
from shopify_fw360.sync.run import Mode, RunRequest

_DIGITS: Final = re.compile(r"\d{1,20}")


@dataclass(frozen=True, slots=True)
class AirflowRun:
    """What Airflow knows about a run.

    Args:
        dag_id: of the flow.
        run_id: Airflow's own.
        run_type: ``scheduled``, ``backfill``, ``manual`` or another one of Airflow's.
        interval_start: begin of the data interval, None for runs without one.
        interval_end: its end.
        params: of the trigger form.
    """

    dag_id: str
    run_id: str
    run_type: str
    interval_start: datetime | None
    interval_end: datetime | None
    params: Mapping[str, Any]

    @property
    def ledger_id(self) -> str:
        """Id of the run in the ledger and on its page."""
        return f"{self.dag_id}/{self.run_id}"

    def part(self, flow: Flow) -> str:
        """Id in the ledger of what the run does for a flow; the run of a flow's own DAG has no parts."""
        return self.ledger_id if self.dag_id == flow.name else flow.part_of(self.ledger_id)

    @property
    def dry_run(self) -> bool:
        """Whether the run only plans; scheduled runs and backfills never do."""
        return self._by_hand and bool(self.params.get("dry_run"))

    @property
    def _by_hand(self) -> bool:
        return self.run_type not in ("scheduled", "backfill")


def request_of(flow: Flow, run: AirflowRun) -> RunRequest:
    """Decide what a run reads.

    A scheduled run reads on from the watermark. A backfill reads exactly its data interval and leaves the watermark
    alone. Every other run does what the trigger form says.

    Args:
        flow: entity and direction.
        run: how it was started.

    Returns:
        The request.

    Raises:
        SyncError: SYNC-108 naming the parameter.
    """
    if run.run_type == "scheduled":
        return RunRequest(flow, run.ledger_id)
    if run.run_type == "backfill":
        if run.interval_start is None or run.interval_end is None:
            raise _invalid("data interval", "a backfill of this DAG must have a data interval")
        window = Window(run.interval_start.astimezone(UTC), run.interval_end.astimezone(UTC))
        return RunRequest(flow, run.ledger_id, Mode.WINDOW, window, origin=Origin.BACKFILL)
    return _request_of_form(flow, run)


def _request_of_form(flow: Flow, run: AirflowRun) -> RunRequest:
    name = run.params.get("mode") or Mode.INCREMENTAL.value
    try:
        mode = Mode(name)
    except ValueError:
        raise _invalid("mode", f"{name!r} is none of {', '.join(Mode)}") from None
    since = _moment("window_from", run.params.get("window_from"))
    until = _moment("window_to", run.params.get("window_to"))
    ids = tuple(dict.fromkeys(_id(flow, value) for value in run.params.get("ids") or () if str(value).strip()))
    if mode is Mode.WINDOW:
        if since is None or until is None:
            missing = "window_from" if since is None else "window_to"
            raise _invalid(missing, "mode window needs both ends of the window")
        if since >= until:
            raise _invalid("window_to", "the window must end after it begins")
        return RunRequest(flow, run.ledger_id, mode, Window(since, until), origin=Origin.BACKFILL)
    if since is not None or until is not None:
        given = "window_from" if since is not None else "window_to"
        raise _invalid(given, f"a window belongs to mode window, not to mode {mode.value}")
    plan = str(run.params.get("plan") or "").strip()
    if bool(plan) is not (mode is Mode.PLAN):
        raise _invalid("plan", "mode plan, and no other, needs the id of an approved plan")
    if plan and run.dry_run:
        raise _invalid("dry_run", "a plan that was approved is carried out, not planned again")
    if mode is Mode.IDS:
        if not ids:
            raise _invalid("ids", "mode ids needs at least one id")
        return RunRequest(flow, run.ledger_id, mode, ids=ids, origin=Origin.SYNC_NOW)
    if ids:
        raise _invalid("ids", f"ids belong to mode ids, not to mode {mode.value}")
    origin = Origin.POLL if mode is Mode.INCREMENTAL else Origin.RECOVERY
    return RunRequest(flow, run.ledger_id, mode, origin=origin, plan=plan)


def _moment(name: str, value: object) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise _invalid(name, f"{value!r} is no date and time such as 2026-11-01T00:00:00Z") from None
    if moment.tzinfo is None:
        raise _invalid(name, f"{value} lacks a time zone; write for example {value}Z")
    return moment.astimezone(UTC)


def _id(flow: Flow, value: object) -> str:
    """Return an id as its system writes it; people copy bare numbers from the address of Shopify's admin."""
    text = str(value).strip()
    kind = flow.entity.value.capitalize()
    if flow.source is System.SHOPIFY:
        number = text.removeprefix(f"gid://shopify/{kind}/")
        if _DIGITS.fullmatch(number):
            return f"gid://shopify/{kind}/{number}"
        raise _invalid("ids", f"{text!r} is neither a number nor gid://shopify/{kind}/<number>")
    if _DIGITS.fullmatch(text):
        return text
    raise _invalid("ids", f"{text!r} is no number")


def _invalid(parameter: str, problem: str) -> SyncError:
    return SyncError(RUN_REQUEST_INVALID, f"{parameter}: {problem}", field=parameter)
