"""A host of bulk files that can be told to misbehave."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shopify_fw360.shopify.address import shop_address
from shopify_fw360.shopify.bulk_operations import BulkOperation


@dataclass
class Host:
    """What it serves and how.

    Args:
        content: of the file.
        cut: answers to cut short after so many bytes, one after the other.
        reset: answers to end by a reset after so many bytes, one after the other.
        expired: paths that are not served any more.
        ranges: whether it goes on in the middle of a file.
        served: range headers of all requests.
    """

    content: bytes
    cut: list[int] = field(default_factory=list)
    reset: list[int] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)
    ranges: bool = True
    served: list[str] = field(default_factory=list)
    url: str = ""
    path: str = "/first"

    @property
    def address(self):
        return shop_address(self.url)

    def operation(self, **changes) -> BulkOperation:
        known = {
            "id": "gid://shopify/BulkOperation/1",
            "status": "COMPLETED",
            "error_code": None,
            "objects": 1,
            "roots": 1,
            "size": len(self.content),
            "url": f"{self.url}{self.path}",
            "text": "",
        }
        return BulkOperation(**{**known, **changes})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host: Host

    def do_GET(self):
        host = self.host
        host.served.append(self.headers.get("Range", ""))
        if self.path in host.expired:
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        wanted = self.headers.get("Range")
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and host.ranges else 0
        body = host.content[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body)))
        if begin:
            total = len(host.content)
            self.send_header("Content-Range", f"bytes {begin}-{total - 1}/{total}")
        self.end_headers()
        if host.cut:
            self.wfile.write(body[: host.cut.pop(0)])
            self.close_connection = True
        elif host.reset:
            self.wfile.write(body[: host.reset.pop(0)])
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def hosting(content: bytes, **how) -> Iterator[Host]:
    host = Host(content, **how)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": host}))
    server.daemon_threads = True
    server.block_on_close = False
    # A connection that was reset on purpose is no error of the test.
    server.handle_error = lambda *_: None
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
