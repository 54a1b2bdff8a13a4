"""The story of a record: what the systems told, what was found, decided and written, and why each field has its value.

It is made of what is kept anyway: events received, journal, ledger, queue, link. A poll that found nothing new left no
entry, so it is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shopify_fw360.records import Entity, Flow, Link, Outcome, System
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.store import JournalEntry, QueuedChange, Run, Told, Transaction
from shopify_fw360.sync import undo
from shopify_fw360.sync.merge import NEW_RECORD

MOST: Final = 200
"""The most entries of the journal, and the most events, that are told."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change that was worked off.

    Args:
        entry: how it ended and why.
        run: that staged it, None for none.
        is_echo: whether it was our own write that came back as a change of its system, and was dropped.
        can_undo: whether it wrote something to which an earlier value is known.
    """

    entry: JournalEntry
    run: Run | None
    is_echo: bool
    can_undo: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to the record: an event that arrived, or a change that was worked off.

    Args:
        at: aware UTC time.
        told: the event, None for a change.
        step: the change, None for an event.
    """

    at: datetime
    told: Told | None = None
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class FieldStory:
    """Why a field has its value.

    Args:
        flow: into whose target the field belongs.
        name: target field, or that of a child (``varianti[42].prezzo``).
        source: what the source said when both agreed last (plain JSON, in the form in which values are compared).
        target: what the target held then.
        written: the entry that wrote it last, None if none did that is still kept.
        reason: the last word of the merge about it, empty if there is none.
        at: when that was said.
        can_undo: whether the last write can be taken back.
    """

    flow: Flow
    name: str
    source: Any
    target: Any
    written: JournalEntry | None
    reason: str
    at: datetime | None
    can_undo: bool


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of a record.

    Args:
        link: of the record.
        happenings: newest first.
        waiting: its changes that are in the queue.
        fields: of both directions.
        is_complete: whether nothing older is kept than what is told.
    """

    link: Link
    happenings: Sequence[Happening]
    waiting: Sequence[QueuedChange]
    fields: Sequence[FieldStory]
    is_complete: bool


def tell(tx: Transaction, link: Link) -> Story:
    """Tell the story of a record.

    Args:
        tx: a reading transaction.
        link: of the record.

    Returns:
        The story; of a very long one the newest `MOST` entries.
    """
    ids = {system: found for system in System if (found := link.id_in(system)) is not None}
    entries = tx.story(link.entity, ids, limit=MOST)
    told = tx.events_of(link.entity, ids, limit=MOST)
    runs = {run_id: tx.run(run_id) for run_id in {entry.run_id for entry in entries if entry.run_id}}
    happenings = [Happening(entry.at, step=step) for entry, step in _steps(entries, runs) if entry.at is not None]
    happenings += [Happening(event.received_at, told=event) for event in told]
    flows = [flow for flow in ALL_FLOWS if flow.entity is link.entity and flow.source in ids]
    return Story(
        link,
        # An event and the change it brought may have the same time; the change came after it.
        sorted(happenings, key=lambda one: (one.at, one.step is not None), reverse=True),
        [row for flow in flows for row in tx.queued_of(flow, [ids[flow.source]]).values()],
        [story for flow in flows for story in _fields(flow, link, entries)],
        is_complete=len(entries) < MOST and len(told) < MOST,
    )


def _steps(entries: Sequence[JournalEntry], runs: Mapping[str, Run | None]) -> Iterable[tuple[JournalEntry, Step]]:
    for number, entry in enumerate(entries):
        earlier = entries[number + 1] if number + 1 < len(entries) else None
        yield entry, Step(entry, runs.get(entry.run_id), _is_echo(entry, earlier), _can_undo(entry))


def _is_echo(entry: JournalEntry, earlier: JournalEntry | None) -> bool:
    if earlier is None or entry.outcome is not Outcome.UNCHANGED or entry.error_code is not None:
        return False
    return earlier.flow == entry.flow.reverse and bool(earlier.after) and not earlier.dry_run


def _can_undo(entry: JournalEntry, field: str | None = None) -> bool:
    if entry.flow.entity is Entity.ORDER or entry.dry_run or entry.outcome not in undo.WRITTEN:
        return False
    names = entry.after if field is None else [field]
    return any(entry.reasons.get(name) != NEW_RECORD and not name.endswith("]") for name in names)


def _fields(flow: Flow, link: Link, entries: Sequence[JournalEntry]) -> list[FieldStory]:
    own = [entry for entry in entries if entry.flow == flow and not entry.dry_run]
    base = link.base.get(flow.name, {})
    written: dict[str, JournalEntry] = {}
    said: dict[str, JournalEntry] = {}
    for entry in own:
        for name in entry.after:
            written.setdefault(name, entry)
        for name in entry.reasons:
            said.setdefault(name, entry)
    stories = []
    for name, agreed in base.items():
        if all(value is None for value in agreed) and name not in said and name not in written:
            # Empty on both sides and never spoken of.
            continue
        last, word = written.get(name), said.get(name)
        # "Left as it is" says less than why it was written, unless somebody decided so.
        telling = last if last is not None and (word is None or _says_nothing(word.reasons[name])) else word
        stories.append(
            FieldStory(
                flow,
                name,
                agreed[0] if agreed else None,
                agreed[-1] if agreed else None,
                last,
                "" if telling is None else telling.reasons.get(name, ""),
                None if telling is None else telling.at,
                can_undo=last is not None and _can_undo(last, name),
            )
        )
    return sorted(stories, key=lambda story: not story.reason)


def _says_nothing(reason: str) -> bool:
    return reason.startswith("neither side changed it")
