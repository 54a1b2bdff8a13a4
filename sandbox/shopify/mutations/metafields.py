"""metafieldsSet (all or nothing) and metafieldsDelete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.fields.metafields import metafield_record
from sandbox.shopify.mutations.metafield_rules import check_metafield, store_metafield
from sandbox.shopify.mutations.owners import find_owner, save
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context, foreign_namespace
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
MAX_ENTRIES = 25


def _failed(errors: list[UserError]) -> dict[str, Any]:
    return {"metafields": None, "userErrors": errors}


@mutation("metafieldsSet")
def _set(context: Context, args: Args) -> dict[str, Any]:
    entries = args["metafields"]
    if len(entries) > MAX_ENTRIES:
        message = f"Exceeded the maximum metafields input limit of {MAX_ENTRIES}."
        return _failed([user_error(["metafields"], message, "LESS_THAN_OR_EQUAL_TO")])
    owners: dict[str, Record] = {}
    errors: list[UserError] = []
    written: list[tuple[str, str]] = []
    for index, given in enumerate(entries):
        field = ["metafields", str(index)]
        owner = owners.get(given["ownerId"]) or find_owner(context, "metafieldsSet", given["ownerId"])
        if owner is None:
            errors.append({**user_error([*field, "ownerId"], "Owner does not exist."), "elementIndex": index})
            continue
        owners[given["ownerId"]] = owner
        found, name, kind, unique = check_metafield(context.shop, owner, given, field)
        if found:
            errors += [{**error, "elementIndex": index} for error in found]
            continue
        store_metafield(context.shop, owner, name, kind, given["value"], unique=unique)
        written.append((given["ownerId"], name))
    errors = errors or _shared_values(owners)
    if errors:
        return _failed(errors)
    saved = {gid: save(context.shop, owner) for gid, owner in owners.items()}
    return {"metafields": [metafield_record(saved[gid], name) for gid, name in written], "userErrors": []}


def _shared_values(owners: Mapping[str, Record]) -> list[UserError]:
    """Two owners of one call may not take the same unique value either."""
    seen: set[tuple[str, str]] = set()
    for owner in owners.values():
        for name, stored in (owner.get("metafields") or {}).items():
            if stored.get("unique") and (name, stored["value"]) in seen:
                return [user_error(["metafields"], "Value has already been taken.", "TAKEN")]
            if stored.get("unique"):
                seen.add((name, stored["value"]))
    return []


@mutation("metafieldsDelete")
def _delete(context: Context, args: Args) -> dict[str, Any]:
    """Delete metafields; one that is not there comes back as null without an error."""
    deleted: list[dict[str, Any] | None] = []
    for index, given in enumerate(args["metafields"]):
        owner = find_owner(context, "metafieldsDelete", given["ownerId"])
        namespace = context.shop.namespace(given["namespace"])
        if foreign_namespace(namespace):
            message = "Access to this namespace and key on Metafields for this resource type is not allowed."
            return {"deletedMetafields": None, "userErrors": [user_error(["metafields", str(index)], message)]}
        stored = dict((owner or {}).get("metafields") or {})
        if owner is None or stored.pop(f"{namespace}.{given['key']}", None) is None:
            deleted.append(None)
            continue
        owner["metafields"] = stored
        save(context.shop, owner)
        deleted.append({"ownerId": given["ownerId"], "namespace": namespace, "key": given["key"]})
    return {"deletedMetafields": deleted, "userErrors": []}
