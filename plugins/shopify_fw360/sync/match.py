"""Find the counterpart of records that have no link yet, and refuse to guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shopify_fw360.errors import AMBIGUOUS, SyncError
from shopify_fw360.mapping.compiler import CompiledMapping
from shopify_fw360.mapping.engine import Row
from shopify_fw360.records import UNSET, Flow, Gateway, Link, SourceRecord
from shopify_fw360.store.database import Store
from shopify_fw360.store.pairings import Pairing
from shopify_fw360.sync.canonical import comparable


@dataclass(frozen=True, slots=True)
class Seeker:
    """A source record that looks for its counterpart.

    Args:
        source_id: id in the source system.
        row: what the mapping made of it.
        match_key: its normalised natural key, None if it has none.
        resumed: whether an earlier attempt may have created the counterpart already.
    """

    source_id: str
    row: Row
    match_key: str | None
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """Result of the search.

    Args:
        record: the one counterpart, None if there is none.
        by_hand: whether a person has decided so.
        link: a link the counterpart already has without a record on the source side.
        error: SYNC-204 if the counterpart is ambiguous.
        candidates: ids named by the error.
    """

    record: SourceRecord | None = None
    by_hand: bool = False
    link: Link | None = None
    error: SyncError | None = None
    candidates: Sequence[str] = ()


def key_values(mapping: CompiledMapping, name: str, row: Row) -> dict[str, str]:
    """Return the values a record has in one of its natural keys.

    Args:
        mapping: names the natural keys.
        name: a target field, or ``list.field`` for a field of any child.
        row: what the mapping made of the record.

    Returns:
        Normalised value to the value as written, empty ones left out; several only for a field of children.
    """
    rule = mapping.fields.get(name)
    if rule is not None:
        held = [row.values.get(name, UNSET)]
    else:
        list_name, _, field_name = name.partition(".")
        rule = mapping.children[list_name].fields[field_name]
        held = [child.values.get(field_name, UNSET) for child in row.children.get(list_name, ())]
    found: dict[str, str] = {}
    for value in held:
        normal = comparable(rule.target, value)
        if normal is not None:
            found.setdefault(str(normal), str(value))
    return found


def match_key(mapping: CompiledMapping, row: Row) -> str | None:
    """Return the normalised natural key of a record.

    Args:
        mapping: names the natural keys in order of preference.
        row: what the mapping made of the record.

    Returns:
        ``field:value`` of the first natural key that has a value, None without any.
    """
    for name in mapping.match:
        for value in key_values(mapping, name, row):
            return f"{name}:{value}"
    return None


def find_matches(
    store: Store, gateway: Gateway, mapping: CompiledMapping, seekers: Sequence[Seeker]
) -> dict[str, Match]:
    """Search the target system for the counterparts of unlinked records.

    A record is ambiguous if its own side has another record with the same natural key, if the target has several, or
    if the only one found is already linked to another record. Ambiguous records are never written.

    Args:
        store: knows links and staged records.
        gateway: of the target system.
        mapping: names the natural keys.
        seekers: the records.

    Returns:
        For each source id its match.

    Raises:
        SyncError: as the gateway raises.
    """
    flow = mapping.flow
    keyed = {seeker.source_id: seeker.match_key for seeker in seekers if seeker.match_key}
    with store.begin() as tx:
        twins = tx.duplicates_of(flow, keyed)
        chosen = tx.pairings(flow.entity, flow.source, [seeker.source_id for seeker in seekers])
    result: dict[str, Match] = {}
    searching: list[Seeker] = []
    for seeker in seekers:
        others = twins.get(seeker.source_id, ())
        if others and seeker.source_id not in chosen:
            result[seeker.source_id] = twin_match(flow, seeker.source_id, seeker.match_key, others)
        else:
            searching.append(seeker)
    found = _search(gateway, mapping, [seeker for seeker in searching if seeker.source_id not in chosen])
    found |= _chosen_records(gateway, flow, [seeker for seeker in searching if seeker.source_id in chosen], chosen)
    ids = [record.id for records in found.values() for record in records]
    with store.begin() as tx:
        links = tx.links(flow.entity, flow.target, ids)
        taken = tx.pairings(flow.entity, flow.target, ids)
    for seeker in searching:
        choice = chosen.get(seeker.source_id)
        records = found.get(seeker.source_id, [])
        if choice is not None and choice.id_in(flow.target) is not None and not records:
            message = f"the counterpart chosen by hand does not exist any more in {flow.target.value}"
            match = _ambiguous(seeker, message, [str(choice.id_in(flow.target))])
        else:
            match = _judge(seeker, records, links, mapping)
        other = None if match.record is None else taken.get(match.record.id)
        if choice is None and match.record is not None and other is not None:
            message = f"{flow.target.value} record {match.record.id} was given another counterpart by hand"
            match = _ambiguous(seeker, message, [match.record.id])
        result[seeker.source_id] = replace(match, by_hand=choice is not None)
    _refuse_shared(searching, result, mapping)
    return result


def _chosen_records(
    gateway: Gateway, flow: Flow, seekers: Sequence[Seeker], chosen: Mapping[str, Pairing]
) -> dict[str, list[SourceRecord]]:
    """Read the counterparts a person has chosen, and for records that shall get a new one what a crash has left."""
    found: dict[str, list[SourceRecord]] = {}
    wanted: dict[str, str] = {}
    for seeker in seekers:
        target_id = chosen[seeker.source_id].id_in(flow.target)
        if target_id is not None:
            wanted[seeker.source_id] = target_id
        elif seeker.resumed and (made := gateway.find_counterpart(seeker.source_id)) is not None:
            found[seeker.source_id] = [made]
    records = gateway.fetch(list(wanted.values())) if wanted else {}
    return found | {source_id: [records[target]] for source_id, target in wanted.items() if target in records}


def twin_match(flow: Flow, source_id: str, key: str | None, others: Sequence[str]) -> Match:
    """Return the refusal of a record whose own side has other records with the same natural key.

    Args:
        flow: entity and direction.
        source_id: of the record.
        key: its natural key.
        others: ids of the other records.
    """
    seeker = Seeker(source_id, Row({}, frozenset()), key)
    return _ambiguous(seeker, f"{flow.source.value} has other records with the same {_key_name(seeker)}", others)


def shared_match(flow: Flow, source_id: str, key: str | None, target_id: str, others: Sequence[str]) -> Match:
    """Return the refusal of a record whose counterpart other records have found too.

    Args:
        flow: entity and direction.
        source_id: of the record.
        key: its natural key.
        target_id: of the counterpart.
        others: ids of the other records.
    """
    seeker = Seeker(source_id, Row({}, frozenset()), key)
    message = f"{flow.target.value} record {target_id} also fits other {flow.source.value} records"
    return _ambiguous(seeker, message, others)


def _refuse_shared(seekers: Sequence[Seeker], matches: dict[str, Match], mapping: CompiledMapping) -> None:
    """Make those ambiguous that have found the same counterpart, each by another key."""
    flow = mapping.flow
    finders: dict[str, list[Seeker]] = {}
    for seeker in seekers:
        record = matches[seeker.source_id].record
        if record is not None:
            finders.setdefault(record.id, []).append(seeker)
    for record_id, sharing in finders.items():
        for seeker in sharing if len(sharing) > 1 else ():
            others = [other.source_id for other in sharing if other is not seeker]
            matches[seeker.source_id] = shared_match(flow, seeker.source_id, seeker.match_key, record_id, others)


def _search(gateway: Gateway, mapping: CompiledMapping, seekers: Sequence[Seeker]) -> dict[str, list[SourceRecord]]:
    found: dict[str, list[SourceRecord]] = {}
    for seeker in seekers:
        if seeker.resumed:
            known = gateway.find_counterpart(seeker.source_id)
            if known is not None:
                found[seeker.source_id] = [known]
    for name in mapping.match:
        values: dict[str, list[str]] = {}
        for seeker in seekers:
            if seeker.source_id not in found:
                for value in key_values(mapping, name, seeker.row).values():
                    values.setdefault(value, []).append(seeker.source_id)
        if not values:
            continue
        hits: dict[str, dict[str, SourceRecord]] = {}
        for value, records in gateway.find(name, list(values)).items():
            for source_id in values[value]:
                hits.setdefault(source_id, {}).update((record.id, record) for record in records)
        found.update((source_id, list(records.values())) for source_id, records in hits.items() if records)
    return found


def _judge(
    seeker: Seeker, records: Sequence[SourceRecord], links: Mapping[str, Link], mapping: CompiledMapping
) -> Match:
    flow = mapping.flow
    if not records:
        return Match()
    if len(records) > 1:
        ids = [record.id for record in records]
        return _ambiguous(
            seeker, f"{flow.target.value} has {len(records)} records with the same {_key_name(seeker)}", ids
        )
    record = records[0]
    link = links.get(record.id)
    if link is not None:
        taken_by = link.id_in(flow.source)
        if taken_by is not None and taken_by != seeker.source_id:
            return _ambiguous(
                seeker,
                f"{flow.target.value} record {record.id} is already linked to {flow.source.value} record {taken_by}",
                [record.id, taken_by],
            )
    return Match(record=record, link=link)


def _key_name(seeker: Seeker) -> str:
    return "key" if seeker.match_key is None else seeker.match_key.partition(":")[0]


def _ambiguous(seeker: Seeker, message: str, candidates: Sequence[str]) -> Match:
    error = SyncError(
        AMBIGUOUS,
        f"{message}: {', '.join(candidates)}",
        record=seeker.source_id,
        field=_key_name(seeker),
        rule="one counterpart on each side",
    )
    return Match(error=error, candidates=tuple(candidates))
