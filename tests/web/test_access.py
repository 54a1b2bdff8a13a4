"""Every route of the pages and their API, as the application lists them, refuses strangers and foreign sites."""

import os
import tempfile
from contextlib import contextmanager

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-home-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

import pytest
from fastapi.testclient import TestClient

from shopify_fw360.web.app import create_app

pytestmark = pytest.mark.airflow


@contextmanager
def no_store():
    raise AssertionError("a refused request must not reach the store")
    yield


def routes():
    found = []
    for route in create_app(no_store).routes:
        found += [(method, route.path) for method in sorted(getattr(route, "methods", None) or ()) if method != "HEAD"]
    return found


@pytest.fixture(scope="module")
def client():
    return TestClient(create_app(no_store), raise_server_exceptions=False)


def address(path):
    return path.replace("{dag_id}", "x").replace("{run_id}", "y").replace("{name}", "sync.css")


def test_there_are_routes_to_check():
    assert len(routes()) >= 8


@pytest.mark.parametrize(("method", "path"), routes())
def test_a_request_without_login_is_refused(client, method, path):
    headers = {"Origin": "http://testserver", "Content-Type": "application/json"}
    answer = client.request(method, address(path), headers=headers, content="{}" if method != "GET" else None)
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), [route for route in routes() if route[0] != "GET"])
def test_a_foreign_site_cannot_change_anything(client, method, path):
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"}
    assert client.request(method, address(path), headers=headers, content="{}").status_code == 403
