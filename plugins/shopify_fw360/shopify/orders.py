"""Orders in Shopify, read only: by time and by id, each with the sale it becomes. Implements `records.Gateway`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn

from shopify_fw360.errors import MAPPING_INVALID, ORDER_MONEY, SHOPIFY_ORDER_UNREADABLE, SyncError
from shopify_fw360.records import (
    PROBLEM,
    ChangeMark,
    Entity,
    ExportSource,
    Page,
    SourceRecord,
    System,
    Window,
    WriteResult,
    problem_of,
)
from shopify_fw360.sales.booking import Booking
from shopify_fw360.shopify.bulk_reader import BulkReader
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.order_fields import SALE, SALE_PATHS
from shopify_fw360.shopify.order_sale import sale_of
from shopify_fw360.shopify.records_reader import CURSOR_LIMIT, RecordsReader, changed
from shopify_fw360.shopify.selection import compile_selection

_log = logging.getLogger(__name__)

ALL_ORDERS: Final = "read_all_orders"
"""Scope without which Shopify shows the orders of the last 60 days only."""

_ALWAYS: Final = frozenset({"id", "updatedAt", "legacyResourceId", "test", SALE})


class ShopifyOrders:
    """The orders of one shop.

    An order that cannot be booked carries the reason (`records.PROBLEM`) instead of the sale, so that it is parked
    under its own code and the others go on.

    Args:
        client: of the shop.
        paths: source paths that records must carry.
        booking: tells how the site books sales; asked once.
        cursor_limit: records one cursor may reach.
    """

    system = System.SHOPIFY
    entity = Entity.ORDER

    def __init__(
        self,
        client: ShopifyClient,
        paths: Iterable[str],
        *,
        booking: Callable[[], Booking],
        cursor_limit: int = CURSOR_LIMIT,
    ) -> None:
        wanted = {*paths, *SALE_PATHS}
        self.selection = compile_selection(Entity.ORDER, wanted)
        self._kept = _ALWAYS | {path.partition(".")[0].removesuffix("[]") for path in wanted}
        self._reader = RecordsReader(client, self.selection, cursor_limit=cursor_limit)
        self.exports: ExportSource = BulkReader(client, self._reader, finish=self._with_sale)
        self._client = client
        self._ask = booking
        self._booking: Booking | None = None
        self._sees_all: bool | None = None
        self._lock = threading.Lock()

    @property
    def sees_all(self) -> bool:
        """Whether the app may read orders older than 60 days, so that an absent order is a deleted one."""
        with self._lock:
            if self._sees_all is None:
                self._sees_all = ALL_ORDERS in self._client.check().scopes
            return self._sees_all

    def scan(self, window: Window) -> Iterator[Page]:
        """Read all orders whose modification time lies in the window; see `RecordsReader.scan`."""
        for page in self._reader.scan(window):
            yield replace(page, records=[self._with_sale(record) for record in page.records])

    def changed(self, window: Window) -> Iterator[ChangeMark]:
        """List the orders changed in the window without reading them; see `records_reader.changed`."""
        return changed(self._client, Entity.ORDER, window)

    def fetch(self, ids: Sequence[str]) -> dict[str, SourceRecord]:
        """Read orders by global id or number, bypassing the search index.

        Returns:
            The orders that exist, by the id as given. Without the scope `read_all_orders` an order that Shopify does
            not show may be old or deleted: it is there with the problem SYNC-315, so that it never counts as deleted.
        """
        found = {given: self._with_sale(record) for given, record in self._reader.fetch(ids).items()}
        missing = [given for given in ids if given not in found]
        if missing and not self.sees_all:
            found.update((given, _unreadable(given)) for given in missing)
        return found

    def find(self, key: str, values: Sequence[str]) -> dict[str, list[SourceRecord]]:  # noqa: ARG002 - of the protocol
        """Orders are never looked for: they go one way."""
        raise SyncError(MAPPING_INVALID, "orders cannot be matched in Shopify", field=key, rule="match")

    def find_counterpart(self, other_id: str) -> SourceRecord | None:  # noqa: ARG002 - of the protocol
        """Orders carry no id of Framework360."""
        return None

    def create(self, fields: Mapping[str, Any], other_id: str) -> NoReturn:  # noqa: ARG002 - of the protocol
        """Orders are never written."""
        raise _read_only()

    def update(self, current: SourceRecord, changes: Mapping[str, Any], other_id: str) -> WriteResult:  # noqa: ARG002
        """Orders are never written."""
        raise _read_only()

    def _with_sale(self, record: SourceRecord) -> SourceRecord:
        name = f"order shopify:{record.id}"
        # Asked outside of the record: a site that does not answer must stop the run, not park its orders.
        booking = self._known_booking()
        raw = {key: value for key, value in record.raw.items() if key in self._kept}
        try:
            raw[SALE] = sale_of(record.raw, booking, name)
        except SyncError as error:
            raw[PROBLEM] = problem_of(error)
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            # An order of a shape that Shopify does not document must not take the page down.
            _log.exception("%s cannot be read", name)
            problem = SyncError(ORDER_MONEY, f"its money cannot be read ({type(error).__name__})", rule="shape")
            raw[PROBLEM] = problem_of(problem)
        return replace(record, raw=raw)

    def _known_booking(self) -> Booking:
        if self._booking is None:
            with self._lock:
                self._booking = self._ask()
        return self._booking


def _unreadable(given: str) -> SourceRecord:
    error = SyncError(
        SHOPIFY_ORDER_UNREADABLE, "Shopify does not show this order", record=f"order shopify:{given}", rule=ALL_ORDERS
    )
    return SourceRecord(given, {"id": given, PROBLEM: problem_of(error)})


def _read_only() -> SyncError:
    return SyncError(MAPPING_INVALID, "orders go from Shopify to Framework360 only", rule="orders are read only")
