"""Every route, as the application lists them, refuses strangers; what could change something refuses foreign sites."""

import re

import pytest
from fastapi.testclient import TestClient

from shopify_fw360.web.app import create_app
from shopify_fw360.web.console import Console
from tests.web.conftest import INTO_SITE, RUN
from tests.web.routes import PUBLIC, all_routes

pytestmark = pytest.mark.airflow

JSON = {"Content-Type": "application/json"}
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
    {"Origin": "https://testserver"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


def no_store():
    raise AssertionError("a refused request must not reach the store")


ROUTES = [route for route in all_routes(create_app(Console(no_store)).routes) if route[1] not in PUBLIC]
CHANGING = [route for route in ROUTES if route[0] != "GET"]
# Something that fits the place of each parameter in an address; whatever is not named here is a number.
PARAMETERS = {
    "dag_id": INTO_SITE.name,
    "run_id": RUN,
    "name": "style.css",
    "entity": "customer",
    "flow": INTO_SITE.name,
}


def address(path):
    return re.sub(r"{(\w+)(:\w+)?}", lambda found: PARAMETERS.get(found[1], "1"), path)


@pytest.fixture(scope="module")
def stranger(metadata):
    return TestClient(create_app(Console(no_store)), raise_server_exceptions=False)


def test_the_routes_are_found():
    assert {"/", "/runs/{dag_id}/{run_id}", "/parked", "/static/{name}", "/api/parked/release"} <= {
        p for _, p in ROUTES
    }


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_the_application_does_not_describe_itself(browser, path):
    assert browser().get(path).status_code == 404


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_request_without_login_is_refused(stranger, method, path):
    body = {"json": {"rows": [1]}} if method != "GET" else {}
    answer = stranger.request(method, address(path), **body)
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_forged_login_is_refused(stranger, method, path):
    body = {"json": {"rows": [1]}} if method != "GET" else {}
    answer = stranger.request(method, address(path), headers={"Authorization": "Bearer x.y.z"}, **body)
    assert answer.status_code == 403


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1].startswith("/api/")])
def test_a_foreign_site_cannot_use_a_persons_login(browser, method, path, foreign):
    client = browser()
    client.headers = {"Sec-Fetch-Site": "same-origin", **foreign}
    body = {"json": {"rows": [1]}} if method != "GET" else {}
    assert client.request(method, address(path), **body).status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_a_body_a_foreign_form_could_send_is_refused(browser, method, path, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    answer = browser().request(method, address(path), headers=headers, content=b'{"rows": [1]}')
    assert answer.status_code == 415


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_the_address_airflow_is_known_by_counts_as_our_own(browser, method, path):
    answer = browser().request(
        method, address(path), json={"rows": [1]}, headers={"Origin": "https://airflow.example.com"}
    )
    assert answer.status_code not in (401, 403, 415)


def test_a_program_with_a_token_needs_no_origin(browser, metadata):
    client = browser()
    client.headers = {}
    assert client.get("/api/parked").status_code == 200


def test_a_page_may_be_opened_from_a_link_in_a_mail(browser):
    assert browser().get("/parked", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_no_other_site_may_frame_a_page_and_no_page_runs_foreign_code(browser):
    headers = browser().get("/parked").headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


def test_only_named_files_are_served(browser):
    assert browser().get("/static/style.css").status_code == 200
    assert browser().get("/static/..%2Fapp.py").status_code in (404, 422)
    assert browser().get("/static/app.py").status_code == 404
