"""People at both ends of the running sandbox who edit customers and products and buy, at a steady pace.

Their edits cost the app no points: they are made in the admin and in the back office, not through the API of the app.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import requests
from sqlalchemy import create_engine, select

from sandbox.common.client import Control
from sandbox.framework360.contract import PREFIX
from scripts.local.errors import LocalError
from scripts.local.runtime import Runtime
from shopify_fw360.records import Entity, Flow, System
from shopify_fw360.store.tables import link

_EDIT: Final = {
    Entity.CUSTOMER: "mutation E($input: CustomerInput!) { customerUpdate(input: $input) { userErrors { message } } }",
    Entity.PRODUCT: "mutation E($input: ProductInput!) { productUpdate(input: $input) { userErrors { message } } }",
}
_READ: Final = {
    Entity.CUSTOMER: "query R($ids: [ID!]!) { nodes(ids: $ids) { ... on Customer { id value: lastName } } }",
    Entity.PRODUCT: "query R($ids: [ID!]!) { nodes(ids: $ids) { ... on Product { id value: title } } }",
}
_FIELD: Final = {
    (Entity.CUSTOMER, System.SHOPIFY): "lastName",
    (Entity.CUSTOMER, System.FRAMEWORK360): "cognome",
    (Entity.PRODUCT, System.SHOPIFY): "title",
    (Entity.PRODUCT, System.FRAMEWORK360): "nome",
}
_PATH: Final = {Entity.CUSTOMER: "customers", Entity.PRODUCT: "products"}
BUYERS: Final = 40
_CART: Final = {"gateway": "paypal", "charge": "standard", "address": {
    "firstName": "Ada", "lastName": "Rossi", "address1": "Via Roma 1", "zip": "20121", "city": "Milano",
    "provinceCode": "MI", "countryCode": "IT",
}}  # fmt: skip


class TrafficError(LocalError):
    """A person could not do what was asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A linked record that people edit.

    Args:
        entity: what it is.
        ids: its id in each system, as the store holds it.
    """

    entity: Entity
    ids: dict[System, str]


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing a person has done.

    Args:
        flow: the way it has to go.
        source_id: id of the record in the system where it was done.
        target_id: id of its counterpart; None if there is none yet.
        value: what was written; empty for a purchase.
        at: when it was sent, seconds since the epoch.
    """

    flow: Flow
    source_id: str
    target_id: str | None
    value: str
    at: float


class People:
    """Everybody who edits something.

    Args:
        runtime: a running, synchronised runtime.
        seed: of who does what.
    """

    def __init__(self, runtime: Runtime, seed: int = 1) -> None:
        self.shop = Control(runtime.plan.shopify_url)
        self.site = Control(runtime.plan.framework360_url)
        self._site_url = runtime.plan.framework360_url + PREFIX
        self._http = requests.Session()
        self._http.trust_env = False  # a proxy of the environment must not stand between loopback addresses
        self._http.headers["X-Fw360-Key"] = "sandbox-key"
        self._http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=32))
        self._store_url = runtime.store_url
        self._seed = seed
        self._began = time.time_ns() // 1_000_000_000
        self._numbers = itertools.count(1)
        found = self.linked()
        self._subjects = {
            Flow(entity, system): self._forever(found, Flow(entity, system))
            for entity in (Entity.CUSTOMER, Entity.PRODUCT)
            for system in System
        }
        self.last: dict[tuple[Entity, str], tuple[Subject, set[str]]] = {}

    def linked(self) -> list[Subject]:
        """Return the customers and products that are linked and in order now."""
        engine = create_engine(self._store_url)
        wanted = select(link.c.entity, link.c.shopify_id, link.c.framework360_id).where(
            link.c.status == "synced", link.c.entity != Entity.ORDER.value
        )
        try:
            with engine.connect() as connection:
                rows = connection.execute(wanted.order_by(link.c.id)).all()
        finally:
            engine.dispose()
        return [
            Subject(Entity(row.entity), {System.SHOPIFY: row.shopify_id, System.FRAMEWORK360: row.framework360_id})
            for row in rows
            if row.shopify_id and row.framework360_id
        ]

    def edit(self, flow: Flow) -> Edit:
        """Let one person do something that has to take the way of a flow; a purchase for orders."""
        number = next(self._numbers)
        at = time.time()
        if flow.entity is Entity.ORDER:
            cart = {"title": "Maglia", "price": f"{number % 90 + 10}.90", "quantity": number % 3 + 1}
            placed = self.shop.place_order(cart, email=f"buyer.{number % BUYERS}@example.com", **_CART)
            return Edit(flow, placed["id"], None, "", at)
        subject = next(self._subjects[flow])
        value = f"{'Rossi' if flow.entity is Entity.CUSTOMER else 'Maglia'} {self._began:x}.{number}"
        source_id = subject.ids[flow.source]
        if flow.source is System.SHOPIFY:
            given = {
                "id": source_id,
                _FIELD[flow.entity, flow.source]: value,
            }
            self.shop.admin(_EDIT[flow.entity], input=given)
        else:
            fields = {"id": source_id, _FIELD[flow.entity, flow.source]: value}
            if flow.entity is Entity.CUSTOMER:
                fields["customer_id"] = source_id
            self.site.back_office(f"{_PATH[flow.entity]}Update", **fields)
        key = (flow.entity, subject.ids[System.SHOPIFY])
        self.last[key] = (subject, {value})
        return Edit(flow, source_id, subject.ids[flow.target], value, at)

    def differing(self) -> list[str]:
        """Return a line for each edited record whose sides do not both hold what was written last."""
        lines = []
        for entity in (Entity.CUSTOMER, Entity.PRODUCT):
            edited = [entry for (kind, _), entry in self.last.items() if kind is entity]
            shop = self._shop_values(entity, [subject.ids[System.SHOPIFY] for subject, _ in edited])
            for subject, values in edited:
                shop_id, site_id = subject.ids[System.SHOPIFY], subject.ids[System.FRAMEWORK360]
                site = self._site_value(entity, site_id)
                if shop[shop_id] != site or site not in values:
                    lines.append(f"{entity.value} {shop_id}/{site_id}: {shop[shop_id]!r} in the shop, {site!r} in the"
                                 f" site, written last was {' or '.join(sorted(values))!r}")  # fmt: skip
        return lines

    def _shop_values(self, entity: Entity, ids: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(ids), 100):
            for node in self.shop.admin(_READ[entity], ids=ids[start : start + 100])["nodes"]:
                found[node["id"]] = node["value"]
        return found

    def _site_value(self, entity: Entity, record_id: str) -> str:
        data = self._call("GET", f"{_PATH[entity]}/get", params={"id": record_id})
        return str(data[_FIELD[entity, System.FRAMEWORK360]])

    def _call(self, method: str, path: str, **what: Any) -> Any:
        answer = self._http.request(method, f"{self._site_url}/{path}", timeout=60, **what).json()
        if answer.get("status") in (0, "0", False):
            raise TrafficError(f"the site refuses {path}: {answer}")
        return answer["data"]

    def _forever(self, subjects: Sequence[Subject], flow: Flow) -> Iterator[Subject]:
        """Return the half of the records that is edited on one side over and over, each as seldom as possible.

        The other half is edited on the other side: so what was written last is certain however long a change takes.
        """
        own = [subject for subject in subjects if subject.entity is flow.entity]
        if len(own) < len(System):
            raise TrafficError(f"there are not enough linked {flow.entity.value}s: run `make demo` first")
        random.Random(self._seed).shuffle(own)  # noqa: S311 - who edits what
        half = len(own) // 2
        return itertools.cycle(own[:half] if flow.source is System.SHOPIFY else own[half:])


def pace(people: People, flows: Sequence[Flow], rate: float, seconds: float) -> Iterator[Edit]:
    """Let people do things at a steady pace, whatever the systems answer.

    Args:
        people: who does them.
        flows: the ways they have to go, in turn.
        rate: things per second.
        seconds: how long.

    Yields:
        What was done, in the order in which it was begun.
    """
    began = time.monotonic()
    with ThreadPoolExecutor(8, thread_name_prefix="people") as pool:
        begun = []
        for number in range(round(rate * seconds)):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            begun.append(pool.submit(people.edit, flows[number % len(flows)]))
            while begun and begun[0].done():
                yield begun.pop(0).result()
        for each in begun:
            yield each.result()
