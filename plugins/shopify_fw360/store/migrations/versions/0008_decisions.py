"""What people decide: conflicts settled, records left out; and which alerts they were told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (
    ("staged_change", "disputed", sa.Text()),
    ("staged_change", "decided", sa.Text()),
    ("link", "excluded_by", sa.Text()),
    ("link", "excluded_at", sa.DateTime(timezone=True)),
    ("alert", "told_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for table, name, _ in reversed(COLUMNS):
        op.drop_column(table, name)
