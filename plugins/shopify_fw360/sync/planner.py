"""Turn staged changes into a plan. Reads both systems and the store, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shopify_fw360.errors import CONFLICT, REFERENCE_WAITING, SHOPIFY_ORDER_UNREADABLE, VANISHED, SyncError
from shopify_fw360.mapping.compiler import CompiledMapping
from shopify_fw360.mapping.engine import Rejection, Row, read_target_children, read_targets, transform
from shopify_fw360.records import (
    PROBLEM,
    UNFINISHED,
    Change,
    Choice,
    Flow,
    Link,
    LinkStatus,
    Operation,
    Origin,
    Raw,
    SourceRecord,
    error_of,
)
from shopify_fw360.store.database import Transaction
from shopify_fw360.store.link_children import LinkChild
from shopify_fw360.sync.canonical import fingerprints
from shopify_fw360.sync.children import ChildRows, merge_children, pair_children
from shopify_fw360.sync.match import Match, Seeker, find_matches, match_key
from shopify_fw360.sync.merge import MergeInput, changes_of, conflicts_of, merge
from shopify_fw360.sync.outbound import exclusion, left_out
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.plan import Action, PlanItem
from shopify_fw360.sync.references import Reference, resolve

_BEGUN: frozenset[LinkStatus] = frozenset({"pending", "failed"})
"""What a link without counterpart says if a create was begun and may still be completed."""


def source_fingerprints(pair: Pair, mapping: CompiledMapping, records: Sequence[SourceRecord]) -> list[str]:
    """Fingerprint what a flow would carry over of source records, the outbound filter's verdicts included."""
    raws = [record.raw for record in records]
    return fingerprints(mapping.sources, mapping.digest, raws, [_verdict(pair, mapping.flow, raw) for raw in raws])


def source_fingerprint(pair: Pair, mapping: CompiledMapping, record: SourceRecord) -> str:
    """Fingerprint one source record; see `source_fingerprints`."""
    return source_fingerprints(pair, mapping, [record])[0]


def _verdict(pair: Pair, flow: Flow, raw: Raw) -> str:
    if exclusion(pair.settings, flow, raw) is not None:
        return "excluded"
    problem = raw.get(PROBLEM)
    return "" if problem is None else str(problem["message"])


def plan(pair: Pair, flow: Flow, changes: Sequence[Change]) -> list[PlanItem]:
    """Plan what to do with staged changes of one flow.

    Args:
        pair: the two systems, the store, the settings.
        flow: all changes belong to it.
        changes: each source id once.

    Returns:
        One item per change, in the order given.

    Raises:
        SyncError: what concerns a whole system (token, key, network); failures of one record become parked items.
    """
    return _Planning(pair, flow).run(changes)


@dataclass(slots=True)
class _Planning:
    pair: Pair
    flow: Flow
    items: dict[str, PlanItem] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    prints: dict[str, str] = field(default_factory=dict)
    choices: dict[str, Mapping[str, Choice]] = field(default_factory=dict)
    unwritable: frozenset[str] = frozenset()
    child_links: dict[int, dict[str, list[LinkChild]]] = field(default_factory=dict)
    retiring: dict[str, SourceRecord] = field(default_factory=dict)
    missing: dict[str, list[Reference]] = field(default_factory=dict)

    def run(self, changes: Sequence[Change]) -> list[PlanItem]:
        mapping = self.pair.mapping(self.flow)
        self.choices = {change.source_id: change.choices for change in changes}
        with self.pair.store.begin() as tx:
            self.links = tx.links(self.flow.entity, self.flow.source, [change.source_id for change in changes])
        records = self._fetch(changes)
        self.retiring = self._fetch_retiring(mapping, [change for change in changes if change.source_id not in records])
        open_records = [self._admit(change, records.get(change.source_id)) for change in changes]
        admitted = [record for record in open_records if record is not None]
        rows = self._transform(mapping, admitted)
        if any(rule.refers for rule in mapping.fields.values()):
            with self.pair.store.begin() as tx:
                self.missing = resolve(tx, mapping, rows)
        currents = self._fetch_linked([record for record in admitted if record.id in rows])
        seekers = [
            Seeker(
                record.id,
                rows[record.id],
                match_key(mapping, rows[record.id]),
                resumed=record.id in self.links,
            )
            for record in admitted
            if record.id in rows and record.id not in self.items and record.id not in currents
        ]
        matches = find_matches(self.pair.store, self._target, mapping, seekers) if seekers else {}
        waiting = [record for record in admitted if record.id not in self.items]
        founds = [_found(currents.get(record.id), matches.get(record.id)) for record in waiting]
        raws = [found.raw for found in founds if found is not None]
        presents = iter(zip(read_targets(mapping, raws), read_target_children(mapping, raws), strict=True))
        with self.pair.store.begin() as tx:
            self.unwritable = tx.unwritable(self.flow.target, self.flow.entity)
            self.child_links = self._child_links(tx, mapping)
        for record, found in zip(waiting, founds, strict=True):
            present, children = (None, {}) if found is None else next(presents)
            self._merge_one(
                mapping,
                record,
                rows[record.id],
                found=found,
                present=present,
                children=children,
                match=matches.get(record.id),
                linked=currents.get(record.id),
            )
        return [self.items[change.source_id] for change in changes]

    @property
    def _target(self) -> Any:
        return self.pair.gateway(self.flow.target, self.flow.entity)

    def _child_links(self, tx: Transaction, mapping: CompiledMapping) -> dict[int, dict[str, list[LinkChild]]]:
        """By link and kind the stored pairs of children."""
        ids = [link.id for link in self.links.values() if link.id is not None]
        result: dict[int, dict[str, list[LinkChild]]] = {}
        for child in mapping.children.values():
            for link_id, links in tx.children(ids, child.kind).items():
                result.setdefault(link_id, {})[child.kind] = links
        return result

    def _fetch(self, changes: Sequence[Change]) -> dict[str, SourceRecord]:
        """A webhook or a button brings only an id; a poll has brought the record, which saves the second read."""
        records: dict[str, SourceRecord] = {}
        for change in changes:
            record = change.record
            if record is not None and change.operation is Operation.UPSERT and not self._is_outdated(record):
                records[record.id] = record
                # It has lost its types in the queue, so what was fingerprinted at staging counts.
                if change.fingerprint:
                    self.prints[record.id] = change.fingerprint
        missing = [change.source_id for change in changes if change.source_id not in records]
        if missing:
            records.update(self.pair.gateway(self.flow.source, self.flow.entity).fetch(missing))
        return records

    def _is_outdated(self, record: SourceRecord) -> bool:
        """Whether a newer state was consumed already: a page may be staged long after it was read."""
        link = self.links.get(record.id)
        consumed = None if link is None else link.source_times.get(self.flow.name)
        return consumed is not None and record.updated_at is not None and record.updated_at < consumed

    def _admit(self, change: Change, record: SourceRecord | None) -> SourceRecord | None:
        link = self.links.get(change.source_id)
        if record is None:
            self._put_gone(change, link)
            return None
        if link is not None and link.status == "unlinked" and change.origin is not Origin.SYNC_NOW:
            self.items[record.id] = self._item(
                record, Action.EXCLUDED, "its counterpart was deleted; only Sync now creates it again", link=link
            )
            return None
        reason = left_out(link) or exclusion(self.pair.settings, self.flow, record.raw)
        if reason is not None:
            self.items[record.id] = self._item(record, Action.EXCLUDED, reason, link=link)
            return None
        error = error_of(record, self._name(record))
        if error is not None and error.code is SHOPIFY_ORDER_UNREADABLE and change.operation is Operation.DELETE:
            # Whoever staged it was told of the deletion; that the record is not shown agrees with it.
            self._put_gone(change, link)
            return None
        if error is not None:
            name = self._display_name(record)
            self.items[record.id] = self._item(
                record, Action.PARKED, str(error), link=link, error=error, display_name=name
            )
            return None
        if self._is_echo(change, link, record):
            self.items[record.id] = self._item(record, Action.UNCHANGED, "what it holds is carried over", link=link)
            return None
        return record

    def _is_echo(self, change: Change, link: Link | None, record: SourceRecord) -> bool:
        """Whether an event tells of what is known already, above all of our own write.

        The other side is not read then, which half of all reading would be for. A button looks at both sides always.
        """
        if link is None or link.status != "synced" or link.id_in(self.flow.target) is None or change.choices:
            return False
        if change.origin is not Origin.WEBHOOK:
            return False
        return self._print_of(record) == link.fingerprints.get(self.flow.name)

    def _print_of(self, record: SourceRecord) -> str:
        if record.id not in self.prints:
            self.prints[record.id] = source_fingerprint(self.pair, self.pair.mapping(self.flow), record)
        return self.prints[record.id]

    def _display_name(self, record: SourceRecord) -> str:
        mapping = self.pair.mapping(self.flow)
        (row,) = transform(mapping, [record.raw]).rows
        return row.display_name if isinstance(row, Rejection) else mapping.name_of(row.values)

    def _name(self, record: SourceRecord) -> str:
        return f"{self.flow.entity.value} {self.flow.source.value}:{record.id}"

    def _fetch_retiring(self, mapping: CompiledMapping, gone: Sequence[Change]) -> dict[str, SourceRecord]:
        """By source id the counterparts of deleted records that the settings want changed, not only unlinked."""
        if not (mapping.on_delete and self.pair.settings.retires(self.flow)):
            return {}
        links = [self.links[change.source_id] for change in gone if change.source_id in self.links]
        wanted = {link.id_in(self.flow.target): link.id_in(self.flow.source) for link in links}
        found = self._target.fetch([other for other in wanted if other is not None])
        return {
            source_id: found[other] for other, source_id in wanted.items() if other in found and source_id is not None
        }

    def _put_gone(self, change: Change, link: Link | None) -> None:
        current = self.retiring.get(change.source_id)
        if link is None:
            reason = f"deleted in {self.flow.source.value} before it was ever synchronised"
            action = Action.UNCHANGED
        else:
            reason = f"deleted in {self.flow.source.value}"
            action = Action.UNLINK
        self.items[change.source_id] = PlanItem(
            flow=self.flow,
            source_id=change.source_id,
            action=action,
            reason=reason,
            link=link,
            current=current,
            changes={} if current is None else self.pair.mapping(self.flow).on_delete,
            display_name=change.display_name if link is None else link.display_name,
        )

    def _transform(self, mapping: CompiledMapping, records: Sequence[SourceRecord]) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        result = transform(mapping, [record.raw for record in records])
        for record, outcome in zip(records, result.rows, strict=True):
            if isinstance(outcome, Rejection) and outcome.partial is not None and self._is_linked(record.id):
                rows[record.id] = outcome.partial
            elif isinstance(outcome, Rejection):
                error = outcome.as_error(self._name(record))
                self.items[record.id] = self._item(
                    record,
                    Action.PARKED,
                    str(error),
                    link=self.links.get(record.id),
                    error=error,
                    display_name=outcome.display_name,
                )
            else:
                rows[record.id] = outcome
        return rows

    def _is_linked(self, source_id: str) -> bool:
        link = self.links.get(source_id)
        return link is not None and link.id_in(self.flow.target) is not None

    def _fetch_linked(self, records: Sequence[SourceRecord]) -> dict[str, SourceRecord]:
        wanted: dict[str, str] = {}
        for record in records:
            link = self.links.get(record.id)
            other = None if link is None else link.id_in(self.flow.target)
            if other is not None:
                wanted[other] = record.id
        found = self._target.fetch(list(wanted)) if wanted else {}
        for other, source_id in wanted.items():
            if other not in found:
                record = next(item for item in records if item.id == source_id)
                error = SyncError(VANISHED, f"{self.flow.target.value} record {other} does not exist any more")
                self.items[source_id] = self._item(
                    record, Action.UNLINK, error.message, link=self.links[source_id], error=error
                )
        return {wanted[other]: record for other, record in found.items()}

    def _merge_one(
        self,
        mapping: CompiledMapping,
        record: SourceRecord,
        row: Row,
        *,
        found: SourceRecord | None,
        present: Mapping[str, Any] | None,
        children: ChildRows,
        match: Match | None,
        linked: SourceRecord | None,
    ) -> None:
        link = self.links.get(record.id)
        key = match_key(mapping, row)
        name = mapping.name_of(row.values)
        if match is not None and match.error is not None:
            self.items[record.id] = self._item(
                record,
                Action.PARKED,
                match.error.message,
                link=link,
                error=match.error,
                candidates=match.candidates,
                match_key=key,
                display_name=name,
                incoming=row.values,
            )
            return
        if match is not None and match.record is not None:
            link = _joined(link, match.link)
        half_made = None if found is None or match is None else self._half_made(record, found.id, match.link)
        if half_made is not None:
            self.items[record.id] = half_made
            return
        mark = None if found is None or linked is not None else found.raw.get(UNFINISHED)
        compared = MergeInput(
            source=self.flow.source,
            incoming=row.values,
            defaulted=row.defaulted,
            present=present,
            base={} if link is None else link.base.get(self.flow.name, {}),
            unwritable=self.unwritable,
            source_time=record.updated_at,
            target_time=None if found is None else found.updated_at,
            finishing=mark is True,
            unfinished=frozenset() if mark is None or mark is True else frozenset(mark),
            choices=self.choices[record.id],
        )
        known = self.child_links.get(link.id, {}) if link is not None and link.id is not None else {}
        lists = tuple(
            pair_children(
                child, self.flow.source, row.children[list_name], children.get(list_name, ()), known.get(child.kind, ())
            )
            for list_name, child in mapping.children.items()
            if list_name in row.children
        )
        merged = merge_children(lists, compared)
        decisions = {**merge(mapping.fields, compared), **merged.decisions}
        changes = {**changes_of({name: decisions[name] for name in mapping.fields}), **merged.changes}
        conflicts = conflicts_of(decisions)
        by_hand = match is not None and match.by_hand
        action, reason = _action(linked, found, changes, conflicts, by_hand=by_hand)
        error = None
        if conflicts:
            error = SyncError(CONFLICT, f"both sides changed {', '.join(conflicts)}", record=record.id)
        self.items[record.id] = self._item(
            record,
            action,
            reason,
            link=link,
            current=found,
            incoming=row.values,
            changes=changes,
            decisions=decisions,
            lists=lists,
            child_links=known,
            match_key=key,
            display_name=name,
            error=error,
            choices=self.choices[record.id],
            waits_for=self.missing.get(record.id, ()),
            by_hand=by_hand,
        )

    def _half_made(self, record: SourceRecord, found_id: str, intent: Link | None) -> PlanItem | None:
        """Let the opposite direction go first if it has begun to make the source record and was interrupted.

        What such a record holds are not the wishes of people: compared now, its empty consent would count as a refusal.
        """
        back = self.flow.reverse
        if intent is None or intent.status not in _BEGUN or intent.base:
            return None
        if back not in self.pair.mappings or not self.pair.settings.flows.is_on(back):
            return None
        made = self.pair.gateway(self.flow.source, self.flow.entity).find_counterpart(found_id)
        if made is None or made.id != record.id or not made.raw.get(UNFINISHED):
            return None
        with self.pair.store.read() as tx:
            given_up = found_id in tx.parked_among(back, [found_id])
        if given_up:
            # Waiting would keep the run as long as nobody mends it; once it goes on, its end is an event.
            reason = f"its making from its counterpart by {back.name} is parked, and goes on once that is released"
            return self._item(record, Action.UNCHANGED, reason, link=intent)
        error = SyncError(REFERENCE_WAITING, f"it is being made from its counterpart by {back.name}", record=record.id)
        return self._item(record, Action.PARKED, error.message, link=intent, error=error, made_from=found_id)

    def _item(self, record: SourceRecord, action: Action, reason: str, **more: Any) -> PlanItem:
        link: Link | None = more.get("link")
        more["display_name"] = more.get("display_name") or ("" if link is None else link.display_name)
        return PlanItem(
            flow=self.flow,
            source_id=record.id,
            action=action,
            reason=reason,
            source=record,
            fingerprint=self._print_of(record),
            **more,
        )


def _joined(own: Link | None, other: Link | None) -> Link | None:
    """Join the row a source record has without a counterpart with the row its counterpart has without a source."""
    if own is None or other is None:
        return own or other
    return replace(
        other,
        base={**other.base, **own.base},
        fingerprints={**other.fingerprints, **own.fingerprints},
        source_times={**other.source_times, **own.source_times},
        match_keys={**other.match_keys, **own.match_keys},
    )


def _found(linked: SourceRecord | None, match: Match | None) -> SourceRecord | None:
    return linked if linked is not None or match is None else match.record


def _action(
    linked: SourceRecord | None,
    found: SourceRecord | None,
    changes: Mapping[str, Any],
    conflicts: Sequence[str],
    *,
    by_hand: bool,
) -> tuple[Action, str]:
    if conflicts:
        return Action.CONFLICT, f"both sides changed {', '.join(conflicts)}"
    if found is None:
        return Action.CREATE, "a person asked for a new counterpart" if by_hand else "no counterpart exists"
    if linked is None:
        by_key = "the counterpart was found by its natural key"
        return Action.LINK, "the counterpart was chosen by hand" if by_hand else by_key
    if changes:
        return Action.UPDATE, f"{len(changes)} field(s) differ"
    return Action.UNCHANGED, "both sides agree"
