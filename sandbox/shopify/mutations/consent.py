"""Marketing consent by e-mail, SMS and WhatsApp.

Shopify: writable are SUBSCRIBED (opt-in level required), UNSUBSCRIBED and PENDING (with CONFIRMED_OPT_IN only); a time
in the future is refused; on a customer without an e-mail address nothing happens and no error comes; SMS and WhatsApp
need a phone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.fields.customers import phone_number
from sandbox.shopify.ids import number_of
from sandbox.shopify.mutations.writing import save_customer
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context, Shop
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
_STORED = {
    "emailMarketingConsent": "emailConsent",
    "smsMarketingConsent": "smsConsent",
    "whatsAppMarketingConsent": "whatsAppConsent",
}
_WRITABLE = ("SUBSCRIBED", "UNSUBSCRIBED", "PENDING")


def _read(given: Mapping[str, Any]) -> tuple[str, str | None, int | None]:
    """Return state, opt-in level and time of any of the three inputs."""
    state = given.get("marketingState") or given["state"]
    return (
        str(state),
        given.get("marketingOptInLevel") or given.get("optInLevel"),
        given.get("consentUpdatedAt") or given.get("updatedAt"),
    )


def consent_errors(shop: Shop, kind: str, given: Mapping[str, Any], field: list[str]) -> list[UserError]:
    """Return what is wrong with a consent input of this kind ("emailMarketingConsent" ...)."""
    state, level, at = _read(given)
    state_field, level_field, time_field = (
        ("state", "optInLevel", "updatedAt")
        if kind.startswith("whatsApp")
        else ("marketingState", "marketingOptInLevel", "consentUpdatedAt")
    )
    if state not in _WRITABLE:
        return [user_error([*field, state_field], f"Cannot specify {state} as a marketing state input")]
    if state == "SUBSCRIBED" and level is None:
        message = "Marketing opt in level must be provided if marketing state is subscribed"
        return [user_error([*field, level_field], message, "MISSING_ARGUMENT")]
    if state == "PENDING" and level != "CONFIRMED_OPT_IN":
        message = "Marketing opt in level must be confirmed opt-in for pending consent state"
        return [user_error([*field, level_field], message)]
    if at is not None and at > shop.clock.now():
        return [user_error([*field, time_field], "Consent updated at must not be in the future")]
    return []


def set_consent(shop: Shop, record: Record, kind: str, given: Mapping[str, Any]) -> None:
    """Write a checked consent input into a customer."""
    state, level, at = _read(given)
    stored = _STORED[kind]
    if level is None:
        level = (record.get(stored) or {}).get("level")
    record[stored] = {"state": state, "level": level, "updatedAt": at if at is not None else shop.clock.now()}


def _customer(context: Context, gid: str) -> Record | None:
    number = number_of(gid, "Customer")
    return None if number is None else context.shop.customers.get(number)


@mutation("customerEmailMarketingConsentUpdate")
def _email(context: Context, args: Args) -> dict[str, Any]:
    given = args["input"]
    record = _customer(context, given["customerId"])
    if record is None:
        return {"customer": None, "userErrors": [user_error(["input", "customerId"], "Customer not found")]}
    kind = "emailMarketingConsent"
    errors = consent_errors(context.shop, kind, given[kind], ["input", kind])
    if errors:
        return {"customer": None, "userErrors": errors}
    if record.get("email"):
        set_consent(context.shop, record, kind, given[kind])
        record = save_customer(context.shop, record)
    return {"customer": record, "userErrors": []}


@mutation("customerSmsMarketingConsentUpdate")
def _sms(context: Context, args: Args) -> dict[str, Any]:
    given = args["input"]
    record = _customer(context, given["customerId"])
    if record is None:
        return {"customer": None, "userErrors": [user_error(["input", "customerId"], "Customer not found")]}
    kind = "smsMarketingConsent"
    errors = consent_errors(context.shop, kind, given[kind], ["input", kind])
    if not record.get("phone"):
        message = "A phone number is required to set the SMS consent state."
        errors.append(user_error(["input", kind], message))
    if errors:
        return {"customer": None, "userErrors": errors}
    set_consent(context.shop, record, kind, given[kind])
    return {"customer": save_customer(context.shop, record), "userErrors": []}


@mutation("customerWhatsAppMarketingConsentUpdate")
def _whats_app(context: Context, args: Args) -> dict[str, Any]:
    given = args["input"]
    record = _customer(context, given["customerId"])
    if record is None:
        return {"customerPhoneNumber": None, "userErrors": [user_error(["input", "customerId"], "Customer not found")]}
    kind = "whatsAppMarketingConsent"
    consent = given[kind]
    errors = consent_errors(context.shop, kind, consent, ["input", kind])
    if not record.get("phone"):
        errors.append(user_error(["input", kind], "A phone number is required to set the WhatsApp consent state."))
    if errors:
        return {"customerPhoneNumber": None, "userErrors": errors}
    set_consent(context.shop, record, kind, consent)
    return {"customerPhoneNumber": phone_number(save_customer(context.shop, record)), "userErrors": []}
