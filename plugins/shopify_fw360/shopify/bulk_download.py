"""The file of a bulk operation brought to disk; goes on where it stopped, also in another process."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from shopify_fw360.errors import SHOPIFY_BULK, SHOPIFY_UNAVAILABLE, SyncError
from shopify_fw360.shopify.address import ShopAddress
from shopify_fw360.shopify.bulk_operations import BulkOperation
from shopify_fw360.shopify.transport import USER_AGENT

log = logging.getLogger(__name__)

BLOCK: Final = 1 << 18
_EXPIRED: Final = frozenset({400, 401, 403, 404, 410})
"""What file hosts answer to a signed address whose time is over."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How patient a download is.

    Args:
        tries: how often it goes on without having got a byte more.
        wait: seconds before the second try; doubles each time.
        connect_timeout: seconds to connect.
        read_timeout: seconds between two packets.
        sleep: waits the given seconds.
    """

    tries: int = 6
    wait: float = 0.5
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    sleep: Callable[[float], None] = time.sleep


class _ExpiredError(Exception):
    """The address is worth nothing any more."""


class Download:
    """Brings the file of one operation to disk.

    Args:
        address: of the shop; a file on plain http is taken from a sandbox on this machine only.
        look: asks the shop for the operation, and so for a fresh address of its file.
        path: where the file goes; what is there already is taken for its beginning.
        patience: see `Patience`.
    """

    def __init__(
        self,
        address: ShopAddress,
        look: Callable[[], BulkOperation],
        path: Path,
        patience: Patience | None = None,
    ) -> None:
        self._address = address
        self._look = look
        self._path = path
        self._patience = patience or Patience()

    def run(self) -> None:
        """Bring the file to disk completely.

        Raises:
            SyncError: SYNC-318 if the host's file is not the announced one or is gone, SYNC-304 if the host does not
                answer; the next attempt goes on where this one stopped.
        """
        operation = self._look()
        url = _checked(operation, self._address)
        size = operation.size
        if size is None:
            raise SyncError(SHOPIFY_BULK, "the shop does not tell the size of the file", rule="fileSize")
        with self._session() as session:
            tries = 0
            while (had := self._held()) < size:
                tries += 1
                try:
                    self._fetch(session, url, had, size)
                except _ExpiredError:
                    log.info("the address of the bulk file has expired; asking for a fresh one")
                    url = _checked(self._look(), self._address)
                    problem = "its address is refused"
                except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                    # The text of a requests exception may quote the signed address, so only its kind is kept.
                    problem = type(error).__name__
                else:
                    problem = "the answer ended early"
                if self._held() > had:
                    tries = 0
                elif tries >= self._patience.tries:
                    raise SyncError(
                        SHOPIFY_UNAVAILABLE, f"the bulk file cannot be fetched beyond {had} of {size} bytes: {problem}"
                    )
                else:
                    self._patience.sleep(min(30.0, self._patience.wait * 2.0 ** (tries - 1)))
        if self._held() != size:
            raise SyncError(
                SHOPIFY_BULK, f"the file on disk is longer than the {size} bytes announced", rule="fileSize"
            )

    def _held(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = self._address.base_url.startswith("https:")
        # A compressed answer could not be gone on with at a byte of the file.
        session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        return session

    def _fetch(self, session: requests.Session, url: str, had: int, size: int) -> None:
        limits = self._patience
        with session.get(
            url,
            headers={"Range": f"bytes={had}-"} if had else {},
            stream=True,
            timeout=(limits.connect_timeout, limits.read_timeout),
            allow_redirects=False,
        ) as response:
            status = response.status_code
            if status in _EXPIRED:
                raise _ExpiredError
            if status == 416 or (status == 206 and not _goes_on(response, had, size)):
                raise SyncError(SHOPIFY_BULK, f"the host's file is not the announced one of {size} bytes", rule="size")
            if status not in (200, 206):
                raise requests.HTTPError(f"status {status}")
            if status == 200:
                stated = response.headers.get("Content-Length")
                if stated is not None and int(stated) != size:
                    text = f"the host's file has {stated} bytes; {size} were announced"
                    raise SyncError(SHOPIFY_BULK, text, rule="fileSize")
            # A host that does not go on sends the file from its beginning.
            with self._path.open("ab" if status == 206 else "wb") as file:
                while block := response.raw.read1(BLOCK):
                    file.write(block)


def _goes_on(response: requests.Response, had: int, size: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {had}-") and response.headers[
        "Content-Range"
    ].endswith((f"/{size}", "/*"))


def _checked(operation: BulkOperation, address: ShopAddress) -> str:
    if operation.url is None:
        raise SyncError(SHOPIFY_BULK, operation.failure or "the operation has no file any more", rule="url")
    secure = urlsplit(operation.url).scheme == "https"
    if not secure and not operation.url.startswith(f"{address.base_url}/"):
        raise SyncError(SHOPIFY_BULK, "the file is offered at an address that is not https", rule="https")
    return operation.url
