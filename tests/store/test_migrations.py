"""Every migration, both ways, with rows in every table."""

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import select

from shopify_fw360.store import Store, schema
from tests.store.rows import fill, tables


@pytest.fixture
def empty(empty_url):
    store = Store.open(empty_url)
    yield store
    store.close()


def versions():
    """All schema versions, oldest first."""
    scripts = ScriptDirectory.from_config(schema._config())
    return [script.revision for script in reversed(list(scripts.walk_revisions()))]


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
