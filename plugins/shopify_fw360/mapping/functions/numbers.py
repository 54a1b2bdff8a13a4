"""Functions that make numbers, flags and times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from shopify_fw360.mapping.registry import Args, Context, Example, Function, fixed, register
from shopify_fw360.mapping.values import Invalid, to_decimal, to_flag, to_integer, to_text, to_time
from shopify_fw360.records import FieldType


class Comma(Args):
    """Arguments of decimal."""

    comma: Annotated[bool, Field(description="Whether a comma is the decimal separator, as in 1.234,50.")] = False


def _decimal(args: Comma, _context: Context) -> Callable[[Any], Decimal]:
    def decimal(value: Any) -> Decimal:
        if args.comma and isinstance(value, str):
            value = value.replace(".", "").replace(",", ".")
        return to_decimal(value)

    return decimal


register(
    Function(
        "decimal",
        "An exact number.",
        None,
        FieldType.DECIMAL,
        _decimal,
        args=Comma,
        examples=[
            Example("decimal", "19.90", Decimal("19.90")),
            Example({"decimal": {"comma": True}}, "1.234,50", Decimal("1234.50")),
        ],
    )
)


class Places(Args):
    """Arguments of money."""

    places: Annotated[int, Field(ge=0, le=6)] = 2
    shorthand: ClassVar[str | None] = "places"


def _money(args: Places, _context: Context) -> Callable[[Any], Decimal]:
    quantum = Decimal(1).scaleb(-args.places)
    return lambda value: to_decimal(value).quantize(quantum, rounding=ROUND_HALF_UP)


register(
    Function(
        "money",
        "An amount, rounded half up to 2 places or to the number given.",
        None,
        FieldType.DECIMAL,
        _money,
        args=Places,
        examples=[Example("money", "19.905", Decimal("19.91")), Example({"money": 0}, "19.5", Decimal(20))],
    )
)


def positive(value: Any) -> Decimal | None:
    """Return an amount above zero, None for any other."""
    amount = to_decimal(value)
    return amount if amount > 0 else None


register(
    Function(
        "positive",
        "The amount if it is above zero, otherwise known to be empty: both systems state 0 where nobody gave a price "
        "or weight.",
        None,
        FieldType.DECIMAL,
        fixed(positive),
        examples=[Example("positive", "9.90", Decimal("9.90")), Example("positive", "0.00", None)],
    )
)
register(
    Function(
        "integer",
        "A whole number.",
        None,
        FieldType.INTEGER,
        fixed(to_integer),
        examples=[Example("integer", "7", 7), Example("integer", "7.5", Invalid)],
    )
)


class Words(Args):
    """Arguments of flag: texts that mean true or false, compared without case."""

    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()


def _flag(args: Words, _context: Context) -> Callable[[Any], bool]:
    words = {**{word.casefold(): True for word in args.true}, **{word.casefold(): False for word in args.false}}

    def flag(value: Any) -> bool:
        if isinstance(value, str):
            known = words.get(value.strip().casefold())
            if known is not None:
                return known
        return to_flag(value)

    return flag


register(
    Function(
        "flag",
        "True or false; 1, 0, true and false are understood, further words can be named.",
        None,
        FieldType.FLAG,
        _flag,
        args=Words,
        examples=[
            Example("flag", "1", result=True),
            Example({"flag": {"true": ["si"], "false": ["no"]}}, "NO", result=False),
        ],
    )
)


class Clock(Args):
    """Arguments of date."""

    zone: Annotated[str, Field(description="Time zone of texts without an offset.")] = "UTC"
    format: Annotated[str | None, Field(description="Form of the text, as in Python's strptime.")] = None
    shorthand: ClassVar[str | None] = "zone"

    @field_validator("zone")
    @classmethod
    def _exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (LookupError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value}") from None
        return value


def _date(args: Clock, _context: Context) -> Callable[[Any], datetime]:
    zone = ZoneInfo(args.zone)

    def date(value: Any) -> datetime:
        text = to_text(value).strip() if not isinstance(value, datetime) else ""
        try:
            if isinstance(value, datetime):
                moment = value
            elif args.format is not None:
                moment = datetime.strptime(text, args.format)  # noqa: DTZ007 - the zone is set below
            else:
                moment = datetime.fromisoformat(text)
            return to_time(moment if moment.tzinfo else moment.replace(tzinfo=zone))
        except (ValueError, OverflowError):
            raise Invalid("apply date", "the text is no time in the expected form") from None

    return date


register(
    Function(
        "date",
        "A time in UTC; a text without an offset is taken in the given zone.",
        None,
        FieldType.TIME,
        _date,
        args=Clock,
        examples=[
            Example({"date": "Europe/Rome"}, "2026-11-20 09:00:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
            Example({"date": {"format": "%d/%m/%Y"}}, "20/11/2026", datetime(2026, 11, 20, tzinfo=UTC)),
        ],
    )
)
