"""tagsAdd and tagsRemove on any taggable record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.shopify.errors import user_error
from sandbox.shopify.mutations.customer_rules import clean_tags, tag_errors
from sandbox.shopify.mutations.owners import find_owner, save
from sandbox.shopify.registry import mutation
from sandbox.shopify.shop import Context

Args = Mapping[str, Any]
_TAGGABLE = ("Customer", "Product", "Order")


def _change(context: Context, args: Args, field: str, *, add: bool) -> dict[str, Any]:
    record = find_owner(context, field, args["id"])
    if record is None or record["__typename"] not in _TAGGABLE:
        return {"node": None, "userErrors": [user_error(["id"], "Resource not found")]}
    given = clean_tags(args["tags"])
    held = record.get("tags") or []
    named = {tag.casefold() for tag in given}
    tags = clean_tags([*held, *given]) if add else [tag for tag in held if tag.casefold() not in named]
    errors = tag_errors(tags, ["tags"])
    if errors:
        return {"node": None, "userErrors": errors}
    record["tags"] = tags
    return {"node": save(context.shop, record), "userErrors": []}


@mutation("tagsAdd")
def _add(context: Context, args: Args) -> dict[str, Any]:
    return _change(context, args, "tagsAdd", add=True)


@mutation("tagsRemove")
def _remove(context: Context, args: Args) -> dict[str, Any]:
    return _change(context, args, "tagsRemove", add=False)
