"""Opens the store: engine, transactions, schema."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shopify_fw360.errors import CONNECTION_INVALID, STORE_UNAVAILABLE, SyncError
from shopify_fw360.store import schema
from shopify_fw360.store.clock import DatabaseClock, utc_now
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.transaction import Transaction

__all__ = ["Store", "Transaction", "utc_now"]

_POOL: Final[dict[str, Any]] = {"pool_size": 10, "max_overflow": 22, "pool_timeout": 30, "pool_recycle": 1800}
_SQLITE_WAITS_SECONDS: Final = 60
# Without these a connection that leads nowhere any more, after a failover or through a firewall that forgot it, is
# noticed after two hours of silence. libpq: seconds, seconds, number, milliseconds.
_NOTICES_DEAD_PEERS: Final[dict[str, Any]] = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


@dataclass(frozen=True, slots=True)
class Store:
    """The database of connection ``sync_store``; safe to share between threads, to be opened anew in each process.

    Args:
        engine: the pool of connections.
        pair_id: the pair whose rows are seen.
        encryption_key: one or more Fernet keys separated by commas, the newest first; needed for tokens only.
        clock: returns the present aware UTC time.
    """

    engine: Engine
    pair_id: str = "default"
    encryption_key: str | None = field(default=None, repr=False)
    clock: Callable[[], datetime] = utc_now

    @classmethod
    def open(
        cls,
        url: str,
        *,
        pair_id: str = "default",
        encryption_key: str | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Store:
        """Open a store; the database is reached at its first use.

        Args:
            url: SQLAlchemy URL of PostgreSQL or of an SQLite file.
            pair_id: the pair whose rows are seen.
            encryption_key: one or more Fernet keys separated by commas, the newest first; needed for tokens only.
            clock: returns the present aware UTC time; None for the clock of the database.

        Returns:
            The store.

        Raises:
            SyncError: SYNC-106 if the URL is not one of these.
        """
        parsed = _parse(url)
        engine = _engine(parsed)
        if clock is None and parsed.get_backend_name() == "postgresql":
            clock = DatabaseClock()
            event.listen(engine, "connect", clock.ask)
        return cls(engine, pair_id, encryption_key, clock or utc_now)

    def close(self) -> None:
        """Close the connections of the pool."""
        self.engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Run one transaction that may write: committed at the end, rolled back on any error.

        Yields:
            The transaction.

        Raises:
            SyncError: SYNC-501 if the database fails; nothing of the transaction is stored then.
        """
        with self.connect() as connection:
            yield Transaction(Scope(connection, self.pair_id, self.clock))

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Run one transaction that only reads: one consistent state, and it never waits for those who write.

        Yields:
            The transaction.

        Raises:
            SyncError: SYNC-501 if the database fails.
        """
        with self.connect(read_only=True) as connection:
            yield Transaction(Scope(connection, self.pair_id, self.clock))

    @contextmanager
    def connect(self, *, read_only: bool = False) -> Iterator[Connection]:
        """Run one database transaction on a bare connection.

        Args:
            read_only: refuse writes.

        Yields:
            The connection.

        Raises:
            SyncError: SYNC-501 if the database fails.
        """
        with _told_apart(self.engine.url), self.engine.connect() as connection:
            if read_only:
                connection.execution_options(store_read_only=True)
            with connection.begin():
                yield connection

    def upgrade(self) -> None:
        """Bring the schema to the newest version; several processes may do so at once, and doing so again is fine.

        Raises:
            SyncError: SYNC-501 if the database fails, or its schema is newer than this program.
        """
        with self.connect() as connection:
            self._refuse_newer(schema.version_of(connection))
            schema.migrate(connection)

    def check(self) -> None:
        """Make sure that the database answers and has the schema of this version.

        Raises:
            SyncError: SYNC-501 naming what is wrong.
        """
        with self.connect(read_only=True) as connection:
            version = schema.version_of(connection)
        self._refuse_newer(version)
        if version != schema.newest_version():
            state = "has no schema" if version is None else f"has schema version {version}"
            raise _unavailable(self.engine.url, f"{state}; {_UPGRADE}")

    def _refuse_newer(self, version: str | None) -> None:
        if version is not None and version not in schema.known_versions():
            raise _unavailable(
                self.engine.url,
                f"has schema version {version}, which this version of the program does not know: "
                "install the version that made it",
            )


_UPGRADE: Final = "bring it up to date with: python -m shopify_fw360.store upgrade URL"
# PostgreSQL: undefined table, undefined column.
_NO_SCHEMA: Final = frozenset({"42P01", "42703"})


@contextmanager
def _told_apart(url: URL) -> Iterator[None]:
    """Turn failures of the database into SYNC-501, and let all others pass."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        reason = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()[0]
        raise _unavailable(url, reason) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _unavailable(url, "lost the connection") from error
        if getattr(error.orig, "sqlstate", getattr(error.orig, "pgcode", None)) in _NO_SCHEMA:
            raise _unavailable(url, f"lacks a table or column; {_UPGRADE}") from error
        raise


def _unavailable(url: URL, reason: str) -> SyncError:
    return SyncError(STORE_UNAVAILABLE, f"the store at {url.render_as_string(hide_password=True)} {reason}")


def _parse(text: str) -> URL:
    try:
        url = make_url(text.replace("postgres://", "postgresql://", 1))
    except ArgumentError:
        # The text is not shown: it may hold a password.
        raise SyncError(CONNECTION_INVALID, "sync_store is no SQLAlchemy URL", field="sync_store") from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database and ":memory:" not in url.database:
        return url
    if url.get_backend_name() == "postgresql":
        return url
    raise SyncError(
        CONNECTION_INVALID,
        f"the store cannot live in {url.drivername}: it takes postgresql, or sqlite with a file",
        field="sync_store",
    )


def _engine(url: URL) -> Engine:
    # Parameters of failed statements are hidden because they hold personal data.
    if url.get_backend_name() == "postgresql":
        engine = create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "application_name": "shopify_fw360", **_NOTICES_DEAD_PEERS},
            **_POOL,
        )
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": _SQLITE_WAITS_SECONDS, "check_same_thread": False}, **_POOL
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("store_read_only"):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN is deferred, and a deferred transaction that turns to writing fails instead of waiting.
    connection.isolation_level = None
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    # A webhook is acknowledged once it is committed, so a commit must survive a power cut.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Set the mode that lets readers and one writer work side by side; the first of several processes changes the file.

    SQLite: the busy timeout does not cover the lock that this change takes.
    """
    give_up_at = time.monotonic() + _SQLITE_WAITS_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    read_only = bool(connection.get_execution_options().get("store_read_only"))
    connection.exec_driver_sql(f"PRAGMA query_only={int(read_only)}")
    connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")
