import pytest
from sqlalchemy import text

from shopify_fw360.errors import CONNECTION_INVALID, STORE_UNAVAILABLE, SyncError
from shopify_fw360.records import Link
from shopify_fw360.store import Store
from tests.store.make import FORTH, change, claim, stage


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg2://u:p@h/d", "postgresql+psycopg2"),
        ("sqlite:////tmp/x.db", "sqlite"),
    ],
)
def test_the_usual_urls_are_understood(url, driver):
    assert Store.open(url).engine.url.drivername == driver


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("my pass:word", "no SQLAlchemy URL"),
        ("mysql://u:hunter2@h/d", "cannot live in mysql"),
        ("sqlite://", "with a file"),
        ("sqlite:///:memory:", "with a file"),
    ],
)
def test_others_are_refused_without_showing_a_password(url, message):
    with pytest.raises(SyncError, match=message) as error:
        Store.open(url)
    assert error.value.code is CONNECTION_INVALID
    assert "hunter2" not in str(error.value)
    assert "my pass" not in str(error.value)


@pytest.mark.parametrize("url", ["postgresql://user:hunter2@127.0.0.1:1/d", "sqlite:////nowhere/at/all/store.db"])
def test_a_database_that_does_not_answer_is_named_without_its_password(url):
    store = Store.open(url)
    with pytest.raises(SyncError) as error:
        store.check()
    assert error.value.code is STORE_UNAVAILABLE
    assert "Next step: Check the database and the connection sync_store" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_connection_that_breaks_off_is_a_retryable_failure_and_the_next_one_works(migrated_postgres, pair_id):
    store, killer = Store.open(migrated_postgres, pair_id=pair_id), Store.open(migrated_postgres)

    def work(tx):
        tx.stage([change()])
        backend = tx.scope.connection.scalar(text("SELECT pg_backend_pid()"))
        with killer.begin() as other:
            other.scope.connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
        tx.stage([change()])

    with pytest.raises(SyncError) as error, store.begin() as tx:
        work(tx)
    assert error.value.code is STORE_UNAVAILABLE
    assert claim(store) == []
    stage(store, change())
    assert len(claim(store)) == 1
    store.close()
    killer.close()


def test_connections_broken_while_idle_are_replaced(migrated_postgres, pair_id):
    store, killer = Store.open(migrated_postgres, pair_id=pair_id), Store.open(migrated_postgres)
    with store.begin() as tx:
        backend = tx.scope.connection.scalar(text("SELECT pg_backend_pid()"))
    with killer.begin() as tx:
        tx.scope.connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
    stage(store, change())
    store.close()
    killer.close()


def test_a_failing_statement_shows_no_personal_data(store):
    with pytest.raises(Exception, match="parameters hidden") as error, store.begin() as tx:
        tx.scope.connection.execute(
            text("INSERT INTO link (pair_id, display_name) VALUES (:pair, :name)"), {"pair": "p", "name": "Anna Rossi"}
        )
    assert "[SQL parameters hidden" in str(error.value)


def test_a_reading_transaction_cannot_write(store):
    with pytest.raises(Exception, match=r"read-?only"), store.read() as tx:
        tx.stage([change()])
    assert stage(store, change()).staged == 1


def test_a_reading_transaction_sees_one_state_and_waits_for_nobody(store):
    stage(store, change("1"))
    with store.read() as reader:
        assert len(reader.queued()) == 1
        stage(store, change("2"))
        assert len(reader.queued()) == 1
    with store.begin() as writer:
        writer.stage([change("3")])
        with store.read() as reader:
            assert len(reader.queued()) == 2


def test_the_older_driver_works_too(migrated_postgres, pair_id):
    store = Store.open(migrated_postgres.replace("+psycopg:", "+psycopg2:"), pair_id=pair_id)
    stage(store, change("1", raw={"v": 1}, match_key="k"), change("2", match_key="k"))
    assert len(claim(store)) == 2
    with store.begin() as tx:
        tx.save_link(Link(FORTH.entity, "1", "9"))
        assert tx.duplicates(FORTH, "k", "1") == ["2"]
    store.close()
