"""Who is there: consumers that are awake need no bell, and a shop that has left need not be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from shopify_fw360.records import Flow
from shopify_fw360.store.codec import clean_text
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import consumer, disconnection

_PAUSE: Final = "pause:"


@dataclass(frozen=True, slots=True)
class Disconnection:
    """A shop that no longer lets us in.

    Args:
        shop: the shop's address without scheme.
        reason: for people.
        since: aware UTC time.
    """

    shop: str
    reason: str
    since: datetime


def stay_awake(scope: Scope, name: str, owner: str, span: timedelta) -> None:
    """Say that a consumer looks at the queue by itself for a while.

    Args:
        scope: the transaction.
        name: of the consumer; several owners may share it.
        owner: names the process.
        span: how long it may be trusted to, should it die.
    """
    insert = scope.insert(consumer)
    scope.connection.execute(
        insert.on_conflict_do_update(
            index_elements=["pair_id", "name", "owner"], set_={"awake_until": insert.excluded.awake_until}
        ),
        {"pair_id": scope.pair_id, "name": name, "owner": owner, "awake_until": scope.clock() + span},
    )


def fall_asleep(scope: Scope, name: str, owner: str) -> None:
    """Say that a consumer no longer looks; commit, then look at the queue once more.

    Whoever stages looks after its commit whether somebody is awake. Either it sees that nobody is, or the last look
    sees what it has staged.

    Args:
        scope: the transaction.
        name: of the consumer.
        owner: who falls asleep; owners that died are forgotten with it.
    """
    scope.connection.execute(
        delete(consumer).where(
            scope.mine(consumer),
            consumer.c.name == name,
            (consumer.c.owner == owner) | (consumer.c.awake_until <= scope.clock()),
        )
    )


def is_awake(scope: Scope, name: str) -> bool:
    """Whether any owner of a consumer's name looks at the queue by itself."""
    query = select(consumer.c.owner).where(
        scope.mine(consumer), consumer.c.name == name, consumer.c.awake_until > scope.clock()
    )
    return scope.connection.scalar(query.limit(1)) is not None


def pause(scope: Scope, flow: Flow, span: timedelta) -> None:
    """Leave a flow alone for a while, because something stops it that trying again at once would not change."""
    stay_awake(scope, _PAUSE + flow.name, "", span)


def paused(scope: Scope) -> frozenset[str]:
    """Return the names of the flows that are left alone now."""
    rows = scope.connection.scalars(
        select(consumer.c.name).where(
            scope.mine(consumer), consumer.c.name.startswith(_PAUSE), consumer.c.awake_until > scope.clock()
        )
    )
    return frozenset(name.removeprefix(_PAUSE) for name in rows)


def disconnect(scope: Scope, shop: str, reason: str) -> None:
    """Note that a shop does not let us in any more; what was noted first stays."""
    scope.connection.execute(
        scope.insert(disconnection).on_conflict_do_nothing(),
        {"pair_id": scope.pair_id, "shop": shop, "reason": clean_text(reason), "since": scope.clock()},
    )


def reconnect(scope: Scope) -> bool:
    """Note that the pair's shop lets us in; False if nothing else was known."""
    return bool(scope.connection.execute(delete(disconnection).where(scope.mine(disconnection))).rowcount)


def disconnected(scope: Scope) -> Disconnection | None:
    """Return what is known about a shop of the pair that does not let us in, None if there is none."""
    row = scope.connection.execute(
        select(disconnection.c.shop, disconnection.c.reason, disconnection.c.since).where(scope.mine(disconnection))
    ).first()
    return None if row is None else Disconnection(*row)
