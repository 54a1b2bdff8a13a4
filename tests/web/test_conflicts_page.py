"""Conflicts side by side, and settling them."""

import pytest

from shopify_fw360.records import Link, System
from tests.web.conftest import INTO_SHOP, INTO_SITE

pytestmark = pytest.mark.airflow


@pytest.fixture
def disputed(past):
    past.run(INTO_SITE)
    past.dispute(INTO_SITE, fields=("nome", "comune"))
    return past


def conflict(client):
    (found,) = client.get("/api/conflicts").json()["rows"]
    return found


def settle(client, **more):
    found = conflict(client)
    body = {"row": found["row_id"], "generation": found["generation"], "winners": {"nome": "shopify"}, **more}
    return client.post("/api/conflicts/settle", json=body)


def test_the_values_of_both_systems_stand_side_by_side_as_text(browser, disputed):
    first, second = conflict(browser())["disputes"]
    assert (first["field"], first["base"], first["framework360"]) == ("nome", ["Ada", "Ada"], "their nome")
    assert second["field"] == "comune"
    text = browser().get("/conflicts").text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img" not in text


def test_each_value_stands_below_its_system_whichever_direction_found_it(browser, past):
    past.run(INTO_SHOP)
    past.dispute(INTO_SHOP)
    (dispute,) = conflict(browser())["disputes"]
    assert dispute["shopify"] == "their nome"


def test_a_conflict_that_both_directions_found_is_shown_once(browser, disputed):
    disputed.run(INTO_SHOP)
    disputed.dispute(INTO_SHOP)
    with disputed.store.begin() as tx:
        tx.save_link(Link(INTO_SITE.entity, shopify_id="1", framework360_id="1"))
    assert browser().get("/api/conflicts").json()["total"] == 1


def test_settling_it_puts_the_record_back_with_the_choice_and_its_author(browser, disputed):
    assert settle(browser()).json() == {"settled": 1}
    assert browser().get("/api/conflicts").json()["total"] == 0
    (claim,) = disputed.claim(INTO_SITE)
    assert {name: (choice.wins, choice.by) for name, choice in claim.change.choices.items()} == {
        "nome": (System.SHOPIFY, "a admin")
    }


def test_a_conflict_that_has_changed_meanwhile_is_not_settled(browser, disputed):
    assert settle(browser(), generation=7).status_code == 409
    assert settle(browser(), row=99).status_code == 409
    assert browser().get("/api/conflicts").json()["total"] == 1


@pytest.mark.parametrize(
    "more", [{"winners": {}}, {"winners": {"nome": "nobody"}}, {"winners": {"cap": "shopify"}}, {"more": 1}]
)
def test_a_settlement_must_be_about_fields_in_dispute(browser, disputed, more):
    assert settle(browser(), **more).status_code == 422
    assert browser().get("/api/conflicts").json()["total"] == 1


def test_who_may_only_look_sees_it_without_buttons_and_cannot_settle(browser, disputed):
    page = browser("viewer").get("/conflicts")
    assert (page.status_code, "their nome" in page.text, 'type="radio"' in page.text) == (200, True, False)
    assert settle(browser("viewer")).status_code == 403
