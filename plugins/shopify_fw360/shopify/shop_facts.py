"""What is the same for all products of a shop: its stock location, its sales channels, its tax mode. Asked once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from shopify_fw360.errors import SETTINGS_INVALID, SyncError
from shopify_fw360.shopify.client import ShopifyClient

_LOCATIONS: Final = """query ShopLocations {
  location { id }
  locations(first: 250, sortKey: ID) { nodes { id name shipsInventory } }
}"""
_PUBLICATIONS: Final = """query ShopPublications {
  publications(first: 250) { nodes { id channels(first: 10) { nodes { name } } } }
}"""
_TAXES: Final = "query ShopTaxes { shop { taxesIncluded } }"
_CONNECTION_COST: Final = 70.0
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class _Named:
    id: str
    names: tuple[str, ...]

    def is_meant_by(self, text: str) -> bool:
        folded = text.strip().casefold()
        known = (self.id, self.id.rpartition("/")[2], *self.names)
        return folded in {name.strip().casefold() for name in known}


class ShopFacts:
    """Facts of one shop, read when they are first needed; may be used by several threads at once.

    Args:
        client: of the shop.
    """

    def __init__(self, client: ShopifyClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._known: dict[str, Any] = {}

    def location(self, wanted: str | None = None) -> str:
        """Return the global id of the location whose stock is synchronised.

        Args:
            wanted: its name, id or number; None takes the shop's primary location, or the first active one that ships
                inventory if the primary one does not.

        Raises:
            SyncError: SYNC-105 if the shop has no such location.
        """
        answer = self._once("locations", lambda: self._read(_LOCATIONS, "ShopLocations", _CONNECTION_COST))
        nodes = answer["locations"]["nodes"]
        if wanted is None:
            # Shopify: `location` without an id is the primary one; the field isPrimary is deprecated.
            primary = (answer["location"] or {}).get("id")
            ships = [str(node["id"]) for node in nodes if node["shipsInventory"]]
            if ships:
                return primary if primary in ships else ships[0]
            raise SyncError(SETTINGS_INVALID, "the shop has no active location that ships inventory")
        known = [_Named(node["id"], (node["name"],)) for node in nodes]
        return _chosen(known, [wanted], "products.location", "active location")[0]

    def publications(self, wanted: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return the global ids of the publications new products are published to.

        Args:
            wanted: names of sales channels, ids or numbers; None takes all.

        Raises:
            SyncError: SYNC-105 if the shop has no such sales channel.
        """
        answer = self._once("publications", lambda: self._read(_PUBLICATIONS, "ShopPublications", _CONNECTION_COST))
        nodes = answer["publications"]["nodes"]
        known = [_Named(node["id"], tuple(one["name"] for one in node["channels"]["nodes"])) for node in nodes]
        if wanted is None:
            return tuple(publication.id for publication in known)
        return _chosen(known, wanted, "products.publish", "sales channel")

    def taxes_included(self) -> bool:
        """Return whether the shop's prices contain taxes."""
        return self._once("taxes", lambda: bool(self._read(_TAXES, "ShopTaxes", 1)["shop"]["taxesIncluded"]))

    def _read(self, text: str, operation: str, cost: float) -> dict[str, Any]:
        return self._client.execute(text, operation_name=operation, idempotent=True, cost=cost)

    def _once(self, name: str, ask: Callable[[], _Answer]) -> _Answer:
        with self._lock:
            if name not in self._known:
                self._known[name] = ask()
            answer: _Answer = self._known[name]
            return answer


def _chosen(known: Sequence[_Named], wanted: Sequence[str], setting: str, kind: str) -> tuple[str, ...]:
    chosen = []
    for text in wanted:
        found = next((entry for entry in known if entry.is_meant_by(text)), None)
        if found is None:
            names = ", ".join(sorted({name for entry in known for name in entry.names}))
            raise SyncError(SETTINGS_INVALID, f"{setting}: the shop has no {kind} {text!r}; it has: {names}")
        chosen.append(found.id)
    return tuple(dict.fromkeys(chosen))
