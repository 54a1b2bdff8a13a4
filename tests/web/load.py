"""Load on a receiver over keep-alive connections: ``python -m tests.web.load PORT SECONDS RATE CONNECTIONS [FIRST]``.

RATE 0 sends as fast as answers come. Prints each acknowledged record number if asked by ACKS, and a line of JSON at the
end: requests, seconds, statuses, latencies in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

import uvloop

from tests.web.live import customer, headers


def request(port: int, number: int) -> bytes:
    body = customer(number)
    lines = [f"{name}: {value}" for name, value in headers(body).items()]
    head = ["POST /sync/webhooks/shopify HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Load:
    def __init__(self, port: int, first: int, count: int, rate: float, seconds: float, acks: bool) -> None:
        self.port = port
        self.numbers = iter(range(first, first + count))
        self.requests = {number: request(port, number) for number in range(first, first + count)}
        self.rate = rate
        self.seconds = seconds
        self.acks = acks
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.sent = 0

    async def run(self, connections: int) -> dict[str, object]:
        self.began = time.perf_counter()
        await asyncio.gather(*(self.connection() for _ in range(connections)))
        spent = time.perf_counter() - self.began
        ordered = sorted(self.latencies) or [0.0]
        return {
            "requests": len(self.latencies),
            "seconds": round(spent, 2),
            "per_second": round(len(self.latencies) / spent),
            "statuses": dict(self.statuses),
            **{
                f"p{share}": round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1000, 1)
                for share in (50, 95, 99)
            },
            "max": round(ordered[-1] * 1000, 1),
        }

    async def connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for number in self.numbers:
                due = time.perf_counter()
                if self.rate:
                    # The time at which it should go out counts, so that a stalled server cannot hide its stall.
                    due = self.began + self.sent / self.rate
                    self.sent += 1
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if time.perf_counter() - self.began > self.seconds:
                    return
                writer.write(self.requests[number])
                status = await self.answer(reader)
                self.latencies.append(time.perf_counter() - due)
                self.statuses[status] += 1
                if self.acks and status == 200:
                    sys.stdout.write(f"{number}\n")
                    sys.stdout.flush()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.statuses[0] += 1
        finally:
            writer.close()

    async def answer(self, reader: asyncio.StreamReader) -> int:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        return int(head[9:12])


def main() -> None:
    port, seconds, rate, connections, first = (float(text) for text in sys.argv[1:6])
    count = int((rate or 4000) * seconds) + 1
    load = Load(int(port), int(first), count, rate, seconds, acks="ACKS" in sys.argv)
    sys.stdout.write(f"{json.dumps(uvloop.run(load.run(int(connections))))}\n")


if __name__ == "__main__":
    main()
