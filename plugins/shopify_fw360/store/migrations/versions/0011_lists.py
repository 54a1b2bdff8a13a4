"""Lists for people over many links: the orders in which they are shown, the words by which they are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shopify_fw360.store.words import words_of

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Each order holds all that a list is filtered by, so that no row is read before it is known to be shown.
INDEXES = {
    "ix_link_changed": ["changed_at", "id", "status", "synced_by"],
    "ix_link_synced": ["synced_at", "id", "status", "synced_by", "changed_at"],
    "ix_link_name": ["sort_name", "id", "status", "synced_by", "changed_at"],
}
ALONE = sa.text("shopify_id IS NULL OR framework360_id IS NULL")
PAGE = 5_000


def upgrade() -> None:
    op.add_column("link", sa.Column("sort_name", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "link_word",
        sa.Column("pair_id", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        # By code points, so that a beginning is a range whatever language the database sorts by.
        sa.Column("word", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("link_id", KEY, nullable=False),
        sa.PrimaryKeyConstraint("pair_id", "entity", "word", "link_id", name="pk_link_word"),
        sa.ForeignKeyConstraint(["link_id"], ["link.id"], name="fk_link_word_link_id_link", ondelete="CASCADE"),
    )
    op.create_index("ix_link_word_link_id", "link_word", ["link_id", "word"])
    _fill()
    for name, columns in INDEXES.items():
        op.create_index(name, "link", ["pair_id", "entity", *columns])
    op.create_index(
        "ix_link_alone", "link", ["pair_id", "entity", "changed_at"], postgresql_where=ALONE, sqlite_where=ALONE
    )


def _fill() -> None:
    connection = op.get_bind()
    link = sa.table("link", *(sa.column(name) for name in ("id", "pair_id", "entity", "search_text", "display_name")))
    named = sa.table("link", sa.column("id"), sa.column("sort_name"))
    word = sa.table("link_word", *(sa.column(name) for name in ("pair_id", "entity", "word", "link_id")))
    last = 0
    while rows := connection.execute(sa.select(link).where(link.c.id > last).order_by(link.c.id).limit(PAGE)).all():
        last = rows[-1].id
        connection.execute(
            sa.update(named).where(named.c.id == sa.bindparam("key")).values(sort_name=sa.bindparam("name")),
            [{"key": row.id, "name": row.display_name.casefold()[:100]} for row in rows],
        )
        words = [
            {"pair_id": row.pair_id, "entity": row.entity, "word": one, "link_id": row.id}
            for row in rows
            for one in sorted(words_of(row.search_text))
        ]
        if words:
            connection.execute(word.insert(), words)


def downgrade() -> None:
    for name in ("ix_link_alone", *INDEXES):
        op.drop_index(name, "link")
    op.drop_table("link_word")
    op.drop_column("link", "sort_name")
