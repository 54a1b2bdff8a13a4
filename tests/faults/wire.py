"""A TCP proxy that does what networks do: late, slow, cut, reset, silent for good; it knows nothing of HTTP or SQL."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["late", "reset", "silent", "cut", "drip"]
"""late: each piece arrives after a while; reset: RST in the middle of a request; silent: nothing goes through any more,
and neither side is told (half-open); cut: an answer ends in its middle; drip: answers come in drops."""

KINDS: tuple[Kind, ...] = ("late", "reset", "silent", "cut", "drip")


@dataclass
class Fault:
    """What happens on the wire.

    Args:
        kind: see above.
        after: bytes that pass first, in the direction that counts: requests for reset and silent, answers else.
        seconds: delay of each piece (late).
        drop: bytes of an answer that pass in each hundredth of a second (drip).
    """

    kind: Kind
    after: int = 0
    seconds: float = 0.1
    drop: int = 16

    @property
    def upstream(self) -> bool:
        return self.kind in ("reset", "silent")


class Wire:
    """Stands between a client and a server.

    Args:
        host: of the server.
        port: of the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._fault: Fault | None = None
        self._passed = {True: 0, False: 0}
        self._struck = threading.Event()
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._loop = asyncio.new_event_loop()
        self._listener: asyncio.Server
        self.port = 0

    @property
    def struck(self) -> bool:
        """Whether the fault has happened."""
        return self._struck.is_set()

    def passed(self, *, upstream: bool) -> int:
        """Bytes that went by since the last `strike` or `mend`."""
        return self._passed[upstream]

    def strike(self, fault: Fault) -> None:
        """Let a fault happen, to every connection from its place on, until `mend`; reset and cut happen once."""
        self._struck.clear()
        self._passed = {True: 0, False: 0}
        self._fault = fault

    def mend(self) -> None:
        """Let everything pass again; connections that fell silent are reset, as a router does that comes back."""
        self._fault = None
        self._passed = {True: 0, False: 0}
        asyncio.run_coroutine_threadsafe(self._reset_all(), self._loop).result(5)

    async def _reset_all(self) -> None:
        for client, server in list(self._pairs):
            _reset(client)
            _reset(server)

    async def _end(self) -> None:
        """Reset all connections and wait until nobody carries anything any more."""
        self._listener.close()
        await self._reset_all()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._server)
        except OSError:
            _reset(writer)
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(
                self._carry(reader, far_writer, upstream=True), self._carry(far_reader, writer, upstream=False)
            )
        except OSError:
            _reset(writer)
            _reset(far_writer)
        finally:
            self._pairs.discard(pair)
            for each in pair:
                each.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, upstream: bool) -> None:
        while piece := await reader.read(65_536):
            before = self._passed[upstream]
            self._passed[upstream] = before + len(piece)
            fault = self._fault
            if fault is not None and fault.kind == "silent" and self._struck.is_set():
                continue  # swallowed, in both directions
            if fault is None or fault.upstream != upstream or before + len(piece) <= fault.after:
                await _send(writer, piece)
                continue
            self._struck.set()
            await self._spoil(fault, writer, piece, max(0, fault.after - before))
        if writer.can_write_eof():
            with contextlib.suppress(OSError):
                writer.write_eof()

    async def _spoil(self, fault: Fault, writer: asyncio.StreamWriter, piece: bytes, place: int) -> None:
        if fault.kind == "late":
            await asyncio.sleep(fault.seconds)
            await _send(writer, piece)
        elif fault.kind == "drip":
            for start in range(0, len(piece), fault.drop):
                await _send(writer, piece[start : start + fault.drop])
                await asyncio.sleep(0.01)
        else:
            await _send(writer, piece[:place])
            if fault.kind != "silent":
                self._fault = None
                raise ConnectionResetError


async def _send(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(piece)
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST instead of FIN."""
    peer = writer.get_extra_info("socket")
    if peer is not None:
        with contextlib.suppress(OSError):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.contextmanager
def wire_to(host: str, port: int) -> Iterator[Wire]:
    """Run a wire while the block runs."""
    wire = Wire(host, port)
    ready = threading.Event()

    async def serve() -> None:
        wire._listener = await asyncio.start_server(wire._meet, "127.0.0.1", 0)
        wire.port = wire._listener.sockets[0].getsockname()[1]
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(wire._loop)
        wire._loop.run_until_complete(serve())
        wire._loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield wire
    finally:
        asyncio.run_coroutine_threadsafe(wire._end(), wire._loop).result(10)
        wire._loop.call_soon_threadsafe(wire._loop.stop)
        thread.join(10)
        wire._loop.close()
