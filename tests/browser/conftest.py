"""Chromium in front of a real Airflow; a script that fails or that the policy forbids fails the test."""

import os
import sys

import pytest

from tests.browser.world import BROWSER_PACKAGES, CHROMIUM, browser_world

sys.path.append(str(BROWSER_PACKAGES))


@pytest.fixture(scope="session")
def world():
    with browser_world() as started:
        yield started


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=list(CHROMIUM)
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tokens(world):
    """Tokens by user; a login costs a second."""
    return {user: world.token(user) for user in ("admin", "operator", "viewer")}


@pytest.fixture
def open_as(world, chromium, tokens):
    """Return a function that opens a page of the console as a user."""
    contexts, wrong = [], []

    def open_page(path, user="admin", **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options})
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": tokens[user], "url": world.url}])
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
        page.on("console", lambda line: wrong.append(f"{page.url}: {line.text}") if refused(line.text) else None)
        page.goto(f"{world.console}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def refused(line):
    return "Content Security Policy" in line or "SyntaxError" in line
