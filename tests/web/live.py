"""The receiver as a server of its own, real senders in front of it, and the load they make."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from scripts.local.ports import free_port
from tests.airflow.environment import ROOT

SHOP = "test-shop.myshopify.com"
SECRET = "s3cret-of-the-app"
OLD_SECRET = "s3cret-of-last-year"
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
_numbers = itertools.count(1)


def signature(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def customer(number: int | None = None) -> bytes:
    number = number or next(_numbers)
    gid = f"gid://shopify/Customer/{number}"
    return json.dumps({"id": number, "admin_graphql_api_id": gid, "updated_at": "2026-11-24T10:00:00Z"}).encode()


def headers(body: bytes, topic: str = "customers/update", **changes: str | None) -> dict[str, str]:
    """Headers as Shopify sends them; a change to None leaves one out."""
    given = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": signature(body),
        "X-Shopify-Shop-Domain": SHOP,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": str(uuid.uuid4()),
        "X-Shopify-Event-Id": str(uuid.uuid4()),
        "X-Shopify-Triggered-At": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "X-Shopify-Name": "sync-customers-update",
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


@dataclass
class LiveReceiver:
    """A receiver in a process of its own."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def post(self, body: bytes, given: Mapping[str, str], path: str = "shopify") -> requests.Response:
        return self.session.post(f"{self.url}/{path}", data=body, headers=dict(given), timeout=20)

    def send(self, topic: str = "customers/update", body: bytes | None = None, **changes: str | None) -> Any:
        """Deliver something authentic, and return status and result."""
        body = customer() if body is None else body
        answer = self.post(body, headers(body, topic, **changes))
        return answer.status_code, answer.json()["result"]

    def access_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith('{"event"')]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def receiver(store_url: str, log: Path, **environment: str) -> Iterator[LiveReceiver]:
    """Run a receiver until the block ends."""
    port = free_port()
    given = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SYNC_"))},
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        "SYNC_STORE_URL": store_url,
        "SYNC_SHOP": SHOP,
        "SYNC_SHOPIFY_SECRETS": f"{SECRET}, {OLD_SECRET}",
        "SYNC_ENCRYPTION_KEY": KEY,
        **environment,
    }
    command = [sys.executable, "-m", "uvicorn", "shopify_fw360.web.receiver:app", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=given, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            _wait(process, port, log)
            yield LiveReceiver(f"http://127.0.0.1:{port}/sync/webhooks", port, process, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        else:
            return
