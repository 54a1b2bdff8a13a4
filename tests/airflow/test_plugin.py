"""What the plugin adds to Airflow's API server."""

import importlib.util
import threading
import time

import pytest

from shopify_fw360.records import QUEUE_ASSET
from tests.airflow.environment import ROOT

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def plugin():
    spec = importlib.util.spec_from_file_location("the_plugin", ROOT / "plugins" / "shopify_fw360_plugin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def nothing(scope, receive, send):
    """An application."""


def test_the_receiver_comes_before_the_pages_because_the_first_mount_that_fits_wins(plugin):
    prefixes = [app["url_prefix"] for app in plugin.SyncPlugin.fastapi_apps]
    assert prefixes == ["/sync/webhooks", "/sync"]


def test_an_application_is_built_once_however_many_ask_for_it(plugin):
    built = []

    def build():
        time.sleep(0.1)
        built.append(1)
        return nothing

    lazy = plugin.LazyApplication(build)
    threads = [threading.Thread(target=lazy.ready) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [1]


def test_applications_are_built_as_soon_as_the_server_starts_and_one_that_fails_keeps_no_other(plugin):
    built = threading.Event()

    def build():
        built.set()
        return nothing

    def fail():
        raise RuntimeError("not today")

    plugin.WarmUp(nothing, [plugin.LazyApplication(fail), plugin.LazyApplication(build)])
    assert built.wait(5)


class TestBell:
    def events(self):
        from airflow.models.asset import AssetEvent, AssetModel
        from airflow.utils.session import create_session
        from sqlalchemy import func, select

        with create_session() as session:
            query = select(func.count()).select_from(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            return session.scalar(query.where(AssetModel.name == QUEUE_ASSET))

    def test_it_registers_an_event_of_the_queues_asset(self, airflow_metadata):
        from airflow.models.asset import AssetActive, AssetModel
        from airflow.utils.session import create_session
        from sqlalchemy import delete, select

        from shopify_fw360.web.airflow_bell import ring

        with create_session() as session:
            if session.scalar(select(AssetModel).where(AssetModel.name == QUEUE_ASSET)) is None:
                session.add(AssetModel(name=QUEUE_ASSET, uri=QUEUE_ASSET))
                session.add(AssetActive(name=QUEUE_ASSET, uri=QUEUE_ASSET))
        before = self.events()
        ring()
        ring()
        assert self.events() == before + 2
        with create_session() as session:
            session.execute(delete(AssetActive).where(AssetActive.name == QUEUE_ASSET))

    def test_before_the_dag_was_read_it_says_so(self, airflow_metadata, monkeypatch):
        from shopify_fw360.web import airflow_bell

        monkeypatch.setattr(airflow_bell, "QUEUE_ASSET", "another asset")
        with pytest.raises(LookupError, match="webhook_queue"):
            airflow_bell.ring()
