"""The page of the settings: who may change them, what is refused and why, and what is noted of a change."""

import json

import pytest
from fastapi.testclient import TestClient

from shopify_fw360.settings import SyncSettings
from shopify_fw360.sync.connections import FRAMEWORK360, EnvironmentConnection
from shopify_fw360.web.app import create_app
from shopify_fw360.web.console import Console
from shopify_fw360.web.keeping import Kept, merged
from tests.airflow.environment import ROOT

pytestmark = pytest.mark.airflow


class InMemory:
    """Keeps the settings as the Variable does."""

    def __init__(self, text=None, elsewhere=None):
        self.kept = Kept(text, elsewhere)
        self.meanwhile = None

    def read(self):
        return self.kept

    def replace(self, before, text):
        if self.meanwhile is not None:
            self.kept = Kept(self.meanwhile)
        if self.kept.text != before.text:
            return False
        self.kept = Kept(text)
        return True


@pytest.fixture
def keeper():
    return InMemory(json.dumps({"customers": {"outbound": {"mode": "tags", "tags": ["vip"]}}}))


@pytest.fixture
def application(store, keeper):
    return create_app(Console(lambda: store, keeper=keeper, mappings=lambda: ROOT / "include" / "mappings"))


def change(client, keeper, settings, version=None):
    body = {"version": version or keeper.read().version, "settings": settings}
    return client.patch("/api/settings", json=body)


def in_force(keeper):
    return SyncSettings.parse(keeper.kept.text)


def test_a_saved_change_is_what_the_next_run_reads_and_the_rest_stays(browser, keeper):
    off = {"flows": {"customers": {"framework360_to_shopify": False}}}
    assert change(browser("op"), keeper, off).json()["changed"] == {"flows.customers.framework360_to_shopify": False}
    assert in_force(keeper).flows.customers.framework360_to_shopify is False
    assert in_force(keeper).flows.customers.shopify_to_framework360 is True
    assert in_force(keeper).customers.outbound.tags == ("vip",)


def test_who_changed_what_and_when_is_noted_in_the_store_and_shown(browser, keeper, store):
    change(browser("op"), keeper, {"guard": {"max_share": 0.5}})
    with store.read() as tx:
        (entry,) = tx.audit_entries(prefix="settings.")
    assert (entry.person, entry.before, entry.after) == ("a op", {"guard.max_share": 0.2}, {"guard.max_share": 0.5})
    assert entry.at is not None
    assert "guard.max_share" in browser("op").get("/settings").text


def test_a_password_in_an_address_is_not_noted(browser, keeper, store):
    change(browser(), keeper, {"near_real_time": {"public_url": "https://anna:s3cret@sync.example.com"}})
    with store.read() as tx:
        assert "s3cret" not in repr(tx.audit_entries())
        assert tx.audit_entries()[0].after["near_real_time.public_url"] == "https://***@sync.example.com"


@pytest.mark.parametrize("role", ["viewer", "user"])
def test_who_may_not_edit_variables_neither_sees_nor_changes_them(browser, keeper, role):
    client = browser(role)
    assert client.get("/settings").status_code == 403
    assert client.get("/api/settings").status_code == 403
    assert change(client, keeper, {"require_approval": True}).status_code == 403
    assert in_force(keeper).require_approval is False
    assert 'href="./settings"' not in client.get("/health").text


@pytest.mark.parametrize(
    ("settings", "field", "reason"),
    [
        ({"guard": {"max_share": 3}}, "guard.max_share", "must be 1 or less"),
        ({"guard": {"max_share": "much"}}, "guard.max_share", "must be a number"),
        ({"alerts": {"late_after_minutes": 1}}, "alerts.late_after_minutes", "must be 5 or more"),
        ({"flows": {"orders": {"framework360_to_shopify": True}}}, None, "there is no such setting"),
        ({"customers": {"outbound": {"mode": "lists"}}}, "customers.outbound", "nothing would go out"),
        ({"schedules": {"customers_shopify_to_framework360": 7}}, None, "must be one of"),
        ({"schedules": {"no_flow": 15}}, "schedules", "there is no flow no_flow"),
        ({"policies": {"address": "union"}}, "policies", "union works on tags"),
        ({"policies": {"adress": "newest"}}, "policies", "no mapping has a group 'adress'"),
        ({"pair_id": "other"}, "pair_id", "is set in Airflow only"),
        ({"managed_as_code": True}, "managed_as_code", "is set in Airflow only"),
    ],
)
def test_what_does_not_fit_is_refused_with_field_reason_and_next_step(browser, keeper, settings, field, reason):
    before = keeper.kept
    answer = change(browser(), keeper, settings)
    problem = answer.json()["problems"][0]
    assert answer.status_code == 422
    assert field in (None, problem["field"])
    assert reason in problem["reason"]
    assert problem["fix"]
    assert keeper.kept == before


def test_a_refusal_speaks_the_language_of_the_page(browser, keeper):
    client = browser()
    client.cookies.set("sync_language", "de")
    answer = change(client, keeper, {"guard": {"max_share": 3}})
    assert answer.json()["problems"][0]["reason"] == "darf höchstens 1 sein"


def test_a_policy_of_a_group_is_chosen_and_taken_back(browser, keeper):
    change(browser(), keeper, {"policies": {"address": "newest"}})
    assert in_force(keeper).policies == {"address": "newest"}
    change(browser(), keeper, {"policies": {"address": None}})
    assert in_force(keeper).policies == {}


def test_the_page_offers_only_policies_that_fit_the_fields_of_a_group(browser):
    text = browser().get("/settings").text
    address = text[text.index('id="policies.address"') :].partition("</select>")[0]
    tags = text[text.index('id="policies.tags"') :].partition("</select>")[0]
    assert 'value="newest"' in address
    assert 'value="union"' not in address
    assert 'value="union"' in tags


def test_a_page_that_is_out_of_date_overwrites_nothing(browser, keeper):
    assert change(browser(), keeper, {"require_approval": True}, version="an-older-one").status_code == 409
    assert in_force(keeper).require_approval is False


def test_who_is_overtaken_while_saving_leaves_no_note(browser, keeper, store):
    version = keeper.read().version
    keeper.meanwhile = json.dumps({"require_approval": True})
    assert change(browser(), keeper, {"guard": {"min_records": 3}}, version).status_code == 409
    assert in_force(keeper).require_approval is True
    with store.read() as tx:
        assert tx.audit_entries() == []


@pytest.mark.parametrize(
    ("kept", "place"),
    [
        (Kept(json.dumps({"managed_as_code": True})), "airflow_settings.yaml"),
        (Kept("{}", "AIRFLOW_VAR_SYNC_SETTINGS"), "AIRFLOW_VAR_SYNC_SETTINGS"),
    ],
)
def test_settings_that_are_kept_as_code_are_shown_and_not_changed(browser, keeper, kept, place):
    keeper.kept = kept
    text = browser().get("/settings").text
    assert place in text
    assert "disabled" in text
    assert 'type="submit"' not in text
    answer = change(browser(), keeper, {"require_approval": True})
    assert answer.status_code == 409
    assert place in answer.json()["detail"]
    assert keeper.kept == kept


def test_hostile_settings_are_text(browser, keeper):
    keeper.kept = Kept(json.dumps({"customers": {"outbound": {"mode": "tags", "tags": ["<img src=x>"]}}}))
    text = browser().get("/settings").text
    assert "<img" not in text
    assert "&lt;img src=x&gt;" in text


class OneSite:
    """Keeps the connection of a site."""

    def __init__(self, url):
        options = {"limits": {"requests_per_second": 200}}
        self.site = EnvironmentConnection(FRAMEWORK360, "framework360", url, None, "sandbox-key", extra=options)

    def get(self, conn_id):
        return self.site if conn_id == FRAMEWORK360 else None


def test_the_lists_and_tags_to_choose_from_are_those_of_the_site(store, keeper, browser, framework360_sandbox):
    console = Console(lambda: store, keeper=keeper, connections=OneSite(framework360_sandbox.url))
    client = TestClient(create_app(console), cookies=browser().cookies, raise_server_exceptions=False)
    found = client.get("/api/settings/choices").json()
    assert found["lists"]
    assert found["tags"]


def test_a_merge_patch_takes_away_what_is_null():
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None}, "d": None, "e": {"f": 4}}) == {
        "a": {"c": 2},
        "e": {"f": 4},
    }


class TestAirflowVariable:
    @pytest.fixture
    def variable(self, metadata):
        from airflow.models.variable import Variable

        from shopify_fw360.web.airflow_settings import NAME, AirflowVariable

        yield AirflowVariable()
        Variable.delete(NAME)

    def test_what_is_written_is_what_runs_read(self, variable, monkeypatch):
        from shopify_fw360.airflow.runtime import read_settings

        # Airflow's mark of a process that may ask its database; a task asks the API server for the same Variable.
        monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
        assert variable.replace(variable.read(), '{"require_approval": true}')
        assert read_settings().require_approval is True
        assert variable.read() == Kept('{"require_approval": true}')

    def test_what_changed_meanwhile_is_not_overwritten(self, variable):
        before = variable.read()
        variable.replace(before, "{}")
        assert not variable.replace(before, '{"require_approval": true}')
        assert variable.read().text == "{}"

    def test_an_environment_variable_is_told_as_the_place(self, variable, monkeypatch):
        monkeypatch.setenv("AIRFLOW_VAR_SYNC_SETTINGS", "{}")
        assert variable.read() == Kept("{}", "AIRFLOW_VAR_SYNC_SETTINGS")
