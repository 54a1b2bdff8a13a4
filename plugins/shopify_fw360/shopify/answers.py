"""Shopify's three layers of errors told apart: HTTP status, top-level errors, and user errors of a mutation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from shopify_fw360.errors import (
    SHOPIFY_FILTER_IGNORED,
    SHOPIFY_QUERY,
    SHOPIFY_REJECTED,
    SHOPIFY_SCOPE,
    SHOPIFY_SHOP,
    SHOPIFY_THROTTLED,
    SHOPIFY_TOKEN,
    SHOPIFY_UNAVAILABLE,
    ErrorCode,
    SyncError,
)
from shopify_fw360.shopify.bucket import CostReport

_STATUS: Final[dict[int, tuple[ErrorCode, str]]] = {
    400: (SHOPIFY_QUERY, "the request is malformed"),
    401: (SHOPIFY_TOKEN, "the access token is not accepted"),
    402: (SHOPIFY_SHOP, "the shop is frozen"),
    403: (SHOPIFY_SHOP, "the request is forbidden"),
    404: (SHOPIFY_SHOP, "the shop or the API version does not exist"),
    423: (SHOPIFY_SHOP, "the shop is locked"),
    429: (SHOPIFY_THROTTLED, "too many requests"),
    430: (SHOPIFY_SHOP, "the request was refused by Shopify's security rules"),
}

_CODES: Final[dict[str, ErrorCode]] = {
    "THROTTLED": SHOPIFY_THROTTLED,
    "ACCESS_DENIED": SHOPIFY_SCOPE,
    "SHOP_INACTIVE": SHOPIFY_SHOP,
    "INTERNAL_SERVER_ERROR": SHOPIFY_UNAVAILABLE,
}

_USER_ERRORS: Final = ("userErrors", "mediaUserErrors")

TAKEN: Final = "taken"
"""Rule of a SYNC-312 error when the value of the named field belongs to another customer."""

_TAKEN_TEXT: Final = re.compile(r"has already been taken", re.IGNORECASE)
_QUOTED: Final = re.compile(r"[^\s\"'<>]+@[^\s\"'<>]+|\+?\d[\d\s().-]{6,}\d")


def status_error(status: int, request_id: str | None) -> SyncError | None:
    """Map an HTTP status to an error.

    Args:
        status: of the answer.
        request_id: Shopify's name of the request, for its support.

    Returns:
        None for 200.
    """
    if status == 200:
        return None
    if 300 <= status < 400:
        code, text = SHOPIFY_SHOP, "the shop answers under another address"
    else:
        code, text = _STATUS.get(
            status,
            (SHOPIFY_UNAVAILABLE, "server error") if status >= 500 else (SHOPIFY_QUERY, "the request is refused"),
        )
    return SyncError(code, f"HTTP {status}: {text}{_trace(request_id)}")


def graphql_error(operation: str, errors: Sequence[Any] | str, request_id: str | None) -> SyncError | None:
    """Map the top-level errors of an answer to one error.

    Args:
        operation: name of the operation.
        errors: ``errors`` of the answer; Shopify sends a plain text for some malformed requests.
        request_id: Shopify's name of the request.

    Returns:
        The gravest by the order throttled, denied, shop, server, query; None if there are none.
    """
    if not errors:
        return None
    raised = [errors] if isinstance(errors, str) else errors
    listed: list[Mapping[str, Any]] = [
        error if isinstance(error, Mapping) else {"message": str(error)} for error in raised
    ]
    found = {str((error.get("extensions") or {}).get("code", "")): error for error in reversed(listed)}
    for name, code in _CODES.items():
        if name in found:
            return _top_level(operation, name, code, found[name], request_id)
    first = listed[0]
    name = str((first.get("extensions") or {}).get("code", ""))
    return _top_level(operation, name, SHOPIFY_QUERY, first, request_id)


def _top_level(
    operation: str, name: str, code: ErrorCode, error: Mapping[str, Any], request_id: str | None
) -> SyncError:
    extensions = error.get("extensions") or {}
    path = ".".join(str(part) for part in error.get("path") or ())
    details = [masked(str(error.get("message", "")))]
    if extensions.get("requiredAccess"):
        details.append(f"required: {extensions['requiredAccess']}")
    if name == "MAX_COST_EXCEEDED":
        details.append(f"cost {extensions.get('cost')} of at most {extensions.get('maxCost')}")
    return SyncError(
        code, f"{operation}: {'; '.join(details)}{_trace(request_id)}", field=path or None, rule=name or None
    )


def search_warning(operation: str, extensions: Mapping[str, Any], request_id: str | None) -> SyncError | None:
    """Return an error if Shopify says that it ignored a part of a search query.

    Args:
        operation: name of the operation.
        extensions: ``extensions`` of the answer; ``search[].warnings`` tells what was ignored.
        request_id: Shopify's name of the request.
    """
    for search in extensions.get("search") or ():
        for warning in search.get("warnings") or ():
            text = f"{operation}: {warning.get('message', 'a filter was ignored')}{_trace(request_id)}"
            return SyncError(
                SHOPIFY_FILTER_IGNORED, text, field=str(warning.get("field", "")) or None, rule=warning.get("code")
            )
    return None


def cost_report(extensions: Mapping[str, Any]) -> CostReport:
    """Read ``extensions.cost``; what is missing is None."""
    cost = extensions.get("cost") or {}
    status = cost.get("throttleStatus") or {}
    return CostReport(
        requested=cost.get("requestedQueryCost"),
        actual=cost.get("actualQueryCost"),
        maximum=status.get("maximumAvailable"),
        available=status.get("currentlyAvailable"),
        restore_rate=status.get("restoreRate"),
    )


def user_errors(data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the response key of each mutation and each of its user errors."""
    for key, payload in data.items():
        if isinstance(payload, Mapping):
            for name in _USER_ERRORS:
                yield from ((key, error) for error in payload.get(name) or ())


def rejection(data: Mapping[str, Any], record: str, name: Callable[[str, Mapping[str, Any]], str]) -> SyncError | None:
    """Turn the user errors of mutations into one error.

    Args:
        data: ``data`` of the answer.
        record: the record that was written.
        name: gives for a response key and a user error the name of the field as used in mappings.

    Returns:
        SYNC-312 with Shopify's texts, the field of the first one, and rule `TAKEN` or Shopify's code; None if there
        are no user errors. A taken value comes first, because it has a cause that can be looked up.
    """
    found = sorted(user_errors(data), key=lambda pair: not _is_taken(pair[1]))
    if not found:
        return None
    key, first = found[0]
    texts = "; ".join(dict.fromkeys(masked(str(error.get("message", ""))) for _, error in found))
    return SyncError(
        SHOPIFY_REJECTED,
        texts,
        record=record,
        field=name(key, first) or None,
        rule=TAKEN if _is_taken(first) else str(first.get("code") or "").lower() or None,
    )


def input_field(error: Mapping[str, Any]) -> str:
    """Return the input field a user error names, without the ``input`` in front and without list positions."""
    parts = [str(part) for part in error.get("field") or ()]
    return ".".join(part for part in parts if part != "input" and not part.isdigit())


def masked(text: str) -> str:
    """Replace what looks like an e-mail address or a phone number: texts of errors are logged."""
    return _QUOTED.sub("(hidden)", text)


def _is_taken(error: Mapping[str, Any]) -> bool:
    return error.get("code") == "TAKEN" or bool(_TAKEN_TEXT.search(str(error.get("message", ""))))


def _trace(request_id: str | None) -> str:
    return f" (x-request-id {request_id})" if request_id else ""
