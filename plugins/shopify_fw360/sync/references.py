"""References to records of other entities: the buyer of an order is another record that is synchronised by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shopify_fw360.mapping.engine import Row
from shopify_fw360.mapping.rules import CompiledMapping
from shopify_fw360.records import Entity, Link, LinkStatus
from shopify_fw360.store.database import Transaction

_WILL_NOT_COME: frozenset[LinkStatus] = frozenset({"failed", "conflict", "excluded", "unlinked"})


@dataclass(frozen=True, slots=True)
class Reference:
    """A record of another entity, by its id in the source.

    Args:
        entity: what it is.
        source_id: its id.
    """

    entity: Entity
    source_id: str


def resolve(tx: Transaction, mapping: CompiledMapping, rows: Mapping[str, Row]) -> dict[str, list[Reference]]:
    """Replace ids of records of other entities by those of their counterparts.

    Args:
        tx: knows the links.
        mapping: of the flow.
        rows: by source id what the mapping made of the records; a reference without counterpart is taken out, so that
            it counts as unknown.

    Returns:
        By source id the references without counterpart.
    """
    missing: dict[str, list[Reference]] = {}
    for name, rule in mapping.fields.items():
        if rule.refers is None:
            continue
        entity = Entity(rule.refers)
        wanted = {source_id: row.values.pop(name) for source_id, row in rows.items() if row.values.get(name)}
        links = tx.links(entity, mapping.flow.source, sorted(set(wanted.values())))
        for source_id, referred in wanted.items():
            link = links.get(referred)
            other = None if link is None else link.id_in(mapping.flow.target)
            if other is None:
                missing.setdefault(source_id, []).append(Reference(entity, referred))
            else:
                rows[source_id].values[name] = other
    return missing


def will_come(link: Link | None) -> bool:
    """Whether a record that has no counterpart yet may get one by itself: it is not parked, left out or deleted."""
    return link is None or link.status not in _WILL_NOT_COME
