"""Fixtures: one server process per test session, fresh data per test.

Use by `pytest_plugins = ["sandbox.common.pytest_plugin"]`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.common.server import RunningServer, running


@pytest.fixture(scope="session")
def framework360_process() -> Iterator[RunningServer]:
    """A Framework360 server for the whole session."""
    with running("framework360") as server:
        yield server


@pytest.fixture(scope="session")
def shopify_process() -> Iterator[RunningServer]:
    """A Shopify server for the whole session."""
    with running("shopify") as server:
        yield server


@pytest.fixture
def framework360_sandbox(framework360_process: RunningServer) -> RunningServer:
    """A Framework360 server with fresh data, default options and no faults."""
    framework360_process.control.reset(seed=7, customers=600, population="mixed")
    return framework360_process


@pytest.fixture
def shopify_sandbox(shopify_process: RunningServer) -> RunningServer:
    """A Shopify server with fresh data, default options and no faults."""
    shopify_process.control.reset(seed=7, customers=600, population="mixed", orders=0)
    return shopify_process
