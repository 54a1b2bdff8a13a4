"""Both databases for real: each test gets rows of its own, in SQLite a file, in PostgreSQL a pair."""

from __future__ import annotations

import itertools
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scripts.local.postgres import Database, EmbeddedPostgres
from shopify_fw360.store import Store

_numbers = itertools.count(1)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@pytest.fixture(scope="session")
def postgres(tmp_path_factory) -> Iterator[EmbeddedPostgres]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(base / "data", port=port, password="secret", log=base / "server.log", durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_postgres(postgres) -> str:
    postgres.create([Database("store", "secret")])
    url = postgres.url("store", password="secret")
    store = Store.open(url)
    store.upgrade()
    store.close()
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    store = Store.open(f"sqlite:///{path}")
    store.upgrade()
    store.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path) -> str:
    """A database with the newest schema."""
    if request.param == "postgresql":
        return request.getfixturevalue("migrated_postgres")
    path = tmp_path / "store.db"
    shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path) -> Iterator[str]:
    """A database without a schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = f"empty{next(_numbers)}"
    server.create([Database(name, "secret")])
    yield server.url(name, password="secret")
    server.drop(name)


@pytest.fixture
def pair_id() -> str:
    return f"pair{next(_numbers)}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(url, pair_id, clock) -> Iterator[Store]:
    store = Store.open(url, pair_id=pair_id, clock=clock)
    yield store
    store.close()
