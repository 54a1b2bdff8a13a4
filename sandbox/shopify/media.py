"""Files of products: fetched from where the caller says, checked, and served by the sandbox itself.

Shopify: processing is asynchronous; a file is UPLOADED, then PROCESSING, then READY or FAILED with `mediaErrors`. Only
loopback addresses are fetched; any other address fails like a server that does not answer.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from sandbox.common.pictures import png
from sandbox.shopify.catalogue_writing import save_product
from sandbox.shopify.ids import gid
from sandbox.shopify.shop import Shop
from sandbox.shopify.table import Record

FILES = "/cdn/files/"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MAX_BYTES = 20 * 1024 * 1024
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)


def url_of(shop: Shop, medium: Mapping[str, Any]) -> str:
    """Return the address under which the sandbox serves a file; its version changes with the content."""
    version = medium.get("version", 1)
    return f"{shop.base_url}{FILES}{medium['num']}/{quote(str(medium['filename']))}?v={version}"


def known_address(address: str) -> bool:
    """Tell whether a text is an http(s) address at all."""
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def file_name(address: str) -> str:
    """Return the file name in an address."""
    return re.sub(r"[^\w.\-]", "_", urlsplit(address).path.rsplit("/", 1)[-1]) or "image"


def new_medium(shop: Shop, source: str, alt: str | None, name: str | None) -> Record:
    """Return a new medium that is not stored and not processed yet."""
    now = shop.clock.now()
    number = shop.number()
    return {
        "__typename": "MediaImage",
        "num": number,
        "id": gid("MediaImage", number),
        "alt": alt or "",
        "filename": name or file_name(source),
        "source": source,
        "status": "UPLOADED",
        "products": [],
        "version": now // 1_000_000,
        "createdAt": now,
        "updatedAt": now,
    }


def measure(content: bytes) -> tuple[str, int, int] | None:
    """Return (MIME type, width, height) of a PNG, JPEG, GIF or WebP; None for anything else."""
    kind = next((mime for signature, mime in _SIGNATURES if content.startswith(signature)), None)
    try:
        match kind:
            case "image/png":
                width, height = struct.unpack(">II", content[16:24])
            case "image/gif":
                width, height = struct.unpack("<HH", content[6:10])
            case "image/jpeg":
                frame = re.search(rb"\xff[\xc0-\xc3\xc5-\xc7]..\x08(....)", content, re.DOTALL)
                height, width = struct.unpack(">HH", frame[1] if frame else b"")
            case "image/webp":
                width, height = 1, 1
            case _:
                return None
    except (struct.error, ValueError):
        return None
    return str(kind), width, height


class Darkroom:
    """Fetches and processes files on the event loop; without one a file stays UPLOADED.

    Args:
        shop: the shop the files belong to.
        client: fetches them.
    """

    def __init__(self, shop: Shop, client: httpx.AsyncClient) -> None:
        self._shop = shop
        self._client = client
        self._tasks: set[asyncio.Task[None]] = set()
        self._contents: dict[int, bytes] = {}

    def close(self) -> None:
        """Stop all processing."""
        for task in self._tasks:
            task.cancel()

    def pending(self) -> int:
        """Return how many files are being processed."""
        return len(self._tasks)

    def develop(self, numbers: Iterable[int]) -> None:
        """Start processing stored media."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        for number in numbers:
            task = loop.create_task(self._process(number))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def content(self, number: int) -> tuple[bytes, str] | None:
        """Return bytes and MIME type of a file that is READY."""
        medium = self._shop.media.get(number)
        if medium is None or medium["status"] != "READY":
            return None
        if medium.get("picture"):
            return png(medium["picture"]), "image/png"
        return self._contents[number], str(medium["mimeType"])

    async def _process(self, number: int) -> None:
        pause = self._shop.options.media_seconds / 2
        await asyncio.sleep(pause)
        self._change(number, {"status": "PROCESSING"})
        medium = self._shop.media.get(number)
        if medium is None:
            return
        content, error = await self._fetch(str(medium["source"]))
        await asyncio.sleep(pause)
        measured = measure(content) if content else None
        if error is None and measured is None:
            error = ("UNSUPPORTED_IMAGE_FILE_TYPE", "Image file type is not supported", "")
        if error is not None or measured is None:
            code, message, details = error or ("UNKNOWN", "Unknown error", "")
            errors = [{"code": code, "message": message, "details": details}]
            self._change(number, {"status": "FAILED", "errors": errors}, final=True)
            return
        mime, width, height = measured
        self._contents[number] = content
        size = {"mimeType": mime, "width": width, "height": height, "fileSize": len(content)}
        self._change(number, {"status": "READY", "errors": None, "picture": None, **size}, final=True)

    def _change(self, number: int, values: Mapping[str, Any], *, final: bool = False) -> None:
        medium = self._shop.media.get(number)
        if medium is None:
            return
        medium |= values
        medium["updatedAt"] = self._shop.clock.now()
        self._shop.media.put(medium)
        if final:
            for num in medium.get("products") or []:
                product = self._shop.products.get(num)
                if product is not None:
                    save_product(self._shop, product)

    async def _fetch(self, address: str) -> tuple[bytes, tuple[str, str, str] | None]:
        failed = ("IMAGE_DOWNLOAD_FAILURE", "Image could not be downloaded", "")
        staged = self._shop.uploads.get(urlsplit(address).path)
        if staged is not None:
            return staged, None
        if urlsplit(address).hostname not in _LOOPBACK:
            return b"", failed
        try:
            answer = await self._client.get(address)
        except httpx.HTTPError as problem:
            return b"", (*failed[:2], type(problem).__name__)
        if not answer.is_success:
            return b"", (*failed[:2], f"HTTP {answer.status_code}")
        if len(answer.content) > _MAX_BYTES:
            return b"", ("INVALID_IMAGE_FILE_SIZE", "Image file size exceeds 20 MB", "")
        return answer.content, None
