"""Running bulk operations: in slices on the event loop, into files that are served with ranges."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from graphql import GraphQLError, execute_sync

from sandbox.common.backend import ApiRequest, ApiResponse
from sandbox.shopify.bulk_rows import BulkQuery, Line
from sandbox.shopify.documents import read_document
from sandbox.shopify.ids import gid
from sandbox.shopify.schema import shopify_schema
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

log = logging.getLogger(__name__)
RESULTS = "/bulk/"
ACTIVE = ("CREATED", "RUNNING", "CANCELING")
_SLICE_SECONDS = 0.01
_BATCH = 200
_BLOCK = 1 << 16
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class _EndedError(Exception):
    """The run ends without its result: the status to store and the error code."""

    def __init__(self, status: str, code: str | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.code = code


class BulkRuns:
    """All bulk operations of one shop.

    Args:
        shop: the shop they read or change.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._table = shop.tables["BulkOperation"]
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-bulk-")
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Stop all runs and remove their files."""
        for task in self._tasks:
            task.cancel()
        self._folder.cleanup()

    def start(self, context: Context, kind: str, text: str, variables: bytes, *, grouped: bool) -> Record:
        """Create an operation and start it; `variables` are the uploaded lines of a mutation."""
        number = self._shop.number()
        now = self._shop.clock.now()
        record: Record = {"num": number, "type": kind, "status": "CREATED", "query": text, "createdAt": now}
        self._table.put({**record, "objectCount": 0, "rootObjectCount": 0})
        task = asyncio.get_running_loop().create_task(self._run(context, number, variables, grouped=grouped))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return self._table.get(number) or record

    def active(self, kind: str) -> list[Record]:
        """Return the operations of a kind that have not ended."""
        return [record for record in self._table.all() if record["type"] == kind and record["status"] in ACTIVE]

    def answer(self, request: ApiRequest) -> ApiResponse:
        """Serve a result file, whole or from an offset (`Range: bytes=n-`)."""
        path = Path(self._folder.name) / request.path.removeprefix(RESULTS)
        if path.parent != Path(self._folder.name) or not path.is_file():
            return ApiResponse(b"<Error><Code>NoSuchKey</Code></Error>", 404, "application/xml", error=True)
        size = path.stat().st_size
        headers = {"Accept-Ranges": "bytes", "ETag": f'"{size:x}"', "Content-Length": str(size)}
        wanted = _RANGE.fullmatch(request.headers.get("range", ""))
        if wanted is None:
            return ApiResponse(_blocks(path, 0, size), content_type="application/jsonl", headers=headers)
        start, end = int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)
        if start > end:
            return ApiResponse(b"", 416, headers={"Content-Range": f"bytes */{size}"}, error=True)
        headers |= {"Content-Range": f"bytes {start}-{end}/{size}", "Content-Length": str(end - start + 1)}
        return ApiResponse(_blocks(path, start, end - start + 1), 206, "application/jsonl", headers)

    def change(self, number: int, values: Mapping[str, Any]) -> Record:
        """Store changed fields of an operation."""
        record = {**(self._table.get(number) or {}), **values}
        self._table.put(record)
        return record

    async def _run(self, context: Context, number: int, variables: bytes, *, grouped: bool) -> None:
        options = self._shop.options
        path = Path(self._folder.name) / f"{number}-{random.Random(number).randrange(10**9)}.jsonl"
        code = None
        await asyncio.sleep(options.bulk_seconds / 2)
        try:
            with path.open("wb") as file:
                self._check(number)
                self.change(number, {"status": "RUNNING"})
                record = self._table.get(number) or {}
                if record["type"] == "QUERY":
                    await self._write(number, file, BulkQuery(record["query"], context).roots(), grouped=grouped)
                else:
                    await self._write(number, file, _mutate(record["query"], variables, context), grouped=True)
            await asyncio.sleep(options.bulk_seconds / 2)
            self._check(number)
            status = "EXPIRED" if options.bulk_expire else "COMPLETED"
        except _EndedError as end:
            status, code = end.status, end.code
        except GraphQLError as problem:
            denied = (problem.extensions or {}).get("code") == "ACCESS_DENIED"
            status, code = "FAILED", "ACCESS_DENIED" if denied else "INTERNAL_SERVER_ERROR"
        except Exception:
            log.exception("bulk operation %s failed", number)
            status, code = "FAILED", "INTERNAL_SERVER_ERROR"
        self._finish(number, path, status, code)

    def _finish(self, number: int, path: Path, status: str, code: str | None) -> None:
        if status == "COMPLETED" and self._shop.options.bulk_short:
            _shorten(path, self._shop.options.bulk_short)
        size = path.stat().st_size
        url = f"{self._shop.base_url}{RESULTS}{path.name}" if size else None
        values: dict[str, Any] = {"status": status, "errorCode": code, "completedAt": self._shop.clock.now()}
        if status == "COMPLETED":
            values |= {"url": url, "fileSize": size}
        elif status != "EXPIRED":
            values["partialDataUrl"] = url
        self.change(number, values)
        ended = self._table.get(number) or {}
        self._shop.notify("BULK_OPERATIONS_FINISH", {**ended, "id": gid("BulkOperation", number)})

    def _check(self, number: int) -> None:
        record = self._table.get(number)
        if record is None or record["status"] == "CANCELING":
            raise _EndedError("CANCELED")

    async def _write(self, number: int, file: BinaryIO, roots: Iterator[list[Line]], *, grouped: bool) -> None:
        """Write lines in slices; without grouping the children of a batch follow their parents in random order."""
        draw = random.Random(number)
        objects = count = 0
        below: list[Line] = []
        limit = self._shop.options.bulk_fail_after
        started = time.monotonic()
        for lines in roots:
            count += 1
            objects += len(lines)
            file.write(orjson.dumps(lines[0], option=orjson.OPT_APPEND_NEWLINE))
            below += lines[1:]
            if grouped or count % _BATCH == 0:
                _flush(file, below, None if grouped else draw)
            if limit and objects >= limit:
                raise _EndedError("FAILED", "INTERNAL_SERVER_ERROR")
            if time.monotonic() - started > _SLICE_SECONDS:
                self.change(number, {"objectCount": objects, "rootObjectCount": count})
                await asyncio.sleep(0)
                self._check(number)
                started = time.monotonic()
        _flush(file, below, None if grouped else draw)
        self.change(number, {"objectCount": objects, "rootObjectCount": count})


def _flush(file: BinaryIO, lines: list[Line], draw: random.Random | None) -> None:
    if draw is not None:
        draw.shuffle(lines)
    file.writelines(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
    lines.clear()


def _mutate(text: str, variables: bytes, context: Context) -> Iterator[list[Line]]:
    """Run a mutation once per uploaded line; a line's result carries its number."""
    node = read_document(text).node
    for number, raw in enumerate(variables.splitlines()):
        if node is None or not raw.strip():
            continue
        try:
            given = orjson.loads(raw)
        except orjson.JSONDecodeError:
            yield [{"errors": [{"message": "Invalid JSON"}], "__lineNumber": number}]
            continue
        result = execute_sync(shopify_schema(), node, {}, context, variable_values=given)
        line: Line = {"data": result.data, "__lineNumber": number}
        if result.errors:
            line["errors"] = [error.formatted for error in result.errors]
        yield [line]


def _shorten(path: Path, share: float) -> None:
    """Cut whole lines off the end of a file: what is left is valid, but less than was counted."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: int(len(lines) * (1 - min(share, 1.0)))]))


def _blocks(path: Path, start: int, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while size > 0 and (block := file.read(min(_BLOCK, size))):
            size -= len(block)
            yield block
