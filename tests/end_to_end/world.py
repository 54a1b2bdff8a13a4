"""A shop, a site, and the synchroniser between them, all real; and the people who edit on both sides."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select

from sandbox.common.server import RunningServer
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.records import Entity, Flow, Link, System, Window
from shopify_fw360.settings import SyncSettings
from shopify_fw360.shopify.address import shop_address
from shopify_fw360.shopify.auth import StaticToken
from shopify_fw360.shopify.budget import CostBudget, SharedBudget
from shopify_fw360.shopify.client import Retries, ShopifyClient
from shopify_fw360.shopify.definitions import ensure_definitions
from shopify_fw360.store import Store
from shopify_fw360.store.budget import LockedState
from shopify_fw360.store.tables import journal
from shopify_fw360.sync.drain import DrainReport, drain
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.run import Mode, RunRequest, certify, stage_run
from shopify_fw360.sync.wiring import build_pair, load_mappings

ROOT = Path(__file__).parents[2]
MAPPINGS = ROOT / "include" / "mappings"
INTO_SITE = Flow(Entity.CUSTOMER, System.SHOPIFY)
INTO_SHOP = Flow(Entity.CUSTOMER, System.FRAMEWORK360)
SITE_OPTIONS = {
    "products": {"write": True},
    "limits": {
        "requests_per_second": 2000,
        "in_flight": 8,
        "timeout": 5,
        "tries": 3,
        "backoff": 0.01,
        "backoff_cap": 0.05,
    },
}
_runs = itertools.count(1)


@cache
def compiled_mappings(directory: Path, settings: str):
    """Compiling checks each path against the schemas; tests that open many worlds need it once."""
    return load_mappings(directory, SyncSettings.parse(settings))


class Person:
    """Somebody at the shop's admin or the site's back office, working through the API of the system."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False


class ShopPerson(Person):
    """Edits customers in the shop."""

    READ = """query Read($id: ID!) { customer(id: $id) {
      id firstName lastName note tags updatedAt
      defaultEmailAddress { emailAddress marketingState marketingOptInLevel }
      defaultPhoneNumber { phoneNumber }
      defaultAddress { address1 address2 city zip provinceCode countryCodeV2 company }
      piva: metafield(namespace: "custom", key: "piva") { value }
      fw360_id: metafield(namespace: "$app", key: "fw360_id") { value }
      orders_count: metafield(namespace: "$app", key: "orders_count") { value }
      total_spent: metafield(namespace: "$app", key: "total_spent") { value }
    } }"""

    def ask(self, document: str, **variables: Any) -> Any:
        answer = self._session.post(
            f"{self._url}/admin/api/2026-10/graphql.json",
            json={"query": document, "variables": variables},
            headers={"X-Shopify-Access-Token": "sandbox-token"},
            timeout=20,
        ).json()
        assert "errors" not in answer, answer["errors"]
        for payload in answer["data"].values():
            assert not (payload or {}).get("userErrors"), payload
        return answer["data"]

    def create(self, **fields: Any) -> str:
        document = (
            "mutation Create($input: CustomerInput!) {"
            " customerCreate(input: $input) { customer { id } userErrors { field message } } }"
        )
        return self.ask(document, input=fields)["customerCreate"]["customer"]["id"]

    def update(self, customer: str, **fields: Any) -> None:
        document = (
            "mutation Edit($input: CustomerInput!) {"
            " customerUpdate(input: $input) { customer { id } userErrors { field message } } }"
        )
        self.ask(document, input={"id": customer, **fields})

    def set_consent(self, customer: str, state: str) -> None:
        document = (
            "mutation Consent($input: CustomerEmailMarketingConsentUpdateInput!) {"
            " customerEmailMarketingConsentUpdate(input: $input) { userErrors { field message } } }"
        )
        consent = {
            "marketingState": state,
            **({"marketingOptInLevel": "SINGLE_OPT_IN"} if state == "SUBSCRIBED" else {}),
        }
        self.ask(document, input={"customerId": customer, "emailMarketingConsent": consent})

    def delete(self, customer: str) -> None:
        document = (
            "mutation Gone($input: CustomerDeleteInput!) {"
            " customerDelete(input: $input) { userErrors { field message } } }"
        )
        self.ask(document, input={"id": customer})

    def read(self, customer: str) -> dict[str, Any]:
        return self.ask(self.READ, id=customer)["customer"]

    def all(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = None
        while True:
            page = self.ask(
                "query All($after: String) { customers(first: 250, after: $after) { pageInfo { hasNextPage endCursor }"
                " nodes { id firstName lastName tags defaultEmailAddress { emailAddress marketingState } } } }",
                after=after,
            )["customers"]
            found += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return found


class SitePerson(Person):
    """Edits customers in the site."""

    def call(self, method: str, path: str, **values: Any) -> Any:
        place = {"params": values} if method == "GET" else {"json": values}
        answer = self._session.request(
            method, f"{self._url}/m/api/{path}", headers={"X-Fw360-Key": "sandbox-key"}, timeout=20, **place
        ).json()
        assert answer.get("status") not in (0, "0", False), answer
        return answer.get("data")

    def create(self, **fields: Any) -> str:
        data = self.call("POST", "customers/registration", password="Long-enough-1", **fields)
        return str(data["id"])

    def update(self, customer: str, **fields: Any) -> None:
        self.call("POST", "customers/update", id=customer, customer_id=customer, **fields)

    def delete(self, customer: str) -> None:
        self.call("POST", "customers/delete", id=customer, customer_id=customer)

    def read(self, customer: str) -> dict[str, Any]:
        return self.call("GET", "customers/get", id=customer)

    def all(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for page in itertools.count(1):
            rows = self.call("GET", "customers/list", page=str(page), limit="100")
            fresh = [row for row in rows if str(row["id"]) not in found]
            if not fresh:
                return list(found.values())
            found.update({str(row["id"]): row for row in fresh})
        raise AssertionError


@dataclass
class World:
    """Both systems and the pair between them."""

    shopify: RunningServer
    framework360: RunningServer
    store: Store
    mappings: Path = MAPPINGS
    settings: SyncSettings = field(default_factory=SyncSettings)
    site_options: dict[str, Any] = field(default_factory=lambda: dict(SITE_OPTIONS))

    def __post_init__(self) -> None:
        self.shop = ShopPerson(self.shopify.url)
        self.site = SitePerson(self.framework360.url)
        self.pair = self.connect()

    def connect(self) -> Pair:
        address = shop_address(self.shopify.url)
        budget = CostBudget(address.shop, SharedBudget(LockedState(self.store)))
        self.shop_client = ShopifyClient(
            address,
            StaticToken("sandbox-token"),
            budget,
            retries=Retries(attempts=3, first_wait=0.01, longest_wait=0.05, read_timeout=5.0),
        )
        self.site_client = Framework360Client(
            self.framework360.url, "sandbox-key", SiteOptions.model_validate(self.site_options)
        )
        return build_pair(
            store=self.store,
            settings=self.settings,
            mappings=compiled_mappings(self.mappings, self.settings.model_dump_json()),
            shopify=self.shop_client,
            framework360=self.site_client,
            clock=self.store.clock,
        )

    def onboard(self) -> None:
        ensure_definitions(self.shop_client)

    def configure(self, **settings: Any) -> None:
        """Change the settings as the Settings page would; they act on the next run."""
        self.settings = SyncSettings.model_validate(settings)
        self.pair = self.connect()

    def stage(self, flow: Flow, mode: Mode = Mode.INCREMENTAL, window: Window | None = None, ids: tuple[str, ...] = ()):
        run_id = f"test/{flow.name}/{next(_runs)}"
        stage_run(self.pair, RunRequest(flow, run_id, mode, window or Window(), ids))
        return run_id

    def sync(self, flow: Flow, mode: Mode = Mode.INCREMENTAL, **what: Any) -> DrainReport:
        """One run of a flow, as its DAG does it; the ledger must explain every record."""
        run_id = self.stage(flow, mode, **what)
        report = self.drain(flow, run_id)
        certify(self.pair, run_id)
        return report

    def drain(self, flow: Flow, run_id: str | None = None) -> DrainReport:
        report = drain(self.pair, flow, f"worker-{next(_runs)}", for_run=run_id)
        while report.waiting_for_other:
            # Twins meet in two lanes: the second one comes back a moment later, as in the DAG's task.
            time.sleep(1.1)
            again = drain(self.pair, flow, f"worker-{next(_runs)}", for_run=run_id)
            report = replace(report, waiting_for_other=0) + again
        return report

    def sync_both(self) -> tuple[DrainReport, DrainReport]:
        return self.sync(INTO_SITE), self.sync(INTO_SHOP)

    def link_of(self, system: System, record_id: str) -> Link | None:
        with self.store.read() as tx:
            return tx.links(Entity.CUSTOMER, system, [record_id]).get(record_id)

    def counterpart(self, system: System, record_id: str) -> str:
        link = self.link_of(system, record_id)
        assert link is not None
        other = link.id_in(system.other)
        assert other is not None
        return other

    def parked(self, flow: Flow) -> dict[str, str]:
        with self.store.read() as tx:
            return {row.source_id: row.error_code or "" for row in tx.parked(flow, limit=10_000)}

    def outcomes(self) -> dict[str, int]:
        """How many changes of all runs ended how."""
        with self.store.connect(read_only=True) as connection:
            return dict(connection.execute(select(journal.c.outcome, func.count()).group_by(journal.c.outcome)).all())

    @contextmanager
    def counting_writes(self) -> Iterator[dict[str, int]]:
        """Count the writing requests each system receives in the block."""
        for server in (self.shopify, self.framework360):
            server.control.reset_metrics()
        writes: dict[str, int] = {}
        yield writes
        for server, name in ((self.shopify, "shopify"), (self.framework360, "framework360")):
            operations = server.control.metrics()["operations"]
            writes[name] = sum(entry["writes"] for entry in operations.values())
