import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from shopify_fw360.web.doorbell import Doorbell, RemoteBell


class House:
    """Somebody who may be awake, and a bell that counts."""

    def __init__(self):
        self.awake = False
        self.looks = self.rings = 0
        self.broken = False

    def is_awake(self):
        self.looks += 1
        return self.awake

    def ring(self):
        self.rings += 1
        if self.broken:
            raise LookupError("no asset")


@pytest.fixture
def house():
    return House()


def press(house, *pauses, rings_apart=0.3, wait=0.2):
    """Press once, and again after each pause; then wait."""

    async def story():
        bell = Doorbell(house.is_awake, house.ring, rings_apart=rings_apart)
        bell.press()
        for pause in pauses:
            await asyncio.sleep(pause)
            bell.press()
        await asyncio.sleep(wait)

    asyncio.run(story())


def test_it_rings_when_nobody_is_awake(house):
    press(house)
    assert house.rings == 1


def test_it_does_not_ring_for_somebody_who_is_awake(house):
    house.awake = True
    press(house)
    assert (house.looks, house.rings) == (1, 0)


def test_a_burst_rings_once_and_looks_seldom(house):
    press(house, *[0.001] * 100, rings_apart=10)
    assert house.rings == 1
    assert house.looks < 10


def test_what_comes_after_a_ring_rings_again_if_nobody_came(house):
    press(house, 0.02, wait=0.6)
    assert house.rings == 2


def test_it_does_not_ring_again_if_somebody_came_meanwhile(house):
    async def story():
        bell = Doorbell(house.is_awake, house.ring, rings_apart=0.3)
        bell.press()
        await asyncio.sleep(0.1)
        bell.press()
        house.awake = True
        await asyncio.sleep(0.5)

    asyncio.run(story())
    assert house.rings == 1


def test_a_broken_bell_harms_nobody(house):
    house.broken = True
    press(house, 0.3, rings_apart=0.1)
    assert house.rings == 2


class FakeAirflow(BaseHTTPRequestHandler):
    calls: list
    tokens: list

    def do_GET(self):
        self.reply(200, {"assets": [{"id": 3, "name": "sync_queue_of_others"}, {"id": 7, "name": "sync_queue"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/auth/token":
            self.tokens.append(f"t{len(self.tokens)}")
            self.reply(201, {"access_token": self.tokens[-1]})
        elif self.headers["Authorization"] == f"Bearer {self.tokens[-1]}":
            self.calls.append((self.path, body))
            self.reply(200, {})
        else:
            self.reply(401, {})

    def reply(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def airflow():
    handler = type("Handler", (FakeAirflow,), {"calls": [], "tokens": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    handler.url = f"http://127.0.0.1:{server.server_port}"
    yield handler
    server.shutdown()
    server.server_close()


class TestRemoteBell:
    def test_it_registers_an_event_of_the_queues_asset(self, airflow):
        ring = RemoteBell(airflow.url, "bell", "secret")
        ring()
        ring()
        assert airflow.calls == [("/api/v2/assets/events", {"asset_id": 7, "extra": {}})] * 2
        assert len(airflow.tokens) == 1

    def test_it_logs_in_again_when_its_token_has_expired(self, airflow):
        ring = RemoteBell(airflow.url, "bell", "secret")
        ring()
        airflow.tokens.append("a newer one")
        ring()
        assert len(airflow.calls) == 2

    def test_airflow_that_is_away_is_an_error(self):
        with pytest.raises(requests.ConnectionError):
            RemoteBell("http://127.0.0.1:9", "bell", "secret")()
