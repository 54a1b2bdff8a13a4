"""Computed fields of customers, their contacts, consent and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel import Locale

from sandbox.shopify.connections import list_page
from sandbox.shopify.customer_records import address_of, display_name
from sandbox.shopify.ids import gid
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import DOMAIN, Context
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_COUNTRIES = Locale("en").territories


def address_record(customer: Record, address: Mapping[str, Any] | None) -> Record | None:
    """Return a customer's address as a MailingAddress record."""
    if address is None:
        return None
    code = address.get("countryCode")
    name = " ".join(part for part in (address.get("firstName"), address.get("lastName")) if part)
    return {
        **address,
        "__typename": "MailingAddress",
        "id": gid("MailingAddress", address["num"]),
        "name": name or None,
        "countryCodeV2": code,
        "country": _COUNTRIES.get(code, code) if code else None,
        "province": address.get("provinceCode"),
        "timeZone": None,
        "owner": customer["num"],
    }


@resolver("Customer", "displayName")
def _display_name(record: Record, _: Context, __: Args) -> str:
    return display_name(record)


@resolver("Customer", "amountSpent")
def _amount_spent(record: Record, _: Context, __: Args) -> dict[str, str]:
    return {"amount": record.get("amountSpent", "0.0"), "currencyCode": "EUR"}


@resolver("Customer", "locale")
def _locale(record: Record, _: Context, __: Args) -> str:
    return str(record.get("locale") or "it")


@resolver("Customer", "state")
def _state(record: Record, _: Context, __: Args) -> str:
    return str(record.get("state") or "DISABLED")


@resolver("Customer", "canDelete")
def _can_delete(record: Record, _: Context, __: Args) -> bool:
    return not int(record.get("numberOfOrders", 0))


@resolver("Customer", "mergeable")
def _mergeable(_: Record, __: Context, ___: Args) -> dict[str, Any]:
    return {"isMergeable": True, "errorFields": []}


@resolver("Customer", "defaultAddress")
def _default_address(record: Record, _: Context, __: Args) -> Record | None:
    return address_record(record, address_of(record, record.get("defaultAddress")))


@resolver("Customer", "addresses")
def _addresses(record: Record, _: Context, args: Args) -> list[Record | None]:
    addresses = (record.get("addresses") or [])[: min(args.get("first") or 250, 250)]
    return [address_record(record, address) for address in addresses]


@resolver("Customer", "addressesV2")
def _addresses_v2(record: Record, _: Context, args: Args) -> dict[str, Any]:
    return list_page([address_record(record, address) for address in record.get("addresses") or []], args)


@resolver("Customer", "defaultEmailAddress")
def _default_email(record: Record, _: Context, __: Args) -> Record | None:
    if not record.get("email"):
        return None
    consent = record.get("emailConsent") or {}
    return {
        "emailAddress": record["email"],
        "marketingState": consent.get("state", "NOT_SUBSCRIBED"),
        "marketingOptInLevel": consent.get("level"),
        "marketingUpdatedAt": consent.get("updatedAt"),
        "openTrackingLevel": "UNKNOWN",
        "validFormat": True,
        "marketingUnsubscribeUrl": f"https://{DOMAIN}/account/unsubscribe/{record['num']}",
    }


@resolver("Customer", "emailMarketingConsent")
def _email_consent(record: Record, _: Context, __: Args) -> Record | None:
    if not record.get("email"):
        return None
    consent = record.get("emailConsent") or {}
    return {
        "marketingState": consent.get("state", "NOT_SUBSCRIBED"),
        "marketingOptInLevel": consent.get("level"),
        "consentUpdatedAt": consent.get("updatedAt"),
    }


@resolver("Customer", "validEmailAddress")
def _valid_email(record: Record, _: Context, __: Args) -> bool:
    return bool(record.get("email"))


def _sms(record: Record) -> dict[str, Any]:
    consent = record.get("smsConsent") or {}
    return {
        "state": consent.get("state", "NOT_SUBSCRIBED"),
        "level": consent.get("level"),
        "at": consent.get("updatedAt"),
    }


def phone_number(record: Record) -> Record | None:
    """Return the CustomerPhoneNumber of a customer; the consent objects say NEVER_SUBSCRIBED for NOT_SUBSCRIBED."""
    if not record.get("phone"):
        return None
    sms = _sms(record)
    whats_app = record.get("whatsAppConsent") or {}
    collected = "OTHER" if sms["at"] else None
    return {
        "phoneNumber": record["phone"],
        "marketingState": sms["state"],
        "marketingOptInLevel": sms["level"],
        "marketingUpdatedAt": sms["at"],
        "marketingCollectedFrom": collected,
        "smsMarketingConsent": {
            "state": "NEVER_SUBSCRIBED" if sms["state"] == "NOT_SUBSCRIBED" else sms["state"],
            "optInLevel": sms["level"],
            "updatedAt": sms["at"],
            "collectedFrom": collected,
        },
        "whatsAppMarketingConsent": {
            "state": whats_app.get("state", "NEVER_SUBSCRIBED"),
            "optInLevel": whats_app.get("level"),
            "updatedAt": whats_app.get("updatedAt"),
            "collectedFrom": "OTHER" if whats_app else None,
        },
    }


@resolver("Customer", "defaultPhoneNumber")
def _default_phone(record: Record, _: Context, __: Args) -> Record | None:
    return phone_number(record)


@resolver("Customer", "smsMarketingConsent")
def _sms_consent(record: Record, _: Context, __: Args) -> Record | None:
    if not record.get("phone"):
        return None
    sms = _sms(record)
    return {
        "marketingState": sms["state"],
        "marketingOptInLevel": sms["level"] or "UNKNOWN",
        "consentUpdatedAt": sms["at"],
        "consentCollectedFrom": "OTHER" if sms["at"] else None,
    }


@resolver("MailingAddress", "formatted")
def _formatted(record: Record, _: Context, args: Args) -> list[str]:
    lines = [
        record.get("name") if args.get("withName") else None,
        record.get("company") if args.get("withCompany") else None,
    ]
    town = " ".join(part for part in (record.get("zip"), record.get("city"), record.get("provinceCode")) if part)
    lines += [record.get("address1"), record.get("address2"), town, record.get("country")]
    return [line for line in lines if line]
