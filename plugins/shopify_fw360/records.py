"""The seams: small immutable values that clients, mapping, store and sync exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

from shopify_fw360.errors import CODES, SyncError

QUEUE_CONSUMER: Final = "webhook_queue"
"""Id of the DAG that works the queue off as soon as something urgent is in it, and its name as a consumer."""

CONSOLE: Final = "console"
"""Name under which people who have a list open that they may sync from count as awake."""

QUEUE_ASSET: Final = "sync_queue"
"""Name of the Airflow asset whose events start that DAG."""

Raw: TypeAlias = Mapping[str, Any]
"""A record as its system returns it (JSON decoded; connections flattened to lists)."""


PROBLEM: Final = "$problem"
"""Key of a Raw under which a gateway tells why the record cannot be carried over: code, message, field, rule."""


class Unset(Enum):
    """The type of UNSET: the value is not known or not given, which differs from None (known to be empty)."""

    UNSET = "unset"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET

UNFINISHED: Final = "unfinished"
"""Key of a raw record that we created and that may lack what follows its creation: the names of the target fields that
may be missing, such as a consent, or True if any may be."""


class System(StrEnum):
    """One of the two systems that are kept in agreement."""

    SHOPIFY = "shopify"
    FRAMEWORK360 = "framework360"

    @property
    def other(self) -> System:
        """The opposite system."""
        return System.FRAMEWORK360 if self is System.SHOPIFY else System.SHOPIFY


class Entity(StrEnum):
    """A kind of record that is synchronised."""

    CUSTOMER = "customer"
    PRODUCT = "product"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Flow:
    """One entity in one direction.

    Args:
        entity: what is synchronised.
        source: the system it is read from; the other one is written.
    """

    entity: Entity
    source: System

    @property
    def target(self) -> System:
        """The system that is written."""
        return self.source.other

    @property
    def name(self) -> str:
        """Public name, also the DAG id: ``customers_shopify_to_framework360``."""
        return f"{self.entity.value}s_{self.source.value}_to_{self.target.value}"

    def part_of(self, run_id: str) -> str:
        """Id in the ledger of this flow's part of a run that serves several flows."""
        return f"{run_id}~{self.name}"

    @property
    def reverse(self) -> Flow:
        """The same entity in the other direction."""
        return Flow(self.entity, self.target)


class Origin(IntEnum):
    """Which producer staged a change; the value is its priority, lower is served first."""

    SYNC_NOW = 0
    WEBHOOK = 10
    POLL = 20
    RECOVERY = 30
    BACKFILL = 40


class Operation(StrEnum):
    """What happened to the record in its source system."""

    UPSERT = "upsert"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of modification times ``since <= t < until``, aware UTC; None is unbounded."""

    since: datetime | None = None
    until: datetime | None = None

    def contains(self, moment: datetime) -> bool:
        """Whether the aware time lies in the window."""
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A record read from a system.

    Args:
        id: the system's identifier as text (Shopify: the gid; Framework360: digits).
        raw: the record.
        updated_at: the system's own modification time in aware UTC, None where it has none to offer.
    """

    id: str
    raw: Raw
    updated_at: datetime | None = None


def problem_of(error: SyncError) -> dict[str, Any]:
    """Return an error as the value of `PROBLEM`: plain JSON, since records wait in the queue."""
    return {"code": error.code.code, "message": error.message, "field": error.field, "rule": error.rule}


def error_of(record: SourceRecord, name: str) -> SyncError | None:
    """Return why a record cannot be carried over, None if it can.

    Args:
        record: as a gateway returned it.
        name: names the record in the error.
    """
    problem = record.raw.get(PROBLEM)
    if problem is None:
        return None
    return SyncError(
        CODES[problem["code"]], problem["message"], record=name, field=problem["field"], rule=problem["rule"]
    )


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a scan.

    Args:
        records: the records of the page, no id twice within one scan.
        announced: how many records the system says the whole scan has, None if it does not say (None on later pages).
        skipped: records read but outside the asked window.
        undated: records read whose modification time the system does not tell, so that no window can hold them.
    """

    records: Sequence[SourceRecord]
    announced: int | None = None
    skipped: int = 0
    undated: Sequence[SourceRecord] = ()


class FieldType(StrEnum):
    """The type of a field's canonical value: str, bool, int, Decimal, aware UTC datetime, tuple of str, JSON value."""

    TEXT = "text"
    FLAG = "flag"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TIME = "time"
    TAGS = "tags"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class SourceField:
    """A readable field, found by its path.

    Args:
        path: as written in the mapping, for example ``defaultAddress.city`` or ``metafields.custom.piva``.
        accessor: keys to walk through a Raw to reach the value; a ``"*"`` step maps over a list.
        type: the type of the value once read.
        protected: null means unknown, not cleared (Shopify: protected customer data reads as null without approval).
        deprecated: the reason the system gives, or None.
        scopes: access scopes of which one is needed to read it.
    """

    path: str
    accessor: tuple[str, ...]
    type: FieldType
    protected: bool = False
    deprecated: str | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetField:
    """A writable field and how to read what it holds now.

    Args:
        name: as written in the mapping, for example ``nome`` or ``metafields.$app.orders_count``.
        type: the type of value to be written.
        reads: source paths whose first non-empty value is the field's present value; empty if it cannot be read back.
        same: brings two values to a form in which equality means "the system holds the same"
            (case of an e-mail, spaces of a phone number, order and case of tags).
        can_empty: whether the system accepts that the field is emptied.
        max_length: longest text, or longest entry of a list, None for no limit.
        metafield_type: Shopify metafield type, None for other fields.
    """

    name: str
    type: FieldType
    reads: tuple[str, ...]
    same: Callable[[Any], Any]
    can_empty: bool = True
    max_length: int | None = None
    metafield_type: str | None = None


class UnknownFieldError(LookupError):
    """A path or target name that the system's schema does not have.

    Args:
        path: the name as written.
        reason: what is wrong with it.
        suggestions: near names that exist.
    """

    def __init__(self, path: str, reason: str, suggestions: Sequence[str] = ()) -> None:
        hint = f"; did you mean {', '.join(suggestions)}?" if suggestions else ""
        super().__init__(f"{path}: {reason}{hint}")
        self.path = path
        self.reason = reason
        self.suggestions = tuple(suggestions)


class Schema(Protocol):
    """What a system lets us read and write, for checking mappings before anything runs."""

    def source(self, entity: Entity, path: str) -> SourceField:
        """Return the readable field at the path; raise UnknownFieldError."""

    def target(self, entity: Entity, name: str) -> TargetField:
        """Return the writable field of that name; raise UnknownFieldError."""


@dataclass(frozen=True, slots=True)
class NewChild:
    """A reference to a child that the same write adds, so that it has no id in the target yet.

    Args:
        source_id: id of the child in the source system.
    """

    source_id: str


@dataclass(frozen=True, slots=True)
class ChildWrite:
    """One child of a record (a variant, an image) as it shall be after a write.

    Args:
        source_id: id in the source system; None for a child that only the target has, which must survive the write.
        target_id: id in the target system; None for a child that is added.
        values: everything known of the child, by bare target field (``sku``).
        changes: the part of the values that the target does not hold yet; all of them for a new child.
    """

    source_id: str | None
    target_id: str | None
    values: Mapping[str, Any]
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChildList:
    """The children of one list of a record as they shall be after a write.

    Args:
        kept: the complete list, in order. Both systems replace whole lists, so what is not in it would be deleted.
        removed: ids of the target that are no longer wanted.
    """

    kept: tuple[ChildWrite, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What a system holds after a write.

    Args:
        record: the record as read back after the write.
        created: whether the record did not exist before.
        requests: number of API requests used.
        unwritable: target fields that were sent and still read as before the write, after all tries.
        children: for each child list that was written, the id in the target of every kept child, by its id in the
            source. Ids may differ from those before the write.
        differs: target fields, and lists of children, that this system does not let change on an existing record.
    """

    record: SourceRecord
    created: bool = False
    requests: int = 1
    unwritable: frozenset[str] = frozenset()
    children: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    differs: frozenset[str] = frozenset()


class Gateway(Protocol):
    """One entity in one system: everything the sync core may ask of it.

    A gateway is made with the set of source paths that its records must carry, so that the same raw record serves as
    the source of one direction and as the present state of the target of the other.
    """

    system: System
    entity: Entity

    def scan(self, window: Window) -> Iterator[Page]:
        """Read all records whose modification time lies in the window, each id once; an unbounded window reads all."""

    def fetch(self, ids: Sequence[str]) -> dict[str, SourceRecord]:
        """Read records by id, bypassing any search index; an id that does not exist is absent from the result."""

    def find(self, key: str, values: Sequence[str]) -> dict[str, list[SourceRecord]]:
        """Return for each value every record whose natural key (a target field) equals it, an empty list for none."""

    def find_counterpart(self, other_id: str) -> SourceRecord | None:
        """Return the record that carries the other system's id as external id, if the system can store one."""

    def create(self, fields: Mapping[str, Any], other_id: str) -> WriteResult:
        """Create a record with the target fields; safe to repeat with the same other_id where the system allows it.

        The value of a child list is a ChildList.
        """

    def update(self, current: SourceRecord, changes: Mapping[str, Any], other_id: str) -> WriteResult:
        """Write the changed target fields onto the record whose present state is given, and read it back.

        A child list that differs is given as a ChildList, complete; one that is absent stays untouched.
        """


class ExportState(StrEnum):
    """How far an export is."""

    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Export:
    """A file of records that a system writes by itself.

    Args:
        id: the system's name of it.
        state: how far it is.
        note: why it failed, empty otherwise.
    """

    id: str
    state: ExportState
    note: str = ""


@runtime_checkable
class ExportPages(Protocol):
    """The pages of an export on disk: each is read by its number, in any order, also by a process of its own."""

    def __len__(self) -> int:
        """Return the number of pages."""

    def __getitem__(self, number: int) -> Page:
        """Read a page.

        Args:
            number: from 0; the page of the number 0 announces how many records there are.

        Raises:
            SyncError: as reading a record by id raises, for records that the file does not hold completely.
            CutOffError: the page needs such a record, and the process was cut off from the systems.
        """

    def remove(self) -> None:
        """Delete the file."""


class ExportSource(Protocol):
    """Lets a system export all records of an entity and reads them; the records equal those of a scan."""

    def reason_against(self, window: Window) -> str | None:
        """Tell why a scan is the better way to read the window, None if an export is."""

    def start(self, window: Window, name: str) -> Export:
        """Start an export; one that was started under the same name is found again.

        Args:
            window: modification times to export.
            name: unique, of letters and digits.

        Raises:
            SyncError: SYNC-319 if it must wait for others, SYNC-318 if it cannot be done.
        """

    def look(self, export_id: str) -> Export:
        """Tell how far an export is."""

    def cancel(self, export_id: str) -> None:
        """Ask the system to end an export."""

    def pages(self, export_id: str, window: Window, folder: Path) -> ExportPages:
        """Fetch an export that is ready, and check it completely.

        Args:
            export_id: of the export.
            window: as it was started with.
            folder: where its file is brought to; what an earlier attempt left there is used.

        Returns:
            Its records, in pages as of a scan.

        Raises:
            SyncError: SYNC-318 if it is not what was announced, so that the records must be scanned.
        """


@runtime_checkable
class Exports(Protocol):
    """A gateway to a system that can export an entity."""

    exports: ExportSource


@runtime_checkable
class KeepsNotes(Protocol):
    """A gateway to a system in which a person can be told what a record lacks that does not let itself be changed."""

    def note_difference(self, current: SourceRecord, text: str) -> None:
        """Write what a record lacks where people who work in the system see it.

        Args:
            current: the record.
            text: one sentence per line.
        """


@dataclass(frozen=True, slots=True)
class ChangeMark:
    """That a record changed, without the record.

    Args:
        id: the system's identifier as text.
        updated_at: aware UTC time of the last change.
        created_at: aware UTC time at which the record came into being.
    """

    id: str
    updated_at: datetime
    created_at: datetime


@runtime_checkable
class TellsChanges(Protocol):
    """A gateway that can list what changed at a fraction of the cost of reading it."""

    def changed(self, window: Window) -> Iterator[ChangeMark]:
        """List the records whose modification time lies in the window, each once."""


class Shop(Protocol):
    """What the core may ask of the shop beyond its records."""

    key: str
    """The shop's address without scheme, as tokens and budgets know it."""

    def ask(self) -> None:
        """Make sure that the shop lets us in; raise SyncError as the client does."""

    def forget(self) -> None:
        """Drop the access tokens that are kept for the shop, because they are worth nothing any more."""

    def cause_event(self, name: str) -> str:
        """Let the shop do something that changes nothing and of whose end it tells; return the id the event names."""

    def has_ended(self, event_id: str) -> bool:
        """Whether what was begun by ``cause_event`` has ended, so that its event is on its way."""

    def products_of(self, inventory_items: Sequence[str]) -> dict[str, str]:
        """Return the product of each inventory item, both by gid; items that are gone are absent."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A field that both sides changed, as it was when the conflict was found; plain JSON values.

    Args:
        field: target field of the flow, for example ``nome`` or ``varianti[42].prezzo``.
        base: values of source and target when they last agreed, None before they ever did.
        source: what the source says.
        target: what the target holds.
        compared: both again in the form in which they are compared, source first.
    """

    field: str
    base: tuple[Any, Any] | None
    source: Any
    target: Any
    compared: tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """How a person settled a dispute; it holds only as long as both sides still have the values they had then.

    Args:
        wins: the system whose value is kept.
        compared: values of source and target at that time, in the form in which they are compared.
        by: who decided.
    """

    wins: System
    compared: tuple[Any, Any]
    by: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change to be staged.

    Args:
        flow: entity and source.
        source_id: id of the record in its source system.
        operation: upsert or delete.
        origin: the producer, which gives the priority.
        record: the record if the producer has read it completely; None makes the consumer fetch it.
        fingerprint: of the content that the flow would carry over, empty if unknown.
        match_key: normalised natural key of the record, for finding duplicates on its own side.
        display_name: for lists shown to people.
        run_id: ledger id of the run that stages it.
        choices: by target field how a person settled its conflict; a claim brings them, staging takes none.
    """

    flow: Flow
    source_id: str
    operation: Operation = Operation.UPSERT
    origin: Origin = Origin.POLL
    record: SourceRecord | None = None
    fingerprint: str = ""
    match_key: str | None = None
    display_name: str = ""
    run_id: str = ""
    choices: Mapping[str, Choice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """A staged change that one worker holds under a lease.

    Args:
        change: what was staged.
        row_id: key of the row in the staging table.
        generation: number of times the row was staged; completing an older generation leaves the newer one pending.
        attempts: how often it was claimed before.
        lease_until: aware UTC time at which another worker may take it.
        first_staged_at: when the oldest change now coalesced into the row arrived.
    """

    change: Change
    row_id: int
    generation: int
    attempts: int
    lease_until: datetime
    first_staged_at: datetime


class EventTask(StrEnum):
    """What an event asks for beyond reading one record again; done by ``sync.event_tasks``, not by the receiver."""

    CUSTOMER_MERGE = "customer_merge"
    STOCK = "stock"
    APP_UNINSTALLED = "app_uninstalled"
    SCOPES_CHANGED = "scopes_changed"
    BULK_FINISHED = "bulk_finished"
    STUDY = "study"
    UNDO = "undo"


class PrivacyKind(StrEnum):
    """A request about personal data (Shopify: the three compliance topics)."""

    CUSTOMER_DATA = "customers/data_request"
    CUSTOMER_REDACT = "customers/redact"
    SHOP_REDACT = "shop/redact"


ERASED_BY: Final = PrivacyKind.CUSTOMER_REDACT.value
"""Who wants a record left alone whose person was erased: nobody who could be asked."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a system told us of its own accord; a hint, never believed without reading the record.

    An event with a record and without a task is staged. All others only ask for their task.

    Args:
        system: who told it.
        key: equal in every delivery of one event to one subscription, different for any other.
        topic: in the system's words, ``customers/update`` or ``customer.updated``.
        entity: of the record that changed, None if the event is not about one record we synchronise.
        record_id: its id as the gateway gives it, None if only a task can find it out.
        operation: what happened to it.
        triggered_at: aware UTC time at which it happened, None if the system does not tell.
        task: what else is to be done, None for a plain change.
        privacy: set for a request about personal data.
        data: ids that the task or the request needs; no personal data.
    """

    system: System
    key: str
    topic: str
    entity: Entity | None = None
    record_id: str | None = None
    operation: Operation = Operation.UPSERT
    triggered_at: datetime | None = None
    task: EventTask | None = None
    privacy: PrivacyKind | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


Refusal: TypeAlias = Literal["signature", "shop", "topic", "stale", "malformed"]
"""Why a delivery is not taken."""


class DeliveryRefusedError(ValueError):
    """A delivery that is not taken.

    Args:
        reason: the check it failed.
        detail: for the log; must not quote the body.
    """

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


LinkStatus: TypeAlias = Literal["synced", "pending", "failed", "conflict", "differs", "excluded", "unlinked"]


@dataclass(frozen=True, slots=True)
class Link:
    """The pair of records that are one thing in both systems.

    Args:
        entity: what it is.
        shopify_id: id in Shopify, None while there is none.
        framework360_id: id in Framework360, None while there is none.
        status: shown to people.
        base: per flow name and target field the pair ``[source value, target value]`` last agreed (JSON values).
        fingerprints: per flow name the fingerprint of the source content that was last consumed.
        source_times: per flow name the source's own modification time of that content (aware UTC), where it tells one.
        match_keys: per system the normalised natural key.
        display_name: for lists shown to people.
        error_code: code of the last failure, None when the last attempt succeeded.
        error_message: its text, None when the last attempt succeeded.
        id: key of the row, None before it is stored.
        missing_scans: number of successive full scans of Framework360 that did not find the record.
        synced_at: aware UTC time of the last successful sync.
        synced_by: name of the flow that made it.
        excluded_by: who wants the record left alone, None for nobody.
        excluded_at: aware UTC time of that decision.
    """

    entity: Entity
    shopify_id: str | None = None
    framework360_id: str | None = None
    status: LinkStatus = "pending"
    base: Mapping[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    source_times: Mapping[str, datetime] = field(default_factory=dict)
    match_keys: Mapping[str, str] = field(default_factory=dict)
    display_name: str = ""
    error_code: str | None = None
    error_message: str | None = None
    id: int | None = None
    missing_scans: int = 0
    synced_at: datetime | None = None
    synced_by: str | None = None
    excluded_by: str | None = None
    excluded_at: datetime | None = None

    def id_in(self, system: System) -> str | None:
        """Id of the record in the given system, None if it has no counterpart there."""
        return self.shopify_id if system is System.SHOPIFY else self.framework360_id


class Outcome(StrEnum):
    """How the processing of one staged change ended; the ledger counts them."""

    CREATED = "created"
    UPDATED = "updated"
    LINKED = "linked"
    UNCHANGED = "unchanged"
    EXCLUDED = "excluded"
    UNLINKED = "unlinked"
    PARKED = "parked"
    CONFLICT = "conflict"
    DIFFERS = "differs"
    SUPERSEDED = "superseded"
