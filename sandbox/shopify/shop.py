"""The state of one simulated shop, and what a request knows about its caller."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from sandbox.common.backend import Seed
from sandbox.shopify.bucket import Bucket
from sandbox.shopify.customer_records import customer_keys, name_of
from sandbox.shopify.ids import CHILDREN, child_number, gid
from sandbox.shopify.options import Options
from sandbox.shopify.order_records import FIRST_ORDER, buyer_name, order_keys
from sandbox.shopify.product_records import product_keys, unique_keys
from sandbox.shopify.table import Record, SortKey, Table
from sandbox.shopify.times import Clock, micros
from sandbox.shopify.tokens import Tokens

if TYPE_CHECKING:
    from sandbox.shopify.bulk_runs import BulkRuns
    from sandbox.shopify.media import Darkroom

DOMAIN = "sandbox-shop.myshopify.com"
APP_NUMBER = 4_201
APP_TITLE = "Sandbox app"
SHOP_NUMBER = 60_100_200
FIRST_NUMBER = 7_000_000_000_001
ZONE = ZoneInfo("Europe/Rome")
OPENED = micros(datetime(2024, 3, 1, 9, 0, tzinfo=UTC))
"""When the shop was opened."""


LOCATIONS = {FIRST_NUMBER: "Magazzino Milano", FIRST_NUMBER - 2: "Negozio Bologna"}
"""Locations by number; new variants are stocked at the first."""
PUBLICATIONS = {81_001: "Online Store", 81_002: "Point of Sale"}
"""Sales channels by number."""
_TIMES: Mapping[str, SortKey] = {
    "UPDATED_AT": lambda record: int(record["updatedAt"]),
    "CREATED_AT": lambda record: int(record["createdAt"]),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a mutation answered under an idempotency key, when, and a digest of its arguments."""

    at: int
    digest: str
    payload: Any


class Listener(Protocol):
    """Receives what happens to the records."""

    def notify(self, topic: str, record: Record, extra: Mapping[str, Any]) -> None:
        """Take a webhook topic of the schema, the record after the event and further payload fields."""


class Shop:
    """Records, options, tokens and the rate limit of one shop.

    Args:
        seed: what it is filled with; the caller fills it (`seeding.fill`).
        options: switches.
    """

    def __init__(self, seed: Seed, options: Options) -> None:
        self.seed = seed
        self.options = options
        self.clock = Clock()
        self.zone = ZONE
        self.tokens = Tokens(options.token_scopes)
        self.bucket = Bucket(options.bucket_size, options.restore_rate)
        self.outcomes: dict[tuple[str, str], Outcome] = {}
        self.jobs: dict[str, bool] = {}
        self.listeners: list[Listener] = []
        self.darkroom: Darkroom | None = None
        self.bulk: BulkRuns | None = None
        self.base_url = f"https://{DOMAIN}"
        self.categories: dict[str, str] = {}
        self.uploads: dict[str, bytes] = {}
        self.counts = {"queries": 0, "mutations": 0, "throttled": 0, "points": 0}
        self.orders_of: dict[int, list[int]] = {}
        self._numbers: Iterator[int] = itertools.count(FIRST_NUMBER + 1)
        self._order_numbers: Iterator[int] = itertools.count(FIRST_ORDER)
        self.customers = Table(
            "Customer",
            sorts={
                "UPDATED_AT": lambda record: int(record["updatedAt"]),
                "CREATED_AT": lambda record: int(record["createdAt"]),
                "NAME": name_of,
            },
            keys=customer_keys,
            lag=lambda: self.options.index_lag_seconds,
        )
        self.definitions = Table(
            "MetafieldDefinition",
            sorts={"NAME": lambda record: str(record["name"])},
            keys=lambda record: (definition_key(record["ownerType"], record["namespace"], record["key"]),),
        )
        self.subscriptions = Table("WebhookSubscription", sorts={"CREATED_AT": lambda record: int(record["createdAt"])})
        self.locations = Table("Location", sorts={"NAME": lambda record: str(record["name"])})
        self.products = Table(
            "Product",
            sorts={
                **_TIMES,
                "TITLE": lambda record: str(record["title"]).casefold(),
                "VENDOR": lambda record: str(record.get("vendor") or "").casefold(),
                "PRODUCT_TYPE": lambda record: str(record.get("productType") or "").casefold(),
                "PUBLISHED_AT": lambda record: min((record.get("publications") or {}).values(), default=0),
            },
            keys=product_keys,
            lag=lambda: self.options.index_lag_seconds,
        )
        self.variants = Table(
            "ProductVariant",
            sorts={**_TIMES, "SKU": lambda record: str(record.get("sku") or "").casefold()},
            keys=unique_keys,
            lag=lambda: self.options.index_lag_seconds,
        )
        self.items = Table("InventoryItem", sorts=_TIMES, lag=lambda: self.options.index_lag_seconds)
        self.collections = Table(
            "Collection",
            sorts={**_TIMES, "TITLE": lambda record: str(record["title"]).casefold()},
            keys=product_keys,
        )
        self.publications = Table("Publication")
        self.media = Table("MediaImage", sorts=_TIMES)
        self.orders = Table(
            "Order",
            sorts={
                **_TIMES,
                "PROCESSED_AT": lambda record: int(record["processedAt"]),
                "ORDER_NUMBER": lambda record: int(record["number"]),
                "PO_NUMBER": lambda record: str(record.get("poNumber") or ""),
                "CUSTOMER_NAME": buyer_name,
                "DESTINATION": lambda record: str((record.get("shipping") or {}).get("countryCode") or ""),
                "FINANCIAL_STATUS": lambda record: str(record["summary"]["financial"]),
                "FULFILLMENT_STATUS": lambda record: str(record["summary"]["fulfillment"]),
                "TOTAL_PRICE": lambda record: int(record["summary"]["total"]),
                "CURRENT_TOTAL_PRICE": lambda record: int(record["summary"]["current"]),
                "TOTAL_ITEMS_QUANTITY": lambda record: int(record["summary"]["quantity"]),
            },
            keys=order_keys,
            lag=lambda: self.options.index_lag_seconds,
        )
        self.operations = Table("ProductSetOperation")
        self.deletions = Table("ProductDeleteOperation")
        self.tables: dict[str, Table] = {
            table.type_name: table
            for table in (
                self.customers,
                self.definitions,
                self.subscriptions,
                self.locations,
                self.products,
                self.variants,
                self.items,
                self.collections,
                self.publications,
                self.media,
                self.operations,
                self.deletions,
                self.orders,
                Table(
                    "BulkOperation",
                    sorts={
                        "CREATED_AT": _TIMES["CREATED_AT"],
                        "COMPLETED_AT": lambda record: int(record.get("completedAt") or 0),
                    },
                ),
            )
        }
        for number, name in LOCATIONS.items():
            self.locations.put({"num": number, "name": name, "createdAt": OPENED, "updatedAt": OPENED})
        for number, name in PUBLICATIONS.items():
            self.publications.put({"num": number, "name": name})

    def number(self) -> int:
        """Return a number for a new record, never used before."""
        return next(self._numbers)

    def order_number(self) -> int:
        """Return a number for a new order; orders count on their own, so that their children's ids stay short."""
        return next(self._order_numbers)

    def child(self, record: Record) -> int:
        """Return a number for a new address or metafield of a record, and count it there.

        Raises:
            OverflowError: the record had all it may ever have.
        """
        record["sequence"] = sequence = int(record.get("sequence", 0)) + 1
        if sequence >= CHILDREN:
            raise OverflowError(f"record {record['num']} had {CHILDREN - 1} addresses and metafields: no id is left")
        return child_number(int(record["num"]), sequence)

    def notify(self, topic: str, record: Record, extra: Mapping[str, Any] | None = None) -> None:
        """Tell the listeners what happened."""
        for listener in self.listeners:
            listener.notify(topic, record, extra or {})

    def namespace(self, given: str | None) -> str:
        """Return the canonical metafield namespace: `$app` and nothing given are the app's own."""
        if given is None:
            return f"app--{APP_NUMBER}"
        if given == "$app" or given.startswith("$app:"):
            return f"app--{APP_NUMBER}" + given.removeprefix("$app").replace(":", "--", 1)
        return given

    def definition(self, owner_type: str, namespace: str, key: str) -> Record | None:
        """Return the metafield definition of a canonical namespace and key."""
        num = self.definitions.find(definition_key(owner_type, namespace, key))
        return None if num is None else self.definitions.get(num)


def definition_key(owner_type: str, namespace: str, key: str) -> str:
    """Return the unique key of a metafield definition."""
    return f"{owner_type}:{namespace}.{key}"


def foreign_namespace(namespace: str) -> bool:
    """Tell whether a canonical namespace belongs to another app."""
    own = f"app--{APP_NUMBER}"
    return namespace.startswith("app--") and namespace != own and not namespace.startswith(own + "--")


SHOP_GID = gid("Shop", SHOP_NUMBER)


@dataclass(slots=True)
class Context:
    """One request.

    Args:
        shop: the shop asked.
        granted: scopes of the caller, write scopes with their read scopes.
        hidden: groups of protected customer data the app is not approved for.
        searches: entries for `extensions.search`.
        metered: whether the request costs points of the app.
    """

    shop: Shop
    granted: frozenset[str]
    hidden: frozenset[str]
    searches: list[dict[str, Any]] = field(default_factory=list)
    metered: bool = True
