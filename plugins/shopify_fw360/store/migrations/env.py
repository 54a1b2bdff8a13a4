"""Alembic's environment: runs on the connection that ``schema.migrate`` hands in."""

from __future__ import annotations

from alembic import context

from shopify_fw360.store.schema import VERSION_TABLE
from shopify_fw360.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # SQLite can, Alembic only does not expect it
)
with context.begin_transaction():
    context.run_migrations()
