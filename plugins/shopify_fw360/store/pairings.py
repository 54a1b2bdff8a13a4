"""Pairs a person has linked by hand where the natural keys decide nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, or_, select

from shopify_fw360.records import Entity, System
from shopify_fw360.store.codec import clean_text
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import link_choice

_row = link_choice.c
_IDS: Final = {System.SHOPIFY: _row.shopify_id, System.FRAMEWORK360: _row.framework360_id}


@dataclass(frozen=True, slots=True)
class Pairing:
    """A decision about the counterpart of a record.

    Args:
        entity: what it is.
        shopify_id: id in Shopify; None: the record of the site shall get a new counterpart.
        framework360_id: id in Framework360; None: the record of the shop shall get a new counterpart.
        chosen_by: who decided.
    """

    entity: Entity
    shopify_id: str | None
    framework360_id: str | None
    chosen_by: str = ""

    def id_in(self, system: System) -> str | None:
        """Id of the record in the given system."""
        return self.shopify_id if system is System.SHOPIFY else self.framework360_id


def save_pairing(scope: Scope, choice: Pairing) -> None:
    """Keep a decision; earlier ones about either record are replaced.

    Args:
        scope: the transaction.
        choice: the decision.

    Raises:
        ValueError: it names no record.
    """
    named = [column == choice.id_in(system) for system, column in _IDS.items() if choice.id_in(system) is not None]
    if not named:
        raise ValueError("a pairing needs a record")
    scope.connection.execute(
        delete(link_choice).where(scope.mine(link_choice), _row.entity == choice.entity.value, or_(*named))
    )
    scope.connection.execute(
        link_choice.insert(),
        {
            "pair_id": scope.pair_id,
            "entity": choice.entity.value,
            "shopify_id": choice.shopify_id,
            "framework360_id": choice.framework360_id,
            "chosen_by": clean_text(choice.chosen_by),
            "chosen_at": scope.clock(),
        },
    )


def drop_pairing(scope: Scope, entity: Entity, system: System, record_id: str) -> bool:
    """Take a decision back; False if there was none."""
    return bool(
        scope.connection.execute(
            delete(link_choice).where(scope.mine(link_choice), _row.entity == entity.value, _IDS[system] == record_id)
        ).rowcount
    )


def pairings_of(scope: Scope, entity: Entity, system: System, ids: Sequence[str]) -> dict[str, Pairing]:
    """Return the decisions about records, by their id in the given system."""
    column = _IDS[system]
    rows = scope.connection.execute(
        select(_row.shopify_id, _row.framework360_id, _row.chosen_by, column).where(
            scope.mine(link_choice), _row.entity == entity.value, scope.among(column, list(ids))
        )
    )
    return {
        record_id: Pairing(entity, shopify_id, framework360_id, chosen_by)
        for shopify_id, framework360_id, chosen_by, record_id in rows
    }
