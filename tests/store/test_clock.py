"""The time that workers agree on is that of their database; a machine's own clock may be wrong or jump."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import make_url, text

from shopify_fw360.records import Change, Entity, Flow, System
from shopify_fw360.store import Store
from shopify_fw360.store.clock import DatabaseClock

FLOW = Flow(Entity.CUSTOMER, System.SHOPIFY)
WRONG = timedelta(hours=3)


@pytest.fixture
def connection(postgres_url):
    url = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        yield connection


@pytest.mark.parametrize("wrong", [WRONG, -WRONG], ids=["ahead", "behind"])
def test_the_database_is_believed_and_not_the_machine(connection, wrong):
    clock = DatabaseClock(local=lambda: datetime.now(UTC) + wrong)
    assert abs(clock() - datetime.now(UTC)) > timedelta(hours=2)
    clock.ask(connection)
    assert abs(clock() - datetime.now(UTC)) < timedelta(seconds=5)


def test_between_two_answers_only_steady_seconds_count(connection):
    seconds = [100.0]
    clock = DatabaseClock(steady=lambda: seconds[0])
    clock.ask(connection)
    first = clock()
    seconds[0] += 90
    assert clock() - first == timedelta(seconds=90)


@pytest.mark.parametrize("wrong", [WRONG, -WRONG], ids=["forward", "backward"])
def test_a_worker_whose_machine_jumps_neither_takes_a_record_of_another_nor_keeps_one_for_longer(
    migrated_postgres, pair_id, monkeypatch, wrong
):
    one = Store.open(migrated_postgres, pair_id=pair_id)
    with one.begin() as tx:
        tx.stage([Change(FLOW, "1"), Change(FLOW, "2")])
        [held] = tx.claim(1, "one", timedelta(minutes=2), flow=FLOW)
    now = datetime.now
    monkeypatch.setattr("shopify_fw360.store.clock.utc_now", lambda: now(UTC) + wrong)
    jumped = Store.open(migrated_postgres, pair_id=pair_id)
    with jumped.begin() as tx:
        [taken] = tx.claim(10, "jumped", timedelta(minutes=2), flow=FLOW)
    assert taken.change.source_id != held.change.source_id
    assert abs(taken.lease_until - held.lease_until) < timedelta(minutes=1)
    one.close()
    jumped.close()


def test_a_peer_that_is_gone_without_a_word_is_noticed_within_half_a_minute(migrated_postgres):
    """What the kernel is asked for on the very socket: without it a dead connection is noticed after two hours."""
    store = Store.open(migrated_postgres)
    with store.connect() as connection:
        connection.execute(text("SELECT 1"))
        with socket.socket(fileno=connection.connection.dbapi_connection.fileno()) as peer:
            assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
            assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15
            peer.detach()
    store.close()
