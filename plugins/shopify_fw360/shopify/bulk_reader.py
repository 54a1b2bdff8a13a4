"""Reading all records of an entity by a bulk operation. Implements `records.ExportSource`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shopify_fw360.errors import SHOPIFY_BULK, SyncError
from shopify_fw360.records import Export, ExportPages, ExportState, Page, SourceRecord, Window
from shopify_fw360.shopify.bulk_download import Download, Patience
from shopify_fw360.shopify.bulk_file import BulkFile, Contents
from shopify_fw360.shopify.bulk_operations import BulkOperation, BulkOperations
from shopify_fw360.shopify.bulk_shape import Assembled, BulkShape, NotBulkError, bulk_shape
from shopify_fw360.shopify.client import ShopifyClient
from shopify_fw360.shopify.reading_cost import BY_ID, SCANS, Job, Way, cheapest, price
from shopify_fw360.shopify.records_reader import RecordsReader

log = logging.getLogger(__name__)


def _same(record: SourceRecord) -> SourceRecord:
    return record


@dataclass(frozen=True, slots=True)
class BulkReader:
    """Lets the shop write all records of an entity into one file, and reads that.

    Args:
        client: of the shop.
        reader: of the same records page by page; it names them, completes them, and reads again what a file lacks.
        finish: what the gateway does to each record.
        patience: of the download.
    """

    client: ShopifyClient
    reader: RecordsReader
    finish: Callable[[SourceRecord], SourceRecord] = _same
    patience: Patience = field(default_factory=Patience)

    def reason_against(self, window: Window) -> str | None:
        """Tell why pages are the better way, by the cost model; None if a bulk operation is."""
        try:
            self._text(window, "Probe")
        except NotBulkError as error:
            return f"no bulk query can read it: {error}"
        number = None if window.since or window.until else self.reader.count()
        if number is None:
            # How many records a window holds cannot be asked cheaply; long windows are the rule here.
            return None
        rate = self.client.restore_rate
        job = Job(self.reader.selection, number)
        if cheapest(job, SCANS, rate) is Way.BULK:
            return None
        pages, bulk = (price(way, job, rate).seconds for way in SCANS)
        return f"{number} records take {pages:.0f} s by pages and {bulk:.0f} s by a bulk operation"

    def start(self, window: Window, name: str) -> Export:
        """Start an operation, or find the one started under this name; see `ExportSource.start`."""
        try:
            text = self._text(window, name)
        except NotBulkError as error:
            raise SyncError(SHOPIFY_BULK, str(error), rule="shape of bulk queries") from error
        operations = BulkOperations(self.client)
        grouped = bulk_shape(self.reader.selection).needs_order
        return _export(operations.find(text) or operations.start(text, grouped=grouped))

    def look(self, export_id: str) -> Export:
        """Tell how far an operation is."""
        operation = BulkOperations(self.client).get(export_id)
        if operation is None:
            return Export(export_id, ExportState.FAILED, "the shop does not know the operation any more")
        return _export(operation)

    def cancel(self, export_id: str) -> None:
        """Ask the shop to end an operation."""
        BulkOperations(self.client).cancel(export_id)

    def pages(self, export_id: str, window: Window, folder: Path) -> ExportPages:
        """Fetch and check the file of an operation that is ready; see `ExportSource.pages`."""
        operation = self._operation(export_id)
        if operation.failure:
            raise SyncError(SHOPIFY_BULK, f"{export_id}: {operation.failure}", rule="status")
        if operation.objects == 0:
            return _NoRecords()
        path = folder / f"{export_id.rpartition('/')[2]}.jsonl"
        shape = bulk_shape(self.reader.selection)
        Download(self.client.address, lambda: self._operation(export_id), path, self.patience).run()
        file = BulkFile(path)
        try:
            contents = file.check(operation.objects, operation.roots, lambda root: any(map(root.get, shape.cut)))
        except SyncError:
            # The next attempt must not go on with a file that is wrong.
            file.remove()
            raise
        self._refuse_if_dearer(contents, shape)
        log.info("%s: %s", export_id, contents)
        return _BulkPages(self, file, shape, contents, window, file.parts())

    def _operation(self, export_id: str) -> BulkOperation:
        operation = BulkOperations(self.client).get(export_id)
        if operation is None:
            raise SyncError(SHOPIFY_BULK, f"the shop does not know {export_id} any more", rule="bulkOperation")
        return operation

    def _text(self, window: Window, name: str) -> str:
        shape = bulk_shape(self.reader.selection)
        values = {key: value for key, (_, value) in self.reader.variables_of(shape.node).items()}
        return shape.text(name, self.reader.root, self.reader.search_of(window), values)

    def _refuse_if_dearer(self, contents: Contents, shape: BulkShape) -> None:
        """Refuse a file so much of which must be read again by id that pages take less time."""
        again = contents.roots if contents.strays and shape.needs_order else contents.marked
        rate = self.client.restore_rate
        job = Job(self.reader.selection, again, of=contents.roots)
        if again and cheapest(job, (*BY_ID, Way.PAGES), rate) is Way.PAGES:
            text = f"{again} of {contents.roots} records would have to be read again by id; pages take less"
            raise SyncError(SHOPIFY_BULK, text, rule="cost model")

    def page(self, together: Sequence[Assembled], window: Window, announced: int | None) -> Page:
        """Make a page of records that were put together from their lines; those that are not whole are read by id."""
        lacking = [each.answer["id"] for each in together if not each.whole]
        again = self.reader.fetch(lacking) if lacking else {}
        records = self.reader.records([each.answer for each in together if each.whole])
        records += again.values()
        inside = [self.finish(record) for record in records if _is_inside(record, window)]
        # A record that is gone since the file was written is none of those asked for.
        return Page(inside, announced, skipped=len(together) - len(inside))


@dataclass(frozen=True, slots=True)
class _BulkPages:
    """A checked file; each part of it is a page."""

    reader: BulkReader
    file: BulkFile
    shape: BulkShape
    contents: Contents
    window: Window
    parts: Sequence[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> Page:
        in_order = not self.contents.strays
        together = [
            self.shape.assemble(line, children, in_order=in_order)
            for line, children in self.file.records(self.parts[number])
        ]
        return self.reader.page(together, self.window, None if number else self.contents.roots)

    def remove(self) -> None:
        self.file.remove()


class _NoRecords:
    """What an operation has found that has found nothing, for which there is no file."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, number: int) -> Page:
        return (Page([], announced=0),)[number]

    def remove(self) -> None:
        pass


def _is_inside(record: SourceRecord, window: Window) -> bool:
    return record.updated_at is None or window.contains(record.updated_at)


def _export(operation: BulkOperation) -> Export:
    if not operation.ended:
        return Export(operation.id, ExportState.RUNNING)
    if operation.failure:
        return Export(operation.id, ExportState.FAILED, operation.failure)
    return Export(operation.id, ExportState.READY)
