"""No page has a serious finding of axe, and none is wider than a phone."""

import pytest

from tests.browser.pages import all_paths

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

SERIOUS = frozenset({"serious", "critical"})
LOOKS = {"light 1280": ("light", 1280), "dark 390": ("dark", 390)}


def findings(page):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:4]}"
        for one in found
        if one["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("language", ["en", "de"])
def test_no_page_has_a_serious_finding(open_as, world, look, language):
    scheme, width = LOOKS[look]
    # The policy forbids scripts from elsewhere, so axe is let in past it; the other tests run with it.
    page = open_as(
        "health",
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        locale={"en": "en-GB", "de": "de-DE"}[language],
        bypass_csp=True,
    )
    wrong, wide = {}, {}
    for name, path in all_paths(world).items():
        page.goto(f"{world.console}{path}")
        found = findings(page)
        if found:
            wrong[name] = found
        across = page.evaluate("document.documentElement.scrollWidth")
        if across > width:
            wide[name] = across
    assert (wrong, wide) == ({}, {})


def test_everything_is_reached_by_the_keyboard(open_as):
    page = open_as("settings")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.path") == "flows.customers.shopify_to_framework360"
    page.keyboard.press("Space")
    assert not page.evaluate("document.activeElement.checked")
