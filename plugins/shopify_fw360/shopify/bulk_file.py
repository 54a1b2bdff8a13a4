"""The file of a bulk operation: checked whole before anything of it is believed, then read record by record.

Nothing in memory grows with the file but 8 bytes per record, by which a record that occurs twice is noticed. Lines that
do not follow their parent wait in a database file beside it.
"""

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from shopify_fw360.errors import SHOPIFY_BULK, SyncError
from shopify_fw360.shopify.bulk_shape import PARENT, Children, Line

PART: Final = 1 << 20
"""Bytes of a part: some hundred products."""

MOST_PARTS: Final = 10_000

_READ_AHEAD: Final = 1 << 18
_AT_ONCE: Final = 1_000
_NONE: Final[tuple[Line, ...]] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """What a checked file holds.

    Args:
        objects: lines.
        roots: lines without parent.
        strays: lines that do not follow their parent.
        marked: roots for which the question asked of each root was answered with yes.
    """

    objects: int
    roots: int
    strays: int
    marked: int


class BulkFile:
    """A complete file on disk.

    Args:
        path: of the file; the database of strays gets its name with ``.strays``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._strays = path.with_name(f"{path.name}.strays")

    def check(self, objects: int, roots: int, marking: Callable[[Line], object] = lambda _: False) -> Contents:
        """Read the whole file once and refuse it unless it is what was announced.

        Args:
            objects: lines announced.
            roots: lines without parent announced.
            marking: asked of each root.

        Returns:
            What it holds.

        Raises:
            SyncError: SYNC-318: a line that is no JSON object, another number of objects, a record that occurs twice,
                or a line whose parent is missing.
        """
        self._strays.unlink(missing_ok=True)
        with closing(_database(self._strays)) as database:
            found = _first_reading(self._path, database, marking)
            for what, counted, announced in (
                ("objects", found.objects, objects),
                ("records", found.roots, roots),
            ):
                if counted != announced:
                    text = f"the file holds {counted} {what}; the operation counted {announced}"
                    raise SyncError(SHOPIFY_BULK, text, rule="objectCount")
            if found.strays:
                _require_parents(self._path, database)
        return found

    def parts(self) -> list[tuple[int, int]]:
        """Divide the file into spans of bytes; the first begins at 0, the last ends at the end of the file."""
        size = self._path.stat().st_size
        step = max(PART, -(-size // MOST_PARTS))
        return [(start, min(start + step, size)) for start in range(0, size, step)]

    def records(self, span: tuple[int, int] | None = None) -> Iterator[tuple[Line, Children]]:
        """Yield each root of a checked file, with what gives the lines below it by the id of their parent.

        Args:
            span: only roots whose line begins at a byte from the first up to, but not at, the second; None for all.
        """
        with closing(sqlite3.connect(self._strays)) as database:
            any_strays = database.execute("SELECT 1 FROM stray LIMIT 1").fetchone() is not None
            root: Line | None = None
            group: dict[str, list[Line]] = {}
            for line in _lines(self._path, span):
                parent = line.get(PARENT)
                if parent is None:
                    if root is not None:
                        yield root, _children(group, database if any_strays else None)
                    root, group = line, {line["id"]: []}
                    continue
                # Lines before the first root of a span belong to the span before.
                siblings = group.get(parent)
                if siblings is not None:
                    siblings.append(line)
                    if "id" in line:
                        group.setdefault(line["id"], [])
            if root is not None:
                yield root, _children(group, database if any_strays else None)

    def remove(self) -> None:
        """Delete the file and what belongs to it."""
        self._path.unlink(missing_ok=True)
        self._strays.unlink(missing_ok=True)


def _database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    # It can be made again from the file at any time, so nothing of it needs to survive a crash.
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-8192"):
        database.execute(f"PRAGMA {pragma}")
    database.execute(
        "CREATE TABLE stray (number INTEGER PRIMARY KEY, parent TEXT NOT NULL, id TEXT, line BLOB NOT NULL)"
    )
    return database


def _first_reading(path: Path, database: sqlite3.Connection, marking: Callable[[Line], object]) -> Contents:
    hashes = array("q")
    objects = marked = strays = 0
    group: set[str] = set()
    seen: set[tuple[str, str]] = set()
    waiting: list[tuple[str, str | None, bytes]] = []
    for objects, line in enumerate(_lines(path), 1):
        parent = line.get(PARENT)
        own = line.get("id")
        if parent is None:
            if own is None:
                raise SyncError(SHOPIFY_BULK, f"line {objects} is a record without id", rule="JSONL")
            hashes.append(hash(own))
            marked += bool(marking(line))
            group, seen = {own}, set()
        elif parent not in group:
            strays += 1
            waiting.append((parent, own, orjson.dumps(line)))
            if len(waiting) >= _AT_ONCE:
                _put(database, waiting)
        elif own is not None:
            # One image may hang below several variants.
            if (parent, own) in seen:
                raise _twice(own)
            seen.add((parent, own))
            group.add(own)
    _put(database, waiting)
    database.execute("CREATE INDEX stray_parent ON stray (parent, id, number)")
    database.commit()
    twin = database.execute(
        "SELECT id FROM stray WHERE id IS NOT NULL GROUP BY parent, id HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    if twin is not None:
        raise _twice(twin[0])
    _refuse_twins(hashes)
    return Contents(objects, len(hashes), strays, marked)


def _twice(record: str) -> SyncError:
    return SyncError(SHOPIFY_BULK, f"{record} occurs twice in the file", rule="objectCount")


def _put(database: sqlite3.Connection, waiting: list[tuple[str, str | None, bytes]]) -> None:
    database.executemany("INSERT INTO stray (parent, id, line) VALUES (?, ?, ?)", waiting)
    waiting.clear()


def _refuse_twins(hashes: array[int]) -> None:
    import numpy as np

    ordered = np.sort(np.frombuffer(hashes, dtype=np.int64)) if hashes else np.empty(0)
    if (ordered[1:] == ordered[:-1]).any():
        raise SyncError(SHOPIFY_BULK, "a record occurs twice in the file", rule="rootObjectCount")


def _require_parents(path: Path, database: sqlite3.Connection) -> None:
    """Make sure that every line that does not follow its parent has one at all."""
    database.execute("CREATE TABLE missing AS SELECT DISTINCT parent FROM stray")
    database.execute("CREATE UNIQUE INDEX missing_parent ON missing (parent)")
    ids: list[tuple[str]] = []
    for line in _lines(path):
        if "id" in line:
            ids.append((line["id"],))
        if len(ids) >= _AT_ONCE:
            database.executemany("DELETE FROM missing WHERE parent = ?", ids)
            ids.clear()
    database.executemany("DELETE FROM missing WHERE parent = ?", ids)
    orphan = database.execute("SELECT parent FROM missing LIMIT 1").fetchone()
    database.commit()
    if orphan is not None:
        raise SyncError(SHOPIFY_BULK, f"the parent {orphan[0]} of a line is missing", rule=PARENT)


def _children(group: dict[str, list[Line]], strays: sqlite3.Connection | None) -> Children:
    if strays is None:
        return lambda parent: group.get(parent, _NONE)

    def together(parent: str) -> Sequence[Line]:
        rows = strays.execute("SELECT line FROM stray WHERE parent = ? ORDER BY number", (parent,))
        return [*group.get(parent, _NONE), *(orjson.loads(row[0]) for row in rows)]

    return together


def _lines(path: Path, span: tuple[int, int] | None = None) -> Iterator[Line]:
    """Yield all lines, or those that begin in a span and those that follow up to the next root."""
    loads = orjson.loads
    start, end = span or (0, sys.maxsize)
    with path.open("rb", buffering=_READ_AHEAD) as file:
        begins = start
        if start:
            file.seek(start - 1)
            begins += len(file.readline()) - 1
        for number, text in enumerate(file, 1):
            try:
                line = loads(text)
            except orjson.JSONDecodeError:
                line = None
            if line.__class__ is not dict:
                place = f"line {number}" if not start else f"the line at byte {begins}"
                raise SyncError(SHOPIFY_BULK, f"{place} is no JSON object", rule="JSONL")
            if begins >= end and PARENT not in line:
                return
            yield line
            begins += len(text)
