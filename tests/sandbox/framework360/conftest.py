import http.server
import json
import threading
import time
from contextlib import contextmanager

import fastjsonschema
import pytest
import requests

from sandbox.common.backend import Seed
from sandbox.common.pictures import png
from sandbox.common.server import build_app, running_in_thread
from sandbox.framework360.contract import PREFIX, answer_check, operations

PARTY = {"nome": "Ada", "cognome": "Rossi", "indirizzo": "Via Roma 1", "comune": "Milano", "citta": "MI", "stato": "IT"}


class Site:
    """Calls the API as a client would, and checks every answer against the contract."""

    def __init__(self, server):
        self.url = server.url
        self.control = server.control
        self.session = requests.Session()
        self._ids = {(contract.method, contract.path): name for name, contract in operations().items()}

    def get(self, path, key="sandbox-key", **query):
        return self.call("GET", path, key, params=query)

    def post(self, path, body, key="sandbox-key"):
        return self.call("POST", path, key, json=body)

    def form(self, path, body):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.call("POST", path, "sandbox-key", data=body.encode(), headers=headers)

    def raw(self, method, path, key="sandbox-key", headers=None, **arguments):
        headers = {"X-Fw360-Key": key, **(headers or {})}
        return self.session.request(method, self.url + PREFIX + path, timeout=5, headers=headers, **arguments)

    def call(self, method, path, key, **arguments):
        answer = self.raw(method, path, key, **arguments).json()
        try:
            answer_check(self._ids[method, path])(answer)
        except fastjsonschema.JsonSchemaValueException as problem:
            raise AssertionError(f"{method} {path} answers against the contract: {problem.message}") from problem
        return answer

    def register(self, **fields):
        person = {"nome": "Ada", "cognome": "Rossi", "email": "ada@example.com", "password": "s3cret", **fields}
        return self.post("/customers/registration", person)

    def created(self, **fields):
        answer = self.register(**fields)
        assert answer["status"] == 1, answer
        return str(answer["data"]["id"])

    def customer(self, customer_id):
        return self.get("/customers/get", id=customer_id)["data"]

    def product(self, product_id):
        return self.get("/products/get", id=product_id)["data"]

    def added(self, **fields):
        answer = self.post("/products/create", {"nome": "Maglia", **fields})
        assert answer["status"] == 1, answer
        return answer["data"]

    def changed(self, product, **fields):
        answer = self.post("/products/update", {"id": product["id"], **fields})
        assert answer["status"] == 1, answer
        return answer["data"]

    def sell(self, cart, **fields):
        sale = {"user_email": "ada@example.com", "cart": cart, "billing_data": PARTY, "shipping_data": PARTY, **fields}
        return self.post("/orders/create", sale)

    def sold(self, cart, **fields):
        if not self.get("/customers/list", query="ada@example.com")["data"]:
            self.created()
        answer = self.sell(cart, **fields)
        assert answer["status"] == 1, answer
        return self.order(answer["data"]["id"])

    def order(self, order_id):
        return self.get("/orders/get", id=order_id)["data"]

    def count(self):
        return self.control.state()["records"]["customers"]


@pytest.fixture(scope="session")
def _server():
    with running_in_thread(build_app("framework360", Seed(customers=120))) as server:
        yield server


@pytest.fixture
def site(_server):
    _server.control.reset(seed=7, customers=120, population="mixed")
    return Site(_server)


class Server(http.server.ThreadingHTTPServer):
    """A loopback HTTP server that remembers what it got; `answer` maps a path to (status, content type, body)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.answers = {}
        self.received = []
        self.statuses = []
        self.arrived = threading.Condition()

    def wait(self, count, seconds=5):
        """Return the first `count` bodies that were posted, decoded."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, seconds), self.received
        return [json.loads(body) for _, _, body in self.received[:count]]


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, kind, body = self.server.answers.get(self.path, (404, "text/plain", b"nothing here"))
        if callable(body):
            body = body()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "/good.png")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.arrived:
            status = self.server.statuses.pop(0) if self.server.statuses else 200
            self.server.received.append((self.path, dict(self.headers), body))
            self.server.arrived.notify_all()
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def _serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def files():
    """A server with images: /good.png, /other.png, and some that are none."""
    with _serving() as server:

        def slow():
            time.sleep(0.5)
            return png("slow")

        server.answers = {
            "/good.png": (200, "image/png", png("good")),
            "/other.png": (200, "image/png", png("other")),
            "/page.png": (200, "image/png", b"<html>no picture</html>"),
            "/moved.png": (302, "text/plain", b""),
            "/slow.png": (200, "image/png", slow),
        }
        yield server


@pytest.fixture
def receiver():
    """A server that takes deliveries; `statuses` are its next answers, 200 when there are none."""
    with _serving() as server:
        yield server
