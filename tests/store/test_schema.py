import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from shopify_fw360.errors import STORE_UNAVAILABLE, SyncError
from shopify_fw360.store import Store, schema
from shopify_fw360.store.__main__ import main
from shopify_fw360.store.tables import metadata
from tests.store.make import change, claim, stage
from tests.store.processes import finish, workers


@pytest.fixture
def empty(empty_url):
    store = Store.open(empty_url)
    yield store
    store.close()


def tables(store) -> set[str]:
    return set(inspect(store.engine).get_table_names()) - {"sqlite_sequence"}


def test_migrations_and_tables_agree(empty):
    empty.upgrade()
    with empty.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": schema.VERSION_TABLE, "compare_type": True}
        )
        differences = compare_metadata(context, metadata)
    assert differences == []


def test_upgrading_twice_is_fine(empty):
    empty.upgrade()
    stage(empty, change())
    empty.upgrade()
    assert len(claim(empty)) == 1


def test_every_migration_can_be_undone_and_redone(empty):
    empty.upgrade()
    complete = tables(empty)
    with empty.connect() as connection:
        schema.migrate(connection, "base")
    assert tables(empty) == {schema.VERSION_TABLE}
    empty.upgrade()
    assert tables(empty) == complete == {*metadata.tables, schema.VERSION_TABLE}
    empty.check()


def test_a_migration_that_breaks_off_leaves_nothing_behind(empty):
    def upgrade_and_crash():
        with empty.connect() as connection:
            schema.migrate(connection)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upgrade_and_crash()
    assert tables(empty) == set()


def test_several_processes_may_start_at_once(empty, empty_url):
    with workers(3, "upgrade", empty_url, "default") as started:
        finish(started)
    empty.check()


def test_other_programs_migrations_in_the_same_database_are_left_alone(empty):
    with empty.connect() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('airflow')"))
    empty.upgrade()
    empty.check()
    with empty.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "airflow"


class TestCheck:
    def problem(self, store) -> str:
        with pytest.raises(SyncError) as error:
            store.check()
        assert error.value.code is STORE_UNAVAILABLE
        return str(error.value)

    def test_a_missing_schema(self, empty):
        assert "has no schema; bring it up to date with: python -m shopify_fw360.store upgrade" in self.problem(empty)

    def test_using_a_missing_schema_says_the_same(self, empty):
        with pytest.raises(SyncError) as error:
            stage(empty, change())
        assert error.value.code is STORE_UNAVAILABLE

    def test_a_newer_schema_is_refused_and_never_touched(self, empty):
        empty.upgrade()
        with empty.connect() as connection:
            connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
        assert "has schema version 9999, which this version of the program does not know" in self.problem(empty)
        with pytest.raises(SyncError, match="install the version that made it"):
            empty.upgrade()

    def test_an_older_schema(self, empty, monkeypatch):
        empty.upgrade()
        newest = schema.newest_version()
        monkeypatch.setattr(schema, "newest_version", lambda: "9999")
        assert f"has schema version {newest}; bring it up to date" in self.problem(empty)


class TestCommandLine:
    def test_upgrade_makes_check_pass(self, empty_url, capsys):
        assert main(["check", empty_url]) == 1
        assert "SYNC-501" in capsys.readouterr().err
        assert main(["upgrade", empty_url]) == 0
        assert main(["check", empty_url]) == 0
        assert capsys.readouterr().out == "the store is ready\n" * 2

    def test_the_url_may_come_from_standard_input(self, empty_url, monkeypatch, tmp_path):
        (tmp_path / "url").write_text(f"{empty_url}\n")
        with (tmp_path / "url").open() as given:
            monkeypatch.setattr("sys.stdin", given)
            assert main(["upgrade", "-"]) == 0
