"""What a person decides about one record: settle its conflict, leave it out, let it in again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from shopify_fw360.records import Change, Choice, Dispute, Flow, Link, Origin, System
from shopify_fw360.store import QueuedChange, Store
from shopify_fw360.store.database import Transaction


def settle(store: Store, row_id: int, generation: int, winners: Mapping[str, System], by: str) -> bool:
    """Settle a parked conflict, wholly or in part.

    The choices travel with the record's next attempt and are carried out once, through plan and merge, with their
    reason in the journal. They hold only while both sides still have the values the person saw; otherwise, and for
    fields without a choice, the conflict is parked anew.

    Args:
        store: the store.
        row_id: of the parked change.
        generation: of the conflict the person saw.
        winners: by disputed field the system whose value is kept.
        by: who decides.

    Returns:
        False if the conflict is not the one the person saw any more; then nothing has changed.

    Raises:
        LookupError: a field is not in dispute.
    """
    with store.begin() as tx:
        row = tx.queued_row(row_id)
        if row is None or row.generation != generation:
            return False
        disputes: dict[str, Dispute] = {dispute.field: dispute for dispute in row.disputes}
        strange = sorted(winners.keys() - disputes.keys())
        if strange:
            raise LookupError(f"{', '.join(strange)}: not in dispute")
        choices = {name: Choice(side, disputes[name].compared, by) for name, side in winners.items()}
        return tx.settle(row_id, generation, choices)


def leave_out(store: Store, row_ids: Collection[int], flows: Collection[Flow], by: str) -> int:
    """Leave parked records out of the synchronisation, in both directions, until somebody lets them in again.

    Args:
        store: the store.
        row_ids: parked changes; others are passed over.
        flows: only of these flows.
        by: who decides.

    Returns:
        Number of records left out. Their changes are released, so that their next run counts them as excluded.
    """
    number = 0
    with store.begin() as tx:
        for row_id in sorted(row_ids):
            row = tx.queued_row(row_id)
            if row is None or row.state != "parked" or row.flow not in flows:
                continue
            tx.save_link(_left_out(tx, _link_of(tx, row), by))
            number += tx.release([row_id], origin=Origin.SYNC_NOW)
    return number


def let_in(store: Store, link_id: int, flows: Collection[Flow]) -> bool:
    """Lift the decision to leave a record out, and synchronise it.

    Args:
        store: the store.
        link_id: key of its link.
        flows: flows that are on; each that has the record's entity looks at it at once.

    Returns:
        False if there is no such link or nobody left it out.
    """
    with store.begin() as tx:
        link = tx.link(link_id)
        if link is None or link.excluded_by is None:
            return False
        tx.save_link(replace(link, excluded_by=None, excluded_at=None, status="pending"))
        tx.stage(
            [
                Change(flow, record_id, origin=Origin.SYNC_NOW, display_name=link.display_name)
                for flow in flows
                if flow.entity is link.entity and (record_id := link.id_in(flow.source)) is not None
            ]
        )
    return True


def _left_out(tx: Transaction, link: Link, by: str) -> Link:
    return replace(link, excluded_by=by, excluded_at=tx.scope.clock(), status="excluded")


def _link_of(tx: Transaction, row: QueuedChange) -> Link:
    flow = row.flow
    found = tx.links(flow.entity, flow.source, [row.source_id]).get(row.source_id)
    if found is not None:
        return found
    # A change that failed before anything was read of its record has no link yet.
    new = Link(flow.entity, display_name=row.display_name)
    if flow.source is System.SHOPIFY:
        return replace(new, shopify_id=row.source_id)
    return replace(new, framework360_id=row.source_id)
