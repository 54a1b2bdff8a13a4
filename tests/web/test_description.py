"""The JSON API describes itself to whoever is logged in, and the documentation names each of its routes."""

import re

import pytest
from fastapi.testclient import TestClient

from shopify_fw360.web.app import create_app
from shopify_fw360.web.console import Console
from tests.airflow.environment import ROOT
from tests.web.test_access import ROUTES

pytestmark = pytest.mark.airflow

API = {(method, path.replace(":path}", "}")) for method, path in ROUTES if path.startswith("/api/")}


@pytest.fixture
def document(browser):
    return browser("viewer").get("/api/openapi.json").json()


def test_a_stranger_is_not_told(metadata):
    assert TestClient(create_app(Console(lambda: None))).get("/api/openapi.json").status_code == 401


def test_every_route_of_the_api_and_no_page_is_described(document):
    described = {(method.upper(), path) for path, rest in document["paths"].items() for method in rest}
    assert described == API


def test_every_description_has_words_a_login_and_the_ways_it_fails(document):
    for rest in document["paths"].values():
        for operation in rest.values():
            assert operation["summary"]
            assert operation["security"] == [{"airflow": []}]
            assert {"401", "403", "422"} <= operation["responses"].keys()


def test_no_reference_leads_nowhere(document):
    references = set(re.findall(r"#/components/schemas/([\w.-]+)", str(document)))
    assert references <= document["components"]["schemas"].keys()


def test_the_documentation_names_every_route():
    told = set(re.findall(r"`(GET|POST|PATCH|PUT|DELETE) (/api/\S+)`", (ROOT / "docs" / "api.md").read_text()))
    assert told == API
