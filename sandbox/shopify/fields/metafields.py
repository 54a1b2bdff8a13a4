"""Metafields of any owner, and their definitions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from sandbox.shopify.connections import list_page
from sandbox.shopify.ids import gid
from sandbox.shopify.registry import resolver
from sandbox.shopify.shop import Context, foreign_namespace
from sandbox.shopify.table import Record

Args = Mapping[str, Any]
OWNER_TYPES = {
    "Customer": "CUSTOMER",
    "Product": "PRODUCT",
    "ProductVariant": "PRODUCTVARIANT",
    "Order": "ORDER",
    "Shop": "SHOP",
    "Location": "LOCATION",
    "Collection": "COLLECTION",
}
"""Type of the owner to `MetafieldOwnerType`."""


def digest_of(metafield: Mapping[str, Any]) -> str:
    """Return the compare digest of a stored metafield: it changes with type and value."""
    return hashlib.sha256(f"{metafield['type']}\0{metafield['value']}".encode()).hexdigest()


def metafield_record(owner: Record, name: str) -> Record | None:
    """Return an owner's metafield "namespace.key" as a Metafield record."""
    stored = (owner.get("metafields") or {}).get(name)
    if stored is None:
        return None
    namespace, key = name.rsplit(".", 1)
    return {
        **stored,
        "__typename": "Metafield",
        "id": gid("Metafield", stored["num"]),
        "namespace": namespace,
        "key": key,
        "compareDigest": digest_of(stored),
        "sizeInBytes": len(stored["value"].encode()),
        "owner": owner,
        "ownerType": OWNER_TYPES.get(owner["__typename"], "SHOP"),
        "jsonValue": _json_value(stored["type"], stored["value"]),
    }


def _json_value(kind: str, value: str) -> Any:
    if kind in ("json", "number_integer", "boolean", "money") or kind.startswith("list."):
        return orjson.loads(value)
    return value


@resolver("HasMetafields", "metafield")
def _metafield(record: Record, context: Context, args: Args) -> Record | None:
    namespace = context.shop.namespace(args.get("namespace"))
    if foreign_namespace(namespace):
        return None
    return metafield_record(record, f"{namespace}.{args['key']}")


@resolver("HasMetafields", "metafields")
def _metafields(record: Record, context: Context, args: Args) -> dict[str, Any]:
    names = [name for name in record.get("metafields") or {} if not foreign_namespace(name.rsplit(".", 1)[0])]
    if args.get("namespace"):
        wanted = context.shop.namespace(args["namespace"])
        names = [name for name in names if name.rsplit(".", 1)[0] == wanted]
    if args.get("keys"):
        keys = set(args["keys"])
        names = [name for name in names if name in keys or name.rsplit(".", 1)[1] in keys]
    return list_page([metafield_record(record, name) for name in names], args)


@resolver("Metafield", "definition")
def _definition(record: Record, context: Context, _: Args) -> Record | None:
    if "key" not in record:
        return None
    return context.shop.definition(record["ownerType"], record["namespace"], record["key"])


@resolver("MetafieldDefinition", "type")
def _definition_type(record: Record, _: Context, __: Args) -> dict[str, Any]:
    return {
        "name": record.get("type", "single_line_text_field"),
        "category": "TEXT",
        "supportsDefinitionMigrations": True,
    }


@resolver("MetafieldDefinition", "capabilities")
def _capabilities(record: Record, _: Context, __: Args) -> dict[str, Any]:
    enabled = record.get("capabilities") or {}
    return {
        name: {
            "eligible": True,
            "enabled": bool(enabled.get(name)),
            "status": "FILTERABLE" if enabled.get(name) else "NOT_FILTERABLE",
        }
        for name in (
            "adminFilterable",
            "analyticsQueryable",
            "cartToOrderCopyable",
            "smartCollectionCondition",
            "uniqueValues",
        )
    }


@resolver("MetafieldDefinition", "access")
def _access(record: Record, _: Context, __: Args) -> dict[str, Any]:
    return {"customerAccount": "NONE", "storefront": "NONE", **(record.get("access") or {})}


@resolver("MetafieldDefinition", "validationStatus")
def _validation_status(_: Record, __: Context, ___: Args) -> str:
    return "ALL_VALID"
