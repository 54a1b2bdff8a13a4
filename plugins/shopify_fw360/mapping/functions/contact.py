"""Functions on e-mail addresses, phone numbers and the codes of postal addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, ClassVar

import phonenumbers
from pydantic import Field, field_validator

from shopify_fw360.mapping.registry import Args, Context, Example, Function, fixed, register
from shopify_fw360.mapping.values import Invalid
from shopify_fw360.records import UNSET, FieldType

TEXT = FieldType.TEXT


def email_local_part(value: str) -> str | None:
    """Return what stands before the @ of an address, None if there is nothing."""
    return value.strip().rpartition("@")[0] or None


register(
    Function(
        "email_local_part",
        "What stands before the @.",
        TEXT,
        TEXT,
        fixed(email_local_part),
        standing_for="field:email",
        examples=[Example("email_local_part", "anna.rossi@example.com", "anna.rossi")],
    )
)

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


def _placeholder_email(_args: None, context: Context) -> Callable[[str], Any]:
    domain = context.placeholder_domain

    def placeholder_email(value: str) -> Any:
        number = value.rpartition("/")[2]
        return f"shopify-{number.lower()}@{domain}" if domain and _ID.fullmatch(number) else UNSET

    return placeholder_email


register(
    Function(
        "placeholder_email",
        "An invented address made of the record's id, if the setting customers.placeholder_email_domain gives a "
        "domain; otherwise nothing.",
        TEXT,
        TEXT,
        _placeholder_email,
        standing_for="path:id",
        needs_context=True,
        examples=[Example("placeholder_email", "gid://shopify/Customer/7", "shopify-7@no-mail.example")],
    )
)


def _omit_placeholder_email(_args: None, context: Context) -> Callable[[str], Any]:
    domain = context.placeholder_domain
    if domain is None:
        return lambda value: value
    pattern = re.compile(rf"shopify-[0-9a-z_-]{{1,64}}@{re.escape(domain)}", re.IGNORECASE)
    return lambda value: UNSET if pattern.fullmatch(value.strip()) else value


register(
    Function(
        "omit_placeholder_email",
        "Leaves the field out if the address was invented by placeholder_email.",
        TEXT,
        TEXT,
        _omit_placeholder_email,
        needs_context=True,
        examples=[
            Example("omit_placeholder_email", "shopify-7@no-mail.example", UNSET),
            Example("omit_placeholder_email", "anna@example.com", "anna@example.com"),
        ],
    )
)

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
_CALLING_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


class Phone(Args):
    """Arguments of e164."""

    country: Annotated[str | None, Field(description="Source path of the country code for national numbers.")] = None
    default: Annotated[
        str | None, Field(pattern=r"^[A-Z]{2}$", description="Country code where the record names none.")
    ] = None
    paths: ClassVar[tuple[str, ...]] = ("country",)

    @field_validator("default")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in REGIONS:
            raise ValueError(f"{value} is no country code")
        return value


_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PUNCTUATION = str.maketrans("", "", " .-()")


@dataclass(frozen=True, slots=True)
class _Numbering:
    """What the library knows about the numbers behind a country code.

    Args:
        prefix: what it may cut off (the 0 of +49 030), None if it cuts off nothing.
        abroad: how calls abroad begin there, None if unknown.
        lengths: possible lengths.
    """

    prefix: re.Pattern[str] | None
    abroad: re.Pattern[str] | None
    lengths: frozenset[int]


@cache
def _numbering(code: str) -> _Numbering:
    region = phonenumbers.region_code_for_country_code(int(code))
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    number = None if metadata is None else metadata.general_desc
    if metadata is None or number is None:
        return _Numbering(None, None, frozenset())
    prefix, abroad = metadata.national_prefix_for_parsing, metadata.international_prefix
    return _Numbering(
        None if prefix is None else re.compile(prefix),
        None if abroad is None else re.compile(abroad),
        frozenset((*number.possible_length, *number.possible_length_local_only)),
    )


@cache
def _calling_code(region: str) -> str:
    return str(phonenumbers.country_code_for_region(region))


def _plain_e164(number: str, region: str | None) -> str | None:
    """Return the E.164 form of a number that needs no parsing, None if the library has to look at it.

    Most numbers are in this form: both systems return what we wrote, and national numbers of a country without national
    prefix (Italy) only lack the country code. Parsing takes twenty times as long as this look.
    """
    compact = number.translate(_PUNCTUATION)
    if region is not None and compact.isascii() and compact.isdigit():
        code = _calling_code(region)
        numbering = _numbering(code)
        if numbering.prefix or numbering.abroad is None or compact.startswith(code) or numbering.abroad.match(compact):
            return None
        compact = f"+{code}{compact}"
    if _E164.fullmatch(compact) is None:
        return None
    width = 1 if compact[1:2] in _CALLING_CODES else 2 if compact[1:3] in _CALLING_CODES else 3
    code, national = compact[1 : 1 + width], compact[1 + width :]
    if code not in _CALLING_CODES:
        return None
    numbering = _numbering(code)
    if len(national) not in numbering.lengths or (numbering.prefix and numbering.prefix.match(national)):
        return None
    return compact


def e164(value: str, country: Any = None, default: str | None = None) -> str | None:
    """Return a phone number in E.164 form.

    Args:
        value: a number as people write it.
        country: ISO alpha-2 code of the record, for numbers without international prefix.
        default: code used where the record has no known one.

    Returns:
        ``+`` and digits; None if the text is blank.

    Raises:
        Invalid: no possible number, or a national one without a country.
    """
    number = value.strip()
    if not number:
        return None
    code = country.strip().upper() if isinstance(country, str) else ""
    region = code if code in REGIONS else default
    if number.startswith("00"):
        number = f"+{number[2:]}"
    if region is None and not number.startswith(("+", "＋")):
        raise Invalid("apply e164", "a phone number without international prefix, and no country is known")
    plain = _plain_e164(number, region)
    if plain is not None:
        return plain
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        raise Invalid("apply e164", "the text is no phone number") from None
    if not phonenumbers.is_possible_number(parsed):
        raise Invalid("apply e164", "the phone number is too long or too short for its country")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _e164(args: Phone, _context: Context) -> Callable[..., str | None]:
    return partial(e164, default=args.default)


register(
    Function(
        "e164",
        "A phone number as + and digits. National numbers take the country from a path of the record, else the "
        "default.",
        TEXT,
        TEXT,
        _e164,
        args=Phone,
        examples=[
            Example({"e164": {"country": "defaultAddress.countryCodeV2"}}, "333 123 4567", "+393331234567", ("IT",)),
            Example({"e164": {"default": "DE"}}, "(030) 123456", "+4930123456"),
            Example("e164", "0039 02 1234567", "+39021234567"),
            Example("e164", "12", Invalid),
        ],
    )
)


def country_code(value: str) -> str | None:
    """Return the ISO 3166 alpha-2 code in capitals; None for a blank text; raise Invalid for anything else."""
    code = value.strip().upper()
    if code and code not in REGIONS:
        raise Invalid("apply country_code", "no ISO 3166 country code of two letters")
    return code or None


register(
    Function(
        "country_code",
        "Checks that the text is a country code of two letters and writes it in capitals.",
        TEXT,
        TEXT,
        fixed(country_code),
        examples=[Example("country_code", "it", "IT"), Example("country_code", "Italia", Invalid)],
    )
)

_PROVINCE = re.compile(r"(?:[A-Z]{2}-)?[A-Z0-9]{1,4}")


def province_code(value: str) -> str | None:
    """Return the code of a province or state in capitals, None for a blank text; raise Invalid for a name.

    Codes that carry their country (``JP-13``) keep it (Shopify: provinceCode holds both forms).
    """
    code = value.strip().upper()
    if code and _PROVINCE.fullmatch(code) is None:
        raise Invalid("apply province_code", "no province code; a name is not accepted")
    return code or None


register(
    Function(
        "province_code",
        "Checks that the text is the code of a province or state and writes it in capitals.",
        TEXT,
        TEXT,
        fixed(province_code),
        examples=[
            Example("province_code", "mi", "MI"),
            Example("province_code", "JP-13", "JP-13"),
            Example("province_code", "Milano", Invalid),
        ],
    )
)
