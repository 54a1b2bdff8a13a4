"""What an undo would put back, and the asking for it; the consumer of the queue does it (``undoing.py``).

Nothing is ever deleted by an undo, and whatever anybody has edited since stays: in the target, because the field no
longer holds what we wrote; in the source, because its edit is newer than what is undone and will be carried over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

from shopify_fw360.errors import UNDO_IMPOSSIBLE, UNDO_NOTHING, SyncError
from shopify_fw360.records import Entity, Event, EventTask, Flow, Link, Outcome, System
from shopify_fw360.store import JournalEntry, Store, Transaction
from shopify_fw360.sync.merge import NEW_RECORD
from shopify_fw360.sync.now import DAG

KIND: Final = "undo"
"""Kind of the runs in the ledger."""

MOST: Final = 10_000
"""The most records of a run that are undone together."""

WRITTEN: Final = (Outcome.UPDATED, Outcome.LINKED, Outcome.CONFLICT)
"""How a change ended that may have written to a record that existed before; what one created is not taken back."""

SHOWN: Final = 200
"""The most records whose end is told one by one."""

_LOOKED_AT: Final = 1_000


class Fate(StrEnum):
    """What would become of a field."""

    UNDONE = "undone"
    ALREADY = "already"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class WishField:
    """A field to be put back.

    Args:
        name: target field, or that of a child (``varianti[42].prezzo``).
        before: what the target held before we wrote (plain JSON).
        after: what we wrote.
        fate: what would become of it as far as we know; the target is read before anything is written.
    """

    name: str
    before: Any
    after: Any
    fate: Fate


@dataclass(frozen=True, slots=True)
class Wish:
    """One record whose writes are to be undone.

    Args:
        flow: that wrote.
        source_id: id in its source.
        target_id: id of the record that was written.
        name: of the record.
        entries: keys of the journal entries that are undone, the oldest first.
        fields: what they wrote, at most those that were chosen.
        of: what is undone, for people: the run, or the time of the entry.
    """

    flow: Flow
    source_id: str
    target_id: str
    name: str
    entries: tuple[int, ...]
    fields: tuple[WishField, ...]
    of: str

    def has(self, fate: Fate) -> int:
        """Count the fields of a fate."""
        return sum(field.fate is fate for field in self.fields)


def wishes_of_run(tx: Transaction, run_id: str) -> list[Wish]:
    """Return what undoing a run would put back, record by record.

    Args:
        tx: a reading transaction.
        run_id: of the ledger; that of a run with parts means all of them.

    Returns:
        The records that the run changed and that existed before.

    Raises:
        SyncError: SYNC-232 if the journal holds no such write (any more), SYNC-233 for sales and for more than `MOST`
            records.
    """
    own = tx.run(run_id)
    parts = [own] if own is not None else tx.parts_of_run(run_id)
    wishes: list[Wish] = []
    for run in parts:
        _require_undoable(run.flow)
        counts = tx.entries_kept(run.run_id)
        if sum(counts.get(outcome, 0) for outcome in WRITTEN) > MOST:
            raise SyncError(UNDO_IMPOSSIBLE, f"the run changed more than {MOST} records", rule="the most at once")
        entries = [entry for outcome in WRITTEN for entry in tx.entries_of_run(run.run_id, outcome=outcome, limit=MOST)]
        wishes += _wishes(tx, run.flow, entries, run.run_id)
    if not wishes:
        raise SyncError(UNDO_NOTHING, "the journal holds no change that this run made to a record that existed before")
    return wishes


def wish_of_record(tx: Transaction, link: Link, field: str | None = None, direction: str | None = None) -> Wish:
    """Return what undoing the last sync of a record, or the last write of one of its fields, would put back.

    Args:
        tx: a reading transaction.
        link: of the record.
        field: only this target field.
        direction: only what the flow of this name wrote, None for whichever wrote last.

    Returns:
        The wish.

    Raises:
        SyncError: SYNC-232 if what was there before is not known, SYNC-233 for a sale.
    """
    ids = {system: found for system in System if (found := link.id_in(system)) is not None}
    for entry in tx.story(link.entity, ids, limit=_LOOKED_AT):
        if entry.dry_run or not entry.after or (field is not None and field not in entry.after):
            continue
        if direction not in (None, entry.flow.name):
            continue
        _require_undoable(entry.flow)
        if entry.outcome not in WRITTEN:
            raise SyncError(UNDO_NOTHING, "the record was created by this sync, so nothing was there before")
        of: str = entry.run_id or f"{entry.at:%Y-%m-%d %H:%M:%S}"
        (wish,) = _wishes(tx, entry.flow, [entry], of, None if field is None else [field])
        return wish
    raise SyncError(UNDO_NOTHING, "the journal holds no such write (any more)", field=field)


def _require_undoable(flow: Flow) -> None:
    if flow.entity is Entity.ORDER:
        raise SyncError(UNDO_IMPOSSIBLE, "sales are bookings, which are corrected by hand", rule="no undo of sales")


def _wishes(
    tx: Transaction, flow: Flow, entries: Sequence[JournalEntry], of: str, chosen: Sequence[str] | None = None
) -> list[Wish]:
    """One wish per record; of several writes of a field the oldest tells what was before, the newest what we wrote."""
    by_record: dict[str, list[JournalEntry]] = {}
    for entry in sorted(entries, key=lambda one: one.id or 0):
        if entry.after and not entry.dry_run:
            by_record.setdefault(entry.source_id, []).append(entry)
    links = tx.links(flow.entity, flow.source, list(by_record))
    return [wish_of(flow, found, of, chosen, links.get(source_id)) for source_id, found in by_record.items()]


def wish_of(
    flow: Flow, entries: Sequence[JournalEntry], of: str, chosen: Sequence[str] | None, link: Link | None
) -> Wish:
    """Return what undoing journal entries of one record would put back.

    Args:
        flow: of the entries.
        entries: of one record, the oldest first; at least one.
        of: what is undone, for people.
        chosen: only these fields, None for all.
        link: of the record, None if it has none any more.
    """
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    made: set[str] = set()
    for entry in entries:
        for name, value in entry.after.items():
            if chosen is None or name in chosen:
                if name not in before and entry.reasons.get(name) == NEW_RECORD:
                    made.add(name)
                before.setdefault(name, entry.before.get(name))
                after[name] = value
    target_id = str(entries[-1].target_id)
    lost = link is None or link.id_in(flow.target) != target_id
    base = {} if link is None else link.base.get(flow.name, {})
    fields = []
    for name, value in after.items():
        fate = Fate.CANNOT if lost or name in made or name.endswith("]") else _fate(base.get(name), before[name], value)
        fields.append(WishField(name, before[name], value, fate))
    return Wish(
        flow,
        entries[-1].source_id,
        target_id,
        "" if link is None else link.display_name,
        tuple(entry.id for entry in entries if entry.id is not None),
        tuple(fields),
        of,
    )


def _fate(agreed: Sequence[Any] | None, before: Any, after: Any) -> Fate:
    """Tell by the base alone what would become of a field; an edit since is only seen when the target is read."""
    if agreed is None:
        return Fate.CANNOT
    if agreed[-1] in (before, _folded(before)) and agreed[-1] not in (after, _folded(after)):
        return Fate.ALREADY
    return Fate.UNDONE


def _folded(value: Any) -> Any:
    """The form in which texts and lists of tags are mostly compared; only a guess for the preview."""
    if isinstance(value, str):
        return value.strip().casefold()
    return sorted(str(item).casefold() for item in value) if isinstance(value, list) else value


def ask(store: Store, wishes: Sequence[Wish], by: str) -> str:
    """Ask for undoing; the consumer of the queue does it.

    Args:
        store: of the pair.
        wishes: what to put back.
        by: who asks, for run and journal.

    Returns:
        The ticket, which is also the id of a run in the ledger, in parts per flow.

    Raises:
        SyncError: SYNC-501 if the store fails.
    """
    tame = "".join(letter if letter.isalnum() or letter in ".@_-" else "-" for letter in by)[:60]
    ticket = f"{DAG}/undo__{store.clock():%Y-%m-%dT%H:%M:%S}__{tame}__{uuid4().hex[:8]}"
    with store.begin() as tx:
        for flow in dict.fromkeys(wish.flow for wish in wishes):
            tx.open_run(flow.part_of(ticket), flow, KIND)
            tx.count_read(flow.part_of(ticket), announced=sum(wish.flow == flow for wish in wishes))
        tx.add_event_tasks(
            [
                Event(
                    wish.flow.source,
                    f"{ticket}~{number}",
                    KIND,
                    task=EventTask.UNDO,
                    data=_data(wish, ticket, by),
                )
                for number, wish in enumerate(wishes)
            ]
        )
    return ticket


def _data(wish: Wish, ticket: str, by: str) -> Mapping[str, Any]:
    return {
        "flow": wish.flow.name,
        "source_id": wish.source_id,
        "target_id": wish.target_id,
        "entries": list(wish.entries),
        "fields": [field.name for field in wish.fields],
        "of": wish.of,
        "by": by,
        "ticket": ticket,
    }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an undo has come.

    Args:
        flows: whose writes are taken back.
        asked: number of records.
        ended: number of those whose undo has ended.
        changed: number of those in which something was put back.
        entries: how they ended, the first `SHOWN` of them.
    """

    flows: frozenset[str]
    asked: int
    ended: int
    changed: int
    entries: Sequence[JournalEntry]


def progress(store: Store, ticket: str) -> Progress | None:
    """Tell how far an undo has come, None for a ticket that never was one."""
    with store.read() as tx:
        runs = [run for run in tx.parts_of_run(ticket) if run.kind == KIND]
        if not runs:
            return None
        certificates = [tx.certificate(run.run_id) for run in runs]
        entries = [entry for run in runs for entry in tx.entries_of_run(run.run_id, limit=SHOWN)]
    return Progress(
        flows=frozenset(run.flow.name for run in runs),
        asked=sum(one.announced or 0 for one in certificates),
        ended=sum(sum(one.outcomes.values()) for one in certificates),
        changed=sum(one.outcomes.get(Outcome.UPDATED, 0) for one in certificates),
        entries=entries[:SHOWN],
    )
