"""The page that shows how everything is doing."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from shopify_fw360.settings import SyncSettings
from shopify_fw360.store import Probe
from shopify_fw360.store.tables import ledger_run
from shopify_fw360.sync.deliveries import CANARY
from shopify_fw360.sync.health import watch_lateness
from tests.web.conftest import INTO_SITE, RUN

pytestmark = pytest.mark.airflow


def health(browser):
    return browser().get("/api/health").json()


def flow(found, name=INTO_SITE.name):
    return next(
        one for one in found["flows"] if name == f"{one['flow']['entity']}s_{one['flow']['source']}_to_framework360"
    )


def close(past):
    with past.store.begin() as tx:
        tx.close_run(f"{INTO_SITE.name}/{RUN}")


def test_an_empty_store_shows_that_nothing_was_measured(browser):
    text = browser().get("/health").text
    assert "Not measured yet." in text
    assert "has not run yet" in text
    assert "All is well" in text


def test_work_counts_in_its_hour_by_its_outcome(browser, past):
    past.run(staged=3)
    past.update()
    past.park()
    hour = health(browser)["hours"][-1]
    assert hour["numbers"] == {"written": 1, "unchanged": 0, "left": 0, "failed": 1}


def test_a_certified_run_is_a_green_mark_and_one_that_was_stopped_a_red_one(browser, past):
    past.run()
    past.update()
    close(past)
    past.run(run_id="manual__later")
    past.stop(run_id="manual__later")
    marks = health(browser)["certificates"][INTO_SITE.name]
    assert sorted(mark["verdict"] for mark in marks) == ["bad", "good"]
    assert f'href="./runs/{INTO_SITE.name}/manual__later"' in browser().get("/health").text


def test_runs_of_a_window_are_listed_with_it(browser, past):
    past.run()
    (run,) = health(browser)["windows"]
    assert run["since"].startswith("2026-11-01")


def test_the_loss_of_webhooks_is_the_share_of_changes_nobody_told_of(browser, past):
    now = past.store.clock()
    with past.store.begin() as tx:
        tx.add_probes([Probe(INTO_SITE.name, "customers/update", now - timedelta(hours=1), now, 200, 199, 1, 1)])
    text = browser().get("/health").text
    assert "0.5%" in text
    assert "customers/update" in text


def test_events_caused_on_purpose_are_no_changes_and_are_told_apart(browser, past):
    now = past.store.clock()
    with past.store.begin() as tx:
        tx.add_probes([Probe(CANARY, "bulk_operations/finish", now - timedelta(hours=1), now, 4, 3, 1, 0)])
    text = browser().get("/health").text
    assert "3 of 4 events that were caused on purpose have arrived." in text
    assert "Not measured yet." in text


class TestAFlowThatIsLate:
    @pytest.fixture
    def late(self, past):
        """Certified two hours ago, and then nothing."""
        past.run()
        past.update()
        close(past)
        with past.store.connect() as connection:
            connection.execute(update(ledger_run).values(closed_at=past.store.clock() - timedelta(hours=2)))
        return past

    def test_is_shown(self, browser, late):
        assert flow(health(browser))["late_since"]
        assert "Somebody should look" in browser().get("/health").text

    def test_raises_an_alert_that_ends_with_the_next_certified_run(self, browser, late):
        with late.store.begin() as tx:
            assert [found.flow for found in watch_lateness(tx, SyncSettings())] == [INTO_SITE]
        assert [alert["name"] for alert in health(browser)["alerts"]] == [f"late.{INTO_SITE.name}"]
        late.run(run_id="manual__again", staged=0)
        with late.store.begin() as tx:
            tx.close_run(f"{INTO_SITE.name}/manual__again")
            assert watch_lateness(tx, SyncSettings()) == []
        assert health(browser)["alerts"] == []

    def test_is_nobodys_concern_while_it_is_switched_off(self, late):
        off = SyncSettings.model_validate({"flows": {"customers": {"shopify_to_framework360": False}}})
        with late.store.begin() as tx:
            assert watch_lateness(tx, off) == []
