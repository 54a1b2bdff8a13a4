"""Writing a customer and making sure of it: safe registration, read-back, one more try, what the site does not take."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.customer_codec import encode_customer
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.readback import Written, insist, not_taken
from shopify_fw360.framework360.rows import get_row, look_repeatedly, new_id, reread
from shopify_fw360.framework360.values import identifier
from shopify_fw360.records import Raw, TargetField


class CustomerWriter:
    """Writes customers by the read-back rule of the contract, see `readback`.

    Args:
        client: of the site.
        options: the site's options.
        decode: reads a customer of the site into our flat record.
        target: target field by name.
    """

    def __init__(
        self,
        client: Framework360Client,
        options: SiteOptions,
        decode: Callable[[Mapping[str, Any]], Raw],
        target: Callable[[str], TargetField],
    ) -> None:
        self._client = client
        self._options = options
        self._decode = decode
        self._target = target

    def register(self, fields: Mapping[str, Any]) -> Written:
        """Register a customer that does not exist yet.

        Args:
            fields: values by target field name.

        Raises:
            SyncError: SYNC-201 or SYNC-202 for values that break the contract; SYNC-209 if the outcome is unclear.
        """
        encoded = encode_customer(fields, "create", self._options)
        written = Written()
        record_id = self._registered(encoded.body, written)
        # The source can only be written here, so that a second try is no use.
        wanted = {name: fields[name] for name in encoded.sent - {wire.SOURCE}}
        self._read_back(record_id, written)
        self._insist(record_id, None, wanted, written)
        return written

    def update(self, record_id: str, before: Raw, changes: Mapping[str, Any]) -> Written:
        """Write changed fields.

        Args:
            record_id: of the customer.
            before: the customer as it was read before.
            changes: new values by target field name.

        Returns:
            The customer as it reads now; as before if nothing of the changes can be written here.

        Raises:
            SyncError: SYNC-202 for values that break the contract; else as the client.
        """
        encoded = encode_customer(changes, "update", self._options)
        written = Written(before, unwritable=set(encoded.left_out))
        if not encoded.sent:
            return written
        wanted = {name: changes[name] for name in encoded.sent}
        self._send(record_id, encoded.body, written)
        missing = self._insist(record_id, before, wanted, written)
        if missing and self._options.customers.allow_registration_upsert:
            self._upsert(record_id, before, {name: wanted[name] for name in missing}, written)
        return written

    def _insist(self, record_id: str, before: Raw | None, wanted: Mapping[str, Any], written: Written) -> set[str]:
        """Repeat what did not stick; returns, and notes, what the site does not take."""

        def send_again(missing: set[str]) -> set[str] | None:
            again = encode_customer({name: wanted[name] for name in missing}, "update", self._options)
            if not again.sent:
                return None
            self._send(record_id, again.body, written)
            return not_taken(wanted, before, written.raw, self._target)

        missing = insist(self._client, not_taken(wanted, before, written.raw, self._target), send_again)
        written.unwritable |= missing
        return missing

    def _upsert(self, record_id: str, before: Raw, wanted: Mapping[str, Any], written: Written) -> None:
        """Write what an update does not take by registering the same customer again."""
        identity = {name: written.raw.get(name) for name in wire.CUSTOMER_IDENTITY}
        body = encode_customer({**identity, **wanted}, "create", self._options).body
        if self._registered(body, written) == record_id:
            self._read_back(record_id, written)
            written.unwritable -= set(wanted) - not_taken(wanted, before, written.raw, self._target)

    def _registered(self, body: Mapping[str, Any], written: Written) -> str:
        written.requests += 1
        # Framework360: a password is required. Nobody knows this one; the customer has to ask for a new one.
        parameters = {**body, wire.PASSWORD: f"{secrets.token_urlsafe(24)}aA1!"}
        try:
            record_id = new_id(self._client.call(wire.CUSTOMERS_REGISTRATION, parameters))
            lost = SyncError(errors.UNCLEAR_CREATE, "the reply to the registration holds no id", rule="data.id")
        except SyncError as error:
            if error.code is not errors.UNCLEAR_CREATE:
                raise
            record_id, lost = None, error
        return record_id or self._look_for(body[wire.EMAIL], lost, written)

    def _look_for(self, email: str, lost: SyncError, written: Written) -> str:
        def look() -> str | None:
            written.requests += 1
            row = get_row(self._client, wire.CUSTOMERS_GET, wire.EMAIL, email)
            return None if row is None else identifier(row.get(wire.ID))

        return look_repeatedly(self._client, look, lost)

    def _send(self, record_id: str, body: Mapping[str, Any], written: Written) -> None:
        written.requests += 1
        ids = {wire.ID: record_id, wire.CUSTOMER_ID_ALIAS: record_id}
        self._client.call(wire.CUSTOMERS_UPDATE, {**body, **ids})
        self._read_back(record_id, written)

    def _read_back(self, record_id: str, written: Written) -> None:
        written.requests += 1
        written.raw = self._decode(reread(self._client, wire.CUSTOMERS_GET, record_id))
