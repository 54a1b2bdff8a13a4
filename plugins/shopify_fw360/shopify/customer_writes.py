"""The mutations that bring a customer from its present state to the wanted one; pure, sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shopify_fw360.errors import SHOPIFY_REJECTED, SyncError
from shopify_fw360.records import UNSET, Raw, TargetField
from shopify_fw360.shopify.answers import input_field
from shopify_fw360.shopify.fields import ADDRESS, CONSENT, SUBSCRIBED
from shopify_fw360.shopify.mutations import (
    ERRORS,
    ERRORS_WITH_CODE,
    Mutation,
    listed_field,
    metafield_mutations,
    tag_mutations,
)
from shopify_fw360.shopify.paths import METAFIELDS

CORE: Final = ("email", "phone", "firstName", "lastName", "note", "locale", "taxExempt")
CLOCK_SKEW: Final = timedelta(minutes=1)
"""How far a consent is dated back, because Shopify refuses a time in its future."""


def field_name(mutations: Sequence[Mutation], key: str, error: Mapping[str, Any]) -> str:
    """Return the field of the mapping that a user error is about.

    Args:
        mutations: that were sent.
        key: alias of the mutation that failed.
        error: the user error.
    """
    mutation = next((mutation for mutation in mutations if mutation.key == key), None)
    if mutation is not None and mutation.fields:
        return listed_field(mutation, error)
    name = input_field(error)
    for prefix in ("addresses.", "address."):
        if name.startswith(prefix):
            return ADDRESS + name.removeprefix(prefix)
    return name


def set_input(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of customerSet for a new customer: all but consent and metafields, which it cannot take."""
    given = {name: fields[name] for name in CORE if fields.get(name) not in (None, UNSET, "")}
    if fields.get("tags"):
        given["tags"] = list(fields["tags"])
    address = {name: value for name, value in _address(fields).items() if value not in (None, "")}
    if address:
        given["addresses"] = [address]
    return given


def after_set(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields customerSet cannot take and that are worth writing on a new customer."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value is not UNSET and (name == CONSENT or name.startswith(f"{METAFIELDS}."))
    }


def plan_update(
    current: Raw,
    changes: Mapping[str, Any],
    targets: Mapping[str, TargetField],
    other_id: str,
    *,
    opt_in_level: str,
    now: datetime,
) -> list[Mutation]:
    """Return the mutations for the changed fields, nothing else.

    The order matters: an e-mail is set before its consent, and mutations whose payload holds the customer come last.

    Args:
        current: the customer as read.
        changes: target field to value; None empties it.
        targets: the target fields by name, for the types of metafields.
        other_id: Framework360's id, kept as external id; written if it is missing or differs.
        opt_in_level: level stated with a subscription.
        now: aware UTC time.

    Raises:
        SyncError: SYNC-312 when a subscription is wanted for a customer without e-mail.
    """
    changes = {name: value for name, value in changes.items() if value is not UNSET}
    mutations = _address_mutations(current, changes)
    mutations += metafield_mutations(current, changes, targets, other_id)
    mutations += tag_mutations("Customer", current, changes)
    core: dict[str, Any] = {name: changes[name] for name in CORE if name in changes}
    if core:
        call = "customerUpdate(input: $customer)"
        variables = {"customer": ("CustomerInput!", {"id": current["id"], **core})}
        mutations.append(Mutation("customer", call, f"customer %s {ERRORS}", variables, reads_back="customer"))
    return mutations + _consent_mutations(current, changes, opt_in_level, now)


def _address(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(ADDRESS): value for name, value in fields.items() if name.startswith(ADDRESS)}


def _address_mutations(current: Raw, changes: Mapping[str, Any]) -> list[Mutation]:
    address = _address(changes)
    held: Mapping[str, Any] = current.get("defaultAddress") or {}
    if not held:
        address = {name: value for name, value in address.items() if value not in (None, "")}
    if not address:
        return []
    variables: dict[str, tuple[str, Any]] = {
        "id": ("ID!", current["id"]),
        "address": ("MailingAddressInput!", address),
    }
    if held:
        variables["addressId"] = ("ID!", held["id"])
        call = "customerAddressUpdate(customerId: $id, addressId: $addressId, address: $address)"
        return [Mutation("address", call, f"address {{ id }} {ERRORS}", variables)]
    call = "customerAddressCreate(customerId: $id, address: $address, setAsDefault: true)"
    return [Mutation("address", call, f"address {{ id }} {ERRORS}", variables, repeatable=False)]


def _consent_mutations(current: Raw, changes: Mapping[str, Any], opt_in_level: str, now: datetime) -> list[Mutation]:
    wanted = changes.get(CONSENT)
    if wanted is None:
        return []
    email = changes["email"] if "email" in changes else (current.get("defaultEmailAddress") or {}).get("emailAddress")
    if not email:
        if not wanted:
            return []
        # Shopify answers such a call without effect and without error.
        raise SyncError(
            SHOPIFY_REJECTED,
            "a customer without e-mail cannot be subscribed to e-mail marketing",
            record=f"customer shopify:{current['id']}",
            field=CONSENT,
            rule="consent needs an e-mail",
        )
    consent = {
        "marketingState": SUBSCRIBED if wanted else "UNSUBSCRIBED",
        "consentUpdatedAt": (now - CLOCK_SKEW).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if wanted:
        consent["marketingOptInLevel"] = opt_in_level
    value = {"customerId": current["id"], "emailMarketingConsent": consent}
    call = "customerEmailMarketingConsentUpdate(input: $consent)"
    return [
        Mutation(
            "consent",
            call,
            f"customer %s {ERRORS_WITH_CODE}",
            {"consent": ("CustomerEmailMarketingConsentUpdateInput!", value)},
            (CONSENT,),
            reads_back="customer",
        )
    ]
