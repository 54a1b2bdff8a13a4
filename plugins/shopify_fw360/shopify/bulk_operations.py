"""Bulk operations of a shop: started, looked at, found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shopify_fw360.errors import SHOPIFY_BULK, SHOPIFY_BULK_BUSY, UNCLEAR_CREATE, SyncError
from shopify_fw360.shopify.client import ShopifyClient

START_COST: Final = 10.0
LOOK_COST: Final = 1.0

COMPLETED: Final = "COMPLETED"
ENDED: Final = frozenset({COMPLETED, "FAILED", "CANCELED", "EXPIRED"})

_BUSY: Final = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
_FIELDS: Final = "id status errorCode objectCount rootObjectCount fileSize url query"
_START: Final = f"""mutation BulkStart($query: String!, $grouped: Boolean!) {{
  bulkOperationRunQuery(query: $query, groupObjects: $grouped) {{
    bulkOperation {{ {_FIELDS} }}
    userErrors {{ field message code }}
  }}
}}"""
_LOOK: Final = f"query BulkLook($id: ID!) {{ bulkOperation(id: $id) {{ {_FIELDS} }} }}"
_FIND: Final = f"""query BulkFind {{
  bulkOperations(first: 50, query: "operation_type:query", sortKey: CREATED_AT, reverse: true) {{
    nodes {{ {_FIELDS} }}
  }}
}}"""
_CANCEL: Final = """mutation BulkCancel($id: ID!) {
  bulkOperationCancel(id: $id) { bulkOperation { id status } userErrors { field message } }
}"""


@dataclass(frozen=True, slots=True)
class BulkOperation:
    """A bulk operation as the shop shows it.

    Args:
        id: global id.
        status: CREATED, RUNNING, COMPLETED, CANCELING, CANCELED, FAILED or EXPIRED.
        error_code: why it failed, None if it did not.
        objects: lines of its file.
        roots: of them, those without a parent.
        size: bytes of its file, None if it has none.
        url: where the file is for 7 days; signed, so it must not be stored or logged. None if there is no result.
        text: of the query.
    """

    id: str
    status: str
    error_code: str | None
    objects: int
    roots: int
    size: int | None
    url: str | None
    text: str

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.status in ENDED

    @property
    def failure(self) -> str | None:
        """Why its result cannot be used, None if it can or if it still runs."""
        if not self.ended or self.status == COMPLETED:
            return None
        return f"it ended {self.status}" + (f" ({self.error_code})" if self.error_code else "")


class BulkOperations:
    """The bulk query operations of one shop.

    Args:
        client: of the shop.
    """

    def __init__(self, client: ShopifyClient) -> None:
        self._client = client

    def start(self, text: str, *, grouped: bool) -> BulkOperation:
        """Start an operation, or return the one that was started with this very text and whose answer was lost.

        Args:
            text: of the query; its operation name makes it one of its kind.
            grouped: whether children shall follow their parent in the file.

        Raises:
            SyncError: SYNC-319 while the shop runs as many as it allows, SYNC-318 if it refuses the query.
        """
        try:
            data = self._client.execute(
                _START,
                {"query": text, "grouped": grouped},
                operation_name="BulkStart",
                idempotent=False,
                cost=START_COST,
            )
        except SyncError as error:
            found = self.find(text) if error.code is UNCLEAR_CREATE else None
            if found is None:
                raise
            return found
        payload = data["bulkOperationRunQuery"]
        if payload["userErrors"]:
            problems = "; ".join(str(error["message"]) for error in payload["userErrors"])
            busy = any(error.get("code") in _BUSY for error in payload["userErrors"])
            raise SyncError(SHOPIFY_BULK_BUSY if busy else SHOPIFY_BULK, problems, rule="bulkOperationRunQuery")
        return _operation(payload["bulkOperation"])

    def get(self, operation_id: str) -> BulkOperation | None:
        """Return an operation, None if the shop does not know it."""
        data = self._client.execute(
            _LOOK, {"id": operation_id}, operation_name="BulkLook", idempotent=True, cost=LOOK_COST
        )
        return _operation(data["bulkOperation"]) if data.get("bulkOperation") else None

    def find(self, text: str) -> BulkOperation | None:
        """Return the newest operation with this very text, None if none of the last 50 has it."""
        data = self._client.execute(_FIND, operation_name="BulkFind", idempotent=True, cost=START_COST)
        found = (_operation(node) for node in data["bulkOperations"]["nodes"])
        return next((operation for operation in found if operation.text == text), None)

    def cancel(self, operation_id: str) -> None:
        """Ask the shop to end an operation; one that has ended already stays as it is."""
        self._client.execute(
            _CANCEL, {"id": operation_id}, operation_name="BulkCancel", idempotent=True, cost=START_COST
        )


def _operation(node: Mapping[str, Any]) -> BulkOperation:
    return BulkOperation(
        id=str(node["id"]),
        status=str(node["status"]),
        error_code=node.get("errorCode"),
        objects=int(node.get("objectCount") or 0),
        roots=int(node.get("rootObjectCount") or 0),
        size=None if node.get("fileSize") is None else int(node["fileSize"]),
        url=node.get("url"),
        text=str(node.get("query") or ""),
    )
