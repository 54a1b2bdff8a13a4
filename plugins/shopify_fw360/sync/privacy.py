"""Requests about personal data (Shopify's compliance topics), answered.

Only what this store holds is shown and erased. The records in the shop and in the site belong to the merchant: Shopify
erases its own, and what must stay in the site, such as invoices, is for the merchant to judge.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shopify_fw360.errors import SHOPIFY_GRANT, SHOPIFY_TOKEN, Reaction, SyncError
from shopify_fw360.records import Entity, PrivacyKind
from shopify_fw360.store import PrivacyRequest, Store
from shopify_fw360.store.codec import dump_json, load_json
from shopify_fw360.store.erasure import Subject
from shopify_fw360.store.sealing import seal, unseal

log = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=5)
URGENT: Final = timedelta(days=7)
"""How long before its time is over an unanswered request raises an alert."""

_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of the open requests.

    Args:
        exports: requests for data for which a document was made.
        erased: persons and shops that were erased.
        postponed: requests that wait for the next time, because somebody works on the records or the shop cannot be
            asked.
    """

    exports: int = 0
    erased: int = 0
    postponed: int = 0


def answer_requests(store: Store, ask_shop: Callable[[], object]) -> Answered:
    """Answer every open request; one that fails is put off and never keeps the others waiting.

    Args:
        store: the store, with its encryption key.
        ask_shop: makes sure that the shop lets us in; raises SYNC-301 or SYNC-313 if it does not.

    Returns:
        How many were answered how.
    """
    with store.read() as tx:
        requests = tx.privacy_requests(limit=_AT_ONCE)
    exports = erased = postponed = 0
    for request in requests:
        try:
            done = _answer(store, request, ask_shop)
        except SyncError as error:
            log.warning("request %d (%s) waits: %s", request.id, request.kind.value, error)
            done = False
            if error.reaction is not Reaction.RETRY:
                _alert(store, request, f"A request about personal data cannot be answered. {error}")
        if not done:
            postponed += 1
            _remind(store, request)
        elif request.kind is PrivacyKind.CUSTOMER_DATA:
            exports += 1
        else:
            erased += 1
    return Answered(exports, erased, postponed)


def open_export(store: Store, request_id: int) -> dict[str, Any] | None:
    """Return the data that were put together for a request; its alert ends.

    Args:
        store: the store, with its encryption key.
        request_id: of a request for data.

    Returns:
        The document (JSON values), None if there is none (any more).

    Raises:
        SyncError: SYNC-106 if none of the keys opens it.
    """
    with store.begin() as tx:
        document = tx.privacy_document(request_id)
        if document is None or document.kind != "export":
            return None
        opened: dict[str, Any] = load_json(unseal(store.encryption_key, document.content)["document"] or "{}")
        tx.end_alert(_name(request_id))
    return opened


def proof_of(store: Store, request_id: int) -> dict[str, Any] | None:
    """Return the proof of an erasure (JSON values), None if there is none."""
    with store.read() as tx:
        document = tx.privacy_document(request_id)
    return None if document is None or document.kind != "proof" else load_json(document.content)


def _answer(store: Store, request: PrivacyRequest, ask_shop: Callable[[], object]) -> bool:
    if request.kind is PrivacyKind.SHOP_REDACT:
        return _erase_shop(store, request, ask_shop)
    if request.customer_id is None:
        # Whom it was about has been erased meanwhile.
        with store.begin() as tx:
            tx.close_privacy_request(request.id, "nothing is held about the person any more")
        return True
    orders = [f"gid://shopify/Order/{number}" for number in request.data.get("orders", ())]
    if request.kind is PrivacyKind.CUSTOMER_DATA:
        return _export(store, request, request.customer_id, orders)
    return _erase_customer(store, request, request.customer_id, orders)


def _export(store: Store, request: PrivacyRequest, customer_id: str, orders: list[str]) -> bool:
    with store.begin() as tx:
        subject = tx.find_subject(customer_id, orders)
        document = {
            "about": customer_id,
            "shopify_request": request.data.get("request_id"),
            "asked_at": request.received_at.isoformat(),
            "made_at": store.clock().isoformat(),
            "records": {
                f"{entity.value} {system.value}": sorted(ids) for (entity, system), ids in subject.ids.items() if ids
            },
            "held": tx.describe_subject(subject),
        }
        sealed = seal(store.encryption_key, {"document": dump_json(document)})
        tx.save_privacy_document(request.id, "export", sealed)
        tx.close_privacy_request(request.id, "the data were put together")
        tx.raise_alert(
            _name(request.id),
            f"A customer has asked for their data (request {request.id}). They are put together on the page Privacy: "
            f"hand them to the merchant by {request.due_at:%Y-%m-%d}.",
        )
    return True


def _erase_customer(store: Store, request: PrivacyRequest, customer_id: str, orders: list[str]) -> bool:
    owner = f"privacy/{request.id}"
    held: dict[Entity, list[str]] = {}
    try:
        with store.begin() as tx:
            subject = tx.find_subject(customer_id, orders)
            for entity, keys in subject.keys().items():
                if keys:
                    held[entity] = sorted(tx.lock_records(entity, keys, owner, LEASE))
        if any(sorted(set(keys)) != held.get(entity, []) for entity, keys in subject.keys().items() if keys):
            log.info("request %d waits: a worker has one of the records in hand", request.id)
            return False
        with store.begin() as tx:
            # Found again under the leases: what was staged or linked in between belongs to it too.
            again = tx.find_subject(customer_id, orders)
            if not _is_within(again, subject):
                return False
            counts = tx.erase_subject(again)
            proof = _proof(request, store.clock(), counts, records=again.number)
            tx.close_privacy_request(request.id, _sentence(counts), nameless=True)
            tx.save_privacy_document(request.id, "proof", dump_json(proof))
            tx.end_alert(_name(request.id))
    finally:
        with store.begin() as tx:
            for entity, keys in held.items():
                tx.unlock_records(entity, keys, owner)
    log.info("request %d: the person was erased: %s", request.id, _sentence(counts))
    return True


def _erase_shop(store: Store, request: PrivacyRequest, ask_shop: Callable[[], object]) -> bool:
    """Believe it once the shop refuses us: a request that was sent before the app was installed again is void."""
    try:
        ask_shop()
    except SyncError as error:
        if error.code not in (SHOPIFY_TOKEN, SHOPIFY_GRANT):
            raise
    else:
        with store.begin() as tx:
            note = "void: the shop lets us in, so the app was installed again"
            return tx.close_privacy_request(request.id, note)
    with store.begin() as tx:
        gone = tx.disconnected()
        counts = tx.erase_pair()
        # Nothing may fill the store again as long as the shop is not connected anew.
        tx.disconnect("" if gone is None else gone.shop, "its data were erased")
        for other in tx.privacy_requests(limit=_AT_ONCE):
            tx.close_privacy_request(other.id, "everything held of the shop was erased", nameless=True)
        tx.save_privacy_document(request.id, "proof", dump_json(_proof(request, store.clock(), counts)))
    log.info("request %d: everything of the shop was erased: %s", request.id, _sentence(counts))
    return True


def _is_within(again: Subject, locked: Subject) -> bool:
    return all(ids <= locked.ids.get(key, set()) for key, ids in again.ids.items())


def _proof(request: PrivacyRequest, at: datetime, counts: dict[str, int], **more: int) -> dict[str, Any]:
    return {
        "request": request.id,
        "kind": request.kind.value,
        "received_at": request.received_at.isoformat(),
        "due_at": request.due_at.isoformat(),
        "erased_at": at.isoformat(),
        "erased": {name: number for name, number in counts.items() if number},
        **more,
    }


def _sentence(counts: dict[str, int]) -> str:
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    return f"erased: {told}" if told else "nothing was held"


def _remind(store: Store, request: PrivacyRequest) -> None:
    if store.clock() > request.due_at - URGENT:
        _alert(
            store,
            request,
            f"A request about personal data (request {request.id}, {request.kind.value}) is due on "
            f"{request.due_at:%Y-%m-%d} and could not be answered yet; the log of maintenance says why.",
        )


def _alert(store: Store, request: PrivacyRequest, message: str) -> None:
    with store.begin() as tx:
        tx.raise_alert(_name(request.id), message)


def _name(request_id: int) -> str:
    return f"privacy.{request_id}"
