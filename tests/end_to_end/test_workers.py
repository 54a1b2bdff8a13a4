"""Workers under stress: slow systems, systems that refuse everybody, and records that want the same counterpart."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace

import pytest

from shopify_fw360.errors import FW360_KEY, FW360_PERMISSION, SyncError
from shopify_fw360.records import Outcome, System
from shopify_fw360.sync.drain import drain
from tests.end_to_end.world import INTO_SHOP, INTO_SITE, MAPPINGS


def populate(world, count):
    return [world.shop.create(email=f"ada{number}@example.com", firstName="Ada") for number in range(count)]


def registrations(world):
    operations = world.framework360.control.metrics()["operations"]
    return sum(entry["count"] for name, entry in operations.items() if name == "customersRegistration")


def test_a_batch_that_takes_longer_than_its_lease_stays_with_its_worker(empty_world):
    world = empty_world
    world.configure(limits={"lease_seconds": 5, "batch_size": 20})
    populate(world, 16)
    world.stage(INTO_SITE)
    world.framework360.control.set_latency(900)  # 16 records of 4 requests, 8 at once: longer than the lease
    world.framework360.control.reset_metrics()
    others: list[dict[str, int]] = []
    finished = threading.Event()

    def compete():
        while not finished.wait(0.3):
            others.append(drain(world.pair, INTO_SITE, "rival").as_dict())

    rival = threading.Thread(target=compete)
    first = threading.Thread(target=lambda: others.append(drain(world.pair, INTO_SITE, "first").as_dict()))
    first.start()
    while not registrations(world):
        pass
    rival.start()
    first.join()
    finished.set()
    rival.join()
    world.framework360.control.set_latency(0)

    assert registrations(world) == 16
    assert sum(counts.get("created", 0) for counts in others) == 16
    assert len(world.site.all()) == 16


@pytest.mark.parametrize(("status", "code"), [(401, FW360_KEY), (403, FW360_PERMISSION)])
def test_a_key_refused_in_the_middle_stops_the_writing_and_what_was_written_is_kept(empty_world, status, code):
    world = empty_world
    populate(world, 60)
    world.stage(INTO_SITE)
    fault = {"match": {"operation": "customersRegistration"}, "skip": 10, "params": {"status": status}}
    world.framework360.control.add_fault("http_status", **fault)
    world.framework360.control.reset_metrics()
    with pytest.raises(SyncError) as stopped:
        drain(world.pair, INTO_SITE, "worker")
    assert stopped.value.code is code
    assert registrations(world) <= 10 + 2 * 8, "requests go on although every one is refused"
    assert world.outcomes() == {"created": 10}

    world.framework360.control.clear_faults()
    assert drain(world.pair, INTO_SITE, "worker").outcomes == {Outcome.CREATED: 50}
    assert len(world.site.all()) == 60


@pytest.fixture
def world_by_phone(empty_world, tmp_path):
    """Customers are matched by e-mail, then by phone."""
    shutil.copytree(MAPPINGS, tmp_path / "mappings")
    file = tmp_path / "mappings" / "customer.shopify_to_framework360.yaml"
    text = file.read_text()
    assert text.count("match: [email]") == 1
    file.write_text(text.replace("match: [email]", "match: [email, telefono]"))
    return replace(empty_world, mappings=tmp_path / "mappings")


def test_two_records_of_one_batch_that_fit_the_same_counterpart_are_both_parked(world_by_phone):
    world = world_by_phone
    site_id = world.site.create(email="ada@example.com", nome="Ada", cognome="Neri", telefono="+393477654321")
    by_email = world.shop.create(email="ada@example.com", firstName="Ada", lastName="Rossi")
    by_phone = world.shop.create(email="other@example.com", firstName="Eva", lastName="Blu", phone="+393477654321")
    alone = world.shop.create(email="third@example.com", firstName="Ugo", lastName="Verdi")

    with world.counting_writes() as writes:
        report = world.sync(INTO_SITE)

    assert report.outcomes == {Outcome.PARKED: 2, Outcome.CREATED: 1}
    assert world.parked(INTO_SITE) == {by_email: "SYNC-204", by_phone: "SYNC-204"}
    assert writes["framework360"] == 1
    assert world.site.read(site_id)["cognome"] == "Neri"
    assert world.counterpart(System.SHOPIFY, alone)


def test_a_refused_update_of_records_that_were_known_on_both_sides_parks_only_this_one(empty_world):
    """Each side had a row of its own from an earlier failure; joining them must not trip over the unique ids."""
    world = empty_world
    shop_id = world.shop.create(firstName="Nur", lastName="Telefon", phone="+393471111111")
    world.sync(INTO_SITE)
    world.configure(customers={"outbound": {"mode": "tags", "tags": ["vip"]}})
    site_id = world.site.create(email="nur@example.com", nome="Noor", cognome="Tel")
    world.sync(INTO_SHOP)
    assert world.link_of(System.SHOPIFY, shop_id).id != world.link_of(System.FRAMEWORK360, site_id).id

    world.shop.update(shop_id, email="nur@example.com")
    other = world.shop.create(email="ugo@example.com", firstName="Ugo")
    fault = {"match": {"operation": "customersUpdate"}, "params": {"status": 400}}
    world.framework360.control.add_fault("http_status", **fault)
    report = world.sync(INTO_SITE)
    assert report.outcomes == {Outcome.PARKED: 1, Outcome.CREATED: 1}
    assert world.counterpart(System.SHOPIFY, other)

    world.framework360.control.clear_faults()
    world.shop.update(shop_id, lastName="Telefono")
    assert world.sync(INTO_SITE).outcomes == {Outcome.UPDATED: 1}
    assert world.counterpart(System.SHOPIFY, shop_id) == site_id
