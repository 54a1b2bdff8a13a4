"""Near real time: events received, what they ask for, subscriptions, proofs of delivery, alerts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _events()
    _requests()
    _delivery()
    _state()


def downgrade() -> None:
    for table in (
        "disconnection",
        "consumer",
        "alert",
        "delivery_probe",
        "webhook_subscription",
        "privacy_request",
        "event_task",
        "webhook_event",
    ):
        op.drop_table(table)


def _events() -> None:
    op.create_table(
        "webhook_event",
        _text("pair_id"),
        _text("key"),
        _text("system"),
        _text("topic"),
        _text("entity", nullable=True),
        _text("record_id", nullable=True),
        _time("triggered_at", nullable=True),
        _time("received_at"),
        _number("deliveries"),
        sa.PrimaryKeyConstraint("pair_id", "key", name="pk_webhook_event"),
    )
    _index("webhook_event", "received_at", "pair_id", "received_at")
    _index("webhook_event", "record", "pair_id", "system", "entity", "record_id", where="record_id IS NOT NULL")


def _requests() -> None:
    op.create_table(
        "event_task",
        _id(),
        _text("pair_id"),
        _text("event_key"),
        _text("system"),
        _text("task"),
        _text("data"),
        _time("triggered_at", nullable=True),
        _time("received_at"),
        _time("available_at", nullable=True),
        _number("attempts"),
        _text("note", nullable=True),
        _time("done_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_event_task"),
        sqlite_autoincrement=True,
    )
    _index("event_task", "due", "pair_id", "available_at", where="available_at IS NOT NULL")
    op.create_table(
        "privacy_request",
        _id(),
        _text("pair_id"),
        _text("event_key"),
        _text("kind"),
        _text("customer_id", nullable=True),
        _text("data"),
        _time("received_at"),
        _time("due_at"),
        _time("done_at", nullable=True),
        _text("note", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_privacy_request"),
        sa.UniqueConstraint("pair_id", "event_key", name="uq_privacy_request_pair_id_event_key"),
        sqlite_autoincrement=True,
    )
    _index("privacy_request", "due", "pair_id", "done_at", "due_at")


def _delivery() -> None:
    op.create_table(
        "webhook_subscription",
        _text("pair_id"),
        _text("system"),
        _text("remote_id"),
        _text("topics"),
        _text("address"),
        _text("token_digest", nullable=True),
        _text("secret", nullable=True),
        _time("created_at"),
        sa.PrimaryKeyConstraint("pair_id", "system", "remote_id", name="pk_webhook_subscription"),
    )
    op.create_table(
        "delivery_probe",
        _id(),
        _text("pair_id"),
        _text("flow"),
        _text("topic"),
        _time("since"),
        _time("until"),
        _number("expected"),
        _number("seen"),
        _number("missed"),
        _number("staged"),
        _time("at"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_probe"),
        sqlite_autoincrement=True,
    )
    _index("delivery_probe", "at", "pair_id", "at")
    _index("delivery_probe", "flow", "pair_id", "flow", "until")


def _state() -> None:
    op.create_table(
        "alert",
        _text("pair_id"),
        _text("name"),
        _text("message"),
        _number("times"),
        _time("first_at"),
        _time("last_at"),
        _time("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("pair_id", "name", name="pk_alert"),
    )
    op.create_table(
        "consumer",
        _text("pair_id"),
        _text("name"),
        _text("owner"),
        _time("awake_until"),
        sa.PrimaryKeyConstraint("pair_id", "name", "owner", name="pk_consumer"),
    )
    op.create_table(
        "disconnection",
        _text("pair_id"),
        _text("shop"),
        _text("reason"),
        _time("since"),
        sa.PrimaryKeyConstraint("pair_id", "shop", name="pk_disconnection"),
    )


def _id() -> sa.Column[Any]:
    return sa.Column("id", KEY, autoincrement=True, nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _index(table: str, name: str, *columns: str, where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(f"ix_{table}_{name}", table, list(columns), postgresql_where=condition, sqlite_where=condition)
