"""Two thousand deliveries that must not be taken, made by chance: no 5xx, no row, no leak."""

import json
import random
import socket
import string
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from shopify_fw360.records import System
from shopify_fw360.store import Store, Subscription
from shopify_fw360.store.subscriptions import token_digest
from tests.web.live import OLD_SECRET, SECRET, SHOP, customer, headers, receiver, signature

REQUESTS = 1_200
TOKEN = "the-token-of-the-site"


KINDS = (
    "forged",
    "replayed",
    "malformed",
    "shop",
    "content_type",
    "oversized",
    "slow",
    "topic",
    "stale",
    "odd_headers",
    "raw",
    "token",
    "method",
    "length",
)


class Fuzzer:
    """Spoils good deliveries in one or several ways."""

    def __init__(self, seed: int, sent: tuple[dict[str, str], bytes]) -> None:
        self.draw = random.Random(seed)
        self.sent = sent

    def request(self) -> tuple[bytes, bool]:
        """Return the bytes of a request, and whether it is held back in the middle."""
        kind = self.draw.choice(KINDS)
        return getattr(self, kind)(), kind == "slow"

    def http(self, given, body, path="/sync/webhooks/shopify", method="POST", length=None) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: receiver", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in given.items()]
        lines += [f"Content-Length: {len(body) if length is None else length}"]
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body

    def noise(self, length: int) -> bytes:
        return self.draw.randbytes(length)

    def text(self, length: int) -> str:
        return "".join(self.draw.choices(string.ascii_letters + string.digits + "/._-+=", k=length))

    def forged(self) -> bytes:
        body = customer()
        wrong = self.draw.choice(
            [
                "",
                self.text(44),
                signature(body, self.text(20)),
                signature(body + b" "),
                signature(body).swapcase(),
                signature(body)[:-2],
                signature(body) + "=",
                "\xff" * 44,
                self.text(5_000),
            ]
        )
        return self.http({**headers(body), "X-Shopify-Hmac-Sha256": wrong}, body)

    def replayed(self) -> bytes:
        given, body = self.sent
        changed = dict(given)
        if self.draw.random() < 0.5:
            changed["X-Shopify-Webhook-Id"] = str(uuid.uuid4())
        return self.http(changed, body)

    def malformed(self) -> bytes:
        body = self.draw.choice(
            [
                b"",
                b"{",
                b"[]",
                b"[" * self.draw.randrange(1, 20_000),
                b'{"id":' * self.draw.randrange(1, 5_000),
                self.noise(self.draw.randrange(1, 500)),
                json.dumps({"id": self.draw.choice([None, -1, 1e308, "x", [], {}, True, "\u0000", 10**40])}).encode(),
                b'{"id": "gid://shopify/Customer/' + self.noise(8).hex().encode() + b'g"}',
                b"\xef\xbb\xbf{}",
                '{"id": 1}'.encode("utf-16"),
            ]
        )
        return self.http(headers(body), body)

    def shop(self) -> bytes:
        body = customer()
        other = self.draw.choice(["", "x", "other.myshopify.com", f"{SHOP}.evil.example", f"{SHOP}\t", self.text(300)])
        return self.http({**headers(body), "X-Shopify-Shop-Domain": other}, body)

    def content_type(self) -> bytes:
        body = customer()
        kind = self.draw.choice(["", "text/plain", "application/xml", "application/jsonx", self.text(50), "*/*"])
        return self.http({**headers(body), "Content-Type": kind}, body)

    def oversized(self) -> bytes:
        body = b" " * (2 * 1024 * 1024 + self.draw.randrange(1, 1_000))
        return self.http(headers(body), body)

    def slow(self) -> bytes:
        body = customer()
        return self.http(headers(body), body)

    def topic(self) -> bytes:
        body = customer()
        topic = self.draw.choice(["", "x", "customers", "/", "../update", "customers/update/x", self.text(300), "ü/ü"])
        return self.http({**headers(body), "X-Shopify-Topic": topic}, body)

    def stale(self) -> bytes:
        body = customer()
        moment = self.draw.choice(
            [
                (datetime.now(UTC) - timedelta(days=self.draw.randrange(3, 3_000))).isoformat(),
                (datetime.now(UTC) + timedelta(hours=self.draw.randrange(1, 3_000))).isoformat(),
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-14:00",
                "now",
                self.text(40),
            ]
        )
        return self.http({**headers(body), "X-Shopify-Triggered-At": moment}, body)

    def odd_headers(self) -> bytes:
        body = customer()
        name = self.draw.choice(["X-Shopify-Event-Id", "X-Shopify-Name", "X-Shopify-Webhook-Id"])
        value = self.draw.choice(["a b", "\xe9", self.text(256), self.text(20_000), "a\tb"])
        return self.http({**headers(body), name: value}, body)

    def raw(self) -> bytes:
        return self.noise(self.draw.randrange(1, 400)) + b"\r\n\r\n"

    def token(self) -> bytes:
        token = self.draw.choice([self.text(20), TOKEN[:-1], TOKEN.upper(), "%2e%2e", "a" * 4_000, "%00", "*"])
        body = json.dumps({"id": "d", "event": "customer.updated", "data": {"id": 1}}).encode()
        return self.http({"Content-Type": "application/json"}, body, f"/sync/webhooks/framework360/{token}")

    def method(self) -> bytes:
        body = customer()
        method = self.draw.choice(["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"])
        return self.http(headers(body), body, method=method)

    def length(self) -> bytes:
        body = customer()
        length = self.draw.choice(["-1", "x", "1e3", "99999999999999999999999", "5", ""])
        return self.http(headers(body), body, length=length)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    store = Store.open(f"sqlite:///{folder / 'store.db'}")
    store.upgrade()
    with store.begin() as tx:
        tx.save_subscription(Subscription(System.FRAMEWORK360, "1", (), "https://x/", token_digest(TOKEN)))
    with receiver(f"sqlite:///{folder / 'store.db'}", folder / "log") as running:
        running.store = store
        yield running
    store.close()


def everything(store):
    """Number of rows of every table but those that count repetitions in place."""
    with store.connect(read_only=True) as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        return {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() for name in names}


def exchange(port: int, request: bytes, held: threading.Semaphore, is_slow: bool) -> bytes:
    """Send a request and return the answer, empty if the connection was only closed."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(30)
        if not is_slow:
            return _answer(connection, request)
        with held:
            return _answer(connection, request[:-3])


def _answer(connection: socket.socket, request: bytes) -> bytes:
    parts = []
    try:
        connection.sendall(request)
        while part := connection.recv(65_536):
            parts.append(part)
    except OSError:
        pass  # the receiver answers and closes before it has read what is too large
    return b"".join(parts)


@pytest.mark.timeout(300)
def test_nothing_gets_in_and_nothing_breaks(live):
    body = customer()
    given = headers(body)
    assert live.post(body, given).status_code == 200
    fuzzer = Fuzzer(20261124, (given, body))
    before = everything(live.store)
    requests = [fuzzer.request() for _ in range(REQUESTS)]
    held = threading.Semaphore(40)
    with ThreadPoolExecutor(60) as senders:
        answers = list(senders.map(lambda pair: exchange(live.port, pair[0], held, pair[1]), requests))
    statuses = [int(answer[9:12]) for answer in answers if answer.startswith(b"HTTP/1.1")]
    assert len(statuses) > REQUESTS * 0.8
    assert {status for status in statuses if status >= 500} == set()
    # The only ones that are acknowledged are repetitions of what was taken before.
    acknowledged = [answer for answer in answers if answer.startswith(b"HTTP/1.1 200")]
    assert acknowledged
    assert all(answer.endswith(b'{"result":"duplicate"}') for answer in acknowledged)
    assert everything(live.store) == before
    told = b"".join(answers) + live.log.read_bytes()
    for secret in (SECRET, OLD_SECRET, TOKEN, "Traceback", "sqlite", "site-packages"):
        assert secret.encode() not in told
    assert live.send() == (200, "accepted")
