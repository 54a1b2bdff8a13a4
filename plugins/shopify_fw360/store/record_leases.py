"""Short leases on records, so that two flows never work on the same pair of records at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import and_, delete, or_, select

from shopify_fw360.records import Entity
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import record_lease


def lock_records(scope: Scope, entity: Entity, keys: Sequence[str], owner: str, lease: timedelta) -> set[str]:
    """Take leases on records.

    Args:
        scope: the transaction; the leases hold once it is committed.
        entity: what the keys name.
        keys: any agreed names of records, such as a link id or a match key.
        owner: names this worker; its own leases are extended.
        lease: after this time another worker may take them.

    Returns:
        The keys that the owner holds now; the others are in another worker's hands.
    """
    if not keys:
        return set()
    now = scope.clock()
    insert = scope.insert(record_lease)
    taken = insert.on_conflict_do_update(
        index_elements=["pair_id", "entity", "key"],
        set_={"owner": insert.excluded.owner, "lease_until": insert.excluded.lease_until},
        where=or_(record_lease.c.owner == insert.excluded.owner, record_lease.c.lease_until <= now),
    ).returning(record_lease.c.key)
    rows = scope.connection.execute(
        taken,
        [
            {
                "pair_id": scope.pair_id,
                "entity": entity.value,
                "key": key,
                "owner": owner,
                "lease_until": now + lease,
            }
            for key in sorted(set(keys))
        ],
    )
    return set(rows.scalars())


def unlock_records(scope: Scope, entity: Entity, keys: Sequence[str], owner: str) -> None:
    """Give up leases; those of others stay.

    Args:
        scope: the transaction.
        entity: what the keys name.
        keys: as given to ``lock_records``.
        owner: who holds them.
    """
    held = and_(
        scope.mine(record_lease),
        record_lease.c.entity == entity.value,
        scope.among(record_lease.c.key, keys),
        record_lease.c.owner == owner,
    )
    # In the order in which they are taken: a DELETE locks in any order and could wait for somebody who waits for it.
    scope.connection.execute(
        select(record_lease.c.key).where(held).order_by(scope.in_code_order(record_lease.c.key)).with_for_update()
    )
    scope.connection.execute(delete(record_lease).where(held))
