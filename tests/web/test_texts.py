"""The console speaks three languages completely."""

import re

import pytest

from shopify_fw360.web import catalogues
from shopify_fw360.web.i18n import LANGUAGES, language

pytestmark = pytest.mark.airflow

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def texts(catalogue):
    return {(message.context, message.id) for message in catalogue if message.id}


@pytest.fixture(scope="module")
def used():
    return catalogues.used()


@pytest.mark.parametrize("tag", catalogues.TAGS)
class TestCatalogue:
    def test_every_text_that_is_shown_has_an_entry(self, used, tag):
        assert texts(used) - texts(catalogues.kept(tag)) == set()

    def test_no_entry_is_left_of_a_text_that_is_gone(self, used, tag):
        assert texts(catalogues.kept(tag)) - texts(used) == set()

    def test_every_entry_is_translated(self, tag):
        assert [m.id for m in catalogues.kept(tag) if m.id and (not catalogues.is_translated(m) or m.fuzzy)] == []

    def test_every_translation_has_the_places_for_values_of_its_text(self, tag):
        for message in catalogues.kept(tag):
            if not message.id:
                continue
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            needed = set(PLACEHOLDER.findall(ids[-1]))
            assert all(set(PLACEHOLDER.findall(string)) <= needed for string in strings), message.id
            assert set(PLACEHOLDER.findall(strings[-1])) == needed, message.id

    def test_the_file_is_as_the_command_writes_it(self, tag, monkeypatch, tmp_path):
        kept = catalogues.catalogue_file(tag).read_bytes()
        monkeypatch.setattr(catalogues, "TAGS", (tag,))
        monkeypatch.setattr(catalogues, "catalogue_file", lambda one: tmp_path / f"{one}.po")
        (tmp_path / f"{tag}.po").write_bytes(kept)
        catalogues.update()
        assert (tmp_path / f"{tag}.po").read_bytes() == kept


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("de", "de"),
        ("it-CH, it;q=0.9, en;q=0.5", "it"),
        ("fr, de;q=0.4, en;q=0.8", "en"),
        ("fr", "en"),
        ("de;q=0, it;q=0.1", "it"),
        ("de;q=x, ;;;, *", "en"),
    ],
)
def test_the_language_is_the_browsers_best_one(browser, header, tag):
    answer = browser().get("/parked", headers={"Accept-Language": header})
    assert answer.headers["content-language"] == tag
    assert f'<html lang="{tag}">' in answer.text


def test_a_chosen_language_wins(browser):
    client = browser()
    client.cookies.set("sync_language", "it")
    assert '<html lang="it">' in client.get("/parked", headers={"Accept-Language": "de"}).text


@pytest.mark.parametrize("chosen", ["fr", "../../x", "<script>"])
def test_a_cookie_with_something_else_is_ignored(browser, chosen):
    client = browser()
    client.cookies.set("sync_language", chosen)
    assert '<html lang="de">' in client.get("/parked", headers={"Accept-Language": "de"}).text


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_switch_offers_each_language_in_its_own_words(browser, tag):
    assert f'<option value="{tag}" lang="{tag}"' in browser().get("/parked").text


def test_numbers_and_amounts_follow_the_language():
    from decimal import Decimal

    assert [language(tag).number(1234567.5) for tag in LANGUAGES] == ["1.234.567,5", "1,234,567.5", "1.234.567,5"]
    assert language("de").money(Decimal("1234.50"), "EUR") == "1.234,50\xa0€"
    assert language("en").money(Decimal("1234.50"), "EUR") == "€1,234.50"
    assert [language(tag).percent(0.125) for tag in LANGUAGES] == ["12,5\xa0%", "12.5%", "12,5%"]


def test_times_follow_the_language():
    from datetime import UTC, datetime, timedelta

    moment = datetime(2026, 3, 5, 14, 7, 9, tzinfo=UTC)
    assert language("en").moment(moment) == "5 Mar 2026, 14:07:09 UTC"
    assert language("de").moment(moment) == "05.03.2026, 14:07:09 UTC"
    assert language("it").moment(moment) == "5 mar 2026, 14:07:09 UTC"
    assert language("de").ago(moment, moment + timedelta(hours=3)) == "vor 3 Stunden"
    assert language("en").moment(None) == ""
