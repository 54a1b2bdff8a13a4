"""Alerts: what a person should know and can do something about, until it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, case, literal, null, select, update

from shopify_fw360.store.codec import clean_text
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import alert

_row = alert.c


@dataclass(frozen=True, slots=True)
class Alert:
    """Something a person should know.

    Args:
        name: what it is about, such as ``webhooks.shopify``.
        message: what happened and what to do.
        times: how often it was raised since it began.
        first_at: aware UTC time at which it began.
        last_at: aware UTC time at which it was raised last.
        ended_at: when it was over, None while it lasts.
    """

    name: str
    message: str
    times: int
    first_at: datetime
    last_at: datetime
    ended_at: datetime | None


def raise_alert(scope: Scope, name: str, message: str) -> bool:
    """Raise an alert, or say again that it lasts.

    Args:
        scope: the transaction.
        name: what it is about; one alert per name.
        message: for people.

    Returns:
        True if it is new or had ended before.
    """
    now = scope.clock()
    insert = scope.insert(alert)
    over = _row.ended_at.is_not(None)
    times = scope.connection.scalar(
        insert.on_conflict_do_update(
            index_elements=["pair_id", "name"],
            set_={
                "message": insert.excluded.message,
                "times": case((over, literal(1)), else_=_row.times + 1),
                "first_at": case((over, insert.excluded.first_at), else_=_row.first_at),
                "last_at": insert.excluded.last_at,
                "ended_at": null(),
                # Whoever was told of the last time is told again.
                "told_at": case((over, null()), else_=_row.told_at),
            },
        ).returning(_row.times),
        {
            "pair_id": scope.pair_id,
            "name": name,
            "message": clean_text(message),
            "times": 1,
            "first_at": now,
            "last_at": now,
        },
    )
    return bool(times == 1)


def end_alert(scope: Scope, name: str) -> bool:
    """Note that what an alert is about is over; False if there was none."""
    return bool(
        scope.connection.execute(
            update(alert)
            .where(scope.mine(alert), _row.name == name, _row.ended_at.is_(None))
            .values(ended_at=scope.clock())
        ).rowcount
    )


def alerts(scope: Scope) -> list[Alert]:
    """List the alerts that last, the newest first."""
    rows = scope.connection.execute(
        select(alert).where(scope.mine(alert), _row.ended_at.is_(None)).order_by(_row.first_at.desc(), _row.name)
    )
    return [_alert(row) for row in rows.mappings()]


def untold_alerts(scope: Scope) -> list[Alert]:
    """List the alerts that last and that nobody was told of, the oldest first."""
    rows = scope.connection.execute(
        select(alert)
        .where(scope.mine(alert), _row.ended_at.is_(None), _row.told_at.is_(None))
        .order_by(_row.first_at, _row.name)
    )
    return [_alert(row) for row in rows.mappings()]


def alert_was_told(scope: Scope, name: str) -> None:
    """Note that people were told of an alert."""
    scope.connection.execute(
        update(alert).where(scope.mine(alert), _row.name == name, _row.ended_at.is_(None)).values(told_at=scope.clock())
    )


def _alert(row: RowMapping) -> Alert:
    return Alert(row["name"], row["message"], row["times"], row["first_at"], row["last_at"], row["ended_at"])
