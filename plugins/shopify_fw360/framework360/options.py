"""Options of a Framework360 site: the assumption register of the contract as the extra of its connection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.framework360 import wire


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _known_calls(value: Mapping[str, Any]) -> Mapping[str, Any]:
    unknown = sorted(set(value) - set(wire.CALLS))
    if unknown:
        raise ValueError(f"unknown call {', '.join(unknown)}; known: {', '.join(sorted(wire.CALLS))}")
    return value


BodyEncoding = Literal["json", "form"]


class Encoding(_Model):
    """How bodies are written (A-ENC).

    Args:
        post: encoding of all writing calls.
        calls: exceptions by call path, for example ``{"customers/update": "form"}``.
    """

    post: BodyEncoding = "json"
    calls: Mapping[str, BodyEncoding] = {}

    _calls_exist = field_validator("calls")(_known_calls)

    def of(self, call: wire.Call) -> BodyEncoding:
        """Encoding of one call."""
        return self.calls.get(call.path, self.post)


class Errors(_Model):
    """How the site names its errors (A-ERR).

    Args:
        table: the site's code or the beginning of its text, compared without case and punctuation, to a code of
            `wire.ERRORS`, for example ``{"Elemento non trovato": "not_found"}``.
    """

    table: Mapping[str, str] = {}

    @field_validator("table")
    @classmethod
    def _codes_exist(cls, table: Mapping[str, str]) -> Mapping[str, str]:
        unknown = sorted(set(table.values()) - set(wire.ERRORS))
        if unknown:
            raise ValueError(f"unknown code {', '.join(unknown)}; known: {', '.join(wire.ERRORS)}")
        return table


class Keys(_Model):
    """Names of the functions on the site's key checklist (A-FUNC).

    Args:
        functions: function by call path, where it differs from `wire.Call.function`.
    """

    functions: Mapping[str, str] = {}

    _calls_exist = field_validator("functions")(_known_calls)

    def of(self, call: wire.Call) -> str | None:
        """Function that the call needs, None for none."""
        return self.functions.get(call.path, call.function)


class Limits(_Model):
    """How hard the site may be worked (A-RATE; Framework360 documents no limits).

    Args:
        requests_per_second: steady rate, for all clients of the site in one process.
        in_flight: requests open at the same time, for all clients of the site in one process.
        timeout: seconds to wait for a connection, and for each piece of a reply; a whole reply may take twice as long.
        slow_timeout: the same for calls during which the site fetches images.
        tries: attempts of one call.
        backoff: seconds before the second attempt; doubles each time, with jitter.
        backoff_cap: longest wait in seconds; if the site asks for more, the call is handed back to the queue.
    """

    requests_per_second: Annotated[float, Field(gt=0, le=10_000)] = 2.0
    in_flight: Annotated[int, Field(ge=1, le=64)] = 1
    timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    slow_timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
    tries: Annotated[int, Field(ge=1, le=20)] = 5
    backoff: Annotated[float, Field(ge=0, le=60)] = 1.0
    backoff_cap: Annotated[float, Field(ge=0, le=600)] = 60.0


class Paging(_Model):
    """How lists are read (A-PAGE).

    Args:
        first: number of the first page.
        size: rows asked for; the site may give fewer.
        max_pages: pages after which a list is taken for endless.
        items_path: keys that lead from the reply to the rows, joined by dots.
        passes: how often a list is read in one scan; 2 finds rows that slipped past because others were deleted.
    """

    first: Annotated[int, Field(ge=0, le=1)] = 1
    size: Annotated[int, Field(ge=1, le=1000)] = 100
    max_pages: Annotated[int, Field(ge=1)] = 20_000
    items_path: Annotated[str, Field(pattern=r"^[^.]+(\.[^.]+)*$")] = wire.DATA
    passes: Annotated[int, Field(ge=1, le=3)] = 1


class Site(_Model):
    """What the site is like (A-SITE, A-DATE).

    Args:
        timezone: zone in which the site writes its times, which carry no offset.
        currency: ISO code; None takes the site's own setting.
        prices_include_tax: whether entered prices include tax; None takes the site's own setting.
        allow_vendor_plugin: run although the vendor's own Shopify plugin is active.
    """

    timezone: str = "Europe/Rome"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    prices_include_tax: bool | None = None
    allow_vendor_plugin: bool = False

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name} is no IANA time zone such as Europe/Rome") from error
        return name


class Formats(_Model):
    """How values are written as text (A-DATE, A-MONEY).

    Args:
        datetime: `strptime` pattern of the site's times; ISO 8601 is understood besides.
        money: decimal separator of amounts that come as text.
    """

    datetime: str = "%Y-%m-%d %H:%M:%S"
    money: Literal["dot", "comma"] = "dot"


class Lookup(_Model):
    """Keys of the entries of look-up lists (A-LOOKUP).

    Args:
        id_key: key of an entry's id.
        name_key: key of its name.
    """

    id_key: str = wire.ID
    name_key: str = "nome"


UpdateExtra = Literal["tags", "marketing_list", "marketing_active"]


class CustomerOptions(_Model):
    """How customers are written.

    Args:
        update_billing: address and billing data flat, as billing object, or both (A-CUST-BILLING).
        update_extra: which of the undocumented fields are sent on update (A-CUST-UPDATE).
        allow_registration_upsert: write fields that an update does not take by registering the customer again
            (A-REG-UPSERT); it sends a password, which may replace the customer's own.
        external_id_field: key in ``extraFields`` that keeps the Shopify id, None for none.
    """

    update_billing: Literal["flat", "object", "both"] = "both"
    update_extra: tuple[UpdateExtra, ...] = ("tags", "marketing_list", "marketing_active")
    allow_registration_upsert: bool = False
    external_id_field: Annotated[str, Field(min_length=1)] | None = None


class ProductOptions(_Model):
    """How products are written (A-PROD).

    Args:
        write: whether products may be written at all; off until somebody has tried it on the site, because Framework360
            documents no product calls.
        external_id_field: key in ``extraFields`` that keeps the Shopify id, None for none.
    """

    write: bool = False
    external_id_field: Annotated[str, Field(min_length=1)] | None = "shopify_id"


class OrderOptions(_Model):
    """How sales are written.

    Args:
        cart_price: meaning of the price of a custom line, of one unit or of the whole line (A-CART-PRICE).
        total_tolerance: largest difference between the site's total and Shopify's, per sale where prices include tax,
            per line where they do not (A-TOTALS).
        ensure_customer: register a buyer whom the site does not know (A-ORDER-USER).
    """

    cart_price: Literal["unit", "line"] = "unit"
    total_tolerance: Annotated[Decimal, Field(ge=0, le=1)] = Decimal("0.01")
    ensure_customer: bool = True


class Marketing(_Model):
    """Marketing lists of a site that does not tell them (A-MLISTS).

    Args:
        lists: name by list id.
    """

    lists: Mapping[str, str] = {}


class Readback(_Model):
    """How writes are verified (A-READBACK).

    Args:
        tries: writes of a field before it counts as not writable on this site.
        wait: seconds between a write that did not read back and its repetition.
    """

    tries: Annotated[int, Field(ge=1, le=5)] = 2
    wait: Annotated[float, Field(ge=0, le=30)] = 0.0


PagePath = Annotated[str, Field(pattern=r"^/([^/\s\\][^\s\\]*)?$")]


class SiteOptions(_Model):
    """Everything a person may set about one Framework360 site.

    Args:
        pages: by entity the path of a record's page in the back office, with ``{id}`` for its number; nothing about
            these paths is documented, so without an entry the console links to nothing.
    """

    encoding: Encoding = Encoding()
    errors: Errors = Errors()
    keys: Keys = Keys()
    limits: Limits = Limits()
    paging: Paging = Paging()
    site: Site = Site()
    formats: Formats = Formats()
    lookup: Lookup = Lookup()
    customers: CustomerOptions = CustomerOptions()
    products: ProductOptions = ProductOptions()
    orders: OrderOptions = OrderOptions()
    marketing: Marketing = Marketing()
    readback: Readback = Readback()
    capabilities: Mapping[wire.Capability, wire.Switch] = {}
    pages: Mapping[Literal["customer", "product", "order"], PagePath] = {}

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of the site."""
        return ZoneInfo(self.site.timezone)

    @classmethod
    def parse(cls, extra: str | Mapping[str, Any] | None) -> SiteOptions:
        """Read options from a connection's extra.

        Args:
            extra: JSON text or the decoded object; None or blank means all defaults.

        Returns:
            The validated options.

        Raises:
            SyncError: SYNC-106 naming each wrong key.
        """
        if isinstance(extra, str):
            try:
                extra = json.loads(extra) if extra.strip() else None
            except ValueError as error:
                raise _invalid(f"the extra is not JSON: {error}") from error
        if extra is None:
            return cls()
        try:
            return cls.model_validate(extra)
        except ValidationError as error:
            problems = (
                f"{'.'.join(map(str, problem['loc'])) or 'extra'}: {_explain(problem['type'], problem['msg'])}"
                for problem in error.errors(include_url=False, include_input=False)
            )
            raise _invalid("; ".join(problems)) from error


def _explain(kind: str, message: str) -> str:
    return "this option does not exist" if kind == "extra_forbidden" else message


def _invalid(problem: str) -> SyncError:
    return SyncError(CONNECTION_INVALID, f"connection framework360_default: {problem}", rule="site options")
