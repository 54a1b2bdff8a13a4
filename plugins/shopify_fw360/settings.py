"""Typed settings: which flows are on, what goes out, how conflicts are settled, how fast we may go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

from croniter import croniter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shopify_fw360.errors import SETTINGS_INVALID, SyncError
from shopify_fw360.records import Entity, Flow, System


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Directions(_Model):
    """Switches of one entity, one per direction."""

    shopify_to_framework360: bool = True
    framework360_to_shopify: bool = True


class OrderDirections(_Model):
    """Orders go one way only."""

    shopify_to_framework360: bool = True


class Flows(_Model):
    """Which areas and directions are on."""

    customers: Directions = Directions()
    products: Directions = Directions()
    orders: OrderDirections = OrderDirections()

    def is_on(self, flow: Flow) -> bool:
        """Whether the flow is switched on; a direction that does not exist is off."""
        area = getattr(self, f"{flow.entity.value}s")
        return bool(getattr(area, f"{flow.source.value}_to_{flow.target.value}", False))


class OutboundFilter(_Model):
    """Which Framework360 customers are sent to Shopify.

    Args:
        mode: all of them, members of at least one list, or bearers of at least one tag.
        lists: marketing list ids, for mode ``lists``.
        tags: tags compared without case, for mode ``tags``.
    """

    mode: Literal["all", "lists", "tags"] = "all"
    lists: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _selection_given(self) -> OutboundFilter:
        if self.mode != "all" and not getattr(self, self.mode):
            raise ValueError(
                f"mode {self.mode} needs at least one entry in {self.mode}, otherwise nothing would go out"
            )
        return self


class Customers(_Model):
    """Settings of the customer flows.

    Args:
        outbound: which Framework360 customers go to Shopify.
        opt_in_level: level stated to Shopify for a newsletter consent given in Framework360.
        placeholder_email_domain: domain of invented addresses for Shopify customers without e-mail, None to park them
            (Framework360: a customer cannot be registered without e-mail).
        count_cancelled_orders: whether cancelled sales count in the totals sent to Shopify.
    """

    outbound: OutboundFilter = OutboundFilter()
    opt_in_level: Literal["SINGLE_OPT_IN", "CONFIRMED_OPT_IN"] = "SINGLE_OPT_IN"
    placeholder_email_domain: str | None = Field(default=None, pattern=r"^[a-z0-9]([a-z0-9-]*\.)+[a-z]{2,}$")
    count_cancelled_orders: bool = False


class Products(_Model):
    """Settings of the product flows.

    Args:
        on_delete: what becomes of the Framework360 product whose Shopify product was deleted: it stays, or it
            also gets what ``on_delete`` of the mapping says (as shipped: it is taken off the site).
        publish: sales channels of the shop that a new product is published to: ``all``, ``none``, or their names.
        location: name or number of the Shopify location whose stock is synchronised, None for the shop's primary one.
    """

    on_delete: Literal["keep", "unpublish"] = "keep"
    publish: Literal["all", "none"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all"
    location: str | None = None


class Orders(_Model):
    """Settings of the flow of orders.

    Args:
        money: which side of an order is booked, in the shop's currency or in the one the buyer was shown; it must be
            the site's currency.
        check_both: whether an order whose other side does not add up is parked too.
        test_orders: whether test orders are booked.
        guest_email: e-mail of the customer to whom orders without customer and e-mail are booked, None to park them.
        on_difference: what happens when a booked order changes and the site does not let the sale be changed: the sale
            is flagged, or cancelled and booked again. Numbering, stock and mails to customers are at stake.
    """

    money: Literal["shop", "presentment"] = "shop"
    check_both: bool = True
    test_orders: bool = False
    guest_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
    on_difference: Literal["flag", "recreate"] = "flag"


class NearRealTime(_Model):
    """How changes are told and found between the scheduled runs.

    Args:
        public_url: address under which the receiver is reached from the internet, without ``/sync/webhooks``; None for
            Airflow's own address.
        linger_seconds: how long the consumer of the queue stays awake after the last event.
        longest_minutes: after how long it starts anew in any case.
        keep_events_days: how long an event is known, so that a repetition of it counts as one.
        grace_minutes: how long a delivery may take before it counts as missed.
        canary: whether each hour an event is caused on purpose, by a bulk operation that reads nothing, to see whether
            events arrive at all; it changes nothing in the shop.
    """

    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")] | None = None
    linger_seconds: Annotated[float, Field(ge=0, le=600)] = 20.0
    longest_minutes: Annotated[float, Field(ge=1, le=55)] = 15.0
    keep_events_days: Annotated[int, Field(ge=3, le=365)] = 14
    grace_minutes: Annotated[float, Field(ge=0, le=1440)] = 10.0
    canary: bool = True


def _cron(text: str) -> str:
    if len(text.split()) != 5 or not croniter.is_valid(text):
        raise ValueError("five fields of a cron expression are needed, such as 30 2 * * * for every night at 2:30")
    return text


class Recovery(_Model):
    """The periodic mass import that finds what webhooks and polls have lost.

    Args:
        schedule: cron expression in UTC; None leaves it to people.
        entities: what is imported, out of all systems whose flow is on.
        days: how far back changes in Shopify are read, None for everything, which also finds deletions.
    """

    schedule: Annotated[str, AfterValidator(_cron)] | None = "30 2 * * *"
    entities: Annotated[tuple[Entity, ...], Field(min_length=1)] = (Entity.PRODUCT, Entity.ORDER)
    days: Annotated[int, Field(ge=1, le=3650)] | None = None


class Limits(_Model):
    """Sizes and times that keep both systems and the workers unburdened.

    Args:
        batch_size: records transformed and planned together.
        rows_per_task: staged records one mapped Airflow task works off.
        overlap_minutes: how far an incremental window reaches back behind the watermark
            (Shopify: the search index lags behind the database).
        lease_seconds: how long a worker may hold a record before another takes it. A worker that lives renews its
            leases four times as often; one that died keeps its records waiting so long.
        wait_seconds: how long a task waits for records of its run that are due again soon.
        max_attempts: attempts before a record is dead-lettered.
        backoff_seconds: first wait after a failed attempt; doubles each time.
        backoff_cap_seconds: longest wait between attempts.
    """

    batch_size: Annotated[int, Field(ge=1, le=1000)] = 100
    rows_per_task: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    overlap_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    lease_seconds: Annotated[int, Field(ge=5, le=3600)] = 120
    wait_seconds: Annotated[int, Field(ge=0, le=3600)] = 300
    max_attempts: Annotated[int, Field(ge=1, le=50)] = 8
    backoff_seconds: Annotated[float, Field(gt=0, le=600)] = 5.0
    backoff_cap_seconds: Annotated[float, Field(gt=0, le=86_400)] = 1800.0


class Guard(_Model):
    """Stops a run that would delete or unlink too much at once.

    Args:
        max_share: share of the linked records, 0 to 1.
        min_records: below this number of records the guard does not act.
    """

    max_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    min_records: Annotated[int, Field(ge=0)] = 20


class Alerts(_Model):
    """When something needs a person.

    Args:
        late_after_minutes: after how long without a certified run, or with changes that are due, a flow is late.
    """

    late_after_minutes: Annotated[int, Field(ge=5, le=10_080)] = 60


class Retention(_Model):
    """How long is kept what nothing needs any more. The last write of each linked record is kept as long as the link.

    Args:
        journal_days: values, reasons and messages of what was done; numbers of outcomes are kept with the runs.
        runs_days: runs and their certificates, at least as long as the journal.
        plans_days: what plans of dry runs say about each record; a plan that is to be carried out stays whole.
        parked_days: content of records that failed; it is read anew when they are released.
        exports_days: what was put together about a person for a request.
    """

    journal_days: Annotated[int, Field(ge=14, le=3650)] = 180
    runs_days: Annotated[int, Field(ge=14, le=3650)] = 400
    plans_days: Annotated[int, Field(ge=1, le=3650)] = 90
    parked_days: Annotated[int, Field(ge=1, le=3650)] = 30
    exports_days: Annotated[int, Field(ge=1, le=365)] = 30

    @model_validator(mode="after")
    def _runs_outlive_the_journal(self) -> Retention:
        if self.runs_days < self.journal_days:
            raise ValueError("runs_days must not be less than journal_days, because the journal belongs to the runs")
        return self


Policy = Literal["shopify", "framework360", "newest", "union", "max", "most_restrictive", "ask"]
"""Who wins if both sides changed a field."""

PairId = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]
"""Name of a shop and site in the store."""

Interval = Literal[0, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440]
"""Minutes between scheduled runs: divisors of an hour or a day, so that all windows have the same length."""

DEFAULT_INTERVAL: Final = 15


class SyncSettings(_Model):
    """Everything a person may set; the Variable ``sync_settings`` holds it as JSON.

    Args:
        pair_id: name of the shop and site in the store.
        flows: which areas and directions are on.
        customers: of the customer flows.
        products: of the product flows.
        orders: of the flow of orders.
        near_real_time: how changes are told and found between the scheduled runs.
        recovery: the periodic mass import.
        limits: sizes and times.
        guard: against mass changes.
        alerts: when something needs a person.
        retention: how long is kept what nothing needs any more.
        policies: by group name of the mapping files, the policy that replaces the one written there.
        schedules: by name of a flow, the minutes between its scheduled runs; 0 leaves it to runs by hand and to what
            the systems tell of by themselves.
        require_approval: whether a flow may write only after its first plan was approved in the console.
        managed_as_code: the settings are kept in ``airflow_settings.yaml``; the console shows them and changes nothing.
    """

    pair_id: PairId = "default"
    flows: Flows = Flows()
    customers: Customers = Customers()
    products: Products = Products()
    orders: Orders = Orders()
    near_real_time: NearRealTime = NearRealTime()
    recovery: Recovery = Recovery()
    limits: Limits = Limits()
    guard: Guard = Guard()
    alerts: Alerts = Alerts()
    retention: Retention = Retention()
    policies: Mapping[str, Policy] = {}
    schedules: Mapping[str, Interval] = {}
    require_approval: bool = False
    managed_as_code: bool = False

    @field_validator("schedules")
    @classmethod
    def _flows_exist(cls, value: Mapping[str, Interval]) -> Mapping[str, Interval]:
        unknown = sorted(set(value) - {flow.name for flow in ALL_FLOWS})
        if unknown:
            raise ValueError(f"there is no flow {', '.join(unknown)}")
        return value

    def schedule_of(self, flow: Flow) -> str | None:
        """Return the cron expression (UTC) of a flow's scheduled runs, None for none."""
        minutes = self.schedules.get(flow.name, DEFAULT_INTERVAL)
        if not minutes:
            return None
        if minutes < 60:
            return f"*/{minutes} * * * *"
        return "0 0 * * *" if minutes == 1440 else f"0 */{minutes // 60} * * *"

    def retires(self, flow: Flow) -> bool:
        """Whether the counterpart of a record deleted in the source of the flow is changed, not only unlinked."""
        return flow == Flow(Entity.PRODUCT, System.SHOPIFY) and self.products.on_delete == "unpublish"

    @classmethod
    def parse(cls, text: str | None) -> SyncSettings:
        """Read settings from JSON text.

        Args:
            text: the Variable's value; None or blank means all defaults.

        Returns:
            The validated settings.

        Raises:
            SyncError: SYNC-105 naming each wrong key.
        """
        return _read(cls, text)

    @staticmethod
    def pair_id_of(text: str | None) -> str:
        """Read only the pair's name, which finds the store even where another setting is wrong.

        Args:
            text: the Variable's value; None or blank means the default.

        Raises:
            SyncError: SYNC-105 if the name itself cannot be read.
        """
        return _read(_PairName, text).pair_id


class _PairName(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    pair_id: PairId = "default"


_Read = TypeVar("_Read", bound=BaseModel)


def _read(model: type[_Read], text: str | None) -> _Read:
    if text is None or not text.strip():
        return model()
    try:
        data = json.loads(text)
    except ValueError as error:
        raise SyncError(SETTINGS_INVALID, f"sync_settings is not JSON: {error}") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(f"{place or 'sync_settings'}: {text}" for place, text in _problems(error).items())
        raise SyncError(SETTINGS_INVALID, problems) from error


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one setting.

    Args:
        field: its dotted name (``customers.outbound``); empty where the whole is meant.
        kind: of the rule it breaks, as pydantic names it: ``less_than_equal``, ``literal_error``, ``extra_forbidden``.
        text: what is wrong, in English.
        limits: of the rule: ``le``, ``ge``, ``expected``.
    """

    field: str
    kind: str
    text: str
    limits: Mapping[str, Any]


def faults_of(data: Any) -> list[Fault]:
    """Check settings before they are saved.

    Args:
        data: JSON values.

    Returns:
        Everything that is wrong, empty if nothing is.
    """
    try:
        SyncSettings.model_validate(data)
    except ValidationError as error:
        return _faults(error)
    return []


def _problems(error: ValidationError) -> dict[str, str]:
    return {fault.field: fault.text for fault in _faults(error)}


def _faults(error: ValidationError) -> list[Fault]:
    return [
        Fault(
            ".".join(str(part) for part in problem["loc"]),
            problem["type"],
            problem["msg"].removeprefix("Value error, "),
            problem.get("ctx", {}),
        )
        for problem in error.errors(include_url=False, include_input=False)
    ]


ALL_FLOWS: tuple[Flow, ...] = (
    Flow(Entity.CUSTOMER, System.SHOPIFY),
    Flow(Entity.CUSTOMER, System.FRAMEWORK360),
    Flow(Entity.PRODUCT, System.SHOPIFY),
    Flow(Entity.PRODUCT, System.FRAMEWORK360),
    Flow(Entity.ORDER, System.SHOPIFY),
)
