"""Wakes the consumer of the queue when events have been committed and nobody looks at the queue by itself.

A bell that does not ring costs a few seconds and never an event: a sensor looks at the queue as well.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import requests

from shopify_fw360.records import QUEUE_ASSET

log = logging.getLogger(__name__)

LOOKS_APART: Final = 0.05
"""Seconds between two looks whether somebody is awake."""

RINGS_APART: Final = 3.0
"""Seconds between two rings: about the time in which Airflow starts a task, which then says that it is awake."""

_SECONDS: Final = 5.0


class Bell(Protocol):
    """Something that wakes the consumer; may block, may raise."""

    def __call__(self) -> None:
        """Ring once."""


class Doorbell:
    """Rings when it is asked to and nobody is awake, but no more often than needed.

    Args:
        is_awake: whether a consumer looks at the queue by itself; blocks, may raise.
        bell: rings; blocks, may raise.
        rings_apart: seconds between two rings.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        is_awake: Callable[[], bool],
        bell: Bell,
        *,
        rings_apart: float = RINGS_APART,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_awake = is_awake
        self._bell = bell
        self._rings_apart = rings_apart
        self._clock = clock
        self._wanted = False
        self._looked_at = self._rang_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def press(self) -> None:
        """Ask for the consumer, after a commit; returns at once."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._answer())

    async def _answer(self) -> None:
        while self._wanted:
            await self._wait(self._looked_at + LOOKS_APART)
            self._wanted = False
            self._looked_at = self._clock()
            try:
                if await asyncio.to_thread(self._is_awake):
                    continue
                wait = self._rang_at + self._rings_apart
                if self._clock() < wait:
                    # Somebody was called and has not come yet; look again then.
                    self._wanted = True
                    await self._wait(wait)
                    continue
                self._rang_at = self._clock()
                await asyncio.to_thread(self._bell)
            except Exception as error:  # noqa: BLE001 - no failure of a bell may reach those who deliver
                log.warning(
                    "the consumer could not be called, it will look by itself: %s: %s", type(error).__name__, error
                )

    async def _wait(self, until: float) -> None:
        seconds = until - self._clock()
        if seconds > 0:
            await asyncio.sleep(seconds)


def no_bell() -> None:
    """Do nothing: the sensor finds the events."""


class RemoteBell:
    """Registers an asset event through Airflow's public API, for a receiver that runs elsewhere.

    Args:
        url: base URL of Airflow.
        user: of Airflow; needs the right to create asset events.
        password: of the user.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url.rstrip("/")
        self._login = {"username": user, "password": password}
        self._session = requests.Session()
        self._asset: int | None = None

    def __call__(self) -> None:
        """Ring once; raise for any answer but success."""
        if self._asset is None:
            self._asset = self._find_asset()
        self._call("POST", "assets/events", {"asset_id": self._asset, "extra": {}})

    def _find_asset(self) -> int:
        found = self._call("GET", f"assets?name_pattern={QUEUE_ASSET}")["assets"]
        for asset in found:
            if asset["name"] == QUEUE_ASSET:
                return int(asset["id"])
        raise LookupError(f"Airflow has no asset {QUEUE_ASSET} yet: is the DAG webhook_queue there?")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._send(method, path, body)
        if answer.status_code == requests.codes.unauthorized:
            # The token of the last login has expired.
            del self._session.headers["Authorization"]
            answer = self._send(method, path, body)
        answer.raise_for_status()
        return answer.json()

    def _send(self, method: str, path: str, body: Any) -> requests.Response:
        if "Authorization" not in self._session.headers:
            self._log_in()
        return self._session.request(method, f"{self._url}/api/v2/{path}", json=body, timeout=_SECONDS)

    def _log_in(self) -> None:
        answer = self._session.post(f"{self._url}/auth/token", json=self._login, timeout=_SECONDS)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
