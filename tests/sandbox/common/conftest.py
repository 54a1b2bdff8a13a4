import pytest

from sandbox.common.backend import Seed
from sandbox.common.server import build_app, running_in_thread


@pytest.fixture(scope="session")
def _server():
    with running_in_thread(build_app("framework360", Seed(customers=60))) as server:
        yield server


@pytest.fixture
def server(_server):
    _server.control.reset(seed=7, customers=60, population="mixed")
    return _server
