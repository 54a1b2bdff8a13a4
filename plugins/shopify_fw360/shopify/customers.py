"""Customers in Shopify: reading by time, by id and by key; creating and updating. Implements `records.Gateway`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from shopify_fw360.errors import MAPPING_INVALID, VANISHED, SyncError
from shopify_fw360.records import (
    UNFINISHED,
    ChangeMark,
    Entity,
    ExportSource,
    Page,
    SourceRecord,
    System,
    TargetField,
    Window,
    WriteResult,
)
from shopify_fw360.shopify.bulk_reader import BulkReader
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.customer_writes import after_set, field_name, plan_update, set_input
from shopify_fw360.shopify.fields import ADDRESS, CONSENT, EXTERNAL_ID_PATH
from shopify_fw360.shopify.mutations import ERRORS_WITH_CODE, Mutation, RecordWriter
from shopify_fw360.shopify.records_reader import CURSOR_LIMIT, RecordsReader, changed, custom_id
from shopify_fw360.shopify.selection import compile_selection

_PHONE = re.compile(r"\+\d{6,15}")
_NEVER_ASKED: Final = "NOT_SUBSCRIBED"
"""Shopify: the state of a customer who has neither given nor refused a consent."""


class ShopifyCustomers:
    """The customers of one shop.

    Args:
        client: of the shop.
        paths: source paths that records must carry; what writing needs is added.
        targets: target fields that may be written, by name.
        opt_in_level: level stated with a newsletter subscription, ``SINGLE_OPT_IN`` or ``CONFIRMED_OPT_IN``.
        clock: aware UTC time.
        cursor_limit: records one cursor may reach.
    """

    system = System.SHOPIFY
    entity = Entity.CUSTOMER

    def __init__(
        self,
        client: ShopifyClient,
        paths: Iterable[str],
        targets: Mapping[str, TargetField],
        *,
        opt_in_level: str = "SINGLE_OPT_IN",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        cursor_limit: int = CURSOR_LIMIT,
    ) -> None:
        self._client = client
        self._targets = dict(targets)
        self._opt_in_level = opt_in_level
        self._clock = clock
        self.selection = compile_selection(Entity.CUSTOMER, {*paths, *_needed_for_writing(self._targets)})
        self.reader = RecordsReader(client, self.selection, cursor_limit=cursor_limit)
        self.exports: ExportSource = BulkReader(client, self.reader)
        self._writer = RecordWriter(client, self.reader, field_name)

    def scan(self, window: Window) -> Iterator[Page]:
        """Read all customers whose modification time lies in the window; see `RecordsReader.scan`."""
        return self.reader.scan(window)

    def changed(self, window: Window) -> Iterator[ChangeMark]:
        """List the customers changed in the window without reading them; see `records_reader.changed`."""
        return changed(self._client, Entity.CUSTOMER, window)

    def fetch(self, ids: Sequence[str]) -> dict[str, SourceRecord]:
        """Read customers by global id or number, bypassing the search index; see `RecordsReader.fetch`."""
        return self.reader.fetch(ids)

    def find(self, key: str, values: Sequence[str]) -> dict[str, list[SourceRecord]]:
        """Look customers up by a key, exactly and bypassing the search index.

        Args:
            key: ``email``, ``phone`` or ``metafields.$app.fw360_id``.
            values: what to look for.

        Returns:
            For each value the customer that has it; Shopify lets only one have it.

        Raises:
            SyncError: SYNC-101 for any other key.
        """
        found: dict[str, list[SourceRecord]] = {value: [] for value in values}
        wanted = [value for value in found if value.strip() and (key != "phone" or _PHONE.fullmatch(value))]
        records = self.reader.find([_identifier(key, value) for value in wanted])
        found.update({value: [record] for value, record in zip(wanted, records, strict=True) if record is not None})
        return found

    def find_counterpart(self, other_id: str) -> SourceRecord | None:
        """Return the customer that carries Framework360's id as external id.

        Args:
            other_id: Framework360's id.

        Returns:
            The customer. One that was never asked for its consent is marked: a create that was interrupted before the
            consent looks just so, since `customerSet` cannot take it.
        """
        found = self.reader.find([{"customId": custom_id(other_id)}])[0]
        if found is None or CONSENT not in self._targets:
            return found
        state = (found.raw.get("defaultEmailAddress") or {}).get("marketingState")
        return replace(found, raw={**found.raw, UNFINISHED: [CONSENT]}) if state in (None, _NEVER_ASKED) else found

    def create(self, fields: Mapping[str, Any], other_id: str) -> WriteResult:
        """Create a customer; repeating it with the same other_id finds the one already created.

        Args:
            fields: target fields and their values.
            other_id: Framework360's id, kept as external id and used as idempotency key.

        Returns:
            The customer as read back.

        Raises:
            SyncError: SYNC-312, with rule ``taken`` if the e-mail or phone belongs to another customer.
        """
        call = Mutation(
            key="created",
            call="customerSet(identifier: $identifier, input: $input)",
            payload=f"customer %s {ERRORS_WITH_CODE}",
            variables={
                "identifier": ("CustomerSetIdentifiers!", {"customId": custom_id(other_id)}),
                "input": ("CustomerSetInput!", set_input(fields)),
            },
            reads_back="customer",
        )
        record = self._writer.send("CustomerCreate", [call], f"customer framework360:{other_id}")
        assert record is not None  # noqa: S101 - the payload of customerSet holds the customer
        rest = self.update(record, after_set(fields), other_id)
        return WriteResult(rest.record, created=True, requests=1 + rest.requests)

    def update(self, current: SourceRecord, changes: Mapping[str, Any], other_id: str) -> WriteResult:
        """Write the changed fields of a customer in one request, and its external id if it is missing or another.

        Args:
            current: as read by this gateway.
            changes: target fields and their new values; None empties a field.
            other_id: Framework360's id.

        Returns:
            The customer as read back.

        Raises:
            SyncError: SYNC-312 when Shopify refuses a value, SYNC-208 when the customer is gone, SYNC-209 when the
                outcome is unknown and a repetition could add a second address.
        """
        mutations = plan_update(
            current.raw, changes, self._targets, other_id, opt_in_level=self._opt_in_level, now=self._clock()
        )
        if not mutations:
            return WriteResult(current, requests=0)
        name = f"customer shopify:{current.id}"
        try:
            record = self._writer.send("CustomerUpdate", mutations, name)
        except SyncError as error:
            if error.record == name and not self.fetch([current.id]):
                raise SyncError(VANISHED, "the customer no longer exists in Shopify", record=name) from error
            raise
        if record is not None:
            return WriteResult(record, requests=1)
        read_back = self.fetch([current.id]).get(current.id)
        if read_back is None:
            raise SyncError(VANISHED, "the customer no longer exists in Shopify", record=name)
        return WriteResult(read_back, requests=2)


def _needed_for_writing(targets: Mapping[str, TargetField]) -> set[str]:
    if not targets:
        return set()
    needed = {EXTERNAL_ID_PATH, *(path for target in targets.values() for path in target.reads)}
    if any(name.startswith(ADDRESS) for name in targets):
        needed.add(f"{ADDRESS}id")
    if CONSENT in targets:
        needed.add("defaultEmailAddress.emailAddress")
    return needed


def _identifier(key: str, value: str) -> dict[str, Any]:
    if key == "email":
        return {"emailAddress": value.strip()}
    if key == "phone":
        return {"phoneNumber": value}
    if key == EXTERNAL_ID_PATH:
        return {"customId": custom_id(value)}
    raise SyncError(
        MAPPING_INVALID, "customers can be matched in Shopify by email or phone only", field=key, rule="match"
    )
