"""Categories of the site by their path: the wire knows ids, people and the shop know names."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import values, wire
from shopify_fw360.framework360.canonical import PATH_SEPARATOR, same_category, same_text
from shopify_fw360.framework360.client import Framework360Client
from shopify_fw360.framework360.product_fields import CATEGORY
from shopify_fw360.framework360.rows import new_id
from shopify_fw360.framework360.scan import rows_of
from shopify_fw360.records import UNSET, Unset

_DEEPEST: Final = 20
_SHORTEST_NAME: Final = 2


@dataclass(frozen=True, slots=True)
class _Category:
    name: str
    parent: str | None


class Categories:
    """The categories of one site; read at first use and again when an id or a path is not known yet.

    Args:
        client: of the site.
    """

    def __init__(self, client: Framework360Client) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._all: dict[str, _Category] | None = None
        self._by_path: dict[str, str] = {}
        self._unknown: set[str] = set()

    def forget(self) -> None:
        """Read the categories again at next use: they may have been renamed."""
        with self._lock:
            self._all = None
            self._unknown.clear()

    def path_of(self, ids: Sequence[str]) -> str | Unset | None:
        """Return the path of a product's main category.

        Args:
            ids: its categories, main one first.

        Returns:
            For example ``Abbigliamento > Maglieria``; None without categories; UNSET if the site does not list the id.
        """
        if not ids:
            return None
        with self._lock:
            just_read = self._all is None
            known = self._known()
            if ids[0] not in known and ids[0] not in self._unknown:
                known = known if just_read else self._read()
            if ids[0] not in known:
                self._unknown.add(ids[0])
                return UNSET
            return _path(known, ids[0])

    def id_of(self, path: str) -> tuple[str, int]:
        """Return the id of the category at a path; it is created, with those above it, where it does not exist.

        Args:
            path: names from the top, joined by ``>``; compared without case.

        Returns:
            The id, and the number of calls that were made.

        Raises:
            SyncError: SYNC-202 for a path with a name that the site does not take; else as the client.
        """
        names = [name.strip() for name in path.split(PATH_SEPARATOR)]
        if not all(len(name) >= _SHORTEST_NAME for name in names):
            raise SyncError(
                errors.VALUE_INVALID,
                f"Framework360 takes category names of {_SHORTEST_NAME} or more characters, joined by {PATH_SEPARATOR}",
                field=CATEGORY,
                rule="path of a category",
            )
        with self._lock:
            found = self._find(path)
            if found is not None:
                return found, 0
            # Somebody may have made it meanwhile: nothing on the site keeps names unique.
            self._read()
            calls = 1
            place: str | None = None
            for depth in range(1, len(names) + 1):
                found = self._find(PATH_SEPARATOR.join(names[:depth]))
                if found is None:
                    found = self._create(names[depth - 1], place)
                    calls += 1
                place = found
            return str(place), calls

    def _find(self, path: str) -> str | None:
        self._known()
        return self._by_path.get(same_category(path) or "")

    def _create(self, name: str, parent: str | None) -> str:
        parameters = {wire.PRODUCT_NAME: name, **({wire.CATEGORY_PARENT: parent} if parent else {})}
        try:
            made = new_id(self._client.call(wire.PRODUCTS_CATEGORIES_CREATE, parameters))
            lost = SyncError(errors.UNCLEAR_CREATE, "the reply to a new category holds no id", rule="data.id")
        except SyncError as error:
            if error.code is not errors.UNCLEAR_CREATE:
                raise
            made, lost = None, error
        if made is None:
            made = self._made_meanwhile(name, parent)
        if made is None:
            raise lost
        known = self._known()
        known[made] = _Category(name, parent)
        self._index(known, made)
        return made

    def _made_meanwhile(self, name: str, parent: str | None) -> str | None:
        wanted = same_text(name)
        for key, category in self._read().items():
            if category.parent == parent and same_text(category.name) == wanted:
                return key
        return None

    def _known(self) -> dict[str, _Category]:
        return self._read() if self._all is None else self._all

    def _read(self) -> dict[str, _Category]:
        lookup = self._client.options.lookup
        body = self._client.call(wire.PRODUCTS_CATEGORIES)
        found: dict[str, _Category] = {}
        for key, row in rows_of(self._client, body, wire.PRODUCTS_CATEGORIES):
            name = values.identifier(row.get(lookup.name_key))
            parent = values.identifier(row.get(wire.CATEGORY_PARENT))
            if name:
                found[key] = _Category(name, None if parent == "0" else parent)
        self._all = found
        self._by_path = {}
        # Of categories with the same path the oldest one is meant.
        for key in sorted(found, key=lambda key: (len(key), key)):
            self._index(found, key)
        return found

    def _index(self, known: Mapping[str, _Category], key: str) -> None:
        self._by_path.setdefault(same_category(_path(known, key)) or "", key)


def _path(known: Mapping[str, _Category], key: str) -> str:
    names: list[str] = []
    place: str | None = key
    # A damaged tree may turn in a circle or lack a branch.
    while place is not None and (category := known.get(place)) and len(names) < _DEEPEST:
        names.append(category.name)
        place = category.parent
    return f" {PATH_SEPARATOR} ".join(reversed(names))
