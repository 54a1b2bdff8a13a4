"""The one error taxonomy: every failure has a stable code, a cause, a fix, and says what the runner must do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reaction(StrEnum):
    """What the runner does when an error of this class reaches it."""

    RETRY = "retry"
    SKIP_RECORD = "skip_record"
    NEEDS_PERSON = "needs_person"
    STOP_FLOW = "stop_flow"
    STOP_ALL = "stop_all"


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A documented class of failure.

    Args:
        code: stable identifier, ``SYNC-nnn``; users search for it, so it never changes its meaning.
        reaction: what the runner does.
        title: short name for lists and charts.
        cause: why it happens.
        fix: the next step for a person.
    """

    code: str
    reaction: Reaction
    title: str
    cause: str
    fix: str


CODES: dict[str, ErrorCode] = {}


def _define(code: str, reaction: Reaction, title: str, cause: str, fix: str) -> ErrorCode:
    if code in CODES:
        raise ValueError(f"error code {code} is defined twice")
    CODES[code] = ErrorCode(code, reaction, title, cause, fix)
    return CODES[code]


class SyncError(Exception):
    """A failure with a code and the place where it happened.

    Args:
        code: the class of failure.
        message: what happened here; must carry no secret and no personal data beyond ids.
        record: which record, for example ``customer shopify:gid://shopify/Customer/1``.
        field: which field of it.
        rule: which rule of the mapping, contract or API was broken.
        retry_after: seconds the other side asked us to wait.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        record: str | None = None,
        field: str | None = None,
        rule: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.record = record
        self.field = field
        self.rule = rule
        self.retry_after = retry_after

    @property
    def reaction(self) -> Reaction:
        """What the runner does with this error."""
        return self.code.reaction

    def __str__(self) -> str:
        where = "; ".join(
            f"{name} {value}"
            for name, value in (("record", self.record), ("field", self.field), ("rule", self.rule))
            if value
        )
        place = f" [{where}]" if where else ""
        return f"{self.code.code} {self.code.title}: {self.message}{place}. Next step: {self.code.fix}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword arguments do not survive pickling by default, and tasks hand errors across processes.
        return (_rebuild, (self.code.code, self.message, self.record, self.field, self.rule, self.retry_after))


def _rebuild(
    code: str, message: str, record: str | None, field: str | None, rule: str | None, retry_after: float | None
) -> SyncError:
    return SyncError(CODES[code], message, record=record, field=field, rule=rule, retry_after=retry_after)


# 1xx: configuration
MAPPING_INVALID = _define(
    "SYNC-101",
    Reaction.STOP_FLOW,
    "mapping is not valid",
    "A mapping file breaks the mapping language.",
    "Correct the named line of the mapping file; docs/mappings.md describes each key.",
)
MAPPING_UNKNOWN_FIELD = _define(
    "SYNC-102",
    Reaction.STOP_FLOW,
    "mapping names an unknown field",
    "A path or target in a mapping does not exist in the pinned schema of that system.",
    "Use one of the fields the message suggests.",
)
MAPPING_SCOPE = _define(
    "SYNC-104",
    Reaction.STOP_FLOW,
    "mapping needs a scope the shop has not granted",
    "A mapping reads or writes a field whose access scope the connection does not have.",
    "Grant the scope on the Connect page, or remove the line from the mapping.",
)
SETTINGS_INVALID = _define(
    "SYNC-105",
    Reaction.STOP_ALL,
    "settings are not valid",
    "The variable sync_settings does not fit the settings model.",
    "Correct the named key in Admin > Variables > sync_settings.",
)
CONNECTION_INVALID = _define(
    "SYNC-106",
    Reaction.STOP_ALL,
    "connection is not valid",
    "An Airflow connection is missing or lacks a needed field.",
    "Correct the connection in Admin > Connections and press Test.",
)
FLOW_OFF = _define(
    "SYNC-107",
    Reaction.STOP_FLOW,
    "flow is switched off",
    "The settings switch this entity and direction off.",
    "Switch the flow on in the settings if it should run.",
)
RUN_REQUEST_INVALID = _define(
    "SYNC-108",
    Reaction.STOP_FLOW,
    "parameters of the run are not valid",
    "A run was triggered with parameters that do not belong together or cannot be read.",
    "Trigger the run again and correct the parameter the message names.",
)
AWAITING_APPROVAL = _define(
    "SYNC-109",
    Reaction.STOP_FLOW,
    "flow waits for its first plan",
    "The settings ask for an approval before a flow writes for the first time, and no plan of it was approved yet.",
    "Make a plan in the console under First sync and approve it; or switch require_approval off in the settings.",
)
PLAN_NOT_APPROVED = _define(
    "SYNC-110",
    Reaction.STOP_FLOW,
    "plan cannot be carried out",
    "Only a plan that was approved, belongs to the flow and was not carried out by another run can be carried out.",
    "Open the plan in the console under First sync; make a new one if it is too old.",
)

# 2xx: one record
REQUIRED_MISSING = _define(
    "SYNC-201",
    Reaction.SKIP_RECORD,
    "required value is missing",
    "The record has no value for a field the other system requires.",
    "Fill the field in the source system, or give the mapping a default; the record is tried again when it changes.",
)
VALUE_INVALID = _define(
    "SYNC-202",
    Reaction.SKIP_RECORD,
    "value breaks a rule",
    "A value has the wrong type, form or length for the field it is mapped to.",
    "Correct the value in the source system, or add a rule to the mapping.",
)
VALUE_NOT_MAPPED = _define(
    "SYNC-203",
    Reaction.SKIP_RECORD,
    "value is not in the map",
    "A mapping translates by a table and the value is not in it.",
    "Add the value to the table in the mapping, or give it a default.",
)
AMBIGUOUS = _define(
    "SYNC-204",
    Reaction.NEEDS_PERSON,
    "counterpart is ambiguous",
    "More than one record on one of the sides could be this record's counterpart.",
    "Merge or correct the duplicates named in the message, then release the record.",
)
CONFLICT = _define(
    "SYNC-205",
    Reaction.NEEDS_PERSON,
    "both sides changed the same field",
    "Both systems changed the field since the last sync and its policy is to ask.",
    "Settle the conflict in the console, or choose another policy in the mapping.",
)
REJECTED = _define(
    "SYNC-207",
    Reaction.SKIP_RECORD,
    "target refused the record",
    "The target system refused a value.",
    "Correct the value the target names; the record is tried again when it changes or is released.",
)
VANISHED = _define(
    "SYNC-208",
    Reaction.SKIP_RECORD,
    "record is gone",
    "The record was deleted while it was being synchronised.",
    "Nothing to do; the link is removed.",
)
UNCLEAR_CREATE = _define(
    "SYNC-209",
    Reaction.RETRY,
    "outcome of a create is unclear",
    "The answer to a create was lost and the record cannot be found yet.",
    "The next attempt looks for the record before creating it; if it persists, look for it by hand and link it.",
)
TRUNCATED = _define(
    "SYNC-210",
    Reaction.SKIP_RECORD,
    "list of a record could not be read completely",
    "A nested list is longer than could be read.",
    "Raise the page limit or report the record; a partial list is never written.",
)
ORDER_MONEY = _define(
    "SYNC-221",
    Reaction.SKIP_RECORD,
    "order does not add up",
    "The parts of an order do not come to what the order says, or cannot be booked to the cent.",
    "Compare the named term with the order's page in Shopify; nothing was written. It is tried again when it changes.",
)

SALE_TOTAL = _define(
    "SYNC-222",
    Reaction.SKIP_RECORD,
    "sale would come to another total",
    "The site computes another total or tax for the sale's lines than Shopify did for the order.",
    "Check the taxes in the order mapping, then site.prices_include_tax and orders.cart_price of the connection.",
)
SALE_CURRENCY = _define(
    "SYNC-223",
    Reaction.SKIP_RECORD,
    "order is in another currency than the site",
    "Sales are booked in the site's currency; the order has no amounts in it.",
    "Set orders.money to the side (shop or presentment) that has the site's currency, or book the order by hand.",
)
SALE_DIFFERS = _define(
    "SYNC-224",
    Reaction.NEEDS_PERSON,
    "sale differs from the order",
    "The order changed after it was booked, and the site offers no call to change a sale.",
    "Correct the sale in the back office, or switch the capability orders_update on; then press Sync now.",
)
SITE_NAME = _define(
    "SYNC-225",
    Reaction.SKIP_RECORD,
    "site has nothing of that name",
    "The mapping names an order status, payment method or tax that the site does not have.",
    "Use one of the names in the message in the order mapping, or create the missing one in the site's back office.",
)
REFERENCE_WAITING = _define(
    "SYNC-226",
    Reaction.RETRY,
    "record waits for another one",
    "An order is booked after its buyer, and a record whose making by the opposite direction was interrupted is first "
    "completed by it; that synchronisation has not ended.",
    "Nothing to do; it is tried again. If it lasts, look at the other record in the queue.",
)
PLAN_CHANGED = _define(
    "SYNC-231",
    Reaction.NEEDS_PERSON,
    "record changed since the plan was approved",
    "What would be written now is not what was approved, because the record was changed on one of the sides.",
    "Look at the record in a new plan, or release it: it is then synchronised as any other.",
)
UNDO_NOTHING = _define(
    "SYNC-232",
    Reaction.NEEDS_PERSON,
    "nothing to go back to",
    "The journal does not hold what the record was before, or the record has no agreed base, so an undo could take "
    "back an edit of a person.",
    "Put the value back by hand in the system it belongs to; it is carried over as any edit.",
)
UNDO_IMPOSSIBLE = _define(
    "SYNC-233",
    Reaction.NEEDS_PERSON,
    "an undo cannot do this",
    "Sales are bookings and are never rewritten by an undo, and one undo takes back a limited number of records.",
    "Correct a sale in the back office; undo a large run record by record, or restore a backup of the system.",
)

# 3xx: Shopify
SHOPIFY_TOKEN = _define(
    "SYNC-301",
    Reaction.STOP_ALL,
    "Shopify refuses the token",
    "The access token is wrong, revoked or expired, or the app was uninstalled.",
    "Connect the shop again, or correct the connection shopify_default.",
)
SHOPIFY_SCOPE = _define(
    "SYNC-302",
    Reaction.STOP_FLOW,
    "Shopify denies access",
    "The token lacks an access scope, or the app is not approved for protected customer data.",
    "Grant the named scope to the app and connect the shop again.",
)
SHOPIFY_THROTTLED = _define(
    "SYNC-303",
    Reaction.RETRY,
    "Shopify throttles",
    "The cost budget of the shop is used up, often by another app.",
    "Nothing to do; the call is repeated when the budget is restored.",
)
SHOPIFY_UNAVAILABLE = _define(
    "SYNC-304",
    Reaction.RETRY,
    "Shopify does not answer properly",
    "Network failure, server error or a damaged answer.",
    "Nothing to do; the call is repeated. If it lasts, check Shopify's status page and the network.",
)
SHOPIFY_QUERY = _define(
    "SYNC-306",
    Reaction.STOP_FLOW,
    "Shopify refuses the query",
    "The request is not valid for the API version in use.",
    "Compare the mapping and the API version; report it if the shipped files are unchanged.",
)
SHOPIFY_FILTER_IGNORED = _define(
    "SYNC-307",
    Reaction.STOP_FLOW,
    "Shopify ignored a search filter",
    "A filter is unknown to Shopify, so the whole shop would have been returned.",
    "Correct the filter; nothing was staged from the answer.",
)
SHOPIFY_VERSION = _define(
    "SYNC-308",
    Reaction.STOP_ALL,
    "Shopify served another API version",
    "The requested API version has ended and Shopify fell forward to another one.",
    "Upgrade this project, or set api_version in the connection to a supported version.",
)
SHOPIFY_SHOP = _define(
    "SYNC-309",
    Reaction.STOP_ALL,
    "shop is not available",
    "The shop is frozen, locked, unknown, or the request was refused as a whole.",
    "Check the shop address and its state in Shopify's admin.",
)
SHOPIFY_REJECTED = _define(
    "SYNC-312",
    Reaction.SKIP_RECORD,
    "Shopify refused the record",
    "A mutation returned user errors.",
    "Correct the value Shopify names; the record is tried again when it changes or is released.",
)
SHOPIFY_GRANT = _define(
    "SYNC-313",
    Reaction.STOP_ALL,
    "Shopify grant has ended",
    "The refresh token or client credentials are no longer accepted.",
    "Connect the shop again.",
)
SHOPIFY_ORDER_UNREADABLE = _define(
    "SYNC-315",
    Reaction.SKIP_RECORD,
    "order cannot be read",
    "Without the scope read_all_orders Shopify hides orders older than 60 days, so this one may be old or deleted.",
    "Ask Shopify for the scope read_all_orders and connect the shop again; nothing was changed meanwhile.",
)

SHOPIFY_CHANGED = _define(
    "SYNC-314",
    Reaction.RETRY,
    "record changed in Shopify meanwhile",
    "Somebody changed the record in Shopify between our reading and our writing, for example by a sale.",
    "Nothing to do; the next attempt reads it again and merges anew.",
)
SHOPIFY_PROCESSING = _define(
    "SYNC-316",
    Reaction.RETRY,
    "Shopify is still processing",
    "Images or a large product take Shopify longer than a write waits for them.",
    "Nothing to do; the next attempt goes on where this one stopped.",
)

SHOPIFY_UNINSTALLED = _define(
    "SYNC-317",
    Reaction.STOP_ALL,
    "app was uninstalled",
    "The shop's owner has uninstalled the app; its tokens and webhook subscriptions ended with it.",
    "Connect the shop again if it should be synchronised; what changed meanwhile is then found by the next runs.",
)

SHOPIFY_BULK = _define(
    "SYNC-318",
    Reaction.RETRY,
    "bulk operation is of no use",
    "A bulk operation failed, was cancelled or expired, or its file is not what the shop announced.",
    "Nothing to do; the records are read page by page instead. If it lasts, look at the operation in the message.",
)
SHOPIFY_BULK_BUSY = _define(
    "SYNC-319",
    Reaction.RETRY,
    "shop runs as many bulk operations as it allows",
    "Other bulk operations of the app are running in this shop (Shopify: 5 at a time).",
    "Nothing to do; it is started as soon as another one ends.",
)

# 4xx: Framework360
FW360_KEY = _define(
    "SYNC-401",
    Reaction.STOP_ALL,
    "Framework360 refuses the key",
    "The API key is unknown or was deleted.",
    "Create a key in the site's back office and enter it in the connection framework360_default.",
)
FW360_PERMISSION = _define(
    "SYNC-402",
    Reaction.STOP_FLOW,
    "Framework360 key lacks a function",
    "The API key does not have the function this call needs.",
    "Tick the named function on the key in the site's back office.",
)
FW360_CAPABILITY = _define(
    "SYNC-403",
    Reaction.STOP_FLOW,
    "Framework360 site lacks a capability",
    "The site does not offer this call, or the capability is switched off.",
    "Switch the capability on in the connection's options if the site has it; otherwise switch the flow off.",
)
FW360_NOT_FOUND = _define(
    "SYNC-404",
    Reaction.SKIP_RECORD,
    "Framework360 does not know the record",
    "The record was deleted or never existed.",
    "Nothing to do; the link is rebuilt or removed.",
)
FW360_REJECTED = _define(
    "SYNC-405",
    Reaction.SKIP_RECORD,
    "Framework360 refused the record",
    "A value is missing or not accepted by the site.",
    "Correct the value the site names; the record is tried again when it changes or is released.",
)
FW360_EXISTS = _define(
    "SYNC-406",
    Reaction.NEEDS_PERSON,
    "e-mail belongs to another Framework360 customer",
    "The e-mail to be written is already used by another customer.",
    "Merge or correct the two customers in Framework360, then release the record.",
)
FW360_THROTTLED = _define(
    "SYNC-407",
    Reaction.RETRY,
    "Framework360 throttles",
    "The site asks for fewer requests.",
    "Nothing to do; lower limits.requests_per_second in the connection if it lasts.",
)
FW360_UNAVAILABLE = _define(
    "SYNC-408",
    Reaction.RETRY,
    "Framework360 does not answer properly",
    "Network failure, server error or a damaged answer.",
    "Nothing to do; the call is repeated. If it lasts, check the site.",
)
FW360_PAGING = _define(
    "SYNC-410",
    Reaction.STOP_FLOW,
    "Framework360 list does not end",
    "Paging returned more pages than the configured maximum.",
    "Raise paging.max_pages in the connection's options if the site really has so many records.",
)
FW360_VENDOR_PLUGIN = _define(
    "SYNC-411",
    Reaction.STOP_ALL,
    "the site's own Shopify plugin is active",
    "Two synchronisers on the same shop and site would feed each other.",
    "Switch the vendor's plugin off, or set site.allow_vendor_plugin in the connection's options.",
)
FW360_OFF = _define(
    "SYNC-412",
    Reaction.STOP_FLOW,
    "Framework360 capability is off",
    "The site does not offer this group of calls, its key may not use them, or the connection's options switch it off.",
    "Switch the capability on in the connection's options if the site has it; otherwise switch the flow off.",
)
FW360_WRITES_OFF = _define(
    "SYNC-413",
    Reaction.STOP_FLOW,
    "writing products is not confirmed for this site",
    "Framework360 documents no product calls, so writing stays off until somebody has tried it on this site.",
    "Try it with a throwaway product (docs/framework360.md), then set products.write in framework360_default to true.",
)

# 5xx: store, queue and safety
STORE_UNAVAILABLE = _define(
    "SYNC-501",
    Reaction.RETRY,
    "sync store is not available",
    "The database of connection sync_store does not answer.",
    "Check the database and the connection sync_store.",
)
LEASE_LOST = _define(
    "SYNC-502",
    Reaction.RETRY,
    "lease on the record was lost",
    "The record took longer than its lease and another worker took it over.",
    "Nothing to do; raise limits.lease_seconds if it is frequent.",
)
LEDGER_OPEN = _define(
    "SYNC-503",
    Reaction.STOP_FLOW,
    "ledger does not explain every record",
    "The counts of announced, read, staged and processed records differ.",
    "Open the run's page: it lists the open records; run the flow again.",
)
GUARD = _define(
    "SYNC-504",
    Reaction.NEEDS_PERSON,
    "guard stopped a mass change",
    "The run would delete or change a larger share of records than the settings allow.",
    "Check the cause; raise guard.max_share for one run if the change is wanted.",
)
BACKUP_INVALID = _define(
    "SYNC-511",
    Reaction.STOP_ALL,
    "backup cannot be restored",
    "The backup is damaged, cut off or of another schema version, or the store it should fill is not empty.",
    "Take another backup, or restore into an empty database with the version of the program that made the backup.",
)
INTERNAL = _define(
    "SYNC-599",
    Reaction.SKIP_RECORD,
    "unexpected failure on one record",
    "The program failed on this record in a way it does not know.",
    "Report it with the code and the record's story; the record can be released after an upgrade.",
)

QUIET: frozenset[ErrorCode] = frozenset({FLOW_OFF, AWAITING_APPROVAL, FW360_OFF, FW360_WRITES_OFF, SHOPIFY_UNINSTALLED})
"""States that a person chose or that a site has for good: a run that meets one is skipped, not failed."""
