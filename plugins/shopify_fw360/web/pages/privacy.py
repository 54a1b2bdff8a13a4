"""Requests about personal data: which came, what answers them, and the documents to hand on."""

from __future__ import annotations

import logging
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import JSONResponse, Response

from shopify_fw360.records import PrivacyKind
from shopify_fw360.store import AuditEntry
from shopify_fw360.sync.privacy import open_export, proof_of
from shopify_fw360.web.console import Area, Console, Entry
from shopify_fw360.web.i18n import N_
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import LoggedIn, may_configure

log = logging.getLogger(__name__)

MOST: Final = 200

_KINDS: Final = {
    PrivacyKind.CUSTOMER_DATA: N_("A customer asks for their data"),
    PrivacyKind.CUSTOMER_REDACT: N_("A customer is to be erased"),
    PrivacyKind.SHOP_REDACT: N_("The shop is to be erased"),
}


def area(console: Console) -> Area:
    """Build the area."""
    return Area(_pages(console), _api(console), entries=(Entry(N_("Privacy"), "privacy", 75, right="configure"),))


def _pages(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get("/privacy", dependencies=[may_configure])
    def privacy(request: Request) -> Response:
        with console.open_store().read() as tx:
            waiting = tx.privacy_requests(limit=MOST)
            done = tx.privacy_requests(is_open=False, limit=MOST)
            documents = {one.id: tx.privacy_document(one.id) for one in done}
        return page(
            request,
            "privacy.html",
            waiting=waiting,
            done=sorted(done, key=lambda one: one.id, reverse=True),
            documents=documents,
            kinds=_KINDS,
        )

    return router


def _api(console: Console) -> APIRouter:
    router = APIRouter()

    @router.get(
        "/privacy/{request_id}/data", summary="Fetch what was put together about a person", dependencies=[may_configure]
    )
    def data(request_id: int, someone: LoggedIn) -> Response:
        store = console.open_store()
        document = open_export(store, request_id)
        if document is None:
            raise HTTPException(404, N_("There is no such document any more."))
        with store.begin() as tx:
            tx.write_audit(AuditEntry(someone.name, "privacy.fetch", {}, {"request": request_id}))
        log.info("user %s fetched the data put together for request %d", someone.name, request_id)
        return _file(f"personal-data-{request_id}.json", document)

    @router.get("/privacy/{request_id}/proof", summary="Fetch the proof of an erasure", dependencies=[may_configure])
    def proof(request_id: int) -> Response:
        document = proof_of(console.open_store(), request_id)
        if document is None:
            raise HTTPException(404, N_("There is no proof of this request."))
        return _file(f"proof-of-erasure-{request_id}.json", document)

    return router


def _file(name: str, content: object) -> Response:
    return JSONResponse(content, headers={"Content-Disposition": f'attachment; filename="{name}"'})
