"""Brings the database to the schema this version needs, and tells whether it has it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

VERSION_TABLE: Final = "sync_store_version"
"""Not Alembic's default name, so that a store that shares its database with Airflow leaves Airflow's version alone."""

_ADVISORY_LOCK: Final = 0x5F360
# Alembic keeps the running environment in module globals.
_one_at_a_time: Final = threading.Lock()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest_version() -> str:
    """Return the schema version this program needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("the package holds no migrations: it was installed incompletely")
    return head


def known_versions() -> frozenset[str]:
    """Return all schema versions this program knows, present and past."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def version_of(connection: Connection) -> str | None:
    """Return the schema version of the database, None if it has no schema."""
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def migrate(connection: Connection, target: str = "head") -> None:
    """Move the schema up or down to a version, all in the connection's transaction.

    Args:
        connection: within a transaction; of several processes that migrate at once, one works and the others find
            the work done (PostgreSQL: advisory lock; SQLite: the transaction holds the write lock).
        target: ``head``, a version, or ``base`` for no schema.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    with _one_at_a_time:
        config = _config(connection)
        if target == "base" or _is_behind(target, version_of(connection)):
            command.downgrade(config, target)
        else:
            command.upgrade(config, target)


def _is_behind(target: str, current: str | None) -> bool:
    if current is None or target in ("head", current):
        return False
    scripts = ScriptDirectory.from_config(_config())
    return target in {script.revision for script in scripts.iterate_revisions(current, "base")}
