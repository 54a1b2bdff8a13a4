"""Backup and restore of a store as one file that PostgreSQL and SQLite both take.

The file is gzipped JSON lines: a head with the schema version, then for each table the names of its columns and its
rows, then the number of rows of each table. A file that was cut off has no such end and is refused before anything is
kept. Tokens stay encrypted in it, so whoever restores needs the Fernet key too; names and addresses of people are not
encrypted.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

from sqlalchemy import Connection, Table, func, insert, select, text

from shopify_fw360.errors import BACKUP_INVALID, SyncError
from shopify_fw360.store import schema
from shopify_fw360.store.codec import dump_json, load_json
from shopify_fw360.store.database import Store
from shopify_fw360.store.tables import UtcDateTime, metadata

FORMAT: Final = "shopify-fw360 store 1"

_ROWS_AT_ONCE: Final = 1_000


def backup(store: Store, file: Path) -> dict[str, int]:
    """Write everything in the store to a file: one consistent state, while others go on writing.

    Args:
        store: at the schema version of this program.
        file: replaced in one step once the backup is complete; only its owner can read it.

    Returns:
        Number of rows by table.

    Raises:
        SyncError: SYNC-501 if the store does not answer or has another schema version.
        OSError: the file cannot be written.
    """
    store.check()
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as raw, gzip.open(raw, "wt", encoding="utf-8", newline="\n") as out:
        with store.connect(read_only=True) as connection:
            counts = _dump(connection, out)
        out.close()
        raw.flush()
        os.fsync(raw.fileno())
    unfinished.replace(file)
    return counts


def _dump(connection: Connection, out: TextIO) -> dict[str, int]:
    counts: dict[str, int] = {}
    _write(out, {"format": FORMAT, "schema": schema.version_of(connection)})
    for table in metadata.sorted_tables:
        _write(out, {"table": table.name, "columns": [column.name for column in table.columns]})
        rows = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
        counts[table.name] = 0
        for row in rows:
            _write(out, list(row))
            counts[table.name] += 1
    _write(out, {"rows": counts})
    return counts


def _write(out: TextIO, value: Any) -> None:
    out.write(f"{dump_json(value)}\n")


def restore(store: Store, file: Path) -> dict[str, int]:
    """Fill an empty store from a backup, all or nothing.

    Args:
        store: without any row; its schema is made if there is none.
        file: as ``backup`` wrote it, by a program of the same schema version.

    Returns:
        Number of rows by table.

    Raises:
        SyncError: SYNC-511 if the store is not empty, the file is damaged or cut off, or of another schema version;
            SYNC-501 if the store does not answer. The store is then as it was.
        OSError: the file cannot be read.
    """
    store.upgrade()
    with store.connect() as connection:
        full = [table.name for table in metadata.sorted_tables if connection.scalar(select(table).limit(1)) is not None]
        if full:
            raise SyncError(
                BACKUP_INVALID, f"the store is not empty: it has rows in {', '.join(full)}", record=str(file)
            )
        counts = _load(connection, _lines(file), str(file))
        _move_sequences(connection)
    return counts


def _lines(file: Path) -> Iterator[Any]:
    """Decode the lines; raises SYNC-511 for whatever makes the file unreadable."""
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield load_json(line)
    except (gzip.BadGzipFile, zlib.error, EOFError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _damaged(str(file), str(error) or "cut off") from error


def _load(connection: Connection, lines: Iterator[Any], name: str) -> dict[str, int]:
    head = next(lines, None)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise _damaged(name, "it is no backup of a store")
    newest = schema.newest_version()
    if head.get("schema") != newest:
        raise SyncError(
            BACKUP_INVALID,
            f"the backup has schema version {head.get('schema')}, this program {newest}",
            record=name,
            rule="restore with the version that made the backup, then upgrade",
        )
    counts: dict[str, int] = {}
    table: Table | None = None
    columns: list[str] = []
    waiting: list[dict[str, Any]] = []
    announced: dict[str, int] | None = None
    for line in lines:
        if isinstance(line, list) and table is not None:
            waiting.append(_row(table, columns, line))
        if table is not None and (isinstance(line, dict) or len(waiting) >= _ROWS_AT_ONCE):
            counts[table.name] += _insert(connection, table, waiting)
            waiting = []
        if isinstance(line, dict):
            announced = line.get("rows")
            if announced is None:
                table, columns = metadata.tables[line["table"]], line["columns"]
                counts[table.name] = 0
    if announced is None:
        raise _damaged(name, "it is cut off")
    if announced != counts:
        raise _damaged(name, f"it announces {announced} and holds {counts}")
    return counts


def _row(table: Table, columns: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return {
        column: datetime.fromisoformat(value)
        if value is not None and isinstance(table.c[column].type, UtcDateTime)
        else value
        for column, value in zip(columns, values, strict=True)
    }


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    if rows:
        connection.execute(insert(table), rows)
    return len(rows)


def _move_sequences(connection: Connection) -> None:
    """Let new rows get ids above the restored ones; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if table.autoincrement_column is not None:
            column = table.autoincrement_column
            highest = connection.scalar(select(func.max(column)))
            if highest is not None:
                connection.execute(
                    text("SELECT setval(pg_get_serial_sequence(:table, :column), :highest)"),
                    {"table": table.name, "column": column.name, "highest": highest},
                )


def _damaged(name: str, reason: str) -> SyncError:
    return SyncError(BACKUP_INVALID, f"the backup cannot be read: {reason}", record=name)
