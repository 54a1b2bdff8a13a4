"""metafieldDefinitionCreate and metafieldDefinitionUpdate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.shopify.errors import UserError, user_error
from sandbox.shopify.mutations.metafield_rules import known_type
from sandbox.shopify.mutations.owners import OWNER_SCOPES, demand
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import APP_NUMBER, Context, foreign_namespace

Args = Mapping[str, Any]
_UNIQUE_TYPES = ("id", "single_line_text_field", "number_integer", "url")
_NAME = re.compile(r"[A-Za-z0-9_-]*")


def _name_error(namespace: str, key: str, name: str) -> UserError | None:
    if foreign_namespace(namespace):
        message = "Namespace is reserved for another app."
        return user_error(["definition", "namespace"], message, "RESERVED_NAMESPACE_KEY")
    if len(namespace) < 3:
        return user_error(["definition", "namespace"], "Namespace is too short (minimum is 3 characters)", "TOO_SHORT")
    if len(namespace) > 255:
        message = "Namespace is too long (maximum is 255 characters)"
        return user_error(["definition", "namespace"], message, "TOO_LONG")
    if len(key) < 2:
        return user_error(["definition", "key"], "Key is too short (minimum is 2 characters)", "TOO_SHORT")
    if len(key) > 64:
        return user_error(["definition", "key"], "Key is too long (maximum is 64 characters)", "TOO_LONG")
    if not _NAME.fullmatch(key) or not _NAME.fullmatch(namespace):
        return user_error(["definition", "key"], "Key contains one or more invalid characters.", "INVALID_CHARACTER")
    if not name.strip():
        return user_error(["definition", "name"], "Name can't be blank", "BLANK")
    return None


def _kind_error(namespace: str, given: Mapping[str, Any], capabilities: Mapping[str, bool]) -> UserError | None:
    kind = given["type"]
    if not known_type(kind):
        return user_error(["definition", "type"], f"Type name {kind} is not a valid type.", "INCLUSION")
    if (given.get("access") or {}).get("admin") and not namespace.startswith(f"app--{APP_NUMBER}"):
        message = 'Setting this access control is not permitted. It must be one of ["public_read_write"].'
        return user_error(["definition", "access", "admin"], message, "ADMIN_ACCESS_INPUT_NOT_ALLOWED")
    if kind == "id" and capabilities.get("uniqueValues") is False:
        message = "The unique values capability is required for metafields of type id."
        return user_error(["definition", "capabilities", "uniqueValues"], message, "CAPABILITY_REQUIRED_BUT_DISABLED")
    if capabilities.get("uniqueValues") and kind not in _UNIQUE_TYPES:
        message = "The unique values capability is not available for this type."
        return user_error(["definition", "capabilities", "uniqueValues"], message, "INVALID_CAPABILITY")
    return None


@mutation("metafieldDefinitionCreate")
def _create(context: Context, args: Args) -> dict[str, Any]:
    given, shop = args["definition"], context.shop
    demand(context, "metafieldDefinitionCreate", OWNER_SCOPES.get(given["ownerType"]))
    namespace = shop.namespace(given.get("namespace"))
    capabilities = {name: entry["enabled"] for name, entry in (given.get("capabilities") or {}).items() if entry}
    error = _name_error(namespace, given["key"], given["name"]) or _kind_error(namespace, given, capabilities)
    if error is None and shop.definition(given["ownerType"], namespace, given["key"]) is not None:
        owner = given["ownerType"].capitalize()
        message = f"Key is in use for {owner} metafields on the '{namespace}' namespace."
        error = user_error(["definition", "key"], message, "TAKEN")
    if error is not None:
        return {"createdDefinition": None, "userErrors": [error]}
    if given["type"] == "id":
        capabilities["uniqueValues"] = True
    num = shop.number()
    now = shop.clock.now()
    record = {
        name: given.get(name) for name in ("ownerType", "key", "name", "description", "type", "validations", "access")
    }
    shop.definitions.put(
        {**record, "num": num, "namespace": namespace, "capabilities": capabilities, "createdAt": now, "updatedAt": now}
    )
    return {"createdDefinition": shop.definitions.get(num), "userErrors": []}


@mutation("metafieldDefinitionUpdate")
def _update(context: Context, args: Args) -> dict[str, Any]:
    given, shop = args["definition"], context.shop
    demand(context, "metafieldDefinitionUpdate", OWNER_SCOPES.get(given["ownerType"]))
    record = shop.definition(given["ownerType"], shop.namespace(given.get("namespace")), given["key"])
    if record is None:
        message = "Definition not found."
        return {"updatedDefinition": None, "userErrors": [user_error(["definition"], message, "NOT_FOUND")]}
    for name in ("name", "description", "access", "validations"):
        if given.get(name) is not None:
            record[name] = given[name]
    for name, entry in (given.get("capabilities") or {}).items():
        if name == "uniqueValues" and record["type"] == "id" and entry and not entry["enabled"]:
            message = "The unique values capability is required for metafields of type id."
            code = "CAPABILITY_REQUIRED_BUT_DISABLED"
            errors = [user_error(["definition", "capabilities", "uniqueValues"], message, code)]
            return {"updatedDefinition": None, "userErrors": errors}
        record["capabilities"] = {**(record.get("capabilities") or {}), name: bool(entry and entry["enabled"])}
    record["updatedAt"] = shop.clock.now()
    shop.definitions.put(record)
    return {"updatedDefinition": record, "userErrors": []}
