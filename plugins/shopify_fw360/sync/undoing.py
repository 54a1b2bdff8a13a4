"""Carry out an undo: through the same plan, merge and write as everything else, with its own entries in the journal.

After an undo both sides keep what they hold: it is no edit, so neither direction carries it on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from shopify_fw360.errors import LEASE_LOST, UNDO_NOTHING, Reaction, SyncError
from shopify_fw360.mapping.engine import ChildRow, read_targets
from shopify_fw360.mapping.rules import FieldRule
from shopify_fw360.records import UNSET, Change, FieldType, Flow, Link, Origin, Outcome
from shopify_fw360.settings import ALL_FLOWS
from shopify_fw360.store import JournalEntry, OpenTask, StageCounts, Transaction
from shopify_fw360.sync.apply import Applied, links_after, store_all, write_all
from shopify_fw360.sync.canonical import comparable
from shopify_fw360.sync.children import ChildPair, PairedList, child_name, merge_children
from shopify_fw360.sync.merge import Decision, FieldDecision, MergeInput, changes_of, merge, pair_of
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.plan import Action, PlanItem
from shopify_fw360.sync.planner import plan
from shopify_fw360.sync.undo import Fate, Wish, WishField, wish_of

AT_ONCE: Final = 25
"""Records whose undo is planned, written and committed together."""

_LEASE: Final = timedelta(minutes=15)
"""Longer than a task is held, so that after a crash nobody touches the record before its undo goes on."""

NOTHING_LEFT: Final = "nothing to undo: the target holds the earlier value"

_FLOWS: Final = {flow.name: flow for flow in ALL_FLOWS}


def carry_out(pair: Pair, tasks: Sequence[OpenTask], attempts: int) -> str:
    """Undo what tasks ask for; doing it again after a crash changes nothing more.

    Args:
        pair: the two systems and the store.
        tasks: as ``undo.ask`` queued them.
        attempts: after so many, what is in the way is written to the journal instead of being raised.

    Returns:
        What came of it, a sentence for people.

    Raises:
        SyncError: trying again later may help, at least for some of the tasks; the others are done.
    """
    groups: dict[tuple[str, str], list[OpenTask]] = {}
    for task in tasks:
        groups.setdefault((str(task.data["flow"]), str(task.data["ticket"])), []).append(task)
    failure: SyncError | None = None
    for (name, ticket), group in groups.items():
        for start in range(0, len(group), AT_ONCE):
            try:
                _Undoing(pair, _FLOWS[name], ticket, group[start : start + AT_ONCE], attempts).run()
            except SyncError as error:
                failure = error
    if failure is not None:
        raise failure
    return f"{len(tasks)} record(s) dealt with"


@dataclass(slots=True)
class _Undone:
    """The undo of one record while it is carried out."""

    wish: Wish
    why: str
    is_repeated: bool
    kept: dict[str, str] = field(default_factory=dict)


class _Undoing:
    """The undo of a few records that one flow has written."""

    def __init__(self, pair: Pair, flow: Flow, ticket: str, tasks: Sequence[OpenTask], attempts: int) -> None:
        self._pair = pair
        self._flow = flow
        self._run_id = flow.part_of(ticket)
        self._tasks = {str(task.data["source_id"]): task for task in tasks}
        self._attempts = attempts
        self._locked: dict[str, list[str]] = {}
        self._unwritable: frozenset[str] = frozenset()

    def run(self) -> None:
        waiting = self._lock()
        try:
            self._undo_locked()
        except SyncError as error:
            if error.reaction is Reaction.RETRY:
                self._give_up_on(self._locked, error, last_only=True)
                raise
            self._give_up_on(self._locked, error, last_only=False)
        finally:
            with self._pair.store.begin() as tx:
                for source_id, keys in self._locked.items():
                    tx.unlock_records(self._flow.entity, keys, self._owner(source_id))
        if waiting:
            held = SyncError(LEASE_LOST, f"{len(waiting)} record(s) are being synchronised; their undo waits")
            self._give_up_on(waiting, held, last_only=True)
            raise held

    def _owner(self, source_id: str) -> str:
        return f"undo/{self._tasks[source_id].id}"

    def _lock(self) -> list[str]:
        """Take the records that are not done yet; returns those that somebody else works on."""
        waiting = []
        flow = self._flow
        with self._pair.store.begin() as tx:
            for source_id, task in self._tasks.items():
                if self._is_done(tx, source_id):
                    continue
                keys = [f"{flow.source.value}:{source_id}", f"{flow.target.value}:{task.data['target_id']}"]
                got = tx.lock_records(flow.entity, keys, self._owner(source_id), _LEASE)
                if got == set(keys):
                    self._locked[source_id] = keys
                else:
                    tx.unlock_records(flow.entity, sorted(got), self._owner(source_id))
                    waiting.append(source_id)
        return waiting

    def _is_done(self, tx: Transaction, source_id: str) -> bool:
        newest = tx.story(self._flow.entity, {self._flow.source: source_id}, limit=20)
        return any(entry.run_id == self._run_id for entry in newest)

    def _give_up_on(self, source_ids: Collection[str], error: SyncError, *, last_only: bool) -> None:
        """End the undo of records with what is in the way, of those at their last attempt or of all."""
        with self._pair.store.begin() as tx:
            ending = [
                source_id
                for source_id in source_ids
                if not (last_only and self._tasks[source_id].attempts + 1 < self._attempts)
                and not self._is_done(tx, source_id)
            ]
            self._book(tx, [self._refusal(source_id, error) for source_id in ending])

    def _refusal(self, source_id: str, error: SyncError) -> JournalEntry:
        text = f"not undone: {error.message}"
        return JournalEntry(
            self._run_id,
            self._flow,
            source_id,
            Outcome.UNCHANGED,
            target_id=str(self._tasks[source_id].data["target_id"]),
            reasons={"": text},
            error_code=error.code.code,
            message=text,
        )

    def _book(self, tx: Transaction, entries: Sequence[JournalEntry]) -> None:
        """Write entries to the journal and count them; the run closes with its last record."""
        if not entries:
            return
        tx.count_read(self._run_id, read=len(entries), staged=StageCounts(len(entries)))
        tx.write_journal(entries)
        if tx.certificate(self._run_id).explained:
            tx.close_run(self._run_id)

    def _undo_locked(self) -> None:
        pair, flow = self._pair, self._flow
        if not self._locked:
            return
        pair.require_ready(flow)
        wanted, entries = self._wanted()
        changes = [Change(flow, source_id, origin=Origin.SYNC_NOW) for source_id in wanted]
        going: list[PlanItem] = []
        for item in plan(pair, flow, changes) if changes else ():
            undone = wanted[item.source_id]
            undoing = self._item(item, undone)
            if undoing is not None:
                going.append(undoing)
            else:
                entries.append(self._nothing_done(item, undone))
        applied = list(write_all(pair, going))
        good = [one for one in applied if one.error is None]
        links = links_after(pair, good)
        with pair.store.begin() as tx:
            stored = store_all(tx, pair, [(one, self._link(one, link)) for one, link in zip(good, links, strict=True)])
            for one, entry in zip(good, stored, strict=True):
                undone = wanted[one.item.source_id]
                entries.append(
                    self._refusal(one.item.source_id, entry)
                    if isinstance(entry, SyncError)
                    else replace(
                        entry, run_id=self._run_id, reasons={**entry.reasons, **undone.kept}, message=undone.why
                    )
                )
            entries += [
                self._refusal(one.item.source_id, one.error)
                for one in applied
                if one.error is not None and one.error.reaction is not Reaction.RETRY
            ]
            self._book(tx, entries)
        retrying = next((one.error for one in applied if one.error and one.error.reaction is Reaction.RETRY), None)
        if retrying is not None:
            raise retrying

    def _wanted(self) -> tuple[dict[str, _Undone], list[JournalEntry]]:
        """Read what the locked records' undo puts back, as it stands in journal and links now."""
        flow = self._flow
        wanted: dict[str, _Undone] = {}
        refused: list[JournalEntry] = []
        with self._pair.store.read() as tx:
            links = tx.links(flow.entity, flow.source, list(self._locked))
            self._unwritable = tx.unwritable(flow.target, flow.entity)
            for source_id in self._locked:
                task = self._tasks[source_id]
                entries = tx.journal_entries([int(one) for one in task.data["entries"]])
                link = links.get(source_id)
                missing = self._missing(task, entries, link)
                if missing is not None:
                    refused.append(self._refusal(source_id, SyncError(UNDO_NOTHING, missing, record=source_id)))
                    continue
                of = str(task.data["of"])
                wish = wish_of(flow, entries, of, [str(name) for name in task.data["fields"]], link)
                wanted[source_id] = _Undone(wish, f"undo of {of} by {task.data['by']}", task.attempts > 0)
        return wanted, refused

    def _missing(self, task: OpenTask, entries: Sequence[JournalEntry], link: Link | None) -> str | None:
        if len(entries) < len(task.data["entries"]):
            return "the journal does not hold any more what was there before"
        if link is None or link.id_in(self._flow.target) != task.data["target_id"]:
            return "both records are not linked any more"
        if not link.base.get(self._flow.name):
            return "the record has no base: nobody can tell an edit from what was written"
        return None

    def _link(self, applied: Applied, link: Link | None) -> Link | None:
        """What is wrong with the record besides is as wrong as before."""
        old = applied.item.link
        if link is None or old is None or applied.item.action is Action.UNLINK:
            return link
        return replace(link, status=old.status, error_code=old.error_code, error_message=old.error_message)

    def _nothing_done(self, item: PlanItem, undone: _Undone) -> JournalEntry:
        reasons = undone.kept or {"": f"not undone: {item.reason}"}
        return JournalEntry(
            self._run_id,
            self._flow,
            item.source_id,
            Outcome.UNCHANGED,
            target_id=undone.wish.target_id,
            link_id=None if item.link is None else item.link.id,
            reasons=reasons,
            message=undone.why if undone.kept else reasons[""],
        )

    def _item(self, planned: PlanItem, undone: _Undone) -> PlanItem | None:
        """Return the plan of the undo, None if nothing can be put back; notes what is kept, and why."""
        current, link = planned.current, planned.link
        if current is None or link is None or current.id != undone.wish.target_id or planned.source is None:
            return None
        mapping = self._pair.mapping(self._flow)
        (held,) = read_targets(mapping, [current.raw])
        base = link.base.get(self._flow.name, {})
        sides = _Sides(dict(held), planned.incoming, base)
        rules = {name: rule for name, rule in mapping.fields.items() if rule.refers is None}
        own = _admitted(rules, {name: name for name in rules}, sides, undone)
        compared = MergeInput(
            source=self._flow.source,
            incoming=own,
            present=sides.present,
            base={name: _agreed(rules[name], sides.present.get(name)) for name in own},
            unwritable=self._unwritable,
        )
        decisions = merge({name: rules[name] for name in own}, compared)
        lists, child_base = self._lists(planned, base, undone)
        merged = merge_children(lists, replace(compared, incoming={}, base=child_base))
        found = {
            **decisions,
            **{name: decision for name, decision in merged.decisions.items() if name in child_base},
        }
        for wanted in undone.wish.fields:
            if wanted.name not in found and wanted.name not in undone.kept:
                undone.kept[wanted.name] = "not undone: this cannot be put back by itself"
        changes = {**changes_of(decisions), **merged.changes}
        if not changes:
            undone.kept.update({name: f"not undone: {decision.reason}" for name, decision in found.items()})
            return None
        return replace(
            planned,
            action=Action.UPDATE,
            reason=undone.why,
            changes=changes,
            decisions={name: _named(decision, undone.why) for name, decision in found.items()},
            error=None,
            candidates=(),
            choices={},
            # An edit of the source that was not carried over yet must still be seen as one.
            fingerprint=link.fingerprints.get(self._flow.name, ""),
            is_repeated=undone.is_repeated,
        )

    def _lists(
        self, planned: PlanItem, base: Mapping[str, Sequence[Any]], undone: _Undone
    ) -> tuple[list[PairedList], dict[str, list[Any]]]:
        """Return the lists of children with nothing in them but what is put back; none is added or removed."""
        lists: list[PairedList] = []
        agreed: dict[str, list[Any]] = {}
        for paired in planned.lists:
            child = paired.mapping
            rules = {name: rule for name, rule in child.fields.items() if rule.refers is None}
            pairs: list[ChildPair] = []
            for pair in paired.pairs:
                if pair.target is None:
                    continue
                if pair.source is None:
                    pairs.append(ChildPair(None, None, pair.target))
                    continue
                names = {name: child_name(child.name, pair.source.id, name) for name in rules}
                sides = _Sides(dict(pair.target.values), pair.source.values, base)
                values = _admitted(rules, names, sides, undone)
                agreed |= {names[name]: _agreed(rules[name], sides.present.get(name)) for name in values}
                target = pair.target._replace(values=sides.present)
                pairs.append(ChildPair(pair.key, ChildRow(pair.source.id, values), target))
            lists.append(PairedList(child, tuple(pairs)))
        return lists, agreed


@dataclass(frozen=True, slots=True)
class _Sides:
    """A record, or one of its children.

    Args:
        present: what the target holds.
        incoming: what the source says.
        base: last agreed, by name in the journal.
    """

    present: dict[str, Any]
    incoming: Mapping[str, Any]
    base: Mapping[str, Sequence[Any]]


def _admitted(
    rules: Mapping[str, FieldRule], names: Mapping[str, str], sides: _Sides, undone: _Undone
) -> dict[str, Any]:
    """Return by field the value to be put back, of those fields in which nobody has edited anything since.

    Args:
        rules: of the record or the child.
        names: of its fields in the journal, by field.
        sides: both sides; where an interrupted attempt has put a value back already, the present value becomes the one
            that was written, so that it counts as put back now.
        undone: what is wanted; takes the reasons of what is kept.
    """
    wanted = {field.name: field for field in undone.wish.fields}
    admitted = {}
    for name, rule in rules.items():
        wish = wanted.get(names[name])
        if wish is None:
            continue
        reason, value = _judge(rule, name, wish, sides, sides.base.get(names[name]), is_repeated=undone.is_repeated)
        if reason is None:
            admitted[name] = value
        else:
            undone.kept[names[name]] = reason
    return admitted


def _judge(
    rule: FieldRule, name: str, wish: WishField, sides: _Sides, agreed: Sequence[Any] | None, *, is_repeated: bool
) -> tuple[str | None, Any]:
    """Return why a field is not put back, or None and the value that is."""
    before, wrote = typed(rule, wish.before), typed(rule, wish.after)
    if agreed is None:
        return "not undone: the field has no base, so nobody can tell an edit from what was written", None
    refusal = _never(rule, wish, before, wrote) or _edited_in_source(rule, sides.incoming.get(name, UNSET), agreed)
    if refusal is not None:
        return refusal, None
    if rule.is_union:
        return _judge_tags(name, sides, before, wrote, is_repeated=is_repeated)
    held, ours = (comparable(rule.target, value) for value in (sides.present.get(name), wrote))
    if held == comparable(rule.target, before):
        if is_repeated and held != ours:
            sides.present[name] = wrote
            return None, before
        return NOTHING_LEFT, None
    # Systems normalise what they are given; what was read back after the write is in the base.
    if held != ours and not (held == agreed[-1] and ours == agreed[0]):
        return "kept: the target was edited since", None
    return None, before


def _never(rule: FieldRule, wish: WishField, before: Any, wrote: Any) -> str | None:
    if rule.create_only or wish.fate is Fate.CANNOT:
        return "not undone: there is no earlier value to go back to"
    if rule.merge == "most_restrictive" and before and not wrote:
        return "kept: an undo gives nobody's consent back"
    return None


def _edited_in_source(rule: FieldRule, said: Any, agreed: Sequence[Any]) -> str | None:
    if said is not UNSET and comparable(rule.target, said) != agreed[0]:
        return "kept: the source was edited since, which is carried over"
    return None


def _judge_tags(name: str, sides: _Sides, before: Any, wrote: Any, *, is_repeated: bool) -> tuple[str | None, Any]:
    """Take back the tags that were added and give back those that were removed; the others stay as they are."""
    old, new, held = _by_key(before), _by_key(wrote), _by_key(sides.present.get(name))
    result = _moved(held, added=old, removed=new)
    if result.keys() == held.keys() and is_repeated:
        held = _moved(held, added=new, removed=old)
        sides.present[name] = tuple(held.values())
    if result.keys() == held.keys():
        return NOTHING_LEFT, None
    return None, tuple(result.values())


def _moved(held: Mapping[str, str], added: Mapping[str, str], removed: Mapping[str, str]) -> dict[str, str]:
    stays = {key: tag for key, tag in held.items() if key not in removed or key in added}
    return stays | {key: tag for key, tag in added.items() if key not in removed}


def _by_key(tags: Any) -> dict[str, str]:
    return {} if tags is None or tags is UNSET else {str(tag).strip().casefold(): str(tag) for tag in tags}


def _agreed(rule: FieldRule, present: Any) -> list[Any]:
    """The base in which the target was not touched, so that what is put back counts as the only change."""
    value = comparable(rule.target, present)
    return pair_of(value, value)


def _named(decision: FieldDecision, why: str) -> FieldDecision:
    return replace(decision, reason=why) if decision.decision is Decision.WRITE else decision


def typed(rule: FieldRule, value: Any) -> Any:
    """Return a value of the journal in the type of its field."""
    if value is None:
        return None
    kind = rule.target.type
    if kind is FieldType.DECIMAL:
        return Decimal(str(value))
    if kind is FieldType.TIME:
        return datetime.fromisoformat(str(value))
    if kind is FieldType.TAGS:
        items: Iterable[Any] = value if isinstance(value, list) else [value]
        return tuple(str(item) for item in items)
    return value
