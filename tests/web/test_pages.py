"""No page of the console is missing where every page is looked at in a browser and checked by axe."""

import pytest

from shopify_fw360.web.app import create_app
from shopify_fw360.web.console import Console
from tests.browser.pages import PATHS, SINGLE
from tests.web.routes import PUBLIC, all_routes

pytestmark = pytest.mark.airflow

NO_PAGES = frozenset({"/", "/static/{name}", "/oauth/start", *PUBLIC})
"""They answer with another page's address, or with a file."""


@pytest.fixture(scope="module")
def application():
    return create_app(Console(lambda: None))


@pytest.fixture(scope="module")
def pages(application):
    routes = all_routes(application.routes)
    return {path for method, path in routes if method == "GET" and not path.startswith("/api/")} - NO_PAGES


def test_every_page_is_looked_at(pages):
    assert {path for path in pages if "{" not in path} == {f"/{path}" for path in PATHS.values()}
    assert {path for path in pages if "{" in path} == {f"/{path}" for path in SINGLE.values()}


def test_every_place_in_the_navigation_is_looked_at(application):
    assert {entry.path for entry in application.state.entries} <= set(PATHS.values())
