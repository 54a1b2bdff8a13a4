"""Carry out a plan: write to the target system, then link, base and journal together with the queue, in one commit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from shopify_fw360.errors import AMBIGUOUS, FW360_NOT_FOUND, INTERNAL, SALE_DIFFERS, VANISHED, SyncError
from shopify_fw360.mapping.engine import Rejection, Row, read_target_children, read_targets, transform
from shopify_fw360.mapping.rules import CompiledMapping, FieldRule
from shopify_fw360.records import (
    UNFINISHED,
    Flow,
    Gateway,
    KeepsNotes,
    Link,
    LinkStatus,
    Raw,
    SourceRecord,
    System,
    WriteResult,
)
from shopify_fw360.store.database import Transaction
from shopify_fw360.store.journal import JournalEntry
from shopify_fw360.sync.base import hand_over, is_consumed, rebase, rebase_reverse
from shopify_fw360.sync.children import (
    ChildRows,
    Ids,
    child_name,
    held_by,
    ids_after,
    links_of,
    reverse_of,
    rules_of,
    sources_of,
    values_of,
    without_lost,
)
from shopify_fw360.sync.merge import BasePair, Decision
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.plan import OUTCOMES, Action, PlanItem
from shopify_fw360.sync.planner import source_fingerprint

log = logging.getLogger(__name__)

_GONE = frozenset({FW360_NOT_FOUND.code, VANISHED.code})
_STATUS: Mapping[Action, LinkStatus] = {
    Action.EXCLUDED: "excluded",
    Action.CONFLICT: "conflict",
    Action.DIFFERS: "differs",
    Action.PARKED: "failed",
}


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan item after its writes.

    Args:
        item: what was planned; its action is UNLINK if the target had vanished meanwhile.
        result: what the target holds after a write, None if nothing was written.
        error: why the write failed, None if it succeeded or none was needed.
    """

    item: PlanItem
    result: WriteResult | None = None
    error: SyncError | None = None


def write_intents(pair: Pair, items: Sequence[PlanItem]) -> list[PlanItem]:
    """Record which records are about to be created, before any of them is.

    After a crash the intent tells the next attempt that a counterpart may already exist.

    Args:
        pair: whose store takes the intents.
        items: a plan.

    Returns:
        The same items, those to be created with their stored link; parked if their record was linked meanwhile.
    """
    creating = [item for item in items if item.action is Action.CREATE and item.link is None]
    if not creating:
        return list(items)
    with pair.store.begin() as tx:
        saved = _save_each(tx, [_new_link(item, "pending") for item in creating])
    stored = {item.source_id: link for item, link in zip(creating, saved, strict=True)}
    return [_with_intent(item, stored.get(item.source_id)) for item in items]


def _with_intent(item: PlanItem, stored: Link | SyncError | None) -> PlanItem:
    if isinstance(stored, SyncError):
        return replace(item, action=Action.PARKED, reason=stored.message, changes={}, error=stored)
    return item if stored is None else replace(item, link=stored)


def write_all(pair: Pair, items: Sequence[PlanItem], going: Callable[[], bool] = lambda: True) -> Iterator[Applied]:
    """Write the items' changes, as many at once as the target allows.

    Args:
        pair: gateways and the number of writes in flight.
        items: a plan with its intents written.
        going: asked before each write; once it says no, the items whose turn has not come yet are left out.

    Yields:
        Each item as soon as its write has ended; items without a write come first.
    """
    writing = [item for item in items if item.writes or _needs_mark(item)]
    chosen = {id(item) for item in writing}
    for item in items:
        if id(item) not in chosen:
            yield Applied(item)
    if not writing:
        return
    with ThreadPoolExecutor(min(len(writing), pair.in_flight[writing[0].flow.target])) as pool:
        futures = [pool.submit(_write, pair, item, going) for item in writing]
        try:
            for future in as_completed(futures):
                written = future.result()
                if written is not None:
                    yield written
        finally:
            for future in futures:
                future.cancel()


def _needs_mark(item: PlanItem) -> bool:
    """A new link to a Shopify record is also written there as external id, which makes later creates idempotent."""
    return item.action is Action.LINK and item.flow.target is System.SHOPIFY


def _write(pair: Pair, item: PlanItem, going: Callable[[], bool]) -> Applied | None:
    if not going():
        return None
    gateway = pair.gateway(item.flow.target, item.flow.entity)
    try:
        if item.current is None:
            return Applied(item, gateway.create(item.changes, item.source_id))
        result = gateway.update(item.current, item.changes, item.source_id)
        return _told(gateway, item, result) if result.differs else Applied(item, result)
    except SyncError as error:
        if error.code.code in _GONE and item.link is not None:
            return Applied(replace(item, action=Action.UNLINK, reason=error.message, changes={}))
        return Applied(item, error=error)
    except Exception as error:
        # One record must never take the batch down: what we do not know is parked under its own code and logged.
        log.exception("unexpected failure while writing %s %s", item.flow.name, item.source_id)
        return Applied(item, error=SyncError(INTERNAL, type(error).__name__, record=item.source_id))


def _told(gateway: Gateway, item: PlanItem, result: WriteResult) -> Applied:
    """Take out of an item what the target did not let change, and tell people there, unless they were told before."""
    left = _without(item, result.differs)
    known = item.link is not None and item.link.error_message == str(left.error)
    if left.error is not None and not known and isinstance(gateway, KeepsNotes):
        gateway.note_difference(result.record, left.error.message)
    return Applied(left, result)


def _without(item: PlanItem, differs: Collection[str]) -> PlanItem:
    """Nothing of the fields and lists that differ counts as written or agreed, so that a later attempt carries them."""

    def is_left(name: str) -> bool:
        return name in differs or name.partition("[")[0] in differs

    error = SyncError(SALE_DIFFERS, _difference(item, differs), record=item.source_id, field=min(differs))
    reason = "differs, and the target does not let it change"
    return replace(
        item,
        action=Action.DIFFERS,
        reason=error.message,
        changes={name: value for name, value in item.changes.items() if not is_left(name)},
        decisions={
            name: replace(decision, decision=Decision.LEAVE, reason=reason, settled=False)
            if is_left(name) and decision.decision is Decision.WRITE
            else decision
            for name, decision in item.decisions.items()
        },
        lists=tuple(paired for paired in item.lists if paired.mapping.name not in differs),
        error=error,
    )


def _difference(item: PlanItem, differs: Collection[str]) -> str:
    """Name what differs; amounts with both values, other fields by name only, since they may be personal."""
    parts = []
    for name in sorted(differs):
        decision = item.decisions.get(name)
        if decision is not None and isinstance(decision.incoming, Decimal):
            parts.append(f"{name} is {decision.present}, not {decision.incoming}")
        else:
            parts.append(name)
    return f"not changed in {item.flow.target.value}: {'; '.join(parts)}"


def links_after(pair: Pair, applied: Sequence[Applied]) -> list[Link | None]:
    """Compute the links as they are once the items are carried out.

    Args:
        pair: mappings and settings.
        applied: items of one flow without a write error.

    Returns:
        For each item its link to be stored; None where the record never had one and needs none.
    """
    agreeing = [entry for entry in applied if _target_raw(entry) is not None and entry.item.source is not None]
    states = iter(_agreement(pair, agreeing))
    chosen = {id(entry) for entry in agreeing}
    return [next(states) if id(entry) in chosen else _link_without_target(entry) for entry in applied]


def store_all(
    tx: Transaction, pair: Pair, entries: Sequence[tuple[Applied, Link | None]]
) -> list[JournalEntry | SyncError]:
    """Store the links of items of one flow and make their journal entries.

    Args:
        tx: the transaction that also ends the queue rows.
        pair: for the clock.
        entries: items after their writes with the links as ``links_after`` or ``failed_link`` computes them.

    Returns:
        For each item its journal entry, not yet written, whose run is filled in by the caller; SYNC-204 if one of its
        records was linked otherwise meanwhile, then nothing of it is stored.
    """
    linking = [(entry.item, link) for entry, link in entries if link is not None]
    saved = iter(_save_each(tx, _in_own_rows(tx, linking)))
    results: list[JournalEntry | SyncError] = []
    for entry, wanted in entries:
        item = entry.item
        if wanted is None and item.action is Action.UNLINK and item.link is not None:
            tx.delete_link(item.link)
        link = None if wanted is None else next(saved)
        if isinstance(link, SyncError):
            results.append(link)
            continue
        if link is not None and entry.error is None:
            _store_children(tx, pair, entry, link)
        for field in entry.result.unwritable if entry.result is not None else ():
            tx.mark_unwritable(item.flow.target, item.flow.entity, field)
        results.append(_journal_entry(pair, entry, link))
    return results


def _in_own_rows(tx: Transaction, linking: Sequence[tuple[PlanItem, Link]]) -> list[Link]:
    """Let each record have one row, where it and its counterpart may have had one each before they met."""
    if not linking:
        return []
    flow = linking[0][0].flow
    owned = tx.links(flow.entity, flow.source, [item.source_id for item, _ in linking])
    links = []
    for item, link in linking:
        own = owned.get(item.source_id)
        if own is not None and own.id != link.id and own.id_in(flow.target) in (None, link.id_in(flow.target)):
            tx.delete_link(own)
        links.append(link)
    return links


def _save_each(tx: Transaction, links: Sequence[Link]) -> list[Link | SyncError]:
    """Save all links at once, or one by one if a record of one of them is linked otherwise, and tell which."""
    try:
        return list(tx.save_links(links))
    except SyncError as error:
        if error.code is not AMBIGUOUS:
            raise
        if len(links) == 1:
            return [error]
    return [saved for link in links for saved in _save_each(tx, [link])]


def _journal_entry(pair: Pair, entry: Applied, link: Link | None) -> JournalEntry:
    item = entry.item
    return JournalEntry(
        run_id="",
        flow=item.flow,
        source_id=item.source_id,
        target_id=None if link is None else link.id_in(item.flow.target),
        link_id=None if link is None else link.id,
        outcome=OUTCOMES[item.action],
        before=item.before(),
        after=item.after(),
        reasons=item.reasons() or {"": item.reason},
        error_code=None if item.error is None else item.error.code.code,
        message=item.reason,
        at=pair.clock(),
    )


def _store_children(tx: Transaction, pair: Pair, entry: Applied, link: Link) -> None:
    item = entry.item
    if link.id is None or not pair.mapping(item.flow).children:
        return
    if item.action is Action.UNLINK:
        for child in pair.mapping(item.flow).children.values():
            tx.replace_children(link.id, child.kind, ())
    elif _target_raw(entry) is not None:
        for kind, rows in links_of(item.lists, item.flow.source, _written_ids(entry)).items():
            if rows != item.child_links.get(kind, []):
                tx.replace_children(link.id, kind, rows)


def _target_raw(entry: Applied) -> Raw | None:
    if entry.item.action in (Action.EXCLUDED, Action.UNLINK, Action.PARKED):
        return None
    if entry.result is not None:
        return entry.result.record.raw
    return None if entry.item.current is None else entry.item.current.raw


def _target_record(entry: Applied) -> SourceRecord:
    record = entry.item.current if entry.result is None else entry.result.record
    if record is None:
        raise ValueError(f"{entry.item.source_id}: nothing was written and nothing was there")
    return record


def _agreement(pair: Pair, entries: Sequence[Applied]) -> list[Link]:
    """Move the bases of both directions and the fingerprints, for records that now have both sides."""
    if not entries:
        return []
    flow = entries[0].item.flow
    reverse = pair.mappings.get(flow.reverse)
    forward = _forward_bases(pair.mapping(flow), entries)
    backward = _backward_bases(pair.mapping(flow), reverse, entries) if reverse else [({}, False)] * len(entries)
    links = []
    for entry, base, (base_back, consumed) in zip(entries, forward, backward, strict=True):
        target = _target_record(entry)
        prints = {flow.name: entry.item.fingerprint}
        times = _time_of(flow, entry.item.source)
        if reverse is not None:
            # Also where something still waits there to be carried: what was staged before this write is read again.
            times |= _time_of(flow.reverse, target)
        if reverse is not None and consumed:
            prints[flow.reverse.name] = source_fingerprint(pair, reverse, target)
        link = _new_link(entry.item, _STATUS.get(entry.item.action, "synced"))
        if entry.item.action is Action.DIFFERS and entry.item.error is not None:
            link = replace(link, error_code=entry.item.error.code.code, error_message=str(entry.item.error))
        links.append(
            replace(
                _with_id(link, flow.target, target.id),
                base={**link.base, flow.name: base, **({flow.reverse.name: base_back} if reverse else {})},
                fingerprints={**link.fingerprints, **prints},
                source_times={**link.source_times, **times},
                missing_scans=0,
                synced_at=pair.clock(),
                synced_by=flow.name,
            )
        )
    return links


def _time_of(flow: Flow, record: SourceRecord | None) -> dict[str, datetime]:
    return {} if record is None or record.updated_at is None else {flow.name: record.updated_at}


def _written_ids(entry: Applied) -> Ids:
    return {} if entry.result is None else entry.result.children


def _forward_bases(mapping: CompiledMapping, entries: Sequence[Applied]) -> list[dict[str, BasePair]]:
    raws = [_target_record(entry).raw for entry in entries]
    held = zip(read_targets(mapping, raws), read_target_children(mapping, raws), strict=True)
    result = []
    for entry, (fields, children) in zip(entries, held, strict=True):
        item = entry.item
        rows = sources_of(item.lists)
        ids = ids_after(item.lists, _written_ids(entry))
        result.append(
            rebase(
                {**mapping.fields, **rules_of(mapping.children, rows)},
                without_lost(_base(entry, item.flow.name), rows),
                item.decisions,
                {**item.incoming, **values_of(mapping.children, rows, ids)},
                {**fields, **held_by(mapping.children, children, ids)},
            )
        )
    return result


def _backward_bases(
    mapping: CompiledMapping, reverse: CompiledMapping, entries: Sequence[Applied]
) -> list[tuple[dict[str, BasePair], bool]]:
    """The base of the opposite direction after the write, and whether that direction has nothing left to carry."""
    after = transform(reverse, [_target_record(entry).raw for entry in entries]).rows
    before = iter(transform(reverse, [entry.item.current.raw for entry in entries if entry.item.current]).rows)
    sources = [entry.item.source.raw for entry in entries if entry.item.source is not None]
    mirrored = zip(read_targets(reverse, sources), read_target_children(reverse, sources), strict=True)
    result: list[tuple[dict[str, BasePair], bool]] = []
    for entry, outcome, (fields, children) in zip(entries, after, mirrored, strict=True):
        was = _usable(next(before)) if entry.item.current else None
        now = _usable(outcome)
        old = _base(entry, reverse.flow.name)
        if now is None:
            result.append((dict(old), False))
            continue
        ids, complete = _reversed_ids(reverse, entry, now.children)
        linked = {name: tuple(row for row in rows if row.id in ids[name]) for name, rows in now.children.items()}
        rules = {**reverse.fields, **rules_of(reverse.children, linked)}
        values = {**now.values, **values_of(reverse.children, linked, ids)}
        held = {**fields, **held_by(reverse.children, children, ids)}
        base = rebase_reverse(
            rules,
            without_lost(old, now.children),
            _touched(mapping, entry.item.changes),
            None if was is None else {**was.values, **values_of(reverse.children, was.children, ids)},
            values,
            held,
            all_ours=entry.item.is_repeated or _goes_on(entry),
        )
        base = hand_over(rules, base, _left_to(mapping, reverse, entry), held)
        defaulted = now.defaulted | {
            child_name(name, row.id, field) for name, rows in linked.items() for row in rows for field in row.defaulted
        }
        stated = {name: value for name, value in values.items() if name not in defaulted}
        result.append((base, complete and is_consumed(rules, base, stated)))
    return result


def _goes_on(entry: Applied) -> bool:
    """Whether the record was made by an interrupted attempt of ours, so that all it held before is what we wrote."""
    return entry.item.current is not None and entry.item.current.raw.get(UNFINISHED) is True


def _reversed_ids(reverse: CompiledMapping, entry: Applied, rows: ChildRows) -> tuple[dict[str, dict[str, str]], bool]:
    """The pairs of ids as the opposite direction sees them, and whether no child there is without its pair."""
    forward = ids_after(entry.item.lists, _written_ids(entry))
    result: dict[str, dict[str, str]] = {name: {} for name in reverse.children}
    complete = True
    for paired in entry.item.lists:
        back = reverse_of(paired.mapping, reverse)
        if back is None:
            continue
        ids = {target: source for source, target in forward[paired.mapping.name].items()}
        result[back.name] = ids
        complete &= {row.id for row in rows.get(back.name, ())} == ids.keys()
        complete &= all(pair.source is None or pair.source.id in ids.values() for pair in paired.pairs)
    return result, complete


def _left_to(mapping: CompiledMapping, reverse: CompiledMapping, entry: Applied) -> set[str]:
    """Target fields of the opposite direction that carry what a person chose to keep in the target."""
    kept = {name for name, found in entry.item.decisions.items() if found.kept}
    result: set[str] = set()
    for name in kept & mapping.fields.keys():
        result |= _fed_by(reverse.fields, mapping.fields[name])
    for list_name, pairs in ids_after(entry.item.lists, _written_ids(entry)).items():
        child = mapping.children[list_name]
        back = reverse_of(child, reverse)
        if back is None:
            continue
        for source_id, target_id in pairs.items():
            for bare, rule in child.fields.items():
                if child_name(list_name, source_id, bare) in kept:
                    fed = _fed_by(back.fields, rule)
                    result |= {child_name(back.name, target_id, field) for field in fed}
    return result


def _fed_by(rules: Mapping[str, FieldRule], field: FieldRule) -> set[str]:
    return {name for name, rule in rules.items() if rule.main_paths & frozenset(field.target.reads)}


def _touched(mapping: CompiledMapping, changes: Mapping[str, Any]) -> set[str]:
    """Paths of the target that a write may have changed; of a list of children all of them."""
    written: list[FieldRule] = []
    for name in changes:
        child = mapping.children.get(name)
        written += [mapping.fields[name]] if child is None else child.fields.values()
    return {path for rule in written for path in rule.target.reads}


def _usable(outcome: Row | Rejection) -> Row | None:
    return outcome.partial if isinstance(outcome, Rejection) else outcome


def _link_without_target(entry: Applied) -> Link | None:
    item = entry.item
    if item.action is Action.UNLINK and item.link is not None:
        # The surviving side keeps its row, so that the deleted record is not created again by the next scan.
        gone = item.flow.source if item.source is None else item.flow.target
        survivor = _with_id(item.link, gone, None)
        if survivor.id_in(gone.other) is None:
            return None
        prints = {item.flow.name: item.fingerprint} if item.source is not None else {}
        return replace(
            survivor,
            status="unlinked",
            base={},
            fingerprints={**item.link.fingerprints, **prints},
            source_times={**item.link.source_times, **_time_of(item.flow, item.source)},
            error_code=None,
            error_message=None,
        )
    if item.action is Action.EXCLUDED:
        status: LinkStatus = "unlinked" if item.link is not None and item.link.status == "unlinked" else "excluded"
        link = _new_link(item, status)
        return replace(
            link,
            fingerprints={**link.fingerprints, item.flow.name: item.fingerprint},
            source_times={**link.source_times, **_time_of(item.flow, item.source)},
        )
    return item.link


def failed_link(item: PlanItem, error: SyncError) -> Link:
    """Return the link of a record that could not be carried over, marked with the error."""
    status: LinkStatus = "conflict" if error.code.code == "SYNC-205" else "failed"
    return replace(_new_link(item, status), error_code=error.code.code, error_message=str(error))


def _new_link(item: PlanItem, status: LinkStatus) -> Link:
    link = item.link or _with_id(Link(item.flow.entity), item.flow.source, item.source_id)
    link = _with_id(link, item.flow.source, item.source_id)
    keys = {**link.match_keys, **({item.flow.source.value: item.match_key} if item.match_key else {})}
    return replace(
        link,
        status=status,
        match_keys=keys,
        display_name=item.display_name or link.display_name,
        error_code=None,
        error_message=None,
    )


def _with_id(link: Link, system: System, record_id: str | None) -> Link:
    if system is System.SHOPIFY:
        return replace(link, shopify_id=record_id)
    return replace(link, framework360_id=record_id)


def _base(entry: Applied, flow_name: str) -> Mapping[str, Sequence[Any]]:
    return {} if entry.item.link is None else entry.item.link.base.get(flow_name, {})
