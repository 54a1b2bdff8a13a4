"""Sales of one Framework360 site, as the sync core sees them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.fields import held
from shopify_fw360.framework360.order_codec import order_decoder
from shopify_fw360.framework360.order_fields import MARKER, REFERENCE
from shopify_fw360.framework360.order_names import OrderNames
from shopify_fw360.framework360.order_writes import SaleWriter, WrittenSale
from shopify_fw360.framework360.rows import about, get_row, modified_at
from shopify_fw360.framework360.scan import rows_of, scan
from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.records import Entity, Page, Raw, SourceRecord, System, TargetField, Window, WriteResult
from shopify_fw360.sales.identity import reference_of

_log = logging.getLogger(__name__)

_NO_NOTE: Final = (errors.UNCLEAR_CREATE, errors.FW360_PERMISSION, errors.FW360_CAPABILITY, errors.FW360_REJECTED)

SEARCH_PAGES: Final = 20
"""Pages of a search for one reference that are read at most; a site whose search finds more is no help."""


class Framework360Orders:
    """Reads, finds and books sales; implements `records.Gateway` and is safe in several threads.

    Args:
        client: of the site.
        targets: target fields by name, for comparing what was written with what reads back.
        recreate: whether a sale that the site does not let change is cancelled and booked again.
    """

    system = System.FRAMEWORK360
    entity = Entity.ORDER

    def __init__(
        self, client: Framework360Client, *, targets: Mapping[str, TargetField], recreate: bool = False
    ) -> None:
        self._client = client
        self._targets = targets
        self._schema = Framework360Schema()
        names = OrderNames(client)
        with_status = client.capabilities.standing(wire.Capability.ORDERS_UPDATE).on
        self._names = names
        self._decode = order_decoder(client.options, names, with_payment_status=with_status)
        self._writer = SaleWriter(
            client,
            names=names,
            decode=self._decode,
            target=self._target,
            look=self._look,
            mapped=targets,
            recreate=recreate,
        )
        self._doubtful: set[str] = set()

    # Reading ----------------------------------------------------------------------------------------------------------

    def scan(self, window: Window) -> Iterator[Page]:
        """Read all sales, page by page, each id once; a bounded window leaves out what its dates put elsewhere.

        Raises:
            SyncError: as the client and `scan.scan`.
        """
        for rows in scan(self._client, wire.ORDERS_LIST):
            records = [self._record(self._decode(row)) for _, row in rows]
            dated = [record for record in records if record.updated_at is not None]
            undated = [record for record in records if record.updated_at is None]
            if window == Window():
                yield Page(records)
                continue
            inside = [record for record in dated if record.updated_at and window.contains(record.updated_at)]
            yield Page(inside, skipped=len(dated) - len(inside), undated=undated)

    def fetch(self, ids: Sequence[str]) -> dict[str, SourceRecord]:
        """Read sales by id, as many at once as the site allows; an unknown id is absent from the result."""
        distinct = list(dict.fromkeys(ids))
        rows = self._client.map(lambda key: get_row(self._client, wire.ORDERS_GET, wire.ID, key), distinct)
        return {
            key: self._record(self._decode(row)) for key, row in zip(distinct, rows, strict=True) if row is not None
        }

    def find(self, key: str, values: Sequence[str]) -> dict[str, list[SourceRecord]]:
        """Find sales by a text that the site's search covers.

        Args:
            key: name of a target field, usually ``reference``.
            values: values of it.

        Returns:
            For each value the sales whose field is exactly that. Of several with one reference, those that were
            cancelled when the sale was booked again are left out.
        """
        distinct = list(dict.fromkeys(values))
        found = self._client.map(lambda value: self._find_one(key, value), distinct)
        return dict(zip(distinct, found, strict=True))

    def find_counterpart(self, other_id: str) -> SourceRecord | None:
        """Find the sale of a Shopify order by label, or by the reference in its note.

        Raises:
            SyncError: SYNC-204 if several sales carry it.
        """
        records = self._find_one(REFERENCE, reference_of(other_id))
        if len(records) > 1:
            raise SyncError(
                errors.AMBIGUOUS,
                f"sales {', '.join(record.id for record in records)} stand for the same order",
                record=f"order shopify:{other_id}",
                field=REFERENCE,
            )
        if not records:
            # The search may not cover labels: before it is booked again, the buyer's sales are looked through.
            self._doubtful.add(other_id)
        return records[0] if records else None

    # Writing ----------------------------------------------------------------------------------------------------------

    def create(self, fields: Mapping[str, Any], other_id: str) -> WriteResult:
        """Book a sale and read it back.

        If the answer is lost, the sale is looked for by its reference, and among the buyer's sales by its note and
        total, before anything is repeated.

        Args:
            fields: values by target field name.
            other_id: Shopify id of the order.

        Returns:
            The sale as it reads now; `unwritable` names the labels if the site drops them.

        Raises:
            SyncError: as `SaleWriter.create`.
        """
        with about(f"order shopify:{other_id}"):
            return self._result(self._writer.create(fields, doubtful=other_id in self._doubtful))

    def update(self, current: SourceRecord, changes: Mapping[str, Any], other_id: str) -> WriteResult:
        """Change a sale as far as the site lets it.

        Args:
            current: the sale as it was read before.
            changes: new values by target field name.
            other_id: Shopify id of the order.

        Returns:
            The sale as it reads now; `differs` names the fields that it does not let change.

        Raises:
            SyncError: as `SaleWriter.update`.
        """
        with about(f"order shopify:{other_id}"):
            return self._result(self._writer.update(current.raw, changes))

    def note_difference(self, current: SourceRecord, text: str) -> None:
        """Write what a sale lacks into the history of its buyer, where the back office shows it.

        Args:
            current: the sale.
            text: one sentence per line.

        Raises:
            SyncError: as the client; a lost answer is taken for a yes, and a key that may not write history for a no,
                since the difference is flagged anyway.
        """
        customer = current.raw.get(wire.ORDER_CUSTOMER)
        if customer is None:
            return
        today = datetime.now(self._client.options.zone).strftime("%Y-%m-%d")
        body = {
            wire.ORDER_CUSTOMER: customer,
            wire.HISTORY_TITLE: f"{current.raw.get(MARKER) or 'Shopify'}: {current.id}",
            wire.HISTORY_CONTENT: "<br>".join(escape(line) for line in text.splitlines()),
            wire.HISTORY_DATE: today,
        }
        try:
            self._client.call(wire.CUSTOMERS_HISTORY_CREATE, body)
        except SyncError as error:
            if error.code not in _NO_NOTE:
                raise
            _log.warning("the history of the buyer does not tell the difference: %s", error.code.code)

    # Records ----------------------------------------------------------------------------------------------------------

    def _find_one(self, key: str, value: str) -> list[SourceRecord]:
        field = self._target(key)
        wanted = field.same(value)
        if not wanted:
            return []
        found: dict[str, Raw] = {}
        seen: set[str] = set()
        for page in range(SEARCH_PAGES):
            number = self._client.options.paging.first + page
            body = self._client.call(wire.ORDERS_LIST, {wire.QUERY: value.strip(), wire.PAGE: str(number)})
            rows = [
                (row_id, row) for row_id, row in rows_of(self._client, body, wire.ORDERS_LIST) if row_id not in seen
            ]
            for row_id, row in rows:
                raw = self._decode(row)
                # The search also finds parts of words: shopify:50 in shopify:501.
                if field.same(held(field, raw)) == wanted:
                    found[row_id] = raw
            seen.update(row_id for row_id, _ in rows)
            if found or not rows:
                break
        return [self._record(raw) for raw in self._standing(list(found.values()))]

    def _standing(self, raws: Sequence[Raw]) -> Sequence[Raw]:
        if len(raws) < 2:
            return raws
        standing = [raw for raw in raws if not self._names.is_cancelled(str(raw.get(wire.ORDER_STATUS)))]
        return standing or [max(raws, key=lambda raw: (len(raw[wire.ID]), raw[wire.ID]))]

    def _look(self, fields: Mapping[str, Any], email: str, besides: str | None) -> Raw | None:
        """Find a sale that may have been booked: by its reference, else by note and total among the buyer's sales."""
        reference, marker = fields.get(REFERENCE), fields.get(MARKER)
        for record in self._find_one(REFERENCE, reference) if reference else ():
            if record.id != besides:
                return record.raw
        customer = self._writer.buyer_id(email)
        if customer is None or not marker:
            return None
        total = self._target(wire.ORDER_TOTAL)
        for rows in scan(self._client, wire.ORDERS_LIST, {wire.ORDERS_BY_CUSTOMER: customer}, ahead=False):
            for row_id, row in rows:
                raw = self._decode(row)
                if row_id == besides or raw.get(wire.ORDER_CUSTOMER) != customer or raw.get(MARKER) != marker:
                    continue
                # Without labels the reference is a line of the note; without that line marker and total decide.
                if raw.get(REFERENCE, reference) != reference:
                    continue
                if total.same(raw.get(wire.ORDER_TOTAL)) == total.same(fields.get(wire.ORDER_TOTAL)):
                    return raw
        return None

    def _record(self, raw: Raw) -> SourceRecord:
        return SourceRecord(raw[wire.ID], raw, modified_at(raw, wire.ORDER_DATE))

    def _result(self, written: WrittenSale) -> WriteResult:
        return WriteResult(
            self._record(written.raw),
            written.created,
            written.requests,
            frozenset(written.unwritable),
            {wire.CART: written.lines} if written.lines else {},
            frozenset(written.differs),
        )

    def _target(self, name: str) -> TargetField:
        return self._targets.get(name) or self._schema.target(self.entity, name)
