"""What people do in the console, in a real browser, on a real Airflow, with both systems played by the sandboxes."""

import re
import statistics
import time

import pytest

from sandbox.shopify.tokens import CLIENT_ID, CLIENT_SECRET
from tests.browser.world import INTO_SHOP, INTO_SITE, SETTINGS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

CUSTOMERS_OUT = "Customers: Framework360 → Shopify"


QUICK = 3.0
"""Seconds within which the result of *Sync now* must stand on the page, at median."""


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
    @pytest.fixture
    def shown_plan(self, open_as, world):
        """The page of a new plan, and its run."""
        before = {one["run"] for one in world.json("plans")}
        page = open_as("first-sync")
        page.get_by_label("Flow").select_option(INTO_SHOP)
        page.get_by_role("button", name="Make a plan").click()
        page.get_by_text("The dry run was started").wait_for()

        def made():
            return [one["run"] for one in world.json("plans") if one["state"] == "ready" and one["run"] not in before]

        (run,) = world.wait_for(made)
        page.reload()
        page.get_by_role("link", name=CUSTOMERS_OUT).first.click()
        assert page.locator("tr[data-source]").count() > 0
        return page, run

    @staticmethod
    def carried_out(world, run):
        (plan,) = [one for one in world.json("plans") if one["run"] == run]
        return plan if plan["applied_in"] else None

    def test_a_plan_is_made_looked_at_approved_and_carried_out(self, shown_plan, world):
        page, run = shown_plan
        approve = page.locator('#decide button[data-approve="yes"]')
        approve.click()
        approve.click()
        page.get_by_text("Approved; the run that carries it out was started.").wait_for()
        applied = world.wait_for(lambda: self.carried_out(world, run))
        assert (applied["state"], applied["decided_by"]) == ("approved", "admin")

    def test_a_plan_is_approved_as_a_required_action_of_airflow(self, shown_plan, world):
        page, run = shown_plan
        page.get_by_role("button", name="Ask in Airflow").click()
        page.get_by_text("The question stands in Airflow").wait_for()
        # Airflow 3.3 loses an answer that comes before its scheduler has noticed the question, and asks again.
        applied = world.wait_for(lambda: world.answer("plan_approval", "Approve") or self.carried_out(world, run))
        assert (applied["state"], applied["decided_by"]) == ("approved", "operator")


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
        world.wait_for(lambda: page.reload() and row.count() == 0)


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
        button = row.get_by_role("button", name="Sync")
        ended = row.locator(".status.updated, .status.unchanged")

        def press(number):
            world.shop.update(buyer, lastName=f"Prova{number}")
            button.focus()
            # The result of the press before must not count for this one.
            row.locator(".status").evaluate("badge => { badge.className = 'status'; }")
            began = time.monotonic()
            page.keyboard.press("Enter")
            ended.wait_for()
            seconds = time.monotonic() - began
            assert world.site.read(counterpart)["cognome"] == f"Prova{number}"
            page.wait_for_function("button => !button.disabled", arg=button.element_handle())
            return seconds

        first = press(0)
        seconds = [press(number) for number in range(1, 10)]
        print(
            f"\nfrom the press of Sync now to the result on the page: the first {first:.2f} s, then median "
            f"{statistics.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f} s"
        )
        assert statistics.median(seconds) < QUICK


class TestUndo:
    def test_a_run_is_taken_back_and_an_edit_made_since_is_kept(self, open_as, world):
        buyers = [world.buyer("Uno", "uno@example.com"), world.buyer("Due", "due@example.com")]
        world.run(INTO_SITE)
        one, two = (world.counterpart(f"{name}@example.com") for name in ("uno", "due"))
        for buyer in buyers:
            world.shop.update(buyer, lastName="Sbagliato")
        run = world.run(INTO_SITE)
        world.site.update(two, cognome="Corretto")
        page = open_as(f"runs/{INTO_SITE}/{run}")
        page.get_by_role("button", name="Undo this run").click()
        page.get_by_text("fields would be put back").wait_for()
        really = page.locator("#undo-run-now")
        really.click()
        really.click()
        page.get_by_text("Put back in 1 of 2 records").wait_for(timeout=600_000)
        assert (world.site.read(one)["cognome"], world.site.read(two)["cognome"]) == ("Prova", "Corretto")


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
        world.wait_for(lambda: frame.get_attribute("data-theme") == "dark")


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
    page.set_default_timeout(180_000)
    page.goto(world.url)
    page.locator("input[name=username]").fill("operator")
    page.locator("input[name=password]").fill(world.passwords["operator"])
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Sync", exact=True).first.click()
    page.frame_locator("iframe").get_by_role("link", name="Customers").click()
    page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()
    page.context.close()
