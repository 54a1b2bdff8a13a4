"""Fixtures every room may use: a real PostgreSQL, started once per test process, and an empty database per test."""

import os
import secrets
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import event
from sqlalchemy.pool import Pool

from scripts.local.ports import free_port
from scripts.local.postgres import Database, EmbeddedPostgres

settings.register_profile("quick", max_examples=40)
settings.register_profile("thorough", max_examples=400)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@event.listens_for(Pool, "checkout")
def _no_waiting_for_the_disk(connection, record, proxy):
    """Let SQLite not wait for the disk: a process that is killed loses nothing by it, and no test cuts the power."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture(scope="session")
def postgres_server():
    """A running PostgreSQL server for the whole session; tests that need one of their own state use `postgres_url`."""
    # Not under pytest's own folder: its parents are closed to the system user PostgreSQL runs as under root.
    directory = Path(tempfile.mkdtemp(prefix="sync-postgres-"))
    server = EmbeddedPostgres(
        directory / "data", port=free_port(), password=secrets.token_urlsafe(12), log=directory / "log", durable=False
    )
    server.start()
    yield server
    server.stop()
    shutil.rmtree(directory)


@pytest.fixture
def postgres_url(postgres_server):
    """SQLAlchemy URL (driver psycopg) of a new, empty database, dropped after the test."""
    database = Database(f"test_{secrets.token_hex(6)}", secrets.token_urlsafe(12))
    postgres_server.create([database])
    yield postgres_server.url(database.name, password=database.password)
    postgres_server.drop(database.name)
