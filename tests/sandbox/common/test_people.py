import itertools
from collections import Counter

import phonenumbers
import pytest

from sandbox.common.people import EPOCH, counterpart, iter_people, people


@pytest.fixture(scope="module")
def crowd():
    return people(7, 3_000)


def test_the_same_seed_gives_the_same_people():
    assert people(7, 200) == people(7, 200)
    assert people(7, 200) != people(8, 200)


def test_a_bigger_crowd_begins_with_the_smaller_one(crowd):
    assert people(7, 100) == crowd[:100]


def test_both_systems_overlap_by_a_fifth(crowd):
    places = Counter((person.in_shopify, person.in_framework360) for person in crowd)
    assert places[True, True] / len(crowd) == pytest.approx(0.20, abs=0.03)
    assert places[True, False] / len(crowd) == pytest.approx(0.45, abs=0.03)
    assert places[False, True] / len(crowd) == pytest.approx(0.35, abs=0.03)


@pytest.mark.parametrize(
    ("population", "expected"),
    [("shopify", (True, False)), ("framework360", (False, True)), ("both", (True, True))],
)
def test_a_population_can_live_in_one_place(population, expected):
    assert {(person.in_shopify, person.in_framework360) for person in people(7, 50, population)} == {expected}


def test_every_phone_is_valid_and_unique(crowd):
    phones = [person.phone for person in crowd if person.phone]
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(phone)) for phone in phones)
    assert len(set(phones)) == len(phones)


def test_emails_are_unique_in_shopify_without_case(crowd):
    emails = [person.email.lower() for person in crowd if person.in_shopify and person.email]
    assert len(set(emails)) == len(emails)


def test_some_emails_in_framework360_differ_only_by_case(crowd):
    spellings = {}
    for person in crowd:
        if person.in_framework360 and person.email:
            spellings.setdefault(person.email.lower(), set()).add(person.email)
    assert any(len(found) > 1 for found in spellings.values())


def test_the_first_600_hold_every_kind_of_trouble(crowd):
    crowd = crowd[:600]
    assert {person.address.country for person in crowd if person.address} == {"IT", "DE", "FR", "US"}
    assert any(person.email is None and person.phone for person in crowd)
    assert any(person.company and person.company.pec and person.company.sdi for person in crowd)
    assert any("<script>" in person.first_name for person in crowd)
    assert any(len(person.first_name) == 1 for person in crowd)
    assert any(len(person.last_name) > 100 for person in crowd)
    assert any(not person.first_name for person in crowd)
    assert {person.consent for person in crowd} == {"subscribed", "unsubscribed", "pending", "not_subscribed"}
    assert any(order.cancelled for person in crowd for order in person.orders)
    assert any(person.tags for person in crowd)


def test_people_in_both_systems_differ_a_little(crowd):
    both = [person for person in crowd if person.in_shopify and person.in_framework360]
    different = [person for person in both if counterpart(person) != person]
    assert 0.2 < len(different) / len(both) < 0.45


def test_italian_vat_numbers_have_their_check_digit(crowd):
    numbers = [
        person.company.vat_number for person in crowd if person.company and person.company.vat_number.isdecimal()
    ]
    assert numbers
    for number in numbers:
        doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(number)]
        assert sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def test_nothing_is_newer_than_the_epoch(crowd):
    for person in crowd:
        times = [person.created_at, person.updated_at, *(order.at for order in person.orders)]
        assert max(times) <= EPOCH
        assert person.created_at <= person.updated_at
        assert all(a.at <= b.at for a, b in itertools.pairwise(person.orders))


def test_people_come_one_at_a_time():
    assert next(iter_people(7, 10**9)).index == 0
