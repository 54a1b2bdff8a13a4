"""Answers for what goes wrong: a page or JSON that says the next step, never a trace."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from shopify_fw360.errors import (
    FLOW_OFF,
    LEASE_LOST,
    SHOPIFY_UNINSTALLED,
    STORE_UNAVAILABLE,
    UNDO_IMPOSSIBLE,
    UNDO_NOTHING,
    SyncError,
)
from shopify_fw360.web.console import place_of
from shopify_fw360.web.i18n import N_, language_of
from shopify_fw360.web.rendering import page
from shopify_fw360.web.security import SAFE_METHODS
from shopify_fw360.web.sentences import said

log = logging.getLogger(__name__)

_TITLES = {
    401: N_("Please log in"),
    403: N_("You may not see this"),
    404: N_("There is nothing here"),
}
# What is in the way of what was asked for, and not a failure of the page.
_REFUSALS = frozenset({FLOW_OFF, SHOPIFY_UNINSTALLED, LEASE_LOST, UNDO_NOTHING, UNDO_IMPOSSIBLE})
_MESSAGES = {
    401: N_("Log in to Airflow and open this page again."),
}


def handle_problems(app: FastAPI) -> None:
    """Let the application answer its failures in the form its caller reads."""
    app.add_exception_handler(SyncError, _sync_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(Exception, _failure)


def problem(request: Request, status: int, title: str, message: str, **more: str) -> Response:
    """Answer scripts and programs with JSON, below ``/api/`` and where something is changed, and people with a page.

    Args:
        request: what was asked for.
        status: HTTP status.
        title: heading of the page; it and all other texts are told in the language of the request, as far as known.
        message: what happened and what to do.
        more: ``code``, ``cause`` and ``fix`` of a SyncError.

    Returns:
        The answer.
    """
    spoken = language_of(request)
    told = {name: said(spoken, spoken.text(text)) for name, text in {"detail": message, **more}.items()}
    if place_of(request).startswith("api/") or request.method not in SAFE_METHODS:
        return JSONResponse(told, status, {"Content-Language": spoken.tag})
    values = {"code": None, "cause": None, "fix": None, "message": told.pop("detail"), **told}
    return page(request, "problem.html", status=status, title=spoken.text(title), **values)


async def _sync_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, SyncError):
        raise error
    log.warning("%s", error)
    status = 503 if error.code is STORE_UNAVAILABLE else 409 if error.code in _REFUSALS else 500
    return problem(
        request,
        status,
        error.code.title,
        error.message,
        code=error.code.code,
        cause=error.code.cause,
        fix=error.code.fix,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    title = _TITLES.get(error.status_code, N_("This did not work"))
    message = _MESSAGES.get(error.status_code, str(error.detail))
    answer = problem(request, error.status_code, title, message)
    answer.headers.update(error.headers or {})
    return answer


async def _wrong_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    # The rejected input is left out: it may be anything.
    text = "; ".join(f"{'.'.join(map(str, one['loc'][1:])) or 'request'}: {one['msg']}" for one in error.errors())
    return problem(request, 422, N_("The request is not valid"), text)


async def _failure(request: Request, error: Exception) -> Response:
    log.error("a page failed", exc_info=error)
    return problem(
        request,
        500,
        N_("Something failed"),
        N_("The page could not be made. The log of Airflow's API server holds the details."),
        fix=N_("Report it with the time at which it happened."),
    )
