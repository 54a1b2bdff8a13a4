"""A task waits a while for records of its run, and no longer than it must."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shopify_fw360.airflow.runtime import open_pair
from shopify_fw360.airflow.tasks import drain_and_wait
from shopify_fw360.records import Entity, Outcome
from shopify_fw360.settings import SyncSettings
from shopify_fw360.sync.run import Mode, RunRequest, stage_run
from tests.airflow.world import INTO_SITE

pytestmark = pytest.mark.airflow


@pytest.fixture
def staged(deployment):
    """A pair with one staged customer, and a list of the waits asked for."""
    customer = deployment.shop.create(firstName="Ada", lastName="Neri", email="ada@example.com")
    with open_pair() as pair:
        stage_run(pair, RunRequest(INTO_SITE, "dag/run", Mode.FULL))
        yield pair, customer


def test_a_record_the_other_direction_holds_is_waited_for(staged):
    pair, customer = staged
    with pair.store.begin() as tx:
        tx.lock_records(Entity.CUSTOMER, [f"shopify:{customer}"], "other", timedelta(minutes=5))

    def give_it_back(_: float) -> None:
        with pair.store.begin() as tx:
            tx.unlock_records(Entity.CUSTOMER, [f"shopify:{customer}"], "other")

    waits = []

    def sleep(seconds: float) -> None:
        import time

        waits.append(seconds)
        give_it_back(seconds)
        time.sleep(seconds)

    report = drain_and_wait(pair, INTO_SITE, "worker", "dag/run", sleep=sleep)
    assert report.outcomes == {Outcome.CREATED: 1}
    assert report.waiting_for_other == 1
    assert waits


def test_records_of_another_worker_are_waited_for_only_after_a_died_try(staged):
    pair, _ = staged
    with pair.store.begin() as tx:
        assert tx.claim(10, "died", timedelta(seconds=0.5), flow=INTO_SITE)
    assert drain_and_wait(pair, INTO_SITE, "first", "dag/run").finished == 0
    assert drain_and_wait(pair, INTO_SITE, "second", "dag/run", wait_for_leases=True).outcomes == {Outcome.CREATED: 1}


def test_a_retry_that_is_far_away_is_waited_for_no_longer_than_set(staged):
    pair, customer = staged
    with pair.store.begin() as tx:
        tx.lock_records(Entity.CUSTOMER, [f"shopify:{customer}"], "other", timedelta(minutes=5))
    waited = []
    pair = replace(pair, settings=SyncSettings.model_validate({"limits": {"wait_seconds": 30, "lease_seconds": 200}}))
    report = drain_and_wait(pair, INTO_SITE, "worker", "dag/run", sleep=waited.append, clock=lambda: 10.0 * len(waited))
    assert (report.finished, len(waited)) == (0, 4)


def test_after_a_died_try_its_leases_are_outwaited_however_short_the_wait_is_set(staged):
    pair, _ = staged
    with pair.store.begin() as tx:
        assert tx.claim(10, "died", timedelta(minutes=5), flow=INTO_SITE)
    waited = []
    pair = replace(pair, settings=SyncSettings.model_validate({"limits": {"wait_seconds": 0, "lease_seconds": 120}}))
    drain_and_wait(
        pair,
        INTO_SITE,
        "worker",
        "dag/run",
        wait_for_leases=True,
        sleep=waited.append,
        clock=lambda: 10.0 * len(waited),
    )
    assert len(waited) * 10 > 120
