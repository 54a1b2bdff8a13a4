"""The mutations that bring a customer from its present state to the wanted one; pure, sends nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from shopify_fw360.errors import SHOPIFY_REJECTED, SyncError
from shopify_fw360.records import UNSET, Raw, TargetField
from shopify_fw360.shopify.answers import input_field
from shopify_fw360.shopify.fields import ADDRESS, APP, CONSENT, EXTERNAL_ID, EXTERNAL_ID_PATH, SUBSCRIBED
from shopify_fw360.shopify.paths import METAFIELDS, metafield_of

CORE: Final = ("email", "phone", "firstName", "lastName", "note", "locale", "taxExempt")
METAFIELDS_PER_CALL: Final = 25
"""Shopify: metafieldsSet takes at most 25 entries."""

CLOCK_SKEW: Final = timedelta(minutes=1)
"""How far a consent is dated back, because Shopify refuses a time in its future."""

_ERRORS: Final = "userErrors { field message }"
_ERRORS_WITH_CODE: Final = "userErrors { field message code }"


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mutation field of a document.

    Args:
        key: its alias.
        call: field with arguments; names the variables below.
        payload: selection of the payload; ``%s`` stands for a selection of the customer where it can be read back.
        variables: name to GraphQL type and value; mutations of one document may share one of the same value.
        fields: mapping field names by their position in a list argument, for naming user errors.
        reads_back: response key of the customer in the payload, None if it is not in it.
        repeatable: whether doing it twice does no more than doing it once.
    """

    key: str
    call: str
    payload: str
    variables: Mapping[str, tuple[str, Any]]
    fields: tuple[str, ...] = ()
    reads_back: str | None = None
    repeatable: bool = True

    def text(self, selection: str | None) -> str:
        """Return the field, reading the customer back with the given selection."""
        customer = f"{{ {selection or 'id'} }}"
        payload = self.payload.replace("%s", customer)
        return f"{self.key}: {self.call} {{ {payload} }}"


def document(name: str, mutations: Sequence[Mutation], selection: str) -> str:
    """Return the text of one operation; its last mutation that can reads the customer back.

    Args:
        name: of the operation.
        mutations: at least one, in the order Shopify shall do them.
        selection: what is read back of the customer.
    """
    reader = reading(mutations)
    declared = {name: kind for mutation in mutations for name, (kind, _) in mutation.variables.items()}
    head = ", ".join(f"${variable}: {kind}" for variable, kind in declared.items())
    body = " ".join(mutation.text(selection if mutation is reader else None) for mutation in mutations)
    return f"mutation {name}({head}) {{ {body} }}"


def reading(mutations: Sequence[Mutation]) -> Mutation | None:
    """Return the mutation whose payload holds the final state: the last one, if its payload has the customer."""
    return mutations[-1] if mutations and mutations[-1].reads_back else None


def field_name(mutations: Sequence[Mutation], key: str, error: Mapping[str, Any]) -> str:
    """Return the field of the mapping that a user error is about.

    Args:
        mutations: that were sent.
        key: alias of the mutation that failed.
        error: the user error.
    """
    mutation = next((mutation for mutation in mutations if mutation.key == key), None)
    if mutation is not None and mutation.fields:
        places = [int(part) for part in error.get("field") or () if str(part).isdigit()]
        if len(mutation.fields) == 1:
            return mutation.fields[0]
        return mutation.fields[places[0]] if places and places[0] < len(mutation.fields) else METAFIELDS
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
    mutations += _metafield_mutations(current, changes, targets, other_id)
    mutations += _tag_mutations(current, changes)
    core: dict[str, Any] = {name: changes[name] for name in CORE if name in changes}
    if core:
        call = "customerUpdate(input: $customer)"
        variables = {"customer": ("CustomerInput!", {"id": current["id"], **core})}
        mutations.append(Mutation("customer", call, f"customer %s {_ERRORS}", variables, reads_back="customer"))
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
        return [Mutation("address", call, f"address {{ id }} {_ERRORS}", variables)]
    call = "customerAddressCreate(customerId: $id, address: $address, setAsDefault: true)"
    return [Mutation("address", call, f"address {{ id }} {_ERRORS}", variables, repeatable=False)]


def _metafield_mutations(
    current: Raw, changes: Mapping[str, Any], targets: Mapping[str, TargetField], other_id: str
) -> list[Mutation]:
    owner = current["id"]
    wanted = {name: value for name, value in changes.items() if name.startswith(f"{METAFIELDS}.")}
    wanted.pop(EXTERNAL_ID_PATH, None)
    entries: list[tuple[str, dict[str, Any]]] = []
    gone: list[tuple[str, dict[str, Any]]] = []
    if (current.get(METAFIELDS) or {}).get(APP, {}).get(EXTERNAL_ID) != other_id:
        identity = {"ownerId": owner, "namespace": APP, "key": EXTERNAL_ID, "type": "id", "value": other_id}
        entries.append((EXTERNAL_ID_PATH, identity))
    for name, value in wanted.items():
        namespace, key = metafield_of(name)
        place = {"ownerId": owner, "namespace": namespace, "key": key}
        if value in (None, "", ()):
            gone.append((name, place))
        else:
            kind = targets[name].metafield_type
            entries.append((name, {**place, "type": kind, "value": metafield_text(value, kind)}))
    mutations = []
    if gone:
        variables = {"gone": ("[MetafieldIdentifierInput!]!", [place for _, place in gone])}
        names = tuple(name for name, _ in gone)
        call = "metafieldsDelete(metafields: $gone)"
        mutations.append(Mutation("metafieldsDelete", call, f"deletedMetafields {{ key }} {_ERRORS}", variables, names))
    for start in range(0, len(entries), METAFIELDS_PER_CALL):
        part = entries[start : start + METAFIELDS_PER_CALL]
        variable = f"metafields{start // METAFIELDS_PER_CALL}"
        variables = {variable: ("[MetafieldsSetInput!]!", [entry for _, entry in part])}
        names = tuple(name for name, _ in part)
        call = f"metafieldsSet(metafields: ${variable})"
        mutations.append(Mutation(variable, call, f"metafields {{ id }} {_ERRORS_WITH_CODE}", variables, names))
    return mutations


def metafield_text(value: Any, kind: str | None) -> str:
    """Return a value as the text a metafield of the given type holds (Shopify: all values are texts)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if (kind == "json" or (kind or "").startswith("list.")) and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _tag_mutations(current: Raw, changes: Mapping[str, Any]) -> list[Mutation]:
    if "tags" not in changes:
        return []
    held = {str(tag).strip().casefold(): str(tag) for tag in current.get("tags") or ()}
    wanted = {str(tag).strip().casefold(): str(tag).strip() for tag in changes["tags"] or () if str(tag).strip()}
    # Only the difference: tags the merchant adds between our reading and our writing survive.
    added = [tag for folded, tag in wanted.items() if folded not in held]
    removed = [tag for folded, tag in held.items() if folded not in wanted]
    mutations = []
    for key, call, tags in (("tagsRemove", "tagsRemove", removed), ("tagsAdd", "tagsAdd", added)):
        if tags:
            text = f"{call}(id: $id, tags: ${key})"
            variables = {"id": ("ID!", current["id"]), key: ("[String!]!", tags)}
            payload = f"node {{ ... on Customer %s }} {_ERRORS}"
            mutations.append(Mutation(key, text, payload, variables, ("tags",), reads_back="node"))
    return mutations


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
            f"customer %s {_ERRORS_WITH_CODE}",
            {"consent": ("CustomerEmailMarketingConsentUpdateInput!", value)},
            (CONSENT,),
            reads_back="customer",
        )
    ]
