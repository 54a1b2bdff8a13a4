"""*Sync now*: what people choose goes to the head of the queue, and is followed until it has ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TypeAlias
from uuid import uuid4

from shopify_fw360.errors import FLOW_OFF, SHOPIFY_UNINSTALLED, SyncError
from shopify_fw360.records import CONSOLE, QUEUE_CONSUMER, Change, Entity, Flow, Origin, Outcome, System
from shopify_fw360.settings import ALL_FLOWS, SyncSettings
from shopify_fw360.store import JournalEntry, Store, Transaction

KIND: Final = "sync now"
"""Kind of the runs in the ledger."""

DAG: Final = "sync_one"
"""DAG under whose name such runs are kept; who may see its runs may see them."""

MOST: Final = 1_000
"""The most records that are chosen at once."""

WATCHED: Final = timedelta(seconds=30)
"""How long somebody counts as looking who has said so once."""

Ids: TypeAlias = Mapping[System, str]
"""The ids of one record, where it has one."""

Progress: TypeAlias = Literal["waiting", "working", "done"]


@dataclass(frozen=True, slots=True)
class Step:
    """One record in one direction.

    Args:
        flow: entity and direction.
        source_id: id in the source system.
        state: where it is.
        outcome: how it ended, None while it has not.
        error_code: code of what went wrong, also while it waits for another attempt.
        message: sentence for people.
        target_id: id in the target system once it has ended.
    """

    flow: Flow
    source_id: str
    state: Progress
    outcome: Outcome | None = None
    error_code: str | None = None
    message: str = ""
    target_id: str | None = None


def flows_of(settings: SyncSettings, entity: Entity, wanted: Collection[str]) -> list[Flow]:
    """Return the flows of an entity that are switched on, among those of the given names.

    Raises:
        SyncError: SYNC-107 if none of them is on.
    """
    flows = [flow for flow in ALL_FLOWS if flow.entity is entity and flow.name in wanted]
    on = [flow for flow in flows if settings.flows.is_on(flow)]
    if not on:
        names = ", ".join(flow.name for flow in flows) or f"no flow of {entity.value}s"
        raise SyncError(FLOW_OFF, f"switched off in the settings: {names}")
    return on


def press(store: Store, flows: Sequence[Flow], records: Sequence[Ids], by: str) -> str:
    """Put records at the head of the queue.

    Args:
        store: of the pair.
        flows: directions, of one entity; a record takes part in those in whose source it exists.
        records: which.
        by: who asked, for the name of the run.

    Returns:
        The ticket by which `steps` follows them; also the id of a run in the ledger, in parts per flow.

    Raises:
        SyncError: SYNC-317 if the shop has uninstalled the app, SYNC-501 if the store fails.
    """
    with store.begin() as tx:
        gone = tx.disconnected()
        if gone is not None:
            raise SyncError(SHOPIFY_UNINSTALLED, f"{gone.shop}: {gone.reason}")
        ticket = f"{DAG}/console__{store.clock():%Y-%m-%dT%H:%M:%S}__{by}__{uuid4().hex[:8]}"
        for flow in flows:
            run_id = flow.part_of(ticket)
            ids = dict.fromkeys(record[flow.source] for record in records if flow.source in record)
            if not ids:
                continue
            tx.open_run(run_id, flow, KIND)
            changes = [Change(flow, source_id, origin=Origin.SYNC_NOW, run_id=run_id) for source_id in ids]
            tx.count_read(run_id, announced=len(changes), read=len(changes), staged=tx.stage(changes))
    return ticket


def watch(store: Store, by: str) -> bool:
    """Note that somebody may ask for something at any moment, so that a consumer that is awake stays so.

    Args:
        store: of the pair.
        by: who.

    Returns:
        Whether a consumer is awake; if not, it should be woken.
    """
    with store.begin() as tx:
        tx.stay_awake(CONSOLE, by, WATCHED)
        return tx.is_awake(QUEUE_CONSUMER)


def steps(store: Store, ticket: str) -> list[Step]:
    """Tell how far what a person asked for has come.

    Args:
        store: of the pair.
        ticket: as `press` returned it.

    Returns:
        One step per record and direction; none for a ticket that never was.
    """
    with store.read() as tx:
        return [step for run in tx.parts_of_run(ticket) for step in _steps_of(tx, run.flow, run.run_id)]


def _steps_of(tx: Transaction, flow: Flow, run_id: str) -> list[Step]:
    entries = {entry.source_id: entry for entry in tx.entries_of_run(run_id, limit=MOST)}
    own = {row.source_id for row in tx.queued(flow=flow, run_id=run_id, limit=MOST)}
    rows = tx.queued_of(flow, sorted(own | entries.keys()))
    found = []
    for source_id in sorted(own | entries.keys()):
        row, entry = rows.get(source_id), entries.get(source_id)
        if entry is not None and entry.outcome is not Outcome.SUPERSEDED:
            found.append(_ended(flow, source_id, entry))
        elif row is not None and row.state != "parked":
            working = row.state == "leased"
            found.append(
                Step(
                    flow,
                    source_id,
                    "working" if working else "waiting",
                    error_code=row.error_code,
                    message=row.error_message or "",
                )
            )
        else:
            # A newer change of the record took over; how that ended counts.
            newest = tx.story(flow.entity, {flow.source: source_id}, limit=1)
            found.append(_ended(flow, source_id, newest[0]) if newest else Step(flow, source_id, "waiting"))
    return found


def _ended(flow: Flow, source_id: str, entry: JournalEntry) -> Step:
    return Step(
        flow, source_id, "done", entry.outcome, entry.error_code, entry.message or "", target_id=entry.target_id
    )
