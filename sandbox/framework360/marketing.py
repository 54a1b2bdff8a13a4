"""Operations of the group "marketing"."""

from __future__ import annotations

from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.framework360.calls import Call, Context
from sandbox.framework360.store import LISTS


def _tags(context: Context, _: dict[str, Any]) -> ApiResponse:
    tags = context.store.tags()
    if context.options.tags_as == "object":
        numbered = enumerate(tags, start=1)
        return context.answers.success([{"id": context.answers.record_id(at), "nome": tag} for at, tag in numbered])
    return context.answers.success(tags)


def _lists(context: Context, _: dict[str, Any]) -> ApiResponse:
    record_id = context.answers.record_id
    return context.answers.success([{"id": record_id(found), "nome": name} for found, name in LISTS.items()])


CALLS = {
    "marketingTags": Call("read_tag", _tags),
    "marketingLists": Call("read_list", _lists),
}
