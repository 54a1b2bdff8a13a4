"""What goes wrong is told in the log of the task and on the page of the run: the thing, the code, the next step."""

import shutil
from dataclasses import dataclass
from html import unescape

import pytest
from fastapi.testclient import TestClient

from shopify_fw360.errors import CODES
from shopify_fw360.records import Entity, Flow, System
from tests.airflow.environment import ROOT
from tests.airflow.world import INTO_SHOP, INTO_SITE

pytestmark = pytest.mark.airflow


@dataclass(frozen=True)
class Told:
    """What people can read about a run."""

    state: str
    log: str
    page: str

    def both(self, *texts):
        return all(text in self.log and text in self.page for text in texts)


@pytest.fixture
def told(deployment, caplog, capsys):
    """Return a function that runs a DAG and then opens the page of the run, as somebody who is logged in."""
    from airflow.api_fastapi.app import init_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    from shopify_fw360.web.app import create_app
    from shopify_fw360.web.console import Console

    token = init_auth_manager().generate_jwt(SimpleAuthManagerUser(username="a viewer", role="viewer"))
    browser = TestClient(create_app(Console(lambda: deployment.store)), cookies={"_token": token})

    def run(flow, **params):
        caplog.clear()
        capsys.readouterr()
        done = deployment.run(flow.name, kind="scheduled", **params)
        # Airflow itself logs why a task was skipped, past the logging of Python.
        log = capsys.readouterr().out
        answer = browser.get(f"/runs/{done.row.dag_id}/{done.row.run_id}")
        assert answer.status_code == 200
        return Told(done.state, caplog.text + log, unescape(answer.text))

    return run


def next_step(code):
    return CODES[code].fix


def test_a_mapping_that_does_not_compile_is_named_by_file_line_and_field(deployment, told, tmp_path, monkeypatch):
    folder = tmp_path / "mappings"
    shutil.copytree(ROOT / "include" / "mappings", folder)
    mapping = folder / "customer.shopify_to_framework360.yaml"
    lines = mapping.read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "firstName" in text)
    lines[line - 1] = lines[line - 1].replace("firstName", "fristName")
    mapping.write_text("\n".join(lines))
    monkeypatch.setenv("SYNC_MAPPINGS_DIR", str(folder))
    run = told(INTO_SITE)
    assert run.state == "failed"
    assert run.both(f"{mapping.name}:{line}", "field nome", "fristName", "SYNC-102", next_step("SYNC-102"))


def test_settings_that_are_wrong_are_named_by_field(deployment, told):
    deployment.configure(limits={"batch_size": -3})
    run = told(INTO_SITE)
    assert run.state == "failed"
    assert run.both("limits.batch_size", "SYNC-105", next_step("SYNC-105"))


def test_a_wrong_key_of_the_site(deployment, told):
    deployment.connect("framework360_default", password="wrong-key-of-somebody")
    run = told(INTO_SHOP)
    assert run.state == "failed"
    assert run.both("SYNC-401", next_step("SYNC-401"))
    assert "wrong-key-of-somebody" not in run.log + run.page


def test_a_token_the_shop_has_revoked(deployment, told):
    deployment.shopify.control.set_options(revoked=True)
    run = told(INTO_SITE)
    assert run.state == "failed"
    assert run.both("SYNC-301", next_step("SYNC-301"))


def test_a_scope_the_app_was_not_granted(deployment, told):
    deployment.shopify.control.set_options(token_scopes="read_products")
    run = told(INTO_SITE)
    assert run.state == "failed"
    assert run.both("read_customers", "SYNC-302", next_step("SYNC-302"))


def test_a_capability_nobody_knows(deployment, told):
    deployment.connect("framework360_default", extra={"capabilities": {"teleport": "on"}})
    run = told(INTO_SITE)
    assert run.state == "failed"
    assert run.both("framework360_default", "capabilities.teleport", "SYNC-106", next_step("SYNC-106"))


def test_a_capability_the_site_lacks_is_no_failure_but_is_told(deployment, told):
    deployment.framework360.control.set_options(capabilities_off=["products"])
    run = told(Flow(Entity.PRODUCT, System.FRAMEWORK360))
    assert run.state == "success"
    assert run.both("products", "SYNC-412", next_step("SYNC-412"))
    assert 'data-state="skipped"' in run.page
