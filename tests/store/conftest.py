"""Both databases for real: each test gets rows of its own, in SQLite a file, in PostgreSQL a pair."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.local.postgres import Database
from shopify_fw360.store import Store
from tests.store.make import Clock

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server) -> str:
    postgres_server.create([Database("store", "secret")])
    url = postgres_server.url("store", password="secret")
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
def empty_url(request, tmp_path) -> str:
    """A database without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return request.getfixturevalue("postgres_url")


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
