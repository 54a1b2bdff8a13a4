import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest
import requests

from sandbox.common.backend import Seed
from sandbox.common.catalogue import iter_catalogue
from sandbox.common.orders import iter_orders
from sandbox.common.people import iter_people
from sandbox.common.server import build_app, running_in_thread
from sandbox.shopify.tokens import STATIC_TOKEN

OPERATIONS = Path(__file__).parent / "operations"
ORDERS = 220
"""Enough for every trouble and both giants."""
CRM_ID = {"ownerType": "CUSTOMER", "namespace": "$app", "key": "crm_id", "name": "CRM id", "type": "id"}


def operation(number):
    return next(OPERATIONS.glob(f"{number}_*.graphql")).read_text(encoding="utf-8")


class Shop:
    """Calls the shop as a client would."""

    def __init__(self, server):
        self.url = server.url
        self.control = server.control
        self.session = requests.Session()
        self.session.trust_env = False

    def post(self, query, variables=None, name=None, *, token=STATIC_TOKEN, version="2026-10", **headers):
        body = {"query": query, "variables": variables or {}, "operationName": name}
        headers = {"X-Shopify-Access-Token": token, **headers}
        return self.session.post(f"{self.url}/admin/api/{version}/graphql.json", json=body, headers=headers, timeout=10)

    def answer(self, query, variables=None, name=None, **options):
        answer = self.post(query, variables, name, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def data(self, query, variables=None, name=None, **options):
        answer = self.answer(query, variables, name, **options)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def error(self, query, variables=None, name=None, **options):
        [error] = self.answer(query, variables, name, **options)["errors"]
        return error

    def mutate(self, name, arguments, selection, **types):
        """Run one mutation: `arguments` by name, `types` their GraphQL types; returns its payload."""
        declared = ", ".join(f"${key}: {kind}" for key, kind in types.items())
        passed = ", ".join(f"{key}: ${key}" for key in types)
        text = f"mutation({declared}) {{ {name}({passed}) {{ {selection} }} }}"
        return self.data(text, arguments)[name]

    def create(self, **given):
        payload = self.mutate(
            "customerCreate", {"input": given}, "customer { id } userErrors { field message }", input="CustomerInput!"
        )
        assert payload["userErrors"] == []
        return payload["customer"]["id"]

    def refused_create(self, **given):
        """Create a customer that must be refused; returns the user errors."""
        payload = self.mutate(
            "customerCreate", {"input": given}, "customer { id } userErrors { field message }", input="CustomerInput!"
        )
        assert payload["customer"] is None
        return payload["userErrors"]

    def customer(self, gid, selection="id"):
        return self.data(f"query($id: ID!) {{ customer(id: $id) {{ {selection} }} }}", {"id": gid})["customer"]

    def search(self, text, **options):
        found = self.data(
            "query($q: String) { customers(first: 250, query: $q) { nodes { id } } }", {"q": text}, **options
        )
        return [node["id"] for node in found["customers"]["nodes"]]

    def define(self, **changes):
        payload = self.data(operation("17"), {"definition": {**CRM_ID, **changes}}, "DefinitionCreate")
        return payload["metafieldDefinitionCreate"]

    def upsert(self, identifier, **given):
        return self.data(operation("06"), {"identifier": identifier, "input": given})["customerSet"]

    def set_metafields(self, *entries):
        return self.data(operation("18"), {"metafields": list(entries)})["metafieldsSet"]


def codes(payload):
    return [error["code"] for error in payload["userErrors"]]


@pytest.fixture(scope="session")
def _server():
    with running_in_thread(build_app("shopify", Seed(customers=120))) as server:
        yield server


@pytest.fixture
def shop(_server):
    _server.control.reset(seed=7, customers=120, population="mixed", orders=0)
    return Shop(_server)


@pytest.fixture(scope="session")
def _order_server():
    with running_in_thread(build_app("shopify", Seed(customers=120, orders=ORDERS))) as server:
        yield server


@pytest.fixture
def order_shop(_order_server):
    """A shop with every kind of order, for tests that only read."""
    _order_server.control.set_options(
        orders_readable_since="2025-11-16T08:00:00+00:00", bucket_size=1_000_000.0, restore_rate=100_000.0
    )
    return Shop(_order_server)


@pytest.fixture(scope="session")
def seeded_orders():
    """What the shop of `order_shop` was seeded with, by order name."""
    people = [person for person in iter_people(7, 120) if person.in_shopify]
    products = [product for product in iter_catalogue(7, 60) if product.in_shopify]
    return {f"#{1001 + order.index}": order for order in iter_orders(7, ORDERS, people, products)}


class Inbox:
    """What arrived at a receiver: (headers with lower-case names, body) in order; `statuses` are answered first."""

    def __init__(self, url):
        self.url = url
        self.statuses = []
        self._arrived = Queue()

    def put(self, headers, body):
        self._arrived.put((headers, body))

    def take(self, timeout=5):
        return self._arrived.get(timeout=timeout)

    def empty(self):
        return self._arrived.empty()


@contextmanager
def _receiver() -> Iterator[Inbox]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.put({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(inbox.statuses.pop(0) if inbox.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox = Inbox(f"http://127.0.0.1:{server.server_port}/hooks")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield inbox
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture
def inbox():
    with _receiver() as inbox:
        yield inbox


@pytest.fixture
def operation_text():
    return operation


@pytest.fixture
def error_codes():
    return codes
