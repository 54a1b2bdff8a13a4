"""What a person sees when something is wrong: the next step, never a trace."""

import pytest
from fastapi.testclient import TestClient

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.store import Store
from shopify_fw360.web.app import create_app
from shopify_fw360.web.console import Console

pytestmark = pytest.mark.airflow


def failing(browser, open_store):
    client = browser()
    return TestClient(
        create_app(Console(open_store)), cookies=client.cookies, headers=client.headers, raise_server_exceptions=False
    )


def unreachable():
    return Store.open("postgresql://somebody:hush@127.0.0.1:1/store")


def unconfigured():
    raise SyncError(CONNECTION_INVALID, "connection sync_store does not exist", field="conn_id")


def broken():
    raise ZeroDivisionError("a secret detail")


def test_a_store_that_does_not_answer_is_a_page_with_the_next_step(browser):
    answer = failing(browser, unreachable).get("/parked")
    assert answer.status_code == 503
    assert "Check the database and the connection sync_store." in answer.text
    assert "hush" not in answer.text
    assert "Traceback" not in answer.text


def test_programs_get_the_same_as_json(browser):
    answer = failing(browser, unreachable).get("/api/parked")
    assert (answer.status_code, answer.json()["code"]) == (503, "SYNC-501")
    assert answer.json()["fix"]


def test_a_missing_connection_is_named(browser):
    assert "connection sync_store does not exist" in failing(browser, unconfigured).get("/parked").text


@pytest.mark.parametrize("path", ["/parked", "/runs/customers_shopify_to_framework360/x", "/api/parked"])
def test_an_unknown_failure_shows_nothing_of_itself(browser, path):
    answer = failing(browser, broken).get(path)
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "log of Airflow" in answer.text


def test_problem_pages_find_their_style_at_any_depth(browser):
    text = failing(browser, unreachable).get("/runs/customers_shopify_to_framework360/x").text
    assert 'href="../../static/style.css"' in text


def test_a_stranger_is_asked_to_log_in(application, metadata):
    answer = TestClient(application).get("/parked")
    assert (answer.status_code, "Log in to Airflow" in answer.text) == (401, True)
