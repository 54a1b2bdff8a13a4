"""Dead letters that a person releases: the next run takes them over, counts them and is certified with them."""

from __future__ import annotations

import pytest

from shopify_fw360.records import Outcome, System
from shopify_fw360.store import Store
from shopify_fw360.sync.run import certify
from tests.end_to_end.conftest import fresh_world
from tests.end_to_end.world import INTO_SITE

NUR = {"firstName": "Nur", "lastName": "Telefon", "phone": "+393471111111"}


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request, tmp_path, shopify_process, framework360_process):
    """No customers on either side, and the store in each of the databases."""
    url = f"sqlite:///{tmp_path / 'store.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    store = Store.open(url)
    store.upgrade()
    yield fresh_world(shopify_process, framework360_process, store, customers=0)
    store.close()


@pytest.fixture
def parked(world):
    """One customer parked for want of an e-mail, and its id."""
    customer = world.shop.create(**NUR)
    world.sync(INTO_SITE)
    assert world.parked(INTO_SITE) == {customer: "SYNC-201"}
    return customer


def release(world):
    with world.store.begin() as tx:
        assert tx.release(flow=INTO_SITE, code="SYNC-201") == 1


def run(world):
    run_id = world.stage(INTO_SITE)
    report = world.drain(INTO_SITE, run_id)
    return report, certify(world.pair, run_id)


def test_the_next_run_counts_a_released_record_and_is_certified_with_it(world, parked):
    world.configure(customers={"placeholder_email_domain": "placeholder.example"}, limits={"overlap_minutes": 0})
    release(world)
    report, certificate = run(world)
    assert report.outcomes == {Outcome.CREATED: 1}
    assert certificate.outcomes == {Outcome.CREATED: 1}
    assert certificate.explained
    assert world.counterpart(System.SHOPIFY, parked)


def test_a_released_record_that_fails_again_is_parked_under_the_run_that_tried_it(world, parked):
    release(world)
    report, certificate = run(world)
    assert report.outcomes == certificate.outcomes == {Outcome.PARKED: 1}
    assert world.parked(INTO_SITE) == {parked: "SYNC-201"}


def test_a_released_record_is_carried_over_as_it_is_now_not_as_it_was_parked(world, parked):
    world.shop.update(parked, email="nur@example.com", lastName="Later")
    release(world)
    report = world.drain(INTO_SITE)
    assert report.outcomes == {Outcome.CREATED: 1}
    assert world.site.read(world.counterpart(System.SHOPIFY, parked))["cognome"] == "Later"
