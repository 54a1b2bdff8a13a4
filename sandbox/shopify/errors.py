"""Errors in Shopify's shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from graphql import GraphQLError

SCOPES_PAGE = "https://shopify.dev/api/usage/access-scopes"
LIMITS_PAGE = "https://shopify.dev/api/usage/rate-limits"


class UserError(TypedDict, total=False):
    """One entry of `userErrors`; types without `code` or `elementIndex` simply do not select them."""

    field: Sequence[str] | None
    message: str
    code: str
    elementIndex: int


def user_error(field: Sequence[str] | None, message: str, code: str = "INVALID") -> UserError:
    """Build a user error; payloads of plain `UserError` ignore the code."""
    return {"field": None if field is None else list(field), "message": message, "code": code}


class ShopifyError(GraphQLError):
    """A top-level error with a code in its extensions."""

    def __init__(self, message: str, code: str, **extensions: Any) -> None:
        super().__init__(message, extensions={"code": code, **extensions})


def access_denied(field: str, required: str) -> ShopifyError:
    """Build the error for a field whose scope is missing; `required` is the text of the requirement."""
    return ShopifyError(
        f"Access denied for {field} field. Required access: {required}",
        "ACCESS_DENIED",
        documentation=SCOPES_PAGE,
        requiredAccess=required,
    )
