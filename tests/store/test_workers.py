"""Real processes on one queue."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from shopify_fw360.records import Outcome
from shopify_fw360.store import StageCounts, Store
from tests.store.make import FORTH, MINUTE, Clock, change, claim, ended, ids, stage
from tests.store.processes import finish, workers

ROWS = 600


def test_four_processes_share_the_queue_and_no_record_is_worked_on_twice(store, url, pair_id):
    store = Store.open(url, pair_id=pair_id)
    with store.begin() as tx:
        tx.open_run("run", FORTH, "recovery")
        counts = tx.stage([change(str(n), run_id="run") for n in range(ROWS)])
        tx.count_read("run", announced=ROWS, read=ROWS, staged=counts)
    with workers(4, "drain", url, pair_id) as started:
        worked_on = finish(started)
    assert sorted(worked_on, key=int) == [str(n) for n in range(ROWS)]
    with store.read() as tx:
        certificate = tx.certificate("run")
    assert (certificate.outcomes, certificate.open, certificate.explained) == ({Outcome.CREATED: ROWS}, 0, True)
    store.close()


def test_records_of_a_killed_process_come_back_when_their_lease_ends(url, pair_id):
    clock = Clock(datetime.now(UTC))
    store = Store.open(url, pair_id=pair_id, clock=clock)
    stage(store, *(change(str(n)) for n in range(5)))
    with workers(1, "hold", url, pair_id) as [worker]:
        assert worker.stdout.readline() == "holding\n"
        worker.kill()
        worker.wait()
    assert claim(store) == []
    clock.now = datetime.now(UTC) + timedelta(minutes=10)
    rescued = claim(store)
    assert ids(rescued) == ["1", "2", "3", "4"]
    assert {held.attempts for held in rescued} == {1}
    store.close()


def test_a_process_killed_within_a_transaction_leaves_no_trace(url, pair_id):
    store = Store.open(url, pair_id=pair_id)
    stage(store, *(change(str(n)) for n in range(5)))
    with workers(1, "hang_in_transaction", url, pair_id) as [worker]:
        assert worker.stdout.readline() == "holding\n"
        worker.kill()
        worker.wait()
    assert [held.attempts for held in claim(store)] == [0] * 5
    store.close()


def test_eight_threads_stage_and_drain_the_same_records_without_losing_one(url, pair_id):
    store = Store.open(url, pair_id=pair_id)
    with store.begin() as tx:
        tx.open_run("run", FORTH, "poll")
    produced = threading.Event()

    def produce(number: int) -> None:
        for page in range(5):
            changes = [change(str(n), raw={"v": [number, page]}, run_id="run") for n in range(page, page + 20)]
            with store.begin() as tx:
                tx.count_read("run", read=len(changes), staged=tx.stage(changes[:: 1 if number % 2 else -1]))

    def consume(number: int) -> None:
        while True:
            last_round = produced.is_set()
            with store.begin() as tx:
                claims = tx.claim(7, f"thread {number}", MINUTE)
            with store.begin() as tx:
                for held in tx.hold(claims, f"thread {number}"):
                    tx.complete(held, f"thread {number}", ended(held))
            if last_round and not claims:
                return
            time.sleep(0 if claims else 0.005)

    with ThreadPoolExecutor(8) as pool:
        producers = [pool.submit(produce, number) for number in range(4)]
        consumers = [pool.submit(consume, number) for number in range(4)]
        try:
            for future in producers:
                future.result()
        finally:
            produced.set()
        for future in consumers:
            future.result()
    with store.read() as tx:
        certificate = tx.certificate("run")
    assert certificate.read == 4 * 5 * 20
    assert (certificate.open, certificate.explained) == (0, True)
    store.close()


def test_producers_that_stage_the_same_records_in_opposite_order_do_not_deadlock(url, pair_id):
    store = Store.open(url, pair_id=pair_id)
    changes = [change(str(n)) for n in range(200)]
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda n: stage(store, *changes[:: 1 if n % 2 else -1]), range(12)))
    assert sum(counts, StageCounts()) == StageCounts(staged=2_400, coalesced=2_200)
    store.close()


def test_a_worker_waits_for_a_producer_without_standing_in_its_way(migrated_postgres, pair_id):
    """Both want rows 1 and 2; the worker asks for 2 first, and must not hold it while the producer has 1."""
    store = Store.open(migrated_postgres, pair_id=pair_id)
    stage(store, change("1"), change("2"))
    first, second = claim(store)

    def end_both():
        with store.begin() as tx:
            for held in tx.hold([second, first], "worker"):
                tx.complete(held, "worker", ended(held))

    with ThreadPoolExecutor(1) as pool:
        with store.begin() as producer:
            producer.stage([change("1")])
            ending = pool.submit(end_both)
            while not _waiting_for_a_lock(store):
                time.sleep(0.01)
            producer.stage([change("2")])
        ending.result()
    assert sorted(ids(claim(store))) == ["1", "2"]
    store.close()


def _waiting_for_a_lock(store) -> bool:
    query = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with store.read() as tx:
        return tx.scope.connection.scalar(text(query))
