"""Links remember the modification time of the content they last consumed, so that an older page is recognised."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = ("shopify_updated_at", "framework360_updated_at")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("link", sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in reversed(COLUMNS):
        op.drop_column("link", name)
