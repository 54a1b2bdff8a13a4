"""The console: stored plans that a person approves, pairs linked by hand, half-way authorizations, who changed what."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _plans()
    _decisions()
    # Plans of dry runs were kept in the journal before.
    op.execute(sa.text("DELETE FROM journal WHERE dry_run"))


def downgrade() -> None:
    for table in ("audit", "oauth_state", "link_choice", "plan_item", "plan"):
        op.drop_table(table)


def _plans() -> None:
    op.create_table(
        "plan",
        _text("pair_id"),
        _text("run_id"),
        _text("entity"),
        _text("source"),
        _text("state"),
        _number("version"),
        _text("cost", nullable=True),
        _time("made_at"),
        _text("decided_by", nullable=True),
        _time("decided_at", nullable=True),
        _text("applied_in", nullable=True),
        sa.PrimaryKeyConstraint("pair_id", "run_id", name="pk_plan"),
    )
    _index("plan", "made_at", "pair_id", "made_at")
    _index("plan", "applied_in", "pair_id", "applied_in", where="applied_in IS NOT NULL")
    op.create_table(
        "plan_item",
        _id(),
        _text("pair_id"),
        _text("run_id"),
        _text("source_id"),
        _text("target_id", nullable=True),
        _text("action"),
        _text("match_key", nullable=True),
        _text("display_name"),
        _text("search_text"),
        _text("evidence"),
        _number("score", nullable=True),
        _text("candidates"),
        _text("before"),
        _text("after"),
        _text("reasons"),
        _text("error_code", nullable=True),
        _text("message"),
        _text("digest"),
        sa.Column("left_out", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_item"),
        sa.UniqueConstraint("pair_id", "run_id", "source_id", name="uq_plan_item_pair_id_run_id_source_id"),
        sqlite_autoincrement=True,
    )
    _index("plan_item", "action", "pair_id", "run_id", "action", "id")
    _index("plan_item", "match_key", "pair_id", "run_id", "match_key", where="match_key IS NOT NULL")
    _index("plan_item", "target", "pair_id", "run_id", "target_id", where="target_id IS NOT NULL")


def _decisions() -> None:
    op.create_table(
        "link_choice",
        _id(),
        _text("pair_id"),
        _text("entity"),
        _text("shopify_id", nullable=True),
        _text("framework360_id", nullable=True),
        _text("chosen_by"),
        _time("chosen_at"),
        sa.PrimaryKeyConstraint("id", name="pk_link_choice"),
        sa.UniqueConstraint("pair_id", "entity", "shopify_id", name="uq_link_choice_pair_id_entity_shopify_id"),
        sa.UniqueConstraint(
            "pair_id", "entity", "framework360_id", name="uq_link_choice_pair_id_entity_framework360_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "oauth_state",
        _text("pair_id"),
        _text("digest"),
        _text("browser_digest"),
        _text("shop"),
        _text("scopes"),
        _text("started_by"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("pair_id", "digest", name="pk_oauth_state"),
    )
    op.create_table(
        "audit",
        _id(),
        _text("pair_id"),
        _time("at"),
        _text("person"),
        _text("action"),
        _text("before"),
        _text("after"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    _index("audit", "at", "pair_id", "action", "id")


def _id() -> sa.Column[Any]:
    return sa.Column("id", KEY, autoincrement=True, nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _index(table: str, name: str, *columns: str, where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(f"ix_{table}_{name}", table, list(columns), postgresql_where=condition, sqlite_where=condition)
