"""The connection types are found although nothing of this project is installed: the plugins folder is on PYTHONPATH."""

import json
import os
import subprocess
import sys

import pytest

from tests.airflow.environment import ROOT

pytestmark = pytest.mark.airflow

_ASK = """
import json
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
from airflow.providers_manager import ProvidersManager
ours = {hook.connection_type: hook for hook in HookMetaService.hook_meta_data()}
print("ANSWER" + json.dumps({
    name: {
        "class": ours[name].hook_class_name,
        "form": ours[name].standard_fields.model_dump(),
        "extra": sorted(ours[name].extra_fields or {}),
        "testable": ProvidersManager().hooks[name].connection_testable,
    }
    for name in ("shopify", "framework360", "sync_store")
}))
"""


@pytest.fixture(scope="module")
def answer():
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _ASK],
        cwd=os.environ["AIRFLOW_HOME"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.rpartition("ANSWER")[2])


def test_airflow_finds_the_hooks_through_the_plugins_folder(answer):
    assert {name: entry["class"] for name, entry in answer.items()} == {
        "shopify": "shopify_fw360.airflow.hooks.ShopifyHook",
        "framework360": "shopify_fw360.airflow.hooks.Framework360Hook",
        "sync_store": "shopify_fw360.airflow.hooks.SyncStoreHook",
    }


def test_each_connection_can_be_tested(answer):
    assert all(entry["testable"] for entry in answer.values())


def test_the_forms_speak_of_shop_site_and_key(answer):
    assert answer["shopify"]["form"]["host"]["title"] == "Shop"
    assert answer["framework360"]["form"]["password"]["title"] == "API key"
    assert answer["shopify"]["extra"] == ["access_token", "api_version", "auth", "domain", "previous_secret"]


def test_the_description_names_the_same_distribution_as_its_folder():
    from importlib.metadata import PathDistribution

    from shopify_fw360.airflow.provider import get_provider_info

    (folder,) = (ROOT / "plugins").glob("*.dist-info")
    assert PathDistribution(folder).metadata["Name"] == get_provider_info()["package-name"]
