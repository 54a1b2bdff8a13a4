"""What people do in the console, in a real browser, on a real Airflow, with both systems played by the sandboxes."""

import re
import statistics
import time

import pytest

from sandbox.shopify.tokens import CLIENT_ID, CLIENT_SECRET
from tests.browser.world import INTO_SHOP, INTO_SITE, SETTINGS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def fill_in_the_app(page):
    page.get_by_label("by consent in Shopify").check()
    page.get_by_label("Client ID of the app").fill(CLIENT_ID)
    page.get_by_label("Client secret of the app").fill(CLIENT_SECRET)
    page.get_by_role("button", name="Go to Shopify and consent").click()
    page.wait_for_url("**/admin/oauth/authorize**")


class TestConnect:
    def test_a_shop_is_connected_by_consent_and_everything_is_checked(self, open_as):
        page = open_as("connect")
        fill_in_the_app(page)
        page.get_by_role("button", name="Install").click()
        page.wait_for_url("**/connect?done=connected")
        assert page.get_by_text("Shopify has granted access").is_visible()
        page.get_by_role("button", name="Check everything").click()
        checks = page.locator("#checks li")
        checks.first.wait_for()
        assert checks.filter(has_text=re.compile(r"The (shop|site) .* answers[.;]")).count() == 2
        assert checks.filter(has_text="must be settled").count() == 0
        assert CLIENT_SECRET not in page.content()

    def test_declining_leads_back_and_changes_nothing(self, open_as):
        page = open_as("connect")
        fill_in_the_app(page)
        page.get_by_role("button", name="Cancel").click()
        page.wait_for_url("**/connect?done=declined")
        assert page.get_by_text("Access was declined").is_visible()

    def test_within_airflows_frame_the_page_says_where_it_opens_by_itself(self, open_as, world):
        page = open_as("connect")
        page.goto(f"{world.url}/plugin/sync")
        frame = page.frame_locator("iframe")
        frame.get_by_role("link", name="Connect").click()
        frame.get_by_text("cannot be shown within Airflow's frame").wait_for()


class TestFirstSync:
    def test_a_plan_is_made_looked_at_approved_and_carried_out(self, open_as, world):
        world.api.wait_for_dag(INTO_SHOP, 180)
        world.api.unpause(INTO_SHOP)
        page = open_as("first-sync")
        page.get_by_label("Flow").select_option(INTO_SHOP)
        page.get_by_role("button", name="Make a plan").click()
        page.get_by_text("The dry run was started").wait_for()

        def plan(state):
            found = [one for one in world.json("plans") if one["flow"] == INTO_SHOP]
            return found[0] if found and found[0]["state"] == state else None

        ready = world.wait_for(lambda: plan("ready"), 240)
        page.reload()
        page.get_by_role("link", name="Customers: Framework360 → Shopify").first.click()
        assert page.locator("tr[data-source]").count() > 0
        approve = page.locator('#decide button[data-approve="yes"]')
        approve.click()
        approve.click()
        page.get_by_text(re.compile("approved", re.IGNORECASE)).first.wait_for()
        applied = world.wait_for(lambda: plan("applied") or plan("approved"), 60)
        assert applied["run"] == ready["run"]
        world.wait_for(lambda: [one for one in world.json("plans") if one["run"] == ready["run"] and one["applied_in"]])


class TestQueue:
    def test_a_conflict_is_settled_side_by_side(self, open_as, world):
        buyer, counterpart = world.dispute("Lite")
        page = open_as("conflicts")
        form = page.locator("form.conflict").filter(has_text="Lite")
        form.locator('button[data-side="shopify"]').click()
        form.get_by_role("button", name="Settle").click()
        page.get_by_text(re.compile("settled", re.IGNORECASE)).first.wait_for()
        world.wait_for(lambda: world.site.read(counterpart)["nome"] == "Lite in the shop")
        assert world.shop.read(buyer)["firstName"] == "Lite in the shop"

    def test_a_failed_record_is_retried_once_its_cause_is_gone(self, open_as, world):
        buyer = world.buyer("Fallita")
        world.run(INTO_SITE)
        page = open_as("parked")
        row = page.locator("tr[data-row]").filter(has_text="Fallita")
        row.first.wait_for()
        world.shop.update(buyer, email="fallita@example.com")
        row.first.get_by_role("button", name="Retry").first.click()
        world.wait_for(lambda: any(one.get("email") == "fallita@example.com" for one in world.site.all()))
        world.wait_for(lambda: page.reload() and row.count() == 0, 60)


class TestLists:
    def test_a_customer_is_found_and_sent_at_once(self, open_as, world):
        buyer = world.buyer("Trovata", "trovata@example.com")
        world.run(INTO_SITE)
        counterpart = world.counterpart("trovata@example.com")
        page = open_as("customers")
        page.get_by_role("searchbox").fill("trovata")
        page.get_by_role("searchbox").press("Enter")
        page.wait_for_url("**search=trovata**")
        row = page.locator("tr[data-row]").filter(has_text="Trovata")
        assert row.count() == 1
        seconds = []
        for number in range(5):
            world.shop.update(buyer, lastName=f"Prova{number}")
            began = time.monotonic()
            row.get_by_role("button", name="Sync").click()
            world.wait_for(lambda number=number: world.site.read(counterpart)["cognome"] == f"Prova{number}")
            seconds.append(time.monotonic() - began)
            page.wait_for_timeout(500)
        print(f"\nfrom the press of Sync now to the value in Framework360: median {statistics.median(seconds):.1f} s")


class TestSettings:
    @pytest.fixture(autouse=True)
    def _as_before(self, world):
        yield
        world.configure(SETTINGS)

    def test_a_setting_is_changed_and_noted(self, open_as, world):
        page = open_as("settings")
        page.get_by_label("Share of the linked records").fill("33")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Saved.").wait_for()
        page.locator("tr").filter(has_text="guard.max_share").filter(has_text="admin").first.wait_for()
        assert page.get_by_label("Share of the linked records").input_value() == "33"
        assert world.json("settings")["settings"]["guard"]["max_share"] == 0.33

    def test_what_does_not_fit_is_told_at_its_field_and_nothing_is_saved(self, open_as, world):
        page = open_as("settings")
        page.get_by_label("members of at least one chosen marketing list").check()
        page.locator('[data-mode="lists"] input').first.wait_for()
        page.get_by_label("Share of the linked records").fill("333")
        page.get_by_role("button", name="Save").click()
        field = page.get_by_label("Share of the linked records")
        page.locator("#faults").wait_for()
        assert field.get_attribute("aria-invalid") == "true"
        assert "must be 1 or less" in page.locator("#faults").inner_text()
        assert world.json("settings")["settings"]["guard"]["max_share"] == 0.2

    def test_customers_are_limited_to_a_list_that_the_site_has(self, open_as, world):
        page = open_as("settings")
        page.get_by_label("members of at least one chosen marketing list").check()
        page.locator('[data-mode="lists"] input').first.check()
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Saved.").wait_for()
        outbound = world.json("settings")["settings"]["customers"]["outbound"]
        assert (outbound["mode"], len(outbound["lists"])) == ("lists", 1)


class TestLooks:
    @pytest.mark.parametrize(("tag", "heading"), [("de", "Einstellungen"), ("it", "Impostazioni"), ("en", "Settings")])
    def test_a_language_is_chosen_and_kept(self, open_as, tag, heading):
        page = open_as("settings")
        page.locator("#language").select_option(tag)
        page.locator(f'html[lang="{tag}"]').wait_for()
        assert page.get_by_role("heading", level=1).inner_text() == heading
        page.goto(page.url.replace("settings", "health"))
        assert page.locator("html").get_attribute("lang") == tag

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_the_colours_follow_the_computer(self, open_as, scheme):
        page = open_as("health", color_scheme=scheme)
        assert page.locator("html").get_attribute("data-theme") == scheme
        shade = page.evaluate(
            """() => {
              const canvas = document.createElement("canvas").getContext("2d");
              canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
              canvas.fillRect(0, 0, 1, 1);
              return canvas.getImageData(0, 0, 1, 1).data[0];
            }"""
        )
        assert shade > 200 if scheme == "light" else shade < 60

    def test_the_colours_follow_airflow_within_its_frame(self, open_as, world):
        page = open_as("health")
        page.goto(f"{world.url}/plugin/sync")
        frame = page.frame_locator("iframe").locator("html")
        frame.wait_for()
        page.evaluate("document.documentElement.classList.replace('light', 'dark')")
        world.wait_for(lambda: frame.get_attribute("data-theme") == "dark", 10)


class TestViewer:
    @pytest.mark.parametrize("path", ["customers", "parked", "conflicts", "first-sync"])
    def test_a_viewer_sees_the_page_and_may_press_nothing(self, open_as, path):
        page = open_as(path, "viewer")
        assert page.get_by_role("heading", level=1).is_visible()
        for name in ("Sync now", "Unlink", "Retry", "Leave out", "Settle", "Make a plan", "Approve"):
            assert page.get_by_role("button", name=name).count() == 0

    @pytest.mark.parametrize("path", ["settings", "connect"])
    def test_a_viewer_may_neither_configure_nor_connect(self, open_as, path):
        page = open_as("health", "viewer")
        assert page.get_by_role("navigation").first.get_by_role("link", name=path.capitalize()).count() == 0
        page.goto(page.url.replace("health", path))
        assert page.get_by_role("heading", name="You may not see this").is_visible()


def test_a_person_logs_in_through_airflow_and_finds_the_console(open_as, world, chromium):
    page = chromium.new_context().new_page()
    page.set_default_timeout(60_000)
    page.goto(world.url)
    page.locator("input[name=username]").fill("operator")
    page.locator("input[name=password]").fill(world.passwords["operator"])
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Sync", exact=True).first.click()
    page.frame_locator("iframe").get_by_role("link", name="Customers").click()
    page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()
    page.context.close()
