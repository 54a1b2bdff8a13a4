"""Customers of one Framework360 site, as the sync core sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.customer_codec import customer_decoder
from shopify_fw360.framework360.customer_fields import ORDER_PATHS
from shopify_fw360.framework360.customer_writes import CustomerWriter
from shopify_fw360.framework360.fields import extra_keys, held
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.readback import Written
from shopify_fw360.framework360.rows import about, get_row, modified_at
from shopify_fw360.framework360.sales import Sales
from shopify_fw360.framework360.scan import rows_of, scan
from shopify_fw360.framework360.schema import Framework360Schema
from shopify_fw360.records import Entity, Page, Raw, SourceRecord, System, TargetField, Window, WriteResult


class Framework360Customers:
    """Reads, finds and writes customers; implements `records.Gateway` and is safe in several threads.

    Args:
        client: of the site.
        options: the site's options.
        paths: source paths the records must carry; sales are read only if one is of `customer_fields.ORDER_PATHS`.
        targets: target fields by name, for comparing what was written with what reads back.
        count_cancelled_orders: whether cancelled sales count in the totals.
    """

    system = System.FRAMEWORK360
    entity = Entity.CUSTOMER

    def __init__(
        self,
        client: Framework360Client,
        options: SiteOptions,
        *,
        paths: frozenset[str],
        targets: Mapping[str, TargetField],
        count_cancelled_orders: bool = False,
    ) -> None:
        self._client = client
        self._targets = targets
        self._schema = Framework360Schema()
        self._sales = Sales(client, count_cancelled=count_cancelled_orders) if paths & ORDER_PATHS else None
        external = options.customers.external_id_field
        self._external = f"{wire.EXTRA_PREFIX}{external}" if external else None
        named = {*paths, *targets, *([self._external] if self._external else [])}
        self._decode = customer_decoder(options, extra_keys(named))
        self._writer = CustomerWriter(client, options, self._decode, self._target)

    # Reading ----------------------------------------------------------------------------------------------------------

    def scan(self, window: Window) -> Iterator[Page]:
        """Read all customers, page by page, each id once.

        Framework360 documents no filter by time: a bounded window reads everything too. A customer lies in it if its
        own change or one of its sales does; customers without modification time are `Page.undated`.

        Args:
            window: modification times; an unbounded one yields every customer.

        Raises:
            SyncError: as the client and `scan.scan`.
        """
        totals = self._sales.of_all() if self._sales else {}
        unbounded = window == Window()
        for rows in scan(self._client, wire.CUSTOMERS_LIST):
            inside: list[SourceRecord] = []
            undated: list[SourceRecord] = []
            for key, row in rows:
                total = totals.get(key)
                record = self._record(self._decode(row), self._sales.fields(total) if self._sales else {})
                times = [moment for moment in (record.updated_at, total.latest if total else None) if moment]
                if unbounded or any(map(window.contains, times)):
                    inside.append(record)
                elif record.updated_at is None:
                    undated.append(record)
            yield Page(inside, skipped=len(rows) - len(inside) - len(undated), undated=undated)

    def fetch(self, ids: Sequence[str]) -> dict[str, SourceRecord]:
        """Read customers by id, as many at once as the site allows; an unknown id is absent from the result."""
        distinct = list(dict.fromkeys(ids))
        read = self._client.map(self._fetch_one, distinct)
        return {key: record for key, record in zip(distinct, read, strict=True) if record is not None}

    def find(self, key: str, values: Sequence[str]) -> dict[str, list[SourceRecord]]:
        """Find customers by a natural key.

        An e-mail is looked up and also searched for, because two customers may differ in its case only. Anything else
        is searched for; what the site's search does not cover is not found.

        Args:
            key: name of a target field.
            values: values of it.

        Returns:
            For each value the customers whose field is the same in canonical form, by ascending id.
        """
        distinct = list(dict.fromkeys(values))
        found = self._client.map(lambda value: self._find_one(key, value), distinct)
        return dict(zip(distinct, found, strict=True))

    def find_counterpart(self, other_id: str) -> SourceRecord | None:
        """Find the customer that carries the Shopify id, if `customers.external_id_field` says where.

        Raises:
            SyncError: SYNC-204 if several customers carry it.
        """
        if self._external is None:
            return None
        records = self._find_one(self._external, other_id)
        if len(records) > 1:
            raise SyncError(
                errors.AMBIGUOUS,
                f"customers {', '.join(record.id for record in records)} carry the same Shopify id",
                record=f"customer shopify:{other_id}",
                field=self._external,
            )
        return records[0] if records else None

    # Writing ----------------------------------------------------------------------------------------------------------

    def create(self, fields: Mapping[str, Any], other_id: str) -> WriteResult:
        """Register a customer and read it back; the caller has looked for it before.

        If the answer is lost, the customer is looked up by its e-mail before anything is repeated. Fields that do not
        stick at registration are written once more by an update.

        Args:
            fields: values by target field name.
            other_id: Shopify id of the counterpart.

        Returns:
            The customer as it reads now; `unwritable` names the fields that stayed empty after all tries.

        Raises:
            SyncError: SYNC-406 if the e-mail is taken; SYNC-209 if it cannot be told whether the customer exists now.
        """
        with about(f"customer shopify:{other_id}"):
            written = self._writer.register(self._with_external_id(fields, other_id, {}))
            # A customer that did not exist has no sales yet: no need to ask.
            sales = self._sales.fields(None) if self._sales else {}
            return self._result(written, sales, created=True)

    def update(self, current: SourceRecord, changes: Mapping[str, Any], other_id: str) -> WriteResult:
        """Write changed fields and read them back.

        Args:
            current: the customer as it was read before.
            changes: new values by target field name; names and e-mail are never emptied.
            other_id: Shopify id of the counterpart.

        Returns:
            The customer as it reads now; `unwritable` names the fields that read as before after all tries.

        Raises:
            SyncError: SYNC-404 if the customer is gone; SYNC-406 if the new e-mail is another customer's.
        """
        with about(f"customer framework360:{current.id}"):
            complete = self._with_external_id(changes, other_id, current.raw) if changes else changes
            written = self._writer.update(current.id, current.raw, complete)
            return self._result(written, self._sales_of(current.id, current.raw), created=False)

    # Records ----------------------------------------------------------------------------------------------------------

    def _fetch_one(self, record_id: str) -> SourceRecord | None:
        row = get_row(self._client, wire.CUSTOMERS_GET, wire.ID, record_id)
        return None if row is None else self._record(self._decode(row), self._sales_of(record_id, {}))

    def _find_one(self, key: str, value: str) -> list[SourceRecord]:
        field = self._target(key)
        wanted = field.same(value)
        if not wanted:
            return []
        found: dict[str, Raw] = {}
        if key == wire.EMAIL and (row := get_row(self._client, wire.CUSTOMERS_GET, wire.EMAIL, value.strip())):
            self._keep(found, field, wanted, row)
        body = self._client.call(wire.CUSTOMERS_SEARCH, {wire.QUERY: value.strip()})
        for record_id, row in rows_of(self._client, body, wire.CUSTOMERS_SEARCH):
            if record_id not in found:
                self._keep(found, field, wanted, row)
        return [
            self._record(found[record_id], self._sales_of(record_id, {}))
            for record_id in sorted(found, key=lambda record_id: (len(record_id), record_id))
        ]

    def _keep(self, found: dict[str, Raw], field: TargetField, wanted: Any, row: Mapping[str, Any]) -> None:
        """Keep a row whose field is exactly the wanted value: searches also find substrings."""
        raw = self._decode(row)
        if field.same(held(field, raw)) == wanted:
            found[raw[wire.ID]] = raw

    def _record(self, raw: Raw, sales: Mapping[str, Any]) -> SourceRecord:
        return SourceRecord(raw[wire.ID], {**raw, **sales}, modified_at(raw, wire.REGISTERED_AT))

    def _result(self, written: Written, sales: Mapping[str, Any], *, created: bool) -> WriteResult:
        return WriteResult(self._record(written.raw, sales), created, written.requests, frozenset(written.unwritable))

    def _sales_of(self, record_id: str, known: Raw) -> Mapping[str, Any]:
        """Return the derived fields: those already known, else from the customer's orders."""
        if self._sales is None:
            return {}
        if known.keys() >= ORDER_PATHS:
            return {path: known[path] for path in ORDER_PATHS}
        return self._sales.fields(self._sales.of(record_id))

    def _target(self, name: str) -> TargetField:
        return self._targets.get(name) or self._schema.target(self.entity, name)

    def _with_external_id(self, fields: Mapping[str, Any], other_id: str, present: Raw) -> Mapping[str, Any]:
        if self._external is None or held(self._target(self._external), present) == other_id:
            return fields
        return {**fields, self._external: other_id}
