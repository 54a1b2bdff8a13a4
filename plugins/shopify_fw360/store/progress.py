"""What flows remember from run to run: how far they have read, and which fields cannot be written."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import field_mark
from shopify_fw360.store.tables import watermark as watermark_table


def watermark(scope: Scope, flow: Flow) -> datetime | None:
    """Return the aware UTC time up to which a flow has staged everything, None before its first run."""
    found: datetime | None = scope.connection.scalar(
        select(watermark_table.c.reached).where(scope.mine(watermark_table), watermark_table.c.flow == flow.name)
    )
    return found


def advance_watermark(scope: Scope, flow: Flow, to: datetime) -> None:
    """Move a watermark forward, in the transaction that stages the last of its window; it never moves back.

    Args:
        scope: the transaction.
        flow: whose watermark.
        to: aware time.
    """
    insert = scope.insert(watermark_table)
    scope.connection.execute(
        insert.on_conflict_do_update(
            index_elements=["pair_id", "flow"],
            set_={"reached": insert.excluded.reached, "changed_at": insert.excluded.changed_at},
            where=insert.excluded.reached > watermark_table.c.reached,
        ),
        {"pair_id": scope.pair_id, "flow": flow.name, "reached": to, "changed_at": scope.clock()},
    )


def mark_unwritable(scope: Scope, system: System, entity: Entity, field: str) -> None:
    """Note that a system ignores or refuses a field, so that it is not written again and again."""
    scope.connection.execute(
        scope.insert(field_mark).on_conflict_do_nothing(),
        {
            "pair_id": scope.pair_id,
            "system": system.value,
            "entity": entity.value,
            "field": field,
            "marked_at": scope.clock(),
        },
    )


def unwritable(scope: Scope, system: System, entity: Entity) -> frozenset[str]:
    """Return the names of the fields marked as unwritable."""
    return frozenset(
        scope.connection.scalars(
            select(field_mark.c.field).where(
                scope.mine(field_mark), field_mark.c.system == system.value, field_mark.c.entity == entity.value
            )
        )
    )


def clear_mark(scope: Scope, system: System, entity: Entity, field: str) -> None:
    """Forget a mark, so that the field is written again."""
    scope.connection.execute(
        delete(field_mark).where(
            scope.mine(field_mark),
            field_mark.c.system == system.value,
            field_mark.c.entity == entity.value,
            field_mark.c.field == field,
        )
    )
