"""Every migration, both ways, with rows in every table."""

from datetime import UTC, datetime

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, DateTime, Integer, MetaData, insert, select

from shopify_fw360.store import Store, schema

MOMENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def empty(empty_url):
    store = Store.open(empty_url)
    yield store
    store.close()


def versions():
    """All schema versions, oldest first."""
    scripts = ScriptDirectory.from_config(schema._config())
    return [script.revision for script in reversed(list(scripts.walk_revisions()))]


def tables(connection):
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != schema.VERSION_TABLE]


def value(column):
    """Something that fits the column; text is JSON, because most text columns hold it."""
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, DateTime):
        return MOMENT if column.type.timezone else MOMENT.replace(tzinfo=None)
    return 1 if isinstance(column.type, Integer) else "{}"


def fill(connection):
    """Put a row into every table that has none."""
    for table in tables(connection):
        if connection.execute(select(table)).first() is None:
            connection.execute(insert(table), {column.name: value(column) for column in table.columns})


def content(connection):
    return {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in tables(connection)
    }


def test_going_back_after_going_forward_gives_back_every_row(empty):
    before = {}
    for version in versions():
        with empty.connect() as connection:
            schema.migrate(connection, version)
            fill(connection)
            before[version] = content(connection)
    assert len(before[version]) > 10
    for version in reversed(versions()[:-1]):
        with empty.connect() as connection:
            schema.migrate(connection, version)
            assert content(connection) == before[version]


def test_rows_of_the_first_version_survive_all_migrations(empty):
    first, *_, newest = versions()
    with empty.connect() as connection:
        schema.migrate(connection, first)
        fill(connection)
        old = content(connection)
        schema.migrate(connection, newest)
        new = content(connection)
    empty.check()
    assert old
    for table, [row] in old.items():
        [kept] = new[table]
        assert {name: kept[name] for name in row if name in kept} == {name: row[name] for name in row if name in kept}
