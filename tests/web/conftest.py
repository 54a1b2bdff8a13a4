"""The application with a real store and Airflow's real login."""

import tests.airflow.environment  # noqa: F401, I001 - must be settled before anything imports Airflow

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from fastapi.testclient import TestClient

from sandbox.common.pytest_plugin import (  # noqa: F401 - fixtures
    framework360_process,
    framework360_sandbox,
    shopify_process,
    shopify_sandbox,
)
from shopify_fw360.errors import AMBIGUOUS, CONFLICT, SHOPIFY_TOKEN, SyncError
from shopify_fw360.records import Change, Dispute, Entity, Flow, Link, Outcome, System, Window
from shopify_fw360.store import JournalEntry, Store
from tests.airflow.environment import make_metadata

INTO_SITE = Flow(Entity.CUSTOMER, System.SHOPIFY)
INTO_SHOP = INTO_SITE.reverse
RUN = "manual__2026-11-24T05:19:39+00:00"
KEY = Fernet.generate_key().decode()
HOSTILE = "<img src=x onerror=alert(1)>'\""


@pytest.fixture(scope="session")
def metadata():
    """Airflow's own tables and its login."""
    from airflow.api_fastapi.app import init_auth_manager

    make_metadata()
    return init_auth_manager()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A file with the schema: migrating costs more than most tests do, so each takes a copy."""
    file = tmp_path_factory.mktemp("store") / "empty.db"
    store = Store.open(f"sqlite:///{file}")
    store.upgrade()
    store.close()
    # Everything that is only in the write-ahead log goes into the file.
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture
def store(tmp_path, empty_store):
    store = Store.open(f"sqlite:///{shutil.copy(empty_store, tmp_path / 'store.db')}", encryption_key=KEY)
    yield store
    store.close()


@pytest.fixture(scope="session")
def built():
    """The application and the list that holds the store it opens: building it costs more than most tests do."""
    from shopify_fw360.web.app import create_app
    from shopify_fw360.web.console import Console

    stores = []
    return create_app(Console(lambda: stores[0])), stores


@pytest.fixture
def application(store, built):
    application, stores = built
    stores[:] = [store]
    yield application
    stores.clear()


@pytest.fixture
def browser(application, metadata):
    """Return a function that opens a logged-in browser for a role of Airflow's simple auth manager."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    def open_as(role="admin"):
        token = metadata.generate_jwt(SimpleAuthManagerUser(username=f"a {role}", role=role))
        return TestClient(
            application,
            cookies={"_token": token},
            headers={"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"},
            raise_server_exceptions=False,
        )

    return open_as


class Past:
    """What runs have left in the store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def run(self, flow=INTO_SITE, run_id=RUN, *, staged=1, dry_run=False):
        with self.store.begin() as tx:
            tx.open_run(
                f"{flow.name}/{run_id}",
                flow,
                "window",
                Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
                dry_run=dry_run,
            )
            changes = [self._change(flow, run_id, number) for number in range(1, staged + 1)]
            counts = tx.stage(changes)
            tx.count_read(f"{flow.name}/{run_id}", announced=staged + 2, read=staged + 2, staged=counts, known=2)

    def _change(self, flow, run_id, number):
        return Change(flow, str(number), display_name=HOSTILE, run_id=f"{flow.name}/{run_id}")

    def claim(self, flow=INTO_SITE, limit=1):
        with self.store.begin() as tx:
            return tx.claim(limit, "worker", timedelta(minutes=1), flow=flow)

    def update(self, flow=INTO_SITE, before="old", after="new"):
        (claim,) = self.claim(flow)
        entry = JournalEntry(
            claim.change.run_id,
            flow,
            claim.change.source_id,
            Outcome.UPDATED,
            target_id="77",
            before={"nome": before},
            after={"nome": after},
            reasons={"nome": "changed on the source only", "cognome": "changed on the target only"},
        )
        with self.store.begin() as tx:
            tx.save_link(Link(flow.entity, shopify_id=claim.change.source_id, display_name=HOSTILE))
            tx.complete(claim, "worker", entry)

    def park(self, flow=INTO_SITE, code=AMBIGUOUS, number=1, text=f"twice in the site: {HOSTILE}"):
        for claim in self.claim(flow, number):
            error = SyncError(code, text, field="email", rule="one counterpart")
            with self.store.begin() as tx:
                tx.park(claim, "worker", error, candidates=["1063", "1064"])

    def dispute(self, flow=INTO_SITE, *, fields=("nome",)):
        """Leave a conflict about fields that both sides changed."""
        (claim,) = self.claim(flow)
        disputes = [
            Dispute(name, ("Ada", "Ada"), HOSTILE, f"their {name}", (HOSTILE, f"their {name}")) for name in fields
        ]
        with self.store.begin() as tx:
            tx.park(claim, "worker", SyncError(CONFLICT, "both sides changed it"), disputes=disputes)

    def stop(self, flow=INTO_SITE, run_id=RUN):
        with self.store.begin() as tx:
            tx.run_error(f"{flow.name}/{run_id}", SyncError(SHOPIFY_TOKEN, "HTTP 401"))


@pytest.fixture
def past(store):
    return Past(store)
