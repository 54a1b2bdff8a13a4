"""Subscriptions we have made: what was asked for, where it is delivered, and the secrets of it."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import RowMapping, delete, select

from shopify_fw360.records import System
from shopify_fw360.store.codec import dump_json, load_json
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import webhook_subscription

_row = webhook_subscription.c


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription made with a system.

    Args:
        system: who delivers.
        remote_id: its id there.
        topics: what it delivers, sorted.
        address: where to, without a secret token.
        token_digest: of the token that is the last part of the address, None if the address holds none.
        secret: sealed text with the token and the signing secret, None if there is neither.
        created_at: aware UTC time; None takes the time of storing.
    """

    system: System
    remote_id: str
    topics: tuple[str, ...]
    address: str
    token_digest: str | None = None
    secret: str | None = None
    created_at: datetime | None = None


def token_digest(token: str) -> str:
    """Return what is stored of a token: enough to recognise it, not to use it."""
    return sha256(token.encode()).hexdigest()


def is_token(token: str, digests: Sequence[str]) -> bool:
    """Whether a token has one of the digests; takes the same time whichever it is."""
    given = token_digest(token)
    found = False
    for digest in digests:
        found |= hmac.compare_digest(given, digest)
    return found


def save_subscription(scope: Scope, subscription: Subscription) -> None:
    """Keep a subscription that was made."""
    insert = scope.insert(webhook_subscription)
    scope.connection.execute(
        insert.on_conflict_do_update(
            index_elements=["pair_id", "system", "remote_id"],
            set_={
                name: getattr(insert.excluded, name)
                for name in ("topics", "address", "token_digest", "secret", "created_at")
            },
        ),
        {
            "pair_id": scope.pair_id,
            "system": subscription.system.value,
            "remote_id": subscription.remote_id,
            "topics": dump_json(sorted(subscription.topics)),
            "address": subscription.address,
            "token_digest": subscription.token_digest,
            "secret": subscription.secret,
            "created_at": subscription.created_at or scope.clock(),
        },
    )


def subscriptions(scope: Scope, system: System) -> list[Subscription]:
    """List the subscriptions made with a system, oldest first."""
    rows = scope.connection.execute(
        select(webhook_subscription)
        .where(scope.mine(webhook_subscription), _row.system == system.value)
        .order_by(_row.created_at, _row.remote_id)
    )
    return [_subscription(row) for row in rows.mappings()]


def delete_subscription(scope: Scope, system: System, remote_id: str) -> None:
    """Forget a subscription that is gone."""
    scope.connection.execute(
        delete(webhook_subscription).where(
            scope.mine(webhook_subscription), _row.system == system.value, _row.remote_id == remote_id
        )
    )


def _subscription(row: RowMapping) -> Subscription:
    return Subscription(
        system=System(row["system"]),
        remote_id=row["remote_id"],
        topics=tuple(load_json(row["topics"])),
        address=row["address"],
        token_digest=row["token_digest"],
        secret=row["secret"],
        created_at=row["created_at"],
    )
