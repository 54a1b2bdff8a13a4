"""The page of requests about personal data: what came, what answers it, and who may fetch it."""

import pytest

from shopify_fw360.records import Entity, Event, Link, PrivacyKind, System
from shopify_fw360.sync.inbox import accept
from shopify_fw360.sync.privacy import answer_requests

pytestmark = pytest.mark.airflow

ADA = "gid://shopify/Customer/1"


@pytest.fixture
def asked(store):
    """Return a function that lets a request come in and returns its number."""
    with store.begin() as tx:
        tx.save_link(Link(Entity.CUSTOMER, ADA, "17", "synced", display_name="Ada Neri"))

    def ask(kind):
        data = {"customer_id": ADA, "orders": []}
        assert accept(store, [Event(System.SHOPIFY, kind.value, kind.value, privacy=kind, data=data)]) == [True]
        with store.read() as tx:
            return max(request.id for request in tx.privacy_requests())

    return ask


def answer(store):
    answer_requests(store, lambda: None)


def test_a_request_waits_and_then_is_answered(browser, store, asked):
    asked(PrivacyKind.CUSTOMER_DATA)
    text = browser().get("/privacy").text
    assert "A customer asks for their data" in text
    assert "No request was answered yet." in text
    answer(store)
    text = browser().get("/privacy").text
    assert "No request waits." in text
    assert "api/privacy/1/data" in text


def test_the_data_are_a_file_whose_fetching_is_noted_and_ends_the_alert(browser, store, asked):
    number = asked(PrivacyKind.CUSTOMER_DATA)
    answer(store)
    found = browser().get(f"/api/privacy/{number}/data")
    assert found.headers["content-disposition"] == f'attachment; filename="personal-data-{number}.json"'
    assert found.json()["held"]["link"][0]["display_name"] == "Ada Neri"
    with store.read() as tx:
        assert tx.alerts() == []
        (note,) = tx.audit_entries(prefix="privacy.")
    assert (note.action, note.after) == ("privacy.fetch", {"request": number})


def test_the_proof_of_an_erasure_can_be_fetched(browser, store, asked):
    number = asked(PrivacyKind.CUSTOMER_REDACT)
    answer(store)
    assert f"api/privacy/{number}/proof" in browser().get("/privacy").text
    proof = browser().get(f"/api/privacy/{number}/proof").json()
    assert (proof["kind"], proof["erased"]["links emptied"]) == ("customers/redact", 1)
    assert browser().get(f"/api/privacy/{number}/data").status_code == 404


def test_what_is_gone_is_not_found(browser):
    for what in ("data", "proof"):
        assert browser().get(f"/api/privacy/7/{what}").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "user"])
def test_only_who_may_edit_variables_sees_it(browser, store, asked, role):
    number = asked(PrivacyKind.CUSTOMER_DATA)
    answer(store)
    for path in ("/privacy", f"/api/privacy/{number}/data", f"/api/privacy/{number}/proof"):
        assert browser(role).get(path).status_code == 403
    assert ">Privacy<" not in browser(role).get("/health").text


def test_another_site_cannot_make_a_browser_fetch_the_data(browser, store, asked):
    number = asked(PrivacyKind.CUSTOMER_DATA)
    answer(store)
    found = browser().get(f"/api/privacy/{number}/data", headers={"Sec-Fetch-Site": "cross-site"})
    assert found.status_code == 403
    with store.read() as tx:
        assert len(tx.alerts()) == 1
