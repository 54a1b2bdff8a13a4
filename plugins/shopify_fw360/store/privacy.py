"""Requests about personal data, kept until they are answered, and the documents that answer them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import RowMapping, delete, select, update

from shopify_fw360.records import Event, PrivacyKind
from shopify_fw360.store.codec import clean_text, dump_json, load_json
from shopify_fw360.store.events import event_key
from shopify_fw360.store.scope import Scope
from shopify_fw360.store.tables import privacy_document, privacy_request

ACT_WITHIN: Final = timedelta(days=30)
"""Time to comply (Shopify: compliance topics, within 30 days)."""

DocumentKind: TypeAlias = Literal["export", "proof"]
"""The data of a person, sealed, or the proof of an erasure, which holds nothing personal."""

_row = privacy_request.c


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """A request about personal data.

    Args:
        id: key of the row.
        kind: what is asked for.
        customer_id: Shopify's id of the customer it is about, None for a whole shop.
        data: further ids, such as those of orders; no personal data.
        received_at: aware UTC time of arrival.
        due_at: aware UTC time by which it must be done.
        done_at: when it was done, None while it is open.
        note: what was done.
    """

    id: int
    kind: PrivacyKind
    customer_id: str | None
    data: Mapping[str, Any]
    received_at: datetime
    due_at: datetime
    done_at: datetime | None
    note: str | None


@dataclass(frozen=True, slots=True)
class PrivacyDocument:
    """What answers a request.

    Args:
        request_id: the request.
        kind: the data of the person, or the proof of an erasure.
        content: of an export the sealed text, of a proof JSON.
        made_at: aware UTC time.
    """

    request_id: int
    kind: DocumentKind
    content: str
    made_at: datetime


def add_requests(scope: Scope, events: Sequence[Event]) -> None:
    """Keep the requests among events; a request that is known already stays as it is."""
    now = scope.clock()
    rows = [
        {
            "pair_id": scope.pair_id,
            "event_key": event_key(event),
            "kind": event.privacy.value,
            "customer_id": event.data.get("customer_id"),
            "data": dump_json(event.data),
            "received_at": now,
            "due_at": now + ACT_WITHIN,
        }
        for event in events
        if event.privacy is not None
    ]
    if rows:
        scope.connection.execute(scope.insert(privacy_request).on_conflict_do_nothing(), rows)


def requests(scope: Scope, *, is_open: bool, limit: int) -> list[PrivacyRequest]:
    """List requests, those that are due first.

    Args:
        scope: the transaction.
        is_open: only those that are not done, or only those that are.
        limit: the most requests returned.

    Returns:
        The requests.
    """
    state = _row.done_at.is_(None) if is_open else _row.done_at.is_not(None)
    rows = scope.connection.execute(
        select(privacy_request).where(scope.mine(privacy_request), state).order_by(_row.due_at, _row.id).limit(limit)
    )
    return [_request(row) for row in rows.mappings()]


def close_request(scope: Scope, request_id: int, note: str, *, nameless: bool = False) -> bool:
    """Note that a request was dealt with.

    Args:
        scope: the transaction.
        request_id: the request.
        note: what was done.
        nameless: forget whom it was about.

    Returns:
        False if it is not open.
    """
    forgotten: dict[str, Any] = {"customer_id": None, "data": "{}"} if nameless else {}
    return bool(
        scope.connection.execute(
            update(privacy_request)
            .where(scope.mine(privacy_request), _row.id == request_id, _row.done_at.is_(None))
            .values(done_at=scope.clock(), note=clean_text(note), **forgotten)
        ).rowcount
    )


def save_document(scope: Scope, request_id: int, kind: DocumentKind, content: str) -> None:
    """Keep what answers a request; a document made before is replaced."""
    values = {"kind": kind, "content": content, "made_at": scope.clock()}
    scope.connection.execute(
        scope.insert(privacy_document).on_conflict_do_update(index_elements=["pair_id", "request_id"], set_=values),
        {"pair_id": scope.pair_id, "request_id": request_id, **values},
    )


def find_document(scope: Scope, request_id: int) -> PrivacyDocument | None:
    """Return what answers a request, None if there is nothing (any more)."""
    row = (
        scope.connection.execute(
            select(privacy_document).where(scope.mine(privacy_document), privacy_document.c.request_id == request_id)
        )
        .mappings()
        .first()
    )
    return None if row is None else PrivacyDocument(row["request_id"], row["kind"], row["content"], row["made_at"])


def prune_exports_of_data(scope: Scope, before: datetime) -> int:
    """Delete exports made before an aware time, proofs stay; returns their number."""
    return scope.connection.execute(
        delete(privacy_document).where(
            scope.mine(privacy_document),
            privacy_document.c.kind == "export",
            privacy_document.c.made_at < before,
        )
    ).rowcount


def _request(row: RowMapping) -> PrivacyRequest:
    return PrivacyRequest(
        id=row["id"],
        kind=PrivacyKind(row["kind"]),
        customer_id=row["customer_id"],
        data=load_json(row["data"]),
        received_at=row["received_at"],
        due_at=row["due_at"],
        done_at=row["done_at"],
        note=row["note"],
    )
