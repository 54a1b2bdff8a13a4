"""A scripted HTTP server for single behaviours of the other side that the sandbox does not show."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shopify_fw360.shopify.address import shop_address
from shopify_fw360.shopify.auth import StaticToken
from shopify_fw360.shopify.budget import CostBudget
from shopify_fw360.shopify.client import Retries, ShopifyClient

Answer = Callable[["Request"], None]

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@dataclass
class Script:
    """What the server answers, one after the other; the last answer is repeated."""

    answers: list[Answer]
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def do_POST(self):
        self.script.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.script.headers.append(dict(self.headers))
        answers = self.script.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def reply(self, status, body: bytes, headers=None, length=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def json_answer(body, status=200, **headers) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: request.reply(status, json.dumps(body).encode(), names)


def plain_answer(status, text, **headers) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: request.reply(status, text.encode(), names)


@contextmanager
def scripted(*answers: Answer) -> Iterator[Script]:
    script = Script(list(answers))
    handler = type("Handler", (Request,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def client_for(url, tokens=None, budget=None, **options) -> ShopifyClient:
    address = shop_address(url)
    options.setdefault("retries", Retries(attempts=4, first_wait=0.01, read_timeout=5))
    options.setdefault("sleep", lambda _: None)
    return ShopifyClient(address, tokens or StaticToken("secret-token"), budget or CostBudget(address.shop), **options)


def make(client: ShopifyClient, **fields) -> str:
    """Create a customer the way a person in the shop does, and return its id."""
    text = (
        "mutation M($input: CustomerInput!)"
        " { customerCreate(input: $input) { customer { id } userErrors { field message } } }"
    )
    data = client.execute(text, {"input": fields}, operation_name="M", idempotent=False)
    assert data["customerCreate"]["userErrors"] == []
    return data["customerCreate"]["customer"]["id"]
