"""First schema: queue, record leases, links, journal, ledger, watermarks, marks, tokens, budgets."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _queue()
    _links()
    _records_of_what_happened()
    _state_of_flows_and_shops()


def downgrade() -> None:
    for table in (
        "api_budget",
        "shop_token",
        "field_mark",
        "watermark",
        "ledger_run",
        "journal",
        "link_child",
        "link",
        "record_lease",
        "staged_change",
    ):
        op.drop_table(table)


def _queue() -> None:
    op.create_table(
        "staged_change",
        _id(),
        _text("pair_id"),
        _text("entity"),
        _text("source"),
        _text("source_id"),
        _text("operation"),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        _text("state"),
        _number("generation"),
        _text("payload", nullable=True),
        _time("payload_updated_at", nullable=True),
        _text("fingerprint"),
        _text("match_key", nullable=True),
        _text("display_name"),
        _text("run_id"),
        _text("superseded_run_id", nullable=True),
        _time("first_staged_at"),
        _time("staged_at"),
        _time("available_at"),
        _number("attempts"),
        _text("owner", nullable=True),
        _number("claimed_generation"),
        _text("claimed_run_id", nullable=True),
        _text("error_code", nullable=True),
        _text("error_message", nullable=True),
        _text("error_field", nullable=True),
        _text("error_rule", nullable=True),
        _text("candidates", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_staged_change"),
        sa.UniqueConstraint(
            "pair_id", "entity", "source", "source_id", name="uq_staged_change_pair_id_entity_source_source_id"
        ),
        sqlite_autoincrement=True,
    )
    _index("staged_change", "due", "pair_id", "priority", "available_at", "id", where="state <> 'parked'")
    _index(
        "staged_change",
        "due_by_flow",
        *("pair_id", "entity", "source", "priority", "available_at", "id"),
        where="state <> 'parked'",
    )
    _index("staged_change", "run", "pair_id", "run_id")
    _index("staged_change", "in_flight", "pair_id", "claimed_run_id", where="state = 'leased'")
    _index("staged_change", "parked", "pair_id", "available_at", where="state = 'parked'")
    _index("staged_change", "match_key", "pair_id", "entity", "source", "match_key", where="match_key IS NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        # Every row is updated and soon deleted: without frequent cleaning the due index fills with dead entries.
        op.execute(
            "ALTER TABLE staged_change SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)"
        )
    op.create_table(
        "record_lease",
        _text("pair_id"),
        _text("entity"),
        _text("key"),
        _text("owner"),
        _time("lease_until"),
        sa.PrimaryKeyConstraint("pair_id", "entity", "key", name="pk_record_lease"),
    )


def _links() -> None:
    op.create_table(
        "link",
        _id(),
        _text("pair_id"),
        _text("entity"),
        _text("shopify_id", nullable=True),
        _text("framework360_id", nullable=True),
        _text("status"),
        _text("base"),
        _text("shopify_fingerprint", nullable=True),
        _text("framework360_fingerprint", nullable=True),
        _text("shopify_key", nullable=True),
        _text("framework360_key", nullable=True),
        _text("display_name"),
        _text("search_text"),
        _text("error_code", nullable=True),
        _text("error_message", nullable=True),
        _number("missing_scans"),
        _time("synced_at", nullable=True),
        _text("synced_by", nullable=True),
        _time("changed_at"),
        sa.PrimaryKeyConstraint("id", name="pk_link"),
        sa.UniqueConstraint("pair_id", "entity", "shopify_id", name="uq_link_pair_id_entity_shopify_id"),
        sa.UniqueConstraint("pair_id", "entity", "framework360_id", name="uq_link_pair_id_entity_framework360_id"),
        sqlite_autoincrement=True,
    )
    _index("link", "shopify_key", "pair_id", "entity", "shopify_key")
    _index("link", "framework360_key", "pair_id", "entity", "framework360_key")
    _index("link", "listing", "pair_id", "entity", "status", "changed_at")
    op.create_table(
        "link_child",
        _id(),
        _text("pair_id"),
        sa.Column("link_id", KEY, nullable=False),
        _text("kind"),
        _text("shopify_id", nullable=True),
        _text("framework360_id", nullable=True),
        _text("match_key", nullable=True),
        _text("data"),
        sa.PrimaryKeyConstraint("id", name="pk_link_child"),
        sa.ForeignKeyConstraint(["link_id"], ["link.id"], name="fk_link_child_link_id_link", ondelete="CASCADE"),
        sa.UniqueConstraint("pair_id", "kind", "shopify_id", name="uq_link_child_pair_id_kind_shopify_id"),
        sa.UniqueConstraint("pair_id", "kind", "framework360_id", name="uq_link_child_pair_id_kind_framework360_id"),
        sqlite_autoincrement=True,
    )
    _index("link_child", "link_id", "link_id")


def _records_of_what_happened() -> None:
    op.create_table(
        "journal",
        _id(),
        _text("pair_id"),
        _text("run_id"),
        _text("entity"),
        _text("source"),
        _text("source_id"),
        _text("target_id", nullable=True),
        sa.Column("link_id", KEY),
        _text("outcome"),
        _text("before"),
        _text("after"),
        _text("reasons"),
        _text("error_code", nullable=True),
        _text("message", nullable=True),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        _time("at"),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
        sqlite_autoincrement=True,
    )
    _index("journal", "run", "pair_id", "run_id", "outcome")
    _index("journal", "record", "pair_id", "entity", "source", "source_id")
    _index("journal", "at", "pair_id", "at")
    op.create_table(
        "ledger_run",
        _text("pair_id"),
        _text("run_id"),
        _text("entity"),
        _text("source"),
        _text("kind"),
        _time("since", nullable=True),
        _time("until", nullable=True),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        _text("mapping_digest"),
        _time("opened_at"),
        _time("closed_at", nullable=True),
        sa.Column("announced", sa.Integer),
        _number("read"),
        _number("staged"),
        _number("coalesced"),
        _number("kept_parked"),
        _number("known"),
        _number("skipped"),
        _number("undated"),
        _text("certificate", nullable=True),
        _text("error_code", nullable=True),
        _text("error_message", nullable=True),
        sa.PrimaryKeyConstraint("pair_id", "run_id", name="pk_ledger_run"),
    )
    _index("ledger_run", "opened_at", "pair_id", "opened_at")


def _state_of_flows_and_shops() -> None:
    op.create_table(
        "watermark",
        _text("pair_id"),
        _text("flow"),
        _time("reached"),
        _time("changed_at"),
        sa.PrimaryKeyConstraint("pair_id", "flow", name="pk_watermark"),
    )
    op.create_table(
        "field_mark",
        _text("pair_id"),
        _text("system"),
        _text("entity"),
        _text("field"),
        _time("marked_at"),
        sa.PrimaryKeyConstraint("pair_id", "system", "entity", "field", name="pk_field_mark"),
    )
    op.create_table(
        "shop_token",
        _text("pair_id"),
        _text("shop"),
        _text("secret", nullable=True),
        _text("locked_by", nullable=True),
        _time("locked_until", nullable=True),
        _time("changed_at"),
        sa.PrimaryKeyConstraint("pair_id", "shop", name="pk_shop_token"),
    )
    op.create_table(
        "api_budget",
        _text("pair_id"),
        _text("shop"),
        _text("state", nullable=True),
        _time("changed_at"),
        sa.PrimaryKeyConstraint("pair_id", "shop", name="pk_api_budget"),
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
