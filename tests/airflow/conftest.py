"""A shop, a site and an empty store, described to Airflow by connections and the Variable as in a deployment."""

import tests.airflow.environment  # noqa: F401, I001 - must be settled before anything imports Airflow

import json

import pytest

from sandbox.common.pytest_plugin import framework360_process, shopify_process  # noqa: F401 - fixtures
from shopify_fw360.store import Store
from tests.airflow.environment import make_metadata
from tests.airflow.world import Deployment


@pytest.fixture(scope="session")
def airflow_metadata():
    """Airflow's own tables, made once per session."""
    make_metadata()


@pytest.fixture
def servers(shopify_process, framework360_process):  # noqa: F811 - pytest's way to ask for a fixture
    """Both systems, empty and without limits."""
    for server in (shopify_process, framework360_process):
        server.control.reset(seed=7, customers=0, population="mixed")
    # The shop's rate limit has tests of its own; here it would only make the stories slow.
    shopify_process.control.set_options(bucket_size=100_000, restore_rate=100_000)
    return shopify_process, framework360_process


@pytest.fixture
def connections(servers, tmp_path, monkeypatch):
    """The three connections as environment variables; returns a function that changes one of them."""
    shop, site = servers
    fields = {
        "shopify_default": {
            "conn_type": "shopify",
            "host": shop.url,
            "extra": {"auth": "token", "access_token": "sandbox-token"},
        },
        "framework360_default": {
            "conn_type": "framework360",
            "host": site.url,
            "password": "sandbox-key",
            "extra": {"limits": {"requests_per_second": 2000, "in_flight": 4, "tries": 2, "backoff": 0.01}},
        },
        "sync_store": {"conn_type": "sync_store", "host": f"sqlite:///{tmp_path / 'store.db'}"},
    }

    def change(conn_id, **changes):
        fields[conn_id].update(changes)
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields[conn_id]))

    for conn_id in fields:
        change(conn_id)
    return change


@pytest.fixture
def deployment(servers, connections, tmp_path, monkeypatch, airflow_metadata):
    """Everything a run of a DAG needs."""
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    store.upgrade()
    yield Deployment(*servers, store, connections, monkeypatch)
    store.close()
