"""What may be taken from the network: bodies within limits of size and time, of a kind we read, and a log of each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

access_log: Final = logging.getLogger("shopify_fw360.access")
"""One line of JSON per delivery, without addresses, bodies or names."""

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sender may take from us.

    Args:
        max_bytes: size of a body.
        body_seconds: time in which it must be here (Shopify: completes within 5 seconds).
        commit_seconds: time we take for the commit before we ask the sender to come again.
        most_at_once: deliveries being read or committed at the same time.
    """

    max_bytes: int = 2 * 1024 * 1024
    body_seconds: float = 5.0
    commit_seconds: float = 4.0
    most_at_once: int = 4_000


class RefusedError(Exception):
    """A delivery that is answered with an error.

    Args:
        status: HTTP status.
        result: a word for the log and the sender.
        detail: for the log only.
        retry_after: seconds after which it makes sense to come again.
    """

    def __init__(self, status: int, result: str, detail: str = "", retry_after: int | None = None) -> None:
        super().__init__(result)
        self.status = status
        self.result = result
        self.detail = detail
        self.retry_after = retry_after


@dataclass(slots=True)
class Visit:
    """One delivery on its way through.

    Args:
        system: who it claims to be.
        headers: by lower-case name; of repeated ones the last.
        bytes: of the body, as far as it was read.
        topic: known only once the delivery is authentic, because whatever else is a stranger's text.
    """

    system: str
    headers: Mapping[str, str]
    bytes: int = 0
    topic: str | None = None
    _began: float = field(default_factory=time.perf_counter, init=False)

    @classmethod
    def of(cls, request: Request, system: str) -> Visit:
        """Begin the visit that a request is."""
        # One pass instead of a search through all headers for each that is asked for.
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
        return cls(system, headers)

    def log(self, status: int, result: str, detail: str = "") -> None:
        """Write the line."""
        if access_log.isEnabledFor(logging.INFO):
            line: dict[str, Any] = {
                "event": "webhook",
                "system": self.system,
                "topic": self.topic,
                "status": status,
                "result": result,
                "bytes": self.bytes,
                "ms": round((time.perf_counter() - self._began) * 1000, 1),
            }
            if detail:
                line["detail"] = detail
            access_log.info("%s", orjson.dumps(line).decode())


def answer(status: int, result: str, retry_after: int | None = None) -> Response:
    """Return the answer to a delivery; after an error the connection is closed, because its body may be unread."""
    headers = dict(_HEADERS)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if status >= 400:
        headers["Connection"] = "close"
    return Response(b'{"result":"%s"}' % result.encode(), status, headers, "application/json")


async def read_body(request: Request, limits: Limits, visit: Visit) -> bytes:
    """Read a body while it stays within the limits.

    Args:
        request: whose body was not read yet.
        limits: size and time.
        visit: counts the bytes.

    Returns:
        The body, byte by byte as it was sent.

    Raises:
        RefusedError: 413 as soon as it is too large, 408 if it is not here in time, 400 if the sender goes away.
    """
    announced = visit.headers.get("content-length", "0")
    if not announced.isascii() or not announced.isdigit():
        raise RefusedError(400, "bad_length")
    if int(announced) > limits.max_bytes:
        raise RefusedError(413, "too_large")
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for part in request.stream():
                visit.bytes += len(part)
                if visit.bytes > limits.max_bytes:
                    raise RefusedError(413, "too_large")
                parts.append(part)
    except TimeoutError:
        raise RefusedError(408, "too_slow") from None
    except ClientDisconnect:
        raise RefusedError(400, "gone") from None
    return b"".join(parts)


def content_kind(visit: Visit, accepted: frozenset[str]) -> str:
    """Return the media type of a delivery; raise RefusedError with 415 if it is none of the accepted ones."""
    kind = visit.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in accepted:
        raise RefusedError(415, "wrong_content_type")
    return kind
