"""The tables of the store; the migrations create exactly these."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    or_,
    text,
)
from sqlalchemy.types import TypeDecorator

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC time; SQLite has no time zones and holds the UTC value without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times and bring the others to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the store takes aware times only")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return aware UTC whatever zone the session has."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Key = BigInteger().with_variant(Integer(), "sqlite")

PENDING: Final = "pending"
LEASED: Final = "leased"
PARKED: Final = "parked"

# available_at is the time from which a worker may take the row: the due time while pending, the end of the lease while
# leased. One column for both lets one index serve due rows and expired leases in the order of the queue.
staged_change: Final = Table(
    "staged_change",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("pair_id", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("payload", Text),
    Column("payload_updated_at", UtcDateTime),
    Column("fingerprint", Text, nullable=False),
    Column("match_key", Text),
    Column("display_name", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    # Run of the waiting change that the last staging replaced, null if it replaced none; the upsert that replaces it
    # returns it, because neither database can return the old row (PostgreSQL: from version 18 only).
    Column("superseded_run_id", Text),
    Column("first_staged_at", UtcDateTime, nullable=False),
    Column("staged_at", UtcDateTime, nullable=False),
    Column("available_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("owner", Text),
    Column("claimed_generation", Integer, nullable=False),
    Column("claimed_run_id", Text),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("error_field", Text),
    Column("error_rule", Text),
    Column("candidates", Text),
    # What a conflict is about, per field, and how a person settled it. Both live and end with the row.
    Column("disputed", Text),
    Column("decided", Text),
    UniqueConstraint("pair_id", "entity", "source", "source_id"),
    Index(
        "ix_staged_change_due",
        "pair_id",
        "priority",
        "available_at",
        "id",
        postgresql_where=text("state <> 'parked'"),
        sqlite_where=text("state <> 'parked'"),
    ),
    Index(
        "ix_staged_change_due_by_flow",
        "pair_id",
        "entity",
        "source",
        "priority",
        "available_at",
        "id",
        postgresql_where=text("state <> 'parked'"),
        sqlite_where=text("state <> 'parked'"),
    ),
    Index("ix_staged_change_run", "pair_id", "run_id"),
    Index(
        "ix_staged_change_in_flight",
        "pair_id",
        "claimed_run_id",
        postgresql_where=text("state = 'leased'"),
        sqlite_where=text("state = 'leased'"),
    ),
    Index(
        "ix_staged_change_parked",
        "pair_id",
        "available_at",
        postgresql_where=text("state = 'parked'"),
        sqlite_where=text("state = 'parked'"),
    ),
    Index(
        "ix_staged_change_match_key",
        "pair_id",
        "entity",
        "source",
        "match_key",
        postgresql_where=text("match_key IS NOT NULL"),
        sqlite_where=text("match_key IS NOT NULL"),
    ),
    # Without AUTOINCREMENT SQLite gives the id of a deleted row to the next one, and an old claim would fit a new row.
    sqlite_autoincrement=True,
)

# Literals and not bound values: a partial index serves only a query whose condition shows at planning time.
is_pending: Final = staged_change.c.state == literal_column(f"'{PENDING}'")
is_leased: Final = staged_change.c.state == literal_column(f"'{LEASED}'")
is_parked: Final = staged_change.c.state == literal_column(f"'{PARKED}'")
is_live: Final = staged_change.c.state != literal_column(f"'{PARKED}'")

record_lease: Final = Table(
    "record_lease",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
)

link: Final = Table(
    "link",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("pair_id", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("shopify_id", Text),
    Column("framework360_id", Text),
    Column("status", Text, nullable=False),
    Column("base", Text, nullable=False),
    # One column per source system: a link has one flow per source, so the flow's name need not be stored.
    Column("shopify_fingerprint", Text),
    Column("framework360_fingerprint", Text),
    Column("shopify_updated_at", UtcDateTime),
    Column("framework360_updated_at", UtcDateTime),
    Column("shopify_key", Text),
    Column("framework360_key", Text),
    Column("display_name", Text, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("sort_name", Text, nullable=False, server_default=""),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("missing_scans", Integer, nullable=False),
    Column("synced_at", UtcDateTime),
    Column("synced_by", Text),
    Column("changed_at", UtcDateTime, nullable=False),
    # Who wants the record left alone, null for nobody.
    Column("excluded_by", Text),
    Column("excluded_at", UtcDateTime),
    UniqueConstraint("pair_id", "entity", "shopify_id"),
    UniqueConstraint("pair_id", "entity", "framework360_id"),
    Index("ix_link_shopify_key", "pair_id", "entity", "shopify_key"),
    Index("ix_link_framework360_key", "pair_id", "entity", "framework360_key"),
    Index("ix_link_listing", "pair_id", "entity", "status", "changed_at"),
    # The orders of lists for people. Each holds all that a list is filtered by, so that no row is read before it is
    # known to be shown.
    Index("ix_link_changed", "pair_id", "entity", "changed_at", "id", "status", "synced_by"),
    Index("ix_link_synced", "pair_id", "entity", "synced_at", "id", "status", "synced_by", "changed_at"),
    Index("ix_link_name", "pair_id", "entity", "sort_name", "id", "status", "synced_by", "changed_at"),
    Index(
        "ix_link_alone",
        "pair_id",
        "entity",
        "changed_at",
        postgresql_where=text("shopify_id IS NULL OR framework360_id IS NULL"),
        sqlite_where=text("shopify_id IS NULL OR framework360_id IS NULL"),
    ),
    sqlite_autoincrement=True,
)

is_alone: Final = or_(link.c.shopify_id.is_(None), link.c.framework360_id.is_(None))

link_word: Final = Table(
    "link_word",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("entity", Text, primary_key=True),
    # By code points, so that a beginning is a range whatever language the database sorts by.
    Column("word", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("link_id", Key, ForeignKey("link.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_link_word_link_id", "link_id", "word"),
)

link_child: Final = Table(
    "link_child",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("pair_id", Text, nullable=False),
    Column("link_id", Key, ForeignKey("link.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("shopify_id", Text),
    Column("framework360_id", Text),
    Column("match_key", Text),
    Column("data", Text, nullable=False),
    UniqueConstraint("pair_id", "kind", "shopify_id"),
    UniqueConstraint("pair_id", "kind", "framework360_id"),
    sqlite_autoincrement=True,
)

journal: Final = Table(
    "journal",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("pair_id", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("target_id", Text),
    Column("link_id", Key),
    Column("outcome", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("error_code", Text),
    Column("message", Text),
    Column("dry_run", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_journal_run", "pair_id", "run_id", "outcome"),
    Index("ix_journal_record", "pair_id", "entity", "source", "source_id"),
    Index("ix_journal_at", "pair_id", "at"),
    sqlite_autoincrement=True,
)

ledger_run: Final = Table(
    "ledger_run",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("since", UtcDateTime),
    Column("until", UtcDateTime),
    Column("dry_run", Boolean, nullable=False),
    Column("mapping_digest", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("announced", Integer),
    Column("read", Integer, nullable=False),
    Column("staged", Integer, nullable=False),
    Column("coalesced", Integer, nullable=False),
    Column("kept_parked", Integer, nullable=False),
    Column("known", Integer, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("undated", Integer, nullable=False),
    Column("certificate", Text),
    # Outcomes of journal entries that are deleted by now, so that the run still adds up.
    Column("pruned", Text),
    Column("error_code", Text),
    Column("error_message", Text),
    Index("ix_ledger_run_opened_at", "pair_id", "opened_at"),
)

watermark: Final = Table(
    "watermark",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("flow", Text, primary_key=True),
    Column("reached", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

field_mark: Final = Table(
    "field_mark",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("system", Text, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("marked_at", UtcDateTime, nullable=False),
)

shop_token: Final = Table(
    "shop_token",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("shop", Text, primary_key=True),
    Column("secret", Text),
    Column("locked_by", Text),
    Column("locked_until", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
)

api_budget: Final = Table(
    "api_budget",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("shop", Text, primary_key=True),
    Column("state", Text),
    Column("changed_at", UtcDateTime, nullable=False),
)

# Key of an event is a digest of what makes two deliveries the same; see ``events.record_events``.
webhook_event: Final = Table(
    "webhook_event",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("system", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("entity", Text),
    Column("record_id", Text),
    Column("triggered_at", UtcDateTime),
    Column("received_at", UtcDateTime, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Index("ix_webhook_event_received_at", "pair_id", "received_at"),
    Index(
        "ix_webhook_event_record",
        "pair_id",
        "system",
        "entity",
        "record_id",
        postgresql_where=text("record_id IS NOT NULL"),
        sqlite_where=text("record_id IS NOT NULL"),
    ),
)

event_task: Final = Table(
    "event_task",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("pair_id", Text, nullable=False),
    Column("event_key", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("triggered_at", UtcDateTime),
    Column("received_at", UtcDateTime, nullable=False),
    # Null once it is done; until then the time from which a worker may take it, which moves on with each attempt.
    Column("available_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("note", Text),
    Column("done_at", UtcDateTime),
    Index(
        "ix_event_task_due",
        "pair_id",
        "available_at",
        postgresql_where=text("available_at IS NOT NULL"),
        sqlite_where=text("available_at IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

privacy_request: Final = Table(
    "privacy_request",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("pair_id", Text, nullable=False),
    Column("event_key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("customer_id", Text),
    Column("data", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Column("note", Text),
    UniqueConstraint("pair_id", "event_key"),
    Index("ix_privacy_request_due", "pair_id", "done_at", "due_at"),
    sqlite_autoincrement=True,
)

# What came of a request about personal data: the data themselves, sealed, or the proof that they were erased.
privacy_document: Final = Table(
    "privacy_document",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("request_id", Key, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Index("ix_privacy_document_made_at", "pair_id", "kind", "made_at"),
)

webhook_subscription: Final = Table(
    "webhook_subscription",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("system", Text, primary_key=True),
    Column("remote_id", Text, primary_key=True),
    Column("topics", Text, nullable=False),
    # Without the secret token that is the last part of a Framework360 address.
    Column("address", Text, nullable=False),
    # Digest of the token in the address, so that the receiver recognises it without being able to decrypt anything.
    Column("token_digest", Text),
    Column("secret", Text),
    Column("created_at", UtcDateTime, nullable=False),
)

delivery_probe: Final = Table(
    "delivery_probe",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("pair_id", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("expected", Integer, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("missed", Integer, nullable=False),
    Column("staged", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_delivery_probe_at", "pair_id", "at"),
    Index("ix_delivery_probe_flow", "pair_id", "flow", "until"),
    sqlite_autoincrement=True,
)

alert: Final = Table(
    "alert",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("message", Text, nullable=False),
    Column("times", Integer, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    # When people were told that it began; null until then.
    Column("told_at", UtcDateTime),
)

consumer: Final = Table(
    "consumer",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("awake_until", UtcDateTime, nullable=False),
)

disconnection: Final = Table(
    "disconnection",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("shop", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

# The plan of a dry run. State: planning, ready, approved, refused. The version grows with every change of an item, so
# that nobody approves another plan than the one they saw.
plan: Final = Table(
    "plan",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("cost", Text),
    Column("made_at", UtcDateTime, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", UtcDateTime),
    Column("applied_in", Text),
    Index("ix_plan_made_at", "pair_id", "made_at"),
    Index(
        "ix_plan_applied_in",
        "pair_id",
        "applied_in",
        postgresql_where=text("applied_in IS NOT NULL"),
        sqlite_where=text("applied_in IS NOT NULL"),
    ),
)

plan_item: Final = Table(
    "plan_item",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("pair_id", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("target_id", Text),
    Column("action", Text, nullable=False),
    Column("match_key", Text),
    Column("display_name", Text, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("score", Integer),
    Column("candidates", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("error_code", Text),
    Column("message", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("left_out", Boolean, nullable=False),
    UniqueConstraint("pair_id", "run_id", "source_id"),
    Index("ix_plan_item_action", "pair_id", "run_id", "action", "id"),
    Index(
        "ix_plan_item_match_key",
        "pair_id",
        "run_id",
        "match_key",
        postgresql_where=text("match_key IS NOT NULL"),
        sqlite_where=text("match_key IS NOT NULL"),
    ),
    Index(
        "ix_plan_item_target",
        "pair_id",
        "run_id",
        "target_id",
        postgresql_where=text("target_id IS NOT NULL"),
        sqlite_where=text("target_id IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

# A pair a person has linked by hand; with one id null, a record that shall get a new counterpart.
link_choice: Final = Table(
    "link_choice",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("pair_id", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("shopify_id", Text),
    Column("framework360_id", Text),
    Column("chosen_by", Text, nullable=False),
    Column("chosen_at", UtcDateTime, nullable=False),
    UniqueConstraint("pair_id", "entity", "shopify_id"),
    UniqueConstraint("pair_id", "entity", "framework360_id"),
    sqlite_autoincrement=True,
)

# Digests only: whoever reads the database cannot take part in an authorization that is under way.
oauth_state: Final = Table(
    "oauth_state",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("browser_digest", Text, nullable=False),
    Column("shop", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("pair_id", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("person", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Index("ix_audit_at", "pair_id", "action", "id"),
    sqlite_autoincrement=True,
)

export: Final = Table(
    "export",
    metadata,
    Column("pair_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    # Null until the system has given it a name.
    Column("remote_id", Text),
    Column("note", Text, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    # When it is worth asking the system again; the event that tells of its end brings it forward.
    Column("look_at", UtcDateTime, nullable=False),
    Index("ix_export_remote_id", "pair_id", "remote_id"),
)
