"""Names of what a site defines for itself: order statuses, payment methods, taxes; each by its id and back."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shopify_fw360.errors import SITE_NAME, SyncError
from shopify_fw360.framework360 import values, wire
from shopify_fw360.framework360.canonical import same_text
from shopify_fw360.framework360.client import Framework360Client

_WORDS: Final[Mapping[str, str]] = {
    wire.ORDERS_STATUSES.path: "order status",
    wire.PAYMENTS_LIST.path: "payment method",
    wire.PAYMENTS_TAXES.path: "tax",
}


@dataclass(frozen=True, slots=True)
class _Known:
    names: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    cancelled: frozenset[str] = frozenset()


class OrderNames:
    """Translates between names and ids; each list is read once, and again for a name or id that is not in it.

    Args:
        client: of the site.
    """

    def __init__(self, client: Framework360Client) -> None:
        self._client = client
        self._lists: dict[str, _Known] = {}
        self._unknown: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def id_of(self, call: wire.Call, name: str) -> str:
        """Return the id of a name.

        Args:
            call: the list that has it.
            name: compared without case and spaces at its ends; an id is taken too.

        Raises:
            SyncError: SYNC-225 with all names of the list; if several entries have the name, only their ids will do.
        """
        key = _folded(name)
        known = self._list(call, key)
        found = known.ids.get(key) or (name if name in known.names else None)
        if found is None:
            names = ", ".join(sorted(set(known.names.values()))) or "none at all"
            raise SyncError(
                SITE_NAME, f"the site has no {_WORDS[call.path]} {name!r}; it has: {names}", rule=call.path, field=name
            )
        return found

    def name_of(self, call: wire.Call, entry_id: str) -> str:
        """Return the name of an id, the id itself if the site does not know it any more."""
        known = self._lists.get(call.path)
        if known is None or (entry_id not in known.names and (call.path, entry_id) not in self._unknown):
            known = self._read(call)
            if entry_id not in known.names:
                self._unknown.add((call.path, entry_id))
        return known.names.get(entry_id, entry_id)

    def is_cancelled(self, name: str) -> bool:
        """Whether an order status means that the sale is cancelled."""
        status_id = self.id_of(wire.ORDERS_STATUSES, name)
        return status_id in self._list(wire.ORDERS_STATUSES, _folded(name)).cancelled

    def _list(self, call: wire.Call, key: str) -> _Known:
        known = self._lists.get(call.path)
        if known is None or not (key in known.ids or key in known.names):
            known = self._read(call)
        return known

    def _read(self, call: wire.Call) -> _Known:
        lookup = self._client.options.lookup
        with self._lock:
            rows = self._client.call(call).get(wire.DATA)
            names: dict[str, str] = {}
            ids: dict[str, str] = {}
            twice: set[str] = set()
            cancelled: set[str] = set()
            for row in rows if isinstance(rows, list) else ():
                entry: Mapping[str, Any] = row if isinstance(row, Mapping) else {}
                key = values.identifier(entry.get(lookup.id_key))
                if key is None:
                    continue
                name = values.identifier(entry.get(lookup.name_key)) or key
                names[key] = name
                folded = _folded(name)
                twice.update({folded} & ids.keys())
                ids[folded] = key
                if values.flag(entry.get(wire.STATUS_CANCELLED)) is True:
                    cancelled.add(key)
            # Two entries of one name cannot be told apart by it.
            unique = {name: key for name, key in ids.items() if name not in twice}
            self._lists[call.path] = _Known(names, unique, frozenset(cancelled))
            return self._lists[call.path]


def _folded(name: str) -> str:
    return (same_text(name) or "").casefold()
