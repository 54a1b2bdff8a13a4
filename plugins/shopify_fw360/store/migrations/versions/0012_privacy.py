"""Documents about personal data; outcomes of a run that outlive the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "privacy_document",
        sa.Column("pair_id", sa.Text, nullable=False),
        sa.Column("request_id", KEY, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("pair_id", "request_id", name="pk_privacy_document"),
    )
    op.create_index("ix_privacy_document_made_at", "privacy_document", ["pair_id", "kind", "made_at"])
    op.add_column("ledger_run", sa.Column("pruned", sa.Text, nullable=True))


def downgrade() -> None:
    op.drop_column("ledger_run", "pruned")
    op.drop_table("privacy_document")
