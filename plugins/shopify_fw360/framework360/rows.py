"""One record of the site: reading it, what its id is, when it changed, and naming it in errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.values import identifier, text
from shopify_fw360.records import Raw

_LOOKS_AFTER_LOST_ANSWER: Final = 3


def get_row(client: Framework360Client, call: wire.Call, key: str, value: str) -> Mapping[str, Any] | None:
    """Read one record.

    Args:
        client: of the site.
        call: a ``*/get``.
        key: `wire.ID` or a natural key of the call.
        value: of the key.

    Returns:
        The row as the site sends it, None if there is no such record, however the site says so.

    Raises:
        SyncError: SYNC-408 if the reply is neither such a record nor empty; else as the client.
    """
    try:
        data = client.call(call, {key: value}).get(wire.DATA)
    except SyncError as error:
        if error.code is errors.FW360_NOT_FOUND:
            return None
        raise
    if text(data) is None:
        return None
    # A reply that cannot be read must not count as absence, which would unlink the record.
    own_id = identifier(data.get(wire.ID)) if isinstance(data, Mapping) else None
    if own_id is None or (key == wire.ID and own_id != value):
        raise SyncError(errors.FW360_UNAVAILABLE, f"{call.path}: the reply holds no such record")
    return data


def reread(client: Framework360Client, call: wire.Call, record_id: str) -> Mapping[str, Any]:
    """Read a record that was just written.

    Raises:
        SyncError: SYNC-404 if it is gone; else as `get_row`.
    """
    row = get_row(client, call, wire.ID, record_id)
    if row is None:
        raise SyncError(
            errors.FW360_NOT_FOUND, f"{call.path}: {record_id} cannot be read after it was written", rule="read-back"
        )
    return row


def look_repeatedly(client: Framework360Client, look: Callable[[], str | None], lost: SyncError) -> str:
    """Find a record whose creation was not answered; a slow site may need a moment to show it.

    Args:
        client: of the site.
        look: returns its id, None if it is not there.
        lost: what is raised if it is not found.
    """
    for attempt in range(1, _LOOKS_AFTER_LOST_ANSWER + 1):
        found = look()
        if found is not None:
            return found
        if attempt < _LOOKS_AFTER_LOST_ANSWER:
            client.wait(attempt)
    raise lost


def modified_at(record: Raw, created_key: str) -> datetime | None:
    """Return when a decoded record last changed, aware UTC.

    A site that tells modification times but none for this record has not changed it since it was created; one that does
    not tell them at all leaves it unknown, None.

    Args:
        record: decoded.
        created_key: key of its time of creation.
    """
    if wire.MODIFIED_AT not in record:
        return None
    moment: datetime | None = record[wire.MODIFIED_AT] or record.get(created_key)
    return moment


def new_id(body: Mapping[str, Any]) -> str | None:
    """Read the id of a record just written: ``data.id`` [O], else a top-level ``id``; None if the reply has none."""
    data = body.get(wire.DATA)
    nested = identifier(data.get(wire.ID)) if isinstance(data, Mapping) else None
    return nested or identifier(body.get(wire.ID))


@contextmanager
def about(record: str) -> Iterator[None]:
    """Name the record in an error that does not name one yet."""
    try:
        yield
    except SyncError as error:
        error.record = error.record or record
        raise
