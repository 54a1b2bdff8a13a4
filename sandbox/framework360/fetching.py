"""Images by URL, fetched as the real site fetches them - only that the sandbox never leaves the machine."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import httpx

from sandbox.framework360.library import image_type

MOST_BYTES = 10_000_000
_AT_ONCE = 8


class FetchError(Exception):
    """A URL that gives no image; the text tells why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A fetched image: bytes, media type and the file name of its URL."""

    content: bytes
    mime: str
    name: str


def is_loopback(url: str) -> bool:
    """Tell whether an http(s) URL points to this machine."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"


async def fetch_all(urls: Iterable[str], seconds: float) -> dict[str, Picture | FetchError]:
    """Fetch images, some at a time, without redirects and proxies.

    Args:
        urls: addresses; repeated ones are fetched once.
        seconds: time limit of each.

    Returns:
        Address to image, or to the reason there is none.
    """
    distinct = list(dict.fromkeys(urls))
    if not distinct:
        return {}
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(client: httpx.AsyncClient, url: str) -> Picture | FetchError:
        async with slots:
            try:
                return await asyncio.wait_for(_fetch(client, url), seconds)
            except FetchError as problem:
                return problem
            except TimeoutError:
                return FetchError(f"{url} non risponde entro {seconds:g} secondi")
            except (httpx.HTTPError, httpx.InvalidURL) as problem:
                return FetchError(f"{url} non si apre ({type(problem).__name__})")

    async with httpx.AsyncClient(timeout=seconds, trust_env=False, verify=False) as client:  # noqa: S501 - loopback only
        results = await asyncio.gather(*(one(client, url) for url in distinct))
    return dict(zip(distinct, results, strict=True))


async def _fetch(client: httpx.AsyncClient, url: str) -> Picture:
    if not is_loopback(url):
        raise FetchError(f"{url} non e' su questa macchina: la sandbox non scarica altro")
    content = b""
    async with client.stream("GET", url) as answer:
        if answer.status_code != 200:
            raise FetchError(f"{url} risponde HTTP {answer.status_code}")
        async for part in answer.aiter_bytes():
            content += part
            if len(content) > MOST_BYTES:
                raise FetchError(f"{url} supera {MOST_BYTES} byte")
    mime = image_type(content)
    if mime is None:
        raise FetchError(f"{url} non e' un'immagine")
    return Picture(content, mime, unquote(urlsplit(url).path).rpartition("/")[2] or "immagine")
