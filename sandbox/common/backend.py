"""The seam between the shared shell (`app.py`) and one simulated system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from sandbox.common.diary import Diary
from sandbox.common.pages import PersonDesk
from sandbox.common.refusals import Refusals

Population = Literal["mixed", "shopify", "framework360", "both"]
POPULATIONS: tuple[Population, ...] = get_args(Population)


@dataclass(frozen=True, slots=True)
class Seed:
    """What a system is filled with.

    Args:
        seed: seed of the random generator; the same seed and counts give both systems the same people
            and products.
        customers: number of people generated for both systems together.
        population: where they live: "mixed" (45 % only in Shopify, 35 % only in Framework360, 20 % in both), or all of
            them in "shopify", in "framework360" or in "both". Products live by the same shares.
        products: number of products generated for both systems together.
        variants_per_product: their mean number of variants, about.
        orders: number of orders in Shopify; 0: none, and customers have a history in numbers only.
    """

    seed: int = 7
    customers: int = 600
    population: Population = "mixed"
    products: int = 60
    variants_per_product: float = 3.0
    orders: int = 0


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request as received, body included.

    Args:
        method: upper-case HTTP method.
        path: decoded path.
        query: raw query string without "?".
        headers: names in lower case; of repeated headers the last.
        body: raw body.
        base_url: scheme and host the caller used, e.g. "http://127.0.0.1:8361".
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes
    base_url: str


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """One answer.

    Args:
        body: whole body, or an iterable of parts that is sent chunked.
        status: HTTP status.
        content_type: value of the Content-Type header.
        headers: further headers.
        error: True when the answer reports a failure, whatever the HTTP status; counted by the metrics.
    """

    body: bytes | Iterable[bytes]
    status: int = 200
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    error: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for, as far as faults and metrics need to know.

    Args:
        name: operation id or GraphQL operation name; key of the metrics.
        write: True when the operation may change data.
    """

    name: str
    write: bool


class Backend(Protocol):
    """One simulated system. All calls come from the event loop of the server, one at a time."""

    name: str
    refusals: Refusals
    diary: Diary

    def describe(self, request: ApiRequest) -> Operation:
        """Name the operation of a request without executing it; must not raise."""

    async def handle(self, request: ApiRequest) -> ApiResponse:
        """Execute a request."""

    def throttled(self, params: Mapping[str, Any]) -> ApiResponse:
        """Answer as the real system does when it is called too often; params are those of the fault rule."""

    def reset(self, seed: Seed) -> None:
        """Drop all data, start again from the seed and put every option back to its start value."""

    def state(self) -> Mapping[str, Any]:
        """Counts and the seed, for people and tests."""

    def options(self) -> Mapping[str, Any]:
        """Every switch with its current value."""

    def set_options(self, changes: Mapping[str, Any]) -> None:
        """Change switches.

        Raises:
            ValueError: an unknown switch or a value it cannot take; nothing is changed then.
        """

    async def act(self, name: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let a person do something that no request of the API offers, and return what came of it.

        Raises:
            ValueError: an unknown act, or it cannot be done; the text says why.
        """

    def desk(self) -> PersonDesk:
        """What the pages for a person at the other end show and do."""
