import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from scripts.local.ports import free_port
from scripts.local.postgres import Database, EmbeddedPostgres


def scalar(url, statement):
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(sa.text(statement)).scalar()
    finally:
        engine.dispose()


def test_a_database_belongs_to_the_role_of_its_name(postgres_server):
    postgres_server.create([Database("orchard", "apple")])
    try:
        assert scalar(postgres_server.url("orchard", password="apple"), "SELECT current_user") == "orchard"
        assert scalar(postgres_server.url("orchard", password="apple", driver="psycopg2"), "SELECT 1") == 1
    finally:
        postgres_server.drop("orchard")


def test_a_wrong_password_is_refused(postgres_server):
    with pytest.raises(OperationalError, match="password authentication failed"):
        scalar(postgres_server.url(password="guess"), "SELECT 1")


def test_creating_a_database_again_keeps_its_rows_and_renews_the_password(postgres_server):
    postgres_server.create([Database("orchard", "apple")])
    try:
        engine = sa.create_engine(postgres_server.url("orchard", password="apple"))
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE tree AS SELECT 7 AS height"))
        engine.dispose()
        postgres_server.create([Database("orchard", "pear")])
        assert scalar(postgres_server.url("orchard", password="pear"), "SELECT height FROM tree") == 7
    finally:
        postgres_server.drop("orchard")


def test_the_server_listens_on_loopback_only(postgres_server):
    assert scalar(postgres_server.url(), "SHOW listen_addresses") == "127.0.0.1"
    assert scalar(postgres_server.url(), "SHOW unix_socket_directories") == ""


def test_a_server_moves_to_another_port_with_its_data(postgres_server):
    directory = postgres_server.directory.parent / "moving"
    first = EmbeddedPostgres(directory, port=free_port(), password="one", durable=False)
    first.start()
    first.create([Database("orchard", "apple")])
    second = EmbeddedPostgres(directory, port=free_port(), password="one", durable=False)
    second.start()
    try:
        assert scalar(second.url("orchard", password="apple"), "SELECT current_database()") == "orchard"
    finally:
        second.stop()
    assert not first.running()
