"""A Framework360 sandbox with fresh data, a client that does not wait, and small servers that break the transport."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.common.pytest_plugin import framework360_process, framework360_sandbox  # noqa: F401 - fixtures
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.customers import Framework360Customers
from shopify_fw360.framework360.limiter import LocalLimiter
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.orders import Framework360Orders
from shopify_fw360.framework360.products import Framework360Products


class Waits(list):
    """Records waits in seconds instead of making them."""

    def __call__(self, seconds):
        self.append(seconds)


class Site:
    """The sandbox, and clients and gateways for it."""

    def __init__(self, server):
        self.server = server
        self.control = server.control
        self.waits = Waits()
        self._clients = []

    def client(self, *, key="sandbox-key", url=None, **options):
        limits = {"in_flight": 4, "timeout": 5.0, **options.pop("limits", {})}
        parsed = SiteOptions.parse({"limits": limits, **options})
        client = Framework360Client(
            url or self.server.url,
            key,
            parsed,
            limiter=LocalLimiter(10_000, limits["in_flight"], sleep=lambda _: None),
            sleep=self.waits,
        )
        self._clients.append(client)
        return client

    def customers(self, *, paths=(), count_cancelled_orders=False, **options):
        client = self.client(**options)
        return Framework360Customers(
            client,
            client.options,
            paths=frozenset(paths),
            targets={},
            count_cancelled_orders=count_cancelled_orders,
        )

    def orders(self, *, recreate=False, **options):
        return Framework360Orders(self.client(**options), targets={}, recreate=recreate)

    def products(self, *, paths=("categoria",), shop_includes_tax=True, **options):
        client = self.client(**{"products": {"write": True}, **options})
        return Framework360Products(
            client, paths=frozenset(paths), targets={}, shop_prices_include_tax=lambda: shop_includes_tax
        )

    def quirk(self, **options):
        self.control.set_options(**options)

    def calls(self, operation):
        """How many requests of one operation the site has seen since the last `forget_calls`."""
        return self.control.metrics()["operations"].get(operation, {}).get("count", 0)

    def forget_calls(self):
        self.control.reset_metrics()

    def close(self):
        for client in self._clients:
            client.close()


@pytest.fixture
def site(framework360_sandbox):  # noqa: F811
    site = Site(framework360_sandbox)
    yield site
    site.close()


@pytest.fixture
def empty_site(site):
    site.control.reset(seed=7, customers=0, population="mixed")
    return site


@pytest.fixture
def scripted():
    """Start a server that gives prepared answers, one per request, the last for ever; it notes what it was asked."""
    servers = []

    def start(*answers):
        server = _Scripted(answers)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


class _Scripted:
    """Each answer is `(status, headers, body)` or a callable that gets the raw handler."""

    def __init__(self, answers):
        self.asked = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                number = len(script.asked)
                script.asked.append((self.command, self.path, dict(self.headers), body))
                answer = answers[min(number, len(answers) - 1)]
                if callable(answer):
                    answer(self)
                    return
                status, headers, content = answer
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = handle_any  # noqa: N815 - names of http.server

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def closed_port():
    """A loopback port on which nobody listens while the block runs."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def unused_port():
    with closed_port() as port:
        yield port
