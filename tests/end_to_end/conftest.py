"""A fresh shop, a fresh site and an empty store for each story."""

from __future__ import annotations

import pytest

from sandbox.common.pytest_plugin import framework360_process, shopify_process  # noqa: F401 - fixtures
from shopify_fw360.store import Store
from tests.end_to_end.catalogue import Catalogue
from tests.end_to_end.world import World


def fresh_world(shopify, framework360, store, customers, *, products=60, kind=World):
    for server in (shopify, framework360):
        server.control.reset(seed=7, customers=customers, products=products, population="mixed")
    # The shop's rate limit has tests of its own; here it would only make the stories slow.
    shopify.control.set_options(bucket_size=100_000, restore_rate=100_000)
    world = kind(shopify, framework360, store)
    world.onboard()
    return world


@pytest.fixture
def store(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    store.upgrade()
    yield store
    store.close()


@pytest.fixture
def empty_world(shopify_process, framework360_process, store):  # noqa: F811 - pytest's way to ask for a fixture
    """No customers on either side."""
    return fresh_world(shopify_process, framework360_process, store, customers=0)


@pytest.fixture
def catalogue(shopify_process, framework360_process, store):  # noqa: F811 - pytest's way to ask for a fixture
    """No customers and no products on either side."""
    return fresh_world(shopify_process, framework360_process, store, customers=0, products=0, kind=Catalogue)
