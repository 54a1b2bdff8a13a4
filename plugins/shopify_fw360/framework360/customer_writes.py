"""Writing a customer and making sure of it: safe registration, read-back, one more try, what the site does not take."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.codec import EXTRA_PREFIX, encode_customer, new_id
from shopify_fw360.framework360.options import SiteOptions
from shopify_fw360.framework360.values import identifier, text
from shopify_fw360.records import Raw, TargetField

_LOOKS_AFTER_LOST_ANSWER: Final = 3


@dataclass(slots=True)
class Written:
    """A customer after a write.

    Args:
        raw: the decoded customer as it reads now.
        requests: number of calls made for it.
        unwritable: target fields the site did not take.
    """

    raw: Raw = field(default_factory=dict)
    requests: int = 0
    unwritable: set[str] = field(default_factory=set)


def get_customer(client: Framework360Client, key: str, value: str) -> Mapping[str, Any] | None:
    """Read one customer.

    Args:
        client: of the site.
        key: `wire.ID` or `wire.EMAIL`.
        value: of the key.

    Returns:
        The row as the site sends it, None if there is no such customer, however the site says so.

    Raises:
        SyncError: SYNC-408 if the reply is neither a customer nor empty; else as the client.
    """
    try:
        data = client.call(wire.CUSTOMERS_GET, {key: value}).get(wire.DATA)
    except SyncError as error:
        if error.code is errors.FW360_NOT_FOUND:
            return None
        raise
    if text(data) is None:
        return None
    # A reply that cannot be read must not count as absence, which would unlink the record.
    own_id = identifier(data.get(wire.ID)) if isinstance(data, Mapping) else None
    if own_id is None or (key == wire.ID and own_id != value):
        raise SyncError(errors.FW360_UNAVAILABLE, f"{wire.CUSTOMERS_GET.path}: the reply holds no such customer")
    return data


def held(target: TargetField, raw: Raw) -> Any:
    """Return what a decoded customer holds in a target field: the first non-empty of what it reads, or None."""
    for path in target.reads:
        if path.startswith(EXTRA_PREFIX):
            value = (raw.get(wire.EXTRA_FIELDS) or {}).get(path.removeprefix(EXTRA_PREFIX))
        else:
            value = raw.get(path)
        if value not in (None, "", ()):
            return value
    return None


class CustomerWriter:
    """Writes customers by the read-back rule of the contract.

    A field that reads as before its write is written again, `readback.tries` times in all, and is then reported as not
    writable. A field that reads as a third value was normalised by the site and is fine.

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
        self._insist(record_id, {}, wanted, written)
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

    def _insist(self, record_id: str, before: Raw, wanted: Mapping[str, Any], written: Written) -> set[str]:
        """Repeat what did not stick; returns, and notes, what the site does not take."""
        missing = self._not_taken(wanted, before, written.raw)
        for _ in range(self._options.readback.tries - 1):
            again = encode_customer({name: wanted[name] for name in missing}, "update", self._options)
            if not again.sent:
                break
            self._client.pause(self._options.readback.wait)
            self._send(record_id, again.body, written)
            missing = self._not_taken(wanted, before, written.raw)
        written.unwritable |= missing
        return missing

    def _upsert(self, record_id: str, before: Raw, wanted: Mapping[str, Any], written: Written) -> None:
        """Write what an update does not take by registering the same customer again."""
        identity = {name: written.raw.get(name) for name in wire.CUSTOMER_IDENTITY}
        body = encode_customer({**identity, **wanted}, "create", self._options).body
        if self._registered(body, written) == record_id:
            self._read_back(record_id, written)
            written.unwritable -= set(wanted) - self._not_taken(wanted, before, written.raw)

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
        """Find the customer whose registration was not answered; a slow site may need a moment to show it."""
        for attempt in range(1, _LOOKS_AFTER_LOST_ANSWER + 1):
            written.requests += 1
            row = get_customer(self._client, wire.EMAIL, email)
            if row is not None:
                return str(identifier(row.get(wire.ID)))
            if attempt < _LOOKS_AFTER_LOST_ANSWER:
                self._client.wait(attempt)
        raise lost

    def _send(self, record_id: str, body: Mapping[str, Any], written: Written) -> None:
        written.requests += 1
        ids = {wire.ID: record_id, wire.CUSTOMER_ID_ALIAS: record_id}
        self._client.call(wire.CUSTOMERS_UPDATE, {**body, **ids})
        self._read_back(record_id, written)

    def _read_back(self, record_id: str, written: Written) -> None:
        written.requests += 1
        row = get_customer(self._client, wire.ID, record_id)
        if row is None:
            raise SyncError(
                errors.FW360_NOT_FOUND, f"customer {record_id} cannot be read after it was written", rule="read-back"
            )
        written.raw = self._decode(row)

    def _not_taken(self, wanted: Mapping[str, Any], before: Raw, after: Raw) -> set[str]:
        missing = set()
        for name, value in wanted.items():
            target = self._target(name)
            now = target.same(held(target, after))
            if now != target.same(value) and now == target.same(held(target, before)):
                missing.add(name)
        return missing
